"""Few leavers, few stayers, few customers: a verdict must not come from an error nobody can know."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.stats.prediction.delong import delong
from cxresearch.stats.prediction.few_leavers import Reference

SCALES = {"ces": cx.CES2, "nps": cx.NPS}


def contest(
    duration: np.ndarray, event: np.ndarray, rng: np.random.Generator, **more: object
) -> cx.contest.Comparison:
    rows = {
        "customer_id": more.pop("customer_id", [f"c{i}" for i in range(len(event))]),
        "ces": rng.integers(1, 8, len(event)),
        "nps": rng.integers(0, 11, len(event)),
        "duration_days": duration,
        "event": event,
    }
    rows |= more
    marks = cx.classifier.Landmarks.from_frame(pd.DataFrame(rows), instruments=SCALES, horizon_days=180)
    return cx.compare(marks, ["ces", "nps"], metrics=())


def with_leavers(k: int, n: int, rng: np.random.Generator) -> cx.contest.Comparison:
    event = np.zeros(n, dtype=int)
    event[:k] = 1
    return contest(np.where(event == 1, 90.0, 400.0), event, rng)


def with_stayers(k: int, rng: np.random.Generator) -> cx.contest.Comparison:
    duration = np.concatenate([rng.uniform(1, 170, 60), np.full(k, 400.0), rng.uniform(1, 170, 240)])
    event = np.concatenate([np.ones(60, int), np.zeros(k, int), np.zeros(240, int)])
    return contest(duration, event, rng)


def test_one_leaver_decides_nothing() -> None:
    found = with_leavers(1, 200, np.random.default_rng(1))
    row = found.contrasts.iloc[0]
    assert found.verdict == "inconclusive"
    assert math.isnan(row["low"]) and math.isnan(row["p_value"])
    assert "too few on one side for an interval" in found.finding
    assert any("only 1 leavers" in text for text in found.notes)


def test_one_stayer_decides_nothing_and_is_named() -> None:
    found = with_stayers(1, np.random.default_rng(1))
    assert found.verdict == "inconclusive"
    assert any("only 1 customers still there" in text for text in found.notes)


def test_two_scores_that_both_separate_are_not_shown_to_be_equivalent() -> None:
    rng = np.random.default_rng(1)
    ces, nps = rng.integers(2, 8, 2_000), rng.integers(1, 11, 2_000)
    ces[:2], nps[:2] = 1, 0
    event = np.zeros(2_000, int)
    event[:2] = 1
    found = contest(np.where(event == 1, 90.0, 400.0), event, rng, ces=ces, nps=nps)
    assert found.verdict == "inconclusive"
    assert math.isnan(found.contrasts["p_equivalence"].iloc[0])


def test_identical_scores_are_equivalent_with_p_one() -> None:
    rng = np.random.default_rng(2)
    answers = rng.integers(1, 8, 300)
    event = (rng.random(300) < 0.2).astype(int)
    found = contest(np.where(event == 1, 90.0, 400.0), event, rng, ces=answers, nps=answers)
    row = found.contrasts.iloc[0]
    assert (row["difference"], row["p_value"], found.verdict) == (0, 1, "equivalent")


def test_reference_is_normal_where_there_are_many() -> None:
    assert Reference(smallest=100_000).critical(0.95) == pytest.approx(stats.norm.ppf(0.975), abs=1e-4)
    assert Reference(smallest=100_000).p_value(0.02, 0.01) == pytest.approx(2 * stats.norm.sf(2), abs=1e-5)


def test_interval_and_test_agree() -> None:
    for seed in range(20):
        row = with_leavers(6, 120, np.random.default_rng(seed)).contrasts.iloc[0]
        assert (row["low"] > 0 or row["high"] < 0) == (row["p_value"] < 0.05)


def test_equivalence_names_the_interval_its_test_uses() -> None:
    marks = cx.synthetic.synthetic_landmarks(seed=1, customers=60_000, scenario="equal")
    found = cx.compare(marks, ["ces", "nps"], metrics=())
    assert found.verdict == "equivalent"
    assert "90 % interval" in found.finding


def test_secondary_pairs_need_more_rows_than_there_are() -> None:
    for seed in range(8):
        marks = cx.synthetic.synthetic_landmarks(seed=seed, customers=3_000, scenario="base")
        found = cx.compare(marks, ["ces", "nps", "csat"], metrics=())
        open_ = found.contrasts[found.contrasts["verdict"].str.startswith("inconclusive")]
        assert (open_["rows_to_decide"] > found.n).all()


@pytest.mark.slow
def test_true_null_is_seldom_rejected_however_few() -> None:
    runs = 1_000
    for k in (2, 3, 5, 10, 20):
        rng = np.random.default_rng(k)
        few = np.mean(["better" in with_leavers(k, 300, rng).verdict for _ in range(runs)])
        rare = np.mean(["better" in with_stayers(k, rng).verdict for _ in range(runs)])
        print(f"k = {k}: rejected with k leavers {few:.3f}, with k stayers under censoring {rare:.3f}")
        assert few < 0.075 and rare < 0.075


@pytest.mark.slow
def test_true_null_is_seldom_rejected_with_few_customers() -> None:
    for customers in (3, 5, 10, 20):
        rng = np.random.default_rng(customers)
        rejected = []
        for _ in range(500):
            who = np.repeat(np.arange(customers), 60)
            lean = rng.normal(size=(3, customers))[:, who]
            event = (rng.normal(size=who.size) + lean[0] > 1).astype(int)
            if not 0 < event.sum() < event.size:
                continue
            ces = np.clip(np.round(4 + lean[1] + rng.normal(size=who.size)), 1, 7)
            nps = np.clip(np.round(7 + lean[2] + 2 * rng.normal(size=who.size)), 0, 10)
            found = contest(
                np.where(event == 1, 90.0, 400.0),
                event,
                rng,
                ces=ces,
                nps=nps,
                customer_id=[f"c{i}" for i in who],
                landmark_at=np.tile(pd.date_range("2000-01-01", periods=60, freq="D"), customers),
                # rows of one customer lie closer together than the horizon
            )
            rejected.append("better" in found.verdict)
        print(f"{customers} customers: rejected {np.mean(rejected):.3f}")
        assert np.mean(rejected) < 0.085


def unequal(rng: np.random.Generator, spread: float, customers: int = 80) -> pd.DataFrame:
    """Customers with 1 to 250 rows of about 30; half of what tells and is told is the customer's."""
    size = np.round(30 * np.exp(spread * rng.normal(size=customers) - spread**2 / 2)).clip(1, 250).astype(int)
    who = np.repeat(np.arange(customers), size)
    half = np.sqrt(0.5)
    own = rng.normal(size=(3, customers))[:, who]
    risk, first, second = half * own + half * rng.normal(size=own.shape)
    left = risk > 1
    day = np.concatenate([np.arange(rows) for rows in size])
    cuts = stats.norm.ppf([0.1, 0.25, 0.45, 0.65, 0.8, 0.92])
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in who],
            "landmark_at": pd.Timestamp("2000-01-01") + pd.to_timedelta(day, unit="D"),
            "ces": np.digitize(-0.6 * risk - 0.8 * first, cuts) + 1,
            "nps": np.digitize(-0.6 * risk - 0.8 * second, cuts) + 4,
            "duration_days": np.where(left, 90.0, 400.0),
            "event": left.astype(int),
        }
    )


def compared(rows: pd.DataFrame) -> cx.contest.Comparison:
    marks = cx.classifier.Landmarks.from_frame(rows, instruments=SCALES, horizon_days=180, stacked=True)
    return cx.compare(marks, ["ces", "nps"], metrics=())


def test_of_unequal_clusters_the_error_is_that_of_leaving_customers_out() -> None:
    rows = unequal(np.random.default_rng(3), 1.0, customers=60)
    table = compared(rows).table.iloc[0]
    without = [
        delong(part["event"], {"ces": -part["ces"]}).auc[0]
        for part in (rows[rows["customer_id"] != name] for name in rows["customer_id"].unique())
    ]
    jackknife = np.sqrt(59 * np.var(without))
    areas = delong(rows["event"], {"ces": -rows["ces"]}, clusters=rows["customer_id"]).estimate("ces")
    assert areas.se == pytest.approx(jackknife, rel=0.05)
    assert (table["low"], table["high"]) == pytest.approx((areas.low, areas.high), abs=0.002)


def test_of_many_equal_clusters_intervals_are_delongs_to_the_printed_digits() -> None:
    rows = unequal(np.random.default_rng(4), 0.0, customers=300)
    rows["customer_id"] = [f"r{i}" for i in range(len(rows))]
    again = rows.assign(landmark_at=rows["landmark_at"] + pd.Timedelta(days=1))
    table = compared(pd.concat([rows, again], ignore_index=True)).table
    areas = delong(rows["event"], {name: -rows[name] for name in ("ces", "nps")})
    for row in table.to_dict("records"):
        expected = areas.estimate(row["score"])
        for printed, number in ((row["low"], expected.low), (row["high"], expected.high)):
            assert f"{printed:.3f}" == f"{number:.3f}"


def covered_and_rejected(runs: int, spread: float) -> tuple[float, float, float]:
    """Coverage by the interval and by 1.96 errors, and how often scores equally good are told apart."""
    rng = np.random.default_rng(round(100 * spread))
    many = unequal(rng, 0.0, customers=20_000)
    truth = delong(many["event"], {"ces": -many["ces"]}).auc[0]
    outcomes = []
    for _ in range(runs):
        found = compared(unequal(rng, spread))
        row, contrast = found.table.iloc[0], found.contrasts.iloc[0]
        held = row["low"] <= truth <= row["high"]
        outcomes.append((held, abs(row["auc"] - truth) <= 1.96 * row["se"], contrast["p_value"] < 0.05))
    held_share, by_error, rejected = np.mean(outcomes, axis=0)
    return float(held_share), float(by_error), float(rejected)


def test_intervals_of_unequal_clusters_cover_the_truth() -> None:
    held, _, rejected = covered_and_rejected(60, 1.5)
    assert held >= 0.88 and rejected <= 0.12


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0, 1.5])
def test_intervals_of_unequal_clusters_cover_the_truth_in_1000_studies(spread: float) -> None:
    held, by_error, rejected = covered_and_rejected(1_000, spread)
    print(
        f"80 customers, spread of log sizes {spread}: AUC covered in {100 * held:.1f} %, by 1.96 errors "
        f"{100 * by_error:.1f} %; equal scores told apart in {100 * rejected:.1f} %"
    )
    assert 0.93 <= held <= 0.97 and rejected <= 0.065
