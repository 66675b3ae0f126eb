"""DeLong's test for AUCs of several scores on the same rows, in linear time for discrete scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.checks import as_numbers, check_level, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.prediction.ipcw import level_codes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats, Places

METHOD = "DeLong, DeLong and Clarke-Pearson (1988)"


@dataclass(frozen=True, kw_only=True)
class CorrelatedAUC:
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
    """

    names: tuple[str, ...]
    auc: Floats
    covariance: Floats
    same: Bools
    cases: int
    controls: int
    level: float

    def estimate(self, name: str) -> Estimate:
        """AUC of one score with a Wald interval cut at 0 and 1; no interval where the variance is zero."""
        place = self.names.index(name)
        value, se = float(self.auc[place]), float(np.sqrt(self.covariance[place, place]))
        half = normal_quantile(self.level) * se if se > 0 else float("nan")
        return Estimate(
            name=f"AUC of {name}",
            value=value,
            low=max(0.0, value - half) if se > 0 else half,
            high=min(1.0, value + half) if se > 0 else half,
            level=self.level,
            se=se,
            n=self.cases + self.controls,
            unit=Unit.AUC,
            method=METHOD,
            note="" if se > 0 else "the DeLong variance is zero, so there is no interval",
        )

    def contrast(self, first: str, second: str) -> Contrast:
        """Difference of two AUCs with interval and z test.

        Where the standard error is 0 although the scores differ (one is constant, or both separate cases from
        controls) nothing is known about the error: limits and test are NaN, and the note says so.
        """
        i, j = self.names.index(first), self.names.index(second)
        difference = float(self.auc[i] - self.auc[j])
        variance = self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j]
        se = float(np.sqrt(np.maximum(variance, 0.0)))  # NaN stays NaN
        se, same = 0.0 if se < 1e-12 else se, bool(self.same[i, j])
        z, p_value = z_test(difference, se, same=same)
        half = normal_quantile(self.level) * se if se > 0 or same else float("nan")
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
            test=f"z test, {METHOD}",
            method="Wald",
            note=_note(se, same=same),
        )


def _note(se: float, *, same: bool) -> str:
    if same:
        return "both scores rank the rows alike"
    return "" if se > 0 else "the variance of the difference is zero or not known, so there is no interval"


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


def delong(outcome: ArrayLike, scores: Mapping[str, ArrayLike], *, level: float = 0.95) -> CorrelatedAUC:
    """Compare AUCs of scores measured on the same rows.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        1 for a case, 0 for a control.
    scores : mapping of name to array-like, shape (n,)
        Higher means riskier. Ties count one half. Missing values are refused.
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
        No case or no control.

    Notes
    -----
    Scores with few levels are first counted into a joint histogram of cases and controls, so the statistics
    cost O(cells); otherwise O(n log n). Assumes independent rows: use :func:`cxresearch.compare` for several
    rows of one customer. Agrees with pROC 1.19 ``roc.test(method = "delong", paired = TRUE)`` to 1e-12.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595.

    Examples
    --------
    >>> found = delong([0, 0, 0, 1, 1, 1], {"a": [1, 2, 2, 2, 3, 3], "b": [1, 1, 3, 1, 2, 3]})
    >>> found.contrast("a", "b")
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
    cases, controls = int(y.sum()), int(len(y) - y.sum())
    if not cases or not controls:
        raise DataError("everyone is a case" if cases else "nobody is a case", wanted="cases and controls")
    cells, case, control = _histogram(y, codes)
    auc, covariance = delong_from_counts(cells, case, control)
    return CorrelatedAUC(
        names=tuple(scores),
        auc=auc,
        covariance=covariance,
        same=np.array([[np.array_equal(one, two) for two in codes] for one in codes]),
        cases=cases,
        controls=controls,
        level=level,
    )


def _histogram(y: Floats, codes: list[Places]) -> tuple[Places, Floats, Floats]:
    """Count rows by joint level where that makes fewer cells than rows."""
    shape = tuple(int(code.max()) + 1 for code in codes)
    if prod(shape) > len(y):
        return np.stack(codes), y, 1 - y
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
    m, n = cases.sum(), controls.sum()
    below, above = np.empty(levels.shape), np.empty(levels.shape)
    for index, code in enumerate(levels):
        case, control = np.bincount(code, weights=cases), np.bincount(code, weights=controls)
        below[index] = ((np.cumsum(control) - control / 2) / n)[code]
        above[index] = (1 - (np.cumsum(case) - case / 2) / m)[code]
    auc = below @ cases / m
    if m < 2 or n < 2:
        return auc, np.full((len(levels), len(levels)), np.nan)
    below -= auc[:, None]
    above -= auc[:, None]
    spread = (below * cases) @ below.T / (m - 1) / m + (above * controls) @ above.T / (n - 1) / n
    return auc, spread
