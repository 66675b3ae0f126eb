"""What stands under "Before you rely on it", on the page of every report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import IPython.display
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.checking.doubts_about import doubts_about
from cxresearch.reporting import present
from cxresearch.reporting.notebook.catalogue import list_reports, source_of
from cxresearch.reporting.presenting import reliance_box
from cxresearch.reporting.writing.reliance import Reliance, leaving_in_force, unused_weights

NAMES = [report.name for report in list_reports()]
#: What keeps a run of a report short, and the column that answers need.
QUICK: dict[str, dict[str, Any]] = {
    "churn-risk": {"model": "logistic", "top": 5},
    "churn-curves": {"at": 6.0, "lifetime": 12.0},
    "scorecard": {"metrics": ["nps", "csat"], "every": "quarter"},
    "drivers": {"outcome": "csat", "drivers": ["nps", "tickets_90d"]},
}
#: Reports that read tickets, which hold a doubt (a scorecard looks through all tables for metrics), and those
#: that speak of leaving.
READS_TICKETS = {"ces-vs-nps", "unhappy", "journey", "churn-risk", "drivers", "scorecard"}
SPEAKS_OF_LEAVING = {
    *("ces-vs-nps", "unhappy", "journey", "score-vs-churn", "churn-risk", "churn-curves", "scorecard"),
    "outlook",
}
USES_WEIGHTS = {"ces-vs-nps", "score-vs-churn", "drivers", "scorecard"}


def write_study(folder: Path, *, customers: int = 260, weight: bool = True) -> Path:
    """A company with weighted answers, some given after the end, and tickets of unknown status."""
    rng = np.random.default_rng(3)
    ids = [f"c{number}" for number in range(customers)]
    left = rng.random(customers) < 0.4
    start = pd.Timestamp("2022-06-01") + pd.to_timedelta(rng.integers(0, 200, customers), unit="D")
    end = pd.Timestamp("2023-03-01") + pd.to_timedelta(rng.integers(0, 600, customers), unit="D")
    ended = pd.Series(end).where(left)
    people = pd.DataFrame({"customer_id": ids, "started_at": start, "ended_at": ended})
    people["region"] = rng.choice(["north", "south"], customers)
    days = [pd.Timestamp(day) for day in ("2023-02-10", "2023-08-10", "2024-02-10")]
    each = np.repeat(ids, len(days))
    asked = pd.DataFrame({"customer_id": each, "responded_at": days * customers})
    design = rng.choice([0.5, 1.5], len(asked))
    parts = []
    for name, low, high in (("nps", 0, 10), ("csat", 1, 5)):
        part = asked.assign(instrument=name, score=rng.integers(low, high + 1, len(asked)))
        if weight:
            part["weight"] = design
        parts.append(part)
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{number}" for number in range(customers)],
            "customer_id": ids,
            "created_at": pd.Timestamp("2023-05-01")
            + pd.to_timedelta(rng.integers(0, 300, customers), unit="D"),
            "status": "somewhere",
        }
    )
    tables = {"customers": people, "responses": pd.concat(parts), "tickets": tickets}
    lines = ["[study]", 'name = "Trial"', "observed_until = 2024-12-31", 'timezone = "Europe/Berlin"']
    lines += ["[instruments]", 'nps = "nps"', 'csat = "csat"']
    lines += ["[journey]", 'stages = ["begin", "help"]']
    lines += ["[journey.entered]", 'begin = "started"', 'help = "asked_for_help"']
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        columns = ", ".join(f'{column} = "{column}"' for column in frame.columns)
        lines += ["[[sources]]", f'table = "{name}"', f'file = "{name}.csv"', f"columns = {{ {columns} }}"]
    (folder / "study.toml").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"))


def page_of(
    report: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> dict[str, list[str]]:
    """Run the cells of a report here; what its blocks say by kind, a block written again counting once."""
    blocks: dict[str, tuple[str, str]] = {}

    def display(data: dict[str, str], *, metadata: Any, display_id: str | None = None, **_: Any) -> None:
        kind = metadata["cxresearch"]["block"]
        blocks[display_id or f"{kind} {len(blocks)}"] = (kind, data["text/plain"])

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(IPython.display, "update_display", display)
    path = next(entry.path for entry in list_reports() if entry.name == report)
    names: dict[str, Any] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        exec(source_of(cell), names)
        if "parameters" in cell["metadata"].get("tags", []):
            names.update(QUICK.get(report, {}) | settings, study=str(folder))
    found: dict[str, list[str]] = {}
    for kind, text in blocks.values():
        found.setdefault(kind, []).append(text)
    return found


@pytest.mark.filterwarnings("ignore::cxresearch.errors.CxWarning")
@pytest.mark.parametrize("report", NAMES)
def test_every_page_says_what_it_rests_on(report: str, folder: Path, monkeypatch: Any) -> None:
    settings = {"contestants": ["csat", "nps"]} if report == "ces-vs-nps" else {}
    (told,) = page_of(report, folder, monkeypatch, **settings)["reliance"]
    assert "Data until the end of 2024-12-31 (Europe/Berlin)" in told
    assert ("Left: on the day in ended_at of customers" in told) is (report in SPEAKS_OF_LEAVING)
    # Answers given after the end are a doubt about a table that every report reads.
    assert "Doubt about responses: " in told and "after end: dated after the customer ended" in told
    assert ("Doubt about tickets: " in told) is (report in READS_TICKETS)
    used = re.search(r"weights of answers mapped in the study (are used|\(column weight\) go into)", told)
    assert bool(used) is (report in USES_WEIGHTS)
    assert ("mapped in the study are not used on this page" in told) is (report not in USES_WEIGHTS)


@pytest.mark.parametrize("report", NAMES)
def test_every_report_calls_it_once_below_its_finding(report: str) -> None:
    path = next(entry.path for entry in list_reports() if entry.name == report)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [source_of(cell) for cell in cells if cell["cell_type"] == "code"]
    places = [place for place, source in enumerate(code) if "present.before_you_rely(" in source]
    findings = [place for place, source in enumerate(code) if "present.finding(" in source]
    assert len(places) == 1 and places[0] in (findings[0], findings[0] + 1)


def test_weights_move_the_figures_of_the_pages_that_use_them(folder: Path, tmp_path: Path) -> None:
    study, plain = cx.read_study(folder), cx.read_study(write_study(tmp_path, weight=False))
    options = {"every": "quarter", "horizon_days": 180, "keep_silent": True, "features": ["responses"]}
    marks, without = cx.landmark(study, **options), cx.landmark(plain, **options)
    weighed = cx.contest.answer_weights(marks, ["nps", "csat"])
    assert weighed.values is not None
    counted = cx.compare(without, ["nps", "csat"], metrics=())
    in_weights = cx.compare(marks, ["nps", "csat"], metrics=(), weights=weighed.values)
    assert in_weights.auc("nps").value != counted.auc("nps").value
    assert cx.compare(marks, ["nps", "csat"], metrics=()).auc("nps").value == counted.auc("nps").value
    assert cx.contest.answer_weights(without, ["nps"]).note == ""


def test_weights_that_disagree_or_are_missing_are_not_used_and_it_is_said(folder: Path) -> None:
    marks = cx.landmark(cx.read_study(folder), every="quarter", horizon_days=180, features=["responses"])
    frame = marks.frame.assign(csat_weight=marks.frame["csat_weight"] * 2)
    unlike = cx.contest.answer_weights(
        cx.classifier.Landmarks(**vars(marks) | {"frame": frame}), ["nps", "csat"]
    )
    assert unlike.values is None and "no one weight stands for the row" in unlike.note
    frame = marks.frame.assign(nps_weight=np.nan)
    lacking = cx.contest.answer_weights(cx.classifier.Landmarks(**vars(marks) | {"frame": frame}), ["nps"])
    assert lacking.values is None and "missing or 0" in lacking.note


def test_drivers_take_weights_as_rows_that_stand_for_several() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "y"])
    table["y"] += table["a"]
    double = np.arange(300) < 100
    weighted = cx.key_drivers(table, "y", ["a", "b"], weights=np.where(double, 2.0, 1.0), runs=20)
    twice = cx.key_drivers(pd.concat([table, table[double]], ignore_index=True), "y", ["a", "b"], runs=20)
    np.testing.assert_allclose(weighted.table["importance"], twice.table["importance"], rtol=1e-9)
    with pytest.raises(cx.errors.ArgumentError, match="not above 0"):
        cx.key_drivers(table, "y", ["a", "b"], weights=np.zeros(300))


def test_a_broken_table_that_no_one_reads_stops_nothing(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lines = (tmp_path / "tickets.csv").read_text().splitlines()
    (tmp_path / "tickets.csv").write_text("\n".join([lines[0], "t1,c1,no day,open", *lines[2:]]))
    study = cx.read_study(tmp_path)
    cx.churn_curve(study)
    assert study.tables_read == ("customers",)
    assert set(doubts_about(study, study.tables_read)["table"]) <= {"customers", "revenue"}
    assert Reliance(study=study, read_from=study, dated="end").items()[1].startswith("Left: ")


def test_leaving_is_told_by_what_the_study_maps() -> None:
    people = {"customer_id": ["a", "b"], "started_at": "2024-01-01"}
    cut = {"observed_until": "2024-12-31", "instruments": {}}
    nobody = cx.Study.from_frames({"customers": pd.DataFrame(people)}, **cut)  # type: ignore[arg-type]
    assert "everybody counts as still there" in "".join(leaving_in_force(nobody, dated="end"))
    assert not list(leaving_in_force(nobody, dated=""))
    ends = {
        **people,
        "ended_at": ["2024-06-01", None],
        "notice_at": ["2024-05-01", None],
        "end_kind": [None, None],
    }
    study = cx.Study.from_frames({"customers": pd.DataFrame(ends)}, **cut)  # type: ignore[arg-type]
    (told,) = leaving_in_force(study, dated="notice", kind="voluntary")
    assert told.startswith("Left: on the day in notice_at of customers, else in ended_at; 1 of 2 customers")
    assert unused_weights(study, "curves count customers") == ""


def test_a_segment_of_a_study_is_told_apart_from_its_doubts(folder: Path) -> None:
    part = present.open_study(str(folder), segment="region=north")
    cx.churn_curve(part)
    box = Reliance(study=reliance_box._WHOLE[id(part)], read_from=part)
    assert any("about all customers" in item for item in box.items())
