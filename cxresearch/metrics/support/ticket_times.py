"""Times of tickets (first reply, resolution, wait) as survival data: an open ticket is censored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_columns, check_level
from cxresearch.data.engine import Every, collect, minutes_between
from cxresearch.errors import DataError
from cxresearch.metrics.base.group_columns import cells_of, neutral_groups, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.results.units import Unit
from cxresearch.stats.survival.kaplan_meier import kaplan_meier

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.metrics.support.business_hours import BusinessHours
    from cxresearch.stats.survival.survival_curve import KaplanMeier

TicketTime = Literal["first_reply", "resolution", "wait"]

#: Column that ends each time.
TICKET_TIMES = {"first_reply": "first_replied_at", "resolution": "resolved_at", "wait": "wait_minutes"}
LABELS = {"first_reply": "first reply", "resolution": "resolution", "wait": "wait"}


def count_times(study: Study, time: str, query: Query, *, hours: BusinessHours | None = None) -> pd.DataFrame:
    """Return how many tickets took how long, to the minute: the sufficient statistic of every ticket time.

    Parameters
    ----------
    study : Study
        With table ``tickets``.
    time : {"first_reply", "resolution", "wait"}
        Needs column ``first_replied_at``, ``resolved_at`` or ``wait_minutes``.
    query : Query
        Cells; the period is that of creation.
    hours : BusinessHours, optional
        Count working time only. Without it the calendar.

    Returns
    -------
    DataFrame
        Columns ``query.keys``, ``minutes`` (whole), ``event`` (1 ended, 0 still open at the data cut),
        ``n``. A ticket resolved without a recorded reply is censored for the first reply when it is
        resolved. Waits are recorded complete; tickets without one are left out.

    Raises
    ------
    DataError
        If the table lacks the column.
    """
    column = TICKET_TIMES[check_choice("time", time, TICKET_TIMES)]
    names = study.table("tickets").collect_schema().names()
    if column not in names:
        raise DataError(f"tickets has no column {column}", next_step="map it in the study file")
    keys = list(query.keys)
    extra: tuple[str, ...] = ()
    if time == "first_reply" and "resolved_at" in names:
        # A ticket closed without a reply gets none any more: its wait for one is censored at the closing.
        extra = ("resolved_at",)
    rows = cells_of(study, "tickets", query, time="created_at", keep=("created_at", column, *extra))
    if time == "wait":
        # A recorded wait is over when it is written down: no censoring, every row an event.
        rows = rows.filter(~nw.col(column).is_null())
        rows = rows.with_columns(minutes=(nw.col(column) + 0.5).floor().cast(nw.Int64), event=nw.lit(1))
        return _counted(rows, keys)
    rows = rows.with_columns(event=(~nw.col(column).is_null()).cast(nw.Int64), end=_end(study, column, extra))
    if hours is not None:
        return _in_business_hours(rows, keys, hours)
    # Whole minutes: as fine as any promise, and few different values to count.
    spent = minutes_between(nw.col("created_at"), nw.col("end"))
    return _counted(rows.with_columns(minutes=(spent + 0.5).floor().cast(nw.Int64)), keys)


def _end(study: Study, column: str, extra: tuple[str, ...]) -> nw.Expr:
    end = nw.col(column)
    if extra:
        end = nw.when(end.is_null()).then(nw.col("resolved_at")).otherwise(end)
    return nw.when(end.is_null()).then(nw.lit(study.observed_until)).otherwise(end)


def _counted(rows: nw.LazyFrame[Any], keys: list[str]) -> pd.DataFrame:
    counts = collect(rows.group_by([*keys, "minutes", "event"]).agg(nw.len().alias("n")))
    return counts.sort_values([*keys, "minutes"]).reset_index(drop=True)


def _in_business_hours(rows: nw.LazyFrame[Any], keys: list[str], hours: BusinessHours) -> pd.DataFrame:
    """Working time needs the moments themselves: they come home, the sums are vectorised."""
    times = collect(rows.select(*keys, "created_at", "end", "event"))
    spent = hours.minutes_between(times["created_at"], times["end"])
    times["minutes"] = np.floor(spent + 0.5).astype("int64")
    return times.groupby([*keys, "minutes", "event"], dropna=False).size().rename("n").reset_index()


def ticket_curve(
    study: Study,
    time: TicketTime,
    *,
    hours: BusinessHours | None = None,
    level: float = 0.95,
) -> KaplanMeier:
    """Return the Kaplan-Meier curve of a ticket time, in hours.

    Parameters
    ----------
    study : Study
        With table ``tickets``.
    time : {"first_reply", "resolution", "wait"}
        What ends the time.
    hours : BusinessHours, optional
        Count working time only: a different metric, not a correction of the other.
    level : float
        Confidence level.

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> ticket_curve(example_study(), "resolution").median
    median time 6.0 [2.0, unbounded] h, n 5
    """
    return curve_of_counts(count_times(study, time, Query(), hours=hours), level=level)


def curve_of_counts(counts: pd.DataFrame, *, level: float) -> KaplanMeier:
    """Return the curve of counted minutes, in hours."""
    return kaplan_meier(
        counts["minutes"].to_numpy(float) / 60,
        counts["event"].to_numpy(),
        counts=counts["n"].to_numpy(),
        level=level,
        unit=Unit.HOURS,
    )


def ticket_times(
    study: Study,
    time: TicketTime,
    *,
    by: str | Sequence[str] | None = None,
    every: Every | None = None,
    hours: BusinessHours | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return median and 90th percentile of a ticket time, beside the mean of the finished ones.

    Parameters
    ----------
    study : Study
        With table ``tickets``.
    time : {"first_reply", "resolution", "wait"}
        What ends the time.
    by : str or sequence of str, optional
        Columns of tickets (``channel``, ``team``, ``category`` ...) or of customers.
    every : {"day", "week", "month", "quarter", "year"}, optional
        Period of creation.
    hours : BusinessHours, optional
        Count working time only.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row a cell, hours throughout: ``by``, ``period``, ``time, clock`` (calendar or business), ``n,
        open``, ``median, median_low, median_high, p90, p90_low, p90_high`` (Kaplan-Meier; NaN not reached,
        infinite upper limit), ``mean_of_finished`` (the naive mean, which forgets the tickets that take
        longest).

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> ticket_times(example_study(), "resolution")[["n", "open", "median", "mean_of_finished"]]
       n  open  median  mean_of_finished
    0  5     1     6.0               4.0
    """
    check_level(level)
    grouped, query = neutral_groups(study, Query(by=check_columns("by", by), every=every, level=level))
    counts = count_times(grouped, time, query, hours=hours)
    clock = "business"
    if hours is None:
        clock = "calendar"
    rows = []
    for key, cell in _cells(counts, list(query.keys)):
        # Kaplan-Meier quantiles: the first time at which S(t) is at most 1 - p.
        median, late = (curve_of_counts(cell, level=level).quantile(p) for p in (0.5, 0.9))
        done = cell[cell["event"] == 1]
        n, finished = int(cell["n"].sum()), int(done["n"].sum())
        mean = np.nan
        if finished:
            # Mean of the finished alone, in hours: too low while slow tickets are open, so only beside.
            mean = float((done["minutes"] * done["n"]).sum() / finished / 60)
        six = (median.value, median.low, median.high, late.value, late.low, late.high)
        rows.append((*key, time, clock, n, n - finished, *six, mean))
    six_names = ["median", "median_low", "median_high", "p90", "p90_low", "p90_high"]
    names = [*query.keys, "time", "clock", "n", "open", *six_names, "mean_of_finished"]
    return with_users_names(pd.DataFrame(rows, columns=names), query)


def _cells(counts: pd.DataFrame, keys: list[str]) -> Any:
    if not keys:
        if len(counts):
            return [((), counts)]
        return []
    return counts.groupby(keys, dropna=False, sort=True)
