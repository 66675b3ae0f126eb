"""A metric against the previous period, against the rest, and between groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cxresearch.checks import check_choice
from cxresearch.data.engine import Every
from cxresearch.metrics.base.group_columns import with_users_names
from cxresearch.metrics.tables.contrast_table import Adjust, Against, adjusted, contrast_table
from cxresearch.metrics.tables.registry import make_query, statistics_of


def metric_contrasts(  # noqa: PLR0913 - choices of one door, by keyword
    data: Any,
    metric: str,
    *,
    against: Against,
    by: str | Sequence[str] | None = None,
    every: Every | None = None,
    adjust: Adjust = "holm",
    clusters: str | None = "auto",
    weights: str | None = None,
    level: float = 0.95,
    options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return differences of a metric, each with interval, named test and corrected p-value.

    Parameters
    ----------
    data, metric, by, every, clusters, weights, level, options
        As in :func:`metric_table`.
    against : {"previous", "year_ago", "rest", "groups"}
        Each period against the one before it that has answers, within a group; or against the same one of
        the year before (52 weeks for weeks and days); each group of the first column of ``by`` against all
        other groups, within a period; each pair of groups, within a period.
    adjust : {"holm", "fdr_bh", "none"}
        Correction of the p-values over all rows returned: Holm, Benjamini and Hochberg, or none.

    Returns
    -------
    DataFrame
        One row a contrast: metric, the group columns, period (with ``every``), against (what the row is
        compared with), value, value_against, difference (value minus value_against), low, high, level, se,
        statistic, p_value, p_adjusted, adjustment, test, n, n_against, unit, small_base (either n below 30),
        suppressed (a side is hidden; its numbers are NaN).

    Raises
    ------
    ArgumentError
        If there is nothing to compare: no period, or no group.

    Notes
    -----
    Between periods the change of a count of tickets is that of tickets a day (unit ``count a day``), value
    and value_against too. Who used anything, and how many features, grows with the days of a period, at most
    in proportion: between periods of unlike length low, high and p_value allow for all from none to that.

    Two sides count as independent samples. Customers who answer on both sides (in two periods) usually answer
    alike, so that the interval is then wider than it need be; `score_difference` pairs them.

    Examples
    --------
    >>> answers = pd.DataFrame({"score": [10] * 60 + [8] * 25 + [6] * 15, "team": ["a", "b"] * 50})
    >>> found = metric_contrasts(answers, "nps", by="team", against="rest")
    >>> found[["team", "against", "difference"]].round(1)
      team   against  difference
    0    a  the rest         2.0
    1    b  the rest        -2.0
    """
    check_choice("against", against, ("previous", "year_ago", "rest", "groups"))
    check_choice("adjust", adjust, ("holm", "fdr_bh", "none"))
    query = make_query(by, every, clusters=clusters, weights=weights, level=level)
    statistics, chosen = statistics_of(data, metric, query, options)
    table = adjusted(contrast_table(statistics, chosen, against), adjust)
    return with_users_names(table, statistics.query)
