"""Support metrics by any group and period, for metric tables and scorecards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.data.engine import collect
from cxresearch.metrics.base.cell_estimates import NONE, each_cell, follows, others, shares
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import Above, Choice, Option
from cxresearch.metrics.support.business_hours import BusinessHours
from cxresearch.metrics.support.ticket_times import LABELS, TICKET_TIMES, count_times, curve_of_counts
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import WILSON
from cxresearch.stats.intervals.ratio import poisson_rate
from cxresearch.stats.survival.reached_share import share_reached

#: The promise, in hours of the chosen clock, and what has to happen in time.
TARGET_HOURS = Above("target_hours", 48)
SLA_OF = Choice("sla_of", "resolution", choices=tuple(TICKET_TIMES))


@dataclass(frozen=True)
class _HoursOption(Option):
    """Business hours; without them all times are those of the calendar."""

    def check(self, value: Any) -> None:
        """Refuse what is none."""
        self.refuse(value, BusinessHours, wanted="BusinessHours")


HOURS = _HoursOption("hours")
_CREATED = "tickets created, open ones censored at the data cut"


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return what the columns of the tickets table allow.

    ``tickets``; for first reply, resolution and wait ``<time>_median_hours`` and ``<time>_p90_hours``;
    ``sla_attainment`` (options ``target_hours``, 48 by default, and ``sla_of``), ``reopen_rate`` and
    ``interactions_per_ticket``. Option ``hours``, a
    `BusinessHours`, makes all times working time. Periods are those of creation.
    """
    if "tickets" not in study.tables:
        return ()
    names = study.table("tickets").collect_schema().names()
    metrics = [_volume()]
    for time, column in TICKET_TIMES.items():
        if column in names:
            metrics += [_time(time, "median", 0.5), _time(time, "p90", 0.9)]
    if "resolved_at" in names:
        metrics.append(_sla())
        if "reopens" in names:
            metrics.append(_reopened())
    if "replies" in names:
        metrics.append(_interactions())
    return tuple(metrics)


def _volume() -> Metric:
    return Metric(
        name="tickets",
        label="Tickets",
        unit=Unit.COUNT,
        good="",
        denominator="tickets created",
        family=count_tickets,
        estimate=_tickets,
        collapse=_collapse,
        days="proportional",
        definition="tickets created in the period; changes between periods are those of tickets a day",
    )


def _time(time: str, name: str, p: float) -> Metric:
    words, wait = {"median": "median", "p90": "90th percentile"}[name], time == "wait"
    return Metric(
        name=f"{time}_{name}_hours",
        label=f"{LABELS[time].capitalize()}, {words}",
        unit=Unit.HOURS,
        good="low",
        denominator="tickets with a recorded wait" if wait else _CREATED,
        family=_FAMILIES[time],
        options=(HOURS,),
        estimate=_quantile(p),
        collapse=_collapse,
        difference="none",
        definition=f"Kaplan-Meier {words} of the {'recorded wait' if wait else 'time to ' + LABELS[time]}",
    )


def _sla() -> Metric:
    return Metric(
        name="sla_attainment",
        label="SLA attainment",
        unit=Unit.SHARE,
        good="high",
        denominator=_CREATED,
        family=_FAMILIES["resolution"],
        family_by=_promised,
        options=(TARGET_HOURS, SLA_OF, HOURS),
        estimate=_attained,
        collapse=_collapse,
        rest=_rest,
        definition="1 - Kaplan-Meier of the time to resolution at the target (48 h unless said otherwise)",
    )


def _reopened() -> Metric:
    return Metric(
        name="reopen_rate",
        label="Reopen rate",
        unit=Unit.SHARE,
        good="low",
        denominator="resolved tickets",
        family=count_tickets,
        estimate=_reopen_rate,
        collapse=_collapse,
        rest=_rest,
        definition="resolved tickets reopened at least once / resolved tickets",
    )


def _interactions() -> Metric:
    return Metric(
        name="interactions_per_ticket",
        label="Interactions per ticket",
        unit=Unit.RATIO,
        good="low",
        denominator="resolved tickets with a number of replies",
        family=count_tickets,
        estimate=_mean_replies,
        collapse=_collapse,
        rest=_rest,
        definition="replies of resolved tickets / resolved tickets; open ones go on collecting them",
    )


def _family(time: str) -> Callable[[Any, Query], pd.DataFrame]:
    def family(study: Any, query: Query) -> pd.DataFrame:
        return count_times(study, time, query, hours=HOURS.of(query))

    return family


_FAMILIES = {time: _family(time) for time in TICKET_TIMES}


def _promised(query: Query) -> Callable[[Any, Query], pd.DataFrame]:
    """Return the family of the time that a promise is about."""
    return _FAMILIES[SLA_OF.of(query)]


def count_tickets(study: Any, query: Query) -> pd.DataFrame:
    """Count tickets by cell: ``n, resolved, reopened`` and, of replies, ``t_n, t_sum, t_square``."""
    names = study.table("tickets").collect_schema().names()
    keep = tuple(name for name in ("resolved_at", "reopens", "replies") if name in names)
    rows = cells_of(study, "tickets", query, time="created_at", keep=("created_at", *keep))
    none, one, sums = nw.lit(0), nw.lit(1), [nw.len().alias("n")]
    counted = {"resolved": none, "reopened": none}
    if {"resolved_at", "reopens"} <= set(keep):
        known = ~nw.col("resolved_at").is_null() & ~nw.col("reopens").is_null()
        counted["resolved"] = nw.when(known).then(one).otherwise(none)
        counted["reopened"] = nw.when(known & (nw.col("reopens") > 0)).then(one).otherwise(none)
    if "replies" in keep:
        told = ~nw.col("replies").is_null()
        if "resolved_at" in keep:
            # Replies of open tickets are still to come: their number so far would draw the mean down.
            told = told & ~nw.col("resolved_at").is_null()
        number = nw.col("replies").cast(nw.Float64())
        counted["t_n"] = nw.when(told).then(one).otherwise(none)
        counted["t_sum"] = nw.when(told).then(number).otherwise(nw.lit(0.0))
        counted["t_square"] = nw.when(told).then(number * number).otherwise(nw.lit(0.0))
    rows = rows.with_columns(**counted)
    sums += [nw.col(name).sum() for name in counted]
    if not query.keys:
        return collect(rows.select(*sums))
    return collect(rows.group_by(list(query.keys)).agg(*sums)).sort_values(
        list(query.keys), ignore_index=True
    )


_SUMMED = ("n", "resolved", "reopened", "t_n", "t_sum", "t_square")


def _collapse(counts: pd.DataFrame, query: Query, coarser: Query) -> pd.DataFrame | None:
    """Return the counts of coarser cells, or None where they do not follow."""
    # A ticket stands in one cell, so counts of tickets add up over groups.
    if not follows(query, coarser):
        return None
    return _summed(counts, [*coarser.keys, *_kept(counts, query)])


def _kept(counts: pd.DataFrame, query: Query) -> list[str]:
    """Columns that tell counts within a cell apart: minutes and event."""
    return [str(name) for name in counts if name not in (*query.keys, *_SUMMED)]


def _summed(counts: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    sums = [name for name in _SUMMED if name in counts]
    if not keys:
        return counts[sums].sum().to_frame().T
    return counts.groupby(keys, dropna=False, as_index=False)[sums].sum()


def _rest(counts: pd.DataFrame, query: Query, column: str) -> pd.DataFrame:
    """Return counts in which each group of a column stands for all the others together."""
    return _summed(others(counts, column), [*query.keys, *_kept(counts, query)])


def _tickets(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    # Garwood (1936): exact limits of a Poisson count.
    bounds = [poisson_rate(int(n), 1.0, level=query.level) for n in counts["n"]]
    _, low, high = np.array(bounds).reshape(-1, 3).T
    return counts[list(query.keys)].assign(
        value=counts["n"].astype(float),
        low=low,
        high=high,
        se=np.sqrt(counts["n"]),
        n=counts["n"],
        n_missing=0,
        method="exact Poisson interval (Garwood 1936)",
    )


def _reopen_rate(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    rows = counts[counts["resolved"] > 0]
    n = rows["resolved"].to_numpy(float)
    return rows[list(query.keys)].assign(
        **shares(rows["reopened"].to_numpy(float), n, query.level),
        n=rows["resolved"].astype("int64"),
        n_missing=(rows["n"] - rows["resolved"]).astype("int64"),
        method=WILSON,
    )


def _mean_replies(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    rows = counts[counts["t_n"] > 0]
    n = rows["t_n"].to_numpy(float)
    mean, squares = rows["t_sum"].to_numpy(float) / n, rows["t_square"].to_numpy(float)
    known = np.where(n > 1, n, np.nan)
    # s^2 = (sum y^2 - n m^2) / (n - 1); se = s / sqrt(n).
    se = np.sqrt(np.maximum(squares - n * mean**2, 0.0) / (known - 1) / known)
    reach = stats.t.ppf((1 + query.level) / 2, np.maximum(n - 1, 1)) * se
    return rows[list(query.keys)].assign(
        value=mean,
        low=np.maximum(mean - reach, 0.0),
        high=mean + reach,
        se=se,
        n=rows["t_n"].astype("int64"),
        n_missing=(rows["n"] - rows["t_n"]).astype("int64"),
        method="mean, Student's t",
    )


def _quantile(p: float) -> Callable[[pd.DataFrame, Query], pd.DataFrame]:
    def estimate(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
        def cell(rows: pd.DataFrame) -> tuple[Any, ...]:
            quantile = curve_of_counts(rows, level=query.level).quantile(p)
            return quantile.value, quantile.low, quantile.high, np.nan, quantile.n, 0, quantile.method

        return each_cell(counts, query, cell)

    return estimate


def _attained(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    target = float(TARGET_HOURS.of(query))

    def cell(rows: pd.DataFrame) -> tuple[Any, ...]:
        curve = curve_of_counts(rows, level=query.level)
        # 1 - S(t): open tickets are censored, those past the target are breaches.
        # 1 - S(target), with the limits of the curve at that time.
        value, low, high, se, limits, why = share_reached(curve, target)
        if np.isnan(value):
            method = NONE + why
        else:
            method = f"1 - Kaplan-Meier at {target:g} h, {limits}"
        return value, low, high, se, curve.n, 0, method

    return each_cell(counts, query, cell)
