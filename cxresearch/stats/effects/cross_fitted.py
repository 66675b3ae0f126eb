"""Nuisance functions predicted across folds of people, so that nobody's row helps to predict itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from cxresearch.errors import DataError
from cxresearch.stats.models.clustered_covariance import cluster_codes
from cxresearch.stats.models.logistic import logistic_fit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cxresearch.aliases import Bools, Floats

#: Rows from which two folds suffice: each half then holds as much as five folds of a smaller table.
MANY_ROWS = 100_000
FOLDS, FOLDS_OF_MANY = 5, 2
#: Ridge on half the squared coefficients of standardised columns; keeps a rare level from running away.
RIDGE = 1.0
#: Rows from which a chance is learnt at most: an error of a thousandth in it moves no effect.
MOST_TO_LEARN_FROM = 100_000
#: Rows taken at a time: they fit the processor's cache.
CHUNK_ROWS = 32_768


@dataclass(frozen=True, kw_only=True)
class Folds:
    """A partition of rows in which all rows of one cluster share a fold.

    Attributes
    ----------
    fold : ndarray of int, shape (n,)
    n_folds : int
    """

    fold: NDArray[np.int64]
    n_folds: int


def cluster_folds(clusters: ArrayLike, *, n_folds: int | None = None, seed: int = 0) -> Folds:
    """Draw folds of whole clusters.

    Parameters
    ----------
    clusters : array-like, shape (n,)
        Labels of any kind.
    n_folds : int, optional
        By default 5, and 2 from 100,000 rows on.
    seed : int
        Folds depend on the labels' order of first appearance and on the seed, on nothing else.

    Raises
    ------
    DataError
        If there are fewer clusters than folds.

    Examples
    --------
    >>> folds = cluster_folds(["a", "a", "b", "c"], n_folds=2)
    >>> bool(folds.fold[0] == folds.fold[1])
    True
    """
    codes = np.asarray(cluster_codes(clusters))
    several = FOLDS if len(codes) < MANY_ROWS else FOLDS_OF_MANY
    count = n_folds or several
    n_clusters = int(codes.max()) + 1
    if n_clusters < count:
        raise DataError(
            f"there are {n_clusters} people for {count} folds",
            wanted=f"at least {count} people with an eligible moment",
            next_step="take a longer stretch of time, or a wider definition of unhappy",
        )
    of_cluster = np.random.default_rng(seed).permutation(n_clusters) % count
    return Folds(fold=of_cluster[codes], n_folds=count)


def standardised(design: Floats) -> Floats:
    """Return columns with mean 0 and standard deviation 1 behind a column of ones; constant columns leave.

    Examples
    --------
    >>> standardised(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[1.0, -1.0], [1.0, 1.0]]
    """
    spread = design.std(axis=0)
    varies = np.flatnonzero(spread > 0)
    scaled = np.empty((len(design), len(varies) + 1))
    scaled[:, 0] = 1.0
    scaled[:, 1:] = design[:, varies]
    scaled[:, 1:] -= scaled[:, 1:].mean(axis=0)
    scaled[:, 1:] /= spread[varies]
    return scaled


def cross_fitted_chance(design: Floats, happened: Bools, folds: Folds) -> Floats:
    """Predict the chance of an event for each row by a logistic regression on the other folds.

    Of more than 100,000 rows a drawn sample is learnt from. The error of a chance enters an effect only
    multiplied by that of the mean outcome (Chernozhukov et al. 2018, doi:10.1111/ectj.12097), so rates far
    below the root of n suffice.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Standardised columns behind a column of ones.
    happened : ndarray of bool, shape (n,)
    folds : Folds

    Returns
    -------
    ndarray, shape (n,)
        Chances strictly between 0 and 1.
    """
    chance = np.empty(len(happened))
    for number in range(folds.n_folds):
        held_out = folds.fold == number
        others = np.flatnonzero(~held_out)
        if len(others) > MOST_TO_LEARN_FROM:
            others = np.random.default_rng(number).choice(others, MOST_TO_LEARN_FROM, replace=False)
        fit = logistic_fit(design[others], happened[others], ridge=RIDGE)
        chance[held_out] = expit(design[held_out] @ fit.coefficients)
    return chance


def cross_fitted_mean(
    design: Floats, outcome: Floats, folds: Folds, *, weights: Floats | None = None
) -> Floats:
    """Predict an outcome for each row by ridge regression on the other folds.

    The normal equations are sums over rows, so those of the other folds are the total less those of the fold:
    one pass over the data whatever the number of folds.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Standardised columns behind a column of ones.
    outcome : ndarray, shape (n,)
    folds : Folds
    weights : ndarray, shape (n,), optional
        Rows of weight 0 are predicted but not learnt from.

    Returns
    -------
    ndarray, shape (n,)
    """
    weight = np.ones(len(outcome)) if weights is None else weights
    n_columns = design.shape[1]
    squares = np.zeros((folds.n_folds, n_columns, n_columns))
    products = np.zeros((folds.n_folds, n_columns))
    for start in range(0, len(outcome), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        for number in range(folds.n_folds):
            rows = (folds.fold[chunk] == number) & (weight[chunk] != 0)
            part = design[chunk][rows]
            weighted = part * weight[chunk][rows, None]
            squares[number] += weighted.T @ part
            products[number] += weighted.T @ outcome[chunk][rows]
    penalty = RIDGE * np.eye(n_columns)
    penalty[0, 0] = 0.0
    coefficients = np.empty((folds.n_folds, n_columns))
    for number in range(folds.n_folds):
        # (X'WX + ridge) b = X'Wy over all folds but this one
        other_squares = squares.sum(axis=0) - squares[number]
        other_products = products.sum(axis=0) - products[number]
        coefficients[number] = np.linalg.solve(other_squares + penalty, other_products)
    # Everybody's prediction under each fold's coefficients, of which the own fold's is taken.
    return np.asarray((design @ coefficients.T)[np.arange(len(outcome)), folds.fold])
