"""Means, shares and ratios under a survey design: weights, clusters, strata, finite populations, domains.

Taylor linearisation throughout: each row gets its influence on the estimate, the influences are summed within
clusters, and the variance is that of cluster totals within strata.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cxresearch.checks import as_numbers, check_level, check_same_length
from cxresearch.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Ints

#: Rounds of taking out one margin after another.
_ROUNDS = 1000


class DesignMean(NamedTuple):
    """A linearised estimate: its error, interval, degrees of freedom and design effect."""

    value: float
    se: float
    low: float
    high: float
    df: int
    design_effect: float


@dataclass(frozen=True, kw_only=True)
class Design:
    """How a sample was drawn; make it with `survey_design`.

    Attributes
    ----------
    weights : array, shape (n,)
        Design weights after any post-stratification or raking.
    cluster, stratum : int array, shape (n,)
        Codes from 0; clusters are numbered across strata.
    stratum_of_cluster : int array, shape (clusters,)
        The stratum each cluster lies in.
    fraction : array, shape (strata,)
        Share of the stratum's clusters that was sampled; 0 without a finite-population correction.
    margins : tuple of int arrays, each shape (n,)
        Codes of the margins the weights were calibrated to; the variance uses residuals from them.
    """

    weights: Floats
    cluster: Ints
    stratum: Ints
    stratum_of_cluster: Ints
    fraction: Floats
    margins: tuple[Ints, ...] = ()

    @property
    def df(self) -> int:
        """Degrees of freedom: clusters minus strata, those of weight zero apart, as R's ``degf`` has it."""
        weight = np.bincount(self.cluster, weights=self.weights, minlength=len(self.stratum_of_cluster))
        return int((weight > 0).sum()) - np.unique(self.stratum_of_cluster[weight > 0]).size


def survey_design(
    n: int,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    population: ArrayLike | None = None,
) -> Design:
    """Return the design of a sample of n rows.

    Parameters
    ----------
    n : int
        Number of rows.
    weights : array-like, shape (n,), optional
        Design weights, zero or more; 1 by default.
    clusters, strata : array-like, shape (n,), optional
        Labels. Clusters are taken as nested: equal labels in two strata are two clusters.
    population : array-like, shape (n,), optional
        Number of clusters (of rows, without clusters) in the row's stratum of the population: gives the
        finite-population correction. Without it clusters count as drawn with replacement.

    Returns
    -------
    Design

    Raises
    ------
    ArgumentError
        If lengths differ, a label or weight is missing, or the population is smaller than the sample.
    DataError
        If a stratum has a single cluster: its variance cannot be estimated.

    Examples
    --------
    >>> survey_design(4, clusters=["a", "a", "b", "b"]).df
    1
    """
    check_same_length(rows=range(n), weights=weights, clusters=clusters, strata=strata, population=population)
    w = np.ones(n)
    if weights is not None:
        w = as_numbers("weights", weights)
    if (w < 0).any() or (n and not w.sum() > 0):
        raise ArgumentError("weights are negative or all zero", wanted="weights of zero or more, some above")
    stratum = np.zeros(n, dtype=np.int64)
    if strata is not None:
        stratum = _codes("strata", strata, n)
    inner = np.arange(n)
    if clusters is not None:
        inner = _codes("clusters", clusters, n)
    cluster, first = _codes_of_pairs(stratum, inner)
    stratum_of_cluster = stratum[first]
    sampled = np.bincount(stratum_of_cluster, minlength=int(stratum.max(initial=-1)) + 1)
    if (sampled < 2).any():
        raise DataError(
            f"{int((sampled < 2).sum())} strata have a single cluster",
            wanted="two clusters or more in each stratum",
            next_step="merge small strata with a neighbour before looking at the results",
        )
    # Share of the population's clusters that was drawn, f in the correction 1 - f.
    fraction = np.zeros(len(sampled))
    if population is not None:
        size = pd.Series(as_numbers("population", population)).groupby(stratum)
        if (size.nunique() > 1).any():
            raise ArgumentError("population differs within a stratum", wanted="one number for each stratum")
        fraction = sampled / size.first().to_numpy()
        if (fraction > 1).any():
            raise ArgumentError("population is smaller than the sample", wanted="clusters in the population")
    return Design(
        weights=w,
        cluster=cluster,
        stratum=stratum,
        stratum_of_cluster=stratum_of_cluster,
        fraction=fraction,
    )


def _codes(name: str, labels: ArrayLike, n: int) -> Ints:
    codes, _ = pd.factorize(pd.Series(labels))
    if (codes < 0).any():
        raise ArgumentError(
            f"{name} has {int((codes < 0).sum())} missing labels of {n:,}", next_step="label or drop them"
        )
    return codes.astype(np.int64)


def _codes_of_pairs(stratum: Ints, inner: Ints) -> tuple[Ints, Ints]:
    pair = stratum * (int(inner.max(initial=0)) + 1) + inner
    _, first, codes = np.unique(pair, return_index=True, return_inverse=True)
    return codes.astype(np.int64), first.astype(np.int64)


def calibrated(design: Design, weights: Floats, margins: tuple[Ints, ...]) -> Design:
    """Return the design with weights that were post-stratified or raked to margins (see raking.py)."""
    return replace(design, weights=weights, margins=margins)


def _influence_variance(design: Design, influence: Floats) -> float:
    """Return the variance of an estimate from each row's influence on it, weight included.

    Notes
    -----
    After calibration the influences are replaced by their weighted residuals from the margins, one margin
    after another until nothing is left to take out: with one margin the post-stratified, with several the
    raked estimator (Deville, Särndal and Sautory 1993, JASA 88, 1013-1020.
    doi:10.1080/01621459.1993.10476369).
    """
    residuals = _residuals(design, influence)
    totals = np.bincount(design.cluster, weights=residuals, minlength=len(design.stratum_of_cluster))
    strata = len(design.fraction)
    m = np.bincount(design.stratum_of_cluster, minlength=strata)
    mean = np.bincount(design.stratum_of_cluster, weights=totals, minlength=strata) / m
    squares = (totals - mean[design.stratum_of_cluster]) ** 2
    within = np.bincount(design.stratum_of_cluster, weights=squares, minlength=strata)
    # Lumley (2004): sum over strata of (1 - f) m / (m - 1) sum of (T_c - mean T)^2.
    return float(((1 - design.fraction) * m / (m - 1) * within).sum())


def _residuals(design: Design, influence: Floats) -> Floats:
    """Project the influence per unit of weight off the margins (backfitting; exact for one margin)."""
    if not design.margins:
        return influence
    w = design.weights
    unit = np.divide(influence, w, out=np.zeros_like(influence), where=w > 0)
    for _ in range(_ROUNDS):
        before = unit
        for codes in design.margins:
            means = np.bincount(codes, weights=w * unit) / np.bincount(codes, weights=w)
            unit = unit - means[codes]
        if len(design.margins) == 1 or np.abs(unit - before).max() < 1e-14 * np.abs(influence).max():
            break
    return np.asarray(w * unit)


def design_mean(
    values: ArrayLike, design: Design, *, domain: ArrayLike | None = None, level: float = 0.95
) -> DesignMean:
    """Return the mean of a variable, in a domain if given, with a t interval on the design's own df.

    Parameters
    ----------
    values : array-like, shape (n,)
        Numbers; a share is the mean of 0 and 1, an NPS 100 times the mean of -1, 0, 1.
    design : Design
        Of the same n rows.
    domain : array-like of bool, shape (n,), optional
        Rows the mean is of. The others still tell how clusters vary: never drop them before.
    level : float
        Confidence level.

    Returns
    -------
    DesignMean
        ``design_effect`` is the variance over that of a simple random sample drawn without replacement from
        as many people as the weights add up to (with it, R's ``deff=TRUE``).

    Raises
    ------
    DataError
        If the domain is empty.

    References
    ----------
    Lumley, T. (2004). Analysis of complex survey samples. Journal of Statistical Software 9(8).
    doi:10.18637/jss.v009.i08

    Examples
    --------
    >>> design = survey_design(6, clusters=["a", "a", "b", "b", "c", "c"])
    >>> mean = design_mean([1, 1, 0, 1, 0, 0], design)
    >>> round(mean.value, 3), round(mean.se, 3)
    (0.5, 0.289)
    """
    y = as_numbers("values", values, booleans=True)
    inside = _domain(domain, len(y))
    check_same_length(values=y, weights=design.weights, domain=inside)
    w = np.where(inside, design.weights, 0.0)
    total = w.sum()
    if not total > 0:
        raise DataError("the domain is empty, or its weights are zero")
    mean = float(w @ y / total)
    # Influence of a row on a weighted mean: w (y - mean) / sum w.
    se = _influence_variance(design, w * (y - mean) / total) ** 0.5
    return _with_t(mean, se, design.df, _design_effect(y, w, mean, se), level)


def _design_effect(y: Floats, w: Floats, mean: float, se: float) -> float:
    """Variance over that of a simple random sample of as many rows; NaN where those do not vary."""
    total = float(w.sum())
    n = int((w > 0).sum())
    if n < 2:
        return float("nan")
    # s^2 / n (1 - n / N) with s^2 = n / (n - 1) sum of w (y - mean)^2 / sum w, N the sum of the weights.
    simple = float(w @ (y - mean) ** 2 / total) / (n - 1) * (1 - min(n / total, 1.0))
    if not simple > 0:
        return float("nan")
    return se**2 / simple


def design_ratio(top: ArrayLike, bottom: ArrayLike, design: Design, *, level: float = 0.95) -> DesignMean:
    """Return the ratio of two totals, sum(w top) / sum(w bottom), with its linearised error.

    Parameters
    ----------
    top, bottom : array-like, shape (n,)
        Numbers without missing values, in any units.
    design : Design
        Of the same n rows.
    level : float
        Confidence level of the t interval on the design's degrees of freedom.

    Returns
    -------
    DesignMean
        Its design effect is NaN.

    Raises
    ------
    ArgumentError
        If lengths differ or a value is missing.
    DataError
        If the denominator adds up to 0.

    References
    ----------
    Lumley (2004), see :func:`design_mean`.

    Examples
    --------
    >>> round(design_ratio([2.0, 4.0, 5.0], [1.0, 2.0, 3.0], survey_design(3)).value, 4)
    1.8333
    """
    a = as_numbers("top", top, booleans=True)
    b = as_numbers("bottom", bottom, booleans=True)
    check_same_length(top=a, bottom=b, weights=design.weights)
    total = float(design.weights @ b)
    if total == 0:
        raise DataError("the denominator of the ratio adds up to zero")
    ratio = float(design.weights @ a) / total
    # Influence of a row on a ratio of totals: w (a - R b) / sum of w b.
    se = _influence_variance(design, design.weights * (a - ratio * b) / total) ** 0.5
    return _with_t(ratio, se, design.df, float("nan"), level)


def _with_t(value: float, se: float, df: int, effect: float, level: float) -> DesignMean:
    half = float(stats.t.ppf((1 + check_level(level)) / 2, df)) * se
    return DesignMean(value, se, value - half, value + half, df, effect)


def _domain(domain: ArrayLike | None, n: int) -> Bools:
    if domain is None:
        return np.ones(n, dtype=bool)
    inside = np.asarray(domain)
    if inside.dtype != bool:
        raise ArgumentError(f"domain holds {inside.dtype}", wanted="true or false for each row")
    return inside
