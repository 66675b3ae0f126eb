"""Pictures of results: ``plot(result)`` draws what a result holds and computes nothing."""
