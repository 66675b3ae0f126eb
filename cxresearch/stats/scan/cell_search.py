"""The search itself: which cells differ from what surrounds them, with one error for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.stats.scan.cell_contrasts import Contrasts, differences
from cxresearch.stats.scan.named_estimates import given_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.stats.scan.cell_contrasts import CellMoments, Floats, Indices
    from cxresearch.stats.scan.cell_index import CellIndex
    from cxresearch.stats.scan.max_t import MaxT


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """The comparisons of a search, before their errors are known.

    Attributes
    ----------
    judged : array of int
        Cells that are judged.
    cell, base : array of int, shape (contrasts,)
        A single against all answers; a pair against each of its parents, and then each pair against all
        answers.
    in_family : array of bool, shape (contrasts,)
        Whether the comparison counts among the many looks: all but those of pairs against all answers, as no
        pair is named by that one alone.
    """

    judged: Indices
    cell: Indices
    base: Indices
    in_family: NDArray[np.bool_]


def comparisons_of(index: CellIndex, effective: Floats, judged: NDArray[np.bool_], *, least: float) -> Comparisons:
    """Return which cells are judged against what.

    Parameters
    ----------
    index : CellIndex
        The cells.
    effective : array, shape (cells,)
        Independent answers that those of the cell are worth.
    judged : array of bool, shape (cells,)
        Cells that may be judged at all.
    least : float
        A cell is judged if it, and the rest of whatever it is compared with, hold so many effective answers.
    """
    places = index.places
    chosen: list[int] = []
    family: list[tuple[int, int]] = []
    overall: list[tuple[int, int]] = []
    for place in range(1, len(index)):
        if not judged[place] or effective[place] < least:
            continue
        parents = index.parents(place, places)
        if min(effective[parent] - effective[place] for parent in parents) < least:
            continue
        chosen.append(place)
        family += [(place, parent) for parent in parents]
        if parents != [0]:
            overall.append((place, 0))
    pairs = np.array([*family, *overall], dtype=np.intp).reshape(-1, 2)
    return Comparisons(
        judged=np.array(chosen, dtype=np.intp),
        cell=pairs[:, 0],
        base=pairs[:, 1],
        in_family=np.arange(len(pairs)) < len(family),
    )


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
        From `comparisons_of`.
    design : array, shape (contrasts,)
        Design factors.
    chance : MaxT
        The largest |t| under chance, of the comparisons in the family.
    level : float
        1 - ``level`` is the chance of naming any cell where none differs, and ``level`` that of each interval.

    Notes
    -----
    A single is named if |t| exceeds the critical value, a pair if it exceeds it against both parents and all
    other answers, with one sign. With equal variances cov(D, D_a) = var(D) for the difference D from all others
    and D_a from the rest of a parent, so D_a - D is independent of D, and "named" is a limit on D alone.
    """
    contrasts = Contrasts(cell=comparisons.cell, base=comparisons.base, design=design)
    every = differences(moments, contrasts)
    t, value, se = every.t, every.value, every.se
    critical = chance.critical(level)
    size = len(moments.n)
    overall = np.full(size, -1, dtype=np.intp)
    against_all = comparisons.base == 0
    overall[comparisons.cell[against_all]] = np.flatnonzero(against_all)
    rows = overall[comparisons.judged]
    sign = np.sign(value[rows])
    sign_of = np.zeros(size)
    sign_of[comparisons.judged] = sign
    agreeing = t * sign_of[comparisons.cell]
    smallest = np.full(size, np.inf)
    np.minimum.at(smallest, comparisons.cell, agreeing)
    smallest_t = np.maximum(smallest[comparisons.judged], 0.0)
    named = smallest_t > critical
    # D < -c se_a - (D_a - D) for every comparison of a pair that lies below, and the mirror image above
    shift = (value - value[overall[comparisons.cell]]) * sign_of[comparisons.cell]
    limit = np.full(size, -np.inf)
    np.maximum.at(limit, comparisons.cell, critical * se - shift)
    limit = limit[comparisons.judged]
    alone = np.bincount(comparisons.cell, minlength=size)[comparisons.judged] == 1
    lower = np.where(alone | (sign < 0), -limit, -np.inf)
    upper = np.where(alone | (sign > 0), limit, np.inf)
    estimate, low, high = (np.full(len(rows), np.nan) for _ in range(3))
    if named.any():
        found = given_named(value[rows][named], se[rows][named], lower[named], upper[named], level=level)
        estimate[named], low[named], high[named] = found
    return CellSearch(
        cell=comparisons.judged,
        difference=value[rows],
        se=se[rows],
        smallest_t=smallest_t,
        p_value=chance.p_values(smallest_t),
        named=named,
        estimate=estimate,
        low=low,
        high=high,
        critical=critical,
    )
