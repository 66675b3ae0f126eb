"""What the check of a study says: counts, doubts, and what is missing for which report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx

Write = Callable[..., Path]
DAY = pd.Timestamp("2024-03-01")


def study_of(**tables: pd.DataFrame) -> cx.Study:
    return cx.Study.from_frames(
        tables, observed_until="2024-12-31", instruments={"nps": cx.NPS, "ces": cx.CES2}, name="made"
    )


def customers(*ended: Any) -> pd.DataFrame:
    ids = [f"c{i}" for i in range(len(ended))]
    ends = pd.to_datetime(pd.Series(ended, dtype="object"))
    return pd.DataFrame({"customer_id": ids, "started_at": DAY, "ended_at": ends})


def responses(*instruments: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": "c0", "instrument": instruments, "score": 7, "responded_at": DAY})


def missing(study: cx.Study) -> dict[str, str]:
    return cx.check_study(study).reports.set_index("report")["missing"].to_dict()


def test_all_reports_are_ready() -> None:
    study = study_of(customers=customers(None, "2024-06-01"), responses=responses("nps", "ces"))
    assert set(missing(study).values()) == {""}
    assert list(missing(study)) == ["ces-vs-nps", "scorecard", "churn-curves", "churn-risk", "drivers"]


@pytest.mark.parametrize(
    ("tables", "report", "says"),
    [
        ({"responses": responses("nps", "ces")}, "ces-vs-nps", "table customers"),
        ({"customers": customers(None, "2024-06-01")}, "ces-vs-nps", "table responses"),
        ({"customers": customers(None, "2024-06-01")}, "churn-risk", "one of responses, tickets, usage"),
        ({"customers": customers(None, None)}, "churn-curves", "nobody did"),
        ({"customers": customers("2024-06-01", "2024-07-01")}, "churn-curves", "everybody ended"),
        ({"customers": customers(None).drop(columns="ended_at")}, "churn-curves", "column ended_at"),
        ({"responses": responses("nps", "nps")}, "drivers", "answers to 1"),
        ({"customers": customers(None)}, "scorecard", "table responses"),
    ],
)
def test_what_is_missing(tables: dict[str, pd.DataFrame], report: str, says: str) -> None:
    assert says in missing(study_of(**tables))[report]


def test_a_faulty_study_is_checked_without_being_refused(write_study: Write) -> None:
    path = write_study(responses="customer,question,answer,when\nc1,nps,11,2024-03-01\nc1,ces,6,2024-03-02\n")
    found = cx.check_study(cx.read_study(path))
    assert not found.usable
    assert found.tables.set_index("table").loc["responses", ["rows", "valid", "rejected"]].tolist() == [
        2,
        1,
        1,
    ]
    assert found.rejects[["table", "rule", "column", "rows"]].values.tolist() == [
        ["responses", "score_out_of_scale", "score", 1]
    ]
    assert found.examples["value"].tolist() == ["11"]
    text = str(found)
    assert "Not usable as it is" in text
    assert "score_out_of_scale" in text
    accepted = cx.check_study(cx.read_study(path, on_reject="set_aside", max_reject_share=0.5))
    assert accepted.usable
    assert "Every table can be used." in str(accepted)


def test_page_is_escaped(write_study: Write) -> None:
    path = write_study(responses="customer,question,answer,when\nc1,nps,<script>,2024-03-01\n")
    page = cx.check_study(cx.read_study(path))._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_text_columns_line_up() -> None:
    text = str(cx.check_study(study_of(customers=customers(None, "2024-06-01"))))
    table = text[text.index("Tables") :].splitlines()[1:3]
    assert table[0].index("rows") + len("rows") == table[1].index("2") + 1


def test_one_ticket_in_two_files_is_one_ticket(write_study: Write, tmp_path: Path) -> None:
    path = write_study()
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("id,opened\nt1,2024-02-01\n")
        source = f'[[sources]]\ntable = "tickets"\nfile = "{name}.csv"\n'
        path.write_text(path.read_text() + source + 'columns = { ticket_id = "id", created_at = "opened" }\n')
    study = cx.read_study(path)
    assert study.counts().set_index("table").loc["tickets"].tolist() == [2, 1, 1]


def test_arguments_of_read_study(write_study: Write) -> None:
    with pytest.raises(cx.ArgumentError, match="on_reject"):
        cx.read_study(write_study(), on_reject="drop")
    with pytest.raises(cx.ArgumentError, match="max_reject_share is 5"):
        cx.read_study(write_study(), max_reject_share=5)
