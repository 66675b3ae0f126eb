"""A first look at a file: its first rows, which table it feeds, and which columns seem what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxresearch.data.formats.guess_export import guess_export
from cxresearch.data.formats.question_titles import question_titles
from cxresearch.data.formats.recognise_export import recognised, resembled
from cxresearch.data.loading.json_rows import JSON_FILES
from cxresearch.data.loading.labelled_files import LABELLED_FILES
from cxresearch.data.loading.sheets import SHEETS, sheet_names
from cxresearch.data.loading.sqlite_tables import is_sqlite, sqlite_names
from cxresearch.data.readers.cells.column_sql import holds, is_nested
from cxresearch.data.readers.cells.time_sql import is_iso
from cxresearch.data.readers.connection import ROW, RawTable, connect, literal, lock, quoted, run
from cxresearch.data.readers.declared_sql import limited
from cxresearch.data.readers.raw_inputs import READ_KINDS, duckdb_tables, open_alone
from cxresearch.data.readers.unwanted_rows import unwanted_rows
from cxresearch.data.starter.guess_table import Guess, guess_table, match_columns
from cxresearch.data.starter.guess_text import guess_text_input, with_sheet_head, zones_in_header
from cxresearch.data.starter.lines.starter_columns import is_number, is_time
from cxresearch.data.starter.lines.toml_text import toml
from cxresearch.data.starter.part_of_file import PartOfFile, part_of, without_last_line
from cxresearch.data.starter.raw_look import RawLook, Unwanted
from cxresearch.data.starter.score_columns import LABELLED
from cxresearch.data.study_file.declarations import RawInput, SourceMap
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import tells_the_outcome
from cxresearch.data.validation.row_rules import DATED_BY
from cxresearch.errors import StudyError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PARQUET = (".parquet", ".pq")
_DUCKDB = (".duckdb", ".db", ".ddb")
#: So many rows are looked at; what is guessed of them is checked against all rows later.
_SAMPLE_ROWS = 200
#: A first look is quick; a view that takes longer is looked at by the one who wrote it.
_LOOK_SECONDS = 120.0
#: So few rows may well lie on one day.
_FEW_ROWS = 5
#: More groups than this are ids or texts, not segments.
_MOST_GROUPS = 30
#: Texts that often stand for no value.
_NO_VALUE = (
    *("null", "(null)", "n/a", "#n/a", "na", "none", "nan", "nil", "-", "--", "?", "\\n"),
    *("9999-12-31", "9999-12-31 00:00:00", "2999-12-31", "31.12.9999", "31/12/9999", "12/31/9999"),
    *("0000-00-00", "0000-00-00 00:00:00"),
)


def inputs_of(file: Path) -> Iterator[RawInput]:
    """Yield what a file holds: itself, or each of its tables or sheets."""
    raw = RawInput(name="raw", path=file, declared=file.name)
    lower = file.name.lower()
    if lower.endswith(SHEETS):
        yield from (with_sheet_head(replace(raw, sheet=name)) for name in sheet_names(file))
    elif lower.endswith(READ_KINDS) and is_sqlite(file):
        yield from (replace(raw, sqlite_table=table) for table in sqlite_names(file))
    elif lower.endswith((*LABELLED_FILES, *JSON_FILES)):
        yield raw
    elif lower.endswith(_DUCKDB):
        connection = connect()
        lock(connection, [file])
        try:
            tables = duckdb_tables(connection, file, "looked_into")
        finally:
            connection.close()
        if not tables:
            raise StudyError("there is no table in it")
        yield from (
            RawInput(name="raw", path=file, declared=file.name, duckdb_table=table) for table in tables
        )
    elif file.name.lower().endswith(_PARQUET):
        yield raw
    else:
        yield guess_text_input(file)


def look_at(raw: RawInput, name: str) -> RawLook:
    """Look at the first rows of an input, and guess its table and columns.

    A large text file is looked at in parts; one that breaks off within its last line, without that line.
    """
    try:
        with part_of(raw) as part:
            look = _look_at(part.raw, name)
    except StudyError as error:
        look, part = _without_its_end(raw, name, error)
    return replace(look, raw=raw, share=part.share, torn=part.torn)


def _without_its_end(raw: RawInput, name: str, error: StudyError) -> tuple[RawLook, PartOfFile]:
    """Look at a file whose last line is torn; refuse it as before if that was not the reason."""
    with without_last_line(raw) as part:
        if part is None:
            raise error
        try:
            return _look_at(part.raw, name), part
        except StudyError:
            raise error from None


def _look_at(raw: RawInput, name: str) -> RawLook:
    connection = connect()
    try:
        with limited(connection, _LOOK_SECONDS, name):
            table = open_alone(connection, raw)
            columns = ", ".join(f"CAST({quoted(column)} AS VARCHAR)" for column in table.types)
            query = f"SELECT {columns} FROM {quoted(table.view)} ORDER BY {ROW} LIMIT {_SAMPLE_ROWS}"  # noqa: S608
            rows = run(connection, query, name)
            sample = {
                column: [str(row[i]).strip() for row in rows if row[i] is not None and str(row[i]).strip()]
                for i, column in enumerate(table.types)
                if not is_nested(table.types[column])
            }
            sample, missing = _without_markers(sample)
            export = recognised(sample)
            inner = raw.duckdb_table.rsplit(".", 1)[-1] or raw.sqlite_table or raw.sheet
            titles = question_titles(raw)
            guess = guess_table(inner or raw.declared, sample, titles)
            if export:
                guess = guess_export(export, guess, sample, titles)
            labels = {column: _labels(connection, table.view, column, name) for column in _asked(guess)}
            unwanted = _unwanted(connection, table, guess.table, name)
            ranges = _ranges(connection, table.view, sample, name)
            knowing = _knowing(connection, table.view, guess, name)
    finally:
        connection.close()
    times = {name for name, kind in table.types.items() if kind == "DATE" or kind.startswith("TIMESTAMP")}
    odd: dict[str, tuple[str, str]] = {}
    if not export:
        guess, odd = _plausible(guess, sample, times)
        guess = _with_spread_times(guess, ranges, sample)
    return RawLook(
        raw=raw,
        name=name,
        sample=sample,
        rows=len(rows),
        guess=guess,
        odd=odd,
        labels=labels,
        nested=tuple(column for column in table.types if column not in sample),
        missing=missing,
        zones=zones_in_header(raw),
        unwanted=unwanted,
        knowing=knowing,
        ranges=ranges,
        export=export,
        resembles=None if export else resembled(sample),
    )


def _asked(guess: Guess) -> list[str]:
    """Columns of which all answers are wanted: those that name the instrument, and those that hold scores."""
    named = [raw for target, raw in guess.columns.items() if target == "instrument"]
    return sorted({*named, *guess.survey.worded.values(), *guess.survey.scores.values()})


def _unwanted(connection: DuckDBPyConnection, table: RawTable, name: str, label: str) -> tuple[Unwanted, ...]:
    """Count the rows that are perhaps no answers or no tickets, each with what would leave them out."""
    if not name:
        return ()
    entries = []
    source = SourceMap(label=label, table=name)
    for entry in unwanted_rows(name, table.types):
        if is_nested(table.types[entry.column]) or entry.column in table.ambiguous:
            continue
        others = f"NOT {holds(source, table, entry.taken)}"
        cell = f"trim(CAST({quoted(entry.column)} AS VARCHAR))"
        query = (
            f"SELECT {cell}, count(*) FROM {quoted(table.view)} WHERE {others} GROUP BY 1 ORDER BY 1 LIMIT 50"  # noqa: S608
        )
        counts = run(connection, query, label)
        values = ", ".join(toml(str(value or "")) for value, _ in counts)
        condition = (
            f"{{ not = [{values}] }}" if entry.taken.values else f"{{ at_least = {entry.taken.low:g} }}"
        )
        rows = sum(int(count) for _, count in counts)
        entries.append(Unwanted(column=entry.column, condition=condition, rows=rows, what=entry.what))
    return tuple(entries)


def _knowing(connection: DuckDBPyConnection, view: str, guess: Guess, name: str) -> tuple[str, ...]:
    """Columns of customers that know who left: their groups nearly all left or nearly all stayed."""
    end = guess.columns.get("ended_at", "")
    if guess.table != "customers" or guess.rows or not end:
        return ()
    knowing = []
    for column in guess.further:
        query = (
            f"SELECT count(*), count(nullif(trim(CAST({quoted(end)} AS VARCHAR)), '')) "  # noqa: S608
            f"FROM {quoted(view)} GROUP BY trim(CAST({quoted(column)} AS VARCHAR)) LIMIT {_MOST_GROUPS + 1}"
        )
        groups = run(connection, query, name)
        customers, ended = zip(*groups, strict=True)
        if len(groups) <= _MOST_GROUPS and tells_the_outcome(customers, ended):
            knowing.append(column)
    return tuple(knowing)


def _ranges(
    connection: DuckDBPyConnection, view: str, sample: dict[str, list[str]], name: str
) -> dict[str, tuple[str, str]]:
    """First and last day of the columns whose first values are all ISO times."""
    columns = [column for column, values in sample.items() if values and all(map(is_iso, values))]
    if not columns:
        return {}
    days = [f"left(trim(CAST({quoted(column)} AS VARCHAR)), 10)" for column in columns]
    ends = ", ".join(f"min(nullif({day}, '')), max({day})" for day in days)
    (row,) = run(connection, f"SELECT {ends} FROM {quoted(view)}", name)  # noqa: S608 - quoted parts
    return {column: (str(row[2 * i]), str(row[2 * i + 1])) for i, column in enumerate(columns)}


def _with_spread_times(
    guess: Guess, ranges: dict[str, tuple[str, str]], sample: dict[str, list[str]]
) -> Guess:
    """Take the time of the event where the one chosen is of a single day: that of a load or an export."""
    target = DATED_BY.get(guess.table, "")
    chosen = guess.columns.get(target, "")
    first, last = ranges.get(chosen, ("", ""))
    if (
        guess.table in ("", "customers", "revenue")
        or not first
        or first != last
        or len(sample[chosen]) < _FEW_ROWS
    ):
        return guess
    spread = [name for name in guess.further if len(set(ranges.get(name, ("", "")))) == 2]
    others = match_columns(guess.table, spread)
    if target not in others:
        return guess
    columns = {**guess.columns, target: others[target]}
    further = (*(name for name in guess.further if name != others[target]), chosen)
    return replace(guess, columns=columns, further=further)


def _without_markers(sample: dict[str, list[str]]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Leave out texts such as N/A where all else is a number, a date or an answer; say which they were."""
    markers: dict[str, None] = {}
    cleaned = {}
    for column, values in sample.items():
        others = [value for value in values if value.lower() not in _NO_VALUE]
        regular = all(is_number(value) or is_time(value) or LABELLED.fullmatch(value) for value in others)
        cleaned[column] = values
        if others and regular:
            cleaned[column] = others
            markers |= {value: None for value in values if value.lower() in _NO_VALUE}
    return cleaned, tuple(markers)


def _labels(connection: DuckDBPyConnection, view: str, column: str, name: str) -> list[str]:
    """All answers of a column: those of the whole file, for a map must list them all."""
    cell = f"trim(CAST({quoted(column)} AS VARCHAR))"
    query = f"SELECT DISTINCT {cell} AS answer FROM {quoted(view)} WHERE {cell} <> {literal('')} LIMIT 30"  # noqa: S608
    return sorted(str(row[0]) for row in run(connection, query, name))


def _plausible(
    guess: Guess, sample: dict[str, list[str]], times: set[str]
) -> tuple[Guess, dict[str, tuple[str, str]]]:
    """Part off columns guessed to be a time or a number whose values look nothing like one.

    Returns
    -------
    guess : Guess
        Without them.
    odd : dict of str to (str, str)
        Column of the table to the raw column and its first value.
    """
    if not guess.table:
        return guess, {}
    plausible, odd = {}, {}
    for target, raw in guess.columns.items():
        values, kind = sample[raw], LAYOUTS[guess.table].kind(target)
        fits = kind not in ("time", "number")
        if kind == "time":
            fits = raw in times or any(is_time(value) for value in values)
        elif kind == "number":
            fits = any(is_number(value) for value in values)
        if fits or not values:
            plausible[target] = raw
        else:
            odd[target] = (raw, values[0])
    used = {*plausible.values(), *guess.survey.scores.values(), *guess.survey.worded.values()}
    further = tuple(name for name in sample if name not in used)
    return replace(guess, columns=plausible, further=further), odd
