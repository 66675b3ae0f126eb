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


@dataclass(frozen=True, kw_only=True)
class BrokenStick:
    """A level line that slopes from a bend on.

    Attributes
    ----------
    bend, bend_low, bend_high : float
        On the scale of x.
    at_edge : bool
        Whether the interval reaches the smallest bend tried: the line may slope from the start.
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
    The bend is searched over 40 quantiles of x. Its interval, and that of the slope, are percentiles over
    Poisson draws of whole customers; the p-value compares the largest drop in squared error with that of
    residuals whose signs are flipped by customer (wild bootstrap of the supremum; Hansen 1996,
    doi:10.2307/2171789; Hansen 2017, doi:10.1080/07350015.2015.1060880, for the kink).

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
    groups = int(code.max()) + 1
    hinges = np.maximum(x[:, None] - bends[None, :], 0.0)
    # by customer: sums of 1, y, h, h^2, h y; every fit below is a weighted sum of them
    sums = _by_customer(code, groups, y, hinges)
    slope, gain, mean = _fits(np.ones((1, groups)), sums)
    best = int(np.argmax(gain[0]))
    weights = rng.poisson(1.0, size=(DRAWS, groups)).astype(np.float64)
    slopes, gains, _ = _fits(weights, sums)
    chosen = np.argmax(gains, axis=1)
    tails = ((1 - level) / 2, (1 + level) / 2)
    bend_ends = np.quantile(bends[chosen], tails)
    slope_ends = np.quantile(slopes[np.arange(DRAWS), chosen], tails)
    residual = np.asarray(y - y.mean(), dtype=np.float64)
    signs = rng.integers(0, 2, size=(DRAWS, groups)) * 2.0 - 1.0
    pulled = _pulled(code, groups, residual, hinges, np.asarray(signs, dtype=np.float64))
    p_value = (1 + (pulled.max(axis=1) >= gain[0, best]).sum()) / (1 + DRAWS)
    return BrokenStick(
        bend=float(bends[best]),
        bend_low=float(bend_ends[0]),
        bend_high=float(bend_ends[1]),
        at_edge=bool(bend_ends[0] <= bends[0]),
        level_before=float(mean[0, best]),
        slope=float(slope[0, best]),
        slope_low=float(slope_ends[0]),
        slope_high=float(slope_ends[1]),
        p_value=float(p_value),
        n=len(x),
        clusters=groups,
    )


def _by_customer(code: NDArray[np.intp], groups: int, y: Floats, hinges: Floats) -> dict[str, Floats]:
    def total(values: Floats) -> Floats:
        return np.bincount(code, weights=values, minlength=groups).astype(np.float64)

    columns = range(hinges.shape[1])
    return {
        "n": total(np.ones(len(y))),
        "y": total(y),
        "h": np.column_stack([total(hinges[:, at]) for at in columns]),
        "hh": np.column_stack([total(hinges[:, at] ** 2) for at in columns]),
        "hy": np.column_stack([total(hinges[:, at] * y) for at in columns]),
    }


def _fits(weights: Floats, sums: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
    """Slope, drop in squared error and intercept for each draw of customers and each bend."""
    n = (weights @ sums["n"])[:, None]
    y = (weights @ sums["y"])[:, None]
    h = weights @ sums["h"]
    covariance = weights @ sums["hy"] - h * y / n
    variance = np.maximum(weights @ sums["hh"] - h * h / n, 1e-12)
    slope = covariance / variance
    return slope, covariance**2 / variance, (y - slope * h) / n


def _pulled(code: NDArray[np.intp], groups: int, residual: Floats, hinges: Floats, signs: Floats) -> Floats:
    """Drops in squared error that residuals of flipped customers bring."""
    centred = hinges - hinges.mean(axis=0)
    variance = np.maximum((centred**2).sum(axis=0), 1e-12)
    products = np.column_stack(
        [
            np.bincount(code, weights=centred[:, at] * residual, minlength=groups)
            for at in range(hinges.shape[1])
        ]
    )
    return np.asarray((signs @ products) ** 2 / variance)
