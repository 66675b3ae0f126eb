"""From a study file, or frames in memory, to typed rows on an engine; nothing but heads of files is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw

from cxresearch.data.readers.column_sql import (
    count_left_out,
    count_not_asked,
    holds,
    is_nested,
    select_plain_rows,
    select_rows,
)
from cxresearch.data.readers.date_samples import check_dates
from cxresearch.data.readers.listed_leavers import LEAVERS_VIEW, customers_with_leavers
from cxresearch.data.readers.raw_inputs import (
    ROW,
    RawTable,
    as_pattern,
    columns_of,
    connect,
    has_rows,
    literal,
    make_view,
    open_frame,
    open_input,
    quoted,
    run,
)
from cxresearch.data.readers.summed_levels import (
    ABSENT,
    SUMMED,
    SUMMED_VIEW,
    check_summed,
    has_snapshots,
    needs_sums,
    period_counts,
    rows_as_declared,
    summed_levels,
    with_absent,
)
from cxresearch.data.readers.unwanted_rows import unwanted_rows
from cxresearch.data.study_file.declarations import ColumnMap, SourceMap, StudyFile
from cxresearch.data.table_layouts import LAYOUTS, SNAPSHOT
from cxresearch.data.validation.outcome_names import ENDS, names_outcome, snake
from cxresearch.errors import StudyError
from cxresearch.scales import Scale
from cxresearch.wording import did_you_mean, listed, nearest, only_if, shown

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
    left_out : mapping of str to tuple of str
        By table, SELECTs that count the rows which ``where`` leaves out.
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
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
    copies = [copy for table in inputs.values() for copy in table.copies]
    _lock(connection, [*(found for _, found in files), *copies])
    if file.codebook is not None:
        files.append((file.codebook.declared, file.codebook.file))
    selects: dict[str, list[str]] = {}
    simple: dict[str, list[str]] = {}
    left_out: dict[str, list[str]] = {}
    counts = [(flag.table, flag.name, _one_select(connection, flag.sql, flag.name)) for flag in file.flags]
    remade = needs_sums(file.sources) or has_snapshots(file.sources)
    listed_leavers = any(source.rows == "leavers" for source in file.sources)
    for position, source in enumerate(file.sources, start=1):
        raw = inputs.get(source.input) or _sql_input(connection, source, position)
        select = select_rows(source, raw, file.instruments)
        run(connection, f"SELECT * FROM ({select}) LIMIT 1", source.label)  # noqa: S608 - a declared format may fail
        check_dates(connection, source, raw)
        made_of_others = remade and source.table == "revenue"
        made_of_others |= listed_leavers and source.table == "customers"
        plain = select_plain_rows(source, raw, file.instruments)
        if made_of_others:
            select, plain = rows_as_declared(source, select), ""
        selects.setdefault(source.table, []).append(select)
        simple.setdefault(source.table, []).append(plain)
        counts += _unused_doubts(source, raw)
        if source.where:
            left_out.setdefault(source.table, []).append(count_left_out(source, raw))
        if source.scores and source.blank_scores == "not_asked":
            counts.append((source.table, "not_asked", count_not_asked(source, raw)))
    views = _views(connection, selects)
    if remade:
        views["revenue"] = _remade_revenue(connection, file.sources)
    if listed_leavers:
        views["customers"] = _with_leavers(connection)
    counts += _counts_of_sums(views)
    if any(source.rows == "subscriptions" for source in file.sources):
        counts += [("revenue", name, query) for name, query in period_counts("typed_revenue").items()]
    small = sum(_unpacked_size(found) for _, found in files) <= KEEP_BELOW_BYTES
    plain_views, kept = {}, frozenset(selects)
    if not small:
        plain_views, kept = _plain_views(connection, simple), frozenset()
    return Opened(
        typed=views,
        plain=plain_views,
        keyed=frozenset(s.table for s in file.sources if s.unique or s.table == "tickets"),
        kept=kept,
        files=((file.path.name, file.path), *files),
        connection=connection,
        counts=tuple(counts),
        segments=_segments(file),
        outcomes=_outcomes(file),
        left_out={table: tuple(queries) for table, queries in left_out.items()},
    )


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
    views = _views(connection, selects)
    if summed:
        views["revenue"] = _remade_revenue(connection, summed)
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
        if meant or column.startswith("_"):
            raise StudyError(
                f"column {shown(column)} is not known" if meant else f"column {shown(column)} starts with _",
                where=f"table {table}",
                next_step=f"{did_you_mean(column, [meant])}; if not, rename it" if meant else "rename it",
            )


def _views(connection: DuckDBPyConnection, selects: Mapping[str, list[str]]) -> dict[str, nw.LazyFrame[Any]]:
    typed = {}
    for table, parts in selects.items():
        view = f"typed_{table}"
        run(
            connection, f"CREATE VIEW {quoted(view)} AS {' UNION ALL BY NAME '.join(parts)}", f"table {table}"
        )
        typed[table] = nw.from_native(connection.view(view)).lazy()
    return typed


def _unused_doubts(source: SourceMap, raw: RawTable) -> list[tuple[str, str, str]]:
    """Count rows that are perhaps no answers or no tickets, by columns of which nothing is said."""
    if not source.input:
        return []
    said = {condition.column for condition in source.where}
    doubts = []
    for entry in unwanted_rows(source.table, raw.types):
        if (
            entry.column not in said
            and entry.column not in raw.ambiguous
            and not is_nested(raw.types[entry.column])
        ):
            taken = [holds(source, raw, condition) for condition in (*source.where, entry.taken)]
            others = " AND ".join((*taken[:-1], f"NOT {taken[-1]}"))
            name = f"perhaps {entry.what}: {entry.column} stands unused, see where"
            query = f"SELECT count(*) FROM {quoted(raw.view)} WHERE {others}"  # noqa: S608 - quoted parts
            doubts.append((source.table, name, query))
    return [*doubts, *_unused_ends(source, raw)]


def _unused_ends(source: SourceMap, raw: RawTable) -> list[tuple[str, str, str]]:
    """Count ends of subscriptions that stand in a file of levels, whose levels then go on."""
    if source.table != "revenue" or source.rows != "levels":
        return []
    mapped = {column.column for column in source.columns.values()}
    ends = [name for name in raw.types if name not in mapped and ENDS.search(snake(name))]
    return [
        (
            "revenue",
            f"ends in {name} stand unused, levels go on: see rows",
            f"SELECT count(*) FROM {quoted(raw.view)} WHERE "  # noqa: S608 - quoted parts
            f"trim(CAST({quoted(name)} AS VARCHAR)) <> ''",
        )
        for name in ends
        if name not in raw.ambiguous and not is_nested(raw.types[name])
    ]


def _with_leavers(connection: DuckDBPyConnection) -> nw.LazyFrame[Any]:
    """Customers with the ends that a list of leavers knows."""
    query = customers_with_leavers("typed_customers", columns_of(connection, "typed_customers"))
    run(connection, f"CREATE VIEW {quoted(LEAVERS_VIEW)} AS {query}", "table customers")
    rows: nw.LazyFrame[Any] = nw.from_native(connection.view(LEAVERS_VIEW)).lazy()
    return rows


def _remade_revenue(connection: DuckDBPyConnection, sources: Sequence[SourceMap]) -> nw.LazyFrame[Any]:
    """Levels of customers, made of rows that are something else."""
    view = "typed_revenue"
    if has_snapshots(sources):
        label = next(source.label for source in sources if source.rows == "snapshots")
        query = with_absent(view, label, columns_of(connection, view))
    else:
        kinds = [source.rows for source in sources if source.table == "revenue"]
        query = summed_levels(view, kinds, columns_of(connection, view))
    run(connection, f"CREATE VIEW {quoted(SUMMED_VIEW)} AS {query}", "table revenue")
    rows: nw.LazyFrame[Any] = nw.from_native(connection.view(SUMMED_VIEW)).lazy()
    return rows


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
    """What summing merged, and who was missing from a snapshot."""
    if "revenue" not in views:
        return ()
    names = views["revenue"].collect_schema().names()
    if ABSENT in names:
        absent = f"SELECT sum({ABSENT}) FROM {quoted(SUMMED_VIEW)}"  # noqa: S608 - constant names
        return (("revenue", "customers missing from a snapshot, level 0", absent),)
    if SUMMED not in names:
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
            raise StudyError(
                f"segment {shown(name)} is not a mapped column of customers",
                where=file.path.name,
                wanted=f"one of {listed(found)}"
                if found
                else "a column under [sources.columns] of customers",
                next_step=did_you_mean(name, found),
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
    columns: dict[str, ColumnMap] = {}
    for source in file.sources:
        if source.table in ("customers", SNAPSHOT):
            layout = LAYOUTS[source.table].columns
            columns |= {name: column for name, column in source.columns.items() if name not in layout}
    return columns


def _text_columns(source: SourceMap) -> tuple[str, ...]:
    known = LAYOUTS[source.table].columns
    return tuple(name for name, column in source.columns.items() if name not in known and not column.as_is)
