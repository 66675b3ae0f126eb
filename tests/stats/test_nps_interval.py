"""Net shares: Tango's score interval, adjusted Wald, Wald; coverage by enumeration of every sample."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals import nps_interval as ni
from cxresearch.stats.intervals.proportions import wilson


def exact_coverage(interval, n: int, p: float, d: float) -> float:
    up, down = (part.ravel() for part in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    possible = up + down <= n
    up, down = up[possible], down[possible]
    chance = stats.multinomial.pmf(np.column_stack([up, down, n - up - down]), n, [p, d, 1 - p - d])
    low, high = interval(up, down, n)
    return float(chance[(low <= p - d) & (p - d <= high)].sum())


def test_coverage_stated_in_the_literature() -> None:
    """p = .85, d = .03, n = 10: Wald .793, adjusted Wald .949, score .965."""
    found = [exact_coverage(f, 10, 0.85, 0.03) for f in (ni.wald_net, ni.adjusted_wald, ni.score_interval)]
    assert [round(value, 3) for value in found] == [0.793, 0.949, 0.965]


@pytest.mark.parametrize("n", [10, 30, 100, 200])
@pytest.mark.parametrize(("p", "d"), [(0.85, 0.03), (0.57, 0.12), (0.35, 0.35), (0.2, 0.6)])
def test_exact_coverage(n: int, p: float, d: float) -> None:
    assert 0.93 <= exact_coverage(ni.score_interval, n, p, d) <= 0.97
    assert 0.93 <= exact_coverage(ni.adjusted_wald, n, p, d) <= 0.975


def likelihood_score(delta: float, p: int, d: int, n: int) -> float:
    """Tango's statistic from first principles: the restricted likelihood is maximised numerically."""

    def against(q: float) -> float:
        shares = np.array([q + delta, q, 1 - 2 * q - delta])
        counts = np.array([p, d, n - p - d])
        if (shares < -1e-12).any():
            return 1e9
        with np.errstate(divide="ignore", invalid="ignore"):
            return -float(np.where(counts > 0, counts * np.log(np.maximum(shares, 1e-300)), 0).sum())

    bounds = (max(0.0, -delta), (1 - delta) / 2)
    q = optimize.minimize_scalar(against, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    return (p - d - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))


@pytest.mark.parametrize(("p", "d", "n"), [(60, 15, 100), (8, 1, 10), (40, 0, 50), (0, 3, 5), (2, 2, 40)])
def test_ends_satisfy_the_score_equation(p: int, d: int, n: int) -> None:
    low, high = ni.score_interval(p, d, n)
    assert likelihood_score(float(low), p, d, n) == pytest.approx(1.959963985, abs=1e-5)
    assert likelihood_score(float(high), p, d, n) == pytest.approx(-1.959963985, abs=1e-5)


def test_closed_forms_at_the_edges() -> None:
    z2 = 1.959963984540054**2
    n = np.array([1, 2, 10, 1000])
    low, high = ni.score_interval(n, np.zeros(4), n)  # promoters only
    assert np.allclose(low, (n - z2) / (n + z2), rtol=0, atol=1e-12)
    assert (high == 1).all()
    low, high = ni.score_interval(np.zeros(4), np.zeros(4), n)  # passives only
    assert np.allclose(high, z2 / (n + z2), rtol=0, atol=1e-12)
    assert np.allclose(low, -high)
    assert np.isnan(ni.score_interval(0, 0, 0)).all()


def test_no_passives_is_wilson() -> None:
    """Without passives P - D = 2 share - 1, though Tango still allows for some."""
    low, high = ni.score_interval(60, 40, 100)
    share_low, share_high = wilson(60, 100)
    assert np.isclose(low, 2 * share_low - 1, rtol=0, atol=2e-3)
    assert np.isclose(high, 2 * share_high - 1, rtol=0, atol=2e-3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_properties(p: int, d: int, passive: int) -> None:
    n = p + d + passive
    if n == 0:
        return
    low, high = ni.score_interval(p, d, n)
    assert -1 <= low <= (p - d) / n <= high <= 1
    mirrored_low, mirrored_high = ni.score_interval(d, p, n)
    assert np.isclose(low, -mirrored_high, rtol=0, atol=1e-12)
    assert np.isclose(high, -mirrored_low, rtol=0, atol=1e-12)
    narrow = ni.score_interval(p, d, n, level=0.8)
    assert narrow.low >= low - 1e-12 and narrow.high <= high + 1e-12


def test_adjusted_wald_in_r() -> None:
    """R 4.2.2, three quarters added to each side and 3 to n; last digits of case C."""
    low, high = ni.adjusted_wald([60, 40, 0], [15, 0, 3], [100, 50, 5])
    assert np.allclose(low, [0.293431112017341, 0.630343187781638, -0.82508546965831], rtol=0, atol=1e-12)
    assert np.allclose(high, [0.580355295749649, 0.879090774482513, 0.0750854696583102], rtol=0, atol=1e-12)


def test_counts_that_cannot_be() -> None:
    with pytest.raises(ArgumentError, match="do not fit"):
        ni.score_interval(8, 5, 10)
