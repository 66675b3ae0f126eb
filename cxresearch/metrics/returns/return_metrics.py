"""Second purchases, customers won back and renewals by any group and period, for tables and scorecards."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect, days_between, period_start
from cxresearch.metrics.base.cell_estimates import NONE, each_cell, follows, others, shares
from cxresearch.metrics.base.group_columns import NoSuchGroupError
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import Days
from cxresearch.metrics.base.periods import complete_periods, local_cut, period_starts
from cxresearch.metrics.returns.returns_from_tables import departures, purchases_by_customer, renewals_due
from cxresearch.metrics.revenue.revenue_profiles import PROFILE, revenue_profile
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import WILSON
from cxresearch.stats.intervals.ratio import RATIO_METHOD, linearised_ratios
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.reached_share import share_reached
from cxresearch.wording import did_you_mean

#: What n counts.
DEPARTURES = "departures, those without a return censored at the data cut"
RENEWALS = "renewals due and decided by the data cut"
NO_RENEWAL = "no renewal was due and decided"
#: Days after the first purchase; days after leaving; days after the date of renewal.
REPEAT_DAYS = Days("repeat_days", 90)
WIN_BACK_DAYS = Days("win_back_days", 180)
GRACE_DAYS = Days("grace_days", 0, zero=True)
#: Sums of `linearised_ratios` and the columns that hold them.
_RATIO = ("x", "s", "xx", "xs", "ss", "n", "relative")


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return what the tables orders and revenue allow.

    ``repeat_purchase_rate`` (option ``repeat_days``, 90 by default), ``win_back_rate`` (``win_back_days``,
    180, and ``profile``) and, where revenue has due dates, ``renewal_rate`` and ``renewal_rate_by_value``
    (``grace_days``, 0, and ``profile``). Groups are columns of customers.
    """
    metrics = []
    if "orders" in study.tables:
        metrics = [_repeat()]
    if "revenue" in study.tables:
        if "due_at" in study.table("revenue").collect_schema().names():
            metrics += [_renewals(), _renewed_value()]
        metrics.append(_won_back())
    return tuple(metrics)


def _repeat() -> Metric:
    return Metric(
        name="repeat_purchase_rate",
        label="Repeat purchase",
        unit=Unit.SHARE,
        good="high",
        denominator="customers who first bought in the period and have had the days",
        family=count_repeats,
        options=(REPEAT_DAYS,),
        estimate=_repeat_share,
        collapse=_collapse,
        rest=_rest,
        lags=True,
        definition=(
            "bought again on another day within 90 days of the first purchase (unless said otherwise) / "
            "customers who have had these days; by period of the first purchase, once all who first bought "
            "in it have had them"
        ),
    )


def _won_back() -> Metric:
    return Metric(
        name="win_back_rate",
        label="Win-back",
        unit=Unit.SHARE,
        good="high",
        denominator=DEPARTURES,
        family=departures_by_cell,
        options=(WIN_BACK_DAYS, PROFILE),
        nothing="nobody left",
        estimate=won_back_share,
        collapse=_without_columns,
        rest=_other_rows,
        lags=True,
        definition=(
            "1 - Kaplan-Meier of the return of lost customers at 180 days (unless said otherwise), by period "
            "of leaving"
        ),
    )


def _renewals() -> Metric:
    return Metric(
        name="renewal_rate",
        label="Renewal rate",
        unit=Unit.SHARE,
        good="high",
        denominator=RENEWALS,
        family=count_renewals,
        options=(GRACE_DAYS, PROFILE),
        nothing=NO_RENEWAL,
        estimate=renewed_share,
        collapse=_collapse,
        rest=_rest,
        lags=True,
        definition="renewals renewed / renewals due and decided, by the period in which they fall due",
    )


def _renewed_value() -> Metric:
    return Metric(
        name="renewal_rate_by_value",
        label="Renewal rate by value",
        unit=Unit.SHARE,
        good="high",
        denominator=RENEWALS,
        family=value_renewals,
        options=(GRACE_DAYS, PROFILE),
        nothing=NO_RENEWAL,
        estimate=renewed_value_share,
        collapse=_collapse,
        rest=_rest,
        lags=True,
        primary=False,
        definition=(
            "sum of min(MRR after, MRR before) / MRR before of renewals due and decided, by the period in "
            "which they fall due"
        ),
    )


def count_repeats(study: Any, query: Query) -> pd.DataFrame:
    """Count customers who have bought, by cell: one group-by after one over customers.

    Parameters
    ----------
    study : Study
        With table ``orders``; see `cxresearch.metrics.returns.purchases.purchase_summary`.
    query : Query
        Groups are columns of customers, periods those of the first purchase.

    Returns
    -------
    DataFrame
        ``query.keys``, ``complete`` (all who first bought in the period have had the days), ``customers``,
        ``had`` (have had the days, the last one to its end), ``again`` (of these, bought again in time).
    """
    within = REPEAT_DAYS.of(query)
    cut = local_cut(study)
    rows = purchases_by_customer(study, cut.normalize())
    if query.by:
        who = _customers(study, query).select("customer_id", *query.by)
        rows = rows.join(who, on="customer_id", how="left")
    began = cut + pd.Timedelta(minutes=1) - pd.Timedelta(days=within + 1)  # see `complete_periods`
    had = nw.col("first") < nw.lit(began.to_pydatetime())
    soon = days_between(nw.col("first"), nw.col("second")) <= within
    rows = rows.with_columns(
        had=nw.when(had).then(nw.lit(1)).otherwise(nw.lit(0)),
        again=nw.when(had & soon).then(nw.lit(1)).otherwise(nw.lit(0)),
    )
    if query.every is not None:
        rows = rows.with_columns(period=period_start(nw.col("first"), query.every))
    keys = list(query.keys)
    sums = (nw.len().alias("customers"), nw.col("had").sum(), nw.col("again").sum())
    counts = collect(rows.group_by(keys).agg(*sums) if keys else rows.select(*sums))
    counts = counts.fillna({"had": 0, "again": 0}).astype({"customers": "int64", "had": "int64"})
    every, periods = query.every, counts.get("period")
    if every is None:
        done: Any = True
    else:
        done = complete_periods(study, periods, every, after_days=within)
    return counts[counts["customers"] > 0].assign(complete=done)


def departures_by_cell(study: Any, query: Query) -> pd.DataFrame:
    """Return who left, with the cell of each departure: ``query.keys, who, days, event``."""
    rows = departures(study, revenue_profile(PROFILE.of(query)))
    # Moves are naive UTC; a period is cut in the study's own time, where 23:30 UTC may be the next month.
    moment = rows["at"].dt.tz_localize("UTC").dt.tz_convert(study.timezone).dt.tz_localize(None)
    cells = _cells_of_customers(study, rows["customer_id"], moment, query)
    return cells.assign(who=rows["customer_id"], days=rows["days"], event=rows["event"])


def count_renewals(study: Any, query: Query) -> pd.DataFrame:
    """Count renewals by cell: ``query.keys, due, decided, kept``."""
    rows, cells = _due(study, query, weighed=False)
    decided = rows["decided"].astype("int64")
    cells = cells.assign(due=1, decided=decided, kept=decided * (rows["after"] > 0))
    return _sums(cells, list(query.keys))


def value_renewals(study: Any, query: Query) -> pd.DataFrame:
    """Sum what renewals were worth, by cell: ``query.keys, due`` and the sums of `linearised_ratios`."""
    rows, cells = _due(study, query, weighed=True)
    decided = rows["decided"].to_numpy(bool)
    # Ratio of sums of x = min(after, before) and s = before: a raised price renews no more than all.
    s = np.where(decided, rows["before"], 0).astype(float)
    x = np.where(decided, np.minimum(rows["before"], rows["after"].fillna(0)), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Sum of x^2 / s of a share x / s, for its effective n.
        relative = np.where(s > 0, x * x / s, 0.0)
    sums = dict(zip(_RATIO, (x, s, x * x, x * s, s * s, decided.astype("int64"), relative), strict=True))
    return _sums(cells.assign(due=1, **sums), list(query.keys))


def _due(study: Any, query: Query, *, weighed: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    rules = revenue_profile(PROFILE.of(query))
    rows = renewals_due(study, rules, GRACE_DAYS.of(query), weighed=weighed)
    rows = rows.reset_index(drop=True)
    return rows, _cells_of_customers(study, rows["customer_id"], rows["due_local"], query)


def _customers(study: Any, query: Query) -> nw.LazyFrame[Any]:
    """Table of customers, if it has all the group columns."""
    present = []
    if "customers" in study.tables:
        present = study.table("customers").collect_schema().names()
    choices = [name for name in present if name not in ("customer_id", *query.by)]
    lost = [query.called(column) for column in query.by if column not in present]
    lost += [name for name in map(query.called, query.by) if name == "customer_id"]
    if lost:
        raise NoSuchGroupError(
            f"purchases and contracts cannot be grouped by {', '.join(lost)}",
            wanted="columns of customers: " + (", ".join(choices) or "none"),
            next_step=did_you_mean(lost[0], choices),
        )
    rows: nw.LazyFrame[Any] = study.table("customers")
    return rows


def _cells_of_customers(study: Any, who: pd.Series, moment: pd.Series, query: Query) -> pd.DataFrame:
    """Cell of each of some rows: the groups of its customer, and the period of a local moment."""
    cells = pd.DataFrame(index=who.index)
    if query.by:
        people = collect(_customers(study, query).select("customer_id", *query.by))
        cells = people.set_index("customer_id").reindex(who).set_axis(who.index)
    if query.every is None:
        return cells
    return cells.assign(period=period_starts(moment, query.every))


def _sums(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    counted = [name for name in rows if name not in keys]
    if not keys:
        whole: pd.DataFrame = rows[counted].sum().to_frame().T
        return whole.astype(rows[counted].dtypes.to_dict())
    return rows.groupby(keys, dropna=False, as_index=False, observed=True)[counted].sum()


def _kept(rows: pd.DataFrame, keys: tuple[str, ...]) -> list[str]:
    """Keys, with the column that tells whether a period is complete."""
    return [*keys, *(name for name in ("complete",) if name in rows)]


def _collapse(counts: pd.DataFrame, query: Query, coarser: Query) -> pd.DataFrame | None:
    """Return the counts of coarser cells, or None where they do not follow."""
    if not follows(query, coarser):
        return None
    dropped = [name for name in query.by if name not in coarser.by]
    return _sums(counts.drop(columns=dropped), _kept(counts, coarser.keys))


def _without_columns(rows: pd.DataFrame, query: Query, coarser: Query) -> pd.DataFrame | None:
    """Return the same rows in coarser cells."""
    if not follows(query, coarser):
        return None
    return rows.drop(columns=[name for name in query.by if name not in coarser.by])


def _other_rows(rows: pd.DataFrame, query: Query, column: str) -> pd.DataFrame:  # noqa: ARG001
    return others(rows, column)


def _rest(counts: pd.DataFrame, query: Query, column: str) -> pd.DataFrame:
    return _sums(others(counts, column), _kept(counts, query.keys))


def _repeat_share(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    rows = _sorted(counts, query)
    days = REPEAT_DAYS.of(query)
    # Quick buyers of a young cohort are seen before slow ones: no rate until all have had the days.
    had = np.where(rows["complete"].to_numpy(bool), rows["had"], 0).astype(float)
    late = f"{NONE}not all who first bought have had {days:g} days"
    return rows[list(query.keys)].assign(
        **shares(np.minimum(rows["again"], had), had, query.level),
        n=had.astype("int64"),
        n_missing=(rows["customers"] - had).astype("int64"),
        method=np.where(had > 0, f"{WILSON}; bought again within {days:g} days", late),
    )


def renewed_share(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the share of renewals that were renewed, of each cell; those not decided are missing."""
    rows = _sorted(counts, query)
    grace = GRACE_DAYS.of(query)
    n = rows["decided"].to_numpy(float)
    return rows[list(query.keys)].assign(
        **shares(rows["kept"].to_numpy(float), n, query.level),
        n=n.astype("int64"),
        n_missing=(rows["due"] - rows["decided"]).astype("int64"),
        method=_decided(f"{WILSON}; grace {grace:g} days", n),
    )


def renewed_value_share(sums: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the share of what renewals were worth that was renewed, of each cell."""
    rows = _sorted(sums, query)
    grace = GRACE_DAYS.of(query)
    cells = {name: rows[name].to_numpy(float) for name in _RATIO}
    ratios = linearised_ratios(**cells, level=query.level)
    return rows[list(query.keys)].assign(
        **{name: ratios[name].to_numpy() for name in ("value", "low", "high", "se")},
        n=rows["n"].astype("int64"),
        n_missing=(rows["due"] - rows["n"]).astype("int64"),
        method=_decided(f"{RATIO_METHOD}; grace {grace:g} days", cells["n"]),
    )


def _decided(method: str, n: Any) -> Any:
    return np.where(n > 0, method, NONE + NO_RENEWAL)


def _sorted(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Rows in order of the keys; none where nothing was counted."""
    rows = counts
    if query.keys:
        rows = counts.sort_values(list(query.keys))
    first = "due"
    if "customers" in rows:
        first = "customers"
    return rows[rows[first] > 0].reset_index(drop=True)


def won_back_share(rows: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the share of departures followed by a return in time, of each cell.

    Where nobody was followed so long there is no value, and all departures are in ``n_missing``.
    """
    within = WIN_BACK_DAYS.of(query)
    profile = revenue_profile(PROFILE.of(query)).name

    def cell(departures_of_cell: pd.DataFrame) -> tuple[Any, ...]:
        # Robust by customer (Lin and Wei 1989): one can leave more than once.
        curve = kaplan_meier(
            departures_of_cell["days"],
            departures_of_cell["event"],
            clusters=departures_of_cell["who"],
            level=query.level,
        )
        returned = share_reached(curve, within)
        if np.isnan(returned.value):
            return (
                *(np.nan,) * 4,
                0,
                len(departures_of_cell),
                f"{NONE}nobody has been gone for {within:g} days",
            )
        method = f"1 - Kaplan-Meier, robust by customer, {returned.limits}; within {within:g} days"
        method += f"; definition {profile}"
        return returned.value, returned.low, returned.high, returned.se, len(departures_of_cell), 0, method

    return each_cell(rows, query, cell)
