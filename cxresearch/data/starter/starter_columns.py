"""One column of a first study file: how its values are written, or what to ask about them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cxresearch.data.readers.column_sql import is_iso
from cxresearch.data.readers.date_samples import suggested_format, two_readings
from cxresearch.data.starter.starter_revenue import is_monthly
from cxresearch.data.starter.toml_text import key, toml
from cxresearch.data.table_layouts import END_KINDS
from cxresearch.wording import shown


def column_lines(target: str, column: str, values: list[str], kind: str) -> list[str]:
    """Return the key of one column, with what must be declared to read its values or a question about them.

    Parameters
    ----------
    target, column : str
        Column of the table, and raw column.
    values : list of str
        Its first values.
    kind : str
        What the table wants: ``id``, ``text``, ``time`` or ``number``.
    """
    plain = f"{key(target)} = {toml(column)}"
    if target == "end_kind":
        return _kind_lines(column, values)
    if kind == "number":
        return _number_lines(target, column, values)
    if kind != "time" or all(is_iso(value) for value in values):
        return [plain]
    if all(is_serial(value) for value in values):
        days = f'{key(target)} = {{ column = {toml(column)}, date_format = "excel_days" }}'
        return [f"{days}  # TODO check: read as a spreadsheet's days since 1899-12-30"]
    formats = _formats(value for value in values if not is_iso(value))
    unclear = next((value for value in values if two_readings(value)), "")
    if unclear and len(formats) != 1:
        day_first, month_first = two_readings(unclear) or ("", "")
        return [f"# TODO {shown(unclear)} is {day_first} or {month_first}: declare its date_format", plain]
    readable = all(suggested_format(value) or two_readings(value) for value in values)
    if len(formats) == 1 and readable:
        iso = sorted({suggested_format(value) for value in values if is_iso(value)})
        note = "  # TODO check: the only format that all of the first rows fit" if unclear else ""
        note = "  # TODO check: written in several ways" if iso else note
        written = toml(formats.pop()) if not iso else f"[{', '.join(map(toml, (*iso, *formats)))}]"
        return [f"{key(target)} = {{ column = {toml(column)}, date_format = {written} }}{note}"]
    odd = next((value for value in values if not is_iso(value) and not suggested_format(value)), values[0])
    return [f"# TODO declare its date_format; one value is {shown(odd)}", plain]


def _kind_lines(column: str, values: list[str]) -> list[str]:
    kinds = sorted(set(values))
    if all(kind in END_KINDS for kind in kinds):
        return [f"end_kind = {toml(column)}"]
    known = {kind: kind.lower() for kind in kinds if kind.lower() in END_KINDS}
    said = ", ".join(
        f"{toml(kind)} = {toml(known.get(kind, '')) if kind in known else '...'}" for kind in kinds[:12]
    )
    line = f"end_kind = {{ column = {toml(column)}, values = {{ {said} }} }}"
    if len(known) == len(kinds):
        return [line]
    return [
        f'# TODO which values of {shown(column)} are voluntary, which involuntary, which "" (still there)?',
        f"# {line}",
    ]


def _formats(values: Iterable[str]) -> set[str]:
    """The formats of values that have but one; May is a month's full name and its short one."""
    every = list(values)
    long = [value for value in every if not re.search(r"\bmay\b", value, re.IGNORECASE)]
    return {suggested_format(value) for value in long or every} - {""}


def _number_lines(target: str, column: str, values: list[str]) -> list[str]:
    plain = f"{key(target)} = {toml(column)}"
    monthly = target != "mrr" or is_monthly(column)
    note = "" if monthly else "  # TODO is this the amount of one month? if not: multiply = ..."
    if all(is_plain_number(value) for value in values):
        if monthly:
            return [plain]
        return [
            f"{plain}  # TODO is this the amount of one month? if not: {{ column = ..., multiply = ... }}"
        ]
    for options, (every, some) in _NOTATIONS.items():
        fits = all(re.fullmatch(every, value) for value in values)
        if fits and any(re.fullmatch(some, value) for value in values):
            return [f"{key(target)} = {{ column = {toml(column)}, {options} }}{note}"]
    odd = next(value for value in values if not is_plain_number(value))
    return [
        f"# TODO one value is {shown(odd)}: declare decimal and thousands, or make it a number with sql",
        plain + note,
    ]


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
