"""Survival after an event, beside customers without it, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxresearch.results.base import Result, as_plain
from cxresearch.results.churn_curve import ChurnCurve
from cxresearch.results.cox import CoxFit
from cxresearch.results.curve_comparison import CurveComparison
from cxresearch.results.units import format_p_value

if TYPE_CHECKING:
    import pandas as pd

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
        Customers with the event while at risk, those for whom a match was found, and matched rows.
    matches : int
        Controls sought for each.
    matched_on : tuple of str
        Columns on which controls agree, besides tenure.
    balance : DataFrame
        Columns column, value, after_event, matched: shares of the matched columns and of the other segments
        in both groups. Columns not matched on may differ, and then so may churn.
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
    notes: tuple[str, ...] = ()

    @property
    def hazard_ratio(self) -> dict[str, float]:
        """Hazard ratio after the event with low, high and p_value."""
        row = self.hazard.frame.iloc[0]
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
