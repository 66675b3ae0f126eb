"""Start and stop: cut each customer's stay into intervals in which the known scores do not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.churn.curves.timeline import carried, timeline
from cxresearch.data.engine import collect, days_between
from cxresearch.data.landmarks.known_by_then import EXIT_PATTERN
from cxresearch.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from cxresearch.data.study import Study

NO_TIME = "left the moment they started"


@dataclass(frozen=True, kw_only=True)
class ScoreIntervals:
    """Intervals of constant scores, n of them.

    Attributes
    ----------
    frame : DataFrame
        Columns customer_id, start, stop (days of tenure) and event (0, 1 voluntary, 2 involuntary, at
        ``stop``).
    known : DataFrame
        The same rows: one column for each score, and the columns asked for, under their own names.
    excluded : DataFrame
        Columns reason, customers.
    """

    frame: pd.DataFrame
    known: pd.DataFrame
    excluded: pd.DataFrame


def score_intervals(
    study: Study, scores: Sequence[str], *, keep: Sequence[str] = (), lag_days: float = 0.0
) -> ScoreIntervals:
    """Cut each customer's stay at their answers.

    A score counts from its answer on (``lag_days`` later, if asked), never before. A customer is at risk from
    the moment all the scores are known: earlier time is left out, as delayed entry, not filled in. Churn is
    dated at the notice, where known. Answers at or after the end of the stay count nowhere, nor do exit
    surveys (by touchpoint or stage).

    Parameters
    ----------
    study : Study
        Needs customers and responses.
    scores : sequence of str
        Instruments.
    keep : sequence of str
        Columns of customers to hand on.
    lag_days : float
        Days after an answer before it counts; keeps out answers given on the way out.

    Raises
    ------
    ArgumentError
        If an instrument or column is not there.
    DataError
        If no customer ever has all the scores.
    """
    unknown = [name for name in scores if name not in study.instruments]
    if unknown or not scores:
        wanted = ", ".join(map(repr, study.instruments))
        problem = f"there is no instrument {unknown[0]!r}" if unknown else "scores is empty"
        raise ArgumentError(problem, wanted=f"among {wanted}")
    people = timeline(study, dated="notice", carry=keep)
    stays = collect(people.drop("started_at", "left_at"))
    changes = _known_scores(_answers(study, people, scores, lag_days), scores, study)
    frame = changes.merge(stays, on="customer_id", how="inner")
    if frame.empty:
        raise DataError(
            "no customer ever has all of " + ", ".join(scores), next_step="ask for fewer scores at once"
        )
    frame = frame.sort_values(["customer_id", "start"], ignore_index=True)
    # An interval ends where the next one of the customer starts, the last at the end of the stay.
    last = frame["customer_id"] != frame["customer_id"].shift(-1)
    frame["stop"] = np.where(last, frame["duration"], frame["start"].shift(-1))
    frame["event"] = np.where(last, frame["event"], 0).astype(np.int64)
    own_names = {score_column(place): name for place, name in enumerate(scores)}
    own_names |= {carried(place): name for place, name in enumerate(keep)}
    return ScoreIntervals(
        frame=frame[["customer_id", "start", "stop", "event"]],
        known=frame[list(own_names)].rename(columns=own_names),
        excluded=_excluded(stays, frame["customer_id"], scores),
    )


def score_column(position: int) -> str:
    """Return the neutral name under which a score travels, whatever its instrument is called."""
    return f"score_{position}"


def _answers(study: Study, people: nw.LazyFrame[Any], scores: Sequence[str], lag_days: float) -> pd.DataFrame:
    """Answers while a customer, with the day of tenure from which they count."""
    responses = study.table("responses")
    for name in {"touchpoint", "stage"} & set(responses.collect_schema().names()):
        # A survey on the way out knows that the customer leaves.
        asked = nw.col(name).fill_null("").str.to_lowercase()
        responses = responses.filter(~asked.str.contains(EXIT_PATTERN))
    answers = (
        responses.filter(nw.col("instrument").is_in(list(scores)), ~nw.col("score").is_null())
        .select("customer_id", "instrument", "score", "responded_at")
        .join(people.select("customer_id", "started_at", "duration"), on="customer_id", how="inner")
        .with_columns(start=days_between(nw.col("started_at"), nw.col("responded_at")) + lag_days)
        .filter(nw.col("start") < nw.col("duration"))
        .select("customer_id", "instrument", "score", "start")
    )
    return collect(answers)


def _excluded(stays: pd.DataFrame, used: pd.Series[Any], scores: Sequence[str]) -> pd.DataFrame:
    """Count the customers who are in no interval, by reason."""
    # Without any time at risk there is no interval.
    at_once = stays["duration"] <= 0
    never = ~stays["customer_id"].isin(used) & ~at_once
    lacking = ("without an answer to " if len(scores) == 1 else "never with all of ") + ", ".join(scores)
    counts = {NO_TIME: int(at_once.sum()), lacking: int(never.sum())}
    reasons = [(reason, number) for reason, number in counts.items() if number]
    return pd.DataFrame(reasons, columns=["reason", "customers"])


def _known_scores(answers: pd.DataFrame, scores: Sequence[str], study: Study) -> pd.DataFrame:
    """One row for each moment at which a customer's known scores change and all are known.

    Of several answers of one instrument at one instant the unhappiest counts.
    """
    sign = answers["instrument"].map({name: study.instruments[name].risk_sign for name in scores})
    place = answers["instrument"].map({name: score_column(place) for place, name in enumerate(scores)})
    answers = answers.assign(
        start=answers["start"].clip(lower=0.0), risk=answers["score"] * sign, column=place
    )
    # The riskiest answer of an instant comes last and is kept.
    answers = answers.sort_values(["customer_id", "start", "risk"], kind="stable")
    answers = answers.drop_duplicates(["customer_id", "start", "column"], keep="last")
    wide = answers.pivot(index=["customer_id", "start"], columns="column", values="score")
    wide = wide.reindex(columns=[score_column(place) for place in range(len(scores))]).sort_index()
    # The latest answer counts until the next one; rows before all are known fall away.
    wide = wide.groupby(level="customer_id").ffill()
    return wide.dropna().reset_index()
