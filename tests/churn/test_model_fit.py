"""Fitting: the split, the weights, calibration, and what the model makes of worlds whose truth is known."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cxresearch as cx
from cxresearch.churn.classifier.training_rows import choose_split, held_out, outcome_rows, trained_on
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.errors import ArgumentError, CxWarning, DataError
from cxresearch.scales import NPS


def stacked(seed: int, customers: int, dates: int, horizon: float) -> Landmarks:
    """Rows at dates 91 days apart with random outcomes."""
    rng = np.random.default_rng(seed)
    who = np.tile(np.arange(customers), dates)
    when = np.repeat(pd.date_range("2023-01-01", periods=dates, freq="91D"), customers)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in who],
            "landmark_at": when,
            "nps": rng.integers(0, 11, len(who)),
            "duration_days": rng.exponential(400, len(who)) + 0.01,
            "event": rng.integers(0, 3, len(who)),
        }
    )
    return Landmarks.from_frame(frame, instruments={"nps": NPS}, horizon_days=horizon, stacked=True)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    dates=st.integers(1, 9),
    horizon=st.sampled_from([60.0, 91.0, 180.0, 365.0]),
    share=st.floats(0.05, 0.7),
)
def test_no_customer_on_both_sides_and_training_outcomes_are_known_by_the_test_period(
    seed: int, dates: int, horizon: float, share: float
) -> None:
    marks = stacked(seed, 40, dates, horizon)
    split = choose_split(marks, test_share=share, seed=seed)
    train = marks.frame[trained_on(split, marks.frame, horizon)]
    test = marks.frame[held_out(split, marks.frame)]
    assert not set(train["customer_id"]) & set(test["customer_id"])
    if split.test_from is None:
        assert (dates - 1) * 91 < horizon
    else:
        assert len(train) + len(test) > 0
        # Of 40 customers a small share may hold out nobody on the last day.
        known = train["landmark_at"] + pd.Timedelta(days=horizon) <= test["landmark_at"].min()
        assert test.empty or known.all()


def test_a_customer_is_on_the_same_side_in_any_data() -> None:
    marks = stacked(1, 500, 1, 60.0)
    split = choose_split(marks, test_share=0.3, seed=4)
    side = held_out(split, marks.frame)
    assert side.mean() == pytest.approx(0.3, abs=0.08)
    some = marks.frame.sample(100, random_state=0)
    assert (held_out(split, some) == side[some.index]).all()


def test_weights_sum_to_the_rows_and_give_one_minus_kaplan_meier() -> None:
    frame = stacked(2, 800, 1, 180.0).frame
    rows = outcome_rows(frame, numbers=["nps"], categories=[], kind="any", horizon=180.0)
    assert rows.weight.sum() == pytest.approx(len(frame))
    survival, at_risk = 1.0, len(frame)
    for day, group in frame.sort_values("duration_days").groupby("duration_days"):
        if day <= 180:
            survival *= 1 - (group["event"] > 0).sum() / at_risk
        at_risk -= len(group)
    assert np.average(rows.left, weights=rows.weight) == pytest.approx(1 - survival)


@pytest.fixture(scope="module")
def base() -> Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=3, customers=12_000, scenario="base")


@pytest.fixture(scope="module")
def model(base: Landmarks) -> cx.classifier.ChurnModel:
    return cx.fit_churn(base, members=0)


def test_three_scores_rank_at_least_as_well_as_the_best_alone(
    base: Landmarks, model: cx.classifier.ChurnModel
) -> None:
    found = cx.evaluate_churn(model, base, runs=50)
    best = found.best_baseline
    assert best is not None
    assert best.high > 0
    assert best.difference > -4 * best.se
    truth = max(cx.synthetic.truth(scenario="base").auc.values())
    auc = found.estimate("auc")
    assert auc.value > truth - 2 * (auc.high - auc.low) / 2


def test_risks_are_calibrated(base: Landmarks, model: cx.classifier.ChurnModel) -> None:
    found = cx.evaluate_churn(model, base, runs=50)
    slope, intercept = found.estimate("calibration_slope"), found.estimate("calibration_intercept")
    assert slope.low < 1 < slope.high
    assert intercept.low < 0 < intercept.high


def test_weighing_the_rarer_side_up_leaves_risks_calibrated(
    base: Landmarks, model: cx.classifier.ChurnModel
) -> None:
    weighed = cx.fit_churn(base, members=0, balance="weights")
    plain, other = cx.classifier.churn_risk(model, base), cx.classifier.churn_risk(weighed, base)
    assert other.mean() == pytest.approx(plain.mean(), rel=0.03)
    assert np.corrcoef(plain, other)[0, 1] > 0.99


def test_scores_worth_nothing_give_a_model_no_better_than_chance() -> None:
    marks = cx.synthetic.synthetic_landmarks(seed=5, customers=6_000, scenario="null")
    found = cx.evaluate_churn(cx.fit_churn(marks, members=0), marks, runs=50)
    assert not found.better_than_chance
    assert found.verdict.startswith("No better than chance")


def test_censoring_at_random_does_not_shift_the_risks(
    base: Landmarks, model: cx.classifier.ChurnModel
) -> None:
    rng = np.random.default_rng(0)
    cut = rng.uniform(30, 900, base.n_rows)
    frame = base.frame.copy()
    early = cut < frame["duration_days"]
    frame.loc[early, "event"] = 0
    frame["duration_days"] = np.minimum(frame["duration_days"], cut)
    marks = dataclasses.replace(base, frame=frame)
    censored = cx.fit_churn(marks, members=0)
    assert censored.training.censored > 500
    assert cx.classifier.churn_risk(censored, base).mean() == pytest.approx(
        cx.classifier.churn_risk(model, base).mean(), rel=0.08
    )
    naive = (frame["event"] == 1) & (frame["duration_days"] <= marks.horizon_days)
    assert naive.mean() < 0.9 * censored.training.risk  # what ignoring censoring would have said


def test_same_seed_same_model_and_row_order_is_irrelevant(base: Landmarks) -> None:
    small = dataclasses.replace(base, frame=base.frame.head(3_000))
    shuffled = dataclasses.replace(small, frame=small.frame.sample(frac=1, random_state=1))
    first, second = cx.fit_churn(small, members=0), cx.fit_churn(small, members=0)
    np.testing.assert_array_equal(
        cx.classifier.churn_risk(first, small), cx.classifier.churn_risk(second, small)
    )
    assert cx.fit_churn(shuffled, members=0).training == first.training


def test_a_feature_that_repeats_the_outcome_raises_the_alarm(base: Landmarks) -> None:
    frame = base.frame.head(4_000).copy()
    left = (frame["event"] == 1) & (frame["duration_days"] <= base.horizon_days)
    rng = np.random.default_rng(1)
    frame["usage_after"] = np.where(left, 0.0, rng.poisson(20, len(frame)))
    frame["renewed"] = (~left ^ (rng.random(len(frame)) < 0.15)).astype(float)
    frame["noise"] = rng.normal(size=len(frame))
    marks = dataclasses.replace(base, frame=frame, features=("usage_after", "renewed", "noise"))
    with pytest.warns(CxWarning, match="usage_after"):
        found = cx.fit_churn(marks, members=0).alarms.set_index("feature")
    assert set(found.index) == {"usage_after", "renewed"}
    assert found.loc["usage_after", "rule"] == "knows who left"
    assert found.loc["renewed", "rule"] == "next to the outcome"
    clean = cx.fit_churn(marks, members=0, leave_out=["usage_after", "renewed"])
    assert not len(clean.alarms)
    assert "usage_after" not in clean.columns


def test_usage_counted_past_the_landmark_is_caught_and_past_usage_is_not() -> None:
    """Usage in the six weeks before the horizon ends has stopped for those who left."""
    study = cx.synthetic.company_study(seed=8, customers=2_500)
    marks = cx.landmark(study, every=["2024-01-01"], horizon_days=180, keep_silent=True)
    usage = study.table("usage").collect("pandas").to_native()
    ahead = usage[usage["used_at"].between(pd.Timestamp("2024-05-15"), pd.Timestamp("2024-06-29"))]
    counts = ahead.groupby("customer_id")["quantity"].sum()
    frame = marks.frame.assign(usage_45d=marks.frame["customer_id"].map(counts).fillna(0.0).to_numpy(float))
    leaky = dataclasses.replace(marks, frame=frame, features=(*marks.features, "usage_45d"))
    with pytest.warns(CxWarning, match="usage_45d"):
        alarms = cx.fit_churn(leaky, members=0).alarms
    assert list(alarms["feature"]) == ["usage_45d"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "forest"}, ArgumentError),
        ({"kind": "death"}, ArgumentError),
        ({"balance": "smote"}, ArgumentError),
        ({"test_share": 1.0}, ArgumentError),
        ({"leave_out": ["nothing"]}, ArgumentError),
    ],
)
def test_bad_arguments_are_refused(
    base: Landmarks, change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        cx.fit_churn(base, **change)  # type: ignore[arg-type]


def test_everybody_stayed_or_nothing_varies_is_refused(base: Landmarks) -> None:
    stayed = base.frame.head(500).assign(event=np.int8(0), duration_days=700.0)
    with pytest.raises(DataError, match="0 rows left"):
        cx.fit_churn(dataclasses.replace(base, frame=stayed))
    flat = base.frame.head(500).assign(nps=8.0, ces=5.0, csat=4.0)
    ages = {name: 1.0 for name in flat.columns if name.endswith("_age_days")}
    with pytest.raises(DataError, match="no column varies"):
        cx.fit_churn(dataclasses.replace(base, frame=flat.assign(**ages), features=()))
