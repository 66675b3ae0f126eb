"""What the largest statistic of a scan does by chance alone: a wild cluster bootstrap over a whole family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxresearch.aliases import Floats, Ints
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.split_scan import SplitScan

_BLOCK_CELLS = 300_000  # cells of the noise held at once: what a processor keeps at hand
_FEW = 0.02  # a day with more than this share of the variance is not drawn as a mere sign


def bootstrap_maxima(
    family: Sequence[DatedSums],
    scans: Sequence[SplitScan],
    *,
    draws: int = 999,
    rng: np.random.Generator,
) -> Floats:
    """Return the largest |statistic| of each series in each draw without any change.

    Parameters
    ----------
    family : sequence of DatedSums
        Series that are judged together.
    scans : sequence of SplitScan
        Their scans.
    draws : int
        Bootstrap draws.
    rng : Generator
        Source of chance.

    Returns
    -------
    array of float, shape (draws, series)

    Notes
    -----
    Each cluster's influences are multiplied by one weight of mean 0 and variance 1 (Cameron, Gelbach and
    Miller 2008, doi:10.1162/rest.90.3.414): a fair sign, the same in all series the cluster is part of, so
    that series which share customers move together. The many clusters of one row are drawn as the normal sum
    of their day.
    """
    members = [np.unique(sums.linked_who) for sums in family]
    clusters = np.unique(np.concatenate(members))
    shared = len(clusters) < sum(len(part) for part in members)
    maxima = np.zeros((draws, len(family)))
    longest = max(len(sums.day) for sums in family)
    block = max(16, min(draws, _BLOCK_CELLS // max(longest, 1)))
    for start in range(0, draws, block):
        stop = min(start + block, draws)
        signs = fair_signs(len(clusters) if shared else 0, stop - start, rng)
        for place, (sums, scan) in enumerate(zip(family, scans, strict=True)):
            if not shared:
                clusters = members[place]
                signs = fair_signs(len(clusters), stop - start, rng)
            noise = wild_noise(sums, sums.mean, clusters=clusters, signs=signs, rng=rng)
            maxima[start:stop, place] = _largest(noise, scan)
    return maxima


def fair_signs(rows: int, draws: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return +1 and -1 at even odds, shape (rows, draws)."""
    bits = np.frombuffer(rng.bytes((rows * draws + 7) // 8), dtype=np.uint8)
    signs = np.unpackbits(bits, count=rows * draws).reshape(rows, draws).astype(np.float32)
    signs *= 2
    signs -= 1
    return signs


def wild_noise(
    sums: DatedSums,
    fitted: float | Floats,
    *,
    clusters: Ints,
    signs: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw what each day's influences about a fitted level sum to when the fit is true.

    Parameters
    ----------
    sums : DatedSums
        The series.
    fitted : float or array of float, shape (days,)
        Level of each day.
    clusters : array of int, shape (clusters,)
        Clusters that have a sign, ascending; all linked ones of the series are among them.
    signs : array of float, shape (clusters, draws)
    rng : Generator

    Returns
    -------
    array of float, shape (days, draws)

    Notes
    -----
    Where no day holds more than a fiftieth of the variance the normal sum of a day is drawn as a sign times
    its standard deviation: over the days of a scan the sums are normal all the same, at a tenth of the
    time.
    """
    variance = sums.squares(fitted)
    spread = np.sqrt(variance).astype(np.float32)
    draws = signs.shape[1]
    if variance.max(initial=0.0) <= _FEW * variance.sum():
        noise = fair_signs(len(spread), draws, rng)
    else:
        noise = rng.standard_normal((len(spread), draws), dtype=np.float32)
    noise *= spread[:, None]
    if not len(sums.linked_who):
        return noise
    from scipy.sparse import csr_array

    level = np.broadcast_to(fitted, sums.day.shape)[sums.linked_at]
    influence = (sums.linked_total - level * sums.linked_base).astype(np.float32)
    names, column = np.unique(sums.linked_who, return_inverse=True)
    parts = csr_array((influence, (sums.linked_at, column)), shape=(len(sums.day), len(names)))
    noise += parts @ signs[np.searchsorted(clusters, names)]
    return noise


def _largest(noise: NDArray[np.float32], scan: SplitScan) -> Floats:
    """Return the largest |S(k)| / se of each draw, in place of the noise."""
    usable = scan.judged & (scan.se > 0)
    if not usable.any():
        return np.zeros(noise.shape[1])
    np.cumsum(noise, axis=0, out=noise)
    whole = noise[-1].copy()
    first = int(np.argmax(usable))
    last = len(usable) - int(np.argmax(usable[::-1]))
    cusum = noise[first:last]
    share = scan.share[first:last].astype(np.float32)
    scale = np.zeros(last - first, dtype=np.float32)
    inside = usable[first:last]
    scale[inside] = 1 / scan.se[first:last][inside]
    # S(k) of each draw: running sum less f_k times the whole
    cusum -= share[:, None] * whole
    cusum *= scale[:, None]
    largest: Floats = np.maximum(cusum.max(axis=0), -cusum.min(axis=0)).astype(np.float64)
    return largest


def family_p_values(observed: Floats, maxima: Floats) -> Floats:
    """Return p-values over a family by stepping down (Westfall and Young 1993, algorithm 2.8).

    Parameters
    ----------
    observed : array of float, shape (series,)
        Largest |statistic| of each series.
    maxima : array of float, shape (draws, series)
        The same without any change.

    Returns
    -------
    array of float, shape (series,)
        (1 + draws at least as large) / (1 + draws), the largest of the remaining series at each step.
    """
    order = np.argsort(-observed, kind="stable")
    p_values = np.ones(len(observed))
    # suffix maxima: the largest of this series and of all with a smaller statistic
    remaining = np.maximum.accumulate(maxima[:, order[::-1]], axis=1)[:, ::-1]
    beyond = 1 + (remaining >= observed[order]).sum(axis=0)
    # Step-down: no p-value may be below that of a larger statistic.
    p_values[order] = np.maximum.accumulate(beyond / (1 + len(maxima)))
    return p_values
