"""Shares against R 4.2.2 (binom, DescTools conventions), and their coverage by exact enumeration."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals import proportions as pr

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
