"""The censoring distribution by reverse Kaplan-Meier, the weights it gives and what estimating it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import as_numbers, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.survival.risk_table import TIE_TOLERANCE, event_codes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats, Ints, Places


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Rows sorted by duration, with the probability G of still being observed.

    Attributes
    ----------
    order : array of int, shape (n,)
        ``order[i]`` is the original position of sorted row i. All (n,) arrays below are sorted.
    duration, weight : array, shape (n,)
        Time to event or censoring, and row weight scaled to mean 1.
    event : array of int, shape (n,)
        0 censored, 1.. kind of event.
    group : array of int, shape (n,)
        Index of the row's duration among the distinct times.
    time, hazard, remaining, before, after : array, shape (k,)
        Distinct times u; censoring hazard; weight still observed past u; G(u-); G(u).

    Notes
    -----
    At tied times events leave the risk set before censorings, so G(t-) and G(t) weights of the rows whose
    state at any horizon is known sum to n exactly, and the weighted risk equals 1 - Kaplan-Meier.
    """

    order: Places
    duration: Floats
    event: Ints
    weight: Floats
    group: Places
    time: Floats
    hazard: Floats
    remaining: Floats
    before: Floats
    after: Floats

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.duration)

    def reaching(self, horizon: float) -> float:
        """Return the horizon, or the observed time just above it that differs from it by rounding only."""
        place = int(np.searchsorted(self.time, horizon, side="right"))
        if place < len(self.time) and self.time[place] - horizon <= tie_width(self.time):
            return float(self.time[place])
        return horizon

    def unsorted(self, values: Floats) -> Floats:
        """Put values of shape (..., n) back into the order of the input."""
        result = np.empty_like(values)
        result[..., self.order] = values
        return result


def tie_width(time: Floats) -> float:
    """Return how far apart two of these distinct times may lie and still count as one."""
    return TIE_TOLERANCE * max(1.0, float(np.abs(time).mean()))


def follow_up(durations: ArrayLike, events: ArrayLike, *, weights: ArrayLike | None = None) -> FollowUp:
    """Sort the rows and fit the censoring distribution.

    Parameters
    ----------
    durations : array-like, shape (n,)
        Times in days, 0 or more (another unit does no harm, but messages say days); missing values are
        refused. Times that differ by rounding only are one time, as for the survival curves
        (``risk_table.TIE_TOLERANCE``).
    events : array-like, shape (n,)
        0 censored, 1.. kind of event.
    weights : array-like, shape (n,), optional
        Positive row weights, for example inverse probabilities of response.

    Returns
    -------
    FollowUp
        Rows sorted by time, with the product-limit estimate of not being censored.

    Raises
    ------
    ArgumentError
        If lengths differ, a time is negative or missing, or an event code is not a whole number from 0.

    References
    ----------
    Gerds and Schumacher (2006), doi:10.1002/bimj.200610301.

    Examples
    --------
    >>> fit = follow_up([1, 2, 2, 3], [1, 0, 1, 0])
    >>> float(fit.after[1])  # at time 2 the event leaves first, then one of two is censored
    0.5
    """
    return follow_up_of(*_checked(durations, events, weights))


def follow_up_of(given_time: Floats, given_code: Ints, given_weight: Floats) -> FollowUp:
    """Sort checked rows and fit the censoring distribution; see :func:`follow_up`.

    Parameters
    ----------
    given_time, given_code : array, shape (n,)
        Times of 0 or more, and event codes, of one row at least.
    given_weight : array, shape (n,)
        Row weights, which are refused where one is not positive; they are scaled to sum to n.
    """
    if (given_weight <= 0).any():
        raise ArgumentError("a weight is zero or negative", wanted="positive weights")
    given_weight = given_weight * (len(given_time) / given_weight.sum())
    order = np.argsort(given_time, kind="stable")
    time = given_time[order]
    code = given_code[order]
    row_weight = given_weight[order]
    # Times that differ by rounding only are one.
    gap = np.diff(time)
    new = np.append(True, gap > tie_width(time[np.append(True, gap > 0)]))
    group = np.cumsum(new) - 1
    size = int(group[-1]) + 1
    distinct = time[new]
    time = distinct[group]
    censored = np.bincount(group, weights=row_weight * (code == 0), minlength=size)
    leaving = np.bincount(group, weights=row_weight, minlength=size)
    remaining = np.append(leaving[::-1].cumsum()[::-1][1:], 0.0)
    # Reverse Kaplan-Meier (Gerds and Schumacher 2006): events at u leave before censorings at u.
    exposed = remaining + censored
    hazard = np.divide(censored, exposed, out=np.zeros(size), where=censored > 0)
    # G(u) = product of 1 - hazard.
    after = np.cumprod(1 - hazard)
    return FollowUp(
        order=order,
        duration=time,
        event=code,
        weight=row_weight,
        group=group,
        time=distinct,
        hazard=hazard,
        remaining=remaining,
        before=np.append(1.0, after[:-1]),
        after=after,
    )


def _checked(
    durations: ArrayLike, events: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Ints, Floats]:
    time = as_numbers("durations", durations)
    code = event_codes("events", events)
    row_weight = np.ones(len(time))
    if weights is not None:
        row_weight = as_numbers("weights", weights)
    check_same_length(durations=time, events=code, weights=row_weight)
    if not len(time):
        raise DataError("there are no rows", wanted="at least two rows with a duration and an event")
    if (time < 0).any():
        raise ArgumentError(
            f"{int((time < 0).sum())} durations are negative", wanted="times from the landmark onwards"
        )
    return time, code, row_weight


def observed_at(fit: FollowUp, horizon: float) -> float:
    """Return G(horizon), the probability of being followed past the horizon.

    Raises
    ------
    DataError
        If everyone left, or nobody is followed past the horizon: nobody can serve as a control.
    """
    last = int(np.searchsorted(fit.time, fit.reaching(horizon), side="right")) - 1
    if last == len(fit.time) - 1:
        raise nobody_past(fit, horizon)
    if last < 0:
        return 1.0
    return float(fit.after[last])


def nobody_past(fit: FollowUp, horizon: float) -> DataError:
    """Say why nobody was seen to stay beyond the horizon: everyone left, or the follow-up ends before."""
    if (fit.event > 0).all():
        what = "left"
        if (fit.event == 1).all():
            what = "churned"
        return DataError(
            f"everyone {what} within {horizon:g} days",
            where=f"{fit.n:,} rows",
            wanted="rows with and without the event",
            next_step="choose a shorter horizon or check the event column",
        )
    return DataError(
        f"nobody is followed past the horizon of {horizon:g} days",
        where=f"longest follow-up {fit.duration[-1]:g} days",
        next_step="choose a shorter horizon, or landmarks that leave room before the data cut",
    )


def inverse_weights(fit: FollowUp, horizon: float) -> Floats:
    """Weights of the rows whose state at the horizon is known, in sorted order; they sum to n.

    ``1/G(T-)`` for events at or before the horizon, ``1/G(horizon)`` for those followed past it, 0 for those
    censored before.

    Returns
    -------
    array, shape (n,)
    """
    # Uno et al. (2007): 1(T <= h, event)/G(T-) + 1(T > h)/G(h).
    at_horizon = observed_at(fit, horizon)
    weight = np.where(fit.event > 0, 1 / fit.before.clip(1e-300)[fit.group], 0.0)
    weight[fit.duration > fit.reaching(horizon)] = 1 / at_horizon
    return np.asarray(weight * fit.weight)


def censoring_term(fit: FollowUp, effect: Floats, horizon: float) -> Floats:
    """Influence of estimating G, by the exact derivative of the product-limit estimator.

    Parameters
    ----------
    effect : array, shape (n,)
        ``n`` times the derivative of the estimate by the log of each row's inverse weight (sorted rows).
    horizon : float
        Rows followed past it carry ``1/G(horizon)``, the others ``1/G(T-)``.

    Returns
    -------
    array, shape (n,)
        To be added to the influence values: ``v_i sum_u dM_i(u) H(u) / remaining(u)`` with
        ``dM_i(u) = 1(i censored at u) - hazard(u) 1(i exposed at u)`` and ``H(u)`` the sum of `effect` over
        ``T > u``.
    """
    size = len(fit.time)
    last = int(np.searchsorted(fit.time, fit.reaching(horizon), side="right")) - 1
    if last < 0 or not fit.hazard[: last + 1].any():
        return np.zeros(fit.n)
    by_time = np.bincount(fit.group, weights=effect, minlength=size)
    beyond = np.append(by_time[::-1].cumsum()[::-1][1:], 0.0)[: last + 1]
    # H(u) / remaining(u), and its integral over the censoring hazard.
    has_left = (fit.remaining[: last + 1] > 0) & (fit.hazard[: last + 1] > 0)
    jump = np.divide(beyond, fit.remaining[: last + 1], out=np.zeros(last + 1), where=has_left)
    drift = np.concatenate(([0.0], np.cumsum(fit.hazard[: last + 1] * jump)))
    censored = (fit.event == 0) & (fit.group <= last)
    # An event at u has left before the censorings at u are drawn: it is exposed at earlier times only.
    exposed_until = np.minimum(np.where(fit.event == 0, fit.group + 1, fit.group), last + 1)
    term = -drift[exposed_until]
    term[censored] += jump[fit.group[censored]]
    return np.asarray(fit.weight * term)
