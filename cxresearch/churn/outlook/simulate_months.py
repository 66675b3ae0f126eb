"""Futures drawn month by month: who of today stays, what they pay, who comes.

Customers of one cell share their chance to leave, so that a binomial draw of how many of them stay says the
same as a draw for each: a million customers cost what a thousand cells cost. What they pay is not shared: the
largest accounts are drawn one by one, and of the others in a cell the revenue of those who stay has the mean
and the variance of a sample without replacement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.churn.outlook.month_cells import AGES
from cxresearch.churn.outlook.monthly_rates import BANDS, band_of_age

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints
    from cxresearch.churn.outlook.month_cells import Stock
    from cxresearch.churn.outlook.monthly_rates import DrawnRates, MonthlyRates


@dataclass(frozen=True, kw_only=True)
class Futures:
    """Draws of what is ahead, shape (draws, horizon) each.

    Attributes
    ----------
    customers, mrr : ndarray of float64
        At the end of each month.
    came : ndarray of float64
        New customers in the month.
    customers_kept, mrr_kept : ndarray of float64
        What is added where some leavers are kept; 0 without such a scenario.
    """

    customers: Floats
    mrr: Floats
    came: Floats
    customers_kept: Floats
    mrr_kept: Floats

    def draws_of(self, what: str) -> Floats:
        """Return the draws of customers or of recurring revenue."""
        return {"customers": self.customers, "mrr": self.mrr}[what]


@dataclass(kw_only=True)
class _Flock:
    """Customers who are drawn together: units of one class and one age at the beginning."""

    klass: Ints
    age: Ints
    size: Floats  # (units,) or (draws, units) at the beginning
    staying: Ints  # (draws, units)
    kept: Ints  # (draws, units): stay only in the scenario
    level: Floats  # (units,) or (draws, units): mean level of a customer
    scatter: Floats  # of a customer's level within the unit
    noise: Floats  # (draws, units): where in that scatter those who stay lie
    growth: Floats  # (draws, ages): what a level of 1 at the beginning has become

    def month(self, hazard: Floats, spared: Floats, rng: np.random.Generator) -> None:
        """Draw who leaves in the next month, and who of them is kept in the scenario."""
        cell = self.klass * AGES + self.age
        chance = np.minimum(hazard[:, cell], 1.0)
        leaving = rng.binomial(self.staying, chance)
        # n exp(-sum of hazards) in the mean, binomial around it
        self.staying = self.staying - leaving
        if spared.any():
            saved = rng.binomial(leaving, spared[self.klass])
            # those kept before leave at the lower rate that the scenario supposes
            again = rng.binomial(self.kept, chance * (1 - spared[self.klass]))
            self.kept = self.kept - again + saved

    def grow(self, move: Floats) -> None:
        """Let levels move as the band of each age does, and everybody grow a month older."""
        ages, place = np.unique(self.age, return_inverse=True)
        factor = 1 + move[:, band_of_age()[ages]]
        self.growth = self.growth * np.maximum(factor, 0.0)[:, place]
        self.age = np.minimum(self.age + 1, AGES - 1)

    def money(self) -> Floats:
        """Revenue of those who stay."""
        # k of n drawn without replacement: mean k m, variance s^2 k (n - k) / (n - 1) (Cochran 1977)
        left = np.maximum(self.size - self.staying, 0.0)
        error = self.scatter * np.sqrt(self.staying * left / np.maximum(self.size - 1, 1.0))
        return np.maximum(self.staying * self.level + self.noise * error, 0.0)


def simulate_months(
    stock: Stock,
    rates: MonthlyRates,
    drawn: DrawnRates,
    *,
    rng: np.random.Generator,
    spared: Floats | None = None,
) -> Futures:
    """Draw futures of a stock of customers.

    Parameters
    ----------
    stock : Stock
        Who is there today.
    rates : MonthlyRates
    drawn : DrawnRates
        A set of rates for each future.
    rng : Generator
    spared : ndarray of float64, shape (classes,), optional
        Share of those who would leave and are kept in the scenario, by class.
    """
    draws, horizon = drawn.shock.shape
    classes = rates.n.shape[0]
    if spared is None:
        spared = np.zeros(classes)
    flocks = [_today(stock, draws, rng)]
    wobble = _wobble(stock, rates)
    shape = (draws, horizon)
    customers, mrr = np.zeros(shape), np.zeros(shape)
    customers_kept, mrr_kept = np.zeros(shape), np.zeros(shape)
    for month in range(horizon):
        hazard = drawn.hazard * drawn.shock[:, [month]]
        move = drawn.growth + wobble * rng.standard_normal((draws, len(BANDS)))
        for flock in flocks:
            flock.month(hazard, spared, rng)
            flock.grow(move)
        flocks.append(_newcomers(rates, drawn, month, rng))
        for flock in flocks:
            customers[:, month] += flock.staying.sum(axis=1)
            mrr[:, month] += (flock.money() * flock.growth).sum(axis=1)
            if spared.any():
                customers_kept[:, month] += flock.kept.sum(axis=1)
                mrr_kept[:, month] += (flock.kept * flock.level * flock.growth).sum(axis=1)
    return Futures(
        customers=customers, mrr=mrr, came=drawn.came, customers_kept=customers_kept, mrr_kept=mrr_kept
    )


def _today(stock: Stock, draws: int, rng: np.random.Generator) -> _Flock:
    """The customers of today: cells that hold somebody, then the largest accounts one by one."""
    filled = np.flatnonzero(stock.n > 0)
    n = stock.n[filled]
    mean = stock.money[filled] / n
    variance = np.maximum(stock.square[filled] / n - mean**2, 0.0)
    # variance over n - 1, as of a sample
    scatter = np.sqrt(variance * n / np.maximum(n - 1, 1.0))
    cell = np.concatenate([filled, stock.large_cell])
    size = np.concatenate([n, np.ones(len(stock.large_cell))])
    shape = (draws, len(cell))
    noise = np.zeros(shape)
    noise[:, : len(filled)] = rng.standard_normal((draws, len(filled)))
    return _Flock(
        klass=cell // AGES,
        age=cell % AGES,
        size=size,
        staying=np.broadcast_to(size.astype(np.int64), shape).copy(),
        kept=np.zeros(shape, dtype=np.int64),
        level=np.concatenate([mean, stock.large_money]),
        scatter=np.concatenate([scatter, np.zeros(len(stock.large_cell))]),
        noise=noise,
        growth=np.ones(shape),
    )


def _newcomers(rates: MonthlyRates, drawn: DrawnRates, month: int, rng: np.random.Generator) -> _Flock:
    """The new customers of a month by class, with what they pay together."""
    counts = rng.multinomial(drawn.joiners[:, month], drawn.share)
    mean = np.maximum(drawn.first_level, 0.0)
    n = np.maximum(rates.joined, 1.0)
    variance = np.maximum(rates.joined_square / n - (rates.joined_money / n) ** 2, 0.0)
    # the mean of k levels is drawn from a gamma of mean m and variance s^2 / k: never below 0
    spread = variance / np.maximum(counts, 1)
    level = mean.copy()
    drawable = (spread > 0) & (mean > 0) & (counts > 0)
    # gamma of shape m^2 / v and scale v / m has mean m and variance v
    shape = mean[drawable] ** 2 / spread[drawable]
    level[drawable] = rng.gamma(shape, mean[drawable] / shape)
    classes = counts.shape[1]
    return _Flock(
        klass=np.arange(classes),
        age=np.zeros(classes, dtype=np.int64),
        size=counts.astype(float),
        staying=counts.astype(np.int64),
        kept=np.zeros(counts.shape, dtype=np.int64),
        level=level,
        scatter=np.zeros(classes),
        noise=np.zeros(counts.shape),
        growth=np.ones(counts.shape),
    )


def _wobble(stock: Stock, rates: MonthlyRates) -> Floats:
    """Scatter of a month's relative move of all revenue in a band: s sqrt(sum M^2) / sum M."""
    band = band_of_age()
    ages = np.arange(len(stock.n)) % AGES
    money = np.bincount(band[ages], stock.money, minlength=len(BANDS))
    square = np.bincount(band[ages], stock.square, minlength=len(BANDS))
    large = band[stock.large_cell % AGES]
    money += np.bincount(large, stock.large_money, minlength=len(BANDS))
    square += np.bincount(large, stock.large_money**2, minlength=len(BANDS))
    total = max(float(money.sum()), 1e-12)
    overall = float(square.sum()) / total**2
    concentration = np.where(money > 0, square / np.where(money > 0, money, 1.0) ** 2, overall)
    return np.sqrt(rates.spread[:, 0] * concentration)
