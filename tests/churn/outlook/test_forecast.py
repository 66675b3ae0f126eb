"""What is ahead: sums that add up, closed forms, coverage on known futures, nothing read from later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.churn.outlook import month_cells as cells_module
from cxresearch.churn.outlook.customer_book import read_book
from cxresearch.churn.outlook.forecast import history_cells
from cxresearch.churn.outlook.forecast_words import forecast_sentences
from cxresearch.churn.outlook.month_cells import month_cells
from cxresearch.churn.outlook.monthly_rates import draw_rates, rates_of
from cxresearch.churn.outlook.simulate_months import simulate_months
from cxresearch.errors import ArgumentError, CxError, DataError

MakeCompany = Callable[..., tuple[cx.Study, float, float]]
MONTH = pd.Timedelta(days=365.25 / 12)


@pytest.fixture(scope="module")
def ahead(study: cx.Study) -> cx.revenue.Forecast:
    return cx.forecast(study, months=6, draws=400)


def test_the_past_is_counted_as_pandas_counts_it(study: cx.Study, ahead: cx.revenue.Forecast) -> None:
    people = study.table("customers").collect("pandas").to_native()
    levels = study.table("revenue").collect("pandas").to_native().sort_values("effective_at")
    for name, month in (("customers", 0), ("customers", -7), ("mrr", 0), ("mrr", -11)):
        moment = pd.Timestamp(study.observed_until) + month * MONTH
        there = people[(people["started_at"] <= moment) & ~(people["ended_at"] <= moment)]
        value = float(len(there))
        if name == "mrr":
            last = levels[levels["effective_at"] <= moment].groupby("customer_id")["mrr"].last()
            value = float(last.reindex(there["customer_id"]).round(2).sum())
        row = ahead.history[(ahead.history["what"] == name) & (ahead.history["month"] == month)]
        assert row["value"].item() == pytest.approx(value, rel=1e-6)


def test_customers_of_each_month_add_up(study: cx.Study) -> None:
    cells = month_cells(read_book(study, by="plan", money=True), 30)
    for before, step, after in zip(cells.stocks, cells.steps, cells.stocks[1:], strict=False):
        assert before.customers - step.left.sum() + step.joined.sum() == after.customers
        moved = step.base.sum() + step.up.sum() - step.down.sum() + step.joined_money.sum()
        assert moved == pytest.approx(after.mrr)


def test_bands_lie_within_each_other_and_widen(ahead: cx.revenue.Forecast) -> None:
    order = ["low_95", "low_80", "low_50", "value", "high_50", "high_80", "high_95"]
    assert (np.diff(ahead.table[order].to_numpy(), axis=1) >= 0).all()
    for _, rows in ahead.table.groupby("what"):
        assert (rows["high_80"] - rows["low_80"]).iloc[[0, -1]].is_monotonic_increasing
    assert ahead.table["month"].tolist() == [1, 2, 3, 4, 5, 6] * 2
    assert ahead.headline[0].value == ahead.table["value"].iloc[5]


def test_without_newcomers_a_constant_hazard_leaves_the_closed_form(make_company: MakeCompany) -> None:
    study, _, _ = make_company(3, came=200.0)
    forecast = cx.forecast(study, "customers", months=12, inflow=0, draws=300)
    people = study.table("customers").collect("pandas").to_native()
    staying = people[people["ended_at"].isna()]["plan"].value_counts()
    # n exp(-h t), t in months
    expected = staying["small"] * np.exp(-0.03 * 12) + staying["large"] * np.exp(-0.015 * 12)
    assert forecast.table["value"].iloc[-1] == pytest.approx(expected, rel=0.04)
    assert "declared" in forecast.finding


def test_declared_newcomers_are_those_that_come(study: cx.Study) -> None:
    none = cx.forecast(study, "customers", months=1, inflow=[0], draws=300)
    many = cx.forecast(study, "customers", months=1, inflow=[1000.0], draws=300)
    assert many.table["value"].iloc[0] - none.table["value"].iloc[0] == pytest.approx(1000, abs=60)


def test_a_forecast_of_the_past_reads_nothing_of_later(study: cx.Study) -> None:
    book = read_book(study, by="plan", money=True)
    before = book.started <= -6.0
    blind = replace(book, ended=np.where(book.ended > -6.0, np.inf, book.ended))
    assert before.any() and not before.all()
    seen, unseen = month_cells(book, 30), month_cells(blind, 30)
    for name in ("n", "left", "base", "up", "joined", "joined_money"):
        for one, other in zip(seen.steps[:24], unseen.steps[:24], strict=True):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    assert seen.stocks[24].customers == unseen.stocks[24].customers
    changed = replace(seen, steps=(*seen.steps[:24], *[seen.steps[0]] * 6))
    first, second = (rates_of(part, until=24, window=24, inflow_months=12) for part in (seen, changed))
    assert np.array_equal(first.left, second.left) and np.array_equal(first.came, second.came)


def test_drawing_by_cell_says_the_same_as_drawing_each_customer(
    study: cx.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    spread = {}
    for largest in (0, 10**6):
        monkeypatch.setattr(cells_module, "LARGEST", largest)
        cells = history_cells(read_book(study, by="plan", money=True), 12, 24)
        rates = rates_of(cells, until=len(cells.steps), window=24, inflow_months=12)
        rng = np.random.default_rng(5)
        drawn = draw_rates(rates, horizon=12, draws=1500, rng=rng, inflow=np.zeros(12))
        futures = simulate_months(cells.stocks[-1], rates, drawn, rng=rng)
        spread[largest] = (futures.customers[:, -1], futures.mrr[:, -1])
    for by_cell, by_row in zip(spread[0], spread[10**6], strict=True):
        assert by_cell.mean() == pytest.approx(by_row.mean(), rel=0.01)
        assert by_cell.std() == pytest.approx(by_row.std(), rel=0.12)


def covered(make_company: MakeCompany, seeds: range, **choices: float) -> np.ndarray:
    hits = []
    for seed in seeds:
        study, customers, mrr = make_company(seed, **choices)
        cells = history_cells(read_book(study, by="plan", money="revenue" in study.tables), 12, 24)
        rates = rates_of(cells, until=len(cells.steps), window=24, inflow_months=12)
        rng = np.random.default_rng(seed)
        drawn = draw_rates(rates, horizon=12, draws=300, rng=rng)
        futures = simulate_months(cells.stocks[-1], rates, drawn, rng=rng)
        row = []
        for draws, truth in ((futures.customers, customers), (futures.mrr, mrr)):
            low, high = np.quantile(draws[:, -1], [0.1, 0.9])
            row.append(low <= truth <= high)
        hits.append(row)
    shares: np.ndarray = np.array(hits, dtype=float).mean(axis=0)
    return shares


def test_the_80_percent_band_holds_most_known_futures(make_company: MakeCompany) -> None:
    shares = covered(make_company, range(40))
    # 40 companies: 80 % give 22 to 40 with 99.9 % probability
    assert (shares >= 0.55).all()


@pytest.mark.slow
@pytest.mark.parametrize("came", [6.0, 20.0, 80.0])
def test_the_80_percent_band_covers_80_percent(make_company: MakeCompany, came: float) -> None:
    shares = covered(make_company, range(1000, 1600), came=came)
    print(f"{came:g} new customers a month: customers {shares[0]:.3f}, revenue {shares[1]:.3f}")
    assert (np.abs(shares - 0.80) <= 0.05).all()


def judged(**figures: float) -> pd.DataFrame:
    row = {"what": "customers", "horizon": 0, "origins": 18, "covered": 0.8, "error": 0.05}
    return pd.DataFrame([{**row, "error_naive": 0.1, "error_line": 0.08, "bias": 0.0, **figures}])


@pytest.mark.parametrize(
    ("figures", "beginning"),
    [
        ({}, "In 6 months: "),
        ({"error": 0.2}, "In the past this forecast of customers did not beat a straight line"),
        ({"error_naive": 0.03}, 'In the past this forecast of customers did not beat "as last month"'),
        ({"covered": 0.4}, "Its 80 % band of customers held only 40 % of what came"),
        ({"origins": 3}, "The history is too short to test this forecast of customers (3 past months"),
    ],
)
def test_the_first_sentence_says_where_the_past_speaks_against_it(
    study: cx.Study, ahead: cx.revenue.Forecast, figures: dict[str, float], beginning: str
) -> None:
    cells = month_cells(read_book(study, by=None, money=False), 12)
    sentences = forecast_sentences(
        ahead.headline[:1], judged(**figures), cells, ahead.inflow, "EUR", ahead.months
    )
    assert sentences[0].startswith(beginning)


def test_a_company_whose_churn_has_changed_is_not_believed(make_company: MakeCompany) -> None:
    study, _, _ = make_company(4, money=False)
    people = study.table("customers").collect("pandas").to_native()
    cut = pd.Timestamp(study.observed_until)
    # in the last half-year three of four of those who were there left
    rng = np.random.default_rng(0)
    there = people["ended_at"].isna() & (people["started_at"] < cut - 7 * MONTH)
    going = there & (rng.random(len(people)) < 0.75)
    left = (cut - pd.Series(rng.uniform(0, 6, len(people))) * MONTH).dt.round("us")
    people["ended_at"] = people["ended_at"].where(~going, left.astype("datetime64[us]"))
    broken = cx.Study.from_frames(customers=people, observed_until=cut.tz_localize("UTC"))
    forecast = cx.forecast(broken, months=6, draws=100)
    assert not forecast.sentences[0].startswith("In 6 months")


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"months": 0}, "months is 0"),
        ({"months": 2.5}, "months is 2.5"),
        ({"inflow": -3.0}, "inflow is -3.0"),
        ({"inflow": [1.0, 2.0]}, "inflow has 2 numbers"),
        ({"inflow": float("nan")}, "inflow is nan"),
        ({"what": "profit"}, "what is 'profit'"),
        ({"what": ()}, "what is empty"),
        ({"by": "shoe_size"}, "customers have no column 'shoe_size'"),
        ({"draws": 0}, "draws is 0"),
        ({"level": 95}, "level is 95"),
    ],
)
def test_bad_choices_are_refused_in_a_sentence(
    study: cx.Study, choices: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        cx.forecast(study, **{"months": 3, **choices})


def people(first: str, ends: list[str | None]) -> pd.DataFrame:
    starts = pd.date_range(first, "2024-11-30", periods=len(ends)).normalize()
    ids = [f"c{number}" for number in range(len(ends))]
    ended = pd.to_datetime(pd.Series(ends, dtype=object))
    return pd.DataFrame({"customer_id": ids, "started_at": starts, "ended_at": ended})


def test_data_that_hold_no_future_are_refused_in_a_sentence() -> None:
    until = "2024-12-31"
    short = cx.Study.from_frames(customers=people("2024-10-01", [None] * 9), observed_until=until)
    with pytest.raises(DataError, match="only 3 whole months are known before the data cut"):
        cx.forecast(short)
    gone = cx.Study.from_frames(customers=people("2023-01-01", ["2024-12-30"] * 9), observed_until=until)
    with pytest.raises(DataError, match="everybody has left"):
        cx.forecast(gone)
    no_revenue = cx.Study.from_frames(customers=people("2023-01-01", [None] * 9), observed_until=until)
    with pytest.raises(DataError, match="there is no table revenue"):
        cx.forecast(no_revenue, what=("customers", "mrr"))
    free = pd.DataFrame({"customer_id": ["c0"], "effective_at": ["2023-01-02"], "mrr": [0.0]})
    nothing = cx.Study.from_frames(
        customers=people("2023-01-01", [None] * 9), revenue=free, observed_until=until
    )
    with pytest.raises(DataError, match="nobody ever paid anything"):
        cx.forecast(nothing)
    snapshot = cx.Study.from_snapshot(pd.DataFrame({"left": ["yes", "no"]}))
    with pytest.raises(CxError):
        cx.forecast(snapshot)


def test_nobody_left_yet_still_makes_a_forecast_that_says_so() -> None:
    study = cx.Study.from_frames(customers=people("2023-01-01", [None] * 40), observed_until="2024-12-31")
    forecast = cx.forecast(study, months=3, draws=100)
    assert forecast.what == ("customers",)
    assert any("Only 0 customers left in these months" in note for note in forecast.notes)
    assert "expansion" not in {column.name for column in forecast.spec("rates").columns}


def test_every_engine_gives_the_same_forecast(study: cx.Study, ahead: cx.revenue.Forecast) -> None:
    import duckdb
    import polars as pl
    import pyarrow as pa

    frames = {name: study.table(name).collect("pandas").to_native() for name in study.tables}
    connection = duckdb.connect()
    makers = {
        "polars": pl.from_pandas,
        "pyarrow": pa.Table.from_pandas,
        "duckdb": connection.from_df,
    }
    for maker in makers.values():
        tables = {name: maker(frame) for name, frame in frames.items()}
        until = pd.Timestamp(study.observed_until).tz_localize("UTC")
        same = cx.Study.from_frames(tables, observed_until=until, revenue_ends="at_ended_at", currency="EUR")
        other = cx.forecast(same, months=6, draws=400)
        assert other.history["value"].to_numpy() == pytest.approx(ahead.history["value"].to_numpy())


def test_costs_make_a_profit_that_adds_up(study: cx.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not len(cx.forecast(study, months=2, draws=50).profit)
    costs = cx.study.Costs(gross_margin=0.8, serve_a_month=3, acquire=50, fixed_a_month=1000)
    monkeypatch.setattr(study, "costs", costs)
    forecast = cx.forecast(study, months=2, inflow=0, draws=400)
    profit = forecast.profit.set_index("item")["value"]
    mrr = forecast.table[forecast.table["what"] == "mrr"]["value"].sum()
    count = forecast.table[forecast.table["what"] == "customers"]["value"].sum()
    assert profit["revenue"] == pytest.approx(mrr, rel=0.01)
    expected = 0.8 * mrr - 3 * count - 2000
    assert profit["profit"] == pytest.approx(expected, rel=0.02)
    assert profit["winning new customers"] == 0
    with pytest.raises(ArgumentError, match="gross_margin is 80"):
        cx.study.Costs(gross_margin=80)
    with pytest.raises(ArgumentError, match="acquire is -1"):
        cx.study.Costs(acquire=-1)


def test_pictures_are_drawn_of_both(ahead: cx.revenue.Forecast) -> None:
    assert cx.plot(ahead, what="mrr").get_title(loc="left") == "Recurring revenue a month, EUR"
    assert cx.plot(ahead, kind="backtest").get_title(loc="left") == "Customers"
    with pytest.raises(ArgumentError, match="was not forecast"):
        cx.plot(ahead, what="orders")
