"""Studies of real files, read in place: RavenStack with its faults, and exports of survey and ticket tools."""

# ruff: noqa: E501 - an inline table of TOML cannot be wrapped

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cxresearch as cx
from cxresearch.data.engine import collect

pytestmark = pytest.mark.shared
RAVENSTACK = Path(__file__).parent / "studies" / "ravenstack.toml"


@pytest.fixture
def ravenstack(shared: Path, tmp_path: Path) -> cx.Study:
    text = RAVENSTACK.read_text(encoding="utf-8")
    path = tmp_path / "study.toml"
    path.write_text(text.replace("{folder}", str(shared / "data" / "ravenstack")), encoding="utf-8")
    return cx.read_study(path)


def test_ravenstack_counts(ravenstack: cx.Study) -> None:
    """500/5000/600/2000/25000 rows by its provenance file; each ticket gives two responses."""
    counts = ravenstack.counts().set_index("table")
    assert counts["rows"].to_dict() == {
        "customers": 500,
        "responses": 4000,
        "revenue": 5263,
        "tickets": 2000,
        "usage": 25000,
    }
    assert (counts["valid"] + counts["rejected"] == counts["rows"]).all()
    by_rule = ravenstack.rejects().groupby(["table", "rule"]).size().to_dict()
    assert by_rule == {("tickets", "reply_after_resolution"): 36, ("usage", "duplicate_row"): 21}


def test_ravenstack_doubts_are_flags(ravenstack: cx.Study) -> None:
    flags = ravenstack.flags().set_index(["table", "flag"])["rows"]
    assert flags["customers", "accounts with a churn event"] == 352
    assert (
        flags["customers", "churn flag and churn events disagree"] == 312
    )  # 110 flags, 75 of them with an event
    assert flags["responses", "no_score"] == 825
    # 1,077 tickets are older than the account; 18 of them are among the 36 rejects
    assert flags["tickets", "before_start"] == 1059


def test_ravenstack_scores_and_check(ravenstack: cx.Study) -> None:
    scores = (
        collect(ravenstack.table("responses")).groupby("instrument")["score"].agg(["count", "min", "max"])
    )
    assert scores.loc["csat"].tolist() == [1175, 3, 5]
    assert scores.loc["effort"].tolist() == [2000, 1, 5]
    found = cx.check_study(ravenstack)
    assert found.usable
    reports = found.reports.set_index("report")
    assert reports["ready"].drop(["drivers", "journey"]).all()
    assert "[journey] stages" in reports.loc["journey", "missing"]
    assert "answers to nps" in reports.loc["drivers", "missing"]
    assert found.segments.set_index("segment").loc["industry", "values"] == 5
    assert "352" in str(found)
    json.dumps(found.to_dict())
    assert "<script" not in found._repr_html_()


def study_of(folder: Path, tmp_path: Path, body: str) -> cx.Study:
    about = "[study]\nobserved_until = 2024-12-31\n[limits]\nmax_reject_share = 1.0\n"
    (tmp_path / "study.toml").write_text(about + body.replace("{folder}", str(folder)), encoding="utf-8")
    return cx.read_study(tmp_path)


def test_qualtrics_with_three_header_rows(shared: Path, tmp_path: Path) -> None:
    body = """
[instruments.q1]
low = 1
high = 5
direction = "high_is_good"
[[sources]]
table = "responses"
file = "{folder}/qualtrics_3row_german.csv"
skip_rows = 2
columns = { customer_id = "ResponseId", responded_at = "RecordedDate", sent_at = "StartDate", comment = "Q2" }
scores = { q1 = "Q1" }
"""
    study = study_of(shared / "data" / "vendor_formats", tmp_path, body)
    responses = collect(study.table("responses"))
    assert responses["customer_id"].tolist() == ["R_2YPOQ602ER1jkf1"]
    assert responses["score"].tolist() == [2.0]
    assert responses["comment"].tolist() == ["Hello World!"]


def test_old_qualtrics_with_its_mark_and_two_header_rows(shared: Path, tmp_path: Path) -> None:
    body = """
[instruments.q1]
low = 1
high = 5
direction = "high_is_good"
[[sources]]
table = "responses"
file = "{folder}/qualtrics_legacy_2row.csv"
header_row = 2
columns = { customer_id = "ResponseID", responded_at = "EndDate" }
scores = { q1 = "This is a multiple choice question." }
"""
    study = study_of(shared / "data" / "vendor_formats", tmp_path, body)
    assert collect(study.table("responses"))["score"].tolist() == [2.0]


def test_gsa_with_its_mark_has_no_dates(shared: Path, tmp_path: Path) -> None:
    """A constant date stands for the quarter of the export; thumbs up or down is a scale of two answers."""
    body = """
[instruments.trust]
low = 0
high = 1
direction = "high_is_good"
top = [1]
[[sources]]
table = "responses"
file = "{folder}/gsa_a11_cx_responses_bom.csv"
columns = { customer_id = "external_id", responded_at = { constant = "2024-06-30" }, comment = "question_4" }
scores = { trust = "question_1" }
"""
    study = study_of(shared / "data" / "vendor_formats", tmp_path, body)
    responses = collect(study.table("responses"))
    assert responses["customer_id"].iloc[0] == "100001"
    assert responses["comment"].tolist()[:2] == ["alright", None]


def test_zendesk_recurly_and_pendo(shared: Path, tmp_path: Path) -> None:
    body = """
[instruments]
nps = "nps"
[[sources]]
table = "tickets"
file = "{folder}/zendesk_ticket.csv"
columns = { ticket_id = "id", customer_id = "organization_id", created_at = "created_at", channel = "via_channel" }
[[sources]]
table = "revenue"
file = "{folder}/recurly_subscription_history.csv"
columns = { customer_id = "account_id", effective_at = "activated_at", mrr = "unit_amount", currency = "currency" }
[[sources]]
table = "responses"
file = "{folder}/pendo_poll_event_nps.csv"
columns = { customer_id = "visitor_id", responded_at = "timestamp", score = "poll_response", instrument = { constant = "nps" } }
"""
    study = study_of(shared / "data" / "vendor_formats", tmp_path, body)
    counts = study.counts().set_index("table")
    assert (counts["rows"] == counts["valid"] + counts["rejected"]).all()
    assert collect(study.table("tickets"))["channel"].isin(["web", "email", "api"]).any()
    assert collect(study.table("revenue"))["mrr"].tolist() == [99.0, 99.0, 2999.0]
    # the seed file holds scrambled answers: not one is a score, and not one is taken for one
    assert set(study.rejects("responses")["rule"]) == {"not_a_number"}
