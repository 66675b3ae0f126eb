"""Estimates of what was named because it stood out: intervals given that it had to stand out to be named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STEPS = 80
#: Truths this many errors away from what was observed are not looked for.
_FAR = 40.0
#: Steps of the grid on which a soft limit is inverted, and how far it goes beyond what was seen, in errors.
_GRID, _BEYOND = 0.04, 12.0
#: Least error of the difference between two comparisons of a cell: a hard limit, almost.
_LEAST_SPREAD = 0.05


class NamedEstimate(NamedTuple):
    """Estimates given that they passed the limits, shape (cells,) each."""

    value: Floats
    low: Floats
    high: Floats


def given_named(observed: Floats, se: Floats, limit: Floats, *, level: float) -> NamedEstimate:
    """Return median-unbiased estimates and intervals of differences seen only beyond a limit.

    Parameters
    ----------
    observed, se, limit : array, shape (cells,)
        Differences as they were seen, their errors, and the size above which each was named.
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
    >>> far = given_named(np.array([-9.0]), np.ones(1), np.array([3.5]), level=0.95)
    >>> [round(float(end[0]), 1) for end in far]
    [-9.0, -11.0, -7.0]
    >>> near = given_named(np.array([-3.8]), np.ones(1), np.array([3.5]), level=0.95)
    >>> bool(near.value[0] > -3)
    True
    """
    tails = ((1 + level) / 2, 0.5, (1 - level) / 2)
    low, middle, high = (_mean_with(observed / se, limit / se, tail) * se for tail in tails)
    return NamedEstimate(value=_with_sign(middle, observed), low=low, high=high)


def given_crossed(
    observed: float, se: float, limit: float, others: Sequence[tuple[float, float, float]], *, level: float
) -> tuple[float, float, float]:
    """Return the same for a crossed cell, named only if it differs from the rest of each parent as well.

    Parameters
    ----------
    observed, se, limit : float
        Difference from all other answers, its error, and the size it had to exceed.
    others : sequence of (float, float, float)
        For each parent the difference from its rest, the error, and the limit.
    level : float
        Confidence level.

    Returns
    -------
    value, low, high : float

    Notes
    -----
    With equal variances cov(D, D_a) = var(D), so that D_a - D is independent of D, with variance
    SE_a^2 - SE^2. Given D = x the cell is named with probability prod_a Phi(-(c_a + x + r_a)/tau_a) on the
    side below, and its mirror image above, r_a being what was seen of D_a - D: a soft limit, as of a
    randomised selection (Tian and Taylor 2018, doi:10.1214/17-AOS1564). The normal law of D weighted by that
    probability is inverted on a grid.

    Examples
    --------
    >>> value, low, high = given_crossed(-9.0, 1.0, 3.5, [(-9.0, 1.2, 4.2)], level=0.95)
    >>> round(value, 1), round(low, 1), round(high, 1)
    (-9.0, -11.0, -7.0)
    """
    x = observed / se
    # from beyond what was seen to as far beyond its mirror image; x itself is on the grid
    steps = int((2 * abs(x) + _BEYOND) / _GRID)
    near = int(_BEYOND / _GRID)
    grid = x - np.sign(x) * _GRID * np.arange(-near, steps + 1)
    grid = np.sort(grid)
    below = np.where(grid < -limit / se, 0.0, -np.inf)
    above = np.where(grid > limit / se, 0.0, -np.inf)
    for value, error, bound in others:
        apart = (value - observed) / se
        spread = np.sqrt(max((error / se) ** 2 - 1.0, _LEAST_SPREAD**2))
        below = below + log_ndtr((-bound / se - apart - grid) / spread)
        above = above + log_ndtr((grid + apart - bound / se) / spread)
    weights = np.logaddexp(below, above)
    means = grid[near // 2 : -(near // 2)]
    logs = weights - (grid - means[:, None]) ** 2 / 2
    density = np.exp(logs - logs.max(axis=1, keepdims=True))
    place = int(np.argmin(np.abs(grid - x)))
    under = density[:, :place].sum(axis=1) + density[:, place] / 2
    share = under / density.sum(axis=1)  # falls as the mean rises
    low, middle, high = (
        float(np.interp(-tail, -share, means)) * se for tail in ((1 + level) / 2, 0.5, (1 - level) / 2)
    )
    return float(_with_sign(np.array(middle), np.array(observed))), low, high


def _with_sign(estimate: Floats, observed: Floats) -> Floats:
    """The estimate, or 0 where its sign is another than what was seen."""
    return np.where(estimate * np.sign(observed) > 0, estimate, 0.0)


def _mean_with(x: Floats, limit: Floats, tail: float) -> Floats:
    """Mean of the cut normal law at which P(X <= x) is ``tail``, by bisection."""
    below = np.asarray(x - _FAR, dtype=np.float64)
    above = np.asarray(x + _FAR, dtype=np.float64)
    for _ in range(_STEPS):
        middle = (below + above) / 2
        too_low = _cut_cdf(x, middle, -limit, limit) > tail
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
