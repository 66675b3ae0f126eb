"""What it costs to win a customer: spend over new customers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.cell_estimates import without_running
from cxresearch.metrics.base.group_columns import neutral_frame, with_users_names
from cxresearch.metrics.base.metric import Metric, Query
from cxresearch.metrics.base.periods import local_moment, period_starts
from cxresearch.metrics.economics.retention_economics import check_whole
from cxresearch.metrics.tables.statistics import finish
from cxresearch.results.estimate import Estimate
from cxresearch.results.hiding import SMALL_BASE
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.ratio import poisson_rate

if TYPE_CHECKING:
    from cxresearch.metrics.revenue.mrr_bridge_result import MrrBridge

_METHOD = "spend / exact Poisson interval (Garwood 1936) of the customers won"


def acquisition_cost(spend: float, new_customers: int, *, level: float = 0.95) -> Estimate:
    """Return the customer acquisition cost (CAC): what was spent over the customers won with it.

    Parameters
    ----------
    spend : float
        What marketing and sales cost, 0 or more: all of it (salaries, agencies, tools), for the customers
        counted. Spend of one period that wins customers in the next belongs to that one.
    new_customers : int
        Customers won, 0 or more. Who came back is not won: `mrr_bridge` has both.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        Money for one customer. Spend is a known amount; that so many came for it is chance. The interval is
        that of the cost of one customer if the same were spent again: spend over the exact Poisson limits of
        the number won. Nobody won: the value is NaN and the interval has no upper end.

    Raises
    ------
    ArgumentError
        If a number is outside its range.

    References
    ----------
    Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28, 437-442.
    doi:10.1093/biomet/28.3-4.437

    Examples
    --------
    >>> acquisition_cost(30_000, 50)
    CAC 600.00 [455.11, 808.39], n 50
    """
    check_number("spend", spend, at_least=0)
    won = 0
    if new_customers:
        won = check_whole("new_customers", new_customers, "customers")
    value, low, high, se = _cost(float(spend), won, check_level(level))
    note = ""
    if won < SMALL_BASE:
        note = f"small base: fewer than {SMALL_BASE} new customers"
    return Estimate(
        name="CAC",
        value=value,
        low=low,
        high=high,
        level=level,
        se=se,
        n=won,
        unit=Unit.MONEY,
        method=_METHOD,
        denominator="new customers",
        note=note if won else "nobody was won",
    )


def _cost(spend: float, won: int, level: float) -> tuple[float, float, float, float]:
    """Value, low, high and standard error (spend over n^(3/2))."""
    # CAC = spend / won; the ends are spend over Garwood's limits of the number won.
    _, low, high = poisson_rate(won, 1.0, level=level)
    if not won:
        return math.nan, spend / high, math.inf, math.nan
    return spend / won, spend / high, spend / low, spend / won**1.5


def acquisition_costs(
    bridge: MrrBridge, spend: Mapping[Any, float] | pd.DataFrame, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the customer acquisition cost by period, and by group where spend is known by group.

    Parameters
    ----------
    bridge : MrrBridge
        From `mrr_bridge`: its new customers of each period and group are those won.
    spend : mapping or DataFrame
        ``{"2024-01": 30_000, ...}``, or a frame with columns ``period, spend`` and the groups of the bridge.
        Any moment within a period names it. Periods without spend are left out.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        The columns of `metric_table`: metric (``"cac"``), the groups, period, value, low, high, ... A running
        period has no value, its customers counted in ``n_missing``; fewer than 5 customers are not shown.
        Intervals as in `acquisition_cost`; no upper end (nobody won) is NaN here.

    Raises
    ------
    ArgumentError
        If a period or group is not in the bridge, or is given twice.
    DataError
        If the frame lacks a column, or an amount is missing, negative or infinite.

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> from cxresearch.metrics.revenue.mrr_bridge import mrr_bridge
    >>> table = acquisition_costs(mrr_bridge(example_study()), {"2024-01": 5000})
    >>> table[["period", "value", "n"]]
          period  value   n
    0 2024-01-01  500.0  10
    """
    query = Query(by=bridge.by, every=bridge.every, level=check_level(level))  # type: ignore[arg-type]
    won, query = neutral_frame(bridge.table, query)
    spent = _spent(bridge, spend).rename(columns={name: column for column, name in query.names.items()})
    cells = _CAC.estimate(_CAC.family(won, query).merge(spent, on=list(query.keys)), query)
    return with_users_names(finish(_CAC, query, cells), query)


def _won(frame: pd.DataFrame, query: Query) -> pd.DataFrame:
    return frame[[*query.keys, "new_customers", "complete"]]


def _spent(bridge: MrrBridge, spend: Mapping[Any, float] | pd.DataFrame) -> pd.DataFrame:
    """Spend by the keys of the bridge."""
    keys = [*bridge.by, "period"]
    # The frame of spend would have two columns of that name, and the amounts would be taken for groups.
    if "spend" in bridge.by:
        problem = "a group of the bridge is called 'spend', as the amounts are"
        raise ArgumentError(problem, next_step="give the segment another name in the study")
    if isinstance(spend, Mapping):
        if bridge.by:
            raise ArgumentError(
                f"spend is a mapping and the bridge is by {', '.join(bridge.by)}",
                wanted=f"a frame with columns {', '.join([*keys, 'spend'])}",
            )
        spend = pd.DataFrame({"period": list(spend), "spend": list(spend.values())})
    lost = [name for name in (*keys, "spend") if name not in spend]
    if lost:
        raise DataError(f"spend has no column {', '.join(lost)}", wanted=", ".join([*keys, "spend"]))
    moments = pd.Series([local_moment(period) for period in spend["period"]], dtype="datetime64[us]")
    spent = spend[list(bridge.by)].reset_index(drop=True)
    spent = spent.assign(period=period_starts(moments, bridge.every), spend=list(spend["spend"]))
    amounts = pd.to_numeric(spent["spend"], errors="coerce").to_numpy(float)
    wrong = ~(np.isfinite(amounts) & (amounts >= 0))
    if wrong.any():
        raise DataError(
            f"spend of {spent['period'][wrong].iloc[0]:%Y-%m-%d} is {spent['spend'][wrong].iloc[0]}",
            wanted="an amount of 0 or more",
        )
    if spent.duplicated(keys).any():
        repeated = spent[spent.duplicated(keys)].iloc[0]
        raise ArgumentError(
            f"spend of {repeated['period']:%Y-%m-%d} is given twice", wanted="one amount a cell"
        )
    # Spend of a period or group that the bridge lacks must not vanish in the join: it is refused by name.
    matched = spent.merge(bridge.table[keys], on=keys, how="left", indicator=True)
    if (matched["_merge"] != "both").any():
        first = matched[matched["_merge"] != "both"].iloc[0]
        named = ", ".join([f"{first['period']:%Y-%m-%d}", *(str(first[name]) for name in bridge.by)])
        raise ArgumentError(
            f"the bridge has no {bridge.every} {named}",
            wanted=f"from {bridge.periods[0]:%Y-%m-%d} to {bridge.periods[-1]:%Y-%m-%d}, and its groups",
        )
    return spent.assign(spend=amounts)


def _cells(rows: pd.DataFrame, query: Query) -> pd.DataFrame:
    rows = rows.sort_values(list(query.keys), ignore_index=True)
    won = rows["new_customers"].astype("int64")
    costs = [_cost(spend, n, query.level) for spend, n in zip(rows["spend"], won, strict=True)]
    ends = np.array(costs, dtype=float).reshape(-1, 4)
    ends[np.isinf(ends).any(axis=1), 1:3] = np.nan  # tables compare by intervals; these have none
    columns = dict(zip(("value", "low", "high", "se"), ends.T, strict=True))
    cells = rows[list(query.keys)].assign(**columns, n=won, n_missing=0, method=_METHOD)
    return without_running(cells, rows["complete"])


_CAC = Metric(
    name="cac",
    label="CAC",
    unit=Unit.MONEY,
    good="low",
    denominator="new customers",
    family=_won,
    estimate=_cells,
    definition="spend / new customers",
)
