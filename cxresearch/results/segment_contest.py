"""The same contest in several segments or studies, and on average."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result
from cxresearch.results.pooled import Pooled
from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SegmentContest(Result):
    """Differences of AUC by segment with their random-effects average.

    Attributes
    ----------
    finding : str
        In one sentence.
    first, second : str
        Labels of the two scores; differences are AUC of first minus AUC of second.
    by : str
        Column or ``"study"``.
    table : DataFrame
        ``segment, n, customers, cases, first_auc, second_auc, difference, low, high, se, p_value, verdict``.
    pooled : Pooled or None
        REML with Hartung and Knapp's interval; None with fewer than two usable segments.
    left_out : DataFrame
        ``segment, rows, reason``: segments too small or without an answer.
    level, margin : float
    """

    finding: str
    first: str
    second: str
    by: str
    table: pd.DataFrame
    pooled: Pooled | None
    left_out: pd.DataFrame
    level: float
    margin: float

    def __str__(self) -> str:
        lines = [self.finding]
        lines += [
            f"  {row['segment']}: {format_value(row['difference'], Unit.AUC_DIFFERENCE)} "
            f"{format_interval(row['low'], row['high'], Unit.AUC_DIFFERENCE)}, "
            f"n {row['n']:,}, {row['cases']:,} leavers"
            for row in self.table.to_dict("records")
        ]
        if self.pooled is not None:
            lines.append(f"  {self.pooled}")
        lines += [
            f"  left out: {row['segment']} ({row['reason']})" for row in self.left_out.to_dict("records")
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre class='cx-result'>{html.escape(str(self))}</pre>"
