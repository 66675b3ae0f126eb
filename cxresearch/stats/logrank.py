"""Log-rank tests, also weighted in time and stratified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from cxresearch.checks import check_number
from cxresearch.errors import DataError
from cxresearch.results.logrank import LogRank
from cxresearch.stats.groups import group_codes, grouped_table
from cxresearch.stats.risk_table import SurvivalRows, survival_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def logrank(
    duration: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Log-rank test that groups follow one survival curve.

    Own code, small and equal to R's ``survdiff``: lifelines has neither strata nor delayed entry, nor does it
    return observed and expected counts.

    Parameters
    ----------
    duration, event, entry, counts
        As in :func:`cxresearch.stats.kaplan_meier.kaplan_meier`; any event above 0 counts.
    group : array-like, shape (n,)
        Label of the group; missing labels are refused.
    strata : array-like, shape (n,), optional
        Groups are compared within strata and the differences added.
    rho : float
        Weight S(t-)^rho (Harrington and Fleming 1982, doi:10.1093/biomet/69.3.553): 0 is the log-rank test,
        1 Peto and Peto's modification of Gehan-Wilcoxon, which looks at early differences.

    Returns
    -------
    LogRank

    Raises
    ------
    ArgumentError, DataError
        As for the curve; also with fewer than two groups, or no event.

    References
    ----------
    Mantel 1966, Cancer Chemotherapy Reports 50, 163-170.

    Examples
    --------
    >>> round(logrank([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 0, 1], list("aababb")).p_value, 3)
    0.11
    """
    rows = survival_rows(duration, event, entry=entry, counts=counts)
    names, codes = group_codes("group", group, rows, least=2)
    stratum = None if strata is None else group_codes("strata", strata, rows)[1]
    return logrank_of(rows, codes, names, strata=stratum, rho=rho)


def logrank_of(
    rows: SurvivalRows,
    group: NDArray[np.int64],
    names: tuple[str, ...],
    *,
    strata: NDArray[np.int64] | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Log-rank test of rows that have been checked; see :func:`logrank`. Weights count as case weights."""
    rho = check_number("rho", rho, at_least=0)
    if not (rows.event > 0).any():
        raise DataError("nobody has the event", next_step="a test needs events; lengthen the follow-up")
    size = len(names)
    observed, expected, covariance = np.zeros(size), np.zeros(size), np.zeros((size, size))
    parts = [np.arange(group.size)]
    if strata is not None:
        order = np.argsort(strata, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(strata[order])) + 1)
    for part in parts:
        if not (rows.event[part] > 0).any():
            continue
        seen, due, spread = _one_stratum(rows.take(part), group[part], size, rho)
        observed, expected, covariance = observed + seen, expected + due, covariance + spread
    statistic, df = chi_square(observed - expected, covariance)
    return LogRank(
        test="log-rank" + (f" rho {rho:g}" if rho else "") + (" stratified" if strata is not None else ""),
        groups=names,
        n=np.rint(np.bincount(group, weights=rows.weight, minlength=size)).astype(np.int64),
        observed=observed,
        expected=expected,
        covariance=covariance,
        statistic=statistic,
        df=df,
        p_value=float(chdtrc(df, statistic)),
    )


def _one_stratum(
    rows: SurvivalRows, group: NDArray[np.int64], size: int, rho: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Observed, expected and hypergeometric covariance of weighted events by group."""
    table = grouped_table(rows, group, size)
    events = table.events.sum(axis=0)
    d, n = events.sum(axis=0), table.at_risk.sum(axis=0)
    survival = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]])
    weight = survival**rho
    share = table.at_risk / n
    spread = weight**2 * d * np.where(n > 1, (n - d) / np.where(n > 1, n - 1, 1.0), 0.0)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    return (events * weight).sum(axis=1), (share * (weight * d)).sum(axis=1), covariance


def chi_square(score: NDArray[np.float64], covariance: NDArray[np.float64]) -> tuple[float, int]:
    """Quadratic form of scores that add up to zero, and its degrees of freedom.

    Groups that are never at risk beside another have no variance and do not count.
    """
    known = np.diag(covariance) > 1e-12 * max(float(np.diag(covariance).max()), 1e-300)
    df = int(known.sum()) - 1
    if df < 1:
        raise DataError(
            "no two groups are ever at risk together while an event happens",
            next_step="compare groups whose follow-up overlaps",
        )
    kept = np.flatnonzero(known)[:-1]
    part = score[kept]
    return float(part @ np.linalg.solve(covariance[np.ix_(kept, kept)], part)), df
