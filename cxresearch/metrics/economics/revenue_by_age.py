"""How old the customers are who bring today's recurring revenue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.data.engine import collect, days_between
from cxresearch.errors import ArgumentError
from cxresearch.metrics.revenue.revenue_ledger import refuse_beyond
from cxresearch.metrics.revenue.revenue_levels import last_rows, one_currency, revenue_levels
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.stats.intervals.ratio import RatioSums, linearised_ratio
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_ONE_CURRENCY = "use one currency, or mrr_bridge with rates"


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

    Raises
    ------
    ArgumentError
        If the edges do not rise from 0.

    References
    ----------
    Dean, N., & Pagano, M. (2015). Evaluating confidence interval methods for binomial proportions in
    clustered surveys. Journal of Survey Statistics and Methodology 3, 484-503. doi:10.1093/jssam/smv024

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> revenue_by_customer_age(example_study())[["from_months", "n", "mrr", "share"]].head(2)
       from_months  n   mrr  share
    0          0.0  9  90.0    1.0
    1          3.0  0   0.0    0.0
    """
    check_level(level)
    edges = np.asarray(edges_months, dtype=float)
    if edges.ndim != 1 or not len(edges) or edges[0] != 0 or (np.diff(edges) <= 0).any():
        raise ArgumentError(f"edges_months is {edges_months!r}", wanted="rising numbers, the first 0")
    ages = _ages(study, revenue_profile(profile), edges)
    total, square, n = ages["cents"].sum(), ages["square"].sum(), int(ages["n"].sum())
    rows = []
    for band, start in enumerate(edges):
        band_rows = ages[ages["band"] == band]
        money, squares, count = (float(band_rows[name].sum()) for name in ("cents", "square", "n"))
        # Share of a band: sum of x over sum of s, where x = s in the band and 0 outside.
        sums = RatioSums(
            x=money, s=float(total), xx=squares, xs=squares, ss=float(square), n=n, relative=money
        )
        part = linearised_ratio(sums, level=level)
        if band + 1 < len(edges):
            end = edges[band + 1]
        else:
            end = math.inf
        rows.append((start, end, int(count), money / 100, part.value, part.low, part.high))
    return pd.DataFrame(rows, columns=["from_months", "to_months", "n", "mrr", "share", "low", "high"])


def _ages(study: Study, rules: RevenueProfile, edges: Any) -> pd.DataFrame:
    """Money and customers by age band at the data cut: one group-by after one over customers."""
    levels = one_currency(study, revenue_levels(study, rules), next_step=_ONE_CURRENCY)
    paid = nw.when(nw.col("cents") > 0).then(nw.col("at"))
    levels = levels.with_columns(paid=paid).with_columns(since=nw.col("paid").min().over("customer_id"))
    each = last_rows(levels).filter(nw.col("cents") > 0)
    age = days_between(nw.col("since"), nw.lit(study.observed_until)) / DAYS_A_MONTH
    each = each.with_columns(age=age)
    band = nw.lit(0)
    for index, start in enumerate(edges[1:], start=1):
        band = nw.when(nw.col("age") >= float(start)).then(nw.lit(index)).otherwise(band)
    money = nw.col("cents").cast(nw.Float64)
    each = each.with_columns(band=band, square=money * money)
    ages = collect(
        each.group_by("band").agg(nw.len().alias("n"), nw.col("cents").sum(), nw.col("square").sum())
    )
    refuse_beyond(np.sqrt(ages["square"]))
    return ages
