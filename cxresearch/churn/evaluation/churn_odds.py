"""Odds ratios of leaving: who leaves more often, the other terms being equal. Never a cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy.stats import norm

from cxresearch.churn.churn_kinds import asked_about, words_for
from cxresearch.churn.classifier.training_rows import outcome_rows, require_both_sides
from cxresearch.data.landmarks.landmarks import Landmarks, require_landmarks
from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_interval, format_p_value, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.logistic import LogisticFit, logistic_fit
from cxresearch.units_of_time import DAYS_A_YEAR

if TYPE_CHECKING:
    import pandas as pd


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
    caveat: str = (
        "Odds ratios describe what goes with what, the other terms being equal; they do not say why, nor "
        "what a change would do."
    )
    outcome: str = "churn"

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Odds ratios of {noun} within {horizon_days:g} days, with {level} intervals",
            columns=(
                Column(name="term", label="term", meaning="what differs"),
                Column(name="unit", label="unit", meaning="by how much"),
                Column(
                    name="odds_ratio",
                    label="odds ratio",
                    meaning="odds with a unit more over those without",
                    unit=Unit.RATIO,
                    low="low",
                    high="high",
                ),
                Column(name="p_value", label="p", meaning="of no difference", unit=Unit.P_VALUE),
            ),
        )
    }

    @property
    def noun(self) -> str:
        """What the odds are of: leaving, or another outcome."""
        if self.outcome == "churn":
            return "leaving"
        return words_for(self.outcome).noun

    @property
    def finding(self) -> str:
        """Which terms go with leaving, and which cannot be told apart from chance."""
        clear = self.table[(self.table["low"] > 1) | (self.table["high"] < 1)]
        if clear.empty:
            return f"No term can be shown to go with {self.noun}."
        parts = []
        for row in clear.to_dict("records"):
            less_or_more = "more"
            if row["odds_ratio"] < 1:
                less_or_more = "less"
            parts.append(f"{row['term']} ({less_or_more} often with a unit more)")
        return f"Customers {words_for(self.outcome).happen} more or less often by {', '.join(parts)}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (self.caveat,)

    def __str__(self) -> str:
        lines = [
            f"Odds of {self.noun} within {self.horizon_days:g} days: {self.n:,} rows of {self.customers:,} "
            f"customers, {self.cases:,} {words_for(self.outcome).happened} "
            f"({self.n_missing:,} rows left out for a missing value)"
        ]
        for row in self.table.to_dict("records"):
            ratio = format_value(row["odds_ratio"], Unit.RATIO)
            interval = format_interval(row["low"], row["high"], Unit.RATIO)
            lines.append(
                f"  {row['term']} ({row['unit']}): {ratio} {interval}, {format_p_value(row['p_value'])}"
            )
        return "\n".join([*lines, f"  {self.caveat}"])

    __repr__ = __str__


def churn_odds(
    marks: Landmarks,
    *,
    terms: Sequence[str] | None = None,
    interaction: tuple[str, str] | None = None,
    kind: str = "any",
    level: float = 0.95,
) -> OddsRatios:
    """Estimate odds ratios of leaving within the horizon, with errors robust by customer.

    Parameters
    ----------
    marks : Landmarks
        All rows are used; this describes, it does not predict.
    terms : sequence of str, optional
        Number columns; by default the scores and tenure. Scores count by point, tenure by year, everything
        else by standard deviation.
    interaction : tuple of two str, optional
        Two of the terms whose product enters too, both centred: ``("ces", "tenure_days")`` asks whether
        effort goes with leaving differently for new and old customers.
    kind : {"any", "voluntary", "involuntary"}
        What counts as leaving; ``"any"`` unless asked otherwise, as everywhere.
    level : float
        Confidence level.

    Returns
    -------
    OddsRatios

    Raises
    ------
    ArgumentError
        If a term is not a number column of the landmarks.
    DataError
        If too few rows have all terms, or no finite fit exists.

    Notes
    -----
    Rows that lack a term are left out and counted. Stacked rows of a customer are one cluster.

    Examples
    --------
    >>> import cxresearch as cx
    >>> odds = cx.classifier.churn_odds(cx.synthetic.synthetic_landmarks(seed=1, customers=5_000))
    >>> bool((odds.table["odds_ratio"] < 1).all())  # a point more goes with leaving less
    True
    """
    require_landmarks(marks)
    kind = asked_about(marks, kind)
    z = normal_quantile(level)
    numbers = {*marks.instruments, "tenure_days", *marks.features} & set(marks.frame.columns)
    default = [name for name in (*marks.instruments, "tenure_days") if name in numbers]
    chosen = list(default if terms is None else terms)
    wrong = [name for name in (*chosen, *(interaction or ())) if name not in numbers]
    if wrong or not chosen or (interaction and set(interaction) - set(chosen)):
        raise ArgumentError(
            f"terms are {chosen!r} and interaction {interaction!r}",
            wanted="numbers of the landmarks, the interaction among the terms: " + ", ".join(sorted(numbers)),
        )
    complete = marks.frame[marks.frame[chosen].notna().all(axis=1)]
    rows = outcome_rows(complete, numbers=chosen, categories=(), kind=kind, horizon=marks.horizon_days)
    require_both_sides(rows, "rows with all terms", kind=kind)
    # Centred, so that a main effect is the one at the mean of the other term.
    columns, units = _scaled(rows.table, marks)
    names = list(chosen)
    X = np.column_stack([np.ones(len(columns)), columns.to_numpy()])
    if interaction:
        X = np.column_stack([X, columns[interaction[0]] * columns[interaction[1]]])
        names.append(f"{interaction[0]} x {interaction[1]}")
        units[names[-1]] = f"{units[interaction[0]]} x {units[interaction[1]]}"
    # Sandwich errors summed by customer (Liang and Zeger 1986).
    fit = logistic_fit(X, rows.left, weights=rows.weight, clusters=rows.customer)
    beta, se = fit.coefficients[1:], fit.se[1:]
    known = rows.weight > 0
    return OddsRatios(
        table=pd.DataFrame(
            {
                "term": names,
                "unit": [units[name] for name in names],
                "odds_ratio": np.exp(beta),
                "low": np.exp(beta - z * se),
                "high": np.exp(beta + z * se),
                "p_value": 2 * norm.sf(np.abs(beta / se)),
            }
        ),
        slopes=_slopes(fit, rows.table, columns, chosen, interaction, z=z),
        n=fit.n,
        n_missing=len(marks.frame) - len(complete),
        customers=fit.clusters,
        cases=int((rows.left & known).sum()),
        level=level,
        horizon_days=float(marks.horizon_days),
        outcome=marks.followed.name,
    )


def _scaled(table: pd.DataFrame, marks: Landmarks) -> tuple[pd.DataFrame, dict[str, str]]:
    """Centre each column and put it in its unit."""
    columns, units = {}, {}
    for name in table.columns:
        values = table[name]
        if name in marks.instruments:
            size, units[name] = 1.0, "per point"
        elif name == "tenure_days":
            size, units[name] = DAYS_A_YEAR, "per year"
        else:
            size, units[name] = float(values.std()) or 1.0, "per standard deviation"
        columns[name] = (values - values.mean()) / size
    return pd.DataFrame(columns), units


def _slopes(
    fit: LogisticFit,
    raw: pd.DataFrame,
    columns: pd.DataFrame,
    terms: list[str],
    interaction: tuple[str, str] | None,
    *,
    z: float,
) -> pd.DataFrame:
    """Odds ratio of the first interacting term at low, middle and high values of the second."""
    if interaction is None:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in ("at", "odds_ratio", "low", "high")})
    first, product = 1 + terms.index(interaction[0]), len(terms) + 1
    lines = []
    for share in (0.1, 0.5, 0.9):
        at = float(columns[interaction[1]].quantile(share))
        # Slope b_1 + b_12 v with variance V_11 + v^2 V_22 + 2 v V_12.
        slope = fit.coefficients[first] + at * fit.coefficients[product]
        variance = (
            fit.covariance[first, first]
            + at**2 * fit.covariance[product, product]
            + 2 * at * fit.covariance[first, product]
        )
        reach = z * np.sqrt(variance)
        lines.append(
            {
                "at": float(raw[interaction[1]].quantile(share)),
                "odds_ratio": float(np.exp(slope)),
                "low": float(np.exp(slope - reach)),
                "high": float(np.exp(slope + reach)),
            }
        )
    return pd.DataFrame(lines)
