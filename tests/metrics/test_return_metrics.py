"""Renewals, win-back, second purchases and interactions by group and period, against counting by hand."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from lifelines import KaplanMeierFitter
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

import cxresearch as cx

ENGINES: dict[str, Any] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": duckdb.from_df,
}
UNTIL = "2024-06-30"


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Any:
    return ENGINES[request.param]


def moments(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    return frame.assign(
        **{name: pd.to_datetime(frame[name], format="mixed").astype("datetime64[us]") for name in names}
    )


def people() -> pd.DataFrame:
    """Sixty customers: the first thirty in the north, the last five of no region."""
    who = [f"c{number:02}" for number in range(60)]
    region = ["north"] * 30 + ["south"] * 25 + [None] * 5
    return moments(
        pd.DataFrame({"customer_id": who, "region": region, "started_at": "2023-01-01"}), "started_at"
    )


def study_of(engine: Any, until: str = UNTIL, **tables: pd.DataFrame) -> cx.Study:
    frames = {"customers": people(), **tables}
    return cx.Study.from_frames(
        {name: engine(frame) for name, frame in frames.items()},
        observed_until=until,
        instruments={},
        currency="EUR",
        segments=["region"],
    )


def row(table: pd.DataFrame, **key: Any) -> pd.Series:
    for name, value in key.items():
        found = pd.Timestamp(value) if name == "period" else value
        table = table[table[name] == found] if found is not None else table[table[name].isna()]
    assert len(table) == 1
    return table.iloc[0]


def same_ends(found: pd.Series, hits: int, n: int) -> None:
    low, high = proportion_confint(hits, n, method="wilson")
    assert found["value"] == pytest.approx(hits / n)
    assert (found["low"], found["high"]) == (pytest.approx(low), pytest.approx(high))


# Second purchases: first purchase, the days until the second (None for none)

BOUGHT = {
    **{f"c{number:02}": ("2024-01-10", 5 if number < 4 else None) for number in range(10)},
    **{f"c{number:02}": ("2024-02-20", 40 if number < 13 else 41) for number in range(10, 20)},
    "c30": ("2024-05-21 23:00", 40),  # 40 days later is the last day of the study
    **{f"c{number:02}": ("2024-05-22", 1) for number in range(31, 36)},  # one day short of forty
    **{f"c{number}": ("2024-01-31", None) for number in range(55, 60)},
}


def orders() -> pd.DataFrame:
    rows = []
    for who, (first, gap) in BOUGHT.items():
        day = pd.Timestamp(first)
        rows += [(who, day, 10.0), (who, day + pd.Timedelta(minutes=20), 5.0)]  # one purchase
        rows.append((who, day + pd.Timedelta(days=1), -5.0))  # a refund is none
        if gap is not None:
            rows.append((who, day.normalize() + pd.Timedelta(days=gap, hours=8), 7.0))
    return moments(pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]), "ordered_at")


def test_second_purchases(engine: Any) -> None:
    study, options = study_of(engine, orders=orders()), {"repeat_days": 40}
    whole = cx.metric_table(study, "repeat_purchase_rate", options=options).iloc[0]
    same_ends(whole, hits=4 + 3 + 1, n=10 + 10 + 1 + 5)  # who came after 41 days came too late
    assert (whole["n"], whole["n_missing"]) == (26, 5)
    table = cx.metric_table(study, "repeat_purchase_rate", by="region", every="month", options=options)
    same_ends(row(table, region="north", period="2024-01-01"), 4, 10)
    same_ends(row(table, region="north", period="2024-02-01"), 3, 10)
    young = row(table, region="south", period="2024-05-01")  # until 2024-05-31 all who bought have 30 days
    assert (young["n"], young["n_missing"]) == (0, 6)
    assert np.isnan([young["value"], young["low"], young["high"]]).all()
    assert young["method"] == "none: not all who first bought have had 40 days"
    assert row(table, region=None, period="2024-01-01")["n"] == 5


def test_a_day_that_has_not_ended_is_no_day(engine: Any) -> None:
    study = study_of(engine, until="2024-06-30 12:00:00", orders=orders())
    found = cx.metric_table(study, "repeat_purchase_rate", options={"repeat_days": 40}).iloc[0]
    assert (found["n"], found["n_missing"]) == (25, 6)  # c30 came on 21 May: its fortieth day is not over


# Win-back: day of leaving, day of return


def left(until: str = UNTIL) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Revenue of customers who leave, and who left when for how long."""
    rng = np.random.default_rng(4)
    rows, gone = [], []
    for number in range(40):
        who, day = f"c{number:02}", pd.Timestamp("2023-02-01") + pd.Timedelta(days=number * 10)
        away = int(rng.integers(20, 200)) if number % 3 else None
        rows += [(who, "2023-01-01", 10.0), (who, str(day), 0.0)]
        back = None if away is None else day + pd.Timedelta(days=away)
        if back is not None and back < pd.Timestamp(until):
            rows.append((who, str(back), 12.0))
        else:
            back = None
        end = pd.Timestamp(until) + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
        days = ((back or end) - day) / pd.Timedelta(days=1)
        gone.append((who, day, days, back is not None, "north" if number < 30 else "south"))
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr"])
    names = ["customer_id", "at", "days", "back", "region"]
    return moments(frame, "effective_at"), pd.DataFrame(gone, columns=names)


def by_lifelines(part: pd.DataFrame, days: float) -> tuple[float, float, float]:
    fit = KaplanMeierFitter().fit(part["days"], part["back"])
    ends = fit.confidence_interval_survival_function_
    ends = 1 - ends[ends.index <= days].iloc[-1].to_numpy()
    return 1 - float(fit.predict(days)), float(ends.min()), float(ends.max())


def test_win_back(engine: Any) -> None:
    """Each customer leaves once: the robust variance is Greenwood's, and lifelines has the same interval."""
    revenue, gone = left()
    study, options = study_of(engine, revenue=revenue), {"win_back_days": 100}
    whole = cx.metric_table(study, "win_back_rate", options=options).iloc[0]
    assert (whole["value"], whole["low"], whole["high"]) == pytest.approx(by_lifelines(gone, 100))
    one = cx.metric(study, "win_back_rate", options={"win_back_days": 100})
    assert whole["n"] == one.n
    assert (whole["low"], whole["high"]) == pytest.approx((one.low, one.high), rel=1e-12)  # rows in any order
    assert whole["method"] == one.method and (whole["n_missing"], one.n_missing) == (0, 0)
    regions = cx.metric_table(study, "win_back_rate", by="region", options=options)
    for region, part in gone.groupby("region"):
        found = row(regions, region=region)
        assert (found["value"], found["low"], found["high"]) == pytest.approx(by_lifelines(part, 100))
        assert found["n"] == len(part)
    years = cx.metric_table(study, "win_back_rate", every="year", options=options)
    for year, part in gone.groupby(gone["at"].dt.year):
        found = row(years, period=f"{year}-01-01")
        assert (found["value"], found["low"], found["high"]) == pytest.approx(by_lifelines(part, 100))


def test_nobody_has_been_gone_so_long(engine: Any) -> None:
    study = study_of(engine, revenue=left()[0])
    table = cx.metric_table(study, "win_back_rate", every="month", options={"win_back_days": 170})
    last = row(table, period="2024-02-01")
    assert (last["n"], last["n_missing"]) == (0, 3) and np.isnan(last["value"])
    assert last["method"] == "none: nobody has been gone for 170 days"
    whole = cx.metric_table(study, "win_back_rate", options={"win_back_days": 900}).iloc[0]
    one = cx.metric(study, "win_back_rate", options={"win_back_days": 900})
    assert (one.n, one.n_missing, one.note) == (0, 40, "nobody has been gone for 900 days")
    assert np.isnan([one.value, one.low, one.high, one.se]).all()
    assert (whole["n"], whole["n_missing"], whole["method"]) == (one.n, one.n_missing, one.method)


# Renewals


def contracts() -> pd.DataFrame:
    """Due at New Year: c00-c19; in March: c30-c49. Every fourth leaves, every fifth comes down to 4 of 10."""
    rows: list[tuple[Any, ...]] = []
    for number in [*range(20), *range(30, 50)]:
        who, due = f"c{number:02}", "2024-01-01" if number < 20 else "2024-03-15"
        rows.append((who, "2023-01-15", 10.0 + number, due))
        if number % 4 == 0:
            rows.append((who, due, 0.0, None))
        elif number % 5 == 0:
            rows.append((who, due, 4.0, "2025-03-15"))
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr", "due_at"])
    return moments(frame, "effective_at", "due_at")


def test_renewals(engine: Any) -> None:
    study = study_of(engine, revenue=contracts())
    count = cx.metric_table(study, "renewal_rate", by="region", every="quarter")
    value = cx.metric_table(study, "renewal_rate_by_value", by="region", every="quarter")
    for region, numbers in (("north", range(20)), ("south", range(30, 50))):
        key = {"region": region, "period": "2024-01-01"}
        found, worth = row(count, **key), row(value, **key)
        stayed = [number for number in numbers if number % 4]
        same_ends(found, len(stayed), len(numbers))
        before = sum(10.0 + number for number in numbers)
        assert worth["value"] == pytest.approx(
            sum(4.0 if number % 5 == 0 else 10.0 + number for number in stayed) / before
        )
        alone = cx.metric(
            study, "renewal_rate_by_value", period="2024-01" if region == "north" else "2024-03"
        )
        assert (worth["low"], worth["high"]) == (pytest.approx(alone.low), pytest.approx(alone.high))
    whole, one = cx.metric_table(study, "renewal_rate").iloc[0], cx.metric(study, "renewal_rate")
    assert (whole["value"], whole["low"], whole["high"], whole["n"]) == (one.value, one.low, one.high, one.n)
    assert whole["method"] == one.method == "score interval (Wilson 1927); grace 0 days"


def test_renewals_within_their_grace_are_counted_apart(engine: Any) -> None:
    study = study_of(engine, revenue=contracts())
    table = cx.metric_table(study, "renewal_rate", every="month", options={"grace_days": 120})
    assert table[["n", "n_missing"]].to_numpy().tolist() == [[20, 0], [0, 20]]
    assert table["method"].iloc[1] == "none: no renewal was due and decided"


def test_count_needs_no_currency_and_value_does() -> None:
    mixed = contracts().assign(currency=lambda frame: np.where(frame["mrr"] > 30, "USD", "EUR"))
    study = study_of(ENGINES["pandas"], revenue=mixed)
    assert cx.metric_table(study, "renewal_rate")["n"].iloc[0] == 40
    with pytest.raises(cx.errors.DataError, match="several currencies"):
        cx.metric_table(study, "renewal_rate_by_value")


# Interactions


def test_interactions_by_group(engine: Any) -> None:
    rng = np.random.default_rng(2)
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{number}" for number in range(80)],
            "customer_id": [f"c{number % 60:02}" for number in range(80)],
            "created_at": pd.Timestamp("2024-01-05") + pd.to_timedelta(np.arange(80), unit="D"),
            "replies": pd.array(rng.integers(0, 9, 80), dtype="Int64"),
            "channel": ["mail", "chat"] * 40,
        }
    )
    tickets["resolved_at"] = (tickets["created_at"] + pd.Timedelta(hours=3)).where(tickets.index % 10 != 0)
    tickets.loc[3, "replies"] = None
    tickets = moments(tickets, "created_at", "resolved_at")
    study = study_of(engine, tickets=tickets)
    table = cx.metric_table(study, "interactions_per_ticket", by="channel", level=0.9)
    for channel, part in tickets.groupby("channel"):
        known = part.loc[part["resolved_at"].notna() & part["replies"].notna(), "replies"].astype(float)
        found = row(table, channel=channel)
        ends = stats.t.interval(0.9, len(known) - 1, known.mean(), stats.sem(known))
        assert (found["value"], found["n"]) == (pytest.approx(known.mean()), len(known))
        assert (found["low"], found["high"]) == pytest.approx(ends)
        assert found["n_missing"] == len(part) - len(known)
    whole, one = (
        cx.metric_table(study, "interactions_per_ticket").iloc[0],
        cx.metric(study, "interactions_per_ticket"),
    )
    assert (whole["low"], whole["high"], whole["n"]) == pytest.approx((one.low, one.high, one.n))


# In scorecards


def test_scorecard_has_them_with_the_rest_and_the_whole() -> None:
    study = study_of(ENGINES["duckdb"], orders=orders(), revenue=contracts())
    names = ["repeat_purchase_rate", "renewal_rate", "renewal_rate_by_value", "win_back_rate"]
    card = cx.scorecard(study, by="region", every="quarter", metrics=names, options={"repeat_days": 40})
    assert list(card.labels) == names
    overall = card.overall[(card.overall["metric"] == "renewal_rate")]
    same_ends(row(overall, period="2024-01-01"), 30, 40)
    rest = card.rest[(card.rest["metric"] == "renewal_rate") & (card.rest["group"] == "north")].iloc[0]
    assert (rest["value"], rest["value_against"]) == (15 / 20, 15 / 20)
    assert row(card.overall[card.overall["metric"] == "repeat_purchase_rate"], period="2024-01-01")["n"] == 25
    for name in names:
        options = {"repeat_days": 40} if name == "repeat_purchase_rate" else None
        fresh = cx.metric_table(study, name, every="quarter", options=options)
        kept = card.overall[card.overall["metric"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, fresh, check_dtype=False)


def test_groups_are_those_of_customers() -> None:
    study = study_of(ENGINES["pandas"], orders=orders(), revenue=contracts())
    for name in ("repeat_purchase_rate", "renewal_rate", "win_back_rate"):
        with pytest.raises(cx.errors.ArgumentError, match=r"cannot be grouped by amount.*region"):
            cx.metric_table(study, name, by="amount")


@pytest.mark.parametrize("name", ["repeat_days", "win_back_days", "grace_days"])
def test_options_are_checked(name: str) -> None:
    study = study_of(ENGINES["pandas"], orders=orders(), revenue=contracts())
    with pytest.raises(cx.errors.ArgumentError, match=name):
        cx.metric_table(study, "renewal_rate", options={name: -1})
