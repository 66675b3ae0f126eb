"""Landmark rows worked out by hand, counts that add up, rules about ties, notice and windows, and engines."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.data.landmarks.landmark_dates import calendar_landmarks, given_landmarks

AT = datetime(2024, 1, 1)


def times(*values: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(values), format="ISO8601"))


def study_of(**tables: pd.DataFrame) -> cx.Study:
    more = {"instruments": {"nps": cx.NPS, "ces": cx.CES1}, "name": "by hand"}
    return cx.Study.from_frames(tables, observed_until=datetime(2025, 1, 1), **more)  # type: ignore[arg-type]


def customers(**columns: Any) -> pd.DataFrame:
    """One row for each id; everybody started in 2022 unless said otherwise."""
    n = len(columns["customer_id"])
    return pd.DataFrame({"started_at": times(*["2022-01-01"] * n), **columns})


def answers(*rows: tuple[str, str, float | None, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "instrument", "score", "responded_at"])
    return frame.assign(responded_at=pd.to_datetime(frame["responded_at"], format="ISO8601"))


def one_each(*ids: str, at: str = "2023-12-01") -> pd.DataFrame:
    return answers(*((who, "nps", 9, at) for who in ids))


def by_customer(marks: cx.classifier.Landmarks) -> pd.DataFrame:
    return marks.frame.set_index("customer_id")


def reasons(marks: cx.classifier.Landmarks) -> dict[str, int]:
    return dict(zip(marks.excluded["reason"], marks.excluded["rows"], strict=True))


def flags(marks: cx.classifier.Landmarks) -> dict[str, int]:
    return dict(zip(marks.flags["flag"], marks.flags["rows"], strict=True))


def test_a_row_holds_the_latest_answer_and_what_followed() -> None:
    study = study_of(
        customers=customers(
            customer_id=["stays", "leaves", "broke"],
            ended_at=times(None, "2024-03-01", "2024-01-31 12:00"),
            end_kind=[None, "voluntary", "involuntary"],
        ),
        responses=answers(
            ("stays", "nps", 3, "2023-06-01"),
            ("stays", "nps", 10, "2023-12-22 12:00"),
            ("stays", "ces", 2, "2023-12-31"),
            ("leaves", "nps", 7, "2024-01-01"),  # at the very instant of the landmark: known
            ("leaves", "ces", 5, "2024-01-02"),  # a day late
            ("broke", "nps", 0, "2023-01-01"),  # 365 days old: still within the window
        ),
    )
    rows = by_customer(cx.landmark(study, every=[AT], horizon_days=180, window_days=365))
    assert rows.loc["stays", ["nps", "nps_age_days", "ces", "ces_age_days"]].tolist() == [10, 9.5, 2, 1]
    assert rows.loc["stays", ["duration_days", "event"]].tolist() == [366, 0]
    assert rows.loc["leaves", ["nps", "nps_age_days", "duration_days", "event"]].tolist() == [7, 0, 60, 1]
    assert np.isnan(rows.loc["leaves", "ces"])
    assert rows.loc["broke", ["nps", "nps_age_days", "duration_days", "event"]].tolist() == [0, 365, 30.5, 2]
    assert rows["tenure_days"].eq(730).all()
    assert rows.loc[
        "stays", ["nps_previous", "nps_change", "answers_365d", "days_since_answer"]
    ].tolist() == [
        3,
        7,
        3,
        1,
    ]


def test_every_candidate_is_a_row_or_counted_once() -> None:
    who = ["kept", "future", "gone", "leaving", "mute", "stale", "late"]
    study = study_of(
        customers=customers(
            customer_id=who,
            started_at=times("2022-01-01", "2024-02-01", *["2022-01-01"] * 5),
            ended_at=times(None, None, "2023-06-01", "2024-02-01", None, None, None),
            notice_at=times(None, None, None, "2023-12-15", None, None, None),
            end_kind=[None, None, "voluntary", "voluntary", None, None, None],
        ),
        responses=answers(
            *((name, "nps", 5, "2023-12-01") for name in ("kept", "leaving")),
            ("gone", "nps", 5, "2023-05-01"),
            ("stale", "nps", 5, "2022-06-01"),
            ("late", "nps", 5, "2024-06-01"),
        ),
    )
    marks = cx.landmark(study, every=[AT, datetime(2024, 4, 1), datetime(2025, 1, 1)], stacked=True)
    assert reasons(marks) == {
        "landmark not before the data cut": 7,
        "not yet a customer": 1,
        "had left already": 3,
        "had given notice already": 1,
        "no answer by then": 5,
        "last answer older than the window": 2,
    }
    assert dict(zip(marks.excluded["reason"], marks.excluded["customers"], strict=True)) == {
        "landmark not before the data cut": 7,
        "not yet a customer": 1,
        "had left already": 2,
        "had given notice already": 1,
        "no answer by then": 3,
        "last answer older than the window": 1,
    }
    assert marks.frame["customer_id"].tolist() == ["kept", "kept"]
    assert marks.n_candidates == 7 * 3


def test_silent_customers_stay_when_asked_for_and_old_answers_are_blank() -> None:
    study = study_of(
        customers=customers(customer_id=["mute", "stale"]),
        responses=answers(("stale", "nps", 5, "2022-06-01")),
    )
    marks = cx.landmark(study, every=[AT], keep_silent=True)
    rows = by_customer(marks)
    assert rows[["nps", "nps_age_days"]].isna().all(axis=None)
    assert rows["answers_365d"].tolist() == [0, 0]
    assert rows["days_since_answer"].isna().tolist() == [True, False]
    assert not len(marks.excluded)


def test_a_study_without_responses_keeps_everybody() -> None:
    marks = cx.landmark(study_of(customers=customers(customer_id=["a", "b"])), every="year", horizon_days=365)
    assert marks.instruments == {}
    assert marks.frame["landmark_at"].dt.year.tolist() == [2022, 2022, 2023, 2023, 2024, 2024]


def test_of_answers_at_one_instant_the_unhappiest_counts() -> None:
    tied = answers(
        *(("a", "nps", score, "2023-12-01 10:00") for score in (9, 2, 7)),
        *(("a", "ces", score, "2023-12-01 10:00") for score in (1, 4, 2)),  # low is good: 4 is the worst
        ("a", "nps", 10, "2023-11-01"),
    )
    for rows in (tied, tied.iloc[::-1]):
        marks = cx.landmark(study_of(customers=customers(customer_id=["a"]), responses=rows), every=[AT])
        assert marks.frame.loc[0, ["nps", "ces", "nps_previous"]].tolist() == [2, 4, 10]
        assert flags(marks)["answers at the same instant"] == 6


def test_notice_dates_churn_and_silences_what_follows() -> None:
    who = ["noticed", "open_end", "forced", "plain"]
    study = study_of(
        customers=customers(
            customer_id=who,
            ended_at=times("2024-06-01", None, "2024-06-01", "2024-06-01"),
            notice_at=times("2024-03-01", "2024-04-01", None, None),
            end_kind=["voluntary", None, "involuntary", "voluntary"],
        ),
        responses=pd.concat([one_each(*who), answers(("noticed", "nps", 0, "2024-03-20"))]),
    )
    rows = by_customer(marks := cx.landmark(study, every=[AT]))
    assert rows.loc[who, "duration_days"].tolist() == [60, 91, 152, 152]
    assert rows.loc[who, "event"].tolist() == [1, 1, 2, 1]
    assert flags(marks) == {"answers after notice": 1}
    shifted = by_customer(cx.landmark(study, every=[AT], notice_days=30))
    assert shifted.loc[who, "duration_days"].tolist() == [60, 91, 152, 122]  # only where it is not known


def test_an_end_after_the_cut_is_censored_and_an_unknown_kind_is_voluntary() -> None:
    study = study_of(
        customers=customers(
            customer_id=["runs_out", "unknown"],
            ended_at=times("2024-12-31", "2024-05-01"),
            end_kind=["voluntary", None],
        ),
        responses=one_each("runs_out", "unknown"),
    )
    study.observed_until = datetime(2024, 12, 1)
    rows = by_customer(marks := cx.landmark(study, every=[AT]))
    assert rows["event"].tolist() == [0, 1]
    assert rows.loc["runs_out", "duration_days"] == 335
    assert flags(marks) == {"end of unknown kind": 1}


def test_exit_surveys_are_refused_as_scores_and_counted() -> None:
    rows = one_each("a", "b").assign(touchpoint=["onboarding", "Cancellation flow"])
    more = one_each("a", at="2023-12-20").assign(touchpoint="exit survey", score=0)
    study = study_of(customers=customers(customer_id=["a", "b"]), responses=pd.concat([rows, more]))
    marks = cx.landmark(study, every=[AT])
    assert marks.frame[["customer_id", "nps"]].to_numpy().tolist() == [["a", 9]]
    assert flags(marks) == {"exit surveys": 2}
    assert reasons(marks) == {"no answer by then": 1}


def test_features_by_hand() -> None:
    study = study_of(
        customers=customers(customer_id=["a", "idle"]),
        responses=one_each("a", "idle").assign(sent_at=times("2023-11-30", "2023-11-30")),
        revenue=pd.DataFrame(
            {
                "customer_id": "a",
                "effective_at": times("2022-01-01", "2023-09-01", "2023-12-01", "2024-02-01"),
                "mrr": [50.0, 100, 120, 0],
                "due_at": times("2023-01-01", "2024-09-01", "2024-06-01", "2024-02-02"),
            }
        ),
        tickets=pd.DataFrame(
            {
                "ticket_id": list("12345"),
                "customer_id": ["a", "a", "a", "a", "idle"],
                "created_at": times("2023-12-01", "2023-12-30", "2023-11-01", "2023-06-01", "2022-03-01"),
                "first_replied_at": times("2023-12-01 02:00", "2024-01-02", "2023-11-01 01:00", None, None),
                "resolved_at": times("2023-12-02", "2024-01-05", "2023-11-05", None, "2022-03-02"),
                "replies": [3, 8, 5, 2, 1],
                "reopens": [1, 1, 0, 0, 0],
            }
        ),
        usage=pd.DataFrame(
            {
                "customer_id": ["a"] * 4 + ["idle"],
                "used_at": times("2023-12-20", "2023-11-20", "2023-10-20", "2024-01-02", "2022-06-01"),
                "quantity": [10.0, 40, 70, 999, 1],
            }
        ),
        orders=pd.DataFrame(
            {
                "customer_id": ["a", "a", "idle"],
                "ordered_at": times("2023-10-03", "2022-10-01", "2022-11-01"),
                "amount": [30.0, 70, 5],
            }
        ),
    )
    rows = by_customer(marks := cx.landmark(study, every=[AT]))
    assert rows.loc["a", list(marks.features)].to_dict() == (
        pytest.approx(
            {
                "tenure_days": 730,
                "nps_previous": np.nan,
                "nps_change": np.nan,
                "ces_previous": np.nan,
                "ces_change": np.nan,
                "answers_365d": 1,
                "days_since_answer": 31,
                "invitations_365d": 1,
                "response_rate_365d": 1,
                "mrr": 120,
                "mrr_change_90d_share": 0.2,
                "days_to_renewal": 152,  # the sooner of those booked by now
                "tickets_90d": 3,
                "unresolved_tickets": 2,  # the one resolved four days later, and the one of June
                "reopened_90d": 1,  # that of the open ticket is not known yet
                "resolution_days_90d_mean": 2.5,
                "replies_90d_mean": 4,
                "first_reply_minutes_90d_mean": 90,
                "usage_30d": 10,
                "usage_change_30d_share": -0.75,
                "usage_slope_90d": (10 - 70) / 1800,
                "days_since_usage": 12,
                "orders_365d": 1,
                "order_amount_365d": 30,
                "days_since_order": 90,
            },
            nan_ok=True,
        )
    )
    idle = rows.loc["idle"]
    assert idle[["tickets_90d", "unresolved_tickets", "usage_30d", "orders_365d"]].tolist() == [0, 0, 0, 0]
    assert idle[["mrr", "usage_change_30d_share", "replies_90d_mean"]].isna().all()


def test_no_row_means_nothing_only_where_the_table_had_begun() -> None:
    usage = pd.DataFrame({"customer_id": ["a"], "used_at": times("2023-11-20"), "quantity": [4.0]})
    study = study_of(customers=customers(customer_id=["a", "b"]), responses=one_each("a", "b"), usage=usage)
    rows = by_customer(cx.landmark(study, every=[AT]))
    assert rows["usage_30d"].isna().tolist() == [False, True]
    with_start = pd.concat([usage, usage.assign(used_at=pd.Timestamp("2023-01-01"))])
    study = study_of(
        customers=customers(customer_id=["a", "b"]), responses=one_each("a", "b"), usage=with_start
    )
    assert by_customer(cx.landmark(study, every=[AT]))["usage_30d"].tolist() == [0, 0]


def test_landmarks_keep_a_horizon_apart_unless_stacked() -> None:
    study = study_of(customers=customers(customer_id=["a"]), responses=one_each("a", at="2022-12-31"))
    apart = cx.landmark(study, every="quarter", horizon_days=182, window_days=800)
    assert apart.frame["landmark_at"].dt.strftime("%Y-%m").tolist() == [
        "2023-01",
        "2023-07",
        "2024-01",
        "2024-07",
    ]
    stacked = cx.landmark(study, every="quarter", horizon_days=182, window_days=800, stacked=True)
    assert len(stacked.frame) == 8
    some = cx.landmark(
        study, every="month", horizon_days=30, window_days=800, first="2023-05-02", last=date(2023, 8, 1)
    )
    assert some.frame["landmark_at"].dt.strftime("%Y-%m-%d").tolist() == [
        "2023-06-01",
        "2023-07-01",
        "2023-08-01",
    ]


def test_periods_begin_in_the_zone_of_the_study() -> None:
    span = datetime(2024, 1, 1), datetime(2024, 8, 1)
    found = calendar_landmarks("quarter", *span, timezone="Europe/Berlin", apart_days=0)
    assert found == (datetime(2024, 3, 31, 22), datetime(2024, 6, 30, 22))
    given = given_landmarks(
        ["2024-07-01", datetime(2024, 1, 1), pd.Timestamp("2025-01-01 00:00+01:00")],
        timezone="Europe/Berlin",
        apart_days=100,
    )
    assert given == (datetime(2024, 1, 1), datetime(2024, 6, 30, 22), datetime(2024, 12, 31, 23))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": "weekly"}, "every is 'weekly'"),
        ({"every": []}, "holds no date"),
        ({"every": ["2024-01-01", "2024-01-01"]}, "2024-01-01 twice"),
        ({"every": ["2024-01-01", "2024-02-01"]}, "closer than the horizon.*stacked=True"),
        ({"every": ["1.1.2024"]}, "wanted a date"),
        ({"horizon_days": 0}, "horizon_days is 0"),
        ({"window_days": -1}, "window_days is -1"),
        ({"notice_days": -1}, "notice_days is -1"),
        ({"first": 2024}, "first is 2024"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    study = study_of(customers=customers(customer_id=["a"]), responses=one_each("a"))
    with pytest.raises(cx.errors.ArgumentError, match=message):
        cx.landmark(study, **arguments)


def test_no_row_left_says_why() -> None:
    study = study_of(
        customers=customers(customer_id=["a", "b"], ended_at=times("2023-12-15", None)),
        responses=one_each("a", "b", at="2022-02-01"),
    )
    with pytest.raises(
        cx.errors.DataError, match=r"had left already: 1; last answer older than the window: 1.*widen"
    ):
        cx.landmark(study, every=[AT])
    with pytest.raises(cx.errors.DataError, match="no quarter begins between"):
        cx.landmark(study, every="quarter", first="2024-10-02")


# Leaks planted on purpose


def spread(start: str, days: int, n: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.Timestamp(start) + pd.to_timedelta(np.linspace(0, days, n), unit="D"))


def and_one_who_stayed(people: pd.DataFrame) -> pd.DataFrame:
    """A list of leavers only is refused."""
    return pd.concat([people, customers(customer_id=["stays"])], ignore_index=True)


def test_answers_that_crowd_before_churn_raise_an_alarm() -> None:
    n = 60
    who = [f"c{k}" for k in range(n)]
    ended = spread("2024-02-01", 300, n)
    people = and_one_who_stayed(customers(customer_id=who, ended_at=ended, end_kind="voluntary"))
    last = pd.DataFrame({"customer_id": who, "instrument": "nps", "score": 2.0})
    crowd = last.assign(responded_at=ended - pd.Timedelta(days=5))
    steady = last.assign(responded_at=spread("2023-03-01", 200, n))
    alarmed = cx.landmark(study_of(customers=people, responses=pd.concat([crowd, steady])), every=[AT])
    assert flags(alarmed)["answers crowd before churn"] == 60
    calm = [last.assign(responded_at=ended - pd.Timedelta(days=gap)) for gap in (15, 45, 75, 105, 135, 165)]
    quiet = cx.landmark(study_of(customers=people, responses=pd.concat([*calm, steady])), every=[AT])
    assert "answers crowd before churn" not in flags(quiet)


def test_churn_at_anniversaries_without_notice_raises_an_alarm() -> None:
    n = 40
    who = [f"c{k}" for k in range(n)]
    started = spread("2022-02-01", 300, n)
    people = customers(customer_id=who, started_at=started, end_kind="voluntary")
    annual = and_one_who_stayed(people.assign(ended_at=started + pd.Timedelta(days=731)))
    marks = cx.landmark(study_of(customers=annual, responses=one_each(*who)), every=[AT])
    assert flags(marks)["churn dated at contract end"] == n
    assert (
        flags(cx.landmark(study_of(customers=annual, responses=one_each(*who)), every=[AT], notice_days=45))
        == {}
    )
    other = people.assign(ended_at=started + pd.to_timedelta(np.linspace(740, 1030, n), unit="D"))
    other = and_one_who_stayed(other)
    assert flags(cx.landmark(study_of(customers=other, responses=one_each(*who)), every=[AT])) == {}


def test_tables_that_stop_or_begin_late_and_landmarks_at_a_close_raise_alarms() -> None:
    tickets = pd.DataFrame(
        {
            "ticket_id": ["1", "2"],
            "customer_id": "a",
            "created_at": times("2023-02-01", "2023-05-01"),
            "resolved_at": times("2023-02-02", "2024-01-01 09:30"),
        }
    )
    usage = pd.DataFrame({"customer_id": "a", "used_at": times("2024-02-01"), "quantity": [1.0]})
    study = study_of(
        customers=customers(customer_id=["a", "b"]),
        responses=one_each("a", "b"),
        tickets=tickets,
        usage=usage,
    )
    marks = cx.landmark(study, every=[datetime(2024, 1, 1, 9, 30)])
    assert flags(marks) == {
        "table stops early": 2,
        "table begins late": 2,
        "landmark at a ticket's close": 1,
    }


def test_rows_set_aside_are_said_by_table_and_rule() -> None:
    """A ticket with an impossible reply was a ticket all the same; who counts tickets must know."""
    tickets = pd.DataFrame(
        {
            "ticket_id": ["1", "2", "3"],
            "customer_id": ["a", "a", "gone"],
            "created_at": times("2023-12-01", "2023-12-02", "2023-12-03"),
            "first_replied_at": times("2023-12-05", "2023-12-02 12:00", "2023-12-03"),
            "resolved_at": times("2023-12-04", "2023-12-03", "2023-12-04"),
        }
    )
    people = customers(
        customer_id=["a", "b", "c"], ended_at=times(None, None, "2021-01-01"), region=["x", "y", "y"]
    )
    study = cx.Study.from_frames(
        {"customers": people, "responses": one_each("a", "b"), "tickets": tickets},
        observed_until=datetime(2025, 1, 1),
        instruments={"nps": cx.NPS},
        on_reject="set_aside",
    )
    marks = cx.landmark(study, every=[AT])
    said = marks.flags.set_index("flag")
    assert flags(marks) == {"customers set aside": 1, "tickets set aside": 2}
    assert "(end before start 1): no candidates" in said.loc["customers set aside", "detail"]
    assert (
        "2 of 3 rows of tickets (reply after resolution 1, unknown customer 1)"
        in said.loc["tickets set aside", "detail"]
    )
    assert by_customer(marks).loc["a", "resolution_days_90d_mean"] == 1.0
    assert marks.n_candidates == 2
    assert "Segments: region, as the data have them today at every landmark" in str(marks)
    assert [flag for flag in cx.classifier.leak_alarms(marks)["alarm"] if "aside" in flag] == [
        "customers set aside",
        "tickets set aside",
    ]


# Order, engines, and the truth


@cache
def company(customers: int) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    study = cx.synthetic.synthetic_study(seed=5, customers=customers, tier="B")
    tables = {name: collect(study.table(name)) for name in study.tables}
    settings = {
        "observed_until": study.observed_until,
        "instruments": study.instruments,
        "segments": study.segments,
    }
    return tables, settings


def landmarks_of(tables: dict[str, Any], settings: dict[str, Any]) -> cx.classifier.Landmarks:
    dates = ["2024-01-01"]
    return cx.landmark(
        cx.Study.from_frames(tables, **settings), every=dates, notice_days=10, keep_silent=True
    )


def test_row_order_is_irrelevant() -> None:
    tables, settings = company(60)
    rng = np.random.default_rng(0)
    shuffled = {name: frame.iloc[rng.permutation(len(frame))] for name, frame in tables.items()}
    first, second = landmarks_of(tables, settings), landmarks_of(shuffled, settings)
    pd.testing.assert_frame_equal(first.frame, second.frame, rtol=1e-12)
    pd.testing.assert_frame_equal(first.excluded, second.excluded)
    pd.testing.assert_frame_equal(first.flags, second.flags)


@pytest.mark.parametrize("engine", ["polars", "pyarrow", "duckdb"])
def test_engines_agree(engine: str) -> None:
    tables, settings = company(60)
    base = landmarks_of(tables, settings)
    database = duckdb.connect()
    make = {"polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas, "duckdb": database.from_df}[engine]
    pd.testing.assert_frame_equal(
        landmarks_of({name: make(frame) for name, frame in tables.items()}, settings).frame,
        base.frame,
        rtol=1e-12,
    )


def test_a_tier_a_study_gives_the_rows_of_the_shortcut() -> None:
    n = 60_000
    study = cx.synthetic.synthetic_study(seed=2, customers=n)
    marks = cx.landmark(study, every=["2023-01-01"], horizon_days=365.25, features=False)
    assert marks.n_rows == n
    assert not len(marks.excluded)
    assert not len(marks.flags)
    short = cx.synthetic.synthetic_landmarks(seed=2, customers=n)
    sooner = short.frame["duration_days"] < 730  # the shortcut stops at 24 even months, half a day earlier
    for column in ("event", "duration_days"):  # the same seed draws the same people
        pair = marks.frame.loc[sooner, column], short.frame.loc[sooner, column]
        np.testing.assert_allclose(*pair, atol=1e-9)
    for kind, share in ((1, 0.10), (2, 0.02)):
        assert marks.n_events(kind) / n == pytest.approx(share, abs=4 * np.sqrt(share / n))
    known = cx.synthetic.truth(months=[24]).curve.set_index("months")
    for kind, column in ((1, "voluntary"), (2, "involuntary")):
        share = float(known.loc[24, column])
        assert marks.frame["event"].eq(kind).mean() == pytest.approx(share, abs=4 * np.sqrt(share / n))


def test_late_waves_of_a_censored_study_are_landmarks_of_their_own() -> None:
    study = cx.synthetic.synthetic_study(seed=2, customers=4_000, censoring=0.4)
    marks = cx.landmark(
        study, every="month", horizon_days=365.25, window_days=1, stacked=True, features=False
    )
    assert marks.n_rows == 4_000
    late = marks.frame["landmark_at"] > "2023-06-01"
    assert late.mean() == pytest.approx(0.4, abs=0.04)
    assert marks.frame.loc[late, "duration_days"].max() < 365.25


# What a frame of rows must keep


def plain(**columns: Any) -> pd.DataFrame:
    base = {"customer_id": ["a", "b"], "nps": [9, None], "duration_days": [400, 30], "event": [0, 1]}
    return pd.DataFrame({**base, **columns})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"customer_id": ["a", None]}, "1 landmark rows have no customer_id"),
        ({"customer_id": ["a", "a"]}, "repeat a customer"),
        ({"event": [0, 3]}, "unknown event code .first at row position 1"),
        ({"event": [0, 0.5]}, "unknown event code"),
        ({"duration_days": [0, 1]}, "not above 0"),
        ({"duration_days": [np.nan, 1]}, "missing or not above 0"),
        ({"nps": [11, 3]}, "outside the scale"),
        ({"nps": ["nine", 3]}, "not a number"),
        ({"nps_age_days": [400, 1]}, "before the window"),
        ({"nps_age_days": [-1, 1]}, "after the landmark"),
        ({"landmark_at": ["2024-06-01", "2024-01-01"]}, "beyond observed_until"),
    ],
)
def test_contradictions_are_refused(columns: dict[str, Any], message: str) -> None:
    more = {"window_days": 365, "observed_until": datetime(2025, 1, 1)}
    with pytest.raises(cx.errors.DataError, match=message):
        cx.classifier.Landmarks.from_frame(
            plain(**columns), instruments={"nps": cx.NPS}, horizon_days=180, **more
        )


def test_a_missing_column_is_named() -> None:
    with pytest.raises(cx.errors.DataError, match="lack 'ces', 'tenure_days'"):
        cx.classifier.Landmarks.from_frame(
            plain(), instruments={"ces": cx.CES2}, horizon_days=180, features=["tenure_days"]
        )


def test_the_display_names_no_customer_and_escapes_html() -> None:
    frame = plain(customer_id=["secret-1", "secret-2"])
    marks = cx.classifier.Landmarks.from_frame(
        frame, instruments={"nps": cx.NPS}, horizon_days=180, name="<b>x</b>"
    )
    for text in (str(marks), marks._repr_html_(), str(marks.to_dict())):
        assert "secret" not in text
    assert "<b>" not in marks._repr_html_()
    assert "1 answers (50.0% of rows)" in str(marks)
    assert marks.complete()["customer_id"].tolist() == ["secret-1"]


@pytest.mark.slow
@pytest.mark.spark
def test_spark_gives_the_same_rows() -> None:
    spark_sql = pytest.importorskip("pyspark.sql")
    builder = spark_sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "2")
    try:
        spark = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    except Exception as error:  # no Java on this machine
        pytest.skip(f"Spark does not start: {error}")
    tables, settings = company(60)
    base = landmarks_of(tables, settings)
    try:
        native = {
            name: spark.createDataFrame(frame.astype(object).where(frame.notna(), None), _spark_types(frame))
            for name, frame in tables.items()
        }
        there = landmarks_of(native, settings)
    finally:
        spark.stop()
    pd.testing.assert_frame_equal(there.frame, base.frame, rtol=1e-12)
    pd.testing.assert_frame_equal(there.excluded, base.excluded)


def _spark_types(frame: pd.DataFrame) -> str:
    """Declare types, for a column without any value has none of its own."""
    kinds = {"M": "timestamp_ntz", "f": "double", "i": "double"}
    return ", ".join(f"{name} {kinds.get(frame[name].dtype.kind, 'string')}" for name in frame)
