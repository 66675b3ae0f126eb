"""Shares against R 4.2.2 (binom, DescTools conventions), and their coverage by exact enumeration."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cxresearch.errors import ArgumentError
from cxresearch.stats import proportions as pr

INTERVALS = {
    "wilson": pr.wilson,
    "jeffreys": pr.jeffreys,
    "agresti_coull": pr.agresti_coull,
    "clopper_pearson": pr.clopper_pearson,
    "wald": pr.wald_share,
}
# x, n, then R 4.2.2: prop.test(x, n, correct = FALSE)$conf.int; binom.test(x, n)$conf.int
R_CASES = [
    (0, 10, (0.0, 0.277532799862889), (0.0, 0.308497107818761)),
    (1, 10, (0.0178762130950729, 0.404150026795238), (0.00252857854446179, 0.445016117028195)),
    (42, 100, (0.327983826743547, 0.51793513296957), (0.321985539354797, 0.522880804276086)),
    (99, 100, (0.945513803821295, 0.998232567935859), (0.945540614607919, 0.999746853967023)),
    (100, 100, (0.963006501793014, 1.0), (0.963783307354824, 1.0)),
    (1869, 7032, (0.255589995711191, 0.276235725593205), (0.255487784614283, 0.276276698530571)),
]


@pytest.mark.parametrize(("x", "n", "wilson", "exact"), R_CASES)
def test_r(x: int, n: int, wilson: tuple[float, float], exact: tuple[float, float]) -> None:
    assert np.allclose(pr.wilson(x, n), wilson, rtol=0, atol=1e-12)
    assert np.allclose(pr.clopper_pearson(x, n), exact, rtol=0, atol=1e-9)


def test_every_reference_case(r_reference: dict[str, Any]) -> None:
    cases = [name for name in r_reference if name.startswith("14_props:prop_")]
    assert len(cases) == 10
    for name in cases:
        x, n = map(int, name.split("_")[-2:])
        for kind, interval in INTERVALS.items():
            assert np.allclose(interval(x, n), r_reference[name]["values"][kind], rtol=0, atol=1e-9), (
                name,
                kind,
            )


# prop.test(correct = FALSE) and Newcombe's method 10, R 4.2.2
TWO = [
    ((42, 100, 30, 100), 0.12, (-0.0128680547573427, 0.247124264827755), 3.125, 0.077099871743542),
    ((3, 20, 9, 25), -0.21, (-0.427909969429357, 0.0528479116301996), 2.50568181818182, 0.113436380836183),
    ((0, 15, 5, 20), -0.25, (-0.468700877618744, -0.00372659506300857), 4.375, 0.0364698303560265),
    (
        (476, 1142, 1393, 5890),
        0.180310062767789,
        (0.149968033281672, 0.211051441944321),
        159.363464824952,
        1.55856631659575e-36,
    ),
]


@pytest.mark.parametrize(("counts", "difference", "ends", "chisq", "p"), TWO)
def test_two_shares(
    counts: tuple[int, ...], difference: float, ends: tuple[float, float], chisq: float, p: float
) -> None:
    found = pr.share_difference(*counts)
    assert np.isclose(found.difference, difference, rtol=0, atol=1e-12)
    assert np.allclose((found.low, found.high), ends, rtol=0, atol=1e-9)
    assert np.isclose(found.statistic, chisq, rtol=1e-9)
    assert np.isclose(found.p_value, p, rtol=1e-6)


def test_two_shares_equal_and_certain() -> None:
    found = pr.share_difference([0, 20], [20, 20], [0, 30], [30, 30])
    assert found.p_value.tolist() == [1.0, 1.0]
    assert (found.low < 0).all() and (found.high > 0).all()


def test_swapping_sides_negates() -> None:
    there, back = pr.share_difference(3, 20, 9, 25), pr.share_difference(9, 25, 3, 20)
    assert np.isclose(there.difference, -back.difference)
    assert np.isclose(there.low, -back.high)
    assert np.isclose(there.p_value, back.p_value)


def test_empty_cell_is_unknown_and_bad_counts_are_refused() -> None:
    for interval in INTERVALS.values():
        low, high = interval([0, 3], [0, 9])
        assert math.isnan(low[0]) and math.isnan(high[0]) and low[1] < 1 / 3 < high[1]
    with pytest.raises(ArgumentError, match="0 to n"):
        pr.wilson(11, 10)
    with pytest.raises(ArgumentError, match="level"):
        pr.wilson(1, 10, level=95)


@pytest.mark.parametrize("n", [10, 30, 100, 1000])
@pytest.mark.parametrize("p", [0.32, 0.42, 0.63, 0.8])
def test_exact_coverage_of_wilson(n: int, p: float) -> None:
    """Satisfaction shares of METHODS' two distributions; the sum runs over every possible sample."""
    x = np.arange(n + 1)
    low, high = pr.wilson(x, n)
    covered = stats.binom.pmf(x, n, p)[(low <= p) & (p <= high)].sum()
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize(("count", "n"), [(1, math.inf), (math.inf, math.inf), ("1", 2), (True, 2), (1, "2")])
@pytest.mark.parametrize("name", INTERVALS)
def test_counts_are_finite_numbers(name: str, count: Any, n: Any) -> None:
    with pytest.raises(ArgumentError, match=r"infinite|not a number"):
        INTERVALS[name](count, n)
