"""Files that changed numbers silently: Parquet files of different types, headers below quoted titles."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cxresearch as cx
from cxresearch.errors import StudyError

STUDY = """\
[study]
name = "Parts"
observed_until = 2024-12-31

[instruments]
nps = "nps"

[[sources]]
table = "responses"
file = "{file}"
{more}
columns = {{ customer_id = "id", responded_at = "at", score = "score", instrument = {{ constant = "nps" }} }}
"""
DAY = datetime(2024, 3, 1, 12)


def part(path: Path, **columns: pa.Array) -> None:
    plain = {"id": pa.array(["a"]), "at": pa.array([DAY]), "score": pa.array([7], pa.int64())}
    pq.write_table(pa.table({**plain, **columns}), path)


def scores(folder: Path, file: str = "part*.parquet", more: str = "") -> list[float]:
    (folder / "study.toml").write_text(STUDY.format(file=file, more=more))
    study = cx.read_study(folder / "study.toml")
    return sorted(study.table("responses").collect().to_pandas()["score"].tolist())


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_whole_numbers_and_fractions_read_together_keep_their_fractions(tmp_path, order) -> None:
    first, second = order
    part(tmp_path / f"part{first}.parquet")
    part(tmp_path / f"part{second}.parquet", score=pa.array([7.5]), id=pa.array(["b"]))
    (tmp_path / "study.toml").write_text(STUDY.format(file="part*.parquet", more=""))
    study = cx.read_study(tmp_path / "study.toml")
    with pytest.raises(StudyError, match=r"7\.5|whole"):  # half a point is no answer, and is not rounded to 8
        study.table("responses").collect()


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("id", pa.array([1], pa.int64())),
        ("at", pa.array([DAY.replace(tzinfo=UTC)], pa.timestamp("us", "UTC"))),
        ("at", pa.array([DAY.date()])),
        ("at", pa.array(["2024-03-01 12:00:00"])),
        ("score", pa.array(["7"])),
        ("score", pa.array([True])),
    ],
)
def test_types_without_a_common_one_are_refused_by_file_and_column(tmp_path, order, column, other) -> None:
    first, second = order
    part(tmp_path / f"part{first}.parquet")
    part(tmp_path / f"part{second}.parquet", **{column: other})
    with pytest.raises(StudyError, match=f"column '?{column}") as error:
        scores(tmp_path)
    assert "part1.parquet" in str(error.value) and "part2.parquet" in str(error.value)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_large_whole_numbers_are_not_rounded_by_fractions_of_another_file(tmp_path, order) -> None:
    first, second = order
    part(tmp_path / f"part{first}.parquet", id=pa.array([2**53 + 3], pa.int64()))
    part(tmp_path / f"part{second}.parquet", id=pa.array([1.0]))
    with pytest.raises(StudyError, match="beyond 2"):
        scores(tmp_path)


def test_whole_numbers_of_several_widths_are_read(tmp_path) -> None:
    part(tmp_path / "part1.parquet", score=pa.array([7], pa.int8()))
    part(tmp_path / "part2.parquet", score=pa.array([9], pa.float64()))
    assert scores(tmp_path) == [7, 9]


ROWS = "id,at,score\na,2024-03-01 12:00:00,7\nb,2024-03-01 12:00:00,8\nc,2024-03-01 12:00:00,9\n"


@pytest.mark.parametrize(
    ("title", "header_row"),
    [
        ('"Answers\nof March"\n', 3),
        ('"Answers\n\nof March"\n\n', 5),
        ("Answers\nof March\n", 3),
        ('"One"\n"Two\nthree",x\n', 4),
    ],
)
def test_a_header_below_a_quoted_title_of_several_lines_loses_no_row(tmp_path, title, header_row) -> None:
    (tmp_path / "answers.csv").write_text(title + ROWS)
    assert scores(tmp_path, "answers.csv", f"header_row = {header_row}") == [7, 8, 9]


@pytest.mark.parametrize("header_row", [2, 1_000_000_000])
def test_a_header_row_within_a_title_or_beyond_the_end_is_refused(tmp_path, header_row) -> None:
    (tmp_path / "answers.csv").write_text('"Answers\nof March"\n' + ROWS)
    with pytest.raises(StudyError, match="header_row"):
        scores(tmp_path, "answers.csv", f"header_row = {header_row}")


def test_a_damaged_gzip_and_a_field_beyond_all_size_are_refused(tmp_path) -> None:
    whole = gzip.compress(ROWS.encode() * 5000)
    (tmp_path / "answers.csv.gz").write_bytes(whole[:200] + b"\xff" * 60 + whole[260:])
    with pytest.raises(StudyError):
        scores(tmp_path, "answers.csv.gz")
    (tmp_path / "answers.csv").write_text('id,at,score\na,"' + "x" * 200_000 + '",7\n')
    with pytest.raises(StudyError, match="first row"):
        scores(tmp_path, "answers.csv")


ANSWERS = "id,at,score\na,2024-03-01,7\nbb,2024-03-02,9\n"


def written(folder: Path, content: bytes, *, more: str = "", cut: str = "2024-12-31") -> cx.Study:
    (folder / "answers.csv").write_bytes(content)
    text = STUDY.format(file="answers.csv", more=more).replace("2024-12-31", cut)
    (folder / "study.toml").write_text(text)
    return cx.read_study(folder / "study.toml")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_single_bytes_declared_as_wide_letters_are_refused(tmp_path, encoding, padding) -> None:
    content = (ANSWERS + "\n" * padding).encode()
    with pytest.raises(StudyError, match=f"not {encoding}"):
        written(tmp_path, content, more=f'encoding = "{encoding}"')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_letters_declared_as_such_are_read(tmp_path, encoding) -> None:
    study = written(tmp_path, ANSWERS.encode(encoding), more=f'encoding = "{encoding}"')
    assert study.counts()["valid"].tolist() == [2]


def test_wide_letters_without_their_mark_are_refused_with_what_to_declare(tmp_path) -> None:
    with pytest.raises(StudyError, match="utf-16-le"):
        written(tmp_path, ANSWERS.encode("utf-16-le"), more='encoding = "utf-16"')


@pytest.mark.parametrize("cut", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_cut_beyond_the_ends_of_time_is_refused(tmp_path, cut) -> None:
    with pytest.raises(StudyError, match="observed_until"):
        written(tmp_path, ANSWERS.encode(), cut=cut)


@pytest.mark.parametrize("cut", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01", "9999-12-31"])
def test_a_cut_at_the_ends_of_time_is_read(tmp_path, cut) -> None:
    counts = written(tmp_path, ANSWERS.encode(), cut=cut, more="").counts()
    assert counts["rows"].tolist() == [2]


@pytest.mark.parametrize("high", [1_001, 1_000_000_000])
def test_a_scale_of_too_many_steps_is_refused_before_it_fills_the_memory(tmp_path, high) -> None:
    scale = f'low = 0\nhigh = {high}\ndirection = "high_is_good"\n'
    text = STUDY.format(file="answers.csv", more="").replace(
        "[[sources]]", f"[instruments.x]\n{scale}\n[[sources]]"
    )
    (tmp_path / "answers.csv").write_text(ANSWERS)
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(StudyError, match="at most 1,000 steps"):
        cx.read_study(tmp_path / "study.toml")


def failing_frames() -> dict[str, object]:
    def fails(_: pl.DataFrame) -> pl.DataFrame:
        raise RuntimeError("no longer there")

    plain = pl.LazyFrame({"id": ["a"], "at": ["2024-03-01"], "score": ["seven"]})
    closed = duckdb.connect()
    relation = closed.sql("SELECT 'a' AS id, '2024-03-01' AS at, 7 AS score")
    closed.close()
    return {
        "a file that is gone": pl.scan_csv("gone/answers.csv"),
        "a cast": plain.with_columns(pl.col("score").cast(pl.Int64)),
        "code of others": plain.map_batches(fails),
        "a closed connection": relation,
    }


@pytest.mark.parametrize("kind", list(failing_frames()))
def test_a_lazy_frame_that_fails_when_read_is_named(tmp_path, kind) -> None:
    text = STUDY.format(file="x", more="").replace('file = "x"', 'frame = "answers"')
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(StudyError, match="frame answers"):
        cx.read_study(tmp_path / "study.toml", frames={"answers": failing_frames()[kind]})
