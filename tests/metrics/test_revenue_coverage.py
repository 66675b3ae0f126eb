"""Simulated coverage of the intervals of revenue and support; last figures in docs/validation.md."""

from __future__ import annotations

import numpy as np
import pytest

from cxresearch.metrics.economics import DAYS_PER_MONTH
from cxresearch.metrics.lifetime_value import lifetime_value
from cxresearch.results.units import Unit
from cxresearch.stats.kaplan_meier import kaplan_meier
from cxresearch.stats.proportions import wilson
from cxresearch.stats.ratio import bootstrap_ratio, linearised_ratios, log_ratios, poisson_rate

REPEATS = 4000
SIZES = (10, 30, 100, 1000)
#: Coverage wanted of a 95 % interval, less the noise of 4,000 repeats and the steps of small counts.
FLOOR = {10: 0.92, 30: 0.92, 100: 0.93, 1000: 0.935}


def draw(n: int, spread: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Customers of log-normal MRR: 6 % leave, 8 % halve, 15 % grow by a third; shape (REPEATS, n)."""
    level = rng.lognormal(4, spread, (REPEATS, n))
    fate = rng.random((REPEATS, n))
    lost = level * np.select([fate < 0.06, fate < 0.14], [1.0, 0.5], 0.0)
    won = level * np.where(fate > 0.85, 1 / 3, 0.0)
    return {"s": level, "lost": lost, "net": lost - won, "won": won}


def covered(x: np.ndarray, s: np.ndarray, truth: float, *, share: bool) -> float:
    found = linearised_ratios(
        x=x.sum(1),
        s=s.sum(1),
        xx=(x * x).sum(1),
        xs=(x * s).sum(1),
        ss=(s * s).sum(1),
        n=np.full(len(x), x.shape[1]),
        relative=(x * x / s).sum(1),
        share=share,
    )
    return float(((found["low"] <= truth) & (truth <= found["high"])).mean())


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_revenue_rates_cover(n: int, spread: float) -> None:
    drawn = draw(n, spread, np.random.default_rng(100 * n + int(10 * spread)))
    gross = covered(drawn["lost"], drawn["s"], 0.06 + 0.04, share=True)
    net = covered(drawn["net"], drawn["s"], 0.10 - 0.05, share=False)
    print(f"n {n:5,} spread {spread:.1f}: gross churn {gross:.3f}, net churn {net:.3f}")
    assert FLOOR[n] <= gross <= 0.99
    assert FLOOR[n] <= net <= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES[1:])
def test_bootstrap_covers(n: int) -> None:
    rng = np.random.default_rng(n)
    drawn = draw(n, 0.5, rng)
    hits = 0
    for row in range(300):
        found = bootstrap_ratio(drawn["net"][row], drawn["s"][row], repeats=500, rng=rng)
        hits += found.low <= 0.05 <= found.high
    print(f"n {n:5,}: bootstrap of net churn {hits / 300:.3f}")
    assert (
        hits / 300 >= {30: 0.80, 100: 0.88, 1000: 0.90}[n]
    )  # percentile intervals are too short when n is small


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES[1:])
def test_quick_ratio_covers(n: int) -> None:
    rng = np.random.default_rng(n + 1)
    drawn = draw(n, 0.5, rng)
    found = log_ratios(
        top=drawn["won"].sum(1),
        top_squares=(drawn["won"] ** 2).sum(1),
        bottom=drawn["lost"].sum(1),
        bottom_squares=(drawn["lost"] ** 2).sum(1),
    ).dropna()
    rate = float(((found["low"] <= 0.5) & (found["high"] >= 0.5)).mean())
    print(f"n {n:5,}: quick ratio {rate:.3f} of {len(found):,}")
    assert rate >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_customer_churn_covers(n: int) -> None:
    gone = np.random.default_rng(n).binomial(n, 0.1, REPEATS)
    bounds = wilson(gone, np.full(REPEATS, n))
    rate = float(((bounds.low <= 0.1) & (bounds.high >= 0.1)).mean())
    print(f"n {n:5,}: Wilson, customer churn 10 % {rate:.3f}")
    assert 0.92 <= rate <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("mean", [3, 10, 100])
def test_rates_of_events_cover(mean: int) -> None:
    events = np.random.default_rng(mean).poisson(mean, REPEATS)
    ends = [poisson_rate(int(count), 1.0) for count in events]
    rate = float(np.mean([low <= mean <= high for _, low, high in ends]))
    print(f"{mean} events: exact Poisson {rate:.3f}")
    assert rate >= 0.95 - 0.01


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES[1:])
def test_ticket_times_cover(n: int) -> None:
    """Weibull resolutions (shape .7, median 20 h), tickets opened over 200 h before the cut."""
    rng = np.random.default_rng(n + 3)
    scale = 20 / np.log(2) ** (1 / 0.7)
    wanted = {
        "median": 20.0,
        "p90": scale * np.log(10) ** (1 / 0.7),
        "sla": 1 - np.exp(-((48 / scale) ** 0.7)),
    }
    hits = dict.fromkeys(wanted, 0)
    repeats = 1000
    for _ in range(repeats):
        took, cut = scale * rng.weibull(0.7, n), rng.uniform(20, 400, n)
        curve = kaplan_meier(np.minimum(took, cut), (took <= cut).astype(int), unit=Unit.HOURS)
        at = curve.survival_at([48.0], extend=True).iloc[0]
        ends = {
            "median": (curve.quantile(0.5).low, curve.quantile(0.5).high),
            "p90": (curve.quantile(0.9).low, curve.quantile(0.9).high),
            "sla": (1 - at["high"], 1 - at["low"]),
        }
        for name, (low, high) in ends.items():
            reached = np.nan_to_num(low, nan=np.inf) <= wanted[name] <= np.nan_to_num(high, nan=np.inf)
            hits[name] += bool(reached)
    rates = {name: count / repeats for name, count in hits.items()}
    print(f"n {n:5,}: median {rates['median']:.3f}, p90 {rates['p90']:.3f}, SLA at 48 h {rates['sla']:.3f}")
    assert min(rates["median"], rates["sla"]) >= 0.925
    assert rates["p90"] >= 0.90


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES[1:])
def test_lifetime_value_covers(n: int) -> None:
    """Exponential stays of a mean of 20 months, half of them censored before 24; value over 12 months."""
    rng = np.random.default_rng(n + 5)
    truth = float(np.exp(-np.arange(12) / 20).sum())
    hits, repeats = 0, 1000
    for _ in range(repeats):
        stay, cut = rng.exponential(20, n), rng.uniform(12, 36, n)
        curve = kaplan_meier(np.minimum(stay, cut) * DAYS_PER_MONTH, (stay <= cut).astype(int))
        found = lifetime_value(curve, 1.0, horizon_months=12)
        hits += found.low <= truth <= found.high
    print(f"n {n:5,}: lifetime value {hits / repeats:.3f}")
    assert hits / repeats >= 0.92
