"""Ticket times with open tickets censored, business hours across clock changes, adoption with exposure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.support.support_metrics import metrics_of
from cxresearch.metrics.tables.registry import find_metric
from cxresearch.metrics.tables.statistics import Statistics

ENGINES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}


def tickets(
    hours: list[float | None], *, until: float = 100, created: list[float] | None = None, **more: Any
) -> cx.Study:
    """Tickets created at hour 0 (or ``created``) of 4 March 2024 and resolved after so many hours."""
    start = pd.Timestamp("2024-03-04")
    begin = start + pd.to_timedelta(created or [0.0] * len(hours), unit="h")
    took = pd.to_timedelta(pd.Series(hours, dtype=float), unit="h").to_numpy()
    frame = pd.DataFrame(
        {
            "ticket_id": [f"t{n}" for n in range(len(hours))],
            "created_at": begin,
            "resolved_at": begin + took,
            **more,
        }
    )
    end = (start + pd.Timedelta(hours=until)).to_pydatetime()
    return cx.Study.from_frames({"tickets": frame}, observed_until=end, instruments={})


class TestTimes:
    def test_an_open_ticket_is_censored_not_dropped(self) -> None:
        study = tickets([2, 4, 6, None, None], until=50)
        row = cx.support.ticket_times(study, "resolution").iloc[0]
        assert (row["n"], row["open"], row["median"], row["mean_of_finished"]) == (5, 2, 6.0, 4.0)
        assert np.isnan(row["p90"])
        assert np.isinf(row["p90_high"])

    def test_sla_open_past_the_target_is_a_breach_open_before_it_is_not(self) -> None:
        breach = cx.metric(tickets([10, 10, 60, None], until=100), "sla_attainment")
        assert breach.value == pytest.approx(0.5)
        young = tickets([10, 10, 60, None], until=100, created=[0, 0, 0, 95])
        # the young one is censored at 5 h: two of three at risk are resolved at hour 10, the third at 60
        assert cx.metric(young, "sla_attainment").value == pytest.approx(2 / 3)
        assert cx.metric(tickets([48.0, 49.0]), "sla_attainment").value == pytest.approx(0.5)

    def test_naive_share_would_call_the_young_a_breach(self) -> None:
        study = tickets([1, 1, 20, None, None], until=30, created=[0, 0, 0, 29.5, 29.5])
        assert cx.metric(study, "sla_attainment", options={"target_hours": 24}).value == pytest.approx(1.0)

    def test_target_beyond_the_follow_up_has_no_value(self) -> None:
        found = cx.metric(tickets([1, None], until=20), "sla_attainment", options={"target_hours": 48})
        assert np.isnan(found.value)
        assert "beyond the follow-up" in found.note

    def test_resolved_without_reply_is_censored_for_the_reply(self) -> None:
        study = tickets(
            [5, 9, 9],
            first_replied_at=[pd.Timestamp("2024-03-04 03:00"), pd.NaT, pd.Timestamp("2024-03-04 07:00")],
        )
        curve = cx.support.ticket_curve(study, "first_reply")
        assert curve.time.tolist() == [3.0, 7.0, 9.0]
        assert curve.events.tolist() == [1.0, 1.0, 0.0]
        assert curve.censored.tolist() == [0.0, 0.0, 1.0]

    def test_groups_and_cohorts(self) -> None:
        study = tickets([1, 3, 5, 7], channel=["chat", "mail", "chat", "mail"])
        found = cx.support.ticket_times(study, "resolution", by=["channel"], every="month")
        assert found["channel"].tolist() == ["chat", "mail"]
        assert found["median"].tolist() == [3.0, 5.0]
        rate = cx.support.resolution_rate(study, within_days=0.2, by=["channel"])
        assert rate["value"].tolist() == [0.5, 0.5]  # 4.8 hours

    def test_missing_column(self) -> None:
        with pytest.raises(DataError, match="wait_minutes"):
            cx.support.ticket_times(tickets([1]), "wait")
        with pytest.raises(ArgumentError, match="time"):
            cx.support.ticket_times(tickets([1]), "patience")  # type: ignore[arg-type]

    def test_engines_agree(self) -> None:
        rng = np.random.default_rng(2)
        created = pd.Timestamp("2024-03-20") + pd.to_timedelta(rng.integers(0, 60 * 24 * 40, 400), unit="min")
        spent = pd.to_timedelta(rng.integers(1, 9000, 400), unit="min")
        frame = pd.DataFrame({"ticket_id": [str(n) for n in range(400)], "created_at": created})
        frame["resolved_at"] = (created + spent).where(rng.random(400) < 0.9)
        frame["channel"] = rng.choice(["chat", "mail"], 400)
        frame = frame.astype({"created_at": "datetime64[us]", "resolved_at": "datetime64[us]"})
        hours = cx.support.BusinessHours(timezone="Europe/Berlin")
        found = []
        for make in ENGINES.values():
            study = cx.Study.from_frames(
                {"tickets": make(frame)},
                observed_until=pd.Timestamp("2024-06-01"),
                instruments={},
                timezone="Europe/Berlin",
            )
            found.append(
                [
                    cx.support.ticket_times(study, "resolution", by=["channel"], every="week"),
                    cx.support.ticket_times(study, "resolution", hours=hours),
                    cx.support.ticket_volume(study, every="day"),
                    cx.support.ticket_ageing(study, by=["channel"]).table,
                ]
            )
        assert found[0][2]["tickets"].sum() == 400
        for other in found[1:]:
            for one, two in zip(found[0], other, strict=True):
                pd.testing.assert_frame_equal(one, two, check_dtype=False)


class TestCounts:
    def test_empty_periods_are_counted(self) -> None:
        found = cx.support.ticket_volume(tickets([1, 1, 1], until=80, created=[0, 1, 49]))
        assert found["tickets"].tolist() == [2, 0, 1, 0]
        assert found["complete"].tolist() == [True, True, True, False]
        # exact Poisson of 2: qchisq(.975, 6) / 2
        assert found["high"].iloc[0] == pytest.approx(7.2246876, abs=1e-6)
        assert found["low"].iloc[1] == 0.0

    def test_interactions_and_reopened_leave_open_tickets_out(self) -> None:
        study = tickets([1, 1, 1, None], replies=[1, 2, 6, 30], reopens=[0, 1, 0, 9])
        mean = cx.metric(study, "interactions_per_ticket")
        assert (mean.value, mean.n, mean.n_missing) == (3.0, 3, 1)
        # closed form: 3 + qt(.975, 2) sqrt(7 / 3)
        assert mean.high == pytest.approx(3 + 4.302652730 * np.sqrt(7 / 3), abs=1e-8)
        again = cx.metric(study, "reopen_rate")
        assert (again.value, again.n) == (pytest.approx(1 / 3), 3)

    def test_ageing(self) -> None:
        study = tickets([None, None, 1, None], until=100, created=[0, 90, 0, 60])
        found = cx.support.ticket_ageing(study)
        assert dict(zip(found.table["band"], found.table["n"], strict=True)) == {
            "under 24 h": 1,
            "1 to 2 d": 1,
            "2 to 7 d": 1,
            "7 to 30 d": 0,
            "over 30 d": 0,
        }
        assert "3 open tickets" in str(found)

    def test_registered_metrics_run(self) -> None:
        study = tickets(
            [1, 2, 3, 4, 5, 6], reopens=[0, 0, 1, 0, 0, 0], channel=["a", "b"] * 3, wait_minutes=[3.0] * 6
        )
        names = [metric.name for metric in metrics_of(study)]
        assert {
            "tickets",
            "resolution_median_hours",
            "wait_p90_hours",
            "sla_attainment",
            "reopen_rate",
        } <= set(names)
        for name in names:
            table = cx.metric_table(study, name, every="month")
            assert table["n"].tolist() == [6]
        strict = cx.metric_table(study, "sla_attainment", options={"target_hours": 3})
        assert strict["value"].tolist() == [pytest.approx(0.5)]


def test_coarser_cells_and_the_rest_follow_from_the_counts() -> None:
    study = cx.synthetic.synthetic_study(tier="B", customers=150, seed=2)
    fine = Query(by=("channel",), every="year")
    for name in ("tickets", "reopen_rate", "sla_attainment", "resolution_median_hours"):
        metric = find_metric(study, name)
        found = Statistics(study, fine)
        whole = cx.metric_table(study, name, every="year")
        pd.testing.assert_frame_equal(found.table(metric, Query(every="year")), whole, check_dtype=False)
        rest = found.rest(metric, "channel")
        if rest is not None:
            own = found.table(metric).merge(rest, on=["channel", "period"], suffixes=("", "_rest"))
            totals = whole.set_index("period")["n"].reindex(own["period"]).to_numpy()
            np.testing.assert_array_equal(own["n"] + own["n_rest"], totals)


def slow_minutes(
    start: datetime, end: datetime, week: dict[str, Any], holidays: set[Any], zone: ZoneInfo
) -> int:
    """Count open minutes one by one, in UTC."""
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    count, moment = 0, start.replace(tzinfo=ZoneInfo("UTC"))
    while moment < end.replace(tzinfo=ZoneInfo("UTC")):
        local = moment.astimezone(zone)
        clock = f"{local:%H:%M}"
        spans = () if local.date() in holidays else week.get(names[local.weekday()], ())
        count += any(opens <= clock < closes for opens, closes in spans)
        moment += timedelta(minutes=1)
    return count


class TestBusinessHours:
    @settings(max_examples=25, deadline=None)
    @given(
        start=st.datetimes(datetime(2024, 3, 27), datetime(2024, 4, 3)),
        minutes=st.integers(0, 4000),
        zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    )
    def test_equals_counting_minute_by_minute(self, start: datetime, minutes: int, zone: str) -> None:
        start = start.replace(second=0, microsecond=0)
        week = {
            "mon": [("09:00", "12:30"), ("13:15", "17:00")],
            "thu": [("08:00", "24:00")],
            "sun": [("00:00", "24:00")],
        }
        hours = cx.support.BusinessHours(week=week, holidays=["2024-04-01"], timezone=zone)
        end = start + timedelta(minutes=minutes)
        found = hours.minutes_between([start], [end])[0]
        assert found == pytest.approx(
            slow_minutes(start, end, week, {datetime(2024, 4, 1).date()}, ZoneInfo(zone))
        )

    def test_clock_changes(self) -> None:
        hours = cx.support.BusinessHours(week={"sun": [("00:00", "24:00")]}, timezone="Europe/Berlin")
        for day, wanted in (("2024-03-31", 23 * 60), ("2024-10-27", 25 * 60), ("2024-06-02", 24 * 60)):
            start = pd.Timestamp(day) - pd.Timedelta(days=1)
            assert hours.minutes_between([start], [start + pd.Timedelta(days=3)])[0] == wanted

    def test_missing_and_backwards(self) -> None:
        start = [pd.Timestamp("2024-03-04 10:00"), None]
        found = cx.support.BusinessHours().minutes_between(start, [pd.Timestamp("2024-03-04 09:30")] * 2)
        assert found[0] == -30.0
        assert np.isnan(found[1])

    def test_business_and_calendar_are_different_metrics(self) -> None:
        study = tickets([24.0, 24.0])  # Monday midnight to Tuesday midnight
        assert cx.support.ticket_curve(study, "resolution").median.value == 24.0
        assert (
            cx.support.ticket_curve(study, "resolution", hours=cx.support.BusinessHours()).median.value == 8.0
        )
        assert cx.support.ticket_times(study, "resolution", hours=cx.support.BusinessHours())[
            "clock"
        ].tolist() == ["business"]

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"week": {"monday": [("09:00", "17:00")]}}, "monday"),
            ({"week": {"mon": [("17:00", "09:00")]}}, "backwards"),
            ({"week": {"mon": [("09:00", "12:00"), ("11:00", "17:00")]}}, "overlap"),
            ({"week": {"mon": [("nine", "five")]}}, "nine"),
            ({"week": {"mon": ["09:00"]}}, "pairs"),
            ({"week": {}}, "nothing is ever open"),
            ({"timezone": "Berlin"}, "unknown"),
            ({"holidays": ["christmas"]}, "not a date"),
        ],
    )
    def test_nonsense_is_refused(self, options: dict[str, Any], text: str) -> None:
        with pytest.raises(ArgumentError, match=text):
            cx.support.BusinessHours(**options)


def usage_study(
    first_days: list[float | None], *, ended: list[float | None] | None = None, until: float = 60
) -> cx.Study:
    start = pd.Timestamp("2024-01-01")
    ids = [f"c{n}" for n in range(len(first_days))]
    people = pd.DataFrame({"customer_id": ids, "started_at": start})
    if ended:
        people["ended_at"] = start + pd.to_timedelta(pd.Series(ended, dtype=float), unit="D")
    used = [
        (who, start + pd.Timedelta(days=day), 1.0, "x")
        for who, day in zip(ids, first_days, strict=True)
        if day is not None
    ]
    usage = pd.DataFrame(used, columns=["customer_id", "used_at", "quantity", "feature"])
    end = (start + pd.Timedelta(days=until)).to_pydatetime()
    return cx.Study.from_frames({"customers": people, "usage": usage}, observed_until=end, instruments={})


class TestAdoption:
    def test_only_those_who_had_the_days_count(self) -> None:
        found = cx.metric(
            usage_study([1, 10, None, 34], until=35), "adoption_rate", options={"within_days": 30}
        )
        assert (found.value, found.n) == (pytest.approx(0.5), 4)
        assert (
            cx.metric(
                usage_study([1, 10, None, 20], until=25), "adoption_rate", options={"within_days": 30}
            ).n
            == 0
        )

    def test_leaving_does_not_shrink_the_denominator(self) -> None:
        study = usage_study([1, None], ended=[None, 5])
        assert cx.metric(study, "adoption_rate").value == pytest.approx(0.5)
        curve = cx.usage.time_to_first_use(study)
        assert curve.censored.sum() == 1
        assert curve.follow_up == 5.0

    def test_active_customers_share(self) -> None:
        found = cx.usage.active_customers(
            usage_study([1, 10, 40, None], ended=[None, None, None, 20], until=59)
        )
        assert found["active"].tolist() == [2, 1]
        assert found["customers"].tolist() == [4, 3]
        assert found["share"].tolist()[0] == pytest.approx(0.5)

    def test_breadth_counts_those_who_used_nothing(self) -> None:
        assert cx.metric(usage_study([50, None, 5, 45]), "feature_breadth").value == pytest.approx(0.5)

    def test_unknown_feature(self) -> None:
        with pytest.raises(ArgumentError, match="nobody ever used"):
            cx.metric(usage_study([1]), "adoption_rate", options={"feature": "serach"})


def test_working_time_of_moments_with_a_time_zone() -> None:
    """Noon in New York is 17:00 in UTC: both are the same moments, and office hours run in Berlin."""
    hours = cx.support.BusinessHours(timezone="Europe/Berlin")
    start = pd.to_datetime(["2024-03-04 09:30", "2024-03-05 03:00"])
    end = pd.to_datetime(["2024-03-04 12:00", "2024-03-05 09:00"])
    naive = hours.minutes_between(start, end)
    assert naive.tolist() == [150.0, 60.0]  # Berlin opens at 08:00 in UTC
    abroad = [moments.tz_localize("UTC").tz_convert("America/New_York") for moments in (start, end)]
    assert hours.minutes_between(*abroad).tolist() == naive.tolist()
    with pytest.raises(cx.errors.ArgumentError, match="start holds something that is not a moment"):
        hours.minutes_between(["soon"], ["2024-03-05"])
    with pytest.raises(cx.errors.ArgumentError, match="lengths differ"):
        hours.minutes_between(start, end[:1])
