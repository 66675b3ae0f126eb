"""Gray's test that groups share one cumulative incidence of a kind of event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from cxresearch.errors import DataError
from cxresearch.stats.hazards.logrank import LogRank, chi_square
from cxresearch.stats.survival.risk_table import SurvivalRows, survival_rows
from cxresearch.stats.survival.survival_groups import GroupedTable, group_codes, grouped_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats, Ints


def gray_test(
    duration: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    kind: int = 1,
    counts: ArrayLike | None = None,
) -> LogRank:
    """Gray's test that groups share one cumulative incidence of one kind of event.

    Written from the paper; no Python library offers it. Equal to cmprsk's ``cuminc`` (rho = 0) to rounding.

    Parameters
    ----------
    duration, event, counts
        As in :func:`cxresearch.stats.survival.aalen_johansen.aalen_johansen`. The paper has no delayed entry.
    group : array-like, shape (n,)
        Label of the group.
    kind : int
        Event code whose incidence is compared; all other codes above 0 compete.

    Returns
    -------
    LogRank
        ``observed`` are the events of the kind, ``expected`` those under one common incidence.

    Raises
    ------
    ArgumentError, DataError
        As for the curve; also with fewer than two groups or no event of the kind.

    Notes
    -----
    With h_g = Y_g / S_g(t-) and R_g = h_g (1 - F_g(t-)), the score of group g is the sum over times of
    ``d_g - R_g d / sum R``. Its variance integrates the martingales of both kinds of event over the pooled
    incidence ``dF = d / sum h``; tied events enter with the factor 1 - (d - 1)/(n - 1) of sampling without
    replacement.

    References
    ----------
    Gray 1988, doi:10.1214/aos/1176350951.

    Examples
    --------
    >>> test = gray_test([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 1, 2, 0, 2, 1], list("ababbaba"))
    >>> test.observed
    array([2., 2.])
    """
    rows = survival_rows(duration, event, counts=counts)
    names, codes = group_codes("group", group, rows, least=2)
    return gray_of(rows, codes, names, kind=kind)


def gray_of(
    rows: SurvivalRows, group: Ints, names: tuple[str, ...], *, kind: int = 1, label: str = ""
) -> LogRank:
    """Gray's test of rows that have been checked; see :func:`gray_test`."""
    if rows.entry is not None:
        raise DataError(
            "Gray's test does not cover delayed entry", next_step="compare the incidence at a time instead"
        )
    if not (rows.event == kind).any():
        raise DataError(f"nobody has event {kind}", next_step="choose a kind that occurs")
    kinds = (kind, *(int(code) for code in np.unique(rows.event) if code not in (0, kind)))
    table = grouped_table(rows, group, len(names), kinds=kinds)
    observed, expected, covariance = _score(table)
    statistic, df = chi_square(observed - expected, covariance)
    return LogRank(
        test="Gray (1988)",
        groups=names,
        n=np.rint(np.bincount(group, weights=rows.weight, minlength=len(names))).astype(np.int64),
        observed=observed,
        expected=expected,
        covariance=covariance,
        statistic=statistic,
        df=df,
        p_value=float(chdtrc(df, statistic)),
        kind=label or f"kind {kind}",
    )


def _score(
    table: GroupedTable,
) -> tuple[Floats, Floats, Floats]:
    """Observed and expected events of the first kind by group, and the covariance of their difference."""
    y = table.at_risk
    present = y > 0
    people = np.where(present, y, 1.0)
    own, other = table.events[0], table.events[1:].sum(axis=0)
    survival = np.cumprod(1 - (own + other) / people, axis=1)
    before = _shifted(survival, 1.0)
    here = present & (before > 0)
    incidence = np.cumsum(np.where(here, before * own / people, 0.0), axis=1)
    h = np.where(here, y / np.where(here, before, 1.0), 0.0)
    r = h * (1 - _shifted(incidence, 0.0))
    d = own.sum(axis=0)
    counted = d > 0
    expected = (r * np.where(counted, d / np.where(counted, r.sum(axis=0), 1.0), 0.0)).sum(axis=1)
    return own.sum(axis=1), expected, _covariance(people, own, other, survival, before, h)


def _shifted(values: Floats, first: float) -> Floats:
    """Values just before each time, shape (g, t)."""
    return np.concatenate([np.full((len(values), 1), first), values[:, :-1]], axis=1)


def _covariance(
    people: Floats,
    own: Floats,
    other: Floats,
    survival: Floats,
    before: Floats,
    h: Floats,
) -> Floats:
    """Covariance of the scores, shape (g, g); all arguments have shape (g, t)."""
    d, total = own.sum(axis=0), h.sum(axis=0)
    pooled = np.where(total > 0, d / np.where(total > 0, total, 1.0), 0.0)
    free = 1 - np.cumsum(pooled)
    left = np.concatenate([[1.0], free[:-1]])
    hazard = np.where(left > 1e-12, pooled / np.where(left > 1e-12, left, 1.0), 0.0)
    size = len(h)
    covariance = np.zeros((size, size))
    share = h / np.where(total > 0, total, 1.0)
    for g in range(size):
        p = np.eye(size)[:, [g]] - share
        ahead = np.cumsum((p * h[g] * hazard)[:, ::-1], axis=1)[:, ::-1] - p * h[g] * hazard
        ratio = free / np.where(survival[g] > 0, survival[g], 1.0)
        a = p + ahead * (1 - ratio) * before[g] / people[g]
        b = -ahead * ratio * before[g] / people[g]
        tied = 1 - np.maximum(d - 1, 0) / np.maximum(total * before[g] - 1, 1)
        tied_other = 1 - np.maximum(other[g] - 1, 0) / np.maximum(people[g] - 1, 1)
        covariance += (a * (h[g] * pooled * tied)) @ a.T + (b * (other[g] * tied_other)) @ b.T
    return covariance
