"""A codebook named in the study file is read with it, used by `cx.themes`, and refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

import cxresearch as cx
from cxresearch.errors import StudyError

STUDY = """
[study]
observed_until = 2024-12-31
[instruments]
nps = "nps"
[themes]
codebook = "words/themes.toml"
[[sources]]
table = "responses"
file = "answers.csv"
[sources.columns]
customer_id = "who"
responded_at = "day"
score = "score"
comment = "said"
instrument = { constant = "nps" }
"""
ANSWERS = "who,day,score,said\na,2024-03-01,2,far too expensive\nb,2024-03-02,9,lovely\n"


def folder_with(tmp_path: Path, book: str, study: str = STUDY) -> Path:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "themes.toml").write_text(book, encoding="utf-8")
    (tmp_path / "study.toml").write_text(study, encoding="utf-8")
    (tmp_path / "answers.csv").write_text(ANSWERS, encoding="utf-8")
    return tmp_path


def test_the_codebook_stands_beside_the_study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = cx.read_study(folder_with(tmp_path, '[price]\nwords = ["expensive"]\n') / "study.toml")
    monkeypatch.chdir("/")
    found = cx.themes(study)
    assert found.table[["theme", "texts", "source"]].values.tolist() == [["price", 1, "codebook"]]
    assert "words/themes.toml" in {source.path for source in study.sources}
    other = cx.themes(study, codebook={"praise": ["lovely"]})
    assert other.names == ("praise",)


def test_a_folder_will_do(tmp_path: Path) -> None:
    declared = STUDY.replace("words/themes.toml", "words")
    study = cx.read_study(folder_with(tmp_path, '[price]\nwords = ["expensive"]\n', declared))
    assert study.codebook is not None and study.codebook.names == ("price",)
    assert [source.path for source in study.sources] == ["study.toml", "answers.csv", "words"]


@pytest.mark.parametrize(
    ("book", "said"),
    [
        ('[price]\nwords = ["expensive"', "no TOML"),
        ("[price]\nwords = []\n", "price"),
        ('[price]\nwords = ["a*"]\n', "price"),
        ('[price]\nwords = ["expensive"]\nword = ["x"]\n', "word"),
        ("", "theme"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path: Path, book: str, said: str) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        cx.read_study(folder_with(tmp_path, book))
    assert "codebook = 'words/themes.toml'" in str(caught.value)


def test_a_missing_codebook_and_an_unknown_key_are_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, '[price]\nwords = ["expensive"]\n')
    (folder / "study.toml").write_text(STUDY.replace("words/themes", "words/other"), encoding="utf-8")
    with pytest.raises(StudyError, match=r"no codebook 'other\.toml'"):
        cx.read_study(folder)
    (folder / "study.toml").write_text(STUDY.replace("codebook =", "codebok ="), encoding="utf-8")
    with pytest.raises(StudyError, match="codebok"):
        cx.read_study(folder)
    (folder / "study.toml").write_text(STUDY.replace('"words/themes.toml"', "7"), encoding="utf-8")
    with pytest.raises(StudyError, match="codebook"):
        cx.read_study(folder)
