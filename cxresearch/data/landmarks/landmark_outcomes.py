"""Outcomes other than leaving: what they are called, who can have them, and when they first happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from cxresearch.data.engine import collect
from cxresearch.data.landmarks.known_by_then import Archive, Past
from cxresearch.data.landmarks.landmark_features import level_in_force
from cxresearch.errors import ArgumentError, DataError
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.aliases import Floats
    from cxresearch.data.study import Study

Frame = nw.LazyFrame[Any]
_ID = "customer_id"
#: Columns that `outcome_at` adds: when it first happened, and 1 for whom it can happen.
HAPPENED, ELIGIBLE = "_happened_at", "_eligible"


@dataclass(frozen=True, kw_only=True)
class LandmarkOutcome:
    """What may follow a landmark, in the words of every result that speaks of it.

    Attributes
    ----------
    name : str
        In code.
    noun : str
        "NPS predicts ...".
    happen, happened : str
        "customers ..." in general, and of those counted.
    cases, controls : str
        Rows with it within the horizon, and rows followed past the horizon without it.
    good : bool
        Whether happy customers are expected to have it more often.
    not_eligible : str
        Why a customer cannot have it; empty where everybody can.
    """

    name: str
    noun: str
    happen: str
    happened: str
    cases: str
    controls: str
    good: bool = True
    not_eligible: str = ""

    @property
    def sign(self) -> int:
        """Turn a score that is high for unhappy customers so that higher means likelier."""
        return 1 - 2 * int(self.good)

    @property
    def backwards(self) -> str:
        """Return what customers do whom a score calls happy, if it runs backwards."""
        return f"{self.happen} {('more', 'less')[int(self.good)]}"


CHURN = LandmarkOutcome(
    name="churn",
    noun="churn",
    happen="leave",
    happened="left",
    cases="leavers",
    controls="customers still there",
    good=False,
)
EXPANSION = LandmarkOutcome(
    name="expansion",
    noun="expansion",
    happen="expand",
    happened="expanded",
    cases="customers who expanded",
    controls="customers who did not expand",
    not_eligible="no recurring revenue by then",
)
CONTRACTION = LandmarkOutcome(
    name="contraction",
    noun="contraction",
    happen="contract",
    happened="contracted",
    cases="customers who contracted",
    controls="customers who did not contract",
    good=False,
    not_eligible="no recurring revenue by then",
)
RENEWAL = LandmarkOutcome(
    name="renewal",
    noun="renewal",
    happen="renew",
    happened="renewed",
    cases="customers who renewed",
    controls="customers who did not renew",
    not_eligible="no renewal due within the horizon",
)
REPURCHASE = LandmarkOutcome(
    name="repurchase",
    noun="a further purchase",
    happen="buy again",
    happened="bought again",
    cases="customers who bought again",
    controls="customers who did not buy again",
    not_eligible="no purchase by then",
)
REFERRAL = LandmarkOutcome(
    name="referral",
    noun="referral",
    happen="refer others",
    happened="referred others",
    cases="customers who referred others",
    controls="customers who referred nobody",
)
HAPPY_AGAIN = LandmarkOutcome(
    name="happy_again",
    noun="a happy answer",
    happen="become happy again",
    happened="became happy again",
    cases="customers happy again",
    controls="customers not happy again",
    not_eligible="not unhappy at the latest answer",
)
OUTCOMES = {
    kind.name: kind for kind in (CHURN, EXPANSION, CONTRACTION, RENEWAL, REPURCHASE, REFERRAL, HAPPY_AGAIN)
}


def outcome_named(name: str) -> LandmarkOutcome:
    """Return an outcome by its name, whatever stands behind a colon.

    Raises
    ------
    ArgumentError
        If there is no such outcome.

    Examples
    --------
    >>> outcome_named("happy_again:csat").noun
    'a happy answer'
    """
    plain = str(name).partition(":")[0]
    if plain not in OUTCOMES:
        raise ArgumentError(
            f"outcome is {name!r}",
            wanted="one of " + listed(OUTCOMES),
            next_step=did_you_mean(plain, OUTCOMES),
        )
    return OUTCOMES[plain]


def checked_outcome(study: Study, name: str) -> tuple[LandmarkOutcome, str]:
    """Return an outcome and what stands behind its colon: the question, or the kind of event.

    Raises
    ------
    ArgumentError
        If there is no such outcome, question or kind of event.
    DataError
        If the study lacks the table it is read from.
    """
    outcome = outcome_named(name)
    of = name.partition(":")[2]
    if outcome in (EXPANSION, CONTRACTION, RENEWAL):
        _need(study, outcome, "revenue", "mrr", *(["due_at"] if outcome is RENEWAL else []))
        if "subscription_id" in study.table("revenue").collect_schema().names():
            raise DataError(
                f"{outcome.noun} cannot be told: revenue holds levels of single subscriptions",
                where="table revenue, column subscription_id",
                next_step="map levels summed by customer",
            )
    if outcome is REPURCHASE:
        _need(study, outcome, "orders", "ordered_at")
    if outcome is REFERRAL:
        _need(study, outcome, "events", "kind", _ID)
        of = of or "referral"
        kinds = sorted(map(str, collect(study.table("events").select("kind").unique())["kind"]))
        if of not in kinds:
            raise ArgumentError(
                f"no event is of kind {of!r}",
                wanted="one of " + listed(kinds),
                next_step="name the kind of event, such as outcome='referral:invited_a_friend'",
            )
    if outcome is HAPPY_AGAIN:
        _need(study, outcome, "responses", "score")
        of = of or next(iter([*({"nps"} & set(study.instruments)), *study.instruments]), "nps")
        if of not in study.instruments:
            raise ArgumentError(
                f"the study has no question {of!r}",
                wanted="one of " + listed(study.instruments),
                next_step="name the question, such as outcome='happy_again:csat'",
            )
    return outcome, of


def _need(study: Study, outcome: LandmarkOutcome, table: str, *columns: str) -> None:
    if table not in study.tables:
        raise DataError(
            f"{outcome.noun} cannot be told: the study has no table {table}",
            next_step="map it in the study file",
        )
    missing = set(columns) - set(study.table(table).collect_schema().names())
    if missing:
        raise DataError(
            f"{outcome.noun} cannot be told: {table} has no column {min(missing)}",
            next_step="map it in the study file",
        )


def outcome_at(
    archive: Archive, at: datetime, outcome: LandmarkOutcome, of: str, *, horizon_days: float
) -> Frame:
    """Find who can have the outcome after a landmark, and when it first happened.

    Who can have it is read from `Past`; when it happened from what came after the landmark, up to the data
    cut, and from nothing else.

    Returns
    -------
    LazyFrame
        ``customer_id, _happened_at`` (missing where it did not) and ``_eligible``, 1; nobody else has a row.
    """
    past = Past(archive, at)
    if outcome in (EXPANSION, CONTRACTION):
        return _change_of_level(archive, past, outcome)
    if outcome is RENEWAL:
        return _renewals(archive, past, horizon_days)
    if outcome is REPURCHASE:
        eligible = past.orders().select(_ID).unique()
        return _with_first(eligible, _later(archive, past, "orders", "ordered_at"), "ordered_at")
    if outcome is REFERRAL:
        events = _later(archive, past, "events", "occurred_at").filter(nw.col("kind") == of)
        everybody = archive.table("customers").select(_ID)
        return _with_first(everybody, events, "occurred_at")
    return _happy_again(archive, past, of)


def _later(archive: Archive, past: Past, table: str, time: str) -> Frame:
    """Rows after the landmark and up to the data cut."""
    cut = archive.study.observed_until
    return archive.table(table).filter((nw.col(time) > past.at) & (nw.col(time) <= cut))


def _with_first(eligible: Frame, rows: Frame, time: str) -> Frame:
    first = rows.group_by(_ID).agg(nw.col(time).min().alias(HAPPENED))
    return eligible.join(first, on=_ID, how="left").with_columns(nw.lit(1.0).alias(ELIGIBLE))


def _change_of_level(archive: Archive, past: Past, outcome: LandmarkOutcome) -> Frame:
    """The first level above that of the landmark, or the first below it that is not the end."""
    before = level_in_force(past.revenue(), "_before").filter(nw.col("_before") > 0)
    # Of several levels at one instant the highest counts, as for the level known at the landmark.
    levels = _later(archive, past, "revenue", "effective_at").group_by(_ID, "effective_at")
    moves = levels.agg(nw.col("mrr").max()).join(before, on=_ID, how="inner")
    change = nw.col("mrr") > nw.col("_before")
    if outcome is CONTRACTION:
        change = (nw.col("mrr") < nw.col("_before")) & (nw.col("mrr") > 0)
    return _with_first(before.select(_ID), moves.filter(change), "effective_at")


def _renewals(archive: Archive, past: Past, horizon_days: float) -> Frame:
    """When the next renewal known at the landmark came: the day due, or earlier if a later term was agreed.

    Who pays nothing on the day due has not renewed; who leaves before, the row itself tells.
    """
    known = past.revenue().filter(nw.col("due_at") > past.at)
    latest = known.group_by(_ID).agg(nw.col("effective_at").max())
    terms = known.join(latest, on=[_ID, "effective_at"], how="inner").group_by(_ID)
    due = terms.agg(_due=nw.col("due_at").min())
    due = due.filter(nw.col("_due") <= past.at + timedelta(days=horizon_days))
    later = archive.table("revenue").join(due, on=_ID, how="inner")
    later = later.filter(nw.col("effective_at") <= archive.study.observed_until)
    agreed = later.filter(
        (nw.col("effective_at") > past.at)
        & (nw.col("effective_at") < nw.col("_due"))
        & (nw.col("due_at") > nw.col("_due"))
        & (nw.col("mrr") > 0)
    )
    early = agreed.group_by(_ID).agg(_early=nw.col("effective_at").min())
    # The level in force once the day due has begun.
    by_then = later.filter(nw.col("effective_at") <= nw.col("_due"))
    paid = level_in_force(by_then, "_paid")
    rows = due.join(early, on=_ID, how="left").join(paid, on=_ID, how="left")
    came = (nw.col("_paid") > 0) & (nw.col("_due") <= archive.study.observed_until)
    on_the_day = nw.when(came).then(nw.col("_due"))
    happened = nw.when(nw.col("_early").is_null()).then(on_the_day).otherwise(nw.col("_early"))
    return rows.select(_ID, happened.alias(HAPPENED), nw.lit(1.0).alias(ELIGIBLE))


def _happy_again(archive: Archive, past: Past, question: str) -> Frame:
    """The first happy answer of those whose latest answer by then was unhappy."""
    scale = past.study.instruments[question]
    answers = past.answers().filter(nw.col("instrument") == question)
    last = answers.group_by(_ID).agg(nw.col("responded_at").max())
    latest = answers.join(last, on=[_ID, "responded_at"], how="inner")
    low = latest.filter(nw.col("score").is_in([float(level) for level in scale.bottom]))
    later = Past(archive, archive.study.observed_until).answers()
    happy = later.filter(
        (nw.col("instrument") == question)
        & (nw.col("responded_at") > past.at)
        & nw.col("score").is_in([float(level) for level in scale.top])
    )
    return _with_first(low.select(_ID).unique(), happy, "responded_at")


def outcome_columns(
    outcome: LandmarkOutcome, happened_days: Floats, left_days: Floats, *, followed_days: float
) -> dict[str, Any]:
    """Return ``duration_days`` and ``event`` of rows: 1 the outcome, 2 leaving before it, 0 censored.

    Who leaves can no longer have the outcome, so leaving competes with it; of two at one instant leaving
    counts. A renewal is the exception: leaving *is* not renewing, so those rows are followed on to the data
    cut without it (the risk set of Fine and Gray 1999, doi:10.1080/01621459.1999.10474144, whose censoring
    times are known here).

    Parameters
    ----------
    outcome : LandmarkOutcome
    happened_days, left_days : ndarray, shape (n,)
        Days after the landmark; NaN where it did not happen by the data cut.
    followed_days : float
        Days from the landmark to the data cut.
    """
    never = np.inf
    happened = np.nan_to_num(happened_days, nan=never)
    left = np.nan_to_num(left_days, nan=never)
    first = happened < left
    event = np.where(first, 1, np.where(np.isfinite(left), 2, 0))
    duration = np.minimum(np.minimum(happened, left), followed_days)
    if outcome is RENEWAL:
        event = first.astype(np.int64)
        duration = np.where(first, happened, followed_days)
    return {"duration_days": duration, "event": event.astype(np.int8)}


def split_not_eligible(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[str]]:
    """Part the rows whose customer cannot have the outcome: the rows that stay, and the others' ids."""
    can = rows.pop(ELIGIBLE).notna().to_numpy()
    return rows[can], rows.loc[~can, _ID]
