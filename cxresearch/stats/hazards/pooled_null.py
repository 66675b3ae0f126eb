"""Errors of a difference between two curves if there is none: the hazard is that of both groups together.

Greenwood's variance of a group of few events is small just where chance brought few of them, and a Wald test
then finds differences that are not there: of true nulls with 13 events, 3 of them in the smaller group, it
rejects 10 %; with one or two, 33 %. The log-rank test does not, for it takes the hazard from both groups.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cxresearch.aliases import Floats, Ints
from cxresearch.stats.survival.kaplan_meier import survival_of
from cxresearch.stats.survival.risk_table import SurvivalRows, risk_table


class NullErrors(NamedTuple):
    """Standard errors, under equality, of the difference in restricted mean and in survival at a time."""

    mean_time: float
    survival: float


def null_errors(first: SurvivalRows, second: SurvivalRows, *, horizon: float, at: float) -> NullErrors:
    """Return the errors of two differences under the hypothesis that both groups follow one curve.

    Parameters
    ----------
    first, second : SurvivalRows
        Independent rows; weights are counts.
    horizon : float
        Of the restricted means.
    at : float
        Time at which survival is compared.

    Returns
    -------
    NullErrors

    References
    ----------
    Greenwood's terms with the hazard of both groups and the number at risk of each: Klein, Logan, Harhoff and
    Andersen (2007), doi:10.1002/sim.2864, on comparing survival at a fixed time; Mantel (1966) for the
    pooled hazard.

    Examples
    --------
    >>> from cxresearch.stats.survival.risk_table import survival_rows
    >>> few, many = survival_rows([1, 9, 9], [1, 0, 0]), survival_rows([2, 3, *[9] * 28], [1, 1, *[0] * 28])
    >>> round(null_errors(few, many, horizon=9, at=9).survival, 3)
    0.196
    """
    both = _together(first, second)
    table = risk_table(both)
    survival = survival_of(table)
    events = table.any_event
    # d / (Y (Y - d)) of a group with the pooled hazard q: q / (1 - q) / Y_group.
    hazard = np.divide(events, table.at_risk, out=np.zeros_like(events), where=table.at_risk > 0)
    odds = np.divide(hazard, 1 - hazard, out=np.zeros_like(hazard), where=hazard < 1)
    inverse = np.zeros_like(odds)
    parts = ((first, slice(0, first.duration.size)), (second, slice(first.duration.size, None)))
    for rows, place in parts:
        at_risk = _at_risk(rows, table.exit_index[place], table.entry_index[place], table.time.size)
        inverse += np.divide(1.0, at_risk, out=np.zeros_like(at_risk), where=at_risk > 0)
    terms = odds * inverse
    # A(t): the area under the pooled curve from t to the horizon.
    edges = np.minimum(np.concatenate([[0.0], table.time, [np.inf]]), horizon)
    area = np.cumsum(np.diff(edges) * np.concatenate([[1.0], survival]))
    ahead = area[-1] - area[:-1]
    mean_variance = float((ahead**2 * terms)[table.time <= horizon].sum())
    before = table.time <= at
    last = float(np.concatenate([[1.0], survival[before]])[-1])
    return NullErrors(
        mean_time=float(np.sqrt(mean_variance)), survival=float(last * np.sqrt(terms[before].sum()))
    )


def _together(first: SurvivalRows, second: SurvivalRows) -> SurvivalRows:
    entry = None
    if first.entry is not None or second.entry is not None:
        starts = [
            np.full(rows.duration.size, -np.inf) if rows.entry is None else rows.entry
            for rows in (first, second)
        ]
        entry = np.concatenate(starts)
    return SurvivalRows(
        duration=np.concatenate([first.duration, second.duration]),
        event=np.concatenate([first.event, second.event]),
        entry=entry,
        weight=np.concatenate([first.weight, second.weight]),
        cluster=None,
        robust=False,
        n=first.n + second.n,
    )


def _at_risk(rows: SurvivalRows, exit_index: Ints, entry_index: Ints, size: int) -> Floats:
    """Weight of a group at risk at each time of the pooled table, shape (size,)."""
    # Y(t) = sum of w 1(duration >= t), less sum of w 1(entry >= t) where people enter late.
    leaving = np.bincount(exit_index, weights=rows.weight, minlength=size)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    if rows.entry is not None:
        entering = np.bincount(entry_index, weights=rows.weight, minlength=size + 1)
        at_risk = at_risk - np.cumsum(entering[::-1])[::-1][1:]
    return np.asarray(at_risk, dtype=np.float64)
