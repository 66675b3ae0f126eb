"""After an event: do only the unhappy have it? Matched among the unhappy; what follows besides leaving."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.churn.after.answers_before import answers_before
from cxresearch.churn.after.experiences import experiences
from cxresearch.churn.after.matched_customers import draw, matched_rows, people_of
from cxresearch.errors import ArgumentError, CxWarning

START = pd.Timestamp("2023-01-01")


def company(seed: int, *, severity: float, lift: float = 0.0, n: int = 1500) -> cx.Study:
    """Everybody answers on day 30 and 120; calls on day 40 to 50, the likelier the worse the answer.

    Leaving hangs on the mood only; the call lifts the second answer by ``lift``, and revenue by 5.
    """
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)
    first = np.clip(np.rint(6 + 2 * mood + rng.normal(size=n)), 0, 10)
    called = rng.random(n) < 0.3 / (1 + np.exp(severity * (first - 6)))
    second = np.clip(np.rint(6 + 2 * mood + rng.normal(size=n) + lift * called), 0, 10)
    left = rng.exponential(900 * np.exp(0.8 * mood))
    ids = np.char.add("c", np.arange(n).astype(str))

    def day(number: np.ndarray | float) -> pd.Series:
        return pd.Series(START + pd.to_timedelta(np.broadcast_to(number, n), unit="D")).dt.floor("s")

    customers = pd.DataFrame({"customer_id": ids, "started_at": START})
    customers["ended_at"] = day(130 + left).where(left < 200)
    responses = pd.concat(
        [
            pd.DataFrame({"customer_id": ids, "score": score, "responded_at": day(when)})
            for score, when in ((first, 30.0), (second, 120.0))
        ]
    ).assign(instrument="nps")
    calls = pd.DataFrame({"customer_id": ids, "occurred_at": day(rng.uniform(40, 50, n))})
    revenue = pd.DataFrame({"customer_id": ids, "mrr": 50.0, "effective_at": START})
    more = revenue[called].assign(mrr=55.0, effective_at=START + pd.Timedelta(days=60))
    return cx.Study.from_frames(
        {
            "customers": customers,
            "responses": responses,
            "events": calls[called].assign(kind="call"),
            "revenue": pd.concat([revenue, more]),
        },
        observed_until="2023-12-31",
        instruments={"nps": cx.NPS},
        revenue_ends="at_ended_at",
    )


def first_answers(study: cx.Study) -> pd.Series:
    answers = study.table("responses").collect("pandas").to_native()
    early = answers[answers["responded_at"] == START + pd.Timedelta(days=30)]
    return early.set_index("customer_id")["score"]


def test_calls_that_go_to_the_unhappy_are_warned_of_and_not_called_an_effect() -> None:
    study = company(1, severity=1.0)
    with pytest.warns(CxWarning, match=r"latest NPS was .* depends on the last score.*cx\.recovery"):
        result = cx.curves.after_event(study, event="call", horizon=150)
    # a harmless call seems to drive customers away
    assert result.hazard_ratio["low"] > 1
    assert result.depends
    assert result.finding.startswith("What call does cannot be told here")
    assert any("depends on the last score" in note for note in result.notes)
    row = result.answers.iloc[0]
    first = first_answers(study)
    called = set(study.table("events").collect("pandas").to_native()["customer_id"])
    assert row["after_event"] == pytest.approx(first[first.index.isin(called)].mean())
    assert row["difference"] < -0.5 and row["p_value"] < 1e-6


def test_calls_by_lot_are_not_warned_of_and_show_no_effect() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = cx.curves.after_event(company(2, severity=0.0), event="call", horizon=150)
    assert not result.depends
    assert abs(result.answers["difference"].iloc[0]) < 0.1
    assert result.hazard_ratio["low"] < 1 < result.hazard_ratio["high"]


def test_the_warning_is_raised_by_chance_in_a_twentieth_at_most() -> None:
    raised = []
    for seed in range(30):
        study = company(100 + seed, severity=0.0, n=300)
        people = people_of(study, experiences(study, "call", open_days=7)[1], ())
        rows = matched_rows(people, draw(people, 3, np.random.default_rng(0)), 1.0)
        raised.append(answers_before(study, people, rows, level=0.95)["depends"].any())
    # 30 runs at 5 %: more than 5 have probability below .004
    assert sum(raised) <= 5


def test_among_the_unhappy_both_sides_were_unhappy_at_that_moment() -> None:
    study = company(3, severity=0.0, lift=2.0, n=3000)
    result = cx.curves.after_event(
        study, event="call", among="detractor", outcomes={"next_score": 120, "happy_again": 120}, horizon=150
    )
    assert result.answers["after_event"].iloc[0] <= 6 and result.answers["matched"].iloc[0] <= 6
    assert "on both sides only customers whose latest answer by then was unhappy" in result.notes
    score, happy = result.outcomes.to_dict("records")
    assert score["low"] < 2 < score["high"]
    assert happy["difference"] > 0.1 and happy["p_holm"] < 0.01
    people = people_of(study, experiences(study, "call", open_days=7)[1], (), among="detractor")
    drawn = draw(people, 4, np.random.default_rng(0))
    first = first_answers(study)
    assert (first[people.ids[drawn.control]] <= 6).all() and (first[people.ids[drawn.cases]] <= 6).all()
    assert (people.ever[drawn.control] > people.happened[drawn.case]).all()


def test_revenue_is_the_change_to_the_end_of_the_days_and_nothing_from_who_left() -> None:
    result = cx.curves.after_event(company(4, severity=0.0), event="call", outcomes=["revenue"], horizon=150)
    # 60 days to the rise from the call on; nobody leaves before day 130
    assert result.outcomes["after_event"].iloc[0] == pytest.approx(5.0, abs=1.0)
    assert result.outcomes["matched"].iloc[0] == pytest.approx(0.0, abs=1.0)
    assert result.outcomes["low"].iloc[0] > 3.0


def test_what_is_not_known_is_named() -> None:
    study = company(5, severity=0.0, n=200)
    with pytest.raises(ArgumentError, match=r"among is 'happy'.*'detractor', 'low_nps'"):
        cx.curves.after_event(study, event="call", among="happy")
    with pytest.raises(ArgumentError, match=r"no outcome 'next_scor'.*'next_score'"):
        cx.curves.after_event(study, event="call", outcomes=["next_scor"])
    with pytest.raises(ArgumentError, match="no question 'ces'"):
        cx.curves.after_event(study, event="call", outcomes=["next_score:ces"])
