"""Paired differences of two scores of the same customers, as a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_p_value, format_value

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, kw_only=True)
class PairedScores(Result):
    """Differences of two scores of the same customers, each with its interval and test.

    Attributes
    ----------
    name : str
        What is compared: ``"Experience less expectation"``.
    by : tuple of str
        Group columns, if any; the first row is that of all groups together.
    table : DataFrame
        One row a comparison and group.
    unit : Unit
        Of the two scores.
    n_unpaired : int
        Answers of the first score without a partner; they are in no number.
    level : float
        Confidence level.
    notes : tuple of str
        What the reader must know.
    """

    name: str
    by: tuple[str, ...]
    table: pd.DataFrame
    unit: Unit
    n_unpaired: int
    level: float
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="{name}: the same customers, {level} intervals",
            columns=(
                Column(name="against", label="against", meaning="the score that is taken off"),
                Column(
                    name="first", label="first", meaning="score of the first", unit_from="unit", side=True
                ),
                Column(name="second", label="second", meaning="the other score", unit_from="unit", side=True),
                Column(
                    name="difference",
                    label="difference",
                    meaning="first less second",
                    unit_from="unit",
                    low="low",
                    high="high",
                ),
                Column(name="p_value", label="p", meaning="two-sided, of no difference", unit=Unit.P_VALUE),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="Holm over the rows but the totals where there are groups",
                    unit=Unit.P_VALUE,
                ),
                Column(name="n", label="pairs", meaning="pairs of answers", unit=Unit.COUNT),
                Column(name="customers", label="customers", meaning="who gave them", unit=Unit.COUNT),
                Column(name="small_base", label="small base", meaning="fewer than 30 pairs or customers"),
                Column(name="suppressed", label="hidden", meaning="fewer than 5 pairs or customers"),
            ),
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, the groups first."""
        spec = super().spec(name)
        groups = [Column(name=by, label=by, meaning="group", missing="all or none") for by in self.by]
        return replace(spec, columns=(*groups, *spec.columns))

    def __float__(self) -> float:
        return float(self.table["difference"].iloc[0])

    @property
    def finding(self) -> str:
        """The difference over all groups, of each competitor, in a sentence."""
        whole = self.table[self.table["whole"]]
        lines = [self._line(row) for _, row in whole.iterrows()]
        return f"{self.name}: {'; '.join(lines)}."

    def _line(self, row: Any) -> str:
        if row["suppressed"]:
            return f"against {row['against']} too few pairs to show (n {row['n']:,})"
        unit = Unit(row["unit"])
        figure = format_estimate(row["difference"], row["low"], row["high"], unit, signed=True)
        sides = f"{format_value(row['first'], self.unit)} and {format_value(row['second'], self.unit)}"
        return (
            f"{figure} against {row['against']} ({sides}), {format_p_value(row['p_value'])}, "
            f"{row['n']:,} pairs of {row['customers']:,} customers"
        )
