"""Counts of use by cell: who was there, who used something, how soon and how much of it.

Groups may be columns of customers, which part the customers, or of usage (``feature``), which do not: one
customer stands in several groups, so that their counts must not be added up. `UsageCounts` remembers which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect, days_between, period_start
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.cell_estimates import follows, others
from cxresearch.metrics.base.group_columns import NoSuchGroupError, cells_of
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.options import check_days
from cxresearch.metrics.base.periods import complete_periods
from cxresearch.metrics.usage.customers_there import (
    customers_throughout,
    customers_with_days,
    sizes,
    there_by_period,
    there_lately,
)

if TYPE_CHECKING:
    from cxresearch.data.study import Study

MINUTES_PER_DAY = 1_440


@dataclass(frozen=True, kw_only=True)
class UsageCounts:
    """Sufficient statistics of an adoption metric.

    Attributes
    ----------
    cells : DataFrame
        Columns ``query.keys``, those that tell counts within a cell apart, and ``summed``.
    summed : tuple of str
        Columns that hold counts.
    overlapping : tuple of str
        Group columns of the usage table: a customer may stand in several of their groups.
    """

    cells: pd.DataFrame
    summed: tuple[str, ...]
    overlapping: tuple[str, ...]


def count_active(study: Study, query: Query) -> UsageCounts:
    """Count customers there and customers who used anything, by cell.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``; a quantity of 0 is no use, nor is one on a day before joining
        or after leaving.
    query : Query
        Cells; without a period the whole time is one.

    Returns
    -------
    UsageCounts
        With ``active``, ``customers`` (there on any day of the period) and ``complete`` (it had ended by the
        data cut).
    """
    of_usage, of_customers = _columns(study, query)
    keys = list(query.keys)
    people = customers_with_days(study, of_customers)
    used = _used(study, Query(by=of_usage, every=query.every))
    inside = used.join(people, on="customer_id", how="inner")
    # Use before joining or after leaving makes nobody active.
    inside = inside.filter((nw.col("day") >= nw.col("from_day")) & (nw.col("day") <= nw.col("to_day")))
    active = sizes(inside.select("customer_id", *keys).unique(), keys, "active")
    present = there_by_period(study, people, query, of_customers)
    if of_usage:
        # Groups of usage have no customers of their own: everybody there could have used each of them.
        present = present.merge(active[list(of_usage)].drop_duplicates(), how="cross")
    if keys:
        table = present.merge(active, on=keys, how="left")
    else:
        table = present.join(active)
    table["active"] = table["active"].fillna(0).astype("int64")
    cells = table[[*keys, "complete", "active", "customers"]].sort_values(keys, ignore_index=True)
    return UsageCounts(cells=cells, summed=("active", "customers"), overlapping=of_usage)


def count_first_uses(
    study: Study, query: Query, *, within_days: float = 30, feature: str | None = None
) -> UsageCounts:
    """Count customers by the time from joining to the first use, to the minute, by the period of joining.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``; a quantity of 0 is no use.
    query : Query
        Cells.
    within_days : float
        Days after joining within which a first use is adoption.
    feature : str, optional
        A feature; by default any use.

    Returns
    -------
    UsageCounts
        With ``minutes`` and ``event`` (1 used, 0 had not when leaving or at the data cut), ``exposed``
        (joined at least ``within_days`` before the cut), ``adopted`` (used within them), ``complete`` (all
        who joined in the period had these days) and ``n``. A use before joining is at minute 0.

    Raises
    ------
    ArgumentError
        If nobody ever used the feature.
    """
    check_days("within_days", within_days)
    of_usage, of_customers = _columns(study, query)
    people = _joiners(study, Query(by=of_customers, every=query.every), within_days)
    used = _used(study, Query(by=of_usage), feature=feature)
    first = used.group_by(["customer_id", *of_usage]).agg(nw.col("used_at").min().alias("first"))
    # Time from joining to the first use; censored on leaving and at the cut.
    days = days_between(nw.col("started_at"), nw.col("first"))
    users = people.join(first, on="customer_id", how="inner").with_columns(
        # Whole minutes: few different times to count, and finer than any promise of days.
        minutes=_whole_minutes(days),
        event=(nw.col("first") <= nw.col("end")).cast(nw.Int64),
        adopted=(days <= within_days).cast(nw.Int64),
    )
    spans = ["exposed", "until"]
    pasts = [*query.keys, *spans]
    seen = collect(users.group_by([*pasts, "minutes", "event", "adopted"]).agg(nw.len().alias("n")))
    if feature is not None and seen.empty:
        raise _unknown_feature(study, feature)
    group = [name for name in pasts if name not in of_usage]
    silent = _silent(collect(people.group_by(group).agg(nw.len().alias("n"))), seen, pasts, of_usage)
    # A first use after leaving is none: that customer is censored at the end of the stay.
    seen["minutes"] = np.where(seen["event"] == 1, seen["minutes"], seen["until"])
    cells = pd.concat([part for part in (seen, silent) if len(part)] or [seen], ignore_index=True)
    cells = cells.astype(dict.fromkeys(("minutes", "event", "exposed", "adopted", "n"), "int64"))
    kept = [*query.keys, "minutes", "event", "exposed", "adopted"]
    cells = cells.groupby(kept, dropna=False, as_index=False)[["n"]].sum()
    cells["complete"] = _exposed_periods(study, cells, query, within_days)
    return UsageCounts(cells=cells, summed=("n",), overlapping=of_usage)


def count_features(study: Study, query: Query, *, within_days: float = 30) -> UsageCounts:
    """Count customers by the number of features they used.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage`` and its column ``feature``.
    query : Query
        Cells; without a period the last ``within_days`` before the data cut are one.
    within_days : float
        Days to look at without a period.

    Returns
    -------
    UsageCounts
        With ``features`` (0 for those who used nothing), ``complete`` (the period had ended by the data cut)
        and ``n``: the customers there on every day of the period, or of the last days.

    Raises
    ------
    NoSuchGroupError
        If ``feature`` itself is a group.
    """
    check_days("within_days", within_days)
    if "feature" not in study.table("usage").collect_schema().names():
        raise DataError("usage has no column feature", next_step="map it in the study file")
    if "feature" in map(query.called, query.by):
        raise NoSuchGroupError(
            "the number of features cannot be grouped by feature", next_step="use active_customers"
        )
    of_usage, of_customers = _columns(study, query)
    keys = list(query.keys)
    used = _used(study, Query(by=of_usage, every=query.every), keep=("feature",))
    if query.every is None:
        people, used = there_lately(study, of_customers, used, within_days)
        present = sizes(people, list(of_customers), "customers").assign(complete=True)
        inside = used.join(people, on="customer_id", how="inner")
    else:
        people = customers_with_days(study, of_customers)
        present = there_by_period(study, people, query, of_customers, throughout=True)
        inside = used.join(customers_throughout(study, people, query), on="customer_id", how="inner")
        inside = inside.filter((nw.col("period") > nw.col("first")) & (nw.col("period") < nw.col("last")))
    wide = inside.select("customer_id", "feature", *keys).unique()
    wide = wide.group_by(["customer_id", *keys]).agg(nw.len().alias("features"))
    seen = collect(wide.group_by([*keys, "features"]).agg(nw.len().alias("n")))
    return UsageCounts(cells=_with_none(present, seen, of_usage, keys), summed=("n",), overlapping=of_usage)


def collapse_usage(counts: UsageCounts, query: Query, coarser: Query) -> UsageCounts | None:
    """Return the counts of coarser cells, or None where customers would count twice."""
    dropped = set(query.by) - set(coarser.by)
    # A customer who uses two features stands in both their cells: dropping that column would count twice.
    if not follows(query, coarser) or dropped & set(counts.overlapping):
        return None
    telling = [name for name in counts.cells if name not in (*query.keys, *counts.summed)]
    return replace(counts, cells=_summed(counts, [*coarser.keys, *telling]))


def usage_of_the_rest(counts: UsageCounts, query: Query, column: str) -> UsageCounts:  # noqa: ARG001
    """Return counts in which each group of a column stands for all others; none for a column of usage."""
    cells = counts.cells
    keys = [str(name) for name in cells if name not in counts.summed]
    if column in counts.overlapping:
        return replace(counts, cells=cells.iloc[:0])
    return replace(counts, cells=_summed(replace(counts, cells=others(cells, column)), keys))


def _summed(counts: UsageCounts, keys: list[Any]) -> pd.DataFrame:
    sums = list(counts.summed)
    return counts.cells.groupby(keys, dropna=False, as_index=False)[sums].sum()


def _columns(study: Study, query: Query) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Group columns of usage, and those of customers; an unknown one is refused with a list."""
    cells_of(study, "usage", query, time="used_at", keep=("customer_id",))
    if "customer_id" in map(query.called, query.by):
        raise NoSuchGroupError("use cannot be grouped by customer_id", wanted="a column that several share")
    names = study.table("usage").collect_schema().names()
    of_usage = tuple(name for name in query.by if name in names)
    return of_usage, tuple(name for name in query.by if name not in of_usage)


def _used(
    study: Study, query: Query, *, feature: str | None = None, keep: tuple[str, ...] = ()
) -> nw.LazyFrame[Any]:
    """Rows of real use with their day, local time."""
    extra: tuple[str, ...] = ("feature",)
    if feature is None:
        extra = ()
    if feature is not None and "feature" not in study.table("usage").collect_schema().names():
        raise DataError("usage has no column feature", next_step="map it, or ask for any use")
    columns = ("customer_id", "used_at", "quantity", *keep, *extra)
    # A quantity of 0 is a row of the export, not a use.
    rows = cells_of(study, "usage", query, time="used_at", keep=columns).filter(nw.col("quantity") > 0)
    if feature is not None:
        rows = rows.filter(nw.col("feature") == feature)
    return rows.with_columns(day=period_start(nw.col("used_at"), "day", study.timezone)).drop("quantity")


def _joiners(study: Study, query: Query, within_days: float) -> nw.LazyFrame[Any]:
    """Customers with the period of joining, whether they had the days, and the minutes they were followed."""
    rows = customers_with_days(study, query.by)
    if query.every is not None:
        rows = rows.with_columns(period=period_start(nw.col("started_at"), query.every, study.timezone))
    # Only who joined within_days before the cut or earlier can be asked whether it happened in time.
    had = days_between(nw.col("started_at"), nw.lit(study.observed_until)) >= within_days
    return rows.with_columns(
        exposed=had.cast(nw.Int64),
        until=_whole_minutes(days_between(nw.col("started_at"), nw.col("end"))),
    )


def _whole_minutes(days: nw.Expr) -> nw.Expr:
    # floor(x + 1/2), not round: engines differ on halves.
    minutes = (days * MINUTES_PER_DAY + 0.5).floor()
    return nw.when(minutes > 0).then(minutes).otherwise(nw.lit(0.0)).cast(nw.Int64)


def _silent(
    everybody: pd.DataFrame, seen: pd.DataFrame, pasts: list[str], of_usage: tuple[str, ...]
) -> pd.DataFrame:
    """Customers without a use: everybody less those seen, for each group of a usage column anew."""
    if of_usage:
        everybody = everybody.merge(seen[list(of_usage)].drop_duplicates(), how="cross")
    users = seen.groupby(pasts, dropna=False, as_index=False)[["n"]].sum()
    both = everybody.merge(users, on=pasts, how="left", suffixes=("", "_seen"))
    both["n"] = both["n"] - both["n_seen"].fillna(0).astype("int64")
    both = both[both["n"] > 0].drop(columns="n_seen")
    return both.assign(minutes=both["until"], event=0, adopted=0)


def _exposed_periods(study: Study, cells: pd.DataFrame, query: Query, days: float) -> Any:
    """Whether everybody who could join in the period has had the days; by customer without periods."""
    if query.every is None:
        return True
    return complete_periods(study, cells["period"], query.every, after_days=days)


def _unknown_feature(study: Study, feature: str) -> ArgumentError:
    known = collect(study.table("usage").select("feature").unique())["feature"].dropna()
    return ArgumentError(
        f"nobody ever used feature {feature!r}",
        wanted="one of " + ", ".join(sorted(map(str, known))[:20]),
        next_step="check its spelling",
    )


def _with_none(
    present: pd.DataFrame, seen: pd.DataFrame, of_usage: tuple[str, ...], keys: list[str]
) -> pd.DataFrame:
    """Counts by number of features, those who used nothing included."""
    if of_usage:
        present = present.merge(seen[list(of_usage)].drop_duplicates(), how="cross")
    if not keys:
        # Who used nothing = customers there less those who used any feature: the mean counts them as 0.
        none = present.assign(n=present["customers"] - int(seen["n"].sum()), features=0)
        cells = pd.concat([seen.assign(complete=True), none[["features", "n", "complete"]]])
    else:
        users = seen.groupby(keys, dropna=False, as_index=False)[["n"]].sum()
        both = present.merge(users, on=keys, how="left")
        none = both.assign(n=both["customers"] - both["n"].fillna(0), features=0)
        seen = seen.merge(present[[*keys, "complete"]], on=keys, how="left")
        cells = pd.concat([seen, none[[*keys, "features", "n", "complete"]]])
    cells = cells.astype({"features": "int64", "n": "int64"})
    return cells[cells["n"] > 0].sort_values([*keys, "features"], ignore_index=True)
