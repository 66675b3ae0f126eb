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
    COUNT_A_DAY = "count a day"
    MONEY = "money"
    MONTHS = "months"
    DAYS = "days"
    HOURS = "hours"
    MINUTES = "minutes"
    P_VALUE = "p-value"  # three decimals, never zero
    NUMBER = "number"  # as short as it is: times on an axis
    DATE = "date"  # a day, without its time

    @property
    def of_sides(self) -> Unit:
        """The unit of the two sides where this is the unit of their difference."""
        return _OF_SIDES.get(self, self)


_OF_SIDES = {Unit.SHARE_DIFFERENCE: Unit.SHARE, Unit.AUC_DIFFERENCE: Unit.AUC}


def _signed(text: str, value: float) -> str:
    if value > 0:
        return f"+{text}"
    return text


def _fixed(decimals: int) -> Callable[[float], str]:
    def format_number(value: float) -> str:
        text = f"{value:,.{decimals}f}"
        # What rounds to zero has no sign.
        if float(text.replace(",", "")) == 0:
            return text.removeprefix("-")
        return text

    return format_number


_WRITERS: dict[Unit, Callable[[float], str]] = {
    Unit.POINTS: _fixed(1),
    Unit.SHARE: lambda value: _fixed(1)(100 * value) + " %",
    Unit.SHARE_DIFFERENCE: lambda value: _fixed(1)(100 * value),
    Unit.SCORE: _fixed(2),
    Unit.AUC: _fixed(3),
    Unit.AUC_DIFFERENCE: _fixed(3),
    Unit.RATIO: _fixed(2),
    Unit.COUNT: _fixed(0),
    Unit.COUNT_A_DAY: _fixed(2),
    Unit.MONEY: _fixed(2),
    Unit.MONTHS: _fixed(1),
    Unit.DAYS: _fixed(1),
    Unit.HOURS: _fixed(1),
    Unit.MINUTES: _fixed(0),
    Unit.NUMBER: lambda value: f"{value:,.6g}",
    Unit.DATE: _fixed(0),
    Unit.P_VALUE: lambda value: format_p_value(value).removeprefix("p "),
}
_ALWAYS_SIGNED = (Unit.POINTS, Unit.AUC_DIFFERENCE)
_SUFFIX = {
    Unit.SHARE_DIFFERENCE: " points",
    Unit.COUNT_A_DAY: " a day",
    Unit.MONTHS: " months",
    Unit.DAYS: " days",
    Unit.HOURS: " h",
    Unit.MINUTES: " min",
}
_Writer = Callable[[float], str]


def _writer(unit: Unit, lead: float) -> tuple[_Writer, str]:
    """How to write numbers of a unit, and what stands behind them; below an hour, hours become minutes.

    ``lead`` is the number that decides: the estimate, so that its interval is in the same unit.
    """
    # minutes = 60 x hours; the estimate decides, so that its limits are in the same unit.
    if unit is Unit.HOURS and abs(lead) < 1:
        minutes = _fixed(0)
        if 60 * abs(lead) < 10:
            minutes = _fixed(1)
        return lambda value: minutes(60 * value), _SUFFIX[Unit.MINUTES]
    return _WRITERS[unit], _SUFFIX.get(unit, "")


def _number(value: float, unit: Unit, write: _Writer, *, signed: bool) -> str:
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "unbounded"
    text = write(value)
    if signed or unit in _ALWAYS_SIGNED:
        text = _signed(text, value)
    return text.replace("-", MINUS)


def format_value(value: float, unit: Unit, *, signed: bool = False) -> str:
    """Write one number in its unit.

    Parameters
    ----------
    value : float
        In the unit's own scale (a share of 0.12 prints as ``12.0 %``). NaN prints as ``n/a``. Less than an
        hour is written in minutes.
    unit : Unit
        Decides decimals, percentage and suffix.
    signed : bool
        Put ``+`` before a positive number, for differences. An NPS always carries its sign.

    Examples
    --------
    >>> format_value(0.1234, Unit.SHARE)
    '12.3 %'
    >>> format_value(39.84, Unit.POINTS)
    '+39.8'
    >>> format_value(1.9, Unit.HOURS), format_value(0.1, Unit.HOURS)
    ('1.9 h', '6.0 min')
    """
    write, suffix = _writer(unit, value)
    text = _number(value, unit, write, signed=signed)
    if text in ("n/a", "unbounded"):
        return text
    return text + suffix


def format_interval(
    low: float, high: float, unit: Unit, *, signed: bool = False, value: float | None = None
) -> str:
    """Write an interval, its unit said once: ``[+37.1, +42.5]``.

    Parameters
    ----------
    low, high : float
        Ends.
    unit : Unit
        Unit of both.
    signed : bool
        As in `format_value`.
    value : float, optional
        The estimate inside, written beside it: it decides between hours and minutes.

    Examples
    --------
    >>> format_interval(37.06, 42.53, Unit.POINTS)
    '[+37.1, +42.5]'
    >>> format_interval(-0.048, 0.041, Unit.SHARE_DIFFERENCE, signed=True)
    '[−4.8, +4.1] points'
    """
    if value is None:
        value = max(abs(low), abs(high))
    write, suffix = _writer(unit, value)
    ends = [_number(end, unit, write, signed=signed) for end in (low, high)]
    return f"[{ends[0]}, {ends[1]}]{suffix}"


def format_estimate(value: float, low: float, high: float, unit: Unit, *, signed: bool = False) -> str:
    """Write an estimate with its interval, the unit said once.

    Examples
    --------
    >>> format_estimate(-0.003, -0.048, 0.041, Unit.SHARE_DIFFERENCE, signed=True)
    '−0.3 [−4.8, +4.1] points'
    >>> format_estimate(0.856, 0.846, 0.866, Unit.SHARE)
    '85.6 % [84.6 %, 86.6 %]'
    >>> format_estimate(0.95, 0.8, 1.1, Unit.HOURS)
    '57 [48, 66] min'
    """
    text = _number(value, unit, _writer(unit, value)[0], signed=signed)
    return f"{text} {format_interval(low, high, unit, signed=signed, value=value)}"


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
    if p_value < 0.001:
        return "p < 0.001"
    return f"p {p_value:.3f}"
