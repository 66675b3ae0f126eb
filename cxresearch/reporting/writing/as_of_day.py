"""A study as it was known at the end of an earlier day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.errors import DataError

if TYPE_CHECKING:
    from cxresearch.data.study import Study

#: The time that makes a row of each table known.
_KNOWN_AT = {
    "customers": "started_at",
    "revenue": "effective_at",
    "tickets": "created_at",
    "usage": "used_at",
    "orders": "ordered_at",
    "events": "occurred_at",
}
#: Times that come later, each with the columns that are known from it on only.
_LATER = {
    "customers": {"notice_at": (), "ended_at": ("end_kind", "reason")},
    "tickets": {"first_replied_at": (), "resolved_at": ("status",)},
}
_OF_AN_ANSWER = ("score", "comment", "reason", "responded_at")


def as_of_day(study: Study, day: date | None) -> Study:
    """Return a study as it was known at the end of a day: a missed night, last month, a back-fill.

    Parameters
    ----------
    study : Study
    day : date or None
        A local day of the study. None, or a day that the data do not reach, leaves the study as it is.

    Returns
    -------
    Study
        Rows of later days are gone; ends, replies, resolutions and answers that came later have not happened.
        Segments, and further columns, are those of today: what they were then is not recorded.

    Raises
    ------
    DataError
        If no row is as old as that day.
    """
    if day is None:
        return study
    # The day counts to its last instant: midnight is the next day, as a date without a clock is its midnight.
    end = pd.Timestamp(day) + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    cut = end.tz_localize(study.timezone).tz_convert("UTC").tz_localize(None).to_pydatetime()
    if cut >= study.observed_until:
        return study
    tables = {name: _known_by(study, name, cut) for name in study.tables if name in (*_KNOWN_AT, "responses")}
    if "customers" in tables:
        # what is said of somebody before the start is known once the customer is
        started = nw.col("started_at") <= nw.lit(cut)
        later = study.table("customers").filter(~started).select("customer_id")
        for name in set(tables) - {"customers"}:
            if "customer_id" in tables[name].collect_schema().names():
                tables[name] = tables[name].join(later, on="customer_id", how="anti")
    if not any(len(rows.head(1).collect()) for rows in tables.values()):
        raise DataError(
            f"nothing was known by {day:%-d %B %Y}", where=study.name, next_step="take a later as_of"
        )
    return study.with_tables(
        {name: rows.to_native() for name, rows in tables.items()},
        name=f"{study.name}, as of {day:%-d %B %Y}",
        observed_until=cut,
    )


def _known_by(study: Study, name: str, cut: Any) -> nw.LazyFrame[Any]:
    """Rows of a table that were known by the cut, without what came later."""
    rows = study.table(name)
    columns = rows.collect_schema().names()
    if name == "responses":
        return _answers_by(rows, columns, cut)
    rows = rows.filter(nw.col(_KNOWN_AT[name]) <= nw.lit(cut))
    for moment, further in _LATER.get(name, {}).items():
        if moment not in columns:
            continue
        told = nw.col(moment) <= nw.lit(cut)
        outcomes = further + study.outcomes if moment == "ended_at" else further
        known = [moment, *(column for column in outcomes if column in columns)]
        rows = rows.with_columns(*[nw.when(told).then(nw.col(column)).alias(column) for column in known])
    return rows


def _answers_by(rows: nw.LazyFrame[Any], columns: list[str], cut: Any) -> nw.LazyFrame[Any]:
    """Answers given by the cut, and invitations sent by it that had no answer yet."""
    answered = nw.col("responded_at") <= nw.lit(cut)
    if "sent_at" not in columns:
        return rows.filter(answered)
    rows = rows.filter(answered | (nw.col("sent_at") <= nw.lit(cut)))
    told = [column for column in _OF_AN_ANSWER if column in columns]
    kept = nw.col("cx_answered")
    rows = rows.with_columns(cx_answered=answered.fill_null(value=False))
    rows = rows.with_columns(*[nw.when(kept).then(nw.col(column)).alias(column) for column in told])
    return rows.drop("cx_answered")
