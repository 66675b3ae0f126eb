"""Contest, classifier and drivers on outcomes other than leaving: planted, worded, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

START = pd.Timestamp("2023-01-01")


def days_on(days: np.ndarray) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(days, unit="D")).dt.floor("s")


def study_with_expansion(
    seed: int, *, effect_of_ease: float, n: int = 3000, of_loyalty: float = 0.8
) -> cx.Study:
    """CES hangs on ease, NPS on loyalty; expansion on ease and leaving on loyalty, as planted."""
    rng = np.random.default_rng(seed)
    ease, loyalty = rng.normal(size=(2, n))
    ids = np.char.add("c", np.arange(n).astype(str))
    expands = rng.exponential(400 * np.exp(-effect_of_ease * ease))
    leaves = rng.exponential(900 * np.exp(of_loyalty * loyalty))
    ended = days_on(30 + np.ceil(leaves)).where(leaves < 330)
    customers = pd.DataFrame(
        {"customer_id": ids, "started_at": START - pd.Timedelta(days=90), "ended_at": ended}
    )
    ces = np.clip(np.rint(4 + 1.5 * ease + rng.normal(size=n)), 1, 7)
    nps = np.clip(np.rint(6 + 2 * loyalty + rng.normal(size=n)), 0, 10)
    responses = pd.concat(
        [
            pd.DataFrame({"customer_id": ids, "instrument": name, "score": score, "responded_at": START})
            for name, score in (("ces", ces), ("nps", nps))
        ]
    )
    first = pd.DataFrame({"customer_id": ids, "mrr": 100.0, "effective_at": START - pd.Timedelta(days=90)})
    more = pd.DataFrame({"customer_id": ids, "mrr": 150.0, "effective_at": days_on(30 + np.ceil(expands))})
    return cx.Study.from_frames(
        {
            "customers": customers,
            "responses": responses,
            "revenue": pd.concat([first, more[(expands < 330) & (expands < leaves)]]),
        },
        observed_until="2023-12-31",
        instruments={"ces": cx.CES2, "nps": cx.NPS},
        revenue_ends="at_ended_at",
    )


def landmarks(study: cx.Study, outcome: str = "expansion", **more: Any) -> Any:
    return cx.landmark(study, every=["2023-01-31"], horizon_days=180, outcome=outcome, **more)


@pytest.fixture(scope="module")
def marks() -> Any:
    return landmarks(study_with_expansion(1, effect_of_ease=0.8))


def test_the_score_that_expansion_hangs_on_wins_the_contest_and_is_not_called_backwards(marks: Any) -> None:
    contest = cx.compare(marks, ["ces", "nps"])
    assert contest.finding.startswith("CES predicts expansion better than NPS here")
    assert contest.auc("ces").value > 0.6
    assert contest.auc("nps").value == pytest.approx(0.5, abs=0.06)
    assert not any("CES runs backwards" in note for note in contest.notes)
    assert "customers who expanded" in str(contest)
    assert "leaver" not in str(contest) and "churn" not in str(contest)
    # by hand: shares of CES answers among customers who expanded and those still there without it
    frame = marks.frame
    case = (frame["event"] == 1) & (frame["duration_days"] <= 180)
    other = frame["duration_days"] > 180
    above = frame.loc[case, "ces"].to_numpy()[:, None] - frame.loc[other, "ces"].to_numpy()
    assert contest.auc("ces").value == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean(), abs=1e-9)


def test_of_the_same_customers_leaving_is_predicted_by_the_other_score() -> None:
    contest = cx.compare(landmarks(study_with_expansion(1, effect_of_ease=0.8), "churn"), ["ces", "nps"])
    assert contest.finding.startswith("NPS predicts churn better than CES here")


def test_a_score_that_falls_before_expansion_is_called_backwards() -> None:
    contest = cx.compare(landmarks(study_with_expansion(2, effect_of_ease=-0.8)), ["ces", "nps"])
    assert any("CES runs backwards" in note and "expand less" in note for note in contest.notes)


def test_without_an_effect_hardly_a_contest_finds_one() -> None:
    p_values = [
        cx.compare(
            landmarks(
                study_with_expansion(100 + seed, effect_of_ease=0.0, of_loyalty=0.0, n=500), features=False
            ),
            ["ces", "nps"],
            metrics=(),
        ).table["p_chance"]
        for seed in range(10)
    ]
    # 20 tests at 5 %: more than 4 have probability below .003
    assert (np.concatenate(p_values) < 0.05).sum() <= 4


def test_the_classifier_learns_the_outcome_and_leaving_counts_as_not_having_it(marks: Any) -> None:
    model = cx.fit_churn(marks, members=0)
    frame = marks.frame
    had = (frame["event"] == 1) & (frame["duration_days"] <= 180)
    # nobody is censored within 180 days, so the share learnt is the plain one of the training side
    assert model.training.risk == pytest.approx(had.mean(), abs=0.03)
    assert model.training.censored == 0
    assert str(model).startswith("Expansion model (logistic): expansion within 180 days")
    assert "expanded" in model.finding and "churn" not in model.finding
    evaluation = cx.evaluate_churn(model, marks, runs=20)
    assert evaluation.better_than_chance
    assert "expanded within 180 days" in str(evaluation)
    odds = cx.classifier.churn_odds(marks, terms=["ces", "nps"])
    assert odds.table.set_index("term").loc["ces", "low"] > 1
    assert odds.finding.startswith("Customers expand more or less often by ces (more often")


def test_drivers_of_expansion(marks: Any) -> None:
    drivers = cx.key_drivers(marks, "expansion", ["ces", "nps"], runs=20)
    importance = drivers.table.set_index("driver")["importance"]
    assert importance["ces"] > 10 * importance["nps"]


def test_what_is_about_leaving_says_so(marks: Any) -> None:
    with pytest.raises(ArgumentError, match="kind is 'voluntary', and these landmarks follow expansion"):
        cx.fit_churn(marks, kind="voluntary")
    with pytest.raises(ArgumentError, match="a survival curve is about leaving"):
        cx.churn_curve(marks)
    churned = landmarks(study_with_expansion(1, effect_of_ease=0.8), "churn")
    with pytest.raises(DataError, match=r"rows follow churn, and the model learnt expansion"):
        cx.classifier.churn_risk(cx.fit_churn(marks, members=0), churned)
    plan = cx.Protocol(scores=("ces", "nps"), horizon_days=(180,), outcome="expansion", every="given dates")
    assert "difference of AUC for expansion" in plan.estimand
    assert any("the rows follow churn" in text for text in plan.deviations(churned))
    assert plan.sha256 != cx.Protocol(scores=("ces", "nps"), horizon_days=(180,), every="given dates").sha256
