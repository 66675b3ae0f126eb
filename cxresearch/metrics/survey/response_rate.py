"""Who did not answer: response rate, and how far silence could move a score."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cxresearch.checks import check_level, check_number
from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.cell_estimates import shares
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.survey.score_measures import base_note, check_scores, measure_of
from cxresearch.metrics.survey.survey import survey_score
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.scales import NPS, Scale
from cxresearch.stats.intervals.proportions import WILSON, wilson


def response_rate(answered: int, sent: int, *, level: float = 0.95) -> Estimate:
    """Return the share of sent questionnaires that came back with a score, with Wilson's interval.

    Parameters
    ----------
    answered, sent : int
        Answers and questionnaires sent.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        A share from 0 to 1.

    Raises
    ------
    ArgumentError
        If a number is no whole number from 0 up, or more answered than were asked.

    Examples
    --------
    >>> response_rate(250, 1000)
    Response rate 25.0 % [22.4 %, 27.8 %], n 1,000
    """
    answered, sent = _whole("answered", answered), _whole("sent", sent)
    if answered > sent:
        raise ArgumentError(f"answered is {answered!r} of {sent!r} sent", wanted="answered at most sent")
    bounds = wilson(answered, sent, level=level)
    if sent:
        rate = answered / sent
    else:
        rate = float("nan")
    return Estimate(
        name="Response rate",
        value=rate,
        low=float(bounds.low),
        high=float(bounds.high),
        level=check_level(level),
        se=float(np.sqrt(rate * (1 - rate) / sent)) if sent else float("nan"),
        n=sent,
        unit=Unit.SHARE,
        method=WILSON,
        denominator="questionnaires sent",
        note=base_note(sent, unknown=not sent),
    )


def _whole(name: str, value: float) -> int:
    number = check_number(name, value, at_least=0)
    if not number.is_integer():
        raise ArgumentError(f"{name} is {value!r}", wanted="a whole number")
    return int(number)


def nonresponse_bounds(
    scores: ArrayLike,
    *,
    sent: int | None = None,
    scale: Scale = NPS,
    measure: str = "nps",
    level: float = 0.95,
) -> Estimate:
    """Return a score with the range it could have if everybody had answered: worst and best case.

    The low end is the lowest the score could be, the high end the highest: all silent customers would have
    given the worst, or the best answer. Which end is the best case follows from the direction: the mean of a
    question where low is good (CES 1.0, how much effort) is best at its *low* end, while every box share and
    the NPS are best at the high end. No assumption is made about who keeps silent, and chance is added to
    neither end. `nonresponse_table` has them by group and period.

    Parameters
    ----------
    scores : array-like, shape (n,)
        Whole numbers on the scale; missing ones are the silent.
    sent : int, optional
        Questionnaires sent, where ``scores`` holds answers only.
    scale, measure, level
        As in :func:`survey_score`.

    Returns
    -------
    Estimate
        ``value`` is that of the answers; ``low`` and ``high`` are the bounds, ``se`` is NaN. The note says
        so where the low end is the best case.

    Raises
    ------
    ArgumentError
        If sent is no whole number, or fewer were sent than answered.

    References
    ----------
    Manski, C. F. (1989). Anatomy of the selection problem. Journal of Human Resources 24, 343-360.
    doi:10.2307/145818

    Examples
    --------
    >>> found = nonresponse_bounds([10] * 60 + [8] * 25 + [6] * 15, sent=400)
    >>> found.value, found.low, found.high
    (45.0, -63.75, 86.25)
    """
    chosen = measure_of(scale, measure)
    values = check_scores(scores, scale)
    n = int((~np.isnan(values)).sum())
    if sent is None:
        total = len(values)
    else:
        total = _whole("sent", sent)
    if total < len(values):
        raise ArgumentError(f"sent is {sent!r} but there are {len(values):,} rows", wanted="sent >= rows")
    seen = survey_score(scores, scale=scale, measure=measure, level=level)
    if total:
        share = n / total
    else:
        share = float("nan")
    base = 0.0
    if n:
        base = seen.value * share
    # Manski (1989): share x mean of the answers + (1 - share) x worst, or best, value.
    ends = [base + (1 - share) * chosen.factor * end for end in (min(chosen.values), max(chosen.values))]
    return Estimate(
        name=f"{chosen.label} if all had answered",
        value=seen.value,
        low=ends[0],
        high=ends[1],
        level=level,
        se=float("nan"),
        n=n,
        n_missing=total - n,
        unit=chosen.unit,
        method=bounds_method(scale, measure),
        denominator="responses with a score",
        note=f"response rate {100 * share:.1f} %; the range is what silence allows, not chance",
    )


def bounds_method(scale: Scale, measure: str) -> str:
    """Return the name of the bounds, which says so where the low end is the best case."""
    turned = measure == "mean" and scale.direction == "low_is_good"
    ends = "worst and best case"
    if turned:
        ends = "best and worst case (low is good)"
    return f"{ends} for non-response (Manski 1989)"


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return a response rate for each instrument, where the responses say when questionnaires were sent."""
    if "responses" not in study.tables:
        return ()
    if "sent_at" not in study.table("responses").collect_schema().names():
        return ()
    return tuple(
        Metric(
            name=f"{instrument}_response_rate",
            label=f"{scale.label} response rate",
            unit=Unit.SHARE,
            good="high",
            denominator="questionnaires sent",
            family=count_sent,
            estimate=_estimator(instrument),
            topic="response rates",
            definition="rows with sent_at and a score / rows with sent_at, by the period of sending",
        )
        for instrument, scale in study.instruments.items()
    )


def count_sent(study: Tables, query: Query) -> pd.DataFrame:
    """Count questionnaires sent and answered by cell and instrument; the period is that of sending."""
    rows = cells_of(study, "responses", query, time="sent_at", keep=("instrument", "sent_at", "score"))
    rows = rows.filter(~nw.col("sent_at").is_null()).with_columns(
        answered=(~nw.col("score").is_null()).cast(nw.Int64())
    )
    grouped = rows.group_by([*query.keys, "instrument"])
    return collect(grouped.agg(nw.len().alias("n"), nw.col("answered").sum()))


def _estimator(instrument: str) -> Callable[[pd.DataFrame, Query], pd.DataFrame]:
    def estimate(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
        rows = counts[counts["instrument"] == instrument]
        if query.keys:
            rows = rows.sort_values(list(query.keys))
        n = rows["n"].to_numpy(dtype=np.float64)
        return rows[list(query.keys)].assign(
            **shares(rows["answered"].to_numpy(dtype=np.float64), n, query.level),
            n=rows["n"].astype("int64"),
            n_missing=0,
            method=WILSON,
        )

    return estimate
