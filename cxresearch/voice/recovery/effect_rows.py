"""Effects as rows of a table: what is asked, what came out, the verdict, and Holm over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_number
from cxresearch.errors import ArgumentError
from cxresearch.results.units import Unit
from cxresearch.stats.effects.e_value import e_value
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.voice.recovery.action_verdicts import moments_that_would_decide, verdict_of
from cxresearch.voice.recovery.emulated_trial import Arms, EmulatedTrial, bounds_of_the_silent, effect_on
from cxresearch.voice.recovery.moment_outcomes import OUTCOMES, OutcomeKind
from cxresearch.wording import did_you_mean, listed


def checked_outcomes(outcomes: Sequence[str] | Mapping[str, float]) -> dict[str, tuple[OutcomeKind, float]]:
    """Return the outcomes asked for, each with the margin set for it.

    Raises
    ------
    ArgumentError
        If an outcome is not known, or a margin not above 0.
    """
    kinds = {}
    for name in [outcomes] if isinstance(outcomes, str) else outcomes:
        if name not in OUTCOMES:
            raise ArgumentError(
                f"there is no outcome {name!r}",
                wanted="one of " + listed(OUTCOMES),
                next_step=did_you_mean(name, OUTCOMES),
            )
        margin = outcomes[name] if isinstance(outcomes, Mapping) else OUTCOMES[name].margin
        kinds[name] = (OUTCOMES[name], check_number(f"margin of {name}", margin, above=0))
    return kinds


def with_holm(table: pd.DataFrame) -> pd.DataFrame:
    """Add Holm's p-values over all actions and outcomes of the table."""
    return table.assign(p_holm=holm(table["p_value"].to_numpy(dtype=np.float64)))


def effect_row(trial: EmulatedTrial, arms: Arms, kind: OutcomeKind, margin: float) -> dict[str, Any]:
    """Return one row: the effect of an action on an outcome, its interval, verdict, bounds and E-value."""
    head = {
        "action": arms.action,
        "outcome": kind.label,
        "unit": kind.unit,
        "difference_unit": kind.difference,
        "margin": margin,
    }
    effect = effect_on(trial, arms, kind)
    if effect is None:
        known = ~np.isnan(trial.outcome(kind))
        counts = {"n": int(known.sum()), "n_treated": int(arms.treated[known].sum())}
        return {**head, **counts, "p_value": np.nan, "verdict": "cannot tell"}
    verdict = verdict_of(
        effect.effect,
        effect.low,
        effect.high,
        se=effect.se,
        margin=margin,
        more_is_better=kind.more_is_better,
    )
    row = {
        **head,
        "effect": effect.effect,
        "low": effect.low,
        "high": effect.high,
        "se": effect.se,
        "with_action": effect.treated_mean,
        "without": effect.untreated_mean,
        "naive": effect.naive,
        "n": effect.n,
        "n_treated": effect.n_treated,
        "p_value": effect.p_value,
        "verdict": verdict,
        "would_decide": moments_that_would_decide(effect.n, effect.se, margin=margin, level=trial.level),
    }
    if kind.unit is Unit.SHARE and effect.untreated_mean > 0:
        row["e_value"] = e_value(effect.treated_mean / effect.untreated_mean)
    if kind.name == "happy_again":
        row |= bounds_of_the_silent(trial, arms, kind)
    return row
