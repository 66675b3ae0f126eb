"""Revenue rates: churn, retention, expansion and the quick ratio, each over a named opening cohort."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import pandas as pd

from cxresearch.checks import check_level
from cxresearch.errors import CxWarning
from cxresearch.metrics.base.group_columns import neutral_frame, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.revenue.mrr_bridge import mrr_bridge
from cxresearch.metrics.revenue.mrr_bridge_result import MrrBridge
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.metrics.revenue.revenue_rates import RATES, rate_cells
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cxresearch.data.engine import Every
    from cxresearch.data.study import Study

    Where = Mapping[str, str] | None
    Profile = str | RevenueProfile | None

P = ParamSpec("P")

_LARGE = 0.1
_COHORT = "MRR of the customers who were there when the period began"
_SHARED = """
    Parameters
    ----------
    study : Study or MrrBridge
        A study, or a bridge computed before, which fixes ``every``, groups, rates and the definition.
    period : str or timestamp, optional
        Any moment within the period. By default the last complete one.
    where : mapping, optional
        A group: ``{"plan": "pro"}``. Without it all customers.
    every : {"day", "week", "month", "quarter", "year"}
        Length of the period.
    profile : str or RevenueProfile, optional
        Whose definition (see `REVENUE_PROFILES`). By default ``"cxresearch"``, or the bridge's own; given
        with a bridge it only decides which of its moves count.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        With n, the customers counted. NaN where there is nothing to divide by.

    Raises
    ------
    ArgumentError
        If there is no such period or group.
    DataError
        If the revenue table is empty, or holds a negative level or a currency without a rate.

    Warns
    -----
    CxWarning
        If one account holds more than 10 % of the opening MRR: the interval then rests on few accounts.

    Notes
    -----
    Customers are taken as independent draws from those the firm might have had; ``method`` names the
    interval. Losses: Wilson's at the effective number of customers (`linearised_ratio`). Gains: a Poisson
    score interval at the effective number of moves (`gain_ratios`). Net figures join both by MOVER
    (`net_ratios`), the quick ratio on the logarithm (`log_ratios`). Coverage is in docs/validation.md.

    References
    ----------
    Cochran, W. G. (1977). Sampling techniques (3rd ed.), section 6.
    Zou, G. Y., & Donner, A. (2008). Construction of confidence limits about effect measures. Statistics in
    Medicine 27, 1693-1702. doi:10.1002/sim.3095
"""


def _documented(function: Callable[P, Estimate]) -> Callable[P, Estimate]:
    """Complete the docstring of a rate with what all rates share, above its examples."""
    head, rule, examples = (inspect.getdoc(function) or "").partition("Examples\n---")
    function.__doc__ = f"{head}{inspect.cleandoc(_SHARED)}\n\n{rule}{examples}"
    return function


@_documented
def gross_revenue_churn(
    study: Study | MrrBridge,
    *,
    period: Any = None,
    where: Where = None,
    every: Every = "month",
    profile: Profile = None,
    level: float = 0.95,
) -> Estimate:
    """Return the share of opening MRR lost in a period: (churn + contraction) / opening MRR.

    ``profile="articles"`` counts downgrades only.

    Examples
    --------
    >>> gross_revenue_churn(_example_study(), period="2024-02")  # 100 at the start, 10 lost, 10 downgraded
    Gross revenue churn 20.0 % [6.6 %, 47.0 %], n 10
    """
    return _rate(
        "gross_revenue_churn", study, period=period, where=where, every=every, profile=profile, level=level
    )


@_documented
def net_revenue_churn(
    study: Study | MrrBridge,
    *,
    period: Any = None,
    where: Where = None,
    every: Every = "month",
    profile: Profile = None,
    level: float = 0.95,
) -> Estimate:
    """Return gross revenue churn less what the opening cohort added; negative when it grew.

    ChartMogul and Stripe also subtract reactivation.

    Examples
    --------
    >>> net_revenue_churn(_example_study(), period="2024-02")
    Net revenue churn 10.0 % [−41.1 %, 39.8 %], n 10
    """
    return _rate(
        "net_revenue_churn", study, period=period, where=where, every=every, profile=profile, level=level
    )


@_documented
def gross_revenue_retention(
    study: Study | MrrBridge,
    *,
    period: Any = None,
    where: Where = None,
    every: Every = "month",
    profile: Profile = None,
    level: float = 0.95,
) -> Estimate:
    """Return GRR = sum(min(closing, opening)) / opening MRR, over the opening cohort; never above 1.

    Definitions that count every change (ChartMogul, Stripe, Baremetrics) take 1 - (churn + contraction) /
    opening MRR instead, and 0 where more was lost than was there when the period began.

    Examples
    --------
    >>> float(gross_revenue_retention(_example_study(), period="2024-02"))
    0.8
    """
    return _rate(
        "gross_revenue_retention",
        study,
        period=period,
        where=where,
        every=every,
        profile=profile,
        level=level,
    )


@_documented
def net_revenue_retention(
    study: Study | MrrBridge,
    *,
    period: Any = None,
    where: Where = None,
    every: Every = "month",
    profile: Profile = None,
    level: float = 0.95,
) -> Estimate:
    """Return NRR = closing MRR of the opening cohort / its opening MRR.

    Definitions that count every change (ChartMogul, Stripe, Baremetrics) take 1 - net revenue churn instead,
    whoever moved; it is 0 where more was lost than was there when the period began.

    Examples
    --------
    >>> float(net_revenue_retention(_example_study(), period="2024-02"))
    0.9
    """
    return _rate(
        "net_revenue_retention", study, period=period, where=where, every=every, profile=profile, level=level
    )


@_documented
def expansion(
    study: Study | MrrBridge,
    *,
    period: Any = None,
    where: Where = None,
    every: Every = "month",
    profile: Profile = None,
    level: float = 0.95,
) -> Estimate:
    """Return expansion MRR / opening MRR; with ``profile="articles"`` expansion as a multiple of new MRR.

    Examples
    --------
    >>> expansion(_example_study(), period="2024-02").value
    0.1
    """
    return _rate("expansion", study, period=period, where=where, every=every, profile=profile, level=level)


@_documented
def quick_ratio(
    study: Study | MrrBridge,
    *,
    period: Any = None,
    where: Where = None,
    every: Every = "month",
    profile: Profile = None,
    level: float = 0.95,
) -> Estimate:
    """Return (new + expansion) / (contraction + churn) of a period.

    NaN where nothing was lost; n counts the customers who moved.

    Examples
    --------
    >>> quick_ratio(_example_study(), period="2024-02").value
    0.5
    """
    return _rate("quick_ratio", study, period=period, where=where, every=every, profile=profile, level=level)


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
    >>> revenue_rates(_example_study()).query("metric == 'net_revenue_churn'")["value"].tolist()
    [0.1]
    """
    bridge = _bridge(study, every, profile, by=by, rates=rates)
    rules = bridge.rules if profile is None else revenue_profile(profile)
    frame, query = neutral_frame(bridge.frame, Query(by=bridge.by))
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


def _rate(
    metric: str,
    study: Study | MrrBridge,
    *,
    period: Any,
    where: Where,
    every: Every,
    profile: Profile,
    level: float,
) -> Estimate:
    group = dict(where or {})
    bridge = _bridge(study, every, profile, by=list(group))
    at = [bridge.position(period, **group)]
    rules = bridge.rules if profile is None else revenue_profile(profile)
    row = bridge.frame.loc[at]
    cell = rate_cells(metric, row, bridge.sums.loc[at], rules, level=check_level(level)).iloc[0]
    ask = RATES[metric](rules)
    missing = f"no {' or '.join(ask.over)} in the period" if ask.over and math.isnan(cell["value"]) else ""
    return Estimate(
        name=ask.name,
        value=float(cell["value"]),
        low=float(cell["low"]),
        high=float(cell["high"]),
        level=level,
        se=float(cell["se"]),
        n=int(cell["n"]),
        unit=Unit.RATIO if ask.over else Unit.SHARE,
        method=cell["method"],
        denominator="customers who moved" if ask.over else _COHORT,
        n_effective=None if ask.over else float(cell["n_effective"]),
        note=missing or ("" if ask.over else _large_account(float(row["largest_share"].iloc[0]))),
    )


def _large_account(share: float) -> str:
    if not share > _LARGE:
        return ""
    text = f"one account holds {100 * share:.0f} % of opening MRR"
    warnings.warn(f"{text}: the interval rests on few accounts", CxWarning, stacklevel=4)
    return text


def _example_study() -> Study:
    """Ten customers of 10 a month; in February one leaves, one halves twice over, one doubles."""
    from cxresearch.data.study import Study

    ids = [f"c{number}" for number in range(10)]
    start = pd.DataFrame({"customer_id": ids, "effective_at": pd.Timestamp("2024-01-10"), "mrr": 10.0})
    moved = start.iloc[:4].assign(effective_at=pd.Timestamp("2024-02-10"), mrr=[0.0, 5.0, 5.0, 20.0])
    return Study.from_frames(
        {"revenue": pd.concat([start, moved])}, observed_until="2024-03-05", instruments={}, currency="EUR"
    )
