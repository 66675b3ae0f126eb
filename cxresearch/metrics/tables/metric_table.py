"""A metric by any group and period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from cxresearch.checks import check_choice, check_columns, check_level
from cxresearch.data.engine import EVERY, Every
from cxresearch.data.study import Study
from cxresearch.metrics.base.group_columns import neutral_groups, with_users_names
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import check_options
from cxresearch.metrics.tables.bare_answers import read_answers
from cxresearch.metrics.tables.registry import find_metric, plain_name
from cxresearch.metrics.tables.statistics import Statistics


def metric_table(
    data: Any,
    metric: str,
    *,
    by: str | Sequence[str] | None = None,
    every: Every | None = None,
    clusters: str | None = "auto",
    weights: str | None = None,
    level: float = 0.95,
    options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return one metric by group and period, with intervals; one group-by on the engine that holds the data.

    Parameters
    ----------
    data : Study, Themes or frame
        A study, the themes of its texts (which add ``"theme:<name>"`` and ``"theme_count:<name>"``), or a
        frame of answers (pandas, Polars, PyArrow, DuckDB, PySpark) with a column ``score`` and, as far as
        used, ``responded_at``, ``customer_id``, ``instrument`` and the group columns. A frame without
        ``instrument`` holds answers to the question the metric names: ``"nps"``, ``"csat"`` or ``"ces"``
        (2.0).
    metric : str
        ``"nps"``, ``"csat"`` (the mean), ``"csat_top_2_box"``, ``"csat_top_box"``, likewise for each declared
        instrument (``"ces_top_3_box"``: the three best answers), ``"<instrument>_response_rate"``, or any
        other metric the study's tables allow. Case is forgiven.
    by : str or sequence of str, optional
        Group columns, crossed: of the metric's table, or of customers.
    every : {"day", "week", "month", "quarter", "year"}, optional
        Period, in the study's time zone.
    clusters : str, optional
        Column naming whose rows belong together. ``"auto"`` links the answers of one customer up to two
        million rows; beyond, and with None, answers count as independent, and ``method`` says so.
    weights : str, optional
        Column of design weights.
    level : float
        Confidence level.
    options : mapping, optional
        Choices of the metric, as it declares them: ``profile`` and ``rates`` (revenue), ``grace_days``
        (renewals), ``win_back_days``, ``repeat_days`` (second purchases), ``hours`` (tickets),
        ``target_hours`` and ``sla_of`` (promised times), ``within_days`` and ``feature`` (adoption). One that
        the metric does not have is refused.

    Returns
    -------
    DataFrame
        One row a cell that has rows, sorted: metric, the group columns, period (start, local time; only with
        ``every``), value, low, high, level, se, n, n_effective, n_missing, unit, method, small_base (below
        30), suppressed (below 5, or the complement of such a cell; then value, low, high and se are NaN).
        ``n_effective`` is the number of independent answers of equal weight that n are worth: Kish's with
        weights, n over the design effect where answers of one customer are linked, NaN with neither. A base
        is as small as the smaller of n and n_effective.
        Values are in ``unit``: an NPS in points, a share from 0 to 1. A group column whose name the table
        needs itself is called ``<name>_group`` there: by ``level`` gives a column ``level_group``.

    Raises
    ------
    ArgumentError
        If the metric, a column, the period or an option is not available.
    DataError
        If a frame holds scores that are no answers to the question.

    Examples
    --------
    >>> answers = pd.DataFrame({"score": [10] * 60 + [8] * 25 + [6] * 15, "team": ["a"] * 50 + ["b"] * 50})
    >>> metric_table(answers, "nps", by="team")[["team", "value", "n", "suppressed"]]
      team  value   n  suppressed
    0    a  100.0  50       False
    1    b  -10.0  50       False
    """
    query = make_query(by, every, clusters=clusters, weights=weights, level=level)
    statistics, chosen = statistics_of(data, metric, query, options)
    return with_users_names(statistics.table(chosen), statistics.query)


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


def as_study(data: Any, metric: str) -> Tables:
    """Return a study as it is, that behind themes with its marks, and a frame as a study of responses."""
    themed: Tables | None = getattr(data, "themed_study", None)
    if themed is not None:
        return themed
    return data if isinstance(data, Study) else read_answers(data, plain_name(metric))


def statistics_of(
    data: Any, name: str, query: Query, options: Mapping[str, Any] | None
) -> tuple[Statistics, Metric]:
    """Return the statistics, under neutral group names, and the metric that a name stands for."""
    study = as_study(data, name)
    metric = find_metric(study, name)
    chosen = check_options(options, metric.options, of=metric.name)
    study, query = neutral_groups(study, replace(query, options=chosen))
    return Statistics(study, query), metric
