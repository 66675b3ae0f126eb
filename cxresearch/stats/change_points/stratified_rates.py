"""How much more often something happens in one kind of stretch of time than in another of the same class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxresearch.aliases import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class RateRatio:
    """A rate ratio within strata.

    Attributes
    ----------
    ratio, low, high : float
        NaN where one side has no events.
    se_log : float
        Standard error of the log ratio, clustered.
    p_value : float
        Two-sided, of a ratio of 1.
    events, others : int
        Events in stretches of the first kind and in the others.
    rate, other_rate : float
        Events by exposure on either side, the others standardised to the strata of the first.
    """

    ratio: float
    low: float
    high: float
    se_log: float
    p_value: float
    events: int
    others: int
    rate: float
    other_rate: float


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """Stretches of time, each of one cluster and one stratum.

    Attributes
    ----------
    exposure : array of float, shape (stretches,)
        Length.
    first : array of bool, shape (stretches,)
        Whether a stretch is of the first kind.
    stratum, cluster : array of int, shape (stretches,)
    """

    exposure: Floats
    first: Bools
    stratum: Ints
    cluster: Ints


def stratified_rate_ratio(counts: Floats, stretches: Stretches, *, level: float = 0.95) -> RateRatio:
    """Return the Mantel-Haenszel rate ratio with an error that is robust to clusters and bunched events.

    Parameters
    ----------
    counts : array of float, shape (stretches,)
        Events in each stretch.
    stretches : Stretches
    level : float
        Confidence level.

    Returns
    -------
    RateRatio

    Notes
    -----
    With A events in T1 of the first kind and C in T0 of the others, in stratum s of T = T1 + T0, the ratio is
    sum(A T0 / T) / sum(C T1 / T) (Rothman, Greenland and Lash 2008, chapter 15). Its estimating function is
    a sum of residuals counts - rate exposure, which is summed by cluster and squared: for the interval at
    the ratio found, for the p-value at 1.
    """
    from scipy.stats import norm

    first = stretches.first
    strata = int(stretches.stratum.max(initial=-1)) + 1

    def by_stratum(values: Floats, chosen: Bools) -> Floats:
        sums: Floats = np.bincount(
            stretches.stratum[chosen], weights=values[chosen], minlength=strata
        ).astype(np.float64)
        return sums

    t1 = by_stratum(stretches.exposure, first)
    t0 = by_stratum(stretches.exposure, ~first)
    whole = np.where(t1 + t0 > 0, t1 + t0, 1.0)
    a = by_stratum(counts, first)
    c = by_stratum(counts, ~first)
    above = float((a * t0 / whole).sum())
    below = float((c * t1 / whole).sum())
    shared = (t1 > 0) & (t0 > 0)
    events = int(a[shared].sum())
    others = int(c[shared].sum())
    # Rate of the others in the mixture of the first: sum of C / T0 x T1, over sum of T1
    standard = float((c[shared] * t1[shared] / t0[shared]).sum())
    exposed = float(t1[shared].sum())
    nothing = float("nan")
    rate = nothing
    other_rate = nothing
    if exposed:
        rate = events / exposed
        other_rate = standard / exposed
    if above <= 0 or below <= 0:
        return RateRatio(
            ratio=nothing, low=nothing, high=nothing, se_log=nothing, p_value=nothing, events=events,
            others=others, rate=rate, other_rate=other_rate,
        )  # fmt: skip
    ratio = above / below

    def spread(at: float) -> float:
        """Standard deviation of the estimating function sum(A T0/T) - ratio sum(C T1/T)."""
        # rate of a stratum at this ratio: (A + C) / (ratio T1 + T0); each count less what it makes expected
        base = (a + c) / np.where(at * t1 + t0 > 0, at * t1 + t0, 1.0)
        expected = base[stretches.stratum] * stretches.exposure
        part = np.where(
            first,
            (counts - at * expected) * (t0 / whole)[stretches.stratum],
            -at * (counts - expected) * (t1 / whole)[stretches.stratum],
        )
        sums = np.bincount(stretches.cluster, weights=part)
        n = int((np.bincount(stretches.cluster) > 0).sum())
        return float(np.sqrt((sums**2).sum() * n / max(n - 1, 1)))

    # Delta method: se(log ratio) = sd of the estimating function at the ratio / sum(A T0 / T)
    se_log = spread(ratio) / above
    reach = float(norm.ppf((1 + level) / 2)) * se_log
    at_one = spread(1.0)
    p_value = nothing
    if at_one > 0:
        p_value = 2 * float(norm.sf(abs(above - below) / at_one))
    return RateRatio(
        ratio=ratio,
        low=float(ratio * np.exp(-reach)),
        high=float(ratio * np.exp(reach)),
        se_log=se_log,
        p_value=p_value,
        events=events,
        others=others,
        rate=rate,
        other_rate=other_rate,
    )
