"""From a study file, or frames in memory, to typed rows on an engine; nothing but heads of files is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from cxresearch.data.columns.open_columns import declared_kinds
from cxresearch.data.loading.input_files import files_of
from cxresearch.data.readers.cells.column_sql import (
    count_left_out,
    count_not_asked,
    holds,
    is_nested,
    select_plain_rows,
    select_rows,
)
from cxresearch.data.readers.cells.date_samples import check_dates
from cxresearch.data.readers.connection import (
    ROW,
    RawTable,
    connect,
    has_rows,
    lock,
    make_view,
    quoted,
    run,
)
from cxresearch.data.readers.declared_sql import check_calls, limited
from cxresearch.data.readers.raw_inputs import is_database, open_input
from cxresearch.data.readers.summed_levels import has_snapshots, needs_sums, period_counts, rows_as_declared
from cxresearch.data.readers.typed_views import (
    Opened,
    counts_of_sums,
    remade_revenue,
    views_of_plain_rows,
    views_of_rows,
    with_leavers,
)
from cxresearch.data.readers.unwanted_rows import unwanted_rows
from cxresearch.data.study_file.declarations import ColumnMap, SourceMap, StudyFile
from cxresearch.data.table_layouts import LAYOUTS, SNAPSHOT
from cxresearch.data.validation.outcome_names import ENDS, names_outcome, snake
from cxresearch.errors import StudyError
from cxresearch.wording import did_you_mean, listed, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Tables whose files are smaller are judged once and kept; larger ones are read again for each question.
KEEP_BELOW_BYTES = 1 << 28
#: How many times larger rows are than their packed file, roughly.
_UNPACKED = {".gz": 6, ".parquet": 4, ".pq": 4}


def open_study_file(file: StudyFile, frames: Mapping[str, Any]) -> Opened:
    """Open what a study file declares.

    Raises
    ------
    StudyError
        If a file or column is missing or cannot be read as declared.
    """
    connection = connect()
    with limited(connection, file.query_seconds, f"opening {file.path.name}"):
        return _open(connection, file, frames)


def _open_inputs(
    connection: DuckDBPyConnection, file: StudyFile, frames: Mapping[str, Any]
) -> dict[str, RawTable]:
    """Open the inputs, and lock the connection before the first SQL of others is looked at."""
    found = {name: files_of(raw) for name, raw in file.inputs.items()}
    behind = [name for name, raw in file.inputs.items() if is_database(raw, found[name])]
    inputs = {
        name: open_input(connection, raw, frames, found[name])
        for name, raw in file.inputs.items()
        if name not in behind
    }
    copies = [copy for table in inputs.values() for copy in table.copies]
    # Views of a database and SQL of the study file see the declared files and nothing else.
    lock(connection, [*(one for files in found.values() for one in files), *copies])
    for name in behind:
        inputs[name] = open_input(connection, file.inputs[name], frames, found[name])
    return inputs


def _open(connection: DuckDBPyConnection, file: StudyFile, frames: Mapping[str, Any]) -> Opened:
    inputs = _open_inputs(connection, file, frames)
    files = [(raw.declared, found) for name, raw in file.inputs.items() for found in inputs[name].files]
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
        # What becomes levels or customers later is judged then, not as it stands in the file.
        if made_of_others:
            select, plain = rows_as_declared(source, select), ""
        selects.setdefault(source.table, []).append(select)
        simple.setdefault(source.table, []).append(plain)
        counts += _unused_doubts(source, raw)
        if source.where:
            left_out.setdefault(source.table, []).append(count_left_out(source, raw))
        if source.scores and source.blank_scores == "not_asked":
            counts.append((source.table, "not_asked", count_not_asked(source, raw)))
    views = views_of_rows(connection, selects)
    if remade:
        views["revenue"] = remade_revenue(connection, file.sources)
    if listed_leavers:
        views["customers"] = with_leavers(connection)
    counts += counts_of_sums(views)
    if any(source.rows == "subscriptions" for source in file.sources):
        counts += [("revenue", name, query) for name, query in period_counts("typed_revenue").items()]
    small = sum(_unpacked_size(found) for _, found in files) <= KEEP_BELOW_BYTES
    plain_views, kept = {}, frozenset(selects)
    if not small:
        plain_views, kept = views_of_plain_rows(connection, simple), frozenset()
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
        kinds=declared_kinds(file.sources),
        query_seconds=file.query_seconds,
    )


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
    check_calls(query, label)
    return query


def _unpacked_size(file: Path) -> int:
    return file.stat().st_size * _UNPACKED.get(file.suffix.lower(), 1)


def _segments(file: StudyFile) -> tuple[str, ...]:
    further = _further_columns(file)
    found = [
        name
        for name, column in further.items()
        if not (column.number or column.outcome or column.kind in ("text", "id"))
    ]
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
        if column.outcome or (not column.kind and (names_outcome(name) or names_outcome(column.column)))
    ]
    return tuple(name for name in named if name not in (file.segments or ()))


def _further_columns(file: StudyFile) -> dict[str, ColumnMap]:
    columns: dict[str, ColumnMap] = {}
    for source in file.sources:
        if source.table in ("customers", SNAPSHOT):
            layout = LAYOUTS[source.table].columns
            columns |= {name: column for name, column in source.columns.items() if name not in layout}
    return columns
