"""Reports: parameters, run, publish, history."""
