"""Weighted regression of estimates with a variance between segments: the engine of a meta-analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

METHODS = ("REML", "ML", "DL", "PM", "FE")


@dataclass(frozen=True, kw_only=True)
class MixedFit:
    """Weighted regression with a between-segment variance.

    Attributes
    ----------
    coefficients : array, shape (p,)
    covariance : array, shape (p, p)
        Before any Hartung-Knapp correction.
    scale : float
        ``y'Py / (k - p)``, the factor of Hartung and Knapp.
    tau2, q, i2 : float
        Between-segment variance, Cochran's Q of the residuals, share of variation beyond sampling error.
    df : int
        ``k - p``.
    """

    coefficients: Floats
    covariance: Floats
    scale: float
    tau2: float
    q: float
    i2: float
    df: int


def _projection(design: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return P = W - WX(X'WX)^-1 X'W and (X'WX)^-1."""
    weighted = design * weight[:, None]
    inverse: Floats = np.asarray(np.linalg.inv(design.T @ weighted), dtype=np.float64)
    return np.diag(weight) - weighted @ inverse @ weighted.T, inverse


def _tau2_likelihood(y: Floats, v: Floats, design: Floats, start: float, *, restricted: bool) -> float:
    """Fisher scoring with steps that never leave the parameter space."""
    tau2 = max(start, 0.0)
    for _ in range(200):
        weight = 1 / (v + tau2)
        p, _ = _projection(design, weight)
        py = p @ y
        # Viechtbauer (2005): (y'PPy - tr P) / tr PP, and with W for P in the traces without restriction.
        if restricted:
            step = (py @ py - np.trace(p)) / np.sum(p * p)
        else:
            step = (py @ py - weight.sum()) / np.sum(weight**2)
        following = max(tau2 + step, 0.0)
        if abs(following - tau2) <= 1e-13 * (1 + tau2):
            return float(following)
        tau2 = following
    return float(tau2)


def _tau2(y: Floats, v: Floats, design: Floats, method: str) -> float:
    p, _ = _projection(design, 1 / v)
    df = len(y) - design.shape[1]
    # DerSimonian and Laird (1986): (Q - df) / tr P with the weights 1 / v.
    moments = max(0.0, float((y @ p @ y - df) / np.trace(p)))
    if method == "FE":
        return 0.0
    if method == "DL":
        return moments
    if method in ("REML", "ML"):
        return _tau2_likelihood(y, v, design, moments, restricted=method == "REML")

    # Paule and Mandel (1982): the tau2 at which Q equals its degrees of freedom.
    def excess(tau2: float) -> float:
        return float(y @ _projection(design, 1 / (v + tau2))[0] @ y - df)

    if excess(0.0) <= 0:
        return 0.0
    upper = max(moments, float(v.max()))
    while excess(upper) > 0:
        upper *= 2
    return float(optimize.brentq(excess, 0.0, upper, xtol=1e-14, rtol=1e-13))


def mixed_fit(y: Floats, v: Floats, design: Floats, *, method: str = "REML") -> MixedFit:
    """Fit ``y ~ N(X b, diag(v) + tau2 I)``.

    Parameters
    ----------
    y, v : array, shape (k,)
        Estimates and their sampling variances.
    design : array, shape (k, p)
        Full column rank; a column of ones for a plain average.
    method : {"REML", "ML", "DL", "PM", "FE"}
        Estimator of the variance between segments tau2: restricted or full maximum likelihood, DerSimonian
        and Laird, Paule and Mandel, or none.

    Returns
    -------
    MixedFit

    References
    ----------
    Viechtbauer (2005), doi:10.3102/10769986030003261; Paule and Mandel (1982), doi:10.6028/jres.087.022;
    DerSimonian and Laird (1986), doi:10.1016/0197-2456(86)90046-2.

    Examples
    --------
    >>> fit = mixed_fit(np.array([0.1, 0.3, 0.5]), np.array([0.01, 0.01, 0.01]), np.ones((3, 1)))
    >>> round(float(fit.coefficients[0]), 3), round(fit.tau2, 3), fit.df
    (0.3, 0.03, 2)
    """
    tau2 = _tau2(y, v, design, method)
    weight = 1 / (v + tau2)
    fixed, plain = _projection(design, 1 / v)
    inverse = _projection(design, weight)[1]
    coefficients = inverse @ (design.T @ (weight * y))
    df = len(y) - design.shape[1]
    # Sums of squares rather than y'Py, which rounding can turn negative where the estimates are equal.
    spread = float(weight @ (y - design @ coefficients) ** 2)
    q = float((1 / v) @ (y - design @ (plain @ (design.T @ (y / v)))) ** 2)
    scale = math.nan
    if df:
        scale = spread / df
    return MixedFit(
        coefficients=coefficients,
        covariance=inverse,
        scale=scale,
        tau2=tau2,
        q=q,
        i2=_i2(method, tau2, q, df, float(np.trace(fixed))),
        df=df,
    )


def _i2(method: str, tau2: float, q: float, df: int, trace: float) -> float:
    """Share of the variation that is not sampling error."""
    if method == "FE":
        # Higgins and Thompson (2002), doi:10.1002/sim.1186: (Q - df) / Q.
        return max(0.0, (q - df) / q) if q > 0 else 0.0
    if not df:
        return math.nan
    # tau2 over tau2 and the typical sampling variance, df / tr P.
    return float(tau2 / (tau2 + df / trace))
