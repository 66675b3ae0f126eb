"""Accounts: contacts counted once, three weightings, coverage of revenue; intervals on planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

DAY = pd.Timestamp("2024-01-01")


def study(people: pd.DataFrame, answers: pd.DataFrame, mrr: pd.Series | None = None) -> cx.Study:
    tables = {
        "customers": people.assign(started_at=DAY),
        "responses": answers.assign(instrument="nps"),
    }
    if mrr is not None:
        tables["revenue"] = pd.DataFrame(
            {"customer_id": people["customer_id"], "effective_at": DAY, "mrr": mrr.to_numpy()}
        )
    return cx.Study.from_frames(tables, observed_until="2024-12-31", instruments={"nps": cx.NPS})


def small() -> cx.Study:
    people = pd.DataFrame(
        {"customer_id": list("abcdef"), "account_id": ["X", "X", "X", "Y", "Z", None], "role": "user"}
    )
    answers = pd.DataFrame(
        {
            # a answers often; only the last answer counts, a 10
            "customer_id": ["a", "a", "a", "b", "d", "f"],
            "score": [0.0, 0.0, 10.0, 9.0, 2.0, 8.0],
            "responded_at": pd.date_range("2024-02-01", periods=6),
        }
    )
    return study(people, answers, pd.Series([10.0, 10.0, 10.0, 300.0, 70.0, 0.0]))


def test_each_contact_counts_once_and_weightings_by_hand() -> None:
    found = cx.voice.accounts(small())
    points = {"a": 100.0, "b": 100.0, "d": -100.0, "f": 0.0}
    assert found.by_contact.value == pytest.approx(np.mean(list(points.values())))
    # accounts: X 100, Y -100, f alone 0
    assert found.by_account.value == pytest.approx(0.0)
    # X pays 30, Y 300, f nothing
    assert found.by_revenue is not None
    assert found.by_revenue.value == pytest.approx((30 * 100 - 300 * 100) / 330)
    assert (found.accounts, found.accounts_heard, found.contacts_without_account) == (4, 3, 1)
    assert found.revenue_heard == pytest.approx(330 / 400)
    row = found.table.set_index("account").loc["X"]
    assert row[["contacts", "heard", "score", "unhappy", "mrr"]].tolist() == [3, 2, 100.0, 0, 30.0]


def test_contacts_and_revenue_add_up() -> None:
    found = cx.voice.accounts(small())
    assert found.table["contacts"].sum() == 6
    assert found.table["mrr"].sum() == 400.0


def test_it_says_what_is_missing() -> None:
    people = pd.DataFrame({"customer_id": ["a"], "company": ["X"]})
    answers = pd.DataFrame({"customer_id": ["a"], "score": [9.0], "responded_at": [DAY]})
    with pytest.raises(ArgumentError, match="no column 'account_id'"):
        cx.voice.accounts(study(people, answers))
    found = cx.voice.accounts(study(people, answers), account="company")
    assert found.by_revenue is None
    assert any("revenue" in note for note in found.notes)
    nobody = answers.assign(score=np.nan)
    with pytest.raises(DataError, match="no active contact has answered"):
        cx.voice.accounts(study(people, nobody.assign(sent_at=DAY)), account="company")


def coverage(runs: int) -> tuple[float, float]:
    """Share of intervals by contact and by account that hold the truth, contacts of an account alike."""
    rng = np.random.default_rng(3)
    held = np.zeros(2)
    for _ in range(runs):
        size = rng.integers(1, 8, 150)
        account = np.repeat(np.arange(150), size)
        n = len(account)
        mood = 0.9 * rng.standard_normal(150)[account] + 0.6 * rng.standard_normal(n)
        score = np.clip(np.rint(7.5 + 1.8 * mood), 0, 10)
        ids = np.arange(n).astype(str)
        people = pd.DataFrame({"customer_id": ids, "account_id": account.astype(str)})
        answers = pd.DataFrame({"customer_id": ids, "score": score, "responded_at": DAY})
        found = cx.voice.accounts(study(people, answers))
        for place, estimate in enumerate((found.by_contact, found.by_account)):
            held[place] += estimate.low <= TRUE_NPS <= estimate.high
    return held[0] / runs, held[1] / runs


def _true_nps() -> float:
    from scipy.stats import norm

    spread = 1.8 * np.hypot(0.9, 0.6)
    promoters = norm.sf(8.5, 7.5, spread)
    detractors = norm.cdf(6.5, 7.5, spread)
    return float(100 * (promoters - detractors))


TRUE_NPS = _true_nps()


def test_intervals_hold_the_truth_of_a_few_companies() -> None:
    by_contact, by_account = coverage(40)
    assert min(by_contact, by_account) >= 0.85


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_intervals_hold_the_truth() -> None:
    by_contact, by_account = coverage(400)
    print(f"\nby contact {by_contact:.1%}, by account {by_account:.1%}")
    assert 0.93 <= by_contact <= 0.975
    assert 0.93 <= by_account <= 0.975
