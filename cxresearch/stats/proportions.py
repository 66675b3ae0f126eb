"""Intervals and tests for shares: Wilson by default, the others for comparison."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cxresearch.checks import as_numbers, check_level
from cxresearch.errors import ArgumentError

Floats = NDArray[np.float64]


class Bounds(NamedTuple):
    """Two ends of an interval, as arrays of one shape."""

    low: Floats
    high: Floats


class TwoShares(NamedTuple):
    """Difference of two independent shares, as arrays of one shape."""

    difference: Floats
    low: Floats
    high: Floats
    statistic: Floats
    p_value: Floats


def normal_quantile(level: float) -> float:
    """Return z of a two-sided level: 1.96 for 0.95."""
    return float(stats.norm.ppf((1 + check_level(level)) / 2))


def _counts(count: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    x, size = np.broadcast_arrays(_cells("count", count), _cells("n", n))
    if ((x < 0) | (x > size)).any():
        raise ArgumentError("a count lies outside 0 to n", wanted="0 <= count <= n in every cell")
    return x, size


def _cells(name: str, values: ArrayLike) -> Floats:
    """Return finite numbers of any shape; NaN stands for a cell without an answer."""
    array = np.asarray(values)
    if array.dtype.kind == "f" and not np.isinf(array).any():
        return array.astype(np.float64, copy=False)
    return as_numbers(name, array.ravel(), missing=True).reshape(array.shape)


def wilson(count: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Return Wilson's score interval of a share, without continuity correction.

    Parameters
    ----------
    count, n : array-like, shape (cells,)
        Successes and trials. Fractions are admitted, for effective sample sizes. Where n is 0 (or NaN) the
        interval is NaN.
    level : float
        Confidence level.

    Returns
    -------
    Bounds
        Arrays of the broadcast shape, within 0 and 1; exactly 0 (1) where no (every) trial succeeded.

    Raises
    ------
    ArgumentError
        If a count lies outside 0 to n, or either is infinite or no number.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22, 209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> [round(float(end), 4) for end in wilson(42, 100)]
    [0.328, 0.5179]
    """
    x, size = _counts(count, n)
    z = normal_quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = x / size
        centre = p + z * z / (2 * size)
        half = z * np.sqrt(p * (1 - p) / size + z * z / (4 * size * size))
        shrink = 1 + z * z / size
        low = np.where(x == 0, np.where(size > 0, 0.0, np.nan), (centre - half) / shrink)
        high = np.where(x == size, np.where(size > 0, 1.0, np.nan), (centre + half) / shrink)
    return Bounds(low=np.clip(low, 0, 1), high=np.clip(high, 0, 1))


def wald_share(count: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Return the textbook interval p +- z sqrt(p(1-p)/n): too short in small samples, may leave 0 to 1.

    Examples
    --------
    >>> [round(float(end), 4) for end in wald_share(1, 10)]
    [-0.0859, 0.2859]
    """
    x, size = _counts(count, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = x / size
        half = normal_quantile(level) * np.sqrt(p * (1 - p) / size)
    return Bounds(low=p - half, high=p + half)


def agresti_coull(count: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Return the adjusted Wald interval of Agresti and Coull (1998), not truncated to 0 and 1.

    References
    ----------
    Agresti, A., & Coull, B. A. (1998). Approximate is better than "exact". The American Statistician 52,
    119-126. doi:10.1080/00031305.1998.10480550

    Examples
    --------
    >>> [round(float(end), 4) for end in agresti_coull(1, 10)]
    [-0.0039, 0.426]
    """
    x, size = _counts(count, n)
    z = normal_quantile(level)
    wider = size + z * z
    with np.errstate(divide="ignore", invalid="ignore"):
        p = (x + z * z / 2) / wider
        half = z * np.sqrt(p * (1 - p) / wider)
    nothing = np.where(size > 0, 0.0, np.nan)
    return Bounds(low=p - half + nothing, high=p + half + nothing)


def _beta_bounds(x: Floats, size: Floats, shift: tuple[float, float], level: float) -> Bounds:
    """Quantiles of two beta laws; the end at an impossible count is 0 or 1 (clopper_pearson, jeffreys)."""
    tail = (1 - check_level(level)) / 2
    low_a, high_a = shift
    with np.errstate(invalid="ignore"):
        low = stats.beta.ppf(tail, x + low_a, size - x + high_a)
        high = stats.beta.ppf(1 - tail, x + high_a, size - x + low_a)
    nothing = np.where(size > 0, 0.0, np.nan)
    return Bounds(
        low=np.where(x == 0, 0.0, low) + nothing,
        high=np.where(x == size, 1.0, high) + nothing,
    )


def clopper_pearson(count: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Return the exact interval: coverage never below ``level``, usually well above.

    References
    ----------
    Clopper, C. J., & Pearson, E. S. (1934). Biometrika 26, 404-413. doi:10.1093/biomet/26.4.404

    Examples
    --------
    >>> [round(float(end), 4) for end in clopper_pearson(1, 10)]
    [0.0025, 0.445]
    """
    x, size = _counts(count, n)
    return _beta_bounds(x, size, (0.0, 1.0), level)


def jeffreys(count: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Return the equal-tailed interval under Jeffreys' prior, its end 0 (1) where no (every) trial succeeded.

    References
    ----------
    Brown, L. D., Cai, T. T., & DasGupta, A. (2001). Interval estimation for a binomial proportion.
    Statistical Science 16, 101-133. doi:10.1214/ss/1009213286

    Examples
    --------
    >>> [round(float(end), 4) for end in jeffreys(1, 10)]
    [0.011, 0.3813]
    """
    x, size = _counts(count, n)
    return _beta_bounds(x, size, (0.5, 0.5), level)


def share_difference(
    count_1: ArrayLike, n_1: ArrayLike, count_2: ArrayLike, n_2: ArrayLike, *, level: float = 0.95
) -> TwoShares:
    """Return the difference of two independent shares: Newcombe's hybrid score interval and Pearson's test.

    Parameters
    ----------
    count_1, n_1, count_2, n_2 : array-like, shape (cells,)
        Successes and trials of the two sides.
    level : float
        Confidence level.

    Returns
    -------
    TwoShares
        ``difference`` is first minus second; ``statistic`` is the chi-squared of one degree of freedom,
        without continuity correction; with both shares 0 (or both 1) it is 0 and the p-value 1.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions: comparison
    of eleven methods. Statistics in Medicine 17, 873-890 (method 10).
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Examples
    --------
    >>> found = share_difference(42, 100, 30, 100)
    >>> round(float(found.low), 4), round(float(found.high), 4), round(float(found.p_value), 4)
    (-0.0129, 0.2471, 0.0771)
    """
    x1, m1 = _counts(count_1, n_1)
    x2, m2 = _counts(count_2, n_2)
    first, second = wilson(x1, m1, level=level), wilson(x2, m2, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2, pooled = x1 / m1, x2 / m2, (x1 + x2) / (m1 + m2)
        spread = pooled * (1 - pooled) * (1 / m1 + 1 / m2)
        statistic = np.where((spread <= 0) & (m1 > 0) & (m2 > 0), 0.0, (p1 - p2) ** 2 / spread)
    low = p1 - p2 - np.hypot(p1 - first.low, second.high - p2)
    high = p1 - p2 + np.hypot(first.high - p1, p2 - second.low)
    return TwoShares(
        difference=p1 - p2,
        low=low,
        high=high,
        statistic=statistic,
        p_value=stats.chi2.sf(statistic, 1),
    )
