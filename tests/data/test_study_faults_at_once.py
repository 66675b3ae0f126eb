"""The check names everything that keeps a study from being read, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxresearch.cli import main
from cxresearch.data.checking.study_faults import study_faults

HEAD = "[study]\nobserved_until = 2024-12-31\n"
SOURCE = '[[sources]]\ntable = "{}"\nfile = "{}"\n[sources.columns]\n{}\n'


def faults(folder: Path, text: str) -> list[tuple[int, str]]:
    (folder / "a.csv").write_text("x,y\n1,2024-01-01\n")
    (folder / "study.toml").write_text(text)
    return [(fault.line, fault.error.problem) for fault in study_faults(folder)]


def test_faults_of_the_file_are_named_with_their_lines(tmp_path: Path) -> None:
    text = (
        '[study]\ntimezone = "Mars"\n[instruments]\nces = "ces"\nnps = "nps"\n'
        + SOURCE.format("customers", "a.csv", 'customer_id = "x"')
        + SOURCE.format("usage", "a.csv", 'customer_id = "x"\nused_at = "y"\nfeatur = "x"')
    )
    assert faults(tmp_path, text) == [
        (1, "observed_until is not declared"),
        (2, "time zone 'Mars' is unknown"),
        (4, "instrument 'ces' names no version of CES, so its direction is not declared"),
        (6, "required column 'started_at' of customers is not mapped"),
        (17, "column 'featur' is not a column of usage"),
    ]


def test_faults_of_the_files_it_names_are_named_once_the_study_file_is_right(tmp_path: Path) -> None:
    text = (
        HEAD
        + SOURCE.format("customers", "a.csv", 'customer_id = "x"\nstarted_at = "yy"')
        + SOURCE.format("usage", "b.csv", 'customer_id = "x"\nused_at = "y"')
        + SOURCE.format("orders", "a.csv", 'customer_id = "x"\nordered_at = "y"\namount = "y"')
    )
    assert faults(tmp_path, text) == [
        (8, "column 'yy' is not in the file"),
        (11, "file 'b.csv' does not exist"),
    ]


def test_one_study_one_fault_or_none(tmp_path: Path) -> None:
    good = HEAD + SOURCE.format("customers", "a.csv", 'customer_id = "x"\nstarted_at = "y"')
    assert faults(tmp_path, good) == []
    assert faults(tmp_path, good + "[[sources\n")[0][0] == 0
    assert len(faults(tmp_path, good.replace("[study]", "[study]\nnam = 1"))) == 1


def test_the_command_prints_them_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults(tmp_path, "[study]\n" + SOURCE.format("customers", "a.csv", 'customer_id = "x"'))
    assert main(["check", str(tmp_path)]) != 0
    said = capsys.readouterr().err
    assert "2 faults keep this study from being read" in said
    assert "- line 1: observed_until is not declared" in said
    assert "- line 2: required column 'started_at'" in said
