"""Two files that tell of the same tickets, or of the revenue of the same customers: only one may count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cxresearch.data.readers.cells.column_sql import is_nested
from cxresearch.data.readers.connection import connect, quoted, run
from cxresearch.data.readers.raw_inputs import open_input
from cxresearch.data.starter.part_of_file import part_of
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.errors import StudyError

#: Columns that together tell a row of a table from the others, whichever system wrote it.
_KEYS = {"tickets": ("customer_id", "created_at"), "revenue": ("customer_id",)}
_WHAT = {"tickets": "tickets", "revenue": "customers with revenue"}
#: Shared by so large a part of the smaller file, and so many at least, they are the same by no chance.
_SHARED, _FEWEST = 0.5, 5
_MOST_KEYS = 200_000
#: Letters of a time down to its minute: systems write seconds and zones differently.
_MINUTE = 16


def with_same_rows(looks: Sequence[RawLook]) -> list[RawLook]:
    """Return the files, with a question at each that tells again what one before it tells.

    Tickets are the same where customer and minute are; revenue of two vendors is, where the customers are:
    an amount can only be one of the two.
    """
    keys = {look.name: _keys(look) for look in looks if look.guess.table in _KEYS and not look.same}
    asked = []
    for position, look in enumerate(looks):
        before = [other for other in looks[:position] if other.guess.table == look.guess.table]
        overlap = next(filter(None, (_overlap(look, other, keys) for other in before)), "")
        asked.append(replace(look, overlap=overlap))
    return asked


def _overlap(look: RawLook, other: RawLook, keys: dict[str, set[str]]) -> str:
    mine, others = keys.get(look.name, set()), keys.get(other.name, set())
    shared = len(mine & others)
    # Parts of one export of revenue may well be of the same customers.
    if look.guess.table == "revenue" and _vendor(look) == _vendor(other):
        return ""
    if shared < max(_FEWEST, _SHARED * min(len(mine), len(others))):
        return ""
    what = f"{shared:,} of its {len(mine):,} {_WHAT[look.guess.table]}"
    return (
        f"{what} stand in {other.name} too: which of the two is right? "
        "Both would count twice, so this one is left out"
    )


def _vendor(look: RawLook) -> str:
    if look.export:
        return look.export.export.vendor
    return ""


def _keys(look: RawLook) -> set[str]:
    """What tells the rows of a file apart, of at most so many rows; empty where a column is missing."""
    columns = [look.guess.columns.get(name, "") for name in _KEYS[look.guess.table]]
    if not all(columns) or (look.guess.table == "tickets" and columns[1] not in look.ranges):
        return set()
    connection = connect()
    try:
        with part_of(look.raw) as part:
            table = open_input(connection, part.raw, {})
            if any(is_nested(table.types[column]) for column in columns):
                return set()
            cells = [f"CAST({quoted(column)} AS VARCHAR)" for column in columns]
            cells[1:] = [f"replace(left({cell}, {_MINUTE}), 'T', ' ')" for cell in cells[1:]]
            query = f"SELECT DISTINCT concat_ws('|', {', '.join(cells)}) FROM {quoted(table.view)}"  # noqa: S608
            rows = run(connection, f"{query} LIMIT {_MOST_KEYS}", look.name)
    except StudyError:
        return set()
    finally:
        connection.close()
    return {str(row[0]) for row in rows}
