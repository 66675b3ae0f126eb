"""What a contest of a given size can find."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Power(Result):
    """Power of a comparison of two AUCs.

    Attributes
    ----------
    difference : float
        The true difference assumed.
    unit_sd : float
        ``sqrt(rows) * SE`` of the estimated difference, clustering and censoring included.
    table : DataFrame
        ``rows, power_difference, power_equivalence, simulated_difference, simulated_difference_low,
        simulated_difference_high, simulated_equivalence, runs``; simulated columns are NaN without
        simulation.
    rows_for_difference, rows_for_equivalence : float
        Rows with which either is found with probability ``target``; infinite where it cannot be.
    target, level, margin : float
    source : str
        Where ``unit_sd`` comes from.
    """

    difference: float
    unit_sd: float
    table: pd.DataFrame
    rows_for_difference: float
    rows_for_equivalence: float
    target: float
    level: float
    margin: float
    source: str

    def __str__(self) -> str:
        lines = [
            f"Power for a true difference of {format_value(self.difference, Unit.AUC_DIFFERENCE)} in AUC "
            f"(sqrt(n) SE {self.unit_sd:.2f}, {self.source}):"
        ]
        for row in self.table.to_dict("records"):
            text = f"  {row['rows']:,.0f} rows: difference found {100 * row['power_difference']:.0f} %"
            if row["runs"]:
                text += f" (simulated {100 * row['simulated_difference']:.0f} %)"
            lines.append(text + f", equivalence found {100 * row['power_equivalence']:.0f} %")
        goals = (("the difference", self.rows_for_difference), ("equivalence", self.rows_for_equivalence))
        for what, rows in goals:
            needed = f"about {rows:,.0f} rows" if rows < float("inf") else "out of reach"
            lines.append(f"  {100 * self.target:.0f} % for {what}: {needed}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre class='cx-result'>{html.escape(str(self))}</pre>"
