"""Estimates of what was named because it stood out: intervals given that it had to stand out to be named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STEPS = 80
#: Truths this many errors away from what was observed are not looked for.
_FAR = 40.0


class NamedEstimate(NamedTuple):
    """Estimates given that they passed the limits, shape (cells,) each."""

    value: Floats
    low: Floats
    high: Floats


def given_named(observed: Floats, se: Floats, lower: Floats, upper: Floats, *, level: float) -> NamedEstimate:
    """Return median-unbiased estimates and intervals of differences seen only below or above limits.

    Parameters
    ----------
    observed, se : array, shape (cells,)
        Differences as they were seen, and their errors.
    lower, upper : array, shape (cells,)
        A difference was named if it lay below ``lower`` or above ``upper``; -inf or inf where a side was not
        open.
    level : float
        Confidence level.

    Returns
    -------
    NamedEstimate
        The interval holds the truth in ``level`` of the cases in which the cell is named, whatever the truth
        is; an estimate with the other sign than what was seen is 0.

    Notes
    -----
    The observed difference follows the normal law with the truth as mean, cut to the region in which it is
    named. Its distribution function falls as the mean rises, and is inverted at (1 + level)/2, 1/2 and
    (1 - level)/2.

    References
    ----------
    Zhong, H., & Prentice, R. L. (2008). Bias-reduced estimators and confidence intervals for odds ratios in
    genome-wide association studies. Biostatistics 9, 621-634. doi:10.1093/biostatistics/kxn001
    Lee, J. D., Sun, D. L., Sun, Y., & Taylor, J. E. (2016). Exact post-selection inference. Annals of
    Statistics 44, 907-927. doi:10.1214/15-AOS1371

    Examples
    --------
    >>> limit = np.array([3.5])
    >>> far = given_named(np.array([-9.0]), np.ones(1), -limit, limit, level=0.95)
    >>> [round(float(end[0]), 1) for end in far]
    [-9.0, -11.0, -7.0]
    >>> near = given_named(np.array([-3.8]), np.ones(1), -limit, limit, level=0.95)
    >>> bool(near.value[0] > -3)
    True
    """
    tails = ((1 + level) / 2, 0.5, (1 - level) / 2)
    low, middle, high = (_mean_with(observed / se, lower / se, upper / se, tail) * se for tail in tails)
    sign = np.sign(observed)
    return NamedEstimate(value=np.where(middle * sign > 0, middle, 0.0), low=low, high=high)


def _mean_with(x: Floats, lower: Floats, upper: Floats, tail: float) -> Floats:
    """Mean of the cut normal law at which P(X <= x) is ``tail``, by bisection."""
    below = np.asarray(x - _FAR, dtype=np.float64)
    above = np.asarray(x + _FAR, dtype=np.float64)
    for _ in range(_STEPS):
        middle = (below + above) / 2
        too_low = _cut_cdf(x, middle, lower, upper) > tail
        below = np.where(too_low, middle, below)
        above = np.where(too_low, above, middle)
    return (below + above) / 2


def _cut_cdf(x: Floats, mean: Floats, lower: Floats, upper: Floats) -> Floats:
    """P(X <= x | X < lower or X > upper) for a normal X with this mean and variance 1, on logarithms."""
    under = log_ndtr(np.minimum(x, lower) - mean)
    beyond = _log_between(upper - mean, x - mean)
    below = np.logaddexp(under, np.where(x > upper, beyond, -np.inf))
    all_of_it = np.logaddexp(log_ndtr(lower - mean), log_ndtr(mean - upper))
    return np.asarray(np.exp(below - all_of_it))


def _log_between(low: Floats, high: Floats) -> Floats:
    """log(Phi(high) - Phi(low)), from the tail in which it keeps its digits; -inf where empty."""
    flip = low > 0
    start = np.where(flip, -high, low)
    end = np.where(flip, -low, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.exp(np.minimum(log_ndtr(start) - log_ndtr(end), 0.0))
        return np.where(end > start, log_ndtr(end) + np.log1p(-ratio), -np.inf)


def smallest_seen(critical: float, se: Floats, *, power: float = 0.8) -> Floats:
    """Return the difference that would be named with this power, shape as ``se``.

    Examples
    --------
    >>> smallest_seen(3.0, np.array([2.0]), power=0.5)
    array([6.])
    """
    return np.asarray((critical + ndtri(power)) * se)
