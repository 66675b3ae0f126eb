"""What each cell of a search is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.stats.scan.cell_contrasts import Floats, Indices
    from cxresearch.stats.scan.cell_index import CellIndex


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """The comparisons of a search, cell by cell, that with all other answers first.

    Attributes
    ----------
    judged : array of int, shape (judged,)
        Cells that are judged.
    starts : array of int, shape (judged,)
        Where the comparisons of each judged cell begin.
    cell, base : array of int, shape (contrasts,)
        A single is compared with all other answers; a pair with those and with the rest of each parent.
    """

    judged: Indices
    starts: Indices
    cell: Indices
    base: Indices

    @property
    def sizes(self) -> Indices:
        """Number of comparisons of each judged cell."""
        return np.diff(np.append(self.starts, len(self.cell)))

    def smallest(self, t: Floats) -> Floats:
        """Return the smallest |t| of each cell, 0 where its comparisons do not agree in sign.

        Parameters
        ----------
        t : array, shape (contrasts,) or (contrasts, draws)

        Returns
        -------
        array, shape (judged,) or (judged, draws)
        """
        # t against all others leads; a comparison of the other sign counts as below nought
        sign = np.sign(t[self.starts])
        agreeing = t * np.repeat(sign, self.sizes, axis=0)
        return np.asarray(np.maximum(np.minimum.reduceat(agreeing, self.starts, axis=0), 0.0))


def comparisons_of(
    index: CellIndex, effective: Floats, judged: NDArray[np.bool_], *, least: float
) -> Comparisons:
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
    starts: list[int] = []
    pairs: list[tuple[int, int]] = []
    for place in (1 + np.flatnonzero((judged & (effective >= least))[1:])).tolist():
        parents = index.parents(place, places)
        # nearly the whole of a parent is no group of its own: the two would be compared with hardly anybody
        if min(effective[parent] - effective[place] for parent in parents) < least:
            continue
        chosen.append(place)
        starts.append(len(pairs))
        pairs += [(place, base) for base in dict.fromkeys((0, *parents))]
    both = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return Comparisons(
        judged=np.array(chosen, dtype=np.intp),
        starts=np.array(starts, dtype=np.intp),
        cell=both[:, 0],
        base=both[:, 1],
    )
