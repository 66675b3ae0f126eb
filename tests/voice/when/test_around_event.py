"""Events with a known effect, and none."""

import json

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError


def frame(days=600, a_day=8, fall=0.0, at=400, seed=1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), a_day)
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
    happy = rng.random(len(day)) < np.where(day < at, 0.7, 0.7 - fall)
    return pd.DataFrame({"responded_at": moments, "score": np.where(happy, 10.0, 5.0)})


AT = pd.Timestamp("2024-01-01") + pd.Timedelta(days=400)


def test_an_effect_is_found_and_its_size_is_covered() -> None:
    found = cx.around_event(frame(fall=0.3), "price rise", "nps", dates=AT)
    assert found.effect is not None
    assert found.effect.low <= -60 <= found.effect.high
    assert found.effect.p_value < 0.01
    assert "points lower [" in found.finding
    assert "than in the 28 days before" in found.finding


def test_no_effect_says_what_would_have_been_seen() -> None:
    found = cx.around_event(frame(), "release", "nps", dates="2025-02-04")
    assert found.effect is not None
    assert found.effect.p_value > 0.05
    assert "did not differ from the 28 days before" in found.finding
    assert "would have been seen four times in five" in found.finding


def test_a_weekly_rhythm_is_no_effect() -> None:
    answers = frame(seed=2)
    monday = answers["responded_at"].dt.weekday == 0
    answers.loc[monday, "score"] = 5.0
    for window in (7, 28):
        found = cx.around_event(answers, "release", "nps", dates="2025-02-05", window_days=window)
        assert found.effect is not None
        assert found.effect.p_value > 0.05


def test_events_of_the_study_and_of_one_group(planted) -> None:
    everybody = cx.around_event(planted, "price rise", "nps", window_days=56)
    germans = cx.around_event(planted, "price rise", "nps", window_days=56, within={"country": "DE"})
    assert germans.effect is not None
    assert everybody.effect is not None
    assert germans.effect.low <= -51 <= germans.effect.high
    assert germans.effect.difference < everybody.effect.difference
    assert germans.finding.startswith("NPS of customers in DE in the 56 days after price rise was ")
    with pytest.raises(ArgumentError, match="no group country UK"):
        cx.around_event(planted, "price rise", "nps", within={"country": "UK"})


def test_other_metrics_are_taken_by_day(company) -> None:
    for metric in ("tickets", "sla_attainment", "csat_top_2_box"):
        found = cx.around_event(company, "outage", metric)
        assert found.effect is not None
        json.dumps(found.to_dict())
    assert found.effect.unit is cx.Unit.SHARE_DIFFERENCE


def customer_study(*, effect: float, drift: float = 0.0, seed: int = 3) -> cx.Study:
    rng = np.random.default_rng(seed)
    people, n = 1200, 9000
    ids = np.array([f"c{k}" for k in range(people)])
    start = pd.Timestamp("2024-01-01")
    met = rng.choice(people, 400, replace=False)
    when = np.full(people, 10_000)
    when[met] = rng.integers(200, 400, 400)
    who = rng.integers(0, people, n)
    day = rng.integers(0, 600, n)
    exposed = when[who] < 10_000
    after = (day >= when[who]) & (day < when[who] + 56)
    chance = 0.6 + 0.15 * np.sin(day / 40) + 0.1 * exposed - effect * after
    chance = chance - drift * exposed * (day / 600)
    score = np.where(rng.random(n) < chance, 10.0, 5.0)
    responses = pd.DataFrame(
        {
            "customer_id": ids[who],
            "instrument": "nps",
            "score": score,
            "responded_at": start + pd.to_timedelta(day, unit="D"),
        }
    )
    events = pd.DataFrame(
        {
            "occurred_at": start + pd.to_timedelta(when[met], unit="D"),
            "kind": "price rise",
            "customer_id": ids[met],
        }
    )
    customers = pd.DataFrame({"customer_id": ids, "started_at": pd.Timestamp("2023-01-01")})
    return cx.Study.from_frames(
        {"customers": customers, "responses": responses, "events": events},
        observed_until="2025-12-31",
        instruments={"nps": cx.NPS},
    )


def test_events_of_single_customers_are_compared_with_the_others() -> None:
    found = cx.around_event(customer_study(effect=0.25), "price rise", "nps", window_days=56)
    assert found.effect is not None
    assert found.effect.low <= -50 <= found.effect.high
    assert found.effect.p_value < 0.001
    assert found.table["who"].tolist() == ["with the event", "without"]
    assert "less what customers without the event did in the same days" in found.finding
    none = cx.around_event(customer_study(effect=0.0), "price rise", "nps", window_days=56)
    assert none.effect is not None
    assert none.effect.low <= 0 <= none.effect.high


def test_customers_who_drift_apart_before_are_doubted() -> None:
    found = cx.around_event(customer_study(effect=0.0, drift=1.5), "price rise", "nps", window_days=84)
    assert any("moved apart from the others before it" in note for note in found.notes)


def test_dates_in_a_frame_are_those_of_the_table() -> None:
    study = customer_study(effect=0.2)
    events = study.table("events").collect("pandas").to_native()
    one = cx.around_event(study, "price rise", "nps", window_days=56)
    two = cx.around_event(study, "price rise", "nps", dates=events, window_days=56)
    assert one.effect == two.effect


def test_only_scores_for_events_of_single_customers() -> None:
    study = customer_study(effect=0.0)
    with pytest.raises(ArgumentError, match="not available"):
        cx.around_event(study, "price rise", "tickets")


def test_what_cannot_be_judged_is_a_sentence() -> None:
    late = cx.around_event(frame(), "release", "nps", dates="2025-08-20")
    assert late.effect is None
    assert "cannot be judged: no event has data on both sides" in late.finding
    assert any("1 of 1 events left out" in note for note in late.notes)
    few = cx.around_event(frame().iloc[::20], "release", "nps", dates=AT)
    assert "cannot be judged: only " in few.finding
    alike = cx.around_event(frame().assign(score=9.0), "release", "nps", dates=AT)
    assert "cannot be judged: all answers are alike" in alike.finding
    none = cx.around_event(frame().head(0), "release", "nps", dates=AT)
    assert "cannot be judged" in none.finding
    for found in (late, few, alike, none):
        assert found._repr_html_()


def test_one_period_only_has_no_placebo_dates() -> None:
    found = cx.around_event(frame(days=70, a_day=30, at=35), "release", "nps", dates="2024-02-05")
    assert any("too few days without an event for placebo dates" in note for note in found.notes)
    assert found.effect is not None
    assert found.effect.test == "z, clustered by customer"


def test_wrong_arguments_are_named(planted) -> None:
    with pytest.raises(ArgumentError, match="perhaps you meant 'price rise'"):
        cx.around_event(planted, "price ries", "nps")
    with pytest.raises(ArgumentError, match="whole weeks"):
        cx.around_event(planted, "price rise", "nps", window_days=30)
    with pytest.raises(ArgumentError, match="cannot be read"):
        cx.around_event(planted, "rise", "nps", dates="in spring")
    with pytest.raises(ArgumentError, match="no table 'events'"):
        cx.around_event(frame(), "rise", "nps")
    with pytest.raises(ArgumentError, match="occurred_at"):
        cx.around_event(planted, "rise", "nps", dates=pd.DataFrame({"day": ["2025-01-01"]}))


def test_events_with_and_without_a_customer_are_not_mixed(planted) -> None:
    dates = pd.DataFrame({"occurred_at": ["2025-01-01", "2025-01-02"], "customer_id": ["c1", None]})
    with pytest.raises(DataError, match="name a customer"):
        cx.around_event(planted, "call", "nps", dates=dates)


def test_pictures_have_titles_and_levels(company) -> None:
    ax = cx.plot(cx.around_event(company, "outage", "tickets"))
    assert ax.get_title(loc="left") == "Tickets around outage"
    assert ax.get_xlabel() == "Weeks since the event"
    ax = cx.plot(cx.around_event(customer_study(effect=0.2), "price rise", "nps", window_days=56))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["with the event", "without"]
    assert cx.plot(cx.around_event(frame(), "release", "nps", dates="2025-08-20")).texts
