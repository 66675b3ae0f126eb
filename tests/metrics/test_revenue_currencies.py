"""Revenue in several currencies: the bridge against customers followed one by one, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.data.study import Study
from cxresearch.errors import DataError
from cxresearch.metrics.revenue import mrr_bridge as revenue_bridge
from cxresearch.metrics.revenue.mrr_bridge import mrr_bridge

KINDS = ("new", "expansion", "reactivation", "contraction", "churn")
ENGINES: dict[str, Any] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": lambda frame: duckdb.connect().from_df(frame),
}
RATES = {"USD": 1.0, "EUR": 1.08, "JPY": 0.0067}


def study_of(frame: Any, until: Any = "2024-03-20 13:00", **more: Any) -> Study:
    return Study.from_frames(
        {"revenue": frame}, observed_until=until, instruments={}, **({"currency": "USD"} | more)
    )


def revenue(*rows: tuple[Any, ...], columns: str = "customer_id effective_at mrr currency") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns.split())
    return frame.assign(effective_at=pd.to_datetime(frame["effective_at"]).astype("datetime64[us]"))


def random_levels(seed: int) -> pd.DataFrame:
    """Currencies are drawn row by row, so levels of 0 name any currency, or none."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 120))
    seconds = rng.choice(120 * 86_400, n, replace=False)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in rng.integers(0, max(2, n // 4), n)],
            "effective_at": pd.Timestamp("2023-12-01") + pd.to_timedelta(seconds, unit="s"),
            "mrr": np.where(rng.random(n) < 0.3, 0.0, np.round(rng.lognormal(3, 2, n), 2)),
            "currency": rng.choice(["USD", "EUR", "JPY"], n),
        }
    )
    frame["effective_at"] = frame["effective_at"].astype("datetime64[us]")
    nothing = frame["mrr"] == 0
    frame.loc[nothing & (rng.random(n) < 0.4), "currency"] = None
    frame.loc[nothing & (rng.random(n) < 0.2), "currency"] = "GBP"  # no rate: none is needed for nothing
    return frame


def by_hand(frame: pd.DataFrame, periods: pd.PeriodIndex, rates: pd.DataFrame) -> pd.DataFrame:
    """Customers one by one: level and currency at each period's end, compared at the period's rates."""
    frame = frame[frame["effective_at"] <= "2024-03-20 13:00"].sort_values("effective_at")
    held: dict[str, tuple[int, str]] = {}
    paid: set[str] = set()
    rows = []
    for period in periods:
        worth = {name: rates.loc[period, name] for name in RATES}
        book = dict.fromkeys([*KINDS, *(f"{kind}_customers" for kind in KINDS)], 0.0)
        mine = frame[frame["effective_at"].dt.to_period(periods.freq) == period]
        for customer, row in mine.groupby("customer_id").last().iterrows():
            cents = math.floor(row["mrr"] * 100 + 0.5)
            before, was = held.get(customer, (0, "USD"))
            name = row["currency"] if cents else was
            change = cents * worth[name] - before * worth[was]
            if not before and cents:
                kind = "reactivation" if customer in paid else "new"
            elif before and not cents:
                kind = "churn"
            else:
                kind = "expansion" if change > 0 else "contraction"
            if (cents, name) != (before, was):
                book[kind] += abs(change) / 100
                book[f"{kind}_customers"] += 1
            held[customer] = (cents, name)
            paid |= {customer} if cents else set()
        closing = sum(cents * worth[name] for cents, name in held.values()) / 100
        squares = sum((cents * worth[name]) ** 2 for cents, name in held.values())
        there = sum(cents > 0 for cents, _ in held.values())
        rows.append(book | {"closing": closing, "closing_customers": there, "squares": squares})
    return pd.DataFrame(rows)


def random_rates(periods: pd.PeriodIndex, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    wide = pd.DataFrame({name: rate * rng.uniform(0.9, 1.1, len(periods)) for name, rate in RATES.items()})
    return wide.set_index(periods).assign(USD=1.0)


def tall(wide: pd.DataFrame) -> pd.DataFrame:
    starts = wide.set_index(wide.index.start_time).rename_axis("period").drop(columns="USD")
    return starts.reset_index().melt("period", var_name="currency", value_name="rate")


@pytest.mark.parametrize("seed", range(12))
def test_every_line_equals_customers_followed_one_by_one(seed: int) -> None:
    every, code = [("month", "M"), ("week", "W-SUN"), ("day", "D")][seed % 3]
    frame = random_levels(seed)
    periods = pd.period_range(frame["effective_at"].min(), "2024-03-20", freq=code)
    wide = random_rates(periods, seed)
    study = study_of(list(ENGINES.values())[seed % 4](frame.sample(frac=1, random_state=seed)))
    found = mrr_bridge(study, every=every, rates=tall(wide))  # type: ignore[arg-type]
    wanted = by_hand(frame, periods, wide)
    counts = [f"{kind}_customers" for kind in KINDS]
    for name in [*counts, "closing_customers"]:
        np.testing.assert_array_equal(found.table[name], wanted[name], err_msg=name)
    for name in [*KINDS, "closing"]:
        np.testing.assert_allclose(found.table[name], wanted[name], atol=0.05, err_msg=name)
    squares = found.sums["opening*opening"][1:]
    np.testing.assert_allclose(squares, wanted["squares"][:-1], rtol=1e-9, atol=1e-3)
    lines = found.table[["opening", "new", "expansion", "reactivation", "fx"]].sum(axis=1)
    gone = found.table[["contraction", "churn"]].sum(axis=1)
    np.testing.assert_allclose(lines - gone, found.table["closing"], atol=1e-6)


@pytest.mark.parametrize("seed", range(12, 18))
def test_every_change_comes_to_the_same_balance(seed: int) -> None:
    frame = random_levels(seed)
    periods = pd.period_range(frame["effective_at"].min(), "2024-03-20", freq="M")
    wide = random_rates(periods, seed)
    study, rates = study_of(list(ENGINES.values())[seed % 4](frame)), tall(wide)
    found, wanted = mrr_bridge(study, rates=rates, profile="stripe"), by_hand(frame, periods, wide)
    np.testing.assert_allclose(found.table["closing"], wanted["closing"], atol=0.05)
    np.testing.assert_array_equal(found.table["closing_customers"], wanted["closing_customers"])
    squares = found.sums["opening*opening"][1:]
    np.testing.assert_allclose(squares, wanted["squares"][:-1], rtol=1e-9, atol=1e-3)


@pytest.mark.parametrize("profile", ["cxresearch", "stripe", "chartmogul", "baremetrics"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_level_of_nothing_has_no_currency(engine: str, profile: str) -> None:
    for left in (None, "USD", "JPY"):
        frame = revenue(
            ("a", "2024-01-05", 100.0, "EUR"),
            ("b", "2024-01-05", 50.0, "USD"),
            ("a", "2024-02-10", 0.0, left),
        )
        bridge = mrr_bridge(study_of(ENGINES[engine](frame)), rates={"EUR": 2.0}, profile=profile)
        february = bridge.table.iloc[1]
        assert (february["churn"], february["closing"]) == (200.0, 50.0)
        assert february["fx"] == 0


@pytest.mark.parametrize("status", ["cancelled", "unpaid", "paused"])
def test_a_status_that_ends_the_level_keeps_its_currency(status: str) -> None:
    frame = revenue(
        ("a", "2024-01-05", 100.0, "EUR", "active"),
        ("b", "2024-01-05", 50.0, "USD", "active"),
        ("a", "2024-02-10", 100.0, "USD", status),
        columns="customer_id effective_at mrr currency status",
    )
    february = mrr_bridge(study_of(frame), rates={"EUR": 2.0}).table.iloc[1]
    assert february["contraction" if status == "paused" else "churn"] == 200.0
    assert february["closing"] == 50.0


def test_changed_currency_and_left_within_one_period() -> None:
    frame = revenue(
        ("a", "2024-01-05", 50.0, "USD"), ("a", "2024-02-03", 40.0, "EUR"), ("a", "2024-02-20", 0.0, "EUR")
    )
    rates = {"EUR": 2.0}
    quiet = mrr_bridge(study_of(frame), rates=rates).table.iloc[1]
    assert (quiet["churn"], quiet["expansion"], quiet["closing"]) == (50.0, 0.0, 0.0)
    loud = mrr_bridge(study_of(frame), rates=rates, profile="stripe").table.iloc[1]
    assert (loud["churn"], loud["expansion"], loud["closing"]) == (80.0, 30.0, 0.0)


def test_squares_of_levels_follow_a_customer_through_currencies_within_a_period() -> None:
    frame = revenue(
        ("a", "2024-01-05", 30.0, "USD"),
        ("a", "2024-02-03", 40.0, "USD"),
        ("a", "2024-02-10", 50.0, "EUR"),
        ("a", "2024-02-20", 60.0, "EUR"),
    )
    sums = mrr_bridge(study_of(frame), rates={"EUR": 2.0}, profile="stripe").sums
    assert sums["opening*opening"].tolist() == [0.0, 3000.0**2, 12000.0**2]


def test_moves_that_do_not_add_up_to_the_last_levels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revenue_bridge, "_carry_currency", lambda moves, home: moves)
    frame = revenue(("a", "2024-01-05", 100.0, "EUR"), ("a", "2024-02-10", 0.0, "USD"))
    for profile in ("cxresearch", "stripe"):
        with pytest.raises(DataError, match=r"does not reconcile.*EUR: 100\.00.*USD: -100\.00"):
            mrr_bridge(study_of(frame), rates={"EUR": 2.0}, profile=profile)


@pytest.mark.parametrize(
    "metric",
    [
        cx.revenue.mean_mrr,
        cx.revenue.revenue_by_customer_age,
        lambda study: cx.revenue.cohort_retention(study, of="revenue"),
    ],
)
def test_amounts_of_several_currencies_are_never_added_up(metric: Any) -> None:
    mixed = revenue(("a", "2024-01-05", 100.0, "EUR"), ("b", "2024-01-05", 7500.0, "JPY"))
    with pytest.raises(DataError, match="several currencies: EUR, JPY"):
        metric(study_of(mixed))
    unsaid = revenue(("a", "2024-01-05", 100.0, "EUR"), ("b", "2024-01-05", 50.0, None))
    with pytest.raises(DataError, match="several currencies: EUR, USD"):  # who names none has the study's
        metric(study_of(unsaid))
    nothing = revenue(("a", "2024-01-05", 100.0, "EUR"), ("a", "2024-02-05", 0.0, "JPY"))
    metric(study_of(nothing, currency="EUR"))


@pytest.mark.parametrize("engine", ENGINES)
def test_mean_mrr_is_the_closing_balance_over_those_who_pay(engine: str) -> None:
    frame = revenue(
        ("a", "2024-01-05", 100.0, "active"),
        ("b", "2024-01-05", 50.0, "trial"),
        ("c", "2024-01-05", 70.0, "active"),
        ("c", "2024-02-05", 70.0, "cancelled"),
        ("d", "2024-01-05", 40.0, "active"),
        ("a", "2024-04-05", 900.0, "active"),  # agreed, not yet in force at the data cut
        columns="customer_id effective_at mrr status",
    )
    study = study_of(ENGINES[engine](frame))
    assert cx.revenue.mean_mrr(study) == 70.0
    last = mrr_bridge(study).table.iloc[-1]
    assert cx.revenue.mean_mrr(study) == last["closing"] / last["closing_customers"]


def test_mean_mrr_under_another_definition() -> None:
    frame = revenue(
        ("a", "2024-01-05", 100.0, "active"),
        ("b", "2024-01-05", 50.0, "active"),
        ("b", "2024-02-05", 50.0, "paused"),
        columns="customer_id effective_at mrr status",
    )
    assert cx.revenue.mean_mrr(study_of(frame)) == 100.0
    assert cx.revenue.mean_mrr(study_of(frame), profile="stripe") == 75.0
    assert math.isnan(cx.revenue.mean_mrr(study_of(frame.iloc[1:2].assign(status="trial"))))
