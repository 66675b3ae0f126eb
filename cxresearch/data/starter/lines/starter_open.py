"""The lines of further columns: groups, numbers and texts that a table has no column for."""

from __future__ import annotations

import re

from cxresearch.data.columns.open_columns import kind_of_values
from cxresearch.data.starter.guess_table import synonyms
from cxresearch.data.starter.lines.starter_columns import is_number, is_plain_number, is_time, number_lines
from cxresearch.data.starter.lines.toml_text import key, toml
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import names_outcome, snake

#: Tables whose further columns are written; those of customers are segments, and levels of revenue are made.
_TABLES = ("responses", "tickets", "usage", "orders", "events")
#: More groups than these are too small for an interval that says anything.
_MOST_GROUPS = 20
_FEWEST_ROWS = 6
#: Names of ids and of what a tool writes about itself.
_ID = re.compile(
    r"(^|_)(id|ids|uuid|guid|key|hash|token|url|uri|link|ip|latitude|longitude|row|nr|no|number)$"
)
_TOOL = re.compile(
    r"^(_|is_deleted|deleted|progress|finished|status|updated|synced|loaded|version|user_agent|duration)"
    r"|_synced$|(^|_)schema(_|$)|_in_seconds_?$"
)


def open_lines(look: RawLook, used: set[str]) -> tuple[list[str], set[str]]:
    """Return a key for each further column that could be a group, a number or a text, and these columns.

    Parameters
    ----------
    look : RawLook
        The file.
    used : set of str
        Raw columns that have a place already.

    Returns
    -------
    lines : list of str
        Groups under their name alone; a number or a text says so with ``kind``. Columns of persons, ids and
        times are none, and one that states who left is no group: these stay unused.
    columns : set of str
    """
    lines: list[str] = []
    columns: set[str] = set()
    if look.guess.table not in _TABLES or look.guess.rows or look.rows < _FEWEST_ROWS:
        return lines, columns
    taken = set(LAYOUTS[look.guess.table].columns)
    odd = {raw for raw, _ in look.odd.values()} | {entry.column for entry in look.unwanted}
    for column in look.guess.further:
        values = look.sample[column]
        if column in used or column in odd or not _speaks_of_rows(column):
            continue
        name = _free_name(column, taken)
        line = _line(name, column, values, look.rows)
        if line:
            lines += line
            columns.add(column)
            taken.add(name)
    return lines, columns


def _speaks_of_rows(column: str) -> bool:
    """Whether a column is about what happened, not about a person, a record or the tool."""
    plain = snake(column)
    personal = any(word in plain for word in synonyms()["words"]["personal"])
    return not (personal or names_outcome(column) or _ID.search(plain) or _TOOL.search(plain))


def _line(name: str, column: str, values: list[str], rows: int) -> list[str]:
    # a column that is hardly ever filled explains nothing
    if len(values) * 5 < rows or any(is_time(value) and not is_number(value) for value in values[:20]):
        return []
    if all(is_number(value) for value in values):
        plain = all(is_plain_number(value) for value in values)
        if not plain or len(set(values)) < 2:
            return []
        return number_lines(name, column, values, ['kind = "number"'])
    if kind_of_values(values) == "text":
        return [f'{key(name)} = {{ column = {toml(column)}, kind = "text" }}']
    different = len(set(values))
    if 2 <= different <= max(2, min(_MOST_GROUPS, len(values) // 3)):
        return [f'{key(name)} = {{ column = {toml(column)}, kind = "group" }}']
    return []


def _free_name(column: str, taken: set[str]) -> str:
    name = plain = (snake(column) or "column").lstrip("_")
    again = 2
    while name in taken:
        name, again = f"{plain}_{again}", again + 1
    return name
