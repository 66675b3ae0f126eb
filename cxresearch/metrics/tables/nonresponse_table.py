"""How far silence could move a score, by any group and period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import Every, collect
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.group_columns import cells_of, neutral_groups, with_users_names
from cxresearch.metrics.base.metric import Query, Tables
from cxresearch.metrics.survey.response_rate import bounds_method
from cxresearch.metrics.survey.score_measures import Measure, check_scores, measure_of, measures_for
from cxresearch.metrics.tables.registry import as_study, find_metric, make_query, plain_name
from cxresearch.metrics.tables.statistics import finish
from cxresearch.wording import did_you_mean


def nonresponse_table(
    data: Any,
    metric: str,
    *,
    by: str | Sequence[str] | None = None,
    every: Every | None = None,
) -> pd.DataFrame:
    """Return the bounds of `nonresponse_bounds` by group and period; one group-by where the data are.

    Parameters
    ----------
    data : Study or frame
        As in `metric_table`. With a column ``sent_at`` the questionnaires sent are the base and date the
        periods, as for a response rate; without it rows without a score are the silent.
    metric : str
        A score: ``"nps"``, ``"csat"`` (the mean), ``"csat_top_2_box"``, likewise for each declared question.
    by, every
        As in `metric_table`.

    Returns
    -------
    DataFrame
        The columns of `metric_table`. ``value`` is that of the answers, ``low`` and ``high`` are what silence
        allows (``level`` is NaN: no chance is in them), ``n`` counts the answers and ``n_missing`` the
        silent. Where the low end is the best case (the mean where low is good), ``method`` says so.

    Raises
    ------
    ArgumentError
        If the metric is no score, a column is not available, or periods are asked for without ``sent_at``.

    References
    ----------
    Manski (1989), doi:10.2307/145818.

    Examples
    --------
    >>> answers = pd.DataFrame({"score": [10.0] * 12 + [8.0] * 4 + [None] * 4, "team": ["a", "b"] * 10})
    >>> nonresponse_table(answers, "nps", by="team")[["team", "value", "low", "high", "n", "n_missing"]]
      team  value   low  high  n  n_missing
    0    a   75.0  40.0  80.0  8          2
    1    b   75.0  40.0  80.0  8          2
    """
    query = make_query(by, every, clusters=None, weights=None, level=0.95)
    study, query = neutral_groups(as_study(data, metric), query)
    instrument, measure = _score(study, plain_name(metric))
    counts = count_scores_sent(study, query)
    cells = _bounds(counts[counts["instrument"] == instrument], query, measure)
    table = finish(find_metric(study, metric), query, cells)
    return with_users_names(table.assign(level=np.nan), query)


def _score(study: Tables, name: str) -> tuple[str, Measure]:
    """Return the question and the measure that the name of a score stands for."""
    scores = [
        instrument if measure in ("nps", "mean") else f"{instrument}_{measure}"
        for instrument, scale in study.instruments.items()
        for measure in measures_for(scale)
    ]
    for instrument, scale in study.instruments.items():
        if name == instrument:
            return instrument, measure_of(scale, measures_for(scale)[0])
        if name.startswith(f"{instrument}_top_"):
            return instrument, measure_of(scale, name.removeprefix(f"{instrument}_"))
    raise ArgumentError(
        f"metric {name!r} is no score",
        wanted="one of " + ", ".join(scores),
        next_step=did_you_mean(name, scores),
    )


def count_scores_sent(study: Tables, query: Query) -> pd.DataFrame:
    """Count rows by cell, instrument and score; those with ``sent_at``, dated by it, where there is one."""
    names = study.table("responses").collect_schema().names()
    # Who keeps silent has no moment of answering: only the sending tells the period a silence belongs to.
    if "sent_at" in names:
        rows = cells_of(study, "responses", query, time="sent_at", keep=("instrument", "sent_at", "score"))
        rows = rows.filter(~nw.col("sent_at").is_null())
    elif query.every is None:
        rows = cells_of(study, "responses", query, time="responded_at", keep=("instrument", "score"))
    else:
        raise ArgumentError(
            "responses have no column 'sent_at', and who keeps silent has no other date",
            next_step="leave out every, or map the date of sending",
        )
    counts = collect(rows.group_by([*query.keys, "instrument", "score"]).agg(nw.len().alias("n")))
    return counts.astype({"score": "float64", "n": "int64"})


def _bounds(scores: pd.DataFrame, query: Query, measure: Measure) -> pd.DataFrame:
    """Cells with the score of the answers and its worst and best case; a wrong score is refused."""
    check_scores(scores["score"].to_numpy(), measure.scale)
    # What an answer counts: +1, 0, -1 of an NPS, the answer itself of a mean, 1 or 0 of a box.
    worth = dict(zip(map(float, measure.scale.levels), measure.values, strict=True))
    answered = scores["score"].notna()
    n = scores["n"].where(answered, 0)
    rows = scores.assign(n=n, silent=scores["n"] - n, total=n * scores["score"].map(worth).fillna(0.0))
    keys = list(query.keys)
    sums = ["n", "silent", "total"]
    if keys:
        cells = rows.groupby(keys, dropna=False, as_index=False)[sums].sum()
    else:
        cells = rows[sums].sum().to_frame().T
    n = cells["n"]
    every = n + cells["silent"]
    # Manski (1989): (sum of answers + silent x worst, or best) / all sent.
    ends = {
        name: measure.factor * (cells["total"] + cells["silent"] * end) / every
        # Worst case: every silent customer gives the least value; best case: the greatest.
        for name, end in (("low", min(measure.values)), ("high", max(measure.values)))
    }
    return cells[keys].assign(
        # Score of those who answered = factor x sum of values / answers; NaN where nobody did.
        value=measure.factor * cells["total"] / n.where(n > 0),
        **ends,
        se=np.nan,
        n=n.astype("int64"),
        n_missing=cells["silent"].astype("int64"),
        method=bounds_method(measure.scale, measure.name),
    )
