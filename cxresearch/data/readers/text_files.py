"""What must be known of a text file before an engine reads it: encoding, delimiter, line ends, names."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError
from cxresearch.wording import shown

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_CHUNK = 1 << 22
_CHECKED_BYTES = 1 << 29  # bytes beyond are checked by the engine as it reads
#: How files begin that are no text, whatever their name says.
_NO_TEXT = {
    b"PAR1": ("a Parquet file", "give it a name that ends in .parquet"),
    b"PK\x03\x04": ("a spreadsheet or an archive", "save it as CSV, or unpack it"),
    b"\x1f\x8b": ("compressed by gzip", "give it a name that ends in .gz"),
}
BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


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
        Records before the header; a quoted title of several lines is one.
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
    check_encoding(raw, path, where)
    delimiter = raw.delimiter or usual_delimiter(path)
    # what a declared encoding cannot read is refused where the whole file is read, with the byte
    errors = {"utf-8": "strict"}.get(raw.encoding, "replace")
    with (
        opened_bytes(path) as stream,
        io.TextIOWrapper(stream, encoding=codec_of(raw), errors=errors, newline="") as text,
    ):
        above = _records(_lines_above(text, raw.header_row - 1, where), delimiter, where)
        header = _first_record(text)
        second = _first_row(text, delimiter, where)
    if header.lower().startswith("sep=") and raw.header_row == 1:
        raise StudyError(
            f"the first line is {shown(header.strip())}, which is meant for a spreadsheet",
            where=where,
            next_step=f"declare delimiter = {header.strip()[4:]!r} and header_row = 2",
        )
    if not header.strip():
        raise StudyError("the file is empty", where=where, wanted="a header and at least one row")
    newline = next((mark for mark in ("\r\n", "\r", "\n") if header.endswith(mark)), "\n")
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
        header_lines=above,
    )


def _lines_above(text: io.TextIOWrapper, count: int, where: str) -> str:
    lines = []
    for _ in range(count):
        lines.append(text.readline())
        if not lines[-1]:
            raise StudyError(
                f"header_row is {count + 1:,}, and the file has {len(lines) - 1:,} lines",
                where=where,
                wanted="the line that holds the names of the columns",
            )
    return "".join(lines)


def _first_row(text: io.TextIOWrapper, delimiter: str, where: str) -> list[str] | None:
    try:
        return next((row for row in csv.reader(text, delimiter=delimiter) if row), None)
    except csv.Error as error:
        raise StudyError(
            f"the first row cannot be read: {error}",
            where=where,
            next_step="look for a quote that is not closed",
        ) from None


def _records(above: str, delimiter: str, where: str) -> int:
    """Return how many records stand above the header, as the engine counts: a title in quotes is one."""
    # RFC 4180: a line end within quotes is part of the field.
    mark = "the next record"
    rows = list(csv.reader(io.StringIO(above + mark, newline=""), delimiter=delimiter))
    if rows[-1] != [mark]:
        raise StudyError(
            "header_row names a line within a quoted title",
            where=where,
            wanted="the line of the names of the columns, counted from 1 with every line of the title",
        )
    return len(rows) - 1


def suffix_of(path: Path) -> str:
    """Return what kind of file a name says, in lower case, without ``.gz``."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def usual_delimiter(path: Path) -> str:
    """Return the delimiter that a file of this name has unless it is declared."""
    return {".tsv": "\t", ".tab": "\t"}.get(suffix_of(path), ",")


def codec_of(raw: RawInput) -> str:
    """Return the codec of an encoding; a byte-order mark of UTF-8 is no part of the text."""
    return {"utf-8": "utf-8-sig"}.get(raw.encoding, raw.encoding)


def opened_bytes(path: Path) -> IO[bytes]:
    """Open a file, plain or compressed by gzip."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


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
        distinct.append(label + f"_{again}" * (again > 1))
    return tuple(distinct)


def _check_delimiter(header: str, names: list[str], delimiter: str, where: str) -> None:
    if len(names) > 1:
        return
    counts = {other: header.count(other) for other in DELIMITERS if other != delimiter}
    best = max(counts, key=lambda other: counts[other])
    if counts[best]:
        raise StudyError(
            f"the header is one wide column when split at {DELIMITERS.get(delimiter, shown(delimiter))}",
            where=where,
            wanted=f"{counts[best] + 1} columns, split at {DELIMITERS[best]}",
            next_step=f"declare delimiter = {({chr(9): 'tab'}).get(best, best)!r}",
        )


def check_encoding(raw: RawInput, path: Path, where: str) -> None:
    """Refuse a file that is not in its declared encoding, as far as its bytes tell."""
    try:
        with opened_bytes(path) as stream:
            head = stream.read(4)
            refuse_no_text(head, where)
            for mark, name in BOMS.items():
                if head.startswith(mark) and raw.encoding not in (name, "utf-32"):  # whose mark begins alike
                    raise StudyError(
                        f"the file is not UTF-8: it starts with the byte-order mark of {name.upper()}",
                        where=where,
                        next_step=f"declare encoding = '{name}', or save it as UTF-8",
                    )
            if raw.encoding == "utf-8":
                _check_utf8(stream, head, where)
            elif not raw.encoding.startswith(("utf-16", "utf-32")):
                _check_nul(stream, head, where)
            else:
                _check_wide(raw.encoding, head, where)
    except gzip.BadGzipFile:
        raise StudyError("the file is not a gzip file, though its name ends in .gz", where=where) from None
    except (EOFError, OSError, zlib.error) as error:
        raise StudyError(f"the file cannot be read: {error}", where=where) from None


def _check_wide(encoding: str, head: bytes, where: str) -> None:
    """Refuse a file of one byte a letter that is declared to have more, and one without its mark."""
    marks = {
        "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
        "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    }.get(encoding)
    problem = ""
    # ASCII bytes in pairs are letters of other scripts: nothing would fail, and no name would fit.
    if b"\x00" not in head and head.isascii():
        problem = "it begins like a file with one byte a letter"
    elif marks and not head.startswith(marks):
        problem = "it does not begin with the byte-order mark"
    if problem:
        raise StudyError(
            f"the file is not {encoding}: {problem}",
            where=where,
            next_step="declare encoding = 'utf-8', 'utf-16-le' (without a mark), or the one it was saved in",
        )


def _check_utf8(stream: IO[bytes], head: bytes, where: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk, offset, line = head, 0, 1
    while chunk and offset < _CHECKED_BYTES:
        refuse_nul(chunk, line, where)
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


def refuse_no_text(head: bytes, where: str) -> None:
    """Refuse what is no text, whatever its name says."""
    for magic, (kind, advice) in _NO_TEXT.items():
        if head.startswith(magic):
            raise StudyError(f"this is no text but {kind}", where=where, next_step=advice)


def _check_nul(stream: IO[bytes], head: bytes, where: str) -> None:
    chunk, offset, line = head, 0, 1
    while chunk and offset < _CHECKED_BYTES:
        refuse_nul(chunk, line, where)
        line += chunk.count(b"\n")
        offset += len(chunk)
        chunk = stream.read(_CHUNK)


def refuse_nul(chunk: bytes, line: int, where: str) -> None:
    """A NUL byte cannot be seen, and makes a value differ from the one it looks like."""
    if b"\x00" in chunk:
        line += chunk[: chunk.index(b"\x00")].count(b"\n")
        raise StudyError(
            "the file is not text, or is damaged: it holds NUL bytes",
            where=f"{where}, line {line:,}",
            next_step="write it anew, or remove them: tr -d '\\000' < old.csv > new.csv",
        )


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
            opened_bytes(path) as stream,
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
