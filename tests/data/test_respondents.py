"""People who answer and are no customers: never counted as customers, never lost."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

import cxresearch as cx
from cxresearch.data.checking.check_study import check_study


def frames() -> dict[str, pd.DataFrame]:
    answers = [("c1", 10), ("c2", 9), ("e1", 0), ("e2", 1), ("p1", 8), ("both", 10), ("nobody", 5)]
    return {
        "customers": pd.DataFrame(
            {"customer_id": ["c1", "c2", "both"], "started_at": pd.Timestamp("2024-01-01")}
        ),
        "respondents": pd.DataFrame(
            {
                "respondent_id": ["e1", "e2", "p1", "both"],
                "kind": ["employee", "employee", "prospect", "employee"],
                "site": ["Bonn", "Kiel", "Kiel", "Bonn"],
            }
        ),
        "responses": pd.DataFrame(answers, columns=["customer_id", "score"]).assign(
            instrument="nps", responded_at=pd.Timestamp("2024-02-01")
        ),
    }


def study(tables: dict[str, Any] | None = None) -> cx.Study:
    return cx.Study.from_frames(
        tables or frames(),
        observed_until="2024-03-31",
        instruments={"nps": "nps"},
        on_reject="set_aside",
    )


def on_duckdb() -> dict[str, Any]:
    connection = duckdb.connect()
    for name, frame in frames().items():
        connection.register(name, frame)
    return {name: connection.table(name) for name in frames()}


@pytest.mark.parametrize(
    "tables",
    [frames, lambda: {name: pl.from_pandas(frame) for name, frame in frames().items()}, on_duckdb],
    ids=["pandas", "polars", "duckdb"],
)
def test_answers_of_no_customers_are_left_out_and_counted(tables: Any) -> None:
    data = study(tables())
    counts = data.counts().set_index("table")
    # 3 of customers, 1 of nobody known, 3 of respondents
    assert counts.loc["responses"].tolist() == [7, 3, 1, 3]
    assert data.rejects("responses")["rule"].tolist() == ["unknown_customer"]
    assert cx.metric_table(data, "nps")["n"].item() == 3
    outside = cx.study.respondents(data)
    table = cx.metric_table(outside, "nps", by="kind").set_index("kind")
    assert table["n"].to_dict() == {"employee": 2, "prospect": 1}
    assert outside.open_columns["responses"] == {"kind": "group", "site": "group"}


def test_the_check_counts_them_and_those_who_are_both() -> None:
    flags = check_study(study()).flags.set_index("flag")["rows"]
    assert flags["answers of respondents"] == 3
    assert flags["respondents who are customers"] == 1


def test_a_respondent_listed_twice_is_one() -> None:
    tables = frames()
    tables["respondents"] = pd.concat([tables["respondents"], tables["respondents"].head(1)])
    data = study(tables)
    assert data.rejects("respondents")["rule"].tolist() == ["duplicate_row"]
    assert cx.study.respondents(data).summary("responses").valid == 3


def test_without_customers_respondents_are_kept_apart_all_the_same() -> None:
    tables = frames()
    del tables["customers"]
    assert study(tables).summary("responses").left_out == 4


def test_a_study_without_respondents_says_what_to_do() -> None:
    tables = frames()
    del tables["respondents"]
    with pytest.raises(cx.errors.ArgumentError, match="lists no respondents"):
        cx.study.respondents(study(tables))


def test_later_views_keep_them_out() -> None:
    tables = frames()
    tables["responses"]["responded_at"] = pd.Timestamp("2024-06-01")
    data = cx.Study.from_frames(
        tables,
        observed_until="2024-03-31",
        instruments={"nps": "nps"},
        on_reject="set_aside",
        after_cut="leave_out",
    )
    assert data.summary("responses").valid == 0
    assert data.summary("responses").left_out == 7
