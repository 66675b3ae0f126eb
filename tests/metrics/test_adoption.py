"""Adoption by group and period: every engine the same numbers, equal to counting customer by customer."""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from lifelines import KaplanMeierFitter
from scipy import stats

import cxresearch as cx

UNTIL = pd.Timestamp("2024-06-20 21:59")  # 23:59 in Berlin
ZONE = "Europe/Berlin"
ENGINES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}
ADOPTION = ("active_customers", "adoption_rate", "first_use_median_days", "feature_breadth")


@cache
def tables() -> dict[str, pd.DataFrame]:
    """240 customers, some gone, some without any use; uses of no quantity or before joining."""
    rng = np.random.default_rng(11)
    n = 240
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 170 * 1440, n), unit="min")
    stays = pd.to_timedelta(rng.integers(1440, 150 * 1440, n), unit="min")
    people = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(n)],
            "started_at": start,
            "ended_at": (start + stays).where((rng.random(n) < 0.4) & (start + stays < UNTIL)),
            "plan": rng.choice(["basic", "pro"], n, p=[0.7, 0.3]),
        }
    )
    who = rng.integers(0, n - 40, 1500)  # the last forty never use anything
    at = start[who] + pd.to_timedelta(rng.exponential(40, 1500) * 1440 - 2880, unit="min").round("s")
    usage = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[who],
            "used_at": at,
            "quantity": rng.choice([0.0, 1.0, 3.0], 1500, p=[0.1, 0.6, 0.3]),
            "feature": rng.choice(["core", "export", "api"], 1500, p=[0.7, 0.2, 0.1]),
        }
    )
    usage = usage[usage["used_at"] < UNTIL].reset_index(drop=True)
    times = {"started_at": "datetime64[us]", "ended_at": "datetime64[us]"}
    return {"customers": people.astype(times), "usage": usage.astype({"used_at": "datetime64[us]"})}


def study(make: Any = ENGINES["pandas"]) -> cx.Study:
    frames = {name: make(frame) for name, frame in tables().items()}
    return cx.Study.from_frames(
        frames, observed_until=UNTIL, instruments={}, timezone=ZONE, segments=["plan"]
    )


def local(times: pd.Series) -> pd.Series:
    return times.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.tz_localize(None)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson (1927), written out."""
    z = stats.norm.ppf(0.975)
    centre, half = hits + z * z / 2, z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)


def used() -> pd.DataFrame:
    rows = tables()["usage"].query("quantity > 0").merge(tables()["customers"], on="customer_id")
    rows["end"] = rows["ended_at"].fillna(UNTIL)
    return rows


def months() -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    starts = pd.date_range("2024-01-01", "2024-05-01", freq="MS")
    return [(start, start + pd.offsets.MonthBegin()) for start in starts]


@pytest.mark.parametrize("plan", [None, "pro"])
@pytest.mark.parametrize("feature", [None, "export"])
def test_active_customers_by_hand(plan: str | None, feature: str | None) -> None:
    by = [name for name, value in (("plan", plan), ("feature", feature)) if value]
    found = cx.metric_table(study(), "active_customers", by=by, every="month")
    for name, value in (("plan", plan), ("feature", feature)):
        found = found[found[name] == value] if value else found
    people = tables()["customers"]
    people = people if plan is None else people[people["plan"] == plan]
    rows = used()
    rows = rows if feature is None else rows[rows["feature"] == feature]
    found = found.set_index("period")
    for start, end in months():
        day = [local(rows[name]).dt.normalize() for name in ("used_at", "started_at", "end")]
        inside = (day[0] >= day[1]) & (day[0] <= day[2]) & (day[0] >= start) & (day[0] < end)
        active = set(rows.loc[inside, "customer_id"]) & set(people["customer_id"])
        ended = local(people["ended_at"].fillna(UNTIL))
        there = ((local(people["started_at"]) < end) & (ended >= start)).sum()
        row = found.loc[start]
        assert (row["n"], row["n_missing"]) == (there, 0)
        if not row["suppressed"]:
            assert row["value"] == pytest.approx(len(active) / there)
            assert (row["low"], row["high"]) == pytest.approx(wilson(len(active), there))
    running = found.loc[pd.Timestamp("2024-06-01")]
    assert math.isnan(running["value"]) and running["n"] == 0 and running["n_missing"] > 0
    assert "had not ended" in running["method"]


def test_adoption_by_hand() -> None:
    people = tables()["customers"].copy()
    for feature in (None, "core"):
        options = {"within_days": 20, "feature": feature}
        rows = used() if feature is None else used().query("feature == @feature")
        first = people["customer_id"].map(rows.groupby("customer_id")["used_at"].min())
        limit = people["started_at"] + pd.Timedelta(days=20)
        people["in_time"], people["had"] = first <= limit, limit <= UNTIL
        found = cx.metric_table(study(), "adoption_rate", by="plan", every="month", options=options)
        month = local(people["started_at"]).dt.to_period("M").dt.start_time
        for row in found.itertuples():
            mine = people[(people["plan"] == row.plan) & (month == row.period)]
            if row.period < pd.Timestamp("2024-05-01") or (row.period == pd.Timestamp("2024-05-01")):
                hits = int((mine["in_time"] & mine["had"]).sum())  # May ends 20 days before the cut
                assert (row.n, row.n_missing) == (mine["had"].sum(), (~mine["had"]).sum())
                assert row.value == pytest.approx(hits / row.n)
                assert (row.low, row.high) == pytest.approx(wilson(hits, row.n))
            else:
                assert math.isnan(row.value) and (row.n, row.n_missing) == (0, len(mine))
                assert "have had 20 days" in row.method
        whole = cx.metric_table(study(), "adoption_rate", options=options).iloc[0]
        one = cx.metric(study(), "adoption_rate", options={"within_days": 20, "feature": feature})
        assert (whole["n"], whole["n_missing"]) == (people["had"].sum(), (~people["had"]).sum())
        assert whole["value"] == pytest.approx(people.loc[people["had"], "in_time"].mean())
        assert (one.value, one.low, one.high, one.n) == tuple(whole[["value", "low", "high", "n"]])


@pytest.mark.parametrize("feature", [None, "export"])
def test_time_to_first_use_is_kaplan_meier(feature: str | None) -> None:
    people = tables()["customers"]
    rows = used() if feature is None else used().query("feature == @feature")
    first = people["customer_id"].map(rows.groupby("customer_id")["used_at"].min())
    end = people["ended_at"].fillna(UNTIL)
    event = first.notna() & (first <= end)
    days = (first.where(event, end) - people["started_at"]).dt.total_seconds().clip(lower=0) / 86_400
    by = [] if feature is None else ["feature"]
    found = cx.metric_table(study(), "first_use_median_days", by=["plan", *by]).set_index(["plan", *by])
    for plan in ("basic", "pro"):
        mine = people["plan"] == plan
        curve = KaplanMeierFitter().fit(days[mine], event[mine])
        row = found.loc[plan if feature is None else (plan, feature)]
        assert row["n"] == mine.sum()
        if math.isinf(curve.median_survival_time_):
            assert math.isnan(row["value"])
        else:
            median = curve.median_survival_time_
            left = curve.survival_function_["KM_estimate"]
            if abs(left[median] - 0.5) < 1e-12:  # R's rule: the middle of the flat stretch at one half
                median = (median + left.index[left < 0.5 - 1e-12][0]) / 2
            assert row["value"] == pytest.approx(median, abs=1 / 1440)
    whole = cx.metric_table(study(), "first_use_median_days", options={"feature": feature}).iloc[0]
    curve = cx.usage.time_to_first_use(study(), feature=feature)
    assert (whole["value"], whole["low"]) == pytest.approx(
        (curve.median.value, curve.median.low), nan_ok=True
    )
    assert curve.n == len(people) and curve.n_events == event.sum()


def test_feature_breadth_by_hand() -> None:
    people = tables()["customers"]
    found = cx.metric_table(study(), "feature_breadth", every="month").set_index("period")
    begin = local(people["started_at"]).dt.normalize()
    last = local(people["ended_at"].fillna(UNTIL)).dt.normalize()
    rows = used()
    when = local(rows["used_at"])
    for start, end in months()[1:]:
        there = people[(begin <= start) & (last >= end - pd.Timedelta(days=1))]["customer_id"]
        inside = rows[(when >= start) & (when < end)].groupby("customer_id")["feature"].nunique()
        features = there.map(inside).fillna(0)
        row = found.loc[start]
        n = len(features)
        half = stats.t.ppf(0.975, n - 1) * features.std() / math.sqrt(n)
        assert row["n"] == n
        if row["suppressed"]:
            continue
        assert row["value"] == pytest.approx(features.mean())
        assert (row["low"], row["high"]) == pytest.approx(
            (max(features.mean() - half, 0), features.mean() + half)
        )
    running = found.loc["2024-06-01"]
    still = people[(begin <= "2024-06-01") & people["ended_at"].isna()]
    assert math.isnan(running["value"])
    assert (running["n"], running["n_missing"]) == (0, len(still))
    one = cx.metric(study(), "feature_breadth", options={"within_days": 45})
    whole = cx.metric_table(study(), "feature_breadth", options={"within_days": 45}).iloc[0]
    assert (one.value, one.low, one.n) == tuple(whole[["value", "low", "n"]])
    since = UNTIL - pd.Timedelta(days=45)
    there = people[(people["started_at"] <= since) & people["ended_at"].isna()]["customer_id"]
    lately = rows[rows["used_at"] > since].groupby("customer_id")["feature"].nunique()
    assert one.n == len(there) and one.value == pytest.approx(there.map(lately).fillna(0).mean())


def asked(data: cx.Study) -> list[pd.DataFrame]:
    found = []
    for name in ADOPTION:
        own = [] if name == "feature_breadth" else ["feature"]
        found.append(cx.metric_table(data, name, by=["plan", *own], every="quarter"))
        found.append(cx.metric_table(data, name, by=["plan"]))
    return found


@cache
def asked_of_pandas() -> list[pd.DataFrame]:
    return asked(study())


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "pandas"])
def test_engines_agree(engine: str) -> None:
    for one, two in zip(asked_of_pandas(), asked(study(ENGINES[engine])), strict=True):
        pd.testing.assert_frame_equal(one, two, check_dtype=False, rtol=1e-12)


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


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_spark_agrees(spark: Any) -> None:
    there = cx.Study.from_frames(
        {
            name: spark.createDataFrame(frame.astype(object).where(frame.notna(), None))
            for name, frame in tables().items()
        },
        observed_until=UNTIL,
        instruments={},
        timezone=ZONE,
        segments=["plan"],
    )
    for name in ADOPTION:
        one, two = (cx.metric_table(data, name, by="plan", every="quarter") for data in (study(), there))
        pd.testing.assert_frame_equal(one, two, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("name", ADOPTION)
def test_coarser_cells_and_the_rest(name: str) -> None:
    """The whole follows from the counts of groups, and the rest of one of two groups is the other."""
    from cxresearch.metrics.base.metric import Query
    from cxresearch.metrics.tables.registry import find_metric
    from cxresearch.metrics.tables.statistics import Statistics

    metric = find_metric(study(), name)
    fine = Query(by=("plan",), every="month")
    statistics = Statistics(study(), fine)
    whole = cx.metric_table(study(), name, every="month")
    pd.testing.assert_frame_equal(statistics.table(metric, Query(every="month")), whole, check_dtype=False)
    rest = statistics.rest(metric, "plan")
    if rest is not None:
        own = statistics.table(metric)
        own["plan"] = own["plan"].map({"basic": "pro", "pro": "basic"})
        both = own.merge(rest, on=["plan", "period"], suffixes=("", "_rest"))
        assert len(both) == len(own)
        np.testing.assert_allclose(both[["value", "low", "n"]], both[["value_rest", "low_rest", "n_rest"]])


def test_a_customer_in_several_groups_is_not_added_up() -> None:
    by_feature = cx.scorecard(study(), by="feature", every="quarter", metrics=["active_customers"])
    whole = cx.metric_table(study(), "active_customers", every="quarter")
    pd.testing.assert_frame_equal(by_feature.overall, whole, check_dtype=False)
    assert by_feature.table["n"].max() == whole["n"].max()  # every feature is over all customers
    assert by_feature.rest.empty


def test_the_scorecard_finds_them_and_judges_complete_cohorts() -> None:
    card = cx.scorecard(study(), by="plan", every="month")
    assert list(card.labels) == ["customer_churn", *ADOPTION]
    assert card.period == pd.Timestamp("2024-05-01")
    latest = card.latest.set_index("metric")
    # 30 days after the end of May is the end of June: April's are the last who all had them
    assert latest.loc["adoption_rate", "period"] == pd.Timestamp("2024-04-01")
    assert latest.loc["adoption_rate", "label"] == "Adoption (2024-04)"
    assert latest.loc["active_customers", "label"] == "Active customers"
    change = card.changes.query("metric == 'adoption_rate' and group == 'all'").iloc[0]
    assert (change["period"], change["against"]) == (pd.Timestamp("2024-04-01"), "2024-03")
    estimate = card.estimates["adoption_rate"]  # reports follow it by name, which stays the same
    assert (estimate.name, estimate.note) == ("Adoption", "in 2024-04")
    assert "Adoption (2024-04)" in card.groups["metric"].tolist()
    assert "Adoption (2024-04)" in str(card)


def test_nobody_used_anything() -> None:
    people = tables()["customers"]
    silent = cx.Study.from_frames(
        {"customers": people, "usage": tables()["usage"].assign(quantity=0.0)},
        observed_until=UNTIL,
        instruments={},
    )
    assert cx.metric_table(silent, "active_customers", every="year")["n_missing"].tolist() == [len(people)]
    assert cx.metric_table(silent, "active_customers")["value"].tolist() == [0.0]
    assert cx.metric(silent, "adoption_rate").value == 0.0
    assert cx.metric(silent, "feature_breadth").value == 0.0
    assert math.isnan(cx.usage.time_to_first_use(silent).median.value)
    assert cx.metric_table(silent, "active_customers", by="feature").empty


def test_wrong_questions() -> None:
    with pytest.raises(cx.errors.ArgumentError, match=r"'tariff' is in neither usage nor customers.*plan"):
        cx.metric_table(study(), "active_customers", by="tariff")
    with pytest.raises(cx.errors.ArgumentError, match="cannot be grouped by feature"):
        cx.metric_table(study(), "feature_breadth", by="feature")
    with pytest.raises(
        cx.errors.ArgumentError, match=r"nobody ever used feature 'exprot'.*api, core, export"
    ):
        cx.metric(study(), "adoption_rate", options={"feature": "exprot"})
    with pytest.raises(cx.errors.ArgumentError, match="within_days"):
        cx.metric_table(study(), "adoption_rate", options={"within_days": 0})
    bare = tables()["usage"].drop(columns="feature")
    data = cx.Study.from_frames(
        {"customers": tables()["customers"], "usage": bare}, observed_until=UNTIL, instruments={}
    )
    with pytest.raises(cx.errors.ArgumentError, match="'feature_breadth' is not available"):
        cx.metric(data, "feature_breadth")
    with pytest.raises(cx.errors.ArgumentError, match="'feature_breadth' is not available"):
        cx.metric_table(data, "feature_breadth")


def test_row_order_is_irrelevant_and_later_use_changes_no_past_period() -> None:
    mixed = {name: frame.sample(frac=1, random_state=3) for name, frame in tables().items()}
    other = cx.Study.from_frames(mixed, observed_until=UNTIL, instruments={}, timezone=ZONE)
    for name in ADOPTION:
        one, two = (cx.metric_table(data, name, every="month") for data in (study(), other))
        pd.testing.assert_frame_equal(one, two, rtol=1e-12)
    early = tables()["usage"].query("used_at < '2024-05-31 22:00'")
    before = cx.Study.from_frames(
        {"customers": tables()["customers"], "usage": early},
        observed_until=UNTIL,
        instruments={},
        timezone=ZONE,
    )
    one, two = (cx.metric_table(data, "active_customers", every="month") for data in (study(), before))
    pd.testing.assert_frame_equal(one[:5], two[:5])
