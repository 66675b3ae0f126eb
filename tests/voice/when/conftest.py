"""A company with a planted truth: one country falls from NPS +25 to -26 on a known day and stays there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import cxresearch as cx

COUNTRIES = ("DE", "FR", "IT", "ES", "PL", "NL")
FELL_ON = pd.Timestamp("2025-03-15")
_HAPPY = (0.25, 0.50)  # detractors, promoters: +25
_UNHAPPY = (0.51, 0.25)  # -26


def planted_tables(
    *, seed: int = 1, n: int = 12_000, people: int = 4_000, fallen: str = "DE"
) -> dict[str, pd.DataFrame]:
    """Customers of six countries who answer three times on average over two years, and a declared event."""
    rng = np.random.default_rng(seed)
    country = np.array(COUNTRIES)[rng.integers(0, 6, people)]
    customers = pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(people)],
            "started_at": pd.Timestamp("2023-06-01"),
            "country": country,
        }
    )
    who = rng.integers(0, people, n)
    moment = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.random(n) * 730, unit="D")
    mood = norm.cdf(0.6 * rng.standard_normal(people)[who] + 0.8 * rng.standard_normal(n))
    fell = (country[who] == fallen) & (moment >= FELL_ON)
    detractors = np.where(fell, _UNHAPPY[0], _HAPPY[0])
    promoters = np.where(fell, _UNHAPPY[1], _HAPPY[1])
    score = np.where(mood < detractors, 4.0, np.where(mood > 1 - promoters, 10.0, 8.0))
    responses = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_numpy()[who],
            "instrument": "nps",
            "score": score,
            "responded_at": moment,
        }
    )
    events = pd.DataFrame({"occurred_at": [FELL_ON + pd.Timedelta(hours=9)], "kind": ["price rise"]})
    return {"customers": customers, "responses": responses, "events": events}


def study_of(tables: dict[str, Any], **options: Any) -> cx.Study:
    """A study of these tables, cut at the end of 2025."""
    options = {"observed_until": "2025-12-31", "instruments": {"nps": cx.NPS}, **options}
    return cx.Study.from_frames(tables, **options)


@pytest.fixture(scope="session")
def planted() -> cx.Study:
    """The planted company."""
    return study_of(planted_tables())


@pytest.fixture(scope="session")
def tables() -> Callable[..., dict[str, pd.DataFrame]]:
    """Maker of the planted tables."""
    return planted_tables


@pytest.fixture(scope="session")
def study() -> Callable[..., cx.Study]:
    """Maker of a study of tables."""
    return study_of


@pytest.fixture(scope="session")
def company() -> cx.Study:
    """The synthetic company with every table."""
    return cx.synthetic.company_study(seed=1, customers=3_000)
