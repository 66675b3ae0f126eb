"""The text of a first study.toml: what was recognised as keys, what is to be decided as comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cxresearch.data.raw_names import snake
from cxresearch.data.readers.column_sql import is_iso
from cxresearch.data.starter.guess_table import Guess, instrument_in_name
from cxresearch.data.starter.starter_columns import column_lines, is_number, is_plain_number
from cxresearch.data.starter.starter_revenue import level_lines, subscription_source
from cxresearch.data.starter.survey_columns import point_of, question_lines
from cxresearch.data.starter.toml_text import key, printable, toml
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.data.table_layouts import LAYOUTS, TableLayout
from cxresearch.wording import listed, shown

_PERSONAL = ("email", "name", "phone", "address", "url")
_REASON = re.compile(
    r"(^|_)(cancel|churn|leav|left|exit|end|terminat)\w*_(reason|cause|type|kind)s?$"
    r"|(kundigungs|austritts)grund|(^|_)(motif|motivo)(_|$)|理由"
)
_STANDARD = {"nps": "nps", "csat": "csat"}
_TABLES = "customers, responses, revenue, tickets, usage, orders or events"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file, how to read it, its first rows and what it may be.

    Attributes
    ----------
    raw : RawInput
        The file, or the table within it.
    name : str
        For comments.
    sample : mapping of str to list of str
        First values of each column, empty ones left out.
    rows : int
        How many rows were looked at.
    guess : Guess
        What it may feed.
    odd : mapping of str to (str, str)
        Columns right by their name whose values are not: by column of the table, the raw column and a value.
    labels : mapping of str to list of str
        All values of the columns that hold answers in words, or name the instrument.
    nested : tuple of str
        Columns of lists, records or bytes.
    missing : tuple of str
        Texts that stand for no value.
    twin : str
        A file before it that may hold the same rows.
    outcomes : tuple of str
        Columns that state or know who left.
    remarks : mapping of str to str
        What is asked about a column of the table, by its name there.
    """

    raw: RawInput
    name: str
    sample: Mapping[str, list[str]]
    rows: int
    guess: Guess
    odd: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    labels: Mapping[str, list[str]] = field(default_factory=dict)
    nested: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    twin: str = ""
    outcomes: tuple[str, ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)


def study_text(name: str, found: list[Found], skipped: list[str]) -> str:
    """Return the study file.

    Parameters
    ----------
    name : str
        Of the study.
    found : list of Found
        Files that could be read.
    skipped : list of str
        Those that could not, each with the reason.
    """
    sources: list[str] = []
    instruments: dict[str, list[str]] = {}
    for position, one in enumerate(found, start=1):
        if not one.guess.table:
            sources.append(_unplaced_text(one))
            continue
        sources.append(_source_text(one, one.guess.table, position))
        if one.guess.table != "responses" and one.guess.scores:
            sources.append(_source_text(one, "responses"))
        instruments |= _instruments(one)
    latest = max((_latest(one) for one in found), default="")
    head = [
        "# A first study file, written from what was found. Decide every TODO, then run: cxresearch check .",
        "# All keys are explained in docs/study-file.md.",
        "",
        "[study]",
        f"name = {toml(name)}",
        "# TODO the day up to which the data are complete; without it nothing can be censored"
        + (f" (latest time seen in the first rows: {latest})" if latest else ""),
        "# observed_until = " + (latest or "2024-12-31"),
        'timezone = "UTC"  # TODO the zone of clock times written without an offset',
        '# currency = "EUR"',
        "",
        "[instruments]",
        *[line for key, values in instruments.items() for line in _instrument_lines(key, values)],
        "",
        *(f"# not read: {printable(line)}" for line in skipped),
    ]
    return "\n".join(head) + "\n" + "\n".join(sources)


def _unplaced_text(one: Found) -> str:
    names = ", ".join(shown(column) for column in one.guess.further[:8])
    return "\n".join(
        (
            f"# not placed: {printable(one.name)} (columns {names})",
            f"# TODO leave it out, or say what it is: a table ({_TABLES}) and its columns",
            "# [[sources]]",
            '# table = ""',
            *(f"# {line}" for line in _reader_lines(one.raw)),
            "# [sources.columns]",
            '# customer_id = ""\n',
        )
    )


def _instruments(one: Found) -> dict[str, list[str]]:
    """Instruments that a file speaks of, each with the answers seen."""
    asked = {key: one.sample[raw] for key, raw in one.guess.scores.items()}
    asked |= {key: [] for key in one.guess.worded}
    if one.guess.table == "responses" and "instrument" in one.guess.columns:
        column = one.guess.columns["instrument"]
        asked |= {kind: [] for kind in one.labels.get(column, [])[:12]}
    elif one.guess.table == "responses" and not asked:
        spoken = instrument_in_name(one.name)
        asked |= {spoken: []} if spoken else {}
    return asked


def _instrument_lines(name: str, values: list[str]) -> list[str]:
    plain = key(name)
    if name.lower() in _STANDARD:
        return [f'{plain} = "{_STANDARD[name.lower()]}"']
    numbers = [answer for answer in map(point_of, values) if answer is not None]
    seen = f" (answers seen: {min(numbers)} to {max(numbers)})" if numbers else ""
    if name.lower() == "ces":
        return [
            f"# TODO which wording was asked{seen}: ces1 is 1 to 5, 'how much effort', low is good;",
            "# ces2 is 1 to 7, 'made it easy', high is good. It is never inferred.",
            f'# {plain} = "ces2"',
        ]
    return [
        f"# TODO what is asked in {toml(name)}, on which scale, and which end is good{seen}",
        f'# {plain} = {{ low = 1, high = 5, direction = "high_is_good" }}',
    ]


def _reader_lines(raw: RawInput) -> list[str]:
    lines = [f"file = {toml(raw.declared)}"]
    if raw.duckdb_table:
        lines.append(f"duckdb_table = {toml(raw.duckdb_table)}")
    if raw.delimiter:
        lines.append(f"delimiter = {toml(raw.delimiter)}")
    if raw.encoding != "utf-8":
        lines.append(f'encoding = "{raw.encoding}"')
    if raw.header_row > 1:
        lines.append(f"header_row = {raw.header_row}")
    if raw.skip_rows:
        lines.append(f"skip_rows = {raw.skip_rows}  # further header rows")
    return lines


def _source_text(one: Found, table: str, position: int = 0) -> str:
    layout, after = LAYOUTS[table], ""
    if table == "revenue":
        with_sql = subscription_source(one.guess, one.sample, _reader_lines(one.raw), position)
        if with_sql and not with_sql.splitlines()[-1].startswith("#"):
            return with_sql
        after = with_sql
    lines = ["[[sources]]", f'table = "{table}"', *_reader_lines(one.raw)]
    if one.twin:
        twin = printable(one.twin)
        lines.insert(
            0, f"# TODO if this file holds the rows of {twin} again, leave one out: they would count twice"
        )
    if one.missing:
        lines.append(f"missing = [{', '.join(map(toml, one.missing))}]  # TODO check: read as no value")
    columns = dict(one.guess.columns) if table == one.guess.table else _score_source_columns(one)
    scored = table == "responses" and bool(one.guess.survey or one.guess.worded)
    if table == "revenue":
        columns, more = level_lines(columns, one.guess)
        lines += more
    lines.append("[sources.columns]")
    for target in layout.required:
        if target in columns:
            lines += _mapped(one, target, columns.pop(target), layout)
        elif not (scored and target in ("instrument", "score")):
            lines += _required_lines(one, target)
    for target, column in columns.items():
        lines += _mapped(one, target, column, layout)
    lines += [
        line
        for target in one.odd
        if target not in layout.required and table == one.guess.table
        for line in _odd_lines(one, target)
    ]
    if table == "customers":
        lines += _customer_lines(one)
    if scored:
        lines = _with_scores(one, lines)
    derived = {column.column for column in one.guess.survey.derived}
    further = [
        c
        for c in one.guess.further
        if c not in derived and not (table == "customers" and _is_segment(one, c))
    ]
    further = [
        c for c in further if c not in columns.values() and c not in {raw for raw, _ in one.odd.values()}
    ]
    if (further or one.nested) and table == one.guess.table:
        lines.append(f"# not used: {listed([*further, *one.nested])}")
    return "\n".join(lines) + "\n" + after


def _mapped(one: Found, target: str, column: str, layout: TableLayout) -> list[str]:
    asked = [f"# TODO {one.remarks[target]}"] if target in one.remarks else []
    return [*asked, *column_lines(target, column, one.sample[column], layout.kind(target))]


def _customer_lines(one: Found) -> list[str]:
    """The end of a relation where none was found, its kind, and the segments, each under a key of its own."""
    lines = ['# ended_at = ""'] if "ended_at" not in {**one.guess.columns, **one.odd} else []
    if "end_kind" not in one.guess.columns:
        lines += _reason_lines(one)
    reasons = [column for column in one.outcomes if _REASON.search(snake(column))]
    outcomes = [column for column in one.outcomes if column not in reasons]
    if outcomes:
        lines.append(f"# TODO no segments, for they know who left: {listed(outcomes)}; is one the end_kind?")
    taken = set(LAYOUTS["customers"].columns)
    for column in one.guess.further:
        if _is_segment(one, column):
            name = plain = snake(column) or "segment"
            again = 2
            while name in taken:
                name, again = f"{plain}_{again}", again + 1
            taken.add(name)
            lines.append(f"{key(name)} = {toml(column)}")
    return lines


def _with_scores(one: Found, lines: list[str]) -> list[str]:
    """Add the scores of a wide file, and ask what an empty cell means if there is one."""
    scores = one.guess.scores
    blank = any(len(one.sample[column]) < one.rows for column in scores.values())
    if blank or any(column.odd for column in one.guess.survey.scores.values()):
        lines.insert(
            lines.index("[sources.columns]"),
            'blank_scores = "reject"  # TODO "not_asked" if an empty cell means nobody was asked',
        )
    lines = [*lines, "[sources.scores]"]
    for name, column in scores.items():
        lines += _score_lines(name, column, one.labels.get(column, []))
    for name, columns in one.guess.survey.asked.items():
        lines += question_lines(name, columns)
    for name, column in one.guess.worded.items():
        answers_to_name = ", ".join(f"{toml(label)} = ..." for label in one.labels.get(column, []))
        lines += [
            f"# TODO {shown(column)} holds words: which number is each?",
            f"# {key(name)} = {{ column = {toml(column)}, values = {{ {answers_to_name} }} }}",
        ]
    for other in one.guess.survey.derived:
        lines.append(f"# no answers by its name: {shown(other.column)} ({other.seen})")
    return lines


def _score_lines(name: str, column: str, labels: list[str]) -> list[str]:
    """The key of one score: its labels with their numbers, and the texts that are no answer."""
    points: dict[str, int] = {}
    odd = []
    for label in labels:
        point = point_of(label)
        if point is None:
            odd.append(label)
        elif not is_plain_number(label):
            points[label] = point
    options = [f"column = {toml(column)}"]
    if points:
        options.append(
            "values = { " + ", ".join(f"{toml(label)} = {n}" for label, n in points.items()) + " }"
        )
    if odd:
        options.append(f"missing = [{', '.join(map(toml, odd))}]")
    if len(options) == 1:
        return [f"{key(name)} = {toml(column)}"]
    line = f"{key(name)} = {{ {', '.join(options)} }}  # TODO check"
    if not odd:
        return [line]
    return [
        f"# TODO {listed(odd)} are no answers of a scale: are they no answer at all, as written below?",
        f"{line}: a row without an answer counts only where it was asked (sent_at) or is not_asked",
    ]


def _required_lines(one: Found, target: str) -> list[str]:
    spoken = instrument_in_name(one.name)
    if target == "instrument" and spoken:
        return [f'instrument = {{ constant = "{spoken}" }}  # TODO check: by the name of the file']
    if target == "instrument":
        return ["# TODO which instrument is this?", '# instrument = { constant = "nps" }']
    if target in one.odd:
        return _odd_lines(one, target)
    if target in one.remarks:
        return [f"# TODO {one.remarks[target]}", f'# {target} = ""']
    return [f"# TODO required: {target}", f'# {target} = ""']


def _odd_lines(one: Found, target: str) -> list[str]:
    column, value = one.odd[target]
    kind = "date" if LAYOUTS[one.guess.table].kind(target) == "time" else "number"
    return [
        f"# TODO {shown(column)} may be {target}, but holds {shown(value)}, which is no {kind} as it stands",
        f"# {target} = {toml(column)}",
    ]


def _score_source_columns(one: Found) -> dict[str, str]:
    """Of a file that feeds another table too: who answered, and when (the last time in the row)."""
    known = one.guess.columns
    times = [known[name] for name in ("resolved_at", "created_at") if name in known]
    found = {"customer_id": known["customer_id"]} if "customer_id" in known else {}
    return found | ({"responded_at": times[0]} if times else {})


def _reason_lines(one: Found) -> list[str]:
    """Why customers left is known only of those who left: the kind of churn perhaps, but never a segment."""
    lines = []
    for column in (c for c in one.guess.further if _REASON.search(snake(c)) and one.sample[c]):
        kinds = ", ".join(f"{toml(value)} = ..." for value in sorted(set(one.sample[column]))[:12])
        lines += [
            f"# TODO {shown(column)} is known only of who left, so no segment; which values are voluntary?",
            f"# end_kind = {{ column = {toml(column)}, values = {{ {kinds} }} }}",
        ]
    return lines


def _is_segment(one: Found, column: str) -> bool:
    values = one.sample[column]
    if column in one.outcomes:
        return False
    if any(word in snake(column) for word in _PERSONAL) or _REASON.search(snake(column)):
        return False
    few = len(set(values)) <= max(2, min(20, len(values) // 3))
    return bool(values) and few and not all(is_number(value) for value in values)


def _latest(one: Found) -> str:
    times = [
        value[:10]
        for target, column in one.guess.columns.items()
        if one.guess.table and LAYOUTS[one.guess.table].kind(target) == "time" and target != "due_at"
        for value in one.sample[column]
        if is_iso(value) and len(value) >= 10
    ]
    return max(times, default="")
