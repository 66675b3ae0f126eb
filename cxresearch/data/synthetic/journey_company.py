"""The unhappy company with what tells of journeys: hand-offs, trials, referrals, pairs of scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.data.engine import collect
from cxresearch.data.synthetic.company import company_study
from cxresearch.scales import CSAT, NPS

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.study import Study

#: The seed is followed by this number: a generator that no draw of the company knows of.
_CHILD = 29


@dataclass(frozen=True, kw_only=True)
class JourneyTruth:
    """What is planted in `journey_study`.

    Attributes
    ----------
    escalated, handoffs : float
        Share of resolved tickets escalated, and their mean number of hand-offs; tickets of one customer are
        alike.
    trials, converted, trial_days : float
        Share of customers who try the add-on from their first day on; share of these who pay for it in the
        end; median days of those who do.
    referral, review : float
        Share of customers who ever refer, or review.
    expectation_gap, competitor_gap : float
        Mean of the experienced less the expected score, and of the own less the competitor's.
    never_asked : tuple of str
        Touchpoint, channel and device of the cell that is left out.
    """

    escalated: float = 0.12
    handoffs: float = 0.6
    trials: float = 0.7
    converted: float = 0.6
    trial_days: float = 12.0
    referral: float = 0.08
    review: float = 0.15
    expectation_gap: float = -0.45
    competitor_gap: float = 0.5
    never_asked: tuple[str, str, str] = ("support", "app", "mobile")

    def trial_share(self, days: float) -> float:
        """Return the share of trials paid for within some days.

        Examples
        --------
        >>> round(JourneyTruth().trial_share(30), 4)
        0.4939
        """
        # F(t) = c (1 - 2^(-t / median)).
        return float(self.converted * (1 - 2 ** (-days / self.trial_days)))


#: Shares of the scores expected, 3 to 5, and of what is missing to them: 0, 1 or 2.
_EXPECTED, _SHORT_BY = (0.2, 0.5, 0.3), (0.65, 0.25, 0.10)
#: Shares of how far the competitor is behind: 0, 1 or 2 of 10.
_BEHIND = (0.6, 0.3, 0.1)
#: Days from the start to the two questions; share asked, and share of those asked about the competitor.
_EXPECTED_DAY, _EXPERIENCED_DAY, _ASKED, _COMPARED = 3, 60, 0.5, 0.4
#: How alike the tickets of a customer are: shape of the beta and gamma laws of customers.
_ALIKE = 2.0


def journey_study(*, seed: int = 1, customers: int = 2_000, months: int = 36) -> Study:
    """Return the unhappy company with columns and events that tell of journeys.

    Parameters
    ----------
    seed : int
        Same seed, same study.
    customers, months : int
        As in `company_study`.

    Returns
    -------
    Study
        ``company_study(unhappy=True)`` with, in tickets, ``handoffs``, ``escalated`` and ``tier``; events
        ``trial_started``, ``trial_converted``, ``referral`` and ``review`` beside its stages and goals;
        answers to ``expectation``, ``experience`` and ``nps_acme``; and nobody asked at one touchpoint in the
        app on a mobile. `JourneyTruth` says what was planted.

    Examples
    --------
    >>> study = journey_study(seed=1, customers=100)
    >>> sorted(set(study.instruments) - {"nps", "csat", "ces"})
    ['expectation', 'experience', 'nps_acme']
    """
    from cxresearch.data.study import Study

    company = company_study(seed=seed, customers=customers, months=months, unhappy=True)
    rng = np.random.default_rng([seed, _CHILD])
    tables = {name: collect(company.table(name)) for name in company.tables}
    cut = np.datetime64(company.observed_until, "us")
    tables["tickets"] = _handled(rng, tables["tickets"])
    tables["events"] = _with_events(rng, tables["events"], tables["customers"], cut)
    tables["responses"] = _with_pairs(rng, tables["responses"], tables["customers"], cut)
    instruments = {
        **company.instruments,
        "expectation": replace(CSAT, name="expectation", label="Expectation"),
        "experience": replace(CSAT, name="experience", label="Experience"),
        "nps_acme": replace(NPS, name="nps_acme", label="NPS of Acme"),
    }
    return Study.from_frames(
        tables,
        observed_until=company.observed_until,
        instruments=instruments,
        currency=company.currency,
        segments=company.segments,
        name=f"{company.name}, with journeys",
    )


def _handled(rng: np.random.Generator, tickets: pd.DataFrame) -> pd.DataFrame:
    """Tickets with hand-offs and escalations, more of them with some customers than with others."""
    import pandas as pd

    truth = JourneyTruth()
    owner, owners = pd.factorize(tickets["customer_id"])
    # p_c ~ Beta(a p, a (1 - p)) has mean p; the rate of hand-offs ~ Gamma(a, r / a) has mean r.
    p = rng.beta(_ALIKE * truth.escalated, _ALIKE * (1 - truth.escalated), len(owners))
    rate = rng.gamma(_ALIKE, truth.handoffs / _ALIKE, len(owners))
    escalated = rng.random(len(tickets)) < p[owner]
    higher = np.where(rng.random(len(tickets)) < 0.3, "L3", "L2")
    return tickets.assign(
        handoffs=rng.poisson(rate[owner]),
        escalated=np.where(escalated, "yes", "no"),
        tier=np.where(escalated, higher, "L1"),
    )


def _with_events(
    rng: np.random.Generator, events: pd.DataFrame, customers: pd.DataFrame, cut: np.datetime64
) -> pd.DataFrame:
    """Events with trials of the add-on, referrals and reviews."""
    import pandas as pd

    truth = JourneyTruth()
    n = len(customers)
    start = customers["started_at"].to_numpy()
    tried = rng.random(n) < truth.trials
    days = rng.exponential(truth.trial_days / np.log(2), n)
    days[rng.random(n) >= truth.converted] = np.inf
    parts = [events, _events_of(customers, "trial_started", start, tried, cut)]
    paid = start + _days(np.where(np.isfinite(days), days, 0.0))
    parts.append(_events_of(customers, "trial_converted", paid, tried & np.isfinite(days), cut))
    last = customers["ended_at"].fillna(pd.Timestamp(cut)).to_numpy()
    for kind, share in (("referral", truth.referral), ("review", truth.review)):
        at = start + (last - start) * rng.random(n)
        parts.append(_events_of(customers, kind, at, rng.random(n) < share, cut))
    return pd.concat(parts, ignore_index=True)


def _events_of(customers: pd.DataFrame, kind: str, at: Any, chosen: Any, cut: np.datetime64) -> pd.DataFrame:
    import pandas as pd

    at = np.asarray(at).astype("datetime64[us]")
    rows = np.flatnonzero(chosen & (at <= cut))
    ids = customers["customer_id"].to_numpy()[rows]
    return pd.DataFrame({"customer_id": ids, "occurred_at": at[rows], "kind": kind})


def _days(days: Any) -> Any:
    return (np.asarray(days, dtype=float) * 86_400_000_000).astype("timedelta64[us]")


def _with_pairs(
    rng: np.random.Generator, responses: pd.DataFrame, customers: pd.DataFrame, cut: np.datetime64
) -> pd.DataFrame:
    """Answers without those of the cell left out, with expectations, experiences and the competitor's."""
    import pandas as pd

    touchpoint, channel, device = JourneyTruth().never_asked
    there = (responses["touchpoint"] == touchpoint) & (responses["channel"] == channel)
    responses = responses[~(there & (responses["device"] == device))]
    n = len(customers)
    expected = 3 + rng.choice(3, n, p=_EXPECTED)
    short_by = rng.choice(3, n, p=_SHORT_BY)
    start = customers["started_at"].to_numpy()
    last = customers["ended_at"].fillna(pd.Timestamp(cut)).to_numpy()
    parts = [responses]
    for name, day, score in (
        ("expectation", _EXPECTED_DAY, expected),
        ("experience", _EXPERIENCED_DAY, expected - short_by),
    ):
        at = (start + _days(day)).astype("datetime64[us]")
        rows = np.flatnonzero((at < last) & (rng.random(n) < _ASKED))
        asked = pd.DataFrame({"customer_id": customers["customer_id"].to_numpy()[rows], "instrument": name})
        parts.append(
            asked.assign(
                score=score[rows].astype(float),
                responded_at=at[rows],
                sent_at=at[rows],
                touchpoint="onboarding",
                channel="email",
                device=rng.choice(["desktop", "mobile"], len(rows)),
            )
        )
    # Two of ten at most: answers below 2 are left out, so that none is cut off at 0.
    own = responses[(responses["instrument"] == "nps") & (responses["score"] >= 2)]
    own = own[rng.random(len(own)) < _COMPARED]
    behind = rng.choice(3, len(own), p=_BEHIND)
    parts.append(own.assign(instrument="nps_acme", score=own["score"] - behind))
    return pd.concat(parts, ignore_index=True)
