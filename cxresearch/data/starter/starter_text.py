"""The text of a first study.toml: what was recognised as keys, what is to be decided as comments."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cxresearch.data.formats.export_text import export_lines, instrument_scales, left_out_text
from cxresearch.data.formats.recognise_export import Recognised
from cxresearch.data.formats.settled_cut import settled_cut
from cxresearch.data.readers.cells.time_sql import is_iso
from cxresearch.data.starter.guess_table import guess_snapshot, synonyms
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.starter.score_columns import instrument_in_name
from cxresearch.data.starter.starter_columns import column_lines, is_dated, is_number, is_time, snapshot_lines
from cxresearch.data.starter.starter_revenue import RevenueFacts, RevenueLines, revenue_lines
from cxresearch.data.starter.starter_survey import faces_source, instrument_lines, instruments_of, with_scores
from cxresearch.data.starter.toml_text import key, printable, toml
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import ENDS, names_outcome, snake
from cxresearch.data.validation.row_rules import DATED_BY
from cxresearch.wording import listed, only_if, shown

_REASON = re.compile(
    r"(^|_)(cancel|churn|leav|left|exit|end|terminat)\w*_(reason|cause|type|kind)s?$"
    r"|(kundigungs|austritts)grund|(^|_)(motif|motivo)(_|$)|理由"
)
_TABLES = "customers, responses, revenue, tickets, usage, orders or events"
_NO_FACTS = RevenueFacts()
_TARGETS = ("nps = 40", 'sla_attainment = "90 %"')


def study_text(
    name: str,
    looks: list[RawLook],
    skipped: list[str],
    facts: Mapping[str, RevenueFacts] | None = None,
    *,
    until: str = "",
) -> str:
    """Return the study file.

    Parameters
    ----------
    name : str
        Of the study.
    looks : list of RawLook
        Files that could be read.
    skipped : list of str
        Those that could not, each with the reason.
    facts : mapping of str to RevenueFacts, optional
        What all rows of revenue files have shown, by name of the file.
    until : str
        The end of observation, if it was given.
    """
    sources = [file_text(look, (facts or {}).get(look.name, _NO_FACTS)) for look in looks]
    instruments: dict[str, list[str]] = {}
    for look in looks:
        if look.guess.table:
            instruments |= instruments_of(look)
    fixed: dict[str, str] = {}
    for look in looks:
        if look.guess.table and look.export:
            fixed |= instrument_scales(look.export)
    instruments = {name: values for name, values in instruments.items() if name not in fixed}
    cut, why = settled_cut(looks)
    latest = max((_latest(look) for look in looks), default="")
    seen = only_if(latest, f" (latest time seen in the first rows: {latest})")
    head = [
        "# A first study file, written from what was found. Decide every TODO, then run: cxresearch check .",
        "# All keys are explained in docs/study-file.md.",
        "",
        "[study]",
        f"name = {toml(name)}",
        *_cut_lines(until, cut, why, seen, latest),
        '# after_cut = "leave_out"  # if files go on after that day: rows after it are left out and counted',
        _zone_line(looks),
        '# currency = "EUR"',
        "",
        "[instruments]",
        *fixed.values(),
        *[line for name, values in instruments.items() for line in instrument_lines(name, values)],
        "",
        "# [targets]  # what figures of the scorecard should reach; it says met, missed, or cannot tell",
        *[f"# {target}" for target in _TARGETS],
        "",
        *(f"# not read: {printable(line)}" for line in skipped),
    ]
    return "\n".join(head) + "\n" + "\n".join(sources)


def snapshot_text(name: str, looks: list[RawLook], skipped: list[str]) -> str:
    """Return the study file of a single list of customers who have no start and no end; else empty."""
    look = looks[0]
    times = {column for column, values in look.sample.items() if any(map(is_dated, values))}
    sample = {column: values for column, values in look.sample.items() if column not in times}
    guess = guess_snapshot(sample)
    if len(looks) > 1 or guess is None or (times and look.guess.table):
        return ""
    head = [
        "# A first study file, written from what was found. Decide every TODO, then run: cxresearch check .",
        "# All keys are explained in docs/study-file.md.",
        "",
        "[study]",
        f"name = {toml(name)}",
        'kind = "snapshot"  # TODO check: who left is known, but not when; nobody can tell what came first',
        "",
        *(f"# not read: {printable(line)}" for line in skipped),
        *_head_lines(look, "customers"),
        "[sources.columns]",
        *snapshot_lines(sample, guess),
        *(f"# not used, a date that is no start and no end: {shown(column)}" for column in sorted(times)),
    ]
    return "\n".join(head) + "\n"


def _cut_lines(until: str, cut: str, why: str, seen: str, latest: str) -> list[str]:
    """The end of observation: as given, as exports settle it, or asked about."""
    if until:
        return [f"observed_until = {until}"]
    if cut:
        return [f"observed_until = {cut}  # TODO check: {why}"]
    return [
        "# TODO the day up to which the data are complete; without it nothing can be censored" + seen,
        *(f"# {line}" for line in (why,) if line),
        "# observed_until = " + (latest or "2024-12-31"),
    ]


def _zone_line(looks: list[RawLook]) -> str:
    """The zone of the study, asked about unless every file says its own."""
    said = [look.export.export.zone or look.zones for look in looks if look.guess.table and look.export]
    placed = [look for look in looks if look.guess.table]
    if placed and len(said) == len(placed) and all(said):
        return 'timezone = "UTC"  # of days and months; every file says its own zone of times'
    return 'timezone = "UTC"  # TODO the zone of clock times written without an offset'


def file_text(look: RawLook, facts: RevenueFacts) -> str:
    """Return what the study file says of one file: its sources, or why it has no place."""
    table = look.guess.table
    if look.export and look.export.left_out:
        return left_out_text(look, look.export)
    if not table:
        return _unplaced_text(look)
    if look.export:
        text = "\n".join(_export_lines(look, look.export)) + "\n"
    else:
        text = _general_text(look, facts)
    if look.same:
        text = "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
        twin = printable(look.twin)
        text = f"# the same as {twin} to the byte: left out, its rows would count twice\n{text}"
    return text


def _export_lines(look: RawLook, match: Recognised) -> list[str]:
    """The sources of a vendor's export, with segments of customers and what found no place."""
    extra: list[str] = []
    used = match.known()
    if look.guess.table == "customers":
        extra, columns = _customer_lines(look)
        used |= columns
    used |= {
        *look.guess.columns.values(),
        *look.guess.survey.scores.values(),
        *look.guess.survey.worded.values(),
    }
    used |= {column for columns in look.guess.survey.rivals.values() for column in columns}
    return [*export_lines(look, match, reader_lines(look.raw), extra), *_unused_lines(look, used)]


def _general_text(look: RawLook, facts: RevenueFacts) -> str:
    """The sources of a file of no known vendor."""
    lines = _source_lines(look, facts)
    lines += faces_source(look, reader_lines(look.raw))
    text = "\n".join(lines) + "\n"
    if look.guess.table != "responses" and look.guess.survey.scores:
        text += "\n" + "\n".join(_scores_beside(look)) + "\n"
    if look.resembles:
        lacking = listed(look.resembles.absent, most=4)
        text = (
            f"# TODO check: resembles {look.resembles.title}, without {lacking}: renamed, or cut off?\n{text}"
        )
    return text


def _unplaced_text(look: RawLook) -> str:
    names = ", ".join(shown(column) for column in look.guess.further[:8])
    return "\n".join(
        (
            f"# not placed: {printable(look.name)} (columns {names})",
            f"# TODO leave it out, or say what it is: a table ({_TABLES}) and its columns",
            "# [[sources]]",
            '# table = ""',
            *(f"# {line}" for line in reader_lines(look.raw)),
            "# [sources.columns]",
            '# customer_id = ""\n',
        )
    )


def reader_lines(raw: RawInput) -> list[str]:
    """Return the keys that say how a file is written."""
    lines = [f"file = {toml(raw.declared)}"]
    if raw.duckdb_table:
        lines.append(f"duckdb_table = {toml(raw.duckdb_table)}")
    if raw.sqlite_table:
        lines.append(f"sqlite_table = {toml(raw.sqlite_table)}")
    if raw.sheet:
        lines.append(f"sheet = {toml(raw.sheet)}")
    if raw.delimiter:
        lines.append(f"delimiter = {toml(raw.delimiter)}")
    if raw.encoding not in ("utf-8", "utf-16"):
        spoken = {"cp1252": "windows-1252"}.get(raw.encoding, raw.encoding)
        lines.append(f'encoding = "{spoken}"  # TODO check: by its letters')
    elif raw.encoding == "utf-16":
        lines.append('encoding = "utf-16"')
    if raw.header_row > 1:
        lines.append(f"header_row = {raw.header_row}")
    if raw.skip_rows:
        lines.append(f"skip_rows = {raw.skip_rows}  # further header rows")
    return lines


def _source_lines(look: RawLook, facts: RevenueFacts) -> list[str]:
    """One source, from its head to the columns that found no place."""
    table = look.guess.table
    head = _head_lines(look, table)
    if table == "revenue":
        revenue = revenue_lines(look.guess, look.sample, facts)
        lines = [*head, *revenue.before, "[sources.columns]", *revenue.columns]
        lines += _unused_lines(look, revenue.used)
        return [*lines, *_losses_source(look, revenue)]
    lines = [*head, *_rows_lines(look), "[sources.columns]"]
    used = set(look.guess.columns.values())
    for target in _required(look):
        lines += _required_lines(look, target)
    for target, column in look.guess.columns.items():
        if target not in _required(look):
            lines += _mapped(look, target, column)
    lines += [
        line for target in look.odd if target not in _required(look) for line in _odd_lines(look, target)
    ]
    lines += _time_remarks(look)
    if table == "customers" and not look.guess.rows:
        extra, columns = _customer_lines(look)
        lines += extra
        used |= columns
    if table == "responses" and look.guess.survey.found:
        lines = with_scores(look, lines)
        rivals = [column for columns in look.guess.survey.rivals.values() for column in columns]
        used |= {*look.guess.survey.scores.values(), *look.guess.survey.worded.values(), *rivals}
    return [*lines, *_unused_lines(look, used)]


def _head_lines(look: RawLook, table: str) -> list[str]:
    lines = ["[[sources]]", f'table = "{table}"', *reader_lines(look.raw)]
    if look.twin and not look.same:
        twin = printable(look.twin)
        lines.insert(
            0, f"# TODO if this file holds the rows of {twin} again, leave one out: they would count twice"
        )
    if look.missing:
        lines.append(f"missing = [{', '.join(map(toml, look.missing))}]  # TODO check: read as no value")
    lines += _where_lines(look)
    return lines


def _where_lines(look: RawLook) -> list[str]:
    """Rows left out, one condition a column, with what each leaves out."""
    found = [entry for entry in look.unwanted if entry.rows]
    if not found:
        return []
    conditions = ", ".join(f"{key(entry.column)} = {entry.condition}" for entry in found)
    said = "; ".join(f"{entry.rows:,} by {shown(entry.column)} ({entry.what})" for entry in found)
    return [f"# TODO check: where leaves out {said}", f"where = {{ {conditions} }}"]


def _rows_lines(look: RawLook) -> list[str]:
    if look.guess.rows == "leavers":
        return ['rows = "leavers"  # TODO check: a list of who left, which completes the customers']
    return []


def _losses_source(look: RawLook, revenue: RevenueLines) -> list[str]:
    """A second source of the same file, with the losses that are written as positive amounts."""
    if not revenue.twice:
        return []
    condition, factor = revenue.twice
    amount = toml(look.guess.columns["mrr"])
    columns = [line for line in revenue.columns if not line.startswith("mrr = ")]
    head = ["", "[[sources]]", 'table = "revenue"', *reader_lines(look.raw), 'rows = "movements"', condition]
    return [*head, "[sources.columns]", *columns, f"mrr = {{ column = {amount}, {factor} }}"]


def _required(look: RawLook) -> tuple[str, ...]:
    if look.guess.rows == "leavers":
        return ("customer_id", "ended_at")
    required = LAYOUTS[look.guess.table].required
    scored = look.guess.table == "responses" and look.guess.survey.found
    return tuple(target for target in required if not (scored and target in ("instrument", "score")))


def _required_lines(look: RawLook, target: str) -> list[str]:
    if target in look.guess.columns:
        lines = _mapped(look, target, look.guess.columns[target])
        if _is_of_a_load(look, target):
            return [f"# {line}" for line in lines]
        return lines
    if target in look.odd:
        return _odd_lines(look, target)
    return _asked_lines(look, target)


def _asked_lines(look: RawLook, target: str) -> list[str]:
    """What to ask, or to conclude, about a required column that the file does not have."""
    spoken = instrument_in_name(look.name)
    if target == "instrument" and spoken:
        return [f'instrument = {{ constant = "{spoken}" }}  # TODO check: by the name of the file']
    if target == "instrument":
        return ["# TODO which instrument is this?", '# instrument = { constant = "nps" }']
    if target == "ticket_id":
        return [
            "ticket_id = { row_number = true }  # TODO check: the file has no id, so each row is a ticket"
        ]
    if target == "customer_id" and look.guess.table == "customers":
        return ["# TODO required: customer_id; without one: { row_number = true }", '# customer_id = ""']
    return [f"# TODO required: {target}", f'# {target} = ""']


def _is_of_a_load(look: RawLook, target: str) -> bool:
    """Whether all times of the column that dates rows are of one day, while another column's are not."""
    if target != DATED_BY[look.guess.table] or look.guess.table == "customers":
        return False
    first, last = look.ranges.get(look.guess.columns[target], ("", ""))
    others = [look.ranges[column] for column in look.guess.further if column in look.ranges]
    return bool(first) and first == last and look.rows >= 5 and any(start != end for start, end in others)


def _mapped(look: RawLook, target: str, column: str) -> list[str]:
    kind = LAYOUTS[look.guess.table].kind(target)
    return _asked_of(
        look,
        target,
        column,
        column_lines(target, column, look.sample[column], kind, look.zones.get(column, "")),
    )


def _asked_of(look: RawLook, target: str, column: str, lines: list[str]) -> list[str]:
    """Ask whether an id of the answer is that of the customer."""
    if target == "customer_id" and column == look.matched:
        lines[-1] += "  # TODO check: its values are ids of the customers"
        return lines
    if target == "customer_id" and re.search(r"^(respondent|response|contact|visitor)_id$", snake(column)):
        others = first_ids(look, column)
        beside = only_if(others, f", or is it {listed(others)}")
        lines[-1] += f"  # TODO check: is this the id the customers have{beside}?"
    return lines


def first_ids(look: RawLook, chosen: str) -> list[str]:
    """Return further columns whose values could be ids of customers: short, all different."""
    ids = []
    for column in look.guess.further:
        values = look.sample[column]
        short = values and all(len(value) <= 40 and " " not in value for value in values)
        plain = not any(is_time(value) for value in values[:20])
        if short and plain and len(set(values)) == len(values) and len(values) > 2 and column != chosen:
            ids.append(column)
    return ids[:4]


def _odd_lines(look: RawLook, target: str) -> list[str]:
    column, value = look.odd[target]
    kind = {"time": "date"}.get(LAYOUTS[look.guess.table].kind(target), "number")
    return [
        f"# TODO {shown(column)} may be {target}, but holds {shown(value)}, which is no {kind} as it stands",
        f"# {target} = {toml(column)}",
    ]


def _time_remarks(look: RawLook) -> list[str]:
    """Other columns of times beside the one that dates a row, with their ranges."""
    dated = look.guess.columns.get(DATED_BY[look.guess.table], "")
    if not dated or look.guess.table == "customers":
        return []
    first, last = look.ranges.get(dated, ("", ""))
    others = [
        f"{shown(column)} {start} to {end}"
        for column, (start, end) in look.ranges.items()
        if column in look.guess.further and not re.search(synonyms()["words"]["loaded"], snake(column))
    ]
    if first and first == last and look.rows >= 5:
        beside = only_if(others, f"; others: {', '.join(others)}")
        return [f"# TODO all {shown(dated)} lie on {first}: the day of an export or a load?{beside}"]
    return (
        [f"# dated by {shown(dated)}, {first} to {last}; other times: {', '.join(others)}"] if others else []
    )


def _customer_lines(look: RawLook) -> tuple[list[str], set[str]]:
    """The end where none was found, its kind, outcomes and segments, each under a key of its own."""
    columns = look.guess.columns
    lines = []
    if "ended_at" not in {**columns, **look.odd}:
        ends = [c for c in look.guess.further if ENDS.search(snake(c)) and any(map(is_time, look.sample[c]))]
        lines += [f"# TODO is {shown(end)} when they left, or when a contract runs out?" for end in ends]
        lines.append(f"# ended_at = {toml((ends or [''])[0])}")
    used: set[str] = set()
    if "end_kind" not in columns:
        lines += _reason_lines(look)
    taken = set(LAYOUTS["customers"].columns)
    for column in look.guess.further:
        outcome = (names_outcome(column) or column in look.knowing) and _is_few(look.sample[column])
        outcome = outcome and not _REASON.search(snake(column))
        if not outcome and not _is_segment(look, column):
            continue
        name = _free_name(column, taken)
        taken.add(name)
        used.add(column)
        if outcome:
            stated = f"{{ column = {toml(column)}, outcome = true }}"
            lines.append(f"{key(name)} = {stated}  # TODO check: says who left, so no segment")
        else:
            lines.append(f"{key(name)} = {toml(column)}")
    return lines, used


def _free_name(column: str, taken: set[str]) -> str:
    name = plain = snake(column) or "segment"
    again = 2
    while name in taken:
        name, again = f"{plain}_{again}", again + 1
    return name


def _reason_lines(look: RawLook) -> list[str]:
    """Why customers left is known only of those who left: the kind of churn perhaps, but never a segment."""
    lines = []
    for column in (c for c in look.guess.further if _REASON.search(snake(c)) and look.sample[c]):
        kinds = ", ".join(f"{toml(value)} = ..." for value in sorted(set(look.sample[column]))[:12])
        lines += [
            f"# TODO {shown(column)} is known only of who left, so no segment; which values are voluntary?",
            f"# end_kind = {{ column = {toml(column)}, values = {{ {kinds} }} }}",
        ]
    return lines


def _is_segment(look: RawLook, column: str) -> bool:
    values = look.sample[column]
    personal = any(word in snake(column) for word in synonyms()["words"]["personal"])
    if personal or _REASON.search(snake(column)) or names_outcome(column):
        return False
    return _is_few(values) and not all(is_number(value) or is_time(value) for value in values)


def _is_few(values: list[str]) -> bool:
    return bool(values) and len(set(values)) <= max(2, min(20, len(values) // 3))


def _scores_beside(look: RawLook) -> list[str]:
    """A source of answers in a file that feeds another table: who answered, and when."""
    columns = look.guess.columns
    times = [columns[name] for name in ("resolved_at", "created_at") if name in columns]
    lines = ["[[sources]]", 'table = "responses"', *reader_lines(look.raw), "[sources.columns]"]
    for target, column in (
        ("customer_id", columns.get("customer_id", "")),
        ("responded_at", (times or [""])[0]),
    ):
        if column:
            lines += column_lines(target, column, look.sample[column], LAYOUTS["responses"].kind(target))
        else:
            lines += [f"# TODO required: {target}", f'# {target} = ""']
    return with_scores(look, lines)


def _unused_lines(look: RawLook, used: set[str] | tuple[str, ...]) -> list[str]:
    odd = {raw for raw, _ in look.odd.values()}
    rest = [c for c in look.guess.further if c not in used and c not in odd]
    rest += [c for c in look.guess.columns.values() if c not in used and look.guess.table == "revenue"]
    every = [*rest, *look.nested]
    if every:
        return [f"# not used: {listed(every)}"]
    return []


def _latest(look: RawLook) -> str:
    times = [
        value[:10]
        for target, column in look.guess.columns.items()
        if look.guess.table and LAYOUTS[look.guess.table].kind(target) == "time" and target != "due_at"
        for value in look.sample[column]
        if is_iso(value) and len(value) >= 10
    ]
    return max(times, default="")
