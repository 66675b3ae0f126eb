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

    ``df`` is clusters - 1 (answers - 1 without clusters), ``n_design`` the sample size which simple random
    sampling would need for the same error, ``n_kish`` = (sum w)^2 / sum w^2.
    """

    mean: Floats
    se: Floats
    n: Floats
    df: Floats
    n_kish: Floats
    n_design: Floats


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
    ``n_design`` is n over the design effect, never above n. Where all answers are equal there is no design
    effect to estimate; (sum W)^2 / sum W^2 over clusters stands in for n over it.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[15.0, 25.0, 60.0]])
    >>> cells = ScoreCells(counts=counts, weights=counts, squares=counts)
    >>> found = linearised_means(cells, np.array([-1.0, 0.0, 1.0]))
    >>> round(float(found.mean[0]), 2), round(float(found.se[0]), 6)
    (0.45, 0.074366)
    """
    n, w = cells.counts.sum(axis=1), cells.weights.sum(axis=1)
    if sums is None:
        squares = cells.squares
        ww, wt, tt = squares.sum(axis=1), squares @ values, squares @ values**2
        m = n
    else:
        m, ww, wt, tt = sums.clusters, sums.ww, sums.wt, sums.tt
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = cells.weights @ values / w
        unit = (cells.weights * (values - mean[:, None]) ** 2).sum(axis=1) / w
        between = np.maximum(tt - 2 * mean * wt + mean**2 * ww, 0.0)
        between = np.where(between < 1e-13 * np.maximum(tt, 1e-300), 0.0, between)
        variance = np.where(m > 1, m / (m - 1) * between / w**2, np.nan)
        n_kish = w**2 / cells.squares.sum(axis=1)
        if sums is None and not cells.weighted:
            n_design = n
        else:
            n_design = np.minimum(np.where(unit > 1e-14, unit * n / ((n - 1) * variance), w**2 / ww), n)
            n_design = np.where(m > 1, n_design, np.nan)
    return CellMeans(mean=mean, se=np.sqrt(variance), n=n, df=m - 1, n_kish=n_kish, n_design=n_design)


def _few_clusters(n: Floats, m: Floats, level: float) -> Floats:
    """(t of n-1 over t of m-1) squared: 1 without clusters, small with few of them."""
    tail = (1 + level) / 2
    rows, groups = (stats.t.ppf(tail, np.where(size > 1, size - 1, np.nan)) for size in (n, m))
    return np.asarray((rows / groups) ** 2)


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
    The design's sample size is taken times (t_{n-1} / t_{m-1})^2 at the level asked for: intervals for shares
    then hold their level with few clusters m (Korn and Graubard 1998, Survey Methodology 24, 193-201).
    """
    n = means.n_design * np.where(means.df < means.n - 1, _few_clusters(means.n, means.df + 1, level), 1.0)
    if method == "t" or (method == "wald" and kind == "mean"):
        return t_interval(means.mean, means.se, means.df, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = cells.weights / cells.weights.sum(axis=1, keepdims=True)
    if kind == "mean":
        rising = values if values[0] < values[-1] else values[::-1]
        by_level = shares if values[0] < values[-1] else shares[:, ::-1]
        return score_interval_of_mean(np.nan_to_num(by_level * n[:, None]), rising, level=level)
    up, down = shares[:, values > 0].sum(axis=1) * n, shares[:, values < 0].sum(axis=1) * n
    size = np.where(n > 0, n, 0.0)
    up, down = np.nan_to_num(np.minimum(up, n)), np.nan_to_num(down)
    if kind == "share":
        return (wald_share if method == "wald" else wilson)(up, size, level=level)
    formula = {"score": score_interval, "adjusted_wald": adjusted_wald, "wald": wald_net}[method]
    return formula(up, down, size, level=level)


def simple_se(means: CellMeans, *, kind: Kind) -> Floats:
    """Return the error of a simple sample: over n, not n - 1, for a net share or share."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "mean":
            return means.se
        return np.where(
            means.n > 1, means.se * np.sqrt((means.n - 1) / means.n), np.where(means.n == 1, 0.0, np.nan)
        )
