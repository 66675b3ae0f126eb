"""Unhappy answers as cases: who was followed up, how soon; open cases are censored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

DAY = pd.Timestamp("2024-03-01")


def study(contact_after: list[float | None], *, left_after: list[float | None] | None = None) -> cx.Study:
    n = len(contact_after)
    ids = [f"c{i}" for i in range(n)]
    ended = [None] * n if left_after is None else left_after
    days = pd.Series(ended, dtype=float)
    tables = {
        "customers": pd.DataFrame(
            {
                "customer_id": ids,
                "started_at": pd.Timestamp("2023-01-01"),
                "ended_at": DAY + pd.to_timedelta(days, unit="D"),
            }
        ),
        "responses": pd.DataFrame(
            {
                "customer_id": ids,
                "instrument": "nps",
                "score": 3.0,
                "responded_at": DAY,
                "team": ["north" if i % 2 else "south" for i in range(n)],
            }
        ),
        "events": pd.DataFrame(
            [
                {"customer_id": ids[i], "kind": "call_back", "occurred_at": DAY + pd.Timedelta(days=days)}
                for i, days in enumerate(contact_after)
                if days is not None
            ]
        ),
    }
    return cx.Study.from_frames(tables, observed_until="2024-12-31", instruments={"nps": cx.NPS})


def test_shares_and_median_by_hand() -> None:
    # 8 of 20 within 7 days, 4 later, 8 never
    found = cx.voice.closed_loop(study([2.0] * 8 + [10.0] * 4 + [None] * 8), contacts=["call_back"])
    total = found.table.iloc[-1]
    assert total["followed_up"] == pytest.approx(0.4)
    assert total["open"] == 8
    assert total["median_days"] == pytest.approx(10.0)


def test_who_leaves_before_a_contact_is_censored_not_counted_as_missed() -> None:
    left = [3.0] * 10 + [None] * 10
    found = cx.voice.closed_loop(study([None] * 10 + [5.0] * 10, left_after=left), contacts=["call_back"])
    # All ten still there on day 5 were contacted: Kaplan-Meier gives 1, the naive share .5.
    assert found.table.iloc[-1]["followed_up"] == pytest.approx(1.0)


def test_by_team() -> None:
    contact = [2.0 if i % 2 else None for i in range(40)]
    found = cx.voice.closed_loop(study(contact), contacts=["call_back"], by="team").table.set_index("team")
    assert found.loc["north", "followed_up"] == pytest.approx(1.0)
    assert found.loc["south", "followed_up"] == pytest.approx(0.0)
    assert found.loc["all", "n"] == 40


def test_small_groups_are_hidden() -> None:
    found = cx.voice.closed_loop(
        study([2.0, None, 2.0, 2.0, 2.0, 2.0, 1.0]), contacts=["call_back"], by="team"
    )
    table = found.table.set_index("team")
    assert np.isnan(table.loc["north", "followed_up"])
    assert table.loc["north", "note"] == "too few answers to show"


def test_unknown_columns_and_kinds_are_named() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="no event is of kind 'call'"):
        cx.voice.closed_loop(study([2.0] * 8), contacts=["call"])
    with pytest.raises(cx.errors.ArgumentError, match=r"have a column 'tem'.*team"):
        cx.voice.closed_loop(study([2.0] * 8), contacts=["call_back"], by="tem")


def test_the_share_of_all_cases_is_an_estimate_for_tiles_and_alerts() -> None:
    loop = cx.voice.closed_loop(study([2.0] * 8 + [10.0] * 4 + [None] * 8), contacts=["call_back"])
    assert loop.estimate.value == pytest.approx(0.4) and loop.estimate.n == 20
    # Greenwood without censoring before day 7 is the binomial variance.
    assert loop.estimate.se == pytest.approx(np.sqrt(0.4 * 0.6 / 20), rel=1e-6)
    assert loop.estimate.name == "Unhappy NPS answers followed up within 7 days"


def test_the_scorecard_has_the_closed_loop_by_team_and_period() -> None:
    # Of each team's 20 every second case: north's contacted on day 2, south's never.
    cases = study([2.0 if i % 2 else None for i in range(40)])
    overall = cx.metric(cases, "follow_up_rate")
    assert overall.value == pytest.approx(0.5) and overall.n == 40
    table = cx.metric_table(cases, "follow_up_rate", by="team", every="month")
    by_team = table.set_index("team")["value"]
    assert by_team["north"] == pytest.approx(1.0)
    assert by_team["south"] == pytest.approx(0.0)
    card = cx.scorecard(cases, metrics=["nps", "follow_up_rate"])
    assert card.table.set_index("metric").loc["follow_up_rate", "value"] == pytest.approx(0.5)


def test_the_metric_equals_the_closed_loop_where_cases_are_censored() -> None:
    contact = [2.0] * 8 + [10.0] * 4 + [None] * 12
    left = [None] * 12 + [1.0, 3.0, 5.0, 6.5] * 3
    cases = study(contact, left_after=left)
    loop = cx.voice.closed_loop(cases, contacts=["call_back"]).table.iloc[-1]
    rate = cx.metric(cases, "follow_up_rate")
    assert (rate.value, rate.low, rate.high) == pytest.approx(
        (loop["followed_up"], loop["low"], loop["high"])
    )
    # Kaplan-Meier by hand: 3 leave on day 1, 8 of 21 are contacted on day 2.
    assert rate.value == pytest.approx(8 / 21)
    soon = cx.metric(cases, "follow_up_rate", options={"follow_up_days": 1})
    assert soon.value == pytest.approx(0.0)


def test_a_study_without_contacts_has_no_such_metric() -> None:
    cases = study([2.0] * 8)
    with pytest.raises(cx.errors.ArgumentError, match="no event is of kind 'visit'"):
        cx.metric(cases, "follow_up_rate", options={"contacts": ["visit"]})
    tables = {name: cases.table(name).collect("pandas").to_native() for name in ("customers", "responses")}
    silent = cx.Study.from_frames(tables, observed_until="2024-12-31", instruments={"nps": cx.NPS})
    with pytest.raises(cx.errors.ArgumentError, match="not available"):
        cx.metric(silent, "follow_up_rate")
