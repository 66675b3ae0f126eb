"""Log-rank tests, also weighted in time and stratified."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from cxresearch.checks import check_number
from cxresearch.errors import DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_p_value
from cxresearch.stats.models.clustered_covariance import cluster_sums
from cxresearch.stats.survival.risk_table import RiskTable, SurvivalRows, risk_table, survival_rows
from cxresearch.stats.survival.survival_groups import group_codes, grouped_table

if TYPE_CHECKING:
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

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Events seen, and expected if all groups followed one curve",
            columns=(
                Column(name="group", label="group", meaning="label of the group"),
                Column(name="n", label="n", meaning="people or rows"),
                Column(name="observed", label="seen", meaning="(weighted) events seen"),
                Column(name="expected", label="expected", meaning="events under one common curve"),
                Column(name="ratio", label="ratio", meaning="seen over expected", unit=Unit.RATIO),
            ),
        )
    }

    @property
    def table(self) -> pd.DataFrame:
        """One row a group."""
        return pd.DataFrame(
            {
                "group": self.groups,
                "n": self.n,
                "observed": self.observed,
                "expected": self.expected,
                "ratio": self.observed / self.expected,
            }
        )

    @property
    def finding(self) -> str:
        """The test in a sentence; where it could not be made, the reason."""
        if math.isnan(self.p_value):
            return self.test
        name = self.test
        if self.kind:
            name += f", {self.kind}"
        test = f"chi-square {self.statistic:.2f} on {self.df} df, {format_p_value(self.p_value)}"
        fastest = int(np.argmax(self.observed / self.expected))
        return (
            f"{name}: {test}; most in {self.groups[fastest]}, {self.observed[fastest]:,.4g} events seen "
            f"against {self.expected[fastest]:,.4g} expected."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Nothing beside the finding."""
        return ()


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
    stratum = None
    if strata is not None:
        stratum = group_codes("strata", strata, rows)[1]
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
    strata_rows = _strata_with_events(rows, strata)
    size = len(names)
    counts = _GroupCounts.zero(size)
    covariance = np.zeros((size, size))
    for stratum in strata_rows:
        more, spread = _one_stratum(rows.take(stratum), group[stratum], size, rho)
        counts = counts.plus(more)
        covariance = covariance + spread
    n = np.rint(np.bincount(group, weights=rows.weight, minlength=size))
    return _tested(_test_name(rho, strata), names, n, counts, covariance)


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
    strata_rows = _strata_with_events(rows, strata)
    size = len(names)
    counts = _GroupCounts.zero(size)
    influence = np.zeros((group.size, size))
    for stratum in strata_rows:
        more, influence[stratum] = _row_scores(rows.take(stratum), group[stratum], size, rho)
        counts = counts.plus(more)
    if rows.cluster is not None:
        influence = cluster_sums(influence.T, rows.cluster).T
    n = np.bincount(group, minlength=size)
    return _tested(f"{_test_name(rho, strata)}, robust", names, n, counts, influence.T @ influence)


@dataclass(frozen=True, kw_only=True)
class _GroupCounts:
    """Weighted events of each group, shape (g,): seen, and expected under one common curve."""

    observed: Floats
    expected: Floats

    @classmethod
    def zero(cls, size: int) -> _GroupCounts:
        return cls(observed=np.zeros(size), expected=np.zeros(size))

    def plus(self, other: _GroupCounts) -> _GroupCounts:
        return _GroupCounts(observed=self.observed + other.observed, expected=self.expected + other.expected)


def _tested(
    test: str, names: tuple[str, ...], n: Floats | Ints, counts: _GroupCounts, covariance: Floats
) -> LogRank:
    statistic, df = chi_square(counts.observed - counts.expected, covariance)
    return LogRank(
        test=test,
        groups=names,
        n=n.astype(np.int64),
        observed=counts.observed,
        expected=counts.expected,
        covariance=covariance,
        statistic=statistic,
        df=df,
        p_value=float(chdtrc(df, statistic)),
    )


def _test_name(rho: float, strata: Ints | None) -> str:
    name = "log-rank"
    if rho:
        name += f" rho {rho:g}"
    if strata is not None:
        name += " stratified"
    return name


def _strata_with_events(rows: SurvivalRows, strata: Ints | None) -> list[Ints]:
    """Positions of the rows of each stratum in which somebody has the event."""
    happened = rows.event > 0
    if not happened.any():
        raise DataError("nobody has the event", next_step="a test needs events; lengthen the follow-up")
    if strata is None:
        return [np.arange(rows.event.size)]
    order = np.argsort(strata, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(strata[order])) + 1)
    return [part for part in parts if happened[part].any()]


def _one_stratum(rows: SurvivalRows, group: Ints, size: int, rho: float) -> tuple[_GroupCounts, Floats]:
    """Weighted events by group and their hypergeometric covariance, shape (g, g)."""
    table = grouped_table(rows, group, size)
    events = table.events.sum(axis=0)
    d = events.sum(axis=0)
    n = table.at_risk.sum(axis=0)
    # Harrington and Fleming (1982): the weight of a time is S(t-)^rho of the pooled curve.
    survival = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]])
    weight = survival**rho
    share = table.at_risk / n
    # Mantel (1966): cov(d_g, d_h) = d (n - d)/(n - 1) (Y_g/n) (1(g = h) - Y_h/n).
    shrinking = np.where(n > 1, (n - d) / np.where(n > 1, n - 1, 1.0), 0.0)
    spread = weight**2 * d * shrinking
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    counts = _GroupCounts(observed=(events * weight).sum(axis=1), expected=(share * (weight * d)).sum(axis=1))
    return counts, covariance


def _row_scores(rows: SurvivalRows, group: Ints, size: int, rho: float) -> tuple[_GroupCounts, Floats]:
    """Events by group, and what each row contributes to the score of each group, shape (n, g)."""
    table = risk_table(rows, kinds=tuple(int(code) for code in np.unique(rows.event) if code > 0))
    d = table.any_event
    n = table.at_risk
    weight = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]]) ** rho
    hazard_gain = weight * d / n
    event_weight = (rows.event > 0) * weight[table.exit_index]
    observed = np.empty(size)
    expected = np.empty(size)
    scores = np.empty((group.size, size))
    for g in range(size):
        member = group == g
        share = _part_at_risk(rows, table, member) / n
        # Lin and Wei (1989) with one indicator as covariate:
        # U_ig = W(t_i) d_i (z_ig - Y_g/n) - sum over times at risk of W (z_ig - Y_g/n) dLambda.
        exposed = member * _met(hazard_gain, table) - _met(share * hazard_gain, table)
        scores[:, g] = rows.weight * (event_weight * (member - share[table.exit_index]) - exposed)
        observed[g] = (rows.weight * event_weight * member).sum()
        expected[g] = (share * weight * d).sum()
    return _GroupCounts(observed=observed, expected=expected), scores


def _met(gain: Floats, table: RiskTable) -> Floats:
    """Sum of what is gained at each time (t,) over the times at which each row is at risk, shape (n,)."""
    running = np.concatenate([[0.0], np.cumsum(gain)])
    return np.asarray(running[table.exit_index + 1] - running[table.entry_index])


def _part_at_risk(rows: SurvivalRows, table: RiskTable, member: Bools) -> Floats:
    """Weight of some of the rows at risk at each time of the table, shape (t,)."""
    size = table.time.size + 1
    weight = rows.weight * member
    leaving = np.bincount(table.exit_index + 1, weights=weight, minlength=size)
    arriving = np.bincount(table.entry_index, weights=weight, minlength=size)
    return np.asarray(np.cumsum((leaving - arriving)[:0:-1])[::-1], dtype=np.float64)


def chi_square(score: Floats, covariance: Floats) -> tuple[float, int]:
    """Quadratic form of scores in a generalised inverse of their covariance, and its rank.

    The rank is one less than the number of groups where all of them meet; groups that are never at risk
    beside another have no variance, and sets of groups that never meet cost one degree of freedom each.
    """
    variance = np.diag(covariance)
    varies = variance > 1e-12 * max(float(variance.max()), 1e-300)
    root = np.sqrt(variance[varies])
    values, vectors = np.linalg.eigh(covariance[np.ix_(varies, varies)] / np.outer(root, root))
    spread = values > 1e-10
    df = int(spread.sum())
    if df < 1:
        raise DataError(
            "no two groups are ever at risk together while an event happens",
            next_step="compare groups whose follow-up overlaps",
        )
    # U' V^- U over the eigenvectors of the correlation that carry variance.
    coordinates = vectors.T[spread] @ (score[varies] / root)
    return float((coordinates**2 / values[spread]).sum()), df
