"""Parametric families for what lies beyond the follow-up, fitted by lifelines."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.survival.risk_table import SurvivalRows

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

FAMILIES = ("weibull", "log-normal", "log-logistic", "generalised gamma")


@dataclass(frozen=True, kw_only=True)
class ParametricFit:
    """A fitted family.

    Attributes
    ----------
    family : str
        One of ``FAMILIES``.
    parameters : dict of str to float
        As lifelines names them.
    loglik, aic, bic : float
        Log likelihood, Akaike's criterion, and Schwarz' with the number of people; lower is better. NaN where
        the fit failed.
    survival : callable
        Survival at an array of times.
    note : str
        Why the fit failed.
    """

    family: str
    parameters: dict[str, float]
    loglik: float
    aic: float
    bic: float
    survival: Callable[[Any], Floats]
    note: str = ""

    def area(self, start: float, end: float) -> float:
        """Integral of the survival function from start (above 0) to end, by Gauss and Legendre."""
        # Integral over (a, b) = (b - a)/2 sum of w_i f(a + (b - a)/2 (x_i + 1)).
        nodes, weights = np.polynomial.legendre.leggauss(64)
        half = (end - start) / 2
        return float(half * (weights @ self.survival(start + half * (nodes + 1))))


def fit_families(rows: SurvivalRows, families: tuple[str, ...] = FAMILIES) -> tuple[ParametricFit, ...]:
    """Fit parametric families, the best AIC first, failed fits last.

    Uses lifelines' fitters: maximum likelihood under right censoring and delayed entry, counts as weights.
    Rows of duration 0 that are censored say nothing and are passed over; events at 0 have no density in these
    families and are refused.

    Parameters
    ----------
    rows : SurvivalRows
        Any event above 0 counts. Sampling weights are used as they are; the AIC is then a pseudo AIC.
    families : tuple of str
        Among ``FAMILIES``.

    Returns
    -------
    tuple of ParametricFit
        A fit that failed has NaN for its AIC, and its ``note`` says why.

    Raises
    ------
    ArgumentError
        If a family is unknown.
    DataError
        If there are fewer than three events, or events at time 0.

    Examples
    --------
    >>> from cxresearch.stats.survival.risk_table import survival_rows
    >>> times = np.arange(1.0, 41.0)
    >>> best = fit_families(survival_rows(times, times < 35), ("weibull",))[0]
    >>> round(best.parameters["rho_"], 2)
    1.45
    """
    unknown = [family for family in families if family not in FAMILIES]
    if unknown:
        raise ArgumentError(f"family is {unknown[0]!r}", wanted="one of " + ", ".join(map(repr, FAMILIES)))
    happened = rows.event > 0
    if (happened & (rows.duration <= 0)).any():
        raise DataError(
            "events at time 0 have no density in a parametric family",
            next_step="count such customers as never started, or measure time more finely",
        )
    if rows.weight[happened].sum() < 3:
        raise DataError("fewer than three events", next_step="a family cannot be told from so little")
    fits = [_fit(rows.take(np.flatnonzero(rows.duration > 0)), family) for family in families]
    return tuple(sorted(fits, key=lambda fit: (np.isnan(fit.aic), fit.aic)))


def _fit(rows: SurvivalRows, family: str) -> ParametricFit:
    import lifelines
    from lifelines.exceptions import ConvergenceError

    fitters = {
        "weibull": lifelines.WeibullFitter,
        "log-normal": lifelines.LogNormalFitter,
        "log-logistic": lifelines.LogLogisticFitter,
        "generalised gamma": lifelines.GeneralizedGammaFitter,
    }
    scale = float(np.average(rows.duration, weights=rows.weight))  # optimisers like times near one
    fitter = fitters[family]()
    entry = None
    if rows.entry is not None:
        entry = rows.entry / scale
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # start values, step sizes; the result is judged below
            fitter.fit(
                rows.duration / scale,
                rows.event > 0,
                entry=entry,
                weights=rows.weight,
            )
    except (ConvergenceError, ValueError, np.linalg.LinAlgError) as error:
        return ParametricFit(
            family=family,
            parameters={},
            loglik=float("nan"),
            aic=float("nan"),
            bic=float("nan"),
            survival=lambda times: np.full(np.shape(times), np.nan),
            note=f"did not converge ({type(error).__name__})",
        )
    # Densities of t / scale are scale times those of t.
    events = float(rows.weight[rows.event > 0].sum())
    loglik = float(fitter.log_likelihood_ - events * np.log(scale))

    def survival(times: Any) -> Floats:
        at = np.maximum(np.asarray(times, dtype=np.float64) / scale, 1e-300)
        with np.errstate(all="ignore"):
            return np.asarray(fitter.survival_function_at_times(at), dtype=np.float64)

    return ParametricFit(
        family=family,
        parameters={name: float(value) for name, value in fitter.params_.items()} | {"time_scale": scale},
        loglik=loglik,
        aic=float(2 * len(fitter.params_) - 2 * loglik),
        bic=float(np.log(rows.weight.sum()) * len(fitter.params_) - 2 * loglik),
        survival=survival,
    )
