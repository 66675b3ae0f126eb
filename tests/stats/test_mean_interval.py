"""The score interval of a mean holds Wilson's and Tango's as special cases, and its level at n = 10."""

import numpy as np
import pytest
from scipy import optimize

from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals.mean_interval import score_interval_of_mean, t_interval
from cxresearch.stats.intervals.nps_interval import score_interval
from cxresearch.stats.intervals.proportions import wilson


def test_two_levels_are_wilson_and_three_are_tango() -> None:
    counts = np.array([[58, 42], [10, 0], [0, 7], [1, 999.0]])
    found = score_interval_of_mean(counts, [0, 1])
    assert np.allclose(found, wilson(counts[:, 1], counts.sum(axis=1)), rtol=0, atol=1e-12)
    counts = np.array([[15, 25, 60], [0, 0, 10], [3, 2, 0], [0, 10, 0], [7, 0, 2.5]])
    found = score_interval_of_mean(counts, [-1, 0, 1])
    assert np.allclose(
        found, score_interval(counts[:, 2], counts[:, 0], counts.sum(axis=1)), rtol=0, atol=1e-12
    )


def restricted_variance(counts: np.ndarray, values: np.ndarray, mu: float) -> float:
    """Variance under the likeliest shares with mean mu, by a general-purpose optimiser."""
    start = np.full(len(values), 1 / len(values))
    found = optimize.minimize(
        lambda p: -np.sum(counts * np.log(np.maximum(p, 1e-12))),
        start,
        bounds=[(0, 1)] * len(values),
        constraints=[
            {"type": "eq", "fun": lambda p: p.sum() - 1},
            {"type": "eq", "fun": lambda p: p @ values - mu},
        ],
        options={"ftol": 1e-14, "maxiter": 2000},
    )
    return float(found.x @ values**2 - mu**2)


@pytest.mark.parametrize("counts", [[1, 0, 1, 4, 4], [0, 0, 3, 8, 1], [5, 3, 0, 2, 0]])
def test_ends_satisfy_the_score_equation(counts: list[float]) -> None:
    by_level, values = np.array(counts, dtype=float), np.arange(1.0, 6.0)
    n, mean = by_level.sum(), by_level @ values / by_level.sum()
    for end in (float(side[0]) for side in score_interval_of_mean([counts], values)):
        z2 = n * (mean - end) ** 2 / restricted_variance(by_level, values, end)
        assert z2 == pytest.approx(1.959963985**2, rel=2e-3)


def test_all_equal_answers_have_a_width_and_stay_on_the_scale() -> None:
    low, high = score_interval_of_mean(
        [[0, 0, 0, 0, 10], [10, 0, 0, 0, 0], [0, 0, 10, 0, 0]], [1, 2, 3, 4, 5]
    )
    assert high[0] == 5 and 3.5 < low[0] < 4.5
    assert low[1] == 1 and np.isclose(high[1], 6 - low[0])
    assert 2 < low[2] < 3 < high[2] < 4


def test_large_samples_agree_with_t() -> None:
    counts, values = np.array([400, 500, 1100, 3800, 4200.0]), np.arange(1.0, 6.0)
    n = counts.sum()
    mean = counts @ values / n
    se = np.sqrt((counts @ values**2 / n - mean**2) / (n - 1))
    t = t_interval([mean], [se], [n - 1])
    assert np.allclose(score_interval_of_mean([counts], values), t, rtol=0, atol=1e-3)


@pytest.mark.parametrize("n", [10, 30, 100, 1000])
@pytest.mark.parametrize(
    "shares",
    [
        [0.04, 0.05, 0.11, 0.38, 0.42],
        [0.03, 0.03, 0.05, 0.09, 0.17, 0.31, 0.32],
        [0.3, 0.1, 0.1, 0.1, 0.4],
        [0.01, 0.01, 0.02, 0.16, 0.8],
    ],
    ids=["csat", "ces", "two camps", "nearly all 5"],
)
def test_coverage(n: int, shares: list[float]) -> None:
    values = np.arange(1.0, len(shares) + 1)
    counts = np.random.default_rng(n).multinomial(n, shares, size=4000).astype(float)
    low, high = score_interval_of_mean(counts, values)
    mu = np.dot(shares, values)
    assert 0.93 <= ((low <= mu) & (mu <= high)).mean() <= 0.975


def test_empty_cells_and_bad_shapes() -> None:
    assert np.isnan(np.array(score_interval_of_mean([[0, 0, 0]], [1, 2, 3]))).all()
    with pytest.raises(ArgumentError, match="rising"):
        score_interval_of_mean([[1, 2]], [2, 1])
    with pytest.raises(ArgumentError, match="do not fit"):
        score_interval_of_mean([[1, 2]], [1, 2, 3])
