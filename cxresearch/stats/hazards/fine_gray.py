"""Fine and Gray's regression of a cumulative incidence: what raises the chance of one kind of event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_choice, check_level
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.hazards.cox import cox_data, fit_of
from cxresearch.stats.hazards.cox_fit import CoxFit
from cxresearch.stats.hazards.cox_maximum import CoxData, score_residuals, term_means
from cxresearch.stats.models.clustered_covariance import cluster_sums
from cxresearch.stats.prediction.follow_up import FollowUp, follow_up
from cxresearch.stats.survival.risk_sets import RiskSets
from cxresearch.stats.survival.risk_table import event_codes, positions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats, Ints


def fine_gray(
    duration: ArrayLike,
    event: ArrayLike,
    covariates: pd.DataFrame,
    *,
    kind: int = 1,
    clusters: ArrayLike | None = None,
    ties: str = "efron",
    censoring: str = "estimated",
    level: float = 0.95,
) -> CoxFit:
    """Fit a proportional-hazards regression of the subdistribution of one kind of event.

    A ratio above 1 says that the cumulative incidence of this kind rises with the covariate, by whatever way:
    also because the other kinds become rarer. For causes take :func:`fit_cox` with the other kinds censored.

    Own code: no maintained Python library offers it. People who had another kind of event stay in the risk
    sets with the weight ``G(t-) / G(T-)``, G the probability of not being censored; sums over them cost no
    more than over the others, for the weight is a product of a part of the row and a part of the time.

    Parameters
    ----------
    duration, event : array-like, shape (n,)
        Time to the first event or to censoring, and 0 for censored, 1, 2, ... for the kind of event.
    covariates : DataFrame, shape (n, p)
        Numbers that do not change with time; missing values are refused.
    kind : int
        Event code whose incidence is regressed; all other codes above 0 compete.
    clusters : array-like, shape (n,), optional
        Usually the customer; errors become robust to rows that depend on each other.
    ties : {"efron", "breslow"}
        Efron's, as R's ``coxph`` of ``finegray`` data; Breslow's, as cmprsk's ``crr``.
    censoring : {"estimated", "known"}
        Whether the errors include the estimation of G, as those of ``crr`` do; R's ``coxph`` of ``finegray``
        data with robust errors leaves it out.
    level : float
        Confidence level.

    Returns
    -------
    CoxFit
        Ratios of subdistribution hazards; ``robust`` is the covariance used for intervals and tests.

    Raises
    ------
    ArgumentError, DataError
        As :func:`fit_cox`; also if nobody has this kind of event.

    Notes
    -----
    Assumes that censoring depends neither on the event nor on the covariates. At tied times events come
    before censorings. The estimation of G enters by the exact derivative of the product-limit estimator.

    References
    ----------
    Fine and Gray 1999, doi:10.1080/01621459.1999.10474144; Geskus 2011, doi:10.1111/j.1541-0420.2010.01420.x.

    Examples
    --------
    >>> import pandas as pd
    >>> x = pd.DataFrame({"score": [9, 2, 7, 3, 8, 5, 6, 4]})
    >>> fit = fine_gray([8, 2, 6, 5, 9, 7, 3, 4], [0, 1, 2, 1, 0, 1, 2, 1], x)
    >>> fit.coefficient.round(3)
    array([-1.497])
    """
    check_choice("ties", ties, ("efron", "breslow"))
    check_choice("censoring", censoring, ("estimated", "known"))
    check_level(level)
    codes = event_codes("event", event)
    if not (codes == kind).any():
        raise DataError(f"nobody has event {kind}", next_step="choose a kind that occurs")
    if kind == 0:
        raise ArgumentError("kind is 0", wanted="the code of an event: 0 is censoring")
    data = cox_data(duration, codes == kind, covariates, clusters=clusters)
    censored = follow_up(duration, codes)
    sets = _subdistribution_sets(data, censored, competing=(codes > 0) & (codes != kind))
    if ties == "breslow":
        sets = replace(sets, fraction=np.zeros_like(sets.fraction))
    fit = fit_of(replace(data, sets=sets), level=level)
    # The robust covariance of the fit, or its own with the scores that the weights add.
    scores = score_residuals(sets, data.x, fit.coefficient)
    if censoring == "estimated":
        scores = scores + _scores_of_weights(data, sets, censored, fit.coefficient)
    robust = _sandwich(fit.covariance, scores, data.rows.cluster)
    return replace(fit, robust=robust, model=f"Fine and Gray regression of event {kind}")


@dataclass(frozen=True, kw_only=True)
class _SubdistributionSets(RiskSets):
    """Risk sets in which people with a competing event stay, with a weight that falls as others are censored.

    Attributes
    ----------
    stays_from : ndarray of int, shape (n,)
        First event time after a row's competing event; the number of event times for all other rows.
    row_part : ndarray, shape (n,)
        ``1 / G(T-)`` of rows with a competing event, 0 of the others.
    time_part : ndarray, shape (t,)
        ``G(t-)`` at each event time.
    """

    stays_from: Ints
    row_part: Floats
    time_part: Floats

    def at_risk(self, values: Floats) -> Floats:
        """Sum of row values (n,) over the risk set of each event time, shape (t,)."""
        # sum over T_i < t of v_i G(t-) / G(T_i-) = G(t-) times a running sum of v_i / G(T_i-).
        size = self.time.size + 1
        joined = np.bincount(self.stays_from, weights=values * self.row_part, minlength=size)
        return super().at_risk(values) + self.time_part * np.cumsum(joined)[:-1]

    def gathered(self, values: Floats) -> Floats:
        """Sum of term values (e,) over the terms each row was at risk in, shape (n,)."""
        ahead = np.cumsum((self.time_part * self.tied(values))[::-1])[::-1]
        ahead = np.append(ahead, 0.0)
        return super().gathered(values) + self.row_part * ahead[self.stays_from]


def _subdistribution_sets(data: CoxData, censored: FollowUp, *, competing: Bools) -> _SubdistributionSets:
    sets = data.sets
    before = np.empty(censored.n)
    before[censored.order] = censored.before[censored.group]
    stays_from = np.full(competing.size, sets.time.size, dtype=np.int64)
    stays_from[competing] = positions(sets.time, data.rows.duration[competing], right=True)
    row_part = np.zeros(competing.size)
    row_part[competing] = 1 / before[competing]
    place = np.searchsorted(censored.time, sets.time, side="left")
    return _SubdistributionSets(
        **{name: getattr(sets, name) for name in RiskSets.__dataclass_fields__},
        stays_from=stays_from,
        row_part=row_part,
        time_part=censored.before[place],
    )


def _scores_of_weights(data: CoxData, sets: _SubdistributionSets, censored: FollowUp, beta: Floats) -> Floats:
    """What each row adds to the score through the estimation of G, shape (n, p).

    The weight ``G(t-) / G(T-)`` is the product of ``1 - h(u)`` over the censoring times ``T <= u < t``. The
    score moves by ``A(u)`` for each unit of ``log(1 - h(u))``, with A the part of the score that comes from
    rows with ``T <= u`` at times ``t > u``; row j moves ``log(1 - h(u))`` by ``-dM_j(u) / remaining(u)``.
    """
    means = term_means(sets, data.x, beta)
    hazard = sets.mean_weight / means.total
    weight = np.exp(data.x @ beta) * sets.row_part
    times = censored.time
    # Sums over rows with T <= u, and over event times t > u, at each distinct time u.
    joined = positions(times, data.rows.duration)
    after = np.searchsorted(sets.time, times, side="right")
    rows_until = np.cumsum(np.bincount(joined, weights=weight, minlength=times.size))
    hazard_ahead = _ahead(sets.time_part * sets.tied(hazard))[after]
    moves = np.empty((times.size, data.x.shape[1]))
    for j, column in enumerate(data.x.T):
        covariate_until = np.cumsum(np.bincount(joined, weights=weight * column, minlength=times.size))
        mean_ahead = _ahead(sets.time_part * sets.tied(hazard * means.mean[:, j]))[after]
        # A(u) = - sum of r_i / G(T_i-) (x_i - xbar(t)) G(t-) dLambda(t).
        moves[:, j] = rows_until * mean_ahead - covariate_until * hazard_ahead
    return -_martingale_sums(censored, moves)


def _ahead(values: Floats) -> Floats:
    """Sums of the values from each place on, and 0 beyond the last."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)


def _martingale_sums(censored: FollowUp, moves: Floats) -> Floats:
    """Sum over censoring times of ``dM_j(u) / remaining(u)`` times the moves at u, shape (n, p)."""
    remains = censored.remaining > 0
    rate = np.where(remains, 1 / np.where(remains, censored.remaining, 1.0), 0.0)[:, None] * moves
    drift = np.concatenate(
        [np.zeros((1, moves.shape[1])), np.cumsum(censored.hazard[:, None] * rate, axis=0)]
    )
    is_censored = censored.event == 0
    # dM_j(u) = 1(censored at u) - h(u) 1(exposed at u); an event at u has left before.
    exposed_until = np.where(is_censored, censored.group + 1, censored.group)
    sums = -drift[exposed_until]
    sums[is_censored] += rate[censored.group[is_censored]]
    return censored.unsorted(sums.T).T


def _sandwich(inverse: Floats, scores: Floats, cluster: Ints | None) -> Floats:
    if cluster is not None:
        scores = cluster_sums(scores.T, cluster).T
    # Lin and Wei (1989): I^-1 (sum of U_g U_g') I^-1.
    return np.asarray(inverse @ (scores.T @ scores) @ inverse)
