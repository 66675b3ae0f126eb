"""The same bridge and ticket times on PySpark."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
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
    yield session
    session.stop()


@pytest.mark.parametrize("profile", ["cxresearch", "baremetrics"])
def test_bridge_on_spark(spark: Any, profile: str) -> None:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in rng.integers(0, 30, 300)],
            "effective_at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.choice(200 * 86_400, 300, False), unit="s"),
            "mrr": np.where(rng.random(300) < 0.2, 0.0, rng.integers(1, 9000, 300) / 100),
            "status": rng.choice(["active", "paused", "past_due"], 300, p=[0.8, 0.1, 0.1]),
            "currency": rng.choice(["EUR", "USD"], 300),
        }
    )
    frame.loc[frame["mrr"] == 0, "currency"] = None  # who leaves, leaves in the currency of the level before
    until = pd.Timestamp("2024-08-01")
    local, remote = (
        cx.revenue.mrr_bridge(
            cx.Study.from_frames(
                {"revenue": native},
                observed_until=until,
                instruments={},
                timezone="Europe/Berlin",
                currency="EUR",
            ),
            profile=profile,
            rates={"USD": 0.9137},
        )
        for native in (frame, spark.createDataFrame(frame))
    )
    pd.testing.assert_frame_equal(local.table, remote.table, check_dtype=False)
    pd.testing.assert_frame_equal(local.sums, remote.sums, check_dtype=False, rtol=1e-12)


def test_tickets_on_spark(spark: Any) -> None:
    rng = np.random.default_rng(4)
    created = pd.Timestamp("2024-03-20") + pd.to_timedelta(rng.integers(0, 60 * 24 * 40, 200), unit="min")
    frame = pd.DataFrame({"ticket_id": [str(n) for n in range(200)], "created_at": created})
    spent = pd.to_timedelta(rng.integers(1, 9000, 200), unit="min")
    frame["resolved_at"] = (created + spent).where(rng.random(200) < 0.9)
    frame["channel"] = rng.choice(["chat", "mail"], 200)
    until = pd.Timestamp("2024-06-01")
    local, remote = (
        cx.support.ticket_times(
            cx.Study.from_frames({"tickets": native}, observed_until=until, instruments={}),
            "resolution",
            by=["channel"],
            every="month",
        )
        for native in (frame, spark.createDataFrame(frame))
    )
    pd.testing.assert_frame_equal(local, remote, check_dtype=False)
