"""One metric as one number, or as one number for each group."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

import pandas as pd

from cxresearch.checks import check_choice
from cxresearch.data.engine import EVERY, Every
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, CxWarning
from cxresearch.metrics.base.cell_estimates import one_estimate
from cxresearch.metrics.base.metric import Metric
from cxresearch.metrics.base.periods import last_ended, local_moment, period_starts
from cxresearch.metrics.tables.registry import make_query, statistics_of
from cxresearch.metrics.tables.statistics import finish
from cxresearch.results.estimate import Estimate
from cxresearch.results.hiding import why_hidden
from cxresearch.results.period_names import period_label


@overload
def metric(
    data: Any,
    name: str,
    *,
    by: None = None,
    period: Any = None,
    every: Every = "month",
    clusters: str | None = "auto",
    weights: str | None = None,
    level: float = 0.95,
    options: Mapping[str, Any] | None = None,
) -> Estimate: ...


@overload
def metric(
    data: Any,
    name: str,
    *,
    by: str | Sequence[str],
    period: Any = None,
    every: Every = "month",
    clusters: str | None = "auto",
    weights: str | None = None,
    level: float = 0.95,
    options: Mapping[str, Any] | None = None,
) -> dict[Any, Estimate]: ...


def metric(  # noqa: PLR0913 - choices of one door, by keyword
    data: Any,
    name: str,
    *,
    by: str | Sequence[str] | None = None,
    period: Any = None,
    every: Every = "month",
    clusters: str | None = "auto",
    weights: str | None = None,
    level: float = 0.95,
    options: Mapping[str, Any] | None = None,
) -> Estimate | dict[Any, Estimate]:
    """Return any metric of a study as one number with its interval, or one for each group.

    Parameters
    ----------
    data : Study or frame
        A study, or a frame of answers, as in :func:`metric_table`.
    name : str
        ``"nps"``, ``"net_revenue_retention"``, ``"sla_attainment"`` and whatever else the study's tables
        allow; docs/metrics.md lists all. Case is forgiven; a mistyped name is answered with the nearest.
    by : str or sequence of str, optional
        Group columns, crossed: of the metric's table, or of customers.
    period : str, timestamp or "last", optional
        Any moment within the period, local time; ``"last"`` is the last period that had ended by the data
        cut. Without it the whole time, and for recurring revenue and customer churn the last complete month.
    every : {"day", "week", "month", "quarter", "year"}
        Length of the period.
    clusters, weights : str, optional
        As in :func:`metric_table`; for the scores of answers.
    level : float
        Confidence level.
    options : mapping, optional
        Choices of this metric, such as ``{"profile": "stripe"}`` or ``{"target_hours": 24}``. An option that
        the metric does not have is refused.

    Returns
    -------
    Estimate, or dict of Estimate by group
        ``note`` says why there is no value, and what a reader must know. With ``by`` a group of fewer than 5,
        and one that it could be worked out from, has no value; the key is the group, or a tuple of groups
        where ``by`` names several columns.

    Raises
    ------
    ArgumentError
        If the metric, a column, the period or an option is not available.
    DataError
        If the data cannot be counted: a currency without a rate, scores that are no answers.

    Warns
    -----
    CxWarning
        If the interval rests on few accounts: one holds more than 10 % of the opening MRR.

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> metric(example_study(), "gross_revenue_churn", period="2024-02")  # of 100, 10 left, 10 downgraded
    Gross revenue churn 20.0 % [6.6 %, 47.0 %], n 10; small base: n below 30
    >>> metric(example_study(), "sla_attainment", options={"target_hours": 5}).value
    0.4
    >>> metric(example_study(), "tickets", by="channel")["mail"].n
    3
    """
    whole_time = period is None
    check_choice("every", every, EVERY)
    asked: Every | None = every
    if whole_time:
        asked = None
    query = make_query(by, asked, clusters=clusters, weights=weights, level=level)
    statistics, chosen = statistics_of(data, name, query, options)
    query = statistics.query
    cells = chosen.estimate(statistics.of(chosen), query)
    if not whole_time:
        cells = _of_period(cells, _period_start(data, period, every), every)
    if not query.by:
        return _estimate(cells, chosen, level)
    # All groups at once: a hidden group's complement is hidden with it, so none can be judged by itself.
    table = finish(chosen, query, cells)
    groups = [_group(key) for key in table[list(query.by)].itertuples(index=False, name=None)]
    cells = cells.reset_index(drop=True)
    return {
        group: _estimate(cells.iloc[[place]], chosen, level, hidden=bool(table["suppressed"].iloc[place]))
        for place, group in enumerate(groups)
    }


def _group(key: tuple[Any, ...]) -> Any:
    """Return the group of one column as it is, those of several as a tuple."""
    if len(key) == 1:
        return key[0]
    return key


def _period_start(data: Any, period: Any, every: Every) -> pd.Timestamp:
    """Return the first day of the period asked for."""
    if not isinstance(period, str) or period != "last":
        start: pd.Timestamp = period_starts(pd.Series([local_moment(period)]), every).iloc[0]
        return start
    if not isinstance(data, Study):
        raise ArgumentError(
            "a frame of answers has no data cut, and so no last period", wanted="a moment such as '2024-03'"
        )
    return last_ended(data, every)


def _of_period(cells: pd.DataFrame, start: pd.Timestamp, every: Every) -> pd.DataFrame:
    """Return the cells of one period; a period before the first or after the last with data is refused."""
    periods = cells["period"].dropna()
    # Outside the data there is no zero: nothing was counted, so a number would be made up.
    if len(periods) and not periods.min() <= start <= periods.max():
        raise ArgumentError(
            f"there is nothing in {period_label(start, every)}",
            wanted=f"a {every} from {periods.min():%Y-%m-%d} to {periods.max():%Y-%m-%d}",
        )
    return cells[cells["period"] == start]


def _estimate(cells: pd.DataFrame, chosen: Metric, level: float, *, hidden: bool = False) -> Estimate:
    estimate = one_estimate(
        cells,
        name=chosen.label,
        level=level,
        unit=chosen.unit,
        denominator=chosen.denominator,
        nothing=chosen.nothing,
    )
    # The reason names the base: n, or the effective n where weights or linked answers make it smaller.
    if hidden:
        reason = why_hidden(estimate.n, estimate.n_effective)
        return replace(estimate, value=math.nan, low=math.nan, high=math.nan, se=math.nan, note=reason)
    if "caution" in cells and len(cells):
        caution = str(cells["caution"].iloc[0])
        if caution:
            warnings.warn(caution, CxWarning, stacklevel=3)
    return estimate
