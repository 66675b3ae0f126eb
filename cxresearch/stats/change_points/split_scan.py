"""Every split of a series at once: how far the level before differs from the level after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxresearch.aliases import Bools, Floats, Ints
from cxresearch.stats.change_points.dated_sums import DatedSums

#: Share of the base that each side of a split keeps; nearer to the ends a split is not judged.
TRIM = 0.05


@dataclass(frozen=True, kw_only=True)
class SplitScan:
    """The scan of one series.

    Attributes
    ----------
    share : array of float, shape (splits,)
        Share f of the base before each split; split k stands between day k and day k + 1.
    cusum : array of float, shape (splits,)
        S(k): sum of the influences u = total - mean base up to day k.
    se : array of float, shape (splits,)
        Standard error of S(k), robust to clusters.
    judged : array of bool, shape (splits,)
        Splits with enough on both sides.
    base : float
        Sum of the base.
    """

    share: Floats
    cusum: Floats
    se: Floats
    judged: Bools
    base: float

    @property
    def statistic(self) -> Floats:
        """S(k) over its standard error; 0 where a split is not judged."""
        statistic = np.zeros(len(self.cusum))
        usable = self.judged & (self.se > 0)
        statistic[usable] = self.cusum[usable] / self.se[usable]
        return statistic

    @property
    def largest(self) -> float:
        """The largest |S(k)| / se over the splits judged; 0 if there are none."""
        return float(np.abs(self.statistic).max(initial=0.0))

    @property
    def se_of_change(self) -> Floats:
        """Standard error of the level after less the level before, for each split.

        As mean_after - mean_before = -S(k) / (B f (1 - f)), its error is that of S(k) so divided.
        """
        return self.se / (self.base * self.share * (1 - self.share))


def scan_splits(sums: DatedSums, *, least: float = 30, least_days: int = 1, trim: float = TRIM) -> SplitScan:
    """Return the cluster-robust CUSUM of a series over all its splits.

    Parameters
    ----------
    sums : DatedSums
        The series.
    least : float
        Base that each side of a judged split has at least: 30 answers.
    least_days : int
        Days (weeks, months: rows of the series) that each side has at least.
    trim : float
        Share of the base that each side has at least.

    Returns
    -------
    SplitScan

    Notes
    -----
    With u_i = total_i - mean base_i and f_k the share of the base before split k, S(k) = sum u_i (1{i <= k} -
    f_k). Its variance is the sum over clusters of their squared parts of that sum; the score (LM) form of the
    statistic of Andrews (1993), doi:10.2307/2951764. Guide: docs/who-and-when.md.
    """
    total = np.cumsum(sums.total)
    base = np.cumsum(sums.base)
    whole = base[-1]
    share = base[:-1] / whole
    edge = max(least, trim * whole)
    judged = (base[:-1] >= edge) & (whole - base[:-1] >= edge)
    place = np.arange(1, len(base))
    judged &= (place >= least_days) & (len(base) - place >= least_days)
    return SplitScan(
        share=share,
        # S(k) = T_k - f_k T, since the mean is T / B and f_k = B_k / B
        cusum=total[:-1] - share * total[-1],
        se=np.sqrt(_variance(sums, share)),
        judged=judged,
        base=float(whole),
    )


def _variance(sums: DatedSums, share: Floats) -> Floats:
    """Variance of S(k): sum over clusters c of (C_c(k) - f_k C_c)^2, with C_c(k) the cluster's CUSUM."""
    mean = sums.mean
    squares = np.cumsum(sums.squares(mean))
    # Unlinked rows: sum of u^2 (1{i <= k} - f)^2 = (1 - f)^2 sum before + f^2 sum after
    variance: Floats = (1 - share) ** 2 * squares[:-1] + share**2 * (squares[-1] - squares[:-1])
    if not len(sums.linked_at):
        return variance
    influence = sums.linked_total - mean * sums.linked_base
    running, last = cluster_cusum(sums.linked_who, influence)
    days = len(sums.day)
    # sum_c C_c(k)^2 and sum_c C_c(k) C_c grow by these steps at the day of each row
    own = np.bincount(sums.linked_at, weights=running**2 - (running - influence) ** 2, minlength=days)
    cross = np.bincount(sums.linked_at, weights=influence * last, minlength=days)
    own = np.cumsum(own)
    cross = np.cumsum(cross)
    # Linked rows: sum over c of C_c(k)^2 - 2 f C_c(k) C_c + f^2 C_c^2
    linked = own[:-1] - 2 * share * cross[:-1] + share**2 * cross[-1]
    variance += np.maximum(linked, 0.0)
    return variance


def cluster_cusum(who: Ints, influence: Floats) -> tuple[Floats, Floats]:
    """Return for each linked row its cluster's sum so far, the row included, and its cluster's whole sum."""
    fresh = np.ones(len(who), dtype=bool)
    fresh[1:] = who[1:] != who[:-1]
    starts = np.flatnonzero(fresh)
    sums = np.cumsum(influence)
    # One running sum over all clusters, less what it was before the cluster began.
    before = np.concatenate([[0.0], sums[starts[1:] - 1]])
    cluster = np.cumsum(fresh) - 1
    return sums - before[cluster], np.add.reduceat(influence, starts)[cluster]
