"""JSON and JSON lines as rows: records within a record are flattened by one level, texts stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from cxresearch.errors import StudyError
from cxresearch.wording import shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

JSON_FILES = (".json", ".jsonl", ".ndjson")


def json_query(connection: DuckDBPyConnection, path: Path) -> str:
    """Return the SELECT of a JSON file's rows.

    A file that is one record around a list, as interfaces of vendors answer (``{"tickets": [...]}``), gives
    the rows of the list. A record within a row gives a column for each of its fields, ``requester.name``.

    Raises
    ------
    StudyError
        If it is no JSON.
    """
    name = str(path).replace("'", "''")
    # No dates are guessed: texts are read as the study file declares them.
    call = f"read_json('{name}', timestampformat='x%Y', dateformat='x%Y', convert_strings_to_integers=false)"
    try:
        relation = connection.sql(f"SELECT * FROM {call}")  # noqa: S608 - the name is quoted
        lists = [
            column
            for column, kind in zip(relation.columns, relation.types, strict=True)
            if str(kind).startswith("STRUCT") and str(kind).endswith("[]")
        ]
        rows = f"(SELECT * FROM {call})"  # noqa: S608
        if len(lists) == 1 and len(connection.sql(f"SELECT 1 FROM {call} LIMIT 2").fetchall()) == 1:  # noqa: S608
            rows = f"(SELECT unnest({_quoted(lists[0])}, recursive := false) AS cx_row FROM {call})"  # noqa: S608
            rows = f"(SELECT cx_row.* FROM {rows})"  # noqa: S608
            relation = connection.sql(f"SELECT * FROM {rows}")  # noqa: S608
    except duckdb.Error as error:
        text = str(error).splitlines()[0].split("Error: ", 1)[-1]
        raise StudyError(
            f"the file is no JSON that can be read as rows: {shown(text, longest=120)}",
            where=path.name,
            wanted="a list of records, one record a line, or one record around a list",
        ) from None
    # Deeper records stay records, which the study file refuses by name.
    fields = []
    for column, kind in zip(relation.columns, relation.types, strict=True):
        if str(kind).startswith("STRUCT") and not str(kind).endswith("]"):
            fields += [
                f"{_quoted(column)}.{_quoted(child)} AS {_quoted(f'{column}.{child}')}"
                for child, _ in kind.children
            ]
        else:
            fields.append(_quoted(column))
    return f"SELECT {', '.join(fields)} FROM {rows}"  # noqa: S608


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
