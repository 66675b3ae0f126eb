"""What a bridge is given: groups of any name, rates, amounts beyond all bounds, periods."""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

ENGINES: dict[str, Any] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}


def levels() -> pd.DataFrame:
    rows = [(f"c{number}", "2024-01-05", 10.0 + number) for number in range(20)]
    rows += [(f"c{number}", "2024-02-05", 5.0 * (number % 3)) for number in range(6)]
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr"])
    return frame.assign(effective_at=pd.to_datetime(frame["effective_at"]).astype("datetime64[us]"))


def grouped(name: str, make: Any = lambda frame: frame, *, currency: bool = False) -> cx.Study:
    people = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(20)],
            "started_at": pd.Timestamp("2023-01-01"),
            name: ["p", "q"] * 10,
        }
    )
    revenue = levels().assign(currency="EUR") if currency else levels()
    return cx.Study.from_frames(
        {"revenue": make(revenue), "customers": make(people)},
        observed_until="2024-03-05",
        instruments={},
        currency="USD" if currency else "",
        segments=[name],  # a name such as was_active would say an outcome
    )


#: Columns that the bridge uses on its way, and that used to swallow a segment of the same name.
INSIDE = [
    *("since", "at", "change", "kind", "before", "was_active", "standing", "levels", "currency"),
    *("n", "lowest", "square", "net", "held", "by_0", "following", "earlier", "$x$", "Period", "rate"),
]


@cache
def plain(profile: str) -> cx.revenue.MrrBridge:
    return bridge_by("segment", profile, ENGINES["pandas"])


def bridge_by(name: str, profile: str, make: Any) -> cx.revenue.MrrBridge:
    foreign = profile == "stripe"
    study = grouped(name, make, currency=foreign)
    return cx.revenue.mrr_bridge(study, by=[name], rates={"EUR": 1.25} if foreign else None, profile=profile)


@pytest.mark.parametrize("name", INSIDE)
def test_groups_of_any_name_are_the_groups(name: str) -> None:
    for profile in ("cxresearch", "stripe"):
        odd, wanted = bridge_by(name, profile, list(ENGINES.values())[INSIDE.index(name) % 4]), plain(profile)
        assert len(odd.table) == 6
        for table in ("table", "sums"):
            same = getattr(wanted, table).rename(columns={"segment": name})
            pd.testing.assert_frame_equal(getattr(odd, table), same)
        assert odd.position("2024-02", **{name: "q"}) == wanted.position("2024-02", segment="q")


@pytest.mark.parametrize("name", ["period", "opening", "churn_customers", "churn*opening"])
def test_a_group_called_like_a_column_of_the_result_is_called_a_group(name: str) -> None:
    bridge, wanted = cx.revenue.mrr_bridge(grouped(name), by=[name]), plain("cxresearch")
    assert bridge.by == (f"{name}_group",)
    for table in ("table", "sums"):
        same = getattr(wanted, table).rename(columns={"segment": f"{name}_group"})
        pd.testing.assert_frame_equal(getattr(bridge, table), same)


@pytest.mark.parametrize("name", ["metric", "value", "n"])
def test_rates_keep_groups_called_like_their_own_columns(name: str) -> None:
    rates = cx.revenue.revenue_rates(grouped(name), by=name)
    wanted = cx.revenue.revenue_rates(grouped("segment"), by="segment")
    pd.testing.assert_frame_equal(rates, wanted.rename(columns={"segment": f"{name}_group"}))


def test_the_same_group_twice_is_refused() -> None:
    with pytest.raises(ArgumentError, match="different columns"):
        cx.revenue.mrr_bridge(grouped("plan"), by=["plan", "plan"])


class TestRates:
    months = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])

    def tall(self, **more: Any) -> pd.DataFrame:
        return pd.DataFrame({"period": self.months, "currency": "EUR", "rate": [1.5, 2.0, 2.5]} | more)

    def bridge(self, rates: Any) -> cx.revenue.MrrBridge:
        return cx.revenue.mrr_bridge(grouped("plan", currency=True), rates=rates)

    @pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
    def test_frames_of_any_engine(self, make: Any) -> None:
        opening = sum(10.0 + number for number in range(20))
        frame = self.bridge(make(self.tall())).table
        assert frame["closing"].iloc[0] == 1.5 * opening
        assert frame["fx"].iloc[1] == 0.5 * opening
        words = self.bridge(self.tall(period=["2024-01", "2024-02", "2024-03"])).table
        pd.testing.assert_frame_equal(words, frame)

    def test_a_period_named_twice(self) -> None:
        with pytest.raises(ArgumentError, match=r"rates name EUR 2 times over.*2024-01-01"):
            self.bridge(pd.concat([self.tall(), self.tall().head(1)]))

    def test_a_column_that_is_missing(self) -> None:
        with pytest.raises(ArgumentError, match=r"rates lack \['rate'\]"):
            self.bridge(self.tall().drop(columns="rate"))

    @pytest.mark.parametrize("rate", [float("inf"), 0.0, -1.0, float("nan")])
    def test_rates_that_are_none(self, rate: float) -> None:
        with pytest.raises(ArgumentError, match="EUR"):
            self.bridge({"EUR": rate})
        with pytest.raises(DataError, match=r"no rate for 1 periods.*2024-02"):
            self.bridge(self.tall(rate=[1.0, rate, 1.0]))

    def test_what_is_no_rate_at_all(self) -> None:
        for rates in ({"EUR": "1.5"}, {"EUR": None}, self.tall(rate="much"), self.tall(period="soon"), 1.5):
            with pytest.raises(ArgumentError):
                self.bridge(rates)
        aware = self.tall()
        aware["period"] = aware["period"].dt.tz_localize("Asia/Tokyo")
        with pytest.raises(DataError, match="no rate"):
            self.bridge(aware)


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("mrr", [[9e16, 9e16, 9e16], [1e18], [5e13, 5e13]])
def test_amounts_that_are_not_exact_to_the_cent_are_refused(make: Any, mrr: list[float]) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(len(mrr))],
            "effective_at": pd.Timestamp("2024-01-05"),
            "mrr": mrr,
        }
    )
    study = cx.Study.from_frames({"revenue": make(frame)}, observed_until="2024-02-05", instruments={})
    with pytest.raises(DataError, match="exact to the cent"):
        cx.revenue.mrr_bridge(study, profile="stripe" if len(mrr) == 3 else "cxresearch")


def test_a_balance_beyond_all_bounds_after_conversion_is_refused() -> None:
    with pytest.raises(DataError, match="exact to the cent"):
        cx.revenue.mrr_bridge(grouped("plan", currency=True), rates={"EUR": 1e15})


def test_the_largest_amounts_that_are_exact_pass() -> None:
    frame = levels().head(2).assign(mrr=[4e13 + 0.01, 3e13 + 0.02])
    study = cx.Study.from_frames({"revenue": frame}, observed_until="2024-02-05", instruments={})
    assert cx.revenue.mrr_bridge(study).table["closing"].tolist() == [7e13 + 0.03] * 2


WRONG_PERIODS = [
    "2030-01",
    "2024-04",
    "2019-01",
    "foo",
    "",
    pd.NaT,
    pd.Timestamp("2024-02-03", tz="UTC"),
    [1],
]


@pytest.mark.parametrize("period", WRONG_PERIODS, ids=map(str, WRONG_PERIODS))
def test_a_period_that_is_not_there_has_no_answer(period: Any) -> None:
    study = grouped("plan")
    with pytest.raises(ArgumentError, match="period"):
        plain("cxresearch").position(period, segment="p")
    with pytest.raises(ArgumentError, match="period"):
        cx.revenue.logo_churn(study, period=period)
    with pytest.raises(ArgumentError, match="period"):
        cx.revenue.explain_profiles(study, "stripe", "profitwell", period=period)


def test_periods_may_be_periods_and_any_moment_within() -> None:
    study = grouped("plan")
    for period in ("2024-02", "2024-02-29 23:59", pd.Period("2024-02"), np.datetime64("2024-02-10")):
        assert cx.revenue.logo_churn(study, period=period).value == 0.1
        assert cx.revenue.explain_profiles(study, "stripe", "profitwell", period=period).empty
    late = levels().assign(due_at=pd.Timestamp("2024-02-10"))
    study = cx.Study.from_frames({"revenue": late}, observed_until="2024-03-05", instruments={})
    assert cx.metric(study, "renewal_rate", period="2024-02").n == 20
    for wrong in ({"period": "foo"}, {"period": "2024-02", "every": "fortnight"}):
        with pytest.raises(ArgumentError):
            cx.metric(study, "renewal_rate", **wrong)


@pytest.mark.parametrize(
    "metric",
    [
        cx.revenue.mean_mrr,
        cx.revenue.revenue_by_customer_age,
        lambda study: cx.revenue.cohort_retention(study, of="revenue"),
        lambda study: cx.revenue.explain_profiles(study, "stripe", "profitwell"),
    ],
    ids=["mean", "age", "cohort", "explained"],
)
def test_other_sums_refuse_amounts_that_are_not_exact(metric: Any) -> None:
    frame = levels().head(2).assign(mrr=[1e18, 10.0])
    study = cx.Study.from_frames({"revenue": frame}, observed_until="2024-02-05", instruments={})
    with pytest.raises(DataError, match="exact to the cent"):
        metric(study)


def test_mean_mrr_where_nobody_pays() -> None:
    frame = levels().head(2)
    nobody = cx.Study.from_frames(
        {"revenue": frame.assign(mrr=0.0)}, observed_until="2024-02-05", instruments={}
    )
    assert np.isnan(cx.revenue.mean_mrr(nobody))


class TestSubscriptions:
    def rows(self, **more: Any) -> pd.DataFrame:
        start = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-01"])
        table = {
            "customer_id": ["a", "a", "b"],
            "started_at": start,
            "ended_at": pd.NaT,
            "mrr": [10.0, 5.0, 7.0],
        }
        return pd.DataFrame(table | more)

    def test_currencies_are_kept_and_never_added_up(self) -> None:
        found = cx.revenue.levels_from_subscriptions(self.rows(currency=["EUR", "EUR", "JPY"]))
        assert found[["mrr", "currency"]].to_numpy().tolist() == [[10.0, "EUR"], [15.0, "EUR"], [7.0, "JPY"]]
        for other in ("JPY", None):
            with pytest.raises(DataError, match=r"1 customers have subscriptions in several currencies.*'a'"):
                cx.revenue.levels_from_subscriptions(self.rows(currency=["EUR", other, "EUR"]))

    def test_amounts_that_are_none(self) -> None:
        for wrong in (["10", "5", "7"], [10.0, float("inf"), 7.0]):
            with pytest.raises(ArgumentError, match="mrr"):
                cx.revenue.levels_from_subscriptions(self.rows(mrr=wrong))
        with pytest.raises(DataError, match="exact to the cent"):
            cx.revenue.levels_from_subscriptions(self.rows(mrr=[1e18, 5.0, 7.0]))
