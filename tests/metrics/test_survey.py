"""NPS, CSAT and CES on lists, arrays and columns; what they refuse; designs; real numbers."""

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import cxresearch as cx
from cxresearch.metrics.survey.survey import survey_score
from cxresearch.results.units import Unit

CASE = [6] * 15 + [8] * 25 + [10] * 60


def test_the_worked_case() -> None:
    found = cx.nps(CASE)
    assert found.value == 45.0
    assert found.se == pytest.approx(7.399324, abs=1e-6)
    assert found.n == 100 and found.n_missing == 0 and found.unit is Unit.POINTS
    assert "Tango" in found.method and "small" not in found.note
    assert str(found) == "NPS +45.0 [+29.3, +58.1], n 100"


@pytest.mark.parametrize(
    ("counts", "value", "se", "wald", "adjusted"),
    [  # R 4.2.2, multinomial SE; 3/4 added to promoters and detractors, 3/2 to passives
        (
            (15, 25, 60),
            45,
            7.39932429347437,
            (30.4975908748579, 59.502409125142),
            (29.3431112017341, 58.0355295749649),
        ),
        (
            (0, 10, 40),
            80,
            5.65685424949238,
            (68.9127694052026, 91.0872305947974),
            (63.0343187781638, 87.9090774482513),
        ),
        (
            (3, 2, 0),
            -60,
            21.9089023002066,
            (-102.940659449212, -17.0593405507882),
            (-82.508546965831, 7.50854696583102),
        ),
    ],
)
def test_r(
    counts: tuple[int, int, int],
    value: float,
    se: float,
    wald: tuple[float, float],
    adjusted: tuple[float, float],
) -> None:
    scores = [3] * counts[0] + [7] * counts[1] + [9] * counts[2]
    found = cx.nps(scores, method="wald")
    assert (found.value, found.se) == pytest.approx((value, se), abs=1e-9)
    assert (found.low, found.high) == pytest.approx(wald, abs=1e-9)
    found = cx.nps(scores, method="adjusted_wald")
    assert (found.low, found.high) == pytest.approx(adjusted, abs=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        lambda x: np.array(x, dtype=float),
        pd.Series,
        lambda x: pd.Series(x, dtype="Int64"),
        lambda x: pd.Series(x, index=range(500, 500 + len(x))),
        lambda x: pl.Series("score", x),
        pa.array,
        lambda x: pa.chunked_array([x[:50], x[50:]]),
    ],
    ids=["list", "tuple", "numpy", "pandas", "Int64", "odd index", "polars", "arrow", "arrow chunks"],
)
def test_any_column(make: Any) -> None:
    assert cx.nps(make(CASE)) == cx.nps(CASE)
    assert cx.ces(make([1, 7] * 50), scale=cx.CES2, clusters=make([3] * 30 + [4] * 70)).n == 100


@pytest.mark.parametrize("hole", [None, float("nan"), pd.NA, np.nan])
def test_missing_answers_are_counted(hole: object) -> None:
    found = cx.nps([*CASE, hole, hole])
    assert (found.value, found.n, found.n_missing) == (45.0, 100, 2)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([10, 9, 11], "score 11 .*position 2"),
        ([10, 7.5, 8.5], "score 7.5 .*position 1, and 1 more"),
        ([-1, 3], "score -1 .*position 0"),
        (["9", "ten"], "not a number"),
        ([[9, 10]], "2 dimensions"),
        ([float("inf")], "infinite"),
        (np.array([True, False]), "true/false"),
    ],
)
def test_answers_that_are_none(scores: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cx.nps(scores)


def test_a_1_to_10_question_is_no_nps() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="1-10 scale"):
        cx.nps([9, 10], scale=cx.Scale(name="nps", label="NPS", low=1, high=10, direction="high_is_good"))


def test_ces_version_is_declared() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="version of CES is not declared"):
        cx.ces([1, 2, 3])
    with pytest.raises(cx.errors.DataError, match=r"score 6 .*CES 1\.0"):
        cx.ces([1, 2, 6], scale=cx.CES1)
    assert (
        "CES 2.0" in cx.ces([7, 6, 5], scale=cx.CES2).name
        and "CES 1.0" in cx.ces([1, 2, 3], scale=cx.CES1).name
    )
    assert "was the question CES 1.0" in cx.ces([1, 2, 3, 4, 5] * 10, scale=cx.CES2).note
    assert cx.ces([1, 2, 3], scale=cx.CES1, measure="top_box").value == pytest.approx(1 / 3)


def test_ces_mean_by_counts() -> None:
    counts = dict(zip(range(1, 8), (80, 210, 140, 110, 160, 180, 120), strict=True))
    found = cx.ces([score for score, n in counts.items() for _ in range(n)], scale=cx.CES2)
    assert found.value == pytest.approx(4.08)
    assert cx.ces([1, 4, 7], scale=cx.CES2, measure="top_3_box").name == "CES 2.0 top-3-box"


def test_edges() -> None:
    nobody = cx.nps([])
    assert math.isnan(nobody.value) and math.isnan(nobody.low) and nobody.note == "no answers"
    assert cx.nps([None, None]).n_missing == 2
    one = cx.nps([10])
    assert one.value == 100 and one.high == 100 and one.low < 0 and "small base" in one.note
    everyone = cx.nps([10] * 200)
    assert everyone.high == 100 and 95 < everyone.low < 100
    lonely = cx.csat([4])
    assert lonely.value == 4 and 1 <= lonely.low < 4 < lonely.high <= 5 and math.isnan(lonely.se)
    assert math.isnan(cx.csat([4], method="t").low)
    assert "small base" in cx.nps([9] * 29).note and cx.nps([9] * 30).note == ""


def test_methods_belong_to_measures() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="method is 't'"):
        cx.csat([4, 5], measure="top_box", method="t")
    with pytest.raises(cx.errors.ArgumentError, match="measure is 'top'"):
        cx.csat([4, 5], measure="top")  # type: ignore[arg-type]
    with pytest.raises(cx.errors.ArgumentError, match="level"):
        cx.nps(CASE, level=95)


def test_csat_measures() -> None:
    scores = [1] * 4 + [2] * 5 + [3] * 11 + [4] * 38 + [5] * 42
    assert cx.csat(scores).value == pytest.approx(4.09)
    assert cx.csat(scores, measure="top_2_box").value == 0.8
    assert cx.csat(scores, measure="top_box").value == 0.42
    t = cx.csat(scores, method="t")
    from scipy import stats

    low, high = stats.t.interval(0.95, 99, loc=np.mean(scores), scale=stats.sem(scores))
    assert (t.low, t.high, t.se) == pytest.approx((low, high, stats.sem(scores)), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 10), min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_properties(scores: list[int], shuffle: Any) -> None:
    found = cx.nps(scores)
    mixed = list(scores)
    shuffle.shuffle(mixed)
    assert cx.nps(mixed) == found
    assert found.low <= found.value <= found.high
    constant = cx.nps(scores, weights=[3.5] * len(scores))
    assert (constant.value, constant.low, constant.high) == pytest.approx(
        (found.value, found.low, found.high), abs=1e-6
    )
    alone = cx.nps(scores, clusters=range(len(scores)))
    assert (alone.value, alone.low, alone.high) == pytest.approx(
        (found.value, found.low, found.high), abs=1e-6
    )
    weights = [1 + (i % 3) for i in range(len(scores))]
    twice = cx.nps([score for score, w in zip(scores, weights, strict=True) for _ in range(w)])
    assert cx.nps(scores, weights=weights).value == pytest.approx(twice.value)


def test_repeated_answers_widen_the_interval() -> None:
    scores = CASE * 4
    who = list(range(100)) * 4
    naive, honest = cx.nps(scores), cx.nps(scores, clusters=who)
    once = cx.nps(CASE)
    assert honest.value == naive.value
    assert honest.low == pytest.approx(once.low, abs=0.3) and honest.low < naive.low - 5
    assert honest.n_effective == pytest.approx(100, rel=0.03)


def test_one_cluster_says_nothing_about_the_rest() -> None:
    found = cx.nps([9, 10, 2], clusters=["a", "a", "a"])
    assert math.isnan(found.low) and "too few independent" in found.note


def test_bad_designs() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="lengths differ"):
        cx.nps([9, 10], weights=[1.0])
    with pytest.raises(cx.errors.ArgumentError, match=r"negative.*position 1"):
        cx.nps([9, 10], weights=[1.0, -1.0])
    with pytest.raises(cx.errors.ArgumentError, match="zero"):
        cx.nps([9, 10], weights=[0.0, 0.0])
    with pytest.raises(cx.errors.ArgumentError, match="missing"):
        cx.nps([9, 10], clusters=["a", None])


def test_strata_free_survey_of_r(oracle_data: Any) -> None:
    """R survey 4.1-1, svydesign(id = ~dnum, weights = ~pw) without fpc: NPS -83.6066, SE 4.8714867."""
    schools = pd.read_csv(oracle_data / "apiclus1.csv")
    found = cx.nps(schools["nps10"], weights=schools["pw"], clusters=schools["dnum"])
    assert found.value == pytest.approx(-83.6065573770492, abs=1e-9)
    assert found.se == pytest.approx(4.87148670923527, abs=1e-9)


def test_sfo_2017(shared: Any) -> None:
    """The airport's survey of 2017; code 11 means "blank" and is refused, not read as a promoter."""
    survey = pd.read_csv(shared / "data" / "sfo" / "sfo_2017.csv.gz", low_memory=False)
    score = pd.to_numeric(survey["NETPRO"], errors="coerce")
    with pytest.raises(cx.errors.DataError, match="score 11"):
        cx.nps(score)
    score = score.where(score != 11)
    found = cx.nps(score)
    assert round(found.value, 2) == 39.84 and found.n == 2746
    weighted = cx.nps(score, weights=survey["WEIGHT"])
    assert round(weighted.value, 2) == 40.40
    assert weighted.n_effective is not None and weighted.n_effective < 2746
    assert weighted.se > found.se


def test_sfo_2017_what_a_wrong_reading_gives(shared: Any) -> None:
    """Code 11 read as a promoter, every row in the base: 41.61; a study sets these rows aside."""
    survey = pd.read_csv(shared / "data" / "sfo" / "sfo_2017.csv.gz", low_memory=False)
    score = pd.to_numeric(survey["NETPRO"], errors="coerce")
    wrong = 100 * ((score >= 9).sum() - (score <= 6).sum()) / len(score)
    assert (len(score), (score == 11).sum(), score.isna().sum()) == (2831, 84, 1)
    assert round(wrong, 2) == 41.61
    rows = pd.DataFrame(
        {
            "customer_id": [f"r{number}" for number in range(len(score))],
            "instrument": "nps",
            "score": score,
            "responded_at": pd.Timestamp("2017-06-01"),
        }
    )
    options: dict[str, Any] = {"observed_until": "2017-12-31", "instruments": {"nps": cx.NPS}}
    with pytest.raises(cx.errors.StudyError, match="84 with a score outside the scale"):
        cx.metric_table(cx.Study.from_frames({"responses": rows}, **options), "nps")
    study = cx.Study.from_frames({"responses": rows}, on_reject="set_aside", max_reject_share=0.1, **options)
    found = cx.metric_table(study, "nps").iloc[0]
    assert (round(found["value"], 2), found["n"]) == (39.84, 2746)
    assert study.rejects()["rule"].value_counts().to_dict() == {"score_out_of_scale": 84, "missing_score": 1}


@pytest.mark.parametrize(
    ("year", "column", "share"),
    [
        (2010, "Q6N", 75.43),
        (2011, "Q8N", 75.39),
        (2012, "Q8N_WHOLE", 78.79),
        (2013, "Q7O_WHOLE", 79.27),
        (2014, "Q7ALL", 78.86),
        (2015, "Q7ALL", 80.00),
        (2016, "Q7ALL", 80.99),
        (2017, "Q7ALL", 82.07),
    ],
)
def test_sfo_satisfaction(shared: Any, year: int, column: str, share: float) -> None:
    survey = pd.read_csv(shared / "data" / "sfo" / f"sfo_{year}.csv.gz", low_memory=False)
    score = pd.to_numeric(survey[column], errors="coerce")
    found = cx.csat(score.where(score.between(1, 5)), measure="top_2_box")
    assert round(100 * found.value, 2) == share


@pytest.mark.parametrize("method", ["t", "score"])
@pytest.mark.parametrize("clustered", [False, True])
def test_answers_of_weight_zero_buy_nothing(method: str, clustered: bool) -> None:
    scores, weights = [5, 1, 4, *[5] * 997], [1, 1, 1, *[0] * 997]
    who = range(1000) if clustered else None
    few = range(3) if clustered else None
    padded = cx.csat(scores, weights=weights, clusters=who, method=method)  # type: ignore[arg-type]
    plain = cx.csat(scores[:3], weights=weights[:3], clusters=few, method=method)  # type: ignore[arg-type]
    assert (padded.n, padded.n_missing) == (3, 0)
    assert (padded.low, padded.high, padded.se) == pytest.approx((plain.low, plain.high, plain.se))
    assert padded.note == "small base: fewer than 30 answers"
    if method == "t":  # t with 2 degrees of freedom: 4.30265
        assert padded.high - padded.value == pytest.approx(4.30265 * padded.se, rel=1e-5)


def test_a_base_may_be_small_in_effect() -> None:
    found = cx.nps([10, 0, 9, *[10] * 97], weights=[*[1000.0] * 3, *[1.0] * 97])
    assert found.note == "small base: 100 answers that tell no more than 3 independent ones"


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_few_clusters_widen_by_t_at_the_level_asked_for(level: float) -> None:
    rng = np.random.default_rng(0)
    who = np.repeat([0, 1, 2], 200)
    promoter = rng.uniform(size=600) < np.array([0.5, 0.55, 0.6])[who]
    scores = np.where(promoter, 10, np.where(rng.uniform(size=600) < 0.5, 8, 3))
    found = cx.nps(scores, clusters=who, method="wald", level=level)
    t = {0.8: 1.88562, 0.95: 4.30265, 0.99: 9.92484}[level]
    # The simple sample of D answers with this error is read by z instead of t_{D-1}, on D instead of D - 1.
    counts = np.where(promoter, 1.0, np.where(scores == 3, -1.0, 0.0))
    size = 1 + 100**2 * counts.var() / found.se**2
    simple = stats.norm.ppf((1 + level) / 2) / stats.t.ppf((1 + level) / 2, size - 1)
    half = t * found.se * simple * np.sqrt((size - 1) / size)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=1e-5)


@pytest.mark.parametrize("measure", ["nps", "mean", "top_box"])
@pytest.mark.parametrize("customers", [8, 40])
def test_an_answer_of_weight_two_is_the_same_answer_twice_of_its_customer(
    measure: str, customers: int
) -> None:
    rng = np.random.default_rng(customers)
    who = rng.integers(0, customers, 3 * customers)
    scores = rng.choice([2, 6, 7, 8, 9, 10], len(who))
    weight = rng.integers(1, 4, len(who))
    once = survey_score(scores, scale=cx.NPS, measure=measure, weights=weight, clusters=who)
    often = [np.repeat(values, weight) for values in (scores, who)]
    twice = survey_score(often[0], scale=cx.NPS, measure=measure, clusters=often[1])
    assert (once.low, once.high) == pytest.approx((twice.low, twice.high), abs=1e-9)
    assert (once.value, once.se) == pytest.approx((twice.value, twice.se), abs=1e-9)
    scaled = survey_score(scores, scale=cx.NPS, measure=measure, weights=7 * weight, clusters=who)
    assert (scaled.low, scaled.high) == pytest.approx((once.low, once.high), abs=1e-9)
    alone = survey_score(scores, scale=cx.NPS, measure=measure, clusters=np.arange(len(who)))
    simple = survey_score(scores, scale=cx.NPS, measure=measure)
    assert (alone.low, alone.high) == pytest.approx((simple.low, simple.high), abs=1e-9)


def test_bands_and_reference_points() -> None:
    ends = {-100: "needs work", -0.1: "needs work", 0: "good", 49.9: "good", 50: "excellent", 70: "excellent"}
    assert {score: cx.survey.nps_band(score) for score in ends} == ends
    assert [cx.survey.nps_band(score) for score in (70.1, 100)] == ["world class"] * 2
    for score in (-100.1, 100.1, math.nan):
        with pytest.raises(cx.errors.ArgumentError, match="-100 to 100"):
            cx.survey.nps_band(score)
    points = cx.survey.nps_reference_points()
    assert dict(zip(points["firm"], points["nps"], strict=True)) == {
        "Apple": 72,
        "Amazon": 69,
        "Netflix": 68,
        "Jive": 68,
    }
    assert points["band"].tolist() == ["world class", *["excellent"] * 3] and points["source"].all()
    assert cx.survey.nps_reading(cx.nps([10] * 80 + [6] * 20)).startswith(
        "excellent; the interval runs from good"
    )
    with pytest.raises(cx.errors.ArgumentError, match="an NPS, in points"):
        cx.survey.nps_reading(cx.csat([5, 4]))


def test_a_sample_against_itself_differs_by_exactly_nothing() -> None:
    who = [f"c{place // 2}" for place in range(100)]
    itself = cx.survey.score_difference(CASE, CASE)
    of_customers = cx.survey.score_difference(
        CASE, CASE[::-1], clusters=(who, who[::-1]), measure="top_box", labels=("now", "then")
    )
    for found in (itself, of_customers):
        assert (found.difference, found.low, found.high, found.p_value, found.n) == (0.0, 0.0, 0.0, 1.0, 100)
        assert found.note == "both sides are the same answers"
    assert of_customers.unit is Unit.SHARE_DIFFERENCE


def test_equal_lists_of_two_groups_are_two_samples() -> None:
    found = cx.survey.score_difference(CASE, list(CASE))
    assert found.difference == 0.0 and found.p_value == 1.0
    # sqrt(below^2 + above^2) of one side's interval [29.3, 58.1] around 45.
    side = cx.nps(CASE)
    half = math.hypot(side.value - side.low, side.high - side.value)
    assert (found.low, found.high) == pytest.approx((-half, half))
    same_mean = [10] * 50 + [8] * 45 + [6] * 5
    assert cx.survey.score_difference(CASE, same_mean, clusters=(range(100), range(100))).high > 5
