"""Infinitesimal-jackknife variance of curves, for weights and clusters, without a person-by-time matrix.

The influence of a row on a curve at time t is ``g(t)' x``, where g is a short vector of known functions of
time and x changes only when the row enters and when it leaves. So the sum over clusters of squared
influence is a quadratic form in g(t) whose matrix changes at those moments alone, and one pass over the
changes gives it at every t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints

#: A sum this much smaller than its parts is what rounding left of zero.
ROUNDING = 1e-14


def jackknife_variance(
    basis: Floats,
    *,
    enter: Ints,
    leave: Ints,
    present: Floats,
    settled: Floats,
    cluster: Ints | None = None,
) -> Floats:
    """Return the sum over clusters of squared influence at each time.

    Parameters
    ----------
    basis : ndarray, shape (t, j)
        g at each time.
    enter, leave : ndarray of int, shape (n,)
        Rows of ``basis`` from which a row's x is ``present``, and from which it is ``settled``. Before
        ``enter`` it is zero.
    present, settled : ndarray, shape (n, j)
        x while at risk, and from the exit on.
    cluster : ndarray of int, shape (n,), optional
        Cluster of each row; by default each row is its own.

    Returns
    -------
    ndarray, shape (t,)
        ``sum_c (g(t)' x_c(t))**2``; 0 where what is left is rounding.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> first, second = np.array([0]), np.array([1])
    >>> jackknife_variance(np.ones((2, 1)), enter=first, leave=second, present=one, settled=3 * one)
    array([1., 9.])
    """
    size, width = basis.shape
    total = np.zeros(size)
    magnitude = np.zeros(size)
    if cluster is None:
        # A row by itself: from nothing to present at its entry, from present to settled at its exit.
        moment = np.concatenate([enter, leave])
        before = np.concatenate([np.zeros_like(present), present])
        after = np.concatenate([present, settled])
    else:
        moment, before, after = _changes(enter, leave, present, settled, cluster)
    for i in range(width):
        for j in range(i, width):
            # g' (sum x x') g, entry by entry of the symmetric matrix; off the diagonal twice.
            step = _sums(moment, after[:, i] * after[:, j] - before[:, i] * before[:, j], size)
            product = basis[:, i] * basis[:, j]
            if i != j:
                product = 2 * product
            total += product * np.cumsum(step)
            magnitude += np.abs(product) * np.cumsum(np.abs(step))
    return np.where(total > ROUNDING * magnitude, total, 0.0)


def _sums(index: Ints, values: Floats, size: int) -> Floats:
    """Sums of values by index below ``size``."""
    return np.bincount(index, weights=values, minlength=size)[:size].astype(np.float64, copy=False)


def _changes(
    enter: Ints,
    leave: Ints,
    present: Floats,
    settled: Floats,
    cluster: Ints,
) -> tuple[Ints, Floats, Floats]:
    """Moments at which a cluster's x changes, and x before and after each, shape (2n,) and (2n, j)."""
    moment = np.concatenate([enter, leave])
    of = np.concatenate([cluster, cluster])
    order = np.lexsort((moment, of))
    of = of[order]
    change = np.concatenate([present, settled - present])[order]
    first = np.concatenate([[True], of[1:] != of[:-1]])
    # Running sums over all clusters in a row, less what stood where each cluster begins.
    running = np.cumsum(change, axis=0)
    start = (running - change)[first][np.cumsum(first) - 1]
    before = running - change - start
    before[first] = 0.0
    return moment[order], before, running - start
