"""Shares of an R squared among correlated drivers: Shapley (LMG) and Johnson's relative weights."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

#: Above this many drivers the 2^p regressions of LMG take too long.
MOST_FOR_LMG = 12


def weighted_correlation(X: Floats, weight: Floats) -> Floats:
    """Correlation matrix of columns, shape (p, p), with row weights.

    Raises
    ------
    DataError
        If a column does not vary.
    """
    centred = X - np.average(X, axis=0, weights=weight)
    covariance = centred.T @ (centred * weight[:, None]) / weight.sum()
    spread = np.sqrt(np.diag(covariance))
    if not (spread > 1e-12 * (1 + np.abs(X).max(axis=0))).all():
        raise DataError(
            "a driver or the outcome does not vary",
            where=f"column {int(np.argmin(spread))}",
            wanted="two values",
        )
    return np.asarray(covariance / np.outer(spread, spread))


def lmg(among: Floats, with_outcome: Floats) -> Floats:
    """Split R squared by the Shapley value: each driver's rise of R squared, averaged over all orders.

    Parameters
    ----------
    among : ndarray, shape (p, p)
        Correlations of the drivers; p at most 12.
    with_outcome : ndarray, shape (p,) or (p, m)
        Correlations of the drivers with the outcome, or with each of m outcomes.

    Returns
    -------
    ndarray, shape (p,) or (p, m)
        Non-negative shares that sum to R squared.

    Raises
    ------
    ArgumentError
        If there are more than 12 drivers.
    DataError
        If the drivers repeat each other exactly.

    Notes
    -----
    With two drivers of correlation r, the first gets ``(r1^2 + R^2 - r2^2) / 2`` with
    ``R^2 = (r1^2 + r2^2 - 2 r r1 r2) / (1 - r^2)``.

    References
    ----------
    Lindeman, Merenda and Gold (1980); Groemping (2007), doi:10.1198/000313007X188252.

    Examples
    --------
    >>> lmg(np.eye(2), np.array([0.6, 0.3])).round(4)
    array([0.36, 0.09])
    """
    p = len(with_outcome)
    if p > MOST_FOR_LMG:
        raise ArgumentError(
            f"there are {p} drivers", wanted=f"at most {MOST_FOR_LMG}", next_step="use relative_weights"
        )
    require_full_rank(among)
    explained = _all_subsets(among, with_outcome)
    masks = np.arange(2**p)
    size = np.array([mask.bit_count() for mask in range(2**p)])
    # Shapley: s! (p - s - 1)! / p! for a rise over s drivers that went before.
    weight = np.array([factorial(s) * factorial(p - s - 1) / factorial(p) for s in range(p)])
    shares = np.empty((p, explained.shape[1]))
    for driver in range(p):
        without = masks[(masks >> driver) & 1 == 0]
        rise = explained[without | (1 << driver)] - explained[without]
        shares[driver] = weight[size[without]] @ rise
    return shares.reshape(np.shape(with_outcome))


def _all_subsets(among: Floats, with_outcome: Floats) -> Floats:
    """R squared of the regressions on every subset of drivers, shape (2^p, m), indexed by bit mask."""
    p = len(with_outcome)
    columns = with_outcome.reshape(p, -1)
    explained = np.zeros((2**p, columns.shape[1]))
    for size in range(1, p + 1):
        sets = np.array(list(combinations(range(p), size)))
        blocks = among[sets[:, :, None], sets[:, None, :]]
        sides = columns[sets]
        # R^2 = r' C^-1 r for every subset of this size at once.
        solved = np.linalg.solve(blocks, sides)
        explained[(1 << sets).sum(axis=1)] = (sides * solved).sum(axis=1)
    return explained


def relative_weights(among: Floats, with_outcome: Floats) -> Floats:
    """Split R squared by Johnson's relative weights: fast for any number of drivers, close to LMG.

    Parameters
    ----------
    among, with_outcome
        As in `lmg`, any p.

    Returns
    -------
    ndarray, shape (p,)
        Non-negative shares that sum to R squared. With two drivers they equal those of LMG.

    Raises
    ------
    DataError
        If the drivers repeat each other exactly.

    References
    ----------
    Johnson (2000), doi:10.1207/S15327906MBR3501_1.

    Examples
    --------
    >>> relative_weights(np.eye(2), np.array([0.6, 0.3])).round(4)
    array([0.36, 0.09])
    """
    require_full_rank(among)
    # Johnson (2000): drivers through their nearest orthogonal stand-ins, C^(1/2), and back.
    values, vectors = np.linalg.eigh(among)
    root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
    slopes = np.linalg.solve(root, with_outcome)
    return np.asarray(root**2 @ slopes**2)


def require_full_rank(among: Floats) -> None:
    """Refuse drivers of which one is a linear mix of others."""
    if np.linalg.eigvalsh(among)[0] < 1e-9:
        raise DataError(
            "one driver is an exact mix of others, so importance cannot be told apart",
            next_step="drop a total whose parts are also drivers, or one of two copies",
        )
