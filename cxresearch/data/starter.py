"""A first study.toml from the files of a folder: what was recognised, and what its owner has to decide."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from cxresearch.data.date_samples import suggested_format, two_readings
from cxresearch.data.declared import RawInput
from cxresearch.data.guesses import Guess, guess_table, instrument_in_name, snake
from cxresearch.data.mapping import is_iso
from cxresearch.data.readers import ROW, connect, open_input, quoted, run
from cxresearch.data.tables import LAYOUTS
from cxresearch.data.text_files import guess_text_input
from cxresearch.data.wording import listed, shown
from cxresearch.errors import StudyError

_DATA = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq")
_SAMPLE_ROWS = 200
_PERSONAL = ("email", "name", "phone", "address", "url")
_REASON = re.compile(r"(^|_)(cancel|churn|leav|left|exit|end|terminat)\w*_(reason|cause|type|kind)s?$")
_STANDARD = {"nps": "nps", "csat": "csat"}


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A file, how to read it, its first rows and what it may be."""

    raw: RawInput
    sample: dict[str, list[str]]
    rows: int
    guess: Guess


def write_starter_study(folder: str | Path) -> Path:
    r"""Write a first ``study.toml`` for the data files of a folder.

    Tables and columns are guessed by name and by the first 200 rows. What cannot be known is a comment marked
    ``TODO`` (the data cut, the direction of an effort scale, dates with two readings), and until it is
    decided the study is refused with a message that says so.

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
        raise StudyError(f"there is no folder {shown(folder.name)}", where=str(folder))
    if target.exists():
        raise StudyError(
            "there is a study.toml already; it is not overwritten",
            where=str(folder),
            next_step="edit it, or move it away",
        )
    files = sorted(one for one in folder.iterdir() if one.is_file() and _is_data(one))
    if not files:
        raise StudyError(
            "there is no data file here", where=str(folder), wanted=f"a file in {', '.join(_DATA)}"
        )
    found, skipped = [], []
    for file in files:
        try:
            found.append(_look_at(file))
        except StudyError as error:
            skipped.append(f"# not read: {file.name}: {error.problem}")
    text = _study_text(folder.resolve().name, found, skipped)
    target.write_text(text, encoding="utf-8")
    return target


def _is_data(file: Path) -> bool:
    name = file.name.removesuffix(".gz").lower()
    return not name.startswith(".") and name.endswith(_DATA)


def _look_at(file: Path) -> _Found:
    raw = RawInput(name="raw", path=file, declared=file.name)
    if not file.name.lower().endswith((".parquet", ".pq")):
        raw = guess_text_input(file)
    connection = connect()
    try:
        table = open_input(connection, raw, {})
        columns = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in table.types)
        query = f"SELECT {columns} FROM {quoted(table.view)} ORDER BY {ROW} LIMIT {_SAMPLE_ROWS}"  # noqa: S608
        rows = run(connection, query, file.name)
    finally:
        connection.close()
    sample = {
        name: [str(row[i]).strip() for row in rows if row[i] is not None and str(row[i]).strip()]
        for i, name in enumerate(table.types)
    }
    guess = guess_table(file.name, sample)
    times = {name for name, kind in table.types.items() if kind == "DATE" or kind.startswith("TIMESTAMP")}
    return _Found(raw=raw, sample=sample, rows=len(rows), guess=_plausible(guess, sample, times))


def _plausible(guess: Guess, sample: dict[str, list[str]], times: set[str]) -> Guess:
    """Drop a column guessed to be a time or a number if its values look nothing like one."""
    if not guess.table:
        return guess
    kept = {}
    for target, raw in guess.columns.items():
        values, kind = sample[raw], LAYOUTS[guess.table].kind(target)
        if kind == "time" and raw not in times:
            fits = any(is_iso(v) or suggested_format(v) or two_readings(v) for v in values)
        else:
            fits = kind != "number" or any(v.replace(",", ".").replace(".", "", 1).isdigit() for v in values)
        if fits or not values:
            kept[target] = raw
    used = {*kept.values(), *guess.scores.values()}
    further = tuple(name for name in sample if name not in used)
    return Guess(table=guess.table, columns=kept, scores=guess.scores, further=further)


def _study_text(name: str, found: list[_Found], skipped: list[str]) -> str:
    sources: list[str] = []
    instruments: dict[str, list[str]] = {}
    for one in found:
        if not one.guess.table:
            names = ", ".join(shown(column) for column in one.guess.further[:8])
            sources.append(f"# not placed: {one.raw.declared} (columns {names})\n")
            continue
        sources.append(_source_text(one, one.guess.table))
        if one.guess.table != "responses" and one.guess.scores:
            sources.append(_source_text(one, "responses"))
        instruments |= {key: one.sample[raw] for key, raw in one.guess.scores.items()}
        if one.guess.table == "responses" and "instrument" in one.guess.columns:
            kinds = one.sample[one.guess.columns["instrument"]]
            instruments |= {kind: [] for kind in sorted(set(kinds))[:12]}
        elif one.guess.table == "responses" and not one.guess.scores:
            spoken = instrument_in_name(one.raw.declared)
            instruments |= {spoken: []} if spoken else {}
    latest = max((_latest(one) for one in found), default="")
    head = [
        "# A first study file, written from what was found. Decide every TODO, then run: cxresearch check .",
        "# All keys are explained in docs/study-file.md.",
        "",
        "[study]",
        f"name = {_toml(name)}",
        "# TODO the day up to which the data are complete; without it nothing can be censored"
        + (f" (latest time seen in the first rows: {latest})" if latest else ""),
        "# observed_until = " + (latest or "2024-12-31"),
        'timezone = "UTC"  # TODO the zone of clock times written without an offset',
        '# currency = "EUR"',
        "",
        "[instruments]",
        *[line for key, values in instruments.items() for line in _instrument_lines(key, values)],
        "",
        *skipped,
    ]
    return "\n".join(head) + "\n" + "\n".join(sources)


def _instrument_lines(name: str, values: list[str]) -> list[str]:
    key = _key(name)
    if name.lower() in _STANDARD:
        return [f'{key} = "{_STANDARD[name.lower()]}"']
    numbers = [int(value) for value in values]
    seen = f" (answers seen: {min(numbers)} to {max(numbers)})" if numbers else ""
    if name.lower() == "ces":
        return [
            f"# TODO which wording was asked{seen}: ces1 is 1 to 5, 'how much effort', low is good;",
            "# ces2 is 1 to 7, 'made it easy', high is good. It is never inferred.",
            f'# {key} = "ces2"',
        ]
    return [
        f"# TODO what is asked in {_toml(name)}, on which scale, and which end is good{seen}",
        f'# {key} = {{ low = 1, high = 5, direction = "high_is_good" }}',
    ]


def _source_text(one: _Found, table: str) -> str:
    raw, layout = one.raw, LAYOUTS[table]
    lines = ["[[sources]]", f'table = "{table}"', f"file = {_toml(raw.declared)}"]
    if raw.delimiter:
        lines.append(f"delimiter = {_toml(raw.delimiter)}")
    if raw.encoding != "utf-8":
        lines.append(f'encoding = "{raw.encoding}"')
    if raw.header_row > 1:
        lines.append(f"header_row = {raw.header_row}")
    if raw.skip_rows:
        lines.append(f"skip_rows = {raw.skip_rows}  # further header rows")
    columns = dict(one.guess.columns) if table == one.guess.table else _score_source_columns(one)
    scores = one.guess.scores if table == "responses" else {}
    lines.append("[sources.columns]")
    for target in layout.required:
        if target in columns:
            lines += _column_lines(one, target, columns.pop(target), layout.kind(target) == "time")
        elif not (scores and target in ("instrument", "score")):
            lines += _required_lines(one, target)
    for target, column in columns.items():
        lines += _column_lines(one, target, column, layout.kind(target) == "time")
    if table == "customers":
        if "ended_at" not in columns and "ended_at" not in one.guess.columns:
            lines.append('# ended_at = ""')
        if "end_kind" not in columns:
            lines += _reason_lines(one)
        lines += [f"{_key(snake(c))} = {_toml(c)}" for c in one.guess.further if _is_segment(one, c)]
    if scores:
        if any(len(one.sample[column]) < one.rows for column in scores.values()):
            lines.insert(
                lines.index("[sources.columns]"),
                'blank_scores = "reject"  # TODO "not_asked" if an empty cell means nobody was asked',
            )
        lines += ["[sources.scores]", *(f"{_key(key)} = {_toml(column)}" for key, column in scores.items())]
    further = [c for c in one.guess.further if not (table == "customers" and _is_segment(one, c))]
    if further and table == one.guess.table:
        lines.append(f"# not used: {listed(further)}")
    return "\n".join(lines) + "\n"


def _required_lines(one: _Found, target: str) -> list[str]:
    spoken = instrument_in_name(one.raw.declared)
    if target == "instrument" and spoken:
        return [f'instrument = {{ constant = "{spoken}" }}  # TODO check: by the name of the file']
    if target == "instrument":
        return ["# TODO which instrument is this?", '# instrument = { constant = "nps" }']
    return [f"# TODO required: {target}", f'# {target} = ""']


def _score_source_columns(one: _Found) -> dict[str, str]:
    """Of a file that feeds another table too: who answered, and when (the last time in the row)."""
    known = one.guess.columns
    times = [known[name] for name in ("resolved_at", "created_at") if name in known]
    found = {"customer_id": known["customer_id"]} if "customer_id" in known else {}
    return found | ({"responded_at": times[0]} if times else {})


def _column_lines(one: _Found, target: str, column: str, is_time: bool) -> list[str]:
    plain = f"{_key(target)} = {_toml(column)}"
    values = one.sample[column]
    if target == "mrr" and "mrr" not in snake(column) and "month" not in snake(column):
        return [
            f"{plain}  # TODO is this the amount of one month? if not: {{ column = ..., multiply = ... }}"
        ]
    if not is_time or all(is_iso(value) for value in values):
        return [plain]
    formats = {suggested_format(value) for value in values if not is_iso(value)} - {""}
    unclear = next((value for value in values if two_readings(value)), "")
    if unclear and len(formats) != 1:
        day_first, month_first = two_readings(unclear) or ("", "")
        return [
            f"# TODO {shown(unclear)} is {day_first} or {month_first}: declare its date_format",
            plain,
        ]
    if len(formats) == 1:
        note = "  # TODO check: the only format that all of the first rows fit" if unclear else ""
        return [
            f"{_key(target)} = {{ column = {_toml(column)}, date_format = {_toml(formats.pop())} }}{note}"
        ]
    return [f"# TODO declare its date_format; the first value is {shown(values[0])}", plain]


def _reason_lines(one: _Found) -> list[str]:
    """Why customers left is known only of those who left: the kind of churn perhaps, but never a segment."""
    lines = []
    for column in (c for c in one.guess.further if _REASON.search(snake(c)) and one.sample[c]):
        kinds = ", ".join(f"{_toml(value)} = ..." for value in sorted(set(one.sample[column]))[:12])
        lines += [
            f"# TODO {shown(column)} is known only of who left, so no segment; which values are voluntary?",
            f"# end_kind = {{ column = {_toml(column)}, values = {{ {kinds} }} }}",
        ]
    return lines


def _is_segment(one: _Found, column: str) -> bool:
    values = one.sample[column]
    if any(word in snake(column) for word in _PERSONAL) or _REASON.search(snake(column)):
        return False
    few = len(set(values)) <= max(2, min(20, len(values) // 3))
    return bool(values) and few and not all(value.replace(".", "", 1).isdigit() for value in values)


def _latest(one: _Found) -> str:
    times = [
        value[:10]
        for target, column in one.guess.columns.items()
        if one.guess.table and LAYOUTS[one.guess.table].kind(target) == "time" and target != "due_at"
        for value in one.sample[column]
        if is_iso(value) and len(value) >= 10
    ]
    return max(times, default="")


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isalnum() and plain.isascii() else _toml(name)


def _toml(text: str) -> str:
    """A basic TOML string; JSON escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
