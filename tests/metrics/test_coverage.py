"""Coverage: every cell of the grid by hand, whose voice is heard, and how often chance alone is named."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from statsmodels.stats.proportion import proportion_confint

import cxresearch as cx
from cxresearch.metrics.journey_facts.coverage import coverage, empty_cell_chance
from cxresearch.stats.intervals.ratio import linearised_ratios


def frames() -> dict[str, pd.DataFrame]:
    """Forty customers: 20 asked by mail on a desktop, of whom half answer, and 10 in the app on a mobile."""
    ids = [f"c{number}" for number in range(40)]
    people = pd.DataFrame({"customer_id": ids, "started_at": "2023-01-01"})
    answers = pd.DataFrame({"customer_id": ids[:30], "instrument": "nps", "sent_at": "2024-05-01"})
    answers["score"] = [9.0, np.nan] * 10 + [8.0] * 10
    answers["responded_at"] = pd.Series(["2024-05-02"] * 30).where(answers["score"].notna())
    answers["channel"] = ["mail"] * 20 + ["app"] * 10
    answers["device"] = ["desktop"] * 20 + ["mobile"] * 10
    levels = pd.DataFrame({"customer_id": ids, "effective_at": "2023-01-01"})
    levels["mrr"] = [10.0] * 20 + [30.0] * 10 + [50.0] * 10
    return {"customers": people, "responses": answers, "revenue": levels}


def study(make: Any = lambda frame: frame, **changed: pd.DataFrame) -> cx.Study:
    return cx.Study.from_frames(
        {name: make(frame) for name, frame in {**frames(), **changed}.items()},
        observed_until="2024-06-30",
        instruments={"nps": cx.NPS},
        currency="EUR",
    )


def cell(table: pd.DataFrame, *where: str) -> Any:
    return table[(table["channel"] == where[0]) & (table["device"] == where[1])].iloc[0]


def test_every_cell_of_the_grid_is_counted_and_those_never_asked_are_the_finding() -> None:
    covered = coverage(study())
    mail = cell(covered.table, "mail", "desktop")
    assert (mail["asked"], mail["answered"], mail["customers_heard"]) == (20, 10, 10)
    assert mail["share_customers"] == 10 / 40 and mail["status"] == "heard"
    # 10 customers of 10 each of 20 x 10 + 10 x 30 + 10 x 50 = 1,000 a month
    assert mail["share_revenue"] == pytest.approx(0.1)
    assert cell(covered.table, "app", "mobile")["share_revenue"] == pytest.approx(0.3)
    assert covered.never_asked[["channel", "device"]].to_numpy().tolist() == [
        ["app", "desktop"],
        ["mail", "mobile"],
    ]
    assert (covered.asked, covered.answered, covered.customers, covered.customers_heard) == (30, 20, 40, 20)
    assert covered.share_revenue.value == pytest.approx(0.4)
    assert covered.finding == (
        "2 of 4 cells of channel x device were never asked; hardly by chance: app, desktop (7 customers "
        "expected); mail, mobile (7 customers expected). In 365 days 20 of 30 questions were answered; heard "
        "are 50.0 % of customers and 40.0 % of recurring revenue."
    )


def test_chance_of_an_empty_cell_by_hand() -> None:
    empty = cell(coverage(study()).table, "app", "desktop")
    # shares 1/3 and 2/3 of 30 questions of 30 customers; four cells
    assert empty["expected"] == pytest.approx(30 * 2 / 9)
    assert empty["p_empty"] == pytest.approx(4 * (1 - 2 / 9) ** 30)


def test_shares_have_the_intervals_of_statsmodels() -> None:
    covered = coverage(study(), level=0.9)
    mail = cell(covered.table, "mail", "desktop")
    low, high = proportion_confint(10, 40, alpha=0.1, method="wilson")
    assert (mail["share_customers_low"], mail["share_customers_high"]) == pytest.approx((low, high))


def test_a_level_that_was_declared_and_never_asked_is_named() -> None:
    covered = coverage(study(), levels={"device": ["desktop", "mobile", "tablet"]})
    assert covered.levels_never_asked == ("device: tablet",)
    assert len(covered.table) == 6 and "nothing at all on device: tablet" in covered.finding
    assert not covered.left_out["device"].eq("tablet").any()  # nothing was to be expected there


def test_cells_of_one_to_four_customers_are_hidden_and_silent_ones_are_said() -> None:
    few = frames()["responses"].copy()
    few.loc[23:29, ["score", "responded_at"]] = [np.nan, None]
    row = cell(coverage(study(responses=few)).table, "app", "mobile")
    assert row["suppressed"] and pd.isna(row["answered"]) and pd.isna(row["share_revenue_low"])
    none = few.assign(score=few["score"].where(few["channel"] == "mail"))
    none["responded_at"] = none["responded_at"].where(none["score"].notna())
    assert cell(coverage(study(responses=none)).table, "app", "mobile")["status"] == "nobody answered"


def test_questions_that_name_no_device_are_in_no_cell_and_counted() -> None:
    holes = frames()["responses"].copy()
    holes.loc[:4, "device"] = None
    covered = coverage(study(responses=holes))
    assert covered.asked == 30 and covered.table["asked"].sum() == 25
    assert "5 questions say nothing of device: they are in no cell." in covered.notes


def test_who_left_before_the_window_is_not_of_its_customers() -> None:
    people = frames()["customers"].assign(ended_at=[None] * 35 + ["2023-02-01"] * 5)
    levels = frames()["revenue"].iloc[:35]
    covered = coverage(study(customers=people, revenue=levels), window_days=300)
    assert covered.customers == 35 and covered.share_revenue.value == pytest.approx(400 / 750)


def test_without_customers_shares_are_unknown_and_the_reason_is_said() -> None:
    answers = frames()["responses"]
    alone = cx.Study.from_frames(responses=answers, observed_until="2024-06-30", instruments={"nps": cx.NPS})
    covered = coverage(alone)
    assert np.isnan(covered.share_customers.value) and "no customers table" in " ".join(covered.notes)
    assert cx.plot(covered).get_title(loc="left") == "What is asked where: questions asked"


@pytest.mark.parametrize(
    "make",
    [pl.from_pandas, lambda frame: pa.Table.from_pandas(frame, preserve_index=False), duckdb.from_df],
    ids=["polars", "pyarrow", "duckdb"],
)
def test_every_engine_gives_the_same_table(make: Any) -> None:
    typed = {
        name: frame.assign(**{c: pd.to_datetime(frame[c]) for c in frame if c.endswith("_at")})
        for name, frame in frames().items()
    }
    there = coverage(study(make, **typed))
    pd.testing.assert_frame_equal(coverage(study(**typed)).table, there.table, check_dtype=False)


def test_columns_may_be_called_like_those_of_the_result() -> None:
    answers = frames()["responses"].rename(columns={"channel": "asked", "device": "status"})
    covered = coverage(study(responses=answers), by=["asked", "status"])
    assert covered.by == ("asked_group", "status_group")
    assert covered.table["asked"].sum() == 30 and len(covered.never_asked) == 2


def test_what_is_missing_is_answered_with_the_line_to_write() -> None:
    bare = frames()["responses"].drop(columns=["channel", "device"])
    with pytest.raises(cx.errors.DataError, match=r'device = "<your column>" \} below \[\[sources\]\]'):
        coverage(study(responses=bare))
    with pytest.raises(cx.errors.ArgumentError, match=r"no column 'devise'.*perhaps you meant 'device'"):
        coverage(study(), by="devise")
    with pytest.raises(cx.errors.DataError, match="nothing was asked in the 3 days"):
        coverage(study(), window_days=3)
    with pytest.raises(cx.errors.ArgumentError, match="levels names 'plan'"):
        coverage(study(), levels={"plan": ["a"]})
    with pytest.raises(cx.errors.ArgumentError, match="no column 'score' to cover"):
        coverage(study(), by="score")


def test_a_grid_too_large_is_refused() -> None:
    many = frames()["responses"].assign(channel=[f"ch{i}" for i in range(30)])
    many["device"], many["touchpoint"] = many["channel"], ["a", "b", "c"] * 10
    with pytest.raises(cx.errors.ArgumentError, match="has 2,700 cells"):
        coverage(study(responses=many))


def named_by_chance(rng: np.random.Generator, studies: int, customers: int, *, hole: bool) -> float:
    """Share of studies of unrelated columns in which an empty cell is named; with a hole, that one."""
    sides = [np.array([0.6, 0.3, 0.1]), np.array([0.6, 0.3, 0.1]), np.array([0.55, 0.42, 0.03])]
    cells = np.einsum("i,j,k->ijk", *sides).ravel()
    if hole:
        cells[1] = 0.0
    counts = rng.multinomial(customers, cells / cells.sum(), size=studies)
    grid = counts.reshape(studies, 3, 3, 3) / customers
    margins = [grid.sum(axis=axes) for axes in ((2, 3), (1, 3), (1, 2))]
    expected = np.einsum("si,sj,sk->sijk", *margins).reshape(studies, 27)
    p = np.array([empty_cell_chance(row, customers) for row in expected])
    named = (counts == 0) & (p < 0.05)
    if hole:
        return float(named[:, 1].mean())
    return float(named.any(axis=1).mean())


@pytest.mark.parametrize("customers", [50, 300])
def test_chance_alone_names_an_empty_cell_in_at_most_five_per_cent_of_studies(customers: int) -> None:
    alarm = named_by_chance(np.random.default_rng(1), 2_000, customers, hole=False)
    print(f"false alarm at {customers} customers: {100 * alarm:.2f} %")
    assert alarm <= 0.055


def test_a_planted_hole_is_named() -> None:
    power = named_by_chance(np.random.default_rng(2), 500, 300, hole=True)
    print(f"planted hole (45 customers expected) named: {100 * power:.1f} %")
    assert power > 0.99


def heard_revenue(rng: np.random.Generator, studies: int, customers: int) -> float:
    """Coverage of the share of revenue heard: half of the customers answer, amounts are log-normal."""
    paid = np.exp(0.8 * rng.standard_normal((studies, customers)))
    heard = rng.random((studies, customers)) < 0.5
    x = (paid * heard).sum(axis=1)
    squares = (paid**2 * heard).sum(axis=1)
    share = linearised_ratios(
        x=x,
        s=paid.sum(axis=1),
        xx=squares,
        xs=squares,
        ss=(paid**2).sum(axis=1),
        n=np.full(studies, customers),
        relative=x,
    )
    return float(((share["low"] <= 0.5) & (share["high"] >= 0.5)).mean())


def test_interval_of_the_revenue_heard_covers() -> None:
    covered = heard_revenue(np.random.default_rng(3), 4_000, 120)
    print(f"revenue heard: {100 * covered:.1f} %")
    assert 0.93 < covered < 0.97


def test_picture_hatches_what_was_never_asked() -> None:
    axes = cx.plot(coverage(study()))
    assert [text.get_text() for text in axes.texts].count("never") == 2
    assert axes.get_xlabel() == "device"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["app", "mail"]
