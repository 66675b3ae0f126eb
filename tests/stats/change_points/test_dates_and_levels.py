"""Dates, shapes and levels of single changes against brute force and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cxresearch.stats.change_points.change_date import change_date, step_gain
from cxresearch.stats.change_points.change_point import find_changes
from cxresearch.stats.change_points.dated_sums import dated_sums
from cxresearch.stats.change_points.level_intervals import level_change, level_of
from cxresearch.stats.change_points.scan_power import visible_change
from cxresearch.stats.change_points.split_scan import scan_splits
from cxresearch.stats.change_points.step_or_slide import fit_slide, step_or_slide


def rss_of_step(day, value, first) -> float:
    late = day >= first
    return ((value[late] - value[late].mean()) ** 2).sum() + ((value[~late] - value[~late].mean()) ** 2).sum()


def test_gain_is_the_fall_of_the_sum_of_squares(plant) -> None:
    answers = plant(np.random.default_rng(1), n=400, days=40, fall=0.5, at=25)
    sums = dated_sums(answers.day, answers.points)
    scan = scan_splits(sums)
    gain = step_gain(scan)
    total = ((answers.points - answers.points.mean()) ** 2).sum()
    for split in np.flatnonzero(scan.judged):
        first = sums.day[split + 1]
        assert gain[split] == pytest.approx(total - rss_of_step(answers.day, answers.points, first))


def test_set_of_days_is_the_posterior_by_enumeration(plant) -> None:
    answers = plant(np.random.default_rng(2), n=500, days=60, fall=0.8, at=35)
    sums = dated_sums(answers.day, answers.points)
    scan = scan_splits(sums)
    date = change_date(sums, scan, level=0.9)
    days = [day for split, day in enumerate(sums.day[1:]) if scan.judged[split]]
    rss = np.array([rss_of_step(answers.day, answers.points, day) for day in days])
    best = days[int(rss.argmin())]
    late = answers.day >= best
    variance = max(answers.points[late].var(), answers.points[~late].var())
    n_late = np.array([(answers.day >= day).sum() for day in days])
    posterior = np.exp(-(rss - rss.min()) / (2 * variance)) / np.sqrt(n_late * (500 - n_late))
    posterior /= posterior.sum()
    order = np.argsort(-posterior)
    size = int(np.searchsorted(posterior[order].cumsum(), 0.9)) + 1
    chosen = np.array(days)[order[:size]]
    assert (date.day, date.low, date.high) == (best, chosen.min(), chosen.max())


def test_a_change_within_a_gap_has_the_gap_for_its_days(plant) -> None:
    answers = plant(np.random.default_rng(3), n=1200, days=120, fall=1.5, at=60)
    outside = (answers.day < 50) | (answers.day >= 80)
    sums = dated_sums(answers.day[outside], answers.points[outside])
    date = change_date(sums, scan_splits(sums))
    assert date.low <= 50
    assert date.high >= 80


def test_a_slide_fits_as_weighted_least_squares(plant) -> None:
    rng = np.random.default_rng(4)
    answers = plant(rng, n=2500, days=200, repeat=0.5, fall=1.2, at=80, slide=True)
    sums = dated_sums(answers.day, answers.points, who=answers.who)
    slide = fit_slide(sums, scan_splits(sums))
    design = np.column_stack([np.ones(2500), np.maximum(answers.day - slide.day, 0)])
    model = sm.OLS(answers.points, design)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": answers.who, "use_correction": False})
    length = answers.day.max() - slide.day
    assert slide.start == pytest.approx((fit.params[0], fit.bse[0]))
    assert slide.change == pytest.approx((length * fit.params[1], length * fit.bse[1]))
    # no other day gives a smaller sum of squares
    for start in range(int(answers.day.min()) + 11, 189, 7):
        other = np.column_stack([np.ones(2500), np.maximum(answers.day - start, 0)])
        assert sm.OLS(answers.points, other).fit().ssr >= fit.ssr - 1e-6


def test_levels_equal_clustered_regression(plant) -> None:
    answers = plant(np.random.default_rng(5), n=800, days=90, repeat=0.6, fall=0.4, at=50)
    sums = dated_sums(answers.day, answers.points, who=answers.who)
    change = level_change(sums, 50, level=0.95)
    design = sm.add_constant((answers.day >= 50).astype(float))
    model = sm.OLS(answers.points, design)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": answers.who, "use_correction": False})
    clusters = len(np.unique(answers.who))
    assert change.value == pytest.approx(fit.params[1])
    half = 1.959964 * fit.bse[1] * np.sqrt(clusters / (clusters - 1))
    assert change.high - change.value == pytest.approx(half, rel=1e-5)
    early = answers.day < 50
    before = level_of(sums, sums.day < 50, level=0.95)
    frame = pd.Series(answers.points[early] - answers.points[early].mean()).groupby(answers.who[early]).sum()
    g = len(frame)
    se = np.sqrt((frame**2).sum() * g / (g - 1)) / early.sum()
    assert before.high - before.value == pytest.approx(1.959964 * se, rel=1e-5)


@pytest.mark.parametrize(("slide", "shape"), [(False, "step"), (True, "slide")])
def test_a_plain_step_and_a_plain_slide_are_told_apart(plant, slide, shape) -> None:
    answers = plant(np.random.default_rng(6), n=6000, days=300, fall=1.0, at=120, slide=slide)
    sums = dated_sums(answers.day, answers.points)
    looked = step_or_slide(sums, scan_splits(sums), rng=np.random.default_rng(1))
    assert looked.shape == looked.better == shape


def test_a_weak_change_is_not_told_apart(plant) -> None:
    shapes = []
    for seed in range(20):
        answers = plant(np.random.default_rng(seed), n=500, days=200, fall=0.3, at=80, slide=True)
        sums = dated_sums(answers.day, answers.points)
        shapes.append(step_or_slide(sums, scan_splits(sums), rng=np.random.default_rng(1)).shape)
    assert shapes.count("step or slide") >= 12


def test_a_fall_and_a_recovery_are_two_changes(plant) -> None:
    answers = plant(np.random.default_rng(7), n=6000, days=600, fall=0.8, at=200)
    back = answers.day >= 400
    fresh = plant(np.random.default_rng(8), n=6000, days=600)
    points = np.where(back, fresh.points, answers.points)
    search = find_changes([dated_sums(answers.day, points)], rng=np.random.default_rng(1))
    assert [change.shape for change in search.changes] == ["step", "step"]
    first, second = search.changes
    assert first.low <= 200 <= first.high
    assert second.low <= 400 <= second.high
    assert first.after.low < answers.after < first.after.high
    assert (first.first, second.first) == (0, first.day)


def test_only_the_group_that_fell_is_named(plant) -> None:
    rng = np.random.default_rng(9)
    still = [plant(rng, n=800, days=300) for _ in range(5)]
    fell = plant(rng, n=800, days=300, fall=0.8, at=200)
    family = [dated_sums(one.day, one.points, who=one.who + 5000 * k) for k, one in enumerate([*still, fell])]
    search = find_changes(family, rng=np.random.default_rng(1))
    assert {change.series for change in search.changes} == {5}
    assert search.p_values[5] <= 0.005
    assert (search.p_values[:5] > 0.05).all()


def test_visible_change_shrinks_with_the_root_of_the_answers(plant) -> None:
    sizes = []
    for n in (1000, 4000):
        answers = plant(np.random.default_rng(10), n=n, days=300)
        sums = dated_sums(answers.day, answers.points)
        sizes.append(visible_change(sums, scan_splits(sums), critical=3.0))
    assert sizes[0] / sizes[1] == pytest.approx(2, rel=0.05)


def test_nothing_is_visible_in_a_handful() -> None:
    day = np.arange(8)
    sums = dated_sums(day, np.array([0, 100, 0, 100, 0, 0, 100, 100.0]))
    assert visible_change(sums, scan_splits(sums, least=1), critical=3.0) == float("inf")
    assert np.isnan(visible_change(sums, scan_splits(sums, least=30), critical=3.0))
