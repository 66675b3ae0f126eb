"""Tables of an SQLite file, read by the standard library in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from cxresearch.errors import StudyError
from cxresearch.wording import did_you_mean, listed, shown

SQLITE_FILES = (".sqlite", ".sqlite3")
_MAGIC = b"SQLite format 3"
_BATCH = 100_000


def is_sqlite(path: Path) -> bool:
    """Whether a file is an SQLite database, whatever it is called."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def sqlite_names(path: Path) -> list[str]:
    """Return the names of tables and views.

    Raises
    ------
    StudyError
        If it is no SQLite file.
    """
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
    with _opened(path) as connection:
        names = [str(name) for (name,) in connection.execute(query)]
    return [name for name in names if not name.startswith("sqlite_")]


def read_sqlite(path: Path, table: str) -> pa.Table:
    """Return a table as text, since a column of SQLite may mix types.

    Raises
    ------
    StudyError
        If there is no such table, or it has no row.
    """
    names = sqlite_names(path)
    if table not in names:
        problem = f"table {shown(table)} is not in the file" if table else "no table is named"
        raise StudyError(
            problem,
            where=path.name,
            wanted=f"sqlite_table = one of {listed(names)}",
            next_step=did_you_mean(table, names),
        )
    quoted = '"' + table.replace('"', '""') + '"'
    # Types of SQLite belong to cells, not to columns: text is what they share.
    with _opened(path) as connection:
        cursor = connection.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - quoted
        columns = [str(entry[0]) for entry in cursor.description]
        schema = pa.schema([(name, pa.string()) for name in columns])
        batches = []
        while rows := cursor.fetchmany(_BATCH):
            cells = [[_text(cell) for cell in column] for column in zip(*rows, strict=True)]
            batches.append(
                pa.record_batch([pa.array(column, pa.string()) for column in cells], schema=schema)
            )
    if not batches:
        raise StudyError("the table is empty", where=f"{path.name}, table {table}")
    return pa.Table.from_batches(batches, schema=schema)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        yield connection
    except sqlite3.DatabaseError as error:
        raise StudyError(f"the file is no SQLite database: {error}", where=path.name) from None
    finally:
        connection.close()


def _text(cell: object) -> str | None:
    if cell is None or isinstance(cell, bytes):
        return None
    if isinstance(cell, float):
        return f"{cell:.15g}"
    return str(cell)
