"""Integrated Brier score, censoring by a Cox regression, and cases that other packages define otherwise."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.hazards.censoring_cox import cox_censoring
from cxresearch.stats.hazards.cox import cox_data, fit_of
from cxresearch.stats.hazards.cox_survival import predicted_survival
from cxresearch.stats.prediction.follow_up import follow_up
from cxresearch.stats.prediction.integrated_brier import integrated_brier, time_shares
from cxresearch.stats.prediction.ipcw import (
    auc_metric,
    ipcw_auc,
    ipcw_brier,
    sides,
    sides_of,
    sorted_code,
)


def cox_risks(rows: pd.DataFrame, event: str, column: str, times: np.ndarray) -> np.ndarray:
    """Risk by each time from a Cox regression on one column, shape (times, n)."""
    data = cox_data(rows.iloc[:, rows.columns.isin(["time", "week"])].iloc[:, 0], rows[event], rows[[column]])
    survival = predicted_survival(fit_of(data), data, rows[[column]], times)["survival"]
    return 1 - survival.to_numpy().reshape(len(rows), -1).T


def test_rossi_brier_of_cox_predictions(r_reference: dict, oracle_data) -> None:
    """No censoring before week 52: every weight is 1."""
    expected = r_reference["10_score:score_rossi"]["values"]
    rows = pd.read_csv(oracle_data / "rossi.csv")
    times = (20, 35, 50)
    risks = [list(cox_risks(rows, "arrest", column, np.array(times))) for column in ("prio", "age")]
    found = ipcw_brier(rows["week"], rows["arrest"], risks, times)
    se, joint = found.standard_errors(), found.covariance()
    names = ("A", "B", "Null model")
    for row in expected["brier"]:
        place = names.index(row["model"]), times.index(row["times"])
        assert found.value[place] == pytest.approx(row["Brier"], abs=1e-9)
        assert se[place] == pytest.approx(row["se"], rel=1e-7)
    for row in expected["brier_contrasts"]:
        h = times.index(row["times"])
        i, j = (names.index(row[key]) * 3 + h for key in ("model", "reference"))
        assert found.value.ravel()[i] - found.value.ravel()[j] == pytest.approx(row["delta.Brier"], abs=1e-9)
        variance = joint[i, i] + joint[j, j] - 2 * joint[i, j]
        assert np.sqrt(variance) == pytest.approx(row["se"], rel=1e-6)


def test_integrated_brier_pbc(oracle_data) -> None:
    # Score(list(bili, age), Hist(time, death) ~ 1, summary = c("ibs", "ipa"), times = all observed <= 3650),
    # riskRegression 2025.09.17: the last time is 3611.
    rows = pd.read_csv(oracle_data / "pbc.csv")
    times = np.unique(rows["time"][rows["time"] <= 3650])
    risks = [list(cox_risks(rows, "death", column, times)) for column in ("logbili", "age")]
    found = integrated_brier(rows["time"], rows["death"], risks, times)
    ibs = [0.128096431433205, 0.172583314581591, 0.180012254766166]
    np.testing.assert_allclose(found.value[:, 0], ibs, atol=1e-9)
    last = ipcw_brier(rows["time"], rows["death"], [row[-1:] for row in risks], times[-1:]).value[:, 0]
    ipa = [0.291681207035224, 0.132621060014723]
    np.testing.assert_allclose(1 - last[:2] / last[2], ipa, atol=1e-9)


def test_integrated_brier_by_hand() -> None:
    """Exponential times, known risk, no censoring: the integral of F (1 - F) over time."""
    n, end = 20_000, 1.5
    time = -np.log1p(-(np.arange(n) + 0.5) / n)
    grid = np.linspace(0.05, end, 30)
    found = integrated_brier(
        time, np.ones(n), [[np.full(n, -np.expm1(-t)) for t in grid]], grid, rule="trapezoid"
    )
    exact = integrate.quad(lambda t: np.exp(-t) * -np.expm1(-t), 0, end)[0] / end
    assert found.value[0, 0] == pytest.approx(exact, abs=2e-4)
    assert found.value[0, 0] == pytest.approx(found.value[1, 0], abs=1e-6)


def test_integrated_brier_is_the_average_and_so_is_its_influence() -> None:
    rng = np.random.default_rng(4)
    time, event = rng.integers(1, 9, 60), rng.integers(0, 3, 60)
    time[:2], event[:2] = (1, 9), (1, 0)
    risk = [rng.random(60) for _ in range(3)]
    single = ipcw_brier(time, event, [risk], [2, 3, 6])
    for rule in ("left", "trapezoid"):
        whole = integrated_brier(time, event, [risk], [2, 3, 6], rule=rule)
        shares = {"left": [1 / 6, 3 / 6, 0], "trapezoid": [1.5 / 6, 2 / 6, 1.5 / 6]}[rule]
        np.testing.assert_allclose(time_shares([2.0, 3.0, 6.0], rule=rule), shares)
        np.testing.assert_allclose(whole.value[:, 0], single.value @ shares, atol=1e-14)
        np.testing.assert_allclose(
            whole.influence[:, 0], np.tensordot(single.influence, shares, axes=(1, 0)), atol=1e-12
        )
    with pytest.raises(ArgumentError, match="do not rise"):
        integrated_brier(time, event, [risk], [3, 2, 6])


def test_dependent_censoring_is_repaired() -> None:
    """The risky are lost sooner: marginal weights are biased, the regression on the cause is not."""
    rng, n = np.random.default_rng(8), 40_000
    x = rng.normal(size=n)
    leave = rng.exponential(1 / (0.3 * np.exp(x)))
    lost = rng.exponential(1 / (0.5 * np.exp(1.2 * x)))
    time, event = np.minimum(leave, lost), (leave <= lost).astype(int)
    truth = (leave <= 1).mean()
    repaired = cox_censoring(time, event, pd.DataFrame({"x": x}))
    by_regression = sides_of(repaired.fit, repaired.inverse_weights(1.0), 1.0).case.mean()
    marginal = sides(follow_up(time, event), 1.0).case.mean()
    assert abs(by_regression - truth) < 0.01
    assert truth - marginal > 0.04


def test_cox_censoring_refuses() -> None:
    x = pd.DataFrame({"x": [3.0, 2, 1, 4]})
    with pytest.raises(DataError, match="nobody has the event"):
        cox_censoring([1, 2, 3, 4], [1, 1, 1, 1], x)
    with pytest.raises(DataError, match="nobody is followed past"):
        cox_censoring([1, 2, 3, 4], [1, 0, 1, 0], x).inverse_weights(4)
    with pytest.raises(ArgumentError, match="lengths differ"):
        cox_censoring([1, 2, 3], [1, 0, 1], x)


def test_timeroc_leaves_out_events_at_the_horizon(r_reference: dict, oracle_data) -> None:
    """One death in the lung data falls on day 180 exactly.

    Here, as in riskRegression, whoever dies at the horizon is a case. timeROC 0.4.1 has cases ``T < t`` and
    controls ``T > t``: the person counts on neither side. Nothing else differs.
    """
    expected = r_reference["10_score:timeroc_lung"]["values"]
    rows = pd.read_csv(oracle_data / "pred_lung.csv")
    assert ((rows["time"] == 180) & (rows["event"] == 1)).sum() == 1
    scores = [-rows["ph.karno"], -rows["pat.karno"]]
    ours = ipcw_auc(rows["time"], rows["event"], scores, [180, 365, 540])
    reference = np.array([expected["auc1"], expected["auc2"]])
    np.testing.assert_allclose(ours.value[:, 1:], reference[:, 1:], atol=1e-12)
    assert (np.abs(ours.value[:, 0] - reference[:, 0]) > 5e-4).all()
    fit = follow_up(rows["time"], rows["event"])
    at = [sides(fit, horizon) for horizon in (180, 365, 540)]
    strict = [dataclasses.replace(s, case=np.where(fit.duration == s.horizon, 0, s.case)) for s in at]
    found = auc_metric(fit, [sorted_code(fit, "score", score) for score in scores], strict)
    np.testing.assert_allclose(found.value, reference, atol=1e-12)
    np.testing.assert_allclose(found.standard_errors(), [expected["se1"], expected["se2"]], rtol=2e-5)
