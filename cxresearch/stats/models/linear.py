"""Linear regression with a sandwich covariance by cluster that does not flatter small groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.checks import check_same_length
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class LinearFit:
    """Coefficients, their robust covariance and the degrees of freedom of each.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
    df : ndarray, shape (p,)
        Of the t distribution that a coefficient over its standard error is judged by.
    n, clusters : int
    """

    coefficients: Floats
    covariance: Floats
    df: Floats
    n: int
    clusters: int

    @property
    def se(self) -> Floats:
        """Standard errors, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the ends of the intervals, each of shape (p,)."""
        half = stats.t.ppf(0.5 + level / 2, self.df) * self.se
        return self.coefficients - half, self.coefficients + half

    @property
    def p_values(self) -> Floats:
        """Two-sided p-values of no effect, shape (p,)."""
        return np.asarray(2 * stats.t.sf(np.abs(self.coefficients) / self.se, self.df))


def linear_fit(X: Floats, y: Floats, *, cluster: Ints) -> LinearFit:
    """Fit by least squares; covariance from scores summed by cluster, residuals set right for leverage.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        With a column of ones if an intercept is wanted. No missing values.
    y : ndarray, shape (n,)
    cluster : ndarray of int, shape (n,)

    Returns
    -------
    LinearFit

    Raises
    ------
    DataError
        If the columns are linearly dependent, or there is one cluster only.

    Notes
    -----
    Residuals are divided by ``sqrt(1 - h)``, h the leverage of the row (HC2; with rows of their own clusters
    this is the unbiased correction of Bell and McCaffrey), and a coefficient is judged by Student's t with
    as many degrees of freedom as the concentration of its own influence leaves: ``(sum v_g)^2 / sum v_g^2``
    over clusters g, v_g the squares of a cluster's weights in the coefficient. So a column of eight ones
    among thousands of rows is judged by about seven degrees.

    References
    ----------
    Bell and McCaffrey (2002), https://www150.statcan.gc.ca/n1/en/catalogue/12-001-X20020029058; Imbens and
    Kolesar (2016), doi:10.1162/REST_a_00552.

    Examples
    --------
    >>> X = np.c_[np.ones(6), [0, 0, 0, 1, 1, 1]]
    >>> fit = linear_fit(X, np.array([1.0, 2, 3, 4, 5, 6]), cluster=np.arange(6))
    >>> fit.coefficients.round(6), fit.se.round(4)
    (array([2., 3.]), array([0.5774, 0.8165]))
    """
    check_same_length(X=X, y=y, cluster=cluster)
    cross = X.T @ X
    scale = np.sqrt(np.diag(cross))
    if (scale == 0).any() or np.linalg.cond(cross / np.outer(scale, scale)) > 1e12:
        raise DataError("a column repeats others", next_step="drop one of the columns that say the same")
    bread = np.linalg.inv(cross)
    beta = bread @ (X.T @ y)
    leverage = np.einsum("ij,ij->i", X @ bread, X)
    residual = (y - X @ beta) / np.sqrt(np.clip(1 - leverage, 1e-9, 1))
    code = np.unique(cluster, return_inverse=True)[1].ravel()
    groups = int(code.max()) + 1
    if groups < 2:
        raise DataError("there is one customer only", wanted="several, to tell how much they differ")
    # influence of a row on each coefficient: bread x_i e_i, summed within clusters
    weights = X @ bread
    influence = np.column_stack(
        [np.bincount(code, weights=weights[:, j] * residual, minlength=groups) for j in range(X.shape[1])]
    )
    size = np.column_stack(
        [np.bincount(code, weights=weights[:, j] ** 2, minlength=groups) for j in range(X.shape[1])]
    )
    df = size.sum(axis=0) ** 2 / (size**2).sum(axis=0) - 1
    return LinearFit(
        coefficients=beta,
        covariance=np.asarray(influence.T @ influence, dtype=np.float64),
        df=np.clip(df, 1.0, groups - 1),
        n=len(y),
        clusters=groups,
    )


def independent_columns(design: Floats) -> Ints:
    """Return the columns that say something of their own; of two that say the same the later is left out.

    Examples
    --------
    >>> independent_columns(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0]]))
    array([0, 2])
    """
    kept: list[int] = []
    rest = np.linalg.qr(np.empty((len(design), 0)))[0]
    for at in range(design.shape[1]):
        column = design[:, at]
        # Gram and Schmidt: what of a column the columns before it do not say
        left = column - rest @ (rest.T @ column)
        length = float(np.linalg.norm(left))
        if length > 1e-8 * float(np.linalg.norm(column)):
            rest = np.column_stack([rest, left / length])
            kept.append(at)
    return np.array(kept, dtype=np.int64)
