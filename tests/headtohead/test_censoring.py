"""Being followed depends on something known at the landmark: weights by a Cox regression in the contest."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.headtohead.contest.contest_metrics import METRICS, auc_all, brier, measured
from cxresearch.headtohead.contest.contest_rows import complete_rows
from cxresearch.headtohead.contest.weighed_rows import HorizonRows, weigh
from cxresearch.stats.hazards.censoring_cox import cox_censoring
from cxresearch.stats.models.clustered_covariance import influence_covariance
from cxresearch.stats.prediction.ipcw import marginal_risk, sides, sides_of

HORIZON = 1.0
SCALES = {"ces": cx.CES2, "nps": cx.NPS}


def company(rng: np.random.Generator, n: int, *, censored: bool = True) -> pd.DataFrame:
    """Exponential times to churn and to censoring that share a cause, ``x``; CES knows it, NPS does not."""
    x, mood = rng.normal(size=(2, n))
    churn = rng.exponential(1 / (0.35 * np.exp(0.8 * x + 0.6 * mood)))
    followed = rng.exponential(1 / (0.5 * np.exp(0.8 * x))) if censored else np.full(n, np.inf)
    end = np.minimum(np.minimum(churn, followed), 1.5)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "ces": np.clip(np.round(4 - 1.2 * x - 0.6 * mood + 0.8 * rng.normal(size=n)), 1, 7),
            "nps": np.clip(np.round(6 - 1.5 * mood + 1.5 * rng.normal(size=n)), 0, 10),
            "x": x,
            "duration_days": end,
            "event": ((churn <= followed) & (churn <= 1.5)).astype(int),
        }
    )


def landmarks(frame: pd.DataFrame) -> cx.classifier.Landmarks:
    return cx.classifier.Landmarks.from_frame(frame, instruments=SCALES, horizon_days=HORIZON, features=["x"])


def auc_by_pairs(score: np.ndarray, case: np.ndarray, control: np.ndarray) -> float:
    """Weighted AUC over all pairs, one by one."""
    wins = (score[:, None] > score) + 0.5 * (score[:, None] == score)
    return float(case @ wins @ control / (case.sum() * control.sum()))


def test_it_agrees_with_weights_from_lifelines() -> None:
    """G(t | x) by lifelines' Cox regression of censoring up to the horizon; AUC and Brier over all pairs."""
    from lifelines import CoxPHFitter

    frame = company(np.random.default_rng(2), 400)
    found = cx.compare(landmarks(frame), ["ces", "nps"], censoring=["x"], metrics=["brier"])
    end = frame["duration_days"].to_numpy()
    event = frame["event"].to_numpy()
    censored = (event == 0) & (end <= HORIZON)
    model = CoxPHFitter(baseline_estimation_method="breslow").fit(
        pd.DataFrame({"end": end, "censored": censored, "x": frame["x"]}), "end", "censored"
    )
    until = np.minimum(end, HORIZON)
    hazard = model.baseline_cumulative_hazard_.iloc[:, 0]
    # Just before the end for a leaver, at the horizon for a stayer; nobody leaves where another is censored.
    place = np.searchsorted(hazard.index.to_numpy(), until, side="right") - 1
    followed = np.exp(-hazard.to_numpy()[place] * model.predict_partial_hazard(frame).to_numpy())
    case = np.where((event == 1) & (end <= HORIZON), 1 / followed, 0.0)
    control = np.where(end > HORIZON, 1 / followed, 0.0)
    for name in ("ces", "nps"):
        expected = auc_by_pairs(-frame[name].to_numpy(), case, control)
        assert found.auc(name).value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["auc", "brier"])
def test_it_agrees_with_r(kind: str, r_reference: dict, oracle_data: Path) -> None:
    """riskRegression 2025.09.17, ``Score(Hist(time, death) ~ age, cens.model = "cox")`` on liver patients.

    Values to 1e-9. Its SE is not the exact derivative (see the next test): within 0.3 %.
    """
    expected = r_reference["10_score:score_pbc_censcox"]["values"]
    names = ("bili", "age", "Null model")
    column, compared = {"auc": "AUC", "brier": "Brier"}[kind], 0
    for horizon in (730.0, 1825.0, 3650.0):
        at = liver_patients(oracle_data, horizon)
        estimates = auc_all(at) if kind == "auc" else brier(at)
        covariance = influence_covariance(np.stack([influence for _, influence in estimates]))
        se = np.sqrt(np.diag(covariance))
        for row in expected[kind]:
            if row["times"] == horizon and names.index(row["model"]) < len(estimates):
                place = names.index(row["model"])
                assert estimates[place][0] == pytest.approx(row[column], abs=1e-9)
                assert se[place] == pytest.approx(row["se"], rel=3e-3)
                compared += 1
        for row in expected[f"{kind}_contrasts"]:
            i, j = names.index(row["model"]), names.index(row["reference"])
            if row["times"] == horizon and max(i, j) < len(estimates):
                variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
                assert np.sqrt(variance) == pytest.approx(row["se"], rel=3e-3)
                compared += 1
    assert compared == {"auc": 9, "brier": 18}[kind]


def liver_patients(oracle_data: Path, horizon: float) -> HorizonRows:
    """R's predictions as scores and as risks, beside the average risk; censoring fitted to all times."""
    rows = pd.read_csv(oracle_data / "pred_pbc.csv")
    age = pd.read_csv(oracle_data / "pbc.csv")[["age"]]
    risks = [rows[f"{name}_{horizon:.0f}"].to_numpy() for name in ("bili", "age")]
    ranks = [np.unique(risk, return_inverse=True)[1] for risk in risks]
    scale = cx.Scale(name="bili", label="bili", low=0, high=len(rows), direction="low_is_good", top=(0,))
    marks = cx.classifier.Landmarks.from_frame(
        pd.DataFrame(
            {
                "customer_id": np.arange(len(rows)).astype(str),
                "bili": ranks[0],
                "age": ranks[1],
                "duration_days": rows["time"],
                "event": rows["death"],
            }
        ),
        instruments={"bili": scale, "age": dataclasses.replace(scale, name="age", label="age")},
        horizon_days=horizon,
    )
    contest = complete_rows(marks, ("bili", "age"), (horizon,))
    censoring = cox_censoring(rows["time"], rows["death"], age)
    weight = censoring.inverse_weights(horizon)
    at = HorizonRows(
        rows=contest,
        form="raw",
        censoring=censoring,
        followed=sides_of(contest.fit, weight, horizon, controls="event_free"),
        everyone=sides_of(contest.fit, weight, horizon),
    )
    null = np.full(len(rows), marginal_risk(contest.fit, sides(contest.fit, horizon)))
    vars(at)["risks"] = tuple(risk[contest.fit.order] for risk in (*risks, null))
    return at


@pytest.mark.parametrize("name", [name for name in METRICS if name not in ("ibs", "uno_c", "harrell_c")])
def test_influence_includes_the_cox_regression(name: str) -> None:
    """Numerical derivative by row weights, the regression of censoring fitted anew each time.

    Risks are taken as given by the standard error, so they are held still.
    """
    frame = company(np.random.default_rng(4), 60)
    frame["event"] = frame["event"] * np.where(np.arange(60) % 5 == 0, 2, 1)
    marks, step = landmarks(frame), 1e-5
    base = np.random.default_rng(5).uniform(0.5, 2, 60)
    base *= 60 / base.sum()
    still = seen_from(marks, base)

    def value(weights: np.ndarray) -> np.ndarray:
        at = seen_from(marks, weights)
        vars(at).update(risks=still.risks, average_risk=still.average_risk, prevalence=still.prevalence)
        return measured([at], name).value[:, 0]

    vars(still).update(risks=still.risks, average_risk=still.average_risk, prevalence=still.prevalence)
    influence = measured([still], name).influence[:, 0]
    for row in range(0, 60, 3):
        up, down = base.copy(), base.copy()
        up[row] *= 1 + step
        down[row] *= 1 - step
        numeric = 60 * (value(up) - value(down)) / (2 * step)
        np.testing.assert_allclose(numeric, influence[:, row], atol=2e-4)


def seen_from(marks: cx.classifier.Landmarks, weights: np.ndarray) -> HorizonRows:
    rows = complete_rows(marks, ("ces", "nps"), (HORIZON,), weights=weights)
    return weigh(rows, [HORIZON], form="raw", censoring=["x"])[0]


def test_without_censoring_both_say_the_same() -> None:
    marks = landmarks(company(np.random.default_rng(3), 500, censored=False))
    plain = cx.compare(marks, ["ces", "nps"], metrics=["brier", "lift"])
    modelled = cx.compare(marks, ["ces", "nps"], censoring=["x"], metrics=["brier", "lift"])
    pd.testing.assert_frame_equal(plain.table, modelled.table)
    pd.testing.assert_frame_equal(plain.metrics, modelled.metrics)


def test_a_column_that_tells_nothing_changes_little() -> None:
    rng = np.random.default_rng(6)
    frame = company(rng, 2_000).assign(x=rng.normal(size=2_000))
    plain = cx.compare(landmarks(frame), ["ces", "nps"], metrics=())
    modelled = cx.compare(landmarks(frame), ["ces", "nps"], censoring=["x"], metrics=())
    np.testing.assert_allclose(plain.table["auc"], modelled.table["auc"], atol=0.003)
    np.testing.assert_allclose(plain.table["se"], modelled.table["se"], rtol=0.05)


def test_what_a_model_of_censoring_leaves_out_is_said() -> None:
    marks = landmarks(company(np.random.default_rng(7), 400))
    found = cx.compare(marks, ["ces", "nps"], censoring=["x"])
    assert "uno_c" not in set(found.metrics["metric"])
    assert any("uno_c left out" in text for text in found.notes)
    assert any("allowed to depend on x (Cox regression)" in text for text in found.notes)
    assert found.settings["censoring"] == ["x"]
    plan = cx.Protocol(scores=("ces", "nps"), horizon_days=(HORIZON,), every=marks.every, censoring=("x",))
    assert plan.compare(marks, metrics=()).contrasts.equals(found.contrasts)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: cx.compare(m, ["ces", "nps"], censoring="x"), "'marginal', or a list"),
        (lambda m: cx.compare(m, ["ces", "nps"], censoring=[]), "'marginal', or a list"),
        (lambda m: cx.compare(m, ["ces", "nps"], censoring=["plan"]), "no column 'plan'"),
    ],
)
def test_what_cannot_be_a_model_of_censoring(
    call: Callable[[cx.classifier.Landmarks], object], message: str
) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=message):
        call(landmarks(company(np.random.default_rng(8), 200)))


def simulated(runs: int, n: int, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean error of AUC and of the difference, and coverage, by way of weighing (marginal, Cox)."""
    errors, covered = np.empty((runs, 2, 3)), np.empty((runs, 2, 3))
    for run in range(runs):
        marks = landmarks(company(np.random.default_rng([run, n]), n))
        for way, censoring in enumerate(("marginal", ["x"])):
            found = cx.compare(marks, ["ces", "nps"], censoring=censoring, metrics=())
            gap = found.contrasts.iloc[0]
            value = np.array([*found.table["auc"], gap["difference"]])
            low = np.array([*found.table["low"], gap["low"]])
            high = np.array([*found.table["high"], gap["high"]])
            errors[run, way] = value - truth
            covered[run, way] = (low <= truth) & (truth <= high)
    return errors, covered


def true_aucs() -> np.ndarray:
    """AUC of CES and NPS and their difference in a company where nobody is censored, a million customers."""
    frame = company(np.random.default_rng(1), 1_000_000, censored=False)
    gone = (frame["event"] == 1) & (frame["duration_days"] <= HORIZON)
    values = []
    for name in ("ces", "nps"):
        case = frame.loc[gone, name].value_counts(normalize=True).sort_index(ascending=False)
        control = frame.loc[~gone, name].value_counts(normalize=True).reindex(case.index, fill_value=0)
        values.append(float(case @ (1 - control.cumsum() + control / 2)))
    auc = 1 - np.array(values)
    auc = np.maximum(auc, 1 - auc)
    return np.array([*auc, auc[0] - auc[1]])


@pytest.mark.slow
def test_simulation_marginal_weights_are_biased_and_cox_weights_are_not() -> None:
    errors, covered = simulated(400, 1_500, true_aucs())
    bias, error = errors.mean(axis=0), errors.std(axis=0) / np.sqrt(len(errors))
    print("\nbias of AUC(CES), AUC(NPS), difference; marginal, then Cox:\n", bias.round(4), error.round(4))
    print("coverage of 95 % intervals:\n", covered.mean(axis=0).round(3))
    assert abs(bias[0, 0]) > 5 * error[0, 0]
    assert (np.abs(bias[1]) < 3 * error[1] + 0.001).all()
    assert (np.abs(covered.mean(axis=0)[1] - 0.95) < 0.03).all()
    assert covered.mean(axis=0)[0].min() < 0.9


def test_marginal_weights_are_biased_and_cox_weights_are_not() -> None:
    """The same in small: one large company instead of many."""
    truth = true_aucs()
    marks = landmarks(company(np.random.default_rng(9), 40_000))
    for censoring, close in (("marginal", False), (["x"], True)):
        gap = cx.compare(marks, ["ces", "nps"], censoring=censoring, metrics=()).contrasts.iloc[0]
        assert bool(abs(gap["difference"] - truth[2]) < 3 * gap["se"]) is close
