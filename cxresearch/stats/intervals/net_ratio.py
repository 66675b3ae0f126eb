"""Intervals of what was gained, and of losses less gains, as ratios of sums over customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals.differences import mover_difference
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.intervals.proportions import Bounds
from cxresearch.stats.intervals.ratio import SLACK, Linearised, linearised, linearised_ratios

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats

#: What reports print as the name of the intervals.
GAIN_METHOD = "Poisson score at the effective number of moves"
#: A variance below this part of that of one move is rounding.
_NOTHING = 1e-9


def net_method(*, share: bool) -> str:
    """Name the interval of `net_ratios`."""
    losses = GAIN_METHOD
    if share:
        losses = "Wilson with effective n"
    return f"MOVER of losses ({losses}) and gains ({GAIN_METHOD})"


@dataclass(frozen=True, kw_only=True)
class MoveSums:
    """Sums of one kind of move, such as expansion, over the customers of many cells.

    Attributes
    ----------
    x, xx, xs : array-like, shape (cells,)
        Sums of the moves, of their squares and of move times opening level, each move 0 or more.
    movers : array-like, shape (cells,)
        Customers with a move above 0.
    relative : array-like, shape (cells,), optional
        Sum of squared move over opening level, where the moves are shares of it.
    """

    x: ArrayLike
    xx: ArrayLike
    xs: ArrayLike
    movers: ArrayLike
    relative: ArrayLike = float("nan")


def gain_ratios(
    moves: MoveSums, *, s: ArrayLike, ss: ArrayLike, n: ArrayLike, level: float = 0.95
) -> pd.DataFrame:
    """Return moves over opening levels, one ratio a cell, where a move may exceed its opening level.

    Parameters
    ----------
    moves : MoveSums
        Sums of the moves of each cell.
    s, ss : array-like, shape (cells,)
        Sums of opening levels and of their squares.
    n : array-like, shape (cells,)
        Customers with an opening level above 0.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns ``value, low, high, se, n_effective``. NaN without an opening level; no interval with fewer
        than two customers.

    Raises
    ------
    ArgumentError
        If moves add up to less than 0.

    Notes
    -----
    Moves are rare and skewed, and their sum is nearly compound Poisson, so its variance is taken as
    proportional to its mean: all R with ``|value - R| <= z sqrt(c R)``, the score interval of a Poisson
    mean at ``value / c`` events (Dobson et al. 1991 give weighted sums of Poisson counts such an effective
    number). ``c`` is the larger of two variances over the value: the linearised one, and that of moves of one
    relative size, made by ``movers`` of n customers, over Kish's effective number of customers. Where nobody
    moved, ``c`` is one of those customers doubling; where all moved alike, one of them moving as much.
    Simulated coverage is in docs/validation.md.

    References
    ----------
    Dobson, A. J., Kuulasmaa, K., Eberle, E., & Scherer, J. (1991). Confidence intervals for weighted sums of
    Poisson parameters. Statistics in Medicine 10, 457-462. doi:10.1002/sim.4780100317
    Brown, L. D., Cai, T. T., & DasGupta, A. (2003). Interval estimation in exponential families. Statistica
    Sinica 13, 19-49.

    Examples
    --------
    >>> grown = MoveSums(x=[20], xx=[200], xs=[200], movers=[2])
    >>> gain_ratios(grown, s=[100], ss=[1000], n=[10]).round(3).iloc[0].tolist()
    [0.2, 0.059, 0.683, 0.133, 10.0]
    """
    if (np.asarray(moves.x, dtype=np.float64) < -SLACK * np.asarray(s, dtype=np.float64)).any():
        raise ArgumentError("moves add up to less than 0", wanted="moves of 0 or more, without a sign")
    value, se, kish = linearised(x=moves.x, s=s, xx=moves.xx, xs=moves.xs, ss=ss, n=n)
    value = np.maximum(value, 0.0)
    size = np.asarray(n, dtype=np.float64)
    movers = np.asarray(moves.movers, dtype=np.float64)
    z = normal_quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        # c, the variance over the value: linearised, and of moves of one relative size.
        alike = size / (size - 1) * value * (size / movers - 1) / kish
        unit = np.fmax(se**2 / value, alike)
        # A move of everybody, or of a single customer who doubled, where nothing else varies.
        least = np.where(value > 0, value, 1.0) / kish
        unit = np.where((value > 0) & (unit > _NOTHING * least), unit, least)
        unit = np.where(np.isnan(se), np.nan, unit)
    # |value - R| <= z sqrt(c R), solved for R: the score interval of a Poisson mean.
    centre = value + z * z * unit / 2
    half = z * np.sqrt(unit * value + (z * unit / 2) ** 2)
    low = np.where(value > 0, np.maximum(centre - half, 0.0), 0.0 * unit)
    return pd.DataFrame({"value": value, "low": low, "high": centre + half, "se": se, "n_effective": kish})


def net_ratios(
    losses: MoveSums,
    gains: MoveSums,
    *,
    cross: ArrayLike,
    s: ArrayLike,
    ss: ArrayLike,
    n: ArrayLike,
    level: float = 0.95,
    share: bool = True,
) -> pd.DataFrame:
    """Return (losses - gains) over opening levels, such as net revenue churn, one ratio a cell.

    Parameters
    ----------
    losses, gains : MoveSums
        Sums of the moves of each cell, both without a sign.
    cross : array-like, shape (cells,)
        Sum of loss times gain: 0 where nobody has both.
    s, ss, n, level
        As in `gain_ratios`.
    share : bool
        No customer loses more than the opening level.

    Returns
    -------
    DataFrame
        Columns as in `gain_ratios`; ``se`` is the linearised standard error. With ``share`` no end lies
        above 1.

    Raises
    ------
    ArgumentError
        If losses or gains are none: below 0, or losses of a share above the whole.

    Notes
    -----
    The interval joins those of losses (Wilson's with an effective n for a share, see `linearised_ratio`, else
    that of `gain_ratios`) and of gains by MOVER, with the linearised correlation of the two. Fieller's
    interval of the difference at one go knows nothing of moves that might have happened and did not: among
    ten equal customers who grow by 5 to 15 %, one in ten leaving, it covers 64 % (docs/validation.md).

    References
    ----------
    Zou, G. Y., & Donner, A. (2008). Construction of confidence limits about effect measures: a general
    approach. Statistics in Medicine 27, 1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> lost = MoveSums(x=[10], xx=[100], xs=[100], movers=[1], relative=[10])
    >>> won = MoveSums(x=[20], xx=[200], xs=[200], movers=[2])
    >>> net_ratios(lost, won, cross=[0], s=[100], ss=[1000], n=[10]).round(3).iloc[0].tolist()
    [-0.1, -0.604, 0.273, 0.18, 10.0]
    """
    base: dict[str, Any] = {"s": s, "ss": ss, "n": n}
    if share:
        sums = {"x": losses.x, "xx": losses.xx, "xs": losses.xs, "relative": losses.relative}
        lost = linearised_ratios(**sums, **base, level=level)
    else:
        lost = gain_ratios(losses, **base, level=level)
    won = gain_ratios(gains, **base, level=level)
    net, r = _net_and_correlation(losses, gains, cross, base)
    ends = mover_difference(
        lost["value"], _bounds(lost), won["value"], _bounds(won), level=level, correlation=r
    )
    high = ends.high
    if share:
        high = np.minimum(high, 1.0)
    cells = {"value": net.value, "low": ends.low, "high": high, "se": net.se, "n_effective": net.n_effective}
    return pd.DataFrame(cells)


def _bounds(table: pd.DataFrame) -> Bounds:
    return Bounds(low=table["low"].to_numpy(), high=table["high"].to_numpy())


def _net_and_correlation(
    losses: MoveSums, gains: MoveSums, cross: ArrayLike, base: dict[str, Any]
) -> tuple[Linearised, Floats]:
    """Return the linearised ratio of the difference, and the correlation of its two parts (0 if unknown)."""
    product = np.asarray(cross, dtype=np.float64)
    lost = _MoveArrays.of(losses)
    won = _MoveArrays.of(gains)
    s = np.asarray(base["s"], dtype=np.float64)
    ss = np.asarray(base["ss"], dtype=np.float64)
    # Sums of (loss - gain), of its square and of its product with the opening level.
    net = linearised(x=lost.x - won.x, xx=lost.xx + won.xx - 2 * product, xs=lost.xs - won.xs, **base)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = lost.x / s
        b = won.x / s
        # Sums of (l - a s)(g - b s), (l - a s)^2 and (g - b s)^2.
        covariance = product - a * won.xs - b * lost.xs + a * b * ss
        variance_lost = lost.xx - 2 * a * lost.xs + a * a * ss
        variance_won = won.xx - 2 * b * won.xs + b * b * ss
        varies = (variance_lost > SLACK * lost.xx) & (variance_won > SLACK * won.xx)
        scale = np.sqrt(np.where(varies, variance_lost * variance_won, 1.0))
        r = np.where(varies, covariance / scale, 0.0)
    return net, np.clip(r, -1.0, 1.0)


class _MoveArrays(NamedTuple):
    """Sums of moves, of their squares and of move times opening level, as arrays of cells."""

    x: Floats
    xx: Floats
    xs: Floats

    @classmethod
    def of(cls, moves: MoveSums) -> _MoveArrays:
        return cls(*(np.asarray(part, dtype=np.float64) for part in (moves.x, moves.xx, moves.xs)))
