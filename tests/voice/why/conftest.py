"""A firm whose customers write: planted themes, a date on which one begins, what it does to scores."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxresearch.data.study import Study
from cxresearch.scales import NPS

START = pd.Timestamp("2023-01-01")
#: Day on which complaints about the price begin to be frequent.
RISE_DAY = 330
BOOK = {"price": ["expensive", "pric*"], "speed": ["slow*"], "fax": ["fax"]}


def written_study(
    seed: int = 1,
    *,
    n: int = 3_000,
    people: int = 1_000,
    effect: float = 0.0,
    leaving: float = 0.0,
    rise: float = 0.25,
) -> Study:
    """Comments on an NPS question: `effect` points lost with price, `leaving` a log hazard ratio."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, people, n)
    day = rng.integers(0, 500, n)
    price = rng.random(n) < 0.10 + rise * (day >= RISE_DAY)
    speed = rng.random(n) < 0.10
    fax = rng.random(n) < 0.015
    mood = rng.normal(size=people)[who]
    score = np.clip(np.round(8 + 1.2 * mood - effect * price + 1.2 * rng.normal(size=n)), 0, 10)
    said = [
        " and ".join(
            word for word, there in zip(("too expensive", "slow app", "fax"), row, strict=True) if there
        )
        or "fine thanks"
        for row in zip(price, speed, fax, strict=True)
    ]
    answers = pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in who],
            "instrument": "nps",
            "score": score,
            "responded_at": START + pd.to_timedelta(day * 1_440 + rng.integers(0, 1_440, n), unit="min"),
            "comment": said,
            "channel": rng.choice(["mail", "app"], n),
        }
    )
    first = (
        answers.assign(price=price).sort_values("responded_at", kind="stable").drop_duplicates("customer_id")
    )
    ids = [f"c{number:05d}" for number in range(people)]
    first = first.set_index("customer_id").reindex(ids)
    rate = np.exp(leaving * (first["price"] == True).to_numpy()) / 900  # noqa: E712 - missing counts as no
    begins = first["responded_at"].fillna(START).to_numpy()
    ends = pd.Series(begins + pd.to_timedelta(rng.exponential(1 / rate), unit="D").to_numpy())
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "started_at": START - pd.Timedelta(days=30),
            "ended_at": ends.where(ends < pd.Timestamp("2024-12-31")).to_numpy(),
            "segment": rng.choice(["small", "large"], people),
            "name": [f"Quirin Zwettler{number}" for number in range(people)],
        }
    )
    revenue = pd.DataFrame(
        {
            "customer_id": ids,
            "effective_at": START - pd.Timedelta(days=30),
            "mrr": rng.lognormal(4, 1, people),
        }
    )
    left = answers["customer_id"].map(customers.set_index("customer_id")["ended_at"])
    answers = answers[~(answers["responded_at"] > left)]
    return Study.from_frames(
        {"responses": answers, "customers": customers, "revenue": revenue},
        revenue_ends="at_ended_at",
        observed_until="2024-12-31",
        instruments={"nps": NPS},
    )


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """What makes such a firm."""
    return written_study


@pytest.fixture
def book() -> dict[str, list[str]]:
    """The codebook that names the planted themes."""
    return BOOK
