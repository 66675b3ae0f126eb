"""Further columns of any table: declared or read off, listed, usable as groups, texts, filters, drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.data.checking.check_study import check_study
from cxresearch.data.columns.open_columns import kind_of_values
from cxresearch.reporting.writing.one_segment import narrow

N = 240


def tables() -> dict[str, pd.DataFrame]:
    """Sixty customers of 20 accounts, 240 tickets with a product, an answer about each from a device."""
    rng = np.random.default_rng(7)
    start = pd.Timestamp("2024-01-01 09:00")
    ids = [f"c{at:02d}" for at in range(60)]
    people = pd.DataFrame({"customer_id": ids, "started_at": start, "plan": ["basic", "pro"] * 30})
    people["account_id"] = [f"A{at % 20}" for at in range(60)]
    tickets = pd.DataFrame({"ticket_id": [f"t{at}" for at in range(N)], "customer_id": ids * 4})
    tickets["created_at"] = start + pd.to_timedelta(np.arange(N) + 24, unit="h")
    waits = rng.choice([30, 200, 1000, 3000, 9000], N)
    tickets["first_replied_at"] = tickets["created_at"] + pd.to_timedelta(waits, unit="min")
    tickets["handoffs"] = rng.choice([0.0, 1.0, 2.0], N)
    tickets["product"] = rng.choice(["App", "Router"], N)
    tickets["severity"] = rng.integers(1, 5, N)
    tickets["notes"] = [f"the box {at} does not work at all" for at in range(N)]
    tickets["reference"] = [f"R-{at}" for at in range(N)]
    answers = tickets[["ticket_id", "customer_id"]].assign(instrument="csat")
    lower = (tickets["product"] == "Router").to_numpy()
    answers["score"] = np.where(lower, rng.integers(1, 4, N), rng.integers(3, 6, N))
    answers["responded_at"] = tickets["created_at"] + pd.Timedelta(hours=200)
    answers["device"] = rng.choice(["phone", "web"], N)
    answers["churn_label"] = rng.choice(["yes", "no"], N)
    return {"customers": people, "tickets": tickets, "responses": answers}


def on_duckdb(frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    connection = duckdb.connect()
    for name, frame in frames.items():
        connection.register(name, frame)
        connection.execute(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}")
    return {name: connection.table(f"kept_{name}") for name in frames}


ENGINES: dict[str, Any] = {
    "pandas": lambda frames: frames,
    "polars": lambda frames: {name: pl.from_pandas(frame) for name, frame in frames.items()},
    "pyarrow": lambda frames: {name: pa.Table.from_pandas(frame) for name, frame in frames.items()},
    "duckdb": on_duckdb,
}


def study(engine: str = "pandas", **declared: Any) -> cx.Study:
    return cx.Study.from_frames(
        ENGINES[engine](tables()),
        observed_until="2024-03-31",
        instruments={"csat": "csat"},
        name="Box",
        **declared,
    )


def joined() -> pd.DataFrame:
    """Answers beside their ticket and customer, by pandas alone."""
    frames = tables()
    rows = frames["responses"].merge(frames["tickets"].drop(columns="customer_id"), on="ticket_id")
    rows = rows.merge(frames["customers"], on="customer_id")
    rows["happy"] = rows["score"] >= 4
    minutes = (rows["first_replied_at"] - rows["created_at"]).dt.total_seconds() / 60
    names = ["up to 1 hour", "1 to 4 hours", "4 to 24 hours", "1 to 3 days", "over 3 days"]
    rows["first_reply_hours"] = pd.cut(minutes, [-1, 60, 240, 1440, 4320, np.inf], labels=names).astype(str)
    rows["handed_off"] = np.where(rows["handoffs"] > 0, "yes", "no")
    rows["tickets.product"] = rows["product"]
    return rows


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "by", ["device", "product", "tickets.product", "account_id", "first_reply_hours", "handed_off"]
)
def test_answers_are_grouped_by_open_and_linked_columns_on_every_engine(engine: str, by: str) -> None:
    table = cx.metric_table(study(engine), "csat_top_2_box", by=by)
    groups = joined().groupby(by)["happy"]
    assert table[by].tolist() == sorted(groups.groups)
    counts = groups.size().reindex(table[by])
    assert table["n"].tolist() == counts.tolist()
    shown = (counts >= 5).to_numpy()
    wanted = groups.mean().reindex(table[by]).to_numpy()
    np.testing.assert_allclose(table["value"].to_numpy(float)[shown], wanted[shown])


@pytest.mark.parametrize("engine", ENGINES)
def test_kinds_are_read_off_alike_on_every_engine(engine: str) -> None:
    kinds = study(engine).open_columns
    assert kinds["responses"] == {"churn_label": "outcome"}
    assert kinds["tickets"] == {
        "product": "group",
        "severity": "number",
        "notes": "text",
        "reference": "id",
    }
    assert "account_id" not in kinds["customers"]


def test_a_declared_kind_comes_before_what_values_look_like() -> None:
    data = study(kinds={"tickets.reference": "group", "responses.churn_label": "group"})
    assert data.open_columns["tickets"]["reference"] == "group"
    assert data.open_columns["responses"]["churn_label"] == "group"
    assert "churn_label" not in str(cx.who(data, "csat").notes)


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        ({"tickets.refrence": "id"}, "no further column"),
        ({"tickets.created_at": "id"}, "no further column"),
        ({"tickets.notes": "number"}, "holds no numbers"),
        ({"tickets.notes": "prose"}, "kind of tickets.notes is 'prose'"),
    ],
)
def test_a_kind_that_cannot_be_is_refused(kinds: dict[str, str], says: str) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=says):
        study(kinds=kinds)


def test_the_groups_of_tickets_in_their_own_metrics() -> None:
    table = cx.metric_table(study(), "tickets", by="product")
    counts = tables()["tickets"].groupby("product").size()
    assert table["value"].tolist() == counts.reindex(table["product"]).tolist()


def test_who_and_key_drivers_find_what_lies_in_the_ticket() -> None:
    data = study()
    search = cx.who(data, "csat", by=["product", "handed_off", "device"])
    assert set(search.table["group"].head(2)) == {"product App", "product Router"}
    drivers = cx.key_drivers(data, "csat", ["product", "handed_off", "device", "severity"]).table
    assert drivers["driver"].iloc[0] == "tickets.product: Router"


def test_what_knows_the_outcome_and_what_is_no_group_is_not_searched() -> None:
    data = study()
    notes = str(cx.who(data, "csat").notes)
    assert "churn_label (sounds like an outcome" in notes
    assert "churn_label" not in data.segments
    with pytest.raises(cx.errors.ArgumentError, match="'churn_label' is an outcome"):
        cx.key_drivers(data, "csat", ["churn_label"])


def test_an_open_text_has_themes() -> None:
    themes = cx.themes(study(), text="notes", codebook={"broken": ["work"]})
    assert (themes.text, themes.n) == ("tickets.notes", N)
    with pytest.raises(cx.errors.ArgumentError, match=r"one of tickets\.notes"):
        cx.themes(study(), text="note")


def test_rows_of_a_group_are_a_study_with_the_segments_beside_them() -> None:
    rows = joined()
    part = narrow(study(), "device=phone")
    assert part.tables == ("responses",)
    assert part.summary("responses").valid == (rows["device"] == "phone").sum()
    by_plan = cx.metric_table(part, "csat_top_2_box", by="plan")
    wanted = rows[rows["device"] == "phone"].groupby("plan")["happy"].mean()
    np.testing.assert_allclose(by_plan["value"], wanted.reindex(by_plan["plan"]))
    part = narrow(study(), "tickets.product=App")
    assert part.tables == ("responses", "tickets")
    assert part.summary("responses").valid == (rows["product"] == "App").sum()
    with pytest.raises(cx.errors.ArgumentError, match="'notes' is not a segment"):
        narrow(study(), "notes=x")
    with pytest.raises(cx.errors.DataError, match="no row of responses has device 'fax'"):
        narrow(study(), "device=fax")


def test_the_check_lists_open_columns_and_doubts_unlinked_tickets() -> None:
    frames = tables()
    frames["responses"].loc[:6, "ticket_id"] = "elsewhere"
    frames["responses"].loc[7:9, "customer_id"] = "c59"
    frames["tickets"].loc[:59, "product"] = None
    data = cx.Study.from_frames(frames, observed_until="2024-03-31", instruments={"csat": "csat"})
    check = check_study(data)
    listed = check.open_columns.set_index("column")
    assert listed.loc["product", ["kind", "values"]].tolist() == ["group", 2]
    assert listed.loc["product", "filled"] == pytest.approx((N - 60) / N)
    assert listed.loc["notes", ["kind", "values", "largest"]].tolist() == ["text", N, ""]
    doubts = check.flags.set_index("flag")["rows"]
    assert doubts["ticket unknown"] == 7
    assert doubts["ticket of another customer"] == 3
    # an answer that names no ticket of the study keeps a missing group and stays among all
    table = cx.metric_table(data, "csat_top_2_box", by="reference")
    assert table["n"].sum() == N


def test_a_column_with_a_million_values_makes_no_groups() -> None:
    n = 1_000_000
    answers = pd.DataFrame({"customer_id": "c", "instrument": "nps", "score": 9.0, "ref": np.arange(n)})
    answers["responded_at"] = pd.Timestamp("2024-02-01")
    answers["ref"] = answers["ref"].astype(str)
    data = cx.Study.from_frames(responses=answers, observed_until="2024-03-31", instruments={"nps": "nps"})
    with pytest.raises(cx.errors.ArgumentError, match="'ref' of responses has 1,000,000 different values"):
        cx.metric_table(data, "nps", by="ref")
    with pytest.raises(cx.errors.ArgumentError, match="'ref' of responses has"):
        cx.scorecard(data, by="ref", metrics=["nps"])


def test_few_values_are_groups_sentences_texts_and_unique_codes_ids() -> None:
    assert kind_of_values([]) == "group"
    assert kind_of_values(["a", "b", "c"]) == "group"
    assert kind_of_values([f"agent {at % 5}" for at in range(50)]) == "group"
    assert kind_of_values([f"{at:08x}" for at in range(50)]) == "id"
    assert kind_of_values([f"it broke on day {at}" for at in range(50)]) == "text"


TOML = """
[study]
observed_until = 2024-03-31
[instruments]
csat = "csat"
[[sources]]
table = "tickets"
file = "t.csv"
[sources.columns]
ticket_id = "id"
created_at = "at"
product = "Product"
seats = {{ column = "Seats", kind = "number" }}
notes = {{ column = "Notes", kind = "text" }}
{more}
[[sources]]
table = "responses"
file = "t.csv"
blank_scores = "not_asked"
[sources.columns]
customer_id = "who"
responded_at = "at"
ticket_id = "id"
handset = {{ column = "Device", kind = "group" }}
[sources.scores]
csat = "stars"
"""


def from_file(folder: Path, more: str = "") -> cx.Study:
    lines = ["id,at,who,Product,Seats,Notes,Device,stars,Status"]
    products = ["App", "Box"]
    lines += [
        f"{at},2024-02-01,c{at},{products[at % 2]},{at},too slow {at},web,{at % 6 or ''},x"
        for at in range(60)
    ]
    (folder / "t.csv").write_text("\n".join(lines))
    (folder / "study.toml").write_text(TOML.format(more=more))
    return cx.read_study(folder)


def test_one_file_is_tickets_and_their_answers_at_once(tmp_path: Path) -> None:
    data = from_file(tmp_path)
    assert data.open_columns == {
        "responses": {"handset": "group"},
        "tickets": {"product": "group", "seats": "number", "notes": "text"},
    }
    table = cx.metric_table(data, "csat", by="product")
    # stars 1 to 5 are the rest of the division by 6: App has the even ones
    assert table.set_index("product")["value"].to_dict() == {"App": 3.0, "Box": 3.0}
    assert table["n"].tolist() == [20, 30]
    assert check_study(data).usable


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('custmer_id = "who"', "perhaps you meant 'customer_id'"),
        ('priority = { column = "Product", kind = "grup" }', "kind is 'grup'"),
        ('team = { column = "Product", kind = "group" }', "team of tickets has its kind already"),
        ('_x = "Product"', "starts with an underscore"),
    ],
)
def test_what_looks_mistyped_is_asked(tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(cx.errors.StudyError, match=says):
        from_file(tmp_path, more)


def test_a_name_like_one_of_ours_is_taken_where_its_kind_is_declared(tmp_path: Path) -> None:
    data = from_file(tmp_path, 'categori = { column = "Product", kind = "group" }')
    assert data.open_columns["tickets"]["categori"] == "group"
