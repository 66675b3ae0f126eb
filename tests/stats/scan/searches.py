"""Searches on simulated answers: customers who answer once or often, columns of customers and of answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxresearch.stats.scan.cell_contrasts import CellMoments, likeness
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

SIZES = (4, 5, 3, 6, 4)
OF_CUSTOMERS = 3


@dataclass
class Simulated:
    """Answers of customers: their levels in five columns, and what is latent in them."""

    codes: NDArray[np.int64]
    customer: NDArray[np.int64]
    mood: NDArray[np.float64]

    def scores(self, shift: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """NPS answers as 100, 0, -100: half promoters, a sixth detractors where nothing is shifted."""
        latent = self.mood + shift
        return np.where(latent > 0.0, 100.0, np.where(latent > -1.0, 0.0, -100.0))

    @staticmethod
    def expected(shift: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Expected value of an answer, as mood is standard normal."""
        from scipy.stats import norm

        return 100 * np.asarray(norm.cdf(shift) - norm.cdf(-1.0 - np.asarray(shift)))


def simulate(rng: np.random.Generator, answers: int, repeats: float) -> Simulated:
    """Draw answers of which a share comes from customers who give two to five."""
    once = int(answers * (1 - repeats))
    sizes = [1] * once
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
    drawn: Simulated, scores: NDArray[np.float64], *, whole: bool = True, seed: int = 0, level: float = 0.95
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
    return index, cells, search_cells(cells.moments, comparisons, design, chance, level=level)


def true_difference(cells: SearchedCells, place: int, expected: NDArray[np.float64]) -> float:
    """Expected score of a cell less that of all other answers."""
    inside = np.asarray(cells.members[[place]].todense()).ravel() > 0
    return float(expected[inside].mean() - expected[~inside].mean())
