"""What a metric is: its two halves, its options, the cells and periods it counts in.

``metric``
    The query, and a metric as counting where the data live and estimating on the small table.
``options``
    What a metric lets its user choose: names, defaults, checks.
``group_columns``
    Group columns: the user's names outside, neutral names inside.
``cell_estimates``
    Shares with intervals, running periods, one cell as an estimate.
``periods``
    Periods up to the data cut, which of them had ended, and how many days they have.
``company_events``
    Declared events of the whole company, for pictures and sentences.
``example_study``
    The small study that docstrings compute with.
"""
