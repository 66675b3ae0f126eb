"""The revenue rates as signed sums of moves over the opening cohort, for all cells of a bridge at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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
        ``frame`` and ``sums`` of a bridge, or rows of them.
    rules : RevenueProfile
        The definition.
    level : float
        Confidence level.
    """
    ask = RATES[metric](rules)
    if ask.over:
        top, bottom = (sums[list(kinds)].sum(axis=1) for kinds in (ask.signs, ask.over))
        squares = [sums[[f"{kind}*{kind}" for kind in kinds]].sum(axis=1) for kinds in (ask.signs, ask.over)]
        found = log_ratios(
            top=top, top_squares=squares[0], bottom=bottom, bottom_squares=squares[1], level=level
        )
        moved = [f"{kind}_customers" for kind in (*ask.signs, *ask.over)]
        n, method = sums[moved].sum(axis=1).to_numpy(), "interval symmetric on the logarithm"
    else:
        n = rows["opening_customers"].to_numpy()
        found, text = _over_opening(sums, ask, n, level=level, share=rules.moves == "period_end")
        method = f"over opening MRR; {text}"
    for end in ("value", "low", "high"):
        found[end] = np.maximum(found[end], ask.floor)
    found = found.assign(n=n, method=f"{ask.text}, {method}; definition {rules.name}")
    found.index = rows.index
    return found.reindex(columns=["value", "low", "high", "se", "n", "n_effective", "method"])


def moves_below(metric: str, rules: RevenueProfile) -> tuple[str, ...]:
    """Return the moves that a rate is divided by; none where that is the opening MRR."""
    return RATES[metric](rules).over


@dataclass(frozen=True, kw_only=True)
class _Question:
    """``base`` plus signed moves over opening MRR, or over the sum of the moves in ``over``.

    Neither the rate nor an end of its interval is below ``floor``: whoever counts every change may lose more
    than there was at the start, but cannot keep less than nothing.
    """

    signs: Mapping[str, float]
    text: str
    base: float = 0.0
    share: bool = False
    floor: float = -math.inf
    over: tuple[str, ...] = ()


def _gross_churn(rules: RevenueProfile) -> _Question:
    losses = rules.gross_losses
    return _Question(
        signs=dict.fromkeys(losses, 1.0),
        text=" + ".join(losses),
        share=rules.moves == "period_end",
        floor=0.0,
    )


def _net_churn(rules: RevenueProfile) -> _Question:
    signs = dict.fromkeys(("churn", "contraction"), 1.0) | dict.fromkeys(rules.net_offsets, -1.0)
    return _Question(
        signs=signs,
        text="churn + contraction - " + " - ".join(rules.net_offsets),
    )


def _gross_retention(rules: RevenueProfile) -> _Question:
    ends = rules.moves == "period_end"
    return _Question(
        signs={"churn": -1.0, "contraction": -1.0},
        base=1.0,
        share=ends,
        floor=0.0,
        text="sum of the smaller of opening and closing level"
        if ends
        else "opening - churn - contraction counted by every change, at least 0",
    )


def _net_retention(rules: RevenueProfile) -> _Question:
    ends = rules.moves == "period_end" and rules.net_offsets == ("expansion",)
    moves = " + ".join(("opening - churn - contraction", *rules.net_offsets))
    return _Question(
        signs={"churn": -1.0, "contraction": -1.0} | dict.fromkeys(rules.net_offsets, 1.0),
        base=1.0,
        floor=0.0,
        text="closing MRR of the opening cohort"
        if ends
        else f"{moves} counted by {rules.moves.replace('_', ' ')}, at least 0",
    )


def _expansion(rules: RevenueProfile) -> _Question:
    if rules.expansion_base == "new":
        return _Question(signs={"expansion": 1.0}, over=("new",), text="expansion / new")
    return _Question(signs={"expansion": 1.0}, text="expansion", floor=0.0)


def _quick(rules: RevenueProfile) -> _Question:  # noqa: ARG001 - one signature for all rates
    return _Question(
        signs={"new": 1.0, "expansion": 1.0},
        over=("contraction", "churn"),
        text="(new + expansion) / (contraction + churn)",
    )


#: The rates of a bridge, in the order a report lists them.
RATES: dict[str, Callable[[RevenueProfile], _Question]] = {
    "gross_revenue_churn": _gross_churn,
    "net_revenue_churn": _net_churn,
    "gross_revenue_retention": _gross_retention,
    "net_revenue_retention": _net_retention,
    "expansion": _expansion,
    "quick_ratio": _quick,
}


def _over_opening(
    sums: pd.DataFrame, ask: _Question, n: Any, *, level: float, share: bool
) -> tuple[pd.DataFrame, str]:
    """Return the ratio of each cell and the name of its interval; ``share``: nobody loses more than all."""
    if ask.share:
        found = linearised_ratios(**_ratio_sums(sums, ask), n=n, level=level)
        return found, RATIO_METHOD
    up, down = (-1.0, 1.0) if ask.base else (1.0, -1.0)  # retention counts what is left, churn what is lost
    lost = [kind for kind, sign in ask.signs.items() if sign == up]
    won = [kind for kind, sign in ask.signs.items() if sign == down]
    base = {"s": sums["opening"], "ss": sums["opening*opening"], "n": n, "level": level}
    if won:
        cross = sum(_product(sums, a, b) for a in lost for b in won)
        found = net_ratios(_moves(sums, lost), _moves(sums, won), cross=cross, share=share, **base)
    else:
        found = gain_ratios(_moves(sums, lost), **base)
    if ask.base:
        ends = {"low": ask.base - found["high"], "high": ask.base - found["low"]}
        found = found.assign(value=ask.base - found["value"], **ends)
    return found, net_method(share=share) if won else GAIN_METHOD


def _moves(sums: pd.DataFrame, kinds: list[str]) -> MoveSums:
    return MoveSums(
        x=sums[kinds].sum(axis=1).astype(float),
        xx=sum(_product(sums, a, b) for a in kinds for b in kinds),
        xs=sums[[f"{kind}*opening" for kind in kinds]].sum(axis=1),
        movers=sums[[f"{kind}_customers" for kind in kinds]].sum(axis=1),
        relative=sum(sums[RELATIVE if kind == "contraction" else kind].astype(float) for kind in kinds),
    )


def _product(sums: pd.DataFrame, a: str, b: str) -> pd.Series:
    return sums[f"{a}*{b}" if f"{a}*{b}" in sums else f"{b}*{a}"]


def _ratio_sums(sums: pd.DataFrame, ask: _Question) -> dict[str, Any]:
    """Sums of x = base * opening + signed moves, from sums of the parts."""
    kinds = list(ask.signs)
    square = sum(ask.signs[a] * ask.signs[b] * _product(sums, a, b) for a in kinds for b in kinds)
    cross = sum(sign * sums[f"{kind}*opening"] for kind, sign in ask.signs.items())
    total, spread = sums["opening"].astype(float), sums["opening*opening"].astype(float)
    return {
        "x": ask.base * total + sum(sign * sums[kind] for kind, sign in ask.signs.items()),
        "s": total,
        "xx": ask.base**2 * spread + 2 * ask.base * cross + square,
        "xs": ask.base * spread + cross,
        "ss": spread,
        "relative": _relative(sums, ask),
    }


def _relative(sums: pd.DataFrame, ask: _Question) -> pd.Series:
    """Sum of x^2 / s of a share: who leaves loses all (x = s), who contracts a part."""
    found = pd.Series(0.0, index=sums.index)
    if "churn" in ask.signs:
        found = found + sums["churn"]
    if "contraction" in ask.signs:
        found = found + sums[RELATIVE]
    if ask.base:  # kept = s - lost: sum (s - lost)^2 / s
        found = found + sums["opening"] - 2 * sums[list(ask.signs)].sum(axis=1)
    return found
