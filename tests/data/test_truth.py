"""Tier A truth: against METHODS.md's figures, against plain integration, and against the generator."""

import numpy as np
import pytest
from scipy import integrate, stats

import cxresearch as cx
from cxresearch.data.synthetic.truth import SCENARIOS, SHARES

METHODS = {"ces": 0.59257, "nps": 0.61528, "csat": 0.60857}


def test_base_agrees_with_the_published_figures() -> None:
    known = cx.synthetic.truth()
    assert known.hazards["voluntary"] == pytest.approx(0.007597, abs=5e-7)
    for name, auc in METHODS.items():
        assert known.auc[name] == pytest.approx(auc, abs=5e-6)
    curve = known.curve.set_index("months")
    assert curve.loc[[6, 12, 24], "survival"].tolist() == pytest.approx([0.93753, 0.88, 0.77781], abs=5e-6)
    assert curve.loc[12, ["voluntary", "involuntary"]].tolist() == pytest.approx([0.10, 0.02], abs=1e-10)


def test_equal_makes_ces_and_nps_equal_and_null_makes_all_half() -> None:
    equal = cx.synthetic.truth(scenario="equal").auc
    assert abs(equal["ces"] - equal["nps"]) < 1e-6
    for form in ("raw", "top_box", "categories"):
        assert list(cx.synthetic.truth(scenario="null", form=form).auc.values()) == pytest.approx(
            [0.5] * 3, abs=1e-12
        )


@pytest.mark.parametrize("winner", ["ces", "nps", "csat"])
def test_the_named_score_wins(winner: str) -> None:
    auc = cx.synthetic.truth(scenario=winner).auc
    assert auc[winner] - max(value for name, value in auc.items() if name != winner) > 0.015


def test_quadrature_agrees_with_adaptive_integration() -> None:
    """Base scenario, NPS, levels 0-8 against 9-10: P(top, left) / P(left) by scipy's adaptive rule."""
    known = cx.synthetic.truth(form="top_box")
    b = np.array(SCENARIOS["base"])
    correlation = np.array([[1, 0.6, 0.45], [0.6, 1, 0.7], [0.45, 0.7, 1]])
    sd = np.sqrt(b @ correlation @ b)
    r = 0.8 * (correlation @ b)[2] / sd
    cut = stats.norm.ppf(1 - 0.22 - 0.35)
    l1, l2 = known.hazards["voluntary"], known.hazards["involuntary"]

    def integral(of: object) -> float:
        return integrate.quad(lambda z: of(z) * stats.norm.pdf(z), -9, 9, epsabs=1e-13)[0]  # type: ignore[operator]

    def top(z: float) -> float:
        return stats.norm.sf((cut - r * z) / np.sqrt(1 - r * r))

    def total(z: float) -> float:
        return l1 * np.exp(-sd * z) + l2

    def left(z: float) -> float:
        return l1 * np.exp(-sd * z) / total(z) * -np.expm1(-12 * total(z))

    def stayed(z: float) -> float:
        return np.exp(-12 * total(z))

    cases = integral(lambda z: top(z) * left(z)) / integral(left)
    controls = integral(lambda z: top(z) * stayed(z)) / integral(stayed)
    assert known.auc["nps"] == pytest.approx(0.5 + (controls - cases) / 2, abs=1e-9)


def test_coarser_forms_cost_accuracy() -> None:
    raw, top, three = (cx.synthetic.truth(form=form).auc for form in ("raw", "top_box", "categories"))
    for name in raw:
        assert top[name] < three[name] < raw[name]
    assert 0.012 < raw["nps"] - three["nps"] < 0.019


def test_those_who_answer_look_happier_and_leave_less() -> None:
    """METHODS.md: NPS 45 becomes 65, churn of those who answer 7.6 % against 10.8 % of the silent."""
    everybody, some = cx.synthetic.truth(), cx.synthetic.truth(nonresponse=True)
    assert everybody.mean_score["nps"] == pytest.approx(45, abs=1e-9)
    assert some.mean_score["nps"] == pytest.approx(65, abs=0.5)
    answered = float(some.curve.set_index("months").loc[12, "voluntary"])
    assert answered == pytest.approx(0.076, abs=5e-4)
    assert (0.10 - 0.25 * answered) / 0.75 == pytest.approx(0.108, abs=5e-4)


def _auc_and_se(risk: np.ndarray, case: np.ndarray, control: np.ndarray) -> tuple[float, float]:
    """AUC of every pair, ties a half, with DeLong's standard error, by ranks of discrete levels."""
    x, y = risk[case], risk[control]
    levels = np.unique(risk)
    share_x = np.array([(x == level).mean() for level in levels])
    share_y = np.array([(y == level).mean() for level in levels])
    beats = np.cumsum(share_y) - share_y / 2
    loses = 1 - (np.cumsum(share_x) - share_x / 2)
    auc = share_x @ beats
    variance = share_x @ (beats - auc) ** 2 / len(x) + share_y @ (loses - auc) ** 2 / len(y)
    return float(auc), float(np.sqrt(variance))


def _grouped(scores: np.ndarray, name: str, form: str) -> np.ndarray:
    cuts = {
        ("nps", "top_box"): [9],
        ("csat", "top_box"): [4],
        ("ces", "top_box"): [5],
        ("nps", "categories"): [7, 9],
        ("csat", "categories"): [3, 4],
        ("ces", "categories"): [4, 5],
    }.get((name, form))
    return scores if cuts is None else np.digitize(scores, cuts)


@pytest.mark.parametrize("nonresponse", [False, True])
@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_the_generator_meets_the_truth_for_every_score_and_form(scenario: str, nonresponse: bool) -> None:
    marks = cx.synthetic.synthetic_landmarks(
        seed=7, customers=200_000, scenario=scenario, nonresponse=nonresponse
    )
    rows = marks.complete()
    time, event = rows["duration_days"].to_numpy(), rows["event"].to_numpy()
    case = (time <= marks.horizon_days) & (event == 1)
    for form in ("raw", "top_box", "categories"):
        known = cx.synthetic.truth(scenario=scenario, form=form, nonresponse=nonresponse)
        for name in known.auc:
            risk = -_grouped(rows[name].to_numpy(), name, form)
            for control, target in (
                (time > marks.horizon_days, known.auc[name]),
                (~case, known.auc_with_competing[name]),
            ):
                auc, se = _auc_and_se(risk, case, control)
                assert abs(auc - target) < 4 * se, (scenario, form, name, auc, target, se)


@pytest.mark.parametrize("scenario", ["base", "null"])
def test_the_generator_meets_the_shares_and_the_curve(scenario: str) -> None:
    n = 200_000
    marks = cx.synthetic.synthetic_landmarks(seed=3, customers=n, scenario=scenario)
    for name, shares in SHARES.items():
        counts = marks.frame[name].value_counts().sort_index().to_numpy()
        expected = n * np.array(shares)
        assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    curve = cx.synthetic.truth(scenario=scenario).curve.set_index("months")
    days, event = marks.frame["duration_days"].to_numpy(), marks.frame["event"].to_numpy()
    for months in (6, 12, 24):
        gone = days <= months * 30.4375
        for kind, column in ((1, "voluntary"), (2, "involuntary")):
            target = float(curve.loc[months, column])
            assert abs((gone & (event == kind)).mean() - target) < 4 * np.sqrt(target / n)


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="one of 'base'"):
        cx.synthetic.truth(scenario="best")
    with pytest.raises(cx.errors.ArgumentError, match="form is 'top2'"):
        cx.synthetic.truth(form="top2")
    with pytest.raises(cx.errors.ArgumentError, match="horizon_months is 0"):
        cx.synthetic.truth(horizon_months=0)
    with pytest.raises(cx.errors.ArgumentError, match="at least 0 months"):
        cx.synthetic.truth(months=[-1])
