"""Bounds of silence by group and period, against filling in the answers one by one; versions of CES."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx

ENGINES: dict[str, Any] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}


def responses() -> pd.DataFrame:
    """Three hundred questionnaires of three questions sent over two months, a third without an answer."""
    rng = np.random.default_rng(11)
    n = 300
    instrument = np.array(["nps", "csat", "ces"])[np.arange(n) % 3]
    low, high = {"nps": 0, "csat": 1, "ces": 1}, {"nps": 10, "csat": 5, "ces": 5}
    score = np.array([rng.integers(low[name], high[name] + 1) for name in instrument], dtype=float)
    silent = rng.random(n) < 1 / 3
    sent = pd.Timestamp("2024-01-05") + pd.to_timedelta(rng.integers(0, 50, n), unit="D")
    frame = pd.DataFrame({"customer_id": [f"c{number}" for number in range(n)], "instrument": instrument})
    frame["score"] = np.where(silent, np.nan, score)
    frame["sent_at"] = sent.astype("datetime64[us]")
    frame["responded_at"] = (frame["sent_at"] + pd.Timedelta(days=12)).where(~silent)
    frame["channel"] = np.array(["mail", "chat"])[rng.integers(0, 2, n)]
    return frame


def study(make: Any) -> cx.Study:
    return cx.Study.from_frames(
        {"responses": make(responses())},
        observed_until="2024-06-30",
        instruments={"nps": cx.NPS, "csat": cx.CSAT, "ces": cx.CES1},
    )


def filled(part: pd.DataFrame, scale: cx.Scale, measure: str) -> list[float]:
    """The smallest and the largest measure with all silent customers giving one same answer."""
    values = [
        cx.survey.survey_score(part["score"].fillna(answer), scale=scale, measure=measure).value
        for answer in scale.levels
    ]
    return [min(values), max(values)]


CASES = [
    ("nps", "nps", cx.NPS, "nps"),
    ("csat", "csat", cx.CSAT, "mean"),
    ("csat_top_2_box", "csat", cx.CSAT, "top_2_box"),
    ("ces", "ces", cx.CES1, "mean"),
    ("ces_top_box", "ces", cx.CES1, "top_box"),
]


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize(("metric", "instrument", "scale", "measure"), CASES)
def test_by_channel_and_month_of_sending(
    make: Any, metric: str, instrument: str, scale: cx.Scale, measure: str
) -> None:
    table = cx.survey.nonresponse_table(study(make), metric, by="channel", every="month").set_index(
        ["channel", "period"]
    )
    mine = responses()[responses()["instrument"] == instrument]
    for (channel, month), part in mine.groupby(["channel", mine["sent_at"].dt.to_period("M")]):
        found = table.loc[(channel, month.start_time)]
        assert found[["low", "high"]].tolist() == pytest.approx(filled(part, scale, measure))
        seen = cx.survey.survey_score(part["score"], scale=scale, measure=measure).value
        assert found["value"] == pytest.approx(seen)
        assert (found["n"], found["n_missing"]) == (part["score"].notna().sum(), part["score"].isna().sum())
    assert np.isnan(table["level"]).all()


def test_without_groups_it_is_the_function() -> None:
    one = cx.survey.nonresponse_table(study(ENGINES["duckdb"]), "ces").iloc[0]
    mine = responses().loc[responses()["instrument"] == "ces", "score"]
    found = cx.survey.nonresponse_bounds(mine, scale=cx.CES1, measure="mean")
    assert (one["value"], one["low"], one["high"]) == pytest.approx((found.value, found.low, found.high))
    assert one["method"] == found.method


def test_it_says_which_end_is_the_best_case() -> None:
    """Low effort is good: nobody silent had any, and the mean falls to its best."""
    turned = cx.survey.nonresponse_bounds([3, 3], sent=4, scale=cx.CES1, measure="mean")
    assert (turned.low, turned.high) == (2.0, 4.0)
    assert turned.method.startswith("best and worst case (low is good)")
    box = cx.survey.nonresponse_bounds([3, 3], sent=4, scale=cx.CES1, measure="top_2_box")
    assert box.method.startswith("worst and best case for")


def test_only_silent_cells_know_nothing() -> None:
    frame = pd.DataFrame({"score": [np.nan] * 6 + [9.0] * 6, "team": ["a"] * 6 + ["b"] * 6})
    table = cx.survey.nonresponse_table(frame, "nps", by="team")
    assert np.isnan(table["value"].iloc[0])
    assert table[["low", "high"]].to_numpy().tolist() == [[-100.0, 100.0], [100.0, 100.0]]


def test_what_has_no_bounds_is_refused() -> None:
    data = study(ENGINES["pandas"])
    with pytest.raises(cx.errors.ArgumentError, match=r"'nps_response_rate' is no score.*csat_top_2_box"):
        cx.survey.nonresponse_table(data, "nps_response_rate")
    frame = pd.DataFrame({"score": [1.0, None], "responded_at": pd.Timestamp("2024-01-01")})
    with pytest.raises(cx.errors.ArgumentError, match="sent_at"):
        cx.survey.nonresponse_table(frame, "nps", every="month")
    with pytest.raises(cx.errors.DataError, match="11"):
        cx.survey.nonresponse_table(pd.DataFrame({"score": [11.0, None]}), "nps")


# Versions of CES


@pytest.mark.parametrize(
    "second",
    [
        cx.CES2,
        cx.Scale(name="ces_2", label="Effort", low=1, high=7, direction="high_is_good"),
        cx.Scale(name="ease", label="CES 2.0", low=1, high=7, direction="high_is_good"),
        cx.Scale(
            name="ease", label="Ease", low=1, high=7, direction="high_is_good", question=cx.CES2.question
        ),
    ],
)
def test_two_versions_of_ces_are_no_index(second: cx.Scale) -> None:
    answers = {"old": [1, 2, 4, 5], "new": [7, 6, 3, 1], "csat": [5, 4, 2, 1]}
    items = {"old": cx.CES1, "new": second, "csat": cx.CSAT}
    for function in (cx.survey.composite_index, cx.survey.cronbach_alpha):
        with pytest.raises(cx.errors.ArgumentError, match="'old', 'new' are different versions of CES"):
            function(answers, items)


def test_one_version_asked_twice_is_an_index() -> None:
    answers = {"before": [1, 2, 4, 5], "after": [1, 2, 5, 5]}
    assert cx.survey.composite_index(answers, {"before": cx.CES1, "after": cx.CES1}).estimate.n == 4
    cessation = cx.Scale(name="cessation", label="Stopping", low=1, high=7, direction="high_is_good")
    assert cx.survey.cronbach_alpha({"a": [1, 2, 4], "b": [6, 5, 2]}, {"a": cx.CES1, "b": cessation}).n == 3
