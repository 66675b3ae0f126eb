"""Local time: offsets of a zone over the years, as columns of any engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache, reduce
from operator import and_, or_
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals as nw

from cxresearch.errors import ArgumentError

_FIRST_YEAR, _LAST_YEAR = 1990, 2037  # beyond it zone rules are guesses of the tz database


def local_to_utc(local: nw.Expr, timezone: str) -> nw.Expr:
    """Return the moments in UTC of naive local times.

    Of an hour that occurs twice when clocks go back the second is meant; one that is skipped counts from the
    old offset, as in files.

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.data.engine import collect, lazy
    >>> days = pd.DataFrame({"day": pd.to_datetime(["2024-02-01", "2024-07-01"])})
    >>> collect(lazy(days).select(utc=local_to_utc(nw.col("day"), "Europe/Berlin")))
                      utc
    0 2024-01-31 23:00:00
    1 2024-06-30 22:00:00
    """
    offset, steps = offset_steps(timezone)
    moment = local - timedelta(minutes=offset)
    for at, step in steps:
        offset += step
        # A local time that a clock change shows twice is read as the later one.
        since = local >= nw.lit(at + timedelta(minutes=offset))
        moment = nw.when(since).then(local - timedelta(minutes=offset)).otherwise(moment)
    return moment


def to_local(moment: nw.Expr, timezone: str) -> nw.Expr:
    """Return local times; the offset that held most often is added without a condition."""
    spans = offset_spans(timezone)
    # Nested conditions cost the engine time: the most frequent offset is added without one.
    usual = max(spans, key=lambda offset: len(spans[offset]))
    local = moment + timedelta(minutes=usual) if usual else moment
    for offset, held in spans.items():
        if offset != usual:
            within = reduce(or_, [_between(moment, *span) for span in held])
            local = nw.when(within).then(moment + timedelta(minutes=offset)).otherwise(local)
    return local


def _between(moment: nw.Expr, start: datetime | None, end: datetime | None) -> nw.Expr:
    bounds = []
    if start is not None:
        bounds.append(moment >= nw.lit(start))
    if end is not None:
        bounds.append(moment < nw.lit(end))
    if not bounds:
        return nw.lit(value=True)
    return reduce(and_, bounds)


Span = tuple[datetime | None, datetime | None]


def offset_spans(timezone: str) -> dict[int, list[Span]]:
    """Return when each offset from UTC (in minutes) held: spans from and to, open where no change is known.

    Examples
    --------
    >>> offset_spans("Asia/Kolkata")
    {330: [(None, None)]}
    """
    offset, steps = offset_steps(timezone)
    spans: dict[int, list[Span]] = {}
    start: datetime | None = None
    for at, step in steps:
        spans.setdefault(offset, []).append((start, at))
        start, offset = at, offset + step
    spans.setdefault(offset, []).append((start, None))
    return spans


@lru_cache(maxsize=64)
def offset_steps(timezone: str) -> tuple[int, tuple[tuple[datetime, int], ...]]:
    """Return a zone's offset from UTC in 1990 and its changes since: (naive UTC moment, step), in minutes.

    Examples
    --------
    >>> offset_steps("Asia/Kolkata")
    (330, ())
    >>> offset_steps("Europe/Berlin")[1][0]
    (datetime.datetime(1990, 3, 25, 1, 0), 60)
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ArgumentError(
            f"time zone {timezone!r} is unknown", wanted="an IANA name such as 'Europe/Berlin' or 'UTC'"
        ) from None

    def minutes(moment: datetime) -> int:
        shift = moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()
        return round(shift.total_seconds() / 60)

    start, end = datetime(_FIRST_YEAR, 1, 1), datetime(_LAST_YEAR + 1, 1, 1)
    steps: list[tuple[datetime, int]] = []
    moment, known = start, minutes(start)
    while moment < end:
        # One look a week, then bisection: only a change undone within the same week would be missed.
        later = moment + timedelta(days=7)
        if minutes(later) != known:
            change = _first_change(minutes, moment, later)
            steps.append((change, minutes(change) - known))
            known = minutes(change)
        moment = later
    return minutes(start), tuple(steps)


def _first_change(minutes: Any, before: datetime, after: datetime) -> datetime:
    """Find by bisection, to the minute, when the offset stops being what it was."""
    known = minutes(before)
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) / 2
        middle = middle.replace(second=0, microsecond=0)
        if middle <= before:
            break
        # Bisection: the change lies after the middle while the offset there is still the old one.
        before, after = (middle, after) if minutes(middle) == known else (before, middle)
    return after
