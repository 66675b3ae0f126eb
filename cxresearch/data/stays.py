"""A frame with when customers began and ended, as durations and events."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import narwhals as nw
import pandas as pd

from cxresearch.data.columns.frame_columns import columns_of_frame, spelled_column
from cxresearch.data.engine import collect, lazy
from cxresearch.data.study_file.parse_study_file import read_cut
from cxresearch.errors import ArgumentError, DataError
from cxresearch.units_of_time import DAYS_A_MONTH
from cxresearch.wording import shown

_SECONDS_A_DAY = 86_400.0


def stays_of(
    frame: Any,
    *,
    start: str,
    end: str,
    by: tuple[str, ...] = (),
    unit: str = "days",
    observed_until: datetime | date | str | None = None,
) -> tuple[pd.DataFrame, str]:
    """Return how long each customer stayed, and whether that was the end.

    Parameters
    ----------
    frame : frame
        Of any engine, a row a customer.
    start, end : str
        Columns of dates or times; an empty end is a customer who is still there. Case is forgiven.
    by : tuple of str
        Columns to hand on.
    unit : {"days", "months"}
        Unit of the durations.
    observed_until : datetime, date or str, optional
        The data cut. By default the last moment in the two columns, and the note says so.

    Returns
    -------
    stays : DataFrame
        Columns ``duration``, ``event`` and those of ``by``.
    note : str
        What was assumed; empty where nothing was.

    Raises
    ------
    ArgumentError
        If a column is not there.
    DataError
        If dates cannot be read, a start is missing or after the cut, or an end is not after its start.
    """
    names = columns_of_frame(frame)
    began, ended = (spelled_column(name, names) for name in (start, end))
    kept = [spelled_column(name, names, what="group column") for name in by]
    taken = [name for name in kept if name in ("duration", "event")]
    if taken:
        raise ArgumentError(f"group column {taken[0]!r} has the name of what is made", next_step="rename it")
    wanted = list(dict.fromkeys((began, ended, *kept)))
    rows = collect(lazy(frame).select(nw.col(*wanted)))
    starts, ends = _moments(rows[began], began), _moments(rows[ended], ended)
    if starts.isna().any():
        raise DataError(
            f"{int(starts.isna().sum()):,} rows have no {shown(began)}", next_step="leave them out"
        )
    note = ""
    if observed_until is None:
        cut = max(starts.max(), ends.max()) if ends.notna().any() else starts.max()
        note = (
            f"observed until {cut:%Y-%m-%d}, the last day in {began} and {ended}: give observed_until if the "
            "data are complete up to a later day"
        )
    else:
        cut = pd.Timestamp(read_cut(observed_until, "UTC", "observed_until"))
    # Who begins after the cut has been at risk for no time at all.
    if (starts > cut).any():
        raise DataError(
            f"{int((starts > cut).sum()):,} customers begin after the data cut {cut:%Y-%m-%d}",
            next_step="give a later observed_until, or leave them out",
        )
    if (ends < starts).any():
        raise DataError(f"{int((ends < starts).sum()):,} ends lie before their starts")
    # T = min(end, cut) - start; the event is seen if the end is not after the cut
    event = ends.notna() & (ends <= cut)
    duration = (ends.where(event, cut) - starts).dt.total_seconds() / _SECONDS_A_DAY
    if unit == "months":
        duration = duration / DAYS_A_MONTH
    return rows[kept].assign(duration=duration.to_numpy(), event=event.to_numpy().astype("int64")), note


def _moments(values: pd.Series[Any], column: str) -> pd.Series[Any]:
    """A column of dates, times or ISO texts as naive UTC."""
    try:
        moments = pd.to_datetime(values, utc=True, format="ISO8601")
    except (ValueError, TypeError):
        odd = next((value for value in values.dropna() if not _is_moment(value)), "")
        raise DataError(
            f"{shown(column)} holds {shown(odd)}, which is no date as it stands",
            wanted="dates, times, or texts such as 2024-12-31",
            next_step="pandas.to_datetime(..., format=...) reads other notations",
        ) from None
    return moments.dt.tz_localize(None)


def _is_moment(value: Any) -> bool:
    try:
        pd.to_datetime(value, utc=True, format="ISO8601")
    except (ValueError, TypeError):
        return False
    return True
