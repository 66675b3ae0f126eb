"""The same numbers on every engine: durations and calendar periods against pandas and the tz database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cxresearch.data.engine import collect, days_between, lazy, minutes_between, period_start
from cxresearch.data.local_time import offset_steps
from cxresearch.errors import ArgumentError

Engine = Callable[[pd.DataFrame], Any]
ENGINES: dict[str, Engine] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "polars-lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": lambda frame: duckdb.connect().from_arrow(pa.Table.from_pandas(frame, preserve_index=False)),
}


@pytest.fixture(scope="module")
def times() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    edges = [
        "1999-12-31 23:59:59.999999",
        "2000-02-29",
        "2024-02-29 23:30",
        "2023-03-26 01:00",
        "2023-10-29 00:59:59",
    ]
    start = pd.Series(rng.integers(7e14, 2e15, 300)).astype("datetime64[us]")
    start = pd.concat([pd.Series(pd.to_datetime(edges, format="ISO8601")).astype("datetime64[us]"), start])
    end = start + pd.to_timedelta(rng.integers(-(10**13), 10**13, len(start)), unit="us").astype(
        "timedelta64[us]"
    )
    frame = pd.DataFrame({"start": start.to_numpy(), "end": end.to_numpy()})
    frame.loc[9, "end"] = pd.NaT
    return frame


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql")
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "1")
    try:
        session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    except Exception as error:
        pytest.skip(f"Spark does not start: {type(error).__name__}")
    yield session
    session.stop()


def check_durations(native: Any, times: pd.DataFrame) -> None:
    start, end = nw.col("start"), nw.col("end")
    rows = collect(lazy(native).select(days=days_between(start, end), minutes=minutes_between(start, end)))
    expected = (times["end"] - times["start"]) / pd.Timedelta(days=1)
    # 2e6 days of the calendar cancel before the fraction is added, so only rounding of a double remains
    np.testing.assert_allclose(rows["days"], expected, atol=1e-11)
    np.testing.assert_allclose(rows["minutes"], expected * 1440, atol=1e-7)


def check_periods(native: Any, times: pd.DataFrame, zone: str) -> None:
    rows = collect(
        lazy(native).select(
            **{e: period_start(nw.col("start"), e, zone) for e in ("day", "week", "month", "quarter", "year")}
        )
    )
    local = times["start"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    for every, code in (("day", "D"), ("week", "W"), ("month", "M"), ("quarter", "Q"), ("year", "Y")):
        expected = local.dt.to_period(code).dt.start_time.astype("datetime64[us]")
        pd.testing.assert_series_equal(rows[every], expected, check_names=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_durations(engine: str, times: pd.DataFrame) -> None:
    check_durations(ENGINES[engine](times), times)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe"])
def test_periods(engine: str, zone: str, times: pd.DataFrame) -> None:
    check_periods(ENGINES[engine](times), times, zone)


@pytest.mark.spark
def test_spark(spark: Any, times: pd.DataFrame) -> None:
    given = times.drop(index=9)
    native = spark.createDataFrame(given)
    check_durations(native, given.reset_index(drop=True))
    check_periods(native, given.reset_index(drop=True), "Europe/Berlin")


@pytest.mark.parametrize("zone", ["Europe/London", "Africa/Casablanca", "Pacific/Apia"])
def test_offsets_change_when_the_tz_database_says(zone: str) -> None:
    offset, steps = offset_steps(zone)
    for moment, step in steps:
        offset += step
        actual = moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).utcoffset()
        assert actual is not None
        assert actual.total_seconds() / 60 == offset
    assert steps


def test_collect_gives_naive_microseconds() -> None:
    aware = pd.DataFrame({"t": pd.to_datetime(["2024-01-01T00:00:00+02:00"]), "d": [datetime(2024, 1, 1)]})
    rows = collect(lazy(pl.from_pandas(aware).with_columns(pl.col("d").cast(pl.Date))))
    assert rows.dtypes.astype(str).tolist() == ["datetime64[us]", "datetime64[us]"]
    assert rows["t"].iloc[0] == pd.Timestamp("2023-12-31 22:00")


def test_bad_arguments() -> None:
    with pytest.raises(ArgumentError, match="list is not a frame"):
        lazy([1, 2])
    with pytest.raises(ArgumentError, match="one of 'day'"):
        period_start(nw.col("t"), "hour")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="'Mars/Base' is unknown"):
        period_start(nw.col("t"), "day", "Mars/Base")
