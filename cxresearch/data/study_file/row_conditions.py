"""The key ``where`` of a source: which raw rows it takes, by the values or the range of their columns."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from cxresearch.data.study_file.declarations import RowCondition
from cxresearch.data.study_file.toml_section import Keys
from cxresearch.errors import StudyError
from cxresearch.wording import shown

_KEYS = ("not", "at_least", "at_most", "present")


def read_where(keys: Keys) -> tuple[RowCondition, ...]:
    """Return the conditions of a source, all of which must hold.

    Raises
    ------
    StudyError
        If one is not a value, a list of values, or ``{ not, at_least, at_most, present }``.
    """
    section = keys.table("where")
    return tuple(_condition(section, column) for column in section)


def _condition(section: Keys, column: str) -> RowCondition:
    value = section.value(column)
    if not isinstance(value, dict):
        return RowCondition(column=column, values=_texts(section, value))
    parts = section.table(column)
    parts.only(_KEYS)
    # "not" beside a range would leave open whether both must hold or either.
    if len(list(parts)) == 0 or ("not" in parts and len(list(parts)) > 1):
        raise StudyError(
            f"the condition on {shown(column)} says nothing, or too much",
            where=parts.where,
            wanted="a value, a list, { not = ... }, { at_least = ..., at_most = ... } or { present = true }",
        )
    if "not" in parts:
        return RowCondition(column=column, values=_texts(parts, parts.value("not")), excluded=True)
    if "present" in parts:
        return RowCondition(column=column, present=parts.truth("present"))
    return RowCondition(column=column, low=_bound(parts, "at_least"), high=_bound(parts, "at_most"))


def _texts(keys: Keys, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or any(isinstance(item, (dict, list)) for item in values):
        raise StudyError(f"where is {shown(value)}", where=keys.where, wanted="a value or a list of values")
    return tuple(_text(item) for item in values)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _bound(keys: Keys, key: str) -> float | datetime | None:
    value = keys.value(key)
    if value is None:
        return None
    if isinstance(value, datetime):
        # Raw columns hold the clock of their file: a bound is compared with it as it stands there.
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        # A date is its first moment, so that at_least takes the whole day and at_most ends with it.
        return datetime(value.year, value.month, value.day)
    return keys.number(key, default=0.0)
