"""From a score to a risk: cross-fitted logistic calibration on counts by level, weighted for censoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FOLDS = 5


def logistic_counts(design: Array, cases: Array, total: Array, *, steps: int = 60) -> Array:
    """Fit a logistic regression to weighted counts by Newton's method.

    Parameters
    ----------
    design : array, shape (levels, p)
    cases, total : array, shape (levels,)
        Weight of cases and of all rows at each level.

    Returns
    -------
    array, shape (p,)
        Coefficients. A ridge of 1e-6 of the rows keeps them finite where a level has only cases.

    Examples
    --------
    >>> logistic_counts(np.ones((1, 1)), np.array([25.0]), np.array([100.0])).round(3)
    array([-1.099])
    """
    beta = np.zeros(design.shape[1])
    share = np.clip(cases.sum() / total.sum(), 1e-9, 1 - 1e-9)
    beta[0] = np.log(share / (1 - share))
    ridge = np.full(len(beta), 1e-6 * total.sum())
    ridge[0] = 0.0
    for _ in range(steps):
        risk = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (cases - total * risk) - ridge * beta
        curvature = (design * (total * risk * (1 - risk))[:, None]).T @ design + np.diag(ridge + 1e-12)
        step = np.linalg.solve(curvature, gradient)
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    return beta


def spline_basis(levels: Array, weight: Array, *, knots: int = 4) -> Array:
    """Natural cubic spline basis with an intercept, shape (levels, p), knots at weighted quantiles.

    With fewer levels than knots every level gets its own coefficient.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, doi:10.1007/978-3-319-19425-7, section 2.4.5.
    """
    if len(levels) <= knots:
        return np.column_stack([np.ones(len(levels)), np.eye(len(levels))[:, 1:]])
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    places = np.unique(np.interp(np.linspace(0.05, 0.95, knots), share, levels))
    scaled = (levels - levels[0]) / (levels[-1] - levels[0])
    places = (places - levels[0]) / (levels[-1] - levels[0])
    columns = [np.ones(len(levels)), scaled]
    last, before = places[-1], places[-2]
    for knot in places[:-2]:
        cube = np.clip(scaled - knot, 0, None) ** 3
        cube -= np.clip(scaled - before, 0, None) ** 3 * (last - knot) / (last - before)
        cube += np.clip(scaled - last, 0, None) ** 3 * (before - knot) / (last - before)
        columns.append(cube)
    return np.column_stack(columns)


def linear_basis(levels: Array) -> Array:
    """Intercept and level scaled to 0..1, shape (levels, 2)."""
    spread = levels[-1] - levels[0]
    return np.column_stack([np.ones(len(levels)), (levels - levels[0]) / spread])


def cross_fitted(
    code: NDArray[np.intp], fold: NDArray[np.intp], case: Array, known: Array, basis: Array
) -> Array:
    """Risk of each row from a model fitted on the other folds.

    Parameters
    ----------
    code, fold : array of int, shape (n,)
        Level and fold of each row.
    case, known : array, shape (n,)
        Inverse-probability weight as a case, and of all rows whose state is known.
    basis : array, shape (levels, p)

    Returns
    -------
    array, shape (levels, folds)
        Risk at each level for the rows of each fold; a row's risk is ``result[code, fold]``.
    """
    levels, folds = len(basis), int(fold.max()) + 1
    cell = code * folds + fold
    cases: Array = np.asarray(np.bincount(cell, weights=case, minlength=levels * folds), dtype=np.float64)
    total: Array = np.asarray(np.bincount(cell, weights=known, minlength=levels * folds), dtype=np.float64)
    cases, total = cases.reshape(levels, folds), total.reshape(levels, folds)
    if folds == 1:
        others = [(cases[:, 0], total[:, 0])]
    else:
        others = [(cases.sum(1) - cases[:, f], total.sum(1) - total[:, f]) for f in range(folds)]
    risks = np.empty((levels, folds))
    for f, (a, b) in enumerate(others):
        beta = logistic_counts(basis, a, b.clip(0))
        risks[:, f] = 1 / (1 + np.exp(-np.clip(basis @ beta, -30, 30)))
    return risks


def folds_of(names: object, *, folds: int = FOLDS) -> NDArray[np.intp]:
    """Fold number of each row from a hash of its customer: the same whatever the order of rows.

    Examples
    --------
    >>> folds_of(["a", "b", "a"]).tolist()[0] == folds_of(["a", "b", "a"]).tolist()[2]
    True
    """
    import pandas as pd

    codes, distinct = pd.factorize(pd.Series(names), sort=False)
    hashed = pd.util.hash_array(np.asarray(distinct, dtype=object)) % np.uint64(folds)
    return np.asarray(hashed.astype(np.intp)[codes])
