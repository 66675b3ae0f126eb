"""A difference between two things, with its interval and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cxresearch.results.result import Result, one_row
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_p_value

if TYPE_CHECKING:
    import pandas as pd


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

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="name", label="figure", meaning="what is compared"),
                Column(name="first", label="first", meaning="one side"),
                Column(name="second", label="second", meaning="the other side"),
                Column(
                    name="difference",
                    label="difference",
                    meaning="first minus second",
                    unit_from="unit",
                    low="low",
                    high="high",
                ),
                Column(
                    name="p_value", label="p-value", meaning="two-sided, of no difference", unit=Unit.P_VALUE
                ),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="after the correction named in `adjustment`",
                    unit=Unit.P_VALUE,
                ),
                Column(name="n", label="n", meaning="rows the difference rests on"),
                Column(name="test", label="test", meaning="the test and its source"),
            ),
            title="Difference with its {level} interval",
        )
    }

    def __post_init__(self) -> None:
        if self.p_adjusted != self.p_adjusted:  # NaN: no correction was asked for
            object.__setattr__(self, "p_adjusted", self.p_value)

    def __float__(self) -> float:
        return float(self.difference)

    @property
    def table(self) -> pd.DataFrame:
        """The difference as a table of one row."""
        return one_row(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """The note, if there is one."""
        return tuple(note for note in (self.note,) if note)

    @property
    def finding(self) -> str:
        """The difference in a sentence, without its note."""
        figure = format_estimate(self.difference, self.low, self.high, self.unit, signed=True)
        sides = f"{self.first} minus {self.second}"
        text = f"{self.name}: {sides} {figure}, {format_p_value(self.p_value)}"
        if self.adjustment != "none":
            text += f" ({self.adjustment}: {format_p_value(self.p_adjusted)})"
        return f"{text}, n {self.n:,}"

    def __str__(self) -> str:
        return "; ".join([self.finding, *self.notes])
