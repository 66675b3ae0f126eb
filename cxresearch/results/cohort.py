"""Retention by cohort and age."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CohortRetention(Result):
    """What is left of each cohort after each number of periods.

    Attributes
    ----------
    frame : DataFrame
        One row for each cohort and age. Columns: ``cohort`` (first day of the period in which its customers
        first paid), ``age`` (periods since), ``n`` (customers of the cohort), ``start`` (its customers, or
        MRR, at the end of its first period), ``left`` (those there, or MRR, at the end of the period),
        ``share`` (left / start; MRR can exceed 1), ``low, high`` (its interval; NaN at age 0, where the share
        is 1 by definition) and ``complete`` (the period had ended by the data cut; an incomplete cell has no
        share).
    of : str
        ``"customers"`` or ``"revenue"``.
    every : str
        Length of a period.
    level : float
        Confidence level.
    method : str
        Name of the interval.
    currency, profile, name : str
        Of the amounts; definition of a customer; name of the study.
    """

    frame: pd.DataFrame
    of: str
    every: str
    level: float
    method: str = ""
    currency: str = ""
    profile: str = ""
    name: str = ""

    def matrix(self) -> pd.DataFrame:
        """Return shares with one row for each cohort and one column for each age; NaN where incomplete."""
        return self.frame.pivot_table(index="cohort", columns="age", values="share", dropna=False)

    def table(self) -> pd.DataFrame:
        """Return shares with their intervals as text, ``"90 % [60, 98]"``, blank where incomplete."""
        rows = self.frame
        text = [_cell(*cell) for cell in zip(rows["share"], rows["low"], rows["high"], strict=True)]
        return rows.assign(text=text).pivot(index="cohort", columns="age", values="text").fillna("")

    def __str__(self) -> str:
        count = self.frame["cohort"].nunique()
        lines = [f"Retention of {self.of} by {self.every}, {count} cohorts, % of the first period's end"]
        table = (100 * self.matrix()).round(1)
        lines += table.to_string(na_rep="", float_format=lambda value: f"{value:.1f}").splitlines()
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def _cell(share: float, low: float, high: float) -> str:
    if math.isnan(share):
        return ""
    text = f"{100 * share:.0f} %"
    return text if math.isnan(low) else f"{text} [{100 * low:.0f}, {100 * high:.0f}]"
