"""A company whose truth is known: one country falls on a day and stays there."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

FALLS_ON = pd.Timestamp("2024-03-15")


def planted_frames(seed: int = 1, customers: int = 2500, *, fall: float = 1.0) -> dict[str, pd.DataFrame]:
    """Customers, answers and revenue; ``fall`` is what Spain loses from the day on, in deviations."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(customers)],
            "started_at": pd.Timestamp("2022-01-01")
            + pd.to_timedelta(rng.integers(0, 700, customers), unit="D"),
            "country": rng.choice(["DE", "FR", "UK", "ES", "IT"], customers, p=[0.3, 0.25, 0.2, 0.15, 0.1]),
            "industry": rng.choice(["retail", "bank", "health"], customers),
        }
    )
    gone = rng.random(customers) < 0.15
    people["ended_at"] = pd.Series(pd.Timestamp("2024-10-01"), index=people.index).where(gone)
    people["life"] = np.where(gone, "over", "going on")
    answers = int(customers * 1.6)
    who = rng.integers(0, customers, answers)
    at = pd.Timestamp("2023-12-01") + pd.to_timedelta(rng.integers(0, 300 * 86_400, answers), unit="s")
    late = (at > FALLS_ON) & (people["country"].to_numpy()[who] == "ES")
    mood = 0.7 * rng.normal(size=customers)[who] + 0.7 * rng.normal(size=answers) - fall * late
    responses = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[who],
            "instrument": "nps",
            "score": np.clip(np.round(8.6 + 2 * mood), 0, 10),
            "responded_at": at,
            "channel": rng.choice(["web", "phone", "mail"], answers),
        }
    )
    revenue = pd.DataFrame(
        {
            "customer_id": people["customer_id"],
            "effective_at": people["started_at"],
            "mrr": np.round(rng.lognormal(5, 1, customers), 2),
            "plan": rng.choice(["Basic", "Pro"], customers),
        }
    )
    over = revenue[gone].assign(effective_at=pd.Timestamp("2024-10-01"), mrr=0.0)
    revenue = pd.concat([revenue, over], ignore_index=True)
    return {"customers": people, "responses": responses, "revenue": revenue}


def planted_study(seed: int = 1, customers: int = 2500, *, fall: float = 1.0) -> cx.Study:
    """The same as a study."""
    return study_of(planted_frames(seed, customers, fall=fall))


def study_of(frames: dict[str, pd.DataFrame]) -> cx.Study:
    """A study of such frames until the end of 2024."""
    segments = [name for name in ("country", "industry", "life") if name in frames["customers"]]
    return cx.Study.from_frames(
        frames, observed_until="2024-12-31", instruments={"nps": cx.NPS}, currency="EUR", segments=segments
    )


@pytest.fixture(scope="session")
def company() -> SimpleNamespace:
    """Makers of the company: ``frames(seed, customers, fall=)``, ``study(...)``, ``of(frames)``."""
    return SimpleNamespace(frames=planted_frames, study=planted_study, of=study_of)
