"""The effect over everybody or over the treated, by augmented inverse probability weights (AIPW)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from cxresearch.checks import check_choice, check_level
from cxresearch.stats.effects.adjusted_arms import adjusted_arms
from cxresearch.stats.effects.cross_fitted import cross_fitted_mean
from cxresearch.stats.models.clustered_covariance import cluster_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats

#: Chances are kept this far from 0 and 1: a weight of more than a hundred is no evidence.
MOST_CERTAIN = 0.01


@dataclass(frozen=True, kw_only=True)
class AugmentedEffect:
    """A doubly robust effect.

    Attributes
    ----------
    effect, se, low, high : float
    among : {"everybody", "treated"}
    n, n_people, n_trimmed : int
        Rows, people, and rows whose chance was drawn in from beyond .01 or .99.
    level : float
    """

    effect: float
    se: float
    low: float
    high: float
    among: str
    n: int
    n_people: int
    n_trimmed: int
    level: float


def augmented_effect(  # noqa: PLR0913 - nuisances may be given, so that peers answer the same question
    outcome: ArrayLike,
    treated: ArrayLike,
    design: Floats,
    *,
    clusters: ArrayLike,
    among: Literal["everybody", "treated"] = "everybody",
    chance: Floats | None = None,
    means: tuple[Floats, Floats] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> AugmentedEffect:
    """Estimate a mean effect by augmented inverse probability weights.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        Numbers without missing ones.
    treated : array-like of bool, shape (n,)
    design : ndarray, shape (n, p)
        What was known before the action.
    clusters : array-like, shape (n,)
        The person of each row.
    among : {"everybody", "treated"}
        Over whom the effect is averaged.
    chance : ndarray, shape (n,), optional
        Chance of treatment, if predicted before.
    means : pair of ndarray, shape (n,), optional
        Mean outcome without and with the action, if predicted before.
    level : float
    seed : int
        For the folds.

    Returns
    -------
    AugmentedEffect

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), doi:10.1080/01621459.1994.10476818; Chernozhukov et al. (2018),
    doi:10.1111/ectj.12097 (the interactive model).

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> x = rng.normal(size=3000)
    >>> a = rng.random(3000) < 0.5
    >>> found = augmented_effect(a + x + rng.normal(size=3000), a, x[:, None], clusters=np.arange(3000))
    >>> found.low < 1 < found.high
    True
    """
    level = check_level(level)
    check_choice("among", among, ("everybody", "treated"))
    y = np.asarray(outcome, dtype=np.float64)
    arm = np.asarray(treated, dtype=bool)
    arms = adjusted_arms(design, arm, clusters, chance=chance, seed=seed)
    people = arms.people
    if means is None:
        without = cross_fitted_mean(arms.columns, y, arms.folds, weights=(~arm).astype(np.float64))
        with_it = cross_fitted_mean(arms.columns, y, arms.folds, weights=arm.astype(np.float64))
        means = (without, with_it)
    e = np.clip(arms.chance, MOST_CERTAIN, 1 - MOST_CERTAIN)
    a = arm.astype(np.float64)
    without, with_it = means
    if among == "everybody":
        # m1 - m0 + A (Y - m1) / e - (1 - A)(Y - m0) / (1 - e)
        score = with_it - without + a * (y - with_it) / e - (1 - a) * (y - without) / (1 - e)
        share = 1.0
        effect = float(score.mean())
        centred = score - effect
    else:
        # [A (Y - m0) - e (1 - A)(Y - m0) / (1 - e)] / P(A = 1)
        share = float(a.mean())
        score = (a * (y - without) - e * (1 - a) * (y - without) / (1 - e)) / share
        effect = float(score.mean())
        centred = score - a * effect / share
    by_person = cluster_sums(centred[None, :] / len(y), people)[0]
    n_people = len(by_person)
    se = float(np.sqrt((by_person**2).sum() * n_people / (n_people - 1)))
    half = float(stats.t.ppf((1 + level) / 2, n_people - 1)) * se
    return AugmentedEffect(
        effect=effect,
        se=se,
        low=effect - half,
        high=effect + half,
        among=among,
        n=len(y),
        n_people=n_people,
        n_trimmed=int((e != arms.chance).sum()),
        level=level,
    )
