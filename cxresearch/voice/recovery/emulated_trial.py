"""The rows of an emulated trial, its arms, and the effects of its actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.errors import DataError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.effects.adjusted_arms import AdjustedArms, adjusted_arms, check_arms
from cxresearch.stats.effects.balance import balance_table, overlap_table
from cxresearch.stats.effects.cross_fitted import Folds, cross_fitted_chance
from cxresearch.stats.effects.overlap_effect import OverlapEffect, effect_between
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.stats.models.clustered_covariance import influence_covariance
from cxresearch.voice.recovery.moment_outcomes import MomentOutcomes, OutcomeKind
from cxresearch.voice.recovery.unhappy_moments import EligibleMoments, StudyTimelines

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats

#: A chance of answering below this gives a weight of 50 at most.
LEAST_CHANCE = 0.02


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Who got an action, and what was known of everybody by then.

    Attributes
    ----------
    action : str
    adjusted : AdjustedArms
        What was known by the moment, other actions of the same grace time, and the chance of this one.
    names : tuple of str
        Of the columns of ``adjusted`` behind the column of ones.
    balance, overlap : DataFrame
        How alike both arms are, and where they meet.
    answering : ndarray, shape (n,)
        One over the chance of answering again, given arm and history; 0 for the silent.
    """

    action: str
    adjusted: AdjustedArms
    names: tuple[str, ...]
    balance: pd.DataFrame
    overlap: pd.DataFrame
    answering: Floats

    @property
    def treated(self) -> Bools:
        """Who got it, shape (n,)."""
        return self.adjusted.treated


@dataclass(frozen=True, kw_only=True)
class EmulatedTrial:
    """Unhappy moments, what was done after each, and what followed.

    Attributes
    ----------
    lines : StudyTimelines
    moments : EligibleMoments
    results : MomentOutcomes
    treated : mapping of str to ndarray of bool
        By action.
    grace_days, horizon_days, level : float
    seed : int
        For the folds.
    """

    lines: StudyTimelines
    moments: EligibleMoments
    results: MomentOutcomes
    treated: dict[str, Bools]
    grace_days: float
    horizon_days: float
    level: float
    seed: int = 0

    def arms(self, action: str) -> Arms:
        """Return both arms of an action, made comparable by its chance."""
        others = {
            name: arm for name, arm in self.treated.items() if name != action and arm.any() and not arm.all()
        }
        columns = [arm.astype(np.float64) for arm in others.values()]
        design = np.column_stack([self.moments.design, *columns])
        every_name = (*self.moments.names, *(f"{name} too" for name in others))
        treated = self.treated[action]
        self._refuse_one_arm(action)
        adjusted = adjusted_arms(design, treated, self.moments.customer, seed=self.seed)
        varies = design.std(axis=0) > 0
        return Arms(
            action=action,
            adjusted=adjusted,
            names=tuple(name for name, varied in zip(every_name, varies, strict=True) if varied),
            balance=balance_table(design, treated, adjusted.chance, every_name).assign(action=action),
            overlap=overlap_table(treated, adjusted.chance).assign(action=action),
            answering=answering_weights(adjusted, self.results),
        )

    def _refuse_one_arm(self, action: str) -> None:
        """Say so where an action came to nobody, or to everybody: there is nothing to compare."""
        n = int(self.treated[action].sum())
        everybody = len(self.moments)
        if 0 < n < everybody:
            return
        who = f"none of {everybody:,}" if n == 0 else f"all {everybody:,}"
        raise DataError(
            f"{action} came after {who} eligible moments within {self.grace_days:g} days: there is nothing "
            "to compare",
            wanted="moments with it and without it",
            next_step="take a longer grace_days or stretch of time, or plan a trial: cx.voice.plan_trial",
        )

    def outcome(self, kind: OutcomeKind) -> Floats:
        """Return the values of an outcome, NaN where it is not known."""
        return self.results.values[kind.name]


def effect_on(trial: EmulatedTrial, arms: Arms, kind: OutcomeKind) -> OverlapEffect | None:
    """Return the effect on one outcome; None where an arm has hardly anybody whose outcome is known."""
    everywhere = np.ones(len(trial.moments), dtype=bool)
    return _effect(trial, arms, kind, rows=everywhere)


def _effect(trial: EmulatedTrial, arms: Arms, kind: OutcomeKind, *, rows: Bools) -> OverlapEffect | None:
    """Return the effect among some of the rows, the silent weighed in where an answer tells the outcome."""
    weights = arms.answering if kind.answered else np.ones(len(rows))
    try:
        return effect_between(arms.adjusted, trial.outcome(kind), weights=weights * rows, level=trial.level)
    except DataError:
        return None


def answering_weights(arms: AdjustedArms, results: MomentOutcomes) -> Floats:
    """Return one over the chance of answering again, given arm and history; 0 for the silent.

    Seaman and White (2013), doi:10.1177/0962280210395740: weights of the answered stand for the silent alike.
    """
    score = results.values["next_score"]
    answered = ~np.isnan(score)
    followed = results.followed
    weights = np.zeros(len(score))
    if answered[followed].all() or not answered[followed].any():
        weights[answered] = 1.0
        return weights
    place = np.flatnonzero(followed)
    columns = np.column_stack([arms.columns[place], arms.treated[place].astype(np.float64)])
    folds = Folds(fold=arms.folds.fold[place], n_folds=arms.folds.n_folds)
    chance = cross_fitted_chance(columns, answered[place], folds)
    weights[place] = answered[place] / np.maximum(chance, LEAST_CHANCE)
    return weights


def bounds_of_the_silent(trial: EmulatedTrial, arms: Arms, kind: OutcomeKind) -> dict[str, float]:
    """Return the effects if all silent customers of one arm had become happy and none of the other.

    No assumption about the silent is made: Manski (1990), worst-case bounds.
    """
    happy = trial.outcome(kind)
    silent = trial.results.followed & np.isnan(happy)
    bounds = {}
    for name, treated_happy in (("silent_low", 0.0), ("silent_high", 1.0)):
        assumed = np.where(arms.treated, treated_happy, 1.0 - treated_happy)
        effect = effect_between(arms.adjusted, np.where(silent, assumed, happy), level=trial.level)
        bounds[name] = effect.effect
    return bounds


def effects_by_group(
    trial: EmulatedTrial, arms: Arms, kind: OutcomeKind, segment: pd.Series[Any]
) -> pd.DataFrame:
    """Return effects by group, and one test of their being equal: without it no group's is a finding."""
    rows = []
    for group in sorted(segment.dropna().unique()):
        inside = (segment == group).to_numpy()
        effect = _effect(trial, arms, kind, rows=inside)
        if effect is None:
            continue
        rows.append(
            {
                "action": arms.action,
                "outcome": kind.label,
                "group": group,
                "effect": effect.effect,
                "low": effect.low,
                "high": effect.high,
                "se": effect.se,
                "n": effect.n,
                "n_treated": effect.n_treated,
            }
        )
    table = pd.DataFrame(rows)
    if len(table) < 2:
        return table.assign(p_interaction=np.nan)
    # Cochran's Q: sum (effect - mean)^2 / se^2, chi-squared with groups less one degrees of freedom
    weight = 1 / table["se"] ** 2
    mean = (weight * table["effect"]).sum() / weight.sum()
    q = float((weight * (table["effect"] - mean) ** 2).sum())
    return table.assign(p_interaction=float(stats.chi2.sf(q, len(table) - 1)))


def negative_control(trial: EmulatedTrial, arms: Arms) -> dict[str, Any]:
    """Return the effect on the answer before, without using it: it can only show how the arms differed."""
    earlier = trial.moments.previous
    usable = [place + 1 for place, name in enumerate(arms.names) if "earlier answer" not in name]
    answered = np.flatnonzero(~np.isnan(earlier))
    row: dict[str, Any] = {
        "action": arms.action,
        "effect": np.nan,
        "low": np.nan,
        "high": np.nan,
        "p_value": np.nan,
        "n": len(answered),
    }
    adjusted = arms.adjusted
    people = adjusted.people[answered]
    treated = adjusted.treated[answered]
    try:
        check_arms(treated, people)
    except DataError:
        return row
    columns = adjusted.columns[answered][:, [0, *usable]]
    folds = Folds(fold=adjusted.folds.fold[answered], n_folds=adjusted.folds.n_folds)
    chance = cross_fitted_chance(columns, treated, folds)
    before = AdjustedArms(columns=columns, treated=treated, people=people, folds=folds, chance=chance)
    effect = effect_between(before, earlier[answered], level=trial.level)
    return row | {
        "effect": effect.effect,
        "low": effect.low,
        "high": effect.high,
        "p_value": effect.p_value,
    }


def recovered_by_themselves(trial: EmulatedTrial) -> Estimate:
    """Return the share happy at the next answer of moments after which none of the actions came."""
    nothing_done = ~np.any(list(trial.treated.values()), axis=0)
    happy = trial.results.values["happy_again"]
    counted = nothing_done & ~np.isnan(happy)
    people = trial.moments.customer[counted]
    n = int(counted.sum())
    share = low = high = se = np.nan
    if len(np.unique(people)) > 1:
        share = float(happy[counted].mean())
        influence = (happy[counted] - share)[None, :]
        se = float(np.sqrt(influence_covariance(influence, clusters=people)[0, 0]))
        # Wilson's interval with the sample size that independent answers of this error would have.
        n_effective = share * (1 - share) / se**2 if se > 0 else float(n)
        lower, upper = wilson(share * n_effective, n_effective, level=trial.level)
        low = float(lower)
        high = float(upper)
    return Estimate(
        name="Happy again by themselves",
        value=share,
        low=low,
        high=high,
        level=trial.level,
        se=se,
        n=n,
        unit=Unit.SHARE,
        method="Wilson interval with the effective number of answers (clustered by customer)",
        denominator="unhappy moments without any of the actions, followed by an answer",
    )
