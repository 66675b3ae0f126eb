"""Support: how many tickets, how much work in each, how many come back, how many get solved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_choice, check_columns, check_level, check_number
from cxresearch.data.engine import EVERY, Every, collect, minutes_between
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.group_columns import cells_of, neutral_groups, users_names, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.periods import complete_periods, period_steps
from cxresearch.metrics.support.ticket_times import count_times, curve_of_counts
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.stats.survival.reached_share import share_reached

if TYPE_CHECKING:
    from cxresearch.data.study import Study


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TicketAgeing(Result):
    """How long the open tickets have been waiting at the data cut.

    Attributes
    ----------
    table : DataFrame
        One row for each group and band: columns of ``by``, ``from_hours, to_hours`` (infinite for the last),
        ``band`` (its label), ``n``.
    by : tuple of str
        Group columns.
    n : int
        Open tickets.
    observed_until : datetime
        The data cut, naive UTC.
    name : str
        Name of the study.
    """

    table: pd.DataFrame
    n: int
    observed_until: datetime
    by: tuple[str, ...] = ()
    name: str = ""

    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Open tickets by how long they have waited",
            groups_first=True,
            columns=(
                Column(name="from_hours", label="from", meaning="lower end of the band", unit=Unit.HOURS),
                Column(name="to_hours", label="to", meaning="upper end, infinite", unit=Unit.HOURS),
                Column(name="band", label="age", meaning="the band in words"),
                Column(name="n", label="n", meaning="open tickets", unit=Unit.COUNT),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """How many tickets are open, and how many of them have waited longest."""
        oldest = self.table[self.table["to_hours"] == math.inf]
        said = f"{self.n:,} open tickets on {self.observed_until:%Y-%m-%d %H:%M} UTC"
        if not len(oldest):
            return f"{said}."
        return f"{said}; {int(oldest['n'].sum()):,} of them {oldest['band'].iloc[0]} old."

    def __str__(self) -> str:
        table = self.table[[*self.by, "band", "n"]].to_string(index=False)
        return f"{self.n:,} open tickets on {self.observed_until:%Y-%m-%d %H:%M} UTC, by age\n{table}"

    __repr__ = __str__

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean; bands are shown by their words alone."""
        return super().spec(name).without("from_hours", "to_hours")


def ticket_volume(
    study: Study, *, every: Every = "day", by: str | Sequence[str] | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Count the tickets created in each period, those without any included.

    Parameters
    ----------
    study : Study
        With table ``tickets``.
    every : {"day", "week", "month", "quarter", "year"}
        Period, in the study's time zone.
    by : str or sequence of str, optional
        Columns of tickets or customers.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        ``by``, ``period``, ``tickets``, ``low, high`` (exact Poisson, Garwood 1936: what the level behind
        the count may be, if tickets arrive independently; outages make it too short), ``complete`` (the
        period had ended by the data cut).

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> ticket_volume(example_study())[["tickets", "complete"]]
       tickets  complete
    0        5      True
    1        0      True
    """
    check_choice("every", every, EVERY)
    check_level(level)
    grouped, query = neutral_groups(study, Query(by=check_columns("by", by), every=every))
    rows = cells_of(grouped, "tickets", query, time="created_at")
    counts = collect(rows.group_by(list(query.keys)).agg(nw.len().alias("tickets")))
    if counts.empty:
        raise DataError("there is no ticket", where="table tickets")
    periods = pd.DataFrame({"period": period_steps(study, counts["period"].min(), every)})
    cells = periods
    if query.by:
        # A period without tickets is a count of 0 with an upper limit, no missing row.
        cells = counts[list(query.by)].drop_duplicates().merge(periods, how="cross")
    table = cells.merge(counts, on=list(query.keys), how="left").sort_values(
        list(query.keys), ignore_index=True
    )
    count = table["tickets"].fillna(0).astype("int64")
    # Garwood (1936): chi2(tail, 2 n) / 2 and chi2(1 - tail, 2 n + 2) / 2.
    tail = (1 - level) / 2
    low = np.where(count > 0, stats.chi2.ppf(tail, 2 * np.maximum(count, 1)) / 2, 0.0)
    high = stats.chi2.ppf(1 - tail, 2 * count + 2) / 2
    complete = complete_periods(study, table["period"], every)
    return with_users_names(table.assign(tickets=count, low=low, high=high, complete=complete), query)


def resolution_rate(
    study: Study,
    *,
    within_days: float = 30,
    every: Every = "month",
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the share of the tickets of each creation cohort resolved within some days.

    Solved in a month over created in it is no rate: the two are different tickets, and a backlog worked off
    looks like more than 100 %.

    Parameters
    ----------
    study : Study
        With table ``tickets`` and its column ``resolved_at``.
    within_days : float
        Days after creation.
    every : {"day", "week", "month", "quarter", "year"}
        Cohort: period of creation.
    by : str or sequence of str, optional
        Columns of tickets or customers.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        ``by``, ``period``, ``n`` (created), ``open`` (at the data cut), ``value, low, high, se`` (1 -
        Kaplan-Meier at ``within_days``; NaN where no ticket of the cohort is old enough),
        ``resolved_so_far`` (naive share).

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> resolution_rate(example_study(), within_days=0.25)[["n", "open", "value", "resolved_so_far"]]
       n  open  value  resolved_so_far
    0  5     1    0.8              0.8
    """
    check_number("within_days", within_days, above=0)
    query = Query(by=check_columns("by", by), every=every, level=check_level(level))
    grouped, query = neutral_groups(study, query)
    counts = count_times(grouped, "resolution", query)
    rows = []
    for key, cell in counts.groupby(list(query.keys), dropna=False, sort=True):
        # 1 - S(t) of the cohort; a young cohort is censored, not counted as unsolved.
        got = share_reached(curve_of_counts(cell, level=level), 24 * within_days)
        n, still = int(cell["n"].sum()), int(cell.loc[cell["event"] == 0, "n"].sum())
        rows.append((*key, n, still, got.value, got.low, got.high, got.se, 1 - still / n))
    names = ["n", "open", "value", "low", "high", "se", "resolved_so_far"]
    return with_users_names(pd.DataFrame(rows, columns=[*query.keys, *names]), query)


def ticket_ageing(
    study: Study,
    *,
    edges_hours: Sequence[float] = (0, 24, 48, 168, 720),
    by: str | Sequence[str] | None = None,
) -> TicketAgeing:
    """Return how long the open tickets have waited at the data cut.

    Parameters
    ----------
    study : Study
        With table ``tickets`` and its column ``resolved_at``.
    edges_hours : sequence of float
        Lower ends of the bands, rising, the first 0.
    by : str or sequence of str, optional
        Columns of tickets or customers.

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> ticket_ageing(example_study()).table["n"].tolist()
    [0, 1, 0, 0, 0]
    """
    edges = np.asarray(edges_hours, dtype=float)
    if edges.ndim != 1 or not len(edges) or edges[0] != 0 or (np.diff(edges) <= 0).any():
        raise ArgumentError(f"edges_hours is {edges_hours!r}", wanted="rising numbers, the first 0")
    grouped, query = neutral_groups(study, Query(by=check_columns("by", by)))
    if "resolved_at" not in study.table("tickets").collect_schema().names():
        raise DataError("tickets has no column resolved_at", next_step="map it in the study file")
    rows = cells_of(grouped, "tickets", query, time="created_at", keep=("created_at", "resolved_at"))
    rows = rows.filter(nw.col("resolved_at").is_null())
    # Age of an open ticket at the data cut.
    hours = minutes_between(nw.col("created_at"), nw.lit(study.observed_until)) / 60
    rows = rows.with_columns(hours=hours)
    # Bands are closed below and open above: an age of exactly 24 h lies in "1 to 2 d".
    band = nw.lit(0)
    for index, edge in enumerate(edges[1:], start=1):
        band = nw.when(nw.col("hours") >= float(edge)).then(nw.lit(index)).otherwise(band)
    counts = collect(rows.with_columns(code=band).group_by([*query.by, "code"]).agg(nw.len().alias("n")))
    ends = np.append(edges[1:], np.inf)
    labels = [_band(start, end) for start, end in zip(edges, ends, strict=True)]
    bands = pd.DataFrame({"code": range(len(edges)), "from_hours": edges, "to_hours": ends, "band": labels})
    cells = bands
    if query.by:
        cells = counts[list(query.by)].drop_duplicates().merge(bands, how="cross")
    table = cells.merge(counts, on=[*query.by, "code"], how="left").sort_values(
        [*query.by, "code"], ignore_index=True
    )
    table["n"] = table["n"].fillna(0).astype("int64")
    table = table[[*query.by, "from_hours", "to_hours", "band", "n"]]
    names = users_names(query, table)
    return TicketAgeing(
        table=table.rename(columns=names),
        n=int(table["n"].sum()),
        observed_until=study.observed_until,
        by=tuple(names.values()),
        name=study.name,
    )


def _band(start: float, end: float) -> str:
    unit, size = ("d", 24.0) if start >= 24 or (start == 0 and end > 24) else ("h", 1.0)
    if math.isinf(end):
        return f"over {start / size:g} {unit}"
    if start == 0:
        return f"under {end / size:g} {unit}"
    return f"{start / size:g} to {end / size:g} {unit}"
