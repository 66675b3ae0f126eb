"""Large and torn text files at the first look: sampled, said so, and never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

import cxresearch as cx
from cxresearch.data.starter import part_of_file
from cxresearch.data.starter.part_of_file import part_of, without_last_line
from cxresearch.data.starter.write_starter import start_study
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError
from tests.data.formats.planted import company, stripe_customers, zendesk

HEADER = "customer,answered_at,nps,comment\n"


def answers(rows: int) -> str:
    """A row in seven has a comment of two lines, with a comma and a quote."""
    lines = []
    for i in range(rows):
        comment = f'"two ""lines"", {i}\nof a remark"' if i % 7 == 0 else f"a remark {i}"
        day = f"2024-{1 + i * 11 // rows:02d}-15"
        lines.append(f"c{i % 500},{day},{i % 11},{comment}\n")
    return HEADER + "".join(lines)


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RawInput:
    monkeypatch.setattr(part_of_file, "_WHOLE_BYTES", 1 << 16)
    monkeypatch.setattr(part_of_file, "_HEAD_BYTES", 1 << 15)
    monkeypatch.setattr(part_of_file, "_PIECE_BYTES", 1 << 13)
    path = tmp_path / "answers.csv"
    path.write_text(answers(40_000), encoding="utf-8")
    return RawInput(name="raw", path=path, declared="answers.csv")


def test_a_large_file_is_given_in_parts_of_which_every_row_is_a_row_of_the_file(large: RawInput) -> None:
    import csv

    assert large.path is not None
    with large.path.open(newline="") as stream:
        every = {tuple(row) for row in csv.reader(stream)}
    with part_of(large) as part:
        assert part.raw.path is not None
        assert 0 < part.share < 0.2
        with part.raw.path.open(newline="") as stream:
            seen = [tuple(row) for row in csv.reader(stream)]
        folder = part.raw.path.parent
    assert len(seen) > 1000
    assert set(seen) <= every
    assert max(row[1] for row in seen[1:]) == "2024-11-15"
    assert not folder.exists()


def test_a_small_file_is_looked_at_whole(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(answers(10), encoding="utf-8")
    raw = RawInput(name="raw", path=path)
    with part_of(raw) as part:
        assert (part.raw, part.share) == (raw, 1.0)


def test_init_says_that_it_saw_a_part(large: RawInput) -> None:
    assert large.path is not None
    choices = start_study(large.path.parent)
    text = choices.path.read_text("utf-8")
    assert "# looked at " in text
    assert "% of it looked at" in choices.files[0].reasons[-1]
    assert choices.files[0].tables == ("responses",)
    assert 'file = "answers.csv"' in text


def test_a_large_file_cut_off_in_its_last_line_is_half_an_export(large: RawInput) -> None:
    assert large.path is not None
    text = large.path.read_text("utf-8")
    large.path.write_text(text + "c7,2024-1", encoding="utf-8")
    choices = start_study(large.path.parent)
    (asked,) = [question for question in choices.files[0].questions if "half an export" in question]
    assert "2 of 4 columns" in asked


@pytest.mark.parametrize("cut", [35, 300])
def test_half_an_export_is_named_with_what_to_do_and_refused_until_it_is_whole(
    tmp_path: Path, cut: int
) -> None:
    (tmp_path / "customers.csv").write_text(stripe_customers(company()), encoding="utf-8")
    (tmp_path / "tickets.csv").write_text(zendesk(company())[:-cut], encoding="utf-8")
    choices = start_study(tmp_path, until="2024-12-31")
    (choice,) = [choice for choice in choices.files if choice.file == "tickets.csv"]
    assert choice.read_as == "Zendesk, tickets, CSV export"
    assert any("half an export: fetch it again" in question for question in choice.questions)
    with pytest.raises(StudyError, match="cannot be read from line"):
        cx.read_study(tmp_path).table("tickets").collect()


def test_a_file_that_is_torn_elsewhere_is_refused_as_before(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    lines = zendesk(company()).splitlines()
    path.write_text("\n".join([*lines[:9], lines[9][:30], *lines[10:]]), encoding="utf-8")
    with pytest.raises(StudyError, match=r"cannot be read.*line 10"):
        start_study(tmp_path)
    with without_last_line(RawInput(name="raw", path=path)) as part:
        assert part is not None


def test_a_last_line_without_an_end_that_is_whole_is_no_half_export(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text(zendesk(company()).rstrip("\n"), encoding="utf-8")
    (choice,) = start_study(tmp_path).files
    assert not any("half" in question for question in choice.questions)
