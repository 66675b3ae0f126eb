"""Revenue rates of every period and group, from one pass over the revenue table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.metrics.base.group_columns import neutral_frame, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.revenue.mrr_bridge import mrr_bridge
from cxresearch.metrics.revenue.mrr_bridge_result import MrrBridge
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.metrics.revenue.revenue_rates import RATES, rate_cells

if TYPE_CHECKING:
    from cxresearch.data.engine import Every
    from cxresearch.data.study import Study

    Profile = str | RevenueProfile | None


def revenue_rates(
    study: Study | MrrBridge,
    *,
    every: Every = "month",
    by: str | Sequence[str] | None = None,
    profile: Profile = None,
    rates: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return every revenue rate for every complete period and group, from one pass over the revenue table.

    Parameters
    ----------
    study, every, by, profile, rates
        As in `mrr_bridge`; a bridge computed before may be given instead of a study.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns ``period``, those of ``by``, ``metric`` (`RATES`), ``value, low, high, se, n, method,
        largest_share``; one row for each rate, period and group with an opening cohort.

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> revenue_rates(example_study()).query("metric == 'net_revenue_churn'")["value"].tolist()
    [0.1]
    """
    bridge = _bridge(study, every, profile, by=by, rates=rates)
    if profile is None:
        rules = bridge.rules
    else:
        rules = revenue_profile(profile)
    frame, query = neutral_frame(bridge.table, Query(by=bridge.by))
    keep = frame["complete"] & (frame["opening_customers"] > 0)
    parts = []
    for metric in RATES:
        cells = rate_cells(metric, frame, bridge.sums, rules, level=level)
        head = frame[["period", *query.by]].assign(metric=metric)
        parts.append(pd.concat([head, cells, frame[["largest_share"]]], axis=1)[keep])
    table = pd.concat(parts, ignore_index=True).sort_values(["period", *query.by], kind="stable")
    return with_users_names(table.drop(columns="n_effective").reset_index(drop=True), query)


def _bridge(study: Study | MrrBridge, every: Every, profile: Profile, **more: Any) -> MrrBridge:
    if isinstance(study, MrrBridge):
        return study
    return mrr_bridge(study, every=every, profile=profile or "cxresearch", **more)
