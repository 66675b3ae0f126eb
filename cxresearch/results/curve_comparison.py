"""How curves differ, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxresearch.results.base import Result
from cxresearch.results.contrast import Contrast
from cxresearch.results.logrank import LogRank
from cxresearch.results.units import Unit, format_estimate, format_p_value, format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CurveComparison(Result):
    """All pairs of survival curves.

    Attributes
    ----------
    table : DataFrame
        One row a pair, columns

        - first, second, n_first, n_second;
        - rmst_first, rmst_second: mean time kept within ``horizon``; rmst_difference (first minus second)
          with rmst_low, rmst_high, rmst_se, rmst_p, rmst_p_adjusted; rmst_ratio with ratio_low, ratio_high,
          ratio_p;
        - at, survival_difference (first minus second, at time ``at``) with survival_low, survival_high,
          survival_se, survival_p, survival_p_adjusted; NaN where ``at`` lies beyond a follow-up;
        - logrank_statistic, logrank_p, logrank_p_adjusted;
        - note.
    overall : LogRank
        Test over all groups at once.
    horizon, at : float
        Times of the restricted means and of the difference in survival, in ``unit``.
    level : float
        Confidence level of single intervals.
    adjustment : str
        ``"Holm over 3 pairs"``; each measure is a family of its own.
    by, kind, axis : str
        As of the curves.
    unit : Unit
        Unit of time.
    notes : tuple of str
        What the reader must know.
    """

    table: pd.DataFrame
    overall: LogRank
    horizon: float
    at: float
    level: float
    adjustment: str
    by: str
    kind: str
    axis: str
    unit: Unit
    notes: tuple[str, ...] = ()

    @property
    def finding(self) -> str:
        """The answer in a sentence: who stays longest, and what cannot be told apart."""
        table = self.table
        sure = table[table["rmst_p_adjusted"] < 1 - self.level]
        if sure.empty:
            return "The groups cannot be told apart: every difference is within what chance explains."
        widest = max(sure.to_dict("records"), key=lambda row: abs(row["rmst_difference"]))
        gap = float(widest["rmst_difference"])
        longer, shorter = (
            (widest["first"], widest["second"]) if gap > 0 else (widest["second"], widest["first"])
        )
        low, high = sorted(abs(float(widest[side])) for side in ("rmst_low", "rmst_high"))
        text = (
            f"Of the first {self.horizon:.3g} {self.unit}, customers of {longer} stay {abs(gap):.1f} "
            f"{self.unit} longer than those of {shorter} "
            f"({100 * self.level:g} % interval {low:.1f} to {high:.1f})."
        )
        open_pairs = len(table) - len(sure)
        if open_pairs:
            text += f" {open_pairs} of {len(table)} pairs cannot be told apart."
        return text

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Differences in restricted mean, one for each pair."""
        return tuple(self._contrast(row) for row in self.table.to_dict("records"))

    def _contrast(self, row: dict[Any, Any]) -> Contrast:
        return Contrast(
            name=f"mean time within {self.horizon:g} {self.unit}",
            first=row["first"],
            second=row["second"],
            difference=row["rmst_difference"],
            low=row["rmst_low"],
            high=row["rmst_high"],
            level=self.level,
            se=row["rmst_se"],
            statistic=row["rmst_difference"] / row["rmst_se"] if row["rmst_se"] > 0 else float("nan"),
            p_value=row["rmst_p"],
            p_adjusted=row["rmst_p_adjusted"],
            adjustment=self.adjustment,
            n=int(row["n_first"] + row["n_second"]),
            unit=self.unit,
            test="z",
            method="restricted means by Kaplan-Meier",
            note=row["note"],
        )

    @staticmethod
    def _figure(row: Mapping[Any, Any], part: str, unit: Unit) -> str:
        value, low, high = (row[f"{part}_{end}"] for end in ("difference", "low", "high"))
        return format_estimate(value, low, high, unit, signed=True)

    def __str__(self) -> str:
        lines = [f"Comparison of churn curves by {self.by or 'group'}: {self.overall}"]
        for row in self.table.to_dict("records"):
            kept = self._figure(row, "rmst", self.unit)
            gap = self._figure(row, "survival", Unit.SHARE_DIFFERENCE)
            lines.append(
                f"  {row['first']} minus {row['second']}: mean time within "
                f"{format_value(self.horizon, self.unit)} {kept}, "
                f"{format_p_value(row['rmst_p_adjusted'])}; still there at "
                f"{format_value(self.at, self.unit)} {gap}; "
                f"log-rank {format_p_value(row['logrank_p_adjusted'])}"
                + (f"; {row['note']}" if row["note"] else "")
            )
        if self.adjustment != "none":
            lines.append(f"  p-values: {self.adjustment}")
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__
