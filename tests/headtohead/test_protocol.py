"""The frozen plan: its hash, its file, and what is said when it was changed."""

import dataclasses
from pathlib import Path

import pytest

import cxresearch as cx

PLAN = cx.Protocol(scores=("ces", "nps"), horizon_days=(365.25, 180), every="once", margin=0.03)


@pytest.fixture(scope="module")
def marks() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=1, customers=1_000)


def test_it_survives_the_file(tmp_path: Path) -> None:
    PLAN.write(tmp_path / "plan.toml")
    again = cx.contest.read_protocol(tmp_path / "plan.toml")
    assert again == PLAN
    assert again.sha256 == PLAN.sha256
    assert dataclasses.replace(PLAN, margin=0.02).sha256 != PLAN.sha256


def test_it_settles_the_call(marks: cx.classifier.Landmarks) -> None:
    found = PLAN.compare(marks)
    plain = cx.compare(marks, ["ces", "nps"], horizon_days=[365.25, 180], margin=0.03)
    assert found.contrasts.equals(plain.contrasts)
    assert found.protocol_sha256 == PLAN.sha256
    assert "not written to a file" in found.deviations[0]
    with pytest.raises(cx.errors.ArgumentError, match=r"scores is a Protocol.*plan.compare"):
        cx.compare(marks, PLAN)  # type: ignore[arg-type]


def test_a_change_after_the_first_look_is_told(marks: cx.classifier.Landmarks, tmp_path: Path) -> None:
    plan = PLAN.write(tmp_path / "plan.toml")
    assert plan.compare(marks, metrics=()).deviations == ()
    text = (tmp_path / "plan.toml").read_text().replace("margin = 0.03", "margin = 0.05")
    (tmp_path / "plan.toml").write_text(text)
    changed = cx.contest.read_protocol(tmp_path / "plan.toml").compare(marks, metrics=())
    assert changed.margin == 0.05
    assert "margin was 0.03 at the first look" in changed.deviations[0]
    assert "and is 0.05" in str(changed)


def test_an_edit_before_any_look_must_be_frozen_anew(tmp_path: Path) -> None:
    PLAN.write(tmp_path / "plan.toml")
    text = (tmp_path / "plan.toml").read_text().replace("0.03", "0.05")
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(cx.errors.DataError, match="edited after it was frozen"):
        cx.contest.read_protocol(tmp_path / "plan.toml")
    with pytest.raises(cx.errors.DataError, match="exists already"):
        PLAN.write(tmp_path / "plan.toml")


def test_rows_made_otherwise_are_told(marks: cx.classifier.Landmarks) -> None:
    planned = dataclasses.replace(PLAN, window_days=90.0, every="quarter")
    notes = " ".join(planned.deviations(marks))
    assert "window of 90 days" in notes
    assert "'quarter'" in notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml [", "cannot be read"),
        ('[protocol]\nscores = ["ces", "nps"]', "no horizon_days"),
        ('[protocol]\nscores = ["ces", "nps"]\nhorizon_days = [1]\nluck = 3', "unknown fields luck"),
    ],
)
def test_a_bad_file_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(cx.errors.DataError, match=words):
        cx.contest.read_protocol(tmp_path / "plan.toml")
    with pytest.raises(cx.errors.DataError, match="there is no protocol"):
        cx.contest.read_protocol(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "changes",
    [{"margin": 0}, {"scores": ("ces",)}, {"form": "odd"}, {"primary": ("ces", "csat")}, {"level": 95}],
)
def test_a_senseless_plan_is_refused(changes: dict) -> None:
    with pytest.raises(cx.errors.ArgumentError):
        dataclasses.replace(PLAN, **changes)
