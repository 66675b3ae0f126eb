"""Files that changed numbers silently: Parquet files of different types, headers below quoted titles."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

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
