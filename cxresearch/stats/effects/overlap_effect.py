"""The effect of an action in the overlap of both arms: cross-fitted, doubly robust, clustered by person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.checks import check_level, check_same_length
from cxresearch.errors import DataError
from cxresearch.stats.effects.cross_fitted import (
    Folds,
    cluster_folds,
    cross_fitted_chance,
    cross_fitted_mean,
    standardised,
)
from cxresearch.stats.models.clustered_covariance import cluster_codes, cluster_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats

#: Fewer people in an arm than this tell nothing about an effect.
FEWEST_IN_AN_ARM = 20


@dataclass(frozen=True, kw_only=True)
class OverlapEffect:
    """The effect of an action among people who might have been treated or not.

    Attributes
    ----------
    effect, se, low, high : float
        Mean of the outcome with the action less without it, in the unit of the outcome.
    p_value : float
        Two-sided, against no effect, by Student's t with people less one degrees of freedom.
    treated_mean, untreated_mean : float
        The two means in the overlap; they differ by ``effect``.
    naive : float
        Plain difference of the two arms, for comparison only: it holds the reasons for the action too.
    n, n_treated : int
        Rows with an outcome, and those of them treated.
    n_people : int
        Their clusters.
    level : float
    """

    effect: float
    se: float
    low: float
    high: float
    p_value: float
    treated_mean: float
    untreated_mean: float
    naive: float
    n: int
    n_treated: int
    n_people: int
    level: float


def chance_of_treatment(
    design: Floats, treated: Bools, clusters: ArrayLike, *, folds: Folds | None = None, seed: int = 0
) -> Floats:
    """Return each row's cross-fitted chance of being treated, shape (n,).

    Parameters
    ----------
    design : ndarray, shape (n, p)
        What was known before the action; no missing values.
    treated : ndarray of bool, shape (n,)
    clusters : array-like, shape (n,)
        The person of each row.
    folds : Folds, optional
        By default drawn with ``seed``.

    Raises
    ------
    DataError
        If an arm has fewer than 20 people.
    """
    check_arms(treated, clusters)
    drawn = folds or cluster_folds(clusters, seed=seed)
    return cross_fitted_chance(standardised(design), np.asarray(treated, dtype=bool), drawn)


def overlap_effect(
    outcome: ArrayLike,
    treated: ArrayLike,
    design: Floats,
    *,
    clusters: ArrayLike,
    chance: Floats | None = None,
    weights: Floats | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> OverlapEffect:
    """Estimate the effect of an action by residuals on residuals.

    With e(x) the chance of being treated and l(x) the mean outcome, both predicted from other people's rows,

    ``effect = sum w (A - e)(Y - l) / sum w (A - e)^2``.

    Its estimand is the mean effect under the overlap weights e(1 - e) of Li, Morgan and Zaslavsky: it counts
    those most who might well have been treated or not, and nobody whose treatment was certain. The error of
    either prediction enters only multiplied by that of the other (Robinson; Chernozhukov et al.).

    Parameters
    ----------
    outcome : array-like, shape (n,)
        Numbers; NaN where it is not known, such rows are left out.
    treated : array-like of bool, shape (n,)
    design : ndarray, shape (n, p)
        What was known before the action; no missing values.
    clusters : array-like, shape (n,)
        The person of each row; rows of one person may depend on each other in any way.
    chance : ndarray, shape (n,), optional
        Chance of treatment, if it was predicted before; by default by `chance_of_treatment`.
    weights : ndarray, shape (n,), optional
        Weights of rows with an outcome, such as one over their chance of having one.
    level : float
    seed : int
        For the folds.

    Returns
    -------
    OverlapEffect

    Raises
    ------
    DataError
        If an arm has fewer than 20 people with an outcome.

    References
    ----------
    Li, Morgan and Zaslavsky (2018), doi:10.1080/01621459.2016.1260466; Robinson (1988),
    doi:10.2307/1912705; Chernozhukov et al. (2018), doi:10.1111/ectj.12097.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> severity = rng.normal(size=4000)
    >>> called = rng.random(4000) < 1 / (1 + np.exp(-severity))  # the unhappier are called
    >>> later = 0.5 * called - severity + rng.normal(size=4000)
    >>> found = overlap_effect(later, called, severity[:, None], clusters=np.arange(4000))
    >>> found.low < 0.5 < found.high, found.naive < 0
    (True, True)
    """
    level = check_level(level)
    outcome = np.asarray(outcome, dtype=np.float64)
    treated = np.asarray(treated, dtype=bool)
    check_same_length(outcome=outcome, treated=treated, design=design)
    known = ~np.isnan(outcome)
    people = np.asarray(cluster_codes(clusters))
    if chance is None:
        chance = chance_of_treatment(design, treated, people, seed=seed)
    y = outcome[known]
    a = treated[known].astype(np.float64)
    e = chance[known]
    person = people[known]
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)[known]
    check_arms(treated[known], person)
    folds = cluster_folds(person, seed=seed)
    mean = cross_fitted_mean(standardised(design[known]), y, folds, weights=w)

    # effect = sum w (A - e)(Y - l) / sum w (A - e)^2, Robinson (1988), equation 2.7
    treatment_left = a - e
    information = (w * treatment_left**2).sum()
    effect = float((w * treatment_left * (y - mean)).sum() / information)

    # influence of a row: w (A - e)(Y - l - effect (A - e)) / information, summed within a person
    influence = w * treatment_left * (y - mean - effect * treatment_left) / information
    by_person = cluster_sums(influence[None, :], np.asarray(cluster_codes(person)))[0]
    n_people = len(by_person)
    se = float(np.sqrt((by_person**2).sum() * n_people / (n_people - 1)))
    half = float(stats.t.ppf((1 + level) / 2, n_people - 1)) * se

    # Hajek mean of the untreated under overlap weights: each counts with its chance e of being treated
    untreated = float(np.average(y, weights=w * (1 - a) * e))
    return OverlapEffect(
        effect=effect,
        se=se,
        low=effect - half,
        high=effect + half,
        p_value=float(2 * stats.t.sf(abs(effect) / se, n_people - 1)) if se > 0 else 1.0,
        treated_mean=untreated + effect,
        untreated_mean=untreated,
        naive=float(np.average(y, weights=w * a) - np.average(y, weights=w * (1 - a))),
        n=len(y),
        n_treated=int(a.sum()),
        n_people=n_people,
        level=level,
    )


def check_arms(treated: Bools, clusters: ArrayLike) -> None:
    """Refuse two arms of which one has hardly anybody.

    Raises
    ------
    DataError
        If fewer than 20 people were treated, or fewer than 20 were not.
    """
    people = np.asarray(clusters)
    for arm, name in ((treated, "treated"), (~treated, "not treated")):
        n = len(np.unique(people[arm]))
        if n < FEWEST_IN_AN_ARM:
            raise DataError(
                f"{n} people were {name}",
                wanted=f"at least {FEWEST_IN_AN_ARM} in each arm",
                next_step="take a longer stretch of time, or plan a trial: cx.voice.plan_trial",
            )
