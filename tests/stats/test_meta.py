"""Meta-analysis against metafor 3.8-1 (R 4.2.2)."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.meta import egger_test, meta_analysis
from cxresearch.stats.models.mixed_fit import mixed_fit

HOMOGENEOUS = ([0.10, 0.12, 0.08, 0.11], [0.01, 0.02, 0.015, 0.01])
CASES = {"meta_bcg_logrr": "bcg_logrr.csv", "meta_normand_md": "normand_md.csv", "meta_homog": None}


def inputs(case: str, oracle_data) -> tuple[np.ndarray, np.ndarray]:
    if CASES[case] is None:
        return np.array(HOMOGENEOUS[0]), np.sqrt(HOMOGENEOUS[1])
    rows = pd.read_csv(oracle_data / CASES[case])
    return rows["yi"].to_numpy(), np.sqrt(rows["vi"]).to_numpy()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("key", ["FE", "DL", "REML", "ML", "REML_knha", "DL_knha"])
def test_agrees_with_metafor(case: str, key: str, r_reference: dict, oracle_data) -> None:
    expected = r_reference[f"16_meta:{case}"]["values"]["metafor"][key]
    method, _, knha = key.partition("_")
    y, se = inputs(case, oracle_data)
    found = meta_analysis(y, se, method=method, test="hartung_knapp" if knha else "normal")
    close = {"rel": 2e-6, "abs": 1e-9}
    assert found.value == pytest.approx(expected["est"], **close)
    assert found.tau2 == pytest.approx(expected["tau2"], **close)
    assert found.se == pytest.approx(expected["se"], **close)
    assert (found.low, found.high) == pytest.approx(tuple(expected["ci"]), **close)
    assert found.p_value == pytest.approx(expected["p"], rel=1e-5)
    assert 100 * found.i2 == pytest.approx(expected["I2"], **close)
    assert found.q == pytest.approx(expected["Q"], **close)
    assert found.q_p_value == pytest.approx(expected["Qp"], rel=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["DL", "REML", "PM"])
def test_agrees_with_the_hand_formulas(case: str, method: str, r_reference: dict, oracle_data) -> None:
    expected = r_reference[f"16_meta:{case}"]["values"]["hand"][method]
    y, se = inputs(case, oracle_data)
    found = {
        test: meta_analysis(y, se, method=method, test=test)
        for test in ("normal", "hartung_knapp", "modified")
    }
    close = {"rel": 1e-6, "abs": 1e-9}
    assert found["normal"].tau2 == pytest.approx(expected["tau2"], **close)
    assert (found["normal"].low, found["normal"].high) == pytest.approx(tuple(expected["ci_z"]), **close)
    knapp, modified = found["hartung_knapp"], found["modified"]
    assert (knapp.low, knapp.high) == pytest.approx(tuple(expected["hk_ci"]), **close)
    assert (modified.low, modified.high) == pytest.approx(tuple(expected["mhk_ci"]), **close)
    prediction = knapp.prediction_low, knapp.prediction_high
    assert prediction == pytest.approx(tuple(expected["pi_kminus2"]), **close)


@pytest.mark.parametrize("case", CASES)
def test_prediction_as_metafor_has_it(case: str, r_reference: dict, oracle_data) -> None:
    values = r_reference[f"16_meta:{case}"]["values"]["metafor"]
    y, se = inputs(case, oracle_data)
    for test, key in (("normal", "REML_pi"), ("hartung_knapp", "REML_knha_pi")):
        found = meta_analysis(y, se, test=test, prediction="metafor")
        interval = found.prediction_low, found.prediction_high
        assert interval == pytest.approx(tuple(values[key]), rel=2e-6)


def test_bcg_by_name(oracle_data) -> None:
    # metafor::rma(yi, vi, method = "REML", test = "knha")
    found = meta_analysis(*inputs("meta_bcg_logrr", oracle_data))
    assert found.value == pytest.approx(-0.71453234215814, abs=1e-8)
    assert found.tau2 == pytest.approx(0.313243258136486, abs=1e-8)
    assert (found.low, found.high) == pytest.approx((-1.10844371368555, -0.320620970630728), abs=1e-8)


def test_two_segments_give_a_wide_interval_and_no_prediction(r_reference: dict) -> None:
    expected = r_reference["16_meta:meta_k2"]["values"]["hand"]["REML"]
    found = meta_analysis([0.5, 0.1], np.sqrt([0.01, 0.02]))
    assert found.tau2 == pytest.approx(0.065, rel=1e-6)
    assert (found.low, found.high) == pytest.approx(tuple(expected["hk_ci"]), rel=1e-6)
    assert np.isnan(found.prediction_low)


def test_meta_regression(r_reference: dict, oracle_data) -> None:
    expected = r_reference["16_meta:metareg_bcg_ablat"]["values"]
    rows, trials = pd.read_csv(oracle_data / "bcg_logrr.csv"), pd.read_csv(oracle_data / "bcg.csv")
    design = np.column_stack([np.ones(len(rows)), trials["ablat"]])
    fit = mixed_fit(rows["yi"].to_numpy(), rows["vi"].to_numpy(), design)
    # metafor stops its scoring when tau2 moves by less than 1e-5 of itself
    np.testing.assert_allclose(fit.coefficients, expected["coef"], rtol=5e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), expected["se"], rtol=5e-5)
    assert fit.tau2 == pytest.approx(expected["tau2"], rel=1e-4)
    q_moderators = fit.coefficients[1] ** 2 / fit.covariance[1, 1]
    assert q_moderators == pytest.approx(expected["QM"], rel=1e-4)
    assert stats.chi2.sf(q_moderators, 1) == pytest.approx(expected["QMp"], rel=1e-3)


def test_reml_is_where_its_score_is_zero(oracle_data) -> None:
    rows, trials = pd.read_csv(oracle_data / "bcg_logrr.csv"), pd.read_csv(oracle_data / "bcg.csv")
    y, v = rows["yi"].to_numpy(), rows["vi"].to_numpy()
    design = np.column_stack([np.ones(len(rows)), trials["ablat"]])
    weight = np.diag(1 / (v + mixed_fit(y, v, design).tau2))
    project = weight - weight @ design @ np.linalg.solve(design.T @ weight @ design, design.T @ weight)
    assert y @ project @ project @ y == pytest.approx(np.trace(project), rel=1e-9)


def test_egger(r_reference: dict, oracle_data) -> None:
    expected = r_reference["16_meta:egger_bcg"]["values"]
    statistic, p_value = egger_test(*inputs("meta_bcg_logrr", oracle_data))
    assert statistic == pytest.approx(expected["z"], rel=1e-9)
    assert p_value == pytest.approx(expected["p"], rel=1e-9)


def test_weights_sum_to_one_and_order_is_irrelevant() -> None:
    y, se = np.array([0.1, 0.4, 0.2]), np.array([0.1, 0.2, 0.15])
    one, other = meta_analysis(y, se), meta_analysis(y[::-1], se[::-1])
    assert one.table["weight"].sum() == pytest.approx(1)
    assert (one.value, one.se) == pytest.approx((other.value, other.se))


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match="1 segments"):
        meta_analysis([0.1], [0.1])
    with pytest.raises(ArgumentError, match="zero or negative"):
        meta_analysis([0.1, 0.2], [0.1, 0])
    with pytest.raises(ArgumentError, match="missing"):
        meta_analysis([0.1, None], [0.1, 0.1])


@pytest.mark.parametrize(("y", "se"), [([0.1, 0.1], [0.05, 0.05]), ([0.1] * 3, [0.05] * 3), ([0, 0], [1, 2])])
def test_equal_estimates_are_no_certainty(y: list[float], se: list[float]) -> None:
    found = meta_analysis(y, se)
    k, plain = len(y), 1 / np.sqrt((1 / np.square(se)).sum())  # tau2 = 0: the fixed-effect standard error
    half = stats.t.ppf(0.975, k - 1) * plain
    assert (found.low, found.high) == pytest.approx((y[0] - half, y[0] + half))
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(y[0]) / plain, k - 1))
    assert found.q == pytest.approx(0)
    assert "equal" in found.note
    assert "modified" in found.method


def test_the_factor_is_never_negative() -> None:
    for seed in range(50):
        se = np.random.default_rng(seed).uniform(0.01, 0.1, 3).round(3)
        fit = mixed_fit(np.full(3, 0.02), se**2, np.ones((3, 1)))
        assert fit.scale >= 0
        assert fit.q >= 0
        assert meta_analysis([0.02] * 3, se).high > 0.02 + 1.96 / np.sqrt((1 / se**2).sum())


@pytest.mark.parametrize(
    ("se", "error", "words"),
    [
        ([0.1, 0, 0.2], ArgumentError, "zero or negative"),
        ([0.1, -0.1, 0.2], ArgumentError, "position 1"),
        ([0.1, 0.1, 0.1], DataError, "same standard error"),
    ],
)
def test_egger_says_what_it_cannot_judge(se: list[float], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        egger_test([0.1, 0.2, 0.4], se)


def test_egger_without_any_spread_says_nothing() -> None:
    assert np.isnan(egger_test([0.1, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.1])).all()
