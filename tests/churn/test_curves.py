"""Churn curves from every source, their differences, incidences, lifetimes: numbers, truth and refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

DAY = pd.Timedelta(days=1)


def small_study(**columns: Any) -> cx.Study:
    """Six customers whose curve can be worked out by hand; the cut is 100 days after the first start."""
    start = pd.Timestamp("2024-01-01")
    frame = pd.DataFrame(
        {
            "customer_id": list("abcdef"),
            "started_at": [
                start,
                start,
                start + 20 * DAY,
                start + 40 * DAY,
                start + 40 * DAY,
                start + 90 * DAY,
            ],
            "ended_at": [start + 30 * DAY, None, start + 50 * DAY, start + 60 * DAY, None, None],
            "end_kind": ["voluntary", None, "involuntary", "voluntary", None, None],
            "plan": ["x", "x", "x", "y", "y", None],
        }
    )
    return cx.Study.from_frames(
        {"customers": frame.assign(**columns)}, observed_until=datetime(2024, 4, 10), instruments={}
    )


def telco(shared: Any) -> pd.DataFrame:
    rows = pd.read_csv(shared / "data" / "ibm_telco_churn.csv.gz")
    return pd.DataFrame(
        {"duration": rows["tenure"], "event": (rows["Churn"] == "Yes") * 1, "contract": rows["Contract"]}
    )


def test_study_by_hand() -> None:
    # durations 30+ 100c 30+ 20+ 60c 10c: at 20 one of five leaves, at 30 two of four
    curve = cx.churn_curve(small_study())
    assert curve["all"].time.tolist() == [10, 20, 30, 60, 100]
    assert curve["all"].survival.tolist() == pytest.approx([1, 0.8, 0.4, 0.4, 0.4])
    voluntary = cx.churn_curve(small_study(), kind="voluntary")
    assert voluntary["all"].survival.tolist() == pytest.approx([1, 0.8, 0.6, 0.6, 0.6])
    assert "count as censored" in voluntary.notes[0]
    both = cx.curves.cumulative_incidence(small_study()).incidence_at([30]).set_index("kind")["incidence"]
    assert both.to_dict() == pytest.approx({"voluntary": 0.4, "involuntary": 0.2})


def test_groups_missing_values_and_months() -> None:
    curve = cx.churn_curve(small_study(), by="plan", unit="months")
    assert curve.groups == ("unknown", "x", "y")
    assert curve["x"].follow_up == pytest.approx(100 / 30.4375)
    assert "only 3 people" in curve.table.set_index("group").loc["x", "note"]
    both = cx.churn_curve(small_study(), by=["plan", "started_year"])
    assert both.groups == ("unknown, 2024-01-01", "x, 2024-01-01", "y, 2024-01-01")


def test_calendar_time_is_delayed_entry() -> None:
    curve = cx.churn_curve(small_study(), axis="calendar")["all"]
    # day 30: a leaves among a, b, c; day 50: c among b, c, d, e; day 60: d among b, d, e
    assert curve.time.tolist() == [30, 50, 60, 100]
    assert curve.at_risk.tolist() == [3, 4, 3, 3]
    assert curve.survival.tolist() == pytest.approx([2 / 3, 2 / 3 * 3 / 4, 1 / 2 * 2 / 3, 1 / 3])


def test_observed_from_removes_those_who_left_before_and_the_time_before() -> None:
    curve = cx.churn_curve(small_study(), observed_from="2024-02-05")  # day 35
    assert "1 customers left before" in curve.notes[0]
    # b enters at 35, c at 15, d and e at 0, f at 0; at 20 d leaves among c, d, e; at 30 c among c, e
    assert curve["all"].survival_at([20, 30])["survival"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_given_is_the_ratio_of_survivals() -> None:
    study = small_study()
    whole, later = cx.churn_curve(study), cx.churn_curve(study, given=25)
    assert later["all"].survival_at([10])["survival"].item() == pytest.approx(0.4 / 0.8)
    row = whole.conditional([25], 10).iloc[0]
    direct = later["all"].survival_at([10]).iloc[0]
    for name in ("survival", "se", "low", "high"):
        assert row[name] == pytest.approx(direct[name], abs=1e-12)
    assert "beyond the follow-up" in whole.conditional([95], 10)["note"].item()


@pytest.mark.shared
def test_telco_figures(shared: Any) -> None:
    rows = telco(shared)
    curve = cx.churn_curve(rows, unit="months")
    assert curve.survival_at([12, 24, 72])["survival"].round(4).tolist() == [0.8432, 0.7887, 0.5928]
    by = cx.churn_curve(rows, by="contract", unit="months")
    assert by["Month-to-month"].median.value == 35
    assert np.isnan(by["Two year"].median.value)


def test_curves_equal_lifelines_on_raw_rows() -> None:
    from lifelines import KaplanMeierFitter

    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "duration": rng.integers(0, 60, 5000),
            "event": rng.integers(0, 2, 5000),
            "plan": rng.integers(0, 4, 5000).astype(str),
        }
    )
    curve = cx.churn_curve(frame, by="plan")
    for plan, rows in frame.groupby("plan"):
        fitter = KaplanMeierFitter().fit(rows["duration"], rows["event"])
        theirs = fitter.survival_function_at_times(np.arange(60)).to_numpy()
        ours = curve[str(plan)].survival_at(np.arange(60), extend=True)["survival"]
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("native", ["polars", "arrow", "duckdb"])
def test_engines_agree(native: str) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"duration": rng.exponential(50, 400), "event": rng.integers(0, 3, 400), "plan": list("ab") * 200}
    )
    if native == "polars":
        other: Any = pl.from_pandas(frame)
    elif native == "arrow":
        import pyarrow as pa

        other = pa.Table.from_pandas(frame)
    else:
        import duckdb

        other = duckdb.connect().from_df(frame)
    for make in (cx.churn_curve, cx.curves.cumulative_incidence):
        pd.testing.assert_frame_equal(make(frame, by="plan").steps, make(other, by="plan").steps)


def test_repeated_customers_are_clusters() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"duration": rng.exponential(9, 60), "event": rng.integers(0, 2, 60)})
    twice = pd.concat([frame, frame]).assign(customer_id=list(range(60)) * 2)
    once, doubled = cx.churn_curve(frame)["all"], cx.churn_curve(twice)["all"]
    np.testing.assert_allclose(once.survival, doubled.survival, atol=1e-12)
    np.testing.assert_allclose(once.se, doubled.se, atol=1e-12)  # no more certain for being copied


def test_landmark_curves_hold_the_truth() -> None:
    truth = cx.synthetic.truth()
    marks = cx.landmark(cx.synthetic.synthetic_study(customers=8000, seed=5), horizon_days=360)
    first = marks.frame["landmark_at"] == marks.frame["landmark_at"].min()
    rows = marks.frame[first].rename(columns={"duration_days": "duration"})
    months = np.array([6.0, 12.0])
    at = cx.churn_curve(rows).survival_at(months * 365.25 / 12)
    expected = np.array([0.93753, 0.88000])  # METHODS: S(6), S(12) of the base scenario
    assert truth is not None
    assert (np.abs(at["survival"] - expected) < 4 * at["se"]).all()


def test_score_bands_of_landmarks() -> None:
    marks = cx.landmark(cx.synthetic.synthetic_study(customers=1500, seed=6), horizon_days=180)
    assert cx.churn_curve(marks, by="nps").groups == ("detractors", "passives", "promoters")
    assert cx.churn_curve(marks, by="ces").groups == ("other CES", "top CES (5-7)")
    assert cx.churn_curve(marks, by="ces").curves[0].variance == "infinitesimal jackknife"


# Differences ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [365, 700])
def test_restricted_mean_differences_equal_r(tau: int, r_reference: dict[str, Any], oracle_data: Any) -> None:
    # survRM2::rmst2 (tau 700) and two survmean fits; R's difference is second minus first
    lung = pd.read_csv(oracle_data / "lung.csv").rename(columns={"time": "duration"})
    values = r_reference[f"04_rmst:rmst_diff_lung_sex_{tau}"]["values"]
    row = cx.compare_curves(lung, by="sex", horizon=tau).table.iloc[0]
    assert -row["rmst_difference"] == pytest.approx(values["diff"], abs=1e-9)
    assert row["rmst_se"] == pytest.approx(values["diff_se"], abs=1e-9)
    assert [-row["rmst_high"], -row["rmst_low"]] == pytest.approx(values["diff_ci"], abs=1e-9)
    assert row["rmst_p"] == pytest.approx(values["diff_p"], abs=1e-12)
    assert 1 / row["rmst_ratio"] == pytest.approx(values["ratio"], abs=1e-9)
    assert [1 / row["ratio_high"], 1 / row["ratio_low"]] == pytest.approx(values["ratio_ci"], abs=1e-9)
    assert row["ratio_p"] == pytest.approx(values["ratio_p"], abs=1e-12)
    if tau == 700:
        (difference, *_), (ratio, *_), _ = r_reference["04_rmst:rmst_survRM2_lung_700"]["values"][
            "unadjusted"
        ]
        assert [-row["rmst_difference"], 1 / row["rmst_ratio"]] == pytest.approx(
            [difference, ratio], abs=1e-9
        )


def three_groups(seed: int = 1, size: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, size)
    return pd.DataFrame(
        {
            "duration": rng.exponential(np.array([10, 12, 20])[group]).clip(0.1, 30),
            "event": rng.integers(0, 2, size),
            "g": np.array(list("abc"))[group],
        }
    )


def test_pairs_may_be_corrected_by_benjamini_and_hochberg() -> None:
    from scipy.stats import false_discovery_control

    frame = three_groups()
    result = cx.compare_curves(frame, by="g", adjust="fdr_bh")
    plain = cx.compare_curves(frame, by="g", adjust="none")
    assert (result.adjustment, plain.adjustment) == ("Benjamini-Hochberg over 3 pairs", "none")
    for name in ("rmst_p", "survival_p", "logrank_p"):
        np.testing.assert_allclose(
            result.table[f"{name}_adjusted"], false_discovery_control(result.table[name])
        )
        np.testing.assert_array_equal(plain.table[f"{name}_adjusted"], plain.table[name])
    with pytest.raises(ArgumentError, match="adjust"):
        cx.compare_curves(frame, by="g", adjust="bonferoni")  # type: ignore[arg-type]


def test_comparison_holm_and_the_default_horizon() -> None:
    from statsmodels.stats.multitest import multipletests

    frame = three_groups()
    result = cx.compare_curves(frame, by="g")
    assert result.horizon == frame.groupby("g")["duration"].max().min()
    assert len(result.table) == 3
    assert result.adjustment == "Holm over 3 pairs"
    for name in ("rmst_p", "survival_p", "logrank_p"):
        expected = multipletests(result.table[name], method="holm")[1]
        np.testing.assert_allclose(result.table[f"{name}_adjusted"], expected)
    assert result.contrasts[0].p_adjusted == result.table["rmst_p_adjusted"].iloc[0]
    from_curve = cx.compare_curves(cx.churn_curve(frame, by="g"))
    pd.testing.assert_frame_equal(result.table, from_curve.table)


def test_swapping_groups_negates_the_difference() -> None:
    frame = three_groups(2).query("g != 'c'")
    swapped = frame.assign(g=frame["g"].map({"a": "b", "b": "a"}))
    one, two = (cx.compare_curves(f, by="g", horizon=9).table.iloc[0] for f in (frame, swapped))
    for name in ("rmst_difference", "survival_difference"):
        assert one[name] == pytest.approx(-two[name], abs=1e-12)
    assert one["logrank_p"] == pytest.approx(two["logrank_p"], abs=1e-12)
    assert one["rmst_ratio"] == pytest.approx(1 / two["rmst_ratio"], abs=1e-12)


def test_customers_in_both_groups_are_not_counted_twice() -> None:
    """With each customer once in either group and the same outcome, nothing can differ."""
    frame = three_groups(3).drop(columns="g").assign(cluster=range(240))
    both = pd.concat([frame.assign(g="a"), frame.assign(g="b")])
    row = cx.compare_curves(both, by="g", horizon=10).table.iloc[0]
    assert row["rmst_difference"] == pytest.approx(0, abs=1e-12)
    assert row["rmst_se"] == pytest.approx(0, abs=1e-7)
    assert row["survival_se"] == pytest.approx(0, abs=1e-7)
    assert "no log-rank test" in row["note"]


def test_robust_logrank_is_close_to_logrank_without_clusters_and_ignores_copies() -> None:
    frame = three_groups(4, 3000)
    plain = cx.compare_curves(frame, by="g", horizon=9).overall
    own = frame.assign(cluster=range(len(frame)))
    robust = cx.compare_curves(own, by="g", horizon=9).overall
    np.testing.assert_allclose(robust.observed, plain.observed)
    np.testing.assert_allclose(robust.expected, plain.expected, rtol=1e-9)
    assert robust.statistic == pytest.approx(plain.statistic, rel=0.1)
    copied = cx.compare_curves(pd.concat([own, own]), by="g", horizon=9).overall
    assert copied.statistic == pytest.approx(robust.statistic, rel=1e-9)
    assert robust.test.endswith("robust")


def test_beyond_a_follow_up_nothing_is_compared() -> None:
    frame = pd.DataFrame({"duration": [5, 6, 7, 8, 9, 10], "event": [1, 1, 0, 1, 1, 0], "g": list("aaabbb")})
    with pytest.raises(DataError, match="beyond the follow-up"):
        cx.compare_curves(frame, by="g", horizon=9)
    row = cx.compare_curves(frame, by="g", horizon=6, at=8).table.iloc[0]
    assert np.isnan(row["survival_difference"])
    assert "beyond the follow-up" in row["note"]


# Lifetimes ------------------------------------------------------------------------------------------------


def test_exponential_lifetimes_are_memoryless_and_extrapolation_is_declared() -> None:
    rng = np.random.default_rng(8)
    life = rng.exponential(10, 4000)
    frame = pd.DataFrame({"duration": np.minimum(life, 20), "event": life < 20})
    result = cx.curves.expected_lifetime(
        frame, unit="months", stayed=[0, 6], horizon=60, families=["weibull"]
    )
    exact = 10 * (1 - np.exp(-6))
    for row in result.table.to_dict("records"):
        assert row["total"] == pytest.approx(exact, rel=0.05)
        assert row["observed"] + row["extrapolated"] == pytest.approx(row["total"])
        assert row["total_low"] <= row["total"] <= row["total_high"]
    shares = result.table["share_extrapolated"].tolist()
    beyond = 10 * (np.exp(-2) - np.exp(-6)) / exact
    assert shares[0] == pytest.approx(beyond, abs=0.02)
    assert shares[1] > shares[0]
    assert "% extrapolated (weibull)" in str(result)


def test_without_a_horizon_nothing_is_extrapolated() -> None:
    frame = pd.DataFrame({"duration": [2, 4, 6, 8, 8], "event": [1, 1, 0, 1, 0]})
    result = cx.curves.expected_lifetime(frame, unit="months")
    row = result.table.iloc[0]
    # S = .8 from 2, .6 from 4, and nobody leaves again before 8
    assert row["total"] == pytest.approx(2 * 1 + 2 * 0.8 + 4 * 0.6)
    assert row["share_extrapolated"] == 0
    assert result.families.empty


def test_weibull_fit_is_the_maximum_of_its_likelihood() -> None:
    from scipy.optimize import minimize

    from cxresearch.stats.survival.parametric import fit_families
    from cxresearch.stats.survival.risk_table import survival_rows

    rng = np.random.default_rng(9)
    life, until = 12 * rng.weibull(1.4, 500), rng.uniform(5, 30, 500)
    duration, event = np.minimum(life, until), life < until

    def loss(parameters: Any) -> float:
        scale, shape = np.exp(parameters)
        z = duration / scale
        return -float((event * (np.log(shape / scale) + (shape - 1) * np.log(z)) - z**shape).sum())

    best = minimize(loss, [2.0, 0.0])
    fit = fit_families(survival_rows(duration, event), ("weibull",))[0]
    assert fit.aic == pytest.approx(2 * best.fun + 4, abs=1e-3)
    assert fit.bic == pytest.approx(2 * best.fun + 2 * np.log(500), abs=1e-3)
    scale, shape = np.exp(best.x)
    assert fit.parameters["rho_"] == pytest.approx(shape, rel=1e-3)
    at = np.array([3.0, 40.0])
    np.testing.assert_allclose(fit.survival(at), np.exp(-((at / scale) ** shape)), rtol=2e-3)
    assert fit.area(1.0, 50.0) == pytest.approx(
        np.trapezoid(fit.survival(np.linspace(1, 50, 4001)), np.linspace(1, 50, 4001)), rel=1e-5
    )


# Bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: cx.churn_curve(([1, -3], [1, 0])), ArgumentError, "1 durations are negative"),
        (lambda: cx.churn_curve(([1], [1], [1])), ArgumentError, "source has 3 arrays"),
        (lambda: cx.churn_curve(pd.DataFrame({"event": [1]})), ArgumentError, "no column 'duration'"),
        (lambda: cx.churn_curve(small_study(), by="colour"), ArgumentError, "no column 'colour'"),
        (lambda: cx.churn_curve(small_study(), kind="sudden"), ArgumentError, "kind is 'sudden'"),
        (lambda: cx.churn_curve(small_study(), unit="weeks"), ArgumentError, "unit is 'weeks'"),
        (lambda: cx.churn_curve(small_study(), given=500), DataError, "nobody was followed beyond 500"),
        (lambda: cx.churn_curve(([1, 2], [1, 0]), axis="calendar"), ArgumentError, "need a study"),
        (lambda: cx.churn_curve(small_study(), observed_from="May"), ArgumentError, "observed_from is 'May'"),
        (lambda: cx.churn_curve(small_study())["x"], ArgumentError, "no group 'x'"),
        (lambda: cx.compare_curves(small_study()), ArgumentError, "one group only"),
        (lambda: cx.compare_curves(cx.churn_curve(small_study()), by="plan"), ArgumentError, "by cannot"),
        (
            lambda: cx.curves.expected_lifetime(small_study(), stayed=500),
            ArgumentError,
            "nobody was followed",
        ),
        (
            lambda: cx.curves.expected_lifetime(([0, 1, 2, 3], [1, 1, 1, 0]), horizon=9),
            DataError,
            "events at time 0",
        ),
        (
            lambda: cx.curves.expected_lifetime(([1, 2, 3], [1, 1, 0]), horizon=9, families=["gamma"]),
            ArgumentError,
            "family is 'gamma'",
        ),
    ],
)
def test_refusals(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_comparing_groups_in_which_nobody_churned_says_so() -> None:
    result = cx.compare_curves(([5, 6, 7], [0, 0, 0]), by=["a", "b", "b"])
    assert "nobody has the event" in str(result.overall)
    assert np.isnan(result.table["logrank_p"].item())
    assert result.table["rmst_difference"].item() == 0


def test_nobody_churned_is_said() -> None:
    curve = cx.churn_curve(([5, 6], [0, 0]))
    assert "nobody churned" in curve.notes[0]
    assert "not reached" in str(curve)


def test_results_travel_as_plain_values() -> None:
    import json

    study = small_study()
    for result in (
        cx.churn_curve(study, by="plan"),
        cx.curves.cumulative_incidence(study, by="plan"),
        cx.compare_curves(study, by="plan", horizon=9),
        cx.curves.expected_lifetime(study),
    ):
        assert json.dumps(result.to_dict())
        assert "<div" in result._repr_html_()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2)), min_size=3, max_size=25))
def test_incidence_never_exceeds_one_minus_survival(people: list[tuple[int, int]]) -> None:
    both = cx.curves.cumulative_incidence(([p[0] for p in people], [p[1] for p in people]))
    curve = both["all"]
    assert (curve.incidence.sum(axis=1) <= 1 + 1e-12).all()
    assert (np.diff(curve.incidence, axis=0) >= -1e-15).all()


def test_frame_with_other_names_is_told_its_columns() -> None:
    frame = pd.DataFrame({"months": [1, 2], "left": [0, 1]})
    with pytest.raises(
        cx.errors.ArgumentError, match=r"'duration'.*one of 'months', 'left'.*frame\[\"months\"\]"
    ):
        cx.churn_curve(frame)
