"""Intervals of a net share P - D (promoters minus detractors), for arrays of cells at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.intervals.proportions import Bounds

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

#: Halvings of an interval no longer than 2: double precision.
_HALVINGS = 56


def _counts(promoters: ArrayLike, detractors: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats, Floats]:
    p, d, size = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in (promoters, detractors, n))
    )
    if ((p < 0) | (d < 0) | (p + d > size * (1 + 1e-12))).any():
        raise ArgumentError("counts do not fit together", wanted="promoters + detractors <= n, none negative")
    return p, d, size


def _null_variance(delta: Floats, p: Floats, d: Floats, n: Floats) -> Floats:
    """Variance of one answer when the net share is delta, the detractors' share estimated under it."""
    # Tango (1998): q solves 2 n q^2 + b q + c = 0; the variance of an answer is 2q + delta (1 - delta).
    a = 2 * n
    b = -p - d + (2 * n - p + d) * delta
    c = -d * delta * (1 - delta)
    q = (np.sqrt(np.maximum(b * b - 4 * a * c, 0)) - b) / (2 * a)
    return np.maximum(2 * q + delta * (1 - delta), 0)


def _excess(delta: Floats, p: Floats, d: Floats, n: Floats, z: float) -> Floats:
    """Squared distance of the data from delta less what chance allows: negative inside the interval."""
    return np.asarray((p - d - n * delta) ** 2 - z * z * n * _null_variance(delta, p, d, n))


def score_interval(
    promoters: ArrayLike, detractors: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> Bounds:
    """Return Tango's score interval of (P - D)/n: a net share is a paired difference of two shares.

    All values of delta for which |P - D - n delta| / sqrt(n (2q + delta (1 - delta))) <= z, where q is the
    detractors' share of highest likelihood given delta. The ends are found by bisection, to double precision.

    Parameters
    ----------
    promoters, detractors, n : array-like, shape (cells,)
        Counts; fractions are admitted, for effective sample sizes. Where n is 0 or NaN the interval is NaN.
    level : float
        Confidence level.

    Returns
    -------
    Bounds
        On the scale -1 to 1, and always inside it.

    Raises
    ------
    ArgumentError
        If counts are negative or promoters and detractors exceed n.

    References
    ----------
    Tango, T. (1998). Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design. Statistics in Medicine 17, 891-908.
    doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B

    Examples
    --------
    Everybody a promoter: the interval is (n - z^2)/(n + z^2) to 1.

    >>> ends = score_interval(10, 0, 10)
    >>> round(float(ends.low), 4), round(float(ends.high), 4)
    (0.4449, 1.0)
    """
    p, d, size = _counts(promoters, detractors, n)
    z = normal_quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (p - d) / size
        low = _end(-1.0, value, (p, d, size), z)
        high = _end(1.0, value, (p, d, size), z)
    # Shares of weights may miss the whole by rounding.
    low = np.where(d >= size * (1 - 1e-12), -1.0, low)
    high = np.where(p >= size * (1 - 1e-12), 1.0, high)
    nothing = np.where(size > 0, 0.0, np.nan)
    return Bounds(low=low + nothing, high=high + nothing)


def adjusted_wald(
    promoters: ArrayLike, detractors: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> Bounds:
    """Return the Wald interval after adding 3/4 promoter, 3/4 detractor and 3 to n, cut at -1 and 1.

    Parameters
    ----------
    promoters, detractors, n : array-like, shape (cells,)
        Counts and answers; where n is 0 (or NaN) the interval is NaN.
    level : float
        Confidence level.

    Returns
    -------
    Bounds
        Arrays of shape (cells,), of the difference of shares.

    Raises
    ------
    ArgumentError
        If promoters and detractors do not fit into n.

    References
    ----------
    Rocks, B. (2016). Interval estimation for the "Net Promoter Score". The American Statistician 70, 365-372.
    doi:10.1080/00031305.2016.1158124

    Examples
    --------
    >>> [round(float(end), 6) for end in adjusted_wald(60, 15, 100)]
    [0.293431, 0.580355]
    """
    p, d, size = _counts(promoters, detractors, n)
    # Rocks (2016): three quarters of an answer more at either end, one and a half between.
    ends = wald_net(p + 0.75, d + 0.75, size + 3, level=level)
    nothing = np.where(size > 0, 0.0, np.nan)
    return Bounds(low=np.clip(ends.low, -1, 1) + nothing, high=np.clip(ends.high, -1, 1) + nothing)


def wald_net(promoters: ArrayLike, detractors: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Return the textbook interval, estimate +- z SE: too short in small samples, may leave -1 to 1.

    Parameters
    ----------
    promoters, detractors, n : array-like, shape (cells,)
        Counts and answers; where n is 0 (or NaN) the interval is NaN.
    level : float
        Confidence level.

    Returns
    -------
    Bounds
        Arrays of shape (cells,), of the difference of shares.

    Raises
    ------
    ArgumentError
        If promoters and detractors do not fit into n.

    References
    ----------
    Rocks (2016), see `adjusted_wald`, on its coverage.

    Examples
    --------
    >>> [round(float(end), 6) for end in wald_net(60, 15, 100)]
    [0.304976, 0.595024]
    """
    p, d, size = _counts(promoters, detractors, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (p - d) / size
        # Variance of an answer of 1, 0 or -1: P + D - (P - D)^2.
        half = normal_quantile(level) * np.sqrt(np.maximum((p + d) / size - value**2, 0) / size)
    return Bounds(low=value - half, high=value + half)


def _end(outer: float, inner: Floats, counts: tuple[Floats, ...], z: float) -> Floats:
    """Bisect between a far end of the scale and the estimate for the end of the score interval."""
    p, d, n = counts
    far = np.full_like(inner, outer)
    near = inner
    for _ in range(_HALVINGS):
        middle = (far + near) / 2
        outside = _excess(middle, p, d, n, z) > 0
        far = np.where(outside, middle, far)
        near = np.where(outside, near, middle)
    return np.asarray((far + near) / 2)
