"""Closing the loop, and whose money comes in: planted effects and shares, and what the data must hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

CUT = pd.Timestamp("2025-01-01")


def loop_study(effect: float, *, seed: int = 1, customers: int = 2_500, kind: str = "call_back") -> cx.Study:
    """Unhappy customers of whom the unhappiest are called; a call adds so many points to the next NPS."""
    rng = np.random.default_rng(seed)
    ids = [f"c{number}" for number in range(customers)]
    start = pd.Timestamp("2023-01-01") - pd.to_timedelta(rng.integers(0, 300, customers), unit="D")
    first = pd.Timestamp("2024-02-01") + pd.to_timedelta(rng.integers(0, 60, customers), unit="D")
    score = rng.integers(0, 7, customers)
    called = rng.random(customers) < 0.9 - 0.12 * score
    # Each answer is a promoter (+100), a passive (0) or a detractor (-100) with this mean.
    mean = -60 + 12.0 * score + effect * called
    rise = (mean + 100) / 200
    later = np.select([rng.random(customers) < rise], [10], default=3)
    answers = pd.DataFrame(
        {
            "customer_id": ids * 2,
            "instrument": "nps",
            "score": [*score, *later],
            "responded_at": [*first, *(first + pd.Timedelta(days=90))],
        }
    )
    events = pd.DataFrame(
        {
            "customer_id": np.array(ids)[called],
            "kind": kind,
            "occurred_at": first[called] + pd.Timedelta(days=3),
        }
    )
    tables = {
        "customers": pd.DataFrame({"customer_id": ids, "started_at": start}),
        "responses": answers,
        "events": events,
    }
    return cx.Study.from_frames(tables, observed_until=CUT.to_pydatetime(), instruments={"nps": cx.NPS})


def claim(study: cx.Study, name: str) -> cx.contest.ClaimFinding:
    return cx.contest.audit_claims(study).claim(name)


@pytest.mark.parametrize(
    ("effect", "verdict"), [(11.0, "supported"), (30.0, "supported"), (0.0, "contradicted")]
)
def test_closing_the_loop_holds_the_planted_effect(effect: float, verdict: str) -> None:
    item = claim(loop_study(effect), "closing_the_loop")
    assert item.low <= effect <= item.high
    assert item.verdict == verdict
    assert "a follow-up within 14 days goes with a next NPS" in item.finding


def test_the_plain_comparison_would_have_the_wrong_sign() -> None:
    study = loop_study(11.0)
    answers = study.table("responses").collect("pandas").to_native()
    called = set(study.table("events").collect("pandas").to_native()["customer_id"])
    later = answers[answers["responded_at"] > answers["responded_at"].min() + pd.Timedelta(days=85)]
    points = np.where(later["score"] >= 9, 100.0, -100.0)
    member = later["customer_id"].isin(called).to_numpy()
    assert points[member].mean() - points[~member].mean() < 0 < claim(study, "closing_the_loop").low


def test_without_follow_ups_nothing_is_tested() -> None:
    item = claim(loop_study(0.0, kind="outage"), "closing_the_loop")
    assert item.verdict == "not testable" and item.finding.startswith("No event is a follow-up")


def paying(existing: int, new: int) -> cx.Study:
    """Existing customers paid 100 a month all year; new ones 200 a month since the middle of it."""
    since = [pd.Timestamp("2022-01-01")] * existing + [CUT - pd.Timedelta(days=365.25 / 2)] * new
    ids = [f"c{number}" for number in range(existing + new)]
    tables = {
        "customers": pd.DataFrame({"customer_id": ids, "started_at": since}),
        "revenue": pd.DataFrame(
            {"customer_id": ids, "effective_at": since, "mrr": [100.0] * existing + [200.0] * new}
        ),
    }
    return cx.Study.from_frames(tables, observed_until=CUT.to_pydatetime(), instruments={}, currency="EUR")


@pytest.mark.parametrize(
    ("existing", "new", "verdict"),
    [(950, 50, "supported"), (500, 500, "contradicted"), (91, 9, "underpowered")],
)
def test_the_share_of_existing_customers_is_that_of_the_money(existing: int, new: int, verdict: str) -> None:
    item = claim(paying(existing, new), "existing_customers_pay")
    # Half a year of 200 is a year of 100.
    assert item.estimate == pytest.approx(existing / (existing + new), rel=1e-6)
    assert item.low < item.estimate < item.high
    assert item.verdict == verdict


def test_a_company_in_its_first_year_has_no_existing_customers() -> None:
    item = claim(paying(0, 60), "existing_customers_pay")
    assert item.verdict == "not testable" and "no existing customers" in item.finding


def test_orders_stand_in_for_revenue() -> None:
    ids = [f"c{number}" for number in range(80)]
    old, recent = CUT - pd.Timedelta(days=700), CUT - pd.Timedelta(days=100)
    orders = pd.DataFrame(
        {
            "customer_id": [*ids[:40], *ids],
            "ordered_at": [old] * 40 + [recent] * 80,
            "amount": 10.0,
        }
    )
    customers = pd.DataFrame({"customer_id": ids, "started_at": [old] * 40 + [recent] * 40})
    study = cx.Study.from_frames(
        {"customers": customers, "orders": orders}, observed_until=CUT.to_pydatetime(), instruments={}
    )
    item = claim(study, "existing_customers_pay")
    assert item.estimate == pytest.approx(0.5) and "Of the orders of the last year" in item.finding
