"""The lines of the columns of an export: what its vendor fixes, and what only the values say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cxresearch.data.formats.recognise_export import Recognised
from cxresearch.data.formats.vendor_format import ExportColumn
from cxresearch.data.starter.lines.starter_columns import column_lines, number_lines
from cxresearch.data.starter.lines.toml_text import key, toml
from cxresearch.data.table_layouts import LAYOUTS

#: Options of a column that name another raw column.
_NAMES = ("per_column", "times", "plus")
_EPOCHS = ((r"\d{9,10}(\.\d+)?", "epoch_seconds"), (r"\d{12,13}", "epoch_milliseconds"))
#: A time zone that needs no key of its own: the source says it.
_NO_ZONE = ""


def inline(value: Any) -> str:
    """Return a value as TOML on one line.

    Examples
    --------
    >>> inline({"Status": {"not": ["", "Off ered"]}, "n": 0.5, "there": True})
    '{ Status = { not = ["", "Off ered"] }, n = 0.5, there = true }'
    """
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key(name)} = {inline(entry)}' for name, entry in value.items())} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}"
    return toml(str(value))


def export_columns(
    match: Recognised,
    table: str,
    columns: Mapping[str, ExportColumn],
    sample: Mapping[str, list[str]],
    zones: Mapping[str, str],
) -> list[str]:
    """Return the lines of an export's columns.

    Parameters
    ----------
    match : Recognised
        The file as an export.
    table : str
        The table they feed.
    columns : mapping of str to ExportColumn
        By column of the table.
    sample : mapping of str to list of str
        First values of each raw column.
    zones : mapping of str to str
        Zones that the file itself gives, by raw column.
    """
    lines = []
    for target, column in columns.items():
        raw = match.first_of(column)
        if column.constant:
            lines.append(f"{key(target)} = {{ constant = {toml(column.constant)} }}")
        elif raw:
            lines += _lines(match, table, target, raw, column.options, sample[raw], zones.get(raw, _NO_ZONE))
    return lines


def _lines(
    match: Recognised,
    table: str,
    target: str,
    raw: str,
    declared: Mapping[str, Any],
    values: list[str],
    zone: str,
) -> list[str]:
    options = _options(match, declared)
    # A reply time without its column of minutes is no reply time.
    if options is None:
        return []
    kind = LAYOUTS[table].kind(target)
    if kind == "time":
        return with_options(_time_lines(target, raw, values, zone), options)
    if kind == "number" and "values" not in declared:
        lines = number_lines(target, raw, values, options)
        if declared.get("asked"):
            return [f"# {line}" for line in lines]
        return lines
    return with_options([f"{key(target)} = {toml(raw)}"], options)


def _options(match: Recognised, declared: Mapping[str, Any]) -> list[str] | None:
    """The options of a column; None where a column that it needs is not in the file."""
    options = []
    for name, value in declared.items():
        if name in _NAMES:
            raw = match.column(value)
            if not raw and name == "plus":
                return None
            if raw:
                options.append(f"{name} = {toml(raw)}")
        elif name == "values":
            options.append(f"values = {inline(value)}")
        elif name != "asked":
            options.append(f"{name} = {inline(value)}")
    return options


def _time_lines(target: str, raw: str, values: list[str], zone: str) -> list[str]:
    # Seconds since 1970 have 10 digits from 2001 to 2286, milliseconds 13.
    for pattern, epoch in _EPOCHS:
        if values and all(re.fullmatch(pattern, value) for value in values):
            return [f'{key(target)} = {{ column = {toml(raw)}, date_format = "{epoch}" }}']
    return column_lines(target, raw, values, "time", zone)


def with_options(lines: list[str], options: list[str]) -> list[str]:
    """Return the lines of a column with further options in the one that is a key.

    Examples
    --------
    >>> with_options(['created_at = "Created"'], ["multiply = 60"])
    ['created_at = { column = "Created", multiply = 60 }']
    >>> with_options(['mrr = { column = "a", times = "b" }  # TODO check'], ["multiply = 0.01"])
    ['mrr = { column = "a", times = "b", multiply = 0.01 }  # TODO check']
    """
    if not options:
        return lines
    said = ", ".join(options)
    extended = []
    for line in lines:
        # An inline table ends before a comment; a plain value is a basic string of TOML.
        table = re.fullmatch(r"((?:# )?[^=#]+= \{.*) \}(  #.*)?", line)
        plain = re.fullmatch(r'((?:# )?[^=#]+= )("(?:[^"\\]|\\.)*")(  #.*)?', line)
        if table:
            extended.append(f"{table[1]}, {said} }}{table[2] or ''}")
        elif plain:
            extended.append(f"{plain[1]}{{ column = {plain[2]}, {said} }}{plain[3] or ''}")
        else:
            extended.append(line)
    return extended
