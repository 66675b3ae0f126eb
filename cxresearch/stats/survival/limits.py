"""Pointwise limits of a probability that moves over time, on the scales that R's survfit offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from cxresearch.checks import check_choice
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

SCALES = ("log-log", "plain", "log", "logit")


def probability_limits(
    value: Floats, se: Floats, *, level: float = 0.95, ci: str = "log-log"
) -> tuple[Floats, Floats]:
    """Return lower and upper limits of probabilities.

    Parameters
    ----------
    value, se : ndarray, shape (t,)
        Survival or cumulative incidence, and standard error on the same scale.
    level : float
        Confidence level.
    ci : {"log-log", "plain", "log", "logit"}
        Scale on which the limits are symmetric. Log-log limits stay within 0 and 1 and cover best in small
        samples (Borgan and Liestøl 1990, Scand. J. Statist. 17, 35-41).

    Returns
    -------
    low, high : ndarray, shape (t,)
        Where ``se`` is 0 (nothing has happened yet) both equal the value; where ``se`` is NaN both are NaN.

    Examples
    --------
    >>> low, high = probability_limits(np.array([0.9]), np.array([0.0948683298]))
    >>> float(low[0].round(6)), float(high[0].round(6))
    (0.473009, 0.985281)
    """
    check_choice("ci", ci, SCALES)
    z = normal_quantile(level)
    inside = (value > 0) & (value < 1) & (se > 0)
    p = np.where(inside, value, 0.5)
    spread = z * np.where(inside, se, 0.0)
    # Delta method: se g(p) = |g'(p)| se p, symmetric limits on the scale of g, taken back.
    if ci == "plain":
        low = p - spread
        high = p + spread
    elif ci == "log":
        low = p * np.exp(-spread / p)
        high = p * np.exp(spread / p)
    elif ci == "logit":
        half = spread / (p * (1 - p))
        low = expit(logit(p) - half)
        high = expit(logit(p) + half)
    else:
        # g(p) = log(-log p), so p^exp(+-half).
        half = spread / (p * np.abs(np.log(p)))
        with np.errstate(over="ignore", under="ignore"):
            low = p ** np.exp(half)
            high = p ** np.exp(-half)
    fixed = np.where(np.isnan(se), np.nan, value)
    return (
        np.where(inside, np.maximum(low, 0.0), fixed),
        np.where(inside, np.minimum(high, 1.0), fixed),
    )
