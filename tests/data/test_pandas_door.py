"""The pandas door: a frame with its own column names, as easy as a file."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, CxError, DataError, StudyError

N = 60
WIDE = pd.DataFrame(
    {
        "customer_id": [f"c{i}" for i in range(N)],
        "responded_at": pd.date_range("2024-03-01", periods=N, freq="D"),
        "NPS": [float((3 * i) % 11) for i in range(N)],
        "CSAT": [np.nan if i % 4 == 0 else float(1 + i % 5) for i in range(N)],
        "Plan": ["basic", "pro"] * (N // 2),
    }
)
CUSTOMERS = pd.DataFrame(
    {"customer_id": WIDE["customer_id"], "started_at": ["2024-01-01"] * N, "plan": WIDE["Plan"]}
)
PROMOTERS = sum((3 * i) % 11 >= 9 for i in range(N))
DETRACTORS = sum((3 * i) % 11 <= 6 for i in range(N))
TRUE_NPS = 100 * (PROMOTERS - DETRACTORS) / N


def study(frame: object = WIDE, customers: object = CUSTOMERS) -> cx.Study:
    return cx.Study.from_frames(
        customers=customers,
        responses=frame,
        scores={"NPS": "nps", "csat": "csat"},
        observed_until="2024-12-31",
    )


@pytest.mark.parametrize("engine", ["pandas", "polars", "arrow", "duckdb"])
def test_a_wide_survey_is_one_answer_a_cell(engine: str) -> None:
    connection = duckdb.connect()
    make = {
        "pandas": lambda frame: frame,
        "polars": pl.from_pandas,
        "arrow": lambda frame: pl.from_pandas(frame).to_arrow(),
        "duckdb": connection.from_df,
    }[engine]
    wide = WIDE.drop(columns="Plan")
    made = study(make(wide), make(CUSTOMERS.assign(started_at=pd.to_datetime(CUSTOMERS["started_at"]))))
    assert float(cx.metric(made, "nps")) == pytest.approx(TRUE_NPS)
    answers = made.table("responses").collect().to_pandas()
    assert (answers["instrument"] == "csat").sum() == WIDE["CSAT"].notna().sum()


def test_an_empty_cell_of_who_was_sent_a_survey_is_a_nonresponse() -> None:
    sent = WIDE.drop(columns="Plan").assign(sent_at=WIDE["responded_at"])
    answers = study(sent).table("responses").collect().to_pandas()
    csat = answers[answers["instrument"] == "csat"]
    assert (len(csat), csat["score"].isna().sum()) == (N, N // 4)


def test_tables_by_keyword_and_mapping_are_the_same_study() -> None:
    mapped = cx.Study.from_frames({"customers": CUSTOMERS}, observed_until="2024-12-31")
    named = cx.Study.from_frames(customers=CUSTOMERS, observed_until="2024-12-31")
    assert mapped.counts().equals(named.counts())
    with pytest.raises(ArgumentError, match="given twice"):
        cx.Study.from_frames({"customers": CUSTOMERS}, customers=CUSTOMERS, observed_until="2024-12-31")


def test_what_is_mistyped_is_answered_with_what_was_meant() -> None:
    with pytest.raises(StudyError, match="'customers'"):
        cx.Study.from_frames(custmers=CUSTOMERS, observed_until="2024-12-31")
    with pytest.raises(ArgumentError, match="perhaps you meant 'CSAT'"):
        cx.Study.from_frames(
            customers=CUSTOMERS, responses=WIDE, scores={"CSATT": "csat"}, observed_until="2024-12-31"
        )
    with pytest.raises(ArgumentError, match="ces1"):  # the versions of CES run in opposite directions
        cx.Study.from_frames(responses=WIDE, scores={"NPS": "ces"}, observed_until="2024-12-31")
    with pytest.raises(ArgumentError, match="perhaps you meant 'NPS'"):
        cx.nps(WIDE, "NPSS")
    with pytest.raises(CxError, match="perhaps you meant 'Plan'"):
        cx.metric_table(WIDE, "nps", score="NPS", by="plans")


def test_a_score_of_a_frame_by_its_column() -> None:
    bare = cx.nps(WIDE["NPS"])
    assert cx.nps(WIDE, "nps") == bare
    assert cx.nps(pl.from_pandas(WIDE), "NPS") == bare
    assert float(cx.csat(WIDE, "CSAT")) == pytest.approx(WIDE["CSAT"].mean())
    weighted = cx.nps(WIDE.assign(w=[1.0, 3.0] * (N // 2)), "NPS", weights="w")
    assert weighted == cx.nps(WIDE["NPS"], weights=[1.0, 3.0] * (N // 2))
    with pytest.raises(ArgumentError, match="no column is named"):
        cx.nps(WIDE)
    with pytest.raises(ArgumentError, match="scores is a study"):
        cx.nps(study(WIDE.drop(columns="Plan")))


def test_a_metric_table_of_a_frame_by_its_columns() -> None:
    table = cx.metric_table(WIDE, "NPS", score="nps", by="plan")
    renamed = cx.metric_table(WIDE.rename(columns={"NPS": "score"}), "nps", by="Plan")
    assert table["value"].tolist() == renamed["value"].tolist()
    assert len(table) == 2


def stays() -> pd.DataFrame:
    start = pd.date_range("2024-01-01", periods=40, freq="2D")
    end = [start[i] + pd.Timedelta(days=30 + 5 * i) if i % 3 == 0 else pd.NaT for i in range(40)]
    return pd.DataFrame({"signup": start, "cancelled": end, "plan": ["a", "b"] * 20})


def test_a_churn_curve_of_two_columns_of_dates() -> None:
    frame = stays()
    cut = pd.Timestamp("2024-12-31 23:59:59.999999")
    event = frame["cancelled"].notna()
    days = (frame["cancelled"].fillna(cut) - frame["signup"]) / pd.Timedelta(days=1)
    by_hand = cx.churn_curve((days, event.astype(int)))
    curve = cx.churn_curve(frame, start="Signup", end="cancelled", observed_until="2024-12-31")
    pd.testing.assert_frame_equal(curve.to_frame(), by_hand.to_frame())
    groups = cx.churn_curve(pl.from_pandas(frame), start="signup", end="cancelled", by="Plan")
    assert set(groups.groups) == {"a", "b"}


def test_without_a_cut_the_last_day_is_taken_and_said() -> None:
    curve = cx.churn_curve(stays(), start="signup", end="cancelled")
    assert any("observed until 2024-" in note for note in curve.notes)


def test_ends_after_the_cut_have_not_happened_yet() -> None:
    frame = stays()
    cut = pd.Timestamp("2024-05-01")
    curve = cx.churn_curve(frame, start="signup", end="cancelled", observed_until="2024-05-01")
    seen = (frame["cancelled"] < cut + pd.Timedelta(days=1)).sum()
    assert f"churned {seen}" in str(curve)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cancelled": ["2023-01-01"] * 40}, "before their starts"),
        ({"signup": [None] * 40}, "have no 'signup'"),
        ({"cancelled": ["31.12.2024"] * 40}, "'31.12.2024', which is no date"),
    ],
)
def test_dates_that_cannot_be_are_refused(change: dict[str, list[str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        cx.churn_curve(stays().assign(**change), start="signup", end="cancelled", observed_until="2024-12-31")
