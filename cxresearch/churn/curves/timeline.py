"""Customers on a line of time: when each left, how, and from when they were under observation."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import days_between
from cxresearch.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.study import Study


def timeline(study: Study, *, dated: str = "end") -> nw.LazyFrame[Any]:
    """Customers with duration (days from start to end or data cut) and event (0, 1 voluntary, 2 involuntary).

    Parameters
    ----------
    study : Study
        Needs ``customers``. An end after the data cut has not happened; an end without ``end_kind`` counts as
        voluntary.
    dated : {"end", "notice"}
        Whether a customer leaves at ``ended_at`` or, where known and earlier, at ``notice_at``.

    Returns
    -------
    LazyFrame
        The columns of customers, and left_at, duration, event.
    """
    people = study.table("customers")
    columns = people.collect_schema().names()
    cut = nw.lit(study.observed_until)
    if "ended_at" not in columns:
        never = nw.when(nw.col("started_at").is_null()).then(nw.col("started_at"))
        people = people.with_columns(ended_at=never)
    left = nw.col("ended_at")
    if dated == "notice" and "notice_at" in columns:
        notice = nw.col("notice_at")
        sooner = ~notice.is_null() & (left.is_null() | (notice < left))
        left = nw.when(sooner).then(notice).otherwise(left)
    forced = nw.col("end_kind") == "involuntary" if "end_kind" in columns else nw.lit(False)
    people = people.with_columns(left_at=left, _forced=forced)
    happened = ~nw.col("left_at").is_null() & (nw.col("left_at") <= cut)
    code = nw.when(nw.col("_forced")).then(nw.lit(2)).otherwise(nw.lit(1))
    return (
        people.with_columns(
            event=nw.when(happened).then(code).otherwise(nw.lit(0)),
            left_at=nw.when(happened).then(nw.col("left_at")).otherwise(cut),
        )
        .with_columns(duration=days_between(nw.col("started_at"), nw.col("left_at")))
        .drop("_forced")
    )


def as_day(value: date | str) -> datetime:
    """Return the day from which ends are recorded, as midnight."""
    try:
        day = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ArgumentError(f"observed_from is {value!r}", wanted="a day such as '2023-01-01'") from None
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)


def under_observation(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out customers who left before they could be observed, and say how many."""
    never = table["duration"] <= table["entry"]
    if not never.any():
        return table, ()
    lost = int(table.loc[never, "count"].sum())
    return table[~never], (f"{lost:,} customers left before they were under observation and are left out",)
