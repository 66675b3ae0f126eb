"""Units of a number and the one place where numbers become text."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

MINUS = "\N{MINUS SIGN}"


class Unit(StrEnum):
    """What a number counts. Formatting follows the unit, never the name of a field."""

    POINTS = "points"  # NPS, -100 to 100
    SHARE = "share"  # 0 to 1, printed as a percentage
    SHARE_DIFFERENCE = "share difference"  # printed as percentage points
    SCORE = "score"  # mean on the scale of a question
    AUC = "auc"  # 0 to 1, .5 is chance
    AUC_DIFFERENCE = "auc difference"  # always with its sign
    RATIO = "ratio"
    COUNT = "count"
    MONEY = "money"
    MONTHS = "months"
    DAYS = "days"
    HOURS = "hours"
    MINUTES = "minutes"


def _signed(text: str, value: float) -> str:
    return f"+{text}" if value > 0 else text


def _fixed(decimals: int) -> Callable[[float], str]:
    def format_number(value: float) -> str:
        text = f"{value:,.{decimals}f}"
        return text[1:] if float(text.replace(",", "")) == 0 and text.startswith("-") else text

    return format_number


_WRITERS: dict[Unit, Callable[[float], str]] = {
    Unit.POINTS: _fixed(1),
    Unit.SHARE: lambda value: _fixed(1)(100 * value) + " %",
    Unit.SHARE_DIFFERENCE: lambda value: _fixed(1)(100 * value) + " points",
    Unit.SCORE: _fixed(2),
    Unit.AUC: _fixed(3),
    Unit.AUC_DIFFERENCE: _fixed(3),
    Unit.RATIO: _fixed(2),
    Unit.COUNT: _fixed(0),
    Unit.MONEY: _fixed(2),
    Unit.MONTHS: _fixed(1),
    Unit.DAYS: _fixed(1),
    Unit.HOURS: _fixed(1),
    Unit.MINUTES: _fixed(0),
}
_ALWAYS_SIGNED = (Unit.POINTS, Unit.AUC_DIFFERENCE)
_SUFFIX = {Unit.MONTHS: " months", Unit.DAYS: " days", Unit.HOURS: " h", Unit.MINUTES: " min"}


def format_value(value: float, unit: Unit, *, signed: bool = False, suffix: bool = True) -> str:
    """Write one number in its unit.

    Parameters
    ----------
    value : float
        In the unit's own scale (a share of 0.12 prints as ``12.0 %``). NaN prints as ``n/a``.
    unit : Unit
        Decides decimals, percentage and suffix.
    signed : bool
        Put ``+`` before a positive number, for differences. An NPS always carries its sign.
    suffix : bool
        Add the name of a unit of time.

    Examples
    --------
    >>> format_value(0.1234, Unit.SHARE)
    '12.3 %'
    >>> format_value(39.84, Unit.POINTS)
    '+39.8'
    """
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "unbounded"
    text = _WRITERS[unit](value)
    if signed or unit in _ALWAYS_SIGNED:
        text = _signed(text, value)
    if suffix:
        text += _SUFFIX.get(unit, "")
    return text.replace("-", MINUS)


def format_interval(low: float, high: float, unit: Unit, *, signed: bool = False) -> str:
    """Write an interval: ``[+37.1, +42.5]``.

    Examples
    --------
    >>> format_interval(37.06, 42.53, Unit.POINTS)
    '[+37.1, +42.5]'
    """
    ends = [format_value(end, unit, signed=signed, suffix=False) for end in (low, high)]
    return f"[{ends[0]}, {ends[1]}]" + _SUFFIX.get(unit, "")


def format_p_value(p_value: float) -> str:
    """Write a p-value to three decimals, never as zero.

    Examples
    --------
    >>> format_p_value(0.00001)
    'p < 0.001'
    >>> format_p_value(0.0271757)
    'p 0.027'
    """
    if math.isnan(p_value):
        return "p n/a"
    return "p < 0.001" if p_value < 0.001 else f"p {p_value:.3f}"
