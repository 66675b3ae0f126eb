"""What must be known of a text file before an engine reads it: encoding, delimiter, line ends, names."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zoneinfo import available_timezones

from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError
from cxresearch.wording import shown

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_CHUNK = 1 << 22
_CHECKED_BYTES = 1 << 29  # bytes beyond are checked by the engine as it reads
#: How files begin that are no text, whatever their name says.
_NO_TEXT = {
    b"PAR1": ("a Parquet file", "give it a name that ends in .parquet"),
    b"PK\x03\x04": ("a spreadsheet or an archive", "save it as CSV, or unpack it"),
    b"\x1f\x8b": ("compressed by gzip", "give it a name that ends in .gz"),
}
_HEAD_ROWS = 30
#: Encodings of one byte a letter that files come in, most usual first, and letters people write in them.
_SINGLE_BYTE = ("cp1252", "mac-roman", "latin-1")
_LIKELY = "äöüÄÖÜßéèêëàâáãçñíóôõúûùîïœæøåÅØÉÈÀÇÑ’‘“”„–—…€£°«»¿¡©®™•"
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    r"""How a delimited file is written.

    Attributes
    ----------
    names : tuple of str
        Column names; an empty one becomes ``column_3``, a repeated one ``name_2``.
    repeated : frozenset of str
        Names that occur more than once as written: mapping them is ambiguous.
    delimiter, newline : str
        As found or declared; ``newline`` is ``\n``, ``\r\n`` or ``\r``.
    header_lines : int
        Lines before the header.
    """

    names: tuple[str, ...]
    repeated: frozenset[str]
    delimiter: str
    newline: str
    header_lines: int


def text_layout(raw: RawInput, path: Path, where: str) -> TextLayout:
    """Look at the head of a delimited file and check its encoding.

    A UTF-8 byte-order mark is read as what it is: a mark, not part of the first column's name.

    Raises
    ------
    StudyError
        If the bytes are not in the declared encoding, the file is empty, or another delimiter would split it.
    """
    _check_encoding(raw, path, where)
    delimiter = raw.delimiter or ("\t" if _suffix(path) in (".tsv", ".tab") else ",")
    # what a declared encoding cannot read is refused where the whole file is read, with the byte
    errors = "strict" if raw.encoding == "utf-8" else "replace"
    with (
        _opened(path) as stream,
        io.TextIOWrapper(stream, encoding=_codec(raw), errors=errors, newline="") as text,
    ):
        for _ in range(raw.header_row - 1):
            text.readline()
        header = _first_record(text)
        rows = csv.reader(text, delimiter=delimiter)
        second = next((row for row in rows if row), None)
    if header.lower().startswith("sep=") and raw.header_row == 1:
        raise StudyError(
            f"the first line is {shown(header.strip())}, which is meant for a spreadsheet",
            where=where,
            next_step=f"declare delimiter = {header.strip()[4:]!r} and header_row = 2",
        )
    if not header.strip():
        raise StudyError("the file is empty", where=where, wanted="a header and at least one row")
    newline = "\r\n" if header.endswith("\r\n") else header[-1:] if header[-1:] in "\r\n" else "\n"
    names = next(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter))
    _check_delimiter(header, names, delimiter, where)
    if second is None:
        raise StudyError("the table is empty: there is a header but no row", where=where)
    repeated = {name for name in names if name and names.count(name) > 1}
    return TextLayout(
        names=_distinct(names),
        repeated=frozenset(repeated),
        delimiter=delimiter,
        newline=newline,
        header_lines=raw.header_row - 1,
    )


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _codec(raw: RawInput) -> str:
    return "utf-8-sig" if raw.encoding == "utf-8" else raw.encoding


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _first_record(text: io.TextIOWrapper) -> str:
    """Read lines until quotes are closed: a header may hold line ends within quotes."""
    record = text.readline()
    for _ in range(100):
        if record.count('"') % 2 == 0:
            break
        record += text.readline()
    return record


def _distinct(names: list[str]) -> tuple[str, ...]:
    used: dict[str, int] = {}
    distinct = []
    for position, name in enumerate(names, start=1):
        label = name or f"column_{position}"
        used[label.casefold()] = used.get(label.casefold(), 0) + 1
        again = used[label.casefold()]
        distinct.append(label if again == 1 else f"{label}_{again}")
    return tuple(distinct)


def _check_delimiter(header: str, names: list[str], delimiter: str, where: str) -> None:
    if len(names) > 1:
        return
    counts = {other: header.count(other) for other in _DELIMITERS if other != delimiter}
    best = max(counts, key=lambda other: counts[other])
    if counts[best]:
        raise StudyError(
            f"the header is one wide column when split at {_DELIMITERS.get(delimiter, shown(delimiter))}",
            where=where,
            wanted=f"{counts[best] + 1} columns, split at {_DELIMITERS[best]}",
            next_step=f"declare delimiter = {'tab' if best == chr(9) else best!r}".replace(
                "= tab", "= 'tab'"
            ),
        )


def _check_encoding(raw: RawInput, path: Path, where: str) -> None:
    try:
        with _opened(path) as stream:
            head = stream.read(4)
            _refuse_no_text(head, where)
            for mark, name in _BOMS.items():
                if head.startswith(mark) and raw.encoding != name:
                    raise StudyError(
                        f"the file is not UTF-8: it starts with the byte-order mark of {name.upper()}",
                        where=where,
                        next_step=f"declare encoding = '{name}', or save it as UTF-8",
                    )
            if raw.encoding == "utf-8":
                _check_utf8(stream, head, where)
            elif not raw.encoding.startswith(("utf-16", "utf-32")):
                _check_nul(stream, head, where)
    except gzip.BadGzipFile:
        raise StudyError("the file is not a gzip file, though its name ends in .gz", where=where) from None
    except (EOFError, OSError) as error:
        raise StudyError(f"the file cannot be read: {error}", where=where) from None


def _check_utf8(stream: IO[bytes], head: bytes, where: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk, offset, line = head, 0, 1
    while chunk and offset < _CHECKED_BYTES:
        _refuse_nul(chunk, line, where)
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            byte = offset - pending + error.start
            line += chunk[: max(error.start - pending, 0)].count(b"\n")
            raise StudyError(
                f"the file is not UTF-8: byte {byte + 1:,} is 0x{error.object[error.start]:02x}",
                where=f"{where}, line {line:,}",
                next_step="declare how it is written, encoding = 'windows-1252' (Windows), 'latin-1' or "
                "'mac-roman', or convert it: iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv",
            ) from None
        line += chunk.count(b"\n")
        offset += len(chunk)
        chunk = stream.read(_CHUNK)
    try:
        decoder.decode(b"", final=not chunk)
    except UnicodeDecodeError:
        raise StudyError("the file is not UTF-8: it ends within a letter", where=where) from None


def _refuse_no_text(head: bytes, where: str) -> None:
    for magic, (kind, advice) in _NO_TEXT.items():
        if head.startswith(magic):
            raise StudyError(f"this is no text but {kind}", where=where, next_step=advice)


def _check_nul(stream: IO[bytes], head: bytes, where: str) -> None:
    chunk, offset, line = head, 0, 1
    while chunk and offset < _CHECKED_BYTES:
        _refuse_nul(chunk, line, where)
        line += chunk.count(b"\n")
        offset += len(chunk)
        chunk = stream.read(_CHUNK)


def _refuse_nul(chunk: bytes, line: int, where: str) -> None:
    """A NUL byte cannot be seen, and makes a value differ from the one it looks like."""
    if b"\x00" in chunk:
        line += chunk[: chunk.index(b"\x00")].count(b"\n")
        raise StudyError(
            "the file is not text, or is damaged: it holds NUL bytes",
            where=f"{where}, line {line:,}",
            next_step="write it anew, or remove them: tr -d '\\000' < old.csv > new.csv",
        )


def guess_text_input(path: Path) -> RawInput:
    """Guess how a text file is written: encoding, delimiter and further header rows, for a first study file.

    Raises
    ------
    StudyError
        If its head is not text.
    """
    try:
        with _opened(path) as stream:
            head = stream.read(1 << 16)
    except (OSError, EOFError) as error:
        raise StudyError(f"the file cannot be read: {error}", where=path.name) from None
    _refuse_no_text(head, path.name)
    encoding = "utf-16" if head[:2] in _BOMS else "utf-8"
    try:
        _check_encoding(RawInput(name="raw", path=path, encoding=encoding), path, path.name)
    except StudyError:
        encoding = _likely_encoding(head)
    codec = {"utf-8": "utf-8-sig"}.get(encoding, encoding)
    text = head.decode(codec, errors="replace")
    if encoding != "utf-16":
        _refuse_nul(head, 1, path.name)
    usual = "\t" if _suffix(path) in (".tsv", ".tab") else ","
    delimiter, header_row = _first_lines(text, usual)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or usual))[:3]
    return RawInput(
        name="raw",
        path=path,
        declared=path.name,
        delimiter=delimiter,
        encoding=encoding,
        header_row=2 if _is_legacy_qualtrics(rows) else header_row,
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


def read_as_utf8(raw: RawInput, path: Path, folder: Path, where: str) -> Path:
    """Write a copy of a text file in UTF-8, for an engine that reads nothing else; return its path.

    Raises
    ------
    StudyError
        If the file is not in its declared encoding, with the byte.
    """
    target = folder / f"{path.name.removesuffix('.gz')}"
    try:
        with (
            _opened(path) as stream,
            io.TextIOWrapper(stream, encoding=raw.encoding, newline="") as text,
            target.open("w", encoding="utf-8", newline="") as copy,
        ):
            while chunk := text.read(_CHUNK):
                copy.write(chunk)
    except UnicodeError as error:
        wrong = getattr(error, "object", b"")[getattr(error, "start", 0) : getattr(error, "start", 0) + 1]
        raise StudyError(
            f"the file is not {raw.encoding}: 0x{wrong.hex()} means nothing there",
            where=where,
            next_step="declare another encoding ('utf-8', 'windows-1252', 'latin-1', 'mac-roman'), or "
            "save it as CSV UTF-8 in a spreadsheet",
        ) from None
    return target


def _first_lines(text: str, usual: str) -> tuple[str, int]:
    """The delimiter, empty if it is the usual one, and the line of the header: those above are narrower."""
    lines = text.splitlines()[:_HEAD_ROWS]
    first = lines[0] if lines else ""
    if first.lower().startswith("sep=") and len(first) == 5:
        return ("" if first[4] == usual else first[4]), 2
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark), mark == usual))
    if first.count(delimiter):
        found = delimiter
        width = len(next(csv.reader([first], delimiter=delimiter)))
        usual_width, at = _widths(text, delimiter)
        row = at if usual_width > width else 1
    else:
        widths = {mark: _widths(text, mark) for mark in _DELIMITERS}
        found = max(_DELIMITERS, key=lambda mark: (widths[mark][0], mark == usual))
        row = widths[found][1] if widths[found][0] > 1 else 1
        found = found if widths[found][0] > 1 else usual
    return ("" if found == usual else found), row


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
    second = [cell.strip().lower() for cell in rows[1] if cell.strip()] if len(rows) > 2 else []
    kinds = ("response", "open-ended response")
    return 1 if any(cell in kinds for cell in second) and len(second) < len(rows[1]) else 0


def zones_in_header(raw: RawInput) -> dict[str, str]:
    """Return the zones that a text file's own header gives, by column.

    Qualtrics writes one behind each time in its third row; others name one in the lines above the header.
    """
    if raw.path is None or _suffix(raw.path) not in (".csv", ".tsv", ".tab", ".txt"):
        return {}
    with (
        _opened(raw.path) as stream,
        io.TextIOWrapper(stream, encoding=_codec(raw), errors="replace") as text,
    ):
        lines = list(itertools.islice(text, _HEAD_ROWS))
    above = " ".join(lines[: raw.header_row - 1])
    rows = list(csv.reader(lines[raw.header_row - 1 :], delimiter=raw.delimiter or _usual(raw.path)))[:3]
    if not rows:
        return {}
    named = re.search(r"\b([A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\b", above)
    zones = dict.fromkeys(rows[0], named[1]) if named and _is_zone(named[1]) else {}
    for name, cell in zip(rows[0], rows[2] if len(rows) > 2 else [], strict=False):
        found = re.search(r'"timeZone"\s*:\s*"([^"]+)"', cell)
        if found and _is_zone(found[1]):
            zones[name] = found[1].replace("Z", "UTC") if found[1] == "Z" else found[1]
    return zones


def _usual(path: Path) -> str:
    return "\t" if _suffix(path) in (".tsv", ".tab") else ","


def _is_zone(name: str) -> bool:
    return name == "Z" or name in available_timezones()


def _is_legacy_qualtrics(rows: list[list[str]]) -> bool:
    """Before 2017 Qualtrics wrote V1, V2, ... above the names; now questions and import ids follow them."""
    return len(rows) > 1 and rows[0][:1] == ["V1"] and rows[1][:1] == ["ResponseID"]
