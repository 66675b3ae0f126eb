"""How a text file is written, guessed from its head: encoding, delimiter, header, zones."""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from zoneinfo import available_timezones

from cxresearch.data.loading.sheets import sheet_rows
from cxresearch.data.readers.text_files import (
    BOMS,
    DELIMITERS,
    check_encoding,
    codec_of,
    opened_bytes,
    refuse_no_text,
    refuse_nul,
    suffix_of,
    usual_delimiter,
)
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError

_HEAD_ROWS = 30
#: Encodings of one byte a letter that files come in, most usual first, and letters people write in them.
_SINGLE_BYTE = ("cp1252", "mac-roman", "latin-1")
_LIKELY = "äöüÄÖÜßéèêëàâáãçñíóôõúûùîïœæøåÅØÉÈÀÇÑ’‘“”„–—…€£°«»¿¡©®™•"


def guess_text_input(path: Path) -> RawInput:
    """Guess how a text file is written: encoding, delimiter and further header rows, for a first study file.

    Raises
    ------
    StudyError
        If its head is not text.
    """
    try:
        with opened_bytes(path) as stream:
            head = stream.read(1 << 16)
    except (OSError, EOFError) as error:
        raise StudyError(f"the file cannot be read: {error}", where=path.name) from None
    refuse_no_text(head, path.name)
    encoding = BOMS.get(head[:2], "utf-8")
    try:
        check_encoding(RawInput(name="raw", path=path, encoding=encoding), path, path.name)
    except StudyError:
        encoding = _likely_encoding(head)
    text = head.decode(codec_of(RawInput(name="raw", encoding=encoding)), errors="replace")
    if encoding != "utf-16":
        refuse_nul(head, 1, path.name)
    usual = usual_delimiter(path)
    delimiter, header_row = _first_lines(text, usual)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or usual))[:3]
    return RawInput(
        name="raw",
        path=path,
        declared=path.name,
        delimiter=delimiter,
        encoding=encoding,
        header_row=max(header_row, 2 * _is_legacy_qualtrics(rows)),
        skip_rows=_further_header_rows(rows),
    )


def _likely_encoding(head: bytes) -> str:
    """The one of three encodings in which the letters beyond ASCII are most often letters people write.

    Every byte means something in each of them, so the reading is a guess, and shown as one.
    """
    beyond = bytes(byte for byte in head if byte > 0x7F)
    likely = {
        name: sum(letter in _LIKELY for letter in beyond.decode(name, "replace")) for name in _SINGLE_BYTE
    }
    return max(_SINGLE_BYTE, key=lambda name: likely[name])


def _first_lines(text: str, usual: str) -> tuple[str, int]:
    """The delimiter, empty if it is the usual one, and the line of the header: those above are narrower."""
    lines = text.splitlines()[:_HEAD_ROWS]
    first = "".join(lines[:1])
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4].replace(usual, ""), 2
    delimiter = max(DELIMITERS, key=lambda mark: (first.count(mark), mark == usual))
    if first.count(delimiter):
        width = len(next(csv.reader([first], delimiter=delimiter)))
        usual_width, at = _widths(text, delimiter)
        if usual_width <= width:
            at = 1
        return delimiter.replace(usual, ""), at
    widths = {mark: _widths(text, mark) for mark in DELIMITERS}
    widest = max(DELIMITERS, key=lambda mark: (widths[mark][0], mark == usual))
    if widths[widest][0] == 1:
        return "", 1
    return widest.replace(usual, ""), widths[widest][1]


def _widths(text: str, delimiter: str) -> tuple[int, int]:
    """How many columns most of the first rows have, and the line of the first row that has so many."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    counts: dict[int, int] = {}
    first: dict[int, int] = {}
    before = 0
    for row in itertools.islice(reader, _HEAD_ROWS):
        if row:
            counts[len(row)] = counts.get(len(row), 0) + 1
            first.setdefault(len(row), before + 1)
        before = reader.line_num
    most = max(counts, key=lambda width: (counts[width], width), default=1)
    return most, first.get(most, 1)


def _further_header_rows(rows: list[list[str]]) -> int:
    """Rows below the names that are no data: questions and ids, or kinds of answers (SurveyMonkey)."""
    if len(rows) > 2 and any('"ImportId"' in cell for cell in rows[2]):
        return 2
    if len(rows) < 3:
        return 0
    second = [cell.strip().lower() for cell in rows[1] if cell.strip()]
    kinds = ("response", "open-ended response")
    return int(any(cell in kinds for cell in second) and len(second) < len(rows[1]))


def with_sheet_head(raw: RawInput) -> RawInput:
    """Return a sheet with the line of its names, below narrower titles, and the rows that are no data."""
    assert raw.path is not None  # noqa: S101 - a sheet stands in a file
    rows = sheet_rows(raw, raw.path)[:_HEAD_ROWS]
    widths = [sum(bool(cell) for cell in row) for row in rows]
    widest = max(widths, default=0)
    # The names fill most of the width of the data; a title fills a cell or two.
    first = next((line for line, width in enumerate(widths) if 2 * width > widest), 0)
    return replace(raw, header_row=first + 1, skip_rows=_further_header_rows(rows[first : first + 3]))


@cache
def _zones() -> frozenset[str]:
    """Names of zones: the tree of zone files is walked once."""
    return frozenset(available_timezones())


def zones_in_header(raw: RawInput) -> dict[str, str]:
    """Return the zones that a text file's own header gives, by column.

    Qualtrics writes one behind each time in its third row; others name one in the lines above the header.
    """
    if raw.path is None or suffix_of(raw.path) not in (".csv", ".tsv", ".tab", ".txt"):
        return {}
    with (
        opened_bytes(raw.path) as stream,
        io.TextIOWrapper(stream, encoding=codec_of(raw), errors="replace") as text,
    ):
        lines = list(itertools.islice(text, _HEAD_ROWS))
    above = " ".join(lines[: raw.header_row - 1])
    rows = list(
        csv.reader(lines[raw.header_row - 1 :], delimiter=raw.delimiter or usual_delimiter(raw.path))
    )[:3]
    if not rows:
        return {}
    zones: dict[str, str] = {}
    named = re.search(r"\b([A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\b", above)
    if named and named[1] in _zones():
        zones = dict.fromkeys(rows[0], named[1])
    for name, cell in zip(rows[0], [*rows, [], []][2], strict=False):
        given = re.search(r'"timeZone"\s*:\s*"([^"]+)"', cell)
        zone = {"Z": "UTC"}.get(given[1], given[1]) if given else ""
        if zone in _zones():
            zones[name] = zone
    return zones


def _is_legacy_qualtrics(rows: list[list[str]]) -> bool:
    """Before 2017 Qualtrics wrote V1, V2, ... above the names; now questions and import ids follow them."""
    return len(rows) > 1 and rows[0][:1] == ["V1"] and rows[1][:1] == ["ResponseID"]
