"""How a period is written."""

from __future__ import annotations

from datetime import datetime, timedelta


def period_label(start: datetime, every: str) -> str:
    """Return the name of the period that starts on a date.

    Parameters
    ----------
    start : datetime
        First day of the period.
    every : {"day", "week", "month", "quarter", "year"}
        Its length; weeks go by their Monday.

    Examples
    --------
    >>> period_label(datetime(2024, 4, 1), "quarter"), period_label(datetime(2024, 4, 1), "week")
    ('2024 Q2', 'week of 2024-04-01')
    """
    if every == "quarter":
        return f"{start:%Y} Q{(start.month + 2) // 3}"
    form = {"year": "%Y", "month": "%Y-%m", "week": "week of %Y-%m-%d"}.get(every, "%Y-%m-%d")
    return start.strftime(form)


def label_before(start: datetime, every: str) -> str:
    """Return the name of the period right before the one that starts on a date.

    Examples
    --------
    >>> label_before(datetime(2024, 1, 1), "month"), label_before(datetime(2024, 1, 1), "quarter")
    ('2023-12', '2023 Q4')
    """
    if every == "week":
        return period_label(start - timedelta(days=7), every)
    return period_label(start - timedelta(days=1), every)
