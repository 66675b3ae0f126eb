"""What goes with a theme, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value

if TYPE_CHECKING:
    pass

#: A theme mentioned in fewer scored texts is not judged: below that its error is not known well enough.
LEAST_MENTIONS = 10
#: Columns of the table after ``theme`` and ``label``.
COLUMNS = (
    "texts",
    "share",
    "with_theme",
    "without_theme",
    "difference",
    "contribution",
    "effect",
    "low",
    "high",
    "p_value",
    "p_adjusted",
    "small_base",
    "mrr",
    "mrr_share",
    "left_with",
    "left_without",
    "left_difference",
    "left_low",
    "left_high",
    "left_n",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ThemeImpact(Result):
    """What goes with each theme.

    Attributes
    ----------
    instrument, measure : str
        The question and what is made of its answers.
    table : DataFrame
        One row a theme, the most harmful first. NaN where the study does not tell.
    score : float
        Of all texts with a score.
    n, n_missing : int
        Texts with a score and without.
    unit : Unit
    good_is_high : bool
    by : tuple of str
        Columns held equal.
    horizon_days : float
    level : float
    notes : tuple of str
    """

    instrument: str
    measure: str
    table: pd.DataFrame
    score: float
    n: int
    n_missing: int
    unit: Unit
    good_is_high: bool
    by: tuple[str, ...]
    horizon_days: float
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="label", label="theme", meaning="what a report calls the theme"),
                Column(
                    name="effect",
                    label="effect on the score",
                    meaning="of mentioning it, beside the other themes and the groups",
                    low="low",
                    high="high",
                ),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="of no effect, Holm over themes",
                    unit=Unit.P_VALUE,
                ),
                Column(name="texts", label="texts", meaning="with a score that mention it", unit=Unit.COUNT),
                Column(name="share", label="share of texts", meaning="that mention it", unit=Unit.SHARE),
                Column(name="with_theme", label="score with", meaning="score of texts that mention it"),
                Column(name="without_theme", label="score without", meaning="score of the other texts"),
                Column(name="contribution", label="contribution", meaning="score of all less score without"),
                Column(
                    name="mrr_share",
                    label="revenue behind it",
                    meaning="share of recurring revenue of customers who mention it and are still there",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="left_difference",
                    label="leaving after it",
                    meaning="share that leaves within the horizon after a first text with it, less without",
                    unit=Unit.SHARE_DIFFERENCE,
                    low="left_low",
                    high="left_high",
                ),
            ),
            title="What goes with each theme, {level} intervals; {n:,} texts",
        )
    }

    @property
    def sure(self) -> pd.DataFrame:
        """The themes whose effect is not chance, after the correction over all of them."""
        return self.table[self.table["p_adjusted"] < 1 - self.level]

    @property
    def harmful(self) -> pd.DataFrame:
        """Those of them that go with a worse score, the worst first."""
        if self.good_is_high:
            return self.sure[self.sure["effect"] < 0]
        return self.sure[self.sure["effect"] > 0]

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        label = self.measure
        worst = self.harmful
        if not len(worst):
            seen = self._detectable()
            return (
                f"No theme goes with a worse {label} beyond chance; an effect of {seen} would have been seen "
                "for most of them."
            )
        first = worst.iloc[0]
        figure = format_estimate(first["effect"], first["low"], first["high"], self.unit, signed=True)
        share = format_value(first["share"], Unit.SHARE)
        others = [str(row["label"]) for row in worst.iloc[1:4].to_dict("records")]
        more = " No other theme does."
        if len(others) == 1:
            more = f" So does {others[0]}."
        if len(others) > 1:
            more = f" So do {', '.join(others)}."
        return (
            f"{first['label']} goes with the worst {label}: {figure} beside the other themes, in {share} of "
            f"the comments.{more}"
        )

    def _detectable(self) -> str:
        judged = self.table["low"].notna()
        half = ((self.table["high"] - self.table["low"]) / 2)[judged]
        if not len(half):
            return "any size (too few mentions)"
        # 80 % power at 5 %: 2.8 standard errors, 1.96 of them in the half-width
        return format_value(float(half.median()) * 2.8 / 1.96, self.unit)

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, in the unit of the score."""
        spec = super().spec(name)
        for column in ("with_theme", "without_theme", "contribution", "effect"):
            spec = spec.change(column, unit=self.unit)
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the finding as plain values."""
        return {"finding": self.finding, **super().to_dict()}
