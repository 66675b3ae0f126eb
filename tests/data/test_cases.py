"""Small inputs that once gave a wrong number: right, asked about or refused now; read where they stand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.cli import main
from cxresearch.errors import StudyError
from tests.data.test_contradictions import bridge_table

pytestmark = pytest.mark.shared
Begin = Callable[..., Path]


@pytest.fixture
def begin(shared: Path, tmp_path: Path) -> Begin:
    """Copy a case, let init write its study, fill in the cut and make edits that a TODO asks for."""

    def make(case: str, cut: str, *edits: tuple[str, str]) -> Path:
        folder = shared / "cases" / case / "data"
        if not folder.is_dir():
            pytest.skip(f"no case {case} beside the project")
        for file in folder.iterdir():
            shutil.copyfile(file, tmp_path / file.name)
        assert main(["init", str(tmp_path)]) == 0
        path = tmp_path / "study.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        text = "\n".join(
            f"observed_until = {cut}" if line.startswith("# observed_until") else line for line in lines
        )
        for asked, decided in edits:
            assert asked in text, f"init does not ask: {asked}"
            text = text.replace(asked, decided)
        path.write_text(text, encoding="utf-8")
        return path

    return make


def months(path: Path) -> pd.DataFrame:
    return bridge_table(cx.revenue.mrr_bridge(cx.read_study(path))).set_index("period")


def rows(path: Path, table: str) -> pd.DataFrame:
    return cx.read_study(path).checked.valid(table).collect().to_pandas()


def nps(path: Path) -> tuple[float, int]:
    scores = rows(path, "responses")["score"]
    estimate: Any = cx.nps(scores)
    return round(float(estimate), 1), estimate.n


def test_01_labels_with_the_number_behind(begin: Begin) -> None:
    path = begin("01-surveymonkey-nps-labels", "2024-06-30")
    assert nps(path) == (14.3, 7)
    assert 'customer_id = "Custom Data 1"' in path.read_text(encoding="utf-8")
    assert len(cx.read_study(path).rejects()) == 0


def test_04_the_group_of_a_score_is_no_score(begin: Begin) -> None:
    assert nps(begin("04-qualtrics-nps-group", "2024-06-30")) == (41.7, 120)


def test_05_who_is_missing_from_a_snapshot_left(begin: Begin) -> None:
    path = begin("05-monthly-snapshots", "2025-08-31")
    assert 'rows = "snapshots"  # TODO check' in path.read_text(encoding="utf-8")
    august = months(path).loc["2025-08-01"]
    assert august[["opening", "contraction", "churn", "closing", "churn_customers"]].tolist() == [
        180,
        10,
        75,
        120,
        3,
    ]


def test_07_inclusive_ends(begin: Begin) -> None:
    table = months(begin("07-inclusive-end-dates", "2024-05-15"))
    assert table["opening"].tolist() == [0, 60, 60, 60, 30]
    assert table["reactivation"].sum() == 0


def test_08_no_answer_is_asked_about(begin: Begin) -> None:
    path = begin("08-prefer-not-to-answer", "2024-06-30", ('"reject"  # TODO "not_asked"', '"not_asked"  #'))
    assert cx.read_study(path).table("responses").collect().to_pandas()["score"].tolist() == [9, 3, 10]


def test_11_good_bad_and_offered(begin: Begin) -> None:
    answers = rows(begin("11-zendesk-good-bad-offered", "2024-06-30"), "responses")
    assert len(answers) == 15
    assert (answers["score"].notna().sum(), (answers["score"] == 5).sum()) == (10, 8)


def test_12_open_tickets_are_open(begin: Begin) -> None:
    path = begin("12-reopened-open-tickets", "2024-04-30")
    assert rows(path, "tickets")["resolved_at"].notna().sum() == 4
    assert cx.read_study(path).summary("tickets").flags["reopened"] == 3


def test_17_subscriptions_export(begin: Begin) -> None:
    levels = rows(begin("17-stripe-subscriptions-export", "2024-06-01"), "revenue")
    by_now = levels[levels["effective_at"] <= pd.Timestamp("2024-06-01")].sort_values("effective_at")
    last = by_now.groupby("customer_id")["mrr"].last()
    assert last.round(2).to_dict() == {"cus_A": 399.0, "cus_B": 84.17, "cus_C": 798.0}


def test_19_outcomes_are_no_segments(begin: Begin) -> None:
    study = cx.read_study(begin("19-status-as-segment-leak", "2024-06-30"))
    assert study.segments == ("contract",)
    assert study.outcomes == ("customer_status", "churn_label", "churn_category")


def test_20_emoji_in_utf_16(begin: Begin) -> None:
    assert len(rows(begin("20-utf16-emoji", "2024-12-31"), "responses")) == 9


def test_25_abbreviations_are_asked_about(begin: Begin) -> None:
    path = begin("25-zone-abbreviations", "2024-12-31")
    with pytest.raises(StudyError, match="responded_at"):
        cx.read_study(path)
    text = path.read_text(encoding="utf-8").replace("# responded_at", "responded_at")
    for zone, meaning in (("AST", "-04:00"), ("BST", "Europe/London"), ("EST", "-05:00")):
        text = text.replace(f'{zone} = "..."', f'{zone} = "{meaning}"')
    path.write_text(text, encoding="utf-8")
    days = rows(path, "responses")["responded_at"]
    assert days.iloc[:2].tolist() == [pd.Timestamp("2024-05-31 23:30"), pd.Timestamp("2024-06-01 02:30")]
    assert days.iloc[3] == pd.Timestamp("2024-06-22 15:07:29")


def test_27_ended_and_still_paying(begin: Begin) -> None:
    path = begin("27-ended-but-still-paying", "2024-06-30")
    assert main(["check", str(path)]) != 0
    with pytest.raises(StudyError, match="10 of 10 customers who ended go on paying"):
        months(path)
    path.write_text(path.read_text(encoding="utf-8").replace("# ends =", "ends ="), encoding="utf-8")
    march = months(path).loc["2024-03-01"]
    assert march["churn_customers"] / march["opening_customers"] == 0.25


def test_33_a_monthly_price_with_an_end(begin: Begin) -> None:
    march = months(begin("33-subscriptions-monthly-price", "2024-03-31")).loc["2024-03-01"]
    assert march[["closing", "churn"]].tolist() == [278, 79]
    assert march["churn_customers"] / march["opening_customers"] == pytest.approx(1 / 3)
