"""The search itself: which cells differ from what surrounds them, with one error for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.stats.scan.cell_contrasts import Contrasts, differences
from cxresearch.stats.scan.named_estimates import given_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.stats.scan.cell_contrasts import CellMoments, Differences, Floats, Indices
    from cxresearch.stats.scan.comparisons import Comparisons
    from cxresearch.stats.scan.max_t import MaxT


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
    critical : float
        The |t| that names a cell.
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
    critical: float


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
    lower, upper = _limits(comparisons, found, critical)
    difference = found.value[comparisons.starts]
    se = found.se[comparisons.starts]
    estimate, low, high = (np.full(len(named), np.nan) for _ in range(3))
    if named.any():
        given = given_named(difference[named], se[named], lower[named], upper[named], level=level)
        estimate[named], low[named], high[named] = given
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
        critical=chance.critical(level),
    )


def _critical_values(comparisons: Comparisons, smallest_t: Floats, chance: MaxT, level: float) -> Floats:
    """The |t| that names each judged cell: larger inside a parent that is named."""
    usual, within = chance.critical(level), chance.critical_within(level)
    named_at = np.zeros(int(max(comparisons.cell.max(), comparisons.base.max())) + 1, dtype=bool)
    named_at[comparisons.judged] = smallest_t > usual
    inside = named_at[comparisons.base]
    return np.where(np.maximum.reduceat(inside, comparisons.starts), within, usual)


def _limits(comparisons: Comparisons, found: Differences, critical: Floats) -> tuple[Floats, Floats]:
    """Differences from all other answers below or above which a cell is named, given the rest of the data.

    With equal variances cov(D, D_a) = var(D) for the difference D from all others and D_a from the rest of a
    parent, so D_a - D is independent of D, and |t_a| > c is a limit on D alone: c SE_a - (D_a - D) above.
    """
    sizes = comparisons.sizes
    difference = found.value[comparisons.starts]
    sign = np.sign(difference)
    shift = (found.value - np.repeat(difference, sizes)) * np.repeat(sign, sizes)
    limit = np.maximum.reduceat(np.repeat(critical, sizes) * found.se - shift, comparisons.starts)
    single = sizes == 1
    lower = np.where(single | (sign < 0), -limit, -np.inf)
    upper = np.where(single | (sign > 0), limit, np.inf)
    return lower, upper
