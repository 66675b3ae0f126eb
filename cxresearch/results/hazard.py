"""What drives churn, and when: a hazard model as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cxresearch.results.base import Result, as_plain
from cxresearch.results.cox import CoxFit
from cxresearch.results.units import Unit, format_p_value
from cxresearch.scales import Scale

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class HazardModel(Result):
    """A Cox regression of churn on scores that change over time.

    Attributes
    ----------
    fit : CoxFit
        Coefficients, per point of the raw answer, errors robust by customer.
    effects : DataFrame
        Columns term, value, reference, hazard_ratio, low, high: hazard at each answer of a score against its
        ``reference`` (the median answer), for straight and spline terms alike.
    terms : DataFrame
        Columns term, df, chi_square, p_value, curvature_p: robust Wald test that a term does not matter, and,
        for splines, that it is straight (NaN otherwise).
    proportionality : DataFrame
        Columns term, chi_square, df, p_value: is the hazard ratio the same at all times?
    transform : str
        Scale of time of that test.
    instruments : mapping of str to Scale
        Scales of the scores in the model.
    time : str
        What time counts from: ``"tenure"`` or ``"landmark"``.
    kind : str
        Kind of churn.
    n_customers, n_intervals, n_events : int
        Customers, intervals of constant scores, and churns.
    excluded : DataFrame
        Columns reason, customers: who is not in the model.
    unit : Unit
        Unit of time (days).
    notes : tuple of str
        What the reader must know.
    data : object
        Intervals behind the fit, for predictions; not displayed.
    """

    fit: CoxFit
    effects: pd.DataFrame
    terms: pd.DataFrame
    proportionality: pd.DataFrame
    transform: str
    instruments: Mapping[str, Scale]
    time: str
    kind: str
    n_customers: int
    n_intervals: int
    n_events: int
    excluded: pd.DataFrame
    unit: Unit = Unit.DAYS
    notes: tuple[str, ...] = ()
    data: Any = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, without the intervals of customers."""
        return {
            "coefficients": as_plain(self.fit.frame),
            "tests": as_plain(self.fit.tests),
            "effects": as_plain(self.effects),
            "terms": as_plain(self.terms),
            "proportionality": as_plain(self.proportionality),
            "transform": self.transform,
            "time": self.time,
            "kind": self.kind,
            "customers": self.n_customers,
            "intervals": self.n_intervals,
            "events": self.n_events,
            "excluded": as_plain(self.excluded),
            "level": self.fit.level,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = [
            f"Hazard of {self.kind} churn by {self.time}: {self.n_customers:,} customers, "
            f"{self.n_intervals:,} intervals, {self.n_events:,} churned"
        ]
        ratios = self.fit.frame.set_index("name")
        for row in self.terms.to_dict("records"):
            if row["term"] in ratios.index and row["df"] == 1:
                one = ratios.loc[row["term"]]
                lines.append(
                    f"  {row['term']}: hazard ratio {one['hazard_ratio']:.3f} a point "
                    f"[{one['low']:.3f}, {one['high']:.3f}], {format_p_value(row['p_value'])}"
                )
            else:
                bent = row["curvature_p"] == row["curvature_p"]
                bend = f", of being straight {format_p_value(row['curvature_p'])}" if bent else ""
                lines.append(f"  {row['term']}: {row['df']} df, {format_p_value(row['p_value'])}{bend}")
        overall = self.proportionality.iloc[-1]["p_value"]
        lines.append(f"  proportional hazards ({self.transform}): {format_p_value(float(overall))}")
        left_out = self.excluded.to_dict("records")
        lines += [f"  Left out: {row['customers']:,} customers {row['reason']}" for row in left_out]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__
