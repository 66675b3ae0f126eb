"""Fine and Gray's regression, against the Cox regression it becomes on complete and on expanded data."""

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.hazards.cox import fit_cox
from cxresearch.stats.hazards.fine_gray import fine_gray


def drawn(
    seed: int, n: int = 300, beta: float = 0.7, censored: bool = True
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Fine and Gray's own simulation: F_1(t|x) = 1 - (1 - p (1 - exp(-t)))^exp(beta x)."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    ratio = np.exp(beta * x[:, 0] - 0.5 * x[:, 1])
    p = 0.4
    first = rng.random(n) < 1 - (1 - p) ** ratio
    u = rng.random(n) * (1 - (1 - p) ** ratio)
    inside = 1 - (1 - (1 - u) ** (1 / ratio)) / p
    time = np.where(first, -np.log(np.clip(inside, 1e-300, 1)), rng.exponential(1 / np.exp(0.3 * x[:, 0])))
    kind = np.where(first, 1, 2)
    if censored:
        end = rng.uniform(0.2, 2.0, n)
        kind = np.where(time > end, 0, kind)
        time = np.minimum(time, end)
    return time, kind, pd.DataFrame(x, columns=["group", "z"])


def expanded(time: np.ndarray, kind: np.ndarray, x: pd.DataFrame) -> pd.DataFrame:
    """What R's finegray makes: people with a competing event stay, with weight G(t-)/G(T-), row by row."""
    ends = np.unique(time)
    at_risk = np.array([(time >= t).sum() for t in ends])
    events = np.array([((time == t) & (kind > 0)).sum() for t in ends])
    lost = np.array([((time == t) & (kind == 0)).sum() for t in ends])
    before = np.concatenate([[1.0], np.cumprod(1 - lost / np.maximum(at_risk - events, 1))[:-1]])
    g = dict(zip(ends, before, strict=True))
    causes = np.unique(time[kind == 1])
    parts = []
    for i in range(len(time)):
        parts.append((i, 0.0, time[i], int(kind[i] == 1), 1.0))
        if kind[i] > 1:
            start = time[i]
            for t in causes[causes > time[i]]:
                parts.append((i, start, t, 0, g[t] / g[time[i]]))
                start = t
    frame = pd.DataFrame(parts, columns=["id", "entry", "end", "event", "weight"])
    return pd.concat([frame, x.iloc[frame["id"]].reset_index(drop=True)], axis=1)


def test_without_another_kind_it_is_a_cox_regression() -> None:
    time, kind, x = drawn(1)
    kind = np.minimum(kind, 1)
    ours = fine_gray(time, kind, x, censoring="known")
    cox = fit_cox(time, kind, x, clusters=np.arange(len(time)))
    np.testing.assert_allclose(ours.coefficient, cox.coefficient, rtol=1e-10)
    np.testing.assert_allclose(ours.robust, cox.robust, rtol=1e-9)
    estimated = fine_gray(time, kind, x)
    np.testing.assert_allclose(estimated.robust, cox.robust, rtol=1e-9)


@pytest.mark.parametrize("tied", [False, True])
def test_complete_data_are_a_cox_regression_of_people_who_never_leave(tied: bool) -> None:
    time, kind, x = drawn(2, censored=False)
    if tied:
        time = np.ceil(10 * time)
    ours = fine_gray(time, kind, x)
    never = np.where(kind == 1, time, time.max() + 1)
    cox = fit_cox(never, kind == 1, x, clusters=np.arange(len(time)))
    np.testing.assert_allclose(ours.coefficient, cox.coefficient, rtol=1e-9)
    np.testing.assert_allclose(ours.robust, cox.robust, rtol=1e-8)
    assert ours.loglik == pytest.approx(cox.loglik, rel=1e-10)


@pytest.mark.parametrize("tied", [False, True])
def test_censored_data_equal_the_expanded_data_of_finegray(tied: bool) -> None:
    time, kind, x = drawn(3, n=120)
    if tied:
        time = np.ceil(12 * time)
    rows = expanded(time, kind, x)
    cox = fit_cox(
        rows["end"],
        rows["event"],
        rows[["group", "z"]],
        entry=rows["entry"],
        weights=rows["weight"],
        clusters=rows["id"],
    )
    ours = fine_gray(time, kind, x, censoring="known")
    np.testing.assert_allclose(ours.coefficient, cox.coefficient, rtol=1e-8)
    np.testing.assert_allclose(ours.robust, cox.robust, rtol=1e-7)
    assert ours.loglik == pytest.approx(cox.loglik, rel=1e-10)


def test_errors_with_estimated_censoring_are_those_of_a_little_more_weight() -> None:
    """One more copy of a row among 200 copies of all moves the coefficients, G and all, by its influence."""
    time, kind, x = drawn(4, n=60)
    copies = 200
    many = [np.tile(time, copies), np.tile(kind, copies), pd.concat([x] * copies, ignore_index=True)]
    start = fine_gray(*many, ties="breslow").coefficient
    moves = []
    for i in range(len(time)):
        more = fine_gray(
            np.append(many[0], time[i]),
            np.append(many[1], kind[i]),
            pd.concat([many[2], x.iloc[[i]]], ignore_index=True),
            ties="breslow",
        )
        moves.append(copies * (more.coefficient - start))
    expected = np.array(moves).T @ np.array(moves)
    estimated = fine_gray(time, kind, x, ties="breslow").robust
    known = fine_gray(time, kind, x, ties="breslow", censoring="known").robust
    np.testing.assert_allclose(estimated, expected, rtol=0.004)
    assert np.abs(known / expected - 1).max() > 0.01


def test_ties_are_efrons_or_breslows_and_alike_without_any() -> None:
    time, kind, x = drawn(5)
    efron, breslow = fine_gray(time, kind, x), fine_gray(time, kind, x, ties="breslow")
    np.testing.assert_allclose(efron.coefficient, breslow.coefficient, rtol=1e-10)
    coarse = np.ceil(5 * time)
    efron, breslow = fine_gray(coarse, kind, x), fine_gray(coarse, kind, x, ties="breslow")
    assert np.abs(breslow.coefficient[0]) < np.abs(efron.coefficient[0])


def test_names_clusters_and_refusals() -> None:
    time, kind, x = drawn(6)
    twice = fine_gray(
        np.tile(time, 2), np.tile(kind, 2), pd.concat([x, x]), clusters=np.tile(np.arange(len(time)), 2)
    )
    once = fine_gray(time, kind, x)
    np.testing.assert_allclose(twice.se, once.se, rtol=0.02)  # ties: Efron's sums move a little
    assert "Fine and Gray regression of event 1" in once.finding
    assert once.table["name"].tolist() == ["group", "z"]
    with pytest.raises(DataError, match="nobody has event 3"):
        fine_gray(time, kind, x, kind=3)
    with pytest.raises(ArgumentError, match="kind is 0"):
        fine_gray(time, kind, x, kind=0)
    with pytest.raises(ArgumentError, match="ties"):
        fine_gray(time, kind, x, ties="exact")


def covered(studies: int, n: int) -> float:
    hits = 0
    for seed in range(studies):
        row = fine_gray(*drawn(1_000 + seed, n=n)).table.iloc[0]
        hits += row["low"] <= np.exp(0.7) <= row["high"]
    return hits / studies


def test_intervals_cover_the_planted_ratio() -> None:
    assert 0.90 <= covered(150, 250) <= 1.0


@pytest.mark.slow
def test_intervals_cover_the_planted_ratio_in_2000_studies() -> None:
    share = covered(2_000, 300)
    print(f"Fine and Gray, 300 customers, 2,000 studies: 95 % intervals cover {100 * share:.1f} %")
    assert 0.935 <= share <= 0.965
