"""A metric by any group and period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cxresearch.data.engine import Every
from cxresearch.metrics.base.group_columns import with_users_names
from cxresearch.metrics.tables.registry import make_query, statistics_of


def metric_table(  # noqa: PLR0913 - choices of one door, by keyword
    data: Any,
    metric: str,
    *,
    score: str | None = None,
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
    score : str, optional
        For a frame: the column of scores, where it is not called ``score``. Case is forgiven.
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
    >>> wide = answers.rename(columns={"score": "NPS"})
    >>> float(metric_table(wide, "nps", score="nps", by="Team")["value"].iloc[0])
    100.0
    """
    query = make_query(by, every, clusters=clusters, weights=weights, level=level)
    statistics, chosen = statistics_of(data, metric, query, options, score=score)
    return with_users_names(statistics.table(chosen), statistics.query)
