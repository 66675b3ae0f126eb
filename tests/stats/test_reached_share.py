"""The share that reached an event: log-log limits in between, Wilson's where nobody or everybody did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

import cxresearch as cx
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.reached_share import share_reached


def test_in_between_it_is_the_curve() -> None:
    curve = kaplan_meier([2, 2, 3, 5, 5, 7, 9, 9, 10, 12], [1, 0, 1, 1, 1, 0, 1, 0, 0, 0])
    found, row = share_reached(curve, 5), curve.survival_at([5]).iloc[0]
    np.testing.assert_allclose(
        [found.value, found.low, found.high, found.se],
        [1 - row["survival"], 1 - row["high"], 1 - row["low"], row["se"]],
    )
    assert found.limits == "log-log limits"


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_edges_are_wilson(level: float) -> None:
    """Ten people, nobody censored before the last: none of 10 by 0.5, all of 10 by 20."""
    curve = kaplan_meier(np.arange(1.0, 11.0), np.ones(10), level=level)
    for time, count in ((0.5, 0), (20, 10)):
        found = share_reached(curve, time)
        wanted = proportion_confint(count, 10, alpha=1 - level, method="wilson")
        np.testing.assert_allclose((found.low, found.high), wanted, atol=1e-12)


def test_only_those_followed_count() -> None:
    """Six of ten censored before 5: four were seen to get there; of the others nobody knows."""
    curve = kaplan_meier([1.0] * 6 + [9.0] * 4, [0] * 6 + [1] * 4)
    assert share_reached(curve, 5).high == pytest.approx(proportion_confint(0, 4, method="wilson")[1])
    assert share_reached(curve, 9).low == pytest.approx(proportion_confint(4, 4, method="wilson")[0])


def test_beyond_the_follow_up() -> None:
    curve = kaplan_meier([1.0, 2.0], [0, 0])
    beyond = share_reached(curve, 3)
    assert np.isnan([beyond.value, beyond.low, beyond.high]).all()
    assert "beyond the follow-up" in beyond.note
    carried = share_reached(curve, 3, extend=True)
    assert (carried.value, carried.low) == (0.0, 0.0)
    assert carried.high == pytest.approx(proportion_confint(0, 1, method="wilson")[1])


def test_ten_tickets_in_time_are_no_promise() -> None:
    created = pd.Timestamp("2024-03-04")
    frame = pd.DataFrame({"ticket_id": [f"t{i}" for i in range(10)], "created_at": created})
    frame["resolved_at"] = created + pd.to_timedelta(np.arange(1, 11), unit="h")
    study = cx.Study.from_frames({"tickets": frame}, observed_until="2024-03-20", instruments={})
    found = cx.metric(study, "sla_attainment")
    low, _ = proportion_confint(10, 10, method="wilson")
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(low)
    table = cx.metric_table(study, "sla_attainment").iloc[0]
    assert table["low"] == pytest.approx(low)
    assert cx.support.resolution_rate(study, within_days=2).iloc[0]["low"] == pytest.approx(low)


def test_share_still_there_has_the_same_interval() -> None:
    """Where nobody has left the curve says 1 [1, 1]; Wilson's 10 of 10 is 10 / (10 + 1.959964^2) to 1."""
    curve = kaplan_meier(np.arange(1.0, 11.0), np.ones(10))
    stayed, gone = curve.share_at(0.5), curve.share_at(20)
    assert (stayed.value, gone.value) == (1.0, 0.0)
    assert (stayed.low, stayed.high) == (pytest.approx(0.7224672, abs=1e-7), 1.0)
    assert (gone.low, gone.high) == (0.0, pytest.approx(0.2775328, abs=1e-7))
    assert stayed.method == "Kaplan-Meier, score limits of 10 (all or none)"
    between = curve.share_at(3)
    np.testing.assert_allclose([between.low, between.high], curve.survival_at([3])[["low", "high"]].iloc[0])


def test_weights_are_not_people() -> None:
    """Four people who stand for four thousand are still four at the edge."""
    curve = kaplan_meier([3.0, 4.0, 5.0, 6.0], [1, 0, 1, 0], weights=[1000.0] * 4)
    assert curve.share_at(1).low == pytest.approx(proportion_confint(4, 4, method="wilson")[0])


def test_late_entry_at_the_edge() -> None:
    """Three from the start, two more from 2 on, the first event at 4: three, then five people have stayed."""
    curve = kaplan_meier([3.0, 4.0, 5.0, 6.0, 6.0], [0, 1, 1, 1, 1], entry=[0.0, 0.0, 0.0, 2.0, 2.0])
    for time, seen in ((1.0, 3), (2.0, 3), (2.5, 5), (3.5, 4)):
        found = curve.point_limits(time)
        assert found.low == pytest.approx(proportion_confint(seen, seen, method="wilson")[0])
        assert found.limits == f"score limits of {seen} (all or none)"
    gone = curve.point_limits(6.0)
    assert (gone.value, gone.low) == (0.0, 0.0)
    assert gone.high == pytest.approx(proportion_confint(0, 4, method="wilson")[1])  # one was censored


def test_nobody_under_observation_says_nothing() -> None:
    curve = kaplan_meier([3.0, 4.0], [1, 1], entry=[1.0, 1.0])
    assert curve.point_limits(0.5)[:3] == (1.0, 0.0, 1.0)
