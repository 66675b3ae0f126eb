"""Log-rank tests, also weighted in time and stratified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from cxresearch.checks import check_number
from cxresearch.errors import DataError
from cxresearch.results.result import Result
from cxresearch.results.units import format_p_value
from cxresearch.stats.survival.risk_table import RiskTable, SurvivalRows, risk_table, survival_rows
from cxresearch.stats.survival.survival_groups import group_codes, grouped_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class LogRank(Result):
    """A test of equal curves.

    Attributes
    ----------
    test : str
        Name and source: ``"log-rank"``, ``"log-rank stratified"``, ``"Gray (1988)"`` ...
    groups : tuple of str, length g
        Labels of the groups.
    n, observed, expected : ndarray, shape (g,)
        People, (weighted) events seen, and events expected if all groups followed one curve. More observed
        than expected: the group leaves faster.
    covariance : ndarray, shape (g, g)
        Of ``observed - expected``.
    statistic : float
        Chi-square.
    df : int
        Groups less one.
    p_value : float
        Of equal curves.
    kind : str
        Kind of event tested, for Gray's test.
    """

    test: str
    groups: tuple[str, ...]
    n: Ints
    observed: Floats
    expected: Floats
    covariance: Floats
    statistic: float
    df: int
    p_value: float
    kind: str = ""

    @property
    def frame(self) -> pd.DataFrame:
        """Table with columns group, n, observed, expected, ratio (observed over expected)."""
        return pd.DataFrame(
            {
                "group": self.groups,
                "n": self.n,
                "observed": self.observed,
                "expected": self.expected,
                "ratio": self.observed / self.expected,
            }
        )

    def __str__(self) -> str:
        if self.p_value != self.p_value:  # NaN: the name says why
            return self.test
        parts = ", ".join(
            f"{group} {seen:,.4g} seen against {due:,.4g} expected"
            for group, seen, due in zip(self.groups, self.observed, self.expected, strict=True)
        )
        name = f"{self.test}, {self.kind}" if self.kind else self.test
        verdict = f"chi-square {self.statistic:.2f} on {self.df} df, {format_p_value(self.p_value)}"
        return f"{name}: {verdict}; {parts}"

    __repr__ = __str__


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
        As in :func:`cxresearch.stats.survival.kaplan_meier.kaplan_meier`; any event above 0 counts.
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
    group: Ints,
    names: tuple[str, ...],
    *,
    strata: Ints | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Log-rank test of rows that have been checked; see :func:`logrank`. Weights count as case weights."""
    rho = check_number("rho", rho, at_least=0)
    if not (rows.event > 0).any():
        raise DataError("nobody has the event", next_step="a test needs events; lengthen the follow-up")
    size = len(names)
    observed, expected, covariance = np.zeros(size), np.zeros(size), np.zeros((size, size))
    for part in _parts(group.size, strata):
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


def _one_stratum(rows: SurvivalRows, group: Ints, size: int, rho: float) -> tuple[Floats, Floats, Floats]:
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


def robust_logrank_of(
    rows: SurvivalRows,
    group: Ints,
    names: tuple[str, ...],
    *,
    strata: Ints | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Log-rank test whose variance holds with sampling weights and clusters.

    The score is that of :func:`logrank_of`; its covariance is the sum over clusters of the outer products of
    what each cluster contributes to it (Lin and Wei 1989, doi:10.1080/01621459.1989.10478874).
    """
    rho = check_number("rho", rho, at_least=0)
    if not (rows.event > 0).any():
        raise DataError("nobody has the event", next_step="a test needs events; lengthen the follow-up")
    size = len(names)
    pull = np.zeros((group.size, size))
    observed, expected = np.zeros(size), np.zeros(size)
    for part in _parts(group.size, strata):
        if (rows.event[part] > 0).any():
            seen, due = _pulls(rows.take(part), group[part], size, rho, into=pull, at=part)
            observed, expected = observed + seen, expected + due
    summed = pull
    if rows.cluster is not None:
        summed = np.column_stack([np.bincount(rows.cluster, weights=column) for column in pull.T])
    covariance = summed.T @ summed
    statistic, df = chi_square(observed - expected, covariance)
    plain = "log-rank" + (f" rho {rho:g}" if rho else "") + (" stratified" if strata is not None else "")
    return LogRank(
        test=f"{plain}, robust",
        groups=names,
        n=np.bincount(group, minlength=size).astype(np.int64),
        observed=observed,
        expected=expected,
        covariance=covariance,
        statistic=statistic,
        df=df,
        p_value=float(chdtrc(df, statistic)),
    )


def _parts(size: int, strata: Ints | None) -> list[Ints]:
    """Positions of the rows of each stratum."""
    if strata is None:
        return [np.arange(size)]
    order = np.argsort(strata, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(strata[order])) + 1)


def _pulls(
    rows: SurvivalRows,
    group: Ints,
    size: int,
    rho: float,
    *,
    into: Floats,
    at: Ints,
) -> tuple[Floats, Floats]:
    """Write what each row contributes to the score of each group; return observed and expected events."""
    table = risk_table(rows, kinds=tuple(int(code) for code in np.unique(rows.event) if code > 0))
    d, n = table.any_event, table.at_risk
    weight = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]]) ** rho
    hazard = np.concatenate([[0.0], np.cumsum(weight * d / n)])
    leave, enter = table.exit_index, table.entry_index
    happened = (rows.event > 0) * weight[leave]
    observed, expected = np.empty(size), np.empty(size)
    for g in range(size):
        mine = group == g
        there = _part_at_risk(rows, table, mine)
        share = there / n
        shared = np.concatenate([[0.0], np.cumsum(share * weight * d / n)])
        exposed = mine * (hazard[leave + 1] - hazard[enter]) - (shared[leave + 1] - shared[enter])
        into[at, g] = rows.weight * (happened * (mine - share[leave]) - exposed)
        observed[g] = (rows.weight * happened * mine).sum()
        expected[g] = (share * weight * d).sum()
    return observed, expected


def _part_at_risk(rows: SurvivalRows, table: RiskTable, mine: Bools) -> Floats:
    """Weight of some of the rows at risk at each time of the table, shape (t,)."""
    size = table.time.size + 1
    weight = rows.weight * mine
    leaving = np.bincount(table.exit_index + 1, weights=weight, minlength=size)
    arriving = np.bincount(table.entry_index, weights=weight, minlength=size)
    return np.asarray(np.cumsum((leaving - arriving)[:0:-1])[::-1], dtype=np.float64)


def chi_square(score: Floats, covariance: Floats) -> tuple[float, int]:
    """Quadratic form of scores in a generalised inverse of their covariance, and its rank.

    The rank is one less than the number of groups where all of them meet; groups that are never at risk
    beside another have no variance, and sets of groups that never meet cost one degree of freedom each.
    """
    known = np.diag(covariance) > 1e-12 * max(float(np.diag(covariance).max()), 1e-300)
    root = np.sqrt(np.diag(covariance)[known])
    values, vectors = np.linalg.eigh(covariance[np.ix_(known, known)] / np.outer(root, root))
    spread = values > 1e-10
    df = int(spread.sum())
    if df < 1:
        raise DataError(
            "no two groups are ever at risk together while an event happens",
            next_step="compare groups whose follow-up overlaps",
        )
    part = vectors.T[spread] @ (score[known] / root)
    return float((part**2 / values[spread]).sum()), df
