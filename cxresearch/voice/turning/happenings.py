"""What can happen to a customer between two answers: tickets, waits, events, changes of price."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, minutes_between
from cxresearch.errors import ArgumentError

#: At most so many values of a column of tickets become kinds of their own, the most frequent ones.
_MOST_KINDS = 12
_COLUMNS = ["customer_id", "at", "kind"]


def happenings(study: Any, *, target_hours: float, tickets_by: str | None) -> pd.DataFrame:
    """Return what happened to customers, one row a happening.

    Parameters
    ----------
    study : Study
    target_hours : float
        A reply or a resolution that takes longer is late.
    tickets_by : str, optional
        Column of tickets whose values become kinds of their own.

    Returns
    -------
    DataFrame
        Columns customer_id (missing: it befell the whole company), at (naive UTC), kind.
    """
    parts = []
    if "tickets" in study.tables:
        parts += _tickets(study, target_hours, tickets_by)
    if "events" in study.tables:
        rows = study.table("events")
        who = nw.col("customer_id")
        if "customer_id" not in rows.collect_schema().names():
            who = nw.lit(None, dtype=nw.String())
        events = collect(rows.select(customer_id=who, at="occurred_at", kind="kind"))
        parts.append(events.assign(kind="event: " + events["kind"].astype(str)))
    if "revenue" in study.tables:
        parts.append(_prices(study))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in _COLUMNS})
    return pd.concat(
        [part[_COLUMNS] for part in parts if len(part)] or [parts[0][_COLUMNS]], ignore_index=True
    )


def _tickets(study: Any, target_hours: float, tickets_by: str | None) -> list[pd.DataFrame]:
    rows = study.table("tickets")
    present = rows.collect_schema().names()
    if "customer_id" not in present:
        return []
    if tickets_by is not None and tickets_by not in present:
        raise ArgumentError(f"tickets have no column {tickets_by!r}", wanted="one of " + ", ".join(present))
    rows = rows.filter(~nw.col("customer_id").is_null())
    extra = {}
    cut = nw.lit(study.observed_until)
    for name, column in (("reply", "first_replied_at"), ("solved", "resolved_at")):
        if column in present:
            # a ticket still open at the data cut is late once the target has passed
            end = nw.coalesce(nw.col(column), cut)
            extra[name] = minutes_between(nw.col("created_at"), end) > 60 * target_hours
    if "reopens" in present:
        extra["reopened"] = nw.col("reopens") > 0
    if tickets_by is not None:
        extra["split"] = nw.col(tickets_by).cast(nw.String())
    table = collect(rows.select("customer_id", at="created_at", **extra))
    words = {
        "reply": f"ticket without a reply within {target_hours:g} h",
        "solved": f"ticket not resolved within {target_hours:g} h",
        "reopened": "ticket reopened",
    }
    parts = [table.assign(kind="ticket")]
    for name, kind in words.items():
        if name in table:
            hit = table[name].fillna(False).astype(bool)
            parts.append(table[hit].assign(kind=kind))
    if tickets_by is not None:
        # Holm's correction pays for every kind: rare values would cost power and cannot be judged anyway.
        frequent = table["split"].value_counts().index[:_MOST_KINDS]
        split = table[table["split"].isin(frequent)]
        parts.append(split.assign(kind=f"ticket, {tickets_by} " + split["split"].astype(str)))
    return parts


def _prices(study: Any) -> pd.DataFrame:
    """Return rises and falls of what a customer pays, within one subscription and currency where told."""
    rows = study.table("revenue")
    present = rows.collect_schema().names()
    keys = ["customer_id", *(name for name in ("subscription_id", "currency") if name in present)]
    table = collect(rows.select(*keys, "effective_at", "mrr"))
    table = table.sort_values([*keys, "effective_at"], ignore_index=True)
    before = table.groupby(keys, dropna=False)["mrr"].shift()
    paid = (before > 0) & (table["mrr"] > 0)
    # Both levels above 0: to and from 0 is joining and leaving, not a change of price.
    moved = (table["mrr"] - before).where(paid, 0.0)
    table = table.assign(at=table["effective_at"], kind="pays more")
    table.loc[moved < 0, "kind"] = "pays less"
    return table.loc[moved != 0, _COLUMNS]
