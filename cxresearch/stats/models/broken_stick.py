"""A line that is level and then slopes: where it bends, with an interval, and whether it slopes at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_level, check_same_length
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Bends that are tried, at quantiles of x between these.
BENDS, FIRST, LAST = 40, 0.02, 0.90
DRAWS = 499
#: Customers whose sums are weighed at once, which bounds memory.
BLOCK_CUSTOMERS = 5_000


@dataclass(frozen=True, kw_only=True)
class BrokenStick:
    """A level line that slopes from a bend on.

    Attributes
    ----------
    bend, bend_low, bend_high : float
        On the scale of x.
    at_edge : bool
        Whether the interval reaches the smallest bend tried: the line may slope from the start.
    at_end : bool
        Whether it reaches the largest bend tried: the line may bend later, and `bend_high` is the largest x.
    level_before : float
        Height of the level part.
    slope, slope_low, slope_high : float
        Rise of y for one unit of x beyond the bend.
    p_value : float
        Of no slope at any bend.
    n, clusters : int
    """

    bend: float
    bend_low: float
    bend_high: float
    at_edge: bool
    at_end: bool
    level_before: float
    slope: float
    slope_low: float
    slope_high: float
    p_value: float
    n: int
    clusters: int


def broken_stick(
    x: Floats, y: Floats, *, cluster: NDArray[np.int64], level: float = 0.95, seed: int = 0
) -> BrokenStick:
    """Fit ``y = a + b max(x - bend, 0)`` by least squares over the bend.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Without missing values.
    cluster : ndarray of int, shape (n,)
        Customers.
    level : float
        Of the intervals.
    seed : int

    Returns
    -------
    BrokenStick

    Raises
    ------
    DataError
        If there are fewer than 50 rows, or x hardly varies.

    Notes
    -----
    The bend is searched over 40 quantiles of x. Its interval holds the bends that a test does not reject:
    a bend's squared error less the least one, against its law if that bend were true, from residuals whose
    signs are flipped by customer (Hansen 2017, doi:10.1080/07350015.2015.1060880, section 4; percentiles of
    a resampled bend are too short). The interval of the slope are percentiles over Poisson draws of whole
    customers; the p-value compares the largest drop in squared error with that of flipped residuals of a
    level line (Hansen 1996, doi:10.2307/2171789).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.uniform(0, 10, 800)
    >>> y = 4 - 0.5 * np.maximum(x - 6, 0) + 0.3 * rng.normal(size=800)
    >>> stick = broken_stick(x, y, cluster=np.arange(800))
    >>> stick.bend_low < 6 < stick.bend_high, stick.p_value < 0.01
    (True, True)
    """
    check_level(level)
    check_same_length(x=x, y=y, cluster=cluster)
    bends = np.unique(np.quantile(x, np.linspace(FIRST, LAST, BENDS))) if len(x) else np.empty(0)
    if len(x) < 50 or len(bends) < 5:
        raise DataError(
            f"{len(x):,} rows with {len(bends)} different waits", wanted="50 rows or more whose waits differ"
        )
    rng = np.random.default_rng(seed)
    code = np.unique(cluster, return_inverse=True)[1].ravel()
    sums = _by_customer(code, y - y.mean(), np.maximum(x[:, None] - bends[None, :], 0.0))
    groups = len(sums.n)
    slope, gain, before = _fits(np.ones((1, groups)), sums)
    best = int(np.argmax(gain[0]))
    slopes, gains = _resampled(rng, sums)
    tails = ((1 - level) / 2, (1 + level) / 2)
    slope_ends = np.quantile(slopes[np.arange(DRAWS), np.argmax(gains, axis=1)], tails)
    law = _flipped(rng, sums, slope[0], before[0])
    flat = law.gains_of_level_line.max(axis=1)
    # drop by which each bend falls short of the best: as it is, and if that bend were true
    short = gain[0, best] - gain[0]
    p_bends = (1 + (law.shortfalls >= short[:, None] * (1 - 1e-12)).sum(axis=1)) / (1 + DRAWS)
    low, high = _accepted(bends, p_bends, 1 - level, float(x.max()))
    return BrokenStick(
        bend=float(bends[best]),
        bend_low=low,
        bend_high=high,
        at_edge=low <= float(bends[0]),
        at_end=high >= float(x.max()),
        level_before=float(before[0, best] + y.mean()),
        slope=float(slope[0, best]),
        slope_low=float(slope_ends[0]),
        slope_high=float(slope_ends[1]),
        p_value=float((1 + (flat >= gain[0, best]).sum()) / (1 + DRAWS)),
        n=len(x),
        clusters=groups,
    )


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """Sums by customer of 1, y, h, h y and h_i h_j over hinges h; every fit is a weighted sum of them."""

    n: Floats
    y: Floats
    h: Floats
    hy: Floats
    hh: Floats


def _by_customer(code: NDArray[np.intp], y: Floats, hinges: Floats) -> _Sums:
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    y, hinges = y[order], hinges[order]

    def total(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, starts, axis=0), dtype=np.float64)

    products = [total(hinges * hinges[:, at, None]) for at in range(hinges.shape[1])]
    return _Sums(
        n=total(np.ones(len(y))),
        y=total(y),
        h=total(hinges),
        hy=total(hinges * y[:, None]),
        hh=np.stack(products, axis=1),
    )


def _fits(weights: Floats, sums: _Sums) -> tuple[Floats, Floats, Floats]:
    """Slope, drop in squared error and intercept for each draw of customers and each bend."""
    n = (weights @ sums.n)[:, None]
    y = (weights @ sums.y)[:, None]
    h = weights @ sums.h
    squares = np.diagonal(sums.hh, axis1=1, axis2=2)
    # least squares on one column: b = S_hy / S_hh, and the drop is S_hy^2 / S_hh
    covariance = weights @ sums.hy - h * y / n
    variance = np.maximum(weights @ squares - h * h / n, 1e-12)
    slope = covariance / variance
    return slope, covariance**2 / variance, (y - slope * h) / n


def _resampled(rng: np.random.Generator, sums: _Sums) -> tuple[Floats, Floats]:
    """Slopes and drops of each Poisson draw of customers, at each bend."""
    weights = rng.poisson(1.0, size=(DRAWS, len(sums.n))).astype(np.float64)
    slopes, gains, _ = _fits(weights, sums)
    return slopes, gains


@dataclass(frozen=True, kw_only=True)
class _Law:
    """What flipped residuals bring: drops where the line is level, shortfalls of each bend if it is true."""

    gains_of_level_line: Floats
    shortfalls: Floats


def _flipped(rng: np.random.Generator, sums: _Sums, slope: Floats, before: Floats) -> _Law:
    """Laws from residuals whose signs are flipped by customer; shortfalls have shape (bends, draws)."""
    groups, bends = sums.h.shape
    pulled = {
        "n": np.zeros(DRAWS),
        "y": np.zeros(DRAWS),
        "h": np.zeros((DRAWS, bends)),
        "hy": np.zeros((DRAWS, bends)),
        "hh": np.zeros((DRAWS, bends * bends)),
    }
    flat = _Sums(n=sums.n, y=sums.y, h=sums.h, hy=sums.hy, hh=sums.hh.reshape(groups, -1))
    for first in range(0, groups, BLOCK_CUSTOMERS):
        block = slice(first, first + BLOCK_CUSTOMERS)
        size = len(sums.n[block])
        signs = rng.integers(0, 2, size=(DRAWS, size)) * 2.0 - 1.0
        for name, total in pulled.items():
            pulled[name] = total + signs @ getattr(flat, name)[block]
    crossed = pulled["hh"].reshape(DRAWS, bends, bends)
    n = sums.n.sum()
    means = sums.h.sum(axis=0) / n
    together = sums.hh.sum(axis=0) - n * np.outer(means, means)
    variance = np.maximum(np.diag(together), 1e-12)
    level_line = (pulled["hy"] - means * pulled["y"][:, None]) ** 2 / variance
    shortfalls = np.empty((bends, DRAWS))
    for at in range(bends):
        # residuals of the fit with this bend: e = y - a - b h_at, flipped by customer
        moved = pulled["hy"] - before[at] * pulled["h"] - slope[at] * crossed[:, at]
        drift = pulled["y"] - before[at] * pulled["n"] - slope[at] * pulled["h"][:, at]
        # S_hy of the new y, which is the fit plus flipped residuals
        covariance = slope[at] * together[at] + moved - means * drift[:, None]
        gains = covariance**2 / variance
        shortfalls[at] = gains.max(axis=1) - gains[:, at]
    return _Law(gains_of_level_line=level_line, shortfalls=shortfalls)


def _accepted(bends: Floats, p_bends: Floats, alpha: float, largest: float) -> tuple[float, float]:
    """Ends of the set of bends that are not rejected.

    Bends between two that were tried are not tested: the set goes on to the nearest one that is rejected.
    """
    accepted = np.flatnonzero(p_bends > alpha)
    low = float(bends[max(int(accepted[0]) - 1, 0)])
    beyond = int(accepted[-1]) + 1
    if beyond == len(bends):
        return low, largest
    return low, float(bends[beyond])
