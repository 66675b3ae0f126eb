"""Parquet files read together: one type a column, whichever file comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from cxresearch.errors import StudyError
from cxresearch.wording import shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WHOLE = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
)
_FRACTIONS = ("FLOAT", "DOUBLE")
# IEEE 754 double: 53 bits of mantissa; a larger whole number would become its neighbour.
_EXACT = 2**53


def differing_types(connection: DuckDBPyConnection, calls: Mapping[Path, str]) -> bool:
    """Return whether files read together must be brought to common types.

    Parameters
    ----------
    connection : DuckDBPyConnection
    calls : mapping of Path to str
        The table function that reads each file.

    Raises
    ------
    StudyError
        If a column has types that have no type in common without changing a value, by file and column.
    """
    try:
        typed = {file: _types(connection, call) for file, call in calls.items()}
    except duckdb.Error:  # what cannot be read is refused where it is read, in the words used there
        return False
    first, *others = typed
    differ = False
    for file in others:
        for column, kind in typed[first].items():
            other = typed[file].get(column)
            if other is None:
                raise StudyError(
                    f"column {shown(column)} is missing", where=file.name, wanted=f"as in {first.name}"
                )
            if other != kind:
                _check_common(connection, column, {first: kind, file: other}, calls)
                differ = True
    return differ


def in_common_types(connection: DuckDBPyConnection, calls: Sequence[str]) -> str:
    """Return a query of all files in which each column has a type that holds the values of all."""
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in _types(connection, calls[0]))
    # UNION takes the smallest type that holds both sides: BIGINT and DOUBLE give DOUBLE.
    return " UNION ALL ".join(f"SELECT {columns}, file_row_number FROM {call}" for call in calls)  # noqa: S608 - quoted


def _types(connection: DuckDBPyConnection, call: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE SELECT * FROM {call}").fetchall()  # noqa: S608 - quoted
    return {str(name): str(kind) for name, kind, *_ in rows if name != "file_row_number"}


def _check_common(
    connection: DuckDBPyConnection, column: str, kinds: Mapping[Path, str], calls: Mapping[Path, str]
) -> None:
    numbers = all(kind in (*_WHOLE, *_FRACTIONS) or kind.startswith("DECIMAL") for kind in kinds.values())
    if not numbers:
        told = ", ".join(f"{kind} in {file.name}" for file, kind in kinds.items())
        raise StudyError(
            f"column {shown(column)} has several types: {told}",
            where=", ".join(file.name for file in kinds),
            wanted="one type in all files read together",
            next_step="write them anew with one schema, or declare them as inputs of their own",
        )
    if not any(kind in _FRACTIONS for kind in kinds.values()):
        return
    name = '"' + column.replace('"', '""') + '"'
    for file, kind in kinds.items():
        if kind not in _WHOLE:
            continue
        query = f"SELECT max(abs({name}::HUGEINT)) FROM {calls[file]}"  # noqa: S608 - quoted
        largest = connection.execute(query).fetchall()[0][0]
        if largest is not None and int(largest) > _EXACT:
            raise StudyError(
                f"column {shown(column)} holds whole numbers beyond 2^53 here and fractions in another file",
                where=file.name,
                wanted="one type in all files read together",
            )
