"""Measures besides the AUC: influence functions by numerical derivative, values by definition."""

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.headtohead.contest.contest_curves import calibration_table, decision_curve
from cxresearch.headtohead.contest.contest_metrics import METRICS, lift_at, measured, net_benefit_at
from cxresearch.headtohead.contest.contest_rows import complete_rows
from cxresearch.headtohead.contest.forms import in_form, unhappy_answers
from cxresearch.headtohead.contest.weighed_rows import HorizonRows, weigh
from cxresearch.stats.prediction.cross_fitted_risk import folds_of


@pytest.fixture(scope="module")
def marks() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=8, customers=3_000, censoring=0.4)


def rows_with(
    marks: cx.classifier.Landmarks, weights: np.ndarray | None = None, horizon: float | None = None
) -> HorizonRows:
    horizon = marks.horizon_days if horizon is None else horizon
    rows = complete_rows(marks, ("ces", "nps"), (marks.horizon_days,), weights=weights)
    return weigh(rows, [horizon], form="raw", censoring="marginal")[0]


def small() -> cx.classifier.Landmarks:
    rng = np.random.default_rng(4)
    n = 60
    rows = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "ces": rng.integers(1, 8, n).astype(float),
            "nps": rng.integers(0, 11, n).astype(float),
            "duration_days": rng.integers(1, 40, n).astype(float),
            "event": rng.choice([0, 1, 2], n, p=[0.5, 0.35, 0.15]),
        }
    )
    return cx.classifier.Landmarks.from_frame(
        rows, instruments={"ces": cx.CES2, "nps": cx.NPS}, horizon_days=20
    )


def test_lift_influence_is_the_derivative() -> None:
    marks = small()
    base = np.random.default_rng(5).uniform(0.5, 2, marks.n_rows)
    base *= marks.n_rows / base.sum()

    def lift(weights: np.ndarray) -> tuple[float, np.ndarray]:
        at = rows_with(marks, weights)
        value, effect = lift_at(at, at.rows.codes[0])
        return value, at.rows.fit.unsorted(effect)

    _, influence = lift(base)
    for row in range(marks.n_rows):
        step = np.zeros(marks.n_rows)
        step[row] = 1e-5
        numeric = marks.n_rows * (lift(base * (1 + step))[0] - lift(base * (1 - step))[0]) / 2e-5
        assert numeric == pytest.approx(influence[row], abs=1e-4)


def test_lift_of_everything_is_one(marks: cx.classifier.Landmarks) -> None:
    at = rows_with(marks)
    assert lift_at(at, at.rows.codes[0], depth=1.0)[0] == pytest.approx(1, abs=1e-12)


def test_net_benefit_of_acting_on_everybody(marks: cx.classifier.Landmarks) -> None:
    at = rows_with(marks)
    n = at.rows.fit.n
    risk, threshold = at.everyone.case.sum() / n, 0.05
    found = net_benefit_at(at, np.ones(n), threshold)[0]
    assert found == pytest.approx(risk - (1 - risk) * threshold / (1 - threshold), abs=1e-12)
    curve = decision_curve(at)
    some = curve[(curve["label"] == "NPS")].iloc[7]
    assert net_benefit_at(at, at.risks[1], some["threshold"])[0] == pytest.approx(some["net_benefit"])


def test_nobody_is_scored_by_a_model_that_saw_them() -> None:
    """Turning one customer's outcome round changes nobody's risk in that customer's own fold."""
    marks = small()
    changed = marks.frame.copy()
    row = int(np.flatnonzero((changed["event"] == 1) & (changed["duration_days"] <= 20))[0])
    changed.loc[row, ["duration_days", "event"]] = [changed["duration_days"].max(), 0]
    fold = folds_of(marks.frame["customer_id"])
    risks = []
    for frame in (marks.frame, changed):
        known = frame.assign(duration_days=frame["duration_days"] + 100 * (frame["event"] == 0))
        at = rows_with(
            cx.classifier.Landmarks.from_frame(known, instruments=dict(marks.instruments), horizon_days=20)
        )
        risks.append(at.rows.fit.unsorted(at.risks[0]))
    same = fold == fold[row]
    np.testing.assert_allclose(risks[0][same], risks[1][same], atol=1e-12)
    assert (risks[0][~same] != risks[1][~same]).all()


def test_accuracy_of_the_average_is_zero(marks: cx.classifier.Landmarks) -> None:
    at = rows_with(marks)
    found = {name: measured([at], name) for name in METRICS}
    null = ((1 - at.average_risk) ** 2 @ at.everyone.case) / at.rows.fit.n
    null += (at.average_risk**2 @ at.everyone.control) / at.rows.fit.n
    np.testing.assert_allclose(found["ipa"].value, 1 - found["brier"].value / null, atol=1e-12)
    for metric in found.values():
        assert metric.value.shape == (2, 1)
        assert np.abs(metric.influence.mean(axis=-1)).max() < 1e-8


def test_brier_averaged_over_time(marks: cx.classifier.Landmarks) -> None:
    """The trapezoid over the single scores, and one risk for everybody gives the integral of F (1 - F)."""
    at = rows_with(marks)
    horizon = marks.horizon_days
    found = measured([at], "ibs")
    times = np.linspace(0, horizon, 13)[1:]
    single = [rows_with(marks, horizon=time) for time in times]
    for i in (0, 1):
        curve = [measured([then], "brier").value[i, 0] for then in single]
        assert found.value[i, 0] == pytest.approx(np.trapezoid([0, *curve], [0, *times]) / horizon)
        assert abs(found.influence[i, 0].mean()) < 1e-8
    gone = np.array([0, *(then.everyone.case.sum() / then.rows.fit.n for then in single)])
    useless = np.trapezoid(gone * (1 - gone), [0, *times]) / horizon
    assert 0.9 * useless < found.value[0, 0] < 1.01 * useless
    table = cx.compare(marks, ["ces", "nps"], metrics=["ibs"]).metrics
    assert table["value"].tolist() == pytest.approx(found.value[:, 0].tolist())


def test_calibration_table_adds_up(marks: cx.classifier.Landmarks) -> None:
    at = rows_with(marks)
    table = calibration_table(at, level=0.95)
    overall = at.everyone.case.sum() / at.rows.fit.n
    for _, part in table.groupby("score"):
        assert part["share"].sum() == pytest.approx(1)
        assert part["share"] @ part["observed"] == pytest.approx(overall, abs=1e-12)
        assert part["share"] @ part["predicted"] == pytest.approx(overall, abs=0.002)


def test_forms_reach_the_exact_truth() -> None:
    """Tier A, all forms with an exact AUC: within 4 standard errors of it."""
    marks = cx.synthetic.synthetic_landmarks(seed=12, customers=60_000)
    for form in ("raw", "top_box", "categories"):
        found = cx.compare(marks, ["ces", "nps", "csat"], form=form, metrics=("auc_all",))
        truth = cx.synthetic.truth(scenario="base", form=form)
        for row in found.table.to_dict("records"):
            assert abs(row["auc"] - truth.auc[row["score"]]) < 4 * row["se"]
        for row in found.metrics.to_dict("records"):
            assert abs(row["value"] - truth.auc_with_competing[row["score"]]) < 4 * row["se"]


def test_forms_by_hand() -> None:
    assert unhappy_answers(cx.CSAT) == (1, 2)
    assert unhappy_answers(cx.CES2) == (1, 2, 3)
    assert unhappy_answers(cx.CES1) == (4, 5)
    answers = np.array([[0.0, 6, 7, 9, 10], [1, 3, 4, 5, 7]])
    scales = [cx.NPS, cx.CES2]
    np.testing.assert_array_equal(in_form(answers, scales, "top_box"), [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0]])
    matched = in_form(answers, scales, "matched")
    assert len(np.unique(in_form(np.arange(11.0)[None, :].repeat(2, 0)[:1], [cx.NPS], "matched"))) == 11
    assert (np.diff(matched) <= 0).all()


def test_a_spline_sees_a_bent_score(marks: cx.classifier.Landmarks) -> None:
    """A score whose two ends are both risky: no use as it is, of use on a curve, and said so."""
    frame = marks.frame.copy()
    gone = (frame["event"] == 1) & (frame["duration_days"] <= marks.horizon_days)
    rng = np.random.default_rng(6)
    ends = rng.choice([0.0, 1, 9, 10], len(frame))
    frame["nps"] = np.where(gone & (rng.random(len(frame)) < 0.7), ends, rng.integers(0, 11, len(frame)))
    bent = cx.classifier.Landmarks.from_frame(
        frame, instruments={"ces": cx.CES2, "nps": cx.NPS}, horizon_days=marks.horizon_days
    )
    raw, curved = (cx.compare(bent, ["nps", "ces"], form=form).auc("nps").value for form in ("raw", "spline"))
    assert abs(raw - 0.5) < 0.06
    assert curved > 0.6


def test_weights_carry_through(marks: cx.classifier.Landmarks) -> None:
    """Weight two equals the customer twice, for every metric and its standard error."""
    weights = np.where(np.arange(marks.n_rows) % 4 == 0, 2.0, 1.0)
    twice = marks.frame.loc[np.repeat(np.arange(marks.n_rows), weights.astype(int))].reset_index(drop=True)
    twice["landmark_at"] += pd.to_timedelta(twice.groupby("customer_id").cumcount(), unit="D")
    doubled = cx.classifier.Landmarks.from_frame(
        twice, instruments=dict(marks.instruments), horizon_days=marks.horizon_days, stacked=True
    )
    metrics = ["auc_all", "brier", "ipa", "lift", "net_benefit", "calibration", "uno_c", "harrell_c"]
    one = cx.compare(marks, ["ces", "nps"], weights=weights, metrics=metrics)
    two = cx.compare(doubled, ["ces", "nps"], metrics=metrics)
    np.testing.assert_allclose(one.table[["auc", "se"]], two.table[["auc", "se"]], rtol=1e-8)
    pd.testing.assert_frame_equal(one.metrics, two.metrics, rtol=1e-6)
    columns = ["score", "answer", "observed", "low", "high", "se"]
    pd.testing.assert_frame_equal(one.calibration[columns], two.calibration[columns], rtol=1e-6)
