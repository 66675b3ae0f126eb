"""Survival predicted by a Cox regression, with its standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import as_numbers
from cxresearch.errors import ArgumentError
from cxresearch.stats.hazards.cox_maximum import CoxData, term_means
from cxresearch.stats.survival.limits import probability_limits

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.stats.hazards.cox_fit import CoxFit


def predicted_survival(
    fit: CoxFit,
    data: CoxData,
    covariates: pd.DataFrame,
    times: ArrayLike,
    *,
    stratum: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Survival of given people at given times.

    Own code: lifelines has Breslow's baseline, no standard error, and interpolates between times.

    Parameters
    ----------
    fit : CoxFit
        From :func:`cxresearch.stats.hazards.cox.fit_of`.
    data : CoxData
        The data of that fit.
    covariates : DataFrame, shape (m, p)
        One row a person, with the fit's covariates among its columns.
    times : array-like, shape (k,)
        Times from 0, in the unit of the durations.
    stratum : int
        Position of the stratum whose baseline to use.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame, shape (m * k, 7)
        Columns person (position in ``covariates``), time, survival, se, low, high, note. Efron's baseline
        and log-log limits, as R's ``survfit.coxph`` with ``conf.type="log-log"``. Beyond the last time
        anybody was observed values are NaN and ``note`` says so.

    Raises
    ------
    ArgumentError
        If a covariate is absent or a time negative.

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.stats.hazards.cox import cox_data, fit_of
    >>> x = pd.DataFrame({"score": [9, 2, 7, 3, 8, 5, 6, 4]})
    >>> data = cox_data([8, 2, 6, 5, 9, 7, 3, 4], [0, 1, 1, 1, 0, 1, 1, 1], x)
    >>> predicted_survival(fit_of(data), data, x.iloc[[5]], [4])["survival"].round(3).item()
    0.691
    """
    lost = [name for name in fit.names if name not in covariates.columns]
    if lost:
        raise ArgumentError(f"covariates lacks {lost[0]!r}", wanted=", ".join(fit.names))
    at = as_numbers("times", np.atleast_1d(np.asarray(times)))
    if (at < 0).any():
        raise ArgumentError(f"a time is negative: {at.min():g}", wanted="times of 0 or more")
    sets = data.sets
    if not 0 <= stratum <= int(sets.stratum.max()):
        raise ArgumentError(f"there is no stratum {stratum}", wanted=f"0 to {int(sets.stratum.max())}")
    x = covariates[list(fit.names)].to_numpy(dtype=np.float64) - data.centre
    means = term_means(sets, data.x, fit.coefficient)
    of = sets.stratum[sets.at] == stratum
    rate = (sets.mean_weight / means.total)[of]
    reached = np.searchsorted(sets.time[sets.at][of], at, side="right")
    hazard = np.concatenate([[0.0], np.cumsum(rate)])[reached]
    square = np.concatenate([[0.0], np.cumsum(sets.mean_weight[of] / means.total[of] ** 2)])[reached]
    mean = np.vstack([np.zeros(len(fit.names)), np.cumsum(rate[:, None] * means.mean[of], axis=0)])[reached]
    risk = np.exp(x @ fit.coefficient)
    pull = x[:, None, :] * hazard[None, :, None] - mean[None]
    variance = square[None] + np.einsum("mkp,pq,mkq->mk", pull, fit.used_covariance, pull)
    survival = np.exp(-risk[:, None] * hazard[None])
    se = survival * risk[:, None] * np.sqrt(variance)
    low, high = probability_limits(survival, se, level=level)
    end = float(data.rows.duration.max())
    beyond = np.broadcast_to(at > end, survival.shape)
    table = pd.DataFrame({"person": np.repeat(np.arange(len(x)), at.size), "time": np.tile(at, len(x))})
    for name, values in (("survival", survival), ("se", se), ("low", low), ("high", high)):
        table[name] = np.where(beyond, np.nan, values).ravel()
    table["note"] = np.where(beyond.ravel(), f"beyond the follow-up, which ends at {end:g}", "")
    return table
