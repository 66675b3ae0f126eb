"""Who, since when, why and what helps: the same numbers from pandas, Polars, PyArrow, DuckDB and Spark."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx

START = pd.Timestamp("2023-01-01")
FALL_DAY = 330
PEOPLE = 500

ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}


@cache
def frames() -> dict[str, pd.DataFrame]:
    """Customers of three countries, one of which falls; the unhappy are called; some leave."""
    rng = np.random.default_rng(2)
    ids = np.array([f"c{number:04d}" for number in range(PEOPLE)])
    country = rng.choice(["DE", "FR", "ES"], PEOPLE)
    who = np.repeat(np.arange(PEOPLE), 5)
    n = len(who)
    day = rng.integers(0, 660, n)
    fallen = (country[who] == "DE") & (day >= FALL_DAY)
    mood = rng.normal(size=PEOPLE)[who]
    score = np.clip(np.rint(7.4 + 1.4 * mood + 1.3 * rng.normal(size=n) - 2.5 * fallen), 0, 10)
    price = rng.random(n) < np.where(fallen, 0.5, 0.1)
    minutes = day * 1_440 + rng.integers(0, 1_440, n)
    responses = pd.DataFrame(
        {
            "customer_id": ids[who],
            "instrument": "nps",
            "score": score,
            "responded_at": START + pd.to_timedelta(minutes, unit="min"),
            "channel": rng.choice(["mail", "app"], n),
            "comment": np.where(price, "far too expensive", rng.choice(["fine", "good app", "slow"], n)),
        }
    )
    called = (score <= 6) & (rng.random(n) < 0.4)
    calls = responses.loc[called, "responded_at"] + pd.to_timedelta(rng.uniform(1, 9, called.sum()), "D")
    events = pd.DataFrame({"customer_id": ids[who[called]], "occurred_at": calls, "kind": "call_back"})
    ended = pd.Series(START + pd.to_timedelta(rng.uniform(500, 2_000, PEOPLE), unit="D"))
    ended = ended.dt.floor("s").where(ended < pd.Timestamp("2024-12-31"))
    customers = pd.DataFrame({"customer_id": ids, "started_at": START, "ended_at": ended, "country": country})
    revenue = pd.DataFrame(
        {"customer_id": ids, "effective_at": START, "mrr": np.round(rng.gamma(2, 50, PEOPLE), 2)}
    )
    ends = pd.DataFrame({"customer_id": ids, "effective_at": ended, "mrr": 0.0}).dropna()
    return {
        "customers": customers,
        "responses": responses,
        "events": events.assign(occurred_at=events["occurred_at"].dt.floor("s")),
        "revenue": pd.concat([revenue, ends], ignore_index=True),
    }


def study(make: Callable[[pd.DataFrame], Any] = lambda frame: frame) -> cx.Study:
    return cx.Study.from_frames(
        {name: make(frame) for name, frame in frames().items()},
        observed_until="2024-12-31",
        instruments={"nps": cx.NPS},
        segments=["country"],
    )


QUESTIONS: dict[str, Callable[[cx.Study], Any]] = {
    "who": lambda data: cx.who(data, "nps"),
    "unhappy customers": lambda data: cx.unhappy_customers(data, "nps", risk="none"),
    "since when": lambda data: cx.since_when(data, "nps", by="country", draws=199),
    "since when, money": lambda data: cx.since_when(data, "gross_revenue_churn", every="month", draws=199),
    "change explained": lambda data: cx.explain_change(
        data, "nps", before="2023", after="2024", by="country"
    ),
    "around an event": lambda data: cx.around_event(data, "release", "nps", dates=["2023-11-01"]),
    "turning points": lambda data: cx.turning_points(data, "nps"),
    "themes": lambda data: cx.themes(data, codebook={"price": ["expensive"], "speed": ["slow"]}),
    "themes in a table": lambda data: cx.metric_table(
        cx.themes(data, codebook={"price": ["expensive"]}), "theme:price", by="country"
    ),
    "recovery": lambda data: cx.recovery(data, unhappy="nps", actions=["call_back"]),
}


def table_of(answer: Any) -> pd.DataFrame:
    return answer if isinstance(answer, pd.DataFrame) else answer.table


@cache
def here(name: str) -> pd.DataFrame:
    return table_of(QUESTIONS[name](study()))


def same(name: str, other: cx.Study) -> None:
    expected, answer = here(name), table_of(QUESTIONS[name](other))
    assert len(expected)
    pd.testing.assert_frame_equal(
        expected.reset_index(drop=True), answer.reset_index(drop=True), check_dtype=False, rtol=1e-9
    )


def test_planted_truth_is_seen_here() -> None:
    """The tables compared below are no empty ones."""
    assert "DE" in str(here("who").to_string())
    assert here("recovery")["n"].max() > 100


@pytest.mark.parametrize("engine", ["polars", "duckdb", pytest.param("pyarrow", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_on_every_engine(name: str, engine: str) -> None:
    same(name, study(ENGINES[engine]))


@pytest.fixture(scope="module")
def spark() -> Iterator[cx.Study]:
    if shutil.which("java") is None:
        pytest.skip("Java is not on the path")
    sql = pytest.importorskip("pyspark.sql")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = (
            sql.SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.session.timeZone", "UTC")
            .getOrCreate()
        )
        yield study(lambda frame: session.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False)))
    session.stop()


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_on_spark(spark: cx.Study, name: str) -> None:
    same(name, spark)
