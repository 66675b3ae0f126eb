"""The lines of one source: its head, its columns, and what found no place."""

from __future__ import annotations

import re

from cxresearch.data.starter.guess_table import synonyms
from cxresearch.data.starter.lines.starter_columns import column_lines, is_time
from cxresearch.data.starter.lines.starter_customers import customer_lines
from cxresearch.data.starter.lines.starter_open import open_lines
from cxresearch.data.starter.lines.starter_revenue import RevenueFacts, RevenueLines, revenue_lines
from cxresearch.data.starter.lines.starter_survey import with_scores
from cxresearch.data.starter.lines.toml_text import key, printable, toml
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.starter.score_columns import instrument_in_name
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import snake
from cxresearch.data.validation.row_rules import DATED_BY
from cxresearch.wording import listed, only_if, shown


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
    # UTF-16 says so by its first bytes; any other encoding is a guess by its letters.
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


def source_lines(look: RawLook, facts: RevenueFacts) -> list[str]:
    """Return one source, from its head to the columns that found no place."""
    table = look.guess.table
    head = head_lines(look, table)
    if table == "revenue":
        revenue = revenue_lines(look.guess, look.sample, facts)
        lines = [*head, *revenue.before, "[sources.columns]", *revenue.columns]
        lines += unused_lines(look, revenue.used)
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
        extra, columns = customer_lines(look)
        lines += extra
        used |= columns
    rivals = [column for columns in look.guess.survey.rivals.values() for column in columns]
    answers = {*look.guess.survey.scores.values(), *look.guess.survey.worded.values(), *rivals}
    extra, columns = open_lines(look, used | answers)
    lines += extra
    used |= columns
    if table == "responses" and look.guess.survey.found:
        lines = with_scores(look, lines)
        used |= answers
    return [*lines, *unused_lines(look, used)]


def head_lines(look: RawLook, table: str) -> list[str]:
    """Return the head of a source: table, file, missing values, rows left out."""
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
    # The amount is mapped anew, with its sign turned.
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
    # Tickets are counted, not followed: any number that tells rows apart will do.
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
    # Few rows may lie on one day by chance; many do so because they were loaded on it.
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
    if target == "account_id" and look.guess.table == "customers":
        lines[-1] += "  # TODO check: several rows have the same; is it the account of these customers?"
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
        # Ids are short and without blanks; whole sentences that differ are comments.
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


def scores_beside(look: RawLook) -> list[str]:
    """Return a source of answers in a file that feeds another table: who answered, and when."""
    columns = look.guess.columns
    times = [columns[name] for name in ("resolved_at", "created_at") if name in columns]
    lines = ["[[sources]]", 'table = "responses"', *reader_lines(look.raw), "[sources.columns]"]
    for target, column in (
        ("customer_id", columns.get("customer_id", "")),
        ("responded_at", (times or [""])[0]),
        *_ticket_of_answers(look),
    ):
        if column:
            lines += column_lines(target, column, look.sample[column], LAYOUTS["responses"].kind(target))
        else:
            lines += [f"# TODO required: {target}", f'# {target} = ""']
    # Not every ticket is rated: an empty cell beside one is no answer, and no fault.
    blank = {"tickets": "not_asked"}.get(look.guess.table, "reject")
    return with_scores(look, lines, blank=blank)


def _ticket_of_answers(look: RawLook) -> list[tuple[str, str]]:
    """The ticket that an answer beside it is about, where the file has its id."""
    columns = look.guess.columns
    if look.guess.table == "tickets" and "ticket_id" in columns:
        return [("ticket_id", columns["ticket_id"])]
    return []


def unused_lines(look: RawLook, used: set[str] | tuple[str, ...]) -> list[str]:
    """Return a comment that names the columns that found no place."""
    odd = {raw for raw, _ in look.odd.values()}
    rest = [c for c in look.guess.further if c not in used and c not in odd]
    rest += [c for c in look.guess.columns.values() if c not in used and look.guess.table == "revenue"]
    every = [*rest, *look.nested]
    if every:
        return [f"# not used: {listed(every)}"]
    return []
