"""Companies whose future is known, because it was drawn first and then cut off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

CUT = pd.Timestamp("2024-12-31 23:59:59.999999")
MONTH = pd.Timedelta(days=365.25 / 12)
HAZARD = np.array([0.03, 0.015])
PRICE = np.array([100.0, 900.0])


def at(months: np.ndarray) -> pd.Series:
    """Moments so many months from the cut."""
    return (CUT + pd.Series(months) * MONTH).dt.round("us")


def company(
    seed: int, *, came: float = 20.0, past: int = 36, ahead: int = 12, money: bool = True
) -> tuple[cx.Study, float, float]:
    """A company of two plans with constant hazards; its customers and revenue some months after the cut."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(came * (past + ahead))
    start = np.sort(rng.uniform(-past, ahead, n))
    plan = rng.choice(2, n, p=[0.7, 0.3])
    end = start + rng.exponential(1 / HAZARD[plan])
    first = PRICE[plan] * rng.lognormal(0, 0.4, n)
    # a rise of a fifth in about one month of thirty
    months = np.arange(-past + 1, ahead + 1)
    risen = (rng.random((n, len(months))) < 1 / 30) & (start[:, None] < months) & (end[:, None] > months)
    level = first[:, None] * 1.2 ** risen.cumsum(axis=1)
    there = end > ahead
    known = start < 0
    ids = np.array([f"c{number}" for number in range(n)])
    people = pd.DataFrame(
        {
            "customer_id": ids[known],
            "started_at": at(start[known]).to_numpy(),
            "ended_at": at(np.where(end <= 0, end, np.nan)[known]).to_numpy(),
            "plan": np.array(["small", "large"])[plan[known]],
        }
    )
    tables = {"customers": people}
    if money:
        who, when = np.nonzero(risen & (months <= 0))
        rows = [
            pd.DataFrame({"customer_id": ids[known], "effective_at": at(start[known]), "mrr": first[known]}),
            pd.DataFrame(
                {"customer_id": ids[who], "effective_at": at(months[when]), "mrr": level[who, when]}
            ),
        ]
        tables["revenue"] = pd.concat(rows, ignore_index=True)
    study = cx.Study.from_frames(
        tables, observed_until=CUT.tz_localize("UTC"), revenue_ends="at_ended_at", currency="EUR"
    )
    return study, float(there.sum()), float(level[there, -1].sum())


@pytest.fixture(scope="session")
def make_company() -> Callable[..., tuple[cx.Study, float, float]]:
    return company


@pytest.fixture(scope="session")
def study() -> cx.Study:
    return company(1)[0]
