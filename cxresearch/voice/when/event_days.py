"""When an event happened, and to whom: from the study's table of events, or from dates given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, period_start
from cxresearch.errors import ArgumentError, DataError
from cxresearch.wording import did_you_mean, listed, shown


@dataclass(frozen=True, kw_only=True)
class EventDays:
    """Days of one kind of event.

    Attributes
    ----------
    kind : str
    table : DataFrame
        Columns day (local) and, where each event befell one customer, customer_id; one row an event and day.
    by_customer : bool
        Whether it befell single customers.
    """

    kind: str
    table: pd.DataFrame
    by_customer: bool


def event_days(study: Any, event: str, dates: Any = None) -> EventDays:
    """Return the days of an event.

    Parameters
    ----------
    study : Study or frame
        With table ``events``, unless dates are given.
    event : str
        A kind of that table, or with dates the name that sentences use.
    dates : date, sequence of dates or DataFrame, optional
        Local days; a frame has ``occurred_at`` and, for events of single customers, ``customer_id``.

    Returns
    -------
    EventDays

    Raises
    ------
    ArgumentError
        If there is no such kind, or a date cannot be read.
    DataError
        If some of the events name a customer and others do not.
    """
    if dates is None:
        table = _from_study(study, event)
    else:
        table = _from_dates(dates)
    # a kind with and without customers is two kinds: one has a control group, the other has only other days
    named = table["customer_id"].notna()
    if named.any() and not named.all():
        raise DataError(
            f"{int(named.sum()):,} events {shown(event)} name a customer and {int((~named).sum()):,} do not",
            wanted="events of single customers, or of the whole company",
            next_step="give the two different kinds",
        )
    by_customer = bool(named.any())
    columns = ["day"]
    if by_customer:
        columns = ["day", "customer_id"]
    # an event recorded twice on one day is one event: twice it would halve the error of its contrast
    table = table[columns].drop_duplicates().sort_values(columns, ignore_index=True)
    return EventDays(kind=event, table=table, by_customer=by_customer)


def _from_study(study: Any, event: str) -> pd.DataFrame:
    if "events" not in getattr(study, "tables", ()):
        raise ArgumentError(
            "the study has no table 'events'",
            wanted="a table with occurred_at and kind, or dates=",
            next_step="map it in the study file, or give the dates",
        )
    rows = study.table("events")
    customer = nw.col("customer_id")
    if "customer_id" not in rows.collect_schema().names():
        customer = nw.lit(None, dtype=nw.String())
    day = period_start(nw.col("occurred_at"), "day", study.timezone)
    kinds = collect(rows.select("kind").unique())["kind"].dropna().astype(str).tolist()
    if event not in kinds:
        raise ArgumentError(
            f"there is no event {shown(event)}",
            wanted=f"one of {listed(sorted(kinds))}",
            next_step=did_you_mean(event, kinds),
        )
    return collect(rows.filter(nw.col("kind") == event).select(day=day, customer_id=customer).unique())


def _from_dates(dates: Any) -> pd.DataFrame:
    if hasattr(dates, "columns"):
        table = collect(nw.from_native(dates).lazy())
        if "occurred_at" not in table:
            raise ArgumentError(
                "the frame of dates has no column 'occurred_at'",
                wanted="occurred_at, customer_id where known",
            )
        days = table["occurred_at"]
        customer = table.get("customer_id", pd.Series([None] * len(table), dtype=object))
    else:
        # a text is a sequence of letters, and a date is none: both are one day
        if isinstance(dates, str) or not isinstance(dates, Sequence):
            dates = [dates]
        days = pd.Series(list(dates))
        customer = pd.Series([None] * len(days), dtype=object)
    try:
        moments = pd.to_datetime(days).astype("datetime64[us]")
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"a date cannot be read: {error}", wanted="dates such as 2025-03-14") from None
    if moments.isna().any():
        raise ArgumentError("a date is missing", wanted="dates such as 2025-03-14")
    return pd.DataFrame({"day": moments.dt.normalize(), "customer_id": customer.to_numpy()})
