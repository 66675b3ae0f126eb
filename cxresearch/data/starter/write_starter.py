"""A first study.toml from the files of a folder: what was recognised, and what its owner has to decide."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxresearch.data.formats.format_choices import StarterChoices, choices_of
from cxresearch.data.formats.guess_export import guess_export
from cxresearch.data.formats.question_titles import question_titles
from cxresearch.data.formats.recognise_export import recognised, resembled
from cxresearch.data.loading.json_rows import JSON_FILES
from cxresearch.data.loading.labelled_files import LABELLED_FILES
from cxresearch.data.loading.sheets import SHEETS, sheet_names
from cxresearch.data.loading.sqlite_tables import is_sqlite, sqlite_names
from cxresearch.data.loading.unread_kinds import unread_reason
from cxresearch.data.readers.cells.column_sql import holds, is_nested
from cxresearch.data.readers.cells.time_sql import is_iso
from cxresearch.data.readers.connection import ROW, RawTable, connect, literal, quoted, run
from cxresearch.data.readers.raw_inputs import READ_KINDS, duckdb_tables, open_input
from cxresearch.data.readers.unwanted_rows import unwanted_rows
from cxresearch.data.starter.guess_table import Guess, guess_table, match_columns
from cxresearch.data.starter.guess_text import guess_text_input, with_sheet_head, zones_in_header
from cxresearch.data.starter.raw_look import RawLook, Unwanted
from cxresearch.data.starter.score_columns import LABELLED
from cxresearch.data.starter.shared_ids import with_shared_ids
from cxresearch.data.starter.starter_columns import is_number, is_time
from cxresearch.data.starter.starter_revenue import RevenueFacts
from cxresearch.data.starter.starter_text import file_text, snapshot_text, study_text
from cxresearch.data.starter.toml_text import printable, toml
from cxresearch.data.starter.trial_reading import revenue_facts, with_settled_ends
from cxresearch.data.study_file.declarations import RawInput, SourceMap
from cxresearch.data.study_file.parse_study_file import read_cut
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import tells_the_outcome
from cxresearch.data.validation.row_rules import DATED_BY
from cxresearch.errors import StudyError
from cxresearch.wording import only_if, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PARQUET = (".parquet", ".pq")
_DUCKDB = (".duckdb", ".db", ".ddb")
_DATA = READ_KINDS
_SAMPLE_ROWS = 200
#: So few rows may well lie on one day.
_FEW_ROWS = 5
_MOST_GROUPS = 30
#: Texts that often stand for no value.
_NO_VALUE = (
    *("null", "(null)", "n/a", "#n/a", "na", "none", "nan", "nil", "-", "--", "?", "\\n"),
    *("9999-12-31", "9999-12-31 00:00:00", "2999-12-31", "31.12.9999", "31/12/9999", "12/31/9999"),
    *("0000-00-00", "0000-00-00 00:00:00"),
)
_COPY = re.compile(r"[\W_]*(copy|kopie|copie|copia|\(\d+\))+$")


def write_starter_study(folder: str | Path) -> Path:
    r"""Write a first ``study.toml`` for the data files of a folder.

    Tables and columns are guessed by name and by the first 200 rows. What cannot be known is a comment marked
    ``TODO`` (the data cut, the direction of an effort scale, dates with two readings), and until it is
    decided the study is refused with a message that says so. Files that could not be read or placed are named
    in comments too, with the reason.

    Parameters
    ----------
    folder : str or Path
        Where the files are; subfolders are not looked into.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    StudyError
        If the folder is missing, holds no data file, or already has a ``study.toml``, which is never
        overwritten.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "accounts.csv").write_text("account_id,signup_date\na,2024-01-05\n")
    ...     text = write_starter_study(folder).read_text()
    >>> print(text[text.index("[[sources]]") :].strip())
    [[sources]]
    table = "customers"
    file = "accounts.csv"
    [sources.columns]
    customer_id = "account_id"
    started_at = "signup_date"
    # ended_at = ""
    """
    return start_study(folder).path


def start_study(folder: str | Path, *, until: str = "") -> StarterChoices:
    """Write a first ``study.toml`` as `write_starter_study` does, and return what was chosen for each file.

    Parameters
    ----------
    folder : str or Path
        Where the files are.
    until : str
        The day up to which the data are complete, if it is known: ``2024-12-31``.

    Raises
    ------
    StudyError
        As `write_starter_study`, or if ``until`` is no day.
    """
    folder = Path(folder)
    target = folder / "study.toml"
    if until:
        read_cut(until, "UTC", "--until")
    if not folder.is_dir():
        raise StudyError(
            f"{shown(folder.name)} is a file"
            if folder.exists()
            else f"there is no folder {shown(folder.name)}",
            where=str(folder),
            wanted="the folder that holds the data files",
        )
    if target.exists():
        raise StudyError(
            "there is a study.toml already; it is not overwritten",
            where=str(folder),
            next_step="edit it, or move it away",
        )
    files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    skipped = [f"{printable(file.name)}: {reason}" for file in files if (reason := _passed_over(file))]
    looks: list[RawLook] = []
    for file in files:
        if not _passed_over(file) and _plain_name(file).endswith(_DATA):
            _look_into(file, looks, skipped)
    if not looks and not skipped:
        raise StudyError(
            "there is no data file here", where=str(folder), wanted=f"a file in {', '.join(_DATA)}"
        )
    if not looks:
        raise StudyError(
            "there is no data file here that can be read",
            where=f"{folder}: {'; '.join(skipped[:5])}",
            wanted=f"a file in {', '.join(_DATA)}",
        )
    looks = with_shared_ids(looks)
    looks = [_same_name(look, looks[:position]) for position, look in enumerate(looks)]
    general = [look for look in looks if look.guess.table == "revenue" and not look.export]
    facts = {look.name: revenue_facts(look, target) for look in general}
    name = printable(folder.resolve().name)
    text = snapshot_text(name, looks, skipped)
    if not text:
        text = study_text(name, looks, skipped, facts, until=until)
    text = with_settled_ends(text, target)
    target.write_text(text, encoding="utf-8")
    blocks = {look.name: file_text(look, facts.get(look.name, RevenueFacts())) for look in looks}
    return choices_of(target, text, looks, blocks, skipped)


def _plain_name(file: Path) -> str:
    return file.name.lower().removesuffix(".gz")


def _same_name(look: RawLook, before: list[RawLook]) -> RawLook:
    """Mark a file that may hold the rows of one before it: a copy, or the same in another format."""
    twins = [other for other in before if _stem(other) == _stem(look) and other.raw != look.raw]
    copies = [other for other in before if _same_bytes(other, look)]
    if look.raw.duckdb_table or look.raw.sqlite_table or look.raw.sheet or not (twins or copies):
        return look
    return replace(look, twin=(copies or twins)[0].name, same=bool(copies))


def _same_bytes(first: RawLook, second: RawLook) -> bool:
    if first.raw.path is None or second.raw.path is None or first.raw.path == second.raw.path:
        return False
    if first.raw.path.stat().st_size != second.raw.path.stat().st_size:
        return False
    return filecmp.cmp(first.raw.path, second.raw.path, shallow=False)


def _stem(look: RawLook) -> str:
    plain = look.raw.declared.lower().removesuffix(".gz").rsplit(".", 1)[0]
    return _COPY.sub("", plain)


def _passed_over(file: Path) -> str:
    """Say why a file that seems to hold data is not looked into; empty for the others."""
    reason = unread_reason(file.name)
    if reason:
        return reason
    if not _plain_name(file).endswith(_DATA):
        return ""
    unreadable = any("\ud800" <= letter <= "\udfff" for letter in file.name)
    return only_if(unreadable, "its name is not UTF-8: rename it")


def _look_into(file: Path, looks: list[RawLook], skipped: list[str]) -> None:
    """Add what a file holds, or why it could not be read."""
    try:
        inputs = list(_inputs(file))
    except StudyError as error:
        skipped.append(f"{printable(file.name)}: {_reason(error)}")
        return
    for raw in inputs:
        inner = raw.duckdb_table or raw.sqlite_table
        name = file.name + only_if(inner, f", table {inner}") + only_if(raw.sheet, f", sheet {raw.sheet}")
        try:
            looks.append(_look_at(raw, name))
        except StudyError as error:
            skipped.append(f"{printable(name)}: {_reason(error)}")


def _reason(error: StudyError) -> str:
    return error.problem + only_if(error.next_step, f"; {error.next_step}")


def _inputs(file: Path) -> Iterator[RawInput]:
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


def _look_at(raw: RawInput, name: str) -> RawLook:
    connection = connect()
    try:
        table = open_input(connection, raw, {})
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
