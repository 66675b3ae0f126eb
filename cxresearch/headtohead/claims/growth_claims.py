"""Claims about following up unhappy customers, and about whose money comes in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import DataError
from cxresearch.headtohead.claims.evidence import (
    EXISTING_CLAIM,
    LOOP_CLAIM,
    Answer,
    Evidence,
    enough,
    gap_text,
)
from cxresearch.headtohead.contest.forms import unhappy_answers
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.stats.effects.overlap_effect import overlap_effect
from cxresearch.stats.intervals.ratio import RatioSums, linearised_ratio
from cxresearch.units_of_time import DAYS_A_YEAR

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.aliases import Floats

#: A contact counts so many days after the unhappy answer and before any other; the next answer, in a year.
_CONTACT_DAYS, _NEXT_DAYS = 14, 365
_CONTACTS = ("call_back", "callback", "follow_up", "followup", "case_closed", "closed_loop", "outreach")


def closing_the_loop(evidence: Evidence) -> Answer:
    """Next NPS after an unhappy answer: followed up within 14 days against not, made alike.

    The first unhappy answer of each customer is the entry; overlap weights by the answer itself, tenure, date
    and how often the customer had answered before (Li, Morgan and Zaslavsky 2018,
    doi:10.1080/01621459.2016.1260466). A plain comparison misleads, for the unhappiest are called first.
    """
    import pandas as pd

    entries = _unhappy_entries(evidence)
    events = evidence.table("events")
    if "customer_id" not in events.columns:
        raise DataError("events do not say whose they are, so nobody knows who was followed up")
    contacts = events[events["kind"].isin(_CONTACTS) & events["customer_id"].notna()]
    if contacts.empty:
        raise DataError(f"no event is a follow-up (kinds {', '.join(_CONTACTS[:3])} ...)")
    joined = entries.merge(contacts[["customer_id", "occurred_at"]], on="customer_id")
    after = joined["occurred_at"] - joined["responded_at"]
    in_time = (after >= pd.Timedelta(0)) & (after <= pd.Timedelta(days=_CONTACT_DAYS))
    before_next = joined["occurred_at"] < joined["next_at"].fillna(pd.Timestamp.max)
    called = entries["customer_id"].isin(joined.loc[in_time & before_next, "customer_id"]).to_numpy()
    known = entries["next_points"].notna().to_numpy()
    enough(int((called & known).sum()), "unhappy customers who were followed up and answered again")
    enough(int((~called & known).sum()), "unhappy customers who were not followed up and answered again")
    design = entries[["score", "tenure", "date", "earlier"]].to_numpy(dtype=np.float64)
    points = entries["next_points"].to_numpy(dtype=np.float64)
    effect = overlap_effect(points, called, design, clusters=entries["customer_id"], level=evidence.level)
    gap, low, high = (float(value) for value in (effect.effect, effect.low, effect.high))
    verdict = "underpowered"
    if high < LOOP_CLAIM:
        verdict = "contradicted"
    elif low > 0:
        verdict = "supported"
    return Answer(
        verdict=verdict,
        finding=(
            f"After an unhappy answer, a follow-up within {_CONTACT_DAYS} days goes with a next NPS that "
            f"differs by {gap_text(gap, low, high, Unit.POINTS)}, customers made alike in what was known."
        ),
        estimate=gap,
        low=low,
        high=high,
        n=int(known.sum()),
    )


def _unhappy_entries(evidence: Evidence) -> pd.DataFrame:
    """First unhappy NPS answer of each customer, what was known by then, and the next answer.

    Returns
    -------
    DataFrame
        ``customer_id, responded_at, score, tenure, date`` (days), ``earlier`` (answers before), ``next_at,
        next_points`` (100 promoter, 0 passive, -100 detractor; NaN where there is none within a year).
    """
    import pandas as pd

    if "nps" not in evidence.study.instruments:
        raise DataError("nobody was asked for NPS")
    scale = evidence.study.instruments["nps"]
    responses = evidence.table("responses")
    answers = responses[(responses["instrument"] == "nps") & responses["score"].notna()]
    answers = answers.sort_values(["customer_id", "responded_at"], kind="stable")
    answers = answers[["customer_id", "responded_at", "score"]].reset_index(drop=True)
    answers["earlier"] = answers.groupby("customer_id").cumcount()
    following = answers.groupby("customer_id")[["responded_at", "score"]].shift(-1)
    answers["next_at"] = following["responded_at"]
    late = (following["responded_at"] - answers["responded_at"]) > timedelta(days=_NEXT_DAYS)
    unhappy = list(unhappy_answers(scale))
    # NPS is the mean of +100 (promoter), 0 and -100 (detractor).
    points = 100.0 * following["score"].isin(scale.top) - 100.0 * following["score"].isin(unhappy)
    answers["next_points"] = points.where(following["score"].notna() & ~late)
    entries = answers[answers["score"].isin(unhappy)].drop_duplicates("customer_id")
    enough(len(entries), f"unhappy answers to {scale.label}")
    started = evidence.table("customers").set_index("customer_id")["started_at"]
    tenure = entries["responded_at"] - entries["customer_id"].map(started)
    date = entries["responded_at"] - pd.Timestamp("2000-01-01")
    entries = entries.assign(tenure=tenure.dt.total_seconds() / 86_400, date=date.dt.total_seconds() / 86_400)
    return entries[entries["tenure"].notna()].reset_index(drop=True)


def existing_customers_pay(evidence: Evidence) -> Answer:
    """Share of the last year's revenue that came from customers of before that year."""
    paid, first, what = _paid_last_year(evidence)
    enough(len(paid), "customers who paid in the last year")
    begin = evidence.study.observed_until - timedelta(days=DAYS_A_YEAR)
    if not (first <= begin).any():
        raise DataError("nobody paid before the last year: there are no existing customers to compare")
    total: Floats = np.asarray(paid, dtype=np.float64)
    stayed = np.asarray(first.reindex(paid.index) <= begin, dtype=np.float64)
    existing: Floats = total * stayed
    share, low, high = _share(existing, total, level=evidence.level)
    verdict = "underpowered"
    if low >= EXISTING_CLAIM:
        verdict = "supported"
    elif high < EXISTING_CLAIM:
        verdict = "contradicted"
    return Answer(
        verdict=verdict,
        finding=(
            f"Of the {what} of the last year, {format_value(share, Unit.SHARE)} "
            f"{format_interval(low, high, Unit.SHARE)} came from customers of before that year."
        ),
        estimate=share,
        low=low,
        high=high,
        n=len(paid),
    )


def _share(part: Floats, total: Floats, *, level: float) -> tuple[float, float, float]:
    """Ratio of two sums over customers, with a linearised interval (Woodruff 1971)."""
    sums = RatioSums.of(part, total)
    ratio = linearised_ratio(sums, level=level)
    return float(ratio.value), max(float(ratio.low), 0.0), min(float(ratio.high), 1.0)


def _paid_last_year(evidence: Evidence) -> tuple[pd.Series[float], pd.Series, str]:
    """What each customer paid in the last year, when each first paid, and what that money is called."""
    import pandas as pd

    until = pd.Timestamp(evidence.study.observed_until)
    begin = until - pd.Timedelta(days=DAYS_A_YEAR)
    if "revenue" not in evidence.study.tables:
        orders = evidence.table("orders")
        first = orders[orders["amount"] > 0].groupby("customer_id")["ordered_at"].min()
        recent = orders[(orders["ordered_at"] > begin) & (orders["ordered_at"] <= until)]
        amounts = recent.groupby("customer_id")["amount"].sum()
        return amounts[amounts > 0], first, "orders"
    levels = evidence.table("revenue")
    if "currency" in levels.columns and levels["currency"].nunique() > 1:
        raise DataError("revenue is in several currencies, which no sum can hold")
    levels = levels.sort_values(["customer_id", "effective_at"], kind="stable")
    first = levels[levels["mrr"] > 0].groupby("customer_id")["effective_at"].min()
    following = levels.groupby("customer_id")["effective_at"].shift(-1)
    # Each level lasts until the next, within the year.
    ends = following.where(following < until, until)
    starts = levels["effective_at"].where(levels["effective_at"] > begin, begin)
    months = ((ends - starts).dt.total_seconds() / 86_400).clip(lower=0) / (DAYS_A_YEAR / 12)
    paid = (levels["mrr"] * months).groupby(levels["customer_id"]).sum()
    return paid[paid > 0], first, "recurring revenue"
