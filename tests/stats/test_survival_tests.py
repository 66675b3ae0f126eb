"""Log-rank and Gray's tests against R 4.2.2 (survival 3.8-6, cmprsk 2.2-11)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.hazards.gray import gray_test
from cxresearch.stats.hazards.logrank import logrank


def test_two_by_hand() -> None:
    # one event with 2 of 3 at risk in "a", then one with 1 of 2: expected in "a" 2/3 + 1/2
    test = logrank([1, 2, 3], [1, 1, 0], ["a", "b", "a"])
    assert test.observed.tolist() == [1, 1]
    assert test.expected[0] == pytest.approx(2 / 3 + 1 / 2)
    variance = 2 / 9 + 1 / 4
    assert test.statistic == pytest.approx((1 - 2 / 3 - 1 / 2) ** 2 / variance)


@pytest.mark.parametrize(
    ("case", "file", "columns", "rho"),
    [
        ("lr_lung_sex", "lung", ("time", "event", "sex"), 0),
        ("lr_lung_sex_rho1", "lung", ("time", "event", "sex"), 1),
        ("lr_colon_rx", "colon", ("time", "status", "rx"), 0),
        ("lr_rossi_fin", "rossi", ("week", "arrest", "fin01"), 0),
    ],
)
def test_logrank_equals_r(
    case: str,
    file: str,
    columns: tuple[str, str, str],
    rho: float,
    r_reference: dict[str, Any],
    oracle_data: Any,
) -> None:
    rows = pd.read_csv(oracle_data / f"{file}.csv")
    if file == "colon":
        rows = rows[rows["etype"] == 2]
    values = r_reference[f"03_logrank:{case}"]["values"]
    test = logrank(*(rows[name] for name in columns), rho=rho)
    assert test.statistic == pytest.approx(values["chisq"], abs=1e-9)
    assert test.p_value == pytest.approx(values["p"], abs=1e-12)
    assert test.df == values["df"]
    assert test.n.tolist() == values["n"]
    np.testing.assert_allclose(test.observed, values["obs"], atol=1e-9)
    np.testing.assert_allclose(test.expected, values["exp"], atol=1e-9)
    np.testing.assert_allclose(test.covariance, values["var"], atol=1e-9)


def test_strata_add_up_and_one_stratum_is_none() -> None:
    rng = np.random.default_rng(3)
    size = 200
    duration, event = rng.integers(1, 30, size), rng.integers(0, 2, size)
    group, stratum = rng.integers(0, 3, size), rng.integers(0, 4, size)
    whole = logrank(duration, event, group, strata=stratum)
    parts = [logrank(duration[stratum == s], event[stratum == s], group[stratum == s]) for s in range(4)]
    np.testing.assert_allclose(whole.expected, sum(part.expected for part in parts), atol=1e-10)
    np.testing.assert_allclose(whole.covariance, sum(part.covariance for part in parts), atol=1e-10)
    one = logrank(duration, event, group, strata=np.zeros(size))
    assert one.statistic == pytest.approx(logrank(duration, event, group).statistic, abs=1e-12)


def test_counts_entry_and_order() -> None:
    rng = np.random.default_rng(4)
    entry = rng.integers(0, 5, 60)
    duration = entry + rng.integers(1, 9, 60)
    event, group, count = rng.integers(0, 2, 60), rng.integers(0, 2, 60), rng.integers(1, 4, 60)
    together = logrank(duration, event, group, entry=entry, counts=count)
    apart = logrank(*(np.repeat(v, count) for v in (duration, event, group)), entry=np.repeat(entry, count))
    assert together.statistic == pytest.approx(apart.statistic, abs=1e-10)
    swapped = logrank(duration, event, 1 - group, entry=entry, counts=count)
    assert swapped.statistic == pytest.approx(together.statistic, abs=1e-10)
    assert swapped.observed.tolist() == together.observed.tolist()[::-1]


@pytest.mark.parametrize("kind", [1, 2])
def test_gray_equals_cmprsk(kind: int, r_reference: dict[str, Any], oracle_data: Any) -> None:
    # cuminc(time, status, group = sex)$Tests
    pbc = pd.read_csv(oracle_data / "pbc.csv")
    values = r_reference["05_compete:gray_pbc_sex"]["values"]["gray"]
    test = gray_test(pbc["time"], pbc["status"], pbc["sex"], kind=kind)
    assert test.statistic == pytest.approx(values["stat"][kind - 1], abs=1e-9)
    assert test.p_value == pytest.approx(values["p"][kind - 1], abs=1e-9)


def test_gray_without_competing_events_is_close_to_logrank_where_groups_do_not_differ() -> None:
    rng = np.random.default_rng(5)
    duration, group = rng.exponential(1, 4000), rng.integers(0, 2, 4000)
    until = np.minimum(duration, 2.0)
    gray, plain = gray_test(until, duration <= 2, group), logrank(until, duration <= 2, group)
    np.testing.assert_allclose(gray.expected, plain.expected, rtol=1e-9)
    assert gray.covariance[0, 0] == pytest.approx(plain.covariance[0, 0], rel=0.005)


@pytest.mark.slow
def test_gray_holds_its_level() -> None:
    rng = np.random.default_rng(6)
    rejected = 0
    for _ in range(1000):
        latent = np.stack([rng.exponential(1, 300), rng.exponential(2, 300), rng.uniform(0.3, 3, 300)])
        test = gray_test(
            latent.min(axis=0), [1, 2, 0] @ np.eye(3)[:, latent.argmin(axis=0)], rng.integers(0, 3, 300)
        )
        rejected += test.p_value < 0.05
    assert 0.033 < rejected / 1000 < 0.070


def test_refusals() -> None:
    with pytest.raises(DataError, match="1 group"):
        logrank([1, 2], [1, 1], ["a", "a"])
    with pytest.raises(DataError, match="nobody has the event"):
        logrank([1, 2], [0, 0], ["a", "b"])
    with pytest.raises(ArgumentError, match="1 missing labels"):
        logrank([1, 2], [1, 1], ["a", None])
    with pytest.raises(ArgumentError, match="has 3 labels"):
        logrank([1, 2], [1, 1], ["a", "b", "b"])
    with pytest.raises(DataError, match="ever at risk together"):
        logrank([5, 1, 2], [1, 1, 1], ["a", "b", "b"], entry=[4, 0, 0])
    with pytest.raises(DataError, match="nobody has event 3"):
        gray_test([1, 2], [1, 2], ["a", "b"], kind=3)


def test_a_group_of_one_still_counts() -> None:
    test = logrank([1, 2, 3, 4], [1, 1, 1, 0], ["a", "b", "b", "b"])
    assert test.df == 1
    assert 0 < test.p_value < 1


def test_groups_that_never_meet_cost_a_degree_of_freedom() -> None:
    """Groups a and b in one stratum, c and d in the other: two tests of one degree of freedom each."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        time, event = rng.integers(1, 12, 80), rng.integers(0, 2, 80)
        group = np.r_[rng.choice(["a", "b"], 40, p=[0.3, 0.7]), rng.choice(["c", "d"], 40, p=[0.6, 0.4])]
        strata = np.repeat([0, 1], 40)
        found = logrank(time, event, group, strata=strata)
        parts = [logrank(time[strata == k], event[strata == k], group[strata == k]) for k in (0, 1)]
        assert found.df == 2
        assert found.statistic == pytest.approx(sum(part.statistic for part in parts), abs=1e-8)


def test_gray_where_everybody_has_left() -> None:
    """The pooled incidence reaches 1: no 0 / 0. Without other events it is the log-rank test, 1 / (1/3)."""
    args = ([1, 3, 1, 2], [1, 1, 1, 1], [1, 0, 1, 0])
    assert gray_test(*args).statistic == pytest.approx(3)
    assert logrank(*args).statistic == pytest.approx(3)
