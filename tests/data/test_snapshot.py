"""Customers on one day: who left is known, but not when. What answers, what refuses, what init recognises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.cli import main
from cxresearch.data.snapshot import CAUTION
from cxresearch.data.starter.write_starter import write_starter_study

STUDY = """
[study]
kind = "snapshot"
{study}
[[sources]]
table = "{table}"
file = "list.csv"
[sources.columns]
customer_id = "id"
left = {left}
plan = "plan"
calls = {{ column = "calls", number = true }}
"""


def list_of_customers(n: int = 200, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    calls = rng.poisson(2, n)
    gone = rng.random(n) < 0.1 + 0.1 * calls
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(n)],
            "Churn": np.where(gone, "Yes", "No"),
            "plan": rng.choice(["basic", "pro"], n),
            "calls": calls,
        }
    )


def written(
    folder: Path, table: pd.DataFrame, *, left: str = '"Churn"', study: str = "", feeds: str = "customers"
) -> Path:
    table.to_csv(folder / "list.csv", index=False)
    path = folder / "study.toml"
    path.write_text(STUDY.format(left=left, study=study, table=feeds))
    return path


@pytest.fixture
def snapshot(tmp_path: Path) -> cx.Study:
    return cx.read_study(written(tmp_path, list_of_customers()))


#: Entry points of a study, each with what it needs besides.
ENTRIES: dict[str, Callable[[cx.Study], Any]] = {
    "landmark": lambda study: cx.landmark(study, horizon_days=90),
    "churn_curve": cx.churn_curve,
    "compare_curves": lambda study: cx.compare_curves(cx.churn_curve(study, by="plan")),
    "compare": lambda study: cx.compare(study, ["nps", "ces"]),
    "fit_churn": cx.fit_churn,
    "scorecard": cx.scorecard,
    "metric": lambda study: cx.metric(study, "customer_churn"),
    "metric_table": lambda study: cx.metric_table(study, "nps", every="month"),
    "since_when": lambda study: cx.since_when(study, "nps"),
    "turning_points": lambda study: cx.turning_points(study, "c1"),
    "who": cx.who,
    "unhappy_customers": cx.unhappy_customers,
    "tables": lambda study: study.tables,
    "observed_until": lambda study: study.observed_until,
    "customers": lambda study: study.table("customers"),
    "mrr_bridge": cx.revenue.mrr_bridge,
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_whatever_needs_time_is_refused_in_one_sentence(snapshot: cx.Study, entry: str) -> None:
    with pytest.raises(
        cx.CxError, match=r"is a snapshot: who left is known, but not when.*cx\.study\.who_left"
    ):
        ENTRIES[entry](snapshot)


def test_what_goes_with_having_left_answers_with_the_caution(snapshot: cx.Study) -> None:
    found = cx.study.who_left(snapshot)
    assert CAUTION in found.notes
    assert found.n == 200
    assert found.table.loc[0, "column"] == "calls"
    assert found.table.loc[0, "higher"] == "leavers"
    drivers = snapshot.table("snapshot")
    assert "left" in drivers.collect_schema().names()


def test_key_drivers_take_a_snapshot_and_say_what_it_cannot_tell(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"calls": rng.poisson(2, 400), "seats": rng.normal(size=400)})
    table["left"] = rng.random(400) < 0.1 + 0.1 * table["calls"]
    found = cx.key_drivers(cx.Study.from_snapshot(table), "left", ["calls", "seats"], runs=30)
    assert found.table.loc[0, "driver"] == "calls"
    assert CAUTION in " ".join(found.notes)


def test_a_study_with_dates_is_no_snapshot() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="has dates"):
        cx.study.who_left(cx.synthetic.company_study(customers=100))


def test_rows_are_valid_or_rejected_and_an_unclear_flag_is_not_guessed(tmp_path: Path) -> None:
    table = list_of_customers(40)
    table.loc[:2, "Churn"] = ["perhaps", "", "Yes"]
    study = cx.read_study(written(tmp_path, table, study=""))
    counts = study.counts().iloc[0]
    assert counts[["rows", "valid", "rejected", "left_out"]].tolist() == [40, 38, 2, 0]
    assert set(study.rejects()["rule"]) == {"unknown_left", "missing_value"}
    with pytest.raises(cx.errors.StudyError, match="neither yes nor no"):
        cx.study.who_left(study)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"study": 'after_cut = "leave_out"'}, "after_cut needs dates"),
        ({"feeds": "tickets"}, "a snapshot has customers only"),
        ({"feeds": "snapshot"}, "table 'snapshot' is unknown"),
    ],
)
def test_what_only_dates_give_meaning_to_is_refused(
    tmp_path: Path, change: dict[str, str], says: str
) -> None:
    path = written(tmp_path, list_of_customers(), **change)  # type: ignore[arg-type]
    with pytest.raises(cx.errors.StudyError, match=says):
        cx.read_study(path)


def test_a_customer_twice_is_refused(tmp_path: Path) -> None:
    table = pd.concat([list_of_customers(20)] * 2)
    study = cx.read_study(written(tmp_path, table))
    with pytest.raises(cx.errors.StudyError, match="customer_id that occurs more than once"):
        cx.study.who_left(study)


def test_the_check_of_a_snapshot_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, list_of_customers())
    assert main(["check", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "a snapshot: who left is known, but not when" in said
    assert CAUTION in said
    assert main(["run", "scorecard", "--study", str(tmp_path), "--dry-run"]) != 0
    assert "is a snapshot" in capsys.readouterr().err


LISTS: dict[str, tuple[pd.DataFrame, str, str]] = {
    "yes and no": (list_of_customers(), '"No" = "no", "Yes" = "yes"', 'customer_id = "id"'),
    "exited, bank": (
        pd.DataFrame(
            {
                "CustomerId": range(90),
                "Exited": [0, 1, 0] * 30,
                "IsActiveMember": [1, 0] * 45,
                "Balance": range(90),
            }
        ),
        '"0" = "no", "1" = "yes"',
        'customer_id = "CustomerId"',
    ),
    "attrition flag": (
        pd.DataFrame(
            {
                "CLIENTNUM": range(60),
                "Attrition_Flag": ["Existing Customer", "Attrited Customer"] * 30,
                "Months_on_book": range(60),
            }
        ),
        '"Attrited Customer" = "yes", "Existing Customer" = "no"',
        "Months_on_book",
    ),
    "active": (
        pd.DataFrame({"client_id": range(60), "is_active": ["true", "false"] * 30, "seats": range(60)}),
        '"false" = "yes", "true" = "no"',
        'customer_id = "client_id"',
    ),
    "status in words": (
        pd.DataFrame(
            {
                "Customer ID": range(60),
                "Customer Status": ["Stayed", "Churned", "Joined"] * 20,
                "Age": range(60),
            }
        ),
        '"Churned" = "yes", "Joined" = "no", "Stayed" = "no"',
        'customer_id = "Customer ID"',
    ),
    "German": (
        pd.DataFrame(
            {"Kundennummer": range(60), "gekündigt": ["ja", "nein"] * 30, "Vertragsdauer": range(60)}
        ),
        '"ja" = "yes", "nein" = "no"',
        "Vertragsdauer",
    ),
}


@pytest.mark.parametrize("kind", LISTS)
def test_init_recognises_a_list_without_dates(kind: str, tmp_path: Path) -> None:
    table, values, line = LISTS[kind]
    table.to_csv(tmp_path / "list.csv", index=False)
    text = write_starter_study(tmp_path).read_text()
    assert 'kind = "snapshot"' in text
    assert values in text
    assert line in text
    study = cx.read_study(tmp_path)
    assert cx.check_study(study).usable
    assert cx.study.who_left(study).n == len(table)


def test_a_flag_that_says_neither_is_asked_about(tmp_path: Path) -> None:
    pd.DataFrame({"id": range(40), "churn": ["A", "B"] * 20, "seats": range(40)}).to_csv(
        tmp_path / "list.csv", index=False
    )
    text = write_starter_study(tmp_path).read_text()
    assert "# TODO which values of 'churn' say that a customer left?" in text
    with pytest.raises(cx.errors.StudyError, match="left"):
        cx.read_study(tmp_path)


def test_customers_with_dates_are_no_snapshot(tmp_path: Path) -> None:
    table = list_of_customers().assign(signup_date="2024-01-05")
    table.to_csv(tmp_path / "customers.csv", index=False)
    assert "snapshot" not in write_starter_study(tmp_path).read_text()


def test_columns_that_state_the_outcome_are_not_looked_at_and_leaks_are_named() -> None:
    rng = np.random.default_rng(3)
    left = rng.random(600) < 0.3
    table = pd.DataFrame(
        {
            "left": left,
            "churn_reason": np.where(left, "price", "none"),
            "refund": np.where(left, rng.normal(5, 1, 600), rng.normal(0, 1, 600)),
            "tenure": np.where(left, rng.integers(1, 10, 600), rng.integers(5, 40, 600)),
            "event": rng.normal(size=600),
            "duration_days": rng.normal(size=600),
        }
    )
    found = cx.study.who_left(cx.Study.from_snapshot(table))
    alarms = found.table.set_index("column")["alarm"]
    assert "too good" in alarms["refund"]
    assert "tenure stops" in alarms["tenure"]
    assert alarms["event"] == alarms["duration_days"] == ""
    assert found.told.empty
    assert any("churn_reason" in name for name in found.left_aside)
