"""Coverage of the intervals of revenue and support: the tables of docs/validation.md.

``python -m pytest -s -m "slow or not slow" tests/metrics/test_revenue_coverage.py`` prints them.

Shares and counts of events are exact (every outcome, weighted by its probability); the rest rests on 4,000
simulated firms a cell, a Monte-Carlo error of .35 points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.economics.lifetime_value import lifetime_value
from cxresearch.metrics.support.support_metrics import _mean_replies
from cxresearch.metrics.usage.adoption_metrics import _mean_of_counts
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.net_ratio import MoveSums, gain_ratios, net_ratios
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.stats.intervals.ratio import linearised_ratios, log_ratios, poisson_rate
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.reached_share import share_reached
from cxresearch.units_of_time import DAYS_A_MONTH

REPEATS = 4000
SIZES = (10, 30, 100, 1000)
#: Coverage wanted of a 95 % interval, less the noise of 4,000 repeats and the steps of small counts.
FLOOR = {10: 0.92, 30: 0.92, 100: 0.93, 1000: 0.935}
#: Under every law, from the worst and best figures of docs/validation.md less or plus their noise. With few
#: customers there are one to five moves to learn from, and net churn errs on the safe side.
WORST = {10: 0.88, 30: 0.90, 100: 0.93, 1000: 0.93}
MOST = {10: 0.975, 30: 0.983, 100: 0.978, 1000: 0.978}
MOST_NET = {10: 0.993, 30: 0.983, 100: 0.98, 1000: 0.98}
#: The law of a firm: shares who leave, who contract, by how much, who expand, by how much.
FIRMS = {
    "6 % leave, 8 % halve, 15 % grow by a third": (0.06, 0.08, 0.5, 0.15, 1 / 3),
    "3 % leave, 2 % halve, 30 % grow by a fifth": (0.03, 0.02, 0.5, 0.30, 0.2),
    "20 % leave, 20 % lose 30 %, 10 % grow by half": (0.20, 0.20, 0.3, 0.10, 0.5),
    "5 % leave, 5 % halve, 10 % triple": (0.05, 0.05, 0.5, 0.10, 2.0),
    "10 % leave, the others grow by 5 to 15 %": (0.10, 0.0, 0.0, 0.90, None),
}
BASE = next(iter(FIRMS))


def draw(n: int, spread: float, law: str = BASE) -> tuple[dict[str, np.ndarray], float, float]:
    """Customers of log-normal MRR, shape (REPEATS, n); true gross churn and expansion."""
    rng = np.random.default_rng([n, int(10 * spread)])
    leave, contract, by, expand, factor = FIRMS[law]
    level = rng.lognormal(4, spread, (REPEATS, n))
    fate = rng.random((REPEATS, n))
    lost = level * np.select([fate < leave, fate < leave + contract], [1.0, by], 0.0)
    grown = rng.uniform(0.05, 0.15, (REPEATS, n)) if factor is None else factor
    won = level * np.where(fate > 1 - expand, grown, 0.0)
    mean_growth = 0.1 if factor is None else factor
    return {"s": level, "lost": lost, "won": won}, leave + contract * by, expand * mean_growth


def moves(x: np.ndarray, s: np.ndarray) -> MoveSums:
    return MoveSums(
        x=x.sum(1), xx=(x * x).sum(1), xs=(x * s).sum(1), movers=(x > 0).sum(1), relative=(x * x / s).sum(1)
    )


def rate(low: np.ndarray, high: np.ndarray, truth: float) -> float:
    return float(((low <= truth) & (truth <= high)).mean())


def fieller(x: np.ndarray, s: np.ndarray) -> dict[str, np.ndarray]:
    """Fieller's (1954) interval of a ratio of sums, to compare with: t on Kish's effective number less one.

    All R with ``(sum x - R sum s)^2 <= reach sum((x - R s)^2)``; the whole line where that has no ends.
    """
    kish, n = s.sum(1) ** 2 / (s * s).sum(1), s.shape[1]
    reach = n / (n - 1) * stats.t.ppf(0.975, np.maximum(kish - 1, 1)) ** 2
    a = s.sum(1) ** 2 - reach * (s * s).sum(1)
    b = x.sum(1) * s.sum(1) - reach * (x * s).sum(1)
    c = x.sum(1) ** 2 - reach * (x * x).sum(1)
    root, bounded = np.sqrt(np.maximum(b * b - a * c, 0)), a > 0
    below = np.where(bounded, a, 1.0)
    return {
        "low": np.where(bounded, (b - root) / below, -np.inf),
        "high": np.where(bounded, (b + root) / below, np.inf),
    }


def revenue_rates(n: int, spread: float, law: str = BASE) -> dict[str, float]:
    """Coverage of gross churn, expansion, net churn, and of net churn by Fieller."""
    drawn, gross, growth = draw(n, spread, law)
    s, lost, won = drawn["s"], drawn["lost"], drawn["won"]
    base = {"s": s.sum(1), "ss": (s * s).sum(1), "n": np.full(len(s), n)}
    losses, gains, x = moves(lost, s), moves(won, s), lost - won
    part = {"x": losses.x, "xx": losses.xx, "xs": losses.xs, "relative": losses.relative}
    found = {
        "gross": (linearised_ratios(**base, **part), gross),
        "expansion": (gain_ratios(gains, **base), growth),
        "net": (net_ratios(losses, gains, cross=(lost * won).sum(1), **base), gross - growth),
        "fieller": (fieller(x, s), gross - growth),
    }
    return {name: rate(cells["low"], cells["high"], truth) for name, (cells, truth) in found.items()}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("law", FIRMS)
@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_revenue_rates_cover(law: str, spread: float) -> None:
    for n in SIZES:
        found = revenue_rates(n, spread, law)
        print(f"| {law} | {n:,} | {spread:g} | " + " | ".join(f"{found[name]:.3f}" for name in found) + " |")
        for name in ("gross", "expansion"):
            assert WORST[n] <= found[name] <= MOST[n]
        assert 0.92 <= found["net"] <= (0.9995 if n == 10 and law == BASE else MOST_NET[n])
        assert law != BASE or FLOOR[n] <= min(found["gross"], found["net"])


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES[1:])
def test_large_accounts_that_leave_more_often(n: int) -> None:
    """Logit of leaving rises by .8 for each standard deviation of log MRR (spread 1)."""
    rng = np.random.default_rng(n + 7)
    z = rng.normal(size=(REPEATS, n))
    leaving = 1 / (1 + np.exp(2.5 - 0.8 * z))
    s, gone = np.exp(4 + z), rng.random((REPEATS, n)) < leaving
    grows = ~gone & (rng.random((REPEATS, n)) < 0.15)
    lost, won = s * gone, s * grows / 3
    many = np.random.default_rng(9).normal(size=2_000_000)
    chance = 1 / (1 + np.exp(2.5 - 0.8 * many))
    gross = float(np.average(chance, weights=np.exp(many)))
    base = {"s": s.sum(1), "ss": (s * s).sum(1), "n": np.full(REPEATS, n)}
    losses = moves(lost, s)
    found = linearised_ratios(**base, x=losses.x, xx=losses.xx, xs=losses.xs, relative=losses.relative)
    net = net_ratios(losses, moves(won, s), cross=np.zeros(REPEATS), **base)
    rates = (
        rate(found["low"], found["high"], gross),
        rate(net["low"], net["high"], gross - (1 - gross) * 0.05),
    )
    print(f"n {n:5,}: large accounts leave more: gross churn {rates[0]:.3f}, net churn {rates[1]:.3f}")
    assert min(rates) >= 0.92


def ratio(x: np.ndarray, s: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(x.sum(axis=axis) / s.sum(axis=axis))


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES[1:])
def test_bootstrap_covers(n: int) -> None:
    """Not used by any metric: percentile intervals are too short with few customers."""
    rng = np.random.default_rng(n)
    drawn, gross, growth = draw(n, 0.5)
    hits = 0
    for row in range(300):
        x, s = drawn["lost"][row] - drawn["won"][row], drawn["s"][row]
        found = stats.bootstrap(
            (x, s), ratio, paired=True, n_resamples=500, method="percentile", rng=rng
        ).confidence_interval
        hits += found.low <= gross - growth <= found.high
    print(f"n {n:5,}: bootstrap of net churn {hits / 300:.3f}")
    assert {30: 0.80, 100: 0.88, 1000: 0.90}[n] <= hits / 300 <= 0.965


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_quick_ratio_covers(n: int) -> None:
    drawn, gross, growth = draw(n, 0.5)
    found = log_ratios(
        top=drawn["won"].sum(1),
        top_squares=(drawn["won"] ** 2).sum(1),
        bottom=drawn["lost"].sum(1),
        bottom_squares=(drawn["lost"] ** 2).sum(1),
    ).dropna()
    share = rate(found["low"], found["high"], growth / gross)
    print(f"n {n:5,}: quick ratio {share:.3f} of {len(found):,}")
    assert share >= 0.93


@pytest.mark.parametrize("p", [0.1, 0.3, 0.6])
def test_wilson_covers(p: float) -> None:
    """Customer churn, adoption, renewals, reopened tickets, cohort retention: exact, by every count."""
    found = []
    for n in SIZES:
        count = np.arange(n + 1)
        low, high = wilson(count, n)
        found.append(float(stats.binom.pmf(count, n, p)[(low <= p) & (p <= high)].sum()))
    print(f"share {p:g}, Wilson: " + ", ".join(f"{share:.3f}" for share in found))
    assert min(found) >= 0.92
    assert found[-1] == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize("mean", [3, 10, 100, 1000])
def test_rates_of_events_cover(mean: int) -> None:
    counts = np.arange(max(0, mean - 10 * int(mean**0.5) - 10), mean + 10 * int(mean**0.5) + 11)
    ends = np.array([poisson_rate(int(count), 1.0)[1:] for count in counts])
    share = float(stats.poisson.pmf(counts, mean)[(ends[:, 0] <= mean) & (mean <= ends[:, 1])].sum())
    print(f"{mean} events: exact Poisson {share:.3f}")
    assert 0.95 <= share <= 0.99


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("n", SIZES)
def test_ticket_times_cover(n: int) -> None:
    """Weibull resolutions (shape .7, median 20 h), tickets opened over 380 h before the cut."""
    rng = np.random.default_rng(n + 3)
    scale = 20 / np.log(2) ** (1 / 0.7)
    late = scale * np.log(10) ** (1 / 0.7)
    targets = {f"within {hours} h": 1 - np.exp(-((hours / scale) ** 0.7)) for hours in (4, 48)}
    hits = dict.fromkeys(["median", "p90", *targets], 0)
    known, unbounded = dict.fromkeys(targets, 0), 0
    for _ in range(REPEATS):
        took, cut = scale * rng.weibull(0.7, n), rng.uniform(20, 400, n)
        curve = kaplan_meier(np.minimum(took, cut), (took <= cut).astype(int), unit=Unit.HOURS)
        for name, p, truth in (("median", 0.5, 20.0), ("p90", 0.9, late)):
            found = curve.quantile(p)
            hits[name] += not (found.low > truth or np.isnan(found.low) or truth > found.high)
        unbounded += bool(np.isinf(curve.quantile(0.9).high))
        for name, truth in targets.items():
            share = share_reached(curve, float(name.split()[1]))
            known[name] += not np.isnan(share.value)
            hits[name] += share.low <= truth <= share.high
    rates = {name: count / known.get(name, REPEATS) for name, count in hits.items()}
    print(f"n {n:5,}: { ({name: round(found, 3) for name, found in rates.items()}) }")
    print(f"n {n:5,}: upper end of p90 not reached in {unbounded / REPEATS:.3f}")
    print(f"n {n:5,}: known { ({name: count / REPEATS for name, count in known.items()}) }")
    assert min(known.values()) >= 0.993 * REPEATS  # unknown: the last ticket followed was cut before 48 h
    assert min(rates[name] for name in ("median", *targets)) >= 0.925
    assert max(rates[name] for name in ("median", *targets)) <= 0.98
    assert 0.92 <= rates["p90"] <= (0.989 if n < 100 else 0.965)


#: Stays in months: the mean of an exponential, or scale and shape of a Weibull.
STAYS = {
    "exponential, mean 20": (20, 1.0),
    "exponential, mean 60": (60, 1.0),
    "exponential, mean 6": (6, 1.0),
}
STAYS |= {"Weibull, falling hazard": (20, 0.6), "Weibull, rising hazard": (15, 1.8)}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("law", STAYS)
def test_lifetime_value_covers(law: str) -> None:
    """Followed for 12 to 36 months; value over 12."""
    scale, shape = STAYS[law]
    truth = float(np.exp(-((np.arange(12) / scale) ** shape)).sum())
    shares, plain = [], []
    for n in SIZES:
        rng, found = np.random.default_rng(n + 5), []
        for _ in range(REPEATS):
            stay, cut = scale * rng.weibull(shape, n), rng.uniform(12, 36, n)
            curve = kaplan_meier(np.minimum(stay, cut) * DAYS_A_MONTH, (stay <= cut).astype(int))
            one = lifetime_value(curve, 1.0, horizon_months=12)
            found.append((one.low, one.high, one.value, one.se))
        low, high, value, se = np.array(found).T
        shares.append(rate(low, high, truth))
        plain.append(rate(value - 1.96 * se, value + 1.96 * se, truth))
    print(f"| lifetime value, {law} | " + " | ".join(f"{share:.3f}" for share in shares) + " |")
    print("|   by value +- z SE | " + " | ".join(f"{share:.3f}" for share in plain) + " |")
    assert min(shares) >= 0.93
    assert max(shares) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("Poisson of mean 3", lambda rng, size: rng.poisson(3, size)),
        ("geometric of mean 3", lambda rng, size: rng.geometric(0.25, size) - 1),
    ],
)
def test_mean_counts_cover(name: str, law: Callable[..., np.ndarray]) -> None:
    """Features of a customer, replies of a ticket: Student's t, its low end cut at 0."""
    shares = []
    for n in SIZES:
        drawn = law(np.random.default_rng(n + 11), (REPEATS, n))
        found = [_mean_of_counts(*np.unique(row, return_counts=True), level=0.95) for row in drawn]
        _, low, high, _ = np.array(found).T
        shares.append(rate(low, high, 3.0))
        tickets = pd.DataFrame({"row": range(REPEATS), "n": n, "t_n": n, "t_sum": drawn.sum(axis=1)})
        tickets["t_square"] = (drawn**2).sum(axis=1)
        replies = _mean_replies(tickets, Query(by=("row",)))
        np.testing.assert_allclose(replies[["low", "high"]], np.column_stack([low, high]), atol=1e-9)
    print(f"| mean count, t ({name}) | " + " | ".join(f"{share:.3f}" for share in shares) + " |")
    assert min(shares) >= 0.90
    assert max(shares) <= 0.962  # seen: .955, and twice the Monte-Carlo error


class TestLifetimeInterval:
    def test_without_censoring_it_is_that_of_a_mean(self) -> None:
        """Each customer brings 1 a month while there: the mean, on the logit between 1 and 6."""
        stays = np.array([0.5, 1.5, 2.5, 2.5, 4.5, 7.0, 7.0, 7.0])
        found = lifetime_value(kaplan_meier(stays, np.ones(8), unit=Unit.MONTHS), 1.0, horizon_months=6)
        each = np.minimum(np.ceil(stays), 6)
        place, spread = (each.mean() - 1) / 5, each.std() / np.sqrt(8) / 5
        half = stats.t.ppf(0.975, 7) * spread / (place * (1 - place))
        logit = np.log(place / (1 - place))
        wanted = [1 + 5 / (1 + np.exp(-end)) for end in (logit - half, logit + half)]
        np.testing.assert_allclose([found.value, found.se], [each.mean(), each.std() / np.sqrt(8)])
        np.testing.assert_allclose([found.low, found.high], wanted)

    def test_nobody_left_is_no_certainty(self) -> None:
        curve = kaplan_meier([20.0] * 5 + [3.0] * 5, np.zeros(10), unit=Unit.MONTHS)
        found = lifetime_value(curve, 10.0, horizon_months=12)
        low, _ = wilson(5, 5)  # five were followed for a year
        assert (found.value, found.high) == pytest.approx((120.0, 120.0))
        assert found.low == pytest.approx(10 + 110 * float(low))

    def test_everybody_left_at_once(self) -> None:
        found = lifetime_value(
            kaplan_meier([0.5] * 10, np.ones(10), unit=Unit.MONTHS), 10.0, horizon_months=12
        )
        _, high = wilson(0, 10)
        assert (found.value, found.low) == pytest.approx((10.0, 10.0))
        assert found.high == pytest.approx(10 + 110 * float(high))

    def test_one_month_is_certain_and_negative_values_have_no_bounds(self) -> None:
        curve = kaplan_meier([1.0, 2.0, 3.0, 9.0], [1, 1, 1, 0], unit=Unit.MONTHS)
        first = lifetime_value(curve, 10.0, horizon_months=1)
        assert (first.low, first.value, first.high) == (10.0, 10.0, 10.0)
        cost = lifetime_value(curve, [10.0, -1.0, -1.0], horizon_months=3)
        assert cost.high - cost.value == pytest.approx(cost.value - cost.low)
        assert pd.notna(cost.low)
