"""Two arms prepared once for many outcomes: columns of equal scale, folds of people, chance of treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_same_length
from cxresearch.errors import DataError
from cxresearch.stats.effects.cross_fitted import Folds, cluster_folds, cross_fitted_chance, standardised
from cxresearch.stats.models.clustered_covariance import cluster_codes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats, Places

#: Fewer people in an arm than this tell nothing about an effect.
FEWEST_IN_AN_ARM = 20


@dataclass(frozen=True, kw_only=True)
class AdjustedArms:
    """Who was treated, and what was known of everybody before.

    Attributes
    ----------
    columns : ndarray, shape (n, p)
        Standardised, behind a column of ones.
    treated : ndarray of bool, shape (n,)
    people : ndarray of int, shape (n,)
        The person of each row, numbered from 0.
    folds : Folds
        Of whole people.
    chance : ndarray, shape (n,)
        Of treatment, predicted from other people's rows.
    """

    columns: Floats
    treated: Bools
    people: Places
    folds: Folds
    chance: Floats


def adjusted_arms(
    design: Floats,
    treated: ArrayLike,
    clusters: ArrayLike,
    *,
    chance: Floats | None = None,
    seed: int = 0,
) -> AdjustedArms:
    """Prepare two arms.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        What was known before the action; no missing values.
    treated : array-like of bool, shape (n,)
    clusters : array-like, shape (n,)
        The person of each row; rows of one person may depend on each other in any way.
    chance : ndarray, shape (n,), optional
        Chance of treatment, if it was predicted before.
    seed : int
        For the folds.

    Raises
    ------
    DataError
        If an arm has fewer than 20 people.
    """
    arm = np.asarray(treated, dtype=bool)
    check_same_length(treated=arm, design=design)
    people = np.asarray(cluster_codes(clusters))
    check_arms(arm, people)
    folds = cluster_folds(people, seed=seed)
    columns = standardised(design)
    if chance is None:
        chance = cross_fitted_chance(columns, arm, folds)
    return AdjustedArms(columns=columns, treated=arm, people=people, folds=folds, chance=chance)


def check_arms(treated: Bools, people: Places) -> None:
    """Refuse two arms of which one has hardly anybody.

    Parameters
    ----------
    treated : ndarray of bool, shape (n,)
    people : ndarray of int, shape (n,)
        Numbers from 0.

    Raises
    ------
    DataError
        If fewer than 20 people were treated, or fewer than 20 were not.
    """
    for arm, name in ((treated, "treated"), (~treated, "not treated")):
        n = count_people(people[arm])
        if n < FEWEST_IN_AN_ARM:
            raise DataError(
                f"{n} people were {name}",
                wanted=f"at least {FEWEST_IN_AN_ARM} in each arm",
                next_step="take a longer stretch of time, or plan a trial: cx.voice.plan_trial",
            )


def count_people(people: Places) -> int:
    """Count different people in linear time.

    Examples
    --------
    >>> count_people(np.array([0, 2, 2]))
    2
    """
    if not len(people):
        return 0
    present = np.zeros(int(people.max()) + 1, dtype=bool)
    present[people] = True
    return int(present.sum())
