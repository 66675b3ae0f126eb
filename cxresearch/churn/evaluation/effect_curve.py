"""How a model's risk goes with a feature: accumulated local effects, partial dependence. Never a cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.special import expit

from cxresearch.checks import check_choice, check_number
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.training_rows import table_of
from cxresearch.churn.risk.churn_risk import check_same_kind, member_logits, risk_of
from cxresearch.churn.risk.feature_words import feature_words
from cxresearch.data.landmarks.landmarks import Landmarks, require_landmarks
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile

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
        lines = [f"{self.method.upper()} of {self.feature} (n {self.n:,}, {self.n_missing:,} missing)"]
        # ALE curves are differences from the mean risk, partial dependence is a risk.
        ale = self.method == "ale"
        unit = Unit.SHARE
        if ale:
            unit = Unit.SHARE_DIFFERENCE
        for row in (self.table.iloc[0], self.table.iloc[-1]):
            effect, low, high = (float(row[name]) for name in ("effect", "low", "high"))
            text = format_estimate(effect, low, high, unit, signed=ale)
            lines.append(f"  at {row['value']:g}: {text}")
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
    curve = _pdp
    if method == "ale":
        curve = _ale
    middle = curve(lambda rows: risk_of(model, rows)[None, :], known, feature, grid)[0]
    spread = np.full(len(grid), np.nan)
    if len(model.members) > 1:
        # The same curve by each refit on resampled customers; their spread is the error.
        drawn = curve(lambda rows: expit(member_logits(model, rows)), known, feature, grid)
        spread = drawn.std(axis=0, ddof=1) * model.member_scale
    missing_risk = float("nan")
    if missing.any():
        missing_risk = float(risk_of(model, table[missing]).mean())
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
        missing_risk=missing_risk,
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
