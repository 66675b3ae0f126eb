"""One contest under other choices that could have been made."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxresearch.results.base import Result
from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd


def _interval(row: Mapping[Any, Any], unit: Unit) -> str:
    return format_interval(row["low"], row["high"], unit)


def _difference(row: Mapping[Any, Any]) -> str:
    value = format_value(row["difference"], Unit.AUC_DIFFERENCE)
    return f"{value} {_interval(row, Unit.AUC_DIFFERENCE)}"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Sensitivity(Result):
    """How the difference between two scores moves with the choices made.

    Attributes
    ----------
    finding : str
        In one sentence.
    first, second : str
        Labels; differences are AUC of first minus AUC of second.
    table : DataFrame
        ``kind, choice, n, cases, first_auc, second_auc, difference, low, high, se, p_value, verdict, note``;
        the first line is the primary analysis. Intervals are not corrected for looking many times: the table
        shows whether a conclusion hangs on a choice, not a new chance to find one.
    margin, level : float
    """

    finding: str
    first: str
    second: str
    table: pd.DataFrame
    margin: float
    level: float

    def __str__(self) -> str:
        lines = [self.finding]
        for row in self.table.to_dict("records"):
            note = f" ({row['note']})" if row["note"] else ""
            lines.append(f"  {row['choice']}: {_difference(row)}{note}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre class='cx-result'>{html.escape(str(self))}</pre>"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NonResponse(Result):
    """Who answered, who did not, and what silence tells.

    Attributes
    ----------
    finding : str
    table : DataFrame
        ``group, rows, customers, churn, low, high``: churn within the horizon, weighted for censoring, of all
        customers, of those who answered every score, of the silent, and of those known to have been asked.
        Limits are NaN where the standard error is 0, here and below.
    silence : DataFrame
        ``population, auc, low, high, se, p_chance, n``: silence itself as a predictor.
    response_rate : float
        Rows with an answer to every score, of all landmark rows.
    response_rate_asked : float
        The same among customers known to have been asked; NaN where invitations were not recorded.
    contests : DataFrame
        ``population, n, first_auc, second_auc, difference, low, high, se, p_value, verdict, n_effective``:
        the contest among those who answered, and weighted to all customers, and to those who were asked.
    weights : DataFrame
        ``population, smallest, largest, truncated, n_effective``.
    horizon_days, level : float
    """

    finding: str
    table: pd.DataFrame
    silence: pd.DataFrame
    response_rate: float
    response_rate_asked: float
    contests: pd.DataFrame
    weights: pd.DataFrame
    horizon_days: float
    level: float

    def __str__(self) -> str:
        lines = [self.finding]
        for row in self.table.to_dict("records"):
            churn, ends = format_value(row["churn"], Unit.SHARE), _interval(row, Unit.SHARE)
            lines.append(f"  {row['group']}: churn {churn} {ends}, {row['rows']:,} rows")
        lines += [
            f"  silence as a predictor, {row['population']}: AUC {format_value(row['auc'], Unit.AUC)} "
            f"{_interval(row, Unit.AUC)}"
            for row in self.silence.to_dict("records")
        ]
        lines += [
            f"  {row['population']}: difference {_difference(row)}"
            for row in self.contests.to_dict("records")
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre class='cx-result'>{html.escape(str(self))}</pre>"
