"""The one logistic regression: row weights, an offset, a ridge, and a covariance robust by cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_number, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.clustered_covariance import cluster_codes, cluster_sums
from cxresearch.stats.models.logistic_newton import Observations, logistic_maximum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


@dataclass(frozen=True, kw_only=True)
class LogisticFit:
    """A logistic regression by maximum likelihood.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        Inverse information; with clusters the sandwich of Liang and Zeger.
    contributions : ndarray, shape (n,)
        Log-likelihood of each row times its weight, in the order of the rows given; 0 where the weight is 0.
    n, clusters : int
        Rows with positive weight, and their clusters (the rows themselves where none were given).
    """

    coefficients: Floats
    covariance: Floats
    contributions: Floats
    n: int
    clusters: int

    @property
    def se(self) -> Floats:
        """Standard errors, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def loglik(self) -> float:
        """Maximised log-likelihood, without the penalty of a ridge."""
        return float(self.contributions.sum())

    @property
    def aic(self) -> float:
        """Akaike's criterion; it assumes independent rows and weights that count them."""
        return 2 * len(self.coefficients) - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Schwarz' criterion with the number of rows of positive weight; it assumes what :attr:`aic` does."""
        return float(np.log(self.n) * len(self.coefficients) - 2 * self.loglik)


def logistic_fit(
    design: Floats,
    outcome: ArrayLike,
    *,
    weights: Floats | None = None,
    offset: Floats | None = None,
    clusters: ArrayLike | None = None,
    ridge: float = 0.0,
) -> LogisticFit:
    """Fit ``P(y = 1) = 1 / (1 + exp(-(X b + offset)))`` by Newton's method with halved steps.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        With a column of ones, the first, if an intercept is wanted. No missing values. Columns may be of any
        scale and far from zero: they are made orthogonal inside.
    outcome : array-like, shape (n,)
        True or false, or shares from 0 to 1 with the size of each row as its weight.
    weights : ndarray, shape (n,), optional
        Row weights, 0 or more; rows of weight 0 are passed over.
    offset : ndarray, shape (n,), optional
        Added to the linear predictor with coefficient 1.
    clusters : array-like, shape (n,), optional
        Labels of any kind; rows of one cluster may depend on each other in any way.
    ridge : float
        Penalty on half the squared coefficients, the first excepted; in the units of the columns given.
        Above 0, coefficients stay finite whatever the data, columns may repeat each other, and the covariance
        is that of the penalised fit.

    Returns
    -------
    LogisticFit

    Raises
    ------
    ArgumentError
        If lengths differ, a value is missing, or a weight is negative.
    DataError
        If everybody or nobody is a case, columns repeat each other, a combination of columns separates cases
        from controls so that no finite coefficients exist, or there is one cluster only.

    Notes
    -----
    The numbers are those of statsmodels ``GLM(family=Binomial())``, with ``freq_weights`` for weights and
    ``cov_type="cluster"`` with its factor ``G/(G-1) (n-1)/(n-p)`` for clusters. Own code because statsmodels
    does not support weights and clusters together, and does not say when no finite fit exists.

    References
    ----------
    Albert and Anderson (1984), doi:10.1093/biomet/71.1.1, for separation; Liang and Zeger (1986),
    doi:10.1093/biomet/73.1.13, for clusters.

    Examples
    --------
    >>> X = np.c_[np.ones(6), [0, 0, 0, 1, 1, 1]]
    >>> y = np.array([0, 0, 1, 0, 1, 1], dtype=bool)
    >>> fit = logistic_fit(X, y, clusters=np.arange(6))
    >>> bool(np.isclose(fit.coefficients[1], 2 * np.log(2)))
    True
    """
    rows = _observations(design, outcome, weights, offset, ridge)
    to_design, newton, solution = logistic_maximum(rows, ridge)
    # Coefficients and covariance back on the columns given: b = T c and cov(b) = T cov(c) T'.
    bread = to_design @ _inverse(newton.information(solution)) @ to_design.T
    covariance = bread
    groups = rows.n
    if clusters is not None:
        codes = _positive_codes(rows, clusters)
        scores = rows.design * newton.residual(solution)[:, None]
        covariance, groups = _sandwich(bread, scores, codes)
    contributions = np.zeros(len(rows.positive))
    contributions[rows.positive] = newton.contributions(solution.linear)
    return LogisticFit(
        coefficients=to_design @ solution.c,
        covariance=covariance,
        contributions=contributions,
        n=rows.n,
        clusters=groups,
    )


def _observations(
    design: Floats, outcome: ArrayLike, weights: Floats | None, offset: Floats | None, ridge: float
) -> Observations:
    check_number("ridge", ridge, at_least=0)
    y = np.asarray(outcome, dtype=np.float64)
    x = np.asarray(design, dtype=np.float64)
    n = check_same_length(design=x, outcome=y, weights=weights, offset=offset)
    w = _filled("weights", weights, 1.0, n)
    shift = _filled("offset", offset, 0.0, n)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ArgumentError(
            "design or outcome has missing or infinite values",
            wanted="a number in every cell",
            next_step="leave rows that lack a value out, and count them",
        )
    if (w < 0).any():
        raise ArgumentError("a weight is negative", wanted="weights of 0 or more")
    positive = w > 0
    cases = float(w @ y)
    if not 0 < cases < w.sum():
        raise DataError(
            "everyone is a case" if cases else "nobody is a case",
            wanted="cases and controls",
            next_step="choose a longer horizon or a wider group",
        )
    return Observations(
        design=x[positive],
        outcome=y[positive],
        weights=w[positive],
        offset=shift[positive],
        positive=positive,
    )


def _filled(name: str, values: Floats | None, default: float, n: int) -> Floats:
    if values is None:
        return np.full(n, default)
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} has missing or infinite values", wanted="a number for each row")
    return array


def _inverse(information: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(information, hermitian=True))


def _positive_codes(rows: Observations, clusters: ArrayLike) -> np.ndarray:
    labels = np.asarray(clusters)
    check_same_length(design=rows.positive, clusters=labels)
    return cluster_codes(labels[rows.positive])


def _sandwich(bread: Floats, scores: Floats, codes: np.ndarray) -> tuple[Floats, int]:
    """Covariance robust by cluster, and the number of clusters."""
    n, p = scores.shape
    summed = cluster_sums(scores.T, codes)
    groups = summed.shape[1]
    if groups < 2:
        raise DataError("there is one customer only", wanted="several, to tell how much they differ")
    if n <= p:
        raise DataError(f"{n} rows for {p} coefficients", wanted="more rows than coefficients")
    # Liang and Zeger (1986), with Stata's factor for few clusters, which statsmodels takes too.
    factor = groups / (groups - 1) * (n - 1) / (n - p)
    return np.asarray(factor * bread @ (summed @ summed.T) @ bread), groups
