"""Studies of frames: the same rejects on every engine, and no row is ever lost."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.data.validation.row_rules import RULES
from cxresearch.stats.text.codebook import read_codebook

CUT = "2024-12-31"
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "started_at": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]),
        "ended_at": pd.to_datetime([None, "2024-05-01", "2024-01-01", "2025-06-01"]),
        "plan": ["pro", "basic", None, "pro"],
    }
)
RESPONSES = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "zz", "a", "a", None, "a", "a", "d"],
        "instrument": ["nps"] * 9 + ["csat"],
        "score": [9, 3, 5, 5, 11, float("nan"), 7, 6.5, 8, 5],
        "responded_at": pd.to_datetime(["2024-05-02"] * 8 + ["2025-02-01", "2024-06-01"]),
    }
)
TICKETS = pd.DataFrame(
    {
        "ticket_id": ["t1", "t2", "t2", "t3"],
        "created_at": pd.to_datetime(["2023-05-02", "2024-05-02", "2024-05-03", "2024-05-02"]),
        "customer_id": ["a", "b", "b", None],
        "resolved_at": pd.to_datetime([None, "2024-05-01", None, "2024-06-01"]),
    }
)
TABLES = {"customers": CUSTOMERS, "responses": RESPONSES, "tickets": TICKETS}
REJECTED = [
    ("customers", 3, "end_before_start"),
    ("responses", 3, "rejected_customer"),
    ("responses", 4, "unknown_customer"),
    ("responses", 5, "score_out_of_scale"),
    ("responses", 6, "missing_score"),
    ("responses", 7, "missing_value"),
    ("responses", 8, "score_not_whole"),
    ("responses", 9, "after_cut"),
    ("tickets", 2, "created_after_resolution"),
    ("tickets", 3, "duplicate_row"),
]
FLAGS = {
    ("customers", "ends_after_cut"): 1,
    ("responses", "after_end"): 1,
    ("tickets", "before_start"): 1,
}


def study_of(tables: dict[str, Any], **options: Any) -> cx.Study:
    options = {"on_reject": "set_aside", "observed_until": CUT} | options
    return cx.Study.from_frames(tables, instruments={"nps": cx.NPS, "csat": cx.CSAT}, **options)


def check_study(study: cx.Study, *, numbered: bool = True) -> None:
    found = study.rejects()
    columns = ["table", "row", "rule"] if numbered else ["table", "rule"]
    expected = [(t, n, rule) if numbered else (t, rule) for t, n, rule in REJECTED]
    assert sorted(found[columns].itertuples(index=False, name=None)) == sorted(expected)
    assert study.counts().values.tolist() == [
        ["customers", 4, 3, 1, 0],
        ["responses", 10, 3, 7, 0],
        ["tickets", 4, 2, 2, 0],
    ]
    flags = study.flags()
    assert dict(zip(zip(flags["table"], flags["flag"], strict=True), flags["rows"], strict=True)) == FLAGS
    responses = collect(study.table("responses")).sort_values(["customer_id", "score"])
    assert responses["score"].tolist() == [9.0, 3.0, 5.0]
    assert str(responses["responded_at"].dtype) == "datetime64[us]"
    assert study.segments == ("plan",)


@pytest.mark.parametrize(
    "engine", [lambda f: f, pl.from_pandas, lambda f: pl.from_pandas(f).lazy(), pa.Table.from_pandas]
)
def test_engines_in_memory(engine: Callable[[pd.DataFrame], Any]) -> None:
    check_study(study_of({name: engine(frame) for name, frame in TABLES.items()}))


def test_duckdb_relations_stay_where_they_are() -> None:
    connection = duckdb.connect()
    study = study_of({name: connection.from_arrow(pa.Table.from_pandas(f)) for name, f in TABLES.items()})
    check_study(study)
    assert isinstance(study.table("responses").to_native(), duckdb.DuckDBPyRelation)


@pytest.mark.spark
def test_spark() -> None:
    sql = pytest.importorskip("pyspark.sql")
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "1")
    try:
        session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    except Exception as error:
        pytest.skip(f"Spark does not start: {type(error).__name__}")
    try:
        tables = {name: session.createDataFrame(pa.Table.from_pandas(f)) for name, f in TABLES.items()}
        check_study(study_of(tables), numbered=False)
    finally:
        session.stop()


def test_engines_cannot_be_mixed_with_one_of_their_own() -> None:
    connection = duckdb.connect()
    tables = {"customers": connection.from_arrow(pa.Table.from_pandas(CUSTOMERS)), "responses": RESPONSES}
    assert study_of(tables).counts().valid.tolist() == [3, 3]


def test_refused_by_default() -> None:
    study = study_of(TABLES, on_reject="refuse")
    with pytest.raises(cx.errors.StudyError, match=r"1 of 4 rows .* of customers breaks a rule"):
        study.table("responses")


class TestRefusals:
    def test_unknown_table(self) -> None:
        with pytest.raises(cx.errors.StudyError, match="perhaps you meant 'customers'"):
            study_of({"customer": CUSTOMERS})
        with pytest.raises(cx.errors.ArgumentError, match="no table 'usage'"):
            study_of(TABLES).table("usage")

    def test_missing_and_mistyped_columns(self) -> None:
        with pytest.raises(cx.errors.StudyError, match="rename 'start' if that is it"):
            study_of({"customers": CUSTOMERS.rename(columns={"started_at": "start"})})
        with pytest.raises(cx.errors.StudyError, match="perhaps you meant 'ended_at'"):
            study_of({"customers": CUSTOMERS.rename(columns={"ended_at": "endedat"})})

    def test_numbers_where_times_belong(self) -> None:
        with pytest.raises(cx.errors.StudyError, match="holds numbers where a time is wanted"):
            study_of({"customers": CUSTOMERS.assign(started_at=20240101)})

    def test_duckdb_types_are_checked(self) -> None:
        connection = duckdb.connect()
        relation = connection.sql("SELECT 'a' AS customer_id, '2024-01-01' AS started_at")
        with pytest.raises(cx.errors.StudyError, match="column started_at"):
            study_of({"customers": relation})

    def test_what_is_not_a_frame(self) -> None:
        with pytest.raises(cx.CxError, match="is not a frame"):
            study_of({"customers": {"customer_id": ["a"]}})

    def test_column_of_mixed_types(self) -> None:
        with pytest.raises(cx.errors.StudyError, match="mixes types"):
            study_of({"customers": CUSTOMERS.assign(customer_id=["a", 1, {}, 2.5])})

    def test_choices(self) -> None:
        with pytest.raises(cx.errors.ArgumentError, match="on_reject"):
            study_of(TABLES, on_reject="drop")
        with pytest.raises(cx.errors.ArgumentError, match="time zone"):
            study_of(TABLES, timezone="Mars/Base")
        with pytest.raises(cx.errors.StudyError, match="segment 'tier'"):
            study_of(TABLES, segments=["tier"])


def test_aware_times_become_utc_and_naive_ones_are_utc() -> None:
    customers = CUSTOMERS.assign(started_at=CUSTOMERS["started_at"].dt.tz_localize("Europe/Berlin"))
    study = study_of({"customers": customers}, timezone="Europe/Berlin")
    assert collect(study.table("customers"))["started_at"].min() == pd.Timestamp("2023-12-31 23:00")
    assert study.observed_until == pd.Timestamp("2024-12-31 22:59:59.999999")


def test_empty_table_in_memory_is_no_fault() -> None:
    study = study_of({"customers": CUSTOMERS.head(2), "tickets": TICKETS.head(0)})
    assert study.counts().values.tolist() == [["customers", 2, 2, 0, 0], ["tickets", 0, 0, 0, 0]]
    assert len(collect(study.table("tickets"))) == 0


IDS = st.sampled_from(["a", "b", "b2", "", None, "ü"])
TIMES = st.sampled_from(["2024-01-01", "2024-06-30 12:00", "2025-07-01", "", "never", "2024-02-30", None])
NUMBERS = st.sampled_from(["0", "5", "10", "11", "-1", "7.5", "", "nan", "inf", "ten", " 9 ", None])
GOOD_CUSTOMERS = [(f"g{i}", "2024-01-01", "2024-11-01") for i in range(8)]
GOOD_RESPONSES = [("g1", "nps", "9", "2024-02-01")] * 8  # so that odd dates are the exception


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    customers=st.lists(st.tuples(IDS, TIMES, TIMES), max_size=6),
    responses=st.lists(
        st.tuples(IDS, st.sampled_from(["nps", "csat", "ces", None]), NUMBERS, TIMES), max_size=8
    ),
)
def test_no_row_is_lost(customers: list[Any], responses: list[Any]) -> None:
    """Whatever texts come in: every row is valid or set aside once, under a rule that is documented."""
    columns = {
        "customers": ["customer_id", "started_at", "ended_at"],
        "responses": ["customer_id", "instrument", "score", "responded_at"],
    }
    given_rows = {"customers": GOOD_CUSTOMERS + customers, "responses": GOOD_RESPONSES + responses}
    tables = {
        name: pd.DataFrame(rows, columns=columns[name], dtype="string") for name, rows in given_rows.items()
    }
    study = study_of(tables)
    for line in study.counts().to_dict("records"):
        rejects, kept = study.rejects(line["table"]), collect(study.checked.valid(line["table"]))
        assert line["rows"] == len(tables[line["table"]]) == line["valid"] + line["rejected"]
        assert (len(rejects), len(kept)) == (line["rejected"], line["valid"])
        assert rejects["row"].is_unique
        assert set(rejects["rule"]) <= set(RULES)
        raw = tables[line["table"]]
        untouched = raw.drop(index=rejects["row"] - 1)["customer_id"]
        assert sorted(untouched) == sorted(kept["customer_id"])
    valid = collect(study.checked.valid("responses"))
    assert valid["score"].mod(1).eq(0).all()
    assert valid["instrument"].isin(["nps", "csat"]).all()


def test_other_rows_of_a_study_keep_every_declaration() -> None:
    customers = pd.DataFrame(
        {"customer_id": ["a", "b"], "started_at": pd.Timestamp("2024-01-01"), "plan": "x"}
    )
    declared = {
        "observed_until": "2024-06-30",
        "instruments": {"nps": cx.NPS},
        "timezone": "Europe/Berlin",
        "currency": "EUR",
        "segments": ["plan"],
        "name": "whole",
        "on_reject": "set_aside",
        "max_reject_share": 0.2,
        "revenue_ends": "at_zero",
        "targets": {"nps": 30.0},
    }
    study = cx.Study.from_frames({"customers": customers}, **declared)
    study.codebook = read_codebook({"price": {"words": ["dear"]}})
    other = study.with_tables({"customers": customers.head(1)}, name="one")
    carried = set(inspect.signature(cx.Study.__init__).parameters)
    carried -= {"self", "opened", "name", "after_cut"}
    assert {name: getattr(other, name) for name in carried} == {
        name: getattr(study, name) for name in carried
    }
    assert other.name == "one"
    assert len(other.table("customers").collect()) == 1
