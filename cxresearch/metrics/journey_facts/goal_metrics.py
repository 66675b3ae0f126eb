"""Goals of customers by any group and period: how many are reached in time, and how long that takes."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.metrics.base.cell_estimates import NONE, each_cell
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import Days, Share
from cxresearch.metrics.journey_facts.event_kinds import (
    coarser_rows,
    curve_of_spells,
    kinds_of_customers,
    rows_of_the_rest,
    share_within,
    spells,
)
from cxresearch.results.units import Unit

SET, REACHED = "goal_set", "goal_reached"
#: Days from setting a goal; the quantile of the time to it.
GOAL_DAYS = Days("goal_days", 90)
GOAL_QUANTILE = Share("goal_quantile", 0.5)
_SET_GOALS = "goals set, those not reached censored at the data cut"
_NO_GOAL = "no goal was set"


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return ``goal_attainment`` and ``time_to_goal`` where customers have events ``goal_set``."""
    if SET not in kinds_of_customers(study):
        return ()
    return _attainment(), _time_to_goal()


def _attainment() -> Metric:
    return Metric(
        name="goal_attainment",
        label="Goal attainment",
        unit=Unit.SHARE,
        good="high",
        denominator=_SET_GOALS,
        family=goals_by_cell,
        options=(GOAL_DAYS,),
        nothing=_NO_GOAL,
        estimate=attained_share,
        collapse=coarser_rows,
        rest=rows_of_the_rest,
        lags=True,
        definition=(
            "1 - Kaplan-Meier of the time from goal_set to goal_reached at 90 days (unless said otherwise), "
            "by period of setting; who leaves has not reached it"
        ),
    )


def _time_to_goal() -> Metric:
    return Metric(
        name="time_to_goal",
        label="Time to goal",
        unit=Unit.DAYS,
        good="low",
        denominator=_SET_GOALS,
        family=goals_by_cell,
        options=(GOAL_QUANTILE,),
        nothing=_NO_GOAL,
        estimate=days_to_goal,
        collapse=coarser_rows,
        difference="none",
        definition=(
            "Kaplan-Meier quantile of the time from goal_set to goal_reached, the median unless said "
            "otherwise"
        ),
    )


def goals_by_cell(study: Any, query: Query) -> pd.DataFrame:
    """Return goals set, one row each: ``query.keys, who, days, event``.

    A goal is known by its customer and its ``note``, where events have one: it ends with the next
    ``goal_reached`` of the same customer and note. Set again before it is reached, it is the same goal. What
    was reached and never set has no days.
    """
    names = study.table("events").collect_schema().names()
    noted = [name for name in ("note",) if name in names]
    keep = ("customer_id", "occurred_at", "kind", *noted)
    rows = cells_of(study, "events", query, time="occurred_at", keep=keep)
    rows = rows.filter(nw.col("kind").is_in([SET, REACHED]))
    goal: nw.Expr = nw.lit("")
    if noted:
        goal = nw.col("note").fill_null("")
    # Own names: a group may be called customer_id or note.
    moments = collect(
        rows.select(
            *query.keys, nw.col("kind"), who=nw.col("customer_id"), name=goal, at=nw.col("occurred_at")
        )
    )
    goals = spells(moments, SET, pd.Timestamp(study.observed_until))
    return goals[[*query.keys, "who", "days", "event"]]


def attained_share(goals: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the share of goals reached in time, of each cell."""
    days = GOAL_DAYS.of(query)
    return share_within(
        goals,
        query,
        days,
        what=f"reached within {days:g} days",
        none=f"no goal has been followed for {days:g} days",
    )


def days_to_goal(goals: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return the quantile of the time to a goal, of each cell; none where too few reach it."""
    share = float(GOAL_QUANTILE.of(query))

    def cell(goals_of_cell: pd.DataFrame) -> tuple[Any, ...]:
        told = goals_of_cell[goals_of_cell["days"].notna()]
        missing = len(goals_of_cell) - len(told)
        if not len(told):
            return *(np.nan,) * 4, 0, missing, NONE + _NO_GOAL
        # Smallest t with S(t) <= 1 - p; limits inverted (Brookmeyer and Crowley 1982).
        quantile = curve_of_spells(told, query.level).quantile(share)
        return quantile.value, quantile.low, quantile.high, np.nan, len(told), missing, quantile.method

    return each_cell(goals, query, cell)
