"""Levels before and after a change, with intervals that allow for a date that was itself searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxresearch.aliases import Bools, Floats
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.split_scan import cluster_cusum


@dataclass(frozen=True, kw_only=True)
class LevelInterval:
    """A level, or a difference of two, with its interval, in the series' own unit.

    Attributes
    ----------
    value, low, high : float
    base : float
        What the level rests on: answers, days, customers at risk.
    """

    value: float
    low: float
    high: float
    base: float = float("nan")

    @classmethod
    def normal(cls, value: float, se: float, *, level: float, base: float = float("nan")) -> LevelInterval:
        """Return the interval value +- z se."""
        from scipy.stats import norm

        reach = float(norm.ppf((1 + level) / 2)) * se
        return cls(value=value, low=value - reach, high=value + reach, base=base)


def widest(intervals: Sequence[LevelInterval]) -> LevelInterval:
    """Return the first value, with an interval that holds all the intervals.

    A level taken at the most likely date is drawn towards what made that date likely. Over the ends of the
    set of dates the interval covers the true level at least as often as it says, also where only luck let a
    weak change be found (docs/validation.md).
    """
    low = min(interval.low for interval in intervals)
    high = max(interval.high for interval in intervals)
    return replace(intervals[0], low=low, high=high)


def level_of(sums: DatedSums, chosen: Bools, *, level: float) -> LevelInterval:
    """Return the level over some days, its standard error linearised and clustered."""
    value, variance, base = _mean(sums, chosen)
    return LevelInterval.normal(value, float(np.sqrt(variance)), level=level, base=base)


def level_change(sums: DatedSums, cut: int, *, level: float) -> LevelInterval:
    """Return the level from a day on less the level before, clusters on both sides linked."""
    later = sums.day >= cut
    before = float(sums.total[~later].sum() / sums.base[~later].sum())
    after = float(sums.total[later].sum() / sums.base[later].sum())
    fitted = np.where(later, after, before)
    weight = np.where(later, 1 / sums.base[later].sum(), -1 / sums.base[~later].sum())
    variance = contrast_variance(sums, fitted, weight)
    return LevelInterval.normal(
        after - before, float(np.sqrt(variance)), level=level, base=float(sums.base.sum())
    )


def _mean(sums: DatedSums, chosen: Bools) -> tuple[float, float, float]:
    base = float(sums.base[chosen].sum())
    value = float(sums.total[chosen].sum()) / base
    # level = sum of w t over the chosen days, w = 1 / their base
    weight = np.where(chosen, 1 / base, 0.0)
    return value, contrast_variance(sums, np.full(len(chosen), value), weight), base


def contrast_variance(sums: DatedSums, fitted: Floats, weight: Floats) -> float:
    """Sum over clusters of the squared sum of weight (total - fitted base), times G / (G - 1)."""
    used = weight != 0
    # Unlinked rows are clusters of one: sum of w^2 (t - fitted b)^2.
    squares = float((weight**2 * sums.squares(fitted)).sum())
    rows = float(sums.bb[used].sum())
    within = used[sums.linked_at]
    if not within.any():
        return squares * _small_sample(rows)
    at = sums.linked_at[within]
    who = sums.linked_who[within]
    influence = weight[at] * (sums.linked_total[within] - fitted[at] * sums.linked_base[within])
    running, _ = cluster_cusum(who, influence)
    ends = np.ones(len(who), dtype=bool)
    ends[:-1] = who[1:] != who[:-1]
    clusters = rows + float(ends.sum())
    return (squares + float((running[ends] ** 2).sum())) * _small_sample(clusters)


def _small_sample(clusters: float) -> float:
    """G / (G - 1)."""
    return clusters / (clusters - 1) if clusters > 1 else 1.0
