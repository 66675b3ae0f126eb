"""The difference of two estimates from their own intervals, for arrays of pairs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.intervals.proportions import Bounds

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

#: What reports print as the name of the test.
MOVER_TEST = "z from the score intervals of the two sides (Zou and Donner 2008)"


class Difference(NamedTuple):
    """First minus second, as arrays of one shape; the p-value is two-sided."""

    difference: Floats
    low: Floats
    high: Floats
    se: Floats
    statistic: Floats
    p_value: Floats


def mover_difference(
    value_1: ArrayLike,
    bounds_1: Bounds,
    value_2: ArrayLike,
    bounds_2: Bounds,
    *,
    level: float = 0.95,
    correlation: ArrayLike = 0.0,
) -> Difference:
    """Return the difference of two estimates with the interval that their own intervals imply (MOVER).

    The interval is d - sqrt(a^2 + b^2 - 2 r a b) to d + sqrt(A^2 + B^2 - 2 r A B), where a and A are the
    distances of the first estimate from its two ends, b and B those of the second from the opposite ends.
    With Wilson intervals it is Newcombe's method 10. The test statistic is d over the half-width that points
    to 0, in units of z: so the p-value is below 1 - level exactly where the interval excludes 0, also in
    small samples where standard errors are 0 and a Wald test would fail.

    Parameters
    ----------
    value_1, value_2 : array-like, shape (pairs,)
        The two estimates, in the same unit.
    bounds_1, bounds_2 : Bounds
        Their intervals at ``level``.
    level : float
        Confidence level.
    correlation : array-like, shape (pairs,) or scalar
        Correlation r of the two estimates, where the same people stand on both sides.

    Returns
    -------
    Difference
        NaN where a side is NaN. Two equal estimates give p 1.

    References
    ----------
    Zou, G. Y., & Donner, A. (2008). Construction of confidence limits about effect measures: a general
    approach. Statistics in Medicine 27, 1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> from cxresearch.stats.intervals.nps_interval import score_interval
    >>> gap = mover_difference(0.45, score_interval(60, 15, 100), 0.10, score_interval(40, 30, 100))
    >>> round(float(gap.low), 2), round(float(gap.high), 2), round(float(gap.p_value), 3)
    (0.13, 0.56, 0.002)
    """
    first = np.asarray(value_1, dtype=np.float64)
    second = np.asarray(value_2, dtype=np.float64)
    r = np.asarray(correlation, dtype=np.float64)
    difference = first - second
    # The lower end pairs the first's lower with the second's upper distance, the upper end the others.
    below = _length(first - bounds_1.low, bounds_2.high - second, r)
    above = _length(bounds_1.high - first, second - bounds_2.low, r)
    z = normal_quantile(level)
    toward_zero = np.where(difference >= 0, below, above)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(difference == 0, 0.0, z * difference / toward_zero)
    return Difference(
        difference=difference,
        low=difference - below,
        high=difference + above,
        se=(below + above) / (2 * z),
        statistic=statistic,
        p_value=2 * stats.norm.sf(np.abs(statistic)),
    )


def _length(a: Floats, b: Floats, r: Floats) -> Floats:
    # Zou and Donner (2008): sqrt(a^2 + b^2 - 2 r a b).
    return np.sqrt(np.maximum(a * a + b * b - 2 * r * a * b, 0))
