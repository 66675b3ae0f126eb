"""Cox regression against R 4.2.2, survival 3.8-6 (coxph with Efron's ties, cox.zph, survfit.coxph)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import ArgumentError, CxWarning, DataError
from cxresearch.stats.hazards.cox import cox_data, fit_cox, fit_of
from cxresearch.stats.hazards.cox_maximum import CoxData
from cxresearch.stats.hazards.cox_survival import predicted_survival
from cxresearch.stats.hazards.proportional_hazards import proportionality_test

ROSSI = ["fin01", "age", "race01", "wexp01", "mar01", "paro01", "prio"]
SMALL = {
    "duration": [1, 1, 2, 3, 3, 3, 4, 5, 6, 7],
    "event": [1, 1, 0, 1, 1, 0, 1, 0, 1, 1],
    "x": [3, 1, 2, 4, 0, 1, 3, 2, 0, 1],
}


def case(name: str, data: Any) -> CoxData:
    def read(file: str) -> pd.DataFrame:
        return pd.read_csv(data / file)

    if name == "cox_lung":
        rows = read("lung.csv").dropna(subset=["ph.ecog"])
        return cox_data(rows["time"], rows["event"], rows[["age", "sex", "ph.ecog"]])
    if name == "cox_pbc":
        rows = read("pbc.csv").dropna(subset=["trt"])
        x = rows[["age", "edema", "logbili"]].assign(
            albumin=np.log(rows["albumin"]), protime=np.log(rows["protime"])
        )
        return cox_data(rows["time"], rows["death"], x)
    if name == "cox_startstop_heart":
        rows = read("heart.csv")
        x = rows[["age", "year", "surgery", "transplant"]]
        return cox_data(rows["stop"], rows["event"], x, entry=rows["start"])
    if name in ("cox_ag_cgd", "cox_pwp_cgd"):
        rows = read("cgd.csv")
        again = name == "cox_ag_cgd"
        return cox_data(
            rows["tstop"],
            rows["status"],
            rows[["rx", "age", "steroids"] if again else ["rx"]],
            entry=rows["tstart"],
            clusters=rows["id"],
            strata=None if again else rows["enum"],
        )
    if name in ("cox_tv_rossi", "cox_tv_rossi_lag"):
        last = "employed_lag" if name.endswith("lag") else "employed"
        rows = read("rossi_long.csv.gz").dropna(subset=[last])
        x = rows[["fin01", "age", "race01", "mar01", "paro01", "prio", last]]
        return cox_data(rows["stop"], rows["event"], x, entry=rows["start"])
    if name == "cox_rossi":
        rows = read("rossi.csv")
        return cox_data(rows["week"], rows["arrest"], rows[ROSSI])
    if name == "cox_wlw_colon":
        rows = read("colon.csv")
        x = pd.DataFrame({"lev": (rows["rx"] == "Lev") * 1, "lev5": (rows["rx"] == "Lev+5FU") * 1})
        return cox_data(rows["time"], rows["status"], x, strata=rows["etype"], clusters=rows["id"])
    rows = read("pbc.csv")
    return cox_data(rows["exit_age"], rows["death"], rows[["logbili", "edema"]], entry=rows["entry_age"])


@pytest.mark.parametrize(
    "name",
    [
        "cox_lung",
        "cox_pbc",
        "cox_startstop_heart",
        "cox_ag_cgd",
        "cox_pwp_cgd",
        "cox_tv_rossi",
        "cox_tv_rossi_lag",
        "cox_rossi",
        "cox_wlw_colon",
        "cox_lefttrunc_pbc_age",
    ],
)
def test_fit_equals_r(name: str, r_reference: dict[str, Any], oracle_data: Any) -> None:
    values = r_reference[f"06_cox:{name}"]["values"]
    fit = fit_of(case(name, oracle_data))
    np.testing.assert_allclose(fit.coefficient, list(values["coef"].values()), atol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), list(values["se"].values()), atol=1e-8)
    assert [fit.loglik_null, fit.loglik] == pytest.approx(values["loglik"], abs=1e-7)
    assert fit.score_statistic == pytest.approx(values["score"][0], abs=1e-7)
    assert (fit.n, fit.n_events) == (values["n"], values["nevent"])
    tests = fit.tests.set_index("test")
    assert tests.loc["likelihood ratio", "chi_square"] == pytest.approx(values["lr"][0], abs=1e-6)
    assert tests.loc["likelihood ratio", "p_value"] == pytest.approx(values["lr"][2], rel=1e-6)
    assert tests.loc["Wald", "chi_square"] == pytest.approx(
        values["wald"][0], abs=0.0051
    )  # R prints 2 digits
    if "se_robust" in values:
        np.testing.assert_allclose(fit.se, list(values["se_robust"].values()), atol=1e-8)


@pytest.mark.parametrize(
    ("fitted", "zph", "transform"),
    [
        ("cox_lung", "lung_km", "km"),
        ("cox_lung", "lung_rank", "rank"),
        ("cox_lung", "lung_log", "log"),
        ("cox_pbc", "pbc_km", "km"),
        ("cox_rossi", "rossi_km", "km"),
        ("cox_rossi", "rossi_rank", "rank"),
    ],
)
def test_proportionality_equals_r(
    fitted: str, zph: str, transform: str, r_reference: dict[str, Any], oracle_data: Any
) -> None:
    values = r_reference[f"06_cox:zph_{zph}"]["values"]
    data = case(fitted, oracle_data)
    table = proportionality_test(fit_of(data), data, transform=transform)
    np.testing.assert_allclose(table["chi_square"], values["chisq"], atol=1e-8)
    np.testing.assert_allclose(table["p_value"], values["p"], atol=1e-9)
    assert table["df"].tolist() == values["df"]


def test_predicted_survival_equals_r(r_reference: dict[str, Any], oracle_data: Any) -> None:
    values = r_reference["06_cox:cox_predsurv_lung"]["values"]
    data = case("cox_lung", oracle_data)
    people = pd.DataFrame({"age": [60, 60, 75], "sex": [1, 2, 1], "ph.ecog": [1, 1, 2]})
    table = predicted_survival(fit_of(data), data, people, values["time"])
    for ours, theirs in (("survival", "surv"), ("se", "se"), ("low", "lower"), ("high", "upper")):
        np.testing.assert_allclose(table[ours].to_numpy().reshape(3, 3).T, values[theirs], atol=1e-9)


def brute_loglik(beta: float, duration: Any, event: Any, x: Any) -> float:
    """Efron's log partial likelihood by its definition, one covariate."""
    duration, event, x = (np.asarray(values, dtype=float) for values in (duration, event, x))
    total = 0.0
    for time in np.unique(duration[event == 1]):
        tied = (duration == time) & (event == 1)
        at_risk = np.exp(beta * x[duration >= time]).sum()
        leaving = np.exp(beta * x[tied])
        total += beta * x[tied].sum()
        total -= sum(np.log(at_risk - k / len(leaving) * leaving.sum()) for k in range(len(leaving)))
    return total


def test_fit_is_the_maximum_of_efrons_likelihood() -> None:
    fit = fit_cox(SMALL["duration"], SMALL["event"], pd.DataFrame({"x": SMALL["x"]}))
    beta, step = float(fit.coefficient[0]), 1e-4
    parts = (SMALL["duration"], SMALL["event"], SMALL["x"])
    centre = np.mean(SMALL["x"])
    middle, up, down = (brute_loglik(beta + d, *parts) for d in (0, step, -step))
    assert fit.loglik == pytest.approx(middle, abs=1e-10)
    assert abs(up - down) / (2 * step) < 1e-6
    curvature = -(up - 2 * middle + down) / step**2
    assert fit.covariance[0, 0] == pytest.approx(1 / curvature, rel=1e-4)
    assert centre > 0  # the fit centres; the likelihood must not notice


def test_invariances() -> None:
    rng = np.random.default_rng(7)
    size = 120
    x = pd.DataFrame({"a": rng.normal(size=size), "b": rng.integers(0, 11, size) + 0.0})
    duration, event = rng.integers(1, 20, size), rng.integers(0, 2, size)
    customer = rng.integers(0, 50, size)
    fit = fit_cox(duration, event, x, clusters=customer)
    order = rng.permutation(size)
    shuffled = fit_cox(duration[order], event[order], x.iloc[order], clusters=customer[order])
    moved = fit_cox(duration, event, x.assign(b=100 - 10 * x["b"]), clusters=customer)
    np.testing.assert_allclose(fit.coefficient, shuffled.coefficient, atol=1e-10)
    np.testing.assert_allclose(fit.se, shuffled.se, atol=1e-10)
    assert moved.coefficient[1] == pytest.approx(-fit.coefficient[1] / 10, abs=1e-10)
    # a customer's stay cut into two intervals is the same stay
    cut = duration // 2
    whole = cut > 0
    starts = np.concatenate([np.zeros(size), cut[whole]])
    stops = np.concatenate([np.where(whole, cut, duration), duration[whole]])
    ends = np.concatenate([np.where(whole, 0, event), event[whole]])
    rows = pd.concat([x, x[whole]], ignore_index=True)
    people = np.concatenate([customer, customer[whole]])
    pieces = fit_cox(stops, ends, rows, entry=starts, clusters=people)
    np.testing.assert_allclose(fit.coefficient, pieces.coefficient, atol=1e-10)
    np.testing.assert_allclose(fit.se, pieces.se, atol=1e-10)


def test_separation_is_warned_about() -> None:
    # coxph warns "Loglik converged before variable 1; beta may be infinite"
    event = [1] * 4 + [0] * 6
    with pytest.warns(CxWarning, match="no finite coefficient for x"):
        fit = fit_cox(range(1, 11), event, pd.DataFrame({"x": event}))
    assert fit.separated == ("x",)
    assert [fit.loglik_null, fit.loglik] == pytest.approx([-8.52516136106541, -3.17805383034813], abs=1e-9)


@pytest.mark.parametrize("seed", [71, 1170])
def test_a_likelihood_without_a_maximum_never_ends_in_a_bare_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    time, event = rng.integers(1, 5, n), rng.integers(0, 2, n)
    x = pd.DataFrame({"a": rng.integers(0, 3, n), "b": rng.normal(size=n)})
    with pytest.warns(CxWarning, match="no finite coefficient"):
        assert fit_cox(time, event, x).separated


def test_rows_of_weight_zero_count_for_nothing() -> None:
    rng = np.random.default_rng(4)
    time, event, who = rng.exponential(size=40), rng.integers(0, 2, 40), np.repeat(range(20), 2)
    x = pd.DataFrame({"a": rng.normal(size=40)})
    weight = np.where(who < 5, 0.0, 1.0)
    with_them = fit_cox(time, event, x, weights=weight, clusters=who)
    without = fit_cox(time[10:], event[10:], x[10:], weights=weight[10:], clusters=who[10:])
    assert with_them.n_clusters == without.n_clusters == 15
    np.testing.assert_allclose(with_them.robust, without.robust)
    with pytest.raises(ArgumentError, match="covariates has 39 rows, duration 40"):
        fit_cox(time, event, x[1:], weights=weight)


def test_refusals() -> None:
    x = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [2.0, 4, 6, 8], "c": [5.0] * 4})
    with pytest.raises(DataError, match="'b' is a combination of 'a'"):
        fit_cox([1, 2, 3, 4], [1, 1, 1, 0], x[["a", "b"]])
    with pytest.raises(DataError, match="'c' has one value only"):
        fit_cox([1, 2, 3, 4], [1, 1, 1, 0], x[["a", "c"]])
    with pytest.raises(DataError, match="nobody has the event"):
        fit_cox([1, 2, 3, 4], [0, 0, 0, 0], x[["a"]])
    with pytest.raises(ArgumentError, match="covariate 'a' has 1 missing"):
        fit_cox([1, 2], [1, 1], pd.DataFrame({"a": [1.0, np.nan]}))
    with pytest.raises(ArgumentError, match="covariates has 4 rows, duration 2"):
        fit_cox([1, 2], [1, 1], x[["a"]])
    with pytest.raises(DataError, match="never differs among people at risk together"):
        fit_cox([1, 2, 3, 4], [1, 0, 1, 0], pd.DataFrame({"a": [1.0, 1, 2, 2]}), strata=[0, 0, 1, 1])


def test_prediction_beyond_follow_up_is_nan_with_a_reason() -> None:
    data = cox_data(SMALL["duration"], SMALL["event"], pd.DataFrame({"x": SMALL["x"]}))
    table = predicted_survival(fit_of(data), data, pd.DataFrame({"x": [1]}), [7, 8])
    assert np.isfinite(table["survival"].iloc[0])
    assert np.isnan(table["survival"].iloc[1])
    assert "ends at 7" in table["note"].iloc[1]
