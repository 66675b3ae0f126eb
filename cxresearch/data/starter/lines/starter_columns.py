"""One column of a first study file: how its values are written, or what to ask about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cxresearch.data.readers.cells.date_samples import suggested_format, two_readings
from cxresearch.data.readers.cells.time_sql import abbreviations, is_iso
from cxresearch.data.starter.guess_table import SnapshotGuess
from cxresearch.data.starter.lines.toml_text import key, toml
from cxresearch.data.table_layouts import END_KINDS
from cxresearch.data.validation.outcome_names import names_outcome, snake
from cxresearch.wording import listed, only_if, shown

#: A clock time with a zone behind it: "3:15 PM CET", but not "3:15 PM".
_ZONE_BEHIND = re.compile(
    r"(?P<clock>.*\d(?:\s?[AaPp][Mm])?)\s?(?!AM$|PM$)(?P<zone>[A-Z]{2,5}(?:[+-]\d{1,2}(?::?\d{2})?)?)"
)
#: A zone in brackets at the end of a name, as exports of help desks write it.
_ZONE_IN_NAME = re.compile(r".*[(\[]\s*(?P<zone>[A-Za-z_]+/[A-Za-z_/]+|UTC|GMT)\s*[)\]]\s*")


def column_lines(target: str, column: str, values: list[str], kind: str, zone: str = "") -> list[str]:
    """Return the key of one column, with what must be declared to read its values or a question about them.

    Parameters
    ----------
    target, column : str
        Column of the table, and raw column.
    values : list of str
        Its first values.
    kind : str
        What the table wants: ``id``, ``text``, ``time`` or ``number``.
    zone : str
        Zone of its clock times, where the file says so.
    """
    if target == "end_kind":
        return _kind_lines(column, values)
    if kind == "number":
        return number_lines(target, column, values)
    if kind == "time":
        return _time_lines(target, column, values, zone or zone_in_name(column))
    return [f"{key(target)} = {toml(column)}"]


def zone_in_name(column: str) -> str:
    """Return the zone that a column's name gives in brackets, or an empty text.

    Examples
    --------
    >>> zone_in_name("Created (UTC)"), zone_in_name("Started at (America/New_York)"), zone_in_name("when")
    ('UTC', 'America/New_York', '')
    """
    match = _ZONE_IN_NAME.fullmatch(column)
    if match is None:
        return ""
    return match["zone"].replace("GMT", "UTC")


def _time_lines(target: str, column: str, values: list[str], zone: str) -> list[str]:
    if all(is_iso(value) for value in values):
        return [_time_key(target, column, "", zone)]
    # Spreadsheets count days from 1899-12-30, so that 1900-03-01 is day 61 in all of them.
    if all(is_serial(value) for value in values):
        days = _time_key(target, column, '"excel_days"', zone)
        return [f"{days}  # TODO check: read as a spreadsheet's days since 1899-12-30"]
    if all(_ZONE_BEHIND.fullmatch(value) for value in values):
        return _zoned_lines(target, column, values)
    plain = f"{key(target)} = {toml(column)}"
    formats = _formats(value for value in values if not is_iso(value))
    unclear = _unclear(values)
    # 03/04 has two readings: only other values of the column can decide, and only if they agree.
    if unclear and len(formats) != 1:
        day_first, month_first = two_readings(unclear) or ("", "")
        return [f"# TODO {shown(unclear)} is {day_first} or {month_first}: declare its date_format", plain]
    readable = all(suggested_format(value) or two_readings(value) for value in values)
    if len(formats) == 1 and readable:
        return [_in_format(target, column, values, formats.pop(), zone)]
    odd = next((value for value in values if not is_iso(value) and not suggested_format(value)), values[0])
    return [f"# TODO declare its date_format; one value is {shown(odd)}", plain]


def _unclear(values: list[str]) -> str:
    """A date that reads two ways, one with two different readings if there is; empty for none."""
    both = [value for value in values if two_readings(value)]
    different = [value for value in both if len(set(two_readings(value) or ())) == 2]
    return (different or both or [""])[0]


def _in_format(target: str, column: str, values: list[str], date_format: str, zone: str) -> str:
    iso = sorted({suggested_format(value) for value in values if is_iso(value)})
    if iso:
        written = f"[{', '.join(map(toml, (*iso, date_format)))}]"
        return _time_key(target, column, written, zone) + "  # TODO check: written in several ways"
    line = _time_key(target, column, toml(date_format), zone)
    if any(two_readings(value) for value in values):
        return line + "  # TODO check: the only format that all of the first rows fit"
    return line


def _time_key(target: str, column: str, date_format: str, zone: str) -> str:
    options = [only_if(date_format, f"date_format = {date_format}")]
    options.append(only_if(zone, f"timezone = {toml(zone)}"))
    options = [option for option in options if option]
    if not options:
        return f"{key(target)} = {toml(column)}"
    return f"{key(target)} = {{ column = {toml(column)}, {', '.join(options)} }}"


def _zoned_lines(target: str, column: str, values: list[str]) -> list[str]:
    """Clock times with the abbreviation of a zone behind them; one with several meanings is asked about."""
    parts = [match for value in values if (match := _ZONE_BEHIND.fullmatch(value))]
    formats = {_clock_format(match["clock"]) for match in parts}
    if len(formats) != 1 or "" in formats:
        return [
            f"# TODO declare its date_format; one value is {shown(values[0])}",
            f"{key(target)} = {toml(column)}",
        ]
    options = f"column = {toml(column)}, date_format = {toml(formats.pop() + ' %Z')}"
    tokens = sorted({match["zone"] for match in parts})
    # CST and IST name several zones: an abbreviation with one meaning alone needs no question.
    unclear = [token for token in tokens if len(abbreviations().get(token, {})) > 1]
    if not unclear:
        return [f"{key(target)} = {{ {options} }}"]
    meanings = [
        f"{token} is {' or '.join(f'{offset} ({place})' for offset, place in abbreviations()[token].items())}"
        for token in unclear
    ]
    zones = ", ".join(f'{token} = "..."' for token in unclear)
    return [
        f"# TODO which zones are meant? {'; '.join(meanings)}",
        f"# {key(target)} = {{ {options}, zones = {{ {zones} }} }}",
    ]


def _clock_format(text: str) -> str:
    if is_iso(text):
        return "%Y-%m-%d %H:%M" + only_if(text.count(":") == 2, ":%S")
    return suggested_format(text)


def _kind_lines(column: str, values: list[str]) -> list[str]:
    kinds = sorted(set(values))
    if all(kind in END_KINDS for kind in kinds):
        return [f"end_kind = {toml(column)}"]
    mapped = {kind: kind.lower() for kind in kinds if kind.lower() in END_KINDS}
    said = ", ".join(f"{toml(kind)} = {_quoted_or_open(mapped, kind)}" for kind in kinds[:12])
    line = f"end_kind = {{ column = {toml(column)}, values = {{ {said} }} }}"
    if len(mapped) == len(kinds):
        return [line]
    return [
        f'# TODO which values of {shown(column)} are voluntary, which involuntary, which "" (still there)?',
        f"# {line}",
    ]


def _quoted_or_open(mapped: dict[str, str], kind: str) -> str:
    if kind in mapped:
        return toml(mapped[kind])
    return "..."


def _formats(values: Iterable[str]) -> set[str]:
    """The formats of values that have but one; May is a month's full name and its short one."""
    every = list(values)
    # "May" fits %b and %B: a column that has other months tells which.
    long = [value for value in every if not re.search(r"\bmay\b", value, re.IGNORECASE)]
    return {suggested_format(value) for value in long or every} - {""}


def number_lines(target: str, column: str, values: list[str], options: Iterable[str] = ()) -> list[str]:
    """Return the key of a column of numbers, with its notation and further options."""
    notation = _notation(values)
    every = [option for option in (*options, notation) if option]
    if not every:
        line = f"{key(target)} = {toml(column)}"
    else:
        line = f"{key(target)} = {{ column = {toml(column)}, {', '.join(every)} }}"
    # No notation fits all values: a guess would read 1.234 as either of two numbers.
    if notation or all(is_plain_number(value) for value in values):
        return [line]
    odd = next(value for value in values if not is_plain_number(value))
    return [
        f"# TODO one value is {shown(odd)}: declare decimal and thousands, or make it a number with sql",
        line,
    ]


def _notation(values: list[str]) -> str:
    """How numbers are written, as options; empty where they need none or fit none."""
    for options, (every, some) in _NOTATIONS.items():
        fits = all(re.fullmatch(every, value) for value in values)
        if fits and any(re.fullmatch(some, value) for value in values):
            return options
    return ""


#: How numbers may be written besides 1234.5: a notation that fits all values, and that one value needs.
_NOTATIONS = {
    'decimal = ","': (r"[+-]?\d+(,\d+)?", r"[+-]?\d+,(\d{1,2}|\d{4,})"),
    'thousands = ","': (
        r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?",
        r"[+-]?\d{1,3}((,\d{3})+\.\d+|(,\d{3}){2,})",
    ),
    'decimal = ",", thousands = "."': (
        r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?",
        r"[+-]?\d{1,3}((\.\d{3})+,\d+|(\.\d{3}){2,})",
    ),
}


def is_plain_number(value: str) -> bool:
    """Whether a text is a number as it is read without any declaration."""
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value) is not None


def is_number(value: str) -> bool:
    """Whether a text may be a number, written in whatever way."""
    return re.fullmatch(r"[+-]?\d[\d.,' \u00a0\u202f]*([eE][+-]?\d+)?", value) is not None


def is_serial(value: str) -> bool:
    """Whether a text may be a day as a spreadsheet counts, between 1954 and 2036."""
    return re.fullmatch(r"[234]\d{4}(\.\d+)?", value) is not None


def is_dated(value: str) -> bool:
    """Whether a text is a date by its form, unlike a mere number that may count days."""
    return is_time(value) and not is_number(value)


def is_time(value: str) -> bool:
    """Whether a text may be a date or time, written in whatever way."""
    if is_iso(value) or suggested_format(value) or two_readings(value) or is_serial(value):
        return True
    zoned = _ZONE_BEHIND.fullmatch(value)
    return zoned is not None and is_time(zoned["clock"])


#: Names of a duration as a customer, in several languages.
_TENURE = re.compile(
    r"(^|_)(tenure|seniority|months_on_book|vertragsdauer|anciennete|antiguedad|subscription_length)"
)


def snapshot_lines(sample: Mapping[str, list[str]], guess: SnapshotGuess) -> list[str]:
    """Return the columns of a list of customers without dates: who left, the numbers and the groups.

    Parameters
    ----------
    sample : mapping of str to list of str
        First values of each raw column.
    guess : SnapshotGuess
        Which of them says who left.
    """
    said = ", ".join(f"{toml(value)} = {_answer(answer)}" for value, answer in guess.values.items())
    left = f"left = {{ column = {toml(guess.flag)}, values = {{ {said} }} }}"
    if len(guess.values) < 2 or not all(guess.values.values()):
        lines = [f"# TODO which values of {shown(guess.flag)} say that a customer left?", f"# {left}"]
    else:
        lines = [f"{left}  # TODO check: yes means left"]
    own = "{ row_number = true }"
    if guess.customer_id:
        own = toml(guess.customer_id)
    lines.insert(0, f"customer_id = {own}")
    taken = {"customer_id", "left", "tenure"}
    unused = []
    for column, values in sample.items():
        if column in (guess.flag, guess.customer_id):
            continue
        name = _free_key(column, taken)
        written = _snapshot_column(name, column, values)
        unused += [column][: not written]
        lines += written
        taken.add(name)
    if unused:
        lines.append(f"# not used: {listed(unused)}")
    return lines


def _answer(answer: str) -> str:
    if answer:
        return toml(answer)
    return "..."


def _free_key(column: str, taken: set[str]) -> str:
    plain = snake(column) or "column"
    free = (f"{plain}{again}" for again in ("", *(f"_{number}" for number in range(2, 1000))))
    return next(name for name in free if name not in taken)


def _snapshot_column(name: str, column: str, values: list[str]) -> list[str]:
    """The key of a number, a group or an outcome; nothing for what tells customers from one another."""
    numbers = bool(values) and all(is_number(value) for value in values)
    # A column of which every value is another one tells customers apart: no group, no cause.
    groups = len(set(values)) <= max(2, min(60, len(values) // 3))
    if not values or (not numbers and not groups):
        return []
    if names_outcome(column):
        return [f"{key(name)} = {{ column = {toml(column)}, outcome = true }}  # TODO check: says who left"]
    if not numbers:
        return [f"{key(name)} = {toml(column)}"]
    if snake(column) == "tenure":
        return number_lines("tenure", column, values)
    lines = number_lines(name, column, values, ["number = true"])
    if _TENURE.search(snake(column)):
        lines.append(f"# TODO is {shown(column)} the time as a customer? then call it tenure = ...")
    return lines
