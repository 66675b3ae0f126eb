"""A part of a large or torn text file, for a first look: its first rows, some from the middle, its last."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cxresearch.data.readers.text_files import codec_of, suffix_of, usual_delimiter
from cxresearch.data.study_file.declarations import RawInput

_TEXT = (".csv", ".tsv", ".tab", ".txt")
#: Files up to this size are looked at whole.
_WHOLE_BYTES = 8 << 20
#: Of larger ones: so much of the head, and of each of so many further places, the last of them the end.
_HEAD_BYTES, _PIECE_BYTES, _PIECES = 1 << 20, 1 << 17, 12
#: A quoted text of more lines than this, at the begin of a piece, costs the piece.
_MOST_LINES = 5


@dataclass(frozen=True, kw_only=True)
class PartOfFile:
    """What is looked at of a file.

    Attributes
    ----------
    raw : RawInput
        It, as a file of its own; the file itself where it is looked at whole.
    share : float
        Share of the bytes, 0 to 1.
    torn : str
        What is wrong with the last line; empty for nothing.
    """

    raw: RawInput
    share: float = 1.0
    torn: str = ""


@contextmanager
def part_of(raw: RawInput) -> Iterator[PartOfFile]:
    """Give the part of an input that a first look needs; it is gone when the look is over.

    A plain text file of more than 8 MB is given by its head and 12 pieces, of which only rows as wide as the
    header are taken: a piece that begins within a quoted text is left out. All other inputs are given whole.
    """
    path = raw.path
    if path is None or path.suffix.lower() not in _TEXT or raw.encoding.startswith("utf-16"):
        yield PartOfFile(raw=raw)
        return
    size = path.stat().st_size
    if size <= _WHOLE_BYTES:
        yield PartOfFile(raw=raw)
        return
    with path.open("rb") as stream:
        head, rows, torn = _rows_of(raw, stream, size)
    with _written(raw, head + b"".join(rows)) as part:
        share = (len(head) + sum(map(len, rows))) / size
        yield PartOfFile(raw=part, share=share, torn=torn)


@contextmanager
def without_last_line(raw: RawInput) -> Iterator[PartOfFile | None]:
    """Give a text file without its last line, and what is wrong with it; None where that has an end."""
    path = raw.path
    if path is None or suffix_of(path) not in _TEXT or path.suffix.lower() == ".gz":
        yield None
        return
    # A large file is given in whole rows as it is.
    if path.stat().st_size > _WHOLE_BYTES:
        yield None
        return
    content = path.read_bytes()
    lines = content.rstrip(b"\r\n").rsplit(b"\n", 1)
    if len(lines) < 2 or content.endswith(b"\n"):
        yield None
        return
    width, last = _width(raw, content[:_HEAD_BYTES]), _fields(raw, lines[1])
    with _written(raw, lines[0] + b"\n") as part:
        yield PartOfFile(raw=part, torn=_torn(len(last), width))


@contextmanager
def _written(raw: RawInput, content: bytes) -> Iterator[RawInput]:
    assert raw.path is not None  # noqa: S101 - only files are written again
    folder = Path(tempfile.mkdtemp(prefix="cxresearch_"))
    try:
        path = folder / raw.path.name
        path.write_bytes(content)
        yield replace(raw, path=path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rows_of(raw: RawInput, stream: BinaryIO, size: int) -> tuple[bytes, list[bytes], str]:
    """The head of a file up to a line end, rows of further places, and what is wrong with the last."""
    head = stream.read(_HEAD_BYTES)
    width = _width(raw, head)
    head = _whole_lines(head)
    step = (size - _HEAD_BYTES - _PIECE_BYTES) / (_PIECES - 1)
    pieces, torn = [], ""
    for number in range(_PIECES):
        stream.seek(_HEAD_BYTES + round(number * step))
        # What stands before the first line end belongs to a row that began earlier.
        piece = stream.read(_PIECE_BYTES).partition(b"\n")[2]
        ends = number == _PIECES - 1
        rest = piece.rpartition(b"\n")[2] * ends
        fields = len(_fields(raw, rest))
        if rest and fields == width:
            piece += b"\n"
        rows = _whole_rows(raw, piece, width)
        pieces.append(rows)
        if rows and rest and fields < width:
            torn = _torn(fields, width)
    return head, pieces, torn


def _whole_lines(head: bytes) -> bytes:
    """The head up to the last line end outside quotes."""
    whole = head.rpartition(b"\n")[0] + b"\n"
    while whole.count(b'"') % 2 and b"\n" in whole[:-1]:
        whole = whole[:-1].rpartition(b"\n")[0] + b"\n"
    return whole


def _whole_rows(raw: RawInput, piece: bytes, width: int) -> bytes:
    """The rows of a piece of a file; none where it cannot be told where they begin."""
    for _ in range(_MOST_LINES):
        whole = _whole_lines(piece)
        try:
            rows = _parsed(raw, whole, strict=True)
        except csv.Error:
            rows = []
        # A line of a quoted text is not as wide as a row.
        if rows and all(len(row) == width for row in rows):
            return whole
        piece = piece.partition(b"\n")[2]
    return b""


def _width(raw: RawInput, head: bytes) -> int:
    lines = io.StringIO(_text(raw, head), newline="")
    for _ in range(raw.header_row - 1):
        lines.readline()
    return len(next(csv.reader(lines, delimiter=_delimiter(raw)), []))


def _fields(raw: RawInput, line: bytes) -> list[str]:
    return next(iter(_parsed(raw, line)), [])


def _parsed(raw: RawInput, piece: bytes, *, strict: bool = False) -> list[list[str]]:
    lines = io.StringIO(_text(raw, piece), newline="")
    return list(csv.reader(lines, delimiter=_delimiter(raw), strict=strict))


def _text(raw: RawInput, content: bytes) -> str:
    return content.decode(codec_of(raw), errors="replace")


def _delimiter(raw: RawInput) -> str:
    assert raw.path is not None  # noqa: S101 - only files have a delimiter
    return raw.delimiter or usual_delimiter(raw.path)


def _torn(fields: int, width: int) -> str:
    return f"its last line has {fields} of {width} columns and no end"
