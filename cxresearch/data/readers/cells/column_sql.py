"""From raw columns to the columns of a table, as one SELECT: types, formats, zones, value maps, bins.

A value that cannot be read becomes missing and its row carries a fault (rule and column) with the raw text,
so that validation can set the row aside and say why. Nothing is read here: the SELECT is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cxresearch.data.readers.cells.number_sql import by_factors, read_number
from cxresearch.data.readers.cells.text_sql import ReadColumn, as_text, present, read_text
from cxresearch.data.readers.cells.time_sql import later_by, read_time
from cxresearch.data.readers.connection import ROW, RawTable, literal, quoted
from cxresearch.data.study_file.declarations import ColumnMap, RowCondition, SourceMap
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import did_you_mean, listed, only_if, shown

#: Columns every mapped row carries besides those of its table.
HIDDEN = ("_row", "_source", "_fault", "_fault_value", "_key")
_NO_TEXT = "CAST(NULL AS VARCHAR)"


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
    if source.blank_scores == "not_asked":
        return (f"{score_text(score)} IS NOT NULL",)
    return ()


def _where(source: SourceMap, raw: RawTable, also: tuple[str, ...] = ()) -> str:
    conditions = [*(holds(source, raw, condition) for condition in source.where), *also]
    return only_if(conditions, f" WHERE {' AND '.join(conditions)}")


def holds(source: SourceMap, raw: RawTable, condition: RowCondition) -> str:
    """Return the SQL of one condition: true or false, never missing."""
    raw_type = _type(source, raw, ColumnMap(column=condition.column))
    cell = f"trim({as_text(condition.column, raw_type)})"
    if condition.values:
        values = ", ".join(literal(value.strip().lower()) for value in condition.values)
        among = f"coalesce(lower({cell}), '') IN ({values})"
        return only_if(condition.excluded, "NOT ") + f"({among})"
    if condition.present is not None:
        given = f"coalesce({cell}, '') <> ''"
        return only_if(not condition.present, "NOT ") + f"({given})"
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
    named = source.columns.get("instrument", ColumnMap()).constant
    scales = {"score": instruments.get(named or "")}
    return [
        _read(source, raw, target, column, scales.get(target)) for target, column in source.columns.items()
    ]


def count_not_asked(source: SourceMap, raw: RawTable) -> str:
    """Return the SELECT that counts the empty cells a wide source leaves out by declaration."""
    blanks = " + ".join(
        f"count(*) FILTER ({score_text(column)} IS NULL)" for column in source.scores.values()
    )
    return f"SELECT {blanks} FROM {quoted(raw.view)}{_where(source, raw)}"  # noqa: S608 - quoted parts


def score_text(column: ColumnMap) -> str:
    """Return the expression of a cell's text, missing where it is empty or stands for no answer."""
    text = present(f"CAST({quoted(column.column)} AS VARCHAR)", column)
    none = [literal(raw) for raw, value in column.values.items() if value == ""]
    if none:
        return f"CASE WHEN {text} NOT IN ({', '.join(none)}) THEN {text} END"
    return text


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
                within = only_if(condition, f" AND ({condition.format(text=f'x{i}')})")
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
    if branches:
        return f"CASE {' '.join(branches)} END"
    return _NO_TEXT


def _key(source: SourceMap, raw: RawTable) -> str:
    """What tells rows apart: the declared columns, or the id of a ticket."""
    columns = [ColumnMap(column=name) for name in source.unique]
    if source.table == "tickets" and not columns:
        ticket = source.columns["ticket_id"]
        if ticket.row_number:
            return f"concat_ws(chr(31), {literal(source.label)}, {ROW})"
        if ticket.column:
            return as_text(ticket.column, _type(source, raw, ticket))
    if not columns:
        return _NO_TEXT
    parts = [as_text(column.column, _type(source, raw, column)) for column in columns]
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
    if column.row_number:
        position = f"CAST({ROW} AS VARCHAR)"
        return ReadColumn(target=target, value=position, plain=position)
    raw_type = "VARCHAR"
    if column.constant is None:
        raw_type = _type(source, raw, column)
    kind = LAYOUTS[source.table].kind(target)
    if column.as_is:
        return ReadColumn(target=target, value=quoted(column.column), plain=quoted(column.column))
    if column.number or kind == "number":
        number = read_number(target, column, raw_type, scale)
        interval = _text_of(source, raw, column.per_column)
        return by_factors(number, column, interval=interval, count=_text_of(source, raw, column.times))
    if kind == "time":
        time = read_time(target, column, raw_type, source.label)
        if not column.plus:
            return time
        markers = ", ".join(map(literal, ("", *column.missing)))
        duration = f"trim({_text_of(source, raw, column.plus)})"
        given = f"CASE WHEN {duration} NOT IN ({markers}) THEN {duration} END"
        return later_by(time, given, column.plus_unit)
    if is_nested(raw_type):
        raise StudyError(
            f"column {shown(column.column)} holds lists, records or bytes ({shown(raw_type)})",
            where=source.label,
            wanted=f"one value a row for {target}",
            next_step="take the field that is meant out of it with sql",
        )
    return read_text(target, column, raw_type)


def _text_of(source: SourceMap, raw: RawTable, name: str) -> str:
    """The text of a further raw column; empty for none."""
    if not name:
        return ""
    return as_text(name, _type(source, raw, ColumnMap(column=name)))


def is_nested(raw_type: str) -> bool:
    """Whether a column of this DuckDB type holds lists, records or bytes."""
    return raw_type.startswith(("STRUCT", "MAP", "UNION", "BLOB")) or raw_type.endswith("]")
