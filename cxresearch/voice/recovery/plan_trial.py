"""A randomised trial of an action among unhappy customers: its size from this study, its assignment."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.data.timelines import DAY
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.voice.recovery.moment_outcomes import OUTCOMES, OutcomeKind, moment_outcomes
from cxresearch.voice.recovery.unhappy_moments import (
    study_timelines,
    unhappy_moments,
    unhappy_question,
)
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.data.study import Study

_MONTH = 365.2425 / 12 * DAY


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TrialPlan(Result):
    """How many unhappy customers a trial needs, and how long that takes here.

    Attributes
    ----------
    question : str
    grace_days, horizon_days : float
    power, level : float
    table : DataFrame
        One row an outcome.
    per_month : float
        Eligible unhappy customers a month in this study.
    finding : str
    notes : tuple of str
    """

    question: str
    grace_days: float
    horizon_days: float
    power: float
    level: float
    table: pd.DataFrame
    per_month: float
    finding: str
    notes: tuple[str, ...]

    specs: ClassVar[dict[str, TableSpec]] = {
        "table": TableSpec(
            title="Customers that a trial needs, half of them treated",
            columns=(
                Column(name="outcome", label="outcome", meaning="what is compared"),
                Column(name="without", label="today", meaning="level in this study", unit_from="unit"),
                Column(
                    name="effect",
                    label="effect to find",
                    meaning="smallest effect that matters",
                    unit_from="difference_unit",
                ),
                Column(name="customers", label="customers", meaning="both arms together", unit=Unit.COUNT),
                Column(name="months", label="months", meaning="at this study's rate", unit=Unit.MONTHS),
            ),
        )
    }

    @property
    def sha256(self) -> str:
        """Hash of what was planned; it stands in the protocol file and in the analysis."""
        canonical = json.dumps(_planned(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def freeze(self, path: str | Path) -> Path:
        """Write the protocol file, which is never overwritten.

        Raises
        ------
        ArgumentError
            If the file exists.
        """
        target = Path(path)
        if target.exists():
            raise ArgumentError(
                "there is a protocol already; a plan is frozen once", where=str(target), wanted="a new name"
            )
        frozen = {
            **_planned(self),
            "sha256": self.sha256,
            "frozen_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        target.write_text(json.dumps(frozen, indent=2) + "\n", encoding="utf-8")
        return target


def _planned(plan: TrialPlan) -> dict[str, Any]:
    return {
        "question": plan.question,
        "grace_days": plan.grace_days,
        "horizon_days": plan.horizon_days,
        "power": plan.power,
        "level": plan.level,
        "outcomes": plan.table[["outcome", "effect", "customers"]].to_dict("records"),
    }


def plan_trial(
    study: Study,
    *,
    unhappy: str = "nps",
    effects: Mapping[str, float] | None = None,
    grace_days: float = 14,
    horizon_days: float = 90,
    power: float = 0.8,
    level: float = 0.95,
) -> TrialPlan:
    """Plan a randomised trial of an action among unhappy customers.

    Half of the unhappy customers get the action, by lot; each enters once, at the first unhappy answer. The
    size comes from what this study shows of the outcomes today: their spread, how much the answer and what
    else is known beforehand explains of it, and how many answer again at all.

    Parameters
    ----------
    study : Study
        With customers, responses and events.
    unhappy : str
        The question.
    effects : mapping of str to float, optional
        Outcome to the effect that must not be missed, above 0; by default happy again by 5 points, next score
        by half a point and leaving by 2 points.
    grace_days, horizon_days : float
        As the trial will count them; see :func:`cxresearch.recovery`.
    power, level : float
        Chance of finding the effect if it is there, and confidence level.

    Returns
    -------
    TrialPlan

    Raises
    ------
    ArgumentError
        If a question or an outcome is not known.
    DataError
        If no unhappy customer has been followed to the horizon.

    Notes
    -----
    Customers in all: ``4 (z + z_power)^2 s^2 (1 - R^2) / (effect^2 a)``, s the standard deviation of the
    outcome, R^2 what is explained by what is known at the answer, a the share that answers again.

    References
    ----------
    Borm, Fransen and Lemmens (2007), doi:10.1016/j.jclinepi.2007.02.006, for the factor 1 - R^2.

    Examples
    --------
    >>> from cxresearch.data.synthetic.company import company_study
    >>> plan = plan_trial(company_study(seed=1, customers=2500), horizon_days=240)
    >>> bool(plan.table["customers"].gt(100).all())
    True
    """
    level = check_level(level)
    power = check_number("power", power, above=0.5, below=1)
    scale = unhappy_question(study, unhappy)
    wanted = effects or {name: OUTCOMES[name].margin for name in ("happy_again", "next_score", "churn")}
    kinds = _checked(wanted)
    lines = study_timelines(study, scale, ())
    moments = unhappy_moments(lines, scale, grace_days=grace_days, gap_days=grace_days)
    results = moment_outcomes(lines, moments, scale, grace_days=grace_days, horizon_days=horizon_days)
    first = np.unique(moments.customer, return_index=True)[1]
    span = max((moments.moment[first].max() - moments.moment[first].min()) / _MONTH, 1.0)
    per_month = len(first) / span
    z = normal_quantile(level) + normal_quantile(2 * power - 1)
    rows = []
    for kind, effect in kinds.values():
        known = ~np.isnan(results.values[kind.name][first])
        followed = results.followed[first]
        if known.sum() < 10:
            raise DataError(
                f"{int(known.sum())} unhappy customers have the outcome {kind.label!r}",
                wanted="10 or more",
                next_step="take a shorter horizon_days",
            )
        outcome = results.values[kind.name][first][known]
        answering = known.sum() / followed.sum()
        left = _unexplained(moments.design[first][known], outcome)
        # n = 4 (z + z_power)^2 s^2 (1 - R^2) / (effect^2 a), both arms together
        size = 4 * z**2 * outcome.var(ddof=1) * left / (effect**2 * answering)
        customers = 2 * math.ceil(size / 2)
        rows.append(
            {
                "outcome": kind.label,
                "unit": kind.unit,
                "difference_unit": kind.difference,
                "without": float(outcome.mean()),
                "effect": effect,
                "explained": 1 - left,
                "answering": float(answering),
                "customers": customers,
                "months": customers / per_month,
            }
        )
    table = pd.DataFrame(rows)
    quickest = table.sort_values("customers").iloc[0]
    finding = (
        f"A trial with {quickest['customers']:,} unhappy customers, half of them by lot, would find the "
        f"effect on {quickest['outcome']} in {100 * power:g} of 100 such trials; here that takes "
        f"{quickest['months']:.1f} months."
    )
    return TrialPlan(
        question=scale.label,
        grace_days=grace_days,
        horizon_days=horizon_days,
        power=power,
        level=level,
        table=table,
        per_month=per_month,
        finding=finding,
        notes=(
            "Draw the arms with cx.voice.assign_trial, keep the file, act, wait for the horizon, then "
            "cx.voice.analyse_trial.",
        ),
    )


def _checked(effects: Mapping[str, float]) -> dict[str, tuple[OutcomeKind, float]]:
    kinds = {}
    for name, effect in effects.items():
        if name not in OUTCOMES:
            raise ArgumentError(
                f"there is no outcome {name!r}",
                wanted="one of " + listed(OUTCOMES),
                next_step=did_you_mean(name, OUTCOMES),
            )
        kinds[name] = (OUTCOMES[name], check_number(f"effect on {name}", effect, above=0))
    return kinds


def _unexplained(design: Floats, outcome: Floats) -> float:
    """Share of the variance that what was known beforehand leaves, adjusted for the number of columns."""
    X = np.column_stack([np.ones(len(outcome)), design])
    residual = outcome - X @ np.linalg.lstsq(X, outcome, rcond=None)[0]
    freedom = len(outcome) - np.linalg.matrix_rank(X)
    if freedom < 1 or outcome.var() == 0:
        return 1.0
    # 1 - adjusted R^2 = (residual / its degrees of freedom) / variance
    return float(min((residual @ residual / freedom) / outcome.var(ddof=1), 1.0))


def assign_trial(
    customers: Sequence[Any] | pd.Series[Any],
    *,
    strata: Sequence[Any] | None = None,
    share: float = 0.5,
    seed: int,
) -> pd.DataFrame:
    """Draw the arms of a trial by lot, within strata.

    Parameters
    ----------
    customers : sequence, shape (n,)
        Ids, each once.
    strata : sequence, shape (n,), optional
        What both arms shall agree on: the score, the plan, or both joined.
    share : float
        Of the treated, between 0 and 1.
    seed : int
        The assignment depends on it and on the ids, not on their order.

    Returns
    -------
    DataFrame
        Columns ``customer_id, stratum, arm`` (``"treated"`` or ``"control"``), sorted by id. In each stratum
        the number treated is its share, rounded up or down by lot.

    Raises
    ------
    ArgumentError
        If an id occurs twice, or lengths differ.

    Examples
    --------
    >>> assign_trial(["b", "a", "c", "d"], seed=1)["arm"].value_counts().to_dict()
    {'treated': 2, 'control': 2}
    """
    share = check_number("share", share, above=0, below=1)
    labels = ["all"] * len(customers) if strata is None else [str(stratum) for stratum in strata]
    if len(labels) != len(customers):
        raise ArgumentError(f"{len(labels)} strata for {len(customers)} customers", wanted="one for each")
    table = pd.DataFrame({"customer_id": [str(one) for one in customers], "stratum": labels})
    twice = table["customer_id"].duplicated()
    if twice.any():
        raise ArgumentError(f"customer {table.loc[twice, 'customer_id'].iloc[0]!r} occurs twice")
    table = table.sort_values("customer_id", ignore_index=True)
    table["arm"] = "control"
    generator = np.random.default_rng(seed)
    for _, rows in table.groupby("stratum", sort=True):
        exact = share * len(rows)
        treated = math.floor(exact) + int(generator.random() < exact - math.floor(exact))
        drawn = generator.permutation(rows.index.to_numpy())[:treated]
        table.loc[drawn, "arm"] = "treated"
    return table
