"""Hazards, moves of revenue and inflow of the last months, and draws of what so few months leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.churn.outlook.month_cells import AGES, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.aliases import Floats, Ints
    from cxresearch.churn.outlook.month_cells import MonthCells, Step

#: Lower ends of the bands of age, in months: moves are estimated by band, hazards lean on theirs.
BANDS = (0, 3, 6, 12, 24, 36)
#: A sparse age leans on its band as on so many months of a customer, a sparse cell on age times class.
_LEAN = 30.0
#: A class leans on the average as on so many expected leavers.
_LEAN_LEAVERS = 4.0


def band_of_age() -> Ints:
    """Return the band of each age."""
    return np.searchsorted(np.array(BANDS), np.arange(AGES), side="right") - 1


@dataclass(frozen=True, kw_only=True)
class MonthlyRates:
    """Sums of some months from which rates are drawn.

    Attributes
    ----------
    n, left : ndarray of float64, shape (classes, AGES)
        Months of customers at risk, and leavers.
    uneven : float
        Variance of a month's multiplier of churn beyond chance: months differ more than chance makes them.
    months : int
        Months summed.
    rise, spread : ndarray of float64, shape (bands, 2)
        Relative growth and shrinkage of the revenue of those who stay, a month; the variance of a customer's
        relative move in its second column is that of the mean rate.
    came : ndarray of float64
        New customers of each of the last months.
    stayed : float
        Share of them still there at the end of the month in which they came.
    joined, joined_money, joined_square : ndarray of float64, shape (classes,)
    """

    n: Floats
    left: Floats
    uneven: float
    months: int
    rise: Floats
    spread: Floats
    came: Floats
    stayed: float
    joined: Floats
    joined_money: Floats
    joined_square: Floats


@dataclass(frozen=True, kw_only=True)
class DrawnRates:
    """One set of rates a draw.

    Attributes
    ----------
    hazard : ndarray of float64, shape (draws, cells)
        Chance to leave within a month.
    shock : ndarray of float64, shape (draws, horizon)
        Multiplier of all hazards in a month.
    growth : ndarray of float64, shape (draws, bands)
        Mean relative move of the revenue of those who stay, a month.
    joiners : ndarray of int64, shape (draws, horizon)
        New customers still there at the end of the month in which they came.
    came : ndarray of float64, shape (draws, horizon)
        New customers, including those who leave at once.
    share : ndarray of float64, shape (draws, classes)
        How new customers are spread over classes.
    first_level : ndarray of float64, shape (draws, classes)
        Mean level of new customers.
    """

    hazard: Floats
    shock: Floats
    growth: Floats
    joiners: Ints
    came: Floats
    share: Floats
    first_level: Floats


def rates_of(cells: MonthCells, *, until: int, window: int, inflow_months: int) -> MonthlyRates:
    """Sum the months before a boundary.

    Parameters
    ----------
    cells : MonthCells
    until : int
        Place of the boundary; no month that ends after it is read.
    window, inflow_months : int
        Months from which hazards and moves are taken, and those from which the inflow is.
    """
    steps = cells.steps[max(until - window, 0) : until]
    shape = (cells.classes, AGES)
    n = summed(steps, "n").reshape(shape)
    left = summed(steps, "left").reshape(shape)
    rise, spread = _moves(steps)
    recent = cells.steps[max(until - inflow_months, 0) : until]
    came = np.array([step.came for step in recent])
    joined = summed(recent, "joined")
    stayed = 1.0
    if came.sum():
        stayed = float(joined.sum() / came.sum())
    return MonthlyRates(
        n=n,
        left=left,
        uneven=_uneven(steps, expected_hazard(n, left)),
        months=len(steps),
        rise=rise,
        spread=spread,
        came=came,
        stayed=stayed,
        joined=joined,
        joined_money=summed(recent, "joined_money"),
        joined_square=summed(recent, "joined_square"),
    )


def _by_band(values: Floats) -> Floats:
    """Sum an array over ages within bands; ages are its last axis."""
    sums: Floats = np.add.reduceat(values, np.array(BANDS), axis=-1)
    return sums


def expected_hazard(n: Floats, left: Floats) -> Floats:
    """Return the chance to leave within a month by class and age, each leaning on what is broader.

    Parameters
    ----------
    n, left : ndarray of float64, shape (..., classes, AGES)
    """
    by_age = _age_hazard(n.sum(axis=-2), left.sum(axis=-2))
    # f = (d + k) / (E + k): leavers of a class over those expected by age alone
    expected = (n * by_age[..., None, :]).sum(axis=-1)
    factor = (left.sum(axis=-1) + _LEAN_LEAVERS) / (expected + _LEAN_LEAVERS)
    centre = np.clip(factor[..., :, None] * by_age[..., None, :], 0.0, 1.0)
    hazard: Floats = (left + _LEAN * centre) / (n + _LEAN)
    return hazard


def _age_hazard(n: Floats, left: Floats) -> Floats:
    # half a leaver in a month of everybody at risk keeps a hazard above 0 where nobody left
    overall = (left.sum() + 0.5) / (n.sum() + 1.0)
    in_band, n_band = _by_band(left), _by_band(n)
    band = (in_band + _LEAN * overall) / (n_band + _LEAN)
    # posterior mean of a beta of weight k around the band
    hazard: Floats = (left + _LEAN * band[band_of_age()]) / (n + _LEAN)
    return hazard


def _uneven(steps: Sequence[Step], hazard: Floats) -> float:
    """Variance of a month's multiplier: sum[(O - E)^2 - E(1 - h)] / sum E^2 by moments, at least 0."""
    flat = hazard.ravel()
    expected = np.array([float(step.n @ flat) for step in steps])
    chance = np.array([float(step.n @ (flat * (1 - flat))) for step in steps])
    observed = np.array([float(step.left.sum()) for step in steps])
    weight = float((expected**2).sum())
    if not weight:
        return 0.0
    return max(float(((observed - expected) ** 2 - chance).sum()) / weight, 0.0)


def _moves(steps: Sequence[Step]) -> tuple[Floats, Floats]:
    """Relative moves by band, and the variance of a customer's and of the mean relative move."""
    base = _by_band(summed(steps, "base"))
    up = _by_band(summed(steps, "up"))
    down = _by_band(summed(steps, "down"))
    base_square = _by_band(summed(steps, "base_square"))
    move_square = _by_band(summed(steps, "move_square"))
    cross = _by_band(summed(steps, "cross"))
    total = max(float(base.sum()), 1e-12)
    # a band without revenue moves as all do
    empty = base <= 0
    rise = np.column_stack([up, down]) / np.where(empty, 1.0, base)[:, None]
    rise[empty] = [up.sum() / total, down.sum() / total]
    rate = rise[:, 0] - rise[:, 1]
    # sum (d - r M)^2 = sum d^2 - 2 r sum d M + r^2 sum M^2
    scatter = np.maximum(move_square - 2 * rate * cross + rate**2 * base_square, 0.0)
    each = scatter / np.where(base_square > 0, base_square, 1.0)
    each[base_square <= 0] = float(scatter.sum()) / max(float(base_square.sum()), 1e-12)
    # variance of the ratio of sums: sum (d - r M)^2 / (sum M)^2
    mean = scatter / np.where(empty, 1.0, base) ** 2
    mean[empty] = float(scatter.sum()) / total**2
    return rise, np.column_stack([each, mean])


def draw_rates(
    rates: MonthlyRates,
    *,
    horizon: int,
    draws: int,
    rng: np.random.Generator,
    inflow: Floats | None = None,
) -> DrawnRates:
    """Draw rates that the sums allow.

    Parameters
    ----------
    rates : MonthlyRates
    horizon, draws : int
        Months ahead, and futures.
    rng : Generator
    inflow : ndarray of float64, shape (horizon,), optional
        Declared new customers a month; by default what the last months brought.
    """
    classes = rates.n.shape[0]
    joiners, came = _joiners(rates, horizon, draws, rng, inflow)
    share = rng.dirichlet(rates.joined + 0.5 / classes, size=draws)
    mean = rates.joined_money / np.maximum(rates.joined, 1.0)
    square = rates.joined_square / np.maximum(rates.joined, 1.0)
    error = np.sqrt(np.maximum(square - mean**2, 0.0) / np.maximum(rates.joined, 1.0))
    level = np.maximum(mean + error * rng.standard_normal((draws, classes)), 0.0)
    growth = rates.rise[:, 0] - rates.rise[:, 1]
    growth = growth + np.sqrt(rates.spread[:, 1]) * rng.standard_normal((draws, len(BANDS)))
    return DrawnRates(
        hazard=_drawn_hazard(rates, draws, rng),
        shock=_shocks(rates, horizon, draws, rng),
        growth=np.maximum(growth, -1.0),
        joiners=joiners,
        came=came,
        share=share,
        first_level=level,
    )


def _drawn_hazard(rates: MonthlyRates, draws: int, rng: np.random.Generator) -> Floats:
    """Hazards drawn class by class and age by age, each around what it leans on.

    The variance of a product of (1 - d/n) with d binomial is Greenwood's: independent draws of the hazards of
    successive ages are draws of the survival curve.
    """
    # Greenwood (1926): var S / S^2 = sum of d / (n (n - d)), the sum of the variances of the log factors
    n, left = rates.n, rates.left
    by_age = _age_hazard(n.sum(axis=0), left.sum(axis=0))
    size = n.sum(axis=0) + _LEAN
    age = rng.beta(by_age * size, (1 - by_age) * size, size=(draws, AGES))
    expected = (n * by_age).sum(axis=1)
    # leavers of a class are Poisson around f E: f is drawn from its gamma
    factor = rng.gamma(left.sum(axis=1) + _LEAN_LEAVERS, size=(draws, n.shape[0]))
    factor /= expected + _LEAN_LEAVERS
    centre = np.clip(factor[:, :, None] * age[:, None, :], 1e-9, 1 - 1e-9)
    seen = np.flatnonzero(n.ravel() > 0)
    hazard = centre.reshape(draws, -1)
    at_risk, leavers = n.ravel()[seen], left.ravel()[seen]
    # only cells that were seen have data of their own; the others stay what they lean on
    first = leavers + _LEAN * hazard[:, seen]
    second = at_risk - leavers + _LEAN * (1 - hazard[:, seen])
    hazard[:, seen] = rng.beta(first, second)
    return hazard


def _shocks(rates: MonthlyRates, horizon: int, draws: int, rng: np.random.Generator) -> Floats:
    """Multipliers of mean 1: each month's own, and the error of the mean of the months that were seen."""
    if rates.uneven <= 0:
        return np.ones((draws, horizon))
    shape = 1 / rates.uneven
    month = rng.gamma(shape, 1 / shape, size=(draws, horizon))
    lasting = rng.gamma(shape * rates.months, 1 / (shape * rates.months), size=(draws, 1))
    shock: Floats = month * lasting
    return shock


def _joiners(
    rates: MonthlyRates, horizon: int, draws: int, rng: np.random.Generator, inflow: Floats | None
) -> tuple[Ints, Floats]:
    """New customers a month: a mean that is not known better than the months allow, and their scatter."""
    if inflow is not None:
        came = rng.poisson(np.broadcast_to(inflow, (draws, horizon))).astype(float)
        return rng.binomial(came.astype(np.int64), rates.stayed), came
    months = len(rates.came)
    mean = float(rates.came.mean())
    scatter = mean
    if months > 1:
        # counts scatter at least as Poisson
        scatter = max(float(rates.came.var(ddof=1)), mean)
    error = np.sqrt(scatter / months) * rng.standard_t(max(months - 1, 1), size=(draws, 1))
    centre = np.maximum(mean + error, 0.0) * np.ones((1, horizon))
    extra = scatter - mean
    if extra > 0:
        # gamma mixed Poisson: variance m + extra, for each m = centre
        shape = np.maximum(centre, 1e-9) ** 2 / extra
        centre = rng.gamma(shape, np.maximum(centre, 1e-9) / shape)
    came = rng.poisson(centre).astype(float)
    return rng.binomial(came.astype(np.int64), rates.stayed), came
