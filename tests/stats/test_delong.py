"""DeLong against pROC 1.19.0.1 (R 4.2.2) and against the definition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.prediction.delong import delong


@pytest.mark.parametrize("case", ["asah_wfns_s100b", "asah_wfns_ndka", "tiny10"])
def test_agrees_with_proc(case: str, r_reference: dict, oracle_data) -> None:
    expected = r_reference[f"09_roc:roc_{case}"]["values"]
    file, a, b = ("tiny10_roc.csv", "a", "b") if case == "tiny10" else ("asah.csv", *case.split("_")[1:])
    rows = pd.read_csv(oracle_data / file)
    found = delong(rows["y"], {"A": rows[a], "B": rows[b]})
    for index, name in enumerate("AB"):
        assert found.auc[index] == pytest.approx(expected[name]["auc"], abs=1e-12)
        assert found.covariance[index, index] == pytest.approx(expected[name]["var"], rel=1e-9)
        estimate = found.estimate(name)
        assert (estimate.low, estimate.high) == pytest.approx(
            (expected[name]["lower"], expected[name]["upper"]), abs=1e-9
        )
    assert found.covariance[0, 1] == pytest.approx(expected["cov"], rel=1e-9)
    contrast = found.contrast("A", "B")
    assert contrast.statistic == pytest.approx(expected["z"], rel=1e-9)
    assert contrast.p_value == pytest.approx(expected["p"], rel=1e-9)
    assert (contrast.low, contrast.high) == pytest.approx(tuple(expected["ci"]), abs=1e-9)


def test_asah_by_name(oracle_data) -> None:
    rows = pd.read_csv(oracle_data / "asah.csv")
    contrast = delong(rows["y"], {"wfns": rows["wfns"], "s100b": rows["s100b"]}).contrast("wfns", "s100b")
    assert contrast.statistic == pytest.approx(2.20898359144091, rel=1e-10)
    assert contrast.p_value == pytest.approx(0.0271757822291882, rel=1e-10)


def test_perfect_separation_has_no_interval() -> None:
    found = delong([0, 0, 1, 1], {"a": [1, 1, 2, 3], "flat": [1, 1, 1, 1]})
    estimate = found.estimate("a")
    assert estimate.value == 1
    assert np.isnan(estimate.low)
    assert "no interval" in estimate.note
    assert found.estimate("flat").value == 0.5


def test_identical_scores_differ_by_nothing() -> None:
    contrast = delong([0, 1, 0, 1, 1], {"a": [1, 2, 3, 4, 2], "b": [1, 2, 3, 4, 2]}).contrast("a", "b")
    assert (contrast.difference, contrast.p_value) == (0, 1)


@pytest.mark.parametrize("other", [[1, 1, 1, 1], [1, 2, 3, 4]], ids=["constant", "separates too"])
def test_no_variance_is_no_certainty(other: list[int]) -> None:
    """The two rank the rows otherwise: a variance of 0 is ignorance, not an interval of width 0."""
    contrast = delong([0, 0, 1, 1], {"a": [1, 1, 2, 3], "b": other}).contrast("a", "b")
    assert contrast.difference == (0.5 if other[3] == 1 else 0.0)
    assert np.isnan([contrast.low, contrast.high, contrast.statistic, contrast.p_value]).all()
    assert "no interval" in contrast.note


def test_a_shifted_score_is_the_same_score() -> None:
    contrast = delong([0, 0, 1, 1], {"a": [1, 1, 2, 3], "b": [10, 10, 20, 30]}).contrast("a", "b")
    assert (contrast.low, contrast.high, contrast.p_value) == (0, 0, 1)
    assert "rank the rows alike" in contrast.note


def by_definition(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cases, controls = scores[:, y == 1], scores[:, y == 0]
    kernel = (cases[:, :, None] > controls[:, None, :]) + 0.5 * (cases[:, :, None] == controls[:, None, :])
    spread = np.cov(kernel.mean(axis=2)) / cases.shape[1] + np.cov(kernel.mean(axis=1)) / controls.shape[1]
    return kernel.mean(axis=(1, 2)), spread


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2, 5, 1_000_000]))
def test_histogram_and_ranks_equal_the_definition(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 60))
    y = np.r_[1, 1, 0, 0, rng.integers(0, 2, n)]
    scores = rng.integers(0, levels, (2, n + 4)) / 4
    found = delong(y, {"a": scores[0], "b": scores[1]})
    auc, spread = by_definition(y, scores)
    np.testing.assert_allclose(found.auc, auc, atol=1e-12)
    np.testing.assert_allclose(found.covariance, spread, atol=1e-12)


@pytest.mark.parametrize(
    ("outcome", "score", "error", "words"),
    [
        ([0, 1, 1], [1, 2, np.nan], ArgumentError, "missing"),
        ([0, 0, 0], [1, 2, 3], DataError, "nobody is a case"),
        ([1, 1, 1], [1, 2, 3], DataError, "everyone is a case"),
        ([0, 1, 2], [1, 2, 3], ArgumentError, "0 and 1"),
        ([0, 1], [1, 2, 3], ArgumentError, "lengths differ"),
        ([], [], DataError, "no rows"),
    ],
)
def test_bad_input_is_refused(outcome: list, score: list, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        delong(outcome, {"a": score})


def test_clusters_of_one_row_are_delong_with_one_row_left_out() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(200) < 0.3
    scores = {"a": rng.integers(0, 11, 200) + 2 * y, "b": rng.integers(0, 11, 200) + y}
    plain, clustered = delong(y, scores), delong(y, scores, clusters=np.arange(200))
    np.testing.assert_allclose(clustered.auc, plain.auc, rtol=1e-12)
    # m / (m - 1) more on the side of the cases, n / (n - 1) on that of the controls
    np.testing.assert_allclose(clustered.covariance, plain.covariance, rtol=0.02)
    assert (np.diag(clustered.covariance) > np.diag(plain.covariance)).all()


def test_the_clustered_covariance_is_that_of_leaving_clusters_out() -> None:
    rng = np.random.default_rng(2)
    cluster = rng.integers(0, 60, 500)
    lean = rng.normal(size=60)[cluster]
    y = rng.random(500) < 1 / (1 + np.exp(1 - lean))
    scores = {"a": lean + rng.normal(size=500), "b": y + rng.normal(size=500)}
    areas = delong(y, scores, clusters=cluster)
    without = np.array(
        [
            delong(y[cluster != g], {name: score[cluster != g] for name, score in scores.items()}).auc
            for g in np.unique(cluster)
        ]
    )
    moves = without - areas.auc
    np.testing.assert_allclose(areas.covariance, moves.T @ moves, rtol=0.02, atol=2e-6)


def test_copies_within_their_cluster_change_nothing() -> None:
    rng = np.random.default_rng(3)
    y = rng.random(150) < 0.4
    score = rng.normal(size=150) + y
    once = delong(y, {"s": score}, clusters=np.arange(150)).estimate("s")
    twice = delong(np.tile(y, 2), {"s": np.tile(score, 2)}, clusters=np.tile(np.arange(150), 2)).estimate("s")
    assert (twice.value, twice.low, twice.high) == pytest.approx((once.value, once.low, once.high), abs=1e-12)
    with pytest.raises(DataError, match="one cluster"):
        delong(y, {"s": score}, clusters=np.zeros(150))


def unequal(rng: np.random.Generator, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """80 customers with very different numbers of rows, whose lean to leave is half of what tells."""
    size = np.maximum(1, np.round(5 * np.exp(spread * rng.normal(size=80)))).astype(int)
    cluster = np.repeat(np.arange(80), size)
    own = rng.normal(size=(2, 80))[:, cluster] * np.sqrt(0.5)
    score = own[0] + rng.normal(size=len(cluster)) * np.sqrt(0.5)
    return rng.random(len(cluster)) < 1 / (1 + np.exp(1.2 - 0.8 * score - 1.2 * own[1])), score, cluster


def covered(studies: int, spread: float) -> float:
    rng = np.random.default_rng(4)
    many = [unequal(rng, 0.01) for _ in range(600)]
    y, score, _ = (np.concatenate(part) for part in zip(*many, strict=True))
    truth = delong(y, {"s": score}).auc[0]
    hits = 0
    for _ in range(studies):
        y, score, cluster = unequal(rng, spread)
        area = delong(y, {"s": score}, clusters=cluster).estimate("s")
        hits += area.low <= truth <= area.high
    return hits / studies


def test_intervals_hold_with_very_unequal_clusters() -> None:
    assert 0.925 <= covered(300, 1.5) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.5, 1.0, 1.5])
def test_intervals_hold_with_very_unequal_clusters_in_2000_studies(spread: float) -> None:
    share = covered(2_000, spread)
    print(f"AUC, 80 clusters, spread of log sizes {spread}: 95 % intervals cover {100 * share:.1f} %")
    assert 0.94 <= share <= 0.97
