"""DeLong's test for AUCs of several scores on the same rows, in linear time for discrete scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy import stats

from cxresearch.checks import as_numbers, check_level, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import cluster_codes
from cxresearch.stats.prediction.few_leavers import effective_df, without_own_cluster
from cxresearch.stats.prediction.ipcw import level_codes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats, Places

METHOD = "DeLong, DeLong and Clarke-Pearson (1988)"


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CorrelatedAUC(Result):
    """AUCs of m scores on the same rows with their covariance.

    Attributes
    ----------
    names : tuple of str
    auc : array, shape (m,)
    covariance : array, shape (m, m)
        NaN with a single case or a single control.
    same : array of bool, shape (m, m)
        Whether two scores rank the rows alike, so that their AUCs are equal by definition.
    cases, controls : int
    level : float
    cluster_sums : array, shape (m, clusters), or None
        Influence of each cluster, where there are any; intervals and tests are then Student's t.
    """

    names: tuple[str, ...]
    auc: Floats
    covariance: Floats
    same: Bools
    cases: int
    controls: int
    level: float
    cluster_sums: Floats | None = None

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="AUC with {level} intervals; {cases:,} cases, {controls:,} controls",
            columns=(
                Column(name="score", label="score", meaning="the score judged"),
                Column(
                    name="auc",
                    label="AUC",
                    meaning="chance that a case was scored above a control, ties one half",
                    unit=Unit.AUC,
                    low="low",
                    high="high",
                ),
            ),
        )
    }

    @property
    def table(self) -> pd.DataFrame:
        """One row a score: score, auc, low, high, se."""
        import pandas as pd

        # Wald intervals cut at 0 and 1; none where the DeLong variance is 0.
        estimates = [self.estimate(name) for name in self.names]
        return pd.DataFrame(
            {
                "score": self.names,
                "auc": self.auc,
                "low": [estimate.low for estimate in estimates],
                "high": [estimate.high for estimate in estimates],
                "se": [estimate.se for estimate in estimates],
            }
        )

    @property
    def finding(self) -> str:
        """The score that tells most, and whether the next one is told apart from it."""
        ranked = sorted(self.names, key=lambda name: -self.auc[self.names.index(name)])
        text = f"{self.estimate(ranked[0]).finding}."
        if len(ranked) > 1:
            text += f" {self.contrast(ranked[0], ranked[1]).finding}."
        return text

    @property
    def notes(self) -> tuple[str, ...]:
        """Scores without an interval."""
        return tuple(
            f"{estimate.name}: {estimate.note}."
            for estimate in map(self.estimate, self.names)
            if estimate.note
        )

    def estimate(self, name: str) -> Estimate:
        """AUC of one score with a Wald interval cut at 0 and 1; no interval where the variance is zero."""
        place = self.names.index(name)
        value = float(self.auc[place])
        se, df = self._error(np.eye(len(self.names))[place])
        low = high = float("nan")
        note = "the DeLong variance is zero, so there is no interval"
        if se > 0:
            half = _critical(self.level, df) * se
            low = max(0.0, value - half)
            high = min(1.0, value + half)
            note = ""
        return Estimate(
            name=f"AUC of {name}",
            value=value,
            low=low,
            high=high,
            level=self.level,
            se=se,
            n=self.cases + self.controls,
            unit=Unit.AUC,
            method=self._method,
            note=note,
        )

    @property
    def _method(self) -> str:
        if self.cluster_sums is None:
            return METHOD
        return f"{METHOD}, by {self.cluster_sums.shape[1]:,} clusters"

    def _error(self, combination: Floats) -> tuple[float, float]:
        """Standard error of a combination of the AUCs, shape (m,), and its degrees of freedom."""
        # var(c' a) = c' V c; NaN with a single case or control stays NaN.
        variance = combination @ self.covariance @ combination
        se = float(np.sqrt(np.maximum(variance, 0.0)))
        if se < 1e-12:
            return 0.0, float("inf")
        if self.cluster_sums is None:
            return se, float("inf")
        return se, effective_df(combination @ self.cluster_sums)

    def contrast(self, first: str, second: str) -> Contrast:
        """Difference of two AUCs with interval and z test.

        Where the standard error is 0 although the scores differ (one is constant, or both separate cases from
        controls) nothing is known about the error: limits and test are NaN, and the note says so.
        """
        i = self.names.index(first)
        j = self.names.index(second)
        difference = float(self.auc[i] - self.auc[j])
        units = np.eye(len(self.names))
        se, df = self._error(units[i] - units[j])
        same = bool(self.same[i, j])
        z, p_value = z_test(difference, se, same=same)
        half = float("nan")
        if se > 0 or same:
            half = _critical(self.level, df) * se
        test = f"z test, {self._method}"
        if np.isfinite(df) and not same:
            p_value = float(2 * stats.t.sf(abs(z), df))
            test = f"t test, {self._method}"
        return Contrast(
            name="AUC",
            first=first,
            second=second,
            difference=difference,
            low=difference - half,
            high=difference + half,
            level=self.level,
            se=se,
            statistic=z,
            p_value=p_value,
            n=self.cases + self.controls,
            unit=Unit.AUC,
            test=test,
            method="Wald",
            note=_note(se, same=same),
        )


def _critical(level: float, df: float) -> float:
    if np.isinf(df):
        return normal_quantile(level)
    return float(stats.t.ppf((1 + level) / 2, df))


def _note(se: float, *, same: bool) -> str:
    if same:
        return "both scores rank the rows alike"
    if se > 0:
        return ""
    return "the variance of the difference is zero or not known, so there is no interval"


def z_test(difference: float, se: float, *, same: bool = False) -> tuple[float, float]:
    """Return z and its two-sided p-value.

    Parameters
    ----------
    difference, se : float
        Estimate and its standard error.
    same : bool
        Both sides are one thing by definition, so that the difference is known to be 0.

    Returns
    -------
    z, p_value : float
        0 and 1 where both are the same; NaN where the standard error is 0 or missing, which is no evidence of
        any kind.

    Examples
    --------
    >>> z_test(0.0, 0.0), z_test(0.0, 0.0, same=True)
    ((nan, nan), (0.0, 1.0))
    """
    if same:
        return 0.0, 1.0
    if not se > 0:
        return float("nan"), float("nan")
    z = difference / se
    return z, float(2 * stats.norm.sf(abs(z)))


def delong(
    outcome: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> CorrelatedAUC:
    """Compare AUCs of scores measured on the same rows.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        1 for a case, 0 for a control.
    scores : mapping of name to array-like, shape (n,)
        Higher means riskier. Ties count one half. Missing values are refused.
    clusters : array-like, shape (n,), optional
        Labels, usually the customer; rows of one cluster may depend on each other in any way. Errors are then
        those of leaving clusters out, and intervals Student's t with Satterthwaite's degrees of freedom: 80
        very unequal clusters cover 95 to 96 %, where the plain sandwich covers 88 % (docs/validation.md).
    level : float
        Confidence level.

    Returns
    -------
    CorrelatedAUC

    Raises
    ------
    ArgumentError
        Missing values, lengths that differ, an outcome other than 0 and 1.
    DataError
        No case or no control, or a single cluster.

    Notes
    -----
    Scores with few levels are first counted into a joint histogram of cases and controls, so the statistics
    cost O(cells); otherwise O(n log n). Without `clusters` it assumes independent rows, and agrees with pROC
    1.19 ``roc.test(method = "delong", paired = TRUE)`` to 1e-12.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595.

    Examples
    --------
    >>> areas = delong([0, 0, 0, 1, 1, 1], {"a": [1, 2, 2, 2, 3, 3], "b": [1, 1, 3, 1, 2, 3]})
    >>> areas.contrast("a", "b")
    AUC: a minus b +0.278 [−0.130, +0.685], p 0.181, n 6
    """
    level = check_level(level)
    y = as_numbers("outcome", outcome, booleans=True)
    if not np.isin(y, (0, 1)).all():
        raise ArgumentError("outcome holds other values than 0 and 1", wanted="1 for a case, 0 for a control")
    if not scores:
        raise ArgumentError("scores is empty", wanted="at least one score")
    codes = []
    for name, values in scores.items():
        code, _ = level_codes(name, values)
        check_same_length(outcome=y, **{name: code})
        codes.append(code)
    cases = int(y.sum())
    controls = len(y) - cases
    if not cases:
        raise DataError("nobody is a case", wanted="cases and controls")
    if not controls:
        raise DataError("everyone is a case", wanted="cases and controls")
    sums = None
    if clusters is None:
        cells, case, control = _histogram(y, codes)
        auc, covariance = delong_from_counts(cells, case, control)
    else:
        auc, sums = _by_cluster(y == 1, np.stack(codes), clusters)
        covariance = sums @ sums.T
    return CorrelatedAUC(
        names=tuple(scores),
        auc=auc,
        covariance=covariance,
        same=np.array([[np.array_equal(first, second) for second in codes] for first in codes]),
        cases=cases,
        controls=controls,
        level=level,
        cluster_sums=sums,
    )


def _by_cluster(case: Bools, codes: Places, clusters: ArrayLike) -> tuple[Floats, Floats]:
    """AUCs, shape (m,), and influence by cluster, shape (m, clusters)."""
    check_same_length(outcome=case, clusters=clusters)
    groups = cluster_codes(clusters)
    if groups.max() < 1:
        raise DataError("all rows belong to one cluster", wanted="two or more, to tell signal from noise")
    y = case.astype(np.float64)
    controls_below, cases_above = _placements(codes, y, 1 - y)
    auc = controls_below @ y / y.sum()
    # AUC - truth = mean over cases of (V10 - AUC) + mean over controls of (V01 - AUC).
    influence = np.where(
        case, (controls_below - auc[:, None]) / y.sum(), (cases_above - auc[:, None]) / (1 - y).sum()
    )
    return auc, without_own_cluster(influence, case, groups)


def _placements(levels: Places, cases: Floats, controls: Floats) -> tuple[Floats, Floats]:
    """Structural components V10 and V01, shape (m, cells): shares of the other side below and above."""
    controls_below = np.empty(levels.shape)
    cases_above = np.empty(levels.shape)
    for index, code in enumerate(levels):
        case = np.bincount(code, weights=cases)
        control = np.bincount(code, weights=controls)
        # Ties count one half.
        controls_below[index] = ((np.cumsum(control) - control / 2) / controls.sum())[code]
        cases_above[index] = (1 - (np.cumsum(case) - case / 2) / cases.sum())[code]
    return controls_below, cases_above


def _histogram(y: Floats, codes: list[Places]) -> tuple[Places, Floats, Floats]:
    """Count rows by joint level where that makes fewer cells than rows."""
    shape = tuple(int(code.max()) + 1 for code in codes)
    if prod(shape) > len(y):
        return np.stack(codes), y, 1 - y
    # One number for each combination of levels.
    cell = np.ravel_multi_index(codes, shape)
    total: Floats = np.bincount(cell, minlength=prod(shape)).astype(np.float64)
    case: Floats = np.bincount(cell, weights=y, minlength=prod(shape)).astype(np.float64)
    used = np.flatnonzero(total)
    return np.stack(np.unravel_index(used, shape)), case[used], total[used] - case[used]


def delong_from_counts(levels: Places, cases: Floats, controls: Floats) -> tuple[Floats, Floats]:
    """AUCs and covariance from counts by joint level of the scores.

    Parameters
    ----------
    levels : array of int, shape (m, cells)
        Level number of each score in each cell, higher meaning riskier.
    cases, controls : array, shape (cells,)

    Returns
    -------
    auc : array, shape (m,)
    covariance : array, shape (m, m)

    Examples
    --------
    >>> auc, _ = delong_from_counts(np.array([[0, 1]]), np.array([1.0, 3.0]), np.array([3.0, 1.0]))
    >>> auc
    array([0.75])
    """
    m = cases.sum()
    n = controls.sum()
    controls_below, cases_above = _placements(levels, cases, controls)
    auc = controls_below @ cases / m
    if m < 2 or n < 2:
        return auc, np.full((len(levels), len(levels)), np.nan)
    # DeLong, DeLong and Clarke-Pearson (1988): S10 / m + S01 / n.
    controls_below -= auc[:, None]
    cases_above -= auc[:, None]
    of_cases = (controls_below * cases) @ controls_below.T / (m - 1)
    of_controls = (cases_above * controls) @ cases_above.T / (n - 1)
    return auc, of_cases / m + of_controls / n
