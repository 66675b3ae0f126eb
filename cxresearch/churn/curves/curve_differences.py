"""Differences of two curves in restricted mean and in survival, with errors that few ends allow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from cxresearch.stats.hazards.pooled_null import NullErrors, null_errors
from cxresearch.stats.survival.kaplan_meier import curve_of, emptied_early, survival_influence
from cxresearch.stats.survival.risk_table import SurvivalRows, risk_table
from cxresearch.stats.survival.rmst import RestrictedMean, restricted_mean_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: With fewer events than this in a group, errors are those under equality; see :func:`null_errors`.
FEW_EVENTS = 30


def few_event_errors(
    first: SurvivalRows, second: SurvivalRows, *, horizon: float, at: float
) -> NullErrors | None:
    """Errors under equality, where a group has few events; None where Greenwood's may be relied on.

    With clusters they grow as the restricted means' own errors do; with sampling weights there are none.
    """
    events = [
        int(np.count_nonzero((rows.event > 0) & (rows.duration <= horizon))) for rows in (first, second)
    ]
    sampled = any(rows.robust and (rows.weight != 1).any() for rows in (first, second))
    if min(events) >= FEW_EVENTS or sampled or not sum(events):
        return None
    null = null_errors(first, second, horizon=horizon, at=at)
    # Design effect: clustered over independent variance of the restricted means.
    own = [replace(rows, robust=False, cluster=None) for rows in (first, second)]
    apart = sum(restricted_mean_of(rows, horizon=horizon).se ** 2 for rows in own)
    clustered = [restricted_mean_of(rows, horizon=horizon) for rows in (first, second)]
    shared = _covariance(first, clustered[0].influence, second, clustered[1].influence)
    joint = sum(mean.se**2 for mean in clustered) - 2 * shared
    stretch = 1.0
    if first.cluster is not None and apart > 0 and joint > 0:
        stretch = float(np.sqrt(joint / apart))
    return NullErrors(mean_time=stretch * null.mean_time, survival=stretch * null.survival)


def _ends(difference: float, se: float, null_se: float | None, z: float) -> tuple[float, float, float]:
    """Interval and p-value; of few events the error toward 0 is that under equality, the other the larger.

    So the p-value is below 1 - level exactly where the interval excludes 0.
    """
    if null_se is None or np.isnan(difference):
        return difference - z * se, difference + z * se, _p_value(difference, se)
    away = max(se, null_se)
    below, above = z * null_se, z * away
    if difference < 0:
        below, above = above, below
    return difference - below, difference + above, _p_value(difference, null_se)


def mean_difference(
    first: tuple[SurvivalRows, RestrictedMean],
    second: tuple[SurvivalRows, RestrictedMean],
    z: float,
    null: NullErrors | None,
) -> dict[str, float]:
    """Difference and ratio of restricted means; the ratio's interval is symmetric on the log scale."""
    (rows, mean), (others, other) = first, second
    shared = _covariance(rows, mean.influence, others, other.influence)
    # Var(a - b) = Var a + Var b - 2 Cov(a, b).
    difference = mean.value - other.value
    se = float(np.sqrt(max(mean.se**2 + other.se**2 - 2 * shared, 0.0)))
    # Delta method: Var log(a / b) = Var a / a^2 + Var b / b^2 - 2 Cov(a, b) / (a b).
    log_ratio = float(np.log(mean.value / other.value))
    spread = (mean.se / mean.value) ** 2 + (other.se / other.value) ** 2
    spread -= 2 * shared / (mean.value * other.value)
    log_se = float(np.sqrt(max(spread, 0.0)))
    null_se = log_null = None
    if null is not None and not np.isnan(se):
        null_se = null.mean_time
        # Under equality both means are one: Var log(a / b) = Var(a - b) / mean^2.
        log_null = 2 * null_se / (mean.value + other.value)
    low, high, p_value = _ends(difference, se, null_se, z)
    ratio_low, ratio_high, ratio_p = _ends(log_ratio, log_se, log_null, z)
    return {
        "rmst_first": mean.value,
        "rmst_second": other.value,
        "rmst_difference": difference,
        "rmst_low": low,
        "rmst_high": high,
        "rmst_se": se,
        "rmst_p": p_value,
        "rmst_ratio": float(np.exp(log_ratio)),
        "ratio_low": float(np.exp(ratio_low)),
        "ratio_high": float(np.exp(ratio_high)),
        "ratio_p": ratio_p,
    }


def _covariance(
    rows: SurvivalRows, influence: NDArray[np.float64], others: SurvivalRows, influence_others: Any
) -> float:
    """Covariance of two estimates through the clusters that have rows in both groups."""
    if rows.cluster is None or others.cluster is None:
        return 0.0
    size = int(max(rows.cluster.max(), others.cluster.max())) + 1
    # Influence summed within cluster on either side; a cluster on one side adds nothing.
    first = np.bincount(rows.cluster, weights=influence, minlength=size)
    second = np.bincount(others.cluster, weights=influence_others, minlength=size)
    return float((first * second).sum())


def survival_difference(
    first: SurvivalRows, second: SurvivalRows, at: float, z: float, null: NullErrors | None
) -> dict[str, float]:
    """Difference of the shares still there at a time, with its interval, error and p-value."""
    values, errors = [], []
    for rows in (first, second):
        row = curve_of(rows).survival_at([at]).iloc[0]
        error = float(row["se"])
        # Where everybody has left, a survival of 0 is certain.
        if row["survival"] == 0 and np.isinf(emptied_early(risk_table(rows))):
            error = 0.0
        values.append(float(row["survival"]))
        errors.append(error)
    # Independent groups share no cluster: their covariance is 0.
    shared = 0.0
    if first.cluster is not None and not np.isnan(values).any():
        shared = _covariance(first, survival_influence(first, at), second, survival_influence(second, at))
    difference = values[0] - values[1]
    se = float(np.sqrt(max(errors[0] ** 2 + errors[1] ** 2 - 2 * shared, 0.0)))
    null_se = None
    if null is not None and not np.isnan(se):
        null_se = null.survival
    low, high, p_value = _ends(difference, se, null_se, z)
    return {
        "at": at,
        "survival_difference": difference,
        "survival_low": max(low, -1.0),
        "survival_high": min(high, 1.0),
        "survival_se": se,
        "survival_p": p_value,
    }


def _p_value(difference: float, se: float) -> float:
    if difference == 0 and se == 0:
        return 1.0
    if not se > 0:
        return float("nan")
    # Wald: 2 Phi(-
    # d
    #  / se).
    return float(2 * ndtr(-abs(difference) / se))
