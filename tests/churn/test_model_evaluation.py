"""Evaluation: each figure against a library or a count, on rows held out."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

import cxresearch as cx
from cxresearch.churn.evaluation.evaluate_churn import held_out_rows
from cxresearch.churn.evaluation.evaluation_tables import Judged, calibration_line, ranking
from cxresearch.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def found(model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks) -> cx.classifier.ChurnEvaluation:
    return cx.evaluate_churn(model, marks, runs=100)


def test_figures_equal_scikit_learn_where_nobody_is_censored(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks, found: cx.classifier.ChurnEvaluation
) -> None:
    """Held-out landmarks lie a horizon before the cut, so every weight is 1."""
    _, rows, _ = held_out_rows(model, marks)
    assert np.allclose(rows.weight, 1)
    assert found.estimate("auc").value == pytest.approx(roc_auc_score(rows.left, rows.risk))
    assert found.estimate("brier").value == pytest.approx(brier_score_loss(rows.left, rows.risk))
    precision = average_precision_score(rows.left, rows.risk)
    assert found.estimate("average_precision").value == pytest.approx(precision)
    assert found.estimate("brier", "prevalence").value == pytest.approx(rows.left.var())
    assert found.n == len(rows.risk)
    assert found.cases == rows.left.sum()


def test_only_held_out_customers_and_the_test_period_are_judged(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    frame, _, _ = held_out_rows(model, marks)
    assert model.split.test_from is not None
    assert model.training.last is not None
    assert frame["landmark_at"].min() >= model.split.test_from
    horizon = pd.Timedelta(days=180)
    assert model.training.last + horizon <= model.split.test_from
    assert marks.observed_until is not None
    assert frame["landmark_at"].max() + horizon <= marks.observed_until


def test_calibration_line_equals_statsmodels_and_finds_overconfidence() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(-1.5, 1, 4_000)
    left = rng.random(4_000) < 1 / (1 + np.exp(-true))
    risk = 1 / (1 + np.exp(-(2 * true + 2.5)))  # twice too bold, and too high
    rows = Judged(
        risk=risk,
        duration=np.ones(4_000),
        event=left.astype(np.int64),
        left=left,
        weight=np.ones(4_000),
        customer=np.arange(4_000),
        horizon=2.0,
    )
    line = calibration_line(rows, 0.95)
    X = sm.add_constant(2 * true + 2.5)
    theirs = sm.GLM(left.astype(float), X, family=sm.families.Binomial()).fit(cov_type="HC0")
    value, low, high = line["calibration_slope"]
    assert value == pytest.approx(theirs.params[1], rel=1e-6)
    assert (high - low) / 2 == pytest.approx(1.96 * theirs.bse[1], rel=1e-2)
    assert low < 0.5 < high
    assert line["calibration_intercept"][2] < 0


def test_captured_shares_by_hand() -> None:
    risk = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])
    left = np.array([1, 0, 1, 0, 0, 0, 0, 0, 1, 0], dtype=bool)
    values = ranking(risk, left, np.ones(10))(np.ones(10))
    assert values[0] == pytest.approx(average_precision_score(left, risk))
    captured = dict(zip((0.1, 0.2, 0.3, 1.0), values[[4, 6, 8, 15]], strict=True))
    assert captured == pytest.approx({0.1: 1 / 3, 0.2: 1 / 3, 0.3: 2 / 3, 1.0: 1.0})
    tied = ranking(np.full(10, 0.5), left, np.ones(10))(np.ones(10))
    np.testing.assert_allclose(tied[[4, 6, 8]], [0.1, 0.2, 0.3])  # equal risks are random order


def test_gains_end_at_everybody_and_lift_at_one(found: cx.classifier.ChurnEvaluation) -> None:
    last = found.gains.iloc[-1]
    assert (last["captured"], last["lift"]) == (1.0, 1.0)
    assert (found.gains["captured_low"] <= found.gains["captured"] + 1e-9).all()
    assert found.gains["captured"].is_monotonic_increasing


def test_contrasts_are_the_differences_of_the_table(found: cx.classifier.ChurnEvaluation) -> None:
    assert {c.second for c in found.contrasts} == {"tenure only", "NPS only", "CSAT only", "CES only"}
    for contrast in found.contrasts:
        other = found.estimate("auc", contrast.second)
        assert contrast.difference == pytest.approx(found.estimate("auc").value - other.value)
        assert contrast.low < contrast.difference < contrast.high


def test_segments_and_drift_cover_the_rows(found: cx.classifier.ChurnEvaluation) -> None:
    for name in ("segment", "term"):
        part = found.by_segment[found.by_segment["segment"] == name]
        assert part["n"].sum() == found.n
        assert part["cases"].sum() == found.cases
    assert found.drift["n"].sum() == found.n
    assert len(found.drift) == 2
    assert found.by_segment["flagged"].dropna().between(0, 1).all()


def test_the_model_beats_every_score_and_stays_below_the_optimum(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks, found: cx.classifier.ChurnEvaluation
) -> None:
    frame, rows, _ = held_out_rows(model, marks)
    truth = cx.synthetic.company_truth(seed=6, customers=2_500)
    days = frame["landmark_at"].unique()
    risks = pd.concat(
        [truth.risk(pd.Timestamp(d).to_pydatetime(), horizon_days=180).assign(landmark_at=d) for d in days]
    )
    joined = frame[["customer_id", "landmark_at"]].merge(risks, on=["customer_id", "landmark_at"], how="left")
    optimum = roc_auc_score(rows.left, joined["risk"])
    scores = [found.estimate("auc", f"{name} only").value for name in ("NPS", "CSAT", "CES")]
    assert max(scores) + 0.03 < found.estimate("auc").value < optimum


def test_nested_models_share_their_rows_and_differ_by_scores(marks: cx.classifier.Landmarks) -> None:
    nested = cx.classifier.added_value(marks)
    assert list(nested.table["features"]) == [
        "without scores",
        "with NPS",
        "with CSAT",
        "with CES",
        "with all scores",
    ]
    first = nested.contrasts[0]
    assert first.difference == pytest.approx(nested.table["auc"][1] - nested.table["auc"][0])
    assert "cause" not in str(nested).lower()


def test_scores_alone_have_nothing_to_add_to() -> None:
    with pytest.raises(DataError, match="scores alone"):
        cx.classifier.added_value(cx.synthetic.synthetic_landmarks(seed=1, customers=500))


def test_another_horizon_or_segment_is_refused(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    with pytest.raises(ArgumentError, match="horizon of 180"):
        cx.evaluate_churn(model, dataclasses.replace(marks, horizon_days=90.0))
    with pytest.raises(ArgumentError, match="region"):
        cx.evaluate_churn(model, marks, by=["region"])
    everything = cx.fit_churn(marks, test_share=0.0, members=0)
    with pytest.raises(DataError, match="no row of these landmarks is held out"):
        cx.evaluate_churn(everything, marks)


def test_a_small_group_shows_no_rates(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    frame = marks.frame.copy()
    few = frame["customer_id"].isin(frame["customer_id"].unique()[:40])
    frame["club"] = np.where(few, "few", "many")
    wider = dataclasses.replace(marks, frame=frame, segments=(*marks.segments, "club"))
    table = cx.evaluate_churn(model, wider, by=["club"], runs=20).by_segment.set_index("value")
    assert np.isnan(table.loc["few", "auc"])
    assert not np.isnan(table.loc["many", "auc"])


@pytest.mark.slow
def test_intervals_of_the_auc_cover_in_19_of_20_worlds() -> None:
    """One model, fresh held-out customers: the interval must cover the AUC on very many customers."""
    model = cx.fit_churn(
        cx.synthetic.synthetic_landmarks(seed=1, customers=20_000), members=0, test_share=0.9
    )
    big = cx.synthetic.synthetic_landmarks(seed=2, customers=400_000)
    truth = cx.evaluate_churn(model, big, runs=20).estimate("auc").value
    hits = 0
    for seed in range(200):
        marks = cx.synthetic.synthetic_landmarks(seed=100 + seed, customers=1_500)
        auc = cx.evaluate_churn(model, marks, runs=20).estimate("auc")
        hits += auc.low <= truth <= auc.high
    assert 0.90 <= hits / 200 <= 0.99


def test_group_gap_names_the_widest_pair_whose_intervals_are_apart(
    found: cx.classifier.ChurnEvaluation,
) -> None:
    """Three columns: one pair apart, one overlapping, one wider apart still."""
    rows = [
        ("plan", "a", 0.80, 0.75, 0.85),
        ("plan", "b", 0.60, 0.55, 0.65),
        ("size", "s", 0.75, 0.60, 0.90),
        ("size", "t", 0.55, 0.40, 0.70),
        ("term", "y", 0.85, 0.80, 0.90),
        ("term", "m", 0.56, 0.49, 0.63),
    ]

    def gap(some: list[tuple[str, str, float, float, float]]) -> str:
        table = pd.DataFrame(some, columns=["segment", "value", "auc", "auc_low", "auc_high"]).assign(n=100)
        return dataclasses.replace(found, by_segment=table).group_gap

    said = gap(rows)
    assert "AUC 0.850 [0.800, 0.900] (n 100) with term y" in said
    assert "but 0.560 [0.490, 0.630] (n 100) with term m, where it is not shown" in said
    assert gap(rows[:4]).endswith("(n 100) with plan b.")
    assert gap(rows[2:4]) == ""


def recast(
    found: cx.classifier.ChurnEvaluation, intercept: tuple[float, float, float], **fields: float
) -> cx.classifier.ChurnEvaluation:
    table = found.table.copy()
    table.loc[table["metric"] == "calibration_intercept", ["value", "low", "high"]] = intercept
    return dataclasses.replace(found, table=table, **fields)


def test_predicted_beside_observed_is_the_mean_of_the_held_out_risks(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks, found: cx.classifier.ChurnEvaluation
) -> None:
    _, rows, _ = held_out_rows(model, marks)
    assert found.predicted == pytest.approx(rows.risk.mean())
    assert f"observed {100 * rows.left.mean():.1f} %" in found.finding


def test_risks_that_do_not_come_true_are_no_good_news(found: cx.classifier.ChurnEvaluation) -> None:
    wrong = recast(found, (1.6, 1.2, 2.0), predicted=0.18, risk=0.52)
    assert wrong.verdict.startswith("Ranks better than chance, but its risks are wrong")
    assert "Predicted 18.0 % on average, observed 52.0 %" in wrong.finding
    assert "too low, use the order alone" in wrong.finding
    near = recast(found, (0.05, 0.01, 0.09), predicted=0.18, risk=0.185)
    assert near.verdict.startswith("Better than chance")


def test_few_who_left_are_said_to_be_few(found: cx.classifier.ChurnEvaluation) -> None:
    few = recast(found, (0.0, -0.5, 0.5), cases=12, predicted=0.1, risk=0.1)
    assert "(12 of" in few.finding
    assert few.calibration_verdict.endswith("too few who left to rely on the risks.")
