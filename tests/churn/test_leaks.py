"""Leak alarms: one set of rules for landmarks and for training rows, and no alarm about honest columns."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx


@pytest.fixture(scope="module")
def base() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=4, customers=4_000)


def planted(base: cx.classifier.Landmarks) -> cx.classifier.Landmarks:
    frame = base.frame.copy()
    rng = np.random.default_rng(3)
    inside = frame["duration_days"] <= base.horizon_days
    left, gone = (frame["event"] == 1) & inside, (frame["event"] > 0) & inside
    n = len(frame)
    frame["honest"] = rng.normal(size=n)
    frame["logins"] = np.where(left, 0.0, 5 + rng.random(n))
    frame["last_seen"] = np.where(left, np.nan, rng.random(n))
    frame["renewed"] = (~left ^ (rng.random(n) < 0.15)).astype(float)
    frame["visits"] = np.where(gone & (rng.random(n) < 0.4), -1.0, rng.random(n))
    frame["churn_hint"] = np.where(left, 1.0, 0.0) + rng.normal(scale=1.0, size=n)
    frame["standing"] = np.where(gone, "closed", np.where(rng.random(n) < 0.5, "gold", "silver"))
    frame["street"] = [f"s{code}" for code in rng.integers(0, n // 3, n)]
    return dataclasses.replace(
        base,
        frame=frame,
        features=("honest", "logins", "last_seen", "renewed", "visits", "churn_hint"),
        segments=("standing", "street"),
    )


def test_each_rule_names_its_column_and_honest_ones_stay_silent(base: cx.classifier.Landmarks) -> None:
    found = cx.classifier.leak_alarms(planted(base)).set_index("column")
    assert found["alarm"].to_dict() == {
        "logins": "too good",
        "last_seen": "ends with the customer",
        "renewed": "next to the outcome",
        "visits": "pure end",
        "churn_hint": "named like the outcome",
        "standing": "too good",
    }
    assert found["auc"].between(0.5, 1).all()
    assert (found["auc"].diff().dropna() <= 0).all()
    assert found.loc["last_seen", "rows"] < len(base.frame)


def test_a_model_raises_the_same_alarms_about_its_training_rows(base: cx.classifier.Landmarks) -> None:
    marks = planted(base)
    with pytest.warns(cx.CxWarning, match="logins"):
        rules = cx.fit_churn(marks, members=0, test_share=0).alarms
    expected = cx.classifier.leak_alarms(marks)
    assert list(rules.columns) == ["feature", "rule", "auc", "detail"]
    expected = expected.rename(columns={"column": "feature", "alarm": "rule"})[list(rules.columns)]
    # What knows who left is left out besides, and named first under that rule.
    left_out = set(rules.loc[rules["rule"] == "knows who left", "feature"])
    pd.testing.assert_series_equal(
        rules.set_index("feature")["auc"].sort_index(), expected.set_index("feature")["auc"].sort_index()
    )
    others = [frame[~frame["feature"].isin(left_out)].reset_index(drop=True) for frame in (rules, expected)]
    pd.testing.assert_frame_equal(*others)
    assert left_out


def test_a_segment_of_many_small_groups_is_no_alarm(base: cx.classifier.Landmarks) -> None:
    """Shares of groups taken from the same customers would know who left."""
    frame = base.frame.assign(street=[f"s{i // 2}" for i in range(len(base.frame))])
    assert cx.classifier.leak_alarms(dataclasses.replace(base, frame=frame, segments=("street",))).empty


def test_leavers_by_another_cause_are_neither_side(base: cx.classifier.Landmarks) -> None:
    """A column that knows who ended, for whatever reason, is no better hidden by the involuntary ends."""
    frame = base.frame.copy()
    inside = (frame["duration_days"] <= base.horizon_days) & (frame["event"] == 1)
    forced = inside & (np.arange(len(frame)) % 2 == 0)
    frame["event"] = np.where(forced, 2, frame["event"]).astype("int8")
    frame["seen"] = np.where(inside, 0.0, 1.0)
    found = cx.classifier.leak_alarms(dataclasses.replace(base, frame=frame, features=("seen",)))
    assert found[["column", "alarm", "auc"]].values.tolist() == [["seen", "too good", 1.0]]


def test_too_few_leavers_raise_no_alarm_about_columns(base: cx.classifier.Landmarks) -> None:
    stayed = base.frame.assign(event=np.int8(0), logins=0.0)
    flags = pd.DataFrame({"flag": ["exit surveys"], "rows": [3], "detail": ["3 answers"]})
    found = cx.classifier.leak_alarms(
        dataclasses.replace(base, frame=stayed, features=("logins",), flags=flags)
    )
    assert found[["column", "alarm", "rows"]].values.tolist() == [["", "exit surveys", 3]]


def test_flags_come_before_alarms(base: cx.classifier.Landmarks) -> None:
    flags = pd.DataFrame({"flag": ["exit surveys"], "rows": [3], "detail": ["3 answers"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = cx.classifier.leak_alarms(dataclasses.replace(planted(base), flags=flags))
    assert list(found["alarm"][:2]) == ["exit surveys", found["alarm"][1]]
    assert found["column"].tolist()[0] == ""
    assert len(found) == 7
