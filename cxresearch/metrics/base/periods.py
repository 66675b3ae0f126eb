"""Which periods there are up to the data cut, and which of them had ended."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from cxresearch.errors import ArgumentError
from cxresearch.units_of_time import PANDAS_PERIODS
from cxresearch.wording import only_if

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.engine import Every
    from cxresearch.data.study import Study


_ALLOWED = " allowed for"


def days_of(starts: Any, every: Every) -> NDArray[np.float64]:
    """Return the number of calendar days of the periods that begin on these days.

    Examples
    --------
    >>> days_of(pd.to_datetime(["2024-01-01", "2024-02-01"]), "month").tolist()
    [31.0, 29.0]
    """
    # Calendar days, not hours: a clock change makes no day longer here.
    periods = pd.DatetimeIndex(starts).to_period(PANDAS_PERIODS[every])
    ends = (periods + 1).start_time
    return np.asarray((ends - periods.start_time) / pd.Timedelta(days=1), dtype=np.float64)


def scaled(cells: pd.DataFrame, factor: NDArray[np.float64]) -> pd.DataFrame:
    """Return cells with value and interval times a known factor of each row."""
    return cells.assign(**{name: cells[name].to_numpy(float) * factor for name in ("value", "low", "high")})


def allowing_for_days(
    plain: pd.DataFrame, shortened: pd.DataFrame, days: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> pd.DataFrame:
    """Return changes of a reach (who used anything, how many features) whose intervals allow for the days.

    A steady habit reaches more in more days, but never more than in proportion to them (the chance of no use
    in d days is convex in d for any stationary use). What the longer period would have reached in the days of
    the shorter one lies between its value (``plain``) and that value in proportion (``shortened``). The
    interval covers both, and the p-value is the larger one, or 1 where they point in different directions.
    """
    table = plain.copy()
    # Manski (1989): the union of both readings holds whatever the habit is.
    table["low"] = np.minimum(plain["low"], shortened["low"])
    table["high"] = np.maximum(plain["high"], shortened["high"])
    signs = np.sign(plain["difference"]), np.sign(shortened["difference"])
    # The larger of the two p-values: the change must hold under both readings.
    surer = plain["p_value"] < shortened["p_value"]
    agreed, known = signs[0] == signs[1], plain["p_value"].notna()
    for name, none in (("p_value", 1.0), ("statistic", 0.0)):
        weaker = plain[name].where(~surer, shortened[name])
        table[name] = weaker.where(agreed | ~known, none)
    table["p_adjusted"] = table["p_value"]
    table["test"] = [
        test + only_if(this != before, f", {this:.0f} days against {before:.0f}{_ALLOWED}")
        for test, this, before in zip(plain["test"], *days, strict=True)
    ]
    return table


def any_allowed(changes: pd.DataFrame) -> bool:
    """Return whether a change between periods of unlike length is among these."""
    return bool(changes["test"].astype(str).str.endswith(_ALLOWED).any())


_FREQUENCY = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS", "year": "YS"}


def local_cut(study: Study) -> pd.Timestamp:
    """Return the data cut as local clock time."""
    cut = pd.Timestamp(study.observed_until, tz=UTC)
    return cut.tz_convert(ZoneInfo(study.timezone)).tz_localize(None)


def period_starts(moments: pd.Series, every: str) -> pd.Series:
    """Return the first days of the periods of local moments."""
    starts: pd.Series = moments.dt.to_period(PANDAS_PERIODS[every]).dt.start_time
    return starts.astype("datetime64[us]")


def period_steps(study: Study, first: pd.Timestamp, every: str) -> pd.DatetimeIndex:
    """Return the first days of all periods from a given one to that of the data cut, local time."""
    return pd.date_range(first, local_cut(study), freq=_FREQUENCY[every], unit="us")


def complete_periods(study: Study, starts: Any, every: str, *, after_days: float = 0) -> NDArray[np.bool_]:
    """Return which periods had ended, and so many days after them, by the data cut.

    The one rule for bridges, rates, cohorts, use and scorecards: a cut less than a day before the end of a
    month, quarter or year counts as its end; of a day or a week in the last minute (``observed_until =
    2024-12-31`` is a microsecond short). A cut at the midnight that opens the last day is a whole day short.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> study = SimpleNamespace(observed_until=pd.Timestamp("2024-12-31 00:00:01"), timezone="UTC")
    >>> complete_periods(study, [pd.Timestamp("2024-12-01")], "month").tolist()
    [True]
    >>> complete_periods(study, [pd.Timestamp("2024-12-30"), pd.Timestamp("2024-12-31")], "day").tolist()
    [True, False]
    """
    # observed_until = 2024-12-31 23:59:59.999999 ends December: it is short by less than a day.
    step = pd.tseries.frequencies.to_offset(_FREQUENCY[every])
    ends = pd.DatetimeIndex([start + step for start in starts]) + pd.Timedelta(days=after_days)
    if every in ("day", "week"):
        short = pd.Timedelta(minutes=1)
    else:
        short = pd.Timedelta(days=1)
    return np.asarray(ends - short < local_cut(study))


def running_period(study: Study, every: str) -> pd.Timestamp:
    """Return the first day of the period of the data cut, local time."""
    return pd.Period(local_cut(study), freq=PANDAS_PERIODS[every]).start_time


def last_ended(study: Study, every: str) -> pd.Timestamp:
    """Return the first day of the last period that had ended by the data cut; see `complete_periods`."""
    running = running_period(study, every)
    if complete_periods(study, [running], every)[0]:
        return running
    return (pd.Period(running, freq=PANDAS_PERIODS[every]) - 1).start_time


def local_moment(period: Any) -> pd.Timestamp:
    """Return the moment that names a period, in local time.

    Raises
    ------
    ArgumentError
        If it is no date, or one with a time zone: periods are cut in the study's own.

    Examples
    --------
    >>> local_moment("2024-03")
    Timestamp('2024-03-01 00:00:00')
    """
    try:
        if isinstance(period, pd.Period):
            period = period.start_time
        moment = pd.Timestamp(period)
    except (TypeError, ValueError, OverflowError):
        moment = None
    if moment is None or pd.isna(moment) or moment.tz is not None:
        raise ArgumentError(
            f"period is {period!r}", wanted="a moment within it without a time zone, such as '2024-03'"
        )
    return moment


_LENGTHS = {
    "day": pd.DateOffset(days=1),
    "week": pd.DateOffset(days=7),
    "month": pd.DateOffset(months=1),
    "quarter": pd.DateOffset(months=3),
    "year": pd.DateOffset(years=1),
}


def next_period(start: Any, every: str) -> Any:
    """Return the first day of the period after the one that begins on a day."""
    # offsets of the local calendar: months differ in length, and no period begins between two of them
    return start + _LENGTHS[every]
