"""Renewals: renewed / due, with customers followed one by one."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx

ENGINES: dict[str, Any] = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb": lambda frame: duckdb.connect().from_df(frame),
}


def contracts(*rows: tuple[Any, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr", "due_at"])
    for name in ("effective_at", "due_at"):
        frame[name] = pd.to_datetime(frame[name], format="mixed").astype("datetime64[us]")
    return frame


def study_of(frame: Any, until: Any = "2024-03-01") -> cx.Study:
    return cx.Study.from_frames({"revenue": frame}, observed_until=until, instruments={}, currency="EUR")


def begun(customer: str, mrr: float = 10.0) -> tuple[Any, ...]:
    return (customer, "2023-01-01", mrr, "2024-01-01")


#: After a term of 10 a month to 2024-01-01: further levels, and (MRR before, what is kept of it) of each due.
STORIES: dict[str, tuple[list[tuple[Any, ...]], list[tuple[float, float]]]] = {
    "stayed without a new row": ([], [(10, 10)]),
    "left the evening before": ([("2023-12-31 23:00", 0.0, None)], [(10, 0)]),
    "left half a year before": ([("2023-06-01", 0.0, None)], [(10, 0)]),
    "left on the day": ([("2024-01-01", 0.0, None)], [(10, 0)]),
    "left afterwards": ([("2024-01-05", 0.0, None)], [(10, 10)]),
    "renewed early": ([("2023-12-20", 15.0, "2024-12-20")], [(10, 10)]),
    "renewed early at half the price": ([("2023-12-20", 5.0, "2024-12-20")], [(10, 5)]),
    "renewed early and left all the same": (
        [("2023-12-20", 15.0, "2024-12-20"), ("2023-12-28", 0.0, None)],
        [(10, 0)],
    ),
    "upgraded, same date": ([("2023-06-01", 20.0, "2024-01-01")], [(20, 20)]),
    "upgraded, no date, then downgraded at renewal": (
        [("2023-06-01", 20.0, None), ("2024-01-01", 5.0, "2025-01-01")],
        [(20, 5)],
    ),
    "a shorter term instead, not renewed": (
        [("2023-06-01", 10.0, "2023-09-01"), ("2023-09-01", 0.0, None)],
        [(10, 0)],
    ),
    "an end date on the row that leaves": ([("2023-06-01", 0.0, "2023-06-01")], [(10, 0)]),
    "by the quarter since June": (
        [
            ("2023-06-01", 10.0, "2023-09-01"),
            ("2023-09-01", 10.0, "2023-12-01"),
            ("2023-12-01", 8.0, "2024-03-02"),
        ],
        [(10, 10), (10, 8)],
    ),
}


def _same(study: cx.Study, wanted: list[tuple[float, float]]) -> None:
    count, value = cx.metric(study, "renewal_rate"), cx.metric(study, "renewal_rate_by_value")
    assert (count.n, count.n_missing) == (len(wanted), 0)
    assert count.value == pytest.approx(np.mean([kept > 0 for _, kept in wanted]))
    assert value.value == pytest.approx(sum(kept for _, kept in wanted) / sum(before for before, _ in wanted))


@pytest.mark.parametrize("story", STORIES)
def test_whoever_was_due_is_followed(story: str) -> None:
    later, wanted = STORIES[story]
    rows = [begun(story), *((story, *row) for row in later), begun("other", 1.0)]
    _same(study_of(contracts(*rows)), [*wanted, (1, 1)])


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree(engine: str) -> None:
    rows = [row for name in STORIES for row in (begun(name), *((name, *row) for row in STORIES[name][0]))]
    frame = contracts(*rows).sample(frac=1, random_state=1)
    _same(study_of(ENGINES[engine](frame)), [pair for _, wanted in STORIES.values() for pair in wanted])


def test_the_seven_renewals_of_new_year() -> None:
    frame = contracts(
        begun("a"),
        begun("b", 20.0),
        ("b", "2024-01-01", 30.0, "2025-01-01"),
        begun("c", 40.0),
        ("c", "2024-01-01", 10.0, None),
        begun("d"),
        ("d", "2023-12-20", 15.0, "2024-12-20"),
        begun("e"),
        ("e", "2023-06-01", 12.0, None),
        begun("f"),
        ("f", "2023-12-31 23:00", 0.0, None),
        begun("g"),
        ("g", "2024-01-05", 0.0, None),
    )
    found = cx.metric(study_of(frame), "renewal_rate")
    assert (found.n, found.value) == (7, pytest.approx(6 / 7))
    late = cx.metric(study_of(frame), "renewal_rate", options={"grace_days": 14})
    assert late.value == pytest.approx(5 / 7)
    value = cx.metric(study_of(frame), "renewal_rate_by_value")
    assert value.value == pytest.approx(
        (10 + 20 + 10 + 10 + 12 + 0 + 10) / (10 + 20 + 40 + 10 + 12 + 10 + 10)
    )


def one_by_one(
    frame: pd.DataFrame, cut: pd.Timestamp, grace: pd.Timedelta
) -> list[tuple[float, float, bool]]:
    """(MRR before, MRR after, decided) of each renewal due, from plain loops."""
    found = []
    for _, mine in frame[frame["effective_at"] <= cut].sort_values("effective_at").groupby("customer_id"):
        levels = [(row.effective_at, row.mrr) for row in mine.itertuples()]
        terms: dict[pd.Timestamp, pd.Timestamp] = {}
        running = pd.Timestamp.min
        for row in mine.itertuples():
            if row.mrr <= 0 or pd.isna(row.due_at) or row.due_at <= row.effective_at:
                continue
            if row.effective_at < running and row.due_at < running:
                del terms[running]
            elif row.effective_at < running < row.due_at:
                terms[running] = row.effective_at
            terms[row.due_at] = running = row.due_at
        for due, ends in terms.items():
            if due <= cut:
                before = [mrr for at, mrr in levels if at < ends and mrr > 0][-1]
                after = [mrr for at, mrr in levels if at <= due + grace][-1]
                found.append((before, after, due + grace <= cut))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_random_contracts_equal_customers_followed_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 150
    start = pd.Timestamp("2023-01-01")
    at = start + pd.to_timedelta(rng.choice(500, n), unit="D")
    due = at + pd.to_timedelta(rng.choice([0, 30, 90, 365], n), unit="D")
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in rng.integers(0, 30, n)],
            "effective_at": at.astype("datetime64[us]"),
            "mrr": np.where(rng.random(n) < 0.2, 0.0, rng.integers(1, 5000, n) / 100),
            "due_at": due.where(rng.random(n) < 0.7).astype("datetime64[us]"),
        }
    ).drop_duplicates(["customer_id", "effective_at"])
    cut, days = pd.Timestamp("2024-04-01"), int(rng.choice([0, 20]))
    all_due = one_by_one(frame, cut, pd.Timedelta(days=days))
    decided = [(before, after) for before, after, known in all_due if known]
    study = study_of(list(ENGINES.values())[seed % 4](frame), cut)
    count = cx.metric(study, "renewal_rate", options={"grace_days": days})
    assert (count.n, count.n_missing) == (len(decided), len(all_due) - len(decided))
    assert count.value == pytest.approx(np.mean([after > 0 for _, after in decided]))
    value = cx.metric(study, "renewal_rate_by_value", options={"grace_days": days})
    kept = sum(min(pair) for pair in decided)
    assert value.value == pytest.approx(kept / sum(before for before, _ in decided))


def test_several_currencies_are_counted_and_never_added_up() -> None:
    frame = contracts(begun("a", 100.0), begun("b", 7500.0)).assign(currency=["EUR", "JPY"])
    assert cx.metric(study_of(frame), "renewal_rate").n == 2
    with pytest.raises(cx.errors.DataError, match="several currencies: EUR, JPY"):
        cx.metric(study_of(frame), "renewal_rate_by_value")


def test_amounts_that_are_not_exact_to_the_cent_are_refused() -> None:
    with pytest.raises(cx.errors.DataError, match="exact to the cent"):
        cx.metric(study_of(contracts(begun("a", 1e18), begun("b"))), "renewal_rate_by_value")


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_due_is_said_so(engine: str) -> None:
    never = contracts(("a", "2023-01-01", 10.0, None), begun("b")).assign(
        due_at=pd.Series([pd.NaT, pd.Timestamp("2025-01-01")], dtype="datetime64[us]")
    )
    for frame in (never, never.head(1)):
        found = cx.metric(study_of(ENGINES[engine](frame)), "renewal_rate_by_value", period="2024-01")
        assert (found.n, found.n_missing, found.note) == (0, 0, "no renewal was due and decided")
