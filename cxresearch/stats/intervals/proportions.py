"""Intervals of shares: Wilson by default, the others for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cxresearch.checks import as_numbers, check_level
from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from cxresearch.aliases import Floats


class Bounds(NamedTuple):
    """Two ends of an interval, as arrays of one shape."""

    low: Floats
    high: Floats


#: What reports print as the name of Wilson's interval.
WILSON = "score interval (Wilson 1927)"


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
        # Wilson (1927): |p - pi| <= z sqrt(pi (1 - pi) / n), solved for pi.
        p = x / size
        centre = p + z * z / (2 * size)
        half = z * np.sqrt(p * (1 - p) / size + z * z / (4 * size * size))
        shrink = 1 + z * z / size
        low = np.where(x == 0, np.where(size > 0, 0.0, np.nan), (centre - half) / shrink)
        high = np.where(x == size, np.where(size > 0, 1.0, np.nan), (centre + half) / shrink)
    return Bounds(low=np.clip(low, 0, 1), high=np.clip(high, 0, 1))


def wald_share(count: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Return the textbook interval p +- z sqrt(p(1-p)/n): too short in small samples, may leave 0 to 1.

    Parameters
    ----------
    count, n, level
        As in `wilson`.

    References
    ----------
    Laplace, P. S. (1812). Theorie analytique des probabilites; its faults: Brown et al. (2001), see
    `jeffreys`.

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

    Parameters
    ----------
    count, n, level
        As in `wilson`.

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
    # Agresti and Coull (1998): z^2 / 2 successes and as many failures more.
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

    Parameters
    ----------
    count, n, level
        As in `wilson`.

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

    Parameters
    ----------
    count, n, level
        As in `wilson`.

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
