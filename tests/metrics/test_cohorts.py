"""Retention by cohort: shares and intervals from the engine equal those counted customer by customer."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import duckdb
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.stats.intervals.net_ratio import MoveSums, net_ratios

UNTIL = pd.Timestamp("2024-07-15")
ENGINES: dict[str, Any] = {
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}


@cache
def levels() -> pd.DataFrame:
    """80 customers who come, grow, shrink, leave and return, some twice in a month."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(80):
        at = pd.Timestamp("2024-01-01") + pd.Timedelta(minutes=int(rng.integers(0, 150 * 1440)))
        mrr = float(np.round(rng.lognormal(3, 1), 2))
        while at < UNTIL:
            rows.append((f"c{number}", at, mrr))
            at += pd.Timedelta(minutes=int(rng.exponential(35) * 1440) + 1)
            mrr = float(np.round(rng.lognormal(3, 1), 2)) if rng.random() < 0.75 else 0.0
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr"])
    return frame.astype({"effective_at": "datetime64[us]"})


def study(make: Any = lambda frame: frame) -> cx.Study:
    return cx.Study.from_frames({"revenue": make(levels())}, observed_until=UNTIL, instruments={})


def panel() -> pd.DataFrame:
    """Level of each customer at the end of each month, and the month of the first level above 0 at an end."""
    ends = pd.date_range("2024-02-01", "2024-07-01", freq="MS")
    columns = {}
    for end in ends:
        known = levels()[levels()["effective_at"] < end]
        columns[end - pd.offsets.MonthBegin()] = known.groupby("customer_id")["mrr"].last()
    wide = pd.DataFrame(columns).fillna(0.0)
    return wide[(wide > 0).any(axis=1)]


def by_hand(of: str) -> pd.DataFrame:
    wide = panel()
    cohort = (wide > 0).idxmax(axis=1)
    rows = []
    for born, mine in wide.groupby(cohort):
        start = mine[born]
        for month in [month for month in wide if month >= born]:
            level = mine[month]
            lost, won = (start - level).clip(lower=0), (level - start).clip(lower=0)
            found = net_ratios(
                MoveSums(
                    x=[lost.sum()],
                    xx=[(lost**2).sum()],
                    xs=[(lost * start).sum()],
                    movers=[(lost > 0).sum()],
                    relative=[(lost**2 / start).sum()],
                ),
                MoveSums(
                    x=[won.sum()], xx=[(won**2).sum()], xs=[(won * start).sum()], movers=[(won > 0).sum()]
                ),
                cross=[0.0],
                s=[start.sum()],
                ss=[(start**2).sum()],
                n=[len(start)],
            ).iloc[0]
            n, hits = len(start), (level > 0).sum()
            z = stats.norm.ppf(0.975)
            half = z * math.sqrt(hits * (n - hits) / n + z * z / 4)
            wilson = [(hits + z * z / 2 + sign * half) / (n + z * z) for sign in (-1, 1)]
            money = [max(1 - found["high"], 0), 1 - found["low"]]
            low, high = wilson if of == "customers" else money
            left, whole = (hits, n) if of == "customers" else (level.sum(), start.sum())
            age = (month.year - born.year) * 12 + month.month - born.month
            rows.append((born, age, n, left / whole, low, high))
    return pd.DataFrame(rows, columns=["cohort", "age", "n", "share", "low", "high"])


@pytest.mark.parametrize("of", ["customers", "revenue"])
def test_cells_equal_counting_by_hand(of: Any) -> None:
    found = cx.revenue.cohort_retention(study(), of=of).table
    want = by_hand(of)
    known = found[found["complete"]].merge(want, on=["cohort", "age"], suffixes=("", "_hand"))
    assert len(known) == len(want) == 20
    np.testing.assert_array_equal(known["n"], known["n_hand"])
    np.testing.assert_allclose(known["share"], known["share_hand"], rtol=1e-9)
    later = known[known["age"] > 0]
    np.testing.assert_allclose(later[["low", "high"]], later[["low_hand", "high_hand"]], rtol=1e-6)
    assert known.loc[known["age"] == 0, ["low", "high"]].isna().all().all()
    running = found[~found["complete"]]
    assert len(running) > 0 and running[["left", "share", "low", "high"]].isna().all().all()


def test_one_cohort_after_one_period_has_the_interval_of_net_revenue_retention() -> None:
    rng = np.random.default_rng(8)
    first = pd.DataFrame({"customer_id": [f"c{n}" for n in range(60)], "effective_at": "2024-01-10"})
    first["mrr"] = rng.uniform(10, 40, 60).round(2)
    second = first.iloc[:25].assign(effective_at="2024-02-10", mrr=rng.uniform(10, 60, 25).round(2))
    second.iloc[:6, 2] = 0.0
    frame = pd.concat([first, second]).astype({"effective_at": "datetime64[us]"})
    data = cx.Study.from_frames({"revenue": frame}, observed_until=pd.Timestamp("2024-03-05"), instruments={})
    cell = cx.revenue.cohort_retention(data, of="revenue", level=0.9).table.query("age == 1").iloc[0]
    want = cx.metric(data, "net_revenue_retention", period="2024-02", level=0.9)
    assert (cell["share"], cell["low"], cell["high"]) == pytest.approx((want.value, want.low, want.high))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("profile", ["cxresearch", "chartmogul"])
def test_engines_agree(engine: str, profile: str) -> None:
    for of in ("customers", "revenue"):
        one, two = (
            cx.revenue.cohort_retention(data, of=of, every="quarter", profile=profile).table  # type: ignore[arg-type]
            for data in (study(), study(ENGINES[engine]))
        )
        pd.testing.assert_frame_equal(one, two, check_dtype=False, rtol=1e-9)


def test_the_interval_covers_the_share_and_is_never_below_nothing() -> None:
    for of in ("customers", "revenue"):
        frame = cx.revenue.cohort_retention(study(), of=of).table.dropna()  # type: ignore[arg-type]
        inside = (frame["low"] <= frame["share"] + 1e-12) & (frame["share"] <= frame["high"] + 1e-12)
        assert inside.all() and (frame["low"] >= 0).all()
    gone = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"] * 2,
            "effective_at": pd.to_datetime(["2024-01-10"] * 3 + ["2024-02-10"] * 3),
            "mrr": [10.0, 20.0, 30.0, 0.0, 0.0, 0.0],
        }
    )
    data = cx.Study.from_frames({"revenue": gone}, observed_until=pd.Timestamp("2024-03-05"), instruments={})
    cell = cx.revenue.cohort_retention(data, of="revenue").table.query("age == 1").iloc[0]
    assert (cell["share"], cell["low"]) == (0.0, 0.0) and cell["high"] > 0.3  # three gone prove little


def test_text_and_picture_show_intervals() -> None:
    result = cx.revenue.cohort_retention(study(), of="revenue")
    text = result.as_text()
    first = result.table.query("age == 1").iloc[0]
    shown = f"{100 * first['share']:.0f} % [{100 * first['low']:.0f}, {100 * first['high']:.0f}]"
    assert text.iloc[0, 1] == shown
    assert text.iloc[-1, -1] == "" and text.iloc[0, 0] == "100 %"
    assert "MOVER" in result.method and "Wilson" in cx.revenue.cohort_retention(study()).method
    axes = cx.plot(result)
    said = {label.get_text() for label in axes.texts}
    ends = f"{100 * first['low']:.0f} to {100 * first['high']:.0f}"
    assert f"{100 * first['share']:.0f}\n{ends}" in said
    assert "95 % interval" in axes.get_xlabel()
    plt.close(axes.figure)
    axes = cx.plot(result, intervals=False)
    assert not any(" to " in label.get_text() for label in axes.texts)
    plt.close(axes.figure)
