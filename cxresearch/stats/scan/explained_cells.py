"""Which of several cells that differ is explained by another: its difference within and without the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cxresearch.stats.scan.cell_contrasts import moderated_variance

if TYPE_CHECKING:
    from cxresearch.stats.scan.cell_contrasts import CellMoments
    from cxresearch.stats.scan.cell_index import CellIndex

#: A difference that falls below so many errors once another cell is held is explained by that one.
GONE = 2.0


class Held(NamedTuple):
    """A difference with another cell held: value, error; NaN where the two cells leave nothing to compare."""

    value: float
    se: float

    @property
    def t(self) -> float:
        """Difference over its error; NaN without one."""
        return self.value / self.se if self.se > 0 else float("nan")


def difference_holding(
    moments: CellMoments, cell: int, held: int, both: int | None, *, design: float = 1.0
) -> Held:
    """Return the difference of a cell from all others within and outside another cell.

    Parameters
    ----------
    moments : CellMoments
        Sums of the cells, cell 0 holding all answers.
    cell, held : int
        The cell, and the one to hold.
    both : int or None
        The cell in which both meet; None where they do not.
    design : float
        Design factor of the cell's difference.

    Notes
    -----
    Differences within the two strata, weighted by n_1 n_0 / (n_1 + n_0) (Mantel and Haenszel's weights for
    means; Greenland and Rothman 2008).
    """
    sums = np.column_stack([moments.n, moments.total, moments.squares])
    overall = sums[0, 2] / sums[0, 0] - (sums[0, 1] / sums[0, 0]) ** 2
    shared = sums[both] if both is not None else np.zeros(3)
    strata = (
        (shared, sums[held] - shared),
        (sums[cell] - shared, sums[0] - sums[held] - sums[cell] + shared),
    )
    weighted, variance, weights = 0.0, 0.0, 0.0
    for inside, outside in strata:
        if inside[0] < 1 or outside[0] < 1:
            continue
        # w = n_1 n_0 / (n_1 + n_0): the weight of least variance, if variances are equal
        weight = inside[0] * outside[0] / (inside[0] + outside[0])
        weighted += weight * (inside[1] / inside[0] - outside[1] / outside[0])
        spread = sum(
            float(moderated_variance(part[0], part[1], part[2], overall)) / part[0]
            for part in (inside, outside)
        )
        # var(sum w D) = sum w^2 var(D)
        variance += weight**2 * spread
        weights += weight
    if weights == 0:
        return Held(float("nan"), float("nan"))
    return Held(float(weighted / weights), float(np.sqrt(variance * design) / weights))


def meeting_cell(index: CellIndex, cell: int, other: int) -> tuple[bool, int | None]:
    """Return whether it is known where two cells meet, and the cell there (None where they do not).

    Examples
    --------
    >>> from cxresearch.stats.scan.cell_index import CellIndex
    >>> index = CellIndex(columns=((), (0,), (0,), (1,), (0, 1)), levels=((), (0,), (1,), (0,), (1, 0)))
    >>> meeting_cell(index, 1, 2), meeting_cell(index, 2, 3), meeting_cell(index, 2, 4)
    ((True, None), (True, 4), (True, 4))
    """
    levels = dict(zip(index.columns[cell], index.levels[cell], strict=True))
    for column, level in zip(index.columns[other], index.levels[other], strict=True):
        if levels.setdefault(column, level) != level:
            return True, None
    columns = tuple(sorted(levels))
    crossed = index.places.get((columns, tuple(levels[column] for column in columns)))
    return crossed is not None, crossed


def explained_by(
    moments: CellMoments, index: CellIndex, cells: list[int], design: dict[int, float], *, critical: float
) -> dict[int, int]:
    """Return which of the named cells are explained by which other.

    Parameters
    ----------
    moments, index
        The cells of a search.
    cells : list of int
        Named cells.
    design : dict of int to float
        Design factor of each.
    critical : float
        |t| that a cell must keep, with the other held, to explain it.

    Returns
    -------
    dict of int to int
        A cell is explained by the one that keeps the largest |t| with it held, while its own falls below
        `GONE` with that one held.
    """
    explained = {}
    for cell in cells:
        best = critical
        for other in cells:
            known, both = meeting_cell(index, cell, other)
            if other == cell or not known:
                continue
            # each with the other held
            own = difference_holding(moments, cell, other, both, design=design[cell])
            kept = difference_holding(moments, other, cell, both, design=design[other])
            if abs(own.t) < GONE and abs(kept.t) > best:
                best = abs(kept.t)
                explained[cell] = other
    return explained
