"""Cohorts of customers: what is left of each, and how old the customers are who bring the revenue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.data.engine import EVERY, Every, collect, days_between
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.economics import DAYS_PER_MONTH
from cxresearch.metrics.revenue_bridge import complete_periods, period_steps
from cxresearch.metrics.revenue_levels import KINDS, last_rows, revenue_levels, revenue_moves
from cxresearch.metrics.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.results.cohort import CohortRetention
from cxresearch.stats.proportions import wilson
from cxresearch.stats.ratio import RatioSums, linearised_ratio

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def cohort_retention(
    study: Study,
    *,
    of: Literal["customers", "revenue"] = "customers",
    every: Every = "month",
    profile: str | RevenueProfile = "cxresearch",
    level: float = 0.95,
) -> CohortRetention:
    """Follow the customers who first paid in the same period.

    Parameters
    ----------
    study : Study
        With table ``revenue``, in one currency.
    of : {"customers", "revenue"}
        Count customers or their MRR.
    every : {"week", "month", "quarter", "year"}
        Length of a period.
    profile : str or RevenueProfile
        Whose definition of a customer.
    level : float
        Confidence level of the shares of customers (Wilson).

    Returns
    -------
    CohortRetention
        Shares are of what was there at the end of the cohort's first period. Who comes back counts again.

    Examples
    --------
    >>> from cxresearch.metrics.revenue import _example_study
    >>> print(cohort_retention(_example_study()))
    Retention of customers by month, 1 cohorts, % of the first period's end
    age            0    1  2
    cohort
    2024-01-01 100.0 90.0
    """
    check_choice("of", of, ("customers", "revenue"))
    check_choice("every", every, EVERY)
    check_level(level)
    rules = revenue_profile(profile)
    moved = _moves_by_cohort(study, rules, every)
    column = "customers" if of == "customers" else "change"
    wide = moved.pivot_table(index="cohort", columns="period", values=column, aggfunc="sum", fill_value=0)
    people = moved.pivot_table(
        index="cohort", columns="period", values="customers", aggfunc="sum", fill_value=0
    )
    periods = period_steps(study, wide.index.min(), every)
    held = wide.reindex(index=periods, columns=periods, fill_value=0).cumsum(axis=1)
    heads = people.reindex(index=periods, columns=periods, fill_value=0)
    frame = _cells(held, np.diag(heads.to_numpy()), complete_periods(study, periods, every), level, of)
    return CohortRetention(
        frame=frame,
        of=of,
        every=every,
        level=level,
        currency=study.currency,
        profile=rules.name,
        name=study.name,
    )


def _moves_by_cohort(study: Study, rules: RevenueProfile, every: Every) -> pd.DataFrame:
    levels = revenue_levels(study, rules)
    if "currency" in levels.collect_schema().names():
        if len(collect(levels.select("currency").unique()).dropna()) > 1:
            raise DataError(
                "revenue is in several currencies", next_step="use one currency, or mrr_bridge with rates"
            )
        levels = levels.drop("currency")
    moves = revenue_moves(levels, rules, every, study.timezone)
    arrival = nw.when(nw.col("kind") == KINDS.index("new")).then(nw.col("period"))
    moves = moves.with_columns(arrival=arrival).with_columns(
        cohort=nw.col("arrival").min().over("customer_id")
    )
    joined = (nw.col("kind") == KINDS.index("new")) | (nw.col("kind") == KINDS.index("reactivation"))
    gained = nw.when(joined).then(nw.lit(1)).when(nw.col("kind") == KINDS.index("churn")).then(nw.lit(-1))
    moves = moves.with_columns(gained=gained.otherwise(nw.lit(0))).filter(~nw.col("cohort").is_null())
    found = collect(
        moves.group_by("cohort", "period").agg(
            nw.col("gained").sum().alias("customers"), nw.col("change").sum()
        )
    )
    if found.empty:
        raise DataError("nobody ever paid", where="table revenue")
    return found.assign(change=found["change"] / 100)


def _cells(held: pd.DataFrame, sizes: Any, complete: Any, level: float, of: str) -> pd.DataFrame:
    """Tall table of cohort and age from the square one of cohort and period."""
    values, count = held.to_numpy(float), len(held)
    rows, columns = np.triu_indices(count)
    start = np.diag(values)[rows]
    left = values[rows, columns]
    known = np.asarray(complete, bool)[columns] & (start > 0)
    share = np.where(known, left / np.where(start > 0, start, np.nan), np.nan)
    bounds = wilson(np.minimum(left, start), start, level=level) if of == "customers" else None
    nothing = np.full(len(rows), np.nan)
    frame = pd.DataFrame(
        {
            "cohort": held.index[rows],
            "age": columns - rows,
            "n": sizes[rows].astype("int64"),
            "start": start,
            "left": np.where(known, left, np.nan),
            "share": share,
            "low": nothing if bounds is None else np.where(known, bounds.low, np.nan),
            "high": nothing if bounds is None else np.where(known, bounds.high, np.nan),
            "complete": np.asarray(complete, bool)[columns],
        }
    )
    return frame[frame["n"] > 0].reset_index(drop=True)


def revenue_by_customer_age(
    study: Study,
    *,
    edges_months: Sequence[float] = (0, 3, 6, 12, 24, 36),
    profile: str | RevenueProfile = "cxresearch",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return how old the customers are who bring today's recurring revenue.

    Parameters
    ----------
    study : Study
        With table ``revenue``, in one currency.
    edges_months : sequence of float
        Lower ends of the age bands, rising, the first 0. Age counts from the first paid level to the data
        cut.
    profile : str or RevenueProfile
        Whose definition.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row a band: ``from_months, to_months`` (infinite for the last), ``n`` (customers), ``mrr``,
        ``share`` of all MRR at the cut, ``low, high`` (linearised ratio over all customers, within 0 and 1).

    Examples
    --------
    >>> from cxresearch.metrics.revenue import _example_study
    >>> revenue_by_customer_age(_example_study())[["from_months", "n", "mrr", "share"]].head(2)
       from_months  n   mrr  share
    0          0.0  9  90.0    1.0
    1          3.0  0   0.0    0.0
    """
    check_level(level)
    edges = np.asarray(edges_months, dtype=float)
    if edges.ndim != 1 or not len(edges) or edges[0] != 0 or (np.diff(edges) <= 0).any():
        raise ArgumentError(f"edges_months is {edges_months!r}", wanted="rising numbers, the first 0")
    found = _ages(study, revenue_profile(profile), edges)
    total, square, n = found["cents"].sum(), found["square"].sum(), int(found["n"].sum())
    rows = []
    for band, start in enumerate(edges):
        mine = found[found["band"] == band]
        money, squares, count = (float(mine[name].sum()) for name in ("cents", "square", "n"))
        sums = RatioSums(
            x=money, s=float(total), xx=squares, xs=squares, ss=float(square), n=n, relative=money
        )
        part = linearised_ratio(sums, level=level, share=True)
        end = edges[band + 1] if band + 1 < len(edges) else math.inf
        rows.append((start, end, int(count), money / 100, part.value, part.low, part.high))
    return pd.DataFrame(rows, columns=["from_months", "to_months", "n", "mrr", "share", "low", "high"])


def _ages(study: Study, rules: RevenueProfile, edges: Any) -> pd.DataFrame:
    """Money and customers by age band at the data cut: one group-by after one over customers."""
    levels = revenue_levels(study, rules)
    paid = nw.when(nw.col("cents") > 0).then(nw.col("at"))
    levels = levels.with_columns(paid=paid).with_columns(since=nw.col("paid").min().over("customer_id"))
    each = last_rows(levels).filter(nw.col("cents") > 0)
    age = days_between(nw.col("since"), nw.lit(study.observed_until)) / DAYS_PER_MONTH
    each = each.with_columns(age=age)
    band = nw.lit(0)
    for index, start in enumerate(edges[1:], start=1):
        band = nw.when(nw.col("age") >= float(start)).then(nw.lit(index)).otherwise(band)
    money = nw.col("cents").cast(nw.Float64)
    each = each.with_columns(band=band, square=money * money)
    return collect(
        each.group_by("band").agg(nw.len().alias("n"), nw.col("cents").sum(), nw.col("square").sum())
    )
