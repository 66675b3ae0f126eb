"""The MRR bridge: to the cent, against a ledger kept by hand in Decimal, on every engine, in any currency."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.revenue.mrr_bridge import mrr_bridge

LINES = ["opening", "new", "expansion", "reactivation", "contraction", "churn", "fx", "closing"]
ENGINES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}


def revenue(*rows: tuple[Any, ...], columns: str = "customer_id effective_at mrr") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns.split())
    return frame.assign(effective_at=pd.to_datetime(frame["effective_at"]).astype("datetime64[us]"))


def study_of(frame: Any, until: str = "2024-12-31", customers: Any = None, **more: Any) -> Study:
    tables = {"revenue": frame} if customers is None else {"revenue": frame, "customers": customers}
    return Study.from_frames(tables, observed_until=until, instruments={}, **({"currency": "EUR"} | more))


def line(bridge: Any, period: str, **group: Any) -> dict[str, float]:
    return bridge.table.loc[bridge.position(period, **group), LINES].astype(float).to_dict()


def by_hand(frame: pd.DataFrame) -> dict[str, dict[str, Decimal]]:
    """Ledger by month: customers one by one, in Decimal, with dictionaries."""
    last: dict[tuple[str, str], Decimal] = {}
    for row in frame.sort_values("effective_at").itertuples():
        month = f"{row.effective_at:%Y-%m}"
        last[row.customer_id, month] = Decimal(repr(row.mrr)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    ledger: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    held: dict[str, Decimal] = {}
    seen: set[str] = set()
    for customer, month in sorted(last, key=lambda key: key[1]):
        new, old = last[customer, month], held.get(customer, Decimal(0))
        held[customer] = new
        book = ledger[month]
        if old == 0 and new > 0:
            book["reactivation" if customer in seen else "new"] += new
            seen.add(customer)
        elif new == 0:
            book["churn"] += old
        elif new > old:
            book["expansion"] += new - old
        else:
            book["contraction"] += old - new
    return ledger


moves = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 60 * 24 * 200),
        st.one_of(st.just(0.0), st.integers(0, 10**7).map(lambda cents: cents / 100)),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: (row[0], row[1]),
)


@settings(max_examples=25, deadline=None)
@given(rows=moves)
def test_every_line_equals_a_ledger_kept_by_hand(rows: list[tuple[str, int, float]]) -> None:
    frame = pd.DataFrame(rows, columns=["customer_id", "minute", "mrr"])
    start = pd.Timestamp("2024-01-01")
    frame["effective_at"] = (start + pd.to_timedelta(frame.pop("minute"), unit="min")).astype(
        "datetime64[us]"
    )
    bridge = mrr_bridge(study_of(frame))
    ledger = by_hand(frame)
    closing = Decimal(0)
    for row in bridge.table.to_dict("records"):
        book = ledger[f"{row['period']:%Y-%m}"]
        cents = {name: Decimal(repr(row[name])).quantize(Decimal("0.01")) for name in LINES}
        assert cents["opening"] == closing
        for kind in ("new", "expansion", "reactivation", "contraction", "churn"):
            assert cents[kind] == book[kind], kind
        closing = cents["closing"]
        gained = book["new"] + book["expansion"] + book["reactivation"] - book["contraction"] - book["churn"]
        assert closing - cents["opening"] == gained
        assert cents["fx"] == 0


@settings(max_examples=10, deadline=None)
@given(rows=moves, seed=st.integers(0, 9))
def test_order_of_rows_is_irrelevant_and_every_change_reconciles(rows: list[Any], seed: int) -> None:
    frame = pd.DataFrame(rows, columns=["customer_id", "minute", "mrr"])
    start = pd.Timestamp("2024-01-01")
    frame["effective_at"] = (start + pd.to_timedelta(frame.pop("minute"), unit="min")).astype(
        "datetime64[us]"
    )
    shuffled = frame.sample(frac=1, random_state=seed)
    ends = mrr_bridge(study_of(frame))
    each = mrr_bridge(study_of(shuffled), profile="stripe")
    pd.testing.assert_frame_equal(ends.table, mrr_bridge(study_of(shuffled)).table)
    np.testing.assert_array_equal(each.table["closing"], ends.table["closing"])
    np.testing.assert_array_equal(each.table["closing_customers"], ends.table["closing_customers"])
    losses = ["contraction", "churn"]
    assert (each.table[losses].sum(axis=1) >= ends.table[losses].sum(axis=1) - 1e-9).all()


def _messy(customers: int = 60, rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in rng.integers(0, customers, rows)],
            "effective_at": pd.Timestamp("2023-06-01")
            + pd.to_timedelta(rng.choice(400 * 86_400, rows, replace=False), unit="s"),
            "mrr": np.where(rng.random(rows) < 0.2, 0.0, rng.integers(1, 50_000, rows) / 100),
            "currency": rng.choice(["EUR", "USD"], rows, p=[0.7, 0.3]),
            "status": rng.choice(
                ["active", "trial", "paused", "past_due", "cancelled", None], rows, p=[0.7, *[0.06] * 5]
            ),
            "discount": np.where(rng.random(rows) < 0.2, 5.0, np.nan),
            "discount_kind": rng.choice(["once", "forever"], rows),
        }
    )
    return frame.assign(effective_at=frame["effective_at"].astype("datetime64[us]"))


@pytest.mark.parametrize("profile", ["cxresearch", "stripe", "profitwell", "baremetrics", "chartmogul"])
def test_engines_agree(profile: str) -> None:
    frame = _messy()
    people = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(60)],
            "started_at": pd.Timestamp("2023-06-01"),
            "plan": ["pro", "free", None] * 20,
        }
    )
    found = [
        mrr_bridge(
            study_of(make(frame), customers=make(people), timezone="Europe/Berlin", segments=("plan",)),
            by=["plan"],
            profile=profile,
            rates={"USD": 0.9137},
        )
        for make in ENGINES.values()
    ]
    assert set(found[0].table["plan"]) == {"pro", "free", "(none)"}
    for other in found[1:]:
        pd.testing.assert_frame_equal(other.table, found[0].table, check_dtype=False, rtol=1e-12)
        pd.testing.assert_frame_equal(other.sums, found[0].sums, check_dtype=False, rtol=1e-9)


def test_groups_add_up_to_the_whole() -> None:
    frame = _messy().drop(columns="currency")
    people = pd.DataFrame(
        {"customer_id": frame["customer_id"].unique(), "started_at": pd.Timestamp("2023-01-01")}
    )
    people["size"] = ["small", "large", "large"] * (len(people) // 3)
    study = study_of(frame, customers=people, segments=("size",))
    whole, parts = mrr_bridge(study), mrr_bridge(study, by=["size"])
    summed = parts.table.groupby("period")[LINES].sum()
    np.testing.assert_allclose(summed.to_numpy(), whole.table[LINES].to_numpy(), atol=1e-6)


class TestRules:
    def test_joined_and_left_within_the_period(self) -> None:
        frame = revenue(("a", "2024-01-02", 10.0), ("b", "2024-02-03", 30.0), ("b", "2024-02-20", 0.0))
        quiet = line(mrr_bridge(study_of(frame)), "2024-02")
        assert (quiet["new"], quiet["churn"]) == (0.0, 0.0)
        loud = line(mrr_bridge(study_of(frame), profile="stripe"), "2024-02")
        assert (loud["new"], loud["churn"], loud["closing"]) == (30.0, 30.0, 10.0)

    def test_a_return_is_reactivation_not_new(self) -> None:
        frame = revenue(("a", "2024-01-02", 10.0), ("a", "2024-02-02", 0.0), ("a", "2024-04-02", 12.0))
        bridge = mrr_bridge(study_of(frame))
        assert line(bridge, "2024-02")["churn"] == 10.0
        april = line(bridge, "2024-04")
        assert (april["new"], april["reactivation"]) == (0.0, 12.0)

    def test_a_trial_becomes_new_when_it_pays(self) -> None:
        columns = "customer_id effective_at mrr status"
        frame = revenue(
            ("a", "2024-01-02", 50.0, "trial"), ("a", "2024-02-02", 50.0, "active"), columns=columns
        )
        bridge = mrr_bridge(study_of(frame))
        assert line(bridge, "2024-01")["closing"] == 0.0
        assert line(bridge, "2024-02")["new"] == 50.0

    @pytest.mark.parametrize(
        ("profile", "march", "april"),
        [
            ("cxresearch", {"contraction": 40.0}, {"expansion": 40.0}),
            ("profitwell", {"contraction": 40.0}, {"expansion": 40.0}),
            ("baremetrics", {"churn": 40.0}, {"reactivation": 40.0}),
            ("stripe", {}, {}),
            ("chartmogul", {}, {}),
        ],
    )
    def test_pause(self, profile: str, march: dict[str, float], april: dict[str, float]) -> None:
        columns = "customer_id effective_at mrr status"
        frame = revenue(
            ("a", "2024-01-02", 40.0, "active"),
            ("a", "2024-03-02", 40.0, "paused"),
            ("a", "2024-04-02", 40.0, "active"),
            columns=columns,
        )
        bridge = mrr_bridge(study_of(frame), profile=profile)
        for period, wanted in (("2024-03", march), ("2024-04", april)):
            moved = {
                name: value
                for name, value in line(bridge, period).items()
                if value and name not in LINES[::7]
            }
            assert moved == wanted
        assert (bridge.table["closing_customers"].iloc[2] == 0) == (profile == "baremetrics")

    @pytest.mark.parametrize(
        ("profile", "churned"), [("baremetrics", "2024-03-31"), ("profitwell", "2024-03-16")]
    )
    def test_past_due_runs_out(self, profile: str, churned: str) -> None:
        columns = "customer_id effective_at mrr status"
        frame = revenue(
            ("a", "2024-01-02", 40.0, "active"), ("a", "2024-03-01", 40.0, "past_due"), columns=columns
        )
        bridge = mrr_bridge(study_of(frame), profile=profile, every="day")
        assert line(bridge, churned)["churn"] == 40.0
        assert mrr_bridge(study_of(frame)).table["churn"].sum() == 0

    def test_past_due_that_pays_in_time_never_left(self) -> None:
        columns = "customer_id effective_at mrr status"
        frame = revenue(
            ("a", "2024-01-02", 40.0, "active"),
            ("a", "2024-03-01", 40.0, "past_due"),
            ("a", "2024-03-20", 40.0, "past_due"),
            ("a", "2024-03-25", 40.0, "active"),
            columns=columns,
        )
        assert mrr_bridge(study_of(frame), profile="baremetrics").table["churn"].sum() == 0
        assert mrr_bridge(study_of(frame), profile="profitwell", every="day").table["churn"].sum() == 40.0

    def test_coupon_that_ends_leaves_stripe_mrr_alone(self) -> None:
        columns = "customer_id effective_at mrr discount discount_kind"
        frame = revenue(
            ("a", "2024-01-02", 100.0, None, None),
            ("a", "2024-02-02", 60.0, 40.0, "repeating"),
            ("b", "2024-01-02", 50.0, 50.0, "forever"),
            columns=columns,
        )
        assert line(mrr_bridge(study_of(frame)), "2024-02")["contraction"] == 40.0
        stripe = line(mrr_bridge(study_of(frame), profile="stripe"), "2024-02")
        assert (stripe["contraction"], stripe["closing"]) == (0.0, 150.0)

    def test_free_plan_is_churn_except_for_chartmogul(self) -> None:
        columns = "customer_id effective_at mrr status"
        frame = revenue(
            ("a", "2024-01-02", 9.0, "active"), ("a", "2024-02-02", 0.0, "active"), columns=columns
        )
        assert line(mrr_bridge(study_of(frame)), "2024-02")["churn"] == 9.0
        assert line(mrr_bridge(study_of(frame), profile="chartmogul"), "2024-02")["contraction"] == 9.0

    def test_months_are_cut_where_the_company_lives(self) -> None:
        frame = revenue(("a", "2024-01-31 23:30", 10.0))
        assert line(mrr_bridge(study_of(frame, timezone="Europe/Berlin")), "2024-02")["new"] == 10.0

    def test_half_cents_are_rounded_up_once(self) -> None:
        frame = revenue(("a", "2024-01-02", 166.666666), ("b", "2024-01-02", 0.125))
        assert line(mrr_bridge(study_of(frame)), "2024-01")["closing"] == 166.80

    def test_what_is_scheduled_after_the_cut_has_not_happened(self) -> None:
        frame = revenue(("a", "2024-01-02", 10.0), ("a", "2024-06-02", 0.0))
        bridge = mrr_bridge(study_of(frame, until="2024-03-15", on_reject="set_aside"))
        assert bridge.table["closing"].tolist() == [10.0, 10.0, 10.0]
        assert bridge.table["complete"].tolist() == [True, True, False]


class TestCurrency:
    FRAME = revenue(
        ("a", "2024-01-02", 100.0, "EUR"),
        ("b", "2024-01-02", 100.0, "USD"),
        ("b", "2024-03-02", 150.0, "USD"),
        columns="customer_id effective_at mrr currency",
    )

    def test_refused_without_rates(self) -> None:
        with pytest.raises(DataError, match="give rates"):
            mrr_bridge(study_of(self.FRAME))

    def test_refused_where_a_period_has_no_rate(self) -> None:
        rates = pd.DataFrame({"period": [pd.Timestamp("2024-01-01")], "currency": ["USD"], "rate": [0.9]})
        with pytest.raises(DataError, match="no rate for 3 periods"):
            mrr_bridge(study_of(self.FRAME, until="2024-04-20"), rates=rates)

    def test_revaluation_is_the_fx_line(self) -> None:
        months = pd.date_range("2024-01-01", periods=3, freq="MS")
        rates = pd.DataFrame({"period": months, "currency": "USD", "rate": [0.90, 0.95, 0.80]})
        bridge = mrr_bridge(study_of(self.FRAME, until="2024-03-31"), rates=rates)
        assert line(bridge, "2024-02")["fx"] == 5.0
        march = bridge.table.iloc[2]
        assert (march["expansion"], march["fx"], march["closing"]) == (40.0, -15.0, 220.0)

    def test_a_change_of_currency_is_no_churn(self) -> None:
        frame = revenue(
            ("a", "2024-01-02", 100.0, "USD"),
            ("a", "2024-02-02", 100.0, "EUR"),
            columns="customer_id effective_at mrr currency",
        )
        row = line(mrr_bridge(study_of(frame), rates={"USD": 0.9}), "2024-02")
        assert (row["opening"], row["expansion"], row["churn"], row["closing"]) == (90.0, 10.0, 0.0, 100.0)

    def test_one_currency_needs_no_rate(self) -> None:
        frame = self.FRAME[self.FRAME["currency"] == "EUR"]
        assert mrr_bridge(study_of(frame)).table["closing"].iloc[-1] == 100.0


def test_bad_input_is_refused() -> None:
    good = revenue(("a", "2024-01-02", 10.0))
    with pytest.raises(DataError, match="negative"):
        mrr_bridge(study_of(revenue(("a", "2024-01-02", -10.0))))
    with pytest.raises(DataError, match="unknown status"):
        mrr_bridge(study_of(good.assign(status="frozen")))
    with pytest.raises(ArgumentError, match="profile"):
        mrr_bridge(study_of(good), profile="excel")
    with pytest.raises(ArgumentError, match="segment columns"):
        mrr_bridge(study_of(good), by=["plan"])
    with pytest.raises(DataError, match="no row"):
        mrr_bridge(study_of(good, until="2023-01-01", on_reject="set_aside"))
    with pytest.raises(ArgumentError, match="no complete period"):
        mrr_bridge(study_of(good)).position("2030-01")


def test_the_largest_account_is_found_where_it_matters() -> None:
    rows = [(f"c{number}", "2024-01-02", 1.0) for number in range(200)] + [("big", "2024-02-02", 100.0)]
    bridge = mrr_bridge(study_of(revenue(*rows), until="2024-04-01"))
    assert bridge.table["largest_share"].isna().tolist() == [True, True, False, False]
    assert bridge.table["largest_share"].iloc[2] == pytest.approx(1 / 3)
