"""The revenue rates as signed sums of moves over the opening cohort, for all cells of a bridge at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxresearch.metrics.revenue.revenue_ledger import RELATIVE
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile
from cxresearch.stats.intervals.net_ratio import GAIN_METHOD, MoveSums, gain_ratios, net_method, net_ratios
from cxresearch.stats.intervals.ratio import RATIO_METHOD, linearised_ratios, log_ratios


def rate_cells(
    metric: str, rows: pd.DataFrame, sums: pd.DataFrame, rules: RevenueProfile, *, level: float
) -> pd.DataFrame:
    """Return one rate for all rows of a bridge: ``value, low, high, se, n, n_effective, method``.

    Parameters
    ----------
    metric : str
        One of `RATES`.
    rows, sums : DataFrame
        ``table`` and ``sums`` of a bridge, or rows of them.
    rules : RevenueProfile
        The definition.
    level : float
        Confidence level.
    """
    rate = RATES[metric](rules)
    if rate.below:
        cells = _over_moves(rate, sums, level)
    else:
        cells = _over_opening(rate, rows, sums, rules, level)
    # Whoever counts every change may lose more than there was, but cannot keep less than nothing.
    ends = {name: np.maximum(cells[name], rate.floor) for name in ("value", "low", "high")}
    method = f"{rate.text}, {cells.attrs['method']}; definition {rules.name}"
    cells = cells.assign(**ends, method=method)
    cells.index = rows.index
    return cells.reindex(columns=["value", "low", "high", "se", "n", "n_effective", "method"])


def moves_below(metric: str, rules: RevenueProfile) -> tuple[str, ...]:
    """Return the moves that a rate is divided by; none where that is the opening MRR."""
    return RATES[metric](rules).below


@dataclass(frozen=True, kw_only=True)
class _Rate:
    """Moves less their offsets, over opening MRR, or over the moves in ``below``.

    Attributes
    ----------
    moves, offsets : tuple of str
        Kinds of move that are added and subtracted.
    retained : bool
        The rate is what is left: 1 - (moves - offsets) / opening.
    share : bool
        Nobody can lose more than the opening level, so that the rate is a share of each customer's.
    floor : float
        Neither the rate nor an end of its interval is below it.
    below : tuple of str
        What it is divided by instead of the opening MRR.
    text : str
        The formula, for ``method``.
    """

    moves: tuple[str, ...]
    text: str
    offsets: tuple[str, ...] = ()
    retained: bool = False
    share: bool = False
    floor: float = -math.inf
    below: tuple[str, ...] = ()


def _gross_churn(rules: RevenueProfile) -> _Rate:
    return _Rate(
        moves=rules.gross_losses,
        text=" + ".join(rules.gross_losses),
        share=rules.moves == "period_end",
        floor=0.0,
    )


def _net_churn(rules: RevenueProfile) -> _Rate:
    return _Rate(
        moves=_LOSSES,
        offsets=rules.net_offsets,
        text="churn + contraction - " + " - ".join(rules.net_offsets),
    )


def _gross_retention(rules: RevenueProfile) -> _Rate:
    text = "opening - churn - contraction counted by every change, at least 0"
    if rules.moves == "period_end":
        text = "sum of the smaller of opening and closing level"
    return _Rate(moves=_LOSSES, retained=True, share=rules.moves == "period_end", floor=0.0, text=text)


def _net_retention(rules: RevenueProfile) -> _Rate:
    terms = " + ".join(("opening - churn - contraction", *rules.net_offsets))
    text = f"{terms} counted by {rules.moves.replace('_', ' ')}, at least 0"
    if rules.moves == "period_end" and rules.net_offsets == ("expansion",):
        text = "closing MRR of the opening cohort"
    return _Rate(moves=_LOSSES, offsets=rules.net_offsets, retained=True, floor=0.0, text=text)


def _expansion(rules: RevenueProfile) -> _Rate:
    if rules.expansion_base == "new":
        return _Rate(moves=("expansion",), below=("new",), text="expansion / new")
    return _Rate(moves=("expansion",), text="expansion", floor=0.0)


def _quick(rules: RevenueProfile) -> _Rate:  # noqa: ARG001 - one signature for all rates
    return _Rate(
        moves=("new", "expansion"),
        below=("contraction", "churn"),
        text="(new + expansion) / (contraction + churn)",
    )


_LOSSES = ("churn", "contraction")
#: The rates of a bridge, in the order a report lists them.
RATES: dict[str, Callable[[RevenueProfile], _Rate]] = {
    "gross_revenue_churn": _gross_churn,
    "net_revenue_churn": _net_churn,
    "gross_revenue_retention": _gross_retention,
    "net_revenue_retention": _net_retention,
    "expansion": _expansion,
    "quick_ratio": _quick,
}


def _over_moves(rate: _Rate, sums: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return sums of moves over sums of other moves; both sides are chance."""
    above, below = list(rate.moves), list(rate.below)
    # log(a / b) with var = sum a^2 / (sum a)^2 + sum b^2 / (sum b)^2: `log_ratios`.
    cells = log_ratios(
        top=sums[above].sum(axis=1),
        top_squares=sums[[f"{kind}*{kind}" for kind in above]].sum(axis=1),
        bottom=sums[below].sum(axis=1),
        bottom_squares=sums[[f"{kind}*{kind}" for kind in below]].sum(axis=1),
        level=level,
    )
    movers = sums[[f"{kind}_customers" for kind in (*above, *below)]].sum(axis=1)
    cells = cells.assign(n=movers.to_numpy())
    cells.attrs["method"] = "interval symmetric on the logarithm"
    return cells


def _over_opening(
    rate: _Rate, rows: pd.DataFrame, sums: pd.DataFrame, rules: RevenueProfile, level: float
) -> pd.DataFrame:
    """Return moves less offsets over opening MRR, or what they leave of it."""
    n = rows["opening_customers"].to_numpy()
    if rate.share:
        cells = linearised_ratios(**_shares_of_opening(rate, sums), n=n, level=level)
        method = RATIO_METHOD
    else:
        cells, method = _lost_less_won(rate, sums, n, bounded=rules.moves == "period_end", level=level)
    cells = cells.assign(n=n)
    cells.attrs["method"] = f"over opening MRR; {method}"
    return cells


def _lost_less_won(
    rate: _Rate, sums: pd.DataFrame, n: Any, *, bounded: bool, level: float
) -> tuple[pd.DataFrame, str]:
    """Return the rate of each cell and the name of its interval; ``bounded``: nobody loses more than all."""
    opening = {"s": sums["opening"], "ss": sums["opening*opening"], "n": n, "level": level}
    if rate.offsets:
        # Zou and Donner (2008): the interval of a difference from those of its parts and their covariance,
        # for which the sum of products of a customer's losses and gains is needed.
        cross = sum(_product(sums, lost, won) for lost in rate.moves for won in rate.offsets)
        losses, gains = _moves(sums, rate.moves), _moves(sums, rate.offsets)
        cells = net_ratios(losses, gains, cross=cross, share=bounded, **opening)
        method = net_method(share=bounded)
    else:
        cells, method = gain_ratios(_moves(sums, rate.moves), **opening), GAIN_METHOD
    if not rate.retained:
        return cells, method
    # retention = 1 - churn, so the ends change places.
    ends = {"low": 1.0 - cells["high"], "high": 1.0 - cells["low"]}
    return cells.assign(value=1.0 - cells["value"], **ends), method


def _moves(sums: pd.DataFrame, kinds: tuple[str, ...]) -> MoveSums:
    """Return the sums of several kinds of move taken together."""
    names = list(kinds)
    return MoveSums(
        x=sums[names].sum(axis=1).astype(float),
        xx=_squares(sums, kinds),
        xs=sums[[f"{kind}*opening" for kind in names]].sum(axis=1),
        movers=sums[[f"{kind}_customers" for kind in names]].sum(axis=1),
        relative=_relative(sums, kinds),
    )


def _squares(sums: pd.DataFrame, kinds: tuple[str, ...]) -> Any:
    """Sum of (a + b)^2 over customers: of all products of two kinds, each pair both ways."""
    return sum(_product(sums, one, other) for one in kinds for other in kinds)


def _product(sums: pd.DataFrame, one: str, other: str) -> pd.Series:
    """Sum of the products of two kinds of move of a customer, kept once a pair."""
    name = f"{one}*{other}"
    if name in sums:
        return sums[name]
    return sums[f"{other}*{one}"]


def _relative(sums: pd.DataFrame, kinds: tuple[str, ...]) -> Any:
    """Sum of x^2 / s: who leaves loses all (x = s, so x^2 / s = x), who contracts a part."""
    columns = [{"contraction": RELATIVE}.get(kind, kind) for kind in kinds]
    return sum(sums[column].astype(float) for column in columns)


def _shares_of_opening(rate: _Rate, sums: pd.DataFrame) -> dict[str, Any]:
    """Return the sums of `linearised_ratios` for x lost, or x = s - lost left, of each customer's s."""
    lost = _moves(sums, rate.moves)
    s, ss = sums["opening"].astype(float), sums["opening*opening"].astype(float)
    if not rate.retained:
        return {"x": lost.x, "s": s, "xx": lost.xx, "xs": lost.xs, "ss": ss, "relative": lost.relative}
    x, xx, xs, relative = (np.asarray(part) for part in (lost.x, lost.xx, lost.xs, lost.relative))
    return {
        "x": s - x,
        "s": s,
        "xx": ss - 2 * xs + xx,  # sum (s - x)^2
        "xs": ss - xs,  # sum (s - x) s
        "ss": ss,
        "relative": s - 2 * x + relative,  # sum (s - x)^2 / s
    }
