"""Business hours: working time between two moments, with holidays, time zone and clock changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from cxresearch.checks import check_same_length
from cxresearch.errors import ArgumentError
from cxresearch.results.result import facts_html

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OFFICE = MappingProxyType(dict.fromkeys(WEEKDAYS[:5], (("09:00", "17:00"),)))


@dataclass(frozen=True, kw_only=True)
class BusinessHours:
    """When work is done.

    Parameters
    ----------
    week : mapping of str to sequence of (str, str)
        Opening and closing times by weekday, ``"mon"`` to ``"sun"``, local wall-clock time ``HH:MM``;
        ``"24:00"`` ends a day. Several stretches in a day may not overlap; days not named are closed. By
        default Monday to Friday, 09:00 to 17:00.
    holidays : sequence of date or str
        Local days on which nothing is open.
    timezone : str
        IANA zone of the wall clock.

    Raises
    ------
    ArgumentError
        If a day, time, order or zone is not admitted, or nothing is ever open.

    Notes
    -----
    A stretch that spans a clock change lasts as long as it really lasts: 00:00 to 24:00 on the last Sunday
    of March is 23 hours in Berlin.

    Examples
    --------
    >>> hours = BusinessHours(timezone="Europe/Berlin", holidays=["2024-05-01"])
    >>> start, end = pd.to_datetime(["2024-04-30 14:00"]), pd.to_datetime(["2024-05-02 08:00"])  # UTC
    >>> hours.minutes_between(start, end).tolist()  # one hour on Tuesday, one on Thursday
    [120.0]
    """

    week: Mapping[str, Any] = field(default_factory=lambda: _OFFICE)
    holidays: tuple[Any, ...] | list[Any] = ()
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            raise ArgumentError(
                f"time zone {self.timezone!r} is unknown", wanted="an IANA name such as 'Europe/Berlin'"
            ) from None
        unknown = [day for day in self.week if day not in WEEKDAYS]
        if unknown:
            raise ArgumentError(f"week names {unknown}", wanted="days among " + ", ".join(WEEKDAYS))
        week = tuple(_stretches(day, self.week.get(day, ())) for day in WEEKDAYS)
        if not any(week):
            raise ArgumentError("nothing is ever open", wanted="at least one stretch in the week")
        object.__setattr__(
            self, "week", MappingProxyType({day: tuple(self.week.get(day, ())) for day in WEEKDAYS})
        )
        object.__setattr__(self, "holidays", tuple(sorted({_day(value) for value in self.holidays})))

    def _repr_html_(self) -> str:
        week = {
            day: ", ".join(f"{opens} to {closes}" for opens, closes in self.week[day]) or "closed"
            for day in WEEKDAYS
        }
        days = ", ".join(day.isoformat() for day in self.holidays)
        return facts_html(f"Business hours, {self.timezone}", week | {"holidays": days})

    def minutes_between(self, start: Any, end: Any) -> NDArray[np.float64]:
        """Return the open minutes from start to end.

        Parameters
        ----------
        start, end : array-like of timestamps, shape (n,)
            Naive ones are in UTC, others are converted. A missing one gives NaN.

        Returns
        -------
        ndarray, shape (n,)
            Negative where end is before start.

        Raises
        ------
        ArgumentError
            If something is not a moment, or lengths differ.
        """
        first, last = (_utc(name, values) for name, values in (("start", start), ("end", end)))
        check_same_length(start=first, end=last)
        known = np.asarray(first.notna()) & np.asarray(last.notna())
        if not known.any():
            return np.full(len(first), np.nan)
        low = min(first[known].min(), last[known].min())
        high = max(first[known].max(), last[known].max())
        at, minutes = _clock(self._plan(), low.date(), high.date(), self.timezone)
        # The clock is piecewise linear: open minutes between two moments are a difference of two readings.
        ends = [np.interp(_seconds(values), at, minutes) for values in (first, last)]
        return np.where(known, ends[1] - ends[0], np.nan)

    def _plan(self) -> tuple[Any, ...]:
        week = tuple(_stretches(day, self.week[day]) for day in WEEKDAYS)
        return (week, tuple(self.holidays))


def _utc(name: str, values: ArrayLike) -> pd.DatetimeIndex:
    """Return naive moments in UTC; those with a time zone are converted."""
    try:
        moments = pd.DatetimeIndex(pd.to_datetime(pd.Series(values), utc=True))
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} holds something that is not a moment: {error}", wanted="times") from None
    return moments.tz_localize(None)


def _day(value: Any) -> date:
    try:
        if type(value) is date:
            return value
        return pd.Timestamp(value).date()
    except (TypeError, ValueError):
        raise ArgumentError(f"holiday {value!r} is not a date", wanted="a date or '2024-12-25'") from None


def _minute(text: Any) -> int:
    try:
        hour, minute = (int(part) for part in str(text).split(":"))
    except ValueError:
        hour, minute = -1, 0
    total = hour * 60 + minute
    if hour < 0 or not 0 <= minute < 60 or total > 1440:
        raise ArgumentError(f"time {text!r} cannot be read", wanted="HH:MM, from 00:00 to 24:00")
    return total


def _stretches(day: str, given: Any) -> tuple[tuple[int, int], ...]:
    try:
        stretches = tuple((_minute(opens), _minute(closes)) for opens, closes in given)
    except (TypeError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(
            f"hours of {day!r} are {given!r}", wanted="pairs such as ('09:00', '17:00')"
        ) from None
    wrong = [pair for pair in stretches if pair[0] >= pair[1]]
    # Stretches that overlap would count their common minutes twice.
    if wrong or any(later[0] < earlier[1] for earlier, later in pairwise(stretches)):
        raise ArgumentError(
            f"hours of {day!r} run backwards or overlap: {given!r}",
            wanted="stretches in order, opening before closing",
        )
    return stretches


def _seconds(moments: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Seconds since 1970; missing moments become NaN."""
    # Whole microseconds since 1970, exact in a double until the year 2255.
    micros = moments.astype("datetime64[us]").to_numpy().astype("int64").astype(np.float64)
    return np.where(moments.isna(), np.nan, micros / 1e6)


@lru_cache(maxsize=32)
def _clock(
    plan: tuple[Any, ...], first: date, last: date, timezone: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Piecewise linear clock: moments (seconds, UTC) and the open minutes run by then."""
    week, holidays = plan
    closed = set(holidays)
    zone = ZoneInfo(timezone)
    # Opening and closing moments of all days, with the open minutes run by each.
    at, minutes, total = [], [], 0.0
    # Two days on either side: UTC and local dates differ by a day at most, and the clock covers both ends.
    day = first - timedelta(days=2)
    while day <= last + timedelta(days=2):
        # A holiday is closed all day, whatever the week says.
        for opens, closes in () if day in closed else week[day.weekday()]:
            start, end = (_moment(day, minute, zone) for minute in (opens, closes))
            if end > start:
                at += [start, end]
                minutes += [total, total + (end - start) / 60]
                total = minutes[-1]
        day += timedelta(days=1)
    # np.interp wants a point; with a single one the clock stands still and all open time is 0.
    if not at:  # a holiday season longer than the data
        at, minutes = [0.0], [0.0]
    return np.asarray(at), np.asarray(minutes)


def _moment(day: date, minute: int, zone: ZoneInfo) -> float:
    """Seconds since 1970 of a local wall-clock time; one that a clock change skips falls an hour later."""
    days, rest = divmod(minute, 1440)
    # 24:00 is 00:00 of the next day: datetime knows no hour 24.
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), tzinfo=zone)
    return local.astimezone(UTC).timestamp()
