"""Trials planned from a study, drawn by lot and analysed as assigned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx

START = pd.Timestamp("2023-01-01")


def test_size_follows_the_textbook_formula_when_nothing_explains_the_outcome(company: Any) -> None:
    plan = cx.voice.plan_trial(
        company(31, n=4000, effect_on_score=0.0, severity=0.0).study,
        effects={"happy_again": 0.05},
        horizon_days=120,
    )
    row = plan.table.iloc[0]
    # n a arm = (z_.975 + z_.8)^2 2 p (1 - p) / d^2, times what is left unexplained
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    p = row["without"]
    textbook = 2 * z**2 * 2 * p * (1 - p) / 0.05**2
    assert row["customers"] == pytest.approx(textbook * (1 - row["explained"]) / row["answering"], rel=0.02)
    assert 0 <= row["explained"] < 0.5


def test_a_plan_is_frozen_once(company: Any, tmp_path: Path) -> None:
    plan = cx.voice.plan_trial(company(32, n=1500).study, horizon_days=120)
    path = plan.freeze(tmp_path / "trial.json")
    assert json.loads(path.read_text())["sha256"] == plan.sha256
    with pytest.raises(cx.errors.ArgumentError, match="frozen once"):
        plan.freeze(path)


def test_arms_are_drawn_within_strata_whatever_the_order() -> None:
    ids = [f"c{i}" for i in range(101)]
    strata = ["low" if i < 50 else "high" for i in range(101)]
    drawn = cx.voice.assign_trial(ids, strata=strata, seed=4)
    counts = drawn.groupby(["stratum", "arm"]).size()
    assert counts["low", "treated"] == 25
    assert counts["high", "treated"] in (25, 26)
    backwards = cx.voice.assign_trial(ids[::-1], strata=strata[::-1], seed=4)
    pd.testing.assert_frame_equal(drawn, backwards)
    assert not drawn.equals(cx.voice.assign_trial(ids, strata=strata, seed=5))
    with pytest.raises(cx.errors.ArgumentError, match="'c1' occurs twice"):
        cx.voice.assign_trial(["c1", "c1"], seed=1)


def trial(company: Any, seed: int, effect: float) -> tuple[cx.Study, pd.DataFrame, Any]:
    """A company in which half of all customers were drawn, and the drawn score better by the effect."""
    planted = company(seed, n=2500, effect_on_score=0.0, severity=0.0)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    drawn = cx.voice.assign_trial(tables["customers"]["customer_id"], seed=seed)
    treated = set(drawn.loc[drawn["arm"] == "treated", "customer_id"])
    later = tables["responses"]["responded_at"] == START + pd.Timedelta(days=220)
    lifted = later & tables["responses"]["customer_id"].isin(treated)
    score = tables["responses"]["score"] + np.where(lifted, effect, 0.0)
    tables["responses"]["score"] = np.clip(np.rint(score), 0, 10)
    study = cx.Study.from_frames(tables, observed_until="2024-12-31", instruments={"nps": cx.NPS})
    plan = cx.voice.plan_trial(study, effects={"next_score": 0.5, "churn": 0.05}, horizon_days=120)
    return study, drawn, plan


def test_a_trial_is_analysed_as_assigned(company: Any) -> None:
    study, drawn, plan = trial(company, 33, effect=1.0)
    found = cx.voice.analyse_trial(study, drawn, plan, start="2023-05-01")
    table = found.table.set_index("outcome")
    score = table.loc["score of the next answer"]
    # scores are cut at 10, so a little less than the planted lift
    assert score["low"] < 1.0 and score["effect"] == pytest.approx(0.95, abs=0.25)
    assert score["verdict"] == "helps"
    left = table.loc["left"]
    assert left["low"] < 0 < left["high"]
    assert found.plan_sha256 == plan.sha256


def test_adjusting_narrows_and_does_not_move_a_trial(company: Any) -> None:
    study, drawn, plan = trial(company, 34, effect=0.0)
    found = cx.voice.analyse_trial(study, drawn, plan, start="2023-05-01")
    row = found.table.set_index("outcome").loc["score of the next answer"]
    plain = row["treated"] - row["control"]
    assert row["effect"] == pytest.approx(plain, abs=0.25)
    assert row["adjusted"]


def test_a_wrong_assignment_is_named(company: Any) -> None:
    study, drawn, plan = trial(company, 35, effect=0.0)
    with pytest.raises(cx.errors.ArgumentError, match="no column 'arm'"):
        cx.voice.analyse_trial(study, drawn.drop(columns="arm"), plan, start="2023-05-01")
    with pytest.raises(cx.errors.ArgumentError, match="no question 'csat'"):
        cx.voice.analyse_trial(study, drawn, plan, unhappy="csat", start="2023-05-01")
    with pytest.raises(cx.errors.DataError, match="has nobody"):
        cx.voice.analyse_trial(study, drawn.assign(arm="control"), plan, start="2023-05-01")
