"""Values of parameters: text from a command line becomes the declared type, or is refused with a reason."""

from __future__ import annotations

import calendar
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from cxresearch.reporting.outcome import usage_error
from cxresearch.wording import only_if

LONGEST_TEXT = 10_000
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_WITH_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s:]*:[^/@\s]+@", re.IGNORECASE)
_PERIODS = ("week", "month", "quarter", "year")
_DATE_FORMS = "2024-01-31, today, yesterday, today-7d, last-month (its last day), last-month-start"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Declared type of a parameter.

    Attributes
    ----------
    base : {"str", "int", "float", "bool", "date", "choice", "list"}
        The type.
    choices : tuple
        What a ``choice`` admits.
    item : Kind or None
        Type of the items of a ``list``.
    optional : bool
        Whether ``none`` is admitted.
    """

    base: str
    choices: tuple[Any, ...] = ()
    item: Kind | None = None
    optional: bool = False

    def or_none(self) -> Kind:
        """Return the same type that admits None too."""
        return replace(self, optional=True)

    def __str__(self) -> str:
        text = {
            "choice": "one of " + ", ".join(map(repr, self.choices)),
            "list": f"list[{self.item}]",
        }.get(self.base, self.base)
        if self.optional:
            return f"{text} | None"
        return text


def coerce(name: str, value: Any, kind: Kind, *, today: date) -> Any:
    """Return a value in its declared type.

    Text is read as that type and never guessed: ``007`` for a ``str`` stays ``"007"``. A Python value must
    have the type already (an int passes for a float).

    Raises
    ------
    ReportError
        Exit code 2, with the parameter, what was given and what was wanted.

    Examples
    --------
    >>> coerce("code", "007", Kind(base="str"), today=date(2024, 5, 15))
    '007'
    >>> coerce("as_of", "last-month", Kind(base="date"), today=date(2024, 5, 15))
    datetime.date(2024, 4, 30)
    >>> coerce("by", "plan,country", Kind(base="list", item=Kind(base="str")), today=date(2024, 5, 15))
    ['plan', 'country']
    """
    if kind.optional and (value is None or (isinstance(value, str) and value.lower() in ("none", "null"))):
        return None
    try:
        return _read(name, value, kind, today)
    except _NoFitError as error:
        raise usage_error(
            f"parameter {name} is {_shown(value)}{error}", wanted=error.wanted or str(kind)
        ) from None


def _read(name: str, value: Any, kind: Kind, today: date) -> Any:
    match kind.base:
        case "choice":
            return _choice(value, kind.choices)
        case "list":
            items = _items(value)
            item = kind.item or Kind(base="str")
            return [coerce(f"{name}[{index}]", each, item, today=today) for index, each in enumerate(items)]
        case "date":
            return _date(value, today)
        case _:
            return _PLAIN[kind.base](value)


class _NoFitError(Exception):
    def __init__(self, reason: str = "", wanted: str = "") -> None:
        super().__init__(only_if(reason, f" ({reason})"))
        self.wanted = wanted


def _shown(value: Any) -> str:
    text = ascii(value)
    if len(text) > 80:
        return text[:77] + "..."
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _NoFitError
    if len(value) > LONGEST_TEXT:
        raise _NoFitError(f"{len(value):,} characters", f"at most {LONGEST_TEXT:,} characters")
    # A NUL ends a path for the system, and half a surrogate pair cannot be written as UTF-8.
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise _NoFitError("it holds characters that are not text", "plain text")
    if _WITH_PASSWORD.match(value):
        raise usage_error(
            "a parameter holds an address with a password",
            wanted="no secrets among parameters: they are written into the notebook and the manifest",
            next_step="set an environment variable and read it with `present.secret('NAME')`",
        )
    return value


def _whole(value: Any) -> int:
    # True is an int to Python; a yes where a number is wanted is a mistake.
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # 18 digits fit into 64 bits; [0-9], not \d, which admits digits of other scripts.
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value):
        return int(value)
    raise _NoFitError(wanted="a whole number (int) such as 180")


def _number(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    is_text = isinstance(value, str) and re.fullmatch(
        r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", value, re.IGNORECASE
    )
    if not is_number and not is_text:
        raise _NoFitError(wanted="a number (float) with a decimal point, such as 0.95")
    number = float(value)
    if not math.isfinite(number):
        raise _NoFitError(wanted="a finite number (float)")
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise _NoFitError(wanted="true or false (bool)")


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if (type(choice) is type(value) and choice == value) or (
            isinstance(value, str) and str(choice) == value
        ):
            return choice
    raise _NoFitError


def _items(value: Any) -> list[Any]:
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                value = json.loads(text)
            except ValueError:
                raise _NoFitError("not a JSON list", 'a,b,c or ["a", "b,c"]') from None
        else:
            value = [part.strip() for part in text.split(",") if text]
    if not isinstance(value, list):
        raise _NoFitError
    return value


def _date(value: Any, today: date) -> date:
    if type(value) is date:
        return value
    if isinstance(value, str):
        day = _iso(value)
        if not re.match(r"\d", value):
            day = _relative(value.strip().lower(), today)
        if day is not None:
            return day
    raise _NoFitError(wanted=f"a date: {_DATE_FORMS}")


def _iso(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _relative(text: str, today: date) -> date | None:
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    shift = re.fullmatch(r"today([+-])([0-9]{1,5})d", text)
    if shift:
        return today + timedelta(days=int(shift[1] + shift[2]))
    period = re.fullmatch(r"(last|this)-(week|month|quarter|year)(-start|-end)?", text)
    # "this-month" could be its first or its last day: it must say which.
    if not period or (period[1] == "this" and not period[3]):
        return None
    start = _period_start(today, period[2])
    if period[1] == "last":
        start = _period_start(start - timedelta(days=1), period[2])
    if period[3] == "-start":
        return start
    return _period_end(start, period[2])


def _period_start(day: date, period: str) -> date:
    if period == "week":
        return day - timedelta(days=day.weekday())
    # First month of a quarter: 3 floor((month - 1) / 3) + 1.
    month = {"month": day.month, "quarter": 3 * ((day.month - 1) // 3) + 1, "year": 1}[period]
    return date(day.year, month, 1)


def _period_end(start: date, period: str) -> date:
    if period == "week":
        return start + timedelta(days=6)
    month = start.month + {"month": 0, "quarter": 2, "year": 11}[period]
    return date(start.year, month, calendar.monthrange(start.year, month)[1])


_PLAIN: dict[str, Callable[[Any], Any]] = {"str": _text, "int": _whole, "float": _number, "bool": _boolean}
