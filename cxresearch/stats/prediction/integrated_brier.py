"""The Brier score averaged over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_choice
from cxresearch.errors import ArgumentError
from cxresearch.stats.prediction.follow_up import follow_up, inverse_weights
from cxresearch.stats.prediction.ipcw import (
    PredictionMetric,
    brier_at,
    checked_horizons,
    checked_risks,
    marginal_risk,
    split_weights,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats

RULES = ("left", "trapezoid")


def time_shares(times: Sequence[float], *, rule: str = "left") -> Floats:
    """Weights (k,) whose product with a curve that is 0 at time 0 is its average up to the last time.

    Examples
    --------
    >>> time_shares([1.0, 2.0, 4.0])
    array([0.25, 0.5 , 0.  ])
    >>> time_shares([1.0, 2.0, 4.0], rule="trapezoid")
    array([0.25 , 0.375, 0.25 ])
    """
    check_choice("rule", rule, RULES)
    if (np.diff(times) <= 0).any():
        raise ArgumentError("times do not rise", wanted="different times, earliest first")
    width = np.diff(np.concatenate(([0.0], times)))
    after = np.append(width[1:], 0.0)
    # Left: value times the width up to the next time; trapezoid: half of the widths on either side.
    if rule == "left":
        return np.asarray(after / times[-1])
    return np.asarray((width + after) / 2 / times[-1])


def integrated_brier(
    durations: ArrayLike,
    events: ArrayLike,
    risks: Sequence[Sequence[ArrayLike]],
    times: Sequence[float],
    *,
    cause: int = 1,
    rule: str = "left",
    weights: ArrayLike | None = None,
) -> PredictionMetric:
    """Brier score averaged over time, from 0 to the last of `times`; the last contestant is the null model.

    Parameters
    ----------
    durations, events, cause, weights
        As in :func:`cxresearch.stats.prediction.ipcw.ipcw_brier`.
    risks : sequence of m sequences of k array-likes, shape (n,) each
        Predicted risk of the event by each of the times.
    times : sequence of k numbers
        Rising. At 0 nobody has left and the score is 0.
    rule : {"left", "trapezoid"}
        ``"left"`` holds each value until the next time: exact if `times` are all the distinct durations up to
        the end and the predictions are steps, as those of a Cox regression. ``"trapezoid"`` suits a coarse
        grid of times.

    Returns
    -------
    PredictionMetric
        With m + 1 contestants and one horizon, the last time. Predictions are taken as given.

    Raises
    ------
    ArgumentError, DataError
        Times that do not rise, lengths that differ, a risk outside 0 to 1, nobody followed so long.

    Notes
    -----
    Agrees with riskRegression 2025.09.17 ``Score(summary = "ibs")`` to 1e-9.

    References
    ----------
    Graf et al. (1999), doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.

    Examples
    --------
    >>> half = [0.5, 0.5, 0.5, 0.5]
    >>> integrated_brier([1, 2, 3, 4], [1, 1, 0, 0], [[half, half]], [1, 2]).value.ravel()
    array([0.125  , 0.09375])
    """
    fit = follow_up(durations, events, weights=weights)
    at = checked_horizons(times)
    shares = time_shares(at, rule=rule)
    predicted = checked_risks(fit, risks, len(at))
    value = np.zeros((len(risks) + 1, 1))
    influence = np.zeros((len(risks) + 1, 1, fit.n))
    for place, (time, share) in enumerate(zip(at, shares, strict=True)):
        # The null model predicts the weighted risk of the same rows for everybody.
        side = split_weights(fit, inverse_weights(fit, time), time, cause=cause)
        null = np.full(fit.n, marginal_risk(fit, side))
        for contestant, risk in enumerate((*(row[place] for row in predicted), null)):
            score, effect = brier_at(fit, side, risk)
            value[contestant] += share * score
            influence[contestant, 0] += share * effect
    return PredictionMetric(
        name="integrated Brier score",
        horizons=np.array(at[-1:]),
        value=value,
        influence=fit.unsorted(influence),
        cases=np.array([np.count_nonzero(side.case)]),
        controls=np.array([np.count_nonzero(side.control)]),
    )
