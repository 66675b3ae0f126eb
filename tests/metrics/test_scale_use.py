"""Index, reliability and how people use scales: against psych in R, statsmodels and the paired t test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.stats.models.reliability import alpha_of

SIX = {
    name: cx.Scale(name=name, label=name, low=1, high=6, direction="high_is_good")
    for name in ("E3", "E4", "E5")
}
SIX |= {
    name: cx.Scale(name=name, label=name, low=1, high=6, direction="low_is_good") for name in ("E1", "E2")
}


def test_alpha_of_r(oracle_data: Path) -> None:
    """psych::alpha(bfi[, E1..E5], check.keys = TRUE), pairwise covariances, R 4.2.2."""
    table = pd.read_csv(oracle_data / "bfi.csv")
    found = cx.survey.cronbach_alpha(table, SIX)
    assert found.value == pytest.approx(0.761732820297786, abs=1e-12)
    assert found.se == pytest.approx(0.0070270461055231, abs=1e-12)
    items = table[list(SIX)].to_numpy(dtype=float)
    items[:, 3:] = 7 - items[:, 3:]
    assert alpha_of(items).standardised == pytest.approx(0.761795094114711, abs=1e-12)
    assert found.low == pytest.approx(found.value - 1.96 * found.se, abs=1e-3)


def test_feldt_interval_holds_its_level() -> None:
    """Five parallel normal items with alpha .8: 2,000 samples of 40 people."""
    rng = np.random.default_rng(8)
    k, rho = 5, 0.8 / (5 - 4 * 0.8)
    covered = 0
    for _ in range(2000):
        items = np.sqrt(rho) * rng.normal(size=(40, 1)) + np.sqrt(1 - rho) * rng.normal(size=(40, k))
        found = alpha_of(items)
        covered += found.low <= 0.8 <= found.high
    assert 0.93 <= covered / 2000 <= 0.97


def test_alpha_edges() -> None:
    same = np.array([1.0, 2, 3, 4, 5])
    assert alpha_of(np.column_stack([same, same, same])).value == pytest.approx(1)
    with pytest.raises(cx.errors.DataError, match="never varies"):
        alpha_of([[1, 3], [2, 3], [3, 3]])
    with pytest.raises(cx.errors.ArgumentError, match="two items"):
        alpha_of([[1], [2]])
    with pytest.raises(cx.errors.ArgumentError, match="no answers to item 'b'"):
        cx.survey.cronbach_alpha({"a": [1, 2]}, {"a": cx.CSAT, "b": cx.CSAT})
    wrong = {"a": [1, 2, 3, 4, 5] * 4, "b": [1, 2, 3, 5, 4] * 4, "c": [5, 4, 3, 2, 1] * 4}
    found = cx.survey.cronbach_alpha(wrong, dict.fromkeys("abc", cx.CSAT))
    assert "runs against" in found.note


def test_composite_index() -> None:
    rng = np.random.default_rng(1)
    mood = rng.normal(size=200)
    answers = {
        "csat": np.clip(np.round(4 + mood + 0.5 * rng.normal(size=200)), 1, 5),
        "effort": np.clip(np.round(2 - mood + 0.5 * rng.normal(size=200)), 1, 5),
    }
    items = {"csat": cx.CSAT, "effort": cx.CES1}
    found = cx.survey.composite_index(answers, items, weights={"csat": 3, "effort": 1})
    expected = 0.75 * (answers["csat"] - 1) / 4 + 0.25 * (5 - answers["effort"]) / 4
    assert found.scores.to_numpy() == pytest.approx(100 * expected)
    assert found.estimate.value == pytest.approx(100 * expected.mean())
    assert found.estimate.se == pytest.approx(100 * stats.sem(expected))
    assert 0 < found.estimate.low < found.estimate.value < found.estimate.high < 100
    assert found.table["weight"].tolist() == [0.75, 0.25] and found.alpha.value > 0.5
    answers["csat"][0] = np.nan
    assert cx.survey.composite_index(answers, items).estimate.n_missing == 1
    with pytest.raises(cx.errors.ArgumentError, match="different things"):
        cx.survey.composite_index(answers, items, weights={"csat": 1})
    twice = {name: np.tile(values, 2) for name, values in answers.items()}
    who = np.tile(np.arange(200), 2)
    linked = cx.survey.composite_index(twice, items, clusters=who).estimate
    assert linked.se == pytest.approx(cx.survey.composite_index(answers, items).estimate.se, rel=0.01)


def test_within_person_scores_take_out_the_person() -> None:
    found = cx.survey.within_person_scores([3, 5, None, 10, 8, 1], list("aabbbc"), scale=cx.NPS)
    assert found["answers"].tolist() == [2, 2, 2, 2, 1]
    assert found["adjusted"].tolist()[:4] == [5.5, 7.5, 7.5, 5.5] and np.isnan(found["adjusted"].iloc[4])


def test_within_person_difference_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(4)
    before = rng.integers(1, 8, 60)
    after = np.clip(before + rng.choice([-1, 0, 1, 1], 60), 1, 7)
    who = np.tile(np.arange(60), 2)
    when = np.repeat(["before", "after"], 60)
    found = cx.survey.within_person_difference(
        np.concatenate([before, after]), who, when, first="after", second="before", scale=cx.CES2
    )
    paired = stats.ttest_rel(after, before)
    assert found.difference == pytest.approx((after - before).mean())
    assert found.statistic == pytest.approx(paired.statistic)
    assert found.p_value == pytest.approx(paired.pvalue)
    interval = paired.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_adjusted_difference_is_the_regression_with_channels() -> None:
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(5)
    n = 400
    channel = rng.choice(["phone", "mail", "app"], n)
    young = rng.random(n) < np.where(channel == "app", 0.8, 0.3)
    score = np.clip(np.round(4 + 1.5 * (channel == "app") + 0.2 * young + rng.normal(size=n)), 1, 7)
    group = np.where(young, "young", "old")
    found = cx.survey.adjusted_difference(score, group, channel, first="young", second="old")
    table = pd.DataFrame({"score": score, "young": young.astype(float), "channel": channel})
    fit = smf.ols("score ~ young + C(channel)", table).fit(cov_type="HC1", use_t=True)
    assert found.difference == pytest.approx(fit.params["young"])
    assert found.se == pytest.approx(fit.bse["young"])
    assert found.p_value == pytest.approx(fit.pvalues["young"])
    raw = score[young].mean() - score[~young].mean()
    assert f"without adjustment {raw:+.2f}" in found.note and "3 of 3" in found.note
    swapped = cx.survey.adjusted_difference(score, group, channel, first="old", second="young")
    assert swapped.difference == pytest.approx(-found.difference)
    linked = cx.survey.adjusted_difference(
        np.tile(score, 2),
        np.tile(group, 2),
        np.tile(channel, 2),
        first="young",
        second="old",
        clusters=list(range(n)) * 2,
    )
    assert linked.se == pytest.approx(found.se, rel=0.01)


def test_nothing_in_common_is_said() -> None:
    with pytest.raises(cx.errors.DataError, match="no stratum holds both"):
        cx.survey.adjusted_difference([1, 2, 6, 7], list("aabb"), ["x", "x", "y", "y"], first="a", second="b")
    with pytest.raises(cx.errors.ArgumentError, match="no row is in group 'z'"):
        cx.survey.adjusted_difference([1, 2], ["a", "b"], ["x", "x"], first="a", second="z")
