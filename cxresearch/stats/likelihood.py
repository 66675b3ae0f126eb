"""Likelihood-ratio, Wald and Vuong tests, adequacy, and a plain logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.joint_covariance import influence_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChiSquare:
    """A test with a chi-square statistic."""

    statistic: float
    df: int
    p_value: float


def likelihood_ratio(loglik_small: float, loglik_large: float, df: int) -> ChiSquare:
    """Test that the larger of two nested models says no more than the smaller one.

    Assumes independent rows; with several rows of a customer take :func:`wald` with a clustered covariance.

    Examples
    --------
    >>> likelihood_ratio(-105.0, -103.0, 1).statistic
    4.0
    """
    if df < 1:
        raise ArgumentError(f"df is {df}", wanted="the number of coefficients the larger model adds")
    statistic = max(0.0, 2 * (loglik_large - loglik_small))
    return ChiSquare(statistic=statistic, df=df, p_value=float(stats.chi2.sf(statistic, df)))


def adequacy(loglik_null: float, loglik_small: float, loglik_large: float) -> float:
    """Share of the larger model's likelihood-ratio statistic that the smaller one reaches.

    References
    ----------
    Califf, Phillips, Hindman et al. (1985), doi:10.1016/0002-9149(85)90243-1; Harrell (2015), section 9.8.4.

    Examples
    --------
    >>> adequacy(-120.0, -105.0, -100.0)
    0.75
    """
    total = loglik_large - loglik_null
    return float((loglik_small - loglik_null) / total) if total > 0 else float("nan")


def wald(coefficients: Array, covariance: Array, which: Sequence[int]) -> ChiSquare:
    """Test that the coefficients at these places are all zero.

    Examples
    --------
    >>> wald(np.array([2.0, 0.0]), np.eye(2), [0]).statistic
    4.0
    """
    places = list(which)
    part = coefficients[places]
    statistic = float(part @ np.linalg.solve(covariance[np.ix_(places, places)], part))
    return ChiSquare(
        statistic=statistic, df=len(places), p_value=float(stats.chi2.sf(statistic, len(places)))
    )


def vuong(first: Array, second: Array, *, clusters: NDArray[np.intp] | None = None) -> tuple[float, float]:
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
    gap = first - second
    mean = float(gap.mean())
    se = float(np.sqrt(influence_covariance((gap - mean)[None, :], clusters=clusters)[0, 0]))
    if not se > 1e-15:
        return float("nan"), float("nan")
    z = mean / se
    return z, float(2 * stats.norm.sf(abs(z)))


@dataclass(frozen=True, kw_only=True)
class LogisticFit:
    """A logistic regression by maximum likelihood.

    Attributes
    ----------
    coefficients : array, shape (p,)
    covariance : array, shape (p, p)
        Inverse information.
    loglik, loglik_null : float
        Of the model, and of its intercept alone.
    contributions : array, shape (n,)
        Log-likelihood of each row, times its weight.
    """

    coefficients: Array
    covariance: Array
    loglik: float
    loglik_null: float
    contributions: Array


def logistic_fit(
    design: Array, outcome: Array, *, weights: Array | None = None, ridge: float = 0.0
) -> LogisticFit:
    """Fit ``P(y = 1) = 1 / (1 + exp(-X b))`` by Newton's method.

    Parameters
    ----------
    design : array, shape (n, p)
        With a column of ones.
    outcome : array, shape (n,)
        0 or 1.
    weights : array, shape (n,), optional
        Row weights, zero admitted.
    ridge : float
        Penalty on squared coefficients of columns scaled to a largest value of 1, the first column excepted.
        Above 0, coefficients stay finite whatever the data, and the covariance is that of the penalised fit.

    Raises
    ------
    DataError
        If cases and controls are separated, so that no finite coefficients exist.

    Examples
    --------
    >>> fit = logistic_fit(np.ones((4, 1)), np.array([1.0, 0, 0, 0]))
    >>> fit.coefficients.round(3)
    array([-1.099])
    """
    w = np.ones(len(outcome)) if weights is None else weights
    share = float(w @ outcome / w.sum())
    if not 0 < share < 1:
        raise DataError("everyone is a case" if share else "nobody is a case", wanted="cases and controls")
    centre = np.abs(design).max(axis=0).clip(1e-300)
    x = design / centre
    beta, value = np.zeros(design.shape[1]), -np.inf
    penalty = np.full(len(beta), ridge)
    penalty[0] = 0.0
    for _ in range(100):
        risk = 1 / (1 + np.exp(-np.clip(x @ beta, -35, 35)))
        information = (x * (w * risk * (1 - risk))[:, None]).T @ x + np.diag(penalty)
        gradient = x.T @ (w * (outcome - risk)) - penalty * beta
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        new = beta + step
        value, before = float(_loglik(x, new, outcome, w).sum() - penalty @ new**2 / 2), value
        beta = beta + step
        if abs(value - before) < 1e-11 * (1 + abs(value)):
            break
    if not ridge and np.abs(x @ beta).max() > 30:
        raise DataError("a covariate separates those who leave from those who stay", next_step="drop it")
    risk = 1 / (1 + np.exp(-np.clip(x @ beta, -35, 35)))
    information = (x * (w * risk * (1 - risk))[:, None]).T @ x + np.diag(penalty)
    contributions = _loglik(x, beta, outcome, w)
    null = float(w.sum() * (share * np.log(share) + (1 - share) * np.log(1 - share)))
    return LogisticFit(
        coefficients=beta / centre,
        covariance=np.linalg.pinv(information) / np.outer(centre, centre),
        loglik=float(contributions.sum()),
        loglik_null=null,
        contributions=contributions,
    )


def _loglik(x: Array, beta: Array, outcome: Array, w: Array) -> Array:
    linear = x @ beta
    return np.asarray(w * (outcome * linear - np.logaddexp(0, linear)))
