"""Revenue metrics by any group and period, for metric tables and scorecards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxresearch.metrics.base.cell_estimates import without_running
from cxresearch.metrics.base.group_columns import NoSuchGroupError
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.returns.churn_cells import churn_base, churn_cells, counting_heads
from cxresearch.metrics.revenue.exchange_rates import RATES
from cxresearch.metrics.revenue.mrr_bridge import bridge_by
from cxresearch.metrics.revenue.mrr_bridge_result import LARGE_ACCOUNT, MrrBridge
from cxresearch.metrics.revenue.revenue_profiles import PROFILE, revenue_profile
from cxresearch.metrics.revenue.revenue_rates import moves_below, rate_cells
from cxresearch.results.units import Unit
from cxresearch.wording import did_you_mean

_ENDED = "; complete periods only"


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return the revenue metrics, where the study has a revenue table.

    Options of a query: ``profile`` (see `REVENUE_PROFILES`) and ``rates`` (see `mrr_bridge`). Without a
    period they are those of the last complete month. A rate needs an opening cohort; a period that had not
    ended at the data cut is there without a value, its customers counted in ``n_missing``.
    """
    if "revenue" not in study.tables:
        return ()
    return (*_money(), *_rates())


def _money() -> tuple[Metric, Metric]:
    """MRR, and customer churn as revenue tells it."""
    churn = Metric(
        name="customer_churn",
        label="Customer churn",
        unit=Unit.SHARE,
        good="low",
        denominator="customers when the period began",
        family=bridges_of,
        options=(PROFILE, RATES),
        estimate=_customer_churn,
        definition="customers lost / customers when the period began, both as the profile counts them"
        + _ENDED,
    )
    money = Metric(
        name="mrr",
        label="MRR",
        unit=Unit.MONEY,
        good="high",
        denominator="paying customers",
        family=bridges_of,
        options=(PROFILE, RATES),
        estimate=_mrr,
        difference="none",
        definition="recurring revenue a month at the end of the period" + _ENDED,
    )
    return money, churn


def _rates() -> tuple[Metric, ...]:
    """Rates over the MRR of the customers who were there when the period began, and the quick ratio."""
    cohort = "customers of the opening cohort"
    return (
        _rate("gross_revenue_churn", "low", cohort, "(churn + contraction) / opening MRR", primary=False),
        _rate(
            "net_revenue_churn",
            "low",
            cohort,
            "(churn + contraction - expansion) / opening MRR",
            primary=False,
        ),
        _rate(
            "gross_revenue_retention",
            "high",
            cohort,
            "sum of min(closing, opening) / opening MRR",
            primary=False,
        ),
        _rate("net_revenue_retention", "high", cohort, "closing MRR of the opening cohort / its opening MRR"),
        _rate("expansion", "high", cohort, "expansion / opening MRR", primary=False),
        _rate(
            "quick_ratio",
            "high",
            "customers who moved",
            "(new + expansion) / (contraction + churn)",
            unit=Unit.RATIO,
            primary=False,
        ),
    )


def _rate(
    name: str,
    good: Literal["high", "low"],
    denominator: str,
    definition: str,
    *,
    unit: Unit = Unit.SHARE,
    primary: bool = True,
) -> Metric:
    return Metric(
        name=name,
        label=name.replace("_", " ").capitalize(),
        unit=unit,
        good=good,
        denominator=denominator,
        family=bridges_of,
        options=(PROFILE, RATES),
        estimate=_estimator(name),
        primary=primary,
        definition=definition + _ENDED,
    )


@dataclass(frozen=True, kw_only=True)
class Bridges:
    """What the revenue metrics of a query share: the bridge of the money, and the one that counts customers.

    They are one, unless the money follows every change and customer churn the two ends of a period
    (`counting_heads`).
    """

    money: MrrBridge
    heads: MrrBridge


def bridges_of(study: Any, query: Query) -> Bridges:
    """Return the bridges that all revenue metrics of a query share."""
    lost = [name for name in map(query.called, query.by) if name not in study.segments]
    if lost:
        raise NoSuchGroupError(
            f"revenue cannot be grouped by {', '.join(lost)}",
            wanted="segment columns of customers: " + (", ".join(study.segments) or "none"),
            next_step=did_you_mean(lost[0], study.segments),
        )
    rules = revenue_profile(PROFILE.of(query))
    rates = RATES.of(query)
    every = query.every or "month"
    money = bridge_by(study, query.by, every=every, rules=rules, rates=rates)
    heads = counting_heads(rules)
    if heads == rules:
        return Bridges(money=money, heads=money)
    return Bridges(money=money, heads=bridge_by(study, query.by, every=every, rules=heads, rates=rates))


def _rows(bridge: MrrBridge, query: Query, with_customers: pd.Series[bool]) -> pd.DataFrame:
    """Cells with customers; without a period those of the last complete one."""
    rows = bridge.table
    if query.every is None:
        done = rows[rows["complete"]]
        rows = done
        if len(done):
            rows = done[done["period"] == done["period"].max()]
    rows = rows[with_customers[rows.index]]
    if query.keys:
        return rows.sort_values(list(query.keys))
    return rows


def _cells(rows: pd.DataFrame, query: Query, cells: pd.DataFrame) -> pd.DataFrame:
    """Cells with their keys; a period not ended has no value, and its customers are missing from n."""
    return without_running(rows[list(query.keys)].join(cells.assign(n_missing=0)), rows["complete"])


def _estimator(name: str) -> Callable[[Bridges, Query], pd.DataFrame]:
    def estimate(bridges: Bridges, query: Query) -> pd.DataFrame:
        bridge = bridges.money
        rows = _rows(bridge, query, bridge.table["opening_customers"] > 0)
        cells = rate_cells(name, rows, bridge.sums.loc[rows.index], bridge.rules, level=query.level)
        moves = moves_below(name, bridge.rules)
        if moves:  # the denominator is what moved, not the opening MRR
            lost = np.where(cells["value"].isna(), f"no {' or '.join(moves)} in the period", "")
            return _cells(rows, query, cells.assign(note=lost))
        return _cells(rows, query, cells.assign(caution=rows["largest_share"].map(_large_account)))

    return estimate


def _large_account(share: float) -> str:
    """Say that an interval rests on few accounts; nothing where none is large."""
    if not share > LARGE_ACCOUNT:
        return ""
    return f"one account holds {100 * share:.0f} % of opening MRR: the interval rests on few accounts"


def _customer_churn(bridges: Bridges, query: Query) -> pd.DataFrame:
    """Customer churn as `logo_churn` has it, by the denominator of the profile."""
    bridge = bridges.heads
    chosen = bridge.rules.churned_denominator
    rows = _rows(bridge, query, pd.Series(churn_base(bridge.table, chosen) > 0, index=bridge.table.index))
    cells = churn_cells(rows, chosen, level=query.level)
    method = cells["method"] + f"; denominator {chosen}; definition {bridge.rules.name}"
    return _cells(rows, query, cells.assign(method=method))


def _mrr(bridges: Bridges, query: Query) -> pd.DataFrame:
    bridge = bridges.money
    # A count of what is owed, not a sample: it has no interval.
    rows = _rows(bridge, query, bridge.table["closing_customers"] > 0)
    cells = pd.DataFrame(
        {
            "value": rows["closing"],
            "low": np.nan,
            "high": np.nan,
            "se": np.nan,
            "n": rows["closing_customers"],
            "method": f"sum of levels, a count and not a sample; definition {bridge.rules.name}",
        },
        index=rows.index,
    )
    return _cells(rows, query, cells)
