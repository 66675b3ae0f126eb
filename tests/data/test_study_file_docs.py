"""The study file of the guide is run as it stands, and the guide names every table, column, rule and flag."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.row_rules import FLAGS, RULES

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "study-file.md"


@pytest.fixture
def study(tmp_path: Path) -> cx.Study:
    text = GUIDE.read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    (tmp_path / "study.toml").write_text(example[1], encoding="utf-8")
    files = {
        "customers.csv": "Kunde,Beginn,Ende,Grund,Tarif,Plätze\n"
        "k1,05.01.2024,9999-12-31,,Pro,5\nk2,06.01.2024,30.06.2024,K,Basis,n/a\nk3,07.02.2024,,,Pro,2\n",
        "nps.csv": "Kunde;beantwortet;gesendet;Note\n"
        "k1;03/04/2024 10:15;01/04/2024 09:00;9\nk2;;01/04/2024 09:00;\n"
        "k3;05/04/2024 08:00;01/04/2024 09:00;4\n",
        "survey.csv": "ExternalReference,RecordedDate,Q1,Q2\nExternal,Recorded,Satisfied?,Easy?\n"
        '"{""ImportId"":""a""}","{""ImportId"":""b""}",x,y\n'
        "k1,2024-05-01 12:00,5,\nk2,2024-05-02 12:00,2,3\n",
        "tickets.csv": "id,customer,opened,solved,reply_hours\n"
        "t1,k1,2024-03-01 10:00,2024-03-02 10:00,0.25\nt2,,2024-03-05 10:00,,9\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    billing = {"customer": ["k1", "k1", "k2"], "change": [50.0, 20.0, 30.0]}
    days = pd.to_datetime(["2024-01-05", "2024-03-05", "2024-01-06"])
    pd.DataFrame(billing | {"day": days}).to_parquet(tmp_path / "billing.parquet")
    return cx.read_study(tmp_path, max_reject_share=0.5)


def test_the_example_runs(study: cx.Study) -> None:
    assert study.counts().set_index("table")["valid"].to_dict() == {
        "customers": 3,
        "responses": 7,
        "revenue": 3,
        "tickets": 2,
    }
    assert study.rejects()[["table", "rule", "source"]].values.tolist() == [
        ["responses", "missing_value", "responses from tickets.csv"]
    ]
    customers = collect(study.table("customers"))
    assert customers["seats"].tolist()[::2] == [5.0, 2.0]
    assert customers["end_kind"].tolist() == [None, "voluntary", None]
    assert study.segments == ("plan", "country")
    responses = collect(study.table("responses"))
    effort = responses[responses["instrument"] == "reply_effort"]
    assert effort["score"].tolist() == [1.0]
    first = responses[responses["score"] == 9]
    assert first["responded_at"].tolist() == [pd.Timestamp("2024-04-03 08:15")]
    assert collect(study.table("revenue")).query("customer_id == 'k1'")["mrr"].tolist() == [50.0, 70.0]
    flags = study.flags().set_index("flag")["rows"]
    assert flags[["not_asked", "no_score", "tickets without a customer"]].tolist() == [1, 1, 1]


def test_the_guide_names_everything() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for rule, meaning in RULES.items():
        line = next((line for line in text.splitlines() if line.startswith(f"| `{rule}`")), "")
        assert line, f"rule {rule} is not in the guide"
        words = meaning.split(" (")[0].split(",")[0]
        assert words in line, f"the guide says something else about {rule}"
    for flag in FLAGS:
        assert f"`{flag}`" in text, f"flag {flag} is not in the guide"
    for layout in LAYOUTS.values():
        line = next(line for line in text.splitlines() if line.startswith(f"| {layout.name} |"))
        for column in layout.columns:
            assert column in line, f"{column} of {layout.name} is not in the guide"
