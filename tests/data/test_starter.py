"""cxresearch init: what it recognises, what it leaves to be decided, and that it overwrites nothing."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

import cxresearch as cx
from cxresearch.data.starter.write_starter import write_starter_study


def sources(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["file"], one["table"]): one for one in tomllib.loads(text).get("sources", [])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "accounts.csv").write_text(
        "account_id,signup_date,cancelled_at,plan,email\n"
        + "".join(f"a{i},2024-01-{i + 1:02d},,{'pro' if i % 2 else 'basic'},a{i}@x.org\n" for i in range(20))
    )
    (tmp_path / "survey.csv").write_text(
        "account_id;submitted_at;nps_score;ease_score\n"
        + "".join(f"a{i};03/{i + 1:02d}/2024;{i % 11};{1 + i % 7}\n" for i in range(12))
    )
    (tmp_path / "notes.md").write_text("not data")
    (tmp_path / "blob.csv").write_bytes(bytes(range(256)))
    return tmp_path


def test_recognises_and_marks_what_it_cannot_know(folder: Path) -> None:
    path = write_starter_study(folder)
    text = path.read_text()
    found = sources(text)
    assert found["accounts.csv", "customers"]["columns"] == {
        "customer_id": "account_id",
        "started_at": "signup_date",
        "ended_at": "cancelled_at",
        "plan": "plan",
    }
    survey = found["survey.csv", "responses"]
    assert survey["delimiter"] == ";"
    assert survey["scores"] == {"nps": "nps_score", "ces": "ease_score"}
    assert tomllib.loads(text)["instruments"] == {"nps": "nps"}
    for line in (
        "# observed_until = ",
        "# TODO which wording was asked",
        "# TODO '03/01/2024' is 2024-01-03 or 2024-03-01",
    ):
        assert line in text
    assert "not read: blob.csv" in text
    # Without the comment signs the lines about targets are what the study file takes.
    targets = text[text.index("# [targets]") :].split("\n\n")[0].replace("\n# ", "\n").removeprefix("# ")
    assert tomllib.loads(targets) == {"targets": {"nps": 40, "sla_attainment": "90 %"}}
    assert "email" in text.split("# not used:")[1].splitlines()[0]


def test_refused_until_decided_and_then_it_opens(folder: Path) -> None:
    path = write_starter_study(folder)
    decisions = [
        ("observed_until is not declared", "# observed_until = 2024-01-20", "observed_until = 2024-12-31"),
        ("instrument 'ces' is unknown", '# ces = "ces2"', 'ces = "ces2"'),
        (
            "reads two ways",
            'responded_at = "submitted_at"',
            'responded_at = { column = "submitted_at", date_format = "%m/%d/%Y" }',
        ),
    ]
    for problem, undecided, decided in decisions:
        with pytest.raises(cx.errors.StudyError, match=problem):
            cx.read_study(path)
        assert undecided in path.read_text()
        path.write_text(path.read_text().replace(undecided, decided))
    assert cx.read_study(path).counts().values.tolist() == [
        ["customers", 20, 20, 0, 0],
        ["responses", 24, 24, 0, 0],
    ]


def test_why_customers_left_is_no_segment(tmp_path: Path) -> None:
    ends = [",", "2023-06-01,moved", ",", "2023-06-01,unpaid"] * 5
    rows = "".join(f"c{i},2023-01-{i + 1:02d},{end},pro\n" for i, end in enumerate(ends))
    (tmp_path / "customers.csv").write_text("customer_no,signup_date,cancel_date,cancel_reason,plan\n" + rows)
    text = write_starter_study(tmp_path).read_text()
    assert sources(text)["customers.csv", "customers"]["columns"] == {
        "customer_id": "customer_no",
        "started_at": "signup_date",
        "ended_at": "cancel_date",
        "plan": "plan",
    }
    assert '# end_kind = { column = "cancel_reason", values = { "moved" = ..., "unpaid" = ... } }' in text


def test_never_overwrites(folder: Path) -> None:
    (folder / "study.toml").write_text("mine")
    with pytest.raises(cx.errors.StudyError, match="already"):
        write_starter_study(folder)
    assert (folder / "study.toml").read_text() == "mine"


def test_folder_without_data(tmp_path: Path) -> None:
    with pytest.raises(cx.errors.StudyError, match="no data file"):
        write_starter_study(tmp_path)
    with pytest.raises(cx.errors.StudyError, match="no folder"):
        write_starter_study(tmp_path / "absent")


def test_names_that_need_quotes_stay_valid_toml(tmp_path: Path) -> None:
    (tmp_path / 'odd "name".csv').write_text(
        'account id,"signup ""date""","Ort\\Land"\na,2024-01-01,x\nb,2024-01-02,x\n'
    )
    path = write_starter_study(tmp_path)
    tomllib.loads(path.read_text())


@pytest.mark.shared
def test_vendor_layouts(shared: Path, tmp_path: Path) -> None:
    for file in (shared / "data" / "vendor_formats").glob("*.csv"):
        shutil.copy(file, tmp_path)
    text = write_starter_study(tmp_path).read_text()
    found = sources(text)
    assert {table for _, table in found} == {"responses", "tickets"}
    assert found["zendesk_ticket.csv", "tickets"]["columns"]["ticket_id"] == "id"
    assert "# left out: recurly_subscription_history.csv" in text  # several versions of a subscription
    assert found["pendo_poll_event_nps.csv", "responses"]["columns"]["responded_at"] == "timestamp"
    assert found["gsa_a11_cx_responses_bom.csv", "responses"]["columns"]["customer_id"] == "external_id"
    qualtrics = found["qualtrics_3row_german.csv", "responses"]
    assert (qualtrics["skip_rows"], qualtrics["scores"]) == (2, {"q1": "Q1"})
    assert found["qualtrics_legacy_2row.csv", "responses"]["header_row"] == 2
    for history in ("zendesk_ticket_comment.csv", "zendesk_ticket_field_history.csv"):
        assert f"# left out: {history}" in text
