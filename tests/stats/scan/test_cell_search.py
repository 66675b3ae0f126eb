"""The search for cells that differ: its error under chance, its intervals among named cells, its power."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from cxresearch.stats.scan.cell_contrasts import CellMoments, Contrasts, differences, likeness
from cxresearch.stats.scan.cell_index import CellIndex, column_sets, members_of
from cxresearch.stats.scan.cell_search import (
    CellSearch,
    SearchedCells,
    comparison_designs,
    effective_answers,
    largest_by_chance,
    search_cells,
)
from cxresearch.stats.scan.comparisons import comparisons_of
from cxresearch.stats.scan.named_estimates import given_crossed, given_named, smallest_seen

SIZES = (4, 5, 3, 6, 4)
OF_CUSTOMERS = 3


@dataclass
class Simulated:
    """Answers of customers: their levels in five columns, and what is latent in them."""

    codes: NDArray[np.int64]
    customer: NDArray[np.int64]
    mood: NDArray[np.float64]

    def scores(self, shift: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """Answers to an NPS question as 100, 0, -100: half promoters, a sixth detractors where unshifted."""
        latent = self.mood + shift
        return np.where(latent > 0.0, 100.0, np.where(latent > -1.0, 0.0, -100.0))


def expected(shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected value of an answer, as the mood is standard normal."""
    return 100 * np.asarray(norm.cdf(shift) - norm.cdf(-1.0 - shift))


def simulate(rng: np.random.Generator, answers: int, repeats: float) -> Simulated:
    """Draw answers of which a share comes from customers who give two to five, three columns being theirs."""
    sizes = [1] * int(answers * (1 - repeats))
    while sum(sizes) < answers:
        sizes.append(int(min(rng.integers(2, 6), answers - sum(sizes))))
    customer = np.repeat(np.arange(len(sizes)), sizes)
    columns = []
    for at, size in enumerate(SIZES):
        drawn = len(sizes) if at < OF_CUSTOMERS else answers
        levels = rng.choice(size, drawn, p=rng.dirichlet(np.full(size, 3.0)))
        columns.append(levels[customer] if at < OF_CUSTOMERS else levels)
    mood = 0.8 * rng.standard_normal(len(sizes))[customer] + 0.6 * rng.standard_normal(answers)
    return Simulated(codes=np.column_stack(columns), customer=customer, mood=mood)


def search(
    drawn: Simulated, scores: NDArray[np.float64], *, whole: bool, seed: int
) -> tuple[CellIndex, SearchedCells, CellSearch]:
    """Search the answers as ``who`` does."""
    places = range(len(SIZES))
    index, members = members_of(drawn.codes, SIZES, column_sets(places, places, 2), at_least=30)
    n = np.asarray(members.sum(axis=1), dtype=float).ravel()
    cells = SearchedCells(
        moments=CellMoments(n=n, total=members @ scores, squares=members @ scores**2),
        members=members,
        values=scores,
        customer=drawn.customer,
        alike=likeness(scores, drawn.customer),
        whole=whole,
    )
    effective = effective_answers(cells, least=30)
    comparisons = comparisons_of(index, effective, np.ones(len(index), dtype=bool), least=30)
    design = comparison_designs(cells, comparisons, least=30)
    chance = largest_by_chance(cells, comparisons, design, seed=seed)
    return index, cells, search_cells(cells.moments, comparisons, design, chance, level=0.95)


def naive_names_any(found: CellSearch) -> bool:
    """Whether a z-test of each group at 5 % would name one."""
    return bool((np.abs(found.difference / found.se) > 1.96).any())


# --- under chance ---------------------------------------------------------------------------------


def false_findings(runs: int, repeats: float, *, whole: bool, answers: int, seed: int) -> tuple[float, float]:
    """Share of searches of groups without meaning that name any, and the same of single z-tests."""
    rng = np.random.default_rng(seed)
    named, naive = [], []
    for run in range(runs):
        drawn = simulate(rng, answers, repeats)
        _, _, found = search(drawn, drawn.scores(), whole=whole, seed=run)
        named.append(bool(found.named.any()))
        naive.append(naive_names_any(found))
    return float(np.mean(named)), float(np.mean(naive))


def test_groups_without_meaning_are_hardly_ever_named() -> None:
    share, naive = false_findings(40, 0.3, whole=True, answers=900, seed=5)
    assert share <= 0.15  # 40 runs at 5 %: above 6 in less than 1 of 100 cases
    assert naive > 0.8


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("repeats", [0.0, 0.3, 0.6])
def test_one_search_in_twenty_names_a_group_by_chance(repeats: float, whole: bool) -> None:
    share, naive = false_findings(400, repeats, whole=whole, answers=2_000, seed=11)
    print(f"repeats {repeats}, whole {whole}: {share:.3f}, single z-tests {naive:.3f}")
    # 5 % +- 1.5, and what 400 runs leave open
    assert abs(share - 0.05) <= 0.015 + 1.0 * np.sqrt(0.05 * 0.95 / 400)


# --- where groups do differ -----------------------------------------------------------------------


@dataclass
class Coverage:
    """What became of named groups over runs."""

    held: list[bool]
    naive: list[bool]
    excess: list[float]
    naive_excess: list[float]
    single: list[bool]
    crossed: list[bool]
    naive_single: list[bool]
    naive_wrong: list[int]


def coverage(runs: int, repeats: float, size: float, *, answers: int = 3_000) -> Coverage:
    """Plant a level that falls by ``size`` and a crossing that falls by half as much again; search."""
    result = Coverage([], [], [], [], [], [], [], [])
    for run in range(runs):
        drawn = simulate(np.random.default_rng(1_000 + run), answers, repeats)
        codes = drawn.codes
        crossing = (codes[:, 1] == 1) & (codes[:, 3] == 2)
        shift = -size * (codes[:, 0] == 0) - 1.5 * size * crossing
        index, cells, found = search(drawn, drawn.scores(shift), whole=True, seed=run)
        truth = expected(shift)
        keys = []
        for place in np.flatnonzero(found.named).tolist():
            cell = found.cell[place]
            inside = np.asarray(cells.members[[cell]].todense()).ravel() > 0
            true = float(truth[inside].mean() - truth[~inside].mean())
            result.held.append(bool(found.low[place] <= true <= found.high[place]))
            result.naive.append(bool(abs(found.difference[place] - true) <= 1.96 * found.se[place]))
            result.excess.append((found.estimate[place] - true) * np.sign(true))
            result.naive_excess.append((found.difference[place] - true) * np.sign(true))
            keys.append((index.columns[cell], index.levels[cell]))
        known = list(zip(index.columns, index.levels, strict=True))
        planted = found.cell == known.index(((0,), (0,)))
        beyond = np.abs(found.difference) > 1.96 * found.se
        result.naive_single.append(bool(beyond[planted].any()))
        # columns 2 and 4 and their crossing mean nothing in truth
        idle = [set(index.columns[cell]) <= {2, 4} for cell in found.cell.tolist()]
        result.naive_wrong.append(int(beyond[idle].sum()))
        result.single.append(((0,), (0,)) in keys)
        result.crossed.append(((1, 3), (1, 2)) in keys)
    return result


def test_intervals_of_named_groups_hold_the_truth_where_naive_ones_do_not() -> None:
    found = coverage(25, 0.3, 0.3)
    assert len(found.held) > 20
    assert np.mean(found.held) > np.mean(found.naive)
    assert np.mean(found.held) >= 0.85
    assert abs(np.mean(found.excess)) < abs(np.mean(found.naive_excess))


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("repeats", "size"), [(0.0, 0.25), (0.3, 0.3), (0.6, 0.35)])
def test_intervals_hold_their_level_among_named_groups(repeats: float, size: float) -> None:
    found = coverage(200, repeats, size)
    figures = [found.held, found.naive, found.excess, found.naive_excess, found.single, found.crossed]
    print(f"repeats {repeats}, {len(found.held)} named: held, naive, excess, naive excess, power twice:")
    print([round(float(np.mean(figure)), 3) for figure in figures])
    assert 0.93 <= np.mean(found.held) <= 0.975
    assert np.mean(found.naive) < 0.92


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_power_rises_with_the_fall_and_is_as_foretold() -> None:
    runs = {size: coverage(40, 0.3, size) for size in (0.1, 0.2, 0.3, 0.4, 0.5)}
    for size, run in runs.items():
        print(f"{size}: power {np.mean(run.single):.2f}, of z-tests {np.mean(run.naive_single):.2f} with")
        print(f"   {np.mean(run.naive_wrong):.1f} groups without meaning named a run")
    powers = {size: np.mean(run.single) for size, run in runs.items()}
    assert list(powers.values()) == sorted(powers.values())
    assert powers[0.5] > 0.95


# --- closed forms ---------------------------------------------------------------------------------


def test_without_repeats_the_error_is_that_of_two_means() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=5_000)
    inside = rng.random(5_000) < 0.4
    moments = CellMoments(
        n=np.array([5_000.0, inside.sum()]),
        total=np.array([values.sum(), values[inside].sum()]),
        squares=np.array([(values**2).sum(), (values[inside] ** 2).sum()]),
    )
    one = Contrasts(cell=np.array([1]), base=np.array([0]), design=np.ones(1))
    found = differences(moments, one)
    a, b = values[inside], values[~inside]
    assert found.value[0] == pytest.approx(a.mean() - b.mean())
    assert found.se[0] == pytest.approx(np.sqrt(a.var() / len(a) + b.var() / len(b)), rel=1e-3)


def test_the_design_factor_is_that_of_a_cluster_bootstrap() -> None:
    rng = np.random.default_rng(4)
    drawn = simulate(rng, 3_000, 0.6)
    scores = drawn.scores()
    index, members = members_of(drawn.codes, SIZES, [(0,), (3,)], at_least=30)
    n = np.asarray(members.sum(axis=1), dtype=float).ravel()
    cells = SearchedCells(
        moments=CellMoments(n=n, total=members @ scores, squares=members @ scores**2),
        members=members,
        values=scores,
        customer=drawn.customer,
        alike=likeness(scores, drawn.customer),
        whole=True,
    )
    comparisons = comparisons_of(index, n, np.ones(len(index), dtype=bool), least=30)
    design = comparison_designs(cells, comparisons, least=30)
    contrasts = Contrasts(cell=comparisons.cell, base=comparisons.base, design=design)
    se = differences(cells.moments, contrasts).se
    # whole customers drawn with replacement, as weights
    people = int(drawn.customer.max()) + 1
    weights = rng.multinomial(people, np.full(people, 1 / people), size=2_000)[:, drawn.customer]
    for row, cell in enumerate(comparisons.cell.tolist()):
        inside = np.asarray(members[[cell]].todense()).ravel() > 0
        means = [
            (weights[:, side] @ scores[side]) / weights[:, side].sum(axis=1) for side in (inside, ~inside)
        ]
        assert se[row] == pytest.approx((means[0] - means[1]).std(), rel=0.12)


def test_given_named_is_the_cut_normal_law() -> None:
    rng = np.random.default_rng(3)
    for truth in (-1.0, -3.0, -6.0):
        draws = truth + rng.standard_normal(200_000)
        named = draws[np.abs(draws) > 3.2][:3_000]
        limit = np.full(len(named), 3.2)
        found = given_named(named, np.ones(len(named)), limit, level=0.9)
        held = np.mean((found.low <= truth) & (truth <= found.high))
        assert held == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / len(named)))


def test_far_beyond_the_limits_nothing_is_taken_back() -> None:
    value, low, high = given_crossed(-50.0, 1.0, 3.5, [(-52.0, 1.3, 4.5), (-49.0, 1.1, 3.9)], level=0.95)
    assert (value, low, high) == pytest.approx((-50.0, -51.96, -48.04), abs=1e-3)


def test_a_parent_like_the_rest_adds_no_limit() -> None:
    alone = given_crossed(-4.0, 1.0, 3.5, [(-4.0, 1.0, 3.5)], level=0.95)
    single = given_named(np.array([-4.0]), np.ones(1), np.array([3.5]), level=0.95)
    assert alone == pytest.approx([float(end[0]) for end in single], abs=0.1)


def test_what_could_be_seen_is_named_with_its_power() -> None:
    size = float(smallest_seen(3.4, np.array([2.0]), power=0.8)[0])
    t = size / 2.0 + np.random.default_rng(0).standard_normal(100_000)
    assert np.mean(np.abs(t) > 3.4) == pytest.approx(0.8, abs=0.01)
