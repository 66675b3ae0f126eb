"""Columns that know who left: outcomes, which are never a segment and never a feature."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

#: A column tells leavers from stayers if it errs on less than this share of the rarer of the two.
_MOST_ERRORS = 0.25
_FEWEST = 5


def tells_the_outcome(customers: ArrayLike, ended: ArrayLike) -> bool:
    """Whether the values of a column tell who left, whatever the column is called.

    Parameters
    ----------
    customers, ended : array-like of int, shape (values,)
        Customers with each value, and those of them who left. A missing value counts as a value of its own.

    Returns
    -------
    bool
        True if guessing each value's more frequent outcome errs on less than a quarter as many customers as
        guessing the more frequent outcome of all: Goodman and Kruskal's lambda above 0.75
        (doi:10.1080/01621459.1954.10501231). With fewer than 5 leavers or stayers nothing is said.

    Examples
    --------
    >>> tells_the_outcome([60, 40], [1, 40]), tells_the_outcome([60, 40], [6, 17])
    (True, False)
    """
    n = np.asarray(customers, dtype=np.float64)
    left = np.asarray(ended, dtype=np.float64)
    rarer = min(left.sum(), n.sum() - left.sum())
    if rarer < _FEWEST or len(n) < 2:
        return False
    # lambda = 1 - (errors within the values) / (errors without the column)
    errors = np.minimum(left, n - left).sum()
    return bool(errors < _MOST_ERRORS * rarer)
