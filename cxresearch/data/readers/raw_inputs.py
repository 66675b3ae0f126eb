"""Raw inputs as views of one DuckDB connection: nothing is read until a query asks."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import narwhals as nw
import pyarrow as pa

from cxresearch.data.loading.database_tables import read_database
from cxresearch.data.loading.input_files import files_of
from cxresearch.data.loading.json_rows import JSON_FILES, json_query
from cxresearch.data.loading.labelled_files import LABELLED_FILES, read_labelled
from cxresearch.data.loading.parquet_files import differing_types, in_common_types
from cxresearch.data.loading.sheets import SHEETS, read_sheet
from cxresearch.data.loading.sqlite_tables import SQLITE_FILES, is_sqlite, read_sqlite
from cxresearch.data.loading.unread_kinds import unread_reason
from cxresearch.data.readers.connection import (
    ROW,
    RawTable,
    as_pattern,
    has_rows,
    literal,
    lock,
    make_view,
    quoted,
    run,
)
from cxresearch.data.readers.declared_sql import check_view
from cxresearch.data.readers.text_files import TextLayout, read_as_utf8, suffix_of, text_layout
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError
from cxresearch.wording import did_you_mean, listed, one_of, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TEXT = (".csv", ".tsv", ".tab", ".txt")
_PARQUET = (".parquet", ".pq")
_DUCKDB = (".duckdb", ".db", ".ddb")
#: Kinds of files that are read, by the end of their names.
READ_KINDS = (*_TEXT, *_PARQUET, *_DUCKDB, *SHEETS, *LABELLED_FILES, *JSON_FILES, *SQLITE_FILES)
#: Encodings that the engine reads; of UTF-16 it lacks letters of two units, such as emoji.
_READ_DIRECTLY = ("utf-8", "latin-1")


def is_database(raw: RawInput, files: tuple[Path, ...]) -> bool:
    """Whether an input is a DuckDB file, whose views are SQL of others: it is opened behind a lock."""
    if not files:
        return False
    kind = suffix_of(files[0])
    if kind in SQLITE_FILES or (kind in _DUCKDB and is_sqlite(files[0])):
        return False
    return bool(raw.duckdb_table) or kind in _DUCKDB


def open_input(
    connection: DuckDBPyConnection,
    raw: RawInput,
    frames: Mapping[str, Any],
    files: tuple[Path, ...] | None = None,
) -> RawTable:
    """Make a view of a raw input.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The study's own.
    raw : RawInput
        What the study file declares.
    frames : mapping of str to frame
        Frames in memory by name.
    files : tuple of Path, optional
        Those of `files_of`; found anew by default.

    Raises
    ------
    StudyError
        If the file or frame is missing, empty or not what it is declared to be.
    """
    if raw.frame:
        if raw.frame not in frames:
            raise StudyError(
                f"frame {shown(raw.frame)} was not given",
                wanted=one_of(frames, "read_study(..., frames={name: frame})"),
            )
        return open_frame(connection, raw.name, frames[raw.frame], label=f"frame {raw.frame}")
    if raw.database:
        label = f"{raw.database}, table {raw.database_table}"
        return open_frame(connection, raw.name, read_database(raw.database, raw.database_table), label=label)
    if files is None:
        files = files_of(raw)
    return _open_files(connection, raw, files)


def open_alone(connection: DuckDBPyConnection, raw: RawInput) -> RawTable:
    """Make a view of a single input; a database, whose views are SQL of others, behind a lock.

    Raises
    ------
    StudyError
        As `open_input`.
    """
    files = files_of(raw)
    if is_database(raw, files):
        lock(connection, files)
    return open_input(connection, raw, {}, files)


def _open_files(connection: DuckDBPyConnection, raw: RawInput, files: tuple[Path, ...]) -> RawTable:
    """Make a view of files, by the end of their names."""
    kind = suffix_of(files[0])
    if kind in SQLITE_FILES or (kind in _DUCKDB and is_sqlite(files[0])):
        return _opened_table(connection, raw, read_sqlite(files[0], raw.sqlite_table), files)
    if is_database(raw, files):
        return _open_duckdb(connection, raw, files)
    openers = {
        _open_parquet: _PARQUET,
        _open_text: _TEXT,
        _open_sheets: SHEETS,
        _open_labelled: LABELLED_FILES,
        _open_json: JSON_FILES,
    }
    for opener, kinds in openers.items():
        if kind in kinds:
            return opener(connection, raw, files)
    raise StudyError(
        f"the kind of file is not known: {shown(files[0].name)}",
        wanted=f"a name ending in {', '.join(READ_KINDS)} (.gz allowed for text)",
        next_step=unread_reason(files[0].name),
    )


def _open_labelled(connection: DuckDBPyConnection, raw: RawInput, files: tuple[Path, ...]) -> RawTable:
    return _opened_table(connection, raw, read_labelled(files[0]), files)


def _open_sheets(connection: DuckDBPyConnection, raw: RawInput, files: tuple[Path, ...]) -> RawTable:
    parts = [read_sheet(raw, file) for file in files]
    names = parts[0][0].column_names
    for file, (part, _) in zip(files, parts, strict=True):
        if part.column_names != names:
            raise StudyError(
                "workbooks read together have different headers", where=f"{files[0].name}, {file.name}"
            )
    table = _opened_table(connection, raw, pa.concat_tables([part for part, _ in parts]), files)
    return replace(table, ambiguous=parts[0][1])


def _opened_table(
    connection: DuckDBPyConnection, raw: RawInput, table: pa.Table, files: tuple[Path, ...]
) -> RawTable:
    """A file that was read into memory, as a view."""
    part = raw.sheet or raw.sqlite_table
    label = raw.declared
    if part:
        label = f"{raw.declared}, {part}"
    return replace(open_frame(connection, raw.name, table, label=label), files=files)


def _open_json(connection: DuckDBPyConnection, raw: RawInput, files: tuple[Path, ...]) -> RawTable:
    parts = [
        f"SELECT *, row_number() OVER () AS {ROW} FROM ({json_query(connection, file)})"  # noqa: S608 - quoted parts
        for file in files
    ]
    table = make_view(connection, raw.name, " UNION ALL BY NAME ".join(parts), raw.declared, files=files)
    if not has_rows(connection, table.view, raw.declared):
        raise StudyError("the table is empty", where=raw.declared)
    return table


def open_frame(
    connection: DuckDBPyConnection, name: str, native: Any, *, label: str, may_be_empty: bool = False
) -> RawTable:
    """Register a frame in memory (pandas, Polars, PyArrow) as a view.

    Raises
    ------
    StudyError
        If it is empty, or a column mixes types.
    """
    try:
        frame = nw.from_native(native)
        table = frame.collect("pyarrow").to_native() if isinstance(frame, nw.LazyFrame) else frame.to_arrow()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:  # the latter is a TypeError too
        raise StudyError(
            f"a column mixes types: {shown('; '.join(map(str, error.args)), longest=160)}",
            where=label,
            wanted="one type a column",
        ) from None
    except nw.exceptions.DuplicateError as error:
        raise StudyError(
            "a column name occurs more than once",
            where=f"{label}: {shown(' '.join(str(error).split()), longest=120)}",
            next_step="rename or drop one of them",
        ) from None
    except TypeError:
        raise StudyError(
            f"a {type(native).__name__} is not a frame", where=label, wanted="pandas, Polars or PyArrow"
        ) from None
    except Exception as error:  # a lazy frame runs the code of whoever built it
        said = shown(" ".join(str(error).split()), longest=160)
        raise StudyError(
            f"the frame cannot be read: {type(error).__name__}: {said}",
            where=label,
            next_step="collect it by itself to see where it fails",
        ) from None
    if not table.num_rows and not may_be_empty:
        raise StudyError("the table is empty", where=label, next_step="leave out a table that has no rows")
    names = [column for column in table.column_names if not column.startswith("__index_level")]
    table = table.select(names)
    for position, column in enumerate(table.schema):
        kind = _plain_type(column.type)
        if kind != column.type:
            table = table.set_column(position, column.name, table.column(position).cast(kind, safe=False))
    table = table.append_column(ROW, pa.array(range(1, table.num_rows + 1), pa.int64()))
    connection.register(f"{name}__frame", table)
    query = f"SELECT * FROM {quoted(name + '__frame')}"  # noqa: S608 - quoted
    return make_view(connection, name, query, label)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Columns without any value as text; timestamps in microseconds, with a zone as instants."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz is not None else None)
    return kind


def _open_text(connection: DuckDBPyConnection, raw: RawInput, files: tuple[Path, ...]) -> RawTable:
    layouts = [text_layout(raw, file, file.name) for file in files]
    read = files
    if raw.encoding not in _READ_DIRECTLY:
        folder = Path(tempfile.mkdtemp(prefix="cxresearch_"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copies = [folder / str(number) for number in range(len(files))]
        for copy in copies:
            copy.mkdir()
        read = tuple(
            read_as_utf8(raw, file, copy, file.name) for file, copy in zip(files, copies, strict=True)
        )
    first = layouts[0]
    for file, layout in zip(files, layouts, strict=True):
        if layout.names != first.names or layout.newline != first.newline:
            raise StudyError(
                "files read together have different headers or line ends",
                where=f"{files[0].name}, {file.name}",
            )
    parts = [
        f"SELECT *, row_number() OVER () - {raw.skip_rows} AS {ROW} FROM {_csv_call(raw, file, first)}"  # noqa: S608
        for file in read
    ]
    query = " UNION ALL ".join(parts)
    if raw.skip_rows:
        query = f"SELECT * FROM ({query}) WHERE {ROW} > 0"  # noqa: S608 - built from quoted parts
    table = make_view(connection, raw.name, query, raw.declared, files=files)
    if not has_rows(connection, table.view, raw.declared):
        _refuse_no_rows(raw, files)
    return replace(table, ambiguous=first.repeated, copies=tuple(set(read) - set(files)))


def _csv_call(raw: RawInput, file: Path, layout: TextLayout) -> str:
    # All columns as text: types are declared or asked, never detected.
    names = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in layout.names)
    encoding = "utf-8"  # that of the copies, where an encoding is not read directly
    if raw.encoding in _READ_DIRECTLY:
        encoding = raw.encoding
    newline = {"\n": ", new_line='\\n'", "\r\n": ", new_line='\\r\\n'"}.get(layout.newline, "")
    return (
        f"read_csv({literal(as_pattern(file))}, auto_detect=false, header=true, skip={layout.header_lines}, "
        f"delim={literal(layout.delimiter)}, quote='\"', escape='\"', encoding={literal(encoding)}, "
        f"columns={{{names}}}{newline})"
    )


def _refuse_no_rows(raw: RawInput, files: tuple[Path, ...]) -> NoReturn:
    """A file whose line ends change midway can read as empty: the head has shown that there is a row."""
    if raw.skip_rows:
        raise StudyError("the table is empty: no row is left after skip_rows", where=raw.declared)
    raise StudyError(
        "rows cannot be told apart: line ends are mixed",
        where=files[0].name,
        next_step="save the file with one kind of line end",
    )


def _open_parquet(connection: DuckDBPyConnection, raw: RawInput, files: tuple[Path, ...]) -> RawTable:
    # The engine counts the rows of a file from 0, messages from 1.
    paths = ", ".join(literal(as_pattern(file)) for file in files)
    call = f"read_parquet([{paths}], file_row_number=true)"
    calls = {file: f"read_parquet({literal(as_pattern(file))}, file_row_number=true)" for file in files}
    if len(files) > 1 and differing_types(connection, calls):
        call = f"({in_common_types(connection, list(calls.values()))})"
    query = f"SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS {ROW} FROM {call}"  # noqa: S608 - quoted
    table = make_view(connection, raw.name, query, raw.declared, files=files)
    if not has_rows(connection, table.view, raw.declared):
        raise StudyError("the table is empty", where=raw.declared)
    return table


def _open_duckdb(connection: DuckDBPyConnection, raw: RawInput, files: tuple[Path, ...]) -> RawTable:
    alias = f"file_{raw.name}"
    tables = duckdb_tables(connection, files[0], alias)
    if raw.duckdb_table not in tables:
        problem = "no table is named"
        if raw.duckdb_table:
            problem = f"table {shown(raw.duckdb_table)} is not in the file"
        raise StudyError(
            problem,
            where=raw.declared,
            wanted=f"duckdb_table = one of {listed(tables)}",
            next_step=did_you_mean(raw.duckdb_table, tables),
        )
    parts = [quoted(alias), *(quoted(part) for part in raw.duckdb_table.rsplit(".", 1))]
    if len(parts) == 2:
        parts.insert(1, "main")
    label = f"{raw.declared}, table {raw.duckdb_table}"
    check_view(connection, alias, raw.duckdb_table, label)
    query = f"SELECT *, row_number() OVER () AS {ROW} FROM {'.'.join(parts)}"  # noqa: S608 - quoted
    table = make_view(connection, raw.name, query, label, files=files)
    if not has_rows(connection, table.view, label):
        raise StudyError("the table is empty", where=label)
    return table


def duckdb_tables(connection: DuckDBPyConnection, file: Path, alias: str) -> list[str]:
    """Attach a DuckDB file, to be read only, and return the names of its tables and views.

    Parameters
    ----------
    connection : DuckDBPyConnection
        To which it is attached; it stays so.
    file : Path
        The file, which must exist.
    alias : str
        Name of the database in the connection, new to it.

    Returns
    -------
    list of str
        ``table``, or ``schema.table`` outside the schema "main", by schema and name; empty for an empty file.

    Raises
    ------
    StudyError
        If it is no DuckDB file, or another program writes to it.
    """
    run(connection, f"ATTACH {literal(str(file))} AS {quoted(alias)} (READ_ONLY)", file.name)
    query = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = "
    rows = run(connection, f"{query}{literal(alias)} ORDER BY ALL", file.name)
    return [f"{schema}.{name}".removeprefix("main.") for schema, name in rows]
