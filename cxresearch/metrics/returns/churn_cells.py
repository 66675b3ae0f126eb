"""Customers lost over the customers there: the share by the denominator of a definition, for many cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.stats.intervals.proportions import WILSON, wilson
from cxresearch.stats.intervals.ratio import poisson_rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile


def counting_heads(rules: RevenueProfile) -> RevenueProfile:
    """Return the definition by which customers are counted, where the money may follow every change."""
    if rules.left_within:
        return rules
    return replace(rules, moves="period_end")


def churn_base(rows: pd.DataFrame, chosen: str) -> NDArray[np.float64]:
    """Return what customers lost are divided by, for each row of a bridge, shape (n,)."""
    # Stripe divides by opening + new, since its leavers may be new; the other profiles by the opening.
    opening = rows["opening_customers"].astype(float)
    if chosen == "average":
        opening = (opening + rows["closing_customers"]) / 2
    elif chosen == "opening_and_new":
        opening = opening + rows["new_customers"]
    return np.asarray(opening, dtype=np.float64)


def churn_cells(rows: pd.DataFrame, chosen: str, *, level: float) -> pd.DataFrame:
    """Return the share of customers lost for rows of a bridge: ``value, low, high, se, n, method``.

    Who joined and left within a period can outnumber those who were there: then it is a rate, with the exact
    Poisson interval.
    """
    churned, base = rows["churn_customers"].to_numpy(float), churn_base(rows, chosen)
    # A share as long as no more left than were there; beyond that a rate.
    shares = (base > 0) & (churned <= base)
    # Wilson (1927) for a share of those there; beyond 1 the count is Poisson over the base (Garwood 1936).
    bounds = wilson(np.where(shares, churned, 0.0), np.where(shares, base, 1.0), level=level)
    low, high = np.array(bounds.low, dtype=float), np.array(bounds.high, dtype=float)
    for at in np.flatnonzero(~shares):
        _, low[at], high[at] = poisson_rate(int(churned[at]), float(base[at]), level=level)
    divisor = np.where(base > 0, base, np.nan)
    # churn = lost / base; opening_and_new and average change the base alone.
    value, n = churned / divisor, base.round()
    return pd.DataFrame(
        {
            "value": value,
            "low": low,
            "high": high,
            "se": np.sqrt(value * np.maximum(1 - value, 0) / divisor),
            "n": n.astype("int64"),
            "method": np.where(shares, WILSON, "exact Poisson interval (Garwood 1936)"),
        },
        index=rows.index,
    )
