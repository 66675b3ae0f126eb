"""``init`` then ``check`` over every public data set beside the project: what becomes of each, said aloud."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import cxresearch as cx
from cxresearch.cli import main

pytestmark = pytest.mark.shared

#: Each set with its files, and what becomes of it with only the data cut filled in. ``asked``: the study file
#: has questions, and nothing is handed out before they are answered. ``snapshot``: a list without dates,
#: ready for ``who_left``. ``refused``: it opens, and rows that break rules are refused.
SETS: dict[str, tuple[str, str]] = {
    "cdnow_sample": ("cdnow_sample.csv.gz", "asked"),
    "cdnow_summary": ("cdnow_summary.csv.gz", "asked"),
    "corp_rep_mobile": ("corp_rep_mobile.csv.gz", "asked"),
    "ecsi_mobi": ("ecsi_mobi.csv.gz", "asked"),
    "ibm_telco_churn": ("ibm_telco_churn.csv.gz", "snapshot"),
    "iranian_churn": ("iranian_churn.csv.gz", "snapshot"),
    "mlc_churn": ("mlc_churn.csv.gz", "snapshot"),
    "servicenow_incidents": ("servicenow_incidents.csv.gz", "asked"),
    "ravenstack": ("ravenstack/*.csv.gz", "refused"),
    "sfo": ("sfo/*.csv.gz", "asked"),
    "vendor_formats": ("vendor_formats/*.csv", "asked"),
}


def becomes(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, int, str]:
    """Outcome, number of TODOs left, and what ``check`` prints."""
    assert main(["init", str(folder)]) == 0
    path = folder / "study.toml"
    text = re.sub(r"^# (observed_until = \S+)", r"\1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    capsys.readouterr()
    code = main(["check", str(folder)])
    printed = capsys.readouterr()
    outcome = {0: "right", 1: "refused"}[code]
    if 'kind = "snapshot"' in text and not code:
        outcome = "snapshot"
    elif code and printed.err:
        outcome = "asked"
    return outcome, text.count("TODO"), printed.out + printed.err


@pytest.mark.parametrize("name", SETS)
def test_no_public_set_is_silently_wrong(
    name: str, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, expected = SETS[name]
    for file in sorted((shared / "data").glob(files)):
        shutil.copyfile(file, tmp_path / file.name)
    outcome, questions, printed = becomes(tmp_path, capsys)
    doubts = printed.partition("Doubts about rows that stay")[2].partition("\n\n")[0].count("\n") - 1
    with capsys.disabled():
        print(f"\n| {name} | {outcome} | {questions} | {max(doubts, 0)} |", end="")
    assert outcome == expected, printed
    assert "Traceback" not in printed
    assert questions
    if outcome != "asked":
        study = cx.read_study(tmp_path)
        for row in study.counts().to_dict("records"):
            assert row["rows"] == row["valid"] + len(study.rejects(row["table"])) + row["left_out"]


@pytest.mark.parametrize(
    ("name", "customers", "leavers"),
    [("ibm_telco_churn", 7043, 1869), ("iranian_churn", 3150, 495), ("mlc_churn", 5000, 707)],
)
def test_lists_without_dates_count_their_leavers(
    name: str, customers: int, leavers: int, shared: Path, tmp_path: Path
) -> None:
    """Figures of the PROVENANCE files."""
    file = shared / "data" / f"{name}.csv.gz"
    shutil.copyfile(file, tmp_path / file.name)
    assert main(["init", str(tmp_path)]) == 0
    found = cx.study.who_left(cx.read_study(tmp_path))
    assert (found.n, found.leavers) == (customers, leavers)
