"""Differences and ratios of means between groups, with rows that depend on each other within clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import DataError
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import influence_covariance

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Places


def mean_difference(
    values: Floats, group: Bools, *, clusters: Places, level: float = 0.95
) -> tuple[float, float, float, float]:
    """Mean of one group less mean of the rest: value, low, high, standard error.

    Parameters
    ----------
    values : array, shape (n,)
        Numbers without missing values.
    group : array of bool, shape (n,)
        True for the group, false for the rest.
    clusters : array of int, shape (n,)
        Number of the customer of each row.
    level : float
        Confidence level; the interval is normal.

    Returns
    -------
    value, low, high, se : float

    Raises
    ------
    DataError
        If a group is empty.

    Examples
    --------
    >>> values, group = np.array([1.0, 2, 4, 5]), np.array([False, False, True, True])
    >>> mean_difference(values, group, clusters=np.arange(4))[0]
    3.0
    """
    means, effects = group_means(values, group.astype(np.intp), 2)
    value = float(means[1] - means[0])
    effect = effects[1] - effects[0]
    se = float(np.sqrt(influence_covariance(effect[None, :], clusters=clusters)[0, 0]))
    half = normal_quantile(level) * se
    return value, value - half, value + half, se


def group_means(values: Floats, group: Places, size: int) -> tuple[Floats, Floats]:
    """Means by group, shape (size,), and their influence values, shape (size, n).

    Parameters
    ----------
    values : array, shape (n,)
        Numbers without missing values.
    group : array of int, shape (n,)
        Group of each row, 0 to ``size - 1``.
    size : int
        Number of groups.

    Raises
    ------
    DataError
        If a group is empty.

    Examples
    --------
    >>> group_means(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1]), 2)[0]
    array([2., 5.])
    """
    counts = np.bincount(group, minlength=size).astype(np.float64)
    if (counts == 0).any():
        raise DataError("a group is empty", wanted="rows in every group")
    means = np.bincount(group, weights=values, minlength=size) / counts
    member = group == np.arange(size)[:, None]
    # Influence of a row on the mean of its group: n / n_g (y - mean).
    return means, member * (values - means[:, None]) * (len(values) / counts)[:, None]


def mean_ratio(
    above: Floats, below: Floats, *, clusters: Places, level: float = 0.95
) -> tuple[float, float, float]:
    """Ratio of two means on the same rows with an interval on the log scale: value, low, high.

    Parameters
    ----------
    above, below : array, shape (n,)
        Numerator and denominator of each row, without missing values.
    clusters : array of int, shape (n,)
        Number of the customer of each row.
    level : float
        Confidence level.

    Returns
    -------
    value, low, high : float

    Raises
    ------
    DataError
        If a mean is not positive.

    Examples
    --------
    >>> mean_ratio(np.array([2.0, 4.0]), np.array([1.0, 2.0]), clusters=np.arange(2))[0]
    2.0
    """
    top = float(above.mean())
    bottom = float(below.mean())
    if top <= 0 or bottom <= 0:
        raise DataError("a mean is not above zero, so there is no ratio", wanted="positive amounts")
    # Delta method: d log(a / b) = da / a - db / b.
    effect = (above - top) / top - (below - bottom) / bottom
    se = float(np.sqrt(influence_covariance(effect[None, :], clusters=clusters)[0, 0]))
    factor = float(np.exp(normal_quantile(level) * se))
    return top / bottom, top / bottom / factor, top / bottom * factor
