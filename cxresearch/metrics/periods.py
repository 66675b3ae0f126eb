"""Which periods there are up to the data cut, and which of them had ended."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study

_FREQUENCY = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS", "year": "YS"}
_SPAN = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


def local_cut(study: Study) -> pd.Timestamp:
    """Return the data cut as local clock time."""
    cut = pd.Timestamp(study.observed_until, tz=UTC)
    return cut.tz_convert(ZoneInfo(study.timezone)).tz_localize(None)


def period_starts(moments: pd.Series, every: str) -> pd.Series:
    """Return the first days of the periods of local moments."""
    starts: pd.Series = moments.dt.to_period(_SPAN[every]).dt.start_time
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
    step = pd.tseries.frequencies.to_offset(_FREQUENCY[every])
    ends = pd.DatetimeIndex([start + step for start in starts]) + pd.Timedelta(days=after_days)
    short = pd.Timedelta(minutes=1) if every in ("day", "week") else pd.Timedelta(days=1)
    return np.asarray(ends - short < local_cut(study))


def running_period(study: Study, every: str) -> pd.Timestamp:
    """Return the first day of the period of the data cut, local time."""
    return pd.Period(local_cut(study), freq=_SPAN[every]).start_time


def last_ended(study: Study, every: str) -> pd.Timestamp:
    """Return the first day of the last period that had ended by the data cut; see `complete_periods`."""
    running = running_period(study, every)
    if complete_periods(study, [running], every)[0]:
        return running
    return (pd.Period(running, freq=_SPAN[every]) - 1).start_time
