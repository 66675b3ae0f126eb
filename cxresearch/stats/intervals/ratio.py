"""Ratios of sums over customers, such as churned revenue over opening revenue, and rates per unit of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import as_numbers, check_level, check_number, check_same_length
from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


#: Rounding by which a part may leave 0 to its whole.
SLACK = 1e-9


@dataclass(frozen=True, kw_only=True)
class RatioSums:
    """Sufficient statistics of a ratio ``sum(x) / sum(s)`` over n independent units.

    Attributes
    ----------
    x, s, xx, xs, ss : float
        Sums of x, s, x squared, x times s and s squared, in any one unit of money.
    n : int
        Units with s above 0 (customers of the opening cohort).
    relative : float
        Sum of x squared over s, for shares; NaN where it was not counted.
    parts : bool
        Whether each x lies within 0 and its s, as far as known.
    """

    x: float
    s: float
    xx: float
    xs: float
    ss: float
    n: int
    relative: float = math.nan
    parts: bool = True

    @classmethod
    def of(cls, x: ArrayLike, s: ArrayLike) -> RatioSums:
        """Sum two arrays of one length; missing values and negative s are refused."""
        x = as_numbers("x", x)
        s = as_numbers("s", s)
        check_same_length(x=x, s=s)
        if (s < 0).any():
            raise ArgumentError(
                f"s is {s[s < 0][0]:g}", where=f"position {int(np.argmax(s < 0))}", wanted="0 or more"
            )
        return cls(
            x=math.fsum(x),
            s=math.fsum(s),
            xx=math.fsum(x * x),
            xs=math.fsum(x * s),
            ss=math.fsum(s * s),
            n=int(np.count_nonzero(s > 0)),
            relative=math.fsum(x[s > 0] ** 2 / s[s > 0]),
            parts=bool(((x >= -SLACK * s) & (x <= (1 + SLACK) * s)).all()),
        )

    @property
    def n_effective(self) -> float:
        """Number of equally large units with the same spread: (sum s)^2 / sum s^2 (Kish 1965)."""
        if self.ss > 0:
            return self.s**2 / self.ss
        return math.nan


@dataclass(frozen=True, kw_only=True)
class RatioInterval:
    """A ratio with its interval; all NaN where the denominator is 0."""

    value: float
    low: float
    high: float
    se: float
    n_effective: float
    method: str


class Linearised(NamedTuple):
    """Ratios with their linearised standard errors and Kish's effective numbers of units, arrays of cells."""

    value: Floats
    se: Floats
    n_effective: Floats


def linearised(
    *, x: ArrayLike, s: ArrayLike, xx: ArrayLike, xs: ArrayLike, ss: ArrayLike, n: ArrayLike
) -> Linearised:
    """Return ratios of two sums with their linearised standard errors, one a cell; no intervals.

    Parameters
    ----------
    x, s, xx, xs, ss, n : array-like, shape (cells,)
        Sums of each cell, see `RatioSums`; x may be negative or above its s.

    Returns
    -------
    Linearised
        NaN where s adds up to 0; ``se`` also with fewer than two units.

    Notes
    -----
    The variance is ``n / (n - 1) sum((x - R s)^2) / (sum s)^2``, the units taken as independent draws from
    those the firm might have had (Cochran 1977, Sampling techniques, 3rd ed., section 6).

    Examples
    --------
    >>> ratios = linearised(x=[20], s=[100], xx=[200], xs=[200], ss=[1000], n=[10])
    >>> ratios.value.tolist(), ratios.se.round(3).tolist(), ratios.n_effective.tolist()
    ([0.2], [0.133], [10.0])
    """
    x, s, xx, xs, ss, n = (np.asarray(values, dtype=np.float64) for values in (x, s, xx, xs, ss, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(s > 0, x / s, np.nan)
        kish = np.where(ss > 0, s**2 / ss, np.nan)
        # Cochran (1977): n / (n - 1) sum of (x - R s)^2 / (sum s)^2, the square multiplied out.
        more = np.where(n >= 2, n / (n - 1), np.nan)
        variance = more * np.maximum(xx - 2 * value * xs + value**2 * ss, 0.0) / s**2
    return Linearised(value, np.sqrt(variance), kish)


_SUMS = ("x", "s", "xx", "xs", "ss", "n", "relative")
#: What reports print as the name of the interval.
RATIO_METHOD = "Wilson with effective n of the linearised ratio"


def linearised_ratio(sums: RatioSums, *, level: float = 0.95) -> RatioInterval:
    """Return the share that parts make up of their wholes, with an interval that needs only sums.

    Parameters
    ----------
    sums : RatioSums
        Sums over independent units, for instance the customers of the opening cohort; each ``0 <= x <= s``.
    level : float
        Confidence level.

    Returns
    -------
    RatioInterval
        ``se`` is the linearised standard error. With fewer than two units there is no interval.

    Raises
    ------
    ArgumentError
        If it is no share: an x below 0 or above its s. Moves that may exceed their level have
        `cxresearch.stats.intervals.net_ratio`.

    Notes
    -----
    Wilson's interval, with the effective number of units that follows from the larger of two variances: the
    linearised one (see `linearised`) and that of the relative losses x / s over Kish's number of units, since
    revenue is skewed and few large accounts can hide how much one like them might lose. It stays within 0 and
    1 and has an upper end when nothing was lost. Simulated coverage is in docs/validation.md.

    References
    ----------
    Dean, N., & Pagano, M. (2015). Evaluating confidence interval methods for binomial proportions in
    clustered surveys. Journal of Survey Statistics and Methodology 3, 484-503. doi:10.1093/jssam/smv024

    Examples
    --------
    >>> ratio = linearised_ratio(RatioSums.of([10, 10] + [0] * 8, [10] * 10))
    >>> round(ratio.value, 3), round(ratio.low, 3), round(ratio.high, 3)
    (0.2, 0.053, 0.526)
    """
    if not sums.parts:
        raise _no_share("a unit has x below 0 or above its s", "")
    cells = {name: np.array([getattr(sums, name)], dtype=float) for name in _SUMS}
    row = linearised_ratios(**cells, level=level).iloc[0]
    return RatioInterval(**{name: float(row[name]) for name in row.index}, method=RATIO_METHOD)


def linearised_ratios(
    *,
    x: ArrayLike,
    s: ArrayLike,
    xx: ArrayLike,
    xs: ArrayLike,
    ss: ArrayLike,
    n: ArrayLike,
    relative: ArrayLike = math.nan,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return many shares of totals at once, one a cell; see `RatioSums` and `linearised_ratio`.

    Parameters
    ----------
    x, s, xx, xs, ss, n, relative : array-like, shape (cells,)
        Sums of each cell.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns ``value, low, high, se, n_effective``. NaN where s adds up to 0; no interval with fewer than
        two units.

    Raises
    ------
    ArgumentError
        If the sums of a cell cannot be those of parts with ``0 <= x <= s``.

    Examples
    --------
    >>> sums = {"x": [20], "s": [100], "xx": [200], "xs": [200], "ss": [1000], "n": [10], "relative": [20]}
    >>> linearised_ratios(**sums).round(3).iloc[0].tolist()
    [0.2, 0.053, 0.526, 0.133, 10.0]
    """
    z = normal_quantile(level)
    x, s, xx, xs, ss, n = (np.asarray(values, dtype=np.float64) for values in (x, s, xx, xs, ss, n))
    _check_share((x, s, xx, xs, ss))
    value, se, kish = linearised(x=x, s=s, xx=xx, xs=xs, ss=ss, n=n)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Variance of the relative losses x / s between units, weighted by s, over Kish's number of units.
        between = np.maximum(np.asarray(relative, dtype=np.float64) / s - value**2, 0.0)
        of_relative = np.where(n >= 2, n / (n - 1), np.nan) * between / kish
        low, high = _wilson_effective(value, np.fmax(se**2, of_relative), kish, z)
    low = np.where(np.isnan(se), np.nan, low)
    high = np.where(np.isnan(se), np.nan, high)
    return pd.DataFrame({"value": value, "low": low, "high": high, "se": se, "n_effective": kish})


def _check_share(sums: tuple[Floats, ...]) -> None:
    """Refuse sums that no parts with ``0 <= x <= s`` can have: then also ``xx <= xs <= ss``."""
    x, s, xx, xs, ss = np.broadcast_arrays(*sums)
    wrong = (x < -SLACK * s) | (x > (1 + SLACK) * s) | (xs < -SLACK * ss) | (xs > (1 + SLACK) * ss)
    wrong |= xx > xs + SLACK * ss
    if wrong.any():
        at = int(np.argmax(wrong))
        raise _no_share(f"x adds up to {x.ravel()[at]:g} of {s.ravel()[at]:g}", f"cell {at}")


def _no_share(problem: str, where: str) -> ArgumentError:
    return ArgumentError(
        f"{problem}: that is no share",
        where=where,
        wanted="0 <= x <= s for every unit",
        next_step="parts that can be negative or above the whole have cxresearch.stats.intervals.net_ratio",
    )


def _wilson_effective(value: Floats, variance: Floats, kish: Floats, z: float) -> tuple[Floats, Floats]:
    """Wilson's interval at the n that would give this variance; at Kish's n where nothing varies."""
    value = np.clip(value, 0.0, 1.0)
    informative = (value > 0) & (value < 1) & (variance > 1e-15)
    # n_eff = p (1 - p) / variance.
    size = np.where(informative, value * (1 - value) / variance, kish)
    centre = (value + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(value * (1 - value) / size + z * z / (4 * size**2))
    low = np.where(value == 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(value == 1, 1.0, np.minimum(centre + half, 1.0))
    return low, high


def log_ratios(
    *,
    top: ArrayLike,
    top_squares: ArrayLike,
    bottom: ArrayLike,
    bottom_squares: ArrayLike,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return ratios of two independent totals with intervals symmetric on the logarithm, one a cell.

    Parameters
    ----------
    top, bottom : array-like, shape (cells,)
        Totals of gains and losses, each a sum over a random number of customers.
    top_squares, bottom_squares : array-like, shape (cells,)
        Sums of the squared amounts.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns ``value, low, high, se``; NaN where the lower total is 0, no interval where the upper is.

    Notes
    -----
    Each total is taken for a compound Poisson sum, whose variance is the sum of the squared amounts; the
    delta method gives that of the logarithm.

    References
    ----------
    Fay, M. P., & Feuer, E. J. (1997). Confidence intervals for directly standardized rates: a method based on
    the gamma distribution. Statistics in Medicine 16, 791-801 (weighted sums of Poisson counts).
    doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#

    Examples
    --------
    >>> ratios = log_ratios(top=[400], top_squares=[4000], bottom=[100], bottom_squares=[1000])
    >>> ratios[["value", "low", "high"]].round(2).to_numpy().tolist()
    [[4.0, 2.0, 8.0]]
    """
    up, up2, down, down2 = (
        np.asarray(v, dtype=np.float64) for v in (top, top_squares, bottom, bottom_squares)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(down > 0, up / down, np.nan)
        # var log(a / b) = var a / a^2 + var b / b^2.
        variance = np.where((up > 0) & (down > 0), up2 / up**2 + down2 / down**2, np.nan)
        half = normal_quantile(level) * np.sqrt(variance)
    return pd.DataFrame(
        {
            "value": value,
            "low": value * np.exp(-half),
            "high": value * np.exp(half),
            "se": value * np.sqrt(variance),
        }
    )


def poisson_rate(events: int, exposure: float, *, level: float = 0.95) -> tuple[float, float, float]:
    """Return (rate, low, high) of events per unit of exposure, with the exact Poisson interval.

    Parameters
    ----------
    events : int
        Number of events.
    exposure : float
        Time or people at risk, 0 or more; with 0 all three are NaN.
    level : float
        Confidence level.

    Raises
    ------
    ArgumentError
        If events is not a whole number from 0, or exposure negative, missing or infinite.

    References
    ----------
    Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28, 437-442.
    doi:10.1093/biomet/28.3-4.437

    Examples
    --------
    >>> [round(number, 4) for number in poisson_rate(10, 100)]
    [0.1, 0.048, 0.1839]
    """
    if check_number("events", events, at_least=0) % 1:
        raise ArgumentError(f"events is {events!r}", wanted="a whole number")
    tail = (1 - check_level(level)) / 2
    if check_number("exposure", exposure, at_least=0) == 0:
        return math.nan, math.nan, math.nan
    # Garwood (1936): chi-square quantiles with 2x and 2x + 2 degrees of freedom, halved.
    low = 0.0
    if events:
        low = stats.chi2.ppf(tail, 2 * events) / 2
    high = stats.chi2.ppf(1 - tail, 2 * events + 2) / 2
    return events / exposure, float(low) / exposure, float(high) / exposure
