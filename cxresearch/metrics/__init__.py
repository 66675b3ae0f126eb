"""Metrics of the trade, by any group and period, on any engine.

A module imports only from rooms further up this list, and no chain of imports is longer than six modules.

``base``
    What a metric is.
``survey``, ``revenue``, ``support``, ``usage``, ``returns``
    One family each: count on the engine, estimate on the small table, name the metrics.
``economics``
    What customers cost and are worth.
``tables``
    Any metric by name: a number, a table, what moved, a scorecard.
"""
