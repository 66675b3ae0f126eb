"""AUC and Brier score at a horizon under censoring and competing events, with their influence functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cxresearch.checks import as_numbers, check_choice, check_number, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.clustered_covariance import influence_covariance
from cxresearch.stats.prediction.follow_up import FollowUp, censoring_term, follow_up, inverse_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats, Ints, Places

Controls = Literal["event_free", "all"]


@dataclass(frozen=True, kw_only=True)
class PredictionMetric:
    """Values of one metric for m contestants at h horizons, with their influence functions.

    Attributes
    ----------
    name : str
    horizons : array, shape (h,)
    value : array, shape (m, h)
    influence : array, shape (m, h, n)
        In the order of the input rows; ``value - truth = mean(influence)`` to first order.
    cases, controls : array of int, shape (h,)
        Rows counted on either side.
    """

    name: str
    horizons: Floats
    value: Floats
    influence: Floats
    cases: Ints
    controls: Ints

    def covariance(self, *, clusters: ArrayLike | None = None) -> Floats:
        """Joint covariance, shape (m * h, m * h), contestants outermost."""
        return influence_covariance(self.influence.reshape(-1, self.influence.shape[-1]), clusters=clusters)

    def standard_errors(self, *, clusters: ArrayLike | None = None) -> Floats:
        """Standard errors, shape (m, h)."""
        return np.asarray(np.sqrt(np.diag(self.covariance(clusters=clusters))).reshape(self.value.shape))


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Weights of cases and controls at one horizon, sorted by duration; both shape (n,)."""

    horizon: float
    case: Floats
    control: Floats


def sides(fit: FollowUp, horizon: float, *, cause: int = 1, controls: Controls = "all") -> Sides:
    """Tell cases from controls at a horizon and weigh them.

    Parameters
    ----------
    fit : FollowUp
        Rows sorted by time, from :func:`cxresearch.stats.prediction.follow_up.follow_up`.
    horizon : float
        In days, as the durations.
    cause : int
        Event code of a case. Cases have ``duration <= horizon``.
    controls : {"all", "event_free"}
        ``"event_free"``: followed past the horizon. ``"all"``: those and the people who had another event
        before (Blanche et al. 2013, definition (ii)), which is what riskRegression reports.

    Returns
    -------
    Sides
        Weights of either side, 0 for rows that are not on it.

    Raises
    ------
    DataError
        If there is no case or no control.

    References
    ----------
    Blanche, Dartigues and Jacqmin-Gadda (2013), doi:10.1002/sim.5958.

    Examples
    --------
    >>> at = sides(follow_up([1, 2, 3, 4], [1, 0, 1, 0]), 2.5)
    >>> at.case.round(2), at.control.round(2)
    (array([1., 0., 0., 0.]), array([0. , 0. , 1.5, 1.5]))
    """
    return sides_of(fit, inverse_weights(fit, horizon), horizon, cause=cause, controls=controls)


def sides_of(
    fit: FollowUp, weight: Floats, horizon: float, *, cause: int = 1, controls: Controls = "all"
) -> Sides:
    """Split given weights (n,), sorted rows, between cases and controls; see :func:`sides`."""
    at = split_weights(fit, weight, horizon, cause=cause, controls=controls)
    for side, all_, step in ((at.case, "nobody", "longer"), (at.control, "everyone", "shorter")):
        if not side.any():
            raise DataError(
                f"{all_} churned within {horizon:g} days",
                where=f"{fit.n:,} rows",
                wanted="rows with and without the event",
                next_step=f"choose a {step} horizon or check the event column",
            )
    return at


def split_weights(
    fit: FollowUp, weight: Floats, horizon: float, *, cause: int = 1, controls: Controls = "all"
) -> Sides:
    """Split weights as :func:`sides_of` does, where one side may be empty."""
    early = fit.duration <= fit.reaching(horizon)
    cases = early & (fit.event == cause)
    no_controls = cases
    if controls == "event_free":
        no_controls = early
    return Sides(
        horizon=horizon, case=np.where(cases, weight, 0.0), control=np.where(no_controls, 0.0, weight)
    )


def level_codes(name: str, values: ArrayLike) -> tuple[Places, Floats]:
    """Return the level number of each value and the distinct levels, lowest first.

    Whole numbers within a short range are numbered by subtraction, without sorting.

    Raises
    ------
    ArgumentError
        If a value is missing or not a number.
    """
    array = as_numbers(name, values, booleans=True)
    if not len(array):
        raise DataError("there are no rows", where=name)
    return codes_of(array)


def codes_of(array: Floats) -> tuple[Places, Floats]:
    """Return the level number of each checked value and the distinct levels; see :func:`level_codes`."""
    low, high = array.min(), array.max()
    # Whole numbers in a short range: numbered by subtraction, without a sort.
    if high - low < 4096:
        code = (array - low).astype(np.intp)
        if np.array_equal(code + low, array):
            present = np.flatnonzero(np.bincount(code))
            lookup = np.zeros(int(present[-1]) + 1, dtype=np.intp)
            lookup[present] = np.arange(len(present))
            return lookup[code], present + low
    levels, code = np.unique(array, return_inverse=True)
    return code.astype(np.intp), levels


def auc_at(fit: FollowUp, code: Places, at: Sides) -> tuple[float, Floats]:
    """AUC of one score at one horizon and its influence values, in sorted order.

    Parameters
    ----------
    code : array of int, shape (n,)
        Level number of the score, higher meaning riskier, sorted by duration.
    """
    value, effect = auc_effect(code, at)
    return value, effect + censoring_term(fit, effect, at.horizon)


def auc_effect(code: Places, at: Sides) -> tuple[float, Floats]:
    """AUC and n times its derivative by the log of each row's weight, (n,)."""
    size = int(code.max()) + 1
    n = len(code)
    case = np.bincount(code, weights=at.case, minlength=size)
    control = np.bincount(code, weights=at.control, minlength=size)
    cases = case.sum()
    controls = control.sum()
    # By level: weighted share of controls below and of cases above, ties one half.
    control_below = (np.cumsum(control) - control / 2) / controls
    case_above = 1 - (np.cumsum(case) - case / 2) / cases
    # Hung and Chiang (2010): AUC = sum_ij a_i b_j [1(M_i > M_j) + 1(M_i = M_j)/2] / (sum a sum b).
    value = float(case @ control_below / cases)
    # n dAUC / d log weight of a case is n a_i (share below - AUC) / sum a; of a control likewise.
    effect = at.case * ((control_below - value) * (n / cases))[code]
    effect += at.control * ((case_above - value) * (n / controls))[code]
    return value, effect


def mean_at(fit: FollowUp, at: Sides, case_value: Floats, control_value: Floats) -> tuple[float, Floats]:
    """Weighted mean over cases and controls and its influence values; arrays of shape (n,), sorted.

    With squared errors it is the Brier score; with indicators, shares and net benefit.
    """
    # Mean of w_i y_i; the weights sum to n, so its influence is w_i (y_i - mean).
    weighted = at.case * case_value + at.control * control_value
    value = float(weighted.sum() / fit.n)
    effect = weighted - value * (at.case + at.control)
    return value, effect + censoring_term(fit, effect, at.horizon)


def ipcw_auc(
    durations: ArrayLike,
    events: ArrayLike,
    scores: Sequence[ArrayLike],
    horizons: Sequence[float],
    *,
    cause: int = 1,
    controls: Controls = "all",
    weights: ArrayLike | None = None,
) -> PredictionMetric:
    """Time-dependent AUC of several scores at several horizons, on the same rows.

    ``AUC(h) = sum_ij a_i b_j [1(M_i > M_j) + 1(M_i = M_j)/2] / (sum a_i sum b_j)`` over cases i
    (``T <= h``, ``a = 1/G(T-)``) and controls j (``T > h``, ``b = 1/G(h)``).

    Parameters
    ----------
    durations, events : array-like, shape (n,)
        Time to event or censoring; 0 censored, 1.. kind of event.
    scores : sequence of m array-likes, shape (n,) each
        Higher means riskier. Ties count one half. Missing values are refused.
    horizons : sequence of h numbers
    cause : int
        Event code of a case.
    controls : {"all", "event_free"}
        Whether people with another event before the horizon are controls. See :func:`sides`.
    weights : array-like, shape (n,), optional
        Row weights, carried through the whole chain (also into G).

    Returns
    -------
    PredictionMetric

    Raises
    ------
    DataError, ArgumentError
        No case, no control, nobody followed past a horizon, missing or unequal input.

    Notes
    -----
    Assumes that censoring is independent of event time and scores. Agrees with riskRegression 2025.09.17
    ``Score(cens.model = "km")`` (value 1e-12, SE to 1e-5) and with an exact jackknife of the product-limit
    estimator (SE 1e-9).

    References
    ----------
    Uno et al. (2007), doi:10.1198/016214507000000149; Hung and Chiang (2010), doi:10.1002/cjs.10046;
    Blanche, Dartigues and Jacqmin-Gadda (2013), doi:10.1002/sim.5958.

    Examples
    --------
    >>> ipcw_auc([1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [[5, 3, 4, 1, 2]], [3.5]).value
    array([[1.]])
    """
    fit = follow_up(durations, events, weights=weights)
    check_choice("controls", controls, ("all", "event_free"))
    codes = [sorted_code(fit, f"scores[{i}]", score) for i, score in enumerate(scores)]
    at = [sides(fit, horizon, cause=cause, controls=controls) for horizon in checked_horizons(horizons)]
    return auc_metric(fit, codes, at)


def auc_metric(fit: FollowUp, codes: Sequence[Places], at: Sequence[Sides]) -> PredictionMetric:
    """AUC of several coded scores (sorted rows) at several prepared horizons."""
    return prediction_metric(fit, "AUC", at, [[auc_at(fit, code, side) for side in at] for code in codes])


def prediction_metric(
    fit: FollowUp, name: str, at: Sequence[Sides], values: list[list[tuple[float, Floats]]]
) -> PredictionMetric:
    """Collect (value, sorted influence) pairs by contestant and horizon into a :class:`PredictionMetric`."""
    value = np.array([[number for number, _ in row] for row in values])
    influence = np.empty((*value.shape, fit.n))
    for contestant, row in enumerate(values):
        for horizon, (_, effect) in enumerate(row):
            influence[contestant, horizon, fit.order] = effect
    return PredictionMetric(
        name=name,
        horizons=np.array([side.horizon for side in at]),
        value=value,
        influence=influence,
        cases=np.array([np.count_nonzero(side.case) for side in at]),
        controls=np.array([np.count_nonzero(side.control) for side in at]),
    )


def ipcw_brier(
    durations: ArrayLike,
    events: ArrayLike,
    risks: Sequence[Sequence[ArrayLike]],
    horizons: Sequence[float],
    *,
    cause: int = 1,
    weights: ArrayLike | None = None,
) -> PredictionMetric:
    """Brier score of predicted risks at several horizons; the last contestant is the null model.

    ``Brier(h) = mean of w_i(h) (1(T_i <= h, cause) - risk_i(h))^2``, people with another event before h
    counting as not having had this one. The null model predicts the weighted risk of the same rows for
    everybody, and its influence function includes that estimation (to first order it adds nothing).

    Parameters
    ----------
    risks : sequence of m sequences of h array-likes, shape (n,) each
        Predicted risk of the event by each horizon, between 0 and 1.

    Returns
    -------
    PredictionMetric
        With m + 1 contestants.

    Notes
    -----
    Predictions are taken as given: the SE does not include the fitting of a model on the same rows.

    References
    ----------
    Graf et al. (1999), doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5;
    Gerds and Schumacher (2006), doi:10.1002/bimj.200610301.

    Examples
    --------
    >>> ipcw_brier([1, 2, 3, 4], [1, 1, 0, 0], [[[0.5, 0.5, 0.5, 0.5]]], [2.5]).value.ravel()
    array([0.25, 0.25])
    """
    fit = follow_up(durations, events, weights=weights)
    at = [sides(fit, horizon, cause=cause) for horizon in checked_horizons(horizons)]
    sorted_risks = checked_risks(fit, risks, len(at))
    scores = [[brier_at(fit, side, risk) for side, risk in zip(at, row, strict=True)] for row in sorted_risks]
    # The null model last: everybody at the weighted risk of the same rows.
    scores.append([brier_at(fit, side, np.full(fit.n, marginal_risk(fit, side))) for side in at])
    return prediction_metric(fit, "Brier score", at, scores)


def brier_at(fit: FollowUp, at: Sides, risk: Floats) -> tuple[float, Floats]:
    """Brier score of one prediction (sorted rows) and its influence values."""
    # Graf et al. (1999): w_i (1(case) - risk_i)^2.
    return mean_at(fit, at, (1 - risk) ** 2, risk**2)


def marginal_risk(fit: FollowUp, at: Sides) -> float:
    """Weighted share of cases: 1 - Kaplan-Meier, or Aalen-Johansen with several kinds of event."""
    return float(at.case.sum() / fit.n)


def checked_risks(fit: FollowUp, risks: Sequence[Sequence[ArrayLike]], horizons: int) -> list[list[Floats]]:
    """Return the risks of each contestant at each horizon in sorted order, or say what is wrong with them."""
    for row in risks:
        if len(row) != horizons:
            raise ArgumentError(
                f"a contestant has {len(row)} risks for {horizons} horizons", wanted="one for each"
            )
    return [[_checked_risk(fit, risk) for risk in row] for row in risks]


def _checked_risk(fit: FollowUp, risk: ArrayLike) -> Floats:
    array = as_numbers("risks", risk)
    check_same_length(risks=array, durations=fit.duration)
    if ((array < 0) | (array > 1)).any():
        raise ArgumentError("a risk lies outside 0 to 1", wanted="probabilities of the event by the horizon")
    return array[fit.order]


def sorted_code(fit: FollowUp, name: str, score: ArrayLike) -> Places:
    """Return the level number of each value in sorted order."""
    code, _ = level_codes(name, score)
    check_same_length(durations=fit.duration, **{name: code})
    return code[fit.order]


def checked_horizons(horizons: Sequence[float]) -> list[float]:
    """Return horizons as numbers above 0."""
    if np.ndim(horizons) != 1:
        raise ArgumentError(f"horizons is {horizons!r}", wanted="a list of numbers such as [180]")
    if not len(horizons):
        raise ArgumentError("horizons is empty", wanted="at least one horizon")
    return [check_number("horizon", horizon, above=0) for horizon in horizons]
