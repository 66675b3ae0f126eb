"""Ratios of sums with an interval from resampled customers, to compare the formulas with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxresearch.checks import as_numbers, check_level
from cxresearch.errors import ArgumentError
from cxresearch.stats.ratio import RatioInterval, RatioSums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def bootstrap_ratio(
    x: ArrayLike,
    s: ArrayLike,
    *,
    level: float = 0.95,
    repeats: int = 2000,
    rng: np.random.Generator | int = 1,
) -> RatioInterval:
    """Return a ratio of two sums with a percentile interval from resampled customers.

    Parameters
    ----------
    x, s : array-like, shape (n,)
        Numerator and denominator of each customer, the denominator 0 or more.
    level : float
        Confidence level.
    repeats : int
        Resamples, drawn as multinomial counts in blocks: no loop over resamples.
    rng : Generator or int
        Source of randomness, or its seed.

    Raises
    ------
    ArgumentError
        If a denominator is negative, lengths differ, or fewer than 100 resamples are asked for.

    Notes
    -----
    Offered for comparison; no metric uses it, since percentile intervals are too short with few customers
    (docs/validation.md).

    References
    ----------
    Efron, B., & Tibshirani, R. (1993). An introduction to the bootstrap, section 13.

    Examples
    --------
    >>> found = bootstrap_ratio([10, 10] + [0] * 38, [10] * 40, rng=7)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.05, 0.0, 0.125)
    """
    check_level(level)
    if isinstance(repeats, bool) or repeats < 100:
        raise ArgumentError(f"repeats is {repeats!r}", wanted="at least 100 resamples")
    sums = RatioSums.of(x, s)
    pairs = np.column_stack([as_numbers("x", x), as_numbers("s", s)])
    generator = np.random.default_rng(rng)
    draws = _resampled(pairs, repeats, generator)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = draws[:, 0] / draws[:, 1]
    ratios = ratios[np.isfinite(ratios)]
    enough = sums.n >= 2 and len(ratios) > 0
    tail = (1 - level) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail]) if enough else (math.nan, math.nan)
    return RatioInterval(
        value=sums.x / sums.s if sums.s > 0 else math.nan,
        low=float(low),
        high=float(high),
        se=float(ratios.std(ddof=1)) if enough else math.nan,
        n_effective=sums.n_effective,
        method=f"customer bootstrap, percentile, {repeats:,} resamples",
    )


def _resampled(pairs: NDArray[np.float64], repeats: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Sums over each resample, shape (repeats, 2); equal customers are drawn together."""
    distinct, counts = np.unique(pairs, axis=0, return_counts=True)
    block = max(1, 4_000_000 // len(distinct))
    parts = [
        rng.multinomial(len(pairs), counts / len(pairs), size=min(block, repeats - done)) @ distinct
        for done in range(0, repeats, block)
    ]
    return np.concatenate(parts)
