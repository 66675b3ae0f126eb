"""The analysis of a finished trial: as assigned, adjusted, with the silent bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.data.timelines import seconds
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.models.linear import linear_fit
from cxresearch.voice.recovery.action_verdicts import verdict_of
from cxresearch.voice.recovery.moment_outcomes import OUTCOMES, OutcomeKind, moment_outcomes
from cxresearch.voice.recovery.plan_trial import TrialPlan
from cxresearch.voice.recovery.unhappy_moments import (
    EligibleMoments,
    study_timelines,
    unhappy_moments,
    unhappy_question,
)

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats
    from cxresearch.data.study import Study


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TrialResult(Result):
    """What a trial showed.

    Attributes
    ----------
    table : DataFrame
        One row an outcome of the plan, compared as assigned.
    balance : DataFrame
        Means of what was known before by arm: by lot they differ by chance only.
    n, n_treated : int
        Customers who entered, and those of them assigned to the action.
    plan_sha256 : str
        Hash of the plan followed.
    finding : str
    notes : tuple of str
    level : float
    """

    table: pd.DataFrame
    balance: pd.DataFrame
    n: int
    n_treated: int
    plan_sha256: str
    finding: str
    notes: tuple[str, ...]
    level: float

    specs: ClassVar[dict[str, TableSpec]] = {
        "table": TableSpec(
            title="As assigned, {level} intervals; {n:,} customers",
            columns=(
                Column(name="outcome", label="outcome", meaning="what is compared"),
                Column(
                    name="effect",
                    label="effect",
                    meaning="of being assigned to the action",
                    unit_from="difference_unit",
                    low="low",
                    high="high",
                ),
                Column(name="treated", label="treated", meaning="mean of the arm", unit_from="unit"),
                Column(name="control", label="control", meaning="mean of the arm", unit_from="unit"),
                Column(name="n", label="n", meaning="customers with the outcome", unit=Unit.COUNT),
                Column(name="p_holm", label="p", meaning="Holm over the outcomes", unit=Unit.P_VALUE),
                Column(name="verdict", label="verdict", meaning="one of four"),
            ),
        )
    }


def analyse_trial(
    study: Study, assignment: pd.DataFrame, plan: TrialPlan, *, unhappy: str = "nps", start: str
) -> TrialResult:
    """Compare the arms of a finished trial as they were assigned.

    Whoever was assigned counts in the arm drawn, whatever was done then (intention to treat). Effects are
    adjusted for what was known at the answer, with slopes of their own in each arm (Lin), which cannot bias a
    trial and narrows the interval.

    Parameters
    ----------
    study : Study
        The study after the horizon.
    assignment : DataFrame
        From `assign_trial`: ``customer_id, arm``.
    plan : TrialPlan
        What was planned; its grace time, horizon, outcomes and effects are followed.
    unhappy : str
        The question.
    start : str
        First day of the trial; each customer enters with the first unhappy answer from then on.

    Returns
    -------
    TrialResult

    Raises
    ------
    ArgumentError
        If the assignment lacks a column or has another arm.
    DataError
        If nobody assigned gave an unhappy answer from the start on, or an arm is empty.

    References
    ----------
    Lin (2013), doi:10.1214/12-AOAS583.
    """
    level = check_level(plan.level)
    arms = _arms(assignment)
    scale = unhappy_question(study, unhappy)
    lines = study_timelines(study, scale, ())
    moments = unhappy_moments(lines, scale, grace_days=plan.grace_days, gap_days=plan.grace_days)
    first_day = seconds(pd.Series([pd.Timestamp(start)]))[0]
    ids = lines.ids[moments.customer]
    entered = (moments.moment >= first_day) & ids.isin(arms.index)
    place = np.flatnonzero(entered)
    entries = place[np.unique(moments.customer[place], return_index=True)[1]]
    treated = (arms.loc[ids[entries]] == "treated").to_numpy()
    if not treated.any() or treated.all():
        raise DataError(
            "an arm of the trial has nobody",
            wanted="customers of both arms with an unhappy answer from the start on",
        )
    results = moment_outcomes(
        lines, moments, scale, grace_days=plan.grace_days, horizon_days=plan.horizon_days
    )
    rows = []
    for planned in plan.table.to_dict("records"):
        kind = next(kind for kind in OUTCOMES.values() if kind.label == planned["outcome"])
        outcome = results.values[kind.name][entries]
        rows.append(_compared(kind, planned["effect"], outcome, treated, moments.design[entries], level))
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p_value"])
    return TrialResult(
        table=table,
        balance=_balance(moments, entries, treated),
        n=len(entries),
        n_treated=int(treated.sum()),
        plan_sha256=plan.sha256,
        finding=_finding(table),
        notes=(
            f"Compared as assigned; {len(arms) - len(entries):,} assigned customers gave no unhappy answer "
            "from the start on, or left within the grace time, and do not count.",
        ),
        level=level,
    )


def _arms(assignment: pd.DataFrame) -> pd.Series[Any]:
    missing = {"customer_id", "arm"} - set(assignment.columns)
    if missing:
        raise ArgumentError(
            f"the assignment has no column {min(missing)!r}", wanted="a frame from assign_trial"
        )
    others = set(assignment["arm"]) - {"treated", "control"}
    if others:
        raise ArgumentError(f"an arm is called {min(others)!r}", wanted="'treated' or 'control'")
    return assignment.set_index(assignment["customer_id"].astype(str))["arm"]


def _compared(
    kind: OutcomeKind, margin: float, outcome: Floats, treated: Bools, design: Floats, level: float
) -> dict[str, Any]:
    known = ~np.isnan(outcome)
    y = outcome[known]
    arm = treated[known].astype(np.float64)
    centred = design[known] - design[known].mean(axis=0)
    varying = centred[:, centred.std(axis=0) > 0]
    # Lin (2013): y = a + effect * arm + x'b + arm * x'c, x centred, so that effect is the mean effect.
    X = np.column_stack([np.ones(len(y)), arm, varying, arm[:, None] * varying])
    few = len(y) < 3 * X.shape[1] or np.linalg.matrix_rank(X) < X.shape[1]
    if few:
        X = X[:, :2]
    fit = linear_fit(X, y, cluster=np.arange(len(y)))
    low, high = fit.interval(level)
    effect = float(fit.coefficients[1])
    return {
        "outcome": kind.label,
        "unit": kind.unit,
        "difference_unit": kind.difference,
        "effect": effect,
        "low": float(low[1]),
        "high": float(high[1]),
        "treated": float(y[arm == 1].mean()),
        "control": float(y[arm == 0].mean()),
        "n": len(y),
        "p_value": float(fit.p_values[1]),
        "adjusted": not few,
        "verdict": verdict_of(
            effect,
            float(low[1]),
            float(high[1]),
            se=float(fit.se[1]),
            margin=margin,
            more_is_better=kind.more_is_better,
        ),
    }


def _balance(moments: EligibleMoments, entries: np.ndarray[Any, Any], treated: Bools) -> pd.DataFrame:
    design = moments.design[entries]
    return pd.DataFrame(
        {
            "column": moments.names,
            "treated": design[treated].mean(axis=0),
            "control": design[~treated].mean(axis=0),
        }
    )


def _finding(table: pd.DataFrame) -> str:
    parts = []
    for row in table.to_dict("records"):
        unit = Unit(row["unit"])
        levels = f"{format_value(row['treated'], unit)} against {format_value(row['control'], unit)}"
        parts.append(f"{row['outcome']}: {levels}, {row['verdict']}")
    return f"As assigned: {'; '.join(parts)}."
