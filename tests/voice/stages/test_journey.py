"""The journey: passages, moves, figures by stage against counts by hand, closed forms, planted truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError, StudyError
from cxresearch.scales import CES2, NPS
from cxresearch.voice.stages.stage_contrasts import stage_contrasts
from cxresearch.voice.stages.stage_entries import stage_entries
from cxresearch.voice.stages.stage_measures import stage_measures
from cxresearch.voice.stages.stage_passages import passages, spells

CUT = pd.Timestamp("2024-12-31")
FIVE = ["research", "pick", "pay", "use", "maintain"]


def company(
    entries: list[tuple[str, str, float]], ended: dict[str, float] | None = None, **more: Any
) -> cx.Study:
    """A study whose customers enter stages so many days after 2024-01-01, on which all of them start."""
    first = pd.Timestamp("2024-01-01")
    rows = pd.DataFrame(entries, columns=["customer_id", "note", "day"])
    events = rows[["customer_id", "note"]].assign(
        kind="stage", occurred_at=first + pd.to_timedelta(rows["day"], unit="D")
    )
    ids = sorted({*rows["customer_id"], *(ended or {})})
    people = pd.DataFrame({"customer_id": ids, "started_at": first})
    days = pd.Series([(ended or {}).get(name, np.nan) for name in ids])
    people["ended_at"] = first + pd.to_timedelta(days, unit="D")
    tables = {"customers": people, "events": events, **more}
    return cx.Study.from_frames(tables, observed_until="2024-12-31", instruments={"nps": NPS, "ces": CES2})


def passing(n: int = 200, *, share: float = 0.6, seed: int = 1) -> list[tuple[str, str, float]]:
    rng = np.random.default_rng(seed)
    through = rng.random(n) < share
    rows = [(f"c{i:04d}", "pay", 1.0) for i in range(n)]
    return rows + [(f"c{i:04d}", "use", 1.0 + rng.uniform(1, 20)) for i in range(n) if through[i]]


def test_without_censoring_the_share_that_comes_through_is_the_share_counted() -> None:
    entries = passing()
    counted = sum(stage == "use" for _, stage, _ in entries) / 200
    row = cx.voice.journey(company(entries), stages=["pay", "use"], within_days=30).passages.iloc[0]
    assert row["value"] == pytest.approx(counted)
    # Without censoring the jackknife of a share is the binomial error.
    assert row["se"] == pytest.approx(np.sqrt(counted * (1 - counted) / 200), rel=0.01)
    assert row["lost"] == pytest.approx(1 - counted) and row["low"] < counted < row["high"]


def test_short_follow_up_is_censored_and_not_lost() -> None:
    """Nine of ten pass after 10 days; half of all entered 5 days ago and cannot have passed."""
    early = [(f"a{i:03d}", "pay", 1.0) for i in range(100)]
    early += [(f"a{i:03d}", "use", 11.0) for i in range(90)]
    late = [(f"b{i:03d}", "pay", 360.0) for i in range(100)]
    row = cx.voice.journey(company(early + late), stages=["pay", "use"], within_days=30).passages.iloc[0]
    assert row["n"] == 200 and row["value"] == pytest.approx(0.9)
    assert row["waiting"] == 110


def test_whoever_leaves_competes_and_is_lost() -> None:
    entries = passing(100, share=1.0)[:100] + [(f"c{i:04d}", "use", 9.0) for i in range(50)]
    ended = {f"c{i:04d}": 5.0 for i in range(60, 80)}
    row = cx.voice.journey(company(entries, ended), stages=["pay", "use"], within_days=30).passages.iloc[0]
    assert row["value"] == pytest.approx(0.5) and row["left_share"] == pytest.approx(0.2)
    assert row["stalled_share"] == pytest.approx(0.3)


def test_repeated_rounds_are_spells_of_their_own_and_link_to_the_customer() -> None:
    rows = []
    for i in range(40):
        rows += [(f"c{i:02d}", "pay", 1.0), (f"c{i:02d}", "use", 5.0), (f"c{i:02d}", "pay", 100.0)]
        rows += [(f"c{i:02d}", "use", 110.0)] * (i < 10)
    study = company(rows)
    result = cx.voice.journey(study, stages=["pay", "use"], within_days=30)
    there = result.passages.set_index("from_stage")
    assert there.loc["pay", "n"] == 80 and there.loc["pay", "customers"] == 40
    assert there.loc["pay", "value"] == pytest.approx(50 / 80)
    assert there.loc["use", "to_stage"] == "pay" and there.loc["use", "passed"] == 40


def test_a_stage_entered_ahead_is_set_aside_and_said() -> None:
    rows = passing(60, share=1.0) + [(f"x{i}", "use", 1.0) for i in range(7)]
    rows += [(f"x{i}", "pay", 3.0) for i in range(7)]
    result = cx.voice.journey(company(rows), stages=["pay", "use"])
    assert result.passages.loc[0, "ahead"] == 7 and result.passages.loc[0, "n"] == 60
    assert any("7 customers were in use before pay" in note for note in result.notes)


def test_a_stage_may_be_skipped() -> None:
    rows = [(f"c{i:02d}", "pay", 1.0) for i in range(40)] + [
        (f"c{i:02d}", "maintain", 9.0) for i in range(30)
    ]
    rows += [(f"c{i:02d}", "use", 5.0) for i in range(10)]
    result = cx.voice.journey(company(rows), stages=["pay", "use", "maintain"], within_days=30)
    assert result.table.set_index("stage").loc["use", "skipped"] == 20
    moves = result.moves.set_index(["stage", "next"])["value"]
    assert moves["pay", "maintain"] == pytest.approx(0.5) and moves["pay", "use"] == pytest.approx(0.25)
    assert moves["pay", "still there"] == pytest.approx(0.25)
    assert result.moves.groupby("stage")["value"].sum().to_numpy() == pytest.approx(1.0)


def test_spells_are_those_of_a_loop_over_customers() -> None:
    rng = np.random.default_rng(4)
    rows = [
        (f"c{rng.integers(40):02d}", FIVE[rng.integers(3)], float(rng.uniform(0, 300))) for _ in range(400)
    ]
    entries = stage_entries(company(rows), FIVE[:3], {})
    part = spells(entries, 0, 1)
    expected = []
    for who in np.unique(entries.who):
        mine = entries.who == who
        waiting = None
        steps = [(s, d) for s, d in zip(entries.stage[mine], entries.day[mine], strict=True) if s < 2]
        ahead = bool(steps) and steps[0][0] == 1
        for stage, day in steps:
            if stage == 0 and waiting is None:
                waiting = day
            elif stage == 1 and waiting is not None:
                expected.append((who, round(day - waiting, 6), 1, ahead))
                waiting = None
                ahead = False
        if waiting is not None:
            expected.append((who, round(-waiting, 6), 0, ahead))
    first_ahead = sum(row[3] for row in expected)
    seen = sorted(zip(part.who, part.days.round(6), part.event, strict=True))
    assert part.ahead == first_ahead
    assert len(seen) == len(expected) - first_ahead
    assert seen == sorted((who, days, event) for who, days, event, ahead in expected if not ahead)


def test_order_of_rows_changes_nothing() -> None:
    rows = passing(80)
    mixed = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    one = cx.voice.journey(company(rows), stages=["pay", "use"]).passages
    other = cx.voice.journey(company(mixed), stages=["pay", "use"]).passages
    pd.testing.assert_frame_equal(one, other)


def answered(n: int, *, harder: float, seed: int = 2) -> pd.DataFrame:
    """An effort score in pay on day 3 and in use on day 60; in use `harder` points less ease."""
    rng = np.random.default_rng(seed)
    parts = []
    mood = rng.normal(size=n)
    for day, lower in ((3, 0.0), (60, harder)):
        score = np.clip(np.round(5 - lower + mood + rng.normal(size=n)), 1, 7)
        when = pd.Timestamp("2024-01-01") + pd.Timedelta(days=day)
        ids = [f"c{i:04d}" for i in range(n)]
        parts.append(
            pd.DataFrame({"customer_id": ids, "instrument": "ces", "score": score, "responded_at": when})
        )
    return pd.concat(parts)


def everybody(n: int) -> list[tuple[str, str, float]]:
    return [(f"c{i:04d}", stage, day) for i in range(n) for stage, day in (("pay", 1.0), ("use", 20.0))]


def test_an_answer_belongs_to_the_stage_entered_last_and_effort_is_named_where_it_is_highest() -> None:
    study = company(everybody(150), responses=answered(150, harder=1.0))
    result = cx.voice.journey(study, stages=["pay", "use"])
    fares = result.fares.set_index("stage")
    given = answered(150, harder=1.0)
    means = given.groupby("responded_at")["score"].mean().tolist()
    assert fares["value"].tolist() == pytest.approx(means)
    assert fares["verdict"].tolist() == ["better", "worse"]
    # Two answers of each customer: the error is that of paired differences.
    pairs = given.pivot(index="customer_id", columns="responded_at", values="score")
    paired = (pairs.iloc[:, 0] - pairs.iloc[:, 1]).std() / np.sqrt(150)
    assert fares["se"].tolist() == pytest.approx([paired, paired])
    assert "Effort is highest in use" in result.finding


def test_where_no_stage_differs_it_says_what_would_have_been_seen() -> None:
    study = company(everybody(150), responses=answered(150, harder=0.0))
    result = cx.voice.journey(study, stages=["pay", "use"])
    assert not result.stands_out
    assert "in CES mean would have been seen four times in five" in result.finding


def test_people_seen_only_because_they_became_customers_are_no_proof_that_nobody_is_lost() -> None:
    study = company(
        [(f"c{i:02d}", stage, day) for i in range(40) for stage, day in (("pick", -9.0), ("pay", 0.0))]
    )
    result = cx.voice.journey(study, stages=["pick", "pay"])
    assert (
        np.isnan(result.passages.loc[0, "lost"]) and "only later customers" in result.passages.loc[0, "note"]
    )
    assert result.sentences[0].startswith("Where customers are lost these data cannot tell")
    assert result.passages.loc[0, "median_days"] == pytest.approx(9.0)


def test_built_in_company_shows_the_planted_shares() -> None:
    study = cx.synthetic.synthetic_study(tier="B", customers=1500, unhappy=True, seed=3)
    planted = cx.synthetic.company_truth(seed=3, customers=1500, unhappy=True).planted.stages.set_index(
        "stage"
    )
    result = cx.voice.journey(study)
    row = result.passages.set_index("from_stage").loc["pay"]
    # Exponential wait: P(use within h) = share (1 - 2^(-h / median)), leaving within 90 days is rare.
    truth = planted.loc["use", "reached"] * (1 - 2 ** (-90 / planted.loc["use", "median_days"]))
    assert row["low"] - 0.01 < truth < row["high"] + 0.01
    assert (
        result.worst == "use to maintain"
        and "No answer at all comes from customers in research" in result.finding
    )
    assert "C00" not in str(result.to_dict())
    for kind in ("passages", "moves", "fares"):
        assert cx.plot(result, kind=kind).get_title(loc="left")


def test_trial_self_service_and_tickets() -> None:
    n = 60
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{i}" for i in range(n)],
            "customer_id": [f"c{i:04d}" for i in range(n)],
            "created_at": pd.Timestamp("2024-06-01"),
            "channel": ["bot"] * 15 + ["mail"] * 45,
            "handoffs": [0.0, 2.0] * 30,
        }
    )
    revenue = pd.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in range(45)],
            "effective_at": pd.Timestamp("2024-01-10"),
            "mrr": 5.0,
        }
    )
    study = company(everybody(n), tickets=tickets, revenue=revenue)
    result = cx.voice.journey(study, stages=["pay", "use"], trial=["started", "paid"], self_service=["bot"])
    assert result.self_service is not None and result.self_service.value == pytest.approx(0.25)
    assert result.trial is not None and result.trial.value == pytest.approx(0.75)
    assert result.tickets is not None and result.tickets.value == pytest.approx(1.0, abs=0.01)
    assert result.quiet is not None and result.quiet.value == 0.0
    hands = result.fares[result.fares["measure"] == "handoffs"]
    assert hands["value"].tolist() == pytest.approx([1.0])


@pytest.mark.parametrize(
    ("stages", "error", "says"),
    [
        ([], ArgumentError, "no stages are declared"),
        (["pay"], ArgumentError, "is the only stage"),
        (["pay", "pay"], ArgumentError, "named twice"),
        (["a", "b"], DataError, "nobody entered any of the stages"),
        (["paid", "used"], ArgumentError, "no table revenue"),
    ],
)
def test_bad_stages_are_refused_in_a_sentence(stages: list[str], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        cx.voice.journey(company(passing(20)), stages=stages)


def test_a_stage_never_reached_and_customers_without_events_are_said() -> None:
    study = company(passing(40), {"quiet": 50.0})
    result = cx.voice.journey(study, stages=["pay", "use", "maintain"])
    notes = " ".join(result.notes)
    assert "Nobody ever entered maintain" in notes
    assert "1 of 41 customers entered no stage" in notes
    assert result.passages.set_index("from_stage").loc["use", "value"] == 0.0
    assert result.passages.set_index("from_stage").loc["use", "high"] > 0.05


def test_few_people_are_hidden() -> None:
    rows = passing(40) + [(f"x{i}", "maintain", 100.0) for i in range(3)]
    result = cx.voice.journey(company(rows), stages=["maintain", "pay"])
    assert "fewer than 5" in result.passages.loc[0, "note"] and np.isnan(result.passages.loc[0, "value"])
    assert np.isnan(result.table.loc[0, "value"])


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('stages = ["a", "a"]', "declared twice"),
        ('stages = ["a", "b"]\nwithin_days = 0', "within_days is 0"),
        ('stages = ["a", "b"]\ntrial = ["a"]', "trial names 1"),
        ('stages = ["a", "b"]\n[journey.entered]\nc = "paid"', "no stage"),
        ('stage = ["a"]', "stage"),
    ],
)
def test_a_wrong_declaration_is_refused(lines: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("customer_id,started_at\na,2024-01-01\n", encoding="utf-8")
    about = '[study]\nobserved_until = 2024-12-31\n[[sources]]\ntable = "customers"\nfile = "c.csv"\n'
    columns = 'columns = { customer_id = "customer_id", started_at = "started_at" }\n'
    (tmp_path / "study.toml").write_text(f"{about}{columns}[journey]\n{lines}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=says):
        cx.read_study(tmp_path)


def shuffled_alarms(runs: int, *, n: int = 1000, seed: int = 5) -> float:
    """Share of runs in which any comparison is named; journeys are exchanged between customers."""
    rng = np.random.default_rng(seed)
    study = cx.synthetic.synthetic_study(tier="B", customers=n, unhappy=True, seed=seed)
    entries = stage_entries(study, FIVE, {})
    ways = passages(entries, within_days=90, level=0.95).assign(lost=np.nan)
    measures = [measure for measure in stage_measures(study, entries) if measure.name != "tickets_a_year"]
    # Answers of a customer stay together; each gets a stage at random, as if journeys meant nothing.
    alarms = 0
    for _ in range(runs):
        turned = []
        for measure in measures:
            order = rng.permuted(np.tile(np.arange(len(FIVE)), (len(measure.above), 1)), axis=1)
            above = np.take_along_axis(measure.above, order, axis=1)
            below = np.take_along_axis(measure.below, order, axis=1)
            count = below.sum(axis=0).astype(np.int64)
            turned.append(type(measure)(**{**vars(measure), "above": above, "below": below, "n": count}))
        judged = stage_contrasts(turned, FIVE, lost=ways, level=0.95)
        alarms += bool(judged.table["verdict"].isin(["better", "worse"]).any())
    return alarms / runs


def test_on_shuffled_stages_few_runs_name_a_stage() -> None:
    # 60 runs at 5 %: 9 or more in fewer than one of 300.
    assert shuffled_alarms(60) <= 8 / 60


@pytest.mark.slow
def test_on_shuffled_stages_any_stage_is_named_in_five_per_cent_of_runs() -> None:
    assert shuffled_alarms(1500) == pytest.approx(0.05, abs=0.015)
