"""The scorecard: all metrics that a study's tables allow, from one pass for each family of metrics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from cxresearch.metrics.scorecard.scorecard_parts import (
    MetricPart,
    judged_period,
    metric_part,
    searched_groups,
    without_groups,
)
from cxresearch.metrics.scorecard.scorecard_result import Scorecard
from cxresearch.metrics.scorecard.scorecard_targets import targets_of
from cxresearch.metrics.survey.answers_by_cell import LINKED_ROWS, count_scores
from cxresearch.metrics.survey.declared_directions import direction_table, opposed
from cxresearch.metrics.tables.contrast_table import Adjust
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
    judged = judged_period([overall for _, _, overall in counted], ended)
    parts = [metric_part(statistics, *tables, judged) for tables in counted]
    # Asked for by name, a box is what its reader wants to know: it is judged.
    topics = judged_metrics({part.metric.name: part.metric for part in parts}, asked_for=metrics is not None)
    able = [part for part in parts if topics.get(part.metric.name) in ("scores", "figures")]
    searched, more_notes = searched_groups(study, plain, check_columns("search", search), able, judged)
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
    return counted, (*without_groups(ungrouped, statistics.query), *_without_data(broken, chosen))


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


def _without_data(broken: dict[Family, DataError], chosen: list[Metric]) -> tuple[str, ...]:
    """Return a note on each family of metrics that could not be counted, and why."""
    notes = []
    for family, error in broken.items():
        labels = ", ".join(metric.label for metric in chosen if metric.family is family)
        why = "; ".join(part for part in (error.problem, error.next_step) if part)
        notes.append(f"left out: {labels}, because {why}")
    return tuple(notes)


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([part for part in tables if len(part)] or tables[:1], ignore_index=True)


def _unfinished(study: Study, query: Query) -> tuple[str, ...]:
    """Say so if the data cut falls within the last period."""
    if query.every is None or last_ended(study, query.every) == running_period(study, query.every):
        return ()
    cut = local_cut(study)
    return (f"the last {query.every} is unfinished and not judged: data end on {cut:%Y-%m-%d}",)


def _unlike_days(parts: list[MetricPart], query: Query) -> tuple[str, ...]:
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
