"""Effect curves and odds ratios, against closed forms, scikit-learn and statsmodels."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.inspection import partial_dependence

import cxresearch as cx
from cxresearch.churn.classifier.training_rows import table_of
from cxresearch.churn.evaluation.effect_curve import _ale, _pdp
from cxresearch.errors import ArgumentError


def test_ale_of_a_sum_is_each_term_however_the_features_correlate() -> None:
    """Partial dependence asks about rows that do not exist; ALE recovers a linear term exactly."""
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 10, 2_000)
    rows = pd.DataFrame({"x": x, "z": x + rng.normal(0, 0.1, 2_000)})
    grid = np.quantile(x, np.linspace(0, 1, 11))
    heights = _ale(lambda r: (3 * r["x"] + np.exp(r["z"] / 5)).to_numpy()[None, :], rows, "x", grid)[0]
    np.testing.assert_allclose(np.diff(heights), 3 * np.diff(grid), rtol=1e-9)
    cell = np.clip(np.searchsorted(grid, x), 1, 10)
    assert np.mean((heights[cell] + heights[cell - 1]) / 2) == pytest.approx(0, abs=1e-9)


def test_partial_dependence_equals_scikit_learn(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    rows = table_of(marks.frame.head(300), model.numbers, model.categories)
    rows = rows[rows["tenure_days"].notna()]
    grid = np.array([100.0, 300.0, 500.0])
    ours = _pdp(lambda r: model.classifier.predict_proba(r)[None, :, 1], rows, "tenure_days", grid)[0]
    theirs = partial_dependence(
        model.classifier, rows, ["tenure_days"], custom_values={"tenure_days": grid}, kind="average"
    )
    np.testing.assert_allclose(ours, theirs["average"][0])


def test_the_curve_of_loyalty_falls_and_its_interval_holds_it(marks: cx.classifier.Landmarks) -> None:
    tier_a = cx.synthetic.synthetic_landmarks(seed=2, customers=8_000)
    curve = cx.classifier.effect_curve(cx.fit_churn(tier_a, members=10), tier_a, "nps")
    assert curve.table["effect"].is_monotonic_decreasing
    assert (curve.table["low"] <= curve.table["effect"]).all()
    assert curve.table["value"].tolist() == list(range(11))
    assert "would happen if" in str(curve)


def test_missing_rows_are_reported_apart(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    curve = cx.classifier.effect_curve(model, marks, "ces", method="pdp", points=4, most_rows=1_000)
    assert curve.n + curve.n_missing == 1_000
    assert 0 < curve.missing_risk < 1
    with pytest.raises(ArgumentError, match="a number the model reads"):
        cx.classifier.effect_curve(model, marks, "segment")


def test_odds_ratios_equal_statsmodels_and_the_interaction_bends_the_slope(
    marks: cx.classifier.Landmarks,
) -> None:
    early = dataclasses.replace(
        marks, frame=marks.frame[marks.frame["landmark_at"] <= "2024-04-01"], observed_until=None
    )
    found = cx.classifier.churn_odds(
        early,
        terms=["ces", "csat", "tenure_days"],
        interaction=("ces", "tenure_days"),
        kind="voluntary",
    )
    rows = early.frame.dropna(subset=["ces", "csat", "tenure_days"])
    left = ((rows["event"] == 1) & (rows["duration_days"] <= 180)).astype(float)
    assert found.n == len(rows)
    assert found.n_missing == early.n_rows - len(rows)
    X = rows[["ces", "csat", "tenure_days"]] - rows[["ces", "csat", "tenure_days"]].mean()
    X["tenure_days"] /= 365.25
    X["both"] = X["ces"] * X["tenure_days"]
    theirs = sm.GLM(left, sm.add_constant(X), family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["customer_id"])[0]}
    )
    np.testing.assert_allclose(found.table["odds_ratio"], np.exp(theirs.params.iloc[1:]), rtol=1e-6)
    np.testing.assert_allclose(found.table["low"], np.exp(theirs.conf_int().iloc[1:, 0]), rtol=1e-5)
    middle = X["tenure_days"].quantile(0.5)
    slope = theirs.params["ces"] + middle * theirs.params["both"]
    assert found.slopes["odds_ratio"][1] == pytest.approx(np.exp(slope), rel=1e-6)


def test_true_odds_direction_and_no_word_of_cause(marks: cx.classifier.Landmarks) -> None:
    odds = cx.classifier.churn_odds(cx.synthetic.synthetic_landmarks(seed=4, customers=20_000))
    assert (odds.table["high"] < 1).all()  # each score goes with leaving less, the others equal
    assert "do not say why" in str(odds)
    with pytest.raises(ArgumentError, match="terms"):
        cx.classifier.churn_odds(marks, terms=["nothing"])
    with pytest.raises(ArgumentError, match="interaction"):
        cx.classifier.churn_odds(marks, terms=["ces"], interaction=("ces", "nps"))
