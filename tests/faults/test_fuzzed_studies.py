"""Studies mutated at random, by seed: no trace, no hang, no lost row, and valid rows as pandas reads them."""

from __future__ import annotations

import csv
import io
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import CxError

#: No study of a hundred rows may take longer.
LONGEST_SECONDS = 20.0
STUDY = """\
[study]
name = "Fuzzed"
observed_until = 2024-12-31
timezone = "UTC"
query_seconds = 15

[limits]
on_reject = "set_aside"
max_reject_share = 1.0

[instruments]
nps = "nps"

[[sources]]
table = "customers"
file = "customers.csv"
columns = { customer_id = "id", started_at = "start", plan = "plan" }

[[sources]]
table = "responses"
file = "responses.csv"
columns = { customer_id = "id", responded_at = "at", score = "score", instrument = { constant = "nps" } }
"""
IDS = [
    "",
    " ",
    "unknown",
    "c1 ",
    " c2",
    "C3",
    "c4\u00a0",
    "NULL",
    "c5\x1f",
    "'c6",
    "=c7",
    "c\u0301",
    "0",
    "c8" * 300,
]
DAYS = [
    "",
    "2024-02-30",
    "2024-13-01",
    "31/12/2024",
    "2024-06-01T12:00:00Z",
    "2024-06-01 12:00",
    "0000-00-00",
    "9999-12-31",
    "2025-01-01",
    "1899-12-31",
    "20240601",
    "45000",
    "today",
    "2024-06-01+99:00",
    " 2024-06-01 ",
]
SCORES = [
    "",
    "-1",
    "11",
    "7.0",
    "7.5",
    "7,0",
    " 7 ",
    "1e1",
    "1e400",
    "NaN",
    "inf",
    "-0",
    "+7",
    "0x7",
    "seven",
    "07",
    "\u0667",
    "7\u00a0",
    "7%",
    "=7",
    "1_0",
    "--",
    "n/a",
    "10" * 40,
    "true",
]
SETTINGS = [
    '""',
    "0",
    "-1",
    "[]",
    "true",
    '"\\u0000"',
    "1e400",
    '"UTC"',
    '"responses"',
    "{}",
    "2024-01-01",
    '"' + "x" * 300 + '"',
]
_CANONICAL_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def tables(draw: np.random.Generator) -> dict[str, list[list[str]]]:
    customers = [["id", "start", "plan"]]
    customers += [[f"c{number}", "2024-01-01", draw.choice(["basic", "pro"])] for number in range(40)]
    responses = [["id", "at", "score"]]
    for _ in range(100):
        day = f"2024-{draw.integers(2, 13):02d}-{draw.integers(1, 29):02d}"
        responses.append([f"c{draw.integers(0, 40)}", day, str(draw.integers(0, 11))])
    return {"customers": customers, "responses": responses}


def change_cells(draw: np.random.Generator, rows: list[list[str]]) -> None:
    """A few cells of answers to values that people and programs leave there."""
    for _ in range(draw.integers(1, 30)):
        row = rows[draw.integers(1, len(rows))]
        column = int(draw.integers(0, 3))
        row[column] = str(draw.choice((IDS, DAYS, SCORES)[column]))


def change_rows(draw: np.random.Generator, rows: list[list[str]]) -> None:
    """Rows twice, in another order, gone, too short or too long."""
    for _ in range(draw.integers(1, 6)):
        at = int(draw.integers(1, len(rows)))
        kind = draw.integers(0, 5)
        if kind == 0:
            rows.insert(at, list(rows[at]))
        elif kind == 1:
            rows[1:] = [rows[place + 1] for place in draw.permutation(len(rows) - 1)]
        elif kind == 2 and len(rows) > 3:
            del rows[at]
        elif kind == 3:
            rows[at] = rows[at][:2]
        else:
            rows[at] = [*rows[at], "more"]


def change_bytes(draw: np.random.Generator, content: bytes) -> bytes:
    """Marks, line ends, bytes of another encoding, an end too early."""
    kind = int(draw.integers(0, 7))
    at = int(draw.integers(0, len(content)))
    return {
        0: b"\xef\xbb\xbf" + content,
        1: content.replace(b"\n", b"\r\n"),
        2: content[:at],
        3: content[:at] + bytes([int(draw.integers(0, 256))]) + content[at:],
        4: content.decode().encode("utf-16"),
        5: content[:at] + b'"' + content[at:],
        6: content.replace(b",", b";"),
    }[kind]


def change_settings(draw: np.random.Generator, text: str) -> str:
    lines = text.splitlines()
    at = int(draw.integers(0, len(lines)))
    kind = draw.integers(0, 4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[at])
    elif kind == 2 and " = " in lines[at]:
        lines[at] = f"{lines[at].split(' = ')[0]} = {draw.choice(SETTINGS)}"
    else:
        place = int(draw.integers(0, len(text)))
        return text[:place] + str(draw.choice(list("\"'[]{}=#.,\n\\é\x00"))) + text[place + 1 :]
    return "\n".join(lines) + "\n"


def mutated(folder: Path, seed: int) -> tuple[Path, bool]:
    """Write a study changed by its seed; second, whether only cells of answers were changed."""
    draw = np.random.default_rng(seed)
    made = tables(draw)
    # Half of the studies differ in cells alone: there pandas says which rows are right.
    only_cells = seed % 2 == 0
    change_cells(draw, made["responses"])
    text = STUDY
    if not only_cells:
        change_rows(draw, made[str(draw.choice(["customers", "responses"]))])
        if draw.random() < 0.5:
            text = change_settings(draw, text)
    for name, rows in made.items():
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows(rows)
        content = written.getvalue().encode()
        if not only_cells and draw.random() < 0.3:
            content = change_bytes(draw, content)
        (folder / f"{name}.csv").write_bytes(content)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml", only_cells


def as_pandas_reads(
    folder: Path,
) -> tuple[Counter[tuple[str, str, float]], Counter[tuple[str, str, float]], int]:
    """Rows that must be valid, rows that may be, and how many there are; read and judged by pandas alone."""
    rows = pd.read_csv(folder / "responses.csv", dtype=str, keep_default_na=False)
    listed = set(pd.read_csv(folder / "customers.csv", dtype=str, keep_default_na=False)["id"])
    ids = rows["id"].str.strip()
    day = pd.to_datetime(rows["at"].str.strip(), format="ISO8601", errors="coerce", utc=True)
    score = pd.to_numeric(rows["score"].str.strip(), errors="coerce")
    within = (
        day.notna() & (day < pd.Timestamp("2025-01-01", tz="UTC")) & (day > pd.Timestamp("1902", tz="UTC"))
    )
    may = ids.isin(listed) & within & score.isin(range(11))
    plain = rows["at"].str.fullmatch(_CANONICAL_DAY.pattern) & rows["score"].str.fullmatch(r"\d|10")
    must = may & plain & (rows["id"] == ids) & ids.str.fullmatch(r"c\d+")
    values = list(zip(ids, day.dt.strftime("%Y-%m-%d %H:%M"), score, strict=True))
    picked = [
        Counter(value for value, taken in zip(values, mask, strict=True) if taken) for mask in (must, may)
    ]
    return picked[0], picked[1], len(rows)


def survive(folder: Path, seed: int) -> str:
    """Read one study in every way; return ``"read"`` or ``"refused"``."""
    path, only_cells = mutated(folder, seed)
    began = time.monotonic()
    try:
        study = cx.read_study(path)
        counts = study.counts()
        handed = study.table("responses").collect().to_pandas() if "responses" in study.tables else None
        if seed % 4 == 0:
            str(cx.check_study(study))
    except CxError as error:
        assert not only_cells, f"seed {seed}: cells alone refuse no study that sets rows aside: {error}"
        assert str(error).endswith(".") and len(str(error)) < 2_000
        return "refused"
    finally:
        assert time.monotonic() - began < LONGEST_SECONDS, f"seed {seed}"
    added_up = counts["valid"] + counts["rejected"] + counts["left_out"]
    assert (counts["rows"] == added_up).all(), f"seed {seed}"
    if only_cells:
        assert handed is not None
        must, may, rows = as_pandas_reads(folder)
        assert int(counts.set_index("table").loc["responses", "rows"]) == rows, f"seed {seed}"
        days = pd.to_datetime(handed["responded_at"]).dt.strftime("%Y-%m-%d %H:%M")
        valid = Counter(zip(handed["customer_id"], days, handed["score"].astype(float), strict=True))
        assert not must - valid, f"seed {seed}: lost {must - valid}"
        assert not valid - may, f"seed {seed}: misread {valid - may}"
    return "read"


def test_sixty_mutated_studies_are_read_right_or_refused(tmp_path) -> None:
    ends = Counter(survive(_folder(tmp_path, seed), seed) for seed in range(60))
    assert ends["read"] >= 30


@pytest.mark.slow
def test_five_thousand_mutated_studies_are_read_right_or_refused(tmp_path) -> None:
    ends = Counter(survive(_folder(tmp_path, seed), seed) for seed in range(1_000, 6_000))
    print(dict(ends))
    assert ends["read"] >= 2_500


def _folder(place: Path, seed: int) -> Path:
    folder = place / str(seed)
    folder.mkdir()
    return folder
