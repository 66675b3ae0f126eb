"""When a level changed: the most likely day, and the days that the data do not rule out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxresearch.aliases import Floats, Places
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.split_scan import SplitScan, cluster_cusum


@dataclass(frozen=True, kw_only=True)
class ChangeDate:
    """The day of a step.

    Attributes
    ----------
    split : int
        Position of the last day before the change.
    day : int
        First day of the new level, the most likely one. Where no rows lie between two days, the day after
        the last row of the old level up to the first of the new are equally likely; the last is named.
    low, high : int
        Ends of the set of days, both included.
    level : float
        Coverage asked of the set.
    """

    split: int
    day: int
    low: int
    high: int
    level: float


def step_gain(scan: SplitScan) -> Floats:
    """Return what a step at each split takes off the sum of squares; -inf where a split is not judged.

    It is S(k)^2 / (B f (1 - f)). For rows of equal variance twice its quotient by that variance is the
    likelihood ratio of a step there.
    """
    gain = np.full(len(scan.cusum), -np.inf)
    judged = scan.judged
    share = scan.share[judged]
    gain[judged] = scan.cusum[judged] ** 2 / (scan.base * share * (1 - share))
    return gain


def change_date(sums: DatedSums, scan: SplitScan, *, level: float = 0.95) -> ChangeDate:
    """Return the most likely day of a step, and the smallest set of days that holds `level` of the posterior.

    Parameters
    ----------
    sums : DatedSums
        The series, from the change before to the change after.
    scan : SplitScan
        Its scan.
    level : float
        Posterior probability of the set.

    Returns
    -------
    ChangeDate

    Notes
    -----
    With flat priors on both levels and on the day, and rows of variance s^2 on the noisier side, the
    posterior of split k is proportional to exp(gain(k) / 2 s^2) / sqrt(f (1 - f)) times the days it stands
    for (Smith 1975, doi:10.1093/biomet/62.2.407). Its coverage, also of the true day of weak changes that
    happened to be found, is simulated in docs/validation.md. Guide: docs/who-and-when.md.
    """
    gain = step_gain(scan)
    split = int(np.argmax(gain))
    # The noisier side: with the quieter one's variance the set of days would be too small.
    variance = max(_row_variance(sums, 0, split + 1), _row_variance(sums, split + 1, len(sums.day)))
    width = np.diff(sums.day).astype(np.float64)
    judged = np.flatnonzero(scan.judged)
    # Two constant levels: the day is certain.
    if variance <= 0:
        chosen = np.array([split])
    else:
        share = scan.share[judged]
        # posterior(k) ~ exp(gain(k) / 2 s^2) / sqrt(f (1 - f)): both levels integrated out under flat priors.
        weight = np.exp((gain[judged] - gain[split]) / (2 * variance)) / np.sqrt(share * (1 - share))
        chosen = judged[_smallest_set(weight, width[judged], level)]
    return ChangeDate(
        split=split,
        day=int(sums.day[split + 1]),
        low=int(sums.day[chosen.min()]) + 1,
        high=int(sums.day[chosen.max() + 1]),
        level=level,
    )


def _smallest_set(density: Floats, width: Floats, level: float) -> Places:
    """Return the places of highest density that together hold `level` of the mass density times width."""
    mass = density * width
    order = np.argsort(-density, kind="stable")
    filled = np.cumsum(mass[order]) / mass.sum()
    size = int(np.searchsorted(filled, level)) + 1
    return order[:size]


def _row_variance(sums: DatedSums, start: int, stop: int) -> float:
    """Variance of the total of rows with a base of 1, about the mean of these days.

    Near a change single rows matter, since customers seldom answer twice within days of it; where clusters
    are blocks of time, whole blocks do.
    """
    part = sums.part(start, stop)
    base = float(part.base.sum())
    if base <= 0:
        return 0.0
    mean = part.mean
    squares = float(part.squares(mean).sum())
    influence = part.linked_total - mean * part.linked_base
    if part.local and len(influence):
        # Sum of each block's influences stands at its last row.
        running, _ = cluster_cusum(part.linked_who, influence)
        ends = np.ones(len(influence), dtype=bool)
        ends[:-1] = part.linked_who[1:] != part.linked_who[:-1]
        influence = running[ends]
    return (squares + float((influence**2).sum())) / base
