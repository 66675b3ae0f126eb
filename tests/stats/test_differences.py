"""Differences from the intervals of their sides: Newcombe as a special case, level in small samples."""

import numpy as np
import pytest
from scipy import stats

from cxresearch.stats.intervals.differences import mover_difference
from cxresearch.stats.intervals.nps_interval import score_interval
from cxresearch.stats.intervals.proportions import Bounds, wilson


def net(one: tuple[int, int, int], two: tuple[int, int, int], level: float = 0.95):
    (p, d, n), (q, e, m) = one, two
    sides = score_interval(p, d, n, level=level), score_interval(q, e, m, level=level)
    return mover_difference((p - d) / n, sides[0], (q - e) / m, sides[1], level=level)


# R 4.2.2 (count, n, count, n): Newcombe's method 10: difference and its ends; prop.test(correct = FALSE):
# chi-squared and p; then how far the root of chi-squared may lie from MOVER's z, as a part of it. Both test
# the same hypothesis. Pearson's test pools the two shares in its standard error; MOVER takes the distance
# from each share to the end that faces the other. They meet with equal sides and middling shares, and part
# where a side is small and at 0 (third) or where shares that differ have samples of 1 to 5 (last: standard
# error pooled .0143, apart .0156).
TWO = [
    (
        (42, 100, 30, 100),
        0.12,
        (-0.0128680547573427, 0.247124264827755),
        (3.125, 0.077099871743542),
        0.002,
    ),
    (
        (3, 20, 9, 25),
        -0.21,
        (-0.427909969429357, 0.0528479116301996),
        (2.50568181818182, 0.113436380836183),
        0.012,
    ),
    (
        (0, 15, 5, 20),
        -0.25,
        (-0.468700877618744, -0.00372659506300857),
        (4.375, 0.0364698303560265),
        0.05,
    ),
    (
        (476, 1142, 1393, 5890),
        0.180310062767789,
        (0.149968033281672, 0.211051441944321),
        (159.363464824952, 1.55856631659575e-36),
        0.08,
    ),
]


@pytest.mark.parametrize(("counts", "difference", "ends", "pearson", "apart"), TWO)
def test_shares_give_newcombe(
    counts: tuple[int, ...],
    difference: float,
    ends: tuple[float, float],
    pearson: tuple[float, float],
    apart: float,
) -> None:
    x, n, y, m = counts
    found = mover_difference(x / n, wilson(x, n), y / m, wilson(y, m))
    assert np.isclose(found.difference, difference, rtol=0, atol=1e-12)
    assert np.allclose((found.low, found.high), ends, rtol=0, atol=1e-9)
    assert (found.p_value < 0.05) == (ends[0] > 0 or ends[1] < 0)
    chi_squared, p = pearson
    z = np.sqrt(chi_squared)
    assert abs(found.statistic) == pytest.approx(z, rel=apart)
    # a part of z is about z squared times as large a part of p: hence logarithms, where p can be near 0
    assert np.log(found.p_value) == pytest.approx(np.log(p), abs=apart * (1 + chi_squared))


def test_large_shares_give_the_unpooled_z_test() -> None:
    """476 of 1,142 against 1,393 of 5,890: Wald's z with a standard error for each side."""
    p, q = 476 / 1142, 1393 / 5890
    found = mover_difference(p, wilson(476, 1142), q, wilson(1393, 5890))
    z = (p - q) / np.sqrt(p * (1 - p) / 1142 + q * (1 - q) / 5890)
    assert found.statistic == pytest.approx(z, rel=0.01)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (20, 30)])
def test_two_shares_equal_and_certain(x: int, y: int) -> None:
    """Nobody of 20 and of 30, or everybody: no difference, and yet not known to be none."""
    found = mover_difference(x / 20, wilson(x, 20), y / 30, wilson(y, 30))
    z2 = stats.norm.ppf(0.975) ** 2
    reach = [z2 / (n + z2) for n in (20, 30)]  # Wilson's other end
    assert found.p_value == 1.0
    assert sorted([-found.low, found.high]) == pytest.approx(sorted(reach))
    assert (found.high > -found.low) == (x == 0)


def test_swapping_sides_negates() -> None:
    there, back = net((60, 15, 100), (45, 22, 90)), net((45, 22, 90), (60, 15, 100))
    assert back.difference == pytest.approx(-float(there.difference))
    assert back.low == pytest.approx(-float(there.high))
    assert back.p_value == pytest.approx(float(there.p_value))


def test_large_samples_give_the_z_test() -> None:
    one, two = (6000, 1500, 10000), (5800, 1600, 10000)
    found = net(one, two)
    variance = sum((p + d) / n**2 - (p - d) ** 2 / n**3 for p, d, n in (one, two))
    assert found.statistic == pytest.approx(0.03 / np.sqrt(variance), rel=2e-3)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_edges() -> None:
    assert net((12, 0, 12), (12, 0, 12)).p_value == 1
    apart = net((5, 0, 5), (0, 0, 5))  # both standard errors are 0: a Wald test would say p = 0
    assert 0.005 < apart.p_value < 0.2
    empty = mover_difference(np.nan, score_interval(0, 0, 0), 0.5, score_interval(1, 0, 2))
    assert np.isnan(empty.p_value)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_test_and_interval_never_disagree(level: float) -> None:
    rng = np.random.default_rng(5)
    counts = rng.multinomial(12, [0.5, 0.2, 0.3], size=(2, 500))
    sides = [score_interval(c[:, 0], c[:, 1], 12, level=level) for c in counts]
    values = [(c[:, 0] - c[:, 1]) / 12 for c in counts]
    found = mover_difference(values[0], sides[0], values[1], sides[1], level=level)
    assert (((found.low > 0) | (found.high < 0)) == (found.p_value < 1 - level)).all()


def test_correlation_narrows() -> None:
    sides = score_interval(60, 15, 100), score_interval(50, 15, 100)
    loose = mover_difference(0.45, sides[0], 0.35, sides[1])
    paired = mover_difference(0.45, sides[0], 0.35, sides[1], correlation=0.6)
    assert paired.low > loose.low and paired.se < loose.se


@pytest.mark.parametrize(
    ("n", "p", "d", "least"), [(12, 0.5, 0.2, 0.03), (12, 0.8, 0.05, 0.005), (36, 0.8, 0.05, 0.03)]
)
def test_false_positive_rate_by_enumeration(n: int, p: float, d: float, least: float) -> None:
    """Two groups from one law: every pair of samples, weighted by its chance. Cautious where n is tiny."""
    up, down = (part.ravel() for part in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    up, down = up[up + down <= n], down[up + down <= n]
    chance = stats.multinomial.pmf(np.column_stack([up, down, n - up - down]), n, [p, d, 1 - p - d])
    i, j = (part.ravel() for part in np.meshgrid(np.arange(len(up)), np.arange(len(up))))
    low, high = score_interval(up, down, n)
    value = (up - down) / n
    found = mover_difference(value[i], Bounds(low[i], high[i]), value[j], Bounds(low[j], high[j]))
    rejected = (chance[i] * chance[j])[found.p_value < 0.05].sum()
    assert least <= rejected <= 0.06
