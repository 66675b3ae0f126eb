"""Expected remaining lifetime as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result
from cxresearch.results.units import Unit, format_estimate, format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ExpectedLifetime(Result):
    """Expected further time as a customer, within a horizon.

    Attributes
    ----------
    table : DataFrame
        One row for each group and time already stayed, columns

        - group, stayed, horizon (how far ahead is counted), n;
        - observed: expected time within the follow-up (area under the Kaplan-Meier curve) with low, high;
        - extrapolated: expected time beyond it, by the family with the best AIC; total; share_extrapolated;
        - total_low, total_high: limits of the observed part plus the least and the most that any family adds.
          They hold sampling error within the follow-up and disagreement of families beyond it, no more;
        - family, note.
    families : DataFrame
        One row for each group, stayed and family: columns group, stayed, family, aic, extrapolated, total,
        note. Empty where nothing is extrapolated.
    by, kind : str
        As of the curves.
    unit : Unit
        Unit of time.
    level : float
        Confidence level of the observed part.
    notes : tuple of str
        What the reader must know.
    """

    table: pd.DataFrame
    families: pd.DataFrame
    by: str
    kind: str
    unit: Unit
    level: float
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = ["Expected further time as a customer"]
        for row in self.table.to_dict("records"):
            since = f" after {format_value(row['stayed'], self.unit)}" if row["stayed"] else ""
            total = format_estimate(row["total"], row["total_low"], row["total_high"], self.unit)
            text = (
                f"  {row['group']}{since}: {total} of the next "
                f"{format_value(row['horizon'], self.unit)}, n {row['n']:,}"
            )
            if row["extrapolated"] > 0:
                share = format_value(row["share_extrapolated"], Unit.SHARE)
                text += f"; {share} extrapolated ({row['family']})"
            lines.append(f"{text}; {row['note']}" if row["note"] else text)
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__
