"""From frames in memory to typed rows, by way of Arrow on an engine of the study's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cxresearch.data.readers.cells.column_sql import select_rows
from cxresearch.data.readers.cells.date_samples import check_dates
from cxresearch.data.readers.connection import RawTable, connect, quoted, run
from cxresearch.data.readers.raw_inputs import open_frame
from cxresearch.data.readers.summed_levels import check_summed, needs_sums, rows_as_declared
from cxresearch.data.readers.typed_views import Opened, counts_of_sums, remade_revenue, views_of_rows
from cxresearch.data.study_file.declarations import ColumnMap, SourceMap
from cxresearch.data.table_layouts import LAYOUTS, SNAPSHOT
from cxresearch.data.validation.outcome_names import names_outcome
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import did_you_mean, listed, nearest, only_if, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TEXT_TYPES = ("VARCHAR", "BOOLEAN", "UUID")


def open_frames(tables: Mapping[str, Any], instruments: Mapping[str, Scale], timezone: str = "UTC") -> Opened:
    """Open frames in memory (pandas, Polars, PyArrow) by way of Arrow on an engine of the study's own.

    Dates without a clock, and times as text without an offset, are local in ``timezone``, as in files.
    Naive timestamps are UTC, unless all of a column are midnights: those are dates.

    Raises
    ------
    StudyError
        If a required column is missing or of the wrong kind.
    """
    connection = connect()
    selects: dict[str, list[str]] = {}
    segments: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    summed: tuple[SourceMap, ...] = ()
    for table, native in tables.items():
        raw = open_frame(connection, f"frame_{table}", native, label=f"table {table}", may_be_empty=True)
        source = _in_local_time(connection, identity_source(table, raw), raw, timezone)
        check_dates(connection, source, raw)
        selects[table] = [select_rows(source, raw, instruments)]
        if table == "revenue" and needs_sums((source,)):
            selects[table] = [rows_as_declared(source, selects[table][0])]
            summed = (source,)
        if table in ("customers", SNAPSHOT):
            further = _text_columns(source)
            segments = tuple(name for name in further if not names_outcome(name))
            outcomes = tuple(name for name in further if names_outcome(name))
    views = views_of_rows(connection, selects)
    if summed:
        views["revenue"] = remade_revenue(connection, summed)
    return Opened(
        typed=views,
        keyed=frozenset({"tickets"} & set(selects)),
        kept=frozenset(selects),
        connection=connection,
        counts=counts_of_sums(views),
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
    if table == "usage" and "quantity" not in columns:
        columns["quantity"] = ColumnMap(constant="1")  # a log without a number: each row counts once
    return SourceMap(label=f"table {table}", table=table, input=raw.view, columns=columns)


def _in_local_time(
    connection: DuckDBPyConnection, source: SourceMap, raw: RawTable, timezone: str
) -> SourceMap:
    """Read dates and texts in the zone of the study; naive timestamps with a clock stay UTC."""
    columns = dict(source.columns)
    for target, column in source.columns.items():
        if LAYOUTS[source.table].kind(target) != "time":
            continue
        raw_type = raw.types[column.column]
        dated = raw_type in ("DATE", "VARCHAR")
        # pandas keeps days as midnights: a column of midnights alone holds dates, not instants.
        if raw_type == "TIMESTAMP":
            cell = quoted(column.column)
            query = f"SELECT bool_and({cell} = date_trunc('day', {cell})) FROM {quoted(raw.view)}"  # noqa: S608
            dated = bool(run(connection, query, source.label)[0][0])
        if dated:
            columns[target] = replace(column, timezone=timezone)
    return replace(source, columns=columns)


def check_columns(table: str, present: list[str]) -> None:
    """Refuse a frame that lacks a required column, or has one whose name is nearly that of a known one."""
    layout = LAYOUTS[table]
    for column in layout.required:
        if column not in present:
            meant = nearest(column, present)
            raise StudyError(
                f"column {column!r} is missing",
                where=f"table {table}, which has {listed(present)}",
                next_step=only_if(meant, f"rename {shown(meant)} if that is it"),
            )
    absent = [column for column in layout.optional if column not in present]
    for column in present:
        meant = nearest(column, absent, likeness=0.85) if column not in layout.columns else ""
        # Hidden columns of a mapped row begin with _.
        if meant or column.startswith("_"):
            raise StudyError(
                f"column {shown(column)} is not known" if meant else f"column {shown(column)} starts with _",
                where=f"table {table}",
                next_step=f"{did_you_mean(column, [meant])}; if not, rename it" if meant else "rename it",
            )


def _text_columns(source: SourceMap) -> tuple[str, ...]:
    known = LAYOUTS[source.table].columns
    return tuple(name for name, column in source.columns.items() if name not in known and not column.as_is)
