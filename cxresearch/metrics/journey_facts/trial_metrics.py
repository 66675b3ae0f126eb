"""Trials by any group and by the period in which they began: how many pay within some days."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import Days
from cxresearch.metrics.journey_facts.event_kinds import (
    coarser_rows,
    kinds_of_customers,
    rows_of_the_rest,
    share_within,
    spells,
)
from cxresearch.results.units import Unit

STARTED, CONVERTED = "trial_started", "trial_converted"
#: Days from the start of a trial.
TRIAL_DAYS = Days("trial_days", 30)
#: Statuses of a level that is paid; see docs/study-file.md.
_PAID = ["active", "past_due"]
#: Whether the revenue of each study asked so far has trials.
_IN_REVENUE: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return ``trial_conversion`` where events or revenue tell of trials and of what became of them.

    Events ``trial_started`` and ``trial_converted`` tell all; without the latter a trial is converted when
    the customer begins to pay in ``revenue``; without the former, levels of status ``trial`` are trials.
    """
    kinds = kinds_of_customers(study)
    of_events = STARTED in kinds and (CONVERTED in kinds or "revenue" in study.tables)
    if not of_events and not _trials_in_revenue(study):
        return ()
    return (_conversion(),)


def _conversion() -> Metric:
    return Metric(
        name="trial_conversion",
        label="Trial conversion",
        unit=Unit.SHARE,
        good="high",
        denominator="trials started, those not paid for censored at the data cut",
        family=trials_by_cell,
        options=(TRIAL_DAYS,),
        nothing="no trial was started",
        estimate=converted_share,
        collapse=coarser_rows,
        rest=rows_of_the_rest,
        lags=True,
        definition=(
            "1 - Kaplan-Meier of the time from the start of a trial to paying at 30 days (unless said "
            "otherwise), by period of the start; who gives up has not paid"
        ),
    )


def _trials_in_revenue(study: Any) -> bool:
    if "revenue" not in study.tables or not hasattr(study, "checked"):
        return False
    if "status" not in study.checked.columns("revenue"):
        return False
    if study not in _IN_REVENUE:
        rows = study.checked.valid("revenue").filter(nw.col("status") == "trial")
        _IN_REVENUE[study] = bool(len(collect(rows.select("customer_id").head(1))))
    return _IN_REVENUE[study]


def trials_by_cell(study: Any, query: Query) -> pd.DataFrame:
    """Return trials, one row each: ``query.keys, who, days, event``.

    A trial of one who has paid since and begins another is a second trial; one said again before anything is
    paid is the same. Who pays without a trial is no trial.
    """
    kinds = _kinds_now(study)
    if STARTED in kinds:
        begun = _moments(study, "events", "occurred_at", nw.col("kind") == STARTED, query)
    else:
        begun = _moments(study, "revenue", "effective_at", nw.col("status") == "trial", query)
    if STARTED in kinds and CONVERTED in kinds:
        ends = _moments(study, "events", "occurred_at", nw.col("kind") == CONVERTED, Query())
    else:
        ends = _first_payments(study, begun)
    moments = pd.concat([begun.assign(kind=STARTED), ends.assign(kind=CONVERTED)], ignore_index=True)
    trials = spells(moments.assign(name=""), STARTED, pd.Timestamp(study.observed_until))
    # A payment that no trial came before is an ordinary customer's, not a trial gone missing.
    trials = trials[trials["kind"] == STARTED]
    return trials[[*query.keys, "who", "days", "event"]]


def _kinds_now(study: Any) -> set[str]:
    """Kinds of events of customers, of a study whose groups may travel under neutral names."""
    if "events" not in study.tables:
        return set()
    rows = study.table("events")
    if "customer_id" not in rows.collect_schema().names():
        return set()
    rows = rows.filter(~nw.col("customer_id").is_null() & nw.col("kind").is_in([STARTED, CONVERTED]))
    return set(collect(rows.select("kind").unique())["kind"])


def _moments(study: Any, table: str, time: str, chosen: nw.Expr, query: Query) -> pd.DataFrame:
    """Rows of a table that are chosen: ``query.keys, who, at``."""
    marks = {"events": "kind", "revenue": "status"}
    rows = cells_of(study, table, query, time=time, keep=("customer_id", time, marks[table])).filter(chosen)
    return collect(rows.select(*query.keys, who=nw.col("customer_id"), at=nw.col(time)))


def _first_payments(study: Any, begun: pd.DataFrame) -> pd.DataFrame:
    """Moments at which those who had a trial began to pay, after a time without paying."""
    rows = study.table("revenue")
    paid = nw.col("mrr") > 0
    if "status" in rows.collect_schema().names():
        paid = paid & (nw.col("status").fill_null("active").is_in(_PAID))
    rows = rows.select(
        who=nw.col("customer_id"),
        at=nw.col("effective_at"),
        paid=nw.when(paid).then(nw.lit(1)).otherwise(nw.lit(0)),
    )
    levels = collect(rows)
    levels = levels[levels["who"].isin(set(begun["who"].dropna()))]
    levels = levels.sort_values(["who", "at", "paid"], kind="stable")
    # An expansion of one who pays already converts nothing: only 0 to paying does.
    before = levels["paid"].shift().where(levels["who"].eq(levels["who"].shift()), 0)
    return levels.loc[(levels["paid"] == 1) & (before == 0), ["who", "at"]]


def converted_share(trials: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the share of trials paid for in time, of each cell."""
    days = TRIAL_DAYS.of(query)
    return share_within(
        trials,
        query,
        days,
        what=f"paid within {days:g} days",
        none=f"no trial has been followed for {days:g} days",
    )
