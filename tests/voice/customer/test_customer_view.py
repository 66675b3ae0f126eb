"""One customer from all sides: the record, the mood and since when, the turn, the private page."""

from __future__ import annotations

import html
import re
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.cli import main
from cxresearch.errors import ArgumentError
from cxresearch.reporting.page.customer_page import write_customer_page

HOSTILE = "<script>alert(1)</script> call me at +44 20 7946 0958, ann@example.org"


def moments(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(texts)


def study(**changes: pd.DataFrame) -> cx.Study:
    """Ann turns unhappy in May after two tickets and a price rise; Bob never answers; Cleo left."""
    tables = {
        "customers": pd.DataFrame(
            {
                "customer_id": ["ann", "bob", "cleo"],
                "started_at": moments("2024-01-01", "2024-02-01", "2024-01-15"),
                "ended_at": pd.to_datetime([None, None, "2024-06-01"]),
                "plan": ["pro", "basic", "pro"],
            }
        ),
        "responses": pd.DataFrame(
            {
                "customer_id": ["ann", "ann", "ann", "ann", "cleo"],
                "instrument": ["nps", "nps", "nps", "nps", "nps"],
                "score": [9.0, 7.0, 3.0, 2.0, 10.0],
                "responded_at": moments("2024-02-01", "2024-03-01", "2024-05-10", "2024-06-10", "2024-03-03"),
                "comment": ["", "", "", HOSTILE, ""],
            }
        ),
        "tickets": pd.DataFrame(
            {
                "ticket_id": ["1", "2", "3", "4"],
                "customer_id": ["ann", "ann", "ann", "bob"],
                "created_at": moments("2024-01-05", "2024-03-10", "2024-04-10", "2024-04-11"),
                "resolved_at": pd.to_datetime(["2024-01-06", "2024-03-11", None, None]),
                "category": ["billing", "bug", "bug", "bug"],
            }
        ),
        "revenue": pd.DataFrame(
            {
                "customer_id": ["ann", "ann", "bob", "cleo", "cleo"],
                "effective_at": moments("2024-01-01", "2024-04-01", "2024-02-01", "2024-01-15", "2024-06-01"),
                "mrr": [100.0, 120.0, 50.0, 80.0, 0.0],
            }
        ),
        "events": pd.DataFrame(
            {
                "customer_id": [None, "bob", "ann"],
                "occurred_at": moments("2024-04-20", "2024-04-21", "2023-12-01"),
                "kind": ["outage", "call_back", "demo"],
            }
        ),
        **changes,
    }
    return cx.Study.from_frames(
        tables, observed_until="2024-06-30", instruments={"nps": cx.NPS}, currency="EUR", segments=["plan"]
    )


def test_mood_since_when_turn_and_stake_of_an_unhappy_customer() -> None:
    view = cx.customer(study(), "ann", risk="none")
    assert view.finding == (
        "Customer 'ann' has been unhappy since 10 May 2024 (last NPS 2, 20 days ago); the last happy answer "
        "was 1 February 2024. Between the last happy and the first unhappy answer: 2 tickets, 1 change of "
        "what they pay, 1 outage; before is not because. 1 ticket open; pays 120.00 EUR a month."
    )
    assert view.turn["at"].min() == pd.Timestamp("2024-02-01")
    assert view.turn["at"].max() == pd.Timestamp("2024-05-10")
    assert (view.open_tickets, view.mrr, view.active) == (1, 120.0, True)
    assert view.questions[["answers", "last_score"]].values.tolist() == [[4, 2.0]]


def test_the_record_holds_every_row_of_the_customer_once_and_nobody_elses() -> None:
    record = cx.customer(study(), "ann", risk="none").table
    counts = record["source"].value_counts().to_dict()
    # 3 tickets and 2 resolutions, 2 levels of revenue, the company's outage and a demo before joining
    assert counts == {"answer": 4, "ticket": 5, "revenue": 2, "relation": 1, "company": 1, "event": 1}
    assert record["at"].is_monotonic_decreasing
    assert "words" not in record


def test_a_customer_who_never_answered_and_one_who_left() -> None:
    silent = cx.customer(study(), "bob", risk="none")
    assert silent.finding.startswith(
        "Customer 'bob' has never answered a question. 1 ticket open; pays 50.00 EUR"
    )
    assert not len(silent.turn)
    gone = cx.customer(study(), "cleo")
    assert gone.finding.startswith("Customer 'cleo' left on 1 June 2024 and is happy (last NPS 10, ")
    assert gone.risk is None and not gone.active


def test_an_answer_between_happy_and_unhappy_ends_neither_way() -> None:
    answers = pd.DataFrame(
        {
            "customer_id": ["ann", "ann"],
            "instrument": "nps",
            "score": [2.0, 7.0],
            "responded_at": moments("2024-02-01", "2024-03-01"),
        }
    )
    view = cx.customer(study(responses=answers), "ann", risk="none")
    assert view.questions["last_score"].item() == 7.0
    assert "is neither happy nor unhappy" in view.finding
    assert pd.isna(view.questions["unhappy_since"].item())


def test_an_unknown_customer_is_refused_with_what_to_do() -> None:
    with pytest.raises(ArgumentError, match="no customer 'zoe' among the valid rows"):
        cx.customer(study(), "zoe")


def test_the_risk_is_that_of_the_list_of_customers_at_risk() -> None:
    company = cx.synthetic.company_study(seed=1, customers=800)
    model = cx.fit_churn(cx.landmark(company, horizon_days=180, keep_silent=True), members=2)
    listed = cx.at_risk(model, company).table.iloc[0]
    view = cx.customer(company, listed["customer_id"], risk=model)
    assert view.risk is not None
    np.testing.assert_allclose(
        [view.risk.risk, view.risk.low, view.risk.high], listed[["risk", "risk_low", "risk_high"]].to_list()
    )
    assert view.risk.reasons == listed["reasons"]


def test_words_are_shown_only_when_asked_for_redacted_and_inert(tmp_path: Path) -> None:
    plain = write_customer_page(cx.customer(study(), "ann", risk="none"), tmp_path / "plain.html")
    assert "call me" not in plain.read_text(encoding="utf-8")
    view = cx.customer(study(), "ann", risk="none", words=True)
    page = write_customer_page(view, tmp_path / "words.html", study_name="<b>Firm</b>").read_text(
        encoding="utf-8"
    )
    assert "call me" in page
    assert "7946" not in page and "ann@example.org" not in page
    assert "<script" not in page and "<b>Firm" not in page


def test_the_page_is_the_owners_alone_even_where_another_stood(tmp_path: Path) -> None:
    path = tmp_path / "ann.html"
    path.write_text("old")
    path.chmod(0o644)
    write_customer_page(cx.customer(study(), "ann", risk="none"), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = html.unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))
    assert "has been unhappy since 10 May 2024" in text and "Private" in text


def test_a_page_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="cannot be written"):
        write_customer_page(cx.customer(study(), "ann", risk="none"), tmp_path / "no" / "ann.html")


def test_the_picture_has_a_lane_for_each_kind() -> None:
    axes = cx.plot(cx.customer(study(), "ann", risk="none"))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["NPS", "tickets", "pays", "events"]


def test_the_command_prints_the_view_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,started_at\nann,2024-01-01\n")
    (tmp_path / "responses.csv").write_text("customer_id,score,responded_at\nann,3,2024-05-10\n")
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "Firm"\nobserved_until = 2024-06-30\ntimezone = "UTC"\n'
        '[instruments]\nnps = "nps"\n'
        '[[sources]]\ntable = "customers"\nfile = "customers.csv"\n'
        '[sources.columns]\ncustomer_id = "customer_id"\nstarted_at = "started_at"\n'
        '[[sources]]\ntable = "responses"\nfile = "responses.csv"\n'
        '[sources.columns]\ncustomer_id = "customer_id"\nscore = "score"\nresponded_at = "responded_at"\n'
        'instrument = { constant = "nps" }\n'
    )
    page = tmp_path / "ann.html"
    code = main(["customer", "ann", "--study", str(tmp_path), "--no-risk", "--page", str(page)])
    assert code == 0
    assert "has been unhappy since the first answer on record, 10 May 2024" in capsys.readouterr().out
    assert "Firm" in page.read_text(encoding="utf-8")
    assert main(["customer", "zoe", "--study", str(tmp_path)]) != 0
