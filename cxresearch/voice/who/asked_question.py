"""Which question a score is about, what its answers count, and who gave an unhappy one last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.revenue.revenue_levels import last_rows, one_currency, revenue_levels
from cxresearch.metrics.revenue.revenue_profiles import revenue_profile
from cxresearch.metrics.survey.score_measures import Measure, measure_of, measures_for
from cxresearch.wording import did_you_mean, listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from cxresearch.data.study import Study
    from cxresearch.metrics.base.metric import Tables
    from cxresearch.scales import Scale


def asked_question(study: Tables, score: str | None) -> tuple[str, Measure]:
    """Return the instrument and the measure that the name of a score stands for.

    Parameters
    ----------
    study : Study
        With instruments.
    score : str, optional
        ``"nps"``, ``"csat"`` (the mean), ``"csat_top_2_box"``, ``"csat_top_box"``; by default the NPS, or
        else the first question.

    Raises
    ------
    ArgumentError
        If the study has no such score.
    """
    scores: dict[str, tuple[str, str]] = {}
    for name, scale in study.instruments.items():
        measures = measures_for(scale)
        scores[name] = (name, measures[0])
        scores |= {f"{name}_{measure}": (name, measure) for measure in measures[1:]}
    if "responses" not in study.tables or not scores:
        raise ArgumentError(
            "the study has no answers to any question",
            wanted="a table responses and a declared instrument",
            next_step="map the survey's export in the study file",
        )
    if score is None:
        # the NPS, or else the question declared first
        score = "nps" if "nps" in scores else next(iter(scores))
    if score not in scores:
        raise ArgumentError(
            f"score {shown(score)} is not available in this study",
            wanted=f"one of {listed(scores)}",
            next_step=did_you_mean(str(score), scores),
        )
    instrument, measure = scores[score]
    return instrument, measure_of(study.instruments[instrument], measure)


def values_by_score(measure: Measure) -> dict[float, float]:
    """Return what each answer counts, in the unit of the score.

    Examples
    --------
    >>> from cxresearch.scales import NPS
    >>> values_by_score(measure_of(NPS, "nps"))[6.0]
    -100.0
    """
    levels = zip(measure.scale.levels, measure.values, strict=True)
    return {float(level): measure.factor * value for level, value in levels}


def refuse_impossible(present: Iterable[float], scale: Scale, instrument: str) -> None:
    """Refuse scores that are no answers to the question; a validated study has set them aside before."""
    wrong = sorted(score for score in present if score not in set(map(float, scale.levels)))
    if wrong:
        raise DataError(
            f"answers to {shown(instrument)} are not on its scale, the first {wrong[0]:g}",
            wanted=f"whole numbers from {scale.low} to {scale.high}",
            next_step="map codes for 'no answer' to missing, or declare the scale that was asked",
        )


def last_answers(study: Tables, instrument: str, scale: Scale) -> nw.LazyFrame[Any]:
    """Return what each customer answered last, still on the engine.

    Returns
    -------
    LazyFrame
        ``customer_id, last_at, happy_at, unhappy_at`` (last happy, last unhappy answer; missing without one)
        and ``answers``.
    """
    rows = study.table("responses").filter(nw.col("instrument") == instrument)
    rows = rows.filter(~nw.col("score").is_null() & ~nw.col("responded_at").is_null())
    at, score = nw.col("responded_at"), nw.col("score").cast(nw.Float64())
    happy = nw.when(score.is_in(list(map(float, scale.top)))).then(at)
    unhappy = nw.when(score.is_in(list(map(float, scale.bottom)))).then(at)
    rows = rows.with_columns(cx_happy=happy, cx_unhappy=unhappy)
    return rows.group_by("customer_id").agg(
        last_at=at.max(),
        happy_at=nw.col("cx_happy").max(),
        unhappy_at=nw.col("cx_unhappy").max(),
        answers=nw.len(),
    )


def still_unhappy() -> nw.Expr:
    """Return whether a row of `last_answers` ends with an unhappy answer and no happy one since."""
    # of two answers at the same moment, one of them happy, nobody knows which came last
    no_happy = nw.col("happy_at").is_null() | (nw.col("happy_at") < nw.col("unhappy_at"))
    return ~nw.col("unhappy_at").is_null() & (nw.col("unhappy_at") == nw.col("last_at")) & no_happy


def active_customers(study: Study) -> nw.LazyFrame[Any]:
    """Return the customers who had started and not ended at the data cut, with all their columns."""
    cut = nw.lit(study.observed_until)
    customers = study.table("customers").filter(nw.col("started_at") <= cut)
    if "ended_at" in customers.collect_schema().names():
        ended = nw.col("ended_at")
        customers = customers.filter(ended.is_null() | (ended > cut))
    return customers


def revenue_today(study: Study) -> tuple[pd.Series[float] | None, str]:
    """Return each customer's MRR at the data cut, by customer_id, or None with the reason."""
    if "revenue" not in study.tables:
        return None, "no revenue table: revenue of unhappy customers is not known"
    levels = last_rows(revenue_levels(study, revenue_profile("cxresearch")))
    try:
        levels = one_currency(study, levels, next_step="ask for one currency")
    except DataError as error:
        return None, f"revenue of unhappy customers is not added up: {error.problem}"
    standing = collect(levels.select("customer_id", "cents"))
    return standing.set_index("customer_id")["cents"].astype(float) / 100, ""
