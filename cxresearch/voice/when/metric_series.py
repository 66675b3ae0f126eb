"""A metric as sums by day, one series a group: counted on the engine that holds the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.aliases import Floats, Ints, Places
from cxresearch.data.engine import Every, collect
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.group_columns import neutral_groups
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import check_options
from cxresearch.metrics.base.periods import complete_periods, days_of
from cxresearch.metrics.revenue.revenue_metrics import bridges_of
from cxresearch.metrics.survey.answers_by_cell import LINKED_ROWS, answers, count_scores, measures_for
from cxresearch.metrics.survey.score_measures import Measure, measure_of
from cxresearch.metrics.tables.registry import as_study, find_metric, make_query
from cxresearch.metrics.tables.statistics import Statistics
from cxresearch.results.units import Unit
from cxresearch.stats.change_points.dated_sums import DatedSums, dated_sums

_EPOCH = pd.Timestamp("1970-01-01")


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
    columns = (by,) if isinstance(by, str) else tuple(by)
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


def day_number(moments: Any) -> Ints:
    """Return the days since 1970-01-01 of naive local moments."""
    return (pd.DatetimeIndex(moments) - _EPOCH).days.to_numpy(np.int64)


def day_of(number: float) -> pd.Timestamp:
    """Return the day of a number of days since 1970-01-01."""
    return _EPOCH + pd.Timedelta(days=int(number))


def _question(study: Tables, metric: str) -> tuple[str, Measure] | None:
    """Return instrument and measure of a score, None for any other metric."""
    for instrument, scale in study.instruments.items():
        for measure in measures_for(scale):
            name = instrument if measure in ("nps", "mean") else f"{instrument}_{measure}"
            if name == metric:
                return instrument, measure_of(scale, measure)
    return None


def _by_day(
    study: Tables, metric: Metric, query: Query, by: tuple[str, ...], question: tuple[str, Measure]
) -> MetricSeries:
    instrument, measure = question
    # count_scores refuses answers that are not on the scale
    counts = count_scores(study, replace(query, clusters=None)).counts
    counts = counts[(counts["instrument"] == instrument) & counts["score"].notna() & counts["period"].notna()]
    present = study.table("responses").collect_schema().names()
    linked = "customer_id" in present and int(counts["n"].sum()) <= LINKED_ROWS
    repeats = _repeat_answers(study, query, instrument) if linked else None
    groups, code, repeat_code = _group_codes(counts, repeats, query.by)
    sums = []
    for place in range(len(groups)):
        mine = counts[code == place]
        own = repeats[repeat_code == place] if repeats is not None else None
        sums.append(_score_sums(mine, own, measure))
    return MetricSeries(
        metric=metric,
        unit=metric.unit,
        every="day",
        by=by,
        groups=tuple(dict(zip(by, group, strict=True)) for group in groups),
        sums=tuple(sums),
        measure=measure,
        instrument=instrument,
        linked=linked,
        least_days=2,
    )


def _repeat_answers(study: Tables, query: Query, instrument: str) -> pd.DataFrame:
    """Count by group, day, customer and score the answers of customers who answered more than once."""
    rows = answers(study, replace(query, clusters="auto"))
    rows = rows.filter(
        nw.col("instrument") == instrument, ~nw.col("score").is_null(), ~nw.col("who").is_null()
    )
    often = rows.group_by("who").agg(nw.len().alias("answers_in_all")).filter(nw.col("answers_in_all") > 1)
    rows = rows.join(often, on="who", how="inner")
    repeats = collect(rows.group_by([*query.keys, "who", "score"]).agg(nw.len().alias("n")))
    repeats = repeats[repeats["period"].notna()].reset_index(drop=True)
    repeats["who"] = pd.factorize(repeats["who"], sort=True)[0]
    return repeats


def _group_codes(
    counts: pd.DataFrame, repeats: pd.DataFrame | None, by: tuple[str, ...]
) -> tuple[list[tuple[Any, ...]], Places, Places]:
    """Return the groups in order, and the group of each row of both tables."""
    none = np.zeros(0 if repeats is None else len(repeats), dtype=np.intp)
    if not by:
        return [()], np.zeros(len(counts), dtype=np.intp), none
    index = pd.MultiIndex.from_frame(counts[list(by)].astype(object).where(counts[list(by)].notna(), None))
    code, groups = pd.factorize(index, sort=False)
    order = sorted(range(len(groups)), key=lambda place: [str(value) for value in groups[place]])
    rank = np.empty(len(groups), dtype=np.intp)
    rank[order] = np.arange(len(groups))
    names = [tuple(groups[place]) for place in order]
    if repeats is None or not len(repeats):
        return names, rank[code], none
    wanted = repeats[list(by)].astype(object).where(repeats[list(by)].notna(), None)
    where = groups.get_indexer(pd.MultiIndex.from_frame(wanted))
    return names, rank[code], rank[where]


def _score_sums(counts: pd.DataFrame, repeats: pd.DataFrame | None, measure: Measure) -> DatedSums:
    values = measure.factor * measure.array
    low = measure.scale.low

    def points(table: pd.DataFrame) -> tuple[Ints, Floats, Floats]:
        value = values[(table["score"].to_numpy(float) - low).astype(np.int64)]
        return day_number(table["period"]), value, table["n"].to_numpy(float)

    day, value, n = points(counts)
    if repeats is None or not len(repeats):
        linked_day = np.empty(0, dtype=np.int64)
        linked_value = linked_n = np.empty(0)
        who = np.empty(0, dtype=np.int64)
    else:
        linked_day, linked_value, linked_n = points(repeats)
        who = repeats["who"].to_numpy(np.int64)
    return score_sums(
        day=day,
        value=value,
        n=n,
        linked_day=linked_day,
        linked_value=linked_value,
        linked_n=linked_n,
        linked_who=who,
    )


def score_sums(
    *,
    day: Ints,
    value: Floats,
    n: Floats,
    linked_day: Ints,
    linked_value: Floats,
    linked_n: Floats,
    linked_who: Ints,
) -> DatedSums:
    """Return the sums of answers counted by day and value, linked ones also by customer.

    Parameters
    ----------
    day, value, n : array, shape (cells,)
        Counts n of all answers by day and value.
    linked_day, linked_value, linked_n, linked_who : array, shape (linked,)
        The same, by customer, of those customers whose answers belong together; part of the counts above.

    Returns
    -------
    DatedSums
    """
    days, at = np.unique(day, return_inverse=True)
    linked_at = np.searchsorted(days, linked_day)

    def by_day(place: Places, amount: Floats) -> Floats:
        return np.bincount(place, weights=amount, minlength=len(days)).astype(np.float64)

    total = by_day(at, n * value)
    base = by_day(at, n)
    free_base = base - by_day(linked_at, linked_n)
    free_total = total - by_day(linked_at, linked_n * linked_value)
    free_square = by_day(at, n * value**2) - by_day(linked_at, linked_n * linked_value**2)
    # every linked row stays linked here, a customer's only one in this group too: they share a sign
    order = np.lexsort((linked_at, linked_who))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(linked_who[order]) != 0) | (np.diff(linked_at[order]) != 0)
    starts = np.flatnonzero(fresh)
    sum_total = linked_n * linked_value
    empty = not len(starts)
    return DatedSums(
        day=days.astype(np.int64),
        total=total,
        base=base,
        tt=np.maximum(free_square, 0.0),
        tb=free_total,
        bb=np.maximum(free_base, 0.0),
        linked_at=linked_at[order][starts].astype(np.int64),
        linked_who=linked_who[order][starts].astype(np.int64),
        linked_total=np.empty(0) if empty else np.add.reduceat(sum_total[order], starts),
        linked_base=np.empty(0) if empty else np.add.reduceat(linked_n[order], starts),
    )


def _by_period(study: Tables, metric: Metric, query: Query, by: tuple[str, ...]) -> MetricSeries:
    every: Every = query.every or "week"
    if query.every is None and metric.family is bridges_of:
        every = "month"
    query = replace(query, every=every)
    table = Statistics(study, query).table(metric)
    done = complete_periods(study, table["period"], every)  # type: ignore[arg-type]
    table = table[done & table["period"].notna().to_numpy()]
    counts = metric.days == "proportional"
    if not counts:
        table = table[table["value"].notna() & (table["n"] > 0)]
    names, code, _ = _group_codes(table, None, query.by)
    everywhere = pd.DatetimeIndex(sorted(table["period"].unique()))
    if counts and len(everywhere):
        everywhere = pd.date_range(
            everywhere[0], everywhere[-1], freq={"week": "W-MON", "month": "MS"}.get(every, "D")
        )
    length = _block_length(len(everywhere), every)
    sums = []
    for place in range(len(names)):
        mine = table[code == place].set_index("period").sort_index()
        if counts:
            # a period without tickets is a count of none
            mine = mine.reindex(everywhere).assign(value=lambda rows: rows["value"].fillna(0.0))
            base = days_of(everywhere, every)
            total = mine["value"].to_numpy(float)
        else:
            base = mine["n"].to_numpy(float)
            total = mine["value"].to_numpy(float) * base
        block = everywhere.get_indexer(mine.index) // length
        series = dated_sums(day_number(mine.index), total, base=base, who=block)
        sums.append(replace(series, local=True))
    return MetricSeries(
        metric=metric,
        unit=Unit.COUNT_A_DAY if counts else metric.unit,
        every=every,
        by=by,
        groups=tuple(dict(zip(by, group, strict=True)) for group in names),
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
