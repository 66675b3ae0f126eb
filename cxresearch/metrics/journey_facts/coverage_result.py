"""Coverage of a study's questions: which cells are asked, and whose voice is heard in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.wording import only_if

NEVER = "never asked"
SILENT = "nobody answered"
HEARD = "heard"
#: Cells and levels that a sentence names before it counts the rest.
_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Coverage(Result):
    """Which touchpoint, channel and device is asked, and which share of customers and revenue is heard.

    Attributes
    ----------
    by : tuple of str
        The columns of the grid.
    table : DataFrame
        One row a cell of the grid, those never asked too.
    asked, answered : int
        Questions asked within the window, and those with an answer.
    customers, customers_heard : int
        Customers there on any day of the window, and those of them who answered anything.
    share_customers, share_revenue : Estimate
        Share of these customers, and of the recurring revenue at the data cut, that is heard anywhere. NaN
        with the reason in its note where the study has no customers, or no revenue.
    levels_never_asked : tuple of str
        Levels that were declared and occur on no question: ``"device: tablet"``.
    window_days : float
        Days up to the data cut that are looked at.
    level : float
        Confidence level.
    notes : tuple of str
        What the reader must know.
    """

    by: tuple[str, ...]
    table: pd.DataFrame
    asked: int
    answered: int
    customers: int
    customers_heard: int
    share_customers: Estimate
    share_revenue: Estimate
    levels_never_asked: tuple[str, ...]
    window_days: float
    level: float
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="What is asked where in the last {window_days:g} days; {level} intervals",
            groups_first=True,
            columns=(
                Column(name="status", label="status", meaning="heard, nobody answered, or never asked"),
                Column(name="asked", label="asked", meaning="questions asked", unit=Unit.COUNT),
                Column(
                    name="answered",
                    label="answered",
                    meaning="with an answer; hidden below 5 customers",
                    unit=Unit.COUNT,
                ),
                Column(
                    name="customers_heard",
                    label="customers heard",
                    meaning="customers there in the window who answered here",
                    unit=Unit.COUNT,
                ),
                Column(
                    name="share_customers",
                    label="of customers",
                    meaning="share of the customers there in the window",
                    unit=Unit.SHARE,
                    low="share_customers_low",
                    high="share_customers_high",
                ),
                Column(
                    name="share_revenue",
                    label="of revenue",
                    meaning="share of the recurring revenue at the data cut",
                    unit=Unit.SHARE,
                    low="share_revenue_low",
                    high="share_revenue_high",
                ),
                Column(
                    name="expected",
                    label="expected",
                    meaning="customers asked here if the columns had nothing to do with each other",
                    unit=Unit.COUNT,
                ),
                Column(
                    name="p_empty",
                    label="p of none",
                    meaning="chance of a cell as empty as this, corrected for all cells (Bonferroni)",
                    unit=Unit.P_VALUE,
                    missing="",
                ),
                Column(name="last_asked", label="last asked", meaning="day", unit=Unit.DATE, missing="never"),
                Column(name="small_base", label="small base", meaning="fewer than 30 customers heard"),
                Column(name="suppressed", label="hidden", meaning="1 to 4 customers answered"),
            ),
        )
    }

    @property
    def never_asked(self) -> pd.DataFrame:
        """The cells never asked, those that are the least likely by chance first."""
        cells = self.table[self.table["status"] == NEVER]
        return cells.sort_values("expected", ascending=False, kind="stable", ignore_index=True)

    @property
    def left_out(self) -> pd.DataFrame:
        """The cells never asked that are hardly so by chance: corrected p below 1 - level."""
        cells = self.never_asked
        return cells[cells["p_empty"] < 1 - self.level].reset_index(drop=True)

    @property
    def finding(self) -> str:
        """What is never asked, and whose voice is heard."""
        return " ".join([self._cells_in_words(), self._heard_in_words()])

    def _cells_in_words(self) -> str:
        grid = " x ".join(self.by)
        empty = self.never_asked
        size = len(self.table)
        if not len(empty):
            return f"All {size:,} cells of {grid} are asked."
        text = f"{len(empty):,} of {size:,} cells of {grid} were never asked"
        if self.levels_never_asked:
            text += f"; nothing at all on {', '.join(self.levels_never_asked[:_NAMED])}"
            text += only_if(len(self.levels_never_asked) > _NAMED, " and others")
        named = self.left_out
        if len(named):
            text += "; hardly by chance: " + "; ".join(self._names(named.head(_NAMED)))
            text += only_if(len(named) > _NAMED, f"; and {len(named) - _NAMED:,} more")
        elif not self.levels_never_asked:
            text += ", each rare enough to be so by chance"
        return f"{text}."

    def _names(self, cells: pd.DataFrame) -> list[str]:
        lines = cells[list(self.by)].astype(str).agg(", ".join, axis=1)
        return [
            f"{line} ({expected:,.0f} customers expected)"
            for line, expected in zip(lines, cells["expected"], strict=True)
        ]

    def _heard_in_words(self) -> str:
        text = f"In {self.window_days:g} days {self.answered:,} of {self.asked:,} questions were answered"
        if pd.notna(self.share_customers.value):
            text += f"; heard are {format_value(self.share_customers.value, Unit.SHARE)} of customers"
        if pd.notna(self.share_revenue.value):
            text += f" and {format_value(self.share_revenue.value, Unit.SHARE)} of recurring revenue"
        return f"{text}."
