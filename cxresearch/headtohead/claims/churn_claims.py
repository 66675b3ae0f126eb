"""Claims about who leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import DataError
from cxresearch.headtohead.claims.evidence import (
    AUC_MARGIN,
    PROFIT_CLAIM,
    RISK_MARGIN,
    Answer,
    Evidence,
    enough,
    gap_text,
    judged,
)
from cxresearch.headtohead.contest.contest import compare
from cxresearch.headtohead.contest.forms import unhappy_answers
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import cluster_codes, influence_covariance
from cxresearch.stats.prediction.follow_up import follow_up
from cxresearch.stats.prediction.ipcw import mean_at, sides
from cxresearch.units_of_time import DAYS_A_YEAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.landmarks.landmarks import Landmarks

_YEARS, _DISCOUNT = 5, 0.10


def csat_no_guide(evidence: Evidence) -> Answer:
    """CSAT must be shown to predict no better than chance, and NPS to predict."""
    contest = compare(evidence.landmarks("csat", "nps"), ["nps", "csat"], level=evidence.level, metrics=())
    nps, csat = contest.auc("nps"), contest.auc("csat")
    gap = contest.contrast("nps", "csat")
    # No better than chance: anything beyond the margin is ruled out; of use: above chance.
    useless, useful = csat.high < 0.5 + AUC_MARGIN, nps.low > 0.5
    if useless and useful:
        verdict = "supported"
    elif csat.low > 0.5 or nps.high < 0.5 + AUC_MARGIN:
        verdict = "contradicted"
    else:
        verdict = "underpowered"
    return Answer(
        verdict=verdict,
        finding=(
            f"AUC for churn: CSAT {csat.value:.3f} ({csat.low:.3f} to {csat.high:.3f}), "
            f"NPS {nps.value:.3f} ({nps.low:.3f} to {nps.high:.3f})."
        ),
        estimate=gap.difference,
        low=gap.low,
        high=gap.high,
        n=contest.n,
    )


def risk_difference(
    marks: Landmarks, group: NDArray[np.bool_], keep: NDArray[np.bool_], level: float
) -> tuple[float, float, float, float, float]:
    """Churn of a group less churn of the others kept: both risks, difference, low, high.

    Weighted for censoring, clustered by customer.
    """
    rows = marks.frame[keep]
    fit = follow_up(rows["duration_days"], rows["event"])
    at = sides(fit, float(marks.horizon_days), controls="all")
    clusters = cluster_codes(rows["customer_id"])[fit.order]
    member = group[keep][fit.order]
    risks, effects = [], []
    for part in (member, ~member):
        inside = part.astype(np.float64)
        share = inside.mean()
        # R = P(left, inside) / P(inside): psi_R = (psi_joint - R psi_share) / P(inside).
        joint, effect = mean_at(fit, at, inside, np.zeros(fit.n))
        risks.append(joint / share)
        effects.append((effect - joint / share * (inside - share)) / share)
    # The groups share customers: the error of the difference, not of two.
    se = float(np.sqrt(influence_covariance((effects[0] - effects[1])[None, :], clusters=clusters)[0, 0]))
    gap, half = risks[0] - risks[1], normal_quantile(level) * se
    return risks[0], risks[1], gap, gap - half, gap + half


def _score(marks: Landmarks, *wanted: str) -> str:
    for name in wanted:
        if name in marks.instruments:
            return name
    raise DataError(f"nobody was asked for {' or '.join(name.upper() for name in wanted)}")


def bad_experience_churn(evidence: Evidence) -> Answer:
    """Churn after an unhappy answer against churn after any other answer."""
    marks = evidence.landmarks()
    name = _score(marks, "ces", "csat", "nps")
    scale = marks.instruments[name]
    answers = marks.frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    # The mirror image of the scale's top answers; 0 to 6 of an NPS.
    known, unhappy = ~np.isnan(answers), np.isin(answers, unhappy_answers(scale))
    enough(int(unhappy.sum()), f"unhappy answers to {scale.label}")
    bad, rest, gap, low, high = risk_difference(marks, unhappy, known, evidence.level)
    return Answer(
        verdict=judged(low, high, at_least=0.0, ruled_out_below=RISK_MARGIN),
        finding=(
            f"{100 * bad:.1f} % leave within {marks.horizon_days:g} days of an unhappy answer to "
            f"{scale.label}, {100 * rest:.1f} % of the others: "
            f"{gap_text(gap, low, high, Unit.SHARE_DIFFERENCE)}."
        ),
        estimate=gap,
        low=low,
        high=high,
        n=int(known.sum()),
    )


def one_failure_forgiven(evidence: Evidence) -> Answer:
    """Among customers who were happy before: churn after a failure against churn without one.

    A failure is a ticket that was reopened, or is unresolved, in the 90 days before the landmark; the happy
    answer must be older than those 90 days.
    """
    marks = evidence.landmarks()
    name = _score(marks, "nps", "csat", "ces")
    scale, frame = marks.instruments[name], marks.frame
    lacking = [
        c for c in ("reopened_90d", "unresolved_tickets", f"{name}_age_days") if c not in frame.columns
    ]
    if lacking:
        raise DataError(f"the landmark rows have no {lacking[0]}")
    failed = (frame[["reopened_90d", "unresolved_tickets"]].fillna(0) > 0).any(axis=1).to_numpy()
    # Happy before the failure could have happened.
    happy = (frame[name].isin(scale.top) & (frame[f"{name}_age_days"] > 90)).to_numpy()
    enough(int((failed & happy).sum()), "happy customers with a failure since")
    enough(int((~failed & happy).sum()), "happy customers without a failure since")
    bad, rest, gap, low, high = risk_difference(marks, failed, happy, evidence.level)
    verdict = judged(-high, -low, at_least=-RISK_MARGIN, ruled_out_below=0.0)
    return Answer(
        verdict=verdict,
        finding=(
            f"Of customers with a good {scale.label} before, {100 * bad:.1f} % leave after a failure and "
            f"{100 * rest:.1f} % without one: {gap_text(gap, low, high, Unit.SHARE_DIFFERENCE)}."
        ),
        estimate=gap,
        low=low,
        high=high,
        n=int(happy.sum()),
    )


def retention_pays(evidence: Evidence) -> Answer:
    """Profit of five years at this company's yearly retention, and with five points more.

    Equal margins every year, discounted at 10 %: a calculation on the company's own retention, not a measured
    profit.
    """
    marks = evidence.landmarks()
    # One row a customer: the first landmark.
    frame = marks.frame.sort_values("landmark_at", kind="stable").drop_duplicates("customer_id")
    fit = follow_up(frame["duration_days"], (frame["event"] > 0).astype(int))
    at = sides(fit, DAYS_A_YEAR, controls="all")
    lost, effect = mean_at(fit, at, np.ones(fit.n), np.zeros(fit.n))
    enough(int(np.count_nonzero(at.case)), "customers who left within a year")
    half = normal_quantile(evidence.level)
    half *= float(np.sqrt(influence_covariance(effect[None, :])[0, 0]))
    stayed = np.clip(1 - lost + np.array([0.0, -half, half]), 0.0, 0.95)
    # Gain falls or rises with retention, so the ends are taken over the interval.
    grid = np.linspace(stayed[1], stayed[2], 50)
    gains = _gain(grid)
    low, high = float(gains.min()), float(gains.max())
    return Answer(
        verdict=judged(low, high, at_least=PROFIT_CLAIM, ruled_out_below=PROFIT_CLAIM),
        finding=(
            f"{100 * stayed[0]:.1f} % of customers stay a year here; five points more would bring "
            f"{100 * float(_gain(stayed[:1])[0]):.0f} % more profit over {_YEARS} years "
            f"({100 * low:.0f} to {100 * high:.0f} %)."
        ),
        estimate=float(_gain(stayed[:1])[0]),
        low=low,
        high=high,
        n=fit.n,
    )


def _gain(retention: NDArray[np.float64]) -> NDArray[np.float64]:
    years = np.arange(_YEARS)[:, None]
    # Sum over years y of (r / (1 + d))^y, today and with five points more.
    now = ((retention / (1 + _DISCOUNT)) ** years).sum(axis=0)
    more = ((np.minimum(retention + 0.05, 1.0) / (1 + _DISCOUNT)) ** years).sum(axis=0)
    return np.asarray(more / now - 1)
