"""Customers whose table says they left while their revenue goes on: counted, and settled as declared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import collect
from cxresearch.errors import StudyError

if TYPE_CHECKING:
    from cxresearch.data.validation.judged_tables import CheckedTables

Frame = nw.LazyFrame[Any]

#: Statuses under which a level counts as 0, whatever its amount.
UNPAID_STATUSES = ("trial", "unpaid", "cancelled")
#: What the row that closes a customer's revenue keeps of the last one before it.
_KEPT_AT_END = ("customer_id", "currency", "plan")


def can_contradict(tables: CheckedTables) -> bool:
    """Whether a study has both an end of customers and their revenue."""
    both = {"customers", "revenue"} <= set(tables.names)
    return both and "ended_at" in tables.columns("customers")


def count_still_paying(tables: CheckedTables, cut: datetime) -> tuple[int, int]:
    """Return how many customers who ended by the data cut still pay at the cut, and how many ended.

    Parameters
    ----------
    tables : CheckedTables
        Judged rows; only valid ones count.
    cut : datetime
        The data cut, naive UTC.

    Returns
    -------
    paying, ended : int
        Customers with ``ended_at`` up to the cut who ever paid: those whose last level by then is above 0,
        and all.
    """
    last = last_levels(tables, cut)
    ended = _ends(tables).filter(nw.col("_ended") <= nw.lit(cut))
    both = last.join(ended, on="customer_id", how="inner")
    pays = nw.when(nw.col("_level") > 0).then(nw.lit(1)).otherwise(nw.lit(0))
    counts = collect(both.select(n=pays).select(paying=nw.col("n").sum(), ended=nw.len())).fillna(0)
    return int(counts["paying"].iloc[0]), int(counts["ended"].iloc[0])


def last_levels(tables: CheckedTables, cut: datetime) -> Frame:
    """Return ``customer_id`` and ``_level``, the level in force at the cut, of customers who have one."""
    rows = tables.valid("revenue").filter(nw.col("effective_at") <= nw.lit(cut))
    level = nw.col("mrr")
    if "status" in tables.columns("revenue"):
        unpaid = nw.col("status").is_in(UNPAID_STATUSES).fill_null(value=False)
        level = nw.when(unpaid).then(nw.lit(0.0)).otherwise(level)
    # The level in force at the cut is the latest row up to it.
    latest = rows.group_by("customer_id").agg(nw.col("effective_at").max())
    in_force = rows.join(latest, on=["customer_id", "effective_at"], how="inner")
    return in_force.with_columns(_level=level).select("customer_id", "_level")


def refuse_contradiction(tables: CheckedTables, cut: datetime) -> None:
    """Refuse revenue that goes on after customers ended, as long as nobody has said which of the two holds.

    Raises
    ------
    StudyError
        With the counts and the two lines that settle it.
    """
    paying, ended = count_still_paying(tables, cut)
    if paying:
        raise StudyError(
            f"{paying:,} of {ended:,} customers who ended go on paying: their revenue does not fall to 0",
            where="tables customers (ended_at) and revenue",
            wanted="one of the two to hold for revenue metrics",
            next_step='declare under [revenue] ends = "at_ended_at" (they stop paying when they end) or '
            'ends = "at_zero" (revenue is right: they pay until a level of 0); in Python revenue_ends=',
        )


def end_levels(rows: Frame, tables: CheckedTables) -> Frame:
    """Return revenue that stops when customers end: rows from then on are left out, one of 0 closes them.

    Parameters
    ----------
    rows : LazyFrame
        Valid rows of revenue.
    tables : CheckedTables
        For the ends of customers.
    """
    linked = rows.join(_ends(tables), on="customer_id", how="left")
    names = rows.collect_schema().names()
    # Levels from the end on are what the declaration denies; a level of 0 at the end closes the rest.
    running = nw.col("_ended").is_null() | (nw.col("effective_at") < nw.col("_ended"))
    before = linked.filter(running)
    ended = before.filter(~nw.col("_ended").is_null())
    latest = ended.group_by("customer_id").agg(nw.col("effective_at").max())
    last = ended.join(latest, on=["customer_id", "effective_at"], how="inner")
    schema = rows.collect_schema()
    closing = {
        name: nw.lit(None).cast(schema[name])
        for name in names
        if name not in (*_KEPT_AT_END, "effective_at", "mrr")
    }
    closing |= {"effective_at": nw.col("_ended"), "mrr": nw.lit(0.0)}
    if "status" in names:
        closing["status"] = nw.lit("cancelled")
    zeros = last.with_columns(**closing).select(names)
    return nw.concat([before.select(names), zeros], how="vertical")


def _ends(tables: CheckedTables) -> Frame:
    customers = tables.valid("customers").filter(~nw.col("ended_at").is_null())
    return customers.select("customer_id", _ended=nw.col("ended_at"))
