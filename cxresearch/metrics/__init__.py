"""Metrics of the trade, by any group and period, on any engine."""
