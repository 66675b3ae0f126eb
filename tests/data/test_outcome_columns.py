"""Columns that know who left: named whatever their AUC, and done without by contest and classifier."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.landmarks.outcome_columns import columns_that_know
from cxresearch.errors import CxWarning, DataError
from cxresearch.headtohead.robustness.nonresponse import explaining_columns


@pytest.fixture(scope="module")
def base() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=3, customers=4_000)


def left(marks: cx.classifier.Landmarks) -> np.ndarray:
    frame = marks.frame
    return ((frame["event"] > 0) & (frame["duration_days"] <= marks.horizon_days)).to_numpy()


def with_columns(
    marks: cx.classifier.Landmarks, *, segments: dict[str, object] | None = None, **features: object
) -> cx.classifier.Landmarks:
    groups = segments or {}
    return dataclasses.replace(
        marks,
        frame=marks.frame.assign(**features, **groups),
        features=(*marks.features, *features),
        segments=(*marks.segments, *groups),
    )


def known_score(marks: cx.classifier.Landmarks, rng: np.random.Generator) -> cx.classifier.Landmarks:
    """CSAT asked on the way out: 89 % of the leavers give a 1, and nobody else."""
    gone = left(marks)
    worst = gone & (rng.random(len(gone)) < 0.89)
    return dataclasses.replace(
        marks, frame=marks.frame.assign(csat=np.where(worst, 1.0, rng.integers(2, 6, len(gone))))
    )


def test_nothing_is_named_in_the_synthetic_company(base: cx.classifier.Landmarks) -> None:
    assert columns_that_know(base) == {}
    marks = cx.landmark(cx.synthetic.company_study(seed=2, customers=800), every="quarter", horizon_days=180)
    assert columns_that_know(marks) == {}


@pytest.mark.parametrize("errors", [0.0, 0.02])
def test_a_status_of_today_is_named_by_its_values(base: cx.classifier.Landmarks, errors: float) -> None:
    rng = np.random.default_rng(1)
    # What the list says today: whoever left at any time, within the horizon or after it.
    gone = (base.frame["event"] > 0).to_numpy() ^ (rng.random(base.n_rows) < errors)
    marks = with_columns(base, segments={"standing": np.where(gone, "former", "member")})
    assert list(columns_that_know(marks)) == ["standing"]


def test_a_status_is_named_by_its_name_though_it_says_little(base: cx.classifier.Landmarks) -> None:
    marks = with_columns(base, segments={"Customer Status": np.resize(["a", "b"], base.n_rows)})
    assert columns_that_know(marks)["Customer Status"].endswith("states the outcome by its name")


def test_many_small_groups_know_nobody(base: cx.classifier.Landmarks) -> None:
    rng = np.random.default_rng(2)
    marks = with_columns(base, segments={"street": [f"s{n}" for n in rng.integers(0, 3_000, base.n_rows)]})
    assert columns_that_know(marks) == {}


def test_a_fine_number_is_judged_by_its_best_cut(base: cx.classifier.Landmarks) -> None:
    rng = np.random.default_rng(3)
    gone = left(base)
    marks = with_columns(
        base,
        logins_after=np.where(gone, rng.normal(0, 1, len(gone)), rng.normal(9, 1, len(gone))),
        noise=gone,
    )
    marks = dataclasses.replace(marks, frame=marks.frame.assign(noise=rng.normal(size=len(gone))))
    assert list(columns_that_know(marks)) == ["logins_after"]


def test_a_contest_of_three_goes_on_without_the_score_that_knows(base: cx.classifier.Landmarks) -> None:
    marks = known_score(base, np.random.default_rng(4))
    contest = cx.compare(marks, ["csat", "ces", "nps"], metrics=())
    plain = cx.compare(marks, ["ces", "nps"], metrics=())
    assert contest.primary == ("ces", "nps") and set(contest.table["score"]) == {"ces", "nps"}
    assert contest.finding == plain.finding
    assert any(note.startswith("csat knows who left") and "left out" in note for note in contest.notes)


def test_a_contest_of_two_with_a_score_that_knows_is_none(base: cx.classifier.Landmarks) -> None:
    contest = cx.compare(known_score(base, np.random.default_rng(5)), ["csat", "nps"], metrics=())
    assert 0.92 < contest.auc("csat").value < 0.95
    assert contest.verdict == "no contest: CSAT knows who left"
    assert contest.finding.startswith("This is no contest: CSAT knows who left")
    assert contest.auc("csat").note == "suspiciously good"


def test_a_classifier_names_a_status_and_goes_on_without_it(base: cx.classifier.Landmarks) -> None:
    gone = (base.frame["event"] > 0).to_numpy()
    marks = with_columns(base, segments={"standing": np.where(gone, "former", "member")})
    with pytest.warns(CxWarning, match="standing knows who left"):
        model = cx.fit_churn(marks, members=0)
    assert "standing" not in model.columns and "standing" in model.left_out
    assert model.alarms.iloc[0]["rule"] == "knows who left"
    same = cx.fit_churn(base, members=0)
    assert model.columns == same.columns
    pd.testing.assert_frame_equal(model.table, same.table)


def test_a_classifier_with_nothing_else_to_read_names_the_column(base: cx.classifier.Landmarks) -> None:
    gone = (base.frame["event"] > 0).to_numpy()
    frame = base.frame.assign(standing=np.where(gone, "former", "member"))
    marks = dataclasses.replace(base, frame=frame, segments=("standing",), features=())
    with pytest.raises(DataError, match="standing knows who left"):
        cx.fit_churn(marks, leave_out=["ces", "nps", "csat"], members=0)


def test_silence_is_not_explained_by_who_left_and_segments_that_know_are_no_contests(
    base: cx.classifier.Landmarks,
) -> None:
    gone = (base.frame["event"] > 0).to_numpy()
    marks = with_columns(base, segments={"standing": np.where(gone, "former", "member")})
    assert "standing" not in explaining_columns(marks)
    with pytest.raises(DataError, match="standing knows who left"):
        cx.contest.compare_segments(marks, ("ces", "nps"), by="standing")
    followed = cx.compare(marks, ["ces", "nps"], censoring=["standing"], metrics=())
    assert followed.settings["censoring"] == "marginal"
    assert any("standing knows who left" in note for note in followed.notes)
