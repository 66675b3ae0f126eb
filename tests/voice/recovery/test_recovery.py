"""Actions for unhappy customers are judged as in a trial, with the traps of plain comparisons shown."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
import cxresearch.voice.recovery.recovery
from cxresearch.data.timelines import seconds
from cxresearch.voice.recovery.moment_outcomes import moment_outcomes
from cxresearch.voice.recovery.unhappy_moments import study_timelines, unhappy_moments

START = pd.Timestamp("2023-01-01")
CUT = "2024-12-31"


def row(result: cx.voice.Recovery, outcome: str) -> pd.Series:
    (found,) = [line for _, line in result.table.iterrows() if line["outcome"] == outcome]
    return found


def test_a_helpful_call_that_changes_nothing_in_leaving(company: Any) -> None:
    planted = company(11, n=6000)
    found = cx.recovery(planted.study, actions=["call_back"], horizon_days=120)
    score = row(found, "score of the next answer")
    assert score["low"] < 1.0 < score["high"]
    assert score["verdict"] == "helps"
    left = row(found, "left")
    assert left["low"] < 0 < left["high"]
    # The called are the unhappier: compared plainly, they leave more, and their scores look hardly better.
    assert left["naive"] > 0.02
    assert score["naive"] < 0.5
    assert "happy at the next answer by themselves" in found.finding
    assert found.finding.index("by themselves") < found.finding.index("Call back")


def without(monkeypatch: pytest.MonkeyPatch, module: str, function: str, guardless: Any) -> None:
    """Take a guard away: the function of a module of the room answers as ``guardless`` does."""
    monkeypatch.setattr(sys.modules[f"cxresearch.voice.recovery.{module}"], function, guardless)


def test_a_call_without_effect_looks_like_a_cure_before_and_after(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = company(12, n=6000, effect_on_score=0.0)
    # Regression to the mean: the called answer higher next time, though the call did nothing.
    rise = (planted.next_score - planted.unhappy_score)[planted.called].mean()
    assert rise > 1.0
    score = row(
        cx.recovery(planted.study, actions=["call_back"], horizon_days=120), "score of the next answer"
    )
    assert score["low"] < 0 < score["high"]
    assert abs(score["effect"]) < 0.3
    # The guard: both arms had like answers by then. Without it the called, who were unhappier, look worse.
    nothing = np.random.default_rng(0).normal(size=(100_000, 1))
    without(
        monkeypatch,
        "unhappy_moments",
        "known_by_then",
        lambda lines, customer, *rest: (nothing[: len(customer)], ["nothing"]),
    )
    unguarded = row(
        cx.recovery(planted.study, actions=["call_back"], horizon_days=120), "score of the next answer"
    )
    assert unguarded["high"] < 0


def test_arms_are_alike_under_weights_and_unlike_without(company: Any) -> None:
    found = cx.recovery(company(13).study, actions=["call_back"], horizon_days=120)
    answer = found.balance[found.balance["column"].str.startswith("answer ")]
    assert answer["before"].abs().max() > 0.3
    assert found.balance["after"].abs().max() < 0.1


def test_time_that_only_the_treated_can_have_is_not_credited_to_the_action(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(14)
    n = 6000
    ids = np.char.add("c", np.arange(n).astype(str))
    asked = START + pd.Timedelta(days=100)
    # A fifth leave within the grace time of 30 days, at random; calls come to who is still there.
    left_after = rng.exponential(134, n)
    call_after = rng.uniform(0, 30, n)
    called = (call_after < left_after) & (rng.random(n) < 0.6)
    ended = asked + pd.to_timedelta(left_after, unit="D")
    tables = {
        "customers": pd.DataFrame({"customer_id": ids, "started_at": START, "ended_at": ended}),
        "responses": pd.DataFrame(
            {"customer_id": ids, "instrument": "nps", "score": rng.integers(0, 7, n), "responded_at": asked}
        ),
        "events": pd.DataFrame(
            {
                "customer_id": ids[called],
                "occurred_at": asked + pd.to_timedelta(call_after[called], unit="D"),
                "kind": "call_back",
            }
        ),
    }
    study = cx.Study.from_frames(tables, observed_until=CUT, instruments={"nps": cx.NPS})
    asked_of = {"actions": ["call_back"], "grace_days": 30, "horizon_days": 90, "outcomes": ["churn"]}
    left = row(cx.recovery(study, **asked_of), "left")
    assert left["low"] < 0 < left["high"]
    # The guard: both arms stayed through the grace time. Counted from the answer on, the call seems to keep.
    without(
        monkeypatch,
        "recovery",
        "unhappy_moments",
        lambda lines, scale, **_: unhappy_moments(lines, scale, grace_days=0, gap_days=30),
    )
    without(
        monkeypatch,
        "recovery",
        "moment_outcomes",
        lambda lines, moments, scale, **_: moment_outcomes(
            lines, moments, scale, grace_days=0, horizon_days=120
        ),
    )
    unguarded = row(cx.recovery(study, **asked_of), "left")
    assert unguarded["high"] < -0.05


def test_who_left_within_the_grace_time_is_not_eligible_and_counted(company: Any) -> None:
    planted = company(15, n=500)
    lines = study_timelines(planted.study, cx.NPS, ("call_back",))
    moments = unhappy_moments(lines, cx.NPS, grace_days=80, gap_days=80)
    assert moments.dropped["left within the grace time"] > 0
    assert (lines.ended[moments.customer] > moments.moment + 80 * 86_400).all()


def test_a_hidden_reason_for_the_call_shows_in_the_negative_control(company: Any) -> None:
    planted = company(16, n=8000)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    # Calls now go to those who were low before, whatever they said last: the earlier answer tells.
    responses = tables["responses"].sort_values("responded_at")
    first = responses.groupby("customer_id")["score"].first()
    chosen = first.index[(first <= 5) & (np.random.default_rng(1).random(len(first)) < 0.8)]
    tables["events"] = pd.DataFrame(
        {"customer_id": chosen, "occurred_at": START + pd.Timedelta(days=152), "kind": "call_back"}
    )
    study = cx.Study.from_frames(tables, observed_until=CUT, instruments={"nps": cx.NPS})
    found = cx.recovery(study, actions=["call_back"], horizon_days=120, outcomes=["churn"])
    assert found.controls["p_value"].iloc[0] < 0.001
    assert any("which it cannot" in note for note in found.notes)


def test_the_silent_are_bounded(company: Any) -> None:
    found = cx.recovery(company(17, answering=0.6).study, actions=["call_back"], horizon_days=120)
    happy = row(found, "happy at the next answer")
    assert happy["silent_low"] < happy["effect"] < happy["silent_high"]
    assert happy["silent_high"] - happy["silent_low"] > 0.2


def test_several_actions_are_corrected_together_and_a_dummy_does_nothing(company: Any) -> None:
    planted = company(18, n=5000)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    rng = np.random.default_rng(2)
    ids = tables["customers"]["customer_id"].to_numpy()
    voucher = ids[rng.random(len(ids)) < 0.3]
    extra = pd.DataFrame(
        {"customer_id": voucher, "occurred_at": START + pd.Timedelta(days=153), "kind": "voucher"}
    )
    tables["events"] = pd.concat([tables["events"][["customer_id", "occurred_at", "kind"]], extra])
    study = cx.Study.from_frames(tables, observed_until=CUT, instruments={"nps": cx.NPS})
    found = cx.recovery(
        study, actions=["call_back", "voucher"], horizon_days=120, outcomes={"next_score": 0.5, "churn": 0.05}
    )
    table = found.table.set_index(["action", "outcome"])
    assert table.loc[("call_back", "score of the next answer"), "verdict"] == "helps"
    dummy = table.loc[("voucher", "score of the next answer")]
    assert dummy["low"] < 0 < dummy["high"]
    assert (found.table["p_holm"] >= found.table["p_value"] - 1e-12).all()


def test_groups_come_with_a_test_of_their_equality(company: Any) -> None:
    found = cx.recovery(
        company(19, n=5000).study, actions=["call_back"], horizon_days=120, by="plan", outcomes=["next_score"]
    )
    assert set(found.groups["group"]) == {"basic", "pro"}
    assert found.groups["p_interaction"].iloc[0] > 0.001


def test_an_action_after_a_new_answer_is_no_answer_to_the_old_one(company: Any) -> None:
    planted = company(20, n=1500)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    tables["events"]["occurred_at"] = START + pd.Timedelta(days=221)
    study = cx.Study.from_frames(tables, observed_until=CUT, instruments={"nps": cx.NPS})
    with pytest.raises(cx.errors.DataError, match="only ever came after the next answer"):
        cx.recovery(study, actions=["call_back"], grace_days=90, outcomes=["churn"])


def test_everybody_treated_and_nobody_unhappy_are_sentences(company: Any) -> None:
    planted = company(21, n=800)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    everybody = tables["customers"][["customer_id"]].assign(
        occurred_at=START + pd.Timedelta(days=151), kind="call_back"
    )
    second = tables["responses"][tables["responses"]["responded_at"] == START + pd.Timedelta(days=150)]
    study = cx.Study.from_frames(
        {**tables, "responses": second, "events": everybody}, observed_until=CUT, instruments={"nps": cx.NPS}
    )
    with pytest.raises(cx.errors.DataError, match=r"call_back came after all \d+ eligible.*plan a trial"):
        cx.recovery(study, actions=["call_back"], outcomes=["churn"])
    happy = tables["responses"].assign(score=10.0)
    study = cx.Study.from_frames(
        {**tables, "responses": happy}, observed_until=CUT, instruments={"nps": cx.NPS}
    )
    with pytest.raises(cx.errors.DataError, match="nobody gave an unhappy answer"):
        cx.recovery(study, actions=["call_back"])


def test_nobody_treated_and_dates_out_of_order_are_sentences(company: Any) -> None:
    planted = company(25, n=400)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    late = tables["events"].assign(occurred_at=START + pd.Timedelta(days=400))
    study = cx.Study.from_frames({**tables, "events": late}, observed_until=CUT, instruments={"nps": cx.NPS})
    with pytest.raises(cx.errors.DataError, match=r"call_back came after none of \d+ eligible moments"):
        cx.recovery(study, actions=["call_back"], outcomes=["churn"])
    ended = tables["customers"].assign(ended_at=START - pd.Timedelta(days=900))
    with pytest.raises(cx.errors.StudyError, match="ended_at"):
        study = cx.Study.from_frames(
            {**tables, "customers": ended}, observed_until=CUT, instruments={"nps": cx.NPS}
        )
        cx.recovery(study, actions=["call_back"], outcomes=["churn"])


def test_whoever_gave_notice_is_no_longer_eligible_and_leaving_is_dated_at_the_notice(company: Any) -> None:
    planted = company(26, n=600)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    people = tables["customers"].sort_values("customer_id", ignore_index=True)
    # Everybody who leaves gave notice on day 140, before the unhappy answer of day 150.
    people["notice_at"] = pd.Series(START + pd.Timedelta(days=140), index=people.index).where(
        people["ended_at"].notna()
    )
    study = cx.Study.from_frames(
        {**tables, "customers": people}, observed_until=CUT, instruments={"nps": cx.NPS}
    )
    lines = study_timelines(study, cx.NPS, ("call_back",))
    moments = unhappy_moments(lines, cx.NPS, grace_days=14, gap_days=14)
    asked = moments.moment > seconds(pd.Series([START + pd.Timedelta(days=145)]))[0]
    stayed = set(people.loc[people["ended_at"].isna(), "customer_id"])
    assert set(lines.ids[moments.customer[asked]]) <= stayed


def test_what_is_not_known_is_named(company: Any) -> None:
    study = company(22, n=300).study
    with pytest.raises(cx.errors.ArgumentError, match=r"no event is of kind 'callback'.*call_back"):
        cx.recovery(study, actions=["callback"])
    with pytest.raises(cx.errors.ArgumentError, match=r"no question 'csat'"):
        cx.recovery(study, unhappy="csat", actions=["call_back"])
    with pytest.raises(cx.errors.ArgumentError, match=r"no outcome 'leaving'"):
        cx.recovery(study, actions=["call_back"], outcomes=["leaving"])
    with pytest.raises(cx.errors.ArgumentError, match="no segment 'country'"):
        cx.recovery(study, actions=["call_back"], by="country")


def test_the_order_of_rows_is_irrelevant(company: Any) -> None:
    planted = company(23, n=1500)
    tables = {name: planted.study.table(name).collect("pandas").to_native() for name in planted.study.tables}
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in tables.items()}
    again = cx.Study.from_frames(shuffled, observed_until=CUT, instruments={"nps": cx.NPS})
    one = cx.recovery(planted.study, actions=["call_back"], horizon_days=120).table
    two = cx.recovery(again, actions=["call_back"], horizon_days=120).table
    np.testing.assert_allclose(one["effect"].astype(float), two["effect"].astype(float), rtol=1e-9)


def difference(treated: np.ndarray, others: np.ndarray) -> tuple[float, float, float]:
    """Welch's difference of means with its 95 % interval."""
    gap = treated.mean() - others.mean()
    half = 1.96 * np.sqrt(treated.var(ddof=1) / len(treated) + others.var(ddof=1) / len(others))
    return gap, gap - half, gap + half


def matched_on_tenure(planted: Any, outcome: np.ndarray) -> tuple[float, float, float]:
    """Each called customer beside the five not called of the nearest tenure, however happy."""
    others = np.flatnonzero(~planted.called)
    others = others[np.argsort(planted.tenure[others])]
    place = np.searchsorted(planted.tenure[others], planted.tenure[planted.called])
    near = np.clip(place[:, None] + np.arange(-2, 3), 0, len(others) - 1)
    return difference(outcome[planted.called], outcome[others[near]].mean(axis=1))


LABELS = {
    "happy_again": "happy at the next answer",
    "next_score": "score of the next answer",
    "churn": "left",
    "revenue": "change of monthly revenue",
}


def estimates(planted: Any) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Effect and interval by outcome and method."""
    table = cx.recovery(
        planted.study, actions=["call_back"], horizon_days=120, outcomes=list(LABELS)
    ).table.set_index("outcome")
    unhappy = planted.unhappy_score <= 6
    called = planted.called
    rise = planted.next_score - planted.unhappy_score
    # What followed, and how each called customer had changed since before.
    followed = {
        "happy_again": ((planted.next_score >= 9).astype(float), (planted.next_score >= 9).astype(float)),
        "next_score": (planted.next_score, rise),
        "churn": (planted.left.astype(float), None),
        "revenue": (planted.change_of_revenue, planted.change_of_revenue),
    }
    found = {}
    for outcome, (values, change) in followed.items():
        row = table.loc[LABELS[outcome]]
        found[outcome, "recovery"] = (row["effect"], row["low"], row["high"])
        found[outcome, "called and not, of the unhappy"] = difference(
            values[called], values[unhappy & ~called]
        )
        found[outcome, "matched on tenure"] = matched_on_tenure(planted, values)
        if change is not None:
            found[outcome, "before and after"] = mean_of(change[called])
    return found


def mean_of(values: np.ndarray) -> tuple[float, float, float]:
    """Mean with its 95 % interval."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean(), values.mean() - half, values.mean() + half


def figures(company: Any, runs: int, n: int, *, lift: float = 1.0, first: int = 1000) -> pd.DataFrame:
    """Mean error and coverage of each method over companies whose calls lift scores and keep nobody."""
    large = company(1, n=400_000, effect_on_score=lift)
    truth = {
        "happy_again": large.true_effect_on_happiness(),
        "next_score": large.true_effect(),
        "churn": 0.0,
        "revenue": 0.0,
    }
    rows = [
        {
            "outcome": outcome,
            "method": method,
            "estimate": value,
            "error": value - truth[outcome],
            "covered": low <= truth[outcome] <= high,
            "width": high - low,
        }
        for seed in range(first, first + runs)
        for (outcome, method), (value, low, high) in estimates(
            company(seed, n=n, effect_on_score=lift, revenue=True)
        ).items()
    ]
    grouped = pd.DataFrame(rows).groupby(["outcome", "method"])
    table = grouped[["estimate", "error", "covered", "width"]].mean()
    # 1 where the error that is printed is the error that is made
    table["spread"] = grouped["estimate"].std() / (table["width"] / 3.92)
    return table


def test_over_a_few_companies_only_the_emulated_trial_is_right(company: Any) -> None:
    table = figures(company, runs=8, n=1000)
    ours = table.xs("recovery", level="method")
    assert (ours["covered"] >= 5 / 8).all()
    assert abs(ours.loc["next_score", "error"]) < 0.25
    # The called are the unhappier: set beside the others they look worse, and beside themselves cured.
    assert table.loc[("churn", "matched on tenure"), "error"] > 0.08
    assert table.loc[("next_score", "matched on tenure"), "error"] < -1
    assert table.loc[("next_score", "before and after"), "error"] > 0.5
    assert table.loc[("next_score", "called and not, of the unhappy"), "error"] < -0.2


@pytest.mark.slow
@pytest.mark.parametrize("lift", [1.0, 0.0])
def test_coverage_and_false_positives_under_confounding_by_severity(company: Any, lift: float) -> None:
    """A thousand companies of a thousand customers, with an effect on answers and without any.

    The call changes nothing in leaving and revenue: an interval without 0 is a false positive, and so it is
    for answers where the call does not lift them.
    """
    table = figures(company, runs=1000, n=1000, lift=lift, first=10_000 + int(10_000 * lift))
    print(f"\nlift {lift:g}\n{table.round(3).to_string()}")
    covered = table.xs("recovery", level="method")["covered"]
    planted = ["next_score", "happy_again"] if lift else []
    assert covered[planted].between(0.93, 0.97).all()
    assert covered.drop(planted).between(0.935, 0.965).all()


def test_the_picture_shows_effects_in_margins_with_their_numbers_beside(company: Any) -> None:
    found = cx.recovery(
        company(24, n=2500).study, actions=["call_back"], horizon_days=120, outcomes=["next_score"]
    )
    ax = cx.plot(found)
    (row,) = found.table.to_dict("records")
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert points[0].get_xdata()[0] == pytest.approx(row["effect"] / row["margin"])
    assert points[1].get_xdata()[0] == pytest.approx(row["naive"] / row["margin"])
    assert any(row["verdict"] in text.get_text() for text in ax.texts)
