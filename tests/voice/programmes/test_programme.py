"""Onboarding, check-ins and the like: planted effects by dose, money back, moments by hand, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.timelines import DAY
from cxresearch.stats.effects.adjusted_arms import adjusted_arms
from cxresearch.voice.programmes.programme_moments import programme_moments
from cxresearch.voice.programmes.programme_return import return_on_spending
from cxresearch.voice.recovery.moment_outcomes import moment_outcomes
from cxresearch.voice.recovery.unhappy_moments import study_timelines

START = pd.Timestamp("2023-01-01")


def joiners(seed: int, *, keeps: float, n: int = 2500) -> cx.Study:
    """Customers join over half a year; a call on joining goes mostly to enterprises, who stay longer anyhow.

    A call lowers leaving by ``keeps``, two calls by twice that; everybody pays 30 a month.
    """
    rng = np.random.default_rng(seed)
    enterprise = rng.random(n) < 0.4
    calls = rng.binomial(2, np.where(enterprise, 0.6, 0.2))
    joined = START + pd.to_timedelta(rng.integers(0, 180, n), unit="D")
    leaves = rng.random(n) < np.where(enterprise, 0.25, 0.5) - keeps * calls
    ended = pd.Series(joined + pd.to_timedelta(rng.integers(40, 200, n), unit="D")).where(leaves)
    ids = np.char.add("c", np.arange(n).astype(str))
    customers = pd.DataFrame({"customer_id": ids, "started_at": joined, "ended_at": ended})
    customers["size"] = np.where(enterprise, "enterprise", "small")
    one = pd.DataFrame({"customer_id": ids, "occurred_at": joined + pd.Timedelta(days=3)})[calls >= 1]
    two = pd.DataFrame({"customer_id": ids, "occurred_at": joined + pd.Timedelta(days=9)})[calls >= 2]
    revenue = pd.DataFrame({"customer_id": ids, "effective_at": joined, "mrr": 30.0})
    return cx.Study.from_frames(
        {"customers": customers, "events": pd.concat([one, two]).assign(kind="call"), "revenue": revenue},
        observed_until="2024-03-01",
        instruments={},
        segments=["size"],
        revenue_ends="at_ended_at",
    )


def judged(study: cx.Study, **more: Any) -> Any:
    return cx.voice.programme(study, actions={"call": 20.0}, horizon_days=180, **more)


def test_a_planted_effect_is_covered_by_dose_where_the_plain_difference_is_not() -> None:
    result = judged(joiners(1, keeps=0.1, n=6000), outcomes=["churn", "earned"])
    left = result.table[result.table["outcome"] == "left"].set_index("dose")
    assert left.loc["one", "low"] < -0.1 < left.loc["one", "high"]
    assert left.loc["several", "low"] < -0.2 < left.loc["several", "high"]
    # Enterprises are called, and stay anyhow.
    assert left.loc["one", "naive"] < -0.14
    assert left.loc["any", "verdict"] == "helps"
    assert "Call within 30 days of joining: left" in result.finding
    assert result.balance["after"].abs().max() < 0.1 < result.balance["before"].abs().max()


def test_without_an_effect_none_is_named_and_it_does_not_pay() -> None:
    result = judged(joiners(2, keeps=0.0), outcomes=["churn"])
    left = result.table.set_index("dose").loc["any"]
    assert left["low"] < 0 < left["high"]
    assert left["naive"] < -0.05
    back = result.returns.set_index("dose").loc["any"]
    # Contacts cost 20 each, and nothing comes back.
    assert 20 < back["spent"] < 40
    assert back["return_low"] < 0 < back["return_high"]
    assert back["verdict"] in ("does not pay", "cannot tell")


def test_money_back_is_the_ratio_of_two_differences_in_a_trial() -> None:
    rng = np.random.default_rng(5)
    n = 3000
    treated = np.arange(n) % 2 == 0
    spent = np.where(treated, rng.choice([10.0, 20.0], n), 0.0)
    earned = 40 * treated + rng.normal(0, 30, n)
    arms = adjusted_arms(rng.normal(size=(n, 1)), treated, np.arange(n), chance=np.full(n, 0.5))
    row = return_on_spending(arms, earned, spent)
    plain = (earned[treated].mean() - earned[~treated].mean()) / spent[treated].mean()
    assert row["return_ratio"] == pytest.approx(plain, rel=0.02)
    # the delta method by hand: var(R) = [var(e) + R^2 var(s) - 2 R cov] / mean(s)^2, arm by arm
    left = earned - plain * spent
    se = np.sqrt(left[treated].var() / treated.sum() + left[~treated].var() / (~treated).sum())
    half = 1.96 * se / spent[treated].mean()
    assert (row["return_high"] - row["return_low"]) / 2 == pytest.approx(half, rel=0.05)


def test_money_back_covers_and_finds_nothing_where_nothing_is() -> None:
    covered = []
    false = []
    rng = np.random.default_rng(6)
    for _ in range(200):
        x = rng.normal(size=400)
        treated = rng.random(400) < 1 / (1 + np.exp(-x))
        contacts = treated * rng.integers(1, 4, 400)
        arms = adjusted_arms(x[:, None], treated, np.arange(400))
        noise = 20 * x + rng.normal(0, 30, 400)
        row = return_on_spending(arms, 25.0 * contacts + noise, 10.0 * contacts)
        covered.append(row["return_low"] <= 2.5 <= row["return_high"])
        nothing = return_on_spending(arms, noise, 10.0 * contacts)
        false.append(not nothing["return_low"] <= 0 <= nothing["return_high"])
    # 200 runs at 95 %: fewer than 181 have probability below .004
    assert sum(covered) >= 181
    assert sum(false) <= 19


def hand_study() -> cx.Study:
    """Four customers with renewals; a paid 10, then 20 from 31 January on; d gave notice early."""
    customers = pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "started_at": START,
            "ended_at": pd.to_datetime([None, "2023-06-01", None, "2023-12-31"]),
            "notice_at": pd.to_datetime([None, None, None, "2023-09-15"]),
        }
    )
    revenue = pd.DataFrame(
        [
            ("a", 10.0, "2023-01-01", "2024-01-01"),
            ("a", 20.0, "2023-01-31", None),
            ("b", 10.0, "2023-01-01", "2024-01-01"),
            ("c", 10.0, "2023-11-30", "2024-01-01"),
            ("d", 10.0, "2023-01-01", "2024-01-01"),
        ],
        columns=["customer_id", "mrr", "effective_at", "due_at"],
    )
    revenue = revenue.assign(**{name: pd.to_datetime(revenue[name]) for name in ("effective_at", "due_at")})
    events = pd.DataFrame({"customer_id": ["a"], "occurred_at": [START], "kind": ["call"]})
    return cx.Study.from_frames(
        {"customers": customers, "revenue": revenue, "events": events},
        observed_until="2024-06-01",
        instruments={},
        revenue_ends="at_ended_at",
    )


def test_a_renewal_ahead_is_one_agreed_by_then_of_who_is_not_under_notice() -> None:
    study = hand_study()
    lines = study_timelines(study, None, ("call",))
    moments = programme_moments(study, lines, "renewal:90", grace_days=30)
    # b has left, c's renewal was agreed 32 days before it only, d gave notice
    assert lines.ids[moments.customer].tolist() == ["a"]
    due = (pd.Timestamp("2024-01-01") - pd.Timestamp("1900-01-01")).total_seconds()
    assert (due - moments.moment[0]) / DAY == 90
    assert moments.dropped == {"not a customer on that day, or under notice": 2}


def test_what_was_earned_is_level_times_time() -> None:
    study = hand_study()
    lines = study_timelines(study, None, ("call",))
    moments = programme_moments(study, lines, "joining", grace_days=30)
    earned = moment_outcomes(lines, moments, None, grace_days=30, horizon_days=30).values["earned"]
    by_customer = dict(zip(lines.ids[moments.customer], earned, strict=True))
    # 30 days at 10 and 30 at 20, in months of 30.4375 days
    assert by_customer["a"] == pytest.approx((30 * 10 + 30 * 20) / 30.4375)
    assert by_customer["b"] == pytest.approx(60 * 10 / 30.4375)


def test_each_quarter_a_customer_may_enter_again_as_one_cluster() -> None:
    study = joiners(7, keeps=0.0, n=800)
    lines = study_timelines(study, None, ("call",))
    moments = programme_moments(study, lines, "quarter", grace_days=20)
    assert len(np.unique(moments.customer)) < len(moments)
    assert (lines.started[moments.customer] <= moments.moment).all()
    assert (lines.ended[moments.customer] > moments.moment + 20 * DAY).all()


def test_what_is_not_known_is_named() -> None:
    study = joiners(8, keeps=0.0, n=300)
    with pytest.raises(cx.errors.ArgumentError, match=r"at is 'join'.*perhaps you meant 'joining'"):
        judged(study, at="join")
    with pytest.raises(cx.errors.ArgumentError, match="'next_score' asks for a question"):
        judged(study, outcomes=["next_score"])
    with pytest.raises(cx.errors.DataError, match="revenue has no column due_at"):
        judged(study, at="renewal")
    with pytest.raises(cx.errors.ArgumentError, match="no event is of kind 'calls'"):
        cx.voice.programme(study, actions=["calls"])
    with pytest.raises(cx.errors.ArgumentError, match="renewal:soon"):
        judged(study, at="renewal:soon")


@pytest.mark.slow
def test_coverage_and_false_positives_over_many_companies() -> None:
    covered = []
    false = []
    for seed in range(200):
        left = judged(joiners(1000 + seed, keeps=0.1, n=1000), outcomes=["churn"]).table.set_index("dose")
        covered.append(left.loc["one", "low"] <= -0.1 <= left.loc["one", "high"])
        left = judged(joiners(5000 + seed, keeps=0.0, n=1000), outcomes=["churn"]).table.set_index("dose")
        false.append(left.loc["any", "p_value"] < 0.05)
    print(f"programme: coverage {np.mean(covered):.3f}, false positives {np.mean(false):.3f}")
    assert 0.91 <= np.mean(covered) <= 0.985
    assert np.mean(false) <= 0.085
