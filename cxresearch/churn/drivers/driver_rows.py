"""Complete rows of drivers in an order that does not hang on how they came, and their outer groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.churn.drivers.driver_columns import DriverColumns
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.relative_importance import require_full_rank, weighted_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.scales import Scale

#: A scale with this many values or fewer has its median answer as the middle group.
COARSE = 11


@dataclass(frozen=True, kw_only=True, eq=False)
class DriverRows:
    """Complete rows: drivers X and performance 0 to 100 (n, p), outcome y, cluster codes, weights (n,)."""

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    performance: NDArray[np.float64]
    cluster: NDArray[np.int64]
    low: NDArray[np.bool_]
    high: NDArray[np.bool_]
    weight: NDArray[np.float64]


def complete_rows(given: DriverColumns) -> tuple[DriverRows, int]:
    """Return the rows that have the outcome and all drivers, and how many lack something.

    Raises
    ------
    DataError
        If there are fewer than ten rows for each driver, or a driver is an exact mix of others.
    """
    names = list(given.columns)
    X = np.column_stack([given.columns[name] for name in names])
    complete = ~(np.isnan(X).any(axis=1) | np.isnan(given.outcome))
    if complete.sum() < 10 * len(names):
        raise DataError(
            f"{int(complete.sum()):,} rows have the outcome and all {len(names)} drivers",
            wanted=f"at least {10 * len(names)}",
            next_step="drop drivers that are often missing",
        )
    X, y = X[complete], given.outcome[complete]
    clusters = None if given.clusters is None else given.clusters[complete]
    order, cluster = _order(X, y, clusters)
    X, y = X[order], y[order]
    weight = _weights(given, complete)[order]
    require_full_rank(weighted_correlation(X, np.ones(len(X))))
    scales = [given.scales.get(name) for name in names]
    performance = [_performance(X[:, at], scale, given.high_is_good) for at, scale in enumerate(scales)]
    turned = [scale is not None and scale.risk_sign > 0 for scale in scales]
    low, high = _outer_groups(np.where(turned, -X, X))
    rows = DriverRows(
        X=X,
        y=y,
        performance=np.column_stack(performance),
        cluster=cluster,
        low=low,
        high=high,
        weight=weight,
    )
    return rows, int((~complete).sum())


def _weights(given: DriverColumns, complete: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights of the complete rows; 1 each where none are given."""
    if given.weights is None:
        return np.ones(int(complete.sum()))
    weights = given.weights[complete]
    unusable = int((~(weights > 0)).sum())
    if unusable:
        raise ArgumentError(f"{unusable:,} weights are missing or not above 0", wanted="positive weights")
    return weights


def _order(
    X: NDArray[np.float64], y: NDArray[np.float64], clusters: pd.Series[Any] | None
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Order of the rows by cluster and values, and the cluster's number of each row in that order.

    Draws go to clusters by their number: the same rows in another order must draw the same.
    """
    if clusters is None:
        return np.lexsort((y, *X.T)), np.arange(len(y))
    try:
        code = pd.factorize(clusters, sort=True)[0]
    except TypeError:  # ids of several types have no order of their own
        code = pd.factorize(clusters.astype(str), sort=True)[0]
    # rows without an id depend on nothing
    alone = np.flatnonzero(code < 0)
    code[alone] = code.max(initial=-1) + 1 + np.lexsort((y[alone], *X[alone].T)).argsort()
    order = np.lexsort((y, *X.T, code))
    return order, np.asarray(code[order], dtype=np.int64)


def _performance(values: NDArray[np.float64], scale: Scale | None, high_is_good: bool) -> NDArray[np.float64]:
    """0 to 100, 100 good; NaN where nobody said which end is good."""
    if scale is None and not high_is_good:
        return np.full(len(values), np.nan)
    if scale is None:
        return np.asarray(100 * (values - values.min()) / (values.max() - values.min()))
    share = 100 * (values - scale.low) / (scale.high - scale.low)
    # On a scale on which low is good the happy end is 100 all the same.
    return np.asarray(np.where(scale.risk_sign > 0, 100 - share, share))


def _outer_groups(values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is low and who is high on each column (n, p): outer thirds, or off the median of a coarse scale."""
    low = np.empty(values.shape, dtype=bool)
    high = np.empty(values.shape, dtype=bool)
    for at, column in enumerate(values.T):
        cuts = [1 / 3, 2 / 3]
        if len(np.unique(column)) <= COARSE:
            cuts = [1 / 2, 1 / 2]
        lower, upper = np.quantile(column, cuts)
        low[:, at] = column < lower
        high[:, at] = column > upper
    return low, high
