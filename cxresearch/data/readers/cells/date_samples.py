"""A look at the first dates of a column that declares no format: ISO is read, anything else is asked for."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from cxresearch.data.readers.cells.time_sql import ISO, ZONE_NAME, check_zone_tokens
from cxresearch.data.readers.connection import ROW, RawTable, literal, quoted, run
from cxresearch.data.study_file.declarations import ColumnMap, SourceMap
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.errors import StudyError
from cxresearch.wording import only_if, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLE = 10_000
_SPLIT = re.compile(r"(\d{1,4})([/.-])(\d{1,2})[/.-](\d{1,4})(.*)", re.DOTALL)
_CLOCK = re.compile(r"([ T])\d{1,2}:\d{2}(:\d{2})?(?:( ?)[AaPp][Mm])?")
_YEARS = {4: "%Y"}
#: Texts whose whole look leaves one format.
_WHOLE = {
    r"(19|20)\d{6}": "%Y%m%d",
    r"(19|20)\d\d-(0[1-9]|1[0-2])": "%Y-%m",
    r"1\d{9}": "epoch_seconds",
    r"1\d{12}": "epoch_milliseconds",
}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_NAMED = (
    (
        re.compile(r"\d{1,2}(?P<mark>[ /.-])(?P<month>[A-Za-z]+)(?P=mark)(?P<year>\d{4}|\d{2})(\D.*)?"),
        "%d{mark}{month}{mark}{year}",
    ),
    (
        re.compile(r"(?P<month>[A-Za-z]+)(?P<mark> )\d{1,2}, (?P<year>\d{4})(\D.*)?"),
        "{month}{mark}%d, {year}",
    ),
)


def check_dates(connection: DuckDBPyConnection, source: SourceMap, raw: RawTable) -> None:
    """Refuse a text column of dates that are not ISO and declare no format.

    The first 10,000 rows are looked at. One date with two readings is enough to refuse; dates that are merely
    unreadable are refused if they are the rule rather than the exception (exceptions become rejects).

    Raises
    ------
    StudyError
        With the two readings of an ambiguous date, or the value that cannot be read, and what to declare.
    """
    for target, column in source.columns.items():
        if LAYOUTS[source.table].kind(target) != "time" or not column.column:
            continue
        if column.date_format:
            _check_zones(connection, source, column, raw)
            continue
        if raw.types.get(column.column) != "VARCHAR" or column.values:
            continue
        cell = f"trim({quoted(column.column)})"
        gone = ", ".join(literal(marker) for marker in ("", *column.missing))
        rows = run(
            connection,
            f"SELECT {ROW}, {cell}, regexp_full_match({cell}, {literal(ISO)}) "  # noqa: S608 - quoted parts
            f"FROM (SELECT * FROM {quoted(raw.view)} LIMIT {_SAMPLE}) WHERE {cell} NOT IN ({gone})",
            source.label,
        )
        odd = [(int(row), str(text)) for row, text, iso in rows if not iso]
        where = f"{source.label}, column {column.column}"
        _refuse_two_readings(odd, target, where)
        if odd and 2 * len(odd) > len(rows):
            row, text = odd[0]
            raise StudyError(
                f"{shown(text)} is not an ISO date",
                where=f"{where}, row {row:,}",
                wanted="dates such as 2024-04-03 or 2024-04-03 18:30, or a declared format",
                next_step=_advice(text),
            )


def _check_zones(connection: DuckDBPyConnection, source: SourceMap, column: ColumnMap, raw: RawTable) -> None:
    """Refuse abbreviations of zones with several meanings where a format reads zones by name."""
    where = f"{source.label}, column {column.column}"
    named = [one for one in column.date_format if "%Z" in one]
    if any(not one.endswith("%Z") for one in named):
        raise StudyError(
            "%Z stands within the format", where=where, wanted="%Z at its end, or %z for offsets"
        )
    if not named or raw.types.get(column.column) != "VARCHAR":
        return
    token = f"regexp_extract(trim({quoted(column.column)}), {literal(ZONE_NAME + '$')}, 1)"
    query = f"SELECT DISTINCT {token} FROM {quoted(raw.view)}"  # noqa: S608 - quoted parts
    tokens = [str(found) for (found,) in run(connection, query, source.label) if found]
    check_zone_tokens(tokens, column, where)


def _advice(text: str) -> str:
    if re.fullmatch(r"[1-6]\d{4}(\.\d+)?", text):
        return "if a spreadsheet counted days from 1899-12-30, save the column as dates such as 2024-04-03"
    return f"declare date_format = '{suggested_format(text) or '%d.%m.%Y'}' or what it is"


def _refuse_two_readings(odd: list[tuple[int, str]], target: str, where: str) -> None:
    readings = [(row, text, two_readings(text)) for row, text in odd]
    ambiguous = [(row, text, both) for row, text, both in readings if both]
    if not ambiguous:
        return
    told = [one for one in ambiguous if one[2][0] != one[2][1]]  # 04/04 says nothing about the order
    row, text, (day_first, month_first) = (told or ambiguous)[0]
    settled = {suggested_format(one) for _, one in odd if two_readings(one) is None} - {""}
    hint = only_if(len(settled) == 1, f"; other rows fit only '{''.join(settled)}'")
    mark = text.strip().lstrip("0123456789")[:1]
    year = _YEARS.get(len(max(re.findall(r"\d+", text), key=len)), "%y")
    raise StudyError(
        f"{shown(text)} reads two ways: {_spelled(day_first)} or {_spelled(month_first)}"
        if told
        else f"{shown(text)} does not say whether the day or the month comes first",
        where=f"{where}, row {row:,}",
        wanted=f"a declared date_format for {target}{hint}",
        next_step=f"declare date_format = '%d{mark}%m{mark}{year}' or '%m{mark}%d{mark}{year}'"
        + only_if(":" in text, ", with the time of day after it"),
    )


def two_readings(text: str) -> tuple[date, date] | None:
    """Return the day-first and the month-first reading of a date if both exist.

    Examples
    --------
    >>> two_readings("03/04/2024")
    (datetime.date(2024, 4, 3), datetime.date(2024, 3, 4))
    >>> two_readings("25/04/2024") is None
    True
    """
    parts = _SPLIT.fullmatch(text.strip())
    if parts is None or len(parts[1]) > 2 or len(parts[4]) not in (2, 4):
        return None
    first, second, year = int(parts[1]), int(parts[3]), int(parts[4])
    if not (1 <= first <= 12 and 1 <= second <= 12):
        return None
    if year < 100:
        year += 2000
    return date(year, second, first), date(year, first, second)


def suggested_format(text: str) -> str:
    """Return the only format a numeric date fits, or an empty text.

    Examples
    --------
    >>> suggested_format("25/04/2024 10:15")
    '%d/%m/%Y %H:%M'
    >>> suggested_format("20240425")
    '%Y%m%d'
    >>> suggested_format("3 Apr 2024"), suggested_format("2024-04")
    ('%d %b %Y', '%Y-%m')
    """
    text = text.strip()
    for pattern, date_format in _WHOLE.items():
        if re.fullmatch(pattern, text):
            return date_format
    parts = _SPLIT.fullmatch(text)
    if parts is None:
        return _named_month(text)
    mark, first, second = parts[2], int(parts[1]), int(parts[3])
    clock = _clock(parts[5])
    if clock is None:
        return ""
    if len(parts[1]) == 4:
        return f"%Y{mark}%m{mark}%d{clock}"
    year = _YEARS.get(len(parts[4]), "%y")
    if min(first, second) > 12 or max(first, second) <= 12:
        return ""
    day_and_month = {True: f"%d{mark}%m", False: f"%m{mark}%d"}
    return f"{day_and_month[first > 12]}{mark}{year}{clock}"


def _clock(text: str) -> str | None:
    """The format of a time of day behind a date; None if it is not one of the usual."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None if text else ""
    gap, seconds, half = found[1], found[2], found[3]  # half: what stands before AM or PM, perhaps nothing
    hour, end = ("%H", "") if half is None else ("%I", f"{half}%p")
    return f"{gap}{hour}:%M{only_if(seconds, ':%S')}{end}"


def _named_month(text: str) -> str:
    """A month in English letters leaves one reading: 3 Apr 2024, April 3, 2024, 03-Apr-24."""
    for pattern, order in _NAMED:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        clock = _clock(found[found.re.groups] or "")
        if clock is None:
            continue
        word = found["month"].lower()
        if word not in _MONTHS and word not in {name[:3] for name in _MONTHS}:
            return ""
        month = "%B" if word in _MONTHS and word != "may" else "%b"
        year = _YEARS.get(len(found["year"]), "%y")
        return order.format(month=month, year=year, mark=found["mark"]) + clock
    return ""


def _spelled(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"
