"""Outcomes other than leaving, worked out by hand: who can have them, when, and what competes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

AT = "2024-01-01"


def day(text: str | None) -> pd.Timestamp:
    return pd.Timestamp(text)


def study_of(**more: pd.DataFrame) -> cx.Study:
    """Six customers since 2022; b left on 1 March 2024, f in November 2023."""
    ids = list("abcdef")
    ends = [None, "2024-03-01", None, None, None, "2023-11-01"]
    customers = pd.DataFrame(
        {"customer_id": ids, "started_at": day("2022-01-01"), "ended_at": pd.to_datetime(ends)}
    )
    responses = frame(
        [
            ("a", "nps", 3, "2023-12-01"),
            ("a", "nps", 8, "2024-02-01"),
            ("a", "nps", 9, "2024-02-20"),
            ("b", "nps", 2, "2023-12-01"),
            ("b", "nps", 10, "2024-04-01"),
            ("c", "nps", 9, "2023-11-01"),
            ("d", "nps", 9, "2023-10-01"),
            ("d", "nps", 6, "2023-12-15"),
            ("e", "nps", 1, "2023-12-01"),
            ("e", "nps", 9, "2024-01-01"),
        ],
        ["customer_id", "instrument", "score", "responded_at"],
    )
    return cx.Study.from_frames(
        {"customers": customers, "responses": responses, **more},
        observed_until=datetime(2025, 1, 1),
        instruments={"nps": cx.NPS},
        revenue_ends="at_ended_at" if "revenue" in more else None,
    )


def frame(rows: list[tuple[Any, ...]], names: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=names)
    times = [name for name in names if name.endswith("_at")]
    return table.assign(**{name: pd.to_datetime(table[name], format="ISO8601") for name in times})


def landmarks(study: cx.Study, outcome: str, **more: Any) -> Any:
    more = {"horizon_days": 180, "features": False, "keep_silent": True} | more
    return cx.landmark(study, every=[AT], outcome=outcome, **more)


def rows_of(marks: Any) -> dict[str, tuple[float, int]]:
    table = marks.frame
    return {
        who: (round(days, 6), int(event))
        for who, days, event in zip(table["customer_id"], table["duration_days"], table["event"], strict=True)
    }


def reasons(marks: Any) -> dict[str, int]:
    return dict(zip(marks.excluded["reason"], marks.excluded["rows"], strict=True))


REVENUE = [
    ("a", 100, "2022-01-01"),
    ("a", 90, "2024-01-20"),
    ("a", 120, "2024-02-10"),
    ("b", 100, "2022-01-01"),
    ("b", 150, "2024-05-01"),  # after b left
    ("c", 100, "2022-01-01"),
    ("c", 200, "2024-01-01"),  # at the very landmark: known by then
    ("c", 150, "2024-03-01"),
    ("d", 0, "2023-06-01"),  # pays nothing: can neither expand nor contract
    ("d", 80, "2024-02-01"),
    ("e", 50, "2023-01-01"),
    ("e", 0, "2024-06-01"),
]


def revenue_study() -> cx.Study:
    return study_of(revenue=frame(REVENUE, ["customer_id", "mrr", "effective_at"]))


def test_expansion_is_the_first_level_above_that_of_the_landmark_and_leaving_competes() -> None:
    marks = landmarks(revenue_study(), "expansion")
    # 1 January to 10 February are 40 days, to 1 March 60, to 1 January 2025 366
    assert rows_of(marks) == {"a": (40, 1), "b": (60, 2), "c": (366, 0), "e": (366, 0)}
    assert reasons(marks) == {"had left already": 1, "no recurring revenue by then": 1}
    assert marks.n_candidates == 6
    assert "1 expanded within 180 days" in marks.finding
    assert "1 expansion, 1 leaving before it" in str(marks)


def test_contraction_is_the_first_level_below_and_the_end_is_none() -> None:
    marks = landmarks(revenue_study(), "contraction")
    assert rows_of(marks) == {"a": (19, 1), "b": (60, 2), "c": (60, 1), "e": (366, 0)}


def test_a_renewal_is_due_within_the_horizon_and_leaving_is_not_renewing() -> None:
    table = frame(
        [
            ("a", 100, "2023-03-01", "2024-03-01"),  # stays and pays: renewed on the day
            ("b", 100, "2023-03-02", "2024-03-01"),  # leaves on that day
            ("c", 100, "2023-03-01", "2024-06-01"),
            ("c", 100, "2024-02-01", "2025-02-01"),  # agreed early
            ("d", 100, "2023-12-31", "2024-12-30"),  # not due within 180 days
            ("e", 100, "2023-04-01", "2024-04-01"),
            ("e", 0, "2024-04-01", None),  # pays nothing from the day due on
        ],
        ["customer_id", "mrr", "effective_at", "due_at"],
    )
    marks = landmarks(study_of(revenue=table), "renewal")
    # those who did not renew are followed to the data cut without it
    assert rows_of(marks) == {"a": (60, 1), "b": (366, 0), "c": (31, 1), "e": (366, 0)}
    assert reasons(marks)["no renewal due within the horizon"] == 1


def test_a_repurchase_is_the_next_order_of_who_bought_before() -> None:
    table = frame(
        [
            ("a", "1", "2023-05-01"),
            ("a", "2", "2024-01-01"),
            ("a", "3", "2024-01-11"),
            ("b", "4", "2023-05-01"),
            ("c", "5", "2024-02-01"),
            ("d", "6", "2023-05-01"),
        ],
        ["customer_id", "order_id", "ordered_at"],
    )
    marks = landmarks(study_of(orders=table.assign(amount=10.0)), "repurchase")
    assert rows_of(marks) == {"a": (10, 1), "b": (60, 2), "d": (366, 0)}
    assert reasons(marks)["no purchase by then"] == 2


def test_a_referral_is_an_event_of_its_kind() -> None:
    table = frame(
        [
            ("a", "invited", "2023-05-01"),
            ("a", "invited", "2024-01-31"),
            ("c", "call_back", "2024-01-31"),
            ("b", "invited", "2024-02-01"),
        ],
        ["customer_id", "kind", "occurred_at"],
    )
    study = study_of(events=table)
    marks = landmarks(study, "referral:invited")
    assert rows_of(marks) == {"a": (30, 1), "b": (31, 1), "c": (366, 0), "d": (366, 0), "e": (366, 0)}
    with pytest.raises(ArgumentError, match=r"no event is of kind 'referral'.*call_back"):
        landmarks(study, "referral")


def test_happy_again_is_asked_of_those_whose_latest_answer_is_unhappy() -> None:
    marks = landmarks(study_of(), "happy_again")
    # e was unhappy, and happy at the very landmark; b's happy answer came after leaving
    assert rows_of(marks) == {"a": (50, 1), "b": (60, 2), "d": (366, 0)}
    assert reasons(marks)["not unhappy at the latest answer"] == 2


def test_nothing_after_the_landmark_changes_who_is_eligible_or_what_was_known() -> None:
    early = landmarks(revenue_study(), "expansion", features=True).frame
    changed = [row for row in REVENUE if row[2] <= AT]
    later = study_of(revenue=frame(changed, ["customer_id", "mrr", "effective_at"]))
    without = landmarks(later, "expansion", features=True).frame
    outcome = ["duration_days", "event"]
    pd.testing.assert_frame_equal(early.drop(columns=outcome), without.drop(columns=outcome))
    assert (without["event"] != 1).all()


def test_what_the_study_lacks_is_said() -> None:
    study = study_of()
    with pytest.raises(ArgumentError, match=r"outcome is 'expnsion'.*perhaps you meant 'expansion'"):
        landmarks(study, "expnsion")
    with pytest.raises(DataError, match="expansion cannot be told: the study has no table revenue"):
        landmarks(study, "expansion")
    with pytest.raises(DataError, match="renewal cannot be told: revenue has no column due_at"):
        landmarks(revenue_study(), "renewal")
    with pytest.raises(ArgumentError, match=r"no question 'csat'.*'nps'"):
        landmarks(study, "happy_again:csat")
    orders = frame([("a", "1", "2024-05-01")], ["customer_id", "order_id", "ordered_at"])
    nobody = study_of(orders=orders.assign(amount=1.0))
    with pytest.raises(DataError, match=r"no purchase by then: 5"):
        landmarks(nobody, "repurchase")
