"""Declared events: those that befell the whole company, for pictures and sentences."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, period_start

#: A kind with events on more days than this is no date to mark.
_MOST_DAYS = 24
#: A set of days longer than a month meets some event by chance in most companies: naming it would mislead.
_MOST_DAYS_TO_NAME = 31


def company_events(study: Any) -> pd.DataFrame:
    """Return the days of events that name no customer, or as few days as a company has outages.

    Parameters
    ----------
    study : Study or frame
        A frame of answers has no events.

    Returns
    -------
    DataFrame
        Columns day (local), kind; sorted, one row a day and kind.
    """
    if "events" not in getattr(study, "tables", ()):
        return pd.DataFrame({"day": pd.Series(dtype="datetime64[us]"), "kind": pd.Series(dtype=object)})
    rows = study.table("events")
    if "customer_id" in rows.collect_schema().names():
        rows = rows.filter(nw.col("customer_id").is_null())
    rows = rows.select("kind", day=period_start(nw.col("occurred_at"), "day", study.timezone))
    days = collect(rows.unique(["kind", "day"])).dropna()
    counts = days.groupby("kind")["day"].transform("size")
    return days.loc[counts <= _MOST_DAYS, ["day", "kind"]].sort_values(["day", "kind"], ignore_index=True)


def events_within(events: pd.DataFrame, low: pd.Timestamp, high: pd.Timestamp) -> str:
    """Return the events on these days or the day before, in words; empty if the days are too many."""
    if (high - low).days > _MOST_DAYS_TO_NAME:
        return ""
    # what happened in the evening moves the answers of the next day
    eve = low - pd.Timedelta(days=1)
    near = events[(events["day"] >= eve) & (events["day"] <= high)]
    return "; ".join(f"{row.kind} on {row.day:%-d %B %Y}" for row in near.head(5).itertuples())
