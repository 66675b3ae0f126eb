"""What a model adds: likelihood-ratio, Wald and Vuong tests, and the share that a smaller model reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.errors import ArgumentError
from cxresearch.stats.models.clustered_covariance import influence_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.aliases import Floats, Places


@dataclass(frozen=True, kw_only=True)
class ChiSquare:
    """A test with a chi-square statistic."""

    statistic: float
    df: int
    p_value: float


def likelihood_ratio(loglik_small: float, loglik_large: float, df: int) -> ChiSquare:
    """Test that the larger of two nested models says no more than the smaller one.

    Assumes independent rows; with several rows of a customer take :func:`wald` with a clustered covariance.

    Parameters
    ----------
    loglik_small, loglik_large : float
        Maximised log-likelihoods on the same rows.
    df : int
        Coefficients that the larger model adds, 1 or more.

    Returns
    -------
    ChiSquare
        A statistic that rounding makes negative is 0.

    Raises
    ------
    ArgumentError
        If df is below 1.

    References
    ----------
    Wilks (1938), doi:10.1214/aoms/1177732360.

    Examples
    --------
    >>> likelihood_ratio(-105.0, -103.0, 1).statistic
    4.0
    """
    if df < 1:
        raise ArgumentError(f"df is {df}", wanted="the number of coefficients the larger model adds")
    # Wilks (1938): 2 (l1 - l0) is chi-square with df degrees of freedom where the smaller model holds.
    statistic = max(0.0, 2 * (loglik_large - loglik_small))
    return ChiSquare(statistic=statistic, df=df, p_value=float(stats.chi2.sf(statistic, df)))


def adequacy(loglik_null: float, loglik_small: float, loglik_large: float) -> float:
    """Share of the larger model's likelihood-ratio statistic that the smaller one reaches.

    Parameters
    ----------
    loglik_null, loglik_small, loglik_large : float
        Of the model without covariates, of the smaller and of the larger one, on the same rows.

    Returns
    -------
    float
        NaN where the larger model says no more than the null.

    References
    ----------
    Califf, Phillips, Hindman et al. (1985), doi:10.1016/0002-9149(85)90243-1; Harrell (2015), section 9.8.4.

    Examples
    --------
    >>> adequacy(-120.0, -105.0, -100.0)
    0.75
    """
    total = loglik_large - loglik_null
    if not total > 0:
        return float("nan")
    return float((loglik_small - loglik_null) / total)


def wald(coefficients: Floats, covariance: Floats, which: Sequence[int]) -> ChiSquare:
    """Test that the coefficients at these places are all zero.

    Parameters
    ----------
    coefficients : array, shape (p,)
    covariance : array, shape (p, p)
        Of the coefficients; clustered where rows depend on each other.
    which : sequence of int
        Positions of the coefficients to test.

    Returns
    -------
    ChiSquare

    References
    ----------
    Wald (1943), doi:10.1090/S0002-9947-1943-0012401-3.

    Examples
    --------
    >>> wald(np.array([2.0, 0.0]), np.eye(2), [0]).statistic
    4.0
    """
    # b' V^-1 b of the coefficients tested.
    places = list(which)
    part = coefficients[places]
    statistic = float(part @ np.linalg.solve(covariance[np.ix_(places, places)], part))
    return ChiSquare(
        statistic=statistic, df=len(places), p_value=float(stats.chi2.sf(statistic, len(places)))
    )


def vuong(first: Floats, second: Floats, *, clusters: Places | None = None) -> tuple[float, float]:
    """Compare two models that are not nested: z (positive favours the first) and two-sided p-value.

    Parameters
    ----------
    first, second : array, shape (n,)
        Contributions of each row to the log-likelihood, for models with the same number of coefficients.
    clusters : array of int, shape (n,), optional
        Rows of a cluster are summed.

    Returns
    -------
    z, p_value : float
        NaN if the models say the same of every row.

    References
    ----------
    Vuong (1989), doi:10.2307/1912557.

    Examples
    --------
    >>> vuong(np.array([-0.1, -0.2, -0.4]), np.array([-0.3, -0.3, -0.3]))[0] > 0
    True
    """
    # Vuong (1989): mean of the differences of log-likelihood over their standard error.
    gap = first - second
    mean = float(gap.mean())
    se = float(np.sqrt(influence_covariance((gap - mean)[None, :], clusters=clusters)[0, 0]))
    if not se > 1e-15:
        return float("nan"), float("nan")
    z = mean / se
    return z, float(2 * stats.norm.sf(abs(z)))
