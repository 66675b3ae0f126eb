"""What follows an event, as a value: curves, hazard ratio, balance, other outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from cxresearch.churn.curves.churn_curve_result import ChurnCurve
from cxresearch.churn.curves.compare_curves import CurveComparison
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_p_value, format_value
from cxresearch.stats.hazards.cox_fit import CoxFit

AFTER = "after the event"
MATCHED = "matched customers"


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class AfterEvent(Result):
    """What follows an event, beside customers of the same tenure who have not had it yet.

    Attributes
    ----------
    event : str
        What the event is.
    curve : ChurnCurve
        Two curves from the event (and its match) on: ``"after the event"`` and ``"matched customers"``.
    comparison : CurveComparison
        Their difference, robust to customers who appear more than once.
    hazard : CoxFit
        Hazard ratio (Cox regression within groups of ``matched_on``, robust by customer).
    n_events, n_matched, n_controls : int
        Customers with the event while at risk, those for whom a match was sample, and matched rows.
    matches : int
        Controls sought for each.
    matched_on : tuple of str
        Columns on which controls agree, besides tenure.
    balance : DataFrame
        Columns column, value, after_event, matched: shares of the matched columns and of the other segments
        in both groups. Columns not matched on may differ, and then so may churn.
    answers : DataFrame
        The latest answer before the event, on both sides: ``question, label, n_after_event, n_matched,
        after_event, matched, difference`` (in standard deviations), ``p_value, depends``.
    outcomes : DataFrame
        What followed besides leaving, on both sides; empty unless asked for.
    among : str
        Whom both groups were drawn from; empty: all customers.
    notes : tuple of str
        What the reader must know.
    """

    event: str
    curve: ChurnCurve
    comparison: CurveComparison
    hazard: CoxFit
    n_events: int
    n_matched: int
    n_controls: int
    matches: int
    matched_on: tuple[str, ...]
    balance: pd.DataFrame
    answers: pd.DataFrame = field(default_factory=pd.DataFrame)
    outcomes: pd.DataFrame = field(default_factory=pd.DataFrame)
    among: str = ""
    notes: tuple[str, ...] = ()
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="After {event}, against others of the same tenure who had not had it",
            columns=(
                Column(name="figure", label="figure", meaning="what is compared"),
                Column(
                    name="value",
                    label="after the event",
                    meaning="figure",
                    low="low",
                    high="high",
                    unit_from="unit",
                ),
                Column(name="p_value", label="p", meaning="of no difference", unit=Unit.P_VALUE),
            ),
        ),
        "balance": TableSpec(
            title="Who they are; columns that are not matched on may differ, and then so may churn",
            columns=(
                Column(name="column", label="column", meaning="a column of customers"),
                Column(name="value", label="value", meaning="its value"),
                Column(name="after_event", label="after the event", meaning="share", unit=Unit.SHARE),
                Column(name="matched", label="matched", meaning="share", unit=Unit.SHARE),
            ),
        ),
        "answers": TableSpec(
            title="The latest answer before; unlike answers may be why what follows is unlike",
            columns=(
                Column(name="label", label="question", meaning="the question"),
                Column(name="after_event", label="with the event", meaning="mean", unit=Unit.SCORE),
                Column(name="matched", label="matched", meaning="mean", unit=Unit.SCORE),
                Column(
                    name="difference",
                    label="difference",
                    meaning="in standard deviations",
                    unit=Unit.RATIO,
                ),
                Column(name="p_value", label="p", meaning="of no difference", unit=Unit.P_VALUE),
                Column(name="depends", label="unlike", meaning="whether the event depends on the answer"),
            ),
        ),
        "outcomes": TableSpec(
            title="What followed besides leaving",
            columns=(
                Column(name="outcome", label="outcome", meaning="what is compared"),
                Column(name="days", label="days", meaning="counted over", unit=Unit.NUMBER),
                Column(
                    name="difference",
                    label="difference",
                    meaning="after the event less matched",
                    unit_from="difference_unit",
                    low="low",
                    high="high",
                ),
                Column(name="after_event", label="after the event", meaning="mean", unit_from="unit"),
                Column(name="matched", label="matched", meaning="mean", unit_from="unit"),
                Column(name="p_holm", label="p", meaning="Holm over these outcomes", unit=Unit.P_VALUE),
            ),
        ),
    }

    @property
    def depends(self) -> bool:
        """Whether those with the event had answered otherwise before it: then nothing follows from here."""
        if self.event.endswith("answer"):
            # Whoever answers badly has mostly answered badly before: the event is the score itself.
            return False
        return bool(len(self.answers) and self.answers["depends"].any())

    @property
    def table(self) -> pd.DataFrame:
        """Hazard ratio, and differences of the mean time kept and of the share still there."""
        ratio = self.hazard_ratio
        row = self.comparison.table.iloc[0]
        at = f"{self.comparison.at:.3g} {self.comparison.unit}"
        ends = ("low", "high")
        lines = [
            (
                "hazard ratio",
                ratio["hazard_ratio"],
                *(ratio[end] for end in ends),
                ratio["p_value"],
                Unit.RATIO,
            ),
            (
                f"mean time kept within {self.comparison.horizon:.3g} {self.comparison.unit}, difference",
                row["rmst_difference"],
                *(row[f"rmst_{end}"] for end in ends),
                row["rmst_p"],
                self.comparison.unit,
            ),
            (
                f"still there after {at}, difference",
                row["survival_difference"],
                *(row[f"survival_{end}"] for end in ends),
                row["survival_p"],
                Unit.SHARE_DIFFERENCE,
            ),
        ]
        return pd.DataFrame(lines, columns=["figure", "value", "low", "high", "p_value", "unit"])

    @property
    def finding(self) -> str:
        """How much more often customers leave after the event, unless it only came to the unhappier."""
        ratio = self.hazard_ratio
        if self.hazard.separated and not self.depends:
            return self._without_ratio()
        figure = format_estimate(ratio["hazard_ratio"], ratio["low"], ratio["high"], Unit.RATIO)
        if self.depends:
            return (
                f"What {self.event} does cannot be told here: who had it had answered otherwise before. "
                f"The hazard ratio {figure} is theirs, not the event's."
            )
        if ratio["low"] > 1:
            return f"After {self.event} customers leave more often than matched ones: hazard ratio {figure}."
        if ratio["high"] < 1:
            return f"After {self.event} customers leave less often than matched ones: hazard ratio {figure}."
        return f"That customers leave more often after {self.event} cannot be shown: hazard ratio {figure}."

    def _without_ratio(self) -> str:
        """What can be said where all who left are on one side, so that no finite ratio exists."""
        row = self.comparison.table.iloc[0]
        unit = self.comparison.unit
        gap = format_estimate(row["rmst_difference"], row["rmst_low"], row["rmst_high"], unit, signed=True)
        said = "which chance explains"
        if row["rmst_p"] < 1 - self.comparison.level:
            said = "more than chance explains"
        return (
            f"All who left are on one side of {self.event}, so there is no hazard ratio; of the first "
            f"{format_value(self.comparison.horizon, unit)} customers keep {gap} after it, {said}."
        )

    @property
    def hazard_ratio(self) -> dict[str, float]:
        """Hazard ratio after the event with low, high and p_value."""
        row = self.hazard.table.iloc[0]
        return {name: float(row[name]) for name in ("hazard_ratio", "low", "high", "p_value")}

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values."""
        return {
            "event": self.event,
            "curve": self.curve.to_dict(),
            "comparison": self.comparison.to_dict(),
            "hazard_ratio": self.hazard_ratio,
            "n_events": self.n_events,
            "n_matched": self.n_matched,
            "n_controls": self.n_controls,
            "matched_on": list(self.matched_on),
            "balance": as_plain(self.balance),
            "answers": as_plain(self.answers),
            "outcomes": as_plain(self.outcomes),
            "among": self.among,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        ratio = self.hazard_ratio
        on = " and ".join(("tenure", *self.matched_on))
        lines = [
            f"After {self.event}: {self.n_matched:,} of {self.n_events:,} customers with "
            f"{self.n_controls:,} others of the same {on}",
            f"  hazard ratio {ratio['hazard_ratio']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}], "
            f"{format_p_value(ratio['p_value'])}",
            f"  {str(self.comparison).splitlines()[1].strip()}",
        ]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__
