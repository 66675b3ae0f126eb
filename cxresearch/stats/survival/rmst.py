"""Restricted mean survival time: the average time kept within a horizon, and what each row adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_level, check_number
from cxresearch.errors import DataError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import cluster_sums
from cxresearch.stats.survival.aalen_johansen import lost_time_influence
from cxresearch.stats.survival.kaplan_meier import (
    emptied_early,
    emptied_note,
    greenwood_terms,
    log_survival_influence,
    survival_of,
    warn_of,
)
from cxresearch.stats.survival.risk_table import RiskTable, SurvivalRows, risk_table, survival_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


@dataclass(frozen=True, kw_only=True)
class RestrictedMean:
    """A restricted mean with what its variance needs.

    Attributes
    ----------
    value, se : float
        Mean time within ``horizon`` and its standard error, in the unit of the durations. ``se`` is NaN where
        the risk set is empty before everybody has entered: what those who came later would add is not known.
    influence : ndarray, shape (n,)
        Influence of each row times its weight: leaving the row out moves the estimate by about minus this.
    horizon : float
        The time to which the mean is restricted.
    n : int
        People behind it.
    note : str
        Why there is no standard error.
    """

    value: float
    se: float
    influence: Floats
    horizon: float
    n: int
    note: str = ""


def restricted_mean(  # noqa: PLR0913 - what R's survfit takes
    duration: ArrayLike,
    event: ArrayLike,
    *,
    horizon: float,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    level: float = 0.95,
    unit: Unit = Unit.DAYS,
) -> Estimate:
    """Mean time until the event, counted to a horizon: the area under the Kaplan-Meier curve.

    Own code: what lifelines returns for ``return_variance=True`` is the variance of a lifetime, not of the
    estimate.

    Parameters
    ----------
    duration, event, entry, weights, clusters, counts
        As in :func:`cxresearch.stats.survival.kaplan_meier.kaplan_meier`.
    horizon : float
        Above 0, and within the follow-up unless the curve has reached 0.
    level : float
        Confidence level.
    unit : Unit
        Unit of time.

    Returns
    -------
    Estimate
        With Greenwood variance, sum over event times t of A(t)^2 d / (n (n - d)), A(t) the area from t to the
        horizon, as R prints for ``rmean``; robust with weights or clusters. No interval, and a note, where
        the curve reaches 0 before everybody has entered.

    Raises
    ------
    DataError
        If the horizon lies beyond the follow-up: the area there would be a guess.

    Warns
    -----
    CxWarning
        If the curve reaches 0 within the horizon before everybody has entered.

    References
    ----------
    Royston and Parmar 2013, doi:10.1186/1471-2288-13-152.

    Examples
    --------
    >>> t, e = [2, 2, 3, 5, 5, 7, 9, 9, 10, 12], [1, 0, 1, 1, 1, 0, 1, 0, 0, 0]
    >>> restricted_mean(t, e, horizon=11)
    mean time within 11 days 7.6 [5.3, 9.8] days, n 10
    """
    check_level(level)
    rows = survival_rows(duration, event, entry=entry, weights=weights, clusters=clusters, counts=counts)
    mean = restricted_mean_of(rows, horizon=horizon)
    half = normal_quantile(level) * mean.se
    variance = "Greenwood variance"
    if rows.robust:
        variance = "infinitesimal jackknife variance"
    return Estimate(
        name=f"mean time within {horizon:g} {unit}",
        value=mean.value,
        low=mean.value - half,
        high=mean.value + half,
        level=level,
        se=mean.se,
        n=rows.n,
        unit=unit,
        method=f"area under Kaplan-Meier, {variance}",
        denominator="people followed",
        note=mean.note,
    )


def time_lost(  # noqa: PLR0913 - what R's survfit takes
    duration: ArrayLike,
    event: ArrayLike,
    *,
    horizon: float,
    kind: int = 1,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    unit: Unit = Unit.DAYS,
) -> Estimate:
    """Mean time lost to one kind of event before a horizon: the area under its cumulative incidence.

    Times lost to all kinds and the restricted mean add up to the horizon: a customer year of 12 months is 9.1
    months kept, 2.2 lost to those who cancel and 0.7 lost to payments that fail.

    Parameters
    ----------
    duration, event, entry, weights, clusters
        As in :func:`cxresearch.stats.survival.aalen_johansen.aalen_johansen`.
    horizon : float
        Above 0, and within the follow-up unless everybody has left.
    kind : int
        Event code whose time is counted; all other codes above 0 compete.
    level : float
        Confidence level.
    unit : Unit
        Unit of time.

    Returns
    -------
    Estimate
        The error is the infinitesimal jackknife of the Aalen-Johansen estimate, summed by cluster.

    Raises
    ------
    DataError
        If nobody has this kind of event, or the horizon lies beyond the follow-up.

    References
    ----------
    Andersen 2013, doi:10.1002/sim.5903.

    Examples
    --------
    >>> time_lost([1, 2, 3, 4], [1, 2, 0, 1], horizon=4)
    time lost to event 1 within 4 days 0.8 [−0.5, 2.0] days, n 4
    """
    check_level(level)
    rows = survival_rows(duration, event, entry=entry, weights=weights, clusters=clusters)
    horizon = check_number("horizon", horizon, above=0)
    if not (rows.event == kind).any():
        raise DataError(f"nobody has event {kind}", next_step="choose a kind that occurs")
    _check_reach(risk_table(rows), horizon)
    value, influence = lost_time_influence(rows, horizon, kind=kind)
    # Andersen (2013): the integral of F_k; its variance is that of the integrated influence.
    se = float(np.sqrt(_jackknife_variance(rows, rows.scale * influence)))
    half = normal_quantile(level) * se
    return Estimate(
        name=f"time lost to event {kind} within {horizon:g} {unit}",
        value=value,
        low=value - half,
        high=value + half,
        level=level,
        se=se,
        n=rows.n,
        unit=unit,
        method="area under Aalen-Johansen, infinitesimal jackknife variance",
        denominator="people followed",
    )


def _check_reach(table: RiskTable, horizon: float) -> None:
    if horizon > table.time[-1] and survival_of(table)[-1] > 0:
        raise DataError(
            f"the horizon {horizon:g} lies beyond the follow-up, which ends at {table.time[-1]:g}",
            next_step="choose a horizon within the follow-up, or use cx.curves.expected_lifetime, "
            "which says how much is extrapolated",
        )


def restricted_mean_of(rows: SurvivalRows, *, horizon: float) -> RestrictedMean:
    """Restricted mean of rows that have been checked; see :func:`restricted_mean`."""
    horizon = check_number("horizon", horizon, above=0)
    table = risk_table(rows)
    survival = survival_of(table)
    _check_reach(table, horizon)
    area = _areas(table, survival, horizon)
    influence = rows.weight * _influence(rows, table, area)
    if rows.robust:
        variance = _jackknife_variance(rows, influence)
    else:
        # Royston and Parmar (2013): sum over event times of A(t)^2 d / (n (n - d)), A(t) the area ahead.
        ahead = area[-1] - area[1:-1]
        variance = float((ahead**2 * greenwood_terms(table))[table.time <= horizon].sum())
    se = float(np.sqrt(variance))
    note = ""
    emptied = emptied_early(table)
    if emptied < horizon:
        warn_of(emptied)
        se = float("nan")
        note = emptied_note(emptied)
    return RestrictedMean(
        value=float(area[-1]), se=se, influence=influence, horizon=horizon, n=rows.n, note=note
    )


def _jackknife_variance(rows: SurvivalRows, influence: Floats) -> float:
    """Sum over clusters of squared influence."""
    if rows.cluster is None:
        return float((influence**2).sum())
    return float((cluster_sums(influence[None, :], rows.cluster) ** 2).sum())


def _areas(table: RiskTable, survival: Floats, horizon: float) -> Floats:
    """Area under the curve from 0 to each time and to the horizon, shape (t + 2,), times capped there."""
    # S is constant between times: width times height.
    edges = np.minimum(np.concatenate([[0.0], table.time, [np.inf]]), horizon)
    return np.concatenate([[0.0], np.cumsum(np.diff(edges) * np.concatenate([[1.0], survival]))])


def _influence(rows: SurvivalRows, table: RiskTable, area: Floats) -> Floats:
    """Influence of each row on the area: the integral of S(t) times its influence on log S(t)."""
    level, start, final = log_survival_influence(rows, table)
    # Integral of S(t) C(t) up to each time; C is the running sum of Greenwood terms.
    weighted = np.concatenate([[0.0], np.cumsum(np.diff(area) * level)])
    leave = table.exit_index + 1
    enter = table.entry_index
    at_risk = (weighted[leave] - weighted[enter]) - start * (area[leave] - area[enter])
    return np.asarray(at_risk + final * (area[-1] - area[leave]), dtype=np.float64)
