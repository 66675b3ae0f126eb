"""Sums over risk sets that Cox regression with Efron's ties is made of, without sorting people.

A tie of d events becomes d terms, in which the tied people leave the risk set one d-th at a time. A row is
at risk in a run of consecutive event times, so a sum over risk sets is a ``bincount`` at both ends of the
run and a running sum between, and a sum over the terms a row was at risk in is a difference of running
sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import DataError
from cxresearch.stats.survival.risk_table import SurvivalRows, positions, tied_times

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class RiskSets:
    """Where n rows stand among t event times (stratum by stratum) with e events and as many terms.

    Attributes
    ----------
    time : ndarray, shape (t,)
        Event times, rising within each stratum.
    stratum : ndarray of int, shape (t,)
        Stratum of each event time, rising.
    first, last : ndarray of int, shape (n,)
        A row is at risk at event times ``first`` to ``last - 1``.
    case : ndarray of int, shape (e,)
        Rows that have the event, in the order of time.
    at : ndarray of int, shape (e,)
        Event time of each case, and of each term: the terms of a tie are numbered like its cases.
    fraction : ndarray, shape (e,)
        Share of the tie that has left in each term: 0, 1/d, ..., (d - 1)/d.
    mean_weight : ndarray, shape (e,)
        Mean weight of the tied cases.
    weight : ndarray, shape (n,)
        Weight of each row.
    """

    time: Floats
    stratum: Ints
    first: Ints
    last: Ints
    case: Ints
    at: Ints
    fraction: Floats
    mean_weight: Floats
    weight: Floats

    def at_risk(self, values: Floats) -> Floats:
        """Sum of row values (n,) over the risk set of each event time, shape (t,)."""
        size = self.time.size + 1
        leaving = np.bincount(self.last, weights=values, minlength=size)
        arriving = np.bincount(self.first, weights=values, minlength=size)
        return np.asarray(np.cumsum((leaving - arriving)[:0:-1])[::-1], dtype=np.float64)

    def tied(self, values: Floats) -> Floats:
        """Sum of case values (e,) at each event time, shape (t,)."""
        return np.bincount(self.at, weights=values, minlength=self.time.size).astype(np.float64, copy=False)

    def terms(self, values: Floats) -> Floats:
        """Sum of row values (n,) over the risk set of each term, its tie partly gone, shape (e,)."""
        # Efron (1977): the sum over the risk set less a growing part of the sum over the tie.
        return self.at_risk(values)[self.at] - self.fraction * self.tied(values[self.case])[self.at]

    def gathered(self, values: Floats) -> Floats:
        """Sum of term values (e,) over the terms each row was at risk in, shape (n,).

        A case counts in the terms of its own tie only with the share of it that is still there.
        """
        running = np.concatenate([[0.0], np.cumsum(self.tied(values))])
        total = running[self.last] - running[self.first]
        total[self.case] -= self.tied(values * self.fraction)[self.at]
        return np.asarray(total, dtype=np.float64)


def risk_sets(rows: SurvivalRows, strata: Ints | None = None) -> RiskSets:
    """Place checked rows among the event times.

    Parameters
    ----------
    rows : SurvivalRows
        Any event above 0 counts.
    strata : ndarray of int, shape (n,), optional
        Stratum of each row; risk sets do not reach across strata.

    Raises
    ------
    DataError
        If nobody has the event.
    """
    happened = rows.event > 0
    if not happened.any():
        raise DataError(
            "nobody has the event", next_step="lengthen the follow-up or change the kind of event"
        )
    duration, entry = tied_times(rows.duration, rows.entry)
    stratum = np.zeros(duration.size, dtype=np.int64)
    if strata is not None:
        stratum = strata
    distinct = np.unique(duration[happened])
    # One number a stratum and event time, so that all strata are searched at once.
    width = distinct.size + 1
    until_exit = positions(distinct, duration, right=True)
    until_entry = np.zeros_like(until_exit)
    if entry is not None:
        until_entry = positions(distinct, entry, right=True)
    key = stratum * width + until_exit - 1
    used, at = np.unique(key[happened], return_inverse=True)
    order = np.argsort(at, kind="stable")
    case = np.flatnonzero(happened)[order]
    at = at[order].astype(np.int64)
    # Efron (1977): of d tied cases 0, 1/d, ..., (d - 1)/d have left in the d terms, each of mean weight.
    ties = np.bincount(at)
    start = np.concatenate([[0], np.cumsum(ties)[:-1]])
    tie_weight = np.bincount(at, weights=rows.weight[case])
    return RiskSets(
        time=distinct[used % width],
        stratum=(used // width).astype(np.int64),
        first=positions(used, stratum * width + until_entry),
        last=positions(used, key, right=True),
        case=case.astype(np.int64),
        at=at,
        fraction=(np.arange(at.size) - start[at]) / ties[at],
        mean_weight=(tie_weight / ties)[at].astype(np.float64),
        weight=rows.weight,
    )
