"""AUC and Brier score under censoring, against riskRegression 2025.09.17 and an exact jackknife."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.clustered_covariance import (
    cluster_codes,
    influence_covariance,
    simultaneous_critical,
)
from cxresearch.stats.prediction.delong import delong
from cxresearch.stats.prediction.follow_up import follow_up, inverse_weights
from cxresearch.stats.prediction.ipcw import PredictionMetric, ipcw_auc, ipcw_brier

CASES = {
    "score_pbc": ("pred_pbc.csv", "death", ("bili", "age"), (730, 1825, 3650)),
    "score_lung": ("pred_lung.csv", "event", ("ph", "pat"), (180, 365, 540)),
    "scorecr_melanoma": ("pred_melanoma.csv", "status", ("thick", "age"), (1000, 2000, 3000)),
}


def measures(case: str, rows: pd.DataFrame) -> Iterator[tuple[str, int, PredictionMetric]]:
    """Every measure at one horizon: a Cox model's ranking may change with the horizon."""
    _, event, names, horizons = CASES[case]
    for horizon in horizons:
        risks = [rows[f"{name}_{horizon}"] for name in names]
        yield "auc", horizon, ipcw_auc(rows["time"], rows[event], risks, [horizon])
        yield "brier", horizon, ipcw_brier(rows["time"], rows[event], [[r] for r in risks], [horizon])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("exact", [True, False], ids=["exact derivative", "riskRegression"])
def test_agrees_with_r(case: str, exact: bool, r_reference: dict, oracle_data) -> None:
    topic = "10b_exact_se" if exact else ("11_score_cr" if case == "scorecr_melanoma" else "10_score")
    expected = r_reference[f"{topic}:{case}"]["values"]
    rows = pd.read_csv(oracle_data / CASES[case][0])
    names = [*CASES[case][2], "Null model"]
    compared = 0
    for kind, horizon, found in measures(case, rows):
        column = {"auc": "AUC", "brier": "Brier"}[kind]
        se, joint = found.standard_errors()[:, 0], found.covariance()
        # riskRegression's own Brier SE errs by up to 0.7 %; the exact ones are certified by differences.
        tolerance = 1e-9 if exact else (1e-5 if kind == "auc" else 0.01)
        for row in (row for row in expected[kind] if row["times"] == horizon):
            place = names.index(row["model"])
            assert found.value[place, 0] == pytest.approx(row[column], abs=1e-12)
            assert se[place] == pytest.approx(row["se"], rel=tolerance)
            compared += 1
        for row in (row for row in expected[f"{kind}_contrasts"] if row["times"] == horizon):
            i, j = names.index(row["model"]), names.index(row["reference"])
            delta = row["delta"] if exact else row[f"delta.{column}"]
            assert found.value[i, 0] - found.value[j, 0] == pytest.approx(delta, abs=1e-12)
            assert np.sqrt(joint[i, i] + joint[j, j] - 2 * joint[i, j]) == pytest.approx(
                row["se"], rel=tolerance
            )
            compared += 1
    assert compared == 27


def test_pbc_by_name(oracle_data) -> None:
    # Score(list(bili = coxph(~logbili), age = coxph(~age)), Hist(time, death) ~ 1, times = 1825,
    #       cens.model = "km")
    rows = pd.read_csv(oracle_data / "pred_pbc.csv")
    found = ipcw_auc(rows["time"], rows["death"], [rows["bili_1825"], rows["age_1825"]], [1825])
    np.testing.assert_allclose(found.value[:, 0], [0.862284435975095, 0.630325209891731], atol=1e-12)
    np.testing.assert_allclose(found.standard_errors()[:, 0], [0.0214899922270, 0.0326637190141], rtol=1e-6)


def test_timeroc_pbc(r_reference: dict, oracle_data) -> None:
    # timeROC(T, delta, marker, cause = 1, weighting = "marginal", iid = TRUE), version 0.4.1
    expected = r_reference["10_score:timeroc_pbc"]["values"]
    rows = pd.read_csv(oracle_data / "pred_pbc.csv")
    found = ipcw_auc(rows["time"], rows["death"], [rows["bili_730"], rows["age_730"]], expected["times"])
    np.testing.assert_allclose(found.value, [expected["auc1"], expected["auc2"]], atol=1e-12)
    np.testing.assert_allclose(found.standard_errors(), [expected["se1"], expected["se2"]], rtol=1e-5)


def test_survival_brier_pbc(r_reference: dict, oracle_data) -> None:
    # survival::brier(coxph(~logbili), times) 3.8-6: an implementation of its own
    expected = r_reference["10_score:survbrier_pbc"]["values"]
    rows = pd.read_csv(oracle_data / "pred_pbc.csv")
    risks = [[rows[f"bili_{h}"] for h in (730, 1825, 3650)]]
    found = ipcw_brier(rows["time"], rows["death"], risks, [730, 1825, 3650])
    np.testing.assert_allclose(found.value[0], expected["brier"], atol=1e-12)
    np.testing.assert_allclose(1 - found.value[0] / found.value[1], expected["rsquared"], atol=1e-12)


def test_rossi_without_censoring_equals_the_plain_auc(r_reference: dict, oracle_data) -> None:
    expected = r_reference["10_score:score_rossi"]["values"]
    rows = pd.read_csv(oracle_data / "rossi.csv")
    scores = [rows["prio"], -rows["age"]]
    found = ipcw_auc(rows["week"], rows["arrest"], scores, [20, 35, 50])
    se = found.standard_errors()
    for row in expected["auc"]:
        place = ("A", "B").index(row["model"]), (20, 35, 50).index(row["times"])
        assert found.value[place] == pytest.approx(row["AUC"], abs=1e-12)
        assert se[place] == pytest.approx(row["se"], rel=1e-9)
    plain = delong((rows["week"] <= 20).astype(int), {"A": scores[0], "B": scores[1]})
    np.testing.assert_allclose(found.value[:, 0], plain.auc, atol=1e-12)


def simulated(seed: int, n: int, *, kinds: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tied times, tied scores, censoring, several kinds of event."""
    rng = np.random.default_rng(seed)
    time = rng.integers(1, 8, n)
    event = rng.integers(0, kinds + 1, n)
    time[:4], event[:4] = (2, 3, 9, 9), (1, 1, 0, 0)
    return time, event, rng.integers(0, 4, n)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 2]))
def test_weights_sum_to_n(seed: int, kinds: int) -> None:
    time, event, _ = simulated(seed, 40, kinds=kinds)
    fit = follow_up(time, event)
    for horizon in (1, 3, 5.5, 8):
        assert inverse_weights(fit, horizon).sum() == pytest.approx(40, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["all", "event_free"]), st.booleans())
def test_influence_is_the_derivative(seed: int, controls: str, weighted: bool) -> None:
    """Numerical derivative by each row's weight, censoring distribution fitted anew each time."""
    n = 24
    time, event, score = simulated(seed, n, kinds=2)
    base = np.random.default_rng(seed + 1).uniform(0.5, 2, n) if weighted else np.ones(n)
    base = base * n / base.sum()

    def auc(weights: np.ndarray) -> float:
        return ipcw_auc(time, event, [score], [5], weights=weights, controls=controls).value[0, 0]

    def brier(weights: np.ndarray) -> float:
        return ipcw_brier(time, event, [[score / 4]], [5], weights=weights).value[0, 0]

    auc_influence = ipcw_auc(time, event, [score], [5], weights=base, controls=controls).influence[0, 0]
    brier_influence = ipcw_brier(time, event, [[score / 4]], [5], weights=base).influence[0, 0]
    step = 1e-5
    for row in range(n):
        up, down = base.copy(), base.copy()
        up[row] *= 1 + step
        down[row] *= 1 - step
        assert n * (auc(up) - auc(down)) / (2 * step) == pytest.approx(auc_influence[row], abs=1e-5)
        assert n * (brier(up) - brier(down)) / (2 * step) == pytest.approx(brier_influence[row], abs=1e-5)


def test_weight_two_equals_the_row_twice() -> None:
    time, event, score = simulated(3, 30)
    weights = np.where(np.arange(30) % 3 == 0, 2, 1)
    twice = np.repeat(np.arange(30), weights)
    by_weight = ipcw_auc(time, event, [score], [4], weights=weights)
    by_row = ipcw_auc(time[twice], event[twice], [score[twice]], [4])
    np.testing.assert_allclose(by_weight.value, by_row.value, atol=1e-12)
    clustered = by_row.standard_errors(clusters=cluster_codes(twice))
    np.testing.assert_allclose(by_weight.standard_errors(), clustered, rtol=1e-12)


def test_row_order_is_irrelevant() -> None:
    time, event, score = simulated(5, 50, kinds=2)
    shuffled = np.random.default_rng(0).permutation(50)
    one = ipcw_auc(time, event, [score], [3, 6])
    other = ipcw_auc(time[shuffled], event[shuffled], [score[shuffled]], [3, 6])
    np.testing.assert_allclose(one.influence[..., shuffled], other.influence, atol=1e-12)


def test_control_definitions_differ_only_with_competing_events() -> None:
    time, event, score = simulated(9, 200, kinds=2)
    both = [ipcw_auc(time, event, [score], [5], controls=c).value[0, 0] for c in ("all", "event_free")]
    assert both[0] != both[1]
    single = [ipcw_auc(time, event > 0, [score], [5], controls=c).value[0, 0] for c in ("all", "event_free")]
    assert single[0] == pytest.approx(single[1], abs=1e-15)


def test_covariance_of_a_cluster_sums_its_rows() -> None:
    influence = np.random.default_rng(2).normal(size=(2, 6))
    influence -= influence.mean(axis=1, keepdims=True)
    codes = cluster_codes(["a", "a", "b", "b", "c", "c"])
    sums = influence.reshape(2, 3, 2).sum(axis=2)
    np.testing.assert_allclose(influence_covariance(influence, clusters=codes), sums @ sums.T * 1.5 / 36)


def test_simultaneous_critical_value_of_independent_estimates() -> None:
    # Sidak for four: Phi^-1(.5 + .95^(1/4)/2) = 2.4909
    assert simultaneous_critical(np.eye(4)) == pytest.approx(2.4909, abs=0.02)


@pytest.mark.parametrize(
    ("time", "event", "score", "horizon", "error", "words"),
    [
        ([1, 2, 3, 4], [0, 0, 0, 0], [1, 2, 1, 2], 2, DataError, "nobody churned within 2 days"),
        (
            [1, 1, 1, 4],
            [1, 1, 1, 0],
            [1, 2, 1, 2],
            5,
            DataError,
            "nobody is followed past the horizon of 5 days",
        ),
        ([1, 1, 1, 4], [1, 1, 1, 1], [1, 2, 1, 2], 5, DataError, "everyone churned within 5 days"),
        ([1, 1, 1, 4], [1, 1, 1, 2], [1, 2, 1, 2], 5, DataError, "everyone left within 5 days"),
        ([1, 2, 3, 4], [1, 0, 1, 0], [1, np.nan, 1, 2], 2, ArgumentError, "missing"),
        ([1, 2, 3, 4], [1, 0, 1, 0.5], [1, 2, 1, 2], 2, ArgumentError, "codes"),
        ([-1, 2, 3, 4], [1, 0, 1, 0], [1, 2, 1, 2], 2, ArgumentError, "negative"),
        ([1, 2, 3], [1, 0, 1, 0], [1, 2, 1, 2], 2, ArgumentError, "lengths differ"),
        ([], [], [], 2, DataError, "no rows"),
    ],
)
def test_bad_input_is_refused(
    time: list, event: list, score: list, horizon: float, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        ipcw_auc(time, event, [score], [horizon])
