"""Infinitesimal-jackknife variance of curves, for weights and clusters, without a person-by-time matrix.

The influence of a row on a curve at time t is ``g(t)' x``, where g is a short vector of known functions of
time and x changes only when the row enters and when it leaves. So the sum over clusters of squared
influence is a quadratic form in g(t) whose matrix changes at those moments alone, and one pass over the
sorted changes gives it at every t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def clustered_variance(
    basis: NDArray[np.float64],
    position: NDArray[np.int64],
    cluster: NDArray[np.int64],
    change: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the sum over clusters of squared influence at each time.

    Parameters
    ----------
    basis : ndarray, shape (t, j)
        g at each time.
    position : ndarray of int, shape (m,)
        Row of ``basis`` from which a change holds; t or more: never within the curve.
    cluster : ndarray of int, shape (m,)
        Cluster of each change.
    change : ndarray, shape (m, j)
        What is added to the cluster's x.

    Returns
    -------
    ndarray, shape (t,)
        ``sum_c (g(t)' x_c(t))**2``, not below 0.

    Examples
    --------
    >>> clustered_variance(np.ones((2, 1)), np.array([0, 1]), np.array([0, 0]), np.array([[1.0], [2.0]]))
    array([1., 9.])
    """
    size, width = basis.shape
    order = np.lexsort((position, cluster))
    position, cluster, change = position[order], cluster[order], change[order]
    first = np.concatenate([[True], cluster[1:] != cluster[:-1]])
    after = np.cumsum(change, axis=0)
    before = after - change
    start = before[first][np.cumsum(first) - 1]
    after, before = after - start, before - start
    before[first] = 0.0
    inside = position < size
    total = np.zeros(size)
    for i in range(width):
        for j in range(i, width):
            step = after[:, i] * after[:, j] - before[:, i] * before[:, j]
            matrix = np.cumsum(np.bincount(position[inside], weights=step[inside], minlength=size))
            total += (1 if i == j else 2) * basis[:, i] * basis[:, j] * matrix
    return np.maximum(total, 0.0)
