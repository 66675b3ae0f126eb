"""Concordance against R survival 3.8-6 and against the definition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.clustered_covariance import cluster_codes
from cxresearch.stats.prediction.concordance import concordance
from cxresearch.stats.prediction.delong import z_test

#: file, time, event, score, sign that makes high mean riskier
CASES = {
    "lung_age": ("lung.csv", "time", "event", "age", 1),
    "pbc_bili": ("pbc.csv", "time", "death", "bili", 1),
    "veteran_karno": ("veteran.csv", "time", "status", "karno", -1),
    "rossi_prio": ("rossi.csv", "week", "arrest", "prio", 1),
    "tiny10": ("tiny10_conc.csv", "t", "e", "x", 1),
}
WEIGHTS = {"n": "n", "nG2": "n/G2", "S": "S", "SG": "S/G", "I": "I"}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_agrees_with_survival(case: str, weight: str, r_reference: dict, oracle_data) -> None:
    expected = r_reference[f"08_concordance:conc_{case}_{weight}"]["values"]
    file, time, event, score, sign = CASES[case]
    rows = pd.read_csv(oracle_data / file)
    found = concordance(rows[time], rows[event], [sign * rows[score]], time_weight=WEIGHTS[weight])
    assert found.value[0] == pytest.approx(expected["C"], abs=1e-12)
    assert np.sqrt(found.covariance()[0, 0]) == pytest.approx(expected["se"], rel=1e-9)
    counts = expected["counts"]
    assert found.concordant[0] == pytest.approx(counts["concordant"], rel=1e-9)
    assert found.discordant[0] == pytest.approx(counts["discordant"], rel=1e-9)
    assert found.tied_score[0] == pytest.approx(counts["tied.x"], rel=1e-9)


@pytest.mark.parametrize("weight", ["n", "nG2"])
def test_paired_comparison(weight: str, r_reference: dict, oracle_data) -> None:
    # concordance(coxph(~ph.karno), coxph(~pat.karno)): z from the infinitesimal-jackknife covariance
    expected = r_reference[f"08_concordance:conccmp_lung_phkarno_patkarno_{weight}"]["values"]
    rows = pd.read_csv(oracle_data / "lung.csv").dropna(subset=["ph.ecog", "ph.karno", "pat.karno"])
    scores = [-rows["ph.karno"], -rows["pat.karno"]]
    found = concordance(rows["time"], rows["event"], scores, time_weight=WEIGHTS[weight])
    spread = found.covariance()
    np.testing.assert_allclose(found.value, expected["C"], atol=1e-12)
    np.testing.assert_allclose(np.sqrt(np.diag(spread)), expected["se"], rtol=1e-9)
    assert spread[0, 1] == pytest.approx(expected["cov"], rel=1e-9)
    se = np.sqrt(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])
    z, p_value = z_test(found.value[0] - found.value[1], se)
    assert z == pytest.approx(expected["z"], rel=1e-9)
    assert p_value == pytest.approx(expected["p"], rel=1e-9)


def test_clustered(r_reference: dict, oracle_data) -> None:
    expected = r_reference["08_concordance:conc_cluster_colon"]["values"]
    rows = pd.read_csv(oracle_data / "colon.csv").dropna(subset=["nodes"])
    found = concordance(rows["time"], rows["status"], [rows["nodes"]])
    se = np.sqrt(found.covariance(clusters=cluster_codes(rows["id"]))[0, 0])
    assert found.value[0] == pytest.approx(expected["C"], abs=1e-12)
    assert se == pytest.approx(expected["se"], rel=1e-9)


def test_start_stop_rows(r_reference: dict, oracle_data) -> None:
    expected = r_reference["08_concordance:conc_heart_startstop"]["values"]
    # coxph(Surv(start, stop, event) ~ age + year + surgery + transplant), Efron: the same case's coefficients
    cox = r_reference["06_cox:cox_startstop_heart"]["values"]
    rows = pd.read_csv(oracle_data / "heart.csv")
    risk = sum(value * rows[name] for name, value in cox["coef"].items())
    found = concordance(rows["stop"], rows["event"], [risk], entry=rows["start"])
    assert found.value[0] == pytest.approx(expected["C"], abs=1e-9)
    assert np.sqrt(found.covariance()[0, 0]) == pytest.approx(expected["se"], rel=1e-6)
    assert found.concordant[0] == expected["counts"]["concordant"]


def by_definition(time, event, score, weight, entry) -> float:
    top = bottom = 0.0
    for i in range(len(time)):
        if event[i] != 1:
            continue
        for j in range(len(time)):
            later = time[j] > time[i] or (time[j] == time[i] and event[j] == 0)
            if i != j and later and entry[j] < time[i]:
                bottom += weight[i] * weight[j]
                top += weight[i] * weight[j] * (float(score[i] > score[j]) + 0.5 * (score[i] == score[j]))
    return top / bottom


def drawn(seed: int, n: int = 18) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    time, event = rng.integers(2, 9, n), rng.integers(0, 2, n)
    time[:2], event[:2] = (2, 9), (1, 0)
    return time, event, rng.integers(0, 4, n), rng.uniform(0.5, 2, n), rng.integers(0, 2, n)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_equals_the_definition(seed: int, delayed: bool) -> None:
    time, event, score, weight, entry = drawn(seed)
    entry = entry if delayed else np.full(len(time), -1)
    found = concordance(time, event, [score], weights=weight, entry=entry if delayed else None)
    assert found.value[0] == pytest.approx(by_definition(time, event, score, weight, entry), abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["n", "n/G2", "delayed"]))
def test_influence_is_the_derivative(seed: int, kind: str) -> None:
    time, event, score, weight, entry = drawn(seed)
    n = len(time)
    weight = weight * n / weight.sum()
    options = {"entry": entry} if kind == "delayed" else {"time_weight": kind, "censoring": "estimated"}

    def value(w: np.ndarray) -> float:
        return concordance(time, event, [score], weights=w, horizon=7, **options).value[0]

    influence = concordance(time, event, [score], weights=weight, horizon=7, **options).influence[0]
    for row in range(n):
        step = np.zeros(n)
        step[row] = 1e-5
        numeric = n * (value(weight * (1 + step)) - value(weight * (1 - step))) / 2e-5
        assert numeric == pytest.approx(influence[row], abs=1e-5)


def test_a_horizon_leaves_later_events_out() -> None:
    time, event, score = [1, 2, 3, 4, 5], [1, 1, 1, 1, 0], [3, 1, 2, 5, 4]
    cut = [1, 1, 0, 0, 0]
    one = concordance(time, event, [score], horizon=2.5).value[0]
    # rows with later events stay as comparison, just as if they were censored then
    assert one == pytest.approx(concordance(time, cut, [score]).value[0], abs=1e-15)


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match="no two rows"):
        concordance([1, 2], [0, 0], [[1, 2]])
    with pytest.raises(ArgumentError, match="missing"):
        concordance([1, 2], [1, 0], [[1, None]])
    with pytest.raises(ArgumentError, match="time_weight"):
        concordance([1, 2], [1, 0], [[1, 2]], time_weight="x")
    with pytest.raises(ArgumentError, match="starts at or after"):
        concordance([1, 2], [1, 0], [[1, 2]], entry=[1, 0])
    with pytest.raises(ArgumentError, match="entry times"):
        concordance([1, 2], [1, 0], [[1, 2]], entry=[0, 0], time_weight="n/G2")


#: R 4.2.2, survival 3.5-3, lung without missing ph.karno, pat.karno and inst (223 rows): x$concordance,
#: sqrt(x$var) of x <- concordance(Surv(time, status) ~ ph.karno + strata(stratum), timewt = time_weight).
STRATIFIED = {
    ("sex", "n", None, None): (0.604570914182837, 0.0274341454738858),
    ("sex", "n/G2", None, None): (0.590187406457454, 0.0254798086954764),
    ("sex", "S", None, None): (0.598038622118758, 0.0263868560355334),
    ("sex", "n", "inst", None): (0.604570914182837, 0.0280940939755931),
    ("inst", "n", None, None): (0.635643564356436, 0.0310765334334089),
    ("sex", "n", None, "age"): (0.602346872730827, 0.0284013410357963),
}


@pytest.mark.parametrize(("stratum", "time_weight", "cluster", "weight"), list(STRATIFIED))
def test_within_strata_it_is_that_of_r(
    stratum: str, time_weight: str, cluster: str | None, weight: str | None, oracle_data
) -> None:
    rows = pd.read_csv(oracle_data / "lung.csv").dropna(subset=["ph.karno", "pat.karno", "inst"])
    found = concordance(
        rows["time"],
        rows["event"],
        [-rows["ph.karno"]],
        time_weight=time_weight,
        strata=rows[stratum],
        weights=None if weight is None else rows[weight],
    )
    se = np.sqrt(found.covariance(clusters=None if cluster is None else rows[cluster])[0, 0])
    expected = STRATIFIED[stratum, time_weight, cluster, weight]
    assert (found.value[0], se) == pytest.approx(expected, rel=1e-9)


def test_one_stratum_is_no_stratum_and_strata_of_one_row_compare_nothing() -> None:
    rng = np.random.default_rng(3)
    time, event, score = rng.exponential(5, 80), rng.integers(0, 2, 80), rng.integers(0, 5, 80)
    entry = time * rng.uniform(0, 0.9, 80)
    for more in ({}, {"entry": entry}, {"time_weight": "I"}, {"horizon": 6.0}):
        plain = concordance(time, event, [score], **more)
        one = concordance(time, event, [score], strata=np.zeros(80), **more)
        np.testing.assert_allclose(one.value, plain.value, rtol=1e-12)
        np.testing.assert_allclose(one.influence, plain.influence, atol=1e-12)
    with pytest.raises(DataError, match="no two rows"):
        concordance(time, event, [score], strata=np.arange(80))
    with pytest.raises(ArgumentError, match="strata come with"):
        concordance(time, event, [score], strata=np.zeros(80), time_weight="n/G2", censoring="estimated")


def test_intervals_within_strata_cover_the_truth() -> None:
    """Exponential times with hazard exp(x + stratum): P(x_i > x_j | i first) does not hang on the stratum."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(2, 400_000))
    # Of two rows the first leaves first with chance h1 / (h1 + h2).
    truth = np.mean(1 / (1 + np.exp(-np.abs(x[0] - x[1]))))
    hits = []
    for _ in range(500):
        stratum = rng.integers(0, 4, 160)
        score = rng.normal(size=160)
        time = rng.exponential(np.exp(-score - stratum))
        found = concordance(time, np.ones(160), [score], strata=stratum)
        hits.append(abs(found.value[0] - truth) <= 1.96 * np.sqrt(found.covariance()[0, 0]))
    print(f"C within strata: 95 % intervals cover {100 * np.mean(hits):.1f} %")
    assert 0.92 <= np.mean(hits) <= 0.975
