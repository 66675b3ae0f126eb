"""The search itself: which cells differ from what surrounds them, with one error for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.stats.scan.cell_contrasts import Contrasts, design_factors, differences
from cxresearch.stats.scan.cell_index import count_repeats
from cxresearch.stats.scan.max_t import multiply_customers, permute_customers
from cxresearch.stats.scan.named_estimates import given_crossed, given_named

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cxresearch.stats.scan.cell_contrasts import CellMoments, Differences, Floats, Indices
    from cxresearch.stats.scan.comparisons import Comparisons
    from cxresearch.stats.scan.max_t import MaxT


#: Draws of the error of a search, by exchanges of customers or by multipliers.
DRAWS = 499


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchedCells:
    """Cells of a search, with answers to judge them by.

    Attributes
    ----------
    moments : CellMoments
        Of all answers.
    members : sparse array, shape (cells, n)
        Cells of the answers at hand.
    values : array, shape (n,)
        What the answers at hand count, sorted by customer.
    customer : array of int, shape (n,)
        Their customers, from 0, rising.
    alike : float
        Correlation of two answers of one customer.
    whole : bool
        Whether the answers at hand are all answers, or a sample of customers.
    """

    moments: CellMoments
    members: csr_array
    values: Floats
    customer: Indices
    alike: float
    whole: bool

    @property
    def n(self) -> Floats:
        """Answers at hand in each cell."""
        return np.asarray(self.members.sum(axis=1), dtype=np.float64).ravel()


def effective_answers(cells: SearchedCells, *, least: float) -> Floats:
    """Return how many independent answers those of each cell are worth, shape (cells,).

    n / (1 + r (sum N^2 / n - 1)) with N the answers of a customer in the cell (Kish 1965); a cell with fewer
    than ``least`` answers at hand has the ratio of all answers.
    """
    nothing = np.zeros(0, dtype=np.intp)
    repeats = count_repeats(cells.members, cells.customer, nothing, nothing).within
    n = cells.n
    # sum N^2 / n: answers of the same customer that an answer of the cell meets, itself included
    again = np.where(n >= least, repeats / np.maximum(n, 1.0), repeats[0] / max(n[0], 1.0))
    return np.asarray(cells.moments.n / (1 + cells.alike * (again - 1)))


def comparison_designs(cells: SearchedCells, comparisons: Comparisons, *, least: float) -> Floats:
    """Return the design factors of comparisons; those hardly seen in a sample get the mean of the others."""
    cell, base = comparisons.cell, comparisons.base
    if cells.alike == 0:
        return np.ones(len(cell))
    n = cells.n
    repeats = count_repeats(cells.members, cells.customer, cell, base)
    with np.errstate(divide="ignore", invalid="ignore"):
        design = design_factors(n, cell, base, repeats, cells.alike)
    seen = (n[cell] >= least) & (n[base] - n[cell] >= least)
    usual = float(design[seen].mean()) if seen.any() else 1.0
    return np.where(seen, design, usual)


def largest_by_chance(cells: SearchedCells, comparisons: Comparisons, design: Floats, *, seed: int) -> MaxT:
    """Return the largest |t| under chance: by exchanges, or by multipliers where the answers are a sample."""
    rows = (cells.members, cells.values, cells.customer, comparisons)
    if cells.whole:
        return permute_customers(*rows, design, draws=DRAWS, seed=seed)
    return multiply_customers(*rows, cells.moments.n, draws=DRAWS, seed=seed)


@dataclass(frozen=True, kw_only=True)
class CellSearch:
    """Judged cells with their differences from all other answers; arrays of shape (judged,).

    Attributes
    ----------
    cell : array of int
        Position in the index.
    difference, se : array
        Mean of the cell less the mean of all other answers, as seen, and its error.
    smallest_t : array
        The smallest |t| of the cell's comparisons; 0 where they do not agree in sign.
    p_value : array
        Adjusted for the whole search.
    named : array of bool
        Whether the cell differs from all it is compared with.
    estimate, low, high : array
        The difference given that the cell was named, with its interval; NaN where it was not.
    design : array
        Design factor of the difference.
    critical : float
        The |t| that names a cell.
    method : str
        How the error of the search was computed.
    """

    cell: Indices
    difference: Floats
    se: Floats
    smallest_t: Floats
    p_value: Floats
    named: NDArray[np.bool_]
    estimate: Floats
    low: Floats
    high: Floats
    design: Floats
    critical: float
    method: str


def nothing_searched() -> CellSearch:
    """Return the outcome of a search in which no cell can be judged."""
    none = np.zeros(0)
    return CellSearch(
        cell=np.zeros(0, dtype=np.intp),
        difference=none,
        se=none,
        smallest_t=none,
        p_value=none,
        named=np.zeros(0, dtype=bool),
        estimate=none,
        low=none,
        high=none,
        design=none,
        critical=float("nan"),
        method="no group to judge",
    )


def search_cells(
    moments: CellMoments, comparisons: Comparisons, design: Floats, chance: MaxT, *, level: float
) -> CellSearch:
    """Return the cells that differ, with estimates that allow for having been named.

    Parameters
    ----------
    moments : CellMoments
        Sums of the cells.
    comparisons : Comparisons
        From `comparisons_of`; at least one cell is judged.
    design : array, shape (contrasts,)
        Design factors.
    chance : MaxT
        The largest |t| under chance.
    level : float
        1 - ``level`` is the chance of naming any cell where none differs; ``level`` is also that of the
        intervals.

    Notes
    -----
    A single is named if |t| exceeds the critical value, a crossed cell if |t| does so against all other
    answers and the rest of every parent, with one sign; where a parent is named itself, the critical value
    is that of single looks.
    """
    contrasts = Contrasts(cell=comparisons.cell, base=comparisons.base, design=design)
    found = differences(moments, contrasts)
    smallest_t = comparisons.smallest(found.t)
    critical = _critical_values(comparisons, smallest_t, chance, level)
    named = smallest_t > critical
    difference = found.value[comparisons.starts]
    se = found.se[comparisons.starts]
    estimate, low, high = _estimates(comparisons, found, critical, named, level=level)
    return CellSearch(
        cell=comparisons.judged,
        difference=difference,
        se=se,
        smallest_t=smallest_t,
        p_value=chance.p_values(smallest_t),
        named=named,
        estimate=estimate,
        low=low,
        high=high,
        design=design[comparisons.starts],
        critical=chance.critical(level),
        method=chance.method,
    )


def _critical_values(comparisons: Comparisons, smallest_t: Floats, chance: MaxT, level: float) -> Floats:
    """The |t| that names each judged cell: larger inside a parent that is named."""
    usual, within = chance.critical(level), chance.critical_within(level)
    named_at = np.zeros(int(max(comparisons.cell.max(), comparisons.base.max())) + 1, dtype=bool)
    named_at[comparisons.judged] = smallest_t > usual
    inside = named_at[comparisons.base]
    return np.where(np.maximum.reduceat(inside, comparisons.starts), within, usual)


def _estimates(
    comparisons: Comparisons,
    found: Differences,
    critical: Floats,
    named: NDArray[np.bool_],
    *,
    level: float,
) -> NDArray[np.float64]:
    """Estimates of the named cells with their intervals, shape (3, judged); NaN for the others."""
    estimates = np.full((3, len(named)), np.nan)
    starts, sizes = comparisons.starts, comparisons.sizes
    single = named & (sizes == 1)
    if single.any():
        at = starts[single]
        limit = critical[single] * found.se[at]
        estimates[:, single] = given_named(found.value[at], found.se[at], limit, level=level)
    for cell in np.flatnonzero(named & (sizes > 1)).tolist():
        rows = range(starts[cell], starts[cell] + sizes[cell])
        # the comparison with all other answers leads
        first, *others = [
            (float(found.value[row]), float(found.se[row]), float(critical[cell] * found.se[row]))
            for row in rows
        ]
        estimates[:, cell] = given_crossed(*first, others, level=level)
    return estimates
