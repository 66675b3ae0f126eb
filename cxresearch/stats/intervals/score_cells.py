"""Sufficient statistics of survey scores (counts by answer, cell by cell) and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

from cxresearch.stats.intervals.mean_interval import score_interval_of_mean, t_interval
from cxresearch.stats.intervals.nps_interval import adjusted_wald, score_interval, wald_net
from cxresearch.stats.intervals.proportions import Bounds, wald_share, wilson

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

Kind = Literal["net", "share", "mean"]


@dataclass(frozen=True, kw_only=True)
class ScoreCells:
    """Answers of many cells, by level of the scale.

    Attributes
    ----------
    counts : array, shape (cells, levels)
        Number of answers of weight above 0; the others say nothing and buy no degrees of freedom.
    weights, squares : array, shape (cells, levels)
        Sums of the weights and of their squares; both equal ``counts`` where nothing is weighted.
    weighted : bool
        Whether weights were given.
    """

    counts: Floats
    weights: Floats
    squares: Floats
    weighted: bool = False


@dataclass(frozen=True, kw_only=True)
class ClusterSums:
    """Sums over clusters (customers) within each cell, for one way of counting answers.

    With W and T the sums of w and w y within a cluster, each array has shape (cells,):

    Attributes
    ----------
    clusters : array
        Number of clusters with an answer of weight above 0.
    ww, wt, tt : array
        Sums over clusters of W^2, W T and T^2.
    """

    clusters: Floats
    ww: Floats
    wt: Floats
    tt: Floats


class CellMeans(NamedTuple):
    """Means of many cells with their linearised errors; arrays of shape (cells,).

    ``df`` is clusters - 1 (answers - 1 without clusters), ``n_design`` is n over the design effect, never
    above n, and ``n_kish`` = (sum w)^2 / sum w^2. Intervals go by two sizes that hang on sums over clusters
    alone, so that an answer of weight 2 and the same answer given twice by its customer are one:
    ``n_interval``, the simple random sample that would have the same error, and ``clusters_kish`` =
    (sum W)^2 / sum W^2, how many clusters alike the unequal ones are worth.
    """

    mean: Floats
    se: Floats
    n: Floats
    df: Floats
    n_kish: Floats
    n_design: Floats
    n_interval: Floats
    clusters_kish: Floats


def linearised_means(cells: ScoreCells, values: Floats, sums: ClusterSums | None = None) -> CellMeans:
    """Return weighted means of ``values`` with Taylor-linearised standard errors.

    Parameters
    ----------
    cells : ScoreCells
        Counts by level.
    values : array, shape (levels,)
        What each level counts: 1, 0, -1 for an NPS; 1 and 0 for a box; the answer itself for a mean.
    sums : ClusterSums, optional
        Cluster totals of the same values; without them every answer is its own cluster.

    Returns
    -------
    CellMeans
        The variance is m/(m-1) sum_c (T_c - mean W_c)^2 / (sum w)^2 over m clusters, as R's survey package
        has it for one stratum sampled with replacement.

    Notes
    -----
    Where all answers are equal there is no design effect to estimate, and (sum W)^2 / sum W^2 over clusters
    stands in for the sizes; for ``n_interval`` also where the clusters' means are equal.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[15.0, 25.0, 60.0]])
    >>> cells = ScoreCells(counts=counts, weights=counts, squares=counts)
    >>> means = linearised_means(cells, np.array([-1.0, 0.0, 1.0]))
    >>> round(float(means.mean[0]), 2), round(float(means.se[0]), 6)
    (0.45, 0.074366)
    """
    n = cells.counts.sum(axis=1)
    w = cells.weights.sum(axis=1)
    simple = sums is None and not cells.weighted
    if sums is None:
        # Every answer its own cluster: W = w, T = w y.
        squares = cells.squares
        sums = ClusterSums(clusters=n, ww=squares.sum(axis=1), wt=squares @ values, tt=squares @ values**2)
    m = sums.clusters
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = cells.weights @ values / w
        # Variance of an answer, and of the estimate: m / (m - 1) sum of (T - mean W)^2 / (sum w)^2.
        answer = (cells.weights * (values - mean[:, None]) ** 2).sum(axis=1) / w
        between = np.maximum(sums.tt - 2 * mean * sums.wt + mean**2 * sums.ww, 0.0)
        between = np.where(between < 1e-13 * np.maximum(sums.tt, 1e-300), 0.0, between)
        variance = np.where(m > 1, m / (m - 1) * between / w**2, np.nan)
        # Kish (1965): (sum w)^2 / sum w^2.
        n_kish = w**2 / cells.squares.sum(axis=1)
        clusters_kish = w**2 / sums.ww
        n_design = n_interval = n
        if not simple:
            # n over the design effect; sum W^2 stands in where the answers do not vary.
            n_design = np.where(answer > 1e-14, answer * n / ((n - 1) * variance), clusters_kish)
            n_design = np.where(m > 1, np.minimum(n_design, n), np.nan)
            # A simple sample of this size has the same error: answer / (n_interval - 1) = variance.
            seen = (answer > 1e-14) & (variance > 0)
            n_interval = np.where(seen, 1 + answer / variance, clusters_kish)
            n_interval = np.where(m > 1, n_interval, np.nan)
    return CellMeans(
        mean=mean,
        se=np.sqrt(variance),
        n=n,
        df=m - 1,
        n_kish=n_kish,
        n_design=n_design,
        n_interval=n_interval,
        clusters_kish=clusters_kish,
    )


def _few_clusters(means: CellMeans, level: float) -> Floats:
    """(t of a simple sample of the design's size over t of the clusters) squared; at most 1."""
    tail = (1 + level) / 2
    simple = np.maximum(means.n_interval - 1, 0.5)
    alike = np.maximum(means.clusters_kish - 1, 0.5)
    # Korn and Graubard (1998), with as many clusters as unequal ones are worth.
    ratio = stats.t.ppf(tail, simple) / stats.t.ppf(tail, alike)
    return np.asarray(np.minimum(ratio**2, 1.0))


def cell_bounds(
    cells: ScoreCells, values: Floats, means: CellMeans, *, kind: Kind, method: str, level: float
) -> Bounds:
    """Return intervals of the cells' means, on the scale of ``values``.

    Parameters
    ----------
    cells, values, means
        As for and from :func:`linearised_means`.
    kind : {"net", "share", "mean"}
        Values -1, 0, 1; 0, 1; or any.
    method : {"score", "adjusted_wald", "wald", "t"}
        Score intervals and the two Wald intervals of simple samples use the design's sample size, t the
        linearised error.

    Notes
    -----
    The sample size D is taken times (t_{D-1} / t_{K-1})^2 at the level asked for, K = ``clusters_kish``:
    intervals for shares then hold their level with few or unequal clusters (Korn and Graubard 1998, Survey
    Methodology 24, 193-201).
    """
    n = means.n_interval
    if not np.array_equal(n, means.n):
        n = n * _few_clusters(means, level)
    if method == "t" or (method == "wald" and kind == "mean"):
        return t_interval(means.mean, means.se, means.df, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = cells.weights / cells.weights.sum(axis=1, keepdims=True)
    if kind == "mean":
        if values[0] > values[-1]:
            values = values[::-1]
            shares = shares[:, ::-1]
        return score_interval_of_mean(np.nan_to_num(shares * n[:, None]), values, level=level)
    size = np.where(n > 0, n, 0.0)
    up = np.nan_to_num(np.minimum(shares[:, values > 0].sum(axis=1) * n, n))
    down = np.nan_to_num(shares[:, values < 0].sum(axis=1) * n)
    if kind == "net":
        formula = {"score": score_interval, "adjusted_wald": adjusted_wald, "wald": wald_net}[method]
        return formula(up, down, size, level=level)
    if method == "wald":
        return wald_share(up, size, level=level)
    return wilson(up, size, level=level)


def simple_se(means: CellMeans, *, kind: Kind) -> Floats:
    """Return the error of a simple sample: over n, not n - 1, for a net share or share."""
    if kind == "mean":
        return means.se
    with np.errstate(invalid="ignore", divide="ignore"):
        over_n = means.se * np.sqrt((means.n - 1) / means.n)
    over_n[means.n == 1] = 0.0
    over_n[means.n < 1] = np.nan
    return over_n
