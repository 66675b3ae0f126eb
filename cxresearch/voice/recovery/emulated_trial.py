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
from cxresearch.stats.effects.cross_fitted import cluster_folds, cross_fitted_chance, standardised
from cxresearch.stats.effects.overlap_effect import (
    OverlapEffect,
    chance_of_treatment,
    check_arms,
    overlap_effect,
)
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.stats.models.clustered_covariance import influence_covariance
from cxresearch.voice.recovery.moment_outcomes import MomentOutcomes, OutcomeKind
from cxresearch.voice.recovery.unhappy_moments import StudyTimelines, UnhappyMoments

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
    treated : ndarray of bool, shape (n,)
    design : ndarray, shape (n, p)
        What was known by the moment, and the other actions of the same grace time.
    names : tuple of str, length p
    chance : ndarray, shape (n,)
        Cross-fitted chance of the action.
    """

    action: str
    treated: Bools
    design: Floats
    names: tuple[str, ...]
    chance: Floats


@dataclass(frozen=True, kw_only=True)
class EmulatedTrial:
    """Unhappy moments, what was done after each, and what followed.

    Attributes
    ----------
    lines : StudyTimelines
    moments : UnhappyMoments
    results : MomentOutcomes
    treated : mapping of str to ndarray of bool
        By action.
    grace_days, horizon_days, level : float
    seed : int
        For the folds.
    """

    lines: StudyTimelines
    moments: UnhappyMoments
    results: MomentOutcomes
    treated: dict[str, Bools]
    grace_days: float
    horizon_days: float
    level: float
    seed: int

    def arms(self, action: str) -> Arms:
        """Return both arms of an action, made comparable by its chance."""
        others = {
            name: arm for name, arm in self.treated.items() if name != action and arm.any() and not arm.all()
        }
        columns = [arm.astype(np.float64) for arm in others.values()]
        design = np.column_stack([self.moments.design, *columns])
        treated = self.treated[action]
        return Arms(
            action=action,
            treated=treated,
            design=design,
            names=(*self.moments.names, *(f"{name} too" for name in others)),
            chance=chance_of_treatment(design, treated, self.moments.customer, seed=self.seed),
        )

    def outcome(self, kind: OutcomeKind) -> Floats:
        """Return the values of an outcome, NaN where it is not known."""
        return self.results.values[kind.name]


def effect_on(trial: EmulatedTrial, arms: Arms, kind: OutcomeKind) -> OverlapEffect | None:
    """Return the effect on one outcome; None where an arm has hardly anybody whose outcome is known."""
    weights = answering_weights(trial, arms, trial.outcome(kind)) if kind.answered else None
    everywhere = np.ones(len(trial.moments), dtype=bool)
    return _effect(trial, arms, trial.outcome(kind), rows=everywhere, weights=weights)


def _effect(
    trial: EmulatedTrial, arms: Arms, outcome: Floats, *, rows: Bools, weights: Floats | None = None
) -> OverlapEffect | None:
    try:
        return overlap_effect(
            outcome[rows],
            arms.treated[rows],
            arms.design[rows],
            clusters=trial.moments.customer[rows],
            chance=arms.chance[rows],
            weights=None if weights is None else weights[rows],
            level=trial.level,
            seed=trial.seed,
        )
    except DataError:
        return None


def answering_weights(trial: EmulatedTrial, arms: Arms, score: Floats) -> Floats:
    """Return one over the chance of answering again, given arm and history; 0 for the silent."""
    answered = ~np.isnan(score)
    followed = trial.results.followed
    weights = np.zeros(len(score))
    if answered[followed].all() or not answered[followed].any():
        weights[answered] = 1.0
        return weights
    columns = np.column_stack([arms.design, arms.treated.astype(np.float64)])[followed]
    folds = cluster_folds(trial.moments.customer[followed], seed=trial.seed)
    chance = cross_fitted_chance(standardised(columns), answered[followed], folds)
    weights[followed] = answered[followed] / np.maximum(chance, LEAST_CHANCE)
    return weights


def bounds_of_the_silent(trial: EmulatedTrial, arms: Arms, kind: OutcomeKind) -> dict[str, float]:
    """Return the effects if all silent customers of one arm had become happy and none of the other.

    No assumption about the silent is made: Manski (1990), worst-case bounds.
    """
    happy = trial.outcome(kind)
    silent = trial.results.followed & np.isnan(happy)
    everywhere = np.ones(len(happy), dtype=bool)
    bounds = {}
    for name, treated_happy in (("silent_low", 0.0), ("silent_high", 1.0)):
        assumed = np.where(arms.treated, treated_happy, 1.0 - treated_happy)
        effect = _effect(trial, arms, np.where(silent, assumed, happy), rows=everywhere)
        bounds[name] = effect.effect if effect else np.nan
    return bounds


def effects_by_group(
    trial: EmulatedTrial, arms: Arms, kind: OutcomeKind, segment: pd.Series[Any]
) -> pd.DataFrame:
    """Return effects by group, and one test of their being equal: without it no group's is a finding."""
    weights = answering_weights(trial, arms, trial.outcome(kind)) if kind.answered else None
    rows = []
    for group in sorted(segment.dropna().unique()):
        inside = (segment == group).to_numpy()
        effect = _effect(trial, arms, trial.outcome(kind), rows=inside, weights=weights)
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
    usable = [place for place, name in enumerate(arms.names) if "earlier answer" not in name]
    design = arms.design[:, usable]
    answered = ~np.isnan(earlier)
    row: dict[str, Any] = {
        "action": arms.action,
        "effect": np.nan,
        "low": np.nan,
        "high": np.nan,
        "p_value": np.nan,
        "n": int(answered.sum()),
    }
    people = trial.moments.customer[answered]
    try:
        check_arms(arms.treated[answered], people)
    except DataError:
        return row
    effect = overlap_effect(
        earlier[answered],
        arms.treated[answered],
        design[answered],
        clusters=people,
        level=trial.level,
        seed=trial.seed,
    )
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
