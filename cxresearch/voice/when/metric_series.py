"""A metric as sums by day, one series a group: counted on the engine that holds the data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cxresearch.data.engine import Every
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.group_columns import neutral_groups
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import check_options
from cxresearch.metrics.base.periods import complete_periods, days_of
from cxresearch.metrics.revenue.revenue_metrics import bridges_of
from cxresearch.metrics.survey.score_measures import Measure, measure_of, measures_for
from cxresearch.metrics.tables.registry import as_study, find_metric, make_query
from cxresearch.metrics.tables.statistics import Statistics
from cxresearch.results.units import Unit
from cxresearch.stats.change_points.dated_sums import DatedSums, dated_sums
from cxresearch.voice.when.score_series import GroupIndex, count_answers, day_number, sums_of_answers

_EPOCH = pd.Timestamp("1970-01-01")


_BOX = re.compile(r"top_([1-9][0-9]?_)?box")


@dataclass(frozen=True, kw_only=True)
class MetricSeries:
    """One metric by group and day.

    Attributes
    ----------
    metric : Metric
        The metric.
    unit : Unit
        Of a level: the metric's own, or a count a day where the metric counts.
    every : {"day", "week", "month", "quarter", "year"}
        What a row of a series is.
    by : tuple of str
        Group columns, as the user calls them.
    groups : tuple of dict
        Value of each group column, one dict a series.
    sums : tuple of DatedSums
        One a series; days are numbered from 1970-01-01, local time.
    measure : Measure or None
        How answers become a number, where the metric is a score.
    instrument : str
        The question; empty for other metrics.
    linked : bool
        Whether answers of one customer are linked.
    least_days : int
        Rows that each side of a judged split needs.
    """

    metric: Metric
    unit: Unit
    every: Every
    by: tuple[str, ...]
    groups: tuple[dict[str, Any], ...]
    sums: tuple[DatedSums, ...]
    measure: Measure | None
    instrument: str
    linked: bool
    least_days: int

    @property
    def is_score(self) -> bool:
        """Whether the metric is a score of answers, counted by day with its customers."""
        return self.measure is not None


def metric_series(
    data: Any,
    metric: str,
    *,
    by: str | Sequence[str] = (),
    every: Every | None = None,
    level: float = 0.95,
    options: Mapping[str, Any] | None = None,
) -> MetricSeries:
    """Return a metric as sums by day (scores) or by period (all other metrics), by group.

    Parameters
    ----------
    data : Study or frame
        As in :func:`metric_table`.
    metric : str
        Name of the metric.
    by : str or sequence of str
        Group columns, crossed.
    every : {"day", "week", "month"}, optional
        Row of a series. Scores go by day. Other metrics go by week, those of revenue and churn by month.
    level, options
        As in :func:`metric_table`.

    Returns
    -------
    MetricSeries

    Raises
    ------
    ArgumentError
        If the metric, a column or the period is not available, or the metric is a stock of money.
    """
    columns = tuple(by)
    if isinstance(by, str):
        columns = (by,)
    study = as_study(data, metric)
    chosen = find_metric(study, metric)
    query = make_query(columns, every, clusters="auto", weights=None, level=level)
    query = replace(query, options=check_options(options, chosen.options, of=chosen.name))
    study, query = neutral_groups(study, query)
    if chosen.unit is Unit.MONEY:
        raise ArgumentError(
            f"{metric!r} is a sum that grows by what it was before: every series of it drifts",
            wanted="a rate, such as net_revenue_retention or gross_revenue_churn",
        )
    question = _question(study, chosen.name)
    if question is None:
        return _by_period(study, chosen, query, columns)
    if every not in (None, "day"):
        raise ArgumentError(f"every is {every!r}", wanted="'day': scores are searched by day")
    return _by_day(study, chosen, replace(query, every="day"), columns, question)


def day_of(number: float) -> pd.Timestamp:
    """Return the day of a number of days since 1970-01-01."""
    return _EPOCH + pd.Timedelta(days=int(number))


def _question(study: Tables, name: str) -> tuple[str, Measure] | None:
    """Return instrument and measure of a score, None for any other metric."""
    for instrument, scale in study.instruments.items():
        if name == instrument:
            return instrument, measure_of(scale, measures_for(scale)[0])
        measure = name.removeprefix(f"{instrument}_")
        if measure != name and _BOX.fullmatch(measure):
            return instrument, measure_of(scale, measure)
    return None


def _by_day(
    study: Tables, metric: Metric, query: Query, by: tuple[str, ...], question: tuple[str, Measure]
) -> MetricSeries:
    instrument, measure = question
    answered = count_answers(study, query, instrument, measure.scale)
    index = GroupIndex.of(answered.counts, query.by)
    sums = sums_of_answers(answered, index, measure)
    return MetricSeries(
        metric=metric,
        unit=metric.unit,
        every="day",
        by=by,
        groups=tuple(dict(zip(by, group, strict=True)) for group in index.names),
        sums=sums,
        measure=measure,
        instrument=instrument,
        linked=answered.repeats is not None,
        least_days=2,
    )


def _by_period(study: Tables, metric: Metric, query: Query, by: tuple[str, ...]) -> MetricSeries:
    every: Every = query.every or "week"
    if query.every is None and metric.family is bridges_of:
        every = "month"
    query = replace(query, every=every)
    # small cells are not hidden here: they are summed, not shown
    table = metric.estimate(Statistics(study, query).of(metric), query).reset_index(drop=True)
    done = complete_periods(study, table["period"], every)  # type: ignore[arg-type]
    table = table[done & table["period"].notna().to_numpy()]
    counts = metric.days == "proportional"
    if not counts:
        table = table[table["value"].notna() & (table["n"] > 0)]
    index = GroupIndex.of(table, query.by)
    code = index.codes(table)
    everywhere = pd.DatetimeIndex(sorted(table["period"].unique()))
    if counts and len(everywhere):
        everywhere = pd.date_range(
            everywhere[0], everywhere[-1], freq={"week": "W-MON", "month": "MS"}.get(every, "D")
        )
    # blocks count from the first period of all groups, so that one block has one sign in every group
    length = _block_length(len(everywhere), every)
    unit = metric.unit
    if counts:
        unit = Unit.COUNT_A_DAY
    sums = []
    for place in range(len(index.names)):
        mine = table[code == place].set_index("period").sort_index()
        if counts:
            # a period without tickets is a count of none
            # rate = sum of counts / sum of days: total is the count of the period, base its days
            mine = mine.reindex(everywhere).assign(value=lambda rows: rows["value"].fillna(0.0))
            base = days_of(everywhere, every)
            total = mine["value"].to_numpy(float)
        else:
            # value = total / n in every period, so total = value n: the levels pool as their ratio of sums
            base = mine["n"].to_numpy(float)
            total = mine["value"].to_numpy(float) * base
        block = everywhere.get_indexer(mine.index) // length
        series = dated_sums(day_number(mine.index), total, base=base, who=block)
        sums.append(replace(series, local=True))
    return MetricSeries(
        metric=metric,
        unit=unit,
        every=every,
        by=by,
        groups=tuple(dict(zip(by, group, strict=True)) for group in index.names),
        sums=tuple(sums),
        measure=None,
        instrument="",
        linked=False,
        least_days=max(4, math.ceil(0.05 * len(everywhere))),
    )


def _block_length(periods: int, every: Every) -> int:
    """Return how many periods share a sign: about .55 times the root of their number; whole weeks of days.

    Neighbouring periods resemble each other. With this length a search keeps its error at a correlation of up
    to .2 from one to the next (docs/validation.md).
    """
    length = max(1, round(0.55 * math.sqrt(periods)))
    if every == "day":
        return max(7, 7 * round(length / 7))
    return length
