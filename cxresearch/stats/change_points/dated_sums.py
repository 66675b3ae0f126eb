"""Sums of one series by day: all that a search for a change needs, whatever the metric."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from cxresearch.aliases import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class DatedSums:
    """Sufficient statistics of a metric that is a ratio of sums: sum of ``total`` over sum of ``base``.

    A mean score is answers over their number, a rate events over time at risk. Rows that nobody shares with
    another row are summed by day, with the squares their variance needs; rows that belong together (answers
    of one customer, days of one week) stay as they are, one sum for each cluster and day.

    Attributes
    ----------
    day : array of int, shape (days,)
        Day numbers with a positive base, ascending.
    total, base : array of float, shape (days,)
        Sums over all rows of the day, linked ones included.
    tt, tb, bb : array of float, shape (days,)
        Sums over the unlinked rows of total^2, total base and base^2.
    linked_at : array of int, shape (linked,)
        Position in ``day`` of a linked row; rows of one cluster stand together, in order of time.
    linked_who : array of int, shape (linked,)
        Cluster of a linked row. Two series that share clusters share these numbers.
    linked_total, linked_base : array of float, shape (linked,)
    local : bool
        Whether clusters are stretches of time (blocks), so that near a change their sums, not those of single
        rows, say how much the series wavers.
    """

    day: Ints
    total: Floats
    base: Floats
    tt: Floats
    tb: Floats
    bb: Floats
    linked_at: Ints
    linked_who: Ints
    linked_total: Floats
    linked_base: Floats
    local: bool = False

    @property
    def mean(self) -> float:
        """The ratio over the whole time."""
        return float(self.total.sum() / self.base.sum())

    def squares(self, mean: float | Floats) -> Floats:
        """Sum over the unlinked rows of each day the squared influence (total - mean base)^2."""
        # sum (t - m b)^2 = tt - 2 m tb + m^2 bb
        squares: Floats = self.tt - 2 * mean * self.tb + mean * mean * self.bb
        return np.maximum(squares, 0.0)

    def part(self, start: int, stop: int) -> DatedSums:
        """Return the days at positions start to stop, stop not included."""
        within = (self.linked_at >= start) & (self.linked_at < stop)
        by_day = {
            name: getattr(self, name)[start:stop] for name in ("day", "total", "base", "tt", "tb", "bb")
        }
        return replace(
            self,
            **by_day,
            linked_at=self.linked_at[within] - start,
            linked_who=self.linked_who[within],
            linked_total=self.linked_total[within],
            linked_base=self.linked_base[within],
        )


def dated_sums(
    day: ArrayLike, total: ArrayLike, *, base: ArrayLike | None = None, who: ArrayLike | None = None
) -> DatedSums:
    """Return the sums by day of rows that are dated and, where told, belong together.

    Parameters
    ----------
    day : array-like of int, shape (rows,)
        Day number of each row.
    total : array-like of float, shape (rows,)
        What the row adds to the numerator: an answer, an event. Finite.
    base : array-like of float, shape (rows,), optional
        What it adds to the denominator; 1 by default.
    who : array-like of int, shape (rows,), optional
        Cluster of each row. Rows of a cluster of one count as unlinked.

    Returns
    -------
    DatedSums

    Examples
    --------
    >>> sums = dated_sums([1, 1, 2, 3], [1.0, -1.0, 1.0, 0.0], who=[7, 8, 7, 9])
    >>> sums.total, sums.linked_who
    (array([0., 1., 0.]), array([7, 7]))
    """
    days, at = np.unique(np.asarray(day, dtype=np.int64), return_inverse=True)
    amount = np.asarray(total, dtype=np.float64)
    weight = np.ones(len(amount)) if base is None else np.asarray(base, dtype=np.float64)
    labels = np.arange(len(amount)) if who is None else np.asarray(who, dtype=np.int64)
    _, code, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    # A cluster of one row is no cluster: its square goes into the sums by day.
    linked = sizes[code] > 1
    free = ~linked

    def by_day(values: Floats, chosen: Bools | slice = slice(None)) -> Floats:
        return np.bincount(at[chosen], weights=values[chosen], minlength=len(days)).astype(np.float64)

    rows = _cluster_days(labels[linked], at[linked], amount[linked], weight[linked])
    return DatedSums(
        day=days,
        total=by_day(amount),
        base=by_day(weight),
        tt=by_day(amount * amount, free),
        tb=by_day(amount * weight, free),
        bb=by_day(weight * weight, free),
        linked_who=rows[0],
        linked_at=rows[1],
        linked_total=rows[2],
        linked_base=rows[3],
    )


def _cluster_days(who: Ints, at: Ints, total: Floats, base: Floats) -> tuple[Ints, Ints, Floats, Floats]:
    """Sum the rows of one cluster on one day; clusters together, in order of time."""
    order = np.lexsort((at, who))
    who, at = who[order].astype(np.int64), at[order].astype(np.int64)
    fresh = np.ones(len(who), dtype=bool)
    fresh[1:] = (who[1:] != who[:-1]) | (at[1:] != at[:-1])
    starts = np.flatnonzero(fresh)
    if not len(starts):
        return who, at, total, base
    sums = np.add.reduceat(total[order], starts)
    bases = np.add.reduceat(base[order], starts)
    return who[starts], at[starts], sums, bases
