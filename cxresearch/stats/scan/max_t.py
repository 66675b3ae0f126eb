"""One error for a whole search: the largest |t| that chance alone would find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.stats.scan.cell_contrasts import PRIOR_ANSWERS, CellMoments, Contrasts, differences

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cxresearch.stats.scan.cell_contrasts import Floats, Indices
    from cxresearch.stats.scan.comparisons import Comparisons

#: Customers with so many answers that fewer than this have as many are exchanged with their neighbours.
LEAST_ALIKE = 20
#: Cells with fewer answers than this in a sample count as looks of their own.
LEAST_SAMPLED = 30
#: Draws worked on at a time.
CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class MaxT:
    """The largest |t| of a search in each draw under chance; each array sorted, shape (draws,).

    Attributes
    ----------
    cells : array
        Over cells, each by the smallest |t| of its comparisons: what a search names cells by.
    looks : array
        Over all comparisons of crossed cells with their parents.
    method : str
        How they were drawn.
    """

    cells: Floats
    looks: Floats
    method: str

    def critical(self, level: float) -> float:
        """Return the |t| above which a cell is named: by chance one is in 1 - ``level`` of searches."""
        return _quantile(self.cells, level)

    def critical_within(self, level: float) -> float:
        """Return the |t| above which a crossed cell is named inside a parent that differs itself.

        The parent's difference then fulfils one comparison, and chance needs but the other: the largest of
        single looks keeps the error.
        """
        return max(_quantile(self.looks, level), self.critical(level))

    def p_values(self, t: Floats) -> Floats:
        """Return adjusted p-values, (1 + draws at least as large) / (1 + draws), shape as ``t``."""
        larger = len(self.cells) - np.searchsorted(self.cells, np.abs(t), side="left")
        return np.asarray((1 + larger) / (1 + len(self.cells)))


def _quantile(draws: Floats, level: float) -> float:
    """Of B draws and the search itself the k-th smallest: exchangeable data exceed it in 1 - level."""
    if not len(draws):
        return np.inf
    place = int(np.ceil(level * (len(draws) + 1))) - 1
    return float(draws[min(place, len(draws) - 1)])


def permute_customers(
    members: csr_array,
    values: Floats,
    customer: Indices,
    comparisons: Comparisons,
    design: Floats,
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
    comparisons : Comparisons
        The comparisons of the search.
    design : array, shape (contrasts,)
        Their design factors.
    draws, seed : int
        Number of draws, and their seed.

    Notes
    -----
    A customer's answers move together, in any order, to another customer who gave as many; customers whose
    number of answers is rare are exchanged among each other, in order of that number.

    References
    ----------
    Westfall, P. H., & Young, S. S. (1993). Resampling-based multiple testing. Wiley.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(customer)
    starts = np.cumsum(sizes) - sizes
    classes = _size_classes(sizes)
    place = _positions(starts, sizes, np.argsort(classes, kind="stable"))
    # whatever order a customer's answers came in (by time, by score) must not line up with the other's
    mixed = values[np.lexsort((rng.random(len(values)), customer))]
    n = np.asarray(members.sum(axis=1), dtype=np.float64).ravel()
    contrasts = Contrasts(cell=comparisons.cell, base=comparisons.base, design=design)
    tally = _Tally(comparisons)
    for chunk in _chunks(draws):
        shuffled = np.empty((len(values), chunk))
        # customers of each class in any order, their answers laid along those of the class
        for draw in range(chunk):
            order = np.lexsort((rng.random(len(sizes)), classes))
            shuffled[place, draw] = mixed[_positions(starts, sizes, order)]
        moments = CellMoments(n=n, total=members @ shuffled, squares=members @ shuffled**2)
        tally.add(differences(moments, contrasts).t)
    return tally.largest("whole customers exchanged")


def multiply_customers(
    members: csr_array,
    values: Floats,
    customer: Indices,
    comparisons: Comparisons,
    n: Floats,
    *,
    draws: int = 499,
    seed: int = 0,
) -> MaxT:
    """Return the largest |t| of a large search, from a sample of its customers and normal multipliers.

    Parameters
    ----------
    members, values, customer
        As in `permute_customers`, of the customers in the sample.
    comparisons : Comparisons
        The comparisons of the search, judged by all answers.
    n : array, shape (cells,)
        Answers in each cell, of all answers.
    draws, seed : int
        Number of draws, and their seed.

    Notes
    -----
    With p = n_cell/n_base, customer c adds s_c = R_c(cell) - p R_c(base) to a comparison, R being sums of
    residuals; the draw is sum_c g_c s_c over its spread, with standard normal g (multiplier bootstrap;
    Chernozhukov, Chetverikov and Kato 2013, doi:10.1214/13-AOS1161): normal, as so many answers make it, with
    the correlation of the comparisons; then widened to Student's t, z + (z^3 + z)/(4 df), with as many
    degrees of freedom as the smaller side and the prior have answers (Fisher 1926). A cell hardly seen in the
    sample counts as a look of its own, which can only raise the largest.
    """
    from scipy.sparse import csr_array

    rng = np.random.default_rng(seed)
    answers, people = len(values), int(customer.max()) + 1
    residual = csr_array((values - values.mean(), (np.arange(answers), customer)), shape=(answers, people))
    sums = csr_array(members @ residual)
    sampled = np.asarray(members.sum(axis=1), dtype=np.float64).ravel()
    cell, base = comparisons.cell, comparisons.base
    share = (sampled[cell] / np.maximum(sampled[base], 1.0))[:, None]
    df = (np.minimum(n[cell], n[base] - n[cell]) + PRIOR_ANSWERS - 1)[:, None]
    chunks = [sums @ rng.standard_normal((people, chunk)) for chunk in _chunks(draws)]
    # sum_c (R_c(cell) - p R_c(base))^2 is the variance of the draws, which are enough to tell it
    squares = sum(((drawn[cell] - share * drawn[base]) ** 2).sum(axis=1) for drawn in chunks)
    spread = np.sqrt(np.asarray(squares, dtype=np.float64) / draws)
    rare = (sampled[cell] < LEAST_SAMPLED) | (spread <= 0)
    # a look of its own is standard normal already
    scale = np.where(rare, 1.0, 1 / np.where(spread > 0, spread, 1.0))[:, None]
    own = np.repeat(np.arange(len(comparisons.judged)), comparisons.sizes)
    tally = _Tally(comparisons)
    for drawn in chunks:
        t = (drawn[cell] - share * drawn[base]) * scale
        alone = rng.standard_normal((len(comparisons.judged), drawn.shape[1]))
        z = np.where(rare[:, None], alone[own], t)
        # Fisher (1926): the quantile of t at that of z, to the order 1 / df
        tally.add(z + (z**3 + z) / (4 * df))
    return tally.largest(f"normal multipliers of {people:,} customers")


class _Tally:
    """Collects the largest |t| of draws."""

    def __init__(self, comparisons: Comparisons) -> None:
        self._comparisons = comparisons
        self._crossed = (comparisons.base != 0).nonzero()[0]
        self._cells: list[Floats] = []
        self._looks: list[Floats] = []

    def add(self, t: Floats) -> None:
        self._cells.append(self._comparisons.smallest(t).max(axis=0))
        if len(self._crossed):
            self._looks.append(np.abs(t[self._crossed]).max(axis=0))

    def largest(self, method: str) -> MaxT:
        looks = np.sort(np.concatenate(self._looks)) if self._looks else np.zeros(0)
        return MaxT(cells=np.sort(np.concatenate(self._cells)), looks=looks, method=method)


def _chunks(draws: int) -> list[int]:
    whole, rest = divmod(draws, CHUNK)
    return [CHUNK] * whole + [rest] * bool(rest)


def _size_classes(sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Class of each customer: the number of answers, neighbours taken together where few have as many."""
    counts = np.bincount(sizes)
    class_of = np.zeros(len(counts), dtype=np.intp)
    current, inside = 0, 0
    for size in range(1, len(counts)):
        class_of[size] = current
        inside += counts[size]
        if inside >= LEAST_ALIKE:
            current += 1
            inside = 0
    if inside < LEAST_ALIKE and current > 0:
        class_of[class_of == current] = current - 1
    return np.asarray(class_of[sizes])


def _positions(starts: Indices, sizes: Indices, order: Indices) -> Indices:
    """Positions of the answers of customers taken in an order."""
    taken = sizes[order]
    ends = np.cumsum(taken)
    return np.asarray(np.repeat(starts[order] - (ends - taken), taken) + np.arange(ends[-1]))
