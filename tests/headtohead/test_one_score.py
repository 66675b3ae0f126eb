"""One score alone: against the contest, a textbook difference of shares, and planted truth."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

HORIZON = 180.0


def landmarks(rows: pd.DataFrame, score: str = "nps", scale: cx.Scale = cx.NPS) -> cx.classifier.Landmarks:
    return cx.classifier.Landmarks.from_frame(rows, instruments={score: scale}, horizon_days=HORIZON)


def company(
    rng: np.random.Generator,
    *,
    customers: int,
    answered: float = 0.5,
    churn: tuple[float, float] = (0.2, 0.2),
    effect: float = 0.0,
    repeats: int = 1,
    lost: float = 0.0,
) -> pd.DataFrame:
    """Rows of customers who leave by their own tendency, answer or not, and may be lost from view."""
    person = np.repeat(np.arange(customers), repeats)
    answers = rng.random(customers) < answered
    tendency = np.where(answers, churn[0], churn[1])[person]
    score = rng.integers(0, 11, len(person)).astype(float)
    odds = tendency / (1 - tendency) * np.exp(-effect * (score - 5) / 5)
    left = rng.random(len(person)) < odds / (1 + odds)
    duration = np.where(left, rng.uniform(1, HORIZON, len(person)), 2 * HORIZON)
    seen = np.where(rng.random(len(person)) < lost, rng.uniform(1, HORIZON, len(person)), np.inf)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in person],
            "landmark_at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(np.tile(np.arange(repeats) * 200, customers), unit="D"),
            "nps": np.where(answers[person], score, np.nan),
            "duration_days": np.minimum(duration, seen),
            "event": (left & (duration <= seen)).astype(int),
        }
    )


def test_the_auc_is_that_of_the_contest_on_the_same_rows() -> None:
    marks = cx.synthetic.synthetic_landmarks(seed=4, customers=2_000, censoring=0.2)
    contest = cx.compare(marks, ["nps", "ces"], metrics=())
    alone, beside = cx.contest.score_vs_churn(marks, "nps"), contest.auc("nps")
    assert alone.auc.value == pytest.approx(beside.value, rel=1e-12)
    assert (alone.auc.low, alone.auc.high) == pytest.approx((beside.low, beside.high), rel=1e-12)
    row = contest.table.set_index("score").loc["nps"]
    assert alone.p_chance == pytest.approx(row["p_chance"], rel=1e-9)
    assert (alone.n_cases, alone.n_controls) == (row["cases"], row["controls"])


def test_without_censoring_the_gap_is_newcombes_of_two_plain_shares() -> None:
    rows = company(np.random.default_rng(3), customers=900, churn=(0.4, 0.05))
    verdict = cx.contest.score_vs_churn(landmarks(rows))
    given = rows["nps"].notna()
    left = rows["event"] == 1
    counts = [int(left[given].sum()), int(given.sum()), int(left[~given].sum()), int((~given).sum())]
    assert verdict.churn("answered").value == pytest.approx(counts[0] / counts[1], rel=1e-12)
    assert verdict.churn("silent").value == pytest.approx(counts[2] / counts[3], rel=1e-12)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert verdict.gap is not None
    # Errors summed within customer divide by G - 1 and not by G.
    assert (verdict.gap.low, verdict.gap.high) == pytest.approx((low, high), abs=2e-4)


def test_the_churn_of_a_group_is_one_minus_kaplan_meier_of_the_group() -> None:
    rows = company(np.random.default_rng(5), customers=500, churn=(0.3, 0.1), lost=0.4)
    verdict = cx.contest.score_vs_churn(landmarks(rows))
    for group, member in {"answered": rows["nps"].notna(), "silent": rows["nps"].isna()}.items():
        part = rows[member]
        curve = cx.churn_curve((part["duration_days"], part["event"]))
        survival = curve.survival_at([HORIZON])["survival"].iloc[0]
        assert verdict.churn(group).value == pytest.approx(1 - survival, rel=1e-9)


def test_the_churn_of_those_who_answered_is_said_beside_that_of_the_silent() -> None:
    rows = pd.DataFrame(
        {
            "customer_id": range(2_000),
            "nps": [6.0, 9.0] * 500 + [None] * 1_000,
            "event": [1] * 387 + [0] * 613 + [1] * 28 + [0] * 972,
        }
    )
    rows["duration_days"] = np.where(rows["event"] == 1, 90.0, 400.0)
    verdict = cx.contest.score_vs_churn(landmarks(rows))
    assert "Those who answered left more often than the silent: 38.7 % against 2.8 %" in verdict.finding
    assert "95 % interval +32.7 to +39.1 points" in verdict.finding
    assert any("already be on the way out" in note for note in verdict.notes)
    assert verdict.headline[1] is verdict.gap


def test_a_weight_of_two_is_the_same_as_the_row_twice() -> None:
    rows = company(np.random.default_rng(7), customers=300, effect=1.0)
    double = rows["nps"] >= 7
    weights = np.where(double, 2.0, 1.0)
    weighted = cx.contest.score_vs_churn(landmarks(rows), weights=weights)
    again = rows[double].assign(landmark_at=pd.Timestamp("2025-01-01"))
    twice = cx.contest.score_vs_churn(landmarks(pd.concat([rows, again], ignore_index=True)))
    assert weighted.auc.value == pytest.approx(twice.auc.value, rel=1e-12)
    figures = [result.table.set_index("answer")["churn"] for result in (weighted, twice)]
    given = [name for name in figures[0].index if name not in ("no answer", "everybody")]
    pd.testing.assert_series_equal(figures[0][given], figures[1][given])


def test_answers_turned_round_turn_the_verdict_round() -> None:
    rows = company(np.random.default_rng(9), customers=3_000, answered=0.9, effect=1.5)
    tells = cx.contest.score_vs_churn(landmarks(rows))
    turned = cx.contest.score_vs_churn(landmarks(rows.assign(nps=10 - rows["nps"])))
    assert tells.verdict == "tells who leaves"
    assert turned.verdict == "runs backwards"
    assert turned.auc.value == pytest.approx(1 - tells.auc.value, rel=1e-12)
    assert "Check the declared direction" in turned.finding


def test_a_large_study_without_an_effect_rules_it_out_and_a_small_one_says_how_many_would_decide() -> None:
    rng = np.random.default_rng(11)
    large = cx.contest.score_vs_churn(landmarks(company(rng, customers=60_000, answered=0.9)))
    assert large.verdict == "no guide" and "is ruled out" in large.finding
    small = cx.contest.score_vs_churn(landmarks(company(rng, customers=300)))
    assert small.verdict.startswith("inconclusive: you would need")
    assert math.isfinite(small.rows_to_decide) and small.rows_to_decide > small.n
    assert f"there are {small.n:,}" in small.finding
    assert any("four cases of five" in note for note in small.notes)


def test_a_score_that_knows_who_left_is_named_whatever_its_auc() -> None:
    rng = np.random.default_rng(13)
    rows = company(rng, customers=2_000, answered=1.0)
    left = rows["event"] == 1
    # Of the leavers 89 % gave a 0, of the stayers none: an AUC of .944.
    rows["nps"] = np.where(left & (rng.random(len(rows)) < 0.89), 0.0, rng.integers(1, 11, len(rows)))
    verdict = cx.contest.score_vs_churn(landmarks(rows))
    assert 0.93 < verdict.auc.value < 0.95
    assert verdict.verdict == "knows who left"
    assert "measured on the way out" in verdict.finding


@pytest.mark.parametrize(
    ("score", "scale"),
    [
        ("nps", cx.NPS),
        ("csat", cx.CSAT),
        ("ces", cx.CES2),
        ("effort", cx.CES1),
        ("stars", cx.Scale(name="stars", label="Stars", low=1, high=5, direction="high_is_good")),
    ],
)
def test_any_one_score_is_judged_without_being_named(score: str, scale: cx.Scale) -> None:
    rng = np.random.default_rng(15)
    rows = company(rng, customers=2_000, answered=0.8)
    risk = scale.risk_sign * (rows["event"] - 0.5) * 1.5 + rng.standard_normal(len(rows))
    levels = np.quantile(risk, np.linspace(0, 1, len(scale.levels) + 1)[1:-1])
    values = scale.low + np.searchsorted(levels, risk).astype(float)
    rows[score] = np.where(rows["nps"].notna(), values, np.nan)
    verdict = cx.contest.score_vs_churn(landmarks(rows, score, scale))
    assert (verdict.score, verdict.verdict) == (score, "tells who leaves")
    assert scale.label in verdict.finding


def test_a_small_answer_is_hidden_and_a_smallish_one_flagged() -> None:
    rows = company(np.random.default_rng(17), customers=1_000, answered=1.0)
    rows.loc[:2, "nps"] = 0
    rows.loc[3:, "nps"] = rows.loc[3:, "nps"].clip(lower=2)
    rows.loc[3:22, "nps"] = 1
    table = cx.contest.score_vs_churn(landmarks(rows)).table.set_index("answer")
    assert table.loc["0", "note"] == "too few to show"
    assert math.isnan(table.loc["0", "churn"]) and math.isnan(table.loc["0", "leavers"])
    assert table.loc["1", "note"] == "few customers"
    assert "no answer" not in table.index and table.loc["everybody", "rows"] == 1_000


def test_many_answers_are_shown_by_tenths_that_hold_every_row() -> None:
    rng = np.random.default_rng(19)
    rows = company(rng, customers=2_000)
    scale = cx.Scale(name="happy", label="Happiness", low=0, high=100, direction="high_is_good")
    rows["happy"] = np.where(rows["nps"].notna(), rng.integers(0, 101, len(rows)), np.nan)
    table = cx.contest.score_vs_churn(landmarks(rows, "happy", scale)).table
    tenths = table[~table["answer"].isin(["no answer", "everybody"])]
    assert len(tenths) == 10 and tenths["rows"].sum() == rows["happy"].notna().sum()
    assert tenths["answer"].iloc[0].startswith("0 to ")


def test_what_cannot_be_judged_is_refused_with_a_way_on() -> None:
    marks = cx.synthetic.synthetic_landmarks(seed=1, customers=200)
    with pytest.raises(ArgumentError, match=r"3 questions were answered, and none is named.*--set score="):
        cx.contest.score_vs_churn(marks)
    with pytest.raises(ArgumentError, match="unknown instrument 'npx'"):
        cx.contest.score_vs_churn(marks, "npx")
    rows = company(np.random.default_rng(1), customers=50).drop(columns="nps")
    silent = cx.classifier.Landmarks.from_frame(rows, instruments={}, horizon_days=HORIZON)
    with pytest.raises(DataError, match="no score to judge"):
        cx.contest.score_vs_churn(silent)
    nobody = company(np.random.default_rng(1), customers=50, churn=(0.0, 0.0))
    with pytest.raises(DataError, match="nobody churned"):
        cx.contest.score_vs_churn(landmarks(nobody))


def test_one_leaver_decides_nothing() -> None:
    rows = company(np.random.default_rng(21), customers=200, churn=(0.0, 0.0), answered=1.0)
    rows.loc[0, ["event", "duration_days"]] = [1, 90.0]
    verdict = cx.contest.score_vs_churn(landmarks(rows))
    assert verdict.verdict == "inconclusive" and math.isnan(verdict.auc.low)
    assert "too few leavers or stayers for an interval" in verdict.finding


def test_the_picture_shows_every_answer_the_silent_and_everybody() -> None:
    verdict = cx.contest.score_vs_churn(landmarks(company(np.random.default_rng(2), customers=900)))
    ax = cx.plot(verdict)
    labels = [label.get_text().split("\n")[0] for label in ax.get_xticklabels()]
    assert labels == [*map(str, range(11)), "no answer"]
    assert any("everybody" in text.get_text() for text in ax.texts)


def simulate(runs: int, seed: int, **truth: object) -> pd.DataFrame:
    """Verdicts on companies with a planted truth: p-values, and whether intervals held it."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(runs):
        rows = company(rng, **truth)  # type: ignore[arg-type]
        verdict = cx.contest.score_vs_churn(landmarks(rows))
        answered, silent = truth["churn"]  # type: ignore[misc]
        assert verdict.gap is not None
        lines.append(
            {
                "named": verdict.p_chance < 0.05,
                "auc_holds": verdict.auc.low <= 0.5 <= verdict.auc.high,
                "gap_named": verdict.gap.p_value < 0.05,
                "gap_holds": verdict.gap.low <= answered - silent <= verdict.gap.high,
            }
        )
    return pd.DataFrame(lines).mean()


#: Rare leavers, several rows a customer, and follow-up that ends early.
NULL = {"customers": 250, "answered": 0.4, "churn": (0.15, 0.15), "repeats": 2, "lost": 0.2}
GAP = {"customers": 300, "answered": 0.4, "churn": (0.387, 0.028), "lost": 0.2}


def test_of_answers_that_tell_nothing_about_one_in_twenty_is_named() -> None:
    found = simulate(200, seed=1, **NULL)
    # 200 draws: 5 % with three standard errors.
    assert found["named"] <= stats.binom.ppf(0.9987, 200, 0.05) / 200
    assert found["gap_named"] <= stats.binom.ppf(0.9987, 200, 0.05) / 200


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_size_of_one_score_and_of_the_gap(lost: float) -> None:
    found = simulate(1_000, seed=2, **NULL | {"lost": lost})
    print(f"\nnull, {lost:.0%} lost: AUC named {found['named']:.3f}, gap named {found['gap_named']:.3f}")
    assert found["named"] == pytest.approx(0.05, abs=0.015)
    assert found["gap_named"] == pytest.approx(0.05, abs=0.015)


@pytest.mark.slow
def test_the_interval_of_the_gap_holds_the_truth() -> None:
    found = simulate(1_000, seed=3, **GAP)
    print(f"\n38.7 % against 2.8 %: the interval of the gap holds it {found['gap_holds']:.3f}")
    assert found["gap_holds"] == pytest.approx(0.95, abs=0.015)
