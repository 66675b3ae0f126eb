"""One error for a whole search: the largest |t| that chance alone would find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.stats.scan.cell_contrasts import CellMoments, Contrasts, differences

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cxresearch.stats.scan.cell_contrasts import Floats, Indices

#: Customers with so many answers that fewer than this have as many are exchanged with their neighbours.
LEAST_ALIKE = 20
#: Draws worked on at a time.
CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class MaxT:
    """The largest |t| of a search in each draw under chance.

    Attributes
    ----------
    draws : array, shape (draws,)
        Sorted.
    method : str
        How they were drawn.
    """

    draws: Floats
    method: str

    def critical(self, level: float) -> float:
        """Return the |t| above which a cell is named: chance names one in 1 - ``level`` of searches."""
        # Of B draws and the search itself, the k-th largest: p <= 1 - level exactly for exchangeable data.
        place = int(np.ceil(level * (len(self.draws) + 1))) - 1
        return float(self.draws[min(place, len(self.draws) - 1)])

    def p_values(self, t: Floats) -> Floats:
        """Return adjusted p-values, (1 + draws at least as large) / (1 + draws), shape as ``t``."""
        larger = len(self.draws) - np.searchsorted(self.draws, np.abs(t), side="left")
        return np.asarray((1 + larger) / (1 + len(self.draws)))


def permute_customers(
    members: csr_array,
    values: Floats,
    customer: Indices,
    contrasts: Contrasts,
    *,
    draws: int = 499,
    seed: int = 0,
) -> MaxT:
    """Return the largest |t| after exchanging the answers of whole customers.

    Parameters
    ----------
    members : sparse array, shape (cells, n)
        1 where an answer lies in a cell; the answers sorted by ``customer``.
    values : array, shape (n,)
        What the answers count.
    customer : array of int, shape (n,)
        Number of the customer, from 0, rising.
    contrasts : Contrasts
        The comparisons of the search.
    draws, seed : int
        Number of draws, and their seed.

    Notes
    -----
    A customer's answers move together to another customer who gave as many; customers whose number of answers
    is rare are exchanged among each other, in order of that number.

    References
    ----------
    Westfall, P. H., & Young, S. S. (1993). Resampling-based multiple testing. Wiley.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(customer)
    starts = np.cumsum(sizes) - sizes
    classes = _size_classes(sizes)
    target = np.argsort(classes, kind="stable")
    place = _positions(starts, sizes, target)
    n = np.asarray(members.sum(axis=1), dtype=np.float64).ravel()
    largest = []
    for chunk in _chunks(draws):
        shuffled = np.empty((len(values), chunk))
        for draw in range(chunk):
            order = np.lexsort((rng.random(len(sizes)), classes))
            shuffled[place, draw] = values[_positions(starts, sizes, order)]
        moments = CellMoments(n=n, total=members @ shuffled, squares=members @ shuffled**2)
        largest.append(np.abs(differences(moments, contrasts).t).max(axis=0))
    return MaxT(draws=np.sort(np.concatenate(largest)), method="whole customers exchanged")


def wild_blocks(
    n: Floats, deviations: Floats, moments: CellMoments, contrasts: Contrasts, *, draws: int = 999, seed: int = 0
) -> MaxT:
    """Return the largest |t| when blocks of customers keep or change the sign of what they add.

    Parameters
    ----------
    n : array, shape (cells, blocks)
        Answers in each cell by block; a customer belongs to one block.
    deviations : array, shape (cells, blocks)
        Sums of the answers less the mean of all answers.
    moments : CellMoments
        Of the answers as they are: errors are taken from them.
    contrasts : Contrasts
        The comparisons of the search.
    draws, seed : int
        Number of draws, and their seed.

    Notes
    -----
    For a contrast with mean p = n_1/n_base, block b adds s_b = D_1b - p D_base,b; the draw is
    sum_b w_b s_b with w = +-1 (wild cluster bootstrap with the null imposed: Cameron, Gelbach and Miller
    2008, doi:10.1162/rest.90.3.414), over the error of the search.
    """
    rng = np.random.default_rng(seed)
    found = differences(moments, contrasts)
    counts = n.sum(axis=1)
    n_cell, n_base = counts[contrasts.cell], counts[contrasts.base]
    share = n_cell / n_base
    added = deviations[contrasts.cell] - share[:, None] * deviations[contrasts.base]
    # difference = S / (n_1 (1 - p)), as the mean of a cell less that of the rest is S / (n p (1 - p))
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(found.se > 0, 1 / (n_cell * (1 - share) * found.se), 0.0)
    added = added * scaled[:, None]
    largest = []
    for chunk in _chunks(draws):
        signs = rng.integers(0, 2, (added.shape[1], chunk)) * 2.0 - 1.0
        largest.append(np.abs(added @ signs).max(axis=0))
    return MaxT(
        draws=np.sort(np.concatenate(largest)),
        method=f"wild bootstrap of {added.shape[1]} blocks of customers",
    )


def _chunks(draws: int) -> list[int]:
    whole, rest = divmod(draws, CHUNK)
    return [CHUNK] * whole + [rest] * bool(rest)


def _size_classes(sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Class of each customer: the number of answers, neighbours taken together where few have as many."""
    counts = np.bincount(sizes)
    class_of = np.zeros(len(counts), dtype=np.intp)
    current, members = 0, 0
    for size in range(1, len(counts)):
        class_of[size] = current
        members += counts[size]
        if members >= LEAST_ALIKE:
            current, members = current + 1, 0
    if members < LEAST_ALIKE and current > 0:
        class_of[class_of == current] = current - 1
    return class_of[sizes]


def _positions(starts: Indices, sizes: Indices, order: Indices) -> Indices:
    """Positions of the answers of customers taken in an order."""
    taken = sizes[order]
    ends = np.cumsum(taken)
    return np.repeat(starts[order] - (ends - taken), taken) + np.arange(ends[-1])
