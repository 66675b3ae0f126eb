"""Gray's test that groups share one cumulative incidence of a kind of event."""

from __future__ import annotations

from dataclasses import dataclass
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
    others = [int(code) for code in np.unique(rows.event) if code not in (0, kind)]
    table = grouped_table(rows, group, len(names), kinds=(kind, *others))
    parts = _parts(table)
    observed = parts.cases.sum(axis=1)
    expected = _expected(parts)
    covariance = _covariance(parts)
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


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What the test is made of, by group and time, each of shape (g, t).

    Attributes
    ----------
    people : ndarray
        At risk, Y; 1 where nobody is.
    cases, competing : ndarray
        Events of the kind tested, and of all others.
    survival, survival_before : ndarray
        S(t) and S(t-) of leaving in any way.
    incidence_before : ndarray
        F(t-) of the kind tested.
    exposure : ndarray
        h = Y / S(t-): who would be at risk if nobody left for other reasons.
    """

    people: Floats
    cases: Floats
    competing: Floats
    survival: Floats
    survival_before: Floats
    incidence_before: Floats
    exposure: Floats


def _parts(table: GroupedTable) -> _Parts:
    at_risk = table.at_risk
    people = np.where(at_risk > 0, at_risk, 1.0)
    cases = table.events[0]
    competing = table.events[1:].sum(axis=0)
    survival = np.cumprod(1 - (cases + competing) / people, axis=1)
    survival_before = _shifted(survival, 1.0)
    # A group counts at a time while some of it is at risk.
    present = (at_risk > 0) & (survival_before > 0)
    incidence = np.cumsum(np.where(present, survival_before * cases / people, 0.0), axis=1)
    return _Parts(
        people=people,
        cases=cases,
        competing=competing,
        survival=survival,
        survival_before=survival_before,
        incidence_before=_shifted(incidence, 0.0),
        exposure=np.where(present, _quotient(at_risk, survival_before), 0.0),
    )


def _quotient(a: Floats, b: Floats) -> Floats:
    """``a / b``, and 0 where b is not positive."""
    return np.asarray(np.where(b > 0, a / np.where(b > 0, b, 1.0), 0.0))


def _expected(parts: _Parts) -> Floats:
    """Events of each group under one common incidence, shape (g,)."""
    # Gray (1988): R_g = h_g (1 - F_g(t-)); expected events of g at t are R_g d / sum of R.
    exposed = parts.exposure * (1 - parts.incidence_before)
    cases = parts.cases.sum(axis=0)
    rate = np.where(cases > 0, cases / np.where(cases > 0, exposed.sum(axis=0), 1.0), 0.0)
    return np.asarray((exposed * rate).sum(axis=1))


def _shifted(values: Floats, first: float) -> Floats:
    """Values just before each time, shape (g, t)."""
    return np.concatenate([np.full((len(values), 1), first), values[:, :-1]], axis=1)


def _covariance(parts: _Parts) -> Floats:
    """Covariance of the scores, shape (g, g), from the martingales of both kinds of event in each group."""
    cases = parts.cases.sum(axis=0)
    exposure = parts.exposure.sum(axis=0)
    # Pooled incidence dF = d / sum of h, what is free of it after and before t, and its hazard.
    pooled = _quotient(cases, exposure)
    free = 1 - np.cumsum(pooled)
    free_before = np.concatenate([[1.0], free[:-1]])
    hazard = np.where(free_before > 1e-12, pooled / np.where(free_before > 1e-12, free_before, 1.0), 0.0)
    size = len(parts.exposure)
    share = parts.exposure / np.where(exposure > 0, exposure, 1.0)
    covariance = np.zeros((size, size))
    for g in range(size):
        h = parts.exposure[g]
        before = parts.survival_before[g]
        people = parts.people[g]
        survival = parts.survival[g]
        indicator = np.eye(size)[:, [g]] - share
        pull = indicator * h * hazard
        ahead = np.cumsum(pull[:, ::-1], axis=1)[:, ::-1] - pull
        ratio = free / np.where(survival > 0, survival, 1.0)
        # Integrands of the martingales of the kind tested and of the competing kinds.
        tested = indicator + ahead * (1 - ratio) * before / people
        other = -ahead * ratio * before / people
        # Tied events: 1 - (d - 1)/(n - 1), as in sampling without replacement.
        tied = 1 - np.maximum(cases - 1, 0) / np.maximum(exposure * before - 1, 1)
        tied_other = 1 - np.maximum(parts.competing[g] - 1, 0) / np.maximum(people - 1, 1)
        covariance += (tested * (h * pooled * tied)) @ tested.T
        covariance += (other * (parts.competing[g] * tied_other)) @ other.T
    return covariance
