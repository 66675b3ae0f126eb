"""Metrics of surveys, revenue and support, drawn."""
