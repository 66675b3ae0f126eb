"""From raw columns to the columns of a table, as one SELECT: types, formats, zones, value maps, bins.

A value that cannot be read becomes missing and its row carries a fault (rule and column) with the raw text,
so that validation can set the row aside and say why. Nothing is read here: the SELECT is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cxresearch.data.readers.intervals_of_amounts import MONTHS, months_of
from cxresearch.data.readers.named_zones import read_zoned
from cxresearch.data.readers.raw_inputs import ROW, RawTable, literal, quoted
from cxresearch.data.study_file.declarations import ColumnMap, RowCondition, SourceMap
from cxresearch.data.table_layouts import LAYOUTS, Kind
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import did_you_mean, listed, shown

#: Columns every mapped row carries besides those of its table.
HIDDEN = ("_row", "_source", "_fault", "_fault_value", "_key")

#: Dates and times that need no declared format.
ISO = r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|UTC|[+-]\d{2}(:?\d{2})?)?)?"
_OFFSET = r":\d{2}(\.\d+)?\s?(Z|UTC|[+-]\d{2}(:?\d{2})?)$"
_TWO_READINGS = r"(0?[1-9]|1[0-2])[/.-](0?[1-9]|1[0-2])[/.-](\d{4}|\d{2})(\D.*)?"
#: What ``trim`` takes off: the separators of Unicode.
BLANKS = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
#: Texts that are empty or begin with one of these, as ranges: first, and after.
BLANK_STARTS = (
    ("", "!"),
    *((blank, chr(ord(blank) + 1)) for blank in "\u00a0\u1680\u202f\u205f\u3000"),
    ("\u2000", "\u200b"),
)
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UTINYINT")
_ZONED = ("WITH TIME ZONE", "TZ", "TZ_NS")
#: 1973-03-03 and 2100-01-01. Numbers outside are no epoch but a stand-in for no value (0), days since 1900 (a
#: spreadsheet's), a date written as 20240105, or the other of seconds and milliseconds.
_FIRST_EPOCH_SECOND, _LAST_EPOCH_SECOND = 100_000_000, 4_102_444_800
#: 1954-10-03 and 2100-01-01 in days since 1899-12-30. Below lie years and the like; ages in days, too.
_FIRST_EXCEL_DAY, _LAST_EXCEL_DAY = 20_000, 73_051


@dataclass(frozen=True, kw_only=True)
class ReadColumn:
    """SQL of one column.

    Attributes
    ----------
    target, value : str
        Column of the table, and the expression that gives its typed value.
    text : str
        Expression of the raw text (missing if there was no value); empty where reading cannot fail.
    faults : tuple of (str, str)
        Rule broken when there is a text but no value, each with the SQL condition under which it applies.
    plain, unusual : str
        An expression that gives the same value for less, if there is one, and the condition under which it
        does not. Conditions compare the bare column, so that a file's minima and maxima can rule them out.
    """

    target: str
    value: str
    text: str = ""
    faults: tuple[tuple[str, str], ...] = ()
    plain: str = ""
    unusual: str = ""


def select_rows(source: SourceMap, raw: RawTable, instruments: Mapping[str, Scale]) -> str:
    """Return the SELECT that maps a source onto its table.

    Parameters
    ----------
    source : SourceMap
        What the study file declares.
    raw : RawTable
        The raw columns and their types.
    instruments : mapping of str to Scale
        For the answers that bins stand for.

    Raises
    ------
    StudyError
        If a raw column is missing, named twice, or of a type that cannot be read as declared.
    """
    fixed = _read_columns(source, raw, instruments)
    if not source.scores:
        return _select(source, raw, fixed, ())
    parts = []
    for name, column in source.scores.items():
        score = _read(source, raw, "score", column, instruments[name])
        instrument = ReadColumn(target="instrument", value=literal(name))
        parts.append(_select(source, raw, [*fixed, instrument, score], _asked(source, column)))
    return " UNION ALL BY NAME ".join(parts)


def select_plain_rows(source: SourceMap, raw: RawTable, instruments: Mapping[str, Scale]) -> str:
    """Return a cheaper SELECT of the same rows, with a column ``_unusual`` that is true where it does not do.

    Returns
    -------
    str
        Empty if a column has to be read with care in every row.
    """
    columns = _read_columns(source, raw, instruments)
    if source.scores or not all(column.plain for column in columns):
        return ""
    unusual = " OR ".join(f"({column.unusual})" for column in columns if column.unusual) or "false"
    return (
        f"SELECT {ROW} AS _row, {literal(source.label)} AS _source, {_key(source, raw)} AS _key, "  # noqa: S608
        f"CAST(NULL AS VARCHAR) AS _fault, CAST(NULL AS VARCHAR) AS _fault_value, {unusual} AS _unusual, "
        f"{', '.join(f'{column.plain} AS {quoted(column.target)}' for column in columns)} "
        f"FROM {quoted(raw.view)}{_where(source, raw)}"
    )


def _asked(source: SourceMap, score: ColumnMap) -> tuple[str, ...]:
    """The condition under which a cell of a wide source is an answer or a refusal to answer."""
    return (f"{score_text(score)} IS NOT NULL",) if source.blank_scores == "not_asked" else ()


def _where(source: SourceMap, raw: RawTable, also: tuple[str, ...] = ()) -> str:
    conditions = [*(holds(source, raw, condition) for condition in source.where), *also]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def holds(source: SourceMap, raw: RawTable, condition: RowCondition) -> str:
    """Return the SQL of one condition: true or false, never missing."""
    raw_type = _type(source, raw, ColumnMap(column=condition.column))
    cell = f"trim({_as_text(condition.column, raw_type)})"
    if condition.values:
        values = ", ".join(literal(value.strip().lower()) for value in condition.values)
        among = f"coalesce(lower({cell}), '') IN ({values})"
        return f"NOT {among}" if condition.excluded else f"({among})"
    if condition.present is not None:
        given = f"coalesce({cell}, '') <> ''"
        return f"({given})" if condition.present else f"NOT ({given})"
    bounds = []
    for sign, bound in ((">=", condition.low), ("<=", condition.high)):
        if isinstance(bound, datetime):
            bounds.append(f"TRY_CAST({cell} AS TIMESTAMP) {sign} TIMESTAMP '{bound.isoformat(sep=' ')}'")
        elif bound is not None:
            bounds.append(f"TRY_CAST({cell} AS DOUBLE) {sign} {bound!r}")
    return f"coalesce({' AND '.join(bounds)}, false)"


def count_left_out(source: SourceMap, raw: RawTable) -> str:
    """Return the SELECT that counts the rows of the table that ``where`` leaves out."""
    taken = " AND ".join(holds(source, raw, condition) for condition in source.where)
    cells = [" AND ".join(("true", *_asked(source, column))) for column in source.scores.values()]
    counts = [f"count(*) FILTER (NOT ({taken}) AND {cell})" for cell in cells or ["true"]]
    return f"SELECT {' + '.join(counts)} FROM {quoted(raw.view)}"  # noqa: S608 - built from quoted parts


def _read_columns(source: SourceMap, raw: RawTable, instruments: Mapping[str, Scale]) -> list[ReadColumn]:
    constant = source.columns.get("instrument")
    named = constant.constant if constant is not None else None
    return [
        _read(source, raw, target, column, instruments.get(named or "") if target == "score" else None)
        for target, column in source.columns.items()
    ]


def is_iso(text: str) -> bool:
    """Whether a text is a date or time that needs no declared format.

    Examples
    --------
    >>> is_iso("2024-04-03T18:30:00+02:00"), is_iso("03.04.2024")
    (True, False)
    """
    return re.fullmatch(ISO, text.strip()) is not None


def count_not_asked(source: SourceMap, raw: RawTable) -> str:
    """Return the SELECT that counts the empty cells a wide source leaves out by declaration."""
    blanks = " + ".join(
        f"count(*) FILTER ({score_text(column)} IS NULL)" for column in source.scores.values()
    )
    return f"SELECT {blanks} FROM {quoted(raw.view)}{_where(source, raw)}"  # noqa: S608 - quoted parts


def score_text(column: ColumnMap) -> str:
    """Return the expression of a cell's text, missing where it is empty or stands for no answer."""
    text = _present(f"CAST({quoted(column.column)} AS VARCHAR)", column)
    none = [literal(raw) for raw, value in column.values.items() if value == ""]
    return f"CASE WHEN {text} NOT IN ({', '.join(none)}) THEN {text} END" if none else text


def _select(source: SourceMap, raw: RawTable, columns: list[ReadColumn], also: tuple[str, ...]) -> str:
    """Two steps, so that each value and text is computed once and the fault reads off them."""
    inner = [f"{ROW} AS _row", f"{_key(source, raw)} AS _key"]
    faults, texts = [], []
    for i, column in enumerate(columns):
        inner.append(f"{column.value} AS v{i}")
        if column.faults:
            inner.append(f"{column.text} AS x{i}")
            failed = f"x{i} IS NOT NULL AND v{i} IS NULL"
            texts.append(f"WHEN {failed} THEN left(x{i}, 200)")
            for rule, condition in column.faults:
                within = f" AND ({condition.format(text=f'x{i}')})" if condition else ""
                faults.append(f"WHEN {failed}{within} THEN {literal(f'{rule}:{column.target}')}")
    outer = ["_row", f"{literal(source.label)} AS _source", "_key"]
    outer.append(f"{_case(faults)} AS _fault")
    outer.append(f"{_case(texts)} AS _fault_value")
    outer += [f"v{i} AS {quoted(column.target)}" for i, column in enumerate(columns)]
    return (
        f"SELECT {', '.join(outer)} FROM "  # noqa: S608 - built from quoted parts
        f"(SELECT {', '.join(inner)} FROM {quoted(raw.view)}{_where(source, raw, also)})"
    )


def _case(branches: list[str]) -> str:
    return f"CASE {' '.join(branches)} END" if branches else "CAST(NULL AS VARCHAR)"


def _key(source: SourceMap, raw: RawTable) -> str:
    if source.table == "tickets" and not source.unique:
        column = source.columns["ticket_id"]
        if column.row_number:
            return f"concat_ws(chr(31), {literal(source.label)}, {ROW})"
        return (
            _as_text(column.column, _type(source, raw, column)) if column.column else "CAST(NULL AS VARCHAR)"
        )
    if not source.unique:
        return "CAST(NULL AS VARCHAR)"
    parts = []
    for name in source.unique:
        kind = _type(source, raw, ColumnMap(column=name))
        parts.append(_as_text(name, kind))
    return f"concat_ws(chr(31), {', '.join(parts)})"


def _type(source: SourceMap, raw: RawTable, column: ColumnMap) -> str:
    name = column.column
    if name not in raw.types:
        raise StudyError(
            f"column {shown(name)} is not in the file",
            where=source.label,
            wanted=f"one of {listed(raw.types)}",
            next_step=did_you_mean(name, raw.types, otherwise="correct the name under [sources.columns]"),
        )
    if name in raw.ambiguous:
        raise StudyError(
            f"the header has column {shown(name)} more than once",
            where=source.label,
            next_step="rename one of them in the file",
        )
    return raw.types[name]


def _read(
    source: SourceMap, raw: RawTable, target: str, column: ColumnMap, scale: Scale | None
) -> ReadColumn:
    kind: Kind = "number" if column.number else LAYOUTS[source.table].kind(target)
    if column.row_number:
        position = f"CAST({ROW} AS VARCHAR)"
        return ReadColumn(target=target, value=position, plain=position)
    raw_type = "VARCHAR" if column.constant is not None else _type(source, raw, column)
    if column.as_is:
        return ReadColumn(target=target, value=quoted(column.column), plain=quoted(column.column))
    if kind == "time":
        return _read_time(source, target, column, raw_type)
    if kind == "number":
        number = _read_number(target, column, raw_type, scale)
        return _by_factors(source, raw, number, column)
    if is_nested(raw_type):
        raise StudyError(
            f"column {shown(column.column)} holds lists, records or bytes ({shown(raw_type)})",
            where=source.label,
            wanted=f"one value a row for {target}",
            next_step="take the field that is meant out of it with sql",
        )
    return _read_text(target, column, raw_type)


def _read_text(target: str, column: ColumnMap, raw_type: str) -> ReadColumn:
    value = _text(column, raw_type)
    if column.constant is not None:
        return ReadColumn(target=target, value=value, plain=value)
    if column.values:
        return ReadColumn(target=target, value=value)
    text = _as_text(column.column, raw_type)
    markers = [marker.strip() for marker in column.missing if marker.strip()]
    ranges = [*BLANK_STARTS, *((marker, marker[:-1] + chr(ord(marker[-1]) + 1)) for marker in markers)]
    begins = [f"{text} >= {literal(first)} AND {text} < {literal(after)}" for first, after in ranges]
    return ReadColumn(target=target, value=value, plain=text, unusual=" OR ".join(begins))


def is_nested(raw_type: str) -> bool:
    """Whether a column of this DuckDB type holds lists, records or bytes."""
    return raw_type.startswith(("STRUCT", "MAP", "UNION", "BLOB")) or raw_type.endswith("]")


def _as_text(name: str, raw_type: str) -> str:
    """A whole number stored as a float reads '7', not '7.0': ids often come so."""
    cell = quoted(name)
    if raw_type in ("FLOAT", "DOUBLE"):
        whole = f"{cell} = floor({cell}) AND abs({cell}) < 9e15"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE CAST({cell} AS VARCHAR) END"
        )
    return cell if raw_type == "VARCHAR" else f"CAST({cell} AS VARCHAR)"


def _text(column: ColumnMap, raw_type: str) -> str:
    if column.constant is not None:
        return literal(column.constant)
    text = _present(_as_text(column.column, raw_type), column)
    if not column.values:
        return text
    branches = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in column.values.items())
    return f"nullif(CASE {text} {branches} ELSE {text} END, '')"


def _present(text: str, column: ColumnMap) -> str:
    gone = ", ".join(literal(marker.strip()) for marker in ("", *column.missing))
    return f"CASE WHEN trim({text}) IN ({gone}) THEN NULL ELSE {text} END"


def _read_number(target: str, column: ColumnMap, raw_type: str, scale: Scale | None) -> ReadColumn:
    plain = raw_type.split("(", maxsplit=1)[0].removeprefix("U") in _NUMERIC
    if plain and not column.missing and not column.values:
        cell = quoted(column.column)
        number = f"CAST({cell} AS DOUBLE)"
        # a comparison with NaN, and isnan, may be answered from maxima in which a file's writer left NaN out
        known = f"isfinite({number}) OR {number} IN ('infinity'::DOUBLE, '-infinity'::DOUBLE)"
        present = f"CASE WHEN {known} THEN CAST({cell} AS VARCHAR) END"
        value = f"CASE WHEN isfinite({number}) THEN {number} END"
        floating = raw_type in ("FLOAT", "DOUBLE")
        return ReadColumn(
            target=target,
            value=_scaled(value, column, scale),
            text=present,
            faults=(("not_a_number", ""),) if floating else (),
            plain="" if column.bins else _scaled(number, column, scale),
            unusual=f"NOT isfinite({number})" if floating else "",
        )
    text = f"trim({_text(column, raw_type)})"
    text = f"CASE WHEN lower({text}) = 'nan' THEN NULL ELSE {text} END"
    digits = _digits(text, column)
    value = f"CASE WHEN regexp_full_match({digits}, {literal(_NUMBER)}) THEN TRY_CAST({digits} AS DOUBLE) END"
    value = f"CASE WHEN isfinite({value}) THEN {value} END"
    return ReadColumn(
        target=target, value=_scaled(value, column, scale), text=text, faults=(("not_a_number", ""),)
    )


def _by_factors(source: SourceMap, raw: RawTable, number: ReadColumn, column: ColumnMap) -> ReadColumn:
    """An amount of one month, from one for another interval and for several seats."""
    value, factors, spelled = number.value, [], []
    if column.per:
        factors.append(f"/ {MONTHS[column.per]!r}")
    if column.per_column:
        interval = _as_text(column.per_column, _type(source, raw, ColumnMap(column=column.per_column)))
        factors.append(f"/ ({months_of(interval)})")
        spelled.append(f"' per ' || coalesce({interval}, '?')")
    if column.times:
        count = _as_text(column.times, _type(source, raw, ColumnMap(column=column.times)))
        factors.append(f"* TRY_CAST(trim({count}) AS DOUBLE)")
        spelled.append(f"' times ' || coalesce({count}, '?')")
    if not factors:
        return number
    text = number.text or f"CAST({quoted(column.column)} AS VARCHAR)"
    faults = number.faults
    if spelled:
        unread = f"regexp_full_match({{text}}, {literal('.*( per | times ).*')})"
        read = f"{text} IS NOT NULL AND ({value}) IS NOT NULL"
        unfactored = number.text or "NULL"
        text = f"CASE WHEN {read} THEN {text} || {' || '.join(spelled)} ELSE {unfactored} END"
        faults = (("unknown_interval", unread), *(number.faults or (("not_a_number", ""),)))
    return replace(
        number, value=f"({value}) {' '.join(factors)}", text=text, faults=faults, plain="", unusual=""
    )


def _digits(text: str, column: ColumnMap) -> str:
    """Write a number with a decimal point and nothing between groups of three; missing if it cannot be."""
    mark = column.thousands
    if mark:
        marks = " \u00a0\u202f" if mark == " " else mark
        groups = rf"[+-]?\d{{1,3}}([{marks}]\d{{3}})+([^\d{marks}][^{marks}]*)?"
        joined = f"regexp_replace({text}, {literal(f'[{marks}]')}, '', 'g')"
        plain = f"[^{marks}]*"
        text = (
            f"CASE WHEN regexp_full_match({text}, {literal(groups)}) THEN {joined} "
            f"WHEN regexp_full_match({text}, {literal(plain)}) THEN {text} END"
        )
    if column.decimal == ",":
        text = f"CASE WHEN contains({text}, '.') THEN NULL ELSE replace({text}, ',', '.') END"
    return text


def _scaled(value: str, column: ColumnMap, scale: Scale | None) -> str:
    if column.multiply is not None:
        value = f"({value}) * CAST({column.multiply!r} AS DOUBLE)"
    if not column.bins or scale is None:
        return value
    branches = " ".join(
        f"WHEN ({value}) <= {edge!r} THEN {level}"
        for edge, level in zip(column.bins, scale.levels, strict=False)
    )
    return f"CAST(CASE WHEN ({value}) IS NULL THEN NULL {branches} ELSE {scale.high} END AS DOUBLE)"


def _read_time(source: SourceMap, target: str, column: ColumnMap, raw_type: str) -> ReadColumn:
    if raw_type.startswith("TIMESTAMP") and raw_type.endswith(_ZONED) and not column.values:
        instant = f"CAST({quoted(column.column)} AS TIMESTAMPTZ)"  # from nanoseconds too
        value = f"({instant} AT TIME ZONE 'UTC')"
        return ReadColumn(target=target, value=value, plain=value)
    if (raw_type == "DATE" or raw_type.startswith("TIMESTAMP")) and not column.values and not column.missing:
        naive = f"CAST({quoted(column.column)} AS TIMESTAMP)"
        value = _to_utc(naive, column.timezone)
        return ReadColumn(target=target, value=value, plain=value)
    if raw_type.split("(", maxsplit=1)[0].removeprefix("U") in _NUMERIC and not column.date_format:
        raise StudyError(
            f"column {shown(column.column)} holds numbers where a time is wanted",
            where=source.label,
            next_step="declare date_format: 'epoch_seconds', 'epoch_milliseconds', 'excel_days' (a "
            "spreadsheet's days since 1899-12-30) or one such as '%Y%m%d'",
        )
    text = f"trim({_text(column, raw_type)})"
    if column.date_format:
        value = _by_format(text, column)
        return ReadColumn(target=target, value=value, text=text, faults=(("not_a_time", ""),))
    joined = f"regexp_replace({text}, '\\s([+-])', '\\1')"  # the engine wants no space before an offset
    local = _to_utc(f"TRY_CAST({text} AS TIMESTAMP)", column.timezone)
    value = (
        f"CASE WHEN NOT regexp_full_match({text}, {literal(ISO)}) THEN NULL "
        f"WHEN regexp_matches({text}, {literal(_OFFSET)}) "
        f"THEN TRY_CAST({joined} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' ELSE {local} END"
    )
    two_readings = (
        f"regexp_full_match({{text}}, {literal(_TWO_READINGS).replace('{', '{{').replace('}', '}}')})"
    )
    faults = (("ambiguous_date", two_readings), ("not_a_time", ""))
    return ReadColumn(target=target, value=value, text=text, faults=faults)


def _to_utc(naive: str, timezone: str) -> str:
    if timezone in ("UTC", "Etc/UTC"):
        return naive
    return f"(({naive}) AT TIME ZONE {literal(timezone)}) AT TIME ZONE 'UTC'"


def _by_format(text: str, column: ColumnMap) -> str:
    first = column.date_format[0]
    if first in ("epoch_seconds", "epoch_milliseconds"):
        number = f"TRY_CAST({text} AS DOUBLE)" + (" / 1000" if first == "epoch_milliseconds" else "")
        fits = f"{number} BETWEEN {_FIRST_EPOCH_SECOND} AND {_LAST_EPOCH_SECOND}"
        return f"CASE WHEN {fits} THEN make_timestamp(CAST(round(({number}) * 1e6) AS BIGINT)) END"
    if first == "excel_days":
        number = f"TRY_CAST({text} AS DOUBLE)"
        fits = f"{number} BETWEEN {_FIRST_EXCEL_DAY} AND {_LAST_EXCEL_DAY}"
        moment = f"TIMESTAMP '1899-12-30' + to_milliseconds(CAST(round(({number}) * 86400000) AS BIGINT))"
        return _to_utc(f"CASE WHEN {fits} THEN {moment} END", column.timezone)
    parts = []
    for one in column.date_format:
        if one.endswith("%Z"):
            parts.append(read_zoned(text, one, column))
            continue
        parsed = f"try_strptime({text}, {literal(one)})"
        zoned = "%z" in one or "%Z" in one
        parts.append(f"({parsed} AT TIME ZONE 'UTC')" if zoned else _to_utc(parsed, column.timezone))
    return f"COALESCE({', '.join(parts)})"
