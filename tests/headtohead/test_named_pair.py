"""A pair that list order chose is never called named beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

import cxresearch as cx


@pytest.fixture(scope="module")
def marks() -> cx.classifier.Landmarks:
    return cx.synthetic.synthetic_landmarks(seed=1, customers=1_500, scenario="base")


def warned(found: cx.contest.Comparison) -> bool:
    return any("it was not named beforehand" in text for text in found.notes)


def head(found: cx.contest.Comparison) -> str:
    ax = cx.plot(found, kind="differences")
    return "\n".join(text.get_text() for text in ax.texts)


def test_list_order_is_said_to_have_chosen_the_pair(marks: cx.classifier.Landmarks) -> None:
    found = cx.compare(marks, ["ces", "nps", "csat"], metrics=())
    said = [text for text in found.notes if text.startswith("the main comparison, CES against NPS")]
    assert len(said) == 1
    assert "the main pair in black" in head(found)


def test_a_named_pair_and_a_single_pair_carry_no_caution(marks: cx.classifier.Landmarks) -> None:
    named = cx.compare(marks, ["ces", "nps", "csat"], primary=("ces", "nps"), metrics=())
    assert not warned(named)
    assert "the pair named beforehand in black" in head(named)
    assert not warned(cx.compare(marks, ["ces", "nps"], metrics=()))


def test_a_protocol_names_its_pair_or_does_not(marks: cx.classifier.Landmarks, tmp_path: Path) -> None:
    scores = ("ces", "nps", "csat")
    loose = cx.Protocol(scores=scores, horizon_days=(180,), every=marks.every)
    assert warned(loose.compare(marks, metrics=()))
    given = cx.Protocol(scores=scores, horizon_days=(180,), every=marks.every, primary=("ces", "csat"))
    assert not warned(given.compare(marks, metrics=()))
    loose.write(tmp_path / "plan.toml")
    frozen = cx.contest.read_protocol(tmp_path / "plan.toml")
    assert frozen.sha256 == loose.sha256
    assert not warned(frozen.compare(marks, metrics=()))
