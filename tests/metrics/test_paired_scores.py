"""Expectation and competitor gaps: pairs by hand, scipy's and statsmodels' tests, coverage, faults."""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import statsmodels.formula.api as smf
from scipy import stats

import cxresearch as cx
from cxresearch.metrics.journey_facts.paired_scores import _differences
from cxresearch.metrics.survey.score_measures import measure_of

SCALES = {
    name: cx.Scale(name=name, label=name.capitalize(), low=1, high=5, direction="high_is_good")
    for name in ("hoped", "lived")
}


def answers(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "instrument", "score", "responded_at"])
    return frame.assign(responded_at=pd.to_datetime(frame["responded_at"]))


def study(responses: Any, **more: Any) -> cx.Study:
    rivals = {
        name: cx.Scale(name=name, label=name, low=0, high=10, direction="high_is_good")
        for name in ("acme", "bolt")
    }
    return cx.Study.from_frames(
        {"responses": responses, **more},
        observed_until="2024-12-31",
        instruments={**SCALES, **rivals, "nps": cx.NPS, "ces": cx.CES1},
    )


def both_scores(n: int, seed: int = 1) -> tuple[Any, Any, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    hoped = rng.integers(2, 6, n).astype(float)
    lived = np.clip(hoped - rng.integers(-1, 3, n), 1, 5)
    rows = [(f"c{i}", "hoped", hoped[i], "2024-02-01") for i in range(n)]
    rows += [(f"c{i}", "lived", lived[i], "2024-04-01") for i in range(n)]
    return hoped, lived, answers(*rows)


@cache
def journey() -> cx.Study:
    return cx.synthetic.journey_study(seed=3, customers=1_000)


def test_one_pair_each_is_the_paired_t_test_of_scipy() -> None:
    hoped, lived, rows = both_scores(60)
    gap = cx.survey.expectation_gap(study(rows), "hoped", "lived")
    peer = stats.ttest_rel(lived, hoped)
    row = gap.table.iloc[0]
    assert (row["difference"], row["statistic"]) == pytest.approx(((lived - hoped).mean(), peer.statistic))
    assert row["p_value"] == pytest.approx(peer.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(peer.confidence_interval(0.95)))
    assert float(gap) == row["difference"] and row["n"] == row["customers"] == 60


def test_several_pairs_of_a_customer_are_linked_as_in_statsmodels() -> None:
    rng = np.random.default_rng(4)
    rows, pairs = [], []
    for customer in range(40):
        lean = rng.integers(0, 3)
        for month in range(1, 1 + rng.integers(1, 5)):
            own = float(rng.integers(3, 11))
            other = own - lean
            rows.append((f"c{customer}", "nps", own, f"2024-{month:02d}-10"))
            rows.append((f"c{customer}", "acme", other, f"2024-{month:02d}-12"))
            pairs.append((customer, own - other))
    frame = pd.DataFrame(pairs, columns=["who", "d"])
    peer = smf.ols("d ~ 1", frame).fit(
        cov_type="cluster", cov_kwds={"groups": frame["who"], "use_correction": False}
    )
    row = cx.survey.competitor_gap(study(answers(*rows)), "nps", "acme", measure="mean").table.iloc[0]
    assert row["difference"] == pytest.approx(peer.params.iloc[0])
    assert row["se"] == pytest.approx(peer.bse.iloc[0] * np.sqrt(40 / 39))
    assert (row["n"], row["customers"]) == (len(pairs), 40)


def test_an_expectation_comes_before_the_experience_and_the_latest_counts() -> None:
    rows = answers(
        ("a", "hoped", 2.0, "2024-01-01"),
        ("a", "hoped", 5.0, "2024-03-01"),
        ("a", "lived", 3.0, "2024-03-02"),
        ("b", "lived", 1.0, "2024-03-02"),
        ("b", "hoped", 5.0, "2024-03-03"),  # said after the experience: no expectation
        ("c", "hoped", 5.0, "2022-12-01"),  # too long ago
        ("c", "lived", 4.0, "2024-03-02"),
        *(
            (f"d{i}", name, 4.0 - (i + (name == "lived")) % 2, "2024-05-01")
            for i in range(9)
            for name in SCALES
        ),
    )
    gap = cx.survey.expectation_gap(study(rows), "hoped", "lived")
    assert (gap.table["n"].iloc[0], gap.n_unpaired) == (10, 2)
    # nine of +1 or -1, and a's 3 - 5
    inner = sum((4.0 - (i + 1) % 2) - (4.0 - i % 2) for i in range(9))
    assert float(gap) == pytest.approx((inner - 2) / 10)


def test_an_answer_about_a_competitor_is_the_partner_of_the_nearest_own_one_only() -> None:
    rows = [(f"c{i}", "nps", 9.0 - i % 3, "2024-01-10") for i in range(8)]
    rows += [(f"c{i}", "acme", 7.0, "2024-01-12") for i in range(8)]
    rows += [("c0", "nps", 0.0, "2024-01-20")]  # nearer to no answer of its own
    gap = cx.survey.competitor_gap(study(answers(*rows)), "nps", "acme", measure="mean")
    assert (gap.table["n"].iloc[0], gap.n_unpaired) == (8, 1)
    assert float(gap) == pytest.approx(np.mean([9.0 - i % 3 - 7 for i in range(8)]))


def test_competitors_are_corrected_together_and_the_nps_is_the_usual_measure() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for i in range(80):
        own = float(rng.integers(5, 11))
        rows += [(f"c{i}", name, value, "2024-01-10") for name, value in (("nps", own), ("acme", own - 2))]
        rows.append((f"c{i}", "bolt", float(rng.integers(5, 11)), "2024-01-10"))
    gap = cx.survey.competitor_gap(study(answers(*rows)), "nps", ["acme", "bolt"])
    assert gap.table["against"].tolist() == ["acme", "bolt"]
    first, second = gap.table["p_value"]
    assert gap.table["p_adjusted"].tolist() == pytest.approx([min(2 * first, 1), second])
    own = np.array([row[2] for row in rows if row[1] == "nps"])
    other = own - 2
    scores = [100 * ((side >= 9).mean() - (side <= 6).mean()) for side in (own, other)]
    assert gap.table[["first", "second"]].iloc[0].tolist() == pytest.approx(scores)
    assert gap.table["difference"].iloc[0] == pytest.approx(scores[0] - scores[1])


def test_planted_gaps_lie_in_their_intervals() -> None:
    truth = cx.synthetic.JourneyTruth()
    gap = cx.survey.expectation_gap(journey(), "expectation", "experience", level=0.99).table.iloc[0]
    assert gap["low"] < truth.expectation_gap < gap["high"] < 0
    ahead = cx.survey.competitor_gap(journey(), "nps", "nps_acme", measure="mean", level=0.99).table.iloc[0]
    assert 0 < ahead["low"] < truth.competitor_gap < ahead["high"]


def test_groups_stand_below_the_whole_and_small_ones_are_hidden() -> None:
    _, _, rows = both_scores(60)
    plans = ["basic"] * 40 + ["pro"] * 17 + ["rare"] * 3
    customers = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(60)], "started_at": "2023-01-01", "status": plans}
    )
    gap = cx.survey.expectation_gap(study(rows, customers=customers), "hoped", "lived", by="status")
    table = gap.table
    assert table["whole"].tolist() == [True, False, False, False]
    assert table[gap.by[0]].tolist()[1:] == ["basic", "pro", "rare"]
    assert table["n"].tolist() == [60, 40, 17, 3]
    # the rare one is hidden, and with it the next smallest, from which it could be worked out
    assert table["suppressed"].tolist() == [False, False, True, True]
    assert (
        table.loc[table["suppressed"], ["first", "second", "difference", "low", "p_value"]].isna().all(None)
    )


def test_pairs_that_all_differ_alike_have_no_interval_and_no_test() -> None:
    rows = [(f"c{i}", name, 5.0 - (name == "lived"), "2024-02-01") for i in range(9) for name in SCALES]
    gap = cx.survey.expectation_gap(study(answers(*rows)), "hoped", "lived")
    row = gap.table.iloc[0]
    assert row["difference"] == -1 and np.isnan(row["low"]) and np.isnan(row["p_value"])
    assert "1 rows have no interval: all their pairs differ alike." in gap.notes


@pytest.mark.parametrize(
    "make",
    [pl.from_pandas, lambda frame: pa.Table.from_pandas(frame, preserve_index=False), duckdb.from_df],
    ids=["polars", "pyarrow", "duckdb"],
)
def test_every_engine_gives_the_same(make: Any) -> None:
    _, _, rows = both_scores(50)
    rows = rows.assign(team=["a", "b"] * 50)
    here = cx.survey.expectation_gap(study(rows), "hoped", "lived", by="team")
    there = cx.survey.expectation_gap(study(make(rows)), "hoped", "lived", by="team")
    pd.testing.assert_frame_equal(here.table, there.table, check_dtype=False)


def test_what_cannot_be_compared_is_refused() -> None:
    _, _, rows = both_scores(20)
    data = study(rows)
    refused = cx.errors.ArgumentError
    with pytest.raises(refused, match=r"'hopped' is not declared.*perhaps you meant 'hoped'"):
        cx.survey.expectation_gap(data, "hopped", "lived")
    with pytest.raises(refused, match=r"'zeal' is not declared.*\[instruments.zeal\] of study.toml"):
        cx.survey.expectation_gap(data, "zeal", "lived")
    with pytest.raises(
        refused, match=r"'lived' runs from 1 to 5 \(high_is_good\) and 'ces' from 1 to 5 \(low"
    ):
        cx.survey.expectation_gap(data, "ces", "lived")
    with pytest.raises(refused, match="compared with itself"):
        cx.survey.competitor_gap(data, "lived", "lived")
    with pytest.raises(refused, match="names nobody"):
        cx.survey.competitor_gap(data, "lived", [])
    with pytest.raises(cx.errors.DataError, match=r"no customer has answered both.*raise within_days"):
        cx.survey.expectation_gap(data, "hoped", "lived", within_days=3)
    with pytest.raises(refused, match="tariff"):
        cx.survey.expectation_gap(data, "hoped", "lived", by="tariff")


def pairs_of_studies(rng: np.random.Generator, studies: int, customers: int) -> pd.DataFrame:
    """Pairs on 1 to 5, one to three a customer, who all fall short alike; the true gap is -0.45."""
    sizes = rng.integers(1, 4, studies * customers)
    who = np.repeat(np.arange(len(sizes)), sizes)
    kind = rng.choice(3, len(sizes), p=(0.65, 0.25, 0.10))
    noise = rng.choice([0, 0, 0, 1, 2], len(who)) % 3
    # half of the pairs follow the customer, half are drawn anew with the same shares
    anew = rng.choice(3, len(who), p=(0.65, 0.25, 0.10))
    short = np.where(noise == 0, kind[who], anew)
    expected = 3 + rng.choice(3, len(who), p=(0.2, 0.5, 0.3))
    frame = pd.DataFrame({"by_0": who // customers, "who": who})
    return frame.assign(score=(expected - short).astype(float), score_other=expected.astype(float))


def covered(seed: int, studies: int, customers: int) -> float:
    pairs = pairs_of_studies(np.random.default_rng(seed), studies, customers)
    measure = measure_of(SCALES["lived"], "mean")
    cells = _differences(pairs, measure, ["by_0"], 0.95, "hoped")
    share = float(((cells["low"] <= -0.45) & (cells["high"] >= -0.45)).mean())
    print(f"paired difference, {customers} customers: {100 * share:.1f} %")
    return share


def test_the_interval_of_a_paired_difference_covers() -> None:
    assert 0.93 < covered(1, 2_000, 80) < 0.97


@pytest.mark.slow
@pytest.mark.parametrize("customers", [15, 30, 100])
def test_the_interval_of_a_paired_difference_covers_at_sizes(customers: int) -> None:
    assert 0.92 < covered(2, 20_000, customers) < 0.97
