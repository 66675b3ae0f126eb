"""Doubts about tables that contradict each other: ends against revenue, statuses, flags and the data cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, period_start
from cxresearch.data.readers.connection import columns_of
from cxresearch.data.validation.ended_levels import can_contradict, count_still_paying, last_levels
from cxresearch.data.validation.outcome_names import snake, status_words
from cxresearch.data.validation.revenue_evidence import snapshot_evidence
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_COLUMNS = ["table", "flag", "rows", "detail"]
Doubt = tuple[str, str, int, str]

#: So many ends on the last day, and this share of all ends, are more than leaving explains.
_ENDS_AT_CUT = 5
#: Larger tables are not compared row by row.
_MOST_ROWS = 5_000_000
# Leaving spreads over the days; a fifth of all ends on one, the last, is an export that ends everybody.
_SHARE_AT_CUT = 0.2


def contradictions(study: Study) -> pd.DataFrame:
    """Count what two tables, or two columns of customers, say differently about who left.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; without zeros.
    """
    doubts: list[Doubt] = list(_like_snapshots(study))
    if "customers" in study.tables and "ended_at" in study.checked.columns("customers"):
        if can_contradict(study.checked):
            doubts += _against_revenue(study)
        doubts += _at_the_cut(study)
        doubts += _against_columns(study)
    return pd.DataFrame([doubt for doubt in doubts if doubt[2]], columns=_COLUMNS)


def _against_revenue(study: Study) -> Iterator[Doubt]:
    paying, ended = count_still_paying(study.checked, study.observed_until)
    settled = {
        "at_ended_at": "taken to stop paying when they end ([revenue] ends)",
        "at_zero": "taken to pay until a level of 0 ([revenue] ends)",
        None: 'declare [revenue] ends = "at_ended_at" or "at_zero"',
    }
    detail = f"of {ended:,} who ended, their revenue does not fall to 0: {settled[study.revenue_ends]}"
    yield "revenue", "paying after the end", paying, detail
    last = last_levels(study.checked, study.observed_until).filter(nw.col("_level") == 0)
    running = study.checked.valid("customers").filter(nw.col("ended_at").is_null()).select("customer_id")
    # Level 0 and no end: they left without anybody noting it, and count as there in every curve.
    stopped = last.join(running, on="customer_id", how="inner").select(n=nw.len())
    rows = int(collect(stopped)["n"].iloc[0])
    yield "revenue", "stopped without an end", rows, "customers at level 0 by the data cut have no ended_at"


def _like_snapshots(study: Study) -> Iterator[Doubt]:
    """Levels given again and again for whoever is there look like lists from which leavers are missing."""
    connection = study.checked.connection
    if "revenue" not in study.tables or connection is None:
        return
    if study.summary("revenue").rows > _MOST_ROWS or "_rows" in columns_of(connection, "typed_revenue"):
        return
    evidence = snapshot_evidence(connection, "typed_revenue")
    if evidence.likely and evidence.absent:
        detail = (
            f"customers of {evidence.dates:,} dates are missing from the last, as if they went on paying: "
            'declare rows = "snapshots" (they left) or rows = "levels"'
        )
        yield "revenue", "looks like snapshots", evidence.absent, detail


def _at_the_cut(study: Study) -> Iterator[Doubt]:
    """Many ends on the last day look like the day on which watching stopped."""
    local = period_start(nw.col("ended_at"), "day", study.timezone)
    customers = study.checked.valid("customers").filter(
        ~nw.col("ended_at").is_null() & (nw.col("ended_at") <= nw.lit(study.observed_until))
    )
    days = collect(customers.select(day=local).group_by("day").agg(n=nw.len())).sort_values("day")
    if not len(days):
        return
    last, count = days["day"].iloc[-1], int(days["n"].iloc[-1])
    # Two days: the cut is a moment in UTC, the last day one of the study's zone.
    near = last >= pd.Timestamp(study.observed_until) - timedelta(days=2)
    # With leavers at random over a year one day holds 1 in 365 of them.
    share = count / int(days["n"].sum())
    if near and count >= _ENDS_AT_CUT and share >= _SHARE_AT_CUT:
        detail = (
            f"{share:.0%} of all ends lie on {last:%Y-%m-%d}, the last day: customers still there? "
            "then missing, not an end"
        )
        yield "customers", "ends on the day of the cut", count, detail


def _against_columns(study: Study) -> Iterator[Doubt]:
    """What statuses and churn flags say beside ``ended_at``."""
    over = nw.when(nw.col("ended_at") <= nw.lit(study.observed_until)).then(nw.lit(1)).otherwise(nw.lit(0))
    for column in (*study.outcomes, *study.segments):
        customers = study.checked.valid("customers")
        if column not in customers.collect_schema().names():
            continue
        # "active" beside an end, or "cancelled" without one: one of the two columns is wrong.
        kinds = customers.select(value=nw.col(column).cast(nw.String()), ended=over)
        counts = collect(kinds.group_by("value").agg(n=nw.len(), ended=nw.col("ended").sum()))
        counts["ended"] = counts["ended"].fillna(0).astype("int64")
        yield from _said_otherwise(column, counts)


def _said_otherwise(column: str, counts: pd.DataFrame) -> Iterator[Doubt]:
    stays, leaves = _meanings(column, counts["value"].dropna().astype(str))
    there = counts[counts["value"].isin(stays)]
    rows = int(there["ended"].sum())
    names = listed(there.loc[there["ended"] > 0, "value"], most=4)
    yield "customers", f"{column} against ended_at", rows, f"{names} with an end by the data cut"
    # A column that says they left, against an end that is missing or lies ahead.
    gone = counts[counts["value"].isin(leaves)]
    rows = int((gone["n"] - gone["ended"]).sum())
    names = listed(gone.loc[gone["n"] > gone["ended"], "value"], most=4)
    yield "customers", f"{column} against ended_at", rows, f"{names} without an end by the data cut"


def _meanings(column: str, values: pd.Series[str]) -> tuple[set[str], set[str]]:
    """Return which values of a column say that a customer is there, and which that one left."""
    words = status_words()
    name = snake(column)
    plain = {value: value.strip().lower() for value in values}
    stays, leaves = set(words["active"]), set(words["left"])
    if re.search(words["leaving_names"], name):
        stays, leaves = stays | set(words["no"]), leaves | set(words["yes"])
    elif re.search(words["staying_names"], name):
        stays, leaves = stays | set(words["yes"]), leaves | set(words["no"])
    return (
        {value for value, word in plain.items() if word in stays},
        {value for value, word in plain.items() if word in leaves},
    )
