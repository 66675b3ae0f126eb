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
