"""Churn of those who answered and of the silent, each with its interval, and their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.errors import ArgumentError, DataError
from cxresearch.headtohead.contest.contest_rows import known_at_horizon
from cxresearch.results.contrast import Contrast
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.differences import mover_difference
from cxresearch.stats.intervals.proportions import Bounds, wilson
from cxresearch.stats.models.clustered_covariance import cluster_codes, influence_covariance
from cxresearch.stats.prediction.follow_up import follow_up, inverse_weights
from cxresearch.stats.prediction.ipcw import mean_at, split_weights

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.aliases import Bools, Floats, Places
    from cxresearch.data.landmarks.landmarks import Landmarks

#: Feature that says whether somebody was asked within a year.
_ASKED = "invitations_365d"


@dataclass(frozen=True, kw_only=True)
class GroupChurn:
    """Voluntary churn of a group of landmark rows within the horizon, weighted for censoring.

    Attributes
    ----------
    group : str
        What it is called.
    rows, customers, leavers : int
        Rows, their customers, rows that were seen to leave within the horizon.
    churn, low, high, se : float
        The share that left, its interval and its standard error; NaN where nobody was followed so long.
    sums : array, shape (customers of all groups,)
        Influence on ``churn`` summed by customer: ``churn - truth = sum(sums)`` to first order.
    """

    group: str
    rows: int
    customers: int
    leavers: int
    churn: float
    low: float
    high: float
    se: float
    sums: Floats

    @property
    def bounds(self) -> Bounds:
        """The interval as the statistics take it."""
        return Bounds(low=np.array([self.low]), high=np.array([self.high]))


def answered_rows(marks: Landmarks, scores: Sequence[str]) -> Bools:
    """Return which landmark rows have an answer to every one of the scores, shape (rows,).

    Raises
    ------
    ArgumentError
        If an instrument is unknown.
    """
    require_landmarks(marks)
    unknown = [name for name in scores if name not in marks.instruments]
    if unknown:
        raise ArgumentError(f"unknown instrument {unknown[0]!r}", wanted=", ".join(marks.instruments))
    return np.asarray(marks.frame[list(scores)].notna().all(axis=1).to_numpy(dtype=bool))


def asked_rows(marks: Landmarks) -> Bools | None:
    """Return which rows are known to have been asked in the year before; None where nobody wrote it down."""
    if _ASKED not in marks.frame.columns:
        return None
    asked = marks.frame[_ASKED].to_numpy(dtype=np.float64, na_value=np.nan) > 0
    if not asked.any():
        return None
    return np.asarray(asked)


def customer_codes(frame: pd.DataFrame, clusters: str | None = "customer_id") -> Places:
    """Number the customers (or other clusters) of rows; without clusters every row is one of its own."""
    if clusters is None:
        return np.arange(len(frame), dtype=np.intp)
    if clusters not in frame.columns:
        raise ArgumentError(f"clusters names the column {clusters!r}, which is not there", wanted="a column")
    return cluster_codes(frame[clusters])


def churn_of(
    marks: Landmarks,
    group: str,
    member: Bools,
    *,
    codes: Places,
    horizon_days: float,
    level: float,
    weights: Floats | None = None,
) -> GroupChurn:
    """Return the churn of some of the rows.

    The share that left is 1 minus Kaplan-Meier (Aalen-Johansen where others left involuntarily) of the group
    alone. Its error is summed within customer, and its interval is Wilson's at the effective number of rows:
    it holds where few left, or nobody did, and never leaves 0 to 1.

    Parameters
    ----------
    marks : Landmarks
    group : str
        What the group is called.
    member : array of bool, shape (rows,)
    codes : array of int, shape (rows,)
        Customer of each row.
    horizon_days, level : float
    weights : array, shape (rows,), optional
        Positive weights of rows; those of other groups are not looked at.
    """
    frame = marks.frame.loc[member]
    if weights is not None:
        weights = weights[member]
    size = int(codes.max(initial=-1)) + 1
    customers = len(np.unique(codes[member]))
    unknown = float("nan")
    nothing = GroupChurn(
        group=group,
        rows=len(frame),
        customers=customers,
        leavers=0,
        churn=unknown,
        low=unknown,
        high=unknown,
        se=unknown,
        sums=np.zeros(size),
    )
    if customers < 2:  # of one customer nobody can tell an error
        return nothing
    # P(left by h) = 1 - KM(h), or Aalen-Johansen: the mean of w_i 1(T_i <= h, voluntary).
    try:
        duration = known_at_horizon(frame, (horizon_days,))
        fit = follow_up(duration, frame["event"].to_numpy(dtype=np.int64), weights=weights)
        at = split_weights(fit, inverse_weights(fit, horizon_days), horizon_days)
    except DataError:
        return nothing
    churn, influence = mean_at(fit, at, np.ones(fit.n), np.zeros(fit.n))
    customer = codes[member][fit.order]
    sums = np.bincount(customer, weights=influence / fit.n, minlength=size).astype(np.float64)
    se = float(np.sqrt(influence_covariance(influence[None, :], clusters=customer)[0, 0]))
    followed = len(np.unique(customer[(at.case + at.control) > 0]))
    # Wilson (1927) at p n_eff of n_eff.
    effective = _effective(churn, se, followed)
    ends = wilson(churn * effective, effective, level=level)
    return replace(
        nothing,
        leavers=int(np.count_nonzero(at.case)),
        churn=churn,
        low=float(ends.low),
        high=float(ends.high),
        se=se,
        sums=sums,
    )


def _effective(share: float, se: float, followed: int) -> float:
    """Independent rows that would know a share as well as its error says; the customers where it is 0."""
    if not se > 0:
        return float(followed)
    # Kish: n_eff = p (1 - p) / Var p.
    return share * (1 - share) / se**2


def churn_gap(first: GroupChurn, second: GroupChurn, *, horizon_days: float, level: float) -> Contrast:
    """Return the churn of one group less that of another, whose customers may be in both.

    Raises
    ------
    DataError
        If the churn of either is not known.

    References
    ----------
    Zou and Donner (2008), doi:10.1002/sim.3095, with the correlation of the two shares through customers who
    have rows in both groups.
    """
    unknown = [part.group for part in (first, second) if np.isnan(part.churn)]
    if unknown:
        raise DataError(
            f"how many of the {unknown[0]} left within {horizon_days:g} days is not known",
            wanted="rows that were followed so long",
            next_step="choose a shorter horizon",
        )
    correlation = 0.0
    if first.se > 0 and second.se > 0:
        # Cov(a, b) = sum over customers of their influence on either.
        shared = float(first.sums @ second.sums)
        correlation = float(np.clip(shared / (first.se * second.se), -1, 1))
    gap = mover_difference(
        [first.churn], first.bounds, [second.churn], second.bounds, level=level, correlation=correlation
    )
    return Contrast(
        name=f"churn within {horizon_days:g} days",
        first=first.group,
        second=second.group,
        difference=float(gap.difference[0]),
        low=float(gap.low[0]),
        high=float(gap.high[0]),
        level=level,
        se=float(gap.se[0]),
        statistic=float(gap.statistic[0]),
        p_value=float(gap.p_value[0]),
        n=first.rows + second.rows,
        unit=Unit.SHARE_DIFFERENCE,
        test="inverted interval",
        method="MOVER of Wilson intervals at the effective number of rows, summed by customer",
    )
