"""When a programme might have begun for a customer: on joining, with a renewal ahead, at each quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_number
from cxresearch.data.engine import collect
from cxresearch.data.timelines import DAY, seconds
from cxresearch.errors import ArgumentError, DataError
from cxresearch.voice.recovery.unhappy_moments import EligibleMoments, StudyTimelines, known_by_then
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.aliases import Bools
    from cxresearch.data.study import Study

    Times = NDArray[np.int64]

JOINING, RENEWAL, QUARTER, MONTH = "joining", "renewal", "quarter", "month"
WORDS = {
    JOINING: "joining",
    RENEWAL: "a renewal coming up",
    QUARTER: "the start of a quarter",
    MONTH: "the start of a month",
}
#: Days before the renewal at which its moment lies, unless said otherwise.
AHEAD_DAYS = 90.0
_STARTS = {QUARTER: "QS", MONTH: "MS"}


def programme_moments(study: Study, lines: StudyTimelines, at: str, *, grace_days: float) -> EligibleMoments:
    """Collect the moments at which a programme might have begun.

    Parameters
    ----------
    study : Study
    lines : StudyTimelines
    at : {"joining", "renewal", "quarter", "month"}
        ``"renewal:60"`` lies 60 days before the renewal instead of 90.
    grace_days : float
        Who left, or gave notice, within it is not eligible, and neither is a moment whose grace the data do
        not cover: before the first recorded action nobody knows who was treated.

    Raises
    ------
    ArgumentError
        If there are no such moments.
    DataError
        If the study lacks what they are read from, or nobody is eligible.
    """
    customer, moment = _candidates(study, lines, at)
    grace = int(grace_days * DAY)
    first_action = min(line.moment.min() for line in lines.actions.values() if len(line))
    # Eligible at the moment itself, and nothing later decides it but surviving the grace (landmark).
    then = (lines.started[customer] <= moment) & (lines.ended[customer] > moment)
    # Before the first recorded action nobody knows who was treated: all would count as untreated.
    recorded = moment + grace >= first_action
    watched = moment + grace <= lines.cut
    # Immortal time: who is contacted late must have stayed until then, so both arms must have.
    stayed = lines.ended[customer] > moment + grace
    reasons = {
        "not a customer on that day, or under notice": ~then,
        "the grace time was over before the first recorded action": then & ~recorded,
        "the grace time was not over by the data cut": then & recorded & ~watched,
        "left or gave notice within the grace time": then & recorded & watched & ~stayed,
    }
    dropped = {reason: int(rows.sum()) for reason, rows in reasons.items() if rows.any()}
    eligible: Bools = then & recorded & watched & stayed
    if not eligible.any():
        raise DataError(
            f"nobody had {WORDS[at.partition(':')[0]]} that could be followed",
            where="; ".join(f"{reason}: {n:,}" for reason, n in dropped.items()),
            next_step="take other moments, or a shorter grace_days",
        )
    customer = customer[eligible]
    moment = moment[eligible]
    # Strictly before the moment: an answer of the day itself may follow the contact.
    latest = lines.answers.value_at(lines.answers.last_before(customer, moment))
    none = np.full(len(customer), np.nan)
    design, names = known_by_then(lines, customer, moment, none, latest)
    return EligibleMoments(
        customer=customer,
        moment=moment,
        score=none,
        previous=latest,
        design=design,
        names=names,
        dropped=dropped,
    )


def _candidates(study: Study, lines: StudyTimelines, at: str) -> tuple[Times, Times]:
    """Every customer and moment, sorted by both, before anybody is left out."""
    kind, _, ahead = at.partition(":")
    if kind not in WORDS:
        raise ArgumentError(
            f"at is {at!r}", wanted="one of " + listed(WORDS), next_step=did_you_mean(kind, WORDS)
        )
    everybody = np.arange(len(lines.ids), dtype=np.int64)
    if kind == JOINING:
        return everybody, lines.started
    if kind == RENEWAL:
        return _renewals(study, lines, _days_ahead(ahead))
    first = pd.Timestamp("1900-01-01") + pd.Timedelta(seconds=int(lines.started.min()))
    dates = pd.date_range(first.normalize(), study.observed_until, freq=_STARTS[kind])
    # Sequence of trials (Hernan et al. 2008, doi:10.1097/EDE.0b013e3181875e61): one starts at each date.
    moments = seconds(pd.Series(dates))
    return np.repeat(everybody, len(moments)), np.tile(moments, len(everybody))


def _days_ahead(text: str) -> float:
    if not text:
        return AHEAD_DAYS
    try:
        return check_number("days before the renewal", float(text), above=0)
    except ValueError:
        raise ArgumentError(f"at is 'renewal:{text}'", wanted="days, such as 'renewal:60'") from None


def _renewals(study: Study, lines: StudyTimelines, ahead_days: float) -> tuple[Times, Times]:
    """Days before each renewal that was agreed by then."""
    if "revenue" not in study.tables or "due_at" not in study.table("revenue").collect_schema().names():
        raise DataError("revenue has no column due_at", next_step="map the date on which a renewal falls due")
    rows = study.table("revenue").filter(~nw.col("due_at").is_null() & (nw.col("mrr") > 0))
    terms = collect(rows.select("customer_id", "effective_at", "due_at"))
    code = lines.ids.get_indexer(pd.Index(terms["customer_id"])).astype(np.int64)
    moment = seconds(terms["due_at"]) - int(ahead_days * DAY)
    # Agreed by the moment: a renewal signed later was not known to be ahead.
    agreed = (code >= 0) & (seconds(terms["effective_at"]) <= moment)
    pairs = np.unique(np.column_stack([code[agreed], moment[agreed]]), axis=0)
    return pairs[:, 0], pairs[:, 1]
