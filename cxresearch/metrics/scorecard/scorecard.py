"""The scorecard: all metrics that a study's tables allow, from one pass for each family of metrics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cxresearch.checks import check_choice, check_columns, check_level
from cxresearch.data.engine import Every
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, CxWarning, DataError, StudyError
from cxresearch.metrics.base.company_events import company_events
from cxresearch.metrics.base.group_columns import NoSuchGroupError, neutral_groups, users_names
from cxresearch.metrics.base.metric import Family, Metric, Query
from cxresearch.metrics.base.options import check_options
from cxresearch.metrics.base.periods import any_allowed, last_ended, local_cut, running_period
from cxresearch.metrics.scorecard.scorecard_families import judge_groups, judge_whole, judged_metrics
from cxresearch.metrics.scorecard.scorecard_result import Scorecard
from cxresearch.metrics.scorecard.scorecard_targets import targets_of
from cxresearch.metrics.survey.answers_by_cell import LINKED_ROWS, count_scores
from cxresearch.metrics.survey.declared_directions import direction_table, opposed
from cxresearch.metrics.tables.contrast_table import CONTRAST_COLUMNS, Adjust, contrast_table
from cxresearch.metrics.tables.registry import find_metric, make_query, metrics_of
from cxresearch.metrics.tables.statistics import Statistics


def scorecard(  # noqa: PLR0913 - choices of one door, by keyword
    study: Study,
    *,
    by: str | Sequence[str] | None = None,
    search: str | Sequence[str] = (),
    every: Every | None = "month",
    metrics: str | Sequence[str] | None = None,
    clusters: str | None = "auto",
    weights: str | None = None,
    level: float = 0.95,
    groups_level: float | None = None,
    adjust: Adjust = "holm",
    options: Mapping[str, Any] | None = None,
) -> Scorecard:
    """Return every metric the study allows, by group and period, with what moved and whether it is noise.

    Parameters
    ----------
    study : Study
        The study.
    by : str or sequence of str, optional
        Group columns, crossed; of a metric's own table, or of customers. A metric whose table has neither is
        left out, and a note says so.
    search : str or sequence of str
        Further group columns, one after another: their groups are judged like those of ``by``, all in one
        family, and stand in ``changes`` and ``rest`` only.
    every : {"day", "week", "month", "quarter", "year"} or None
        Period, in the study's time zone; None takes the whole time at once.
    metrics : str or sequence of str, optional
        Names of metrics, all of them judged; by default all metrics, of which the primary are judged: one
        measure a question, the others shown with their intervals.
    clusters, weights : str or None
        As in :func:`metric_table`; for the scores of answers, other metrics have no use for them.
    level : float
        Confidence level; a change is called noise where its corrected p-value is not below ``1 - level``.
    groups_level : float, optional
        The same for the groups, where a page that searches them in another way too splits its error.
    adjust : {"holm", "fdr_bh", "none"}
        Correction of p-values over each family: over all customers the changes of scores, those of response
        rates, those of all other figures; and all groups of all columns, their changes and their differences
        from the rest together.
    options : mapping, optional
        Choices of single metrics: ``{"profile": "stripe"}``.

    Returns
    -------
    Scorecard

    Notes
    -----
    On shuffled labels of groups one of them is named in at most 1 - level of scorecards: rates in
    docs/validation.md.

    Raises
    ------
    ArgumentError
        If no metric is left, or an argument or option is not admitted.

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.synthetic_study(seed=1, customers=2000)
    >>> card = scorecard(study, every="quarter", metrics=["nps"])
    >>> card.overall[["metric", "n", "unit"]].tail(1).to_string(index=False, header=False).split()[0]
    'nps'
    """
    query = make_query(by, every, clusters=clusters, weights=weights, level=level)
    check_choice("adjust", adjust, ("holm", "fdr_bh", "none"))
    if isinstance(metrics, str):
        metrics = (metrics,)
    if metrics:
        chosen = [find_metric(study, name) for name in metrics]
    else:
        chosen = list(metrics_of(study).values())
    if not chosen:
        raise ArgumentError("the study allows no metric", next_step="add responses, revenue or tickets")
    declared = [option for metric in chosen for option in metric.options]
    query = replace(query, options=check_options(options, declared))
    plain = query
    seen, query = neutral_groups(study, query)
    statistics = Statistics(seen, query)
    counted, notes = _evaluate(statistics, chosen, strict=metrics is not None)
    if not counted:
        if notes:
            raise ArgumentError(
                "no metric has these groups", wanted="other columns in by: " + "; ".join(notes)
            )
        raise ArgumentError("no metric has anything to count", next_step="look at study.counts()")
    ended = None
    if query.every:
        ended = last_ended(study, query.every)
    judged = _judged([overall for _, _, overall in counted], ended)
    parts = [_part(statistics, *tables, judged) for tables in counted]
    # Asked for by name, a box is what its reader wants to know: it is judged.
    topics = judged_metrics({part.metric.name: part.metric for part in parts}, asked_for=metrics is not None)
    able = [part for part in parts if topics.get(part.metric.name) in ("scores", "figures")]
    searched, more_notes = _searched(study, plain, check_columns("search", search), able, judged)
    whole, year_ago = (
        judge_whole(_stack(tables), topics, adjust, level)
        for tables in ([part.whole for part in parts], [part.year_ago for part in parts])
    )
    groups, rest = judge_groups(
        _stack([*(part.groups for part in parts), *(cells.groups for cells in searched)]),
        _stack([*(part.rest for part in parts), *(cells.rest for cells in searched)]),
        topics,
        adjust,
        check_level(groups_level or level),
    )
    changes = _stack([whole, groups])
    table = _stack([part.table for part in parts])
    names = users_names(query, table, changes, rest)
    return Scorecard(
        name=study.name,
        by=tuple(names.values()),
        searched=tuple(dict.fromkeys(cells.column for cells in searched)),
        every=every or "",
        level=query.level,
        overall=_stack([part.overall for part in parts]),
        table=table.rename(columns=names),
        changes=changes.rename(columns=names),
        rest=rest.rename(columns=names),
        year_ago=year_ago,
        targets=targets_of(
            study, {part.metric.name: part.metric for part in parts}, metrics_of(study), find_metric
        ),
        currency=study.currency,
        events=company_events(study),
        labels={part.metric.name: part.metric.label for part in parts},
        good={part.metric.name: part.metric.good for part in parts},
        period=judged,
        notes=(
            *notes,
            *more_notes,
            *_unfinished(study, query),
            *_unlike_days(parts, query),
            *_opposed(study, chosen, level),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Tables of one metric."""

    metric: Metric
    overall: pd.DataFrame
    table: pd.DataFrame
    whole: pd.DataFrame
    year_ago: pd.DataFrame
    groups: pd.DataFrame
    rest: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class _Searched:
    """Comparisons of the groups of one further column for one metric."""

    column: str
    groups: pd.DataFrame
    rest: pd.DataFrame


_Counted = tuple[Metric, pd.DataFrame, pd.DataFrame]


def _evaluate(
    statistics: Statistics, chosen: list[Metric], *, strict: bool
) -> tuple[list[_Counted], tuple[str, ...]]:
    """Return each metric with its table by group and over all groups, and what was left out.

    Metrics that were asked for by name (``strict``) are never left out: what is wrong with one is raised.
    """
    counted: list[_Counted] = []
    ungrouped: list[str] = []
    broken: dict[Family, DataError] = {}
    for metric in chosen:
        # A family that failed once fails for all its metrics: one note, not one for each.
        if metric.family in broken:
            continue
        try:
            tables = _tables(statistics, metric)
        # Asked for by name, a metric without the groups is a mistake; in a full card it is passed over.
        except NoSuchGroupError:
            if strict:
                raise
            ungrouped.append(metric.label)
            continue
        except DataError as error:
            if strict or _is_users(error, metric, statistics.query):
                raise
            broken[metric.family] = error
            continue
        # Of what never happened (nobody left, so nobody returned) there is no line.
        if strict or len(tables[1]):
            counted.append((metric, *tables))
    if broken and not counted:
        raise next(iter(broken.values()))
    return counted, (*_without_groups(ungrouped, statistics.query), *_without_data(broken, chosen))


def _tables(statistics: Statistics, metric: Metric) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of a metric by group, and that over all groups."""
    table = statistics.table(metric)
    if not statistics.query.by:
        return table, table
    return table, statistics.table(metric, replace(statistics.query, by=()))


def _is_users(error: DataError, metric: Metric, query: Query) -> bool:
    """Return whether an error is about rows or weights that the user chose: it is not passed over."""
    # Weights are chosen for answers only; other metrics have no use for them.
    weighed = query.weights is not None and metric.family is count_scores
    return weighed or isinstance(error, StudyError)


def _without_groups(labels: list[str], query: Query) -> tuple[str, ...]:
    """Return the note on metrics whose tables lack the group columns."""
    if not labels:
        return ()
    groups = ", ".join(query.called(column) for column in query.by)
    return (f"not by {groups}, which their tables lack: {', '.join(labels)}",)


def _without_data(broken: dict[Family, DataError], chosen: list[Metric]) -> tuple[str, ...]:
    """Return a note on each family of metrics that could not be counted, and why."""
    notes = []
    for family, error in broken.items():
        labels = ", ".join(metric.label for metric in chosen if metric.family is family)
        why = "; ".join(part for part in (error.problem, error.next_step) if part)
        notes.append(f"left out: {labels}, because {why}")
    return tuple(notes)


def _part(
    statistics: Statistics,
    metric: Metric,
    table: pd.DataFrame,
    overall: pd.DataFrame,
    judged: pd.Timestamp | None,
) -> _Part:
    """Return the tables of one metric with its contrasts in the judged period.

    A metric that lags is judged by the last period it can know; any other that has nothing in the judged
    period is not judged at all.
    """
    query = statistics.query
    whole = nothing()
    year_ago = nothing()
    # Who joined last month has not had 30 days yet.
    if metric.lags:
        judged = _judged([overall], judged)
    if query.every is not None and metric.difference != "none":
        coarse = replace(query, by=())
        whole = _last(contrast_table(statistics, metric, "previous", coarse), coarse, judged)
        # For years the period before is a year ago.
        if query.every != "year":
            year_ago = _last(contrast_table(statistics, metric, "year_ago", coarse), coarse, judged)
    groups, rest = _group_contrasts(statistics, metric, judged)
    return _Part(
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


def _searched(
    study: Study,
    query: Query,
    columns: tuple[str, ...],
    parts: list[_Part],
    judged: pd.Timestamp | None,
) -> tuple[list[_Searched], tuple[str, ...]]:
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
                last = _judged([part.overall], judged)
            try:
                groups, rest = _group_contrasts(statistics, part.metric, last)
            except NoSuchGroupError:
                lacking.append(part.metric.label)
                continue
            without = [name for name in neutral.by if name in groups or name in rest]
            groups = groups.drop(columns=without, errors="ignore")
            rest = rest.drop(columns=without, errors="ignore")
            searched.append(_Searched(column=column, groups=groups, rest=rest))
        if parts and len(lacking) == len(parts):
            raise ArgumentError(f"no metric has the group column {column!r}")
        notes += _without_groups(lacking, neutral)
    return searched, tuple(notes)


def nothing() -> pd.DataFrame:
    """Return contrasts without any row."""
    return pd.DataFrame(columns=["metric", "column", "group", "whole", *CONTRAST_COLUMNS])


def _judged(tables: list[pd.DataFrame], ended: pd.Timestamp | None) -> pd.Timestamp | None:
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


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([part for part in tables if len(part)] or tables[:1], ignore_index=True)


def _unfinished(study: Study, query: Query) -> tuple[str, ...]:
    """Say so if the data cut falls within the last period."""
    if query.every is None or last_ended(study, query.every) == running_period(study, query.every):
        return ()
    cut = local_cut(study)
    return (f"the last {query.every} is unfinished and not judged: data end on {cut:%Y-%m-%d}",)


def _unlike_days(parts: list[_Part], query: Query) -> tuple[str, ...]:
    """Say of which changes the intervals allow for a month that is longer or shorter than the one before."""
    names = [part.metric.label for part in parts if part.metric.days == "at_most" and any_allowed(part.whole)]
    if not names:
        return ()
    return (
        f"the last two {query.every}s are not equally long; the intervals of change allow for it: "
        + ", ".join(names),
    )


def _opposed(study: Study, chosen: list[Metric], level: float) -> tuple[str, ...]:
    """Warn of instruments that run against each other, where so few rows are cheap to link by customer."""
    # Two questions at least: one alone has none to run against.
    survey = [metric for metric in chosen if metric.family is count_scores]
    if len(survey) < 2 or study.summary("responses").rows > LINKED_ROWS:
        return ()
    table = direction_table(study, level=level)
    note = opposed(table)
    if note:
        warnings.warn(note, CxWarning, stacklevel=3)
    if note:
        return (note,)
    return ()
