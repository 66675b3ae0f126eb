"""A difference between two things, with its interval and test."""

from __future__ import annotations

from dataclasses import dataclass

from cxresearch.results.result import Result
from cxresearch.results.units import Unit, format_estimate, format_p_value


@dataclass(frozen=True, kw_only=True)
class Contrast(Result):
    """A difference ``first - second`` with interval and test: a p-value never travels without it.

    Attributes
    ----------
    name : str
        What is compared: ``"AUC"``, ``"NPS"``.
    first, second : str
        Labels of the two sides.
    difference, low, high : float
        ``first - second`` and its interval, in ``unit``.
    level : float
        Confidence level of the interval.
    se : float
        Standard error of the difference.
    statistic : float
        The test statistic named in ``test``.
    p_value : float
        Two-sided, of no difference.
    p_adjusted : float
        After the correction named in ``adjustment``; equals ``p_value`` where there is none.
    n : int
        Rows the difference rests on.
    unit : Unit
        Unit of the difference.
    test, adjustment, method, note : str
        The test and its source; ``"Holm over 3"`` or ``"none"``; how the interval was made; what to know.
    """

    name: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    level: float
    se: float
    statistic: float
    p_value: float
    n: int
    unit: Unit
    test: str
    method: str
    p_adjusted: float = float("nan")
    adjustment: str = "none"
    n_missing: int = 0
    note: str = ""

    def __post_init__(self) -> None:
        if self.p_adjusted != self.p_adjusted:  # NaN: no correction was asked for
            object.__setattr__(self, "p_adjusted", self.p_value)

    def __float__(self) -> float:
        return float(self.difference)

    def __str__(self) -> str:
        figure = format_estimate(self.difference, self.low, self.high, self.unit, signed=True)
        sides = f"{self.first} minus {self.second}"
        text = f"{self.name}: {sides} {figure}, {format_p_value(self.p_value)}"
        if self.adjustment != "none":
            text += f" ({self.adjustment}: {format_p_value(self.p_adjusted)})"
        text += f", n {self.n:,}"
        return f"{text}; {self.note}" if self.note else text

    __repr__ = __str__
