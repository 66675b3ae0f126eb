"""Mix and rate: exact sums, textbook cases, errors against a bootstrap of customers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxresearch.stats.scan.mix_and_rate import GroupSums, mix_and_rate


def sums_of(
    rng: np.random.Generator, customers: int, groups: int, shares: tuple[list[float], list[float]]
) -> GroupSums:
    rows = customers * 2
    period = np.repeat([0, 1], customers)
    customer = np.tile(np.arange(customers), 2)
    group = np.concatenate([rng.choice(groups, customers, p=share) for share in shares])
    total = rng.normal(loc=group * 10.0 - 5 * period, scale=20)
    return GroupSums(customer=customer, group=group, period=period, weight=np.ones(rows), total=total)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    groups=st.integers(1, 6),
    entries=st.integers(4, 60),
)
def test_the_parts_add_up_exactly(seed: int, groups: int, entries: int) -> None:
    rng = np.random.default_rng(seed)
    period = np.concatenate([[0, 1], rng.integers(0, 2, entries - 2)])
    sums = GroupSums(
        customer=rng.integers(0, entries, entries),
        group=rng.integers(0, groups, entries),
        period=period,
        weight=rng.uniform(0.5, 3, entries),
        total=rng.normal(size=entries),
    )
    with np.errstate(all="ignore"):
        parts = mix_and_rate(sums, groups)
    assert (parts.mix + parts.rate).sum() == pytest.approx(parts.change, abs=1e-12)
    assert parts.mix_change + parts.rate_change == pytest.approx(parts.after - parts.before, abs=1e-12)


def test_the_decomposition_is_kitagawas() -> None:
    # shares .8/.2 to .4/.6, rates 10 and 30 to 12 and 26, by hand
    group = np.repeat([0, 1, 0, 1], [8, 2, 4, 6])
    period = np.repeat([0, 0, 1, 1], [8, 2, 4, 6])
    total = np.repeat([10.0, 30.0, 12.0, 26.0], [8, 2, 4, 6])
    parts = mix_and_rate(
        GroupSums(customer=np.arange(20), group=group, period=period, weight=np.ones(20), total=total), 2
    )
    assert parts.rate == pytest.approx([0.6 * 2, 0.4 * -4])
    # (mean rate - mean of the overall rates) x change of share: overall 14 and 20.4
    assert parts.mix == pytest.approx([(11 - 17.2) * -0.4, (28 - 17.2) * 0.4])
    assert parts.change == pytest.approx(6.4)


def test_swapping_the_periods_negates_every_part() -> None:
    sums = sums_of(np.random.default_rng(1), 200, 3, ([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]))
    swapped = GroupSums(
        customer=sums.customer, group=sums.group, period=1 - sums.period, weight=sums.weight, total=sums.total
    )
    first, second = mix_and_rate(sums, 3), mix_and_rate(swapped, 3)
    np.testing.assert_allclose(first.mix, -second.mix, atol=1e-12)
    np.testing.assert_allclose(first.rate, -second.rate, atol=1e-12)
    np.testing.assert_allclose(first.mix_se, second.mix_se, atol=1e-12)


def test_a_group_that_comes_new_is_all_mix() -> None:
    group = np.repeat([0, 0, 1], [10, 6, 4])
    period = np.repeat([0, 1, 1], [10, 6, 4])
    total = np.repeat([1.0, 1.0, 0.0], [10, 6, 4])
    parts = mix_and_rate(
        GroupSums(customer=np.arange(20), group=group, period=period, weight=np.ones(20), total=total), 2
    )
    assert parts.rate_change == pytest.approx(0.0)
    assert parts.mix_change == pytest.approx(-0.4)


def test_errors_are_those_of_a_bootstrap_of_customers() -> None:
    rng = np.random.default_rng(7)
    sums = sums_of(rng, 400, 2, ([0.7, 0.3], [0.4, 0.6]))
    parts = mix_and_rate(sums, 2)
    drawn = []
    for _ in range(400):
        times = np.bincount(rng.integers(0, 400, 400), minlength=400)[sums.customer].astype(float)
        again = GroupSums(
            customer=sums.customer,
            group=sums.group,
            period=sums.period,
            weight=sums.weight * times,
            total=sums.total * times,
        )
        repeat = mix_and_rate(again, 2)
        drawn.append((repeat.mix_change, repeat.rate_change))
    mix, rate = np.std(drawn, axis=0)
    assert parts.mix_change_se == pytest.approx(mix, rel=0.15)
    assert parts.rate_change_se == pytest.approx(rate, rel=0.15)


@pytest.mark.slow
def test_intervals_hold_their_level() -> None:
    truth_rate, held_mix, held_rate = -5.0, [], []
    shares = ([0.7, 0.3], [0.4, 0.6])
    for seed in range(600):
        parts = mix_and_rate(sums_of(np.random.default_rng(seed), 200, 2, shares), 2)
        held_mix.append(abs(parts.mix_change - 3.0) <= 1.96 * parts.mix_change_se)
        held_rate.append(abs(parts.rate_change - truth_rate) <= 1.96 * parts.rate_change_se)
    print(f"mix {np.mean(held_mix):.3f}, rate {np.mean(held_rate):.3f}")
    assert 0.93 <= np.mean(held_mix) <= 0.975
    assert 0.93 <= np.mean(held_rate) <= 0.975
