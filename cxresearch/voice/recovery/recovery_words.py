"""What effects of actions say, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit, format_value
from cxresearch.stats.effects.balance import BALANCED
from cxresearch.voice.recovery.action_verdicts import Verdict
from cxresearch.voice.recovery.emulated_trial import EmulatedTrial
from cxresearch.wording import listed

_SAID: dict[Verdict, str] = {
    "helps": "helps",
    "hurts": "hurts",
    "no difference that matters": "makes no difference that matters",
    "cannot tell": "these data cannot tell",
}


def recovery_finding(table: pd.DataFrame, recovered: Estimate, *, grace_days: float, level: float) -> str:
    """Say first how many recover by themselves, then what each action did, then what is not known."""
    sentences = []
    if recovered.n:
        share = format_value(recovered.value, Unit.SHARE)
        sentences.append(f"{share} of unhappy customers were happy at the next answer by themselves.")
    for action, rows in table.groupby("action", sort=False):
        clear = rows[
            (rows["verdict"] != "cannot tell") & ((rows["p_holm"] < 1 - level) | (rows["verdict"] == _EQUAL))
        ]
        unclear = rows[~rows.index.isin(clear.index)]
        parts = [_sentence(row) for row in clear.to_dict("records")]
        if len(unclear):
            parts.append(f"on {_and(unclear['outcome'])} these data cannot tell")
        sentences.append(
            f"{str(action).replace('_', ' ').capitalize()} within {grace_days:g} days: {'; '.join(parts)}."
        )
    return " ".join(sentences)


_EQUAL: Verdict = "no difference that matters"


def _sentence(row: Mapping[Any, Any]) -> str:
    unit = Unit(row["unit"])
    levels = f"{format_value(row['with_action'], unit)} instead of {format_value(row['without'], unit)}"
    return f"{row['outcome']} {levels} ({_SAID[row['verdict']]})"


def _and(names: Iterable[Any]) -> str:
    every = [str(name) for name in names]
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}"


def recovery_notes(trial: EmulatedTrial, balance: pd.DataFrame, controls: pd.DataFrame) -> tuple[str, ...]:
    """Say who was left out, where the arms differ still, and what a negative control shows."""
    notes = [f"{n:,} unhappy answers left out: {reason}." for reason, n in trial.moments.dropped.items()]
    waiting = int((~trial.results.followed).sum())
    if waiting:
        notes.append(f"{waiting:,} moments are not followed to the horizon yet; they have no outcome.")
    notes += balance_notes(balance)
    notes += control_notes(controls, level=trial.level)
    notes.append(
        "Adjusted for what is recorded and was known by the answer; only a trial adjusts for the rest "
        "(cx.voice.plan_trial)."
    )
    return tuple(notes)


def balance_notes(balance: pd.DataFrame) -> list[str]:
    """Say in what arms still differ under the weights."""
    uneven = balance[balance["after"].abs() >= BALANCED]
    return [
        f"{action}: the arms still differ in {listed(rows['column'], most=5)} by a tenth of a standard "
        "deviation or more; the effect may be theirs."
        for action, rows in uneven.groupby("action", sort=False)
    ]


def control_notes(controls: pd.DataFrame, *, level: float) -> list[str]:
    """Say which actions seem to act on what came before them."""
    shown = controls[controls["p_value"] < 1 - level]
    return [
        f"{action}: it seems to act on the answer before it, which it cannot: those who got it differed in "
        "something that is not recorded. Do not trust its effects; plan a trial."
        for action in shown["action"]
    ]
