"""Residuals of a Cox regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import xlogy

from cxresearch.stats.hazards.cox import CoxData, score_residuals, term_means

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.stats.hazards.cox_fit import CoxFit


@dataclass(frozen=True, kw_only=True)
class CoxResiduals:
    """Residuals by row, and Schoenfeld residuals by event.

    Attributes
    ----------
    martingale : ndarray, shape (n,)
        Events seen less events expected.
    deviance : ndarray, shape (n,)
        The same, made symmetric.
    score : ndarray, shape (n, p)
        Contribution of each row to the gradient.
    influence : ndarray, shape (n, p)
        Change of the coefficients when the row is left out, to first order (R's ``dfbeta``).
    time : ndarray, shape (e,)
        Times of the events, rising within strata.
    schoenfeld : ndarray, shape (e, p)
        Covariates of the case less their mean in the risk set.
    """

    martingale: Floats
    deviance: Floats
    score: Floats
    influence: Floats
    time: Floats
    schoenfeld: Floats


def cox_residuals(fit: CoxFit, data: CoxData) -> CoxResiduals:
    """Residuals of a fit on the data it was made from, as R's ``residuals.coxph`` with Efron's ties.

    Parameters
    ----------
    fit : CoxFit
        From :func:`cxresearch.stats.hazards.cox.fit_of`.
    data : CoxData
        The data of that fit, from :func:`cxresearch.stats.hazards.cox.cox_data`.

    Returns
    -------
    CoxResiduals
        In the order of the rows; with delayed entry or start and stop a row is one interval.

    References
    ----------
    Therneau, T. M., Grambsch, P. M., & Fleming, T. R. (1990). Martingale-based residuals for survival models.
    Biometrika 77, 147-160. doi:10.1093/biomet/77.1.147
    Schoenfeld, D. (1982). Partial residuals for the proportional hazards regression model. Biometrika 69,
    239-241. doi:10.1093/biomet/69.1.239

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.stats.hazards.cox import cox_data, fit_of
    >>> data = cox_data([4, 3, 5, 2], [1, 1, 0, 1], pd.DataFrame({"x": [1, 3, 2, 2]}))
    >>> round(float(cox_residuals(fit_of(data), data).martingale.sum()), 10) + 0
    0.0
    """
    sets, beta = data.sets, fit.coefficient
    means = term_means(sets, data.x, beta)
    happened = np.zeros(data.x.shape[0])
    happened[sets.case] = 1.0
    expected = means.risk / sets.weight * sets.gathered(sets.mean_weight / means.total)
    martingale = happened - expected
    deviance = np.sign(martingale) * np.sqrt(
        np.maximum(-2 * (martingale + xlogy(happened, happened - martingale)), 0)
    )
    score = score_residuals(sets, data.x, beta) / sets.weight[:, None]
    ties = np.bincount(sets.at)[sets.at]
    tie_mean = np.column_stack([sets.tied(column)[sets.at] / ties for column in means.mean.T])
    return CoxResiduals(
        martingale=martingale,
        deviance=deviance,
        score=score,
        influence=(score * sets.weight[:, None]) @ fit.covariance,
        time=sets.time[sets.at],
        schoenfeld=data.x[sets.case] - tie_mean,
    )
