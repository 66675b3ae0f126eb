"""Customers on a day: what was known by then and what followed; the only join of scores to the future.

``landmark``
    One row for each customer and landmark.
``landmarks``
    The rows, as a result.
``landmark_checks``
    What is required of rows that users bring.
``landmark_dates``
    Which days.
``landmark_rows``
    Scores, features and outcomes of one day.
``landmark_outcomes``
    What may follow besides leaving, who can have it, and when it happened.
``followed_outcome``
    Whether each row has the outcome it follows; refusals where only leaving makes sense.
``landmark_features``
    Features from what was known by then.
``known_by_then``
    A study as it was known on a day.
``outcome_columns``
    Columns that state the outcome, by their values or their name.
``timing_flags``
    Rows whose timing is suspicious.
"""
