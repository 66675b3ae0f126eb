"""The effect of an action in the overlap of both arms: cross-fitted, doubly robust, clustered by person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.checks import check_level, check_same_length
from cxresearch.stats.effects.adjusted_arms import AdjustedArms, adjusted_arms, check_arms, count_people
from cxresearch.stats.effects.cross_fitted import cross_fitted_mean
from cxresearch.stats.models.clustered_covariance import cluster_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


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
        Chance of treatment, if it was predicted before; by default by `adjusted_arms`.
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
    arms = adjusted_arms(design, treated, clusters, chance=chance, seed=seed)
    return effect_between(arms, outcome, weights=weights, level=level)


def effect_between(
    arms: AdjustedArms,
    outcome: ArrayLike,
    *,
    weights: Floats | None = None,
    mean: Floats | None = None,
    level: float = 0.95,
) -> OverlapEffect:
    """Estimate the effect between arms prepared before, as `overlap_effect` does.

    Parameters
    ----------
    arms : AdjustedArms
    outcome : array-like, shape (n,)
        Numbers; NaN where it is not known, such rows are left out.
    weights : ndarray, shape (n,), optional
        Weights of rows with an outcome; rows of weight 0 are left out too.
    mean : ndarray, shape (n,), optional
        Mean outcome given what was known, if predicted before.
    level : float

    Raises
    ------
    DataError
        If an arm has fewer than 20 people with an outcome.
    """
    level = check_level(level)
    given = np.asarray(outcome, dtype=np.float64)
    check_same_length(outcome=given, treated=arms.treated)
    w = np.ones(len(given)) if weights is None else np.asarray(weights, dtype=np.float64)
    counted = ~np.isnan(given) & (w > 0)
    # Rows left out stay in place with weight 0: nothing is copied.
    w = np.where(counted, w, 0.0)
    y = np.where(counted, given, 0.0)
    check_arms(arms.treated[counted], arms.people[counted])
    if mean is None:
        mean = cross_fitted_mean(arms.columns, y, arms.folds, weights=w)
    a = arms.treated.astype(np.float64)

    # effect = sum w (A - e)(Y - l) / sum w (A - e)^2, Robinson (1988), equation 2.7
    treatment_left = a - arms.chance
    information = (w * treatment_left**2).sum()
    effect = float((w * treatment_left * (y - mean)).sum() / information)

    # influence of a row: w (A - e)(Y - l - effect (A - e)) / information, summed within a person
    influence = w * treatment_left * (y - mean - effect * treatment_left) / information
    by_person = cluster_sums(influence[None, :], arms.people)[0]
    n_people = count_people(arms.people[counted])
    se = float(np.sqrt((by_person**2).sum() * n_people / (n_people - 1)))
    half = float(stats.t.ppf((1 + level) / 2, n_people - 1)) * se

    # Hajek mean of the untreated under overlap weights: each counts with its chance e of being treated
    untreated = float(np.average(y, weights=w * (1 - a) * arms.chance))
    p_value = 1.0
    if se > 0:
        p_value = float(2 * stats.t.sf(abs(effect) / se, n_people - 1))
    return OverlapEffect(
        effect=effect,
        se=se,
        low=effect - half,
        high=effect + half,
        p_value=p_value,
        treated_mean=untreated + effect,
        untreated_mean=untreated,
        naive=float(np.average(y, weights=w * a) - np.average(y, weights=w * (1 - a))),
        n=int(counted.sum()),
        n_treated=int(a[counted].sum()),
        n_people=n_people,
        level=level,
    )
