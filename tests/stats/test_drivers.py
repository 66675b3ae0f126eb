"""LMG and Johnson: identities, closed forms, and a count over all orders."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.relative_importance import lmg, relative_weights, weighted_correlation


def correlations(seed: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, p)) @ rng.normal(size=(p, p))
    y = X @ rng.normal(size=p) + 3 * rng.normal(size=200)
    full = np.corrcoef(np.column_stack([X, y]).T)
    return full[:-1, :-1], full[:-1, -1]


def r_squared(among: np.ndarray, side: np.ndarray, chosen: tuple[int, ...]) -> float:
    if not chosen:
        return 0.0
    at = list(chosen)
    return float(side[at] @ np.linalg.solve(among[np.ix_(at, at)], side[at]))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), p=st.integers(2, 6))
def test_both_sum_to_r_squared_and_are_not_negative(seed: int, p: int) -> None:
    among, side = correlations(seed, p)
    total = r_squared(among, side, tuple(range(p)))
    for split in (lmg, relative_weights):
        shares = split(among, side)
        assert shares.min() > -1e-10
        assert shares.sum() == pytest.approx(total, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(r=st.floats(-0.9, 0.9), a=st.floats(-0.6, 0.6), b=st.floats(-0.6, 0.6))
def test_two_drivers_have_a_closed_form_shared_by_both(r: float, a: float, b: float) -> None:
    among, side = np.array([[1, r], [r, 1]]), np.array([a, b])
    total = (a**2 + b**2 - 2 * r * a * b) / (1 - r**2)
    expected = [(a**2 + total - b**2) / 2, (b**2 + total - a**2) / 2]
    np.testing.assert_allclose(lmg(among, side), expected, atol=1e-9)
    np.testing.assert_allclose(relative_weights(among, side), expected, atol=1e-8)


@pytest.mark.parametrize("p", [3, 4, 5])
def test_lmg_is_the_mean_over_all_orders(p: int) -> None:
    among, side = correlations(7, p)
    shares = np.zeros(p)
    orders = list(permutations(range(p)))
    for order in orders:
        for at, driver in enumerate(order):
            shares[driver] += r_squared(among, side, order[: at + 1]) - r_squared(among, side, order[:at])
    np.testing.assert_allclose(lmg(among, side), shares / len(orders), atol=1e-10)


def test_independent_drivers_get_their_squared_correlation() -> None:
    side = np.array([0.5, 0.3, -0.2])
    np.testing.assert_allclose(lmg(np.eye(3), side), side**2)
    np.testing.assert_allclose(relative_weights(np.eye(3), side), side**2)


def test_order_of_drivers_is_irrelevant() -> None:
    among, side = correlations(3, 5)
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_allclose(lmg(among[np.ix_(order, order)], side[order]), lmg(among, side)[order])


def test_copies_and_too_many_drivers_are_refused() -> None:
    with pytest.raises(DataError, match="exact mix"):
        lmg(np.ones((2, 2)), np.array([0.5, 0.5]))
    with pytest.raises(ArgumentError, match="13 drivers"):
        lmg(np.eye(13), np.full(13, 0.1))
    with pytest.raises(DataError, match="does not vary"):
        weighted_correlation(np.column_stack([np.ones(5), np.arange(5.0)]), np.ones(5))
