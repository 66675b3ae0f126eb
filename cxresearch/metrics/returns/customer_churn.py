"""Customer churn of a study without revenue: from the dates on which customers joined and left."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import Every, collect, period_start
from cxresearch.errors import DataError
from cxresearch.metrics.base.cell_estimates import follows, others, shares, without_running
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.periods import complete_periods, last_ended, period_steps
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import WILSON

_COUNTS = ["opening", "lost"]


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return ``customer_churn`` where customers have an end and no revenue table tells who pays.

    With a revenue table the metric of that name follows the levels, by the profile asked for. Without a
    period it is that of the last complete month.
    """
    if "revenue" in study.tables or "customers" not in study.tables:
        return ()
    if "ended_at" not in study.table("customers").collect_schema().names():
        return ()
    return (
        Metric(
            name="customer_churn",
            label="Customer churn",
            unit=Unit.SHARE,
            good="low",
            denominator="customers when the period began",
            family=count_leavers,
            estimate=_lost_share,
            collapse=_collapse,
            rest=_rest,
            definition="customers lost / customers when the period began, by started_at and ended_at; "
            "complete periods only",
        ),
    )


def count_leavers(study: Any, query: Query) -> pd.DataFrame:
    """Count customers there when each period began, and those of them who left in it.

    Parameters
    ----------
    study : Study
        With ``started_at`` and ``ended_at`` in customers. Who has no end, or one after the data cut, stays.
    query : Query
        Groups are columns of customers; without a period the last complete month is counted.

    Returns
    -------
    DataFrame
        ``query.by, period, complete, opening, lost``, one row a group and period with customers. Who joins
        and leaves within a period is in neither count.
    """
    every: Every = query.every or "month"
    spans = _spans(study, query, every)
    periods = period_steps(study, spans["joined"].min(), every)
    table = spans.merge(pd.DataFrame({"period": periods}), how="cross")
    # There when the period began: joined in an earlier one, and not gone before it.
    there = (table["joined"] < table["period"]) & ~(table["left"] < table["period"])
    table["opening"] = table["n"].where(there, 0)
    # Lost: left in the period, of those there when it began; who came and went within it is in neither count.
    table["lost"] = table["n"].where(there & (table["left"] == table["period"]), 0)
    keys = [*query.by, "period"]
    counts = table.groupby(keys, dropna=False, as_index=False, observed=True)[_COUNTS].sum()
    counts["complete"] = complete_periods(study, counts["period"], every)
    if query.every is None:
        counts = counts[counts["period"] == last_ended(study, every)].drop(columns="period")
    return counts[counts["opening"] > 0].reset_index(drop=True)


def _spans(study: Any, query: Query, every: Every) -> pd.DataFrame:
    """Number of customers by group, period of joining and period of leaving (missing for who stays)."""
    asked = Query(by=query.by, every=every, names=query.names)
    rows = cells_of(study, "customers", asked, time="started_at", keep=("started_at", "ended_at"))
    cut = nw.lit(study.observed_until)
    rows = rows.filter(nw.col("started_at") <= cut)
    # An end after the data cut is announced, not yet a loss.
    gone = nw.when(nw.col("ended_at") <= cut).then(nw.col("ended_at"))
    rows = rows.with_columns(gone=gone)
    rows = rows.with_columns(left=period_start(nw.col("gone"), every, study.timezone))
    counts = collect(rows.group_by([*query.by, "period", "left"]).agg(nw.len().alias("n")))
    if counts.empty:
        raise DataError("there is no customer", where="table customers")
    return counts.rename(columns={"period": "joined"})


def _lost_share(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    rows = counts
    if query.keys:
        rows = counts.sort_values(list(query.keys))
    # churn = lost / opening, with Wilson's interval: each customer of the opening leaves or stays.
    cells = rows[list(query.keys)].assign(
        **shares(rows["lost"].to_numpy(float), rows["opening"].to_numpy(float), query.level),
        n=rows["opening"],
        n_missing=0,
        method=f"{WILSON}; denominator opening; from started_at and ended_at",
    )
    return without_running(cells, np.asarray(rows["complete"]))


def _collapse(counts: pd.DataFrame, query: Query, coarser: Query) -> pd.DataFrame | None:
    """Return the counts of coarser cells, or None where they do not follow."""
    if not follows(query, coarser):
        return None
    return _summed(counts, coarser)


def _rest(counts: pd.DataFrame, query: Query, column: str) -> pd.DataFrame:
    """Return counts in which each group of a column stands for all the others together."""
    return _summed(others(counts, column), query)


def _summed(counts: pd.DataFrame, query: Query) -> pd.DataFrame:
    keys = [*query.keys, "complete"]
    return counts.groupby(keys, dropna=False, as_index=False, observed=True)[_COUNTS].sum()
