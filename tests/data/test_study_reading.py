"""What a study file can map: columns, values, units, zones, formats, wide files, SQL, stores, frames."""

# ruff: noqa: E501 - an inline table of TOML cannot be wrapped

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect

Write = Callable[..., Path]
HEAD = "customer,question,answer,when\n"
ABOUT = """
[study]
name = "Made"
observed_until = 2024-12-31
{more}
[instruments]
nps = "nps"
csat = "csat"
"""


def rows(study: cx.Study, table: str) -> pd.DataFrame:
    return collect(study.table(table))


def study_of(folder: Path, sources: str, more: str = "", **frames: Any) -> cx.Study:
    (folder / "study.toml").write_text(ABOUT.replace("{more}", more) + sources, encoding="utf-8")
    return cx.read_study(folder, frames=frames)


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "utc"),
        [
            ("2024-06-01", "2024-05-31 22:00"),
            ("2024-06-01 12:30", "2024-06-01 10:30"),
            ("2024-06-01T9:05:07", "2024-06-01 07:05:07"),
            ("2024-06-01T12:30:00.25Z", "2024-06-01 12:30:00.25"),
            ("2024-06-01T12:30:00+05:30", "2024-06-01 07:00"),
            ("2024-12-01 12:30", "2024-12-01 11:30"),
        ],
    )
    def test_iso_in_a_zone(self, write_study: Write, text: str, utc: str) -> None:
        path = write_study(responses=f"{HEAD}c1,nps,9,{text}\n", study='timezone = "Europe/Berlin"')
        assert rows(cx.read_study(path), "responses")["responded_at"].tolist() == [pd.Timestamp(utc)]

    @pytest.mark.parametrize(
        ("declared", "text", "utc"),
        [
            ('"%d/%m/%Y"', "03/04/2024", "2024-04-03"),
            ('"%m/%d/%Y"', "03/04/2024", "2024-03-04"),
            ('["%d.%m.%Y %H:%M", "%d.%m.%Y"]', "25.04.2024", "2024-04-25"),
            ('"%Y%m%d"', "20240425", "2024-04-25"),
            ('"%d/%m/%Y %H:%M %z"', "03/04/2024 10:00 +0200", "2024-04-03 08:00"),
            ('"epoch_seconds"', "1714039200", "2024-04-25 10:00"),
            ('"epoch_milliseconds"', "1714039200500", "2024-04-25 10:00:00.5"),
        ],
    )
    def test_declared_formats(self, write_study: Write, declared: str, text: str, utc: str) -> None:
        path = write_study(responses=f"{HEAD}c1,nps,9,{text}\n")
        path.write_text(
            path.read_text().replace(
                'responded_at = "when"', f'responded_at = {{ column = "when", date_format = {declared} }}'
            )
        )
        assert rows(cx.read_study(path), "responses")["responded_at"].tolist() == [pd.Timestamp(utc)]

    def test_a_format_that_fails_on_some_rows_rejects_these(self, write_study: Write) -> None:
        responses = f"{HEAD}c1,nps,9,03/04/2024\nc1,nps,9,04/13/2024\n"
        path = write_study(responses=responses)
        path.write_text(
            path.read_text().replace(
                'answer"\nresponded_at = "when"',
                'answer"\nresponded_at = { column = "when", date_format = "%d/%m/%Y" }',
            )
        )
        assert cx.read_study(path).rejects()[["row", "rule", "value"]].values.tolist() == [
            [2, "not_a_time", "04/13/2024"]
        ]

    def test_impossible_format_is_refused(self, write_study: Write) -> None:
        path = write_study()
        path.write_text(
            path.read_text().replace(
                'responded_at = "when"', 'responded_at = { column = "when", date_format = "%Q" }'
            )
        )
        with pytest.raises(cx.errors.StudyError, match=r"responses from responses\.csv"):
            cx.read_study(path)

    @pytest.mark.parametrize(
        ("declared", "utc"),
        [
            ("2024-12-31", datetime(2024, 12, 31, 22, 59, 59, 999999)),
            ('"2024-12-31"', datetime(2024, 12, 31, 22, 59, 59, 999999)),
            ("2024-12-31T18:00:00", datetime(2024, 12, 31, 17)),
            ("2024-12-31T18:00:00Z", datetime(2024, 12, 31, 18)),
        ],
    )
    def test_data_cut(self, write_study: Write, declared: str, utc: datetime) -> None:
        path = write_study(study='timezone = "Europe/Berlin"')
        path.write_text(
            path.read_text().replace("observed_until = 2024-12-31", f"observed_until = {declared}")
        )
        assert cx.read_study(path).observed_until == utc


class TestValues:
    def test_maps_constants_missing_decimal_units(self, tmp_path: Path) -> None:
        (tmp_path / "c.csv").write_text(
            "id,from,to,why,size\n1,2024-01-01,9999-12-31,,10\n2,2024-01-01,2024-05-01,V,20\n"
        )
        (tmp_path / "r.csv").write_text('id,at,yearly\n1,2024-01-01,"1200,60"\n2,2024-01-02,-\n')
        study = study_of(
            tmp_path,
            """
[[sources]]
table = "customers"
file = "c.csv"
missing = ["9999-12-31"]
[sources.columns]
customer_id = "id"
started_at = "from"
ended_at = "to"
end_kind = { column = "why", values = { V = "voluntary", I = "involuntary" } }
country = { constant = "DE" }
seats = { column = "size", number = true }

[[sources]]
table = "revenue"
file = "r.csv"
decimal = ","
columns = { customer_id = "id", effective_at = "at", mrr = { column = "yearly", multiply = 0.08333333333333333, missing = ["-"] } }
[limits]
max_reject_share = 0.5
""",
        )
        customers = rows(study, "customers")
        assert customers["ended_at"].isna().tolist() == [True, False]
        assert customers["end_kind"].tolist() == [None, "voluntary"]
        assert customers["country"].tolist() == ["DE", "DE"]
        assert customers["seats"].tolist() == [10.0, 20.0]
        assert study.segments == ("country",)
        assert rows(study, "revenue")["mrr"].tolist() == [pytest.approx(100.05)]
        assert study.rejects()["rule"].tolist() == ["missing_value"]

    def test_decimal_comma_never_swallows_a_point(self, tmp_path: Path) -> None:
        (tmp_path / "o.csv").write_text(
            'id,at,amount\n1,2024-01-01,"1.234,5"\n1,2024-01-01,12.5\n1,2024-01-01,"12,5"\n'
        )
        study = study_of(
            tmp_path,
            '[limits]\nmax_reject_share = 1.0\n[[sources]]\ntable = "orders"\nfile = "o.csv"\ndecimal = ","\n'
            'columns = { customer_id = "id", ordered_at = "at", amount = "amount" }\n',
        )
        assert study.rejects()["value"].tolist() == ["1.234,5", "12.5"]
        assert rows(study, "orders")["amount"].tolist() == [12.5]

    def test_bins_turn_minutes_into_answers(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text(
            "id,at,minutes\n" + "".join(f"1,2024-01-01,{m}\n" for m in (1, 30, 31, 60, 240, 241))
        )
        study = study_of(
            tmp_path,
            """
[instruments.effort]
low = 1
high = 5
direction = "low_is_good"
[[sources]]
table = "responses"
file = "t.csv"
[sources.columns]
customer_id = "id"
responded_at = "at"
instrument = { constant = "effort" }
score = { column = "minutes", bins = [30, 60, 120, 240] }
""",
        )
        assert rows(study, "responses")["score"].tolist() == [1, 1, 2, 2, 4, 5]
        assert study.instruments["effort"].direction == "low_is_good"

    def test_bins_must_fit_the_scale(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("id,at,minutes\n1,2024-01-01,5\n")
        source = """
[[sources]]
table = "responses"
file = "t.csv"
columns = { customer_id = "id", responded_at = "at", instrument = { constant = "csat" }, score = { column = "minutes", bins = [30, 60] } }
"""
        with pytest.raises(
            cx.errors.StudyError, match=r"2 bin edges make 3 answers.*4 edges for the 5 answers"
        ):
            study_of(tmp_path, source)

    def test_ids_stored_as_floats_match_whole_numbers(self, tmp_path: Path) -> None:
        customers = pd.DataFrame({"id": [1, 2], "at": pd.to_datetime(["2024-01-01"] * 2)})
        orders = pd.DataFrame({"id": [1.0, 2.0], "at": pd.to_datetime(["2024-02-01"] * 2), "amount": [5, 6]})
        study = study_of(
            tmp_path,
            '[[sources]]\ntable = "customers"\nframe = "c"\ncolumns = { customer_id = "id", started_at = "at" }\n'
            '[[sources]]\ntable = "orders"\nframe = "o"\ncolumns = { customer_id = "id", ordered_at = "at", amount = "amount" }\n',
            c=customers,
            o=orders,
        )
        assert study.counts()["rejected"].tolist() == [0, 0]
        assert rows(study, "orders")["customer_id"].tolist() == ["1", "2"]


class TestShapes:
    WIDE = "id,at,recommend,satisfied\n1,2024-01-01,9,5\n2,2024-01-02,,4\n3,2024-01-03,11,\n"
    SOURCE = """
[[sources]]
table = "responses"
file = "wide.csv"
{blank}
columns = { customer_id = "id", responded_at = "at" }
scores = { nps = "recommend", csat = "satisfied" }
[limits]
max_reject_share = 1.0
"""

    def test_wide_survey_becomes_long(self, tmp_path: Path) -> None:
        (tmp_path / "wide.csv").write_text(self.WIDE)
        study = study_of(tmp_path, self.SOURCE.replace("{blank}", ""))
        assert study.counts().iloc[0, 1:].tolist() == [6, 3, 3, 0]
        assert sorted(study.rejects()["rule"]) == ["missing_score", "missing_score", "score_out_of_scale"]

    def test_blank_cells_can_mean_not_asked(self, tmp_path: Path) -> None:
        (tmp_path / "wide.csv").write_text(self.WIDE)
        study = study_of(tmp_path, self.SOURCE.replace("{blank}", 'blank_scores = "not_asked"'))
        assert study.counts().iloc[0, 1:].tolist() == [4, 3, 1, 0]
        assert study.flags().set_index("flag").loc["not_asked", "rows"] == 2
        found = rows(study, "responses").sort_values(["customer_id", "instrument"])
        assert found[["customer_id", "instrument", "score"]].values.tolist() == [
            ["1", "csat", 5.0],
            ["1", "nps", 9.0],
            ["2", "csat", 4.0],
        ]

    def test_several_sources_feed_one_table(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,at,score\n1,2024-01-01,9\n")
        (tmp_path / "b.csv").write_text("id,at,score,how\n1,2024-01-01,5,mail\n")
        source = """
[[sources]]
table = "responses"
file = "a.csv"
columns = { customer_id = "id", responded_at = "at", score = "score", instrument = { constant = "nps" } }
[[sources]]
table = "responses"
file = "b.csv"
columns = { customer_id = "id", responded_at = "at", score = "score", channel = "how", instrument = { constant = "csat" } }
"""
        found = rows(study_of(tmp_path, source), "responses").sort_values("instrument")
        assert found["channel"].tolist() == ["mail", None]
        assert found["score"].tolist() == [5.0, 9.0]

    def test_header_below_other_lines_and_quoted_line_ends(self, tmp_path: Path) -> None:
        text = 'Export of today\r\nid,at,"Overall\nscore",note\r\n1,2024-01-01,9,"two\r\nlines, and ""quotes"""\r\n2,2024-01-02,8,\r\n'
        (tmp_path / "a.csv").write_bytes(text.encode())
        source = """
[[sources]]
table = "responses"
file = "a.csv"
header_row = 2
columns = { customer_id = "id", responded_at = "at", score = "Overall\\nscore", comment = "note", instrument = { constant = "nps" } }
"""
        found = rows(study_of(tmp_path, source), "responses")
        assert found["comment"].tolist() == ['two\r\nlines, and "quotes"', None]
        assert found["score"].tolist() == [9.0, 8.0]

    def test_mixed_line_ends_lose_no_row(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"id,at,amount\r\n1,2024-01-01,9\n2,2024-01-02,8\n")
        source = '[[sources]]\ntable = "orders"\nfile = "a.csv"\ncolumns = { customer_id = "id", ordered_at = "at", amount = "amount" }\n'
        with pytest.raises(cx.errors.StudyError, match="line ends"):
            study_of(tmp_path, source).counts()

    def test_unique_key_keeps_the_first(self, tmp_path: Path) -> None:
        (tmp_path / "u.csv").write_text(
            "key,id,at,n\nk1,1,2024-01-01,5\nk1,1,2024-01-02,6\nk2,1,2024-01-03,7\n"
        )
        source = """
[limits]
max_reject_share = 0.5
[[sources]]
table = "usage"
file = "u.csv"
unique = "key"
columns = { customer_id = "id", used_at = "at", quantity = "n" }
"""
        study = study_of(tmp_path, source)
        assert rows(study, "usage")["quantity"].tolist() == [5.0, 7.0]
        assert study.rejects()[["row", "rule", "value"]].values.tolist() == [[2, "duplicate_row", "k1"]]

    def test_two_levels_at_one_moment(self, tmp_path: Path) -> None:
        (tmp_path / "m.csv").write_text("id,at,mrr\n1,2024-01-01,5\n1,2024-01-01,6\n1,2024-02-01,7\n")
        source = '[limits]\nmax_reject_share = 1.0\n[[sources]]\ntable = "revenue"\nfile = "m.csv"\ncolumns = { customer_id = "id", effective_at = "at", mrr = "mrr" }\n'
        assert study_of(tmp_path, source).rejects()["rule"].tolist() == ["two_levels_at_once"] * 2


class TestStores:
    SOURCE = """
[[sources]]
table = "orders"
{file}
columns = { customer_id = "id", ordered_at = "at", amount = "amount" }
"""
    ORDERS = pd.DataFrame(
        {
            "id": [7, 8, 9],
            "at": pd.to_datetime(["2024-01-01", "2024-02-01", "2030-01-01"]),
            "amount": [1.5, float("nan"), 2.0],
        }
    )
    LIMITS = "[limits]\nmax_reject_share = 1.0\n"

    def check(self, study: cx.Study) -> None:
        assert rows(study, "orders").values.tolist() == [["7", pd.Timestamp("2024-01-01"), 1.5]]
        assert study.rejects()[["row", "rule"]].values.tolist() == [[2, "missing_value"], [3, "after_cut"]]

    def test_parquet(self, tmp_path: Path) -> None:
        self.ORDERS.to_parquet(tmp_path / "orders.parquet")
        self.check(study_of(tmp_path, self.LIMITS + self.SOURCE.replace("{file}", 'file = "orders.parquet"')))

    def test_parquet_with_a_zone_in_nanoseconds(self, tmp_path: Path) -> None:
        times = pd.to_datetime(["2024-01-01T00:00:00.000000001+02:00", "2024-01-02T00:00:00.000000000+02:00"])
        frame = pd.DataFrame({"id": [1, 2], "at": times, "amount": [1, 2]})
        frame.to_parquet(tmp_path / "orders.parquet", version="2.6", coerce_timestamps=None)
        study = study_of(tmp_path, self.SOURCE.replace("{file}", 'file = "orders.parquet"'))
        assert rows(study, "orders")["ordered_at"].iloc[0] == pd.Timestamp("2023-12-31 22:00")

    def test_many_parquet_files(self, tmp_path: Path) -> None:
        for i in (1, 2):
            self.ORDERS.head(1).to_parquet(tmp_path / f"part-{i}.parquet")
        study = study_of(tmp_path, self.SOURCE.replace("{file}", 'file = "part-*.parquet"'))
        assert study.summary("orders").rows == 2
        assert len(study.sources) == 3

    def test_duckdb(self, tmp_path: Path) -> None:
        with duckdb.connect(tmp_path / "shop.duckdb") as connection:
            connection.register("orders_frame", self.ORDERS)
            connection.execute("CREATE SCHEMA crm")
            connection.execute("CREATE TABLE crm.orders AS FROM orders_frame")
        file = 'file = "shop.duckdb"\nduckdb_table = "crm.orders"'
        self.check(study_of(tmp_path, self.LIMITS + self.SOURCE.replace("{file}", file)))
        with pytest.raises(cx.errors.StudyError, match=r"perhaps you meant 'crm.orders'"):
            study_of(tmp_path, self.SOURCE.replace("{file}", file.replace("crm.orders", "crm.order")))

    @pytest.mark.parametrize("engine", [lambda f: f, pl.from_pandas, pa.Table.from_pandas])
    def test_frames(self, tmp_path: Path, engine: Callable[[pd.DataFrame], Any]) -> None:
        text = self.LIMITS + self.SOURCE.replace("{file}", 'frame = "shop"')
        self.check(study_of(tmp_path, text, shop=engine(self.ORDERS)))
        with pytest.raises(cx.errors.StudyError, match="frame 'shop' was not given"):
            cx.read_study(tmp_path)

    def test_sources_have_hashes(self, write_study: Write) -> None:
        path = write_study()
        sources = {source.path: source for source in cx.read_study(path).sources}
        assert set(sources) == {"study.toml", "customers.csv", "responses.csv"}
        content = (path.parent / "customers.csv").read_bytes()
        assert sources["customers.csv"].sha256 == hashlib.sha256(content).hexdigest()
        assert sources["customers.csv"].bytes == len(content)
