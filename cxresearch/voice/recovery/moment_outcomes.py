"""What followed an unhappy moment after its grace time: the next answer, leaving, revenue, tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.data.timelines import DAY, NEVER
from cxresearch.results.units import Unit
from cxresearch.units_of_time import DAYS_A_MONTH
from cxresearch.voice.recovery.unhappy_moments import EligibleMoments, StudyTimelines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.aliases import Floats
    from cxresearch.scales import Scale


@dataclass(frozen=True, kw_only=True)
class OutcomeKind:
    """One outcome of an unhappy moment.

    Attributes
    ----------
    name, label : str
        In code, and on a page.
    unit : Unit
        Of a level of the outcome.
    difference : Unit
        Of a difference of two levels.
    more_is_better : bool
    margin : float
        Smallest effect that matters, unless the user says another; for scores a tenth of the scale's range.
    answered : bool
        Whether it is known only of who answers again.
    """

    name: str
    label: str
    unit: Unit
    difference: Unit
    more_is_better: bool
    margin: float
    answered: bool = False


HAPPY_AGAIN = OutcomeKind(
    name="happy_again",
    label="happy at the next answer",
    unit=Unit.SHARE,
    difference=Unit.SHARE_DIFFERENCE,
    more_is_better=True,
    margin=0.05,
    answered=True,
)
NEXT_SCORE = OutcomeKind(
    name="next_score",
    label="score of the next answer",
    unit=Unit.SCORE,
    difference=Unit.SCORE,
    more_is_better=True,
    margin=0.5,
    answered=True,
)
CHURN = OutcomeKind(
    name="churn",
    label="left",
    unit=Unit.SHARE,
    difference=Unit.SHARE_DIFFERENCE,
    more_is_better=False,
    margin=0.02,
)
REVENUE = OutcomeKind(
    name="revenue",
    label="change of monthly revenue",
    unit=Unit.MONEY,
    difference=Unit.MONEY,
    more_is_better=True,
    margin=1.0,
)
TICKETS = OutcomeKind(
    name="tickets",
    label="further tickets",
    unit=Unit.RATIO,
    difference=Unit.RATIO,
    more_is_better=False,
    margin=0.2,
)
EARNED = OutcomeKind(
    name="earned",
    label="revenue from the moment to the horizon",
    unit=Unit.MONEY,
    difference=Unit.MONEY,
    more_is_better=True,
    margin=1.0,
)
OUTCOMES = {kind.name: kind for kind in (HAPPY_AGAIN, NEXT_SCORE, CHURN, REVENUE, TICKETS, EARNED)}


@dataclass(frozen=True, kw_only=True)
class MomentOutcomes:
    """What followed each moment, counted from the end of its grace time.

    Attributes
    ----------
    followed : ndarray of bool, shape (n,)
        Whether the horizon was over by the data cut; all outcomes of others are NaN.
    values : mapping of str to ndarray, shape (n,)
        By outcome; NaN where it is not known.
    """

    followed: NDArray[np.bool_]
    values: dict[str, Floats]


def moment_outcomes(
    lines: StudyTimelines,
    moments: EligibleMoments,
    scale: Scale | None,
    *,
    grace_days: float,
    horizon_days: float,
) -> MomentOutcomes:
    """Look up what followed.

    Everything is counted from the end of the grace time on, in both arms alike: who is treated late must have
    stayed until then, and would otherwise be credited with that time (immortal time).

    Parameters
    ----------
    lines : StudyTimelines
    moments : EligibleMoments
    scale : Scale or None
        Its ``top`` answers are happy; without one nothing is known of answers.
    grace_days, horizon_days : float
        The grace time, and the days after it.
    """
    start = moments.moment + int(grace_days * DAY)
    end = start + int(horizon_days * DAY)
    followed = end <= lines.cut
    ended = lines.ended[moments.customer]
    answer = lines.answers.first_after(moments.customer, start)
    in_time = lines.answers.time_at(answer) <= end
    score = np.where(in_time, lines.answers.value_at(answer), np.nan)
    happy = np.where(np.isnan(score), np.nan, np.isin(score, scale.top if scale else []).astype(np.float64))
    values = {
        HAPPY_AGAIN.name: happy,
        NEXT_SCORE.name: score,
        CHURN.name: (ended <= end).astype(np.float64),
        REVENUE.name: _change_of_revenue(lines, moments, end),
        EARNED.name: _earned(lines, moments, end),
        TICKETS.name: lines.tickets.count_between(moments.customer, start, end).astype(np.float64),
    }
    for known in values.values():
        known[~followed] = np.nan
    return MomentOutcomes(followed=followed, values=values)


def _change_of_revenue(lines: StudyTimelines, moments: EligibleMoments, end: NDArray[np.int64]) -> Floats:
    """Level at the end of the horizon less that at the moment; who left by then pays nothing."""
    before = lines.revenue.value_at(lines.revenue.last_before(moments.customer, moments.moment + 1))
    later = lines.revenue.value_at(lines.revenue.last_before(moments.customer, end + 1))
    left = lines.ended[moments.customer] <= end
    return np.where(left, 0.0, later) - before


def _earned(lines: StudyTimelines, moments: EligibleMoments, end: NDArray[np.int64]) -> Floats:
    """Monthly revenue summed from the moment to the end of the horizon, or until the customer left."""
    until = np.minimum(end, lines.ended[moments.customer])
    return _paid_until(lines, moments.customer, until) - _paid_until(lines, moments.customer, moments.moment)


def _paid_until(lines: StudyTimelines, customer: NDArray[np.int64], moment: NDArray[np.int64]) -> Floats:
    """Sum of level times time since the first level, in money; NaN before it."""
    month = DAYS_A_MONTH * DAY
    line = lines.revenue
    times = line.moment.astype(np.float64)
    # Each level until the next of the same customer: sum_k level_k (t_k+1 - t_k) / month.
    same = line.customer[1:] == line.customer[:-1]
    stretch = np.where(same, line.values[:-1] * np.diff(times) / month, 0.0)
    before = np.concatenate([[0.0], np.cumsum(stretch)])[: len(times)]
    place = line.last_before(customer, moment + 1)
    paid = np.full(len(customer), np.nan)
    known = place != NEVER
    at = place[known]
    paid[known] = before[at] + line.values[at] * (moment[known] - times[at]) / month
    return paid
