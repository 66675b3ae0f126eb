"""Effects of actions: closed forms, exactness of cross-fitting, coverage on planted truth, E-values."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import cxresearch as cx
from cxresearch.stats.effects.adjusted_arms import adjusted_arms
from cxresearch.stats.effects.augmented_effect import augmented_effect
from cxresearch.stats.effects.balance import balance_table
from cxresearch.stats.effects.cross_fitted import (
    RIDGE,
    cluster_folds,
    cross_fitted_mean,
    standardised,
)
from cxresearch.stats.effects.e_value import e_value, e_value_of_limits
from cxresearch.stats.effects.overlap_effect import overlap_effect


def world(seed: int, *, people: int = 500, effect: float = 0.8) -> tuple[np.ndarray, ...]:
    """Rows of people who answer one to three times; treated by severity, severity lasting within people."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), rng.integers(1, 4, people))
    lasting = rng.normal(size=people)[person]
    severity = lasting + rng.normal(size=len(person))
    earlier = 0.6 * lasting + rng.normal(size=len(person))
    chance = 1 / (1 + np.exp(-(1.2 * severity - 0.3 * earlier - 0.3)))
    treated = rng.random(len(person)) < chance
    noise = 0.7 * rng.normal(size=people)[person] + rng.normal(size=len(person))
    outcome = effect * treated - severity + 0.5 * earlier + noise
    return outcome, treated, np.column_stack([severity, earlier]), person


def test_in_a_coin_toss_trial_it_is_the_difference_of_means() -> None:
    rng = np.random.default_rng(1)
    treated = np.arange(2000) % 2 == 0
    outcome = rng.normal(size=2000) + 0.4 * treated
    found = overlap_effect(
        outcome, treated, rng.normal(size=(2000, 2)), clusters=np.arange(2000), chance=np.full(2000, 0.5)
    )
    assert found.effect == pytest.approx(found.naive, abs=0.02)
    # standard error of a difference of two means of 1,000 with variance 1: sqrt(2 / 1000)
    assert found.se == pytest.approx(np.sqrt(2 / 1000), rel=0.05)


def test_confounding_by_severity_turns_the_sign_of_the_plain_difference() -> None:
    outcome, treated, design, person = world(3, people=3000)
    found = overlap_effect(outcome, treated, design, clusters=person)
    assert found.naive < 0
    assert found.low < 0.8 < found.high
    assert found.treated_mean - found.untreated_mean == pytest.approx(found.effect)


def test_means_across_folds_equal_those_of_a_library_fold_by_fold() -> None:
    rng = np.random.default_rng(4)
    design = standardised(rng.normal(size=(300, 3)))
    outcome = design @ [1.0, 2.0, 0.0, -1.0] + rng.normal(size=300)
    folds = cluster_folds(np.arange(300), n_folds=3)
    predicted = cross_fitted_mean(design, outcome, folds)
    for number in range(3):
        rows = folds.fold == number
        peer = Ridge(alpha=RIDGE).fit(design[~rows, 1:], outcome[~rows])
        np.testing.assert_allclose(predicted[rows], peer.predict(design[rows, 1:]), rtol=1e-8)


def test_folds_keep_people_together_and_do_not_hang_on_the_order_of_other_columns() -> None:
    person = np.repeat(np.arange(60), 3)
    folds = cluster_folds(person)
    assert all(len(set(folds.fold[person == one])) == 1 for one in range(60))
    assert np.bincount(folds.fold).min() >= 30


def test_both_estimators_agree_where_effects_are_equal_for_all() -> None:
    outcome, treated, design, person = world(5, people=4000)
    overlap = overlap_effect(outcome, treated, design, clusters=person)
    everybody = augmented_effect(outcome, treated, design, clusters=person)
    of_treated = augmented_effect(outcome, treated, design, clusters=person, among="treated")
    assert everybody.effect == pytest.approx(overlap.effect, abs=0.12)
    assert of_treated.effect == pytest.approx(overlap.effect, abs=0.15)
    # overlap weights have the least variance of all balancing weights under equal spread (Li et al. 2018)
    assert overlap.se < everybody.se


def test_given_nuisances_the_interactive_model_is_its_formula() -> None:
    rng = np.random.default_rng(6)
    n = 400
    treated = rng.random(n) < 0.5
    outcome = rng.normal(size=n)
    e = rng.uniform(0.2, 0.8, n)
    without, with_it = rng.normal(size=n), rng.normal(size=n)
    found = augmented_effect(
        outcome, treated, np.ones((n, 1)), clusters=np.arange(n), chance=e, means=(without, with_it)
    )
    score = with_it - without + np.where(treated, (outcome - with_it) / e, -(outcome - without) / (1 - e))
    assert found.effect == pytest.approx(score.mean(), rel=1e-12)
    assert found.se == pytest.approx(score.std(ddof=1) / np.sqrt(n), rel=1e-9)


def test_weights_balance_what_they_are_made_from() -> None:
    _, treated, design, person = world(7, people=3000)
    chance = adjusted_arms(design, treated, person).chance
    table = balance_table(design, treated, chance, ["severity", "earlier"])
    assert table["before"].abs().max() > 0.5
    assert table["after"].abs().max() < 0.05


def test_small_arms_are_refused_with_a_way_on() -> None:
    outcome, treated, design, person = world(8, people=200)
    with pytest.raises(cx.errors.DataError, match=r"0 people were treated.*plan_trial"):
        overlap_effect(outcome, np.zeros_like(treated), design, clusters=person)


@pytest.mark.parametrize(("ratio", "value"), [(1.0, 1.0), (2.0, 2 + np.sqrt(2)), (0.5, 2 + np.sqrt(2))])
def test_e_values_by_hand(ratio: float, value: float) -> None:
    assert e_value(ratio) == pytest.approx(value)


def test_the_e_value_of_an_interval_that_holds_no_effect_is_one() -> None:
    assert e_value_of_limits(1.2, 0.9, 1.6) == 1.0
    assert e_value_of_limits(0.5, 0.3, 0.8) == pytest.approx(1.25 + np.sqrt(1.25 * 0.25))


def test_coverage_with_repeat_raters_in_a_few_runs() -> None:
    covered = []
    for seed in range(60):
        outcome, treated, design, person = world(100 + seed, people=300)
        found = overlap_effect(outcome, treated, design, clusters=person)
        covered.append(found.low <= 0.8 <= found.high)
    # 60 runs at 95 %: fewer than 50 has probability below .002
    assert sum(covered) >= 50


@pytest.mark.slow
def test_coverage_and_false_positives_over_a_thousand_companies() -> None:
    covered = []
    false = []
    for seed in range(1000):
        outcome, treated, design, person = world(seed, people=500)
        found = overlap_effect(outcome, treated, design, clusters=person)
        covered.append(found.low <= 0.8 <= found.high)
        outcome, treated, design, person = world(10_000 + seed, people=500, effect=0.0)
        false.append(overlap_effect(outcome, treated, design, clusters=person).p_value < 0.05)
    print(f"coverage {np.mean(covered):.3f}, false positives {np.mean(false):.3f}")
    assert 0.93 <= np.mean(covered) <= 0.97
    assert 0.035 <= np.mean(false) <= 0.065
