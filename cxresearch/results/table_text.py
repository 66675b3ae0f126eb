"""How the cells of a table are written: by unit, with the ends of an interval beside the estimate."""

from __future__ import annotations

import math
import re
from datetime import date
from numbers import Integral, Number
from typing import Any

from cxresearch.results.units import Unit, format_estimate, format_value

#: Never broken over two lines: an interval with its unit, a p-value in brackets, a percentage, an n.
_UNBROKEN = re.compile(r"\[[^\[\]]{1,40}\](?: points| h| min| days)?|\(p [^()]{1,12}\)|\d [%h]|\bn \d")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
NOT_AVAILABLE = "n/a"
_TRUTH = {True: "yes", False: "no"}


def unbroken(text: str) -> str:
    """Return text in which no interval, p-value or percentage is broken over two lines.

    Examples
    --------
    >>> unbroken("AUC 0.61 [0.58, 0.64]").replace(NO_BREAK_SPACE, "~")
    'AUC 0.61 [0.58,~0.64]'
    """
    return _UNBROKEN.sub(lambda match: match[0].replace(" ", NO_BREAK_SPACE), str(text))


def as_float(value: Any) -> float:
    """Return a number as float; what is missing becomes NaN."""
    if is_missing(value):
        return math.nan
    return float(value)


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, or pandas' NaT and NA."""
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def value_text(value: Any, unit: Unit | None = None) -> str:
    """Write one cell.

    Parameters
    ----------
    value : object
        A number, text, date, truth value or None.
    unit : Unit, optional
        Unit of a number. Without it whole numbers get thousands separators and others two decimals.

    Examples
    --------
    >>> value_text(0.123, Unit.SHARE), value_text(0.0004, Unit.P_VALUE), value_text(1234), value_text(None)
    ('12.3 %', '< 0.001', '1,234', 'n/a')
    >>> from datetime import datetime
    >>> value_text(True), value_text(datetime(2024, 5, 1)), value_text("pro")
    ('yes', '2024-05-01', 'pro')
    """
    if is_missing(value):
        return NOT_AVAILABLE
    if isinstance(value, date):  # datetimes are dates
        return _date_text(value, unit)
    if type(value).__name__ in ("bool", "bool_"):
        return _TRUTH[bool(value)]
    if isinstance(value, Number) and not isinstance(value, str):
        return _number_text(value, unit)
    return str(value)


def _date_text(value: date, unit: Unit | None) -> str:
    """A day, with its time where there is one and the unit does not say that days are meant."""
    if unit is Unit.DATE:
        return f"{value:%Y-%m-%d}"
    return value.isoformat().replace("T00:00:00", "").replace("T", " ")


def _number_text(value: Any, unit: Unit | None) -> str:
    if unit is not None:
        return format_value(float(value), unit)
    if isinstance(value, Integral):
        return f"{int(value):,}"
    return format_value(float(value), Unit.SCORE)


def interval_text(value: Any, low: Any, high: Any, unit: Unit | None = None) -> str:
    """Write an estimate with its interval, ``value [low, high]``; what is not known at all is ``n/a``.

    Examples
    --------
    >>> interval_text(26.0, 24.0, 28.0, Unit.MONTHS), interval_text(None, None, None)
    ('26.0 [24.0, 28.0] months', 'n/a')
    >>> interval_text(0.25, 0.1, float("inf"))
    '0.25 [0.10, unbounded]'
    """
    if not any(math.isfinite(as_float(number)) for number in (value, low, high)):
        return NOT_AVAILABLE
    if unit is not None:
        return format_estimate(as_float(value), as_float(low), as_float(high), unit)
    return f"{value_text(value)} [{value_text(low)}, {value_text(high)}]"
