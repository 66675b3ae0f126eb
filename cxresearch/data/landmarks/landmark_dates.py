"""When the landmarks are: a calendar grid in the study's time zone, or dates that somebody gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from cxresearch.errors import ArgumentError

#: ISO texts without a time of day: 2024-07-01, 20240701, 2024-W27, 2024-W27-1.
_DATE = re.compile(r"\d{4}-?(\d{2}-?\d{2}|W\d{2}(-?\d)?)")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
#: Quarters and years differ in length by this much; outcomes that overlap by no more still count as apart.
CALENDAR_SLACK_DAYS = 3.0

Day = date | datetime | str


def as_instant(name: str, value: Day, timezone: str) -> datetime:
    """Return a naive UTC instant.

    A date, or text without a time, is midnight in the study's time zone; a naive datetime is UTC, as
    everywhere in a study; a datetime with a zone is converted.

    Examples
    --------
    >>> as_instant("first", "2024-07-01", "Europe/Berlin")
    datetime.datetime(2024, 6, 30, 22, 0)
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if _DATE.fullmatch(value) else datetime.fromisoformat(value)
        except ValueError:
            raise ArgumentError(f"{name} is {value!r}", wanted="a date such as '2024-01-01'") from None
    if value != value:  # noqa: PLR0124 - NaT is a datetime that equals nothing
        raise ArgumentError(f"{name} holds a missing date", wanted="a date such as '2024-01-01'")
    if isinstance(value, datetime):
        moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return datetime(*moment.timetuple()[:6], moment.microsecond)
    if not isinstance(value, date):
        raise ArgumentError(f"{name} is {value!r}", wanted="a date such as '2024-01-01'")
    midnight = datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(timezone))
    return midnight.astimezone(UTC).replace(tzinfo=None)


def given_landmarks(dates: Sequence[Day], *, timezone: str, apart_days: float) -> tuple[datetime, ...]:
    """Return the given dates in order, refusing repeats and dates closer together than ``apart_days``.

    Raises
    ------
    ArgumentError
        If there is no date, one comes twice, or two lie too close together.
    """
    moments = sorted(as_instant("every", value, timezone) for value in dates)
    if not moments:
        raise ArgumentError("every holds no date", wanted="'month', 'quarter', 'year' or at least one date")
    for earlier, later in pairwise(moments):
        if earlier == later:
            raise ArgumentError(f"every holds {earlier:%Y-%m-%d} twice", wanted="distinct dates")
        if later - earlier < timedelta(days=apart_days - CALENDAR_SLACK_DAYS):
            raise ArgumentError(
                f"landmarks {earlier:%Y-%m-%d} and {later:%Y-%m-%d} are closer than the horizon",
                wanted=f"at least {apart_days:g} days between landmarks",
                next_step="leave dates out, shorten horizon_days, or pass stacked=True",
            )
    return tuple(moments)


def calendar_landmarks(
    every: str, start: datetime, end: datetime, *, timezone: str, apart_days: float
) -> tuple[datetime, ...]:
    """Return the starts of periods from ``start`` to ``end``, both included.

    Periods are passed over until ``apart_days`` lie behind the landmark before (three less will do, for the
    calendar's sake). With the horizon there, no two rows of a customer share an outcome.

    Parameters
    ----------
    every : {"month", "quarter", "year"}
        Periods of the local calendar.
    start, end : datetime
        Naive UTC.

    Examples
    --------
    >>> from datetime import datetime
    >>> span = datetime(2023, 1, 1), datetime(2024, 1, 1)
    >>> found = calendar_landmarks("quarter", *span, timezone="UTC", apart_days=180)
    >>> [f"{moment:%Y-%m-%d}" for moment in found]
    ['2023-01-01', '2023-07-01', '2024-01-01']
    """
    step = _MONTHS[every]
    local = start.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    month = (local.year * 12 + local.month - 1) // step * step
    apart = timedelta(days=apart_days - CALENDAR_SLACK_DAYS)
    found: list[datetime] = []
    while True:
        moment = as_instant("first", date(month // 12, month % 12 + 1, 1), timezone)
        month += step
        if moment > end:
            return tuple(found)
        if moment >= start and (not found or moment - found[-1] >= apart):
            found.append(moment)
