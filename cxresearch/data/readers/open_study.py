"""From a study file, or frames in memory, to typed rows on an engine; nothing but heads of files is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw

from cxresearch.data.readers.column_sql import count_not_asked, select_plain_rows, select_rows
from cxresearch.data.readers.date_samples import check_dates
from cxresearch.data.readers.raw_inputs import (
    ROW,
    RawTable,
    as_pattern,
    connect,
    has_rows,
    literal,
    make_view,
    open_frame,
    open_input,
    quoted,
    run,
)
from cxresearch.data.readers.summed_levels import SUMMED, SUMMED_VIEW, check_summed, summed_levels
from cxresearch.data.study_file.declarations import ColumnMap, SourceMap, StudyFile
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import names_outcome
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import listed, nearest, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Tables whose files are smaller are judged once and kept; larger ones are read again for each question.
KEEP_BELOW_BYTES = 1 << 28
_UNPACKED = {".gz": 6, ".parquet": 4, ".pq": 4}
_TEXT_TYPES = ("VARCHAR", "BOOLEAN", "UUID")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Typed rows of each table and what is known of their origin.

    Attributes
    ----------
    typed, plain : mapping of str to LazyFrame
        See `checked.CheckedTables`.
    keyed, kept : frozenset of str
        See there.
    files : tuple of (str, Path)
        Every file read, as declared and as found.
    connection : DuckDBPyConnection or None
        The study's own engine, if it has one.
    counts : tuple of (str, str, str)
        Table, name and SELECT of each count that is reported as a flag.
    segments : tuple of str
        Further text columns of customers.
    outcomes : tuple of str
        Further columns of customers that state who left, as declared or by their names.
    """

    typed: Mapping[str, nw.LazyFrame[Any]]
    plain: Mapping[str, nw.LazyFrame[Any]] = field(default_factory=dict)
    keyed: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    files: tuple[tuple[str, Path], ...] = ()
    connection: DuckDBPyConnection | None = None
    counts: tuple[tuple[str, str, str], ...] = ()
    segments: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()


def open_study_file(file: StudyFile, frames: Mapping[str, Any]) -> Opened:
    """Open what a study file declares.

    Raises
    ------
    StudyError
        If a file or column is missing or cannot be read as declared.
    """
    connection = connect()
    inputs = {name: open_input(connection, raw, frames) for name, raw in file.inputs.items()}
    files = [(raw.declared, found) for name, raw in file.inputs.items() for found in inputs[name].files]
    _lock(connection, [found for _, found in files])
    selects: dict[str, list[str]] = {}
    simple: dict[str, list[str]] = {}
    counts = [(flag.table, flag.name, _one_select(connection, flag.sql, flag.name)) for flag in file.flags]
    for position, source in enumerate(file.sources, start=1):
        raw = inputs[source.input] if source.input else _sql_input(connection, source, position)
        select = select_rows(source, raw, file.instruments)
        run(connection, f"SELECT * FROM ({select}) LIMIT 1", source.label)  # noqa: S608 - a declared format may fail
        check_dates(connection, source, raw)
        selects.setdefault(source.table, []).append(select)
        simple.setdefault(source.table, []).append(select_plain_rows(source, raw, file.instruments))
        if source.scores and source.blank_scores == "not_asked":
            counts.append((source.table, "not_asked", count_not_asked(source, raw)))
    views = _views(connection, selects)
    counts += _counts_of_sums(views)
    small = sum(_unpacked_size(found) for _, found in files) <= KEEP_BELOW_BYTES
    return Opened(
        typed=views,
        plain={} if small else _plain_views(connection, simple),
        keyed=frozenset(s.table for s in file.sources if s.unique or s.table == "tickets"),
        kept=frozenset(selects) if small else frozenset(),
        files=((file.path.name, file.path), *files),
        connection=connection,
        counts=tuple(counts),
        segments=_segments(file),
        outcomes=_outcomes(file),
    )


def open_frames(tables: Mapping[str, Any], instruments: Mapping[str, Scale]) -> Opened:
    """Open frames in memory (pandas, Polars, PyArrow) by way of Arrow on an engine of the study's own.

    Raises
    ------
    StudyError
        If a required column is missing or of the wrong kind.
    """
    connection = connect()
    selects: dict[str, list[str]] = {}
    segments: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    for table, native in tables.items():
        raw = open_frame(connection, f"frame_{table}", native, label=f"table {table}", may_be_empty=True)
        source = identity_source(table, raw)
        check_dates(connection, source, raw)
        selects[table] = [select_rows(source, raw, instruments)]
        if table == "customers":
            further = _text_columns(source)
            segments = tuple(name for name in further if not names_outcome(name))
            outcomes = tuple(name for name in further if names_outcome(name))
    views = _views(connection, selects)
    return Opened(
        typed=views,
        keyed=frozenset({"tickets"} & set(selects)),
        kept=frozenset(selects),
        connection=connection,
        counts=_counts_of_sums(views),
        segments=segments,
        outcomes=outcomes,
    )


def identity_source(table: str, raw: RawTable) -> SourceMap:
    """Return the source that takes every column under its own name.

    Raises
    ------
    StudyError
        If a required column is missing, or one looks mistyped.
    """
    check_columns(table, list(raw.types))
    if table == "revenue" and "subscription_id" in raw.types:
        check_summed(raw.types, f"table {table}")
    known = LAYOUTS[table].columns
    columns = {}
    for name, kind in raw.types.items():
        as_is = name not in known and not (kind in _TEXT_TYPES or kind.startswith("ENUM"))
        columns[name] = ColumnMap(column=name, as_is=as_is)
    return SourceMap(label=f"table {table}", table=table, input=raw.view, columns=columns)


def check_columns(table: str, present: list[str]) -> None:
    """Refuse a frame that lacks a required column, or has one whose name is nearly that of a known one."""
    layout = LAYOUTS[table]
    for column in layout.required:
        if column not in present:
            meant = nearest(column, present)
            raise StudyError(
                f"column {column!r} is missing",
                where=f"table {table}, which has {listed(present)}",
                next_step=f"rename {shown(meant)} if that is it" if meant else "",
            )
    absent = [column for column in layout.optional if column not in present]
    for column in present:
        meant = nearest(column, absent, likeness=0.85) if column not in layout.columns else ""
        if meant or column.startswith("_"):
            raise StudyError(
                f"column {shown(column)} is not known" if meant else f"column {shown(column)} starts with _",
                where=f"table {table}",
                next_step=f"perhaps you meant {meant!r}; if not, rename it" if meant else "rename it",
            )


def _views(connection: DuckDBPyConnection, selects: Mapping[str, list[str]]) -> dict[str, nw.LazyFrame[Any]]:
    typed = {}
    for table, parts in selects.items():
        view = f"typed_{table}"
        run(
            connection, f"CREATE VIEW {quoted(view)} AS {' UNION ALL BY NAME '.join(parts)}", f"table {table}"
        )
        typed[table] = nw.from_native(connection.view(view)).lazy()
        if table == "revenue" and "subscription_id" in typed[table].collect_schema().names():
            run(connection, f"CREATE VIEW {quoted(SUMMED_VIEW)} AS {summed_levels(view)}", f"table {table}")
            typed[table] = nw.from_native(connection.view(SUMMED_VIEW)).lazy()
    return typed


def _plain_views(
    connection: DuckDBPyConnection, selects: Mapping[str, list[str]]
) -> dict[str, nw.LazyFrame[Any]]:
    """Views of the tables whose rows can all be read plainly; levels to be summed are none of them."""
    plain = {}
    for table, parts in selects.items():
        if all(parts):
            view, query = f"plain_{table}", " UNION ALL BY NAME ".join(parts)
            run(connection, f"CREATE VIEW {quoted(view)} AS {query}", f"table {table}")
            frame = nw.from_native(connection.view(view)).lazy()
            if "subscription_id" not in frame.collect_schema().names():
                plain[table] = frame
    return plain


def _counts_of_sums(views: Mapping[str, nw.LazyFrame[Any]]) -> tuple[tuple[str, str, str], ...]:
    """What summing merged: rows of several subscriptions at one moment became one level."""
    if "revenue" not in views or SUMMED not in views["revenue"].collect_schema().names():
        return ()
    merged = f"SELECT sum({SUMMED} - 1) FROM {quoted(SUMMED_VIEW)}"  # noqa: S608 - constant names
    return (("revenue", "levels of subscriptions at one moment, summed", merged),)


def _sql_input(connection: DuckDBPyConnection, source: SourceMap, position: int) -> RawTable:
    query = _one_select(connection, source.sql, source.label)
    numbered = f"SELECT *, row_number() OVER () AS {ROW} FROM ({query})"  # noqa: S608 - the user's own SELECT
    raw = make_view(connection, f"sql_{position}", numbered, source.label)
    if not has_rows(connection, raw.view, source.label):
        raise StudyError("the SQL gives no row", where=source.label)
    return raw


def _one_select(connection: DuckDBPyConnection, query: str, label: str) -> str:
    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        raise StudyError(f"the SQL is not understood: {shown(str(error), 160)}", where=label) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise StudyError("the SQL is not one SELECT", where=label, wanted="a single SELECT over the inputs")
    return query


def _lock(connection: DuckDBPyConnection, files: list[Path]) -> None:
    """Let SQL of a study file see the declared files and nothing else on the machine."""
    spelled = (name for file in files for name in dict.fromkeys((str(file), as_pattern(file))))
    paths = ", ".join(literal(name) for name in spelled)
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _unpacked_size(file: Path) -> int:
    return file.stat().st_size * _UNPACKED.get(file.suffix.lower(), 1)


def _segments(file: StudyFile) -> tuple[str, ...]:
    further = _further_columns(file)
    found = [name for name, column in further.items() if not (column.number or column.outcome)]
    if file.segments is None:
        outcomes = _outcomes(file)
        return tuple(name for name in found if name not in outcomes)
    for name in file.segments:
        if name not in found:
            meant = nearest(name, found)
            raise StudyError(
                f"segment {shown(name)} is not a mapped column of customers",
                where=file.path.name,
                wanted=f"one of {listed(found)}"
                if found
                else "a column under [sources.columns] of customers",
                next_step=f"perhaps you meant {meant!r}" if meant else "",
            )
    return file.segments


def _outcomes(file: StudyFile) -> tuple[str, ...]:
    """Further columns of customers that say who left: as declared, or by name where no segments are."""
    named = [
        name
        for name, column in _further_columns(file).items()
        if column.outcome or names_outcome(name) or names_outcome(column.column)
    ]
    return tuple(name for name in named if name not in (file.segments or ()))


def _further_columns(file: StudyFile) -> dict[str, ColumnMap]:
    layout = LAYOUTS["customers"].columns
    columns: dict[str, ColumnMap] = {}
    for source in file.sources:
        if source.table == "customers":
            columns |= {name: column for name, column in source.columns.items() if name not in layout}
    return columns


def _text_columns(source: SourceMap) -> tuple[str, ...]:
    known = LAYOUTS["customers"].columns
    return tuple(name for name, column in source.columns.items() if name not in known and not column.as_is)
