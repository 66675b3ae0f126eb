"""How risk goes with effort, satisfaction and the rest: effect curves and odds ratios. Never a cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from cxresearch.checks import check_choice, check_number
from cxresearch.churn.churn_kinds import asked_about, words_for
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.training_rows import outcome_rows, require_both_sides, table_of
from cxresearch.churn.risk.churn_risk import check_same_kind, member_logits, risk_of
from cxresearch.churn.risk.feature_words import feature_words
from cxresearch.data.landmarks.landmarks import Landmarks, require_landmarks
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_interval, format_p_value, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.logistic import LogisticFit, logistic_fit
from cxresearch.units_of_time import DAYS_A_YEAR

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EffectCurve(Result):
    """The model's risk along one feature.

    Attributes
    ----------
    feature, label : str
        Column, and what a picture calls it.
    method : {"ale", "pdp"}
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
    method: str
    table: pd.DataFrame
    n: int
    n_missing: int
    missing_risk: float
    mean_risk: float
    level: float
    caveat: str = (
        "The curve tells what the model expects of customers with this value; it does not tell what would "
        "happen if the value were changed."
    )

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Risk along {label}; {n:,} rows, {n_missing:,} where it is missing",
            columns=(
                Column(name="value", label="value", meaning="of the feature", unit=Unit.NUMBER),
                Column(
                    name="effect",
                    label="risk",
                    meaning="against the average (ALE), or mean risk (PDP)",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """How far the risk moves along the feature."""
        lowest, highest = self.table["effect"].min(), self.table["effect"].max()
        spread = format_value(float(highest - lowest), Unit.SHARE_DIFFERENCE)
        return f"Along {self.label} the model's risk moves by {spread.lstrip('+')}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (self.caveat,)

    def __str__(self) -> str:
        first, last = self.table.iloc[0], self.table.iloc[-1]
        lines = [f"{self.method.upper()} of {self.feature} (n {self.n:,}, {self.n_missing:,} missing)"]
        for row in (first, last):
            effect, low, high = (float(row[name]) for name in ("effect", "low", "high"))
            ale = self.method == "ale"
            unit = Unit.SHARE_DIFFERENCE if ale else Unit.SHARE
            text = format_estimate(effect, low, high, unit, signed=ale)
            lines.append(f"  at {row['value']:g}: {text}")
        return "\n".join([*lines, f"  {self.caveat}"])

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
            less_or_more = "less" if row["odds_ratio"] < 1 else "more"
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


Predict = Callable[[pd.DataFrame], "NDArray[np.float64]"]


def effect_curve(
    model: ChurnModel,
    marks: Landmarks,
    feature: str,
    *,
    method: Literal["ale", "pdp"] = "ale",
    points: int = 20,
    most_rows: int = 5_000,
    level: float = 0.95,
    seed: int = 0,
) -> EffectCurve:
    """Draw the model's risk along one feature, with intervals from refits on resampled customers.

    Parameters
    ----------
    model : ChurnModel
        Fitted with ``members`` for intervals.
    marks : Landmarks
        Rows whose features set the scene.
    feature : str
        A number the model reads. Rows where it is missing are reported apart.
    method : {"ale", "pdp"}
        Accumulated local effects move each row only within its own neighbourhood, so they do not ask the
        model about customers who do not exist; partial dependence gives everybody every value.
    points : int
        Quantile steps.
    most_rows : int
        Rows used at most, drawn by ``seed``.
    level : float
        Confidence level.

    Returns
    -------
    EffectCurve

    Raises
    ------
    ArgumentError
        If the model does not read this number.
    DataError
        If it has fewer than two values.

    References
    ----------
    Apley and Zhu (2020), doi:10.1111/rssb.12377; Friedman (2001), doi:10.1214/aos/1013203451.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=3_000)
    >>> curve = cx.classifier.effect_curve(cx.fit_churn(marks, members=5), marks, "nps")
    >>> bool(curve.table["effect"].iloc[0] > curve.table["effect"].iloc[-1])  # low scores leave more
    True
    """
    require_landmarks(marks)
    check_choice("method", method, ("ale", "pdp"))
    z = normal_quantile(level)
    check_number("points", points, at_least=2)
    if feature not in model.numbers:
        raise ArgumentError(
            f"feature is {feature!r}", wanted="a number the model reads: " + ", ".join(model.numbers)
        )
    check_same_kind(model, marks)
    table = table_of(marks.frame, model.numbers, model.categories)
    if len(table) > most_rows:
        table = table.sample(int(most_rows), random_state=seed).reset_index(drop=True)
    # Rows without the feature are reported by themselves.
    missing = table[feature].isna().to_numpy()
    known = table[~missing].reset_index(drop=True)
    grid = _grid(known[feature].to_numpy(), int(points))
    if len(grid) < 2:
        raise DataError(f"{feature} has fewer than two values in these rows", wanted="a feature that varies")
    curve = _ale if method == "ale" else _pdp
    middle = curve(lambda rows: risk_of(model, rows)[None, :], known, feature, grid)[0]
    spread = np.full(len(grid), np.nan)
    if len(model.members) > 1:
        # The same curve by each refit on resampled customers; their spread is the error.
        drawn = curve(lambda rows: expit(member_logits(model, rows)), known, feature, grid)
        spread = drawn.std(axis=0, ddof=1) * model.member_scale
    label = feature_words(feature)
    if feature in model.instruments:
        label = model.instruments[feature].label
    return EffectCurve(
        feature=feature,
        label=label,
        method=method,
        table=pd.DataFrame(
            {"value": grid, "effect": middle, "low": middle - z * spread, "high": middle + z * spread}
        ),
        n=len(known),
        n_missing=int(missing.sum()),
        missing_risk=float(risk_of(model, table[missing]).mean()) if missing.any() else float("nan"),
        mean_risk=float(risk_of(model, known).mean()),
        level=level,
    )


def _grid(values: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    distinct = np.unique(values)
    if len(distinct) <= points:
        return distinct
    return np.unique(np.quantile(values, np.linspace(0, 1, points + 1)))


def _pdp(
    predict: Predict, rows: pd.DataFrame, feature: str, grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean prediction with everybody at each value, shape (models, values)."""
    return np.stack([predict(rows.assign(**{feature: value})).mean(axis=1) for value in grid], axis=1)


def _ale(
    predict: Predict, rows: pd.DataFrame, feature: str, grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Accumulated mean local differences, centred to have mean 0 over the rows, shape (models, values)."""
    # The step of the grid in which a row lies.
    cell = np.clip(np.searchsorted(grid, rows[feature].to_numpy(), side="left"), 1, len(grid) - 1)
    # Apley and Zhu (2020), eq. 8: mean of f(z_k) - f(z_(k-1)) over the rows between the two, summed up.
    jump = predict(rows.assign(**{feature: grid[cell]})) - predict(rows.assign(**{feature: grid[cell - 1]}))
    counts = np.bincount(cell, minlength=len(grid))
    means = np.stack([np.bincount(cell, weights=row, minlength=len(grid)) for row in jump])
    steps = np.divide(means, counts, out=np.zeros_like(means), where=counts > 0)
    heights = np.cumsum(steps, axis=1)
    # Centred: the mean over the rows is 0.
    middle = (heights[:, cell] + heights[:, cell - 1]).mean(axis=1, keepdims=True) / 2
    return np.asarray(heights - middle)


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
