"""How answers spread over detractors, passives and promoters, or over the answers of a scale."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cxresearch.results.base import Result
from cxresearch.results.hidden import why_hidden
from cxresearch.results.units import Unit, format_estimate


@dataclass(frozen=True, kw_only=True)
class ScoreBreakdown(Result):
    """Counts of answers by class, group by group, with the score they make.

    Attributes
    ----------
    name : str
        What a report prints: ``"NPS"``.
    classes : tuple of str
        Columns of ``table`` that hold counts, worst answer first.
    table : DataFrame
        One row a group: group (label), one column of counts for each class, n, n_effective, n_missing, value,
        low, high, small_base, suppressed (then counts and score are NaN). With weights the counts are n times
        the weighted shares.
    unit : Unit
        Of the score.
    level : float
        Confidence level of its interval.
    """

    name: str
    classes: tuple[str, ...]
    table: pd.DataFrame
    unit: Unit
    level: float

    def __str__(self) -> str:
        lines = []
        for row in self.table.to_dict("records"):
            if row["suppressed"]:
                lines.append(f"{row['group']}: {why_hidden(row['n'], row['n_effective'])}, n {row['n']:,}")
                continue
            shares = ", ".join(f"{name} {100 * row[name] / row['n']:.0f} %" for name in self.classes)
            score = format_estimate(row["value"], row["low"], row["high"], self.unit)
            lines.append(f"{row['group']}: {self.name} {score}, n {row['n']:,} ({shares})")
        return "\n".join(lines)

    __repr__ = __str__
