"""A number with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cxresearch.results.result import Result, one_row
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Estimate(Result):
    """One metric with its interval.

    Attributes
    ----------
    name : str
        What a report prints: ``"NPS"``.
    value, low, high : float
        The estimate and its interval, in ``unit``. NaN where the data do not determine it.
    level : float
        Confidence level of the interval, for example 0.95.
    se : float
        Standard error, in ``unit``. NaN where the interval does not come from one.
    n : int
        Observations the value rests on (the denominator).
    n_missing : int
        Rows left out for want of a value.
    unit : Unit
        What the number counts; formatting follows it.
    method : str
        How the interval was made, with its source: ``"score interval (Tango 1998)"``.
    denominator : str
        What ``n`` counts: ``"responses with a score"``.
    n_effective : float or None
        Kish's effective sample size where weights were used.
    note : str
        What the reader must know: a small base, a degenerate interval, an extrapolated share.

    Examples
    --------
    >>> from cxresearch.results.units import Unit
    >>> Estimate(
    ...     name="NPS",
    ...     value=39.84,
    ...     low=37.06,
    ...     high=42.53,
    ...     level=0.95,
    ...     se=1.4,
    ...     n=2746,
    ...     unit=Unit.POINTS,
    ...     method="score interval",
    ... )
    NPS +39.8 [+37.1, +42.5], n 2,746
    """

    name: str
    value: float
    low: float
    high: float
    level: float
    se: float
    n: int
    unit: Unit
    method: str
    n_missing: int = 0
    denominator: str = ""
    n_effective: float | None = None
    note: str = ""

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="name", label="figure", meaning="what is estimated"),
                Column(
                    name="value", label="value", meaning="estimate", unit_from="unit", low="low", high="high"
                ),
                Column(name="n", label="n", meaning="observations the value rests on"),
                Column(name="n_missing", label="missing", meaning="rows left out for want of a value"),
                Column(name="method", label="method", meaning="how the interval was made, with its source"),
            ),
            title="Estimate with its {level} interval",
        )
    }

    def __float__(self) -> float:
        return float(self.value)

    @property
    def table(self) -> pd.DataFrame:
        """The estimate as a table of one row."""
        return one_row(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """The note, if there is one."""
        return tuple(note for note in (self.note,) if note)

    @property
    def finding(self) -> str:
        """The estimate in a sentence, without its note."""
        figure = format_estimate(self.value, self.low, self.high, self.unit)
        text = f"{self.name} {figure}, n {self.n:,}"
        if self.n_missing:
            text += f" ({self.n_missing:,} missing)"
        return text

    def __str__(self) -> str:
        return "; ".join([self.finding, *self.notes])
