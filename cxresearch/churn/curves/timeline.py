"""Customers on a line of time: when each left, how, and from when they were under observation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import days_between
from cxresearch.errors import ArgumentError, StudyError

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.study import Study


def carried(position: int) -> str:
    """Return the neutral name under which a column of the user travels, whatever it is called at home."""
    return f"carried_{position}"


def timeline(study: Study, *, dated: str = "end", carry: Sequence[str] = ()) -> nw.LazyFrame[Any]:
    """Customers with duration (days from start to end or data cut) and event (0, 1 voluntary, 2 involuntary).

    Parameters
    ----------
    study : Study
        Needs ``customers``. An end after the data cut has not happened; an end without ``end_kind`` counts as
        voluntary.
    dated : {"end", "notice"}
        Whether a customer leaves at ``ended_at`` or, where known and earlier, at ``notice_at``.
    carry : sequence of str
        Columns of customers to hand on, under the names that :func:`carried` gives them.

    Returns
    -------
    LazyFrame
        customer_id, started_at, left_at, duration, event, and the columns carried.

    Raises
    ------
    ArgumentError
        If customers have no such column.
    StudyError
        If no column says who left.
    """
    people = study.table("customers")
    columns = people.collect_schema().names()
    lost = [name for name in carry if name not in columns]
    if lost:
        raise ArgumentError(
            f"there is no column {lost[0]!r}",
            where=study.name or "customers",
            wanted="one of " + ", ".join(map(repr, columns)),
        )
    if carry:
        people = people.with_columns(**{carried(place): nw.col(name) for place, name in enumerate(carry)})
    cut = nw.lit(study.observed_until)
    if "ended_at" not in columns:
        raise StudyError(
            "customers have no column ended_at, so nobody can be seen to leave",
            wanted="ended_at, empty for those still there",
            next_step="map it in the study file; of a list of who left with rows = 'leavers'",
        )
    left = nw.col("ended_at")
    if dated == "notice" and "notice_at" in columns:
        notice = nw.col("notice_at")
        # Whoever gave notice has decided to leave: what they say later is no predictor.
        sooner = ~notice.is_null() & (left.is_null() | (notice < left))
        left = nw.when(sooner).then(notice).otherwise(left)
    forced = nw.lit(False)
    if "end_kind" in columns:
        forced = nw.col("end_kind") == "involuntary"
    people = people.with_columns(left_at=left, _forced=forced)
    # An end after the data cut has not happened yet.
    happened = ~nw.col("left_at").is_null() & (nw.col("left_at") <= cut)
    code = nw.when(nw.col("_forced")).then(nw.lit(2)).otherwise(nw.lit(1))
    return (
        people.with_columns(
            event=nw.when(happened).then(code).otherwise(nw.lit(0)),
            left_at=nw.when(happened).then(nw.col("left_at")).otherwise(cut),
        )
        .with_columns(duration=days_between(nw.col("started_at"), nw.col("left_at")))
        .select(
            *("customer_id", "started_at", "left_at", "duration", "event"),
            *(carried(place) for place in range(len(carry))),
        )
    )


def as_day(value: date | str) -> datetime:
    """Return the day from which ends are recorded, as midnight."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ArgumentError(f"observed_from is {value!r}", wanted="a day such as '2023-01-01'") from None
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day)


def under_observation(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out customers who left before they could be observed, and say how many."""
    # Gone before anybody recorded ends: they could not have been seen to stay.
    never = table["duration"] <= table["entry"]
    if not never.any():
        return table, ()
    lost = int(table.loc[never, "count"].sum())
    return table[~never], (f"{lost:,} customers left before they were under observation and are left out",)
