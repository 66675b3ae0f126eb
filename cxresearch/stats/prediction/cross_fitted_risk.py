"""From a score to a risk: cross-fitted logistic calibration on counts by level, weighted for censoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from cxresearch.stats.models.logistic_newton import logistic_coefficients

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places

FOLDS = 5

#: Ridge as a share of the weight of all rows; it keeps risks finite where a level has only cases.
RIDGE = 1e-6


def cross_fitted(code: Places, fold: Places, case: Floats, known: Floats, basis: Floats) -> Floats:
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
    levels = len(basis)
    folds = int(fold.max()) + 1
    shape = (levels, folds)
    cell = code * folds + fold
    cases = _sums(cell, case, shape)
    total = _sums(cell, known, shape)
    if folds == 1:
        return _risk_by_level(cases[:, 0], total[:, 0], basis)[:, None]
    others = total.sum(axis=1, keepdims=True) - total
    their_cases = cases.sum(axis=1, keepdims=True) - cases
    return np.column_stack(
        [_risk_by_level(their_cases[:, held_out], others[:, held_out], basis) for held_out in range(folds)]
    )


def _sums(cell: Places, values: Floats, shape: tuple[int, int]) -> Floats:
    counted = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
    return np.asarray(counted, dtype=np.float64).reshape(shape)


def _risk_by_level(cases: Floats, total: Floats, basis: Floats) -> Floats:
    """Fitted risk at each level from the weight of cases and of all rows there, shape (levels,)."""
    # Differences of sums: a level without rows may come out a rounding error away from 0.
    total = np.where(total > 1e-9 * total.max(), total, 0.0)
    share = np.divide(cases, total, out=np.zeros(len(total)), where=total > 0).clip(0, 1)
    average = float(total @ share / total.sum())
    if not 0 < average < 1:
        return np.full(len(basis), average)
    # Rows at one level share a risk, so counts by level fit as well as the rows.
    coefficients = logistic_coefficients(basis, share, weights=total, ridge=RIDGE * float(total.sum()))
    return np.asarray(expit(basis @ coefficients))


def folds_of(names: object, *, folds: int = FOLDS) -> Places:
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
