"""Shares under a survey design: Korn and Graubard's interval."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit, logit

from cxresearch.checks import as_numbers, check_choice, check_same_length
from cxresearch.errors import ArgumentError
from cxresearch.stats.design.survey_design import Design, DesignMean, _domain, design_mean
from cxresearch.stats.intervals.proportions import clopper_pearson


def design_share(
    values: ArrayLike,
    design: Design,
    *,
    domain: ArrayLike | None = None,
    method: Literal["logit", "beta", "mean", "xlogit", "asin"] = "logit",
    level: float = 0.95,
) -> DesignMean:
    """Return a share with an interval that stays between 0 and 1.

    Parameters
    ----------
    values : array-like, shape (n,)
        0 or 1, or false and true.
    design, domain, level
        As in :func:`design_mean`.
    method : {"logit", "beta", "mean", "xlogit", "asin"}
        As R's ``svyciprop``: t interval of the log-odds from a fitted intercept (``logit``) or by the delta
        method (``xlogit``; the two agree), of the arcsine root, of the share itself (``mean``), or Korn and
        Graubard's exact interval at the effective sample size (``beta``).

    Returns
    -------
    DesignMean
        NaN limits where the share is 0 or 1, save for ``beta``.

    Raises
    ------
    ArgumentError
        If a value of the domain is neither 0 nor 1.
    DataError
        If the domain is empty.

    Examples
    --------
    >>> from cxresearch.stats.design.survey_design import survey_design
    >>> share = design_share([1, 1, 0, 1, 0, 1], survey_design(6))
    >>> round(share.low, 3), round(share.high, 3)
    (0.149, 0.958)
    """
    check_choice("method", method, ("logit", "beta", "mean", "xlogit", "asin"))
    inside = _domain(domain, len(design.weights))
    y = as_numbers("values", values, booleans=True)
    check_same_length(values=y, weights=design.weights, domain=inside)
    wrong = inside & ~np.isin(y, (0, 1))
    if wrong.any():
        raise ArgumentError(
            f"values holds {y[wrong][0]:g}", where=f"position {int(np.argmax(wrong))}", wanted="0 or 1"
        )
    mean = design_mean(y, design, domain=inside, level=level)
    p = mean.value
    se = mean.se
    if method == "mean":
        return mean
    t = float(stats.t.ppf((1 + level) / 2, design.df))
    if method == "beta":
        n = int((inside & (design.weights > 0)).sum())
        low, high = _korn_graubard(p, se, n, design.df, level)
    elif not 0 < p < 1:
        low = high = float("nan")
    elif method == "asin":
        # d arcsin(sqrt p) = dp / (2 sqrt(p (1 - p))).
        half = t * se / (2 * np.sqrt(p * (1 - p)))
        low = float(np.sin(np.arcsin(np.sqrt(p)) - half) ** 2)
        high = float(np.sin(np.arcsin(np.sqrt(p)) + half) ** 2)
    else:
        # d logit(p) = dp / (p (1 - p)).
        half = t * se / (p * (1 - p))
        low = float(expit(logit(p) - half))
        high = float(expit(logit(p) + half))
    return mean._replace(low=low, high=high)


def _korn_graubard(p: float, se: float, n: int, df: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    size = float(n)
    if se > 0:
        size = p * (1 - p) / se**2
    # Korn and Graubard (1998): Clopper-Pearson at the effective n, corrected for the degrees of freedom.
    size *= float((stats.t.ppf(tail, n - 1) / stats.t.ppf(tail, df)) ** 2)
    ends = clopper_pearson(size * p, size, level=level)
    return float(ends.low), float(ends.high)
