"""The scan against dense linear algebra, and the bootstrap against the covariance it should have."""

import numpy as np
import pytest

from cxresearch.stats.change_points.dated_sums import dated_sums
from cxresearch.stats.change_points.split_scan import scan_splits
from cxresearch.stats.change_points.wild_bootstrap import (
    bootstrap_maxima,
    fair_signs,
    family_p_values,
    wild_noise,
)


def dense(day, value, who):
    """CUSUM and its clustered error by an indicator matrix of clusters and days."""
    days = np.unique(day)
    mean = value.mean()
    clusters = np.unique(who)
    parts = np.zeros((len(clusters), len(days)))
    np.add.at(parts, (np.searchsorted(clusters, who), np.searchsorted(days, day)), value - mean)
    running = parts.cumsum(axis=1)
    share = np.cumsum([np.sum(day == one) for one in days]) / len(day)
    bridge = running - share * running[:, -1:]
    return bridge.sum(axis=0)[:-1], np.sqrt((bridge**2).sum(axis=0))[:-1]


def test_scan_equals_dense_algebra(plant) -> None:
    answers = plant(np.random.default_rng(1), n=400, days=60, repeat=0.6)
    scan = scan_splits(dated_sums(answers.day, answers.points, who=answers.who), least=1, trim=0)
    cusum, se = dense(answers.day, answers.points, answers.who)
    np.testing.assert_allclose(scan.cusum, cusum, atol=1e-8)
    np.testing.assert_allclose(scan.se, se, rtol=1e-9)


def test_scan_without_repeats_is_the_two_sample_score_test() -> None:
    rng = np.random.default_rng(2)
    value = rng.standard_normal(80)
    scan = scan_splits(dated_sums(np.repeat([0, 1], 40), value), least=1, trim=0)
    residual = value - value.mean()
    difference = value[:40].mean() - value[40:].mean()
    # both halves alike: S / B f (1 - f) is the difference, its error that of residuals about one mean
    assert scan.cusum[0] / (80 * 0.25) == pytest.approx(difference)
    assert scan.se[0] / (80 * 0.25) == pytest.approx(np.sqrt((residual**2).sum() / 40**2))


def test_scan_knows_neither_order_of_rows_nor_names_nor_level(plant) -> None:
    answers = plant(np.random.default_rng(3), n=300, days=50, repeat=0.3)
    plain = scan_splits(dated_sums(answers.day, answers.points, who=answers.who))
    order = np.random.default_rng(4).permutation(300)
    other = scan_splits(
        dated_sums(answers.day[order] + 1000, 3 * answers.points[order] + 7, who=9999 - answers.who[order])
    )
    np.testing.assert_allclose(other.statistic, plain.statistic, atol=1e-9)


def test_scan_read_backwards_is_the_same(plant) -> None:
    answers = plant(np.random.default_rng(5), n=300, days=50, repeat=0.3)
    plain = scan_splits(dated_sums(answers.day, answers.points, who=answers.who))
    back = scan_splits(dated_sums(-answers.day, answers.points, who=answers.who))
    np.testing.assert_allclose(np.abs(back.statistic[::-1]), np.abs(plain.statistic), atol=1e-9)


def test_a_row_of_weight_two_is_the_row_twice_for_one_customer() -> None:
    rng = np.random.default_rng(6)
    day = rng.integers(0, 30, 200)
    value = rng.standard_normal(200)
    who = np.arange(200)
    once = scan_splits(dated_sums(day, 2 * value, base=np.full(200, 2.0), who=who), least=1)
    twice = scan_splits(dated_sums(np.tile(day, 2), np.tile(value, 2), who=np.tile(who, 2)), least=1)
    np.testing.assert_allclose(once.statistic, twice.statistic, atol=1e-9)


def test_ends_are_not_judged(plant) -> None:
    answers = plant(np.random.default_rng(7), n=1000, days=100)
    scan = scan_splits(dated_sums(answers.day, answers.points), least=30, trim=0.1)
    before = scan.share[scan.judged] * 1000
    assert before.min() >= 100
    assert before.max() <= 900


def test_noise_has_the_covariance_of_the_clusters() -> None:
    rng = np.random.default_rng(8)
    day = rng.integers(0, 6, 120)
    value = rng.standard_normal(120)
    who = rng.integers(0, 40, 120)
    sums = dated_sums(day, value, who=who)
    clusters = np.unique(sums.linked_who)
    signs = fair_signs(len(clusters), 40_000, rng)
    noise = wild_noise(sums, sums.mean, clusters=clusters, signs=signs, rng=rng).T
    parts = np.zeros((40, 6))
    np.add.at(parts, (who, day), value - value.mean())
    expected = parts.T @ parts
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs(np.cov(noise.T, bias=True) - expected).max() < 0.03 * scale.max()
    assert np.abs(noise.mean(axis=0) / np.sqrt(np.diag(expected))).max() < 0.03


def test_series_that_share_customers_move_together() -> None:
    rng = np.random.default_rng(9)
    day = rng.integers(0, 40, 300)
    value = rng.standard_normal(300)
    who = rng.integers(0, 60, 300)
    sums = dated_sums(day, value, who=who)
    scan = scan_splits(sums)
    maxima = bootstrap_maxima([sums, sums], [scan, scan], draws=99, rng=rng)
    assert np.corrcoef(maxima.T)[0, 1] > 0.95
    apart = dated_sums(day, value, who=who + 1000)
    maxima = bootstrap_maxima([sums, apart], [scan, scan], draws=99, rng=rng)
    assert np.corrcoef(maxima.T)[0, 1] < 0.5


def test_p_values_step_down_as_westfall_and_young() -> None:
    maxima = np.array([[1.0, 2.0], [3.0, 0.5], [0.1, 0.2], [2.5, 2.6]])
    # series 0 (2.8) is held against the larger of both in each draw: 3 of 2, 3, .2, 2.6 are below; series 1
    # (2.1) against its own maxima alone: 2.6 is beyond; then made monotone
    np.testing.assert_allclose(family_p_values(np.array([2.8, 2.1]), maxima), [2 / 5, 2 / 5])
    np.testing.assert_allclose(family_p_values(np.array([9.0, 0.3]), maxima), [1 / 5, 4 / 5])
