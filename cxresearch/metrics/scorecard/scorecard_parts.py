"""Tables of one metric for a scorecard: all rows, groups, contrasts of the judged period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.group_columns import NoSuchGroupError, neutral_groups
from cxresearch.metrics.base.metric import Metric, Query
from cxresearch.metrics.tables.contrast_table import CONTRAST_COLUMNS, contrast_table
from cxresearch.metrics.tables.statistics import Statistics


@dataclass(frozen=True, kw_only=True)
class MetricPart:
    """Tables of one metric."""

    metric: Metric
    overall: pd.DataFrame
    table: pd.DataFrame
    whole: pd.DataFrame
    year_ago: pd.DataFrame
    groups: pd.DataFrame
    rest: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class SearchedGroups:
    """Comparisons of the groups of one further column for one metric."""

    column: str
    groups: pd.DataFrame
    rest: pd.DataFrame


def without_groups(labels: list[str], query: Query) -> tuple[str, ...]:
    """Return the note on metrics whose tables lack the group columns."""
    if not labels:
        return ()
    groups = ", ".join(query.called(column) for column in query.by)
    return (f"not by {groups}, which their tables lack: {', '.join(labels)}",)


def metric_part(
    statistics: Statistics,
    metric: Metric,
    table: pd.DataFrame,
    overall: pd.DataFrame,
    judged: pd.Timestamp | None,
) -> MetricPart:
    """Return the tables of one metric with its contrasts in the judged period.

    A metric that lags is judged by the last period it can know; any other that has nothing in the judged
    period is not judged at all.
    """
    query = statistics.query
    whole = nothing()
    year_ago = nothing()
    # Who joined last month has not had 30 days yet.
    if metric.lags:
        judged = judged_period([overall], judged)
    if query.every is not None and metric.difference != "none":
        coarse = replace(query, by=())
        whole = _last(contrast_table(statistics, metric, "previous", coarse), coarse, judged)
        # For years the period before is a year ago.
        if query.every != "year":
            year_ago = _last(contrast_table(statistics, metric, "year_ago", coarse), coarse, judged)
    groups, rest = _group_contrasts(statistics, metric, judged)
    return MetricPart(
        metric=metric,
        overall=overall,
        table=table,
        whole=whole,
        year_ago=year_ago,
        groups=groups,
        rest=rest,
    )


def _group_contrasts(
    statistics: Statistics, metric: Metric, judged: pd.Timestamp | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the changes of a metric's groups, and the groups against the rest, in the judged period."""
    query = statistics.query
    groups = nothing()
    rest = nothing()
    if not query.by or metric.difference == "none":
        return groups, rest
    if query.every is not None:
        groups = _last(contrast_table(statistics, metric, "previous"), query, judged)
    if metric.rest is not None:
        rest = _last(contrast_table(statistics, metric, "rest"), query, judged)
    return groups, rest


def searched_groups(
    study: Study,
    query: Query,
    columns: tuple[str, ...],
    parts: list[MetricPart],
    judged: pd.Timestamp | None,
) -> tuple[list[SearchedGroups], tuple[str, ...]]:
    """Return the comparisons of further group columns, one after another, and what lacks a column."""
    searched = []
    notes: list[str] = []
    for column in columns:
        # Its groups stand in the tables already.
        if (column,) == query.by:
            continue
        seen, neutral = neutral_groups(study, replace(query, by=(column,)))
        statistics = Statistics(seen, neutral)
        lacking = []
        for part in parts:
            last = judged
            if part.metric.lags:
                last = judged_period([part.overall], judged)
            try:
                groups, rest = _group_contrasts(statistics, part.metric, last)
            except NoSuchGroupError:
                lacking.append(part.metric.label)
                continue
            without = [name for name in neutral.by if name in groups or name in rest]
            groups = groups.drop(columns=without, errors="ignore")
            rest = rest.drop(columns=without, errors="ignore")
            searched.append(SearchedGroups(column=column, groups=groups, rest=rest))
        if parts and len(lacking) == len(parts):
            raise ArgumentError(f"no metric has the group column {column!r}")
        notes += without_groups(lacking, neutral)
    return searched, tuple(notes)


def nothing() -> pd.DataFrame:
    """Return contrasts without any row."""
    return pd.DataFrame(columns=["metric", "column", "group", "whole", *CONTRAST_COLUMNS])


def judged_period(tables: list[pd.DataFrame], ended: pd.Timestamp | None) -> pd.Timestamp | None:
    """Return the last period with rows that had ended, or the last there is."""
    if ended is None:
        return None
    periods_of = [table.loc[table["n"] > 0, "period"].dropna() for table in tables]
    periods = pd.concat([part for part in periods_of if len(part)] or [pd.Series(dtype="datetime64[us]")])
    if not len(periods):
        return None
    # A running period is no estimate of itself: the last that had ended is judged, if there is one.
    done = periods[periods <= ended]
    if len(done):
        periods = done
    last: pd.Timestamp = periods.max()
    return last


def _last(contrasts: pd.DataFrame, query: Query, judged: pd.Timestamp | None) -> pd.DataFrame:
    """Return the contrasts of the judged period, named by group; ``whole`` marks those over all groups."""
    if judged is not None:
        contrasts = contrasts[contrasts["period"] == judged]
    names: Any = "all"
    by = list(query.by)
    if by and len(contrasts):
        names = contrasts[by].astype(str).agg(", ".join, axis=1)
    last = contrasts.copy()
    last.insert(1, "column", ", ".join(query.called(column) for column in by))
    last.insert(2, "group", names)
    last.insert(3, "whole", not by)
    return last
