"""What the check of a study says: counts, doubts, and what is missing for which report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.cli import main

Write = Callable[..., Path]
DAY = pd.Timestamp("2024-03-01")


def study_of(**tables: Any) -> cx.Study:
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
    study = cx.synthetic.company_study(seed=1, customers=600)
    said = missing(study)
    assert "[journey] stages" in said.pop("journey")  # stages are declared, or there is no journey
    assert set(said.values()) == {""}
    assert list(missing(study)) == [
        "ces-vs-nps",
        "unhappy",
        "journey",
        "score-vs-churn",
        "scorecard",
        "churn-curves",
        "churn-risk",
        "drivers",
        "outlook",
    ]


def test_two_customers_are_too_few_for_reports_that_compare() -> None:
    study = study_of(customers=customers(None, "2024-06-01"), responses=responses("nps", "ces"))
    said = missing(study)
    assert said["scorecard"] == said["churn-curves"] == ""
    assert "answers to nps that differ" in said["ces-vs-nps"]
    assert "1 left within 180 days" in said["churn-risk"]
    assert "20 rows with nps" in said["drivers"]


@pytest.mark.parametrize(
    ("tables", "report", "says"),
    [
        ({"responses": responses("nps", "ces")}, "ces-vs-nps", "table customers"),
        ({"customers": customers(None, "2024-06-01")}, "ces-vs-nps", "table responses"),
        ({"customers": customers(None, "2024-06-01")}, "churn-risk", "at least 18 of each"),
        ({"customers": customers(None, None)}, "churn-curves", "nobody did"),
        ({"customers": customers("2024-06-01", "2024-07-01")}, "churn-curves", "everybody ended"),
        ({"customers": customers(None).drop(columns="ended_at")}, "churn-curves", "column ended_at"),
        ({"responses": responses("nps", "nps")}, "drivers", "table customers"),
        (
            {"customers": customers(None).drop(columns="ended_at")},
            "scorecard",
            "one of responses, revenue, tickets, usage, orders",
        ),
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
    assert study.counts().set_index("table").loc["tickets"].tolist() == [2, 1, 1, 0]


def test_arguments_of_read_study(write_study: Write) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="on_reject"):
        cx.read_study(write_study(), on_reject="drop")
    with pytest.raises(cx.errors.ArgumentError, match="max_reject_share is 5"):
        cx.read_study(write_study(), max_reject_share=5)


def test_churn_curves_are_ready_where_the_curve_can_be_drawn() -> None:
    """What the check says and what cx.churn_curve does agree, and both say what such a curve cannot tell."""
    for ended, says, note in (
        ((None, None), "nobody did.*flat, and says nothing about later", "nobody churned"),
        (("2024-06-01", "2024-07-01"), "everybody ended.*leavers alone", "everybody has ended"),
        ((None, "2025-06-01"), "nobody did", "nobody churned"),
    ):
        study = study_of(customers=customers(*ended))
        line = cx.check_study(study).reports.set_index("report").loc["churn-curves"]
        assert line["ready"]
        assert re.search(says, line["missing"])
        assert any(note in one for one in cx.churn_curve(study).notes)
    both = study_of(customers=customers(None, "2024-06-01"))
    assert missing(both)["churn-curves"] == ""
    assert cx.churn_curve(both).notes == ()


def test_ids_written_differently_are_pointed_out(write_study: Write) -> None:
    header = "id,since,until,kind,plan\n"
    path = write_study(
        customers=header
        + "C1,2024-01-05,,,a\n c1 ,2024-01-05,,,a\n007,2024-01-05,,,a\n1.2E+12,2024-01-05,,,b\n",
        responses="customer,question,answer,when\n7,nps,9,2024-03-01\nC1,nps,9,2024-03-01\nx,nps,9,2024-03-01\n",
    )
    flags = cx.check_study(cx.read_study(path)).flags.set_index(["table", "flag"])["rows"]
    assert flags.to_dict() == {
        ("customers", "ids alike"): 2,
        ("customers", "ids rounded"): 1,
        ("responses", "ids written otherwise"): 1,
    }
    assert not len(cx.check_study(cx.read_study(write_study())).flags)


def test_doubts_on_an_engine_of_its_own() -> None:
    people = customers(None, None).assign(customer_id=["c0", "C0 "])
    given = pd.concat([responses("nps"), responses("nps")])
    database = duckdb.connect()
    tables = {
        "customers": database.from_df(people),
        "responses": database.from_df(given.astype({"score": float})),
    }
    flags = cx.check_study(study_of(**tables)).flags
    assert flags[["flag", "rows"]].values.tolist() == [["ids alike", 2], ["rows repeated", 1]]


def test_groups_written_differently_are_pointed_out() -> None:
    people = customers(*[None] * 5).assign(plan=["Pro", "pro ", "basic", "Basic", None], size=list("abcde"))
    flags = cx.check_study(study_of(customers=people)).flags
    assert flags[["flag", "rows"]].values.tolist() == [["segments alike", 4]]
    assert "groups of plan" in flags["detail"].iloc[0]
    assert "'pro '" in flags["detail"].iloc[0]


def test_several_plans_of_a_customer_are_pointed_out() -> None:
    rows = [("c0", "a", 10.0), ("c0", "b", 20.0), ("c1", "a", 10.0), ("c1", "b", 0.0)]
    levels = pd.DataFrame(rows, columns=["customer_id", "plan", "mrr"]).assign(
        effective_at=pd.to_datetime(["2024-03-01", "2024-04-01"] * 2)
    )
    flags = cx.check_study(study_of(customers=customers(None, None), revenue=levels)).flags
    assert flags[["flag", "rows"]].values.tolist() == [
        ["customers with several plans", 1],
        ["stopped without an end", 1],
    ]


@pytest.mark.parametrize("name", ["answers.csv", "answers.csv.gz", "study.parquet", "absent.xlsx"])
def test_a_data_file_is_no_study_file(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(cx.errors.StudyError, match=rf"wanted a study\.toml.*cxresearch init {tmp_path}"):
        cx.read_study(tmp_path / name)
    for command in (["check", name], ["run", "scorecard", "--study", name]):
        assert main([*command[:-1], str(tmp_path / name)]) == 1
        assert "wanted a study.toml" in capsys.readouterr().err


def test_a_nul_byte_is_found_wherever_it_is(write_study: Write) -> None:
    """Unseen, it would make a group of its own of the same name."""
    rows = b"customer,question,answer,when\n" + b"c1,nps,9,2024-03-01\n" * 250_000
    damaged = rows + b"c1\x00,nps,9,2024-03-01\n"
    path = write_study(responses=damaged)
    text = path.read_text()
    for encoding in ("utf-8", "latin-1"):
        path.write_text(
            text.replace('file = "responses.csv"', f'file = "responses.csv"\nencoding = "{encoding}"')
        )
        with pytest.raises(cx.errors.StudyError, match=r"NUL bytes \(responses\.csv, line 250,002\).*tr -d"):
            cx.read_study(path)


def test_customers_without_answers_cannot_be_compared() -> None:
    marks = cx.landmark(
        study_of(customers=customers(None, "2024-08-01")), every=["2024-05-01"], horizon_days=90
    )
    with pytest.raises(cx.errors.DataError, match=r"no score to compare.*table responses.*\[\[sources\]\]"):
        cx.compare(marks, ["ces", "nps"])
    for scores in ((), ("nps",)):
        with pytest.raises(
            cx.errors.ArgumentError, match=r"two or more different instruments.*map their answers"
        ):
            cx.Protocol(scores=scores, horizon_days=(180,))


def test_a_report_is_not_ready_on_a_table_that_is_refused() -> None:
    answers = responses("nps", "ces")
    answers.loc[0, "score"] = 11
    people = customers(None, "2024-06-01")
    said = missing(study_of(customers=people, responses=answers))
    assert said["scorecard"] == "table responses, which is refused as it is"
    assert said["churn-curves"] == ""
    levels = pd.DataFrame({"customer_id": ["c1"], "effective_at": [DAY], "mrr": [10.0]})
    said = missing(study_of(customers=people, responses=responses("nps", "ces"), revenue=levels))
    refused = "table revenue, which is refused as it is"
    assert said["scorecard"] == said["churn-risk"] == said["drivers"] == refused  # MRR is a feature
    assert said["churn-curves"] == ""
