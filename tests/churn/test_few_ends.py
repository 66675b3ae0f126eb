"""Curves of few ends: a true null is rejected in 5 %, where Greenwood's error alone rejects 10 to 33 %."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.stats.hazards.pooled_null import null_errors
from cxresearch.stats.survival.risk_table import survival_rows


def drawn(rng: np.random.Generator, sizes: tuple[int, int], rate: float) -> tuple[np.ndarray, ...]:
    """Two groups of one exponential curve, followed to time 1."""
    time = rng.exponential(1 / rate, sum(sizes))
    return np.minimum(time, 1.0), (time <= 1).astype(int), np.repeat(["a", "b"], sizes)


def compared(duration: np.ndarray, event: np.ndarray, group: np.ndarray, **options: object) -> pd.Series:
    return cx.compare_curves((duration, event), by=group, **options).table.iloc[0]  # type: ignore[arg-type]


def rejected(runs: int, seed: int, sizes: tuple[int, int], rate: float) -> pd.Series:
    rng = np.random.default_rng(seed)
    lines = [compared(*drawn(rng, sizes, rate), horizon=0.99) for _ in range(runs)]
    table = pd.DataFrame(lines)
    wald = 2 * stats.norm.sf((table["rmst_difference"] / table["rmst_se"]).abs())
    return pd.Series(
        {
            "mean": (table["rmst_p"] < 0.05).mean(),
            "survival": (table["survival_p"] < 0.05).mean(),
            "wald": (wald < 0.05).mean(),
        }
    )


def test_without_censoring_the_survival_test_is_about_the_pooled_test_of_two_shares() -> None:
    duration = np.array([0.2, 0.5, *[1.0] * 8, 0.1, 0.3, 0.4, *[1.0] * 27])
    event = (duration < 1).astype(int)
    group = np.repeat(["a", "b"], [10, 30])
    row = compared(duration, event, group, horizon=0.9)
    pooled = 5 / 40
    z = (2 / 10 - 3 / 30) / np.sqrt(pooled * (1 - pooled) * (1 / 10 + 1 / 30))
    # The numbers at risk of the groups are those seen, not those expected: nearly, not quite.
    assert row["survival_p"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=0.01)


def test_the_error_under_equality_of_equal_groups_is_greenwoods_of_both_together() -> None:
    rng = np.random.default_rng(1)
    duration, event, _ = drawn(rng, (40, 40), 0.3)
    rows = survival_rows(duration, event)
    error = null_errors(rows, rows, horizon=0.9, at=0.9)
    mean = cx.statistics.restricted_mean(np.tile(duration, 2), np.tile(event, 2), horizon=0.9)
    # Each half has half the people of both: Var(a - b) = 2 * 2 Var(both).
    assert error.mean_time == pytest.approx(2 * mean.se, rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_the_p_value_is_small_exactly_where_the_interval_excludes_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time = rng.exponential(1 / np.repeat([0.05, 1.0], [30, 12]))
    row = compared(np.minimum(time, 1.0), (time <= 1).astype(int), np.repeat(["a", "b"], [30, 12]))
    for part in ("rmst", "survival"):
        excludes = not row[f"{part}_low"] <= 0 <= row[f"{part}_high"]
        assert excludes == (row[f"{part}_p"] < 0.05)
    assert "fewer than 30 ended in a group" in row["note"]


def test_swapping_the_groups_negates_everything() -> None:
    duration, event, group = drawn(np.random.default_rng(7), (15, 45), 0.3)
    there = compared(duration, event, group, horizon=0.9)
    back = compared(duration, event, np.where(group == "a", "b", "a"), horizon=0.9)
    assert there["rmst_low"] == pytest.approx(-back["rmst_high"])
    assert there["rmst_p"] == pytest.approx(back["rmst_p"])
    assert there["rmst_ratio"] == pytest.approx(1 / back["rmst_ratio"])


def test_with_many_ends_nothing_is_changed() -> None:
    row = compared(*drawn(np.random.default_rng(3), (300, 300), 0.5), horizon=0.99)
    assert row["note"] == ""
    wald = 2 * stats.norm.sf(abs(row["rmst_difference"] / row["rmst_se"]))
    assert row["rmst_p"] == pytest.approx(wald, rel=1e-9)


def test_a_group_in_which_nobody_left_has_an_interval() -> None:
    duration = np.array([1.0] * 12 + [0.2, 0.4, 0.6] + [1.0] * 17)
    row = compared(duration, (duration < 1).astype(int), np.repeat(["a", "b"], [12, 20]), horizon=0.9)
    assert np.isfinite([row["rmst_low"], row["rmst_p"], row["survival_low"]]).all()


def test_of_unequal_groups_with_few_ends_few_nulls_are_rejected() -> None:
    found = rejected(120, seed=1, sizes=(10, 100), rate=0.13)
    assert found["wald"] > 0.15
    assert found[["mean", "survival"]].max() <= stats.binom.ppf(0.9987, 120, 0.05) / 120


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "rate"), [((40, 40), 0.18), ((20, 60), 0.18), ((10, 100), 0.13), ((20, 20), 1.1)]
)
def test_about_one_null_in_twenty_is_rejected(sizes: tuple[int, int], rate: float) -> None:
    found = rejected(3_000, seed=5, sizes=sizes, rate=rate)
    print(f"\n{sizes}: mean {found['mean']:.3f}, survival {found['survival']:.3f}, Wald {found['wald']:.3f}")
    # Shares of few people come in steps, so that a size may stay below.
    assert found[["mean", "survival"]].between(0.025, 0.065).all()


def small_company(rng: np.random.Generator, customers: int = 80, exposed: int = 12) -> cx.Study:
    """Some 13 of 80 customers leave within a year; 12 have an outage that changes nothing."""
    start = pd.Timestamp("2024-01-01", tz="UTC")
    ids = [f"c{i}" for i in range(customers)]
    stay = rng.exponential(365 / 0.18, customers)
    day = rng.uniform(20, 200, customers)
    hit = (np.arange(customers) < exposed) & (day < stay)
    ended = start + pd.to_timedelta(np.where(stay < 365, stay, np.nan), unit="D")
    people = pd.DataFrame({"customer_id": ids, "started_at": start, "ended_at": ended})
    events = pd.DataFrame(
        {
            "customer_id": np.array(ids)[hit],
            "occurred_at": start + pd.to_timedelta(day[hit], unit="D"),
            "kind": "outage",
        }
    )
    return cx.Study.from_frames({"customers": people, "events": events}, observed_until="2024-12-31")


def after_nothing(runs: int, seed: int) -> pd.Series:
    """How often an event that changes nothing is said to matter, and ends behind it."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(runs):
        found = cx.curves.after_event(small_company(rng), event="outage", horizon=140)
        row = found.comparison.table.iloc[0]
        wald = 2 * stats.norm.sf(abs(row["rmst_difference"] / row["rmst_se"]))
        hazard = found.hazard.table["p_value"].iloc[0]
        lines.append((row["rmst_p"] < 0.05, row["survival_p"] < 0.05, hazard < 0.05, wald < 0.05))
    return pd.Series(np.mean(lines, axis=0), index=["mean", "survival", "hazard", "wald"])


@pytest.mark.filterwarnings("ignore::cxresearch.errors.CxWarning")
def test_where_nobody_left_after_the_event_no_hazard_ratio_is_claimed() -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        found = cx.curves.after_event(small_company(rng), event="outage", horizon=140)
        if found.hazard.separated:
            break
    row = found.hazard.table.iloc[0]
    assert np.isnan([row["low"], row["high"], row["p_value"]]).all()
    assert found.finding.startswith("All who left are on one side of outage, so there is no hazard ratio")
    assert "chance explains" in found.finding


@pytest.mark.filterwarnings("ignore::cxresearch.errors.CxWarning")  # nobody left after the event
def test_after_an_event_that_changes_nothing_few_differences_are_named() -> None:
    found = after_nothing(25, seed=2)
    assert found[["mean", "survival"]].max() <= stats.binom.ppf(0.9987, 25, 0.05) / 25


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cxresearch.errors.CxWarning")
def test_after_an_event_that_changes_nothing_one_in_twenty_is_named() -> None:
    found = after_nothing(500, seed=3)
    print("\nafter_event, 12 of 80 customers, some 13 ends:", (100 * found).round(1).to_dict(), "% named")
    assert found[["mean", "survival"]].max() <= 0.075
