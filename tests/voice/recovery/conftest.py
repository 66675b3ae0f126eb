"""A company whose unhappy customers are called by severity, with known effects of the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

START = pd.Timestamp("2023-01-01")
CUT = "2024-12-31"


@dataclass(frozen=True)
class Company:
    """Tables, and what is true of them: ``gain`` is what a call adds to each customer's next score."""

    study_of: Callable[[], cx.Study]
    called: np.ndarray
    unhappy_score: np.ndarray
    next_score: np.ndarray
    chance: np.ndarray
    gain: np.ndarray
    gain_in_happiness: np.ndarray
    tenure: np.ndarray
    left: np.ndarray
    change_of_revenue: np.ndarray

    @cached_property
    def study(self) -> cx.Study:
        """The tables, made when they are asked for: truths of large companies need none."""
        return self.study_of()

    def true_effect(self) -> float:
        """Mean gain of the unhappy under overlap weights e (1 - e)."""
        return self._among_overlap(self.gain)

    def true_effect_on_happiness(self) -> float:
        """The same of being happy (9 or 10) at the next answer."""
        return self._among_overlap(self.gain_in_happiness)

    def _among_overlap(self, gain: np.ndarray) -> float:
        weight = self.chance * (1 - self.chance) * (self.unhappy_score <= 6)
        return float(np.average(gain, weights=weight))


def _company(
    seed: int,
    *,
    n: int = 3000,
    effect_on_score: float = 1.0,
    effect_on_leaving: float = 0.0,
    severity: float = 0.9,
    answering: float = 1.0,
    revenue: bool = False,
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
    pro = rng.random(n) < 0.4
    hours = rng.uniform(1, 10, n)
    # Whoever is in a good mood buys more on day 200, called or not; who leaves pays nothing.
    paid = rng.uniform(20, 80, n)
    more = 5 * mood + 5 * rng.normal(size=n)

    def study() -> cx.Study:
        ended = pd.Series(pd.NaT, index=range(n), dtype="datetime64[ns]")
        ended[leaves] = START + pd.to_timedelta(left_on[leaves], unit="D")
        customers = pd.DataFrame({"customer_id": ids, "started_at": day(-tenure), "ended_at": ended})
        customers["plan"] = np.where(pro, "pro", "basic")
        rounds = [
            pd.DataFrame({"customer_id": ids, "responded_at": day(30.0), "score": earlier}),
            pd.DataFrame({"customer_id": ids, "responded_at": day(150.0), "score": score}),
            pd.DataFrame({"customer_id": ids, "responded_at": day(220.0), "score": later})[answers],
        ]
        calls = (day(150.0) + pd.to_timedelta(hours, unit="D"))[called]
        tables = {
            "customers": customers,
            "responses": pd.concat(rounds, ignore_index=True).assign(instrument="nps"),
            "events": pd.DataFrame({"customer_id": ids[called], "occurred_at": calls, "kind": "call_back"}),
        }
        further: dict[str, str] = {}
        if revenue:
            levels = [
                pd.DataFrame({"customer_id": ids, "effective_at": day(-tenure), "mrr": paid}),
                pd.DataFrame({"customer_id": ids, "effective_at": day(200.0), "mrr": paid + more}),
            ]
            tables["revenue"] = pd.concat(levels, ignore_index=True)
            tables["revenue"]["mrr"] = tables["revenue"]["mrr"].clip(lower=0)
            further["revenue_ends"] = "at_ended_at"
        return cx.Study.from_frames(tables, observed_until=CUT, instruments={"nps": cx.NPS}, **further)

    return Company(
        study_of=study,
        called=called,
        unhappy_score=score,
        next_score=later,
        chance=chance,
        gain=with_call - without,
        gain_in_happiness=(with_call >= 9).astype(float) - (without >= 9),
        tenure=tenure,
        left=leaves,
        change_of_revenue=np.where(leaves, 0.0, np.maximum(paid + more, 0)) - paid,
    )


@pytest.fixture(scope="session")
def company() -> Callable[..., Company]:
    """Draw a company: ``company(seed, n=3000, effect_on_score=1.0, effect_on_leaving=0.0, ...)``."""
    return _company
