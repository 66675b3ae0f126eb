"""A light pass proves large tables clean; it leaves the same rows, rejects and counts as full judging."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cxresearch as cx
from cxresearch.data.readers import open_study as opening

STUDY = """
[study]
name = "Large"
observed_until = 2024-12-31
[instruments]
nps = "nps"
ces = "ces2"
[limits]
on_reject = "set_aside"
[[sources]]
table = "customers"
file = "customers.parquet"
columns = { customer_id = "customer_id", started_at = "started_at" }
[[sources]]
table = "responses"
file = "responses.parquet"
[sources.columns]
customer_id = "customer_id"
instrument = "instrument"
score = "score"
responded_at = "responded_at"
team = { column = "team", missing = ["n/a"] }
[[sources]]
table = "revenue"
file = "revenue.parquet"
columns = { customer_id = "customer_id", effective_at = "effective_at", mrr = "mrr" }
"""

CUSTOMERS = pd.DataFrame(
    {"customer_id": ["a", "b", "c"], "started_at": pd.Timestamp("2023-01-01").as_unit("us")}
)
NOT_CLEAN: dict[str, dict[str, Any]] = {
    "unknown customer": {"customer_id": "z"},
    "no customer": {"customer_id": None},
    "customer of blanks": {"customer_id": "  "},
    "unknown instrument": {"instrument": "gut_feeling"},
    "score off the scale": {"score": 11.0},
    "half a score": {"score": 7.5},
    "endless score": {"score": math.inf},
    "score below everything": {"score": -math.inf},
    "score that is no number": {"score": math.nan},
    "no score": {"score": None},
    "no date": {"responded_at": None},
    "date after the cut": {"responded_at": datetime(2025, 6, 1)},
    "date before all": {"responded_at": datetime(1800, 1, 1)},
    "team missing": {"team": "n/a"},
    "team missing, after a blank": {"team": " n/a "},
    "team whose name begins like the mark": {"team": "n/a-team"},
    "team of blanks": {"team": " "},
    "team of another blank": {"team": "\u00a0"},
    "team missing, before another blank": {"team": "n/a\u00a0"},
    "team missing, after another blank": {"team": "\u3000n/a"},
    "team that begins with another letter": {"team": "Überlingen"},
    "no team": {"team": None},
}


def answers(*changes: dict[str, Any], rows: int = 6, **more: Any) -> pa.Table:
    """Rows in which a missing score and NaN are two things, as in files of Polars, PyArrow and Spark."""
    clean = [
        {
            "customer_id": "abc"[i % 3],
            "instrument": ("nps", "ces")[i % 2],
            "score": float(1 + i % 7),
            "responded_at": datetime(2024, 1, 1) + timedelta(days=5 * i),
            "team": ("north", "south")[i % 2],
            **more,
        }
        for i in range(rows)
    ]
    changed = [row | change for row, change in zip(clean, [*changes, *[{}] * rows], strict=False)]
    return pa.Table.from_pylist(changed, schema=pa.Table.from_pylist(clean).schema)


def levels(*, twice: bool = False, negative: bool = False) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a"],
            "effective_at": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-03-01"]).as_unit("us"),
            "mrr": [10.0, 20.0, -1.0 if negative else 15.0],
        }
    )
    return pd.concat([table, table.tail(1)]) if twice else table


def write(folder: Path, responses: pa.Table, revenue: pd.DataFrame) -> Path:
    for name, table in (("customers", CUSTOMERS), ("revenue", revenue)):
        duckdb.from_df(table).write_parquet(str(folder / f"{name}.parquet"))
    pq.write_table(responses, folder / "responses.parquet")  # its maxima pass over NaN; DuckDB's do not
    path = folder / "study.toml"
    path.write_text(STUDY)
    return path


def as_read(study: cx.Study, *, counted_first: bool = False) -> dict[str, pd.DataFrame]:
    """All that a user can see of a study's tables."""
    found = {"counts": study.counts(), "flags": study.flags()} if counted_first else {}
    for name in study.tables:
        try:
            rows = study.table(name).collect("pandas").to_native()
        except cx.errors.StudyError as error:
            found[name] = pd.DataFrame({"refused": [str(error).split(" (", maxsplit=1)[0]]})
        else:
            found[name] = rows.sort_values(list(rows.columns), ignore_index=True)
    rejects = study.rejects().drop(columns="source")
    found["rejects"] = rejects.sort_values(list(rejects.columns), ignore_index=True)
    return found | {"counts": study.counts(), "flags": study.flags()}


def assert_alike(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, other[name], obj=name)


@pytest.fixture
def every_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], cx.Study]:
    """Open a study whose tables count as too large to be kept."""

    def read(path: Path) -> cx.Study:
        with monkeypatch.context() as patch:
            patch.setattr(opening, "KEEP_BELOW_BYTES", -1)
            return cx.read_study(path)

    return read


@pytest.mark.parametrize("what", [None, *NOT_CLEAN])
def test_files_read_each_time_give_what_kept_ones_give(
    tmp_path: Path, every_time: Callable[[Path], cx.Study], what: str | None
) -> None:
    path = write(tmp_path, answers(*([NOT_CLEAN[what]] if what else [])), levels())
    kept = as_read(cx.read_study(path))
    assert_alike(kept, as_read(every_time(path), counted_first=what is None))
    dropped = (
        "unknown customer",
        "half a score",
        "endless score",
        "score that is no number",
        "date after the cut",
        "no date",
    )
    assert len(kept["rejects"]) == (what in dropped) or what not in (None, *dropped)


@pytest.mark.parametrize("changed", [{"twice": True}, {"negative": True}])
def test_levels_too(tmp_path: Path, every_time: Callable[[Path], cx.Study], changed: dict[str, bool]) -> None:
    path = write(tmp_path, answers(), levels(**changed))
    found = as_read(every_time(path))
    assert_alike(as_read(cx.read_study(path)), found)
    assert len(found["rejects"]) == (2 if "twice" in changed else 1)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([{}, {}, *NOT_CLEAN.values()]), max_size=6), st.booleans())
def test_any_mixture(
    tmp_path: Path, every_time: Callable[[Path], cx.Study], changes: list[dict[str, Any]], first: bool
) -> None:
    path = write(tmp_path, answers(*changes), levels())
    assert_alike(as_read(cx.read_study(path)), as_read(every_time(path), counted_first=first))


def test_nan_after_an_invitation_is_silence_whoever_wrote_the_file(
    tmp_path: Path, every_time: Callable[[Path], cx.Study]
) -> None:
    asked = datetime(2023, 12, 1)
    path = write(tmp_path, answers({"score": math.nan}, {"score": None}, sent_at=asked), levels())
    mapped = STUDY.replace('score = "score"', 'score = "score"\nsent_at = "sent_at"')
    path.write_text(mapped)
    kept, each = as_read(cx.read_study(path)), as_read(every_time(path))
    assert_alike(kept, each)
    assert len(kept["rejects"]) == 0
    assert kept["flags"].set_index("flag").loc["no_score", "rows"] == 2


BLANK_OR_FLOAT = {
    "blank customer": {"customer_id": " "},
    "empty customer": {"customer_id": ""},
    "empty team": {"team": ""},
    "blank instrument": {"instrument": "\u2003"},
}


@pytest.mark.parametrize("what", [None, *NOT_CLEAN, *BLANK_OR_FLOAT])
def test_a_relation_gives_what_a_frame_in_memory_gives(what: str | None) -> None:
    rows = answers(*([(NOT_CLEAN | BLANK_OR_FLOAT)[what]] if what else []))
    tables = {"customers": pa.Table.from_pandas(CUSTOMERS, preserve_index=False), "responses": rows}
    assert_alike(*(as_read(study_of(form)) for form in (tables, as_relations(tables))))


def test_ids_stored_as_floats_in_a_relation() -> None:
    people = pa.table({"customer_id": [1, 2], "started_at": [datetime(2023, 1, 1)] * 2, "region": ["", "b"]})
    rows = answers().slice(0, 2).set_column(0, "customer_id", pa.array([1.0, 2.0]))
    tables = {"customers": people, "responses": rows}
    memory, relation = (as_read(study_of(form)) for form in (tables, as_relations(tables)))
    assert_alike(memory, relation)
    assert relation["counts"]["valid"].tolist() == [2, 2]
    assert relation["customers"]["region"].isna().sum() == 1


def as_relations(tables: dict[str, pa.Table]) -> dict[str, duckdb.DuckDBPyRelation]:
    connection = duckdb.connect()
    for name, table in tables.items():
        connection.register(name, table)
    return {name: connection.table(name) for name in tables}


def study_of(tables: Mapping[str, Any]) -> cx.Study:
    return cx.Study.from_frames(
        tables,
        observed_until="2024-12-31",
        instruments={"nps": cx.NPS, "ces": cx.CES2},
        on_reject="set_aside",
    )


@pytest.mark.parametrize("counted_first", [False, True])
def test_nan_is_no_answer_in_a_relation_too(tmp_path: Path, *, counted_first: bool) -> None:
    connection = duckdb.connect()
    rows = answers({"score": math.nan}, {"score": None}, sent_at=datetime(2023, 12, 1))
    pq.write_table(rows, tmp_path / "rows.parquet")
    study = cx.Study.from_frames(
        {"responses": connection.read_parquet(str(tmp_path / "rows.parquet"))},
        observed_until="2024-12-31",
        instruments={"nps": cx.NPS, "ces": cx.CES2},
    )
    if counted_first:
        assert study.counts()["valid"].tolist() == [6]
    scores = study.table("responses").collect("pandas").to_native()["score"]
    assert scores.isna().sum() == 2
    assert study.flags().set_index("flag").loc["no_score", "rows"] == 2
    counted = {name: cx.metric_table(study, name)["n_missing"].iloc[0] for name in ("nps", "ces")}
    assert counted == {"nps": 1, "ces": 1}


def test_the_endless_is_no_number_in_a_relation_either() -> None:
    connection = duckdb.connect()
    connection.register("levels", levels().assign(mrr=[10.0, math.inf, -math.inf]))
    tables = {"revenue": connection.table("levels")}
    study = cx.Study.from_frames(
        tables, observed_until="2024-12-31", instruments={}, on_reject="set_aside", max_reject_share=1
    )
    found = study.rejects()
    assert found["rule"].tolist() == ["not_a_number"] * 2
    assert found["value"].tolist() == ["inf", "-inf"]
    assert study.table("revenue").collect("pandas").to_native()["mrr"].tolist() == [10.0]


def test_a_relation_is_judged_where_it_is() -> None:
    connection = duckdb.connect()
    connection.register("rows", answers({"score": 12.0}))
    tables = {"responses": connection.table("rows")}
    instruments = {"nps": cx.NPS, "ces": cx.CES2}
    with pytest.raises(
        cx.errors.StudyError, match=r"1 of 6 rows .* of responses breaks a rule.*row 1: score '12'"
    ):
        cx.Study.from_frames(tables, observed_until="2024-12-31", instruments=instruments).table("responses")
    study = cx.Study.from_frames(
        tables, observed_until="2024-12-31", instruments=instruments, on_reject="set_aside"
    )
    assert len(study.table("responses").collect("pandas").to_native()) == 5
