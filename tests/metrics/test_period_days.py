"""Months of unlike length: steady use and steady tickets are no finding, a real change still is one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.metrics.base.periods import days_of

NAMES = ["tickets", "feature_breadth", "active_customers"]
CUSTOMERS, FEATURES = 800, 6


def steady(*, tickets: tuple[int, int] = (60, 60), use: tuple[float, float] = (0.03, 0.03)) -> cx.Study:
    """Tickets a day exactly, and the chance a day that a customer uses a feature, in January and February."""
    rng = np.random.default_rng(2)
    days = pd.date_range("2024-01-01", "2024-02-29")
    month = np.asarray(days.month) - 1
    created = days.repeat(np.asarray(tickets)[month]) + pd.Timedelta(hours=9)
    used = rng.random((len(days), CUSTOMERS, FEATURES)) < np.asarray(use)[month][:, None, None]
    day, customer, feature = np.nonzero(used)
    ids = [f"c{number}" for number in range(CUSTOMERS)]
    frames = {
        "tickets": pd.DataFrame({"ticket_id": np.arange(len(created)).astype(str), "created_at": created}),
        "customers": pd.DataFrame({"customer_id": ids, "started_at": pd.Timestamp("2023-01-01")}),
        "usage": pd.DataFrame(
            {
                "customer_id": np.asarray(ids)[customer],
                "used_at": days[day] + pd.Timedelta(hours=12),
                "quantity": 1.0,
                "feature": feature.astype(str),
            }
        ),
    }
    return cx.Study.from_frames(frames, observed_until="2024-02-29 23:59:59", instruments={})


def test_constant_daily_use_is_no_finding_in_february() -> None:
    card = cx.scorecard(steady(), metrics=NAMES, adjust="none")
    assert set(card.changes["verdict"]) == {"within noise"}
    assert card.notes == (
        "the last two months are not equally long; the intervals of change allow for it: "
        "Features used, Active customers",
    )
    # what was a finding: 29 days against 31 reach fewer features, by an interval that excludes 0
    plain = card.overall.set_index(["metric", "period"]).loc["feature_breadth"]
    one, two = plain.loc["2024-01-01"], plain.loc["2024-02-01"]
    z = (two["value"] - one["value"]) / np.hypot(one["se"], two["se"])
    assert 2 * stats.norm.sf(abs(z)) < 0.05


def test_tickets_change_by_tickets_a_day() -> None:
    study = steady(tickets=(60, 66))
    row = cx.metric_contrasts(study, "tickets", against="previous", every="month").iloc[0]
    assert (row["value"], row["value_against"], row["difference"]) == pytest.approx((66, 60, 6))
    assert (row["n"], row["n_against"], row["unit"]) == (66 * 29, 60 * 31, "count a day")
    low = stats.chi2.ppf(0.025, 2 * row["n"]) / 2 / 29  # Garwood 1936
    high = stats.chi2.ppf(0.975, 2 * row["n_against"] + 2) / 2 / 31
    assert row["low"] == pytest.approx(6 - np.hypot(66 - low, high - 60))
    card = cx.scorecard(study, metrics=["tickets"])
    assert "Tickets rose by 6.00 [+1.96, +10.05] a day" in card.finding
    assert card.latest["value"].tolist() == [66 * 29]
    calm = cx.metric_contrasts(steady(), "tickets", against="previous", every="month").iloc[0]
    assert (calm["difference"], calm["p_value"]) == (0, 1)


def test_a_real_change_of_use_is_found() -> None:
    for use, verdict in (((0.03, 0.02), "down"), ((0.03, 0.04), "up")):
        found = cx.scorecard(steady(use=use), metrics=["feature_breadth"]).changes.iloc[0]
        assert found["verdict"] == verdict
        assert (found["p_value"] < 0.05) == (found["low"] * found["high"] > 0)
        assert found["test"].endswith("29 days against 31 allowed for")


def test_equally_long_periods_are_compared_as_before() -> None:
    table = cx.metric_contrasts(steady(), "active_customers", against="previous", every="week")
    assert not table["test"].str.contains("allowed").any()
    cells = cx.metric_table(steady(), "active_customers", every="week").set_index("period")
    first = table.iloc[0]
    now = cells.loc[first["period"]]
    before = cells.loc[first["period"] - pd.Timedelta(days=7)]
    up = np.hypot(now["high"] - now["value"], before["value"] - before["low"])
    assert first["high"] == pytest.approx(now["value"] - before["value"] + up)


@pytest.mark.parametrize(
    ("every", "start", "days"),
    [
        ("day", "2024-02-03", 1),
        ("week", "2024-02-05", 7),
        ("month", "2023-02-01", 28),
        ("quarter", "2024-01-01", 91),
        ("year", "2024-01-01", 366),
    ],
)
def test_days_of_a_period(every: str, start: str, days: int) -> None:
    assert days_of([pd.Timestamp(start)], every).tolist() == [days]  # type: ignore[arg-type]
