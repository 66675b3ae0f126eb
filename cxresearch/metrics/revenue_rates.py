"""The revenue rates as signed sums of moves over the opening cohort, for all cells of a bridge at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxresearch.metrics.revenue_ledger import RELATIVE
from cxresearch.metrics.revenue_profiles import RevenueProfile
from cxresearch.stats.ratio import linearised_ratios, log_ratios, ratio_method


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
        found = linearised_ratios(**_ratio_sums(sums, ask), n=n, level=level, share=ask.share)
        method = f"over opening MRR; {ratio_method(share=ask.share)}"
    found["low"] = np.maximum(found["low"], ask.floor)
    found = found.assign(n=n, method=f"{ask.text}, {method}; definition {rules.name}")
    found.index = rows.index
    return found.reindex(columns=["value", "low", "high", "se", "n", "n_effective", "method"])


@dataclass(frozen=True, kw_only=True)
class _Question:
    """``base`` plus signed moves over opening MRR, or over the sum of the moves in ``over``."""

    name: str
    signs: Mapping[str, float]
    text: str
    base: float = 0.0
    share: bool = False
    floor: float = -math.inf
    over: tuple[str, ...] = ()


def _gross_churn(rules: RevenueProfile) -> _Question:
    losses = rules.gross_losses
    return _Question(
        name="Gross revenue churn",
        signs=dict.fromkeys(losses, 1.0),
        text=" + ".join(losses),
        share=rules.moves == "period_end",
        floor=0.0,
    )


def _net_churn(rules: RevenueProfile) -> _Question:
    signs = dict.fromkeys(("churn", "contraction"), 1.0) | dict.fromkeys(rules.net_offsets, -1.0)
    return _Question(
        name="Net revenue churn",
        signs=signs,
        text="churn + contraction - " + " - ".join(rules.net_offsets),
    )


def _gross_retention(rules: RevenueProfile) -> _Question:
    return _Question(
        name="Gross revenue retention",
        signs={"churn": -1.0, "contraction": -1.0},
        base=1.0,
        share=rules.moves == "period_end",
        text="sum of the smaller of opening and closing level",
    )


def _net_retention(rules: RevenueProfile) -> _Question:
    return _Question(
        name="Net revenue retention",
        signs={"churn": -1.0, "contraction": -1.0} | dict.fromkeys(rules.net_offsets, 1.0),
        base=1.0,
        text="closing MRR of the opening cohort",
    )


def _expansion(rules: RevenueProfile) -> _Question:
    if rules.expansion_base == "new":
        return _Question(
            name="Expansion of new revenue", signs={"expansion": 1.0}, over=("new",), text="expansion / new"
        )
    return _Question(name="Expansion", signs={"expansion": 1.0}, text="expansion", floor=0.0)


def _quick(rules: RevenueProfile) -> _Question:  # noqa: ARG001 - one signature for all rates
    return _Question(
        name="Quick ratio",
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


def _ratio_sums(sums: pd.DataFrame, ask: _Question) -> dict[str, Any]:
    """Sums of x = base * opening + signed moves, from sums of the parts."""
    kinds = list(ask.signs)

    def product(a: str, b: str) -> pd.Series:
        return sums[f"{a}*{b}" if f"{a}*{b}" in sums else f"{b}*{a}"]

    square = sum(ask.signs[a] * ask.signs[b] * product(a, b) for a in kinds for b in kinds)
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
