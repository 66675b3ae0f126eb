"""Start and stop: cut each customer's stay into intervals in which the known scores do not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.churn.curves.timeline import timeline
from cxresearch.data.engine import collect, days_between
from cxresearch.data.landmarks.known_by_then import EXIT_PATTERN
from cxresearch.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from cxresearch.data.study import Study

NO_TIME = "left the moment they started"


@dataclass(frozen=True, kw_only=True)
class ScoreIntervals:
    """Intervals of constant scores.

    Attributes
    ----------
    frame : DataFrame
        Columns customer_id, start, stop (days of tenure), event (0, 1 voluntary, 2 involuntary, at
        ``stop``), one column for each score, and the columns asked for.
    excluded : DataFrame
        Columns reason, customers.
    """

    frame: pd.DataFrame
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
        known = ", ".join(map(repr, study.instruments))
        problem = f"there is no instrument {unknown[0]!r}" if unknown else "scores is empty"
        raise ArgumentError(problem, wanted=f"among {known}")
    people = timeline(study, dated="notice")
    columns = people.collect_schema().names()
    lost = [name for name in keep if name not in columns]
    if lost:
        raise ArgumentError(f"customers have no column {lost[0]!r}", wanted="one of " + ", ".join(columns))
    kept = collect(people.select("customer_id", "duration", "event", *keep))
    responses = study.table("responses")
    for name in {"touchpoint", "stage"} & set(responses.collect_schema().names()):
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
    changes = _known_scores(collect(answers), scores, study)
    frame = changes.merge(kept, on="customer_id", how="inner")
    frame = frame.sort_values(["customer_id", "start"], ignore_index=True)
    last = frame["customer_id"] != frame["customer_id"].shift(-1)
    frame["stop"] = np.where(last, frame["duration"], frame["start"].shift(-1))
    frame["event"] = np.where(last, frame["event"], 0).astype(np.int64)
    reasons = {
        NO_TIME: int((kept["duration"] <= 0).sum()),
        ("without an answer to " if len(scores) == 1 else "never with all of ") + ", ".join(scores): int(
            (~kept["customer_id"].isin(frame["customer_id"]) & (kept["duration"] > 0)).sum()
        ),
    }
    if frame.empty:
        raise DataError(
            "no customer ever has all of " + ", ".join(scores), next_step="ask for fewer scores at once"
        )
    excluded = pd.DataFrame(
        [(reason, number) for reason, number in reasons.items() if number], columns=["reason", "customers"]
    )
    return ScoreIntervals(
        frame=frame[["customer_id", "start", "stop", "event", *scores, *keep]], excluded=excluded
    )


def _known_scores(answers: pd.DataFrame, scores: Sequence[str], study: Study) -> pd.DataFrame:
    """One row for each moment at which a customer's known scores change and all are known.

    Of several answers of one instrument at one instant the unhappiest counts.
    """
    sign = answers["instrument"].map({name: study.instruments[name].risk_sign for name in scores})
    answers = answers.assign(start=answers["start"].clip(lower=0.0), _risk=answers["score"] * sign)
    answers = answers.sort_values(["customer_id", "start", "_risk"], kind="stable")
    answers = answers.drop_duplicates(["customer_id", "start", "instrument"], keep="last")
    wide = answers.pivot(index=["customer_id", "start"], columns="instrument", values="score")
    wide = wide.reindex(columns=list(scores)).sort_index()
    wide = wide.groupby(level="customer_id").ffill()
    return wide.dropna().reset_index()
