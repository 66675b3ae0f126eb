"""What an effect says: helps, hurts, no difference that matters, or cannot tell."""

from __future__ import annotations

import math
from typing import Literal

from cxresearch.stats.intervals.normal_quantile import normal_quantile

Verdict = Literal["helps", "hurts", "no difference that matters", "cannot tell"]

#: Power with which the number that would decide finds an effect of the size of the margin.
POWER = 0.8


def verdict_of(
    effect: float, low: float, high: float, *, se: float, margin: float, more_is_better: bool
) -> Verdict:
    """Judge an effect by its interval and by a two one-sided test against a margin.

    Parameters
    ----------
    effect, low, high : float
        Estimate and interval of the level used.
    se : float
        Standard error; the equivalence test uses its 90 % interval (two tests at 5 %).
    margin : float
        Smallest effect that matters, set beforehand, above 0.
    more_is_better : bool
        Whether a higher outcome is good.

    References
    ----------
    Schuirmann (1987), doi:10.1007/BF01068419.

    Examples
    --------
    >>> verdict_of(0.13, 0.05, 0.21, se=0.04, margin=0.05, more_is_better=True)
    'helps'
    >>> verdict_of(0.13, 0.05, 0.21, se=0.04, margin=0.05, more_is_better=False)
    'hurts'
    >>> verdict_of(0.0, -0.02, 0.02, se=0.01, margin=0.05, more_is_better=True)
    'no difference that matters'
    >>> verdict_of(0.02, -0.08, 0.12, se=0.05, margin=0.05, more_is_better=True)
    'cannot tell'
    """
    # TOST: both one-sided tests at 5 % reject if the 90 % interval lies within the margin.
    reach = normal_quantile(0.9) * se
    if effect - reach > -margin and effect + reach < margin:
        return "no difference that matters"
    if low <= 0 <= high or math.isnan(low):
        return "cannot tell"
    good = (effect > 0) == more_is_better
    return "helps" if good else "hurts"


def moments_that_would_decide(n: int, se: float, *, margin: float, level: float = 0.95) -> int:
    """Return how many moments would find an effect of the margin in four of five studies like this one.

    The standard error falls with the square root of n: ``n (se (z + z_power) / margin)^2``.

    Examples
    --------
    >>> moments_that_would_decide(1000, 0.05, margin=0.05)
    7849
    """
    reach = normal_quantile(level) + normal_quantile(2 * POWER - 1)
    return math.ceil(n * (se * reach / margin) ** 2)
