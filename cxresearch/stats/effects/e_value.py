"""How strongly an unmeasured cause would have to act on treatment and outcome to explain an effect away."""

from __future__ import annotations

import math


def e_value(risk_ratio: float) -> float:
    """Return the E-value of a risk ratio.

    Parameters
    ----------
    risk_ratio : float
        Risk with the action over risk without it, above 0. NaN gives NaN.

    Returns
    -------
    float
        The least risk ratio that an unmeasured cause would need with both the action and the outcome, beyond
        what was adjusted for; 1 where nothing needs explaining.

    References
    ----------
    VanderWeele and Ding (2017), doi:10.7326/M16-2607.

    Examples
    --------
    >>> round(e_value(3.9), 2), e_value(1.0), round(e_value(1 / 3.9), 2)
    (7.26, 1.0, 7.26)
    """
    if not risk_ratio > 0:
        return math.nan
    # E = RR + sqrt(RR (RR - 1)) for RR >= 1, and of the inverse below
    ratio = max(risk_ratio, 1 / risk_ratio)
    return ratio + math.sqrt(ratio * (ratio - 1))


def e_value_of_limits(risk_ratio: float, low: float, high: float) -> float:
    """Return the E-value of the limit nearer to no effect: 1 where the interval holds no effect.

    Examples
    --------
    >>> round(e_value_of_limits(3.9, 1.8, 8.7), 1), e_value_of_limits(1.2, 0.9, 1.6)
    (3.0, 1.0)
    """
    if low <= 1 <= high:
        return 1.0
    return e_value(low) if risk_ratio > 1 else e_value(high)
