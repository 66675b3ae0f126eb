"""Every metric that can be asked for by name, of a given study, and how it is asked.

To add metrics: write a module with ``metrics_of(study) -> tuple[Metric, ...]`` (see metrics/base/metric.py),
import it here and add it to ``_SOURCES``. Nothing else changes: `cx.metric_table`, `cx.scorecard` and the
report find them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cxresearch.checks import check_choice, check_columns, check_level
from cxresearch.data.engine import EVERY, Every
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.group_columns import neutral_groups
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import check_options
from cxresearch.metrics.journey_facts import advocacy_metrics, escalations, goal_metrics, trial_metrics
from cxresearch.metrics.journey_facts.needed_lines import line_needed
from cxresearch.metrics.returns import customer_churn, return_metrics
from cxresearch.metrics.revenue import revenue_metrics
from cxresearch.metrics.support import follow_up_metrics, support_metrics
from cxresearch.metrics.survey import answers_by_cell as survey_metrics
from cxresearch.metrics.survey import response_rate as non_response
from cxresearch.metrics.survey import theme_metrics
from cxresearch.metrics.survey.bare_answers import read_answers
from cxresearch.metrics.tables.statistics import Statistics
from cxresearch.metrics.usage import adoption_metrics
from cxresearch.wording import did_you_mean

_SOURCES = (
    survey_metrics,
    non_response,
    revenue_metrics,
    customer_churn,
    return_metrics,
    support_metrics,
    escalations,
    follow_up_metrics,
    adoption_metrics,
    goal_metrics,
    trial_metrics,
    advocacy_metrics,
    theme_metrics,
)


def metrics_of(study: Tables) -> dict[str, Metric]:
    """Return all metrics the study's tables, columns and instruments allow, by name, in order of report."""
    return {metric.name: metric for source in _SOURCES for metric in source.metrics_of(study)}


def find_metric(study: Tables, name: str) -> Metric:
    """Return one metric by name; case, blanks and hyphens are forgiven.

    Besides what `metrics_of` lists, ``<instrument>_top_<k>_box`` is the share of the k best answers.

    Raises
    ------
    ArgumentError
        If the study does not allow it; the message lists what it does allow.
    """
    listed = metrics_of(study)
    plain = plain_name(name)
    # A box of any size can be asked for; only the customary ones are listed, so that a scorecard stays short.
    metric = listed.get(name) or listed.get(plain) or survey_metrics.box_metric(study, plain)
    if metric is None:
        raise ArgumentError(
            f"metric {name!r} is not available in this study",
            wanted="one of " + ", ".join(listed),
            next_step=line_needed(plain)
            or did_you_mean(
                plain, listed, otherwise="add the table, column or instrument it needs to the study"
            ),
        )
    return metric


def plain_name(name: str) -> str:
    """Return a name as metrics are called: lower case, words joined by underscores.

    Examples
    --------
    >>> plain_name("Net revenue retention")
    'net_revenue_retention'
    """
    # casefold, not lower: capital and small sharp s of a German metric are one letter to it.
    return re.sub(r"[\s-]+", "_", str(name).strip().casefold())


def make_query(
    by: str | Sequence[str] | None,
    every: Every | None,
    *,
    clusters: str | None,
    weights: str | None,
    level: float,
) -> Query:
    """Return a checked query, as yet without options."""
    columns = check_columns("by", by)
    if every is not None:
        check_choice("every", every, EVERY)
    return Query(
        by=columns,
        every=every,
        level=check_level(level),
        clusters=clusters,
        weights=weights,
    )


def as_study(data: Any, metric: str, score: str | None = None) -> Tables:
    """Return a study as it is, that behind themes with its marks, and a frame as a study of responses."""
    themed: Tables | None = getattr(data, "themed_study", None)
    if themed is not None:
        return themed
    if isinstance(data, Study):
        if score is not None:
            raise ArgumentError(
                "score names a column of a frame; a study declares its scores", wanted="a frame"
            )
        return data
    return read_answers(data, plain_name(metric), score)


def statistics_of(
    data: Any,
    name: str,
    query: Query,
    options: Mapping[str, Any] | None,
    *,
    score: str | None = None,
) -> tuple[Statistics, Metric]:
    """Return the statistics, under neutral group names, and the metric that a name stands for."""
    study = as_study(data, name, score)
    metric = find_metric(study, name)
    chosen = check_options(options, metric.options, of=metric.name)
    # A user's column may have any name, also one that this package computes with: see group_columns.py.
    study, query = neutral_groups(study, replace(query, options=chosen))
    return Statistics(study, query), metric
