"""Logistic regression with row weights and a sandwich covariance by cluster, in closed Newton steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from cxresearch.checks import check_same_length
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class LogitFit:
    """Coefficients and their robust covariance.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
    n, clusters : int
        Rows with positive weight, and their clusters.
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int
    clusters: int

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))


def logit_fit(
    X: NDArray[np.float64],
    left: NDArray[np.bool_],
    *,
    weight: NDArray[np.float64],
    cluster: NDArray[np.int64],
    offset: NDArray[np.float64] | None = None,
) -> LogitFit:
    """Maximise the weighted binomial likelihood; covariance from scores summed by cluster.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        With a column of ones if an intercept is wanted. No missing values.
    left : ndarray of bool, shape (n,)
    weight : ndarray, shape (n,)
        Rows of weight 0 are passed over.
    cluster : ndarray of int, shape (n,)
    offset : ndarray, shape (n,), optional
        Added to the linear predictor with coefficient 1.

    Raises
    ------
    DataError
        If the columns are linearly dependent, or separate the outcome so that no finite fit exists.

    Notes
    -----
    With unit weights the numbers are those of statsmodels ``GLM(family=Binomial()).fit(cov_type="cluster")``
    (which warns that it does not support weights with clusters, hence this function), with its small-sample
    factor ``G/(G-1) (n-1)/(n-p)``.

    References
    ----------
    Liang and Zeger (1986), doi:10.1093/biomet/73.1.13.

    Examples
    --------
    >>> X = np.c_[np.ones(6), [0, 0, 0, 1, 1, 1]]
    >>> y = np.array([0, 0, 1, 0, 1, 1], dtype=bool)
    >>> fit = logit_fit(X, y, weight=np.ones(6), cluster=np.arange(6))
    >>> bool(np.isclose(fit.coefficients[1], 2 * np.log(2)))
    True
    """
    check_same_length(X=X, left=left, weight=weight, cluster=cluster, offset=offset)
    known = weight > 0
    X, left, weight, cluster = X[known], left[known], weight[known], cluster[known]
    shift = np.zeros(len(X)) if offset is None else offset[known]
    beta = np.zeros(X.shape[1])
    for _ in range(50):
        p = expit(X @ beta + shift)
        information = X.T @ (X * (weight * p * (1 - p))[:, None])
        if np.linalg.cond(information) > 1e13:
            raise _no_fit()
        step = np.linalg.solve(information, X.T @ (weight * (left - p)))
        beta = beta + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            break
    else:
        raise _no_fit()
    p = expit(X @ beta + shift)
    bread = np.linalg.inv(X.T @ (X * (weight * p * (1 - p))[:, None]))
    code = np.unique(cluster, return_inverse=True)[1]
    score = X * (weight * (left - p))[:, None]
    summed = np.column_stack([np.bincount(code, weights=column) for column in score.T])
    groups, n = len(summed), len(X)
    if groups < 2:
        raise DataError("there is one customer only", wanted="several, to tell how much they differ")
    factor = groups / (groups - 1) * (n - 1) / (n - X.shape[1])
    return LogitFit(
        coefficients=beta,
        covariance=factor * bread @ (summed.T @ summed) @ bread,
        n=n,
        clusters=groups,
    )


def _no_fit() -> DataError:
    return DataError(
        "no finite logistic fit exists: columns repeat each other, or tell the outcome perfectly",
        next_step="drop a column that repeats another, or one measured after the fact",
    )
