"""Gains, and losses less gains, over opening levels: against statsmodels, formulas by hand and properties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson

from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals.net_ratio import MoveSums, gain_ratios, net_ratios


def moves(x: np.ndarray, s: np.ndarray) -> MoveSums:
    return MoveSums(
        x=[x.sum()],
        xx=[(x * x).sum()],
        xs=[(x * s).sum()],
        movers=[np.count_nonzero(x)],
        relative=[(x * x / s).sum()],
    )


def gained(x: list[float], s: list[float], **more: float) -> pd.Series:
    won, level = np.array(x, float), np.array(s, float)
    base = {"s": [level.sum()], "ss": [(level**2).sum()], "n": [len(level)]}
    return gain_ratios(moves(won, level), **base, **more).iloc[0]


def net(lost: list[float], won: list[float], s: list[float], **more: float) -> pd.Series:
    down, up, level = np.array(lost, float), np.array(won, float), np.array(s, float)
    base = {"s": [level.sum()], "ss": [(level**2).sum()], "n": [len(level)]}
    parts = moves(down, level), moves(up, level)
    return net_ratios(*parts, cross=[float(down @ up)], **base, **more).iloc[0]


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_alike_customers_give_the_poisson_score_interval(level: float) -> None:
    found = gained([5.0] * 6 + [0.0] * 34, [10.0] * 40, level=level)
    # variance of the mean of 40 gains of 1/2 or 0, over the mean: 1 / (moves in the Poisson sense / exposure)
    value = 6 * 0.5 / 40
    unit = np.var([0.5] * 6 + [0.0] * 34, ddof=1) / 40 / value
    low, high = confint_poisson(value / unit, exposure=1 / unit, method="score", alpha=1 - level)
    np.testing.assert_allclose([found.value, found.low, found.high], [value, low, high], rtol=1e-10)


def test_nobody_moved() -> None:
    found = gained([0.0] * 20, [3.0] * 20)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1.959963985**2 / 20)  # one of 20 doubling, score interval of 0 events


def test_everybody_moved_alike() -> None:
    """A price rise of 5 % for all: 100 moves of one size, not certainty."""
    found = gained([0.5] * 100, [10.0] * 100)
    low, high = confint_poisson(100, exposure=100 / 0.05, method="score")
    np.testing.assert_allclose([found.value, found.low, found.high], [0.05, low, high])


def test_the_wider_of_two_variances() -> None:
    """Small accounts grew: the linearised variance is small, that of two moves among six is not."""
    s = np.array([100.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    x = np.array([0.0, 0.5, 0.5, 0.0, 0.0, 0.0])
    found = gained(list(x), list(s))
    value, kish = x.sum() / s.sum(), s.sum() ** 2 / (s**2).sum()
    alike = 6 / 5 * value * (6 / 2 - 1) / kish
    assert found.se**2 / value < alike
    low, high = confint_poisson(value / alike, exposure=1 / alike, method="score")
    np.testing.assert_allclose([found.low, found.high], [low, high], rtol=1e-10)


def test_net_is_mover_of_wilson_and_poisson() -> None:
    n, left, grown = 50, 4, 9
    lost, won = [1.0] * left + [0.0] * (n - left), [0.0] * (n - grown) + [1.0] * grown
    found = net(lost, won, [1.0] * n)
    p, q = left / n, grown / n
    small = (n - 1) / n  # sample variances divide by n - 1
    size = n * small
    lower, upper = proportion_confint(p * size, size, method="wilson")
    unit = (1 - q) / size
    low, high = confint_poisson(q / unit, exposure=1 / unit, method="score")
    r = -np.sqrt(p * q / ((1 - p) * (1 - q)))  # correlation of two shares of a multinomial
    a, b, c, d = p - lower, high - q, upper - p, q - low
    assert found.value == pytest.approx(p - q)
    assert found.low == pytest.approx(p - q - np.sqrt(a * a + b * b - 2 * r * a * b))
    assert found.high == pytest.approx(p - q + np.sqrt(c * c + d * d - 2 * r * c * d))
    assert found.se == pytest.approx(np.std([*[1] * left, *[-1] * grown, *[0] * 37], ddof=1) / np.sqrt(n))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(1, 1e4), st.floats(-1, 4)), min_size=2, max_size=30),
    st.floats(0.01, 100),
)
def test_ends_enclose_the_value_and_ignore_the_currency(rows: list[tuple[float, float]], rate: float) -> None:
    s = np.array([level for level, _ in rows])
    change = np.array([share for _, share in rows]) * s
    lost, won = np.clip(-change, 0, None), np.clip(change, 0, None)
    found, other = (
        net(list(lost), list(won), list(s)),
        net(list(rate * lost), list(rate * won), list(rate * s)),
    )
    assert found.low <= found.value <= found.high <= 1
    assert np.isfinite([found.low, found.high]).all()
    np.testing.assert_allclose(found.to_numpy(float), other.to_numpy(float), rtol=1e-6, atol=1e-6)
    losses_above_all = net(list(lost), list(won), list(s), share=False)
    assert losses_above_all.low <= found.value <= losses_above_all.high


def test_what_cannot_be_known() -> None:
    single = net([1.0], [0.0], [5.0])
    assert single.value == 0.2
    assert np.isnan([single.low, single.high, single.se]).all()
    assert (
        gain_ratios(MoveSums(x=[0.0], xx=[0.0], xs=[0.0], movers=[0]), s=[0.0], ss=[0.0], n=[0])
        .isna()
        .all(axis=None)
    )


def test_a_move_has_no_sign() -> None:
    with pytest.raises(ArgumentError, match="less than 0"):
        gained([-2.0, 1.0], [5.0, 5.0])
    with pytest.raises(ArgumentError, match="no share"):
        net([9.0, 0.0], [0.0, 0.0], [1.0, 2.0])
