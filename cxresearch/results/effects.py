"""How the model's risk moves with a feature, and odds ratios with robust errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result
from cxresearch.results.units import Unit, format_estimate, format_interval, format_p_value, format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EffectCurve(Result):
    """The model's risk along one feature.

    Attributes
    ----------
    feature, label : str
        Column, and what a picture calls it.
    kind : {"ale", "pdp"}
        Accumulated local effects (risk relative to its mean, safe with correlated features) or partial
        dependence (mean risk if everybody had this value).
    table : DataFrame
        Columns ``value, effect, low, high``; NaN ends if the model has no members.
    n, n_missing : int
        Rows behind the curve, and rows where the feature is missing.
    missing_risk : float
        Mean risk of the rows where it is missing; NaN if there are none.
    mean_risk, level : float
    """

    feature: str
    label: str
    kind: str
    table: pd.DataFrame
    n: int
    n_missing: int
    missing_risk: float
    mean_risk: float
    level: float
    note: str = (
        "The curve tells what the model expects of customers with this value; it does not tell what would "
        "happen if the value were changed."
    )

    def __str__(self) -> str:
        first, last = self.table.iloc[0], self.table.iloc[-1]
        lines = [f"{self.kind.upper()} of {self.feature} (n {self.n:,}, {self.n_missing:,} missing)"]
        for row in (first, last):
            effect, low, high = (float(row[name]) for name in ("effect", "low", "high"))
            ale = self.kind == "ale"
            unit = Unit.SHARE_DIFFERENCE if ale else Unit.SHARE
            text = format_estimate(effect, low, high, unit, signed=ale)
            lines.append(f"  at {row['value']:g}: {text}")
        return "\n".join([*lines, f"  {self.note}"])

    __repr__ = __str__


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OddsRatios(Result):
    """Odds ratios of leaving within the horizon, with errors robust by customer.

    Attributes
    ----------
    table : DataFrame
        Columns ``term, unit, odds_ratio, low, high, p_value``; interactions as ``"a x b"``.
    slopes : DataFrame
        Columns ``at, odds_ratio, low, high``: the odds ratio of the first interacting term at the 10 %, 50 %
        and 90 % quantile of the second; empty without an interaction.
    n, n_missing, customers, cases : int
        Rows used, rows left out for a missing value, customers and cases.
    level, horizon_days : float
    method : str
    """

    table: pd.DataFrame
    slopes: pd.DataFrame
    n: int
    n_missing: int
    customers: int
    cases: int
    level: float
    horizon_days: float
    method: str = "weighted logistic regression (censoring weights), sandwich errors by customer"
    note: str = (
        "Odds ratios describe who leaves more often, the other terms being equal; they do not say why, nor "
        "what a change would do."
    )

    def __str__(self) -> str:
        lines = [
            f"Odds of leaving within {self.horizon_days:g} days: {self.n:,} rows of {self.customers:,} "
            f"customers, {self.cases:,} left ({self.n_missing:,} rows left out for a missing value)"
        ]
        for row in self.table.to_dict("records"):
            ratio = format_value(row["odds_ratio"], Unit.RATIO)
            interval = format_interval(row["low"], row["high"], Unit.RATIO)
            lines.append(
                f"  {row['term']} ({row['unit']}): {ratio} {interval}, {format_p_value(row['p_value'])}"
            )
        return "\n".join([*lines, f"  {self.note}"])

    __repr__ = __str__
