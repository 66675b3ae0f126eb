"""Published figures of real data: incidents, subscriptions, purchases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx

pytestmark = pytest.mark.shared


def test_servicenow_median_time_to_resolve(shared: Path) -> None:
    raw = pd.read_csv(shared / "data" / "servicenow_incidents.csv.gz", na_values="?", low_memory=False)
    stamps = {
        name: pd.to_datetime(raw[name], format="%d-%m-%Y %H:%M") for name in ("opened_at", "resolved_at")
    }
    rows = raw[["number", "reopen_count", "contact_type"]].assign(**stamps)
    incidents = rows.groupby("number", as_index=False).agg(
        created_at=("opened_at", "first"),
        resolved_at=("resolved_at", "last"),
        reopens=("reopen_count", "max"),
        channel=("contact_type", "first"),
    )
    frame = incidents.rename(columns={"number": "ticket_id"}).astype({"reopens": float})
    study = cx.Study.from_frames(
        {"tickets": frame}, observed_until=pd.Timestamp("2017-02-28"), instruments={}, on_reject="set_aside"
    )
    assert len(frame) == 890
    naive = frame.dropna(subset="resolved_at")
    hours = (naive["resolved_at"] - naive["created_at"]).dt.total_seconds() / 3600
    assert len(frame) - len(naive) == 29
    assert hours.median() == pytest.approx(54.5, abs=0.05)
    assert hours.mean() == pytest.approx(315.9, abs=0.05)
    row = cx.support.ticket_times(study, "resolution").iloc[0]
    assert row["open"] == 29
    assert row["mean_of_finished"] == pytest.approx(315.9, abs=0.05)
    assert row["median"] > hours.median()  # the open ones are the slow ones
    assert row["median_low"] < row["median"] < row["median_high"]
    assert cx.metric(study, "reopen_rate").value == pytest.approx((naive["reopens"] > 0).mean())


def test_ravenstack_active_mrr(shared: Path) -> None:
    raw = pd.read_csv(shared / "data" / "ravenstack" / "subscriptions.csv.gz")
    subscriptions = pd.DataFrame(
        {
            "customer_id": raw["account_id"],
            "started_at": pd.to_datetime(raw["start_date"]),
            "ended_at": pd.to_datetime(raw["end_date"]),
            "mrr": raw["mrr_amount"].astype(float),
        }
    )
    levels = cx.revenue.levels_from_subscriptions(subscriptions)
    until = pd.Timestamp("2024-12-31 23:59")
    study = cx.Study.from_frames({"revenue": levels}, observed_until=until, instruments={}, currency="USD")
    bridge = cx.revenue.mrr_bridge(study)
    assert bridge.table["closing"].iloc[-1] == 10_159_608.0
    assert raw.loc[raw["end_date"].isna(), "mrr_amount"].sum() == 10_159_608
    assert (
        bridge.table["closing_customers"].iloc[-1] == levels.groupby("customer_id")["mrr"].last().gt(0).sum()
    )
    assert cx.revenue.mrr_bridge(study, profile="stripe").table["closing"].iloc[-1] == 10_159_608.0


def test_cdnow_repeat_transactions(shared: Path) -> None:
    raw = pd.read_csv(shared / "data" / "cdnow_sample.csv.gz", dtype={"masterid": str, "sampleid": str})
    orders = pd.DataFrame(
        {
            "customer_id": raw["sampleid"],
            "ordered_at": pd.to_datetime(raw["date"].astype(str), format="%Y%m%d"),
            "amount": raw["sales"],
        }
    )
    study = cx.Study.from_frames(
        {"orders": orders}, observed_until=pd.Timestamp("1998-06-30 23:59"), instruments={}
    )
    found = cx.revenue.purchase_summary(study, until="1997-09-30")
    assert (len(found), found["repeats"].sum(), (found["repeats"] == 0).sum()) == (2357, 2457, 1411)
    summary = pd.read_csv(shared / "data" / "cdnow_summary.csv.gz")
    np.testing.assert_array_equal(np.sort(found["repeats"]), np.sort(summary["frequency"]))
    mine, theirs = (np.sort(values) for values in (found["recency_days"] / 7, summary["recency"]))
    np.testing.assert_allclose(mine, theirs, atol=0.006)
    curve = cx.revenue.repeat_purchase(study)
    assert curve.n == 2357
    assert curve.n_events == (cx.revenue.purchase_summary(study)["repeats"] > 0).sum()
