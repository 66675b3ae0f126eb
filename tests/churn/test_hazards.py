"""Hazard models with scores that change, and survival after an event: truth, leaks, refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.churn.hazards.score_intervals import score_intervals
from cxresearch.errors import ArgumentError, CxWarning, DataError
from cxresearch.stats.models.spline import restricted_cubic, spline_knots

START = pd.Timestamp("2024-01-01")
CUT = datetime(2025, 1, 1)


def day(number: float) -> pd.Timestamp:
    return START + pd.Timedelta(days=number)


def study_of(
    people: list[dict[str, Any]], answers: list[tuple[str, str, float, float]], **more: Any
) -> cx.Study:
    responses = pd.DataFrame(answers, columns=["customer_id", "instrument", "score", "day"])
    responses["responded_at"] = responses.pop("day").map(day)
    return cx.Study.from_frames(
        {"customers": pd.DataFrame(people), "responses": responses, **more},
        observed_until=CUT,
        instruments={"nps": cx.NPS, "csat": cx.CSAT},
    )


def person(name: str, left: float | None = None, notice: float | None = None) -> dict[str, Any]:
    return {
        "customer_id": name,
        "started_at": START,
        "ended_at": None if left is None else day(left),
        "end_kind": None if left is None else "voluntary",
        "notice_at": None if notice is None else day(notice),
    }


def test_a_score_counts_from_its_answer_on() -> None:
    study = study_of(
        [person("a", 100), person("b"), person("c", 90, notice=60), person("d", 50)],
        [
            ("a", "nps", 3, 10),
            ("a", "nps", 8, 40),
            ("a", "csat", 2, 20),
            ("b", "nps", 9, 5),
            ("c", "nps", 2, 30),
            ("c", "csat", 1, 30),
            ("c", "nps", 0, 70),  # after the notice
            ("d", "nps", 5, 50),  # at the end
            ("d", "csat", 4, 10),
        ],
    )
    cut = score_intervals(study, ["nps", "csat"])
    rows = cut.frame.drop(columns="event").join(cut.known).values.tolist()
    assert rows == [["a", 20, 40, 3, 2], ["a", 40, 100, 8, 2], ["c", 30, 60, 2, 1]]
    assert cut.frame["event"].tolist() == [0, 1, 1]
    assert cut.excluded["customers"].tolist() == [2]  # b has no csat, d no nps before the end
    later = score_intervals(study, ["nps"], lag_days=15).frame
    assert later.loc[later["customer_id"] == "a", ["start", "stop"]].values.tolist() == [[25, 55], [55, 100]]


def test_what_comes_after_changes_nothing_before() -> None:
    people = [person("a", 100), person("b", 80), person("c")]
    answers = [("a", "nps", 3, 10), ("b", "nps", 7, 20), ("c", "nps", 9, 5)]
    cuts = [
        score_intervals(study_of(people, a), ["nps"]) for a in (answers, [*answers, ("a", "nps", 10, 99)])
    ]
    before, after = (cut.frame.join(cut.known) for cut in cuts)
    early = after[after["start"] < 99].assign(stop=after["stop"].clip(upper=99), event=0)
    assert early.query("customer_id == 'a'")[["start", "nps"]].values.tolist() == [[10, 3]]
    pd.testing.assert_frame_equal(
        before[before["customer_id"] != "a"].reset_index(drop=True),
        after[after["customer_id"] != "a"].reset_index(drop=True),
    )


def test_exit_surveys_do_not_count() -> None:
    study = study_of([person("a", 100), person("b", 90)], [("a", "nps", 3, 10), ("b", "nps", 4, 20)])
    assert len(score_intervals(study, ["nps"]).frame) == 2
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "instrument": "nps",
            "score": [3, 4],
            "responded_at": [day(10), day(20)],
            "touchpoint": ["support", "exit survey"],
        }
    )
    people = pd.DataFrame([person("a", 100), person("b", 90)])
    marked = cx.Study.from_frames(
        {"customers": people, "responses": frame}, observed_until=CUT, instruments={"nps": cx.NPS}
    )
    assert score_intervals(marked, ["nps"]).frame["customer_id"].tolist() == ["a"]


def simulated(seed: int, size: int = 3000, effect: float = -0.25) -> cx.Study:
    """Exponential stays; the score changes once, and the hazard with it."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 11, size), rng.integers(0, 11, size)
    change = rng.uniform(20, 120, size)
    rates = [0.004 * np.exp(effect * (score - 5)) for score in (first, second)]
    life = rng.exponential(1 / rates[0])
    life = np.where(life < change, life, change + rng.exponential(1 / rates[1]))
    people = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(size)],
            "started_at": START,
            "ended_at": [day(x) if x < 360 else pd.NaT for x in life],
            "region": rng.choice(["north", "south"], size),
        }
    )
    people["end_kind"] = np.where(people["ended_at"].isna(), None, "voluntary")
    responses = pd.DataFrame(
        {
            "customer_id": np.tile(people["customer_id"], 2),
            "instrument": "nps",
            "score": np.concatenate([first, second]),
            "responded_at": [day(0)] * size + [day(x) for x in change],
        }
    )
    stays = people.set_index("customer_id")["ended_at"].fillna(pd.Timestamp(CUT))
    responses = responses[responses["responded_at"] < responses["customer_id"].map(stays)]
    return cx.Study.from_frames(
        {"customers": people, "responses": responses}, observed_until=CUT, instruments={"nps": cx.NPS}
    )


def test_time_varying_effect_is_recovered() -> None:
    model = cx.curves.hazard_model(simulated(1), scores=["nps"], controls=["region"])
    row = model.fit.table.set_index("name").loc["nps"]
    assert abs(row["coefficient"] + 0.25) < 3 * row["se"]
    assert row["se"] < 0.02
    other = model.fit.table.set_index("name").loc[
        "region south" if "region south" in model.fit.names else "region north"
    ]
    assert abs(other["z"]) < 3.5
    assert "compared with" in model.notes[0]
    table = model.table.set_index("value")
    reference = table["reference"].iloc[0]
    assert table.loc[reference, "hazard_ratio"] == pytest.approx(1)
    assert table.loc[10, "hazard_ratio"] == pytest.approx(np.exp(row["coefficient"] * (10 - reference)))


def test_a_straight_effect_is_not_called_bent_and_a_bent_one_is() -> None:
    straight = cx.curves.hazard_model(simulated(2), scores=["nps"], splines=["nps"])
    assert straight.terms["curvature_p"].item() > 0.01
    marks = cx.landmark(cx.synthetic.synthetic_study(customers=6000, seed=3), horizon_days=180)
    bent = cx.curves.hazard_model(
        marks, scores=["nps"], splines=["nps"]
    )  # cut normal scores are not even steps
    assert bent.terms["curvature_p"].item() < 0.01


def test_landmark_model_clusters_customers_and_stops_at_the_horizon() -> None:
    marks = cx.landmark(cx.synthetic.synthetic_study(customers=2000, seed=4), horizon_days=180)
    model = cx.curves.hazard_model(marks, scores=["ces"], kind="voluntary")
    assert model.n_events == int(
        (
            (marks.frame["event"] == 1) & (marks.frame["duration_days"] <= 180) & marks.frame["ces"].notna()
        ).sum()
    )
    assert model.fit.n_clusters == model.n_customers < model.n_intervals
    assert model.to_dict()["events"] == model.n_events


def test_spline_is_straight_beyond_the_knots_and_smooth() -> None:
    knots = spline_knots(np.arange(11.0), 4)
    x = np.linspace(-3, 14, 18)
    columns = restricted_cubic(x, knots)
    outside = (x[1:-1] > knots[-1] + 1) | (x[1:-1] < knots[0] - 1)
    assert np.abs(np.diff(columns, n=2, axis=0)[outside]).max() < 1e-9
    with pytest.raises(DataError, match="three distinct"):
        spline_knots(np.array([1.0, 1.0, 2.0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": ["ces"]}, "no instrument 'ces'"),
        ({"scores": []}, "scores is empty"),
        ({"scores": "nps"}, "scores is 'nps'"),
        ({"scores": ["nps"], "controls": ["colour"]}, "no column 'colour'"),
        ({"scores": ["nps"], "splines": ["age"]}, "'age' cannot bend"),
        ({"scores": ["nps"], "kind": "all"}, "kind is 'all'"),
        ({"scores": ["nps"], "transform": "square"}, "transform is 'square'"),
    ],
)
def test_hazard_refusals(options: dict[str, Any], message: str) -> None:
    study = study_of([person("a", 100), person("b")], [("a", "nps", 3, 10), ("b", "nps", 8, 10)])
    with pytest.raises(ArgumentError, match=message):
        cx.curves.hazard_model(study, **options)


def test_nobody_with_all_scores() -> None:
    study = study_of([person("a", 100), person("b")], [("a", "nps", 3, 10), ("b", "csat", 4, 10)])
    with pytest.raises(DataError, match="no customer ever has all of nps, csat"):
        cx.curves.hazard_model(study, scores=["nps", "csat"])


# After an event --------------------------------------------------------------------------------------------


def with_events(seed: int, ratio: float, size: int = 2500) -> cx.Study:
    """A named event at a random tenure multiplies the hazard from then on."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 150, size)
    moment = np.where(rng.random(size) < 0.4, rng.uniform(5, 150, size), np.inf)
    life = rng.exponential(1 / 0.003, size)
    hit = life > moment
    life[hit] = moment[hit] + rng.exponential(1 / (0.003 * ratio), hit.sum())
    ended = [day(s + x) if s + x < 366 else pd.NaT for s, x in zip(starts, life, strict=True)]
    people = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(size)],
            "started_at": [day(s) for s in starts],
            "ended_at": ended,
            "plan": rng.choice(["x", "y"], size),
        }
    )
    happened = np.flatnonzero(hit & (starts + moment < 366))
    events = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[happened],
            "kind": "billing error",
            "occurred_at": [day(starts[i] + moment[i]) for i in happened],
        }
    )
    return cx.Study.from_frames({"customers": people, "events": events}, observed_until=CUT, instruments={})


def test_after_event_recovers_the_hazard_ratio() -> None:
    result = cx.curves.after_event(
        with_events(11, 2.0), event="billing error", match_on=["plan"], horizon=100
    )
    row = result.hazard.table.iloc[0]
    # controls may have the event later, which pulls the ratio towards 1 a little
    assert 1.6 < row["hazard_ratio"] < 2.2
    assert result.comparison.table["rmst_difference"].item() < 0
    assert result.n_matched == result.n_events
    assert (result.balance["after_event"] - result.balance["matched"]).abs().max() < 1e-9
    assert result.curve.groups == ("after the event", "matched customers")


def test_after_event_finds_nothing_where_there_is_nothing() -> None:
    ratios = [
        cx.curves.after_event(
            with_events(seed, 1.0, 1200), event="billing error", matches=3, horizon=100
        ).hazard
        for seed in range(3)
    ]
    z = [float(fit.coefficient[0] / fit.se[0]) for fit in ratios]
    assert max(abs(value) for value in z) < 3.3


@pytest.mark.slow
def test_after_event_holds_its_level() -> None:
    rejected = 0
    for seed in range(150):
        study = with_events(100 + seed, 1.0, 500)
        result = cx.curves.after_event(study, event="billing error", matches=3, horizon=100)
        rejected += result.hazard_ratio["p_value"] < 0.05
    assert rejected / 150 <= 0.10


def test_controls_are_customers_at_that_tenure_without_the_event() -> None:
    from cxresearch.churn.after.experiences import experiences
    from cxresearch.churn.after.matched_customers import draw, people_of

    study = with_events(12, 1.5, 600)
    _, moments = experiences(study, "billing error", open_days=7)
    people = people_of(study, moments, ("plan",))
    drawn = draw(people, 4, np.random.default_rng(0))
    tenure = people.happened[drawn.case]
    assert (people.duration[drawn.control] > tenure).all()
    assert (people.happened[drawn.control] > tenure).all()
    assert (people.stratum[drawn.control] == people.stratum[drawn.case]).all()
    pairs = pd.DataFrame({"case": drawn.case, "control": drawn.control})
    assert not pairs.duplicated().any()
    assert pairs.groupby("case").size().max() == 4


def test_events_of_everybody_tickets_and_answers() -> None:
    people = [person(name, 200 if name in "ab" else None) for name in "abcdef"]
    people[5]["started_at"] = day(100)
    tickets = pd.DataFrame(
        {
            "ticket_id": ["1", "2"],
            "created_at": [day(10), day(10)],
            "customer_id": ["a", "b"],
            "resolved_at": [day(12), None],
        }
    )
    events = pd.DataFrame({"kind": ["outage"], "occurred_at": [day(50)]})
    study = study_of(
        people,
        [("a", "nps", 3, 10), ("b", "nps", 9, 10), ("b", "csat", 2, 20)],
        tickets=tickets,
        events=events,
    )
    from cxresearch.churn.after.experiences import experiences

    found = {
        name: experiences(study, name, open_days=7)[1]
        for name in ("detractor", "unresolved_ticket", "low_csat")
    }
    assert found["detractor"]["customer_id"].tolist() == ["a"]
    assert found["unresolved_ticket"][["customer_id", "occurred_at"]].values.tolist() == [["b", day(17)]]
    assert found["low_csat"]["customer_id"].tolist() == ["b"]
    with pytest.warns(CxWarning, match="separates"):  # five customers are too few for a ratio
        everybody = cx.curves.after_event(study, event="outage", matches=1)
    assert everybody.n_events == 5  # f had not started; a to e all had it at day 50, f is left to match
    assert (everybody.n_matched, everybody.n_controls) == (5, 5)


def test_a_frame_of_events_and_refusals() -> None:
    study = with_events(13, 1.0, 300)
    moments = pd.DataFrame({"customer_id": ["c1", "c2", "c3"], "occurred_at": [day(200)] * 3})
    assert cx.curves.after_event(study, event=moments, matches=2).n_events <= 3
    with pytest.raises(ArgumentError, match="event is 'flood'"):
        cx.curves.after_event(study, event="flood")
    with pytest.raises(ArgumentError, match="no table 'tickets'"):
        cx.curves.after_event(study, event="unresolved_ticket")
    with pytest.raises(ArgumentError, match="no instrument 'nps'"):
        cx.curves.after_event(study, event="detractor")
    with pytest.raises(ArgumentError, match="lack a column 'occurred_at'"):
        cx.curves.after_event(study, event=pd.DataFrame({"customer_id": ["c1"]}))
    with pytest.raises(ArgumentError, match="matches is 0"):
        cx.curves.after_event(study, event="billing error", matches=0)
    with pytest.raises(DataError, match="happens to nobody while a customer"):
        cx.curves.after_event(study, event=moments.assign(occurred_at=day(5000)))
