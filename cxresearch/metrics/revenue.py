"""Revenue rates: churn, retention, expansion and the quick ratio, each over a named opening cohort."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.checks import check_level
from cxresearch.errors import CxWarning
from cxresearch.metrics.revenue_bridge import mrr_bridge
from cxresearch.metrics.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.results.bridge import MrrBridge
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.ratio import RatioSums, linearised_ratio, log_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cxresearch.data.engine import Every
    from cxresearch.data.study import Study

    Where = Mapping[str, str] | None
    Profile = str | RevenueProfile | None

_LARGE = 0.1
_COHORT = "MRR of the customers who were there when the period began"


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
        Whose definition; ``"articles"`` counts downgrades only. By default ``"cxresearch"``, or the bridge's
        own; given with a bridge it only decides which of its moves count.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        With n, the customers of the opening cohort. NaN if nobody was there.

    Warns
    -----
    CxWarning
        If one account holds more than 10 % of the opening MRR: the interval then rests on few accounts.

    Notes
    -----
    The interval treats customers as independent units (see `linearised_ratio`).

    References
    ----------
    Cochran, W. G. (1977). Sampling techniques (3rd ed.), section 6.

    Examples
    --------
    >>> gross_revenue_churn(_example_study(), period="2024-02")  # 100 at the start, 10 lost, 10 downgraded
    Gross revenue churn 20.0 % [5.6 %, 51.3 %], n 10
    """
    scope = _scope(study, period=period, where=where, every=every, profile=profile, level=level)
    signs = dict.fromkeys(scope.rules.gross_losses, 1.0)
    share = scope.rules.moves == "period_end"
    ask = _Question(
        name="Gross revenue churn", signs=signs, share=share, text=" + ".join(scope.rules.gross_losses)
    )
    return _rate(ask, scope)


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

    Parameters are those of `gross_revenue_churn`. ChartMogul and Stripe also subtract reactivation.

    Examples
    --------
    >>> net_revenue_churn(_example_study(), period="2024-02")
    Net revenue churn 10.0 % [−26.9 %, 46.9 %], n 10
    """
    scope = _scope(study, period=period, where=where, every=every, profile=profile, level=level)
    signs = dict.fromkeys(("churn", "contraction"), 1.0) | dict.fromkeys(scope.rules.net_offsets, -1.0)
    text = "churn + contraction - " + " - ".join(scope.rules.net_offsets)
    ask = _Question(name="Net revenue churn", signs=signs, text=text)
    return _rate(ask, scope)


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

    Parameters are those of `gross_revenue_churn`.

    Examples
    --------
    >>> float(gross_revenue_retention(_example_study(), period="2024-02"))
    0.8
    """
    scope = _scope(study, period=period, where=where, every=every, profile=profile, level=level)
    signs = {"churn": -1.0, "contraction": -1.0}
    ask = _Question(
        name="Gross revenue retention",
        signs=signs,
        base=1.0,
        share=scope.rules.moves == "period_end",
        text="sum of the smaller of opening and closing level",
    )
    return _rate(ask, scope)


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

    Parameters are those of `gross_revenue_churn`.

    Examples
    --------
    >>> float(net_revenue_retention(_example_study(), period="2024-02"))
    0.9
    """
    scope = _scope(study, period=period, where=where, every=every, profile=profile, level=level)
    signs = {"churn": -1.0, "contraction": -1.0} | dict.fromkeys(scope.rules.net_offsets, 1.0)
    ask = _Question(
        name="Net revenue retention", signs=signs, base=1.0, text="closing MRR of the opening cohort"
    )
    return _rate(ask, scope)


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

    Parameters are those of `gross_revenue_churn`.

    Examples
    --------
    >>> expansion(_example_study(), period="2024-02").value
    0.1
    """
    scope = _scope(study, period=period, where=where, every=every, profile=profile, level=level)
    if scope.rules.expansion_base == "new":
        return _of_two("Expansion of new revenue", ("expansion",), ("new",), scope)
    ask = _Question(name="Expansion", signs={"expansion": 1.0}, text="expansion", floor=0.0)
    return _rate(ask, scope)


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

    Parameters are those of `gross_revenue_churn`. NaN where nothing was lost. The interval is symmetric on
    the logarithm, the customers who moved taken as independent (`log_ratio`).

    Examples
    --------
    >>> quick_ratio(_example_study(), period="2024-02").value
    0.5
    """
    scope = _scope(study, period=period, where=where, every=every, profile=profile, level=level)
    top, bottom = ("new", "expansion"), ("contraction", "churn")
    return _of_two("Quick ratio", top, bottom, scope)


#: The rates of a bridge, in the order a report lists them.
RATES: dict[str, Callable[..., Estimate]] = {
    "gross_revenue_churn": gross_revenue_churn,
    "net_revenue_churn": net_revenue_churn,
    "gross_revenue_retention": gross_revenue_retention,
    "net_revenue_retention": net_revenue_retention,
    "expansion": expansion,
    "quick_ratio": quick_ratio,
}


def revenue_rates(
    study: Study | MrrBridge,
    *,
    every: Every = "month",
    by: Sequence[str] = (),
    profile: Profile = None,
    rates: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return every revenue rate for every period and group, from one pass over the revenue table.

    Parameters
    ----------
    study, every, by, profile, rates
        As in `mrr_bridge`; a bridge computed before may be given instead of a study.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns ``period``, those of ``by``, ``metric`` (`RATES`), ``value, low, high, se, n, denominator,
        method, largest_share, complete``; one row for each rate, period and group with an opening cohort.

    Examples
    --------
    >>> revenue_rates(_example_study()).query("metric == 'net_revenue_churn'")["value"].tolist()
    [0.1]
    """
    check_level(level)
    bridge = _bridge(study, every, profile, by=by, rates=rates)
    found = []
    for _, row in bridge.frame[bridge.frame["opening_customers"] > 0].iterrows():
        where = {name: row[name] for name in bridge.by}
        for metric, rate in RATES.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CxWarning)
                got = rate(bridge, period=row["period"], where=where, profile=profile, level=level)
            numbers = (got.value, got.low, got.high, got.se, got.n, got.denominator, got.method)
            found.append(
                (row["period"], *where.values(), metric, *numbers, row["largest_share"], row["complete"])
            )
    columns = ["period", *bridge.by, "metric", "value", "low", "high", "se", "n", "denominator", "method"]
    rows = pd.DataFrame(found, columns=[*columns, "largest_share", "complete"])
    return rows[rows["complete"]].reset_index(drop=True)


@dataclass(frozen=True, kw_only=True)
class _Question:
    """A rate over the opening cohort: ``base`` plus signed moves, divided by opening MRR."""

    name: str
    signs: Mapping[str, float]
    text: str
    base: float = 0.0
    share: bool = False
    floor: float = -math.inf


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """A row of a bridge, the definition to read it by, and the confidence level."""

    row: Any
    sums: Any
    rules: RevenueProfile
    level: float


def _scope(
    study: Study | MrrBridge, *, period: Any, where: Where, every: Every, profile: Profile, level: float
) -> _Scope:
    group = dict(where or {})
    bridge = _bridge(study, every, profile, by=list(group))
    at = bridge.position(period, **group)
    rules = bridge.rules if profile is None else revenue_profile(profile)
    return _Scope(row=bridge.frame.loc[at], sums=bridge.sums.loc[at], rules=rules, level=check_level(level))


def _bridge(study: Study | MrrBridge, every: Every, profile: Profile, **more: Any) -> MrrBridge:
    if isinstance(study, MrrBridge):
        return study
    return mrr_bridge(study, every=every, profile=profile or "cxresearch", **more)


def _rate(ask: _Question, scope: _Scope) -> Estimate:
    n = int(scope.row["opening_customers"])
    found = linearised_ratio(_ratio_sums(scope.sums, ask, n), level=scope.level, share=ask.share)
    return Estimate(
        name=ask.name,
        value=found.value,
        low=max(found.low, ask.floor) if found.low == found.low else found.low,
        high=found.high,
        level=scope.level,
        se=found.se,
        n=n,
        unit=Unit.SHARE,
        method=f"{ask.text}, over opening MRR; {found.method}; definition {scope.rules.name}",
        denominator=_COHORT,
        n_effective=found.n_effective,
        note=_large_account(scope.row["largest_share"]),
    )


def _ratio_sums(sums: Any, ask: _Question, n: int) -> RatioSums:
    """Sums of x = base * opening + signed moves, from sums of the parts."""
    kinds = list(ask.signs)
    pair = {
        (a, b): sums[f"{a}*{b}"] if f"{a}*{b}" in sums.index else sums[f"{b}*{a}"]
        for a in kinds
        for b in kinds
    }
    square = sum(ask.signs[a] * ask.signs[b] * pair[a, b] for a in kinds for b in kinds)
    cross = sum(sign * sums[f"{kind}*opening"] for kind, sign in ask.signs.items())
    total, spread = float(sums["opening"]), float(sums["opening*opening"])
    return RatioSums(
        x=ask.base * total + sum(sign * float(sums[kind]) for kind, sign in ask.signs.items()),
        s=total,
        xx=ask.base**2 * spread + 2 * ask.base * float(cross) + float(square),
        xs=ask.base * spread + float(cross),
        ss=spread,
        n=n,
    )


def _large_account(share: float) -> str:
    if not share > _LARGE:
        return ""
    text = f"one account holds {100 * share:.0f} % of opening MRR"
    warnings.warn(f"{text}: the interval rests on few accounts", CxWarning, stacklevel=5)
    return text


def _of_two(name: str, top: tuple[str, ...], bottom: tuple[str, ...], scope: _Scope) -> Estimate:
    sums = scope.sums
    gains, losses = (float(sum(sums[kind] for kind in kinds)) for kinds in (top, bottom))
    squares = [float(sum(sums[f"{kind}*{kind}"] for kind in kinds)) for kinds in (top, bottom)]
    low, high, se = log_ratio(gains, squares[0], losses, squares[1], level=scope.level)
    formula = f"({' + '.join(top)}) / ({' + '.join(bottom)})"
    return Estimate(
        name=name,
        value=gains / losses if losses else math.nan,
        low=low,
        high=high,
        level=scope.level,
        se=se,
        n=int(sum(sums[f"{kind}_customers"] for kind in (*top, *bottom))),
        unit=Unit.RATIO,
        method=f"{formula}; interval symmetric on the logarithm; definition {scope.rules.name}",
        denominator=f"customers who moved ({', '.join((*top, *bottom))})",
        note="" if losses else f"no {' or '.join(bottom)} in the period",
    )


def _example_study() -> Study:
    """Ten customers of 10 a month; in February one leaves, one halves twice over, one doubles."""
    from cxresearch.data.study import Study

    ids = [f"c{number}" for number in range(10)]
    start = pd.DataFrame({"customer_id": ids, "effective_at": pd.Timestamp("2024-01-10"), "mrr": 10.0})
    moved = start.iloc[:4].assign(effective_at=pd.Timestamp("2024-02-10"), mrr=[0.0, 5.0, 5.0, 20.0])
    return Study.from_frames(
        {"revenue": pd.concat([start, moved])}, observed_until="2024-03-05", instruments={}, currency="EUR"
    )
