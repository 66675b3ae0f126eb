"""A company whose unhappy customers are called by severity, with known effects of the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

START = pd.Timestamp("2023-01-01")
CUT = "2024-12-31"


@dataclass(frozen=True)
class Company:
    """Tables, and what is true of them: ``gain`` is what a call adds to each customer's next score."""

    study: cx.Study
    called: np.ndarray
    unhappy_score: np.ndarray
    next_score: np.ndarray
    chance: np.ndarray
    gain: np.ndarray
    tenure: np.ndarray
    left: np.ndarray

    def true_effect(self) -> float:
        """Mean gain of the unhappy under overlap weights e (1 - e)."""
        weight = self.chance * (1 - self.chance) * (self.unhappy_score <= 6)
        return float(np.average(self.gain, weights=weight))


def _company(
    seed: int,
    *,
    n: int = 3000,
    effect_on_score: float = 1.0,
    effect_on_leaving: float = 0.0,
    severity: float = 0.9,
    answering: float = 1.0,
) -> Company:
    """Draw a company.

    Everybody answers on day 30, 150 and 220. Scores hang on a lasting mood and on chance, so that many
    unhappy customers are happier the next time whatever is done. The call after the second answer is the
    likelier the worse the answer; leaving hangs on the mood, and on the call only as planted.
    """
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)

    def answer() -> np.ndarray:
        return np.clip(np.rint(6.2 + 1.6 * mood + 1.6 * rng.normal(size=n)), 0, 10)

    earlier = answer()
    score = answer()
    unhappy = score <= 6
    chance = 1 / (1 + np.exp(-(severity * (4.0 - score))))
    called = unhappy & (rng.random(n) < chance)
    mood_then = 6.2 + 1.6 * mood + 1.6 * rng.normal(size=n)
    without, with_call = (np.clip(np.rint(mood_then + lift), 0, 10) for lift in (0.0, effect_on_score))
    later = np.where(called, with_call, without)
    answers = rng.random(n) < np.where(mood > 0, answering, answering**1.5)
    leaving = 1 / (1 + np.exp(1.6 + 0.7 * mood)) + effect_on_leaving * called
    # Nobody leaves within the grace time; who leaves does so between day 180 and 260.
    leaves = rng.random(n) < np.clip(leaving, 0, 1)
    left_on = np.where(leaves, rng.uniform(225, 260, n), np.inf)
    ids = np.char.add("c", np.arange(n).astype(str))

    def day(number: np.ndarray | float) -> pd.Series:
        return pd.Series(START + pd.to_timedelta(np.broadcast_to(number, n), unit="D"))

    tenure = rng.uniform(30, 600, n)
    ended = pd.Series(pd.NaT, index=range(n), dtype="datetime64[ns]")
    ended[leaves] = START + pd.to_timedelta(left_on[leaves], unit="D")
    customers = pd.DataFrame({"customer_id": ids, "started_at": day(-tenure), "ended_at": ended})
    customers["plan"] = np.where(rng.random(n) < 0.4, "pro", "basic")
    rounds = [
        pd.DataFrame({"customer_id": ids, "responded_at": day(30.0), "score": earlier}),
        pd.DataFrame({"customer_id": ids, "responded_at": day(150.0), "score": score}),
        pd.DataFrame({"customer_id": ids, "responded_at": day(220.0), "score": later})[answers],
    ]
    responses = pd.concat(rounds, ignore_index=True).assign(instrument="nps")
    events = pd.DataFrame(
        {
            "customer_id": ids[called],
            "occurred_at": (day(150.0) + pd.to_timedelta(rng.uniform(1, 10, n), unit="D"))[called],
            "kind": "call_back",
        }
    )
    study = cx.Study.from_frames(
        {"customers": customers, "responses": responses, "events": events},
        observed_until=CUT,
        instruments={"nps": cx.NPS},
    )
    return Company(
        study=study,
        called=called,
        unhappy_score=score,
        next_score=later,
        chance=chance,
        gain=with_call - without,
        tenure=tenure,
        left=leaves,
    )


@pytest.fixture(scope="session")
def company() -> Callable[..., Company]:
    """Draw a company: ``company(seed, n=3000, effect_on_score=1.0, effect_on_leaving=0.0, ...)``."""
    return _company
