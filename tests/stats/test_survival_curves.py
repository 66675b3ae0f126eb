"""Kaplan-Meier, Aalen-Johansen and restricted means against R, by hand and by property.

R 4.2.2; survival 3.8-6, cmprsk 2.2-11, survRM2 1.0-4. The call stands beside each number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.survival.aalen_johansen import aalen_johansen
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.risk_table import survival_rows
from cxresearch.stats.survival.rmst import restricted_mean, restricted_mean_of

TINY = ([2, 2, 3, 5, 5, 7, 9, 9, 10, 12], [1, 0, 1, 1, 1, 0, 1, 0, 0, 0])
TINY_KINDS = ([1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 8], [1, 2, 1, 0, 1, 2, 1, 0, 2, 0, 1, 0])
LIMITS = (("survival", "surv"), ("se", "se"), ("low", "lower"), ("high", "upper"))


def assert_curve(curve: Any, values: dict[str, Any]) -> None:
    table = curve.survival_at(values["time"], extend=True)
    for ours, theirs in LIMITS:
        expected = np.array(values[theirs], dtype=float)
        np.testing.assert_allclose(table[ours], expected, rtol=0, atol=1e-9, err_msg=ours)


def test_tiny_curve_as_r_prints_it() -> None:
    # survfit(Surv(t, e) ~ 1, conf.type = "log-log"), tiny10
    at = kaplan_meier(*TINY).survival_at([1, 2, 3, 5, 9])
    assert at["survival"].tolist() == pytest.approx([1, 0.9, 0.7875, 0.5625, 0.421875], abs=1e-12)
    assert at["low"].tolist() == pytest.approx(
        [1, 0.473009271362051, 0.380881523205497, 0.209421243710472, 0.111028773022033], abs=1e-9
    )
    assert at["high"].tolist() == pytest.approx(
        [1, 0.985281393367343, 0.942590952223704, 0.809170921530992, 0.712567274273188], abs=1e-9
    )


@pytest.mark.parametrize("ci", ["log-log", "plain", "log", "logit"])
@pytest.mark.parametrize("case", ["km_lung_sex1", "km_lung_sex2", "km_veteran", "km_tiny10"])
def test_curves_limits_and_quantiles_equal_r(
    case: str, ci: str, r_reference: dict[str, Any], oracle_data: Any
) -> None:
    values = r_reference[f"02_km:{case}"]["values"]
    if case.startswith("km_lung"):
        lung = pd.read_csv(oracle_data / "lung.csv")
        rows = lung[lung["sex"] == int(case[-1])]
        duration, event = rows["time"], rows["event"]
    else:
        rows = pd.read_csv(oracle_data / f"{case[3:]}.csv")
        duration, event = rows.iloc[:, [0, 1]].T.values if case == "km_tiny10" else (rows.time, rows.status)
    curve = kaplan_meier(duration, event, ci=ci)
    assert_curve(curve, values[ci])
    assert curve.survival_at(values[ci]["time"])["at_risk"].tolist() == values[ci]["n_risk"]
    median = values[ci]["median"]
    assert curve.median.value == median["median"]
    assert curve.median.low == median["0.95LCL"]
    assert curve.median.high == (np.inf if median["0.95UCL"] is None else median["0.95UCL"])
    if ci == "log-log":
        r = values["quantiles_loglog"]
        for p, q, low, high in zip(r["p"], r["q"], r["lower"], r["upper"], strict=True):
            ours = curve.quantile(p)
            assert ours.value == pytest.approx(np.nan if q is None else q, nan_ok=True)
            assert ours.low == low
            assert ours.high == (np.inf if high is None else high)
        hazard = curve.cumulative_hazard
        index = np.searchsorted(hazard["time"], values["nelson_aalen"]["time"], side="right") - 1
        seen = index >= 0
        for column, key in (("cumulative_hazard", "cumhaz"), ("se", "se")):
            expected = np.array(values["nelson_aalen"][key], dtype=float)[seen]
            np.testing.assert_allclose(hazard[column].to_numpy()[index[seen]], expected, atol=1e-9)


def test_delayed_entry_equals_r(r_reference: dict[str, Any], oracle_data: Any) -> None:
    pbc = pd.read_csv(oracle_data / "pbc.csv")
    values = r_reference["02_km:km_lefttrunc_pbc_age"]["values"]
    curve = kaplan_meier(pbc["exit_age"], pbc["death"], entry=pbc["entry_age"])
    assert_curve(curve, values)
    # R prints the number at risk at the next exit; just before the time itself fewer have entered
    following = np.searchsorted(curve.time, values["time"])
    assert curve.at_risk[following].tolist() == values["n_risk"]
    by_hand = [((pbc["entry_age"] < t) & (pbc["exit_age"] >= t)).sum() for t in values["time"]]
    assert curve.at_risk_at(values["time"]).tolist() == by_hand


def test_clusters_equal_r(r_reference: dict[str, Any], oracle_data: Any) -> None:
    colon = pd.read_csv(oracle_data / "colon.csv")
    curve = kaplan_meier(colon["time"], colon["status"], clusters=colon["id"], ci="plain")
    assert_curve(curve, r_reference["02_km:km_cluster_colon"]["values"])
    values = r_reference["02_km:km_startstop_cgd"]["values"]
    cgd = pd.read_csv(oracle_data / "cgd.csv")
    for position, (_, rows) in enumerate(cgd.groupby("rx")):
        part = {key: value[4 * position : 4 * position + 4] for key, value in values.items()}
        curve = kaplan_meier(rows["tstop"], rows["status"], entry=rows["tstart"], clusters=rows["id"])
        assert_curve(curve, part)


def test_median_of_a_flat_stretch_is_its_midpoint() -> None:
    # survfit prints 2.5 (1, NA); lifelines says 2
    median = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]).median
    assert (median.value, median.low, median.high) == (2.5, 1.0, np.inf)


def test_curve_that_reaches_zero_has_no_standard_error_there() -> None:
    # R: se NaN, limits NA at the last event
    last = kaplan_meier([1, 2], [1, 1]).survival_at([2, 50]).iloc[-1]
    assert last["survival"] == 0
    assert np.isnan(last["se"])
    assert last["note"] == ""  # beyond the follow-up, but a curve at zero stays there


def test_beyond_follow_up_is_nan_with_a_reason() -> None:
    curve = kaplan_meier(*TINY)
    row = curve.survival_at([13]).iloc[0]
    assert np.isnan(row["survival"])
    assert "beyond the follow-up, which ends at 12" in row["note"]
    carried = curve.survival_at([13], extend=True).iloc[0]
    assert carried["survival"] == pytest.approx(0.421875)
    assert "carried" in carried["note"]
    with pytest.raises(DataError, match="beyond the follow-up"):
        restricted_mean(*TINY, horizon=13)


def test_all_censored_is_a_flat_curve_without_median() -> None:
    curve = kaplan_meier([3, 5, 9], [0, 0, 0])
    assert curve.survival.tolist() == [1, 1, 1]
    assert np.isnan(curve.median.value)
    assert "not reached" in curve.median.note


def test_one_person() -> None:
    assert kaplan_meier([4], [1]).median.value == 4
    assert np.isnan(kaplan_meier([4], [0]).median.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"duration": [1, -2], "event": [1, 0]}, "1 durations are negative .first at position 1: -2"),
        ({"duration": [1, 2], "event": [1, 0], "entry": [0, 2]}, "end at or before their start"),
        ({"duration": [1, np.nan], "event": [1, 0]}, "duration has 1 missing"),
        ({"duration": [1, 2], "event": [1, 0.5]}, "event is 0.5"),
        ({"duration": [1, 2], "event": [1, -1]}, "event is -1"),
        ({"duration": [1, 2], "event": [1]}, "lengths differ"),
        ({"duration": [1, 2], "event": [1, 0], "weights": [1, -1]}, "weights are negative"),
        ({"duration": [1, 2], "event": [1, 0], "counts": [1, 1], "clusters": [1, 2]}, "cannot be combined"),
        ({"duration": [1, 2], "event": [1, 0], "clusters": ["a", None]}, "no cluster"),
        ({"duration": [1, np.inf], "event": [1, 0]}, "infinite"),
        ({"duration": [1, 2], "event": [1, 0], "level": 95}, "level is 95"),
        ({"duration": [1, 2], "event": [1, 0], "ci": "wald"}, "ci is 'wald'"),
    ],
)
def test_bad_input_is_refused_with_a_message(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        kaplan_meier(**arguments)


def test_nothing_left_is_said() -> None:
    with pytest.raises(DataError, match="no rows"):
        kaplan_meier([], [])
    with pytest.raises(DataError, match="weight or count zero"):
        kaplan_meier([1, 2], [1, 0], counts=[0, 0])


rows_of_people = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=30
)


@settings(max_examples=40, deadline=None)
@given(rows_of_people)
def test_counts_are_the_rows_they_stand_for(people: list[tuple[int, int, int]]) -> None:
    duration, event, count = (np.array(column) for column in zip(*people, strict=True))
    together = aalen_johansen(duration, event, counts=count, kinds={1: "a", 2: "b"})
    apart = aalen_johansen(np.repeat(duration, count), np.repeat(event, count), kinds={1: "a", 2: "b"})
    np.testing.assert_allclose(together.incidence, apart.incidence, atol=1e-12)
    # Sums in another order leave 1e-17 of a variance of 0, whose root is 5e-9: variances are compared.
    np.testing.assert_allclose(together.se**2, apart.se**2, atol=1e-15)
    for name in ("low", "high"):
        np.testing.assert_allclose(getattr(together, name), getattr(apart, name), atol=1e-8)
    np.testing.assert_allclose(together.event_free.se, apart.event_free.se, atol=1e-12)
    assert together.n == apart.n


@settings(max_examples=40, deadline=None)
@given(rows_of_people, st.randoms())
def test_row_order_is_irrelevant_and_probabilities_add_up(
    people: list[tuple[int, int, int]], random: Any
) -> None:
    shuffled = random.sample(people, len(people))
    one, two = (
        aalen_johansen([p[0] for p in rows], [p[1] for p in rows], kinds={1: "a", 2: "b"})
        for rows in (people, shuffled)
    )
    np.testing.assert_allclose(one.incidence, two.incidence, atol=1e-14)
    np.testing.assert_allclose(one.incidence.sum(axis=1) + one.event_free.survival, 1, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(rows_of_people)
def test_jackknife_equals_greenwood_without_clusters(people: list[tuple[int, int, int]]) -> None:
    duration, event, _ = (np.array(column) for column in zip(*people, strict=True))
    greenwood = kaplan_meier(duration, event)
    jackknife = kaplan_meier(duration, event, clusters=np.arange(len(duration)))
    np.testing.assert_allclose(greenwood.se, jackknife.se, atol=1e-12)


def test_robust_variance_is_the_derivative_by_weights() -> None:
    """Influence by finite differences, with entry, weights, ties and clusters at once."""
    rng = np.random.default_rng(1)
    size, groups, step = 40, 12, 1e-5
    entry = rng.integers(0, 5, size).astype(float)
    duration = entry + rng.integers(1, 12, size)
    event, weight = rng.integers(0, 3, size), rng.uniform(0.5, 2, size)
    cluster = rng.integers(0, groups, size)

    def curves(weights: Any) -> list[Any]:
        options = {"entry": entry, "weights": weights, "clusters": cluster}
        both = aalen_johansen(duration, event, **options)
        mean = restricted_mean(duration, event, horizon=8.5, **options)
        return [both.incidence, both.event_free.survival, np.array(mean.value)]

    sums = [np.zeros((groups, *np.shape(part))) for part in curves(weight)]
    for i in range(size):
        nudge = np.where(np.arange(size) == i, step, 0)
        for total, up, down in zip(sums, curves(weight + nudge), curves(weight - nudge), strict=True):
            total[cluster[i]] += weight[i] * (up - down) / (2 * step)
    options = {"entry": entry, "weights": weight, "clusters": cluster}
    both = aalen_johansen(duration, event, **options)
    mean = restricted_mean(duration, event, horizon=8.5, **options)
    incidence, survival, area = (np.sqrt((total**2).sum(axis=0)) for total in sums)
    np.testing.assert_allclose(both.se, incidence, atol=1e-8)
    alive = both.event_free.survival > 0
    np.testing.assert_allclose(both.event_free.se[alive], survival[alive], atol=1e-8)
    assert mean.se == pytest.approx(float(area), abs=1e-7)


def test_equal_weights_change_nothing_but_numbers_at_risk() -> None:
    plain, doubled = kaplan_meier(*TINY), kaplan_meier(*TINY, weights=np.full(10, 2.0))
    np.testing.assert_allclose(plain.se, doubled.se, atol=1e-14)
    np.testing.assert_allclose(2 * plain.at_risk, doubled.at_risk)


def test_times_that_differ_by_rounding_are_tied() -> None:
    together = kaplan_meier([0.1 + 0.2, 0.3, 1], [1, 0, 1])
    assert together.time.size == 2
    assert together.at_risk[0] == 3


def test_tiny_incidence_as_r_prints_it() -> None:
    # survfit(Surv(t, factor(ev)) ~ 1), tiny12cr: infinitesimal-jackknife se
    both = aalen_johansen(*TINY_KINDS).incidence_at([1, 3, 5, 8])
    first = both[both["kind"] == "kind 1"]
    assert first["incidence"].tolist() == pytest.approx(
        [0.0833333333333333, 0.25, 0.345238095238095, 0.523809523809524], abs=1e-12
    )
    assert first["se"].tolist() == pytest.approx(
        [0.0797855923130282, 0.125, 0.140745207264357, 0.175153899810822], abs=1e-12
    )


@pytest.mark.parametrize("case", ["pbc", "melanoma", "tiny12"])
@pytest.mark.parametrize(("ci", "prefix"), [("log-log", "loglog"), ("plain", "plain"), ("log", "log")])
def test_incidence_equals_r(
    case: str, ci: str, prefix: str, r_reference: dict[str, Any], oracle_data: Any
) -> None:
    names = {"pbc": ("pbc", "time", "status"), "melanoma": ("melanoma", "time", "status")}
    file, time, status = names.get(case, ("tiny12cr", "t", "ev"))
    rows = pd.read_csv(oracle_data / f"{file}.csv")
    both = aalen_johansen(rows[time], rows[status], ci=ci)
    for k in (1, 2):
        values = r_reference[f"05_compete:aj_{case}_cause{k}"]["values"]["survfit"]
        table = both.incidence_at(values["time"])
        table = table[table["kind"] == f"kind {k}"]
        columns = {"incidence": "cif", "se": "se_ij", "low": f"{prefix}_lower", "high": f"{prefix}_upper"}
        for ours, theirs in columns.items():
            np.testing.assert_allclose(table[ours], values[theirs], atol=1e-9, err_msg=ours)
        free = both.event_free.survival_at(values["time"])["survival"]
        np.testing.assert_allclose(free, values["eventfree"], atol=1e-9)


def test_incidence_with_delayed_entry_equals_r(r_reference: dict[str, Any], oracle_data: Any) -> None:
    pbc = pd.read_csv(oracle_data / "pbc.csv")
    values = r_reference["05_compete:aj_lefttrunc_pbc_age"]["values"]
    both = aalen_johansen(pbc["exit_age"], pbc["status"], entry=pbc["entry_age"])
    state, se = np.array(values["pstate"]), np.array(values["se"])
    free = both.event_free.survival_at(values["time"])
    np.testing.assert_allclose(free["survival"], state[:, 0], atol=1e-9)
    np.testing.assert_allclose(free["se"], se[:, 0], atol=1e-9)
    table = both.incidence_at(values["time"])
    for k in (1, 2):
        part = table[table["kind"] == f"kind {k}"]
        np.testing.assert_allclose(part["incidence"], state[:, k], atol=1e-9)
        np.testing.assert_allclose(part["se"], se[:, k], atol=1e-9)


def test_incidence_refuses_a_kind_without_a_name() -> None:
    with pytest.raises(ArgumentError, match="event code 2 occurs but has no name"):
        aalen_johansen([1, 2], [1, 2], kinds={1: "voluntary"})


def test_restricted_mean_as_r_prints_it() -> None:
    # print(survfit(Surv(t, e) ~ 1), rmean = 11), tiny10
    mean = restricted_mean(*TINY, horizon=11)
    assert mean.value == pytest.approx(7.56875, abs=1e-12)
    assert mean.se == pytest.approx(1.1576094204491, abs=1e-12)
    assert (mean.low, mean.high) == pytest.approx((5.29987722775548, 9.83762277224452), abs=1e-9)


def test_restricted_mean_where_the_curve_ends_at_zero(r_reference: dict[str, Any], oracle_data: Any) -> None:
    veteran = pd.read_csv(oracle_data / "veteran.csv")
    values = r_reference["04_rmst:rmst_veteran_999"]["values"]
    mean = restricted_mean(veteran["time"], veteran["status"], horizon=999)
    assert (mean.value, mean.se) == pytest.approx((values["rmst"], values["se"]), abs=1e-9)


@pytest.mark.parametrize("case", ["lung_sex_365", "lung_sex_700", "rossi_fin_52"])
def test_restricted_mean_by_group_equals_r(case: str, r_reference: dict[str, Any], oracle_data: Any) -> None:
    file, _, tau = case.split("_")
    rows = pd.read_csv(oracle_data / f"{file}.csv")
    time, event, by = ("time", "event", "sex") if file == "lung" else ("week", "arrest", "fin01")
    values = r_reference[f"04_rmst:rmst_diff_{case}"]["values"]
    for position, level in enumerate(values["levels"]):
        part = rows[rows[by] == int(level)]
        mean = restricted_mean(part[time], part[event], horizon=float(tau))
        assert mean.value == pytest.approx(values["rmst"][position], abs=1e-9)
        assert mean.se == pytest.approx(values["se"][position], abs=1e-9)


def test_pseudo_values_equal_r(r_reference: dict[str, Any], oracle_data: Any) -> None:
    lung = pd.read_csv(oracle_data / "lung.csv")
    values = r_reference["04_rmst:rmst_pseudo_lung_365"]["values"]
    mean = restricted_mean_of(survival_rows(lung["time"], lung["event"]), horizon=365)
    pseudo = mean.value + len(lung) * mean.influence
    assert pseudo[:6].tolist() == pytest.approx(values["first6"], abs=1e-9)
    assert pseudo.mean() == pytest.approx(values["mean"], abs=1e-9)


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say() -> None:
    """1,000 samples of 100: survival, incidence and restricted mean at 1, a third censored by then."""
    rng = np.random.default_rng(10)
    truth = {
        "survival": np.exp(-1.0),
        "incidence": 0.7 * (1 - np.exp(-1.0)),
        "mean": 1 - np.exp(-1.0),
    }
    covered = dict.fromkeys(truth, 0)
    for _ in range(1000):
        life, until = rng.exponential(1, 100), rng.exponential(2, 100)
        kind = np.where(rng.random(100) < 0.7, 1, 2)
        duration = np.minimum(life, np.minimum(until, 3))
        event = np.where((life <= until) & (life <= 3), kind, 0)
        both = aalen_johansen(duration, event, kinds={1: "a", 2: "b"})
        rows = {
            "survival": both.event_free.survival_at([1.0]).iloc[0],
            "incidence": both.incidence_at([1.0]).iloc[0],
        }
        for name, row in rows.items():
            covered[name] += row["low"] <= truth[name] <= row["high"]
        mean = restricted_mean(duration, event, horizon=1.0)
        covered["mean"] += mean.low <= truth["mean"] <= mean.high
    print(covered)
    assert all(930 <= count <= 970 for count in covered.values()), covered
