"""Every metric and every function of a study gives the same numbers on every engine."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.metrics.tables.registry import metrics_of

ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}


@cache
def source() -> cx.Study:
    return cx.synthetic.synthetic_study(tier="B", customers=120, seed=6)


@cache
def frames() -> dict[str, pd.DataFrame]:
    return {name: collect(source().table(name)) for name in source().tables if name != "events"}


def study(make: Callable[[pd.DataFrame], Any] = lambda frame: frame) -> cx.Study:
    return cx.Study.from_frames(
        {name: make(frame) for name, frame in frames().items()},
        observed_until=source().observed_until,
        instruments=dict(source().instruments),
        timezone="Asia/Kolkata",
        currency=source().currency,
        segments=source().segments,
    )


@cache
def reference() -> cx.Study:
    return study()


def numbers(found: Any) -> Any:
    """A result as a frame or an array of its numbers."""
    if isinstance(found, pd.DataFrame):
        return found
    if isinstance(getattr(found, "table", None), pd.DataFrame):
        return found.table
    if hasattr(found, "value"):
        return pd.DataFrame([{name: getattr(found, name) for name in ("value", "low", "high", "se", "n")}])
    return pd.DataFrame({"time": found.time, "survival": found.survival})


FUNCTIONS: dict[str, Callable[[cx.Study], Any]] = {
    "bridge": lambda data: cx.revenue.mrr_bridge(data, every="quarter", by=["segment"]),
    "rates": lambda data: cx.revenue.revenue_rates(data, every="quarter"),
    "cohorts": lambda data: cx.revenue.cohort_retention(data, every="quarter", of="revenue"),
    "ages": cx.revenue.revenue_by_customer_age,
    "logo churn": lambda data: cx.revenue.logo_churn(data, period="2024-05", denominator="km"),
    "renewals": lambda data: cx.metric(data, "renewal_rate_by_value"),
    "win-back": lambda data: cx.metric(data, "win_back_rate"),
    "purchases": cx.revenue.purchase_summary,
    "second purchase": cx.revenue.repeat_purchase,
    "lifetime": cx.revenue.customer_curve,
    "two profiles": lambda data: cx.revenue.explain_profiles(data, "profitwell", "stripe", period="2024-03"),
    "tickets": lambda data: cx.support.ticket_times(data, "first_reply", by=["channel"]),
    "volume": lambda data: cx.support.ticket_volume(data, every="week"),
    "resolved": lambda data: cx.support.resolution_rate(data, within_days=2, by=["category"]),
    "interactions": lambda data: cx.metric(data, "interactions_per_ticket"),
    "ageing": cx.support.ticket_ageing,
    "active": lambda data: cx.usage.active_customers(data, every="quarter", by=["term"]),
    "first use": cx.usage.time_to_first_use,
    "mix": lambda data: cx.survey.score_breakdown(data, "nps", by="segment").table,
    "changes": lambda data: cx.metric_contrasts(data, "csat", against="previous", every="year"),
}


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        one.reset_index(drop=True), two.reset_index(drop=True), check_dtype=False, rtol=1e-9
    )


@cache
def here(name: str) -> Any:
    return numbers(FUNCTIONS[name](reference()))


@cache
def card_here() -> cx.study.Scorecard:
    return cx.scorecard(reference(), by="segment", every="year")


def same_card(card: cx.study.Scorecard) -> None:
    """All metrics by group, over all groups, and their changes."""
    assert list(card.labels) == list(metrics_of(reference())) and len(card.labels) > 25
    for part in ("table", "overall", "changes", "rest"):
        same(getattr(card_here(), part), getattr(card, part))


@pytest.fixture(scope="module", params=["polars", "duckdb", pytest.param("pyarrow", marks=pytest.mark.slow)])
def other(request: pytest.FixtureRequest) -> cx.Study:
    return study(ENGINES[request.param])


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

        def make(frame: pd.DataFrame) -> Any:
            return session.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))

        yield study(make)
    session.stop()


def test_every_metric(other: cx.Study) -> None:
    same_card(cx.scorecard(other, by="segment", every="year"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function(other: cx.Study, name: str) -> None:
    same(here(name), numbers(FUNCTIONS[name](other)))


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_every_metric_and_function_on_spark(spark: cx.Study) -> None:
    same_card(cx.scorecard(spark, by="segment", every="year"))
    for name, function in FUNCTIONS.items():
        same(here(name), numbers(function(spark)))


def by_hand() -> dict[str, float]:
    """Figures of 2023 over all customers, from plain pandas; the study's clock is 5 h 30 min ahead of UTC."""
    shift = pd.Timedelta(hours=5, minutes=30)
    start, end = pd.Timestamp("2023-01-01") - shift, pd.Timestamp("2024-01-01") - shift

    def inside(times: pd.Series[Any]) -> pd.Series[bool]:
        return (times >= start) & (times < end)

    answers, tickets, levels = (frames()[name] for name in ("responses", "tickets", "revenue"))
    given = answers[answers["score"].notna() & inside(answers["responded_at"])].set_index("instrument")
    sent = answers[inside(answers["sent_at"]) & (answers["instrument"] == "csat")]
    nps = given.loc["nps", "score"]
    opened = tickets[inside(tickets["created_at"])]
    known = opened[opened["resolved_at"].notna() & opened["reopens"].notna()]
    before, after = (
        levels[levels["effective_at"] < moment]
        .sort_values("effective_at")
        .groupby("customer_id")["mrr"]
        .last()
        for moment in (start, end)
    )
    before = before[before > 0]
    left = after.reindex(before.index)
    return {
        "nps": 100 * ((nps >= 9).mean() - (nps <= 6).mean()),
        "csat": given.loc["csat", "score"].mean(),
        "csat_top_2_box": (given.loc["csat", "score"] >= 4).mean(),
        "csat_response_rate": sent["score"].notna().mean(),
        "tickets": len(opened),
        "reopen_rate": (known["reopens"] > 0).mean(),
        "mrr": after.sum(),
        "customer_churn": (left == 0).mean(),
        "gross_revenue_retention": left.clip(upper=before).sum() / before.sum(),
        "net_revenue_retention": left.sum() / before.sum(),
        "gross_revenue_churn": (before - left).clip(lower=0).sum() / before.sum(),
        "expansion": (left - before).clip(lower=0).sum() / before.sum(),
    }


def test_figures_of_a_year_by_hand() -> None:
    overall = card_here().overall
    found = overall[overall["period"] == "2023-01-01"].set_index("metric")["value"]
    for name, value in by_hand().items():
        assert found[name] == pytest.approx(value, rel=1e-9), name
