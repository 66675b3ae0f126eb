"""One estimate from several segments or studies."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result
from cxresearch.results.units import Unit, format_estimate, format_interval, format_p_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pooled(Result):
    """A meta-analysis.

    Attributes
    ----------
    name : str
        What is pooled.
    value, low, high, se : float
        Average over the population of segments, its interval and standard error.
    statistic, p_value : float
        Of an average of zero; t with ``df`` degrees of freedom, or z where ``df`` is infinite.
    df : float
    prediction_low, prediction_high : float
        Where the true value of one further segment is expected to lie. NaN with fewer than three segments.
    tau2 : float
        Variance of the true values between segments.
    i2 : float
        Share of the variation that is not sampling error, 0 to 1.
    q, q_p_value : float
        Cochran's test that all true values are equal.
    k : int
        Number of segments.
    segments : DataFrame
        Columns ``label, value, se, low, high, weight``; weights sum to 1.
    level : float
    unit : Unit
    method, note : str
    """

    name: str
    value: float
    low: float
    high: float
    se: float
    statistic: float
    p_value: float
    df: float
    prediction_low: float
    prediction_high: float
    tau2: float
    i2: float
    q: float
    q_p_value: float
    k: int
    segments: pd.DataFrame
    level: float
    unit: Unit
    method: str
    note: str = ""

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        figure = format_estimate(self.value, self.low, self.high, self.unit, signed=True)
        spread = format_interval(self.prediction_low, self.prediction_high, self.unit, signed=True)
        text = (
            f"{self.name}: {figure}, "
            f"{format_p_value(self.p_value)}, {self.k} segments; a further segment {spread}; "
            f"I\N{SUPERSCRIPT TWO} {100 * self.i2:.0f} %"
        )
        return f"{text}; {self.note}" if self.note else text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<div class='cx-result'>{html.escape(str(self))}</div>"
