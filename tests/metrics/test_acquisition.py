"""Customer acquisition cost: spend over new customers, and how long it takes to earn it back."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.stats.survival.kaplan_meier import kaplan_meier

ENGINES: dict[str, Any] = {"pandas": lambda frame: frame, "duckdb": duckdb.from_df}


@pytest.fixture(scope="module", params=ENGINES)
def study(request: pytest.FixtureRequest) -> cx.Study:
    """Won in the north: 8 in January, 6 in February; in the south 5, 0; in March 7, which has not ended."""
    rows = []
    for month, region, number in (
        ("2024-01", "north", 8),
        ("2024-02", "north", 6),
        ("2024-01", "south", 5),
        ("2024-03", "south", 7),
    ):
        rows += [(f"{region}{month}{i}", f"{month}-05", 10.0, region) for i in range(number)]
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr", "region"])
    frame["effective_at"] = pd.to_datetime(frame["effective_at"]).astype("datetime64[us]")
    back = frame.iloc[:1].assign(effective_at=pd.to_datetime("2024-02-02"), mrr=0.0)
    again = frame.iloc[:1].assign(effective_at=pd.to_datetime("2024-03-02"), mrr=9.0)  # comes back: not won
    people = frame[["customer_id", "region"]].assign(started_at=frame["effective_at"])
    make = ENGINES[request.param]
    revenue = pd.concat([frame, back, again], ignore_index=True).drop(columns="region")
    return cx.Study.from_frames(
        {"revenue": make(revenue), "customers": make(people)},
        observed_until="2024-03-20",
        instruments={},
        currency="EUR",
        segments=["region"],
    )


def ends(spend: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """The Poisson means under which so many or more, so many or fewer, have probability (1 - level) / 2."""
    tail = (1 - level) / 2
    low, high = stats.gamma.ppf(tail, n), stats.gamma.ppf(1 - tail, n + 1)
    assert stats.poisson.sf(n - 1, low) == pytest.approx(tail)
    assert stats.poisson.cdf(n, high) == pytest.approx(tail)
    return spend / high, spend / low


def test_by_hand() -> None:
    found = cx.revenue.acquisition_cost(30_000, 50, level=0.9)
    assert (found.value, found.n, found.unit) == (600.0, 50, "money")
    assert (found.low, found.high) == pytest.approx(ends(30_000, 50, 0.9))
    assert found.se == pytest.approx(30_000 / 50**1.5)


def test_nobody_won() -> None:
    found = cx.revenue.acquisition_cost(900, 0)
    assert np.isnan(found.value) and np.isinf(found.high) and found.note == "nobody was won"
    assert found.low == pytest.approx(900 / -np.log(0.025))  # exp(-mean) = 0.025


@pytest.mark.parametrize("wrong", [(-1, 5), (5, -1), (5, 2.5), (float("nan"), 5), (5, True), ("a", 5)])
def test_what_is_no_number_is_refused(wrong: tuple[Any, Any]) -> None:
    with pytest.raises(cx.errors.ArgumentError):
        cx.revenue.acquisition_cost(*wrong)


def test_the_interval_holds_its_level() -> None:
    """Spend 1,000 at a true cost of 50: Poisson(20) customers; the exact interval covers 95 % or more."""
    counts = np.arange(1, 80)
    inside = [low <= 50 <= high for low, high in (ends(1_000, int(n)) for n in counts)]
    own = [cx.revenue.acquisition_cost(1_000, int(n)) for n in counts]
    assert inside == [one.low <= 50 <= one.high for one in own]
    assert 0.95 <= stats.poisson.pmf(counts, 20)[inside].sum() <= 0.98


def test_by_period(study: cx.Study) -> None:
    table = cx.revenue.acquisition_costs(
        cx.revenue.mrr_bridge(study), {"2024-01": 1300, "2024-02-15": 900, "2024-03": 70}
    )
    assert list(table["period"].dt.month) == [1, 2, 3]
    assert table["n"].tolist() == [13, 6, 0] and table["n_missing"].tolist() == [0, 0, 7]
    assert table["value"].tolist()[:2] == [100.0, 150.0] and np.isnan(table["value"].iloc[2])
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx(ends(1300, 13))
    assert table["method"].iloc[2] == "none: the period had not ended at the data cut"
    again = cx.metric_table(study, "customer_churn", every="month")
    assert list(table.columns) == list(again.columns)


def test_by_group(study: cx.Study) -> None:
    spend = pd.DataFrame(
        {
            "region": ["north", "south", "south"],
            "period": ["2024-01", "2024-01", "2024-02"],
            "spend": [800, 1000, 50],
        }
    )
    table = cx.revenue.acquisition_costs(cx.revenue.mrr_bridge(study, by=["region"]), spend, level=0.9)
    assert table[["region", "n"]].to_numpy().tolist() == [["north", 8], ["south", 5], ["south", 0]]
    assert table["value"].tolist()[:2] == [100.0, 200.0]
    assert table.loc[1, ["low", "high"]].tolist() == pytest.approx(ends(1000, 5, 0.9))
    assert table.loc[2, ["value", "low", "high"]].isna().all()


def test_spend_that_fits_nothing_is_refused(study: cx.Study) -> None:
    bridge = cx.revenue.mrr_bridge(study)
    with pytest.raises(cx.errors.ArgumentError, match="no month 2025-01-01"):
        cx.revenue.acquisition_costs(bridge, {"2025-01": 5})
    with pytest.raises(cx.errors.ArgumentError, match="2024-01-01 is given twice"):
        cx.revenue.acquisition_costs(bridge, {"2024-01": 5, "2024-01-31": 6})
    with pytest.raises(cx.errors.DataError, match="2024-01-01 is -5"):
        cx.revenue.acquisition_costs(bridge, {"2024-01": -5})
    with pytest.raises(cx.errors.DataError, match="no column spend"):
        cx.revenue.acquisition_costs(bridge, pd.DataFrame({"period": ["2024-01"]}))
    with pytest.raises(cx.errors.ArgumentError, match="bridge is by region"):
        cx.revenue.acquisition_costs(cx.revenue.mrr_bridge(study, by=["region"]), {"2024-01": 5})


# Payback


def test_payback_carries_the_interval_of_the_cost() -> None:
    cost = cx.revenue.acquisition_cost(30_000, 50)
    found = cx.revenue.cac_payback(cost, 100, margin=0.8)
    assert (found.value, found.low, found.high) == pytest.approx((7.5, cost.low / 80, cost.high / 80))
    assert (found.n, found.denominator) == (50, "new customers")
    assert found.method.endswith("of the customers won")


def test_payback_with_a_curve_joins_both() -> None:
    """Ten of a hundred leave after each month: the area under the curve by hand."""
    curve = kaplan_meier(np.repeat(np.arange(1.0, 11.0), 10), np.ones(100), unit=cx.Unit.MONTHS)
    cost = cx.revenue.acquisition_cost(
        12_000, 60
    )  # 200 each, 171 a lower end, of 80 a month: 2.5 paid months

    def months(paid: float, survival: Any) -> float:
        grid = np.linspace(0, 10, 1_000_001)
        steps = np.concatenate([[1.0], survival])[np.floor(grid).astype(int)]
        area = np.concatenate([[0.0], np.cumsum(steps[:-1] * np.diff(grid))])
        return float(grid[np.searchsorted(area, paid)])

    value = months(2.5, curve.survival)
    less, more = (months(end / 80, curve.survival) for end in (cost.low, cost.high))
    high, low = np.where(np.isnan(curve.high), 0, curve.high), np.where(np.isnan(curve.low), 0, curve.low)
    fewer, longer = months(2.5, high), months(2.5, low)
    found = cx.revenue.cac_payback(cost, 80, curve=curve)
    assert found.value == pytest.approx(value, abs=1e-4)
    assert found.low == pytest.approx(value - np.hypot(value - less, value - fewer), abs=1e-4)
    assert found.high == pytest.approx(value + np.hypot(more - value, longer - value), abs=1e-4)


def test_payback_without_an_end() -> None:
    curve = kaplan_meier([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 0], unit=cx.Unit.MONTHS)
    never = cx.revenue.cac_payback(cx.revenue.acquisition_cost(900, 3), 100, curve=curve)
    assert np.isnan(never.value) and np.isinf(never.high)
    assert never.note == "not reached within the follow-up"
    nobody = cx.revenue.cac_payback(cx.revenue.acquisition_cost(900, 0), 100)
    assert np.isnan(nobody.value) and np.isinf(nobody.high) and nobody.note == "nobody was won"


def test_payback_of_something_else_is_refused() -> None:
    with pytest.raises(cx.errors.ArgumentError, match=r"NPS, in points.*money"):
        cx.revenue.cac_payback(cx.nps([10, 9, 3]), 100)
    curve = kaplan_meier([1.0, 2.0], [1, 0], level=0.9)
    with pytest.raises(cx.errors.ArgumentError, match="level"):
        cx.revenue.cac_payback(cx.revenue.acquisition_cost(10, 2), 100, curve=curve)
