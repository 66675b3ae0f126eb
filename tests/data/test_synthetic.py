"""The generators: tables as asked for, seeded, and the same rows as the landmark makes of them."""

import time

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect


def frame_of(study: cx.Study, table: str) -> pd.DataFrame:
    frame = collect(study.table(table))
    return frame.sort_values(frame.columns.tolist(), ignore_index=True)


def test_a_seed_fixes_the_tables() -> None:
    first, again, other = (cx.synthetic.synthetic_study(seed=seed, customers=300) for seed in (1, 1, 2))
    for table in first.tables:
        pd.testing.assert_frame_equal(frame_of(first, table), frame_of(again, table))
    assert not frame_of(first, "customers").equals(frame_of(other, "customers"))


def test_every_row_is_valid_and_everybody_answers_three_scores_once() -> None:
    study = cx.synthetic.synthetic_study(seed=1, customers=5_000)
    assert study.rejects().empty
    customers, responses = frame_of(study, "customers"), frame_of(study, "responses")
    assert customers["customer_id"].is_unique
    assert len(responses) == 15_000
    assert responses.groupby(["customer_id", "instrument"]).size().eq(1).all()
    assert responses["responded_at"].eq(pd.Timestamp("2023-01-01")).all()
    assert customers["started_at"].le(pd.Timestamp("2023-01-01")).all()
    assert customers["ended_at"].dropna().gt(pd.Timestamp("2023-01-01")).all()
    assert customers["ended_at"].dropna().le(study.observed_until).all()
    assert customers["ended_at"].isna().eq(customers["end_kind"].isna()).all()


def test_the_silent_are_rows_without_a_score() -> None:
    study = cx.synthetic.synthetic_study(seed=1, customers=20_000, nonresponse=True)
    responses = frame_of(study, "responses")
    assert len(responses) == 60_000
    assert responses["sent_at"].notna().all()
    assert responses["score"].isna().eq(responses["responded_at"].isna()).all()
    answered = responses.groupby("customer_id")["score"].count()
    assert set(answered) == {0, 3}
    assert (answered > 0).mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 20_000))


def test_censoring_is_the_share_with_a_short_follow_up() -> None:
    n = 20_000
    responses = frame_of(cx.synthetic.synthetic_study(seed=1, customers=n, censoring=0.3), "responses")
    asked = responses.drop_duplicates("customer_id")["responded_at"]
    assert asked.dt.day.eq(1).all()
    assert (asked > "2024-01-02").mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / n))
    marks = cx.synthetic.synthetic_landmarks(seed=1, customers=n, censoring=0.6)
    early = (marks.frame["event"] == 0) & (marks.frame["duration_days"] < marks.horizon_days)
    gone = marks.frame["duration_days"] < marks.horizon_days
    assert early.mean() == pytest.approx(0.6 * (1 - 0.062), abs=0.012)  # 6.2 % leave before a uniform moment
    assert gone.mean() > early.mean()


def test_stacked_rows_of_a_customer_share_their_end() -> None:
    marks = cx.synthetic.synthetic_landmarks(seed=1, customers=4_000, stacked=True)
    assert marks.stacked
    assert marks.frame["landmark_at"].nunique() == 4
    end = marks.frame["duration_days"] + (marks.frame["landmark_at"] - pd.Timestamp("2023-01-01")).dt.days
    spread = end.groupby(marks.frame["customer_id"]).agg(np.ptp)
    assert spread.max() < 1  # landmarks lie at 91.3 days, of which whole days were counted here
    assert marks.frame.groupby("customer_id")["event"].nunique().eq(1).all()
    repeated = marks.frame.groupby("customer_id")["nps"].nunique()
    assert (repeated > 1).mean() > 0.5  # new answers, not copies
    first, second = (
        marks.frame[marks.frame["landmark_at"] == at]
        for at in sorted(marks.frame["landmark_at"].unique())[:2]
    )
    both = first.merge(second, on="customer_id")
    assert both["nps_x"].corr(both["nps_y"]) > 0.5  # of the same feelings and style


def test_ids_are_distinct_and_of_one_width() -> None:
    marks = cx.synthetic.synthetic_landmarks(seed=1, customers=12_345)
    assert marks.frame["customer_id"].iloc[[0, 1, 12_344]].tolist() == ["C0000000", "C0000001", "C0012344"]
    assert marks.n_customers == 12_345


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": "best"}, "scenario is 'best'"),
        ({"customers": 0}, "customers is 0"),
        ({"customers": 2.5}, "whole number"),
        ({"censoring": 1.0}, "censoring is 1.0"),
        ({"tier": "C"}, "tier is 'C'"),
        ({"tier": "B", "scenario": "equal"}, "needs tier A"),
        ({"tier": "B", "censoring": 0.2}, "options of tier A"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=message):
        cx.synthetic.synthetic_study(**arguments)  # type: ignore[arg-type]


def test_tier_b_scenarios_reach_the_company() -> None:
    study = cx.synthetic.synthetic_study(seed=1, customers=300, tier="B", scenario="null")
    assert {"tickets", "usage", "revenue"} <= set(study.tables)


@pytest.mark.slow
def test_a_million_customers_take_under_three_seconds() -> None:
    """In processor time, for the machine may be busy; the generator runs on one core."""
    cx.synthetic.synthetic_study(customers=10)  # imports
    took = []
    for seed in (1, 2, 3):
        start = time.process_time()
        study = cx.synthetic.synthetic_study(seed=seed, customers=1_000_000)
        took.append(time.process_time() - start)
    assert len(frame_of(study, "customers")) == 1_000_000
    assert min(took) < 3, took
