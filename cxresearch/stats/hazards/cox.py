"""Cox regression with Efron's ties, start and stop, strata, weights and errors robust to clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_level
from cxresearch.errors import ArgumentError
from cxresearch.stats.hazards.cox_fit import CoxFit
from cxresearch.stats.hazards.cox_maximum import (
    CoxData,
    cox_data_of,
    maximum_of,
    moments_of,
    score_residuals,
)
from cxresearch.stats.models.clustered_covariance import cluster_sums
from cxresearch.stats.survival.risk_table import SurvivalRows, survival_rows
from cxresearch.stats.survival.survival_groups import group_codes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


def cox_data(
    duration: ArrayLike,
    event: ArrayLike,
    covariates: pd.DataFrame,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> CoxData:
    """Check the input of a Cox regression; arguments as :func:`fit_cox`."""
    rows = survival_rows(duration, event, entry=entry, weights=weights, clusters=clusters)
    if len(covariates) != rows.n_given:
        raise ArgumentError(
            f"covariates has {len(covariates):,} rows, duration {rows.n_given:,}", wanted="the same rows"
        )
    names = tuple(str(name) for name in covariates.columns)
    if not names:
        raise ArgumentError("there are no covariates", wanted="at least one column")
    if len(set(names)) < len(names):
        raise ArgumentError(f"covariates repeat a name: {names}")
    x = np.asfortranarray(np.column_stack([_column(covariates, position) for position in range(len(names))]))
    if rows.used is not None:
        x = x[rows.used]
    codes = None
    if strata is not None:
        codes = group_codes("strata", strata, rows)[1]
    return cox_data_of(rows, x, names, strata=codes)


def _column(covariates: pd.DataFrame, position: int) -> Floats:
    from cxresearch.checks import as_numbers

    name = f"covariate {covariates.columns[position]!r}"
    return as_numbers(name, covariates.iloc[:, position], booleans=True)


def fit_cox(
    duration: ArrayLike,
    event: ArrayLike,
    covariates: pd.DataFrame,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Fit a proportional-hazards regression.

    Own code: lifelines agrees on Efron's coefficients, but its clustered errors are 0.8 % low under ties, its
    weights are taken as counts and its proportionality test is the approximation R gave up; statsmodels'
    ``PHReg`` mishandles ``entry``.

    Parameters
    ----------
    duration, event : array-like, shape (n,)
        End of each interval, and 0 or 1 (any value above 0) for the event at its end.
    covariates : DataFrame, shape (n, p)
        Numbers; missing values are refused. Categories must be made into columns first.
    entry : array-like, shape (n,), optional
        Start of each interval: several rows per customer carry covariates that change, or left truncation.
    strata : array-like, shape (n,), optional
        Each stratum has a baseline hazard of its own. With strata of a few rows each (matched sets) robust
        errors are too small; they need many people at risk in each.
    weights : array-like, shape (n,), optional
        Sampling weights; errors become robust.
    clusters : array-like, shape (n,), optional
        Usually the customer; errors become robust (Lin and Wei 1989).
    level : float
        Confidence level.

    Returns
    -------
    CoxFit

    Raises
    ------
    ArgumentError, DataError
        If the input cannot be used, nobody has the event, or a covariate is constant or a combination of
        others.

    Warns
    -----
    CxWarning
        If a coefficient has no finite estimate because a covariate separates those who leave from those who
        stay.

    References
    ----------
    Efron 1977, doi:10.1080/01621459.1977.10480613; Lin and Wei 1989, doi:10.1080/01621459.1989.10478874.

    Examples
    --------
    >>> import pandas as pd
    >>> x = pd.DataFrame({"score": [9, 2, 7, 3, 8, 5, 6, 4]})
    >>> fit = fit_cox([8, 2, 6, 5, 9, 7, 3, 4], [0, 1, 1, 1, 0, 1, 1, 1], x)
    >>> fit.coefficient.round(3)
    array([-0.582])
    """
    check_level(level)
    data = cox_data(
        duration, event, covariates, entry=entry, strata=strata, weights=weights, clusters=clusters
    )
    return fit_of(data, level=level)


def fit_of(data: CoxData, *, level: float = 0.95) -> CoxFit:
    """Fit checked data; see :func:`fit_cox`."""
    top = maximum_of(data)
    null = top.null
    robust = None
    if data.rows.robust:
        robust = _sandwich(data, data.x / top.spread, top.scaled, top.scaled_inverse) / top.unscale
    return CoxFit(
        names=data.names,
        coefficient=top.coefficient,
        covariance=top.inverse,
        robust=robust,
        loglik_null=null.loglik,
        loglik=top.optimum.loglik,
        # Rao's score test at zero: U' I^-1 U.
        score_statistic=float(null.score @ np.linalg.solve(null.information, null.score)),
        n=data.rows.duration.size,
        n_events=data.sets.case.size,
        n_clusters=_n_clusters(data.rows),
        level=level,
        iterations=top.iterations,
        separated=top.separated,
    )


def _sandwich(data: CoxData, x: Floats, beta: Floats, inverse: Floats) -> Floats:
    """Covariance robust to clusters, shape (p, p)."""
    scores = score_residuals(data.sets, x, beta)
    if data.rows.cluster is not None:
        scores = cluster_sums(scores.T, data.rows.cluster).T
    # Lin and Wei (1989): I^-1 (sum over clusters of U_g U_g') I^-1.
    return np.asarray(inverse @ moments_of(scores, np.ones(len(scores))) @ inverse)


def _n_clusters(rows: SurvivalRows) -> int:
    # Rows of weight zero may have taken whole clusters with them, so those that are left are counted.
    if rows.cluster is not None and rows.robust:
        return int(np.unique(rows.cluster).size)
    return int(rows.duration.size)
