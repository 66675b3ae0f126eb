"""A model of the user's joins words that mean alike, in any language; it is read from disk or refused."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import cxresearch as cx
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.scales import NPS
from cxresearch.voice.why.word_meaning import word_meaning

#: Three topics, each in two languages that share no word.
TOPICS = [
    ("price cost fee bill pay", "teuer kosten preis rechnung zahlen"),
    ("slow crash freeze loading lag", "langsam absturz hängt ladezeit ruckelt"),
    ("staff agent rude polite call", "mitarbeiter berater unhöflich nett anruf"),
]
IDLE = [f"idle{at}" for at in range(60)]


def answers(n: int = 1_200) -> tuple[Study, np.ndarray]:
    rng = np.random.default_rng(2)
    topic, language = rng.integers(0, 3, n), rng.integers(0, 2, n)
    said = [
        " ".join([*rng.choice(TOPICS[at][tongue].split(), 3, replace=False), *rng.choice(IDLE, 2)])
        for at, tongue in zip(topic, language, strict=True)
    ]
    rows = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(n)],
            "instrument": "nps",
            "score": 5,
            "responded_at": "2024-03-01",
            "comment": said,
        }
    )
    study = Study.from_frames({"responses": rows}, observed_until="2024-12-31", instruments={"nps": NPS})
    return study, topic


def vectors(words: Sequence[str]) -> np.ndarray:
    """A tiny model: the same place for the words of a topic in both languages, none for any other word."""
    rng = np.random.default_rng(4)
    places = rng.normal(size=(3, 16))
    of = {word: places[at] for at, both in enumerate(TOPICS) for words in both for word in words.split()}
    return np.array([of.get(word, np.zeros(16)) for word in words])


def vector_file(folder: Path) -> Path:
    words = [word for both in TOPICS for words in both for word in words.split()]
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, vectors(words), strict=True)]
    path = folder / "tiny.vec"
    path.write_text("\n".join([f"{len(words)} 16", *lines, "other 1 2 3"]) + "\n", encoding="utf-8")
    return path


def strongest(themes: cx.voice.Themes) -> np.ndarray:
    return np.where(themes.flags.any(axis=1), themes.flags.argmax(axis=1), -1)


@pytest.mark.parametrize("kind", ["file", "callable"])
def test_a_model_joins_what_two_languages_say(tmp_path: Path, kind: str) -> None:
    study, topic = answers()
    model = {"file": vector_file(tmp_path), "callable": vectors}[kind]
    with_model = cx.themes(study, discover=model, size=3)
    assert adjusted_rand_score(topic, strongest(with_model)) > 0.9
    without = cx.themes(study, discover=True, size=3)
    assert adjusted_rand_score(topic, strongest(without)) < 0.7


def test_the_folder_of_a_model_is_read_from_disk_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library is not installed here: a stand-in notes how it is called."""
    calls: list[tuple[str, bool]] = []

    class SentenceTransformer:
        def __init__(self, folder: str, *, local_files_only: bool) -> None:
            calls.append((folder, local_files_only))

        def encode(self, words: list[str], *, show_progress_bar: bool) -> np.ndarray:
            assert not show_progress_bar
            return vectors(words)

    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = SentenceTransformer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    meaning = word_meaning(tmp_path)
    assert meaning is not None
    np.testing.assert_array_equal(meaning(["price", "teuer"]), vectors(["price", "teuer"]))
    assert calls == [(str(tmp_path), True)]


def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, _ = answers(200)
    with pytest.raises(StudyError, match="there is no model"):
        cx.themes(study, discover=tmp_path / "nothing.vec")
    with pytest.raises(ArgumentError, match="discover is a int"):
        cx.themes(study, discover=7)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="shape"):
        cx.themes(study, discover=lambda words: np.zeros((2, 3)))
    with pytest.raises(ArgumentError, match="finite"):
        cx.themes(study, discover=lambda words: np.full((len(words), 3), np.nan))
    foreign = tmp_path / "foreign.vec"
    foreign.write_text("zebra 1 2 3\n", encoding="utf-8")
    with pytest.raises(StudyError, match="none is in the file"):
        cx.themes(study, discover=foreign)
    ragged = tmp_path / "ragged.vec"
    ragged.write_text("price 1 2 3\nteuer 1 2\n", encoding="utf-8")
    with pytest.raises(StudyError, match="line 2"):
        cx.themes(study, discover=ragged)
    words = tmp_path / "words.vec"
    words.write_text("price one two three\n", encoding="utf-8")
    with pytest.raises(StudyError, match="no file of word vectors"):
        cx.themes(study, discover=words)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(StudyError, match="not installed"):
        cx.themes(study, discover=tmp_path)
