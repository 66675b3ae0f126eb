"""One connection to an engine: made, asked, its views, and its complaints in one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from cxresearch.data.loading.spill_folder import spill_folder
from cxresearch.errors import StudyError
from cxresearch.wording import shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


#: Raw row number, from 1, in the hidden view of each input.
ROW = "cx_row"


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """A raw input as the engine sees it.

    Attributes
    ----------
    view : str
        Name of its view, which has the row number as a column ``cx_row`` besides the raw ones.
    types : mapping of str to str
        DuckDB type of each raw column, in order; all text for a delimited file.
    label : str
        For messages.
    ambiguous : frozenset of str
        Column names that the header repeats.
    files : tuple of Path
        The files behind it.
    copies : tuple of Path
        What is read in their place: copies in UTF-8 of files in another encoding.
    """

    view: str
    types: Mapping[str, str]
    label: str
    ambiguous: frozenset[str] = frozenset()
    files: tuple[Path, ...] = ()
    copies: tuple[Path, ...] = ()


def connect() -> DuckDBPyConnection:
    """Return a private in-memory DuckDB that keeps UTC and fetches no extension."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "preserve_insertion_order": "true",
            "temp_directory": str(spill_folder()),
        }
    )
    connection.execute(
        "SET TimeZone = 'UTC'"
    )  # not in the config: its extension may not be loaded that early
    return connection


def lock(connection: DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Let SQL of others see these files and nothing else on the machine; no setting changes afterwards."""
    beside = [file.with_name(f"{file.name}.wal") for file in files]  # what a database has not yet taken in
    spelled = (name for file in (*files, *beside) for name in dict.fromkeys((str(file), as_pattern(file))))
    paths = ", ".join(literal(name) for name in spelled)
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    # A quote inside a name is written twice (ISO/IEC 9075, delimited identifiers).
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def as_pattern(file: Path) -> str:
    """Return a path as the engine wants it: ``*``, ``?`` and ``[`` would stand for other files otherwise.

    Examples
    --------
    >>> as_pattern(Path("answers [1].csv"))
    'answers [[]1].csv'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(file))


def _types(connection: DuckDBPyConnection, view: str) -> dict[str, str]:
    rows = run(connection, f"DESCRIBE {quoted(view)}", view)
    return {str(name): str(kind) for name, kind, *_ in rows if name != ROW}


def columns_of(connection: DuckDBPyConnection, view: str) -> list[str]:
    """Return the names of a view's columns."""
    return [str(name) for name, *_ in run(connection, f"DESCRIBE {quoted(view)}", view)]


def make_view(
    connection: DuckDBPyConnection, name: str, query: str, label: str, *, files: Sequence[Path] = ()
) -> RawTable:
    """Make the hidden view of an input, with row numbers, and the one that SQL of the study file sees.

    Raises
    ------
    StudyError
        If the engine does not understand the query, or it gives no row.
    """
    view = f"{name}__rows"
    run(connection, f"CREATE VIEW {quoted(view)} AS {query}", label)
    # Row numbers are ours: SELECT * of a study file must give the raw columns alone.
    public = f"SELECT * EXCLUDE ({ROW}) FROM {quoted(view)}"  # noqa: S608 - quoted
    run(connection, f"CREATE VIEW {quoted(name)} AS {public}", label)
    return RawTable(view=view, types=_types(connection, view), label=label, files=tuple(files))


def has_rows(connection: DuckDBPyConnection, view: str, label: str) -> bool:
    """Whether a view gives at least one row."""
    return bool(run(connection, f"SELECT 1 FROM {quoted(view)} LIMIT 1", label))  # noqa: S608 - quoted


def run(connection: DuckDBPyConnection, query: str, where: str) -> list[tuple[Any, ...]]:
    """Run a query and turn the engine's complaints into one sentence.

    Raises
    ------
    StudyError
        If the engine cannot read the file or does not understand the query.
    """
    try:
        return list(connection.execute(query).fetchall())
    except duckdb.Error as error:
        raise engine_error(error, where) from None


def engine_error(error: duckdb.Error, where: str) -> StudyError:
    """Say in one sentence what the engine complained about."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0].split("Error: ", 1)[-1] if lines else type(error).__name__
    if "CSV Error" in text:
        detail = next(
            (line for line in lines[1:] if line.startswith(("Expected", "Value", "Invalid", "Max"))), ""
        )
        text = f"the file cannot be read from line {text.rsplit(':', 1)[-1].strip()} on: {detail}"
        return StudyError(
            text.rstrip(". "),
            where=where,
            next_step="look at this line: a quote or a delimiter is astray; if it is the last, the file was "
            "cut off: fetch it again",
        )
    if "disabled by configuration" in text:
        return StudyError(
            "the SQL reads a file that the study does not declare",
            where=where,
            next_step="declare it under [inputs] and use its name",
        )
    if "is not latin-1 encoded" in text:
        return StudyError(
            "the file is not latin-1: it has bytes that mean nothing there, as Windows writes for ’ and €",
            where=where,
            next_step="save it as CSV UTF-8 in a spreadsheet, or "
            "iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv",
        )
    if "state machine" in text:
        return StudyError(
            "the file is not well-formed CSV",
            where=where,
            next_step="look for an open quote or mixed line ends",
        )
    return StudyError(f"the engine cannot read this: {shown(text, longest=200)}", where=where)
