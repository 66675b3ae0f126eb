"""Moments as files write them: ISO, declared formats, epochs, days of a spreadsheet, zones by name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from cxresearch.data.readers.cells.number_sql import is_numeric
from cxresearch.data.readers.cells.text_sql import ReadColumn, mapped_text
from cxresearch.data.readers.connection import literal, quoted
from cxresearch.data.study_file.declarations import ColumnMap
from cxresearch.errors import StudyError
from cxresearch.wording import listed, shown

#: Dates and times that need no declared format.
ISO = r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|UTC|[+-]\d{2}(:?\d{2})?)?)?"
_ISO_OFFSET = r":\d{2}(\.\d+)?\s?(Z|UTC|[+-]\d{2}(:?\d{2})?)$"
_TWO_READINGS = r"(0?[1-9]|1[0-2])[/.-](0?[1-9]|1[0-2])[/.-](\d{4}|\d{2})(\D.*)?"
_ZONED = ("WITH TIME ZONE", "TZ", "TZ_NS")
#: What a unit of a duration is to a second.
UNIT_SECONDS = {"milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}
#: What a unit of an epoch is to a second.
_EPOCHS = {"epoch_seconds": 1, "epoch_milliseconds": 1000}
#: 1973-03-03 and 2100-01-01. Numbers outside are no epoch but a stand-in for no value (0), days since 1900 (a
#: spreadsheet's), a date written as 20240105, or the other of seconds and milliseconds.
_FIRST_EPOCH_SECOND, _LAST_EPOCH_SECOND = 100_000_000, 4_102_444_800
#: 1954-10-03 and 2100-01-01 in days since 1899-12-30. Below lie years and the like; ages in days, too.
_FIRST_EXCEL_DAY, _LAST_EXCEL_DAY = 20_000, 73_051
#: What may stand where a format has ``%Z``: letters, perhaps with hours behind them; or an offset alone.
ZONE_NAME = r"([A-Za-z]{1,5}([+-]\d{1,2}(:?\d{2})?)?|[+-]\d{1,2}(:?\d{2})?)"
_OFFSET = re.compile(r"(?:GMT|UTC|UT|Z)?([+-])(\d{1,2}):?(\d{2})?")


def is_iso(text: str) -> bool:
    """Whether a text is a date or time that needs no declared format.

    Examples
    --------
    >>> is_iso("2024-04-03T18:30:00+02:00"), is_iso("03.04.2024")
    (True, False)
    """
    return re.fullmatch(ISO, text.strip()) is not None


def read_time(target: str, column: ColumnMap, raw_type: str, where: str) -> ReadColumn:
    """Read a column of moments as naive UTC.

    Raises
    ------
    StudyError
        If it holds numbers and no format says what they count.
    """
    if raw_type.startswith("TIMESTAMP") and raw_type.endswith(_ZONED) and not column.values:
        instant = f"CAST({quoted(column.column)} AS TIMESTAMPTZ)"  # from nanoseconds too
        value = f"({instant} AT TIME ZONE 'UTC')"
        return ReadColumn(target=target, value=value, plain=value)
    if raw_type.startswith(("DATE", "TIMESTAMP")) and not column.values and not column.missing:
        value = _to_utc(f"CAST({quoted(column.column)} AS TIMESTAMP)", column.timezone)
        return ReadColumn(target=target, value=value, plain=value)
    if is_numeric(raw_type) and not column.date_format:
        raise StudyError(
            f"column {shown(column.column)} holds numbers where a time is wanted",
            where=where,
            next_step="declare date_format: 'epoch_seconds', 'epoch_milliseconds', 'excel_days' (a "
            "spreadsheet's days since 1899-12-30) or one such as '%Y%m%d'",
        )
    text = f"trim({mapped_text(column, raw_type)})"
    if column.date_format:
        value = _by_format(text, column)
        return ReadColumn(target=target, value=value, text=text, faults=(("not_a_time", ""),))
    return ReadColumn(target=target, value=_iso_value(text, column), text=text, faults=_iso_faults())


def later_by(time: ReadColumn, duration: str, unit: str) -> ReadColumn:
    """Add a duration to a moment; a moment without a duration is missing.

    Parameters
    ----------
    time : ReadColumn
        The moment.
    duration : str
        Expression of the duration's text: a number of ``unit``, or hours, minutes and seconds with colons.
    unit : str
        A key of `UNIT_SECONDS`; empty where there are colons only.

    Returns
    -------
    ReadColumn
        A duration that is given and cannot be read breaks the rule of times.
    """
    plain = f"trim({duration})"
    parts = f"string_split({plain}, ':')"
    # h:m[:s] = 3600 h + 60 m + s
    clock = " + ".join(f"{factor} * TRY_CAST({parts}[{i}] AS DOUBLE)" for i, factor in ((1, 3600), (2, 60)))
    clock = f"{clock} + coalesce(TRY_CAST({parts}[3] AS DOUBLE), 0)"
    number = f"TRY_CAST({plain} AS DOUBLE) * {UNIT_SECONDS.get(unit, 'NULL')}"
    seconds = f"CASE WHEN contains({plain}, ':') THEN {clock} ELSE {number} END"
    value = f"({time.value}) + to_microseconds(CAST(round(({seconds}) * 1e6) AS BIGINT))"
    text = f"CASE WHEN coalesce({plain}, '') <> '' THEN {plain} END"
    return ReadColumn(target=time.target, value=value, text=text, faults=(("not_a_time", ""),))


def _iso_value(text: str, column: ColumnMap) -> str:
    joined = f"regexp_replace({text}, '\\s([+-])', '\\1')"  # the engine wants no space before an offset
    local = _to_utc(f"TRY_CAST({text} AS TIMESTAMP)", column.timezone)
    return (
        f"CASE WHEN NOT regexp_full_match({text}, {literal(ISO)}) THEN NULL "
        f"WHEN regexp_matches({text}, {literal(_ISO_OFFSET)}) "
        f"THEN TRY_CAST({joined} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' ELSE {local} END"
    )


def _iso_faults() -> tuple[tuple[str, str], ...]:
    """A date with two readings is told apart from a text that is none; its condition is formatted later."""
    pattern = literal(_TWO_READINGS).replace("{", "{{").replace("}", "}}")
    return ("ambiguous_date", f"regexp_full_match({{text}}, {pattern})"), ("not_a_time", "")


def _to_utc(naive: str, timezone: str) -> str:
    if timezone in ("UTC", "Etc/UTC"):
        return naive
    return f"(({naive}) AT TIME ZONE {literal(timezone)}) AT TIME ZONE 'UTC'"


def _by_format(text: str, column: ColumnMap) -> str:
    first = column.date_format[0]
    if first in _EPOCHS:
        number = f"TRY_CAST({text} AS DOUBLE) / {_EPOCHS[first]}"
        fits = f"{number} BETWEEN {_FIRST_EPOCH_SECOND} AND {_LAST_EPOCH_SECOND}"
        return f"CASE WHEN {fits} THEN make_timestamp(CAST(round(({number}) * 1e6) AS BIGINT)) END"
    if first == "excel_days":
        number = f"TRY_CAST({text} AS DOUBLE)"
        fits = f"{number} BETWEEN {_FIRST_EXCEL_DAY} AND {_LAST_EXCEL_DAY}"
        moment = f"TIMESTAMP '1899-12-30' + to_milliseconds(CAST(round(({number}) * 86400000) AS BIGINT))"
        return _to_utc(f"CASE WHEN {fits} THEN {moment} END", column.timezone)
    return f"COALESCE({', '.join(_parsed(text, single, column) for single in column.date_format)})"


def _parsed(text: str, date_format: str, column: ColumnMap) -> str:
    """The moment in UTC of a text in one format; missing where the text is in another."""
    if date_format.endswith("%Z"):
        return read_zoned(text, date_format, column)
    parsed = f"try_strptime({text}, {literal(date_format)})"
    if "%z" in date_format:
        return f"({parsed} AT TIME ZONE 'UTC')"
    return _to_utc(parsed, column.timezone)


@cache
def abbreviations() -> Mapping[str, Mapping[str, str]]:
    """Return every offset an abbreviation is used for, with the place where it is."""
    folder = resources.files("cxresearch.data.readers.cells")
    return tomllib.loads(folder.joinpath("zone_abbreviations.toml").read_text("utf-8"))


def minutes_of(offset: str) -> int | None:
    """Return an offset in minutes east of UTC; None if it is not one.

    Examples
    --------
    >>> minutes_of("+05:30"), minutes_of("GMT-4"), minutes_of("BST")
    (330, -240, None)
    """
    parts = _OFFSET.fullmatch(offset.upper())
    if parts is None:
        return None
    minutes = int(parts[2]) * 60 + int(parts[3] or 0)
    return {"-": -minutes}.get(parts[1], minutes)


def check_zone_tokens(tokens: list[str], column: ColumnMap, where: str) -> None:
    """Refuse abbreviations that mean several zones and are not declared, before one of them is taken.

    Raises
    ------
    StudyError
        Naming the zones the first could mean, and the key that settles it.
    """
    for token in sorted({token.upper() for token in tokens}):
        meanings = abbreviations().get(token, {})
        if len(meanings) > 1 and token not in column.zones:
            places = listed(f"{place} ({offset})" for offset, place in meanings.items())
            raise StudyError(
                f"{shown(token)} is the abbreviation of several time zones",
                where=where,
                wanted=f"one of {places}",
                next_step=f'declare zones = {{ {token} = "{next(iter(meanings))}" }} for this column '
                "(an offset or an IANA name)",
            )


def read_zoned(text: str, date_format: str, column: ColumnMap) -> str:
    """Return the SQL of a moment in UTC from a text that ends with the name or the offset of a zone.

    Parameters
    ----------
    text : str
        Expression of the text.
    date_format : str
        Format that ends with ``%Z``.
    column : ColumnMap
        For the zones declared.
    """
    stem = _stem(text)
    token = f"upper(regexp_extract({text}, {literal(ZONE_NAME + '$')}, 1))"
    naive = f"try_strptime({stem}, {literal(date_format.removesuffix('%Z').rstrip())})"
    known = {name: next(iter(ways)) for name, ways in abbreviations().items() if len(ways) == 1}
    fixed = {name: minutes for name, offset in known.items() if (minutes := minutes_of(offset)) is not None}
    branches = []
    for name, zone in column.zones.items():
        minutes = minutes_of(zone)
        fixed.pop(name.upper(), None)
        if minutes is None:
            moment = f"({naive} AT TIME ZONE {literal(zone)}) AT TIME ZONE 'UTC'"
            branches.append(f"WHEN {token} = {literal(name.upper())} THEN {moment}")
        else:
            fixed[name.upper()] = minutes
    for minutes in sorted(set(fixed.values())):
        names = ", ".join(literal(name) for name, offset in fixed.items() if offset == minutes)
        branches.append(f"WHEN {token} IN ({names}) THEN {naive} - to_minutes({minutes})")
    numeric = r"(GMT|UTC|UT|Z)?([+-])(\d{1,2}):?(\d{2})?"
    hours, rest = (f"TRY_CAST(regexp_extract({token}, {literal(numeric)}, {i}) AS BIGINT)" for i in (3, 4))
    sign = f"CASE WHEN contains({token}, '-') THEN -1 ELSE 1 END"
    offset = f"to_minutes({sign} * ({hours} * 60 + coalesce({rest}, 0)))"
    branches.append(f"WHEN regexp_full_match({token}, {literal(numeric)}) THEN {naive} - {offset}")
    return f"CASE {' '.join(branches)} END"


def _stem(text: str) -> str:
    pattern = literal(r"\s*" + ZONE_NAME + "$")
    return f"regexp_replace({text}, {pattern}, '')"
