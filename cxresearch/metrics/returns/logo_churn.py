"""Customer (logo) churn: its value depends on what it is divided by, so the denominator is named."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.data.engine import Every, collect
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.periods import next_period
from cxresearch.metrics.returns.churn_cells import churn_cells, counting_heads
from cxresearch.metrics.revenue.mrr_bridge import mrr_bridge
from cxresearch.metrics.revenue.revenue_levels import KINDS, revenue_levels, revenue_moves
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.ratio import poisson_rate
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.reached_share import share_reached

if TYPE_CHECKING:
    from cxresearch.data.study import Study

Denominator = Literal["opening", "opening_and_new", "average", "exposure", "km"]

_NAMES = {
    "opening": "customers when the period began",
    "opening_and_new": "customers when the period began, and those who joined in it",
    "average": "mean of the customers at the beginning and the end",
    "exposure": "customer-periods: each customer counts for the part of the period there",
    "km": "customers at risk on each day (Kaplan-Meier, those who join enter when they join)",
}


def logo_churn(
    study: Study,
    *,
    period: Any = None,
    every: Every = "month",
    denominator: Denominator | None = None,
    profile: str | RevenueProfile = "cxresearch",
    level: float = 0.95,
) -> Estimate:
    """Return the share of customers lost in a period.

    Parameters
    ----------
    study : Study
        With table ``revenue``.
    period : str or timestamp, optional
        Any moment within the period. By default the last complete one.
    every : {"day", "week", "month", "quarter", "year"}
        Length of the period.
    denominator : {"opening", "opening_and_new", "average", "exposure", "km"}, optional
        By default that of the definition. ``opening`` counts only losses among the customers of the first
        moment; ``exposure`` is a rate, which can exceed 1; ``km`` is the probability to leave within one
        period.
    profile : str or RevenueProfile
        Whose definition of a customer and of leaving.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        Intervals: Wilson for shares, exact Poisson for the rate, log-log Greenwood for Kaplan-Meier. ``n``
        is the denominator (rounded for ``average`` and ``exposure``).

    Raises
    ------
    ArgumentError
        If there is no such complete period.

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> logo_churn(example_study(), period="2024-02")
    Customer churn 10.0 % [1.8 %, 40.4 %], n 10
    """
    rules = revenue_profile(profile)
    chosen = check_choice("denominator", denominator or rules.churned_denominator, _NAMES)
    check_level(level)
    if chosen in ("exposure", "km"):
        rules = replace(rules, moves="every_change")
    else:
        rules = counting_heads(rules)
    bridge = mrr_bridge(study, every=every, profile=rules, rates=_no_rates(study))
    row = bridge.table.loc[bridge.position(period)]
    if chosen in ("exposure", "km"):
        spells = _spells(study, rules, row, every)
        return (_exposure if chosen == "exposure" else _kaplan_meier)(spells, row, rules, level)
    return _share(row, chosen, rules, level)


def _no_rates(study: Study) -> Any:
    """Customers are counted, not money: any rate does where there are currencies."""
    names = study.table("revenue").collect_schema().names()
    if "currency" not in names or not study.currency:
        return None
    currencies = collect(study.table("revenue").select("currency").unique())["currency"].dropna()
    return dict.fromkeys(map(str, currencies), 1.0)


def _share(row: Any, chosen: str, rules: RevenueProfile, level: float) -> Estimate:
    cell = churn_cells(pd.DataFrame([row]), chosen, level=level).iloc[0]
    ends = (float(cell["value"]), float(cell["low"]), float(cell["high"]))
    return _estimate(ends, int(cell["n"]), method=cell["method"], chosen=chosen, rules=rules, level=level)


def _estimate(
    ends: tuple[float, float, float], n: int, *, method: str, chosen: str, rules: RevenueProfile, level: float
) -> Estimate:
    value, low, high = ends
    return Estimate(
        name="Customer churn",
        value=value,
        low=low,
        high=high,
        level=level,
        se=math.sqrt(value * max(1 - value, 0) / n) if n else math.nan,
        n=n,
        unit=Unit.SHARE,
        method=f"{method}; denominator {chosen}; definition {rules.name}",
        denominator=_NAMES[chosen],
        note="no customer in the denominator" if not n else "",
    )


def _spells(study: Study, rules: RevenueProfile, row: Any, every: Every) -> pd.DataFrame:
    """Stretches of being a customer within the period, in periods: ``entry, duration, event, count``."""
    moves = revenue_moves(revenue_levels(study, rules), rules, every, study.timezone)
    turns = [KINDS.index(kind) for kind in ("new", "reactivation", "churn")]
    turning_points = moves.filter(
        (nw.col("period") == nw.lit(row["period"].to_pydatetime())) & nw.col("kind").is_in(turns)
    )
    rows = collect(turning_points.select("customer_id", "at", "kind")).sort_values(["customer_id", "at"])
    start, end = (_in_utc(study, moment) for moment in (row["period"], next_period(row["period"], every)))
    # Time in periods: 0 when it begins, 1 when it ends.
    rows["time"] = (rows["at"] - start) / (end - start)
    left = rows["kind"] == KINDS.index("churn")
    same = rows["customer_id"].eq(rows["customer_id"].shift())
    ended = pd.DataFrame(
        {
            "entry": np.where(same, rows["time"].shift(), 0.0)[left],
            "duration": rows.loc[left, "time"],
            "event": 1,
            "count": 1,
        }
    )
    last = ~rows["customer_id"].eq(rows["customer_id"].shift(-1))
    stays = rows.loc[~left & last, "time"]
    running = pd.DataFrame({"entry": stays, "duration": 1.0, "event": 0, "count": 1})
    opening_left = int((left & ~same).sum())
    # Customers without a turn in the period were there from 0 to 1: one row stands for all of them.
    quiet = pd.DataFrame(
        {
            "entry": [0.0],
            "duration": [1.0],
            "event": [0],
            "count": [int(row["opening_customers"]) - opening_left],
        }
    )
    spells = pd.concat([part for part in (ended, running, quiet) if len(part)], ignore_index=True)
    # Entry and exit at one moment make no time at risk, which Kaplan-Meier refuses: a billionth of a period.
    spells["duration"] = np.maximum(spells["duration"], spells["entry"] + 1e-9)
    return spells[spells["count"] > 0]


def _in_utc(study: Study, local: pd.Timestamp) -> pd.Timestamp:
    return (
        local.tz_localize(ZoneInfo(study.timezone), nonexistent="shift_forward")
        .tz_convert(UTC)
        .tz_localize(None)
    )


def _exposure(spells: pd.DataFrame, row: Any, rules: RevenueProfile, level: float) -> Estimate:  # noqa: ARG001
    # Person-time: each customer counts for the part of the period there.
    exposure = float(((spells["duration"] - spells["entry"]) * spells["count"]).sum())
    churned = int((spells["event"] * spells["count"]).sum())
    # Rate = events / exposure, with Garwood's limits over the same exposure.
    value, low, high = poisson_rate(churned, exposure, level=level)
    method = "events per customer-period, exact Poisson interval (Garwood 1936)"
    ends, n = (value, low, high), round(exposure)
    return _estimate(ends, n, method=method, chosen="exposure", rules=rules, level=level)


def _kaplan_meier(spells: pd.DataFrame, row: Any, rules: RevenueProfile, level: float) -> Estimate:
    if spells.empty:
        raise ArgumentError("nobody was a customer in this period", where=f"{row['period']:%Y-%m-%d}")
    curve = kaplan_meier(
        spells["duration"], spells["event"], entry=spells["entry"], counts=spells["count"], level=level
    )
    left = share_reached(curve, 1.0, extend=True)
    method = f"1 - Kaplan-Meier at one period, late entry, {left.limits}"
    ends = (left.value, left.low, left.high)
    n = int(spells["count"].sum())
    return _estimate(ends, n, method=method, chosen="km", rules=rules, level=level)
