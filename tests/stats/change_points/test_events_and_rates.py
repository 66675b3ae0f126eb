"""Contrasts around events and rate ratios against regression and by hand."""

import numpy as np
import pytest
import statsmodels.api as sm

from cxresearch.stats.change_points.dated_sums import dated_sums
from cxresearch.stats.change_points.event_window import (
    Calendar,
    placebo_days,
    reference,
    window_contrast,
    window_test,
)
from cxresearch.stats.change_points.exposure_contrast import CustomerRows, exposure_contrast
from cxresearch.stats.change_points.stratified_rates import Stretches, stratified_rate_ratio


def test_contrast_is_the_clustered_difference_of_means(plant) -> None:
    answers = plant(np.random.default_rng(1), n=2000, days=200, repeat=0.5)
    sums = dated_sums(answers.day, answers.points, who=answers.who)
    contrast = window_contrast(sums, [100], window=28)
    chosen = (answers.day >= 72) & (answers.day < 128)
    late = (answers.day[chosen] >= 100).astype(float)
    model = sm.OLS(answers.points[chosen], sm.add_constant(late))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": answers.who[chosen], "use_correction": False})
    clusters = len(np.unique(answers.who[chosen]))
    assert contrast.change == pytest.approx(fit.params[1])
    assert contrast.se == pytest.approx(fit.bse[1] * np.sqrt(clusters / (clusters - 1)))


def test_weekday_and_month_are_taken_off() -> None:
    rng = np.random.default_rng(2)
    day = np.repeat(np.arange(19_000, 19_000 + 1100), 20)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    seasonal = 30.0 * (month == 11) - 20.0 * (month == 6) + 10.0 * (day % 7 == 2)
    sums = dated_sums(day, seasonal + rng.standard_normal(len(day)))
    december = int(np.datetime64("2023-12-01").astype(int))
    assert window_contrast(sums, [december], window=28).change == pytest.approx(30, abs=1)
    calendar = Calendar(sums, [december], window=28, months=True)
    assert calendar.change([december]) == pytest.approx(0, abs=0.5)


def test_calendar_is_a_regression_on_the_days_outside_the_windows() -> None:
    rng = np.random.default_rng(12)
    day = np.arange(19_000, 19_800)
    base = rng.integers(1, 9, 800).astype(float)
    ratio = rng.standard_normal(800) + (day % 7 == 1)
    sums = dated_sums(day, ratio * base, base=base)
    event = 19_400
    outside = (day < event - 14) | (day >= event + 14)
    time = (day - 19_000) / 799
    weekdays = [(day + 3) % 7 == one for one in range(1, 7)]
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    columns = [*weekdays, *[months == one for one in range(1, 12)], np.ones(800), time, time**2, day >= event]
    design = np.column_stack(columns).astype(float)
    fit = sm.WLS(ratio[outside], design[outside], weights=base[outside]).fit()
    left = ratio - design[:, :17] @ fit.params[:17]
    late = (day >= event) & (day < event + 14)
    early = (day >= event - 14) & (day < event)
    expected = np.average(left[late], weights=base[late]) - np.average(left[early], weights=base[early])
    assert Calendar(sums, [event], window=14, months=True).change([event]) == pytest.approx(expected)


def test_a_trend_is_not_mistaken_for_a_season() -> None:
    day = np.arange(19_000, 19_000 + 900)
    calendar = Calendar(dated_sums(day, 0.05 * (day - 19_000)), [19_500], window=28, months=True)
    assert calendar.change([19_500]) == pytest.approx(0.05 * 28)


def test_a_lasting_step_is_not_mistaken_for_a_season() -> None:
    day = np.arange(19_000, 19_000 + 730)
    value = np.where(day < 19_440, 20.0, -30.0)
    calendar = Calendar(dated_sums(day, value), [19_440], window=56, months=True)
    assert calendar.change([19_440]) == pytest.approx(-50.0)


def test_a_steady_drift_is_no_effect() -> None:
    rng = np.random.default_rng(3)
    day = np.arange(900)
    sums = dated_sums(day, 0.1 * day + rng.standard_normal(900))
    calendar = Calendar(sums, [450], window=28, months=False)
    change = calendar.change([450])
    test = window_test(change, 1.0, reference(calendar, draws=99, rng=rng), level=0.95)
    assert change == pytest.approx(2.8, abs=0.8)
    assert abs(test.change) < 0.8
    assert test.from_placebos


def test_placebo_windows_touch_no_event() -> None:
    sums = dated_sums(np.arange(400), np.zeros(400))
    days = placebo_days(sums, [100, 300], window=28)
    assert (days.min(), days.max()) == (28, 372)
    assert all(abs(day - event) >= 56 for day in days for event in (100, 300))
    assert len(days) == len(set(range(28, 45)) | set(range(156, 245)) | set(range(356, 373)))


def test_few_placebo_days_leave_the_clustered_error() -> None:
    rng = np.random.default_rng(4)
    sums = dated_sums(np.repeat(np.arange(60), 20), rng.standard_normal(1200))
    contrast = window_contrast(sums, [30], window=28)
    calendar = Calendar(sums, [30], window=28, months=False)
    test = window_test(contrast.change, contrast.se, reference(calendar, draws=99, rng=rng), level=0.95)
    assert not test.from_placebos
    assert test.se == contrast.se


def test_one_event_day_is_the_plain_difference_in_differences() -> None:
    rng = np.random.default_rng(5)
    who = rng.integers(0, 300, 3000)
    day = rng.integers(0, 100, 3000)
    exposed = who < 100
    value = rng.standard_normal(300)[who] + rng.standard_normal(3000) + 0.5 * (exposed & (day >= 50))
    rows = CustomerRows(who=who, day=day, value=value)
    event_who = np.arange(100)
    contrast = exposure_contrast(rows, event_who, np.full(100, 50), window=28)
    chosen = (day >= 22) & (day < 78)
    late = day[chosen] >= 50
    treated = exposed[chosen]
    design = np.column_stack([np.ones(chosen.sum()), treated, late, treated & late]).astype(float)
    model = sm.OLS(value[chosen], design)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": who[chosen], "use_correction": False})
    clusters = len(np.unique(who[chosen]))
    assert contrast is not None
    assert contrast.difference == pytest.approx(fit.params[3])
    assert contrast.se == pytest.approx(fit.bse[3] * np.sqrt(clusters / (clusters - 1)))
    assert contrast.n_after == int((treated & late).sum())
    assert contrast.n_others_before == int((~treated & ~late).sum())


def test_what_befalls_everybody_cancels() -> None:
    rng = np.random.default_rng(6)
    who = rng.integers(0, 500, 6000)
    day = rng.integers(0, 300, 6000)
    event_who = np.arange(200)
    event_day = rng.integers(60, 240, 200)
    shock = 50.0 * np.sin(day / 15)
    noise = rng.standard_normal(6000)
    rows = CustomerRows(who=who, day=day, value=noise)
    shocked = CustomerRows(who=who, day=day, value=noise + 50.0 * (day >= 0) + shock)
    plain = exposure_contrast(rows, event_who, event_day, window=7)
    beside = exposure_contrast(shocked, event_who, event_day, window=7)
    assert plain is not None
    assert beside is not None
    assert abs(beside.difference - plain.difference) < 6
    assert abs(beside.difference) < 3 * beside.se


def test_nobody_on_one_side_is_no_contrast() -> None:
    rows = CustomerRows(who=np.array([0, 1]), day=np.array([5, 5]), value=np.array([1.0, 2.0]))
    assert exposure_contrast(rows, np.array([0]), np.array([5]), window=7) is None


def test_one_stratum_is_the_ratio_of_two_rates() -> None:
    counts = np.array([2.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    stretches = Stretches(
        exposure=np.array([10.0, 10.0, 10.0, 20.0, 20.0, 20.0]),
        first=np.array([True, True, True, False, False, False]),
        stratum=np.zeros(6, dtype=np.int64),
        cluster=np.arange(6),
    )
    found = stratified_rate_ratio(counts, stretches)
    assert found.ratio == pytest.approx((3 / 30) / (2 / 60))
    assert (found.rate, found.other_rate) == (pytest.approx(0.1), pytest.approx(2 / 60))


def test_ratio_of_two_strata_by_hand() -> None:
    # Mantel-Haenszel: (8*100/150 + 12*60/100) / (9*50/150 + 6*40/100)
    exposure = np.array([50.0, 100.0, 40.0, 60.0])
    counts = np.array([8.0, 9.0, 12.0, 6.0])
    stretches = Stretches(
        exposure=exposure,
        first=np.array([True, False, True, False]),
        stratum=np.array([0, 0, 1, 1]),
        cluster=np.arange(4),
    )
    expected = (8 * 100 / 150 + 12 * 60 / 100) / (9 * 50 / 150 + 6 * 40 / 100)
    assert stratified_rate_ratio(counts, stretches).ratio == pytest.approx(expected)


def test_swapping_sides_inverts_the_ratio() -> None:
    rng = np.random.default_rng(7)
    first = rng.random(500) < 0.3
    exposure = rng.uniform(5, 50, 500)
    kind = Stretches(exposure=exposure, first=first, stratum=rng.integers(0, 5, 500), cluster=np.arange(500))
    other = Stretches(exposure=exposure, first=~first, stratum=kind.stratum, cluster=kind.cluster)
    counts = rng.poisson(0.05 * exposure).astype(float)
    one = stratified_rate_ratio(counts, kind)
    two = stratified_rate_ratio(counts, other)
    assert one.ratio == pytest.approx(1 / two.ratio)
    assert one.p_value == pytest.approx(two.p_value)


def test_no_event_on_one_side_gives_no_ratio() -> None:
    stretches = Stretches(
        exposure=np.ones(4),
        first=np.array([True, True, False, False]),
        stratum=np.zeros(4, dtype=np.int64),
        cluster=np.arange(4),
    )
    found = stratified_rate_ratio(np.array([1.0, 0.0, 0.0, 0.0]), stretches)
    assert np.isnan(found.ratio)
    assert found.events == 1
