"""A first study.toml from the files of a folder: what was recognised, and what its owner has to decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxresearch.data.readers.column_sql import is_iso, is_nested
from cxresearch.data.readers.date_samples import suggested_format, two_readings
from cxresearch.data.readers.raw_inputs import ROW, connect, duckdb_tables, literal, open_input, quoted, run
from cxresearch.data.readers.text_files import guess_text_input
from cxresearch.data.starter.guess_table import LABELLED, Guess, guess_table
from cxresearch.data.starter.starter_columns import is_number, is_serial
from cxresearch.data.starter.starter_text import Found, study_text
from cxresearch.data.starter.toml_text import printable
from cxresearch.data.starter.trial_reading import with_settled_ends
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.errors import StudyError
from cxresearch.wording import shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PARQUET = (".parquet", ".pq")
_DUCKDB = (".duckdb", ".db", ".ddb")
_DATA = (".csv", ".tsv", ".tab", ".txt", *_PARQUET, *_DUCKDB)
_SAMPLE_ROWS = 200
#: Texts that often stand for no value.
_NO_VALUE = ("null", "(null)", "n/a", "#n/a", "na", "none", "nan", "nil", "-", "--", "?", "\\n")
_COPY = re.compile(r"[\W_]*(copy|kopie|copie|copia|\(\d+\))+$")
#: Kinds of files that hold data which are not read, and what to do about it.
_ELSEWHERE = {
    "a spreadsheet: save each sheet as CSV (UTF-8) or Parquet": (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"),
    "JSON: save it as CSV or Parquet, as with pandas.read_json(..., lines=True).to_parquet": (
        ".json",
        ".jsonl",
        ".ndjson",
    ),
    "an archive: unpack it first": (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst"),
    "of a kind that is not read: save it as CSV or Parquet": (
        ".sav",
        ".dta",
        ".sas7bdat",
        ".rds",
        ".rdata",
        ".feather",
        ".arrow",
        ".avro",
        ".orc",
        ".pkl",
        ".sqlite",
        ".sqlite3",
        ".xml",
    ),
}


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
    folder = Path(folder)
    target = folder / "study.toml"
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
    found: list[Found] = []
    for file in files:
        if not _passed_over(file) and _plain_name(file).endswith(_DATA):
            _look_into(file, found, skipped)
    if not found and not skipped:
        raise StudyError(
            "there is no data file here", where=str(folder), wanted=f"a file in {', '.join(_DATA)}"
        )
    if not found:
        raise StudyError(
            "there is no data file here that can be read",
            where=f"{folder}: {'; '.join(skipped[:5])}",
            wanted=f"a file in {', '.join(_DATA)}",
        )
    found = [_same_name(one, found[:position]) for position, one in enumerate(found)]
    text = study_text(printable(folder.resolve().name), found, skipped)
    target.write_text(with_settled_ends(text, target), encoding="utf-8")
    return target


def _plain_name(file: Path) -> str:
    return file.name.lower().removesuffix(".gz")


def _same_name(one: Found, before: list[Found]) -> Found:
    """Mark a file that may hold the rows of one before it: a copy, or the same in another format."""
    twins = [other.name for other in before if _stem(other) == _stem(one) and other.raw != one.raw]
    return replace(one, twin=twins[0]) if twins and not one.raw.duckdb_table else one


def _stem(one: Found) -> str:
    plain = one.raw.declared.lower().removesuffix(".gz").rsplit(".", 1)[0]
    return _COPY.sub("", plain)


def _passed_over(file: Path) -> str:
    """Say why a file that seems to hold data is not looked into; empty for the others."""
    for reason, kinds in _ELSEWHERE.items():
        if _plain_name(file).endswith(kinds):
            return reason
    if not _plain_name(file).endswith(_DATA):
        return ""
    unreadable = any("\ud800" <= letter <= "\udfff" for letter in file.name)
    return "its name is not UTF-8: rename it" if unreadable else ""


def _look_into(file: Path, found: list[Found], skipped: list[str]) -> None:
    """Add what a file holds, or why it could not be read."""
    try:
        inputs = list(_inputs(file))
    except StudyError as error:
        skipped.append(f"{printable(file.name)}: {_reason(error)}")
        return
    for raw in inputs:
        name = f"{file.name}, table {raw.duckdb_table}" if raw.duckdb_table else file.name
        try:
            found.append(_look_at(raw, name))
        except StudyError as error:
            skipped.append(f"{printable(name)}: {_reason(error)}")


def _reason(error: StudyError) -> str:
    return error.problem + (f"; {error.next_step}" if error.next_step else "")


def _inputs(file: Path) -> Iterator[RawInput]:
    raw = RawInput(name="raw", path=file, declared=file.name)
    if file.name.lower().endswith(_DUCKDB):
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


def _look_at(raw: RawInput, name: str) -> Found:
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
        guess = guess_table(raw.duckdb_table.rsplit(".", 1)[-1] or raw.declared, sample)
        named = {guess.columns["instrument"]} if "instrument" in guess.columns else set()
        asked = {*named, *guess.worded.values()}
        asked |= {raw for raw in guess.scores.values() if any(map(LABELLED.fullmatch, sample[raw]))}
        labels = {column: _labels(connection, table.view, column, name) for column in sorted(asked)}
    finally:
        connection.close()
    times = {name for name, kind in table.types.items() if kind == "DATE" or kind.startswith("TIMESTAMP")}
    guess, odd = _plausible(guess, sample, times)
    nested = tuple(column for column in table.types if column not in sample)
    return Found(
        raw=raw,
        name=name,
        sample=sample,
        rows=len(rows),
        guess=guess,
        odd=odd,
        labels=labels,
        nested=nested,
        missing=missing,
    )


def _without_markers(sample: dict[str, list[str]]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Leave out texts such as N/A where all else is a number, a date or an answer; say which they were."""
    found: dict[str, None] = {}
    kept = {}
    for column, values in sample.items():
        others = [value for value in values if value.lower() not in _NO_VALUE]
        regular = all(
            is_number(v) or is_iso(v) or suggested_format(v) or two_readings(v) or LABELLED.fullmatch(v)
            for v in others
        )
        kept[column] = others if others and regular else values
        if others and regular:
            found |= {value: None for value in values if value.lower() in _NO_VALUE}
    return kept, tuple(found)


def _labels(connection: DuckDBPyConnection, view: str, column: str, name: str) -> list[str]:
    """All answers of a column that are words: those of the whole file, for the map must list them all."""
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
    kept, odd = {}, {}
    for target, raw in guess.columns.items():
        values, kind = sample[raw], LAYOUTS[guess.table].kind(target)
        if kind == "time" and raw not in times:
            fits = any(is_iso(v) or suggested_format(v) or two_readings(v) or is_serial(v) for v in values)
        else:
            fits = kind != "number" or any(is_number(v) for v in values)
        if fits or not values:
            kept[target] = raw
        else:
            odd[target] = (raw, values[0])
    used = {*kept.values(), *guess.scores.values(), *guess.worded.values()}
    further = tuple(name for name in sample if name not in used)
    return Guess(
        table=guess.table, columns=kept, scores=guess.scores, worded=guess.worded, further=further
    ), odd
