"""Cells of a search: levels of single columns and of columns crossed, with the cells that hold each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.stats.scan.cell_contrasts import Repeats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cxresearch.stats.scan.cell_contrasts import Floats, Indices


@dataclass(frozen=True, kw_only=True)
class CellIndex:
    """Names of cells; cell 0 holds all answers.

    Attributes
    ----------
    columns : tuple of tuple of int
        Columns of each cell, rising; empty for cell 0.
    levels : tuple of tuple of int
        Its level in each of them.
    """

    columns: tuple[tuple[int, ...], ...]
    levels: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def places(self) -> dict[tuple[tuple[int, ...], tuple[int, ...]], int]:
        """Position of each cell by its columns and levels."""
        return {key: place for place, key in enumerate(zip(self.columns, self.levels, strict=True))}

    def parents(self, place: int, places: dict[tuple[tuple[int, ...], tuple[int, ...]], int]) -> list[int]:
        """Return the cells with one column less: all answers for a single, both parents for a pair."""
        columns, levels = self.columns[place], self.levels[place]
        without = [
            (columns[:at] + columns[at + 1 :], levels[:at] + levels[at + 1 :]) for at in range(len(columns))
        ]
        return [places[key] for key in without]


def column_sets(columns: Sequence[int], crossed: Sequence[int], depth: int) -> list[tuple[int, ...]]:
    """Return the sets of columns to group by: each alone, then those to be crossed in twos up to ``depth``.

    Examples
    --------
    >>> column_sets([0, 1, 2], [0, 2], 2)
    [(0,), (1,), (2,), (0, 2)]
    """
    sets: list[tuple[int, ...]] = [(column,) for column in columns]
    for size in range(2, depth + 1):
        sets += list(combinations(sorted(crossed), size))
    return sets


def mixed_code(codes: NDArray[np.integer], columns: tuple[int, ...], sizes: Sequence[int]) -> Indices:
    """Return one number for the levels in several columns, shape (n,).

    Examples
    --------
    >>> mixed_code(np.array([[1, 2], [0, 1]]), (0, 1), [2, 3])
    array([5, 1])
    """
    code = np.zeros(len(codes), dtype=np.intp)
    for column in columns:
        code = code * sizes[column] + codes[:, column]
    return code


def levels_of(code: int, columns: tuple[int, ...], sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the levels that `mixed_code` put into one number.

    Examples
    --------
    >>> levels_of(5, (0, 1), [2, 3])
    (1, 2)
    """
    levels = []
    for column in reversed(columns):
        code, level = divmod(code, sizes[column])
        levels.append(level)
    return tuple(reversed(levels))


def members_of(
    codes: NDArray[np.integer], sizes: Sequence[int], sets: Sequence[tuple[int, ...]], *, at_least: int
) -> tuple[CellIndex, csr_array]:
    """Return the cells of some answers that hold enough of them, and who lies in which.

    Parameters
    ----------
    codes : array of int, shape (n, columns)
        Level of each answer in each column, from 0.
    sizes : sequence of int
        Number of levels of each column.
    sets : sequence of tuple of int
        Columns to group by, from `column_sets`.
    at_least : int
        Pairs below so many answers are left out; singles are all there, as their sums make up the whole.

    Returns
    -------
    index : CellIndex
    members : sparse array, shape (cells, n)
        1 where an answer lies in a cell.
    """
    from scipy.sparse import csr_array

    answers = len(codes)
    columns: list[tuple[int, ...]] = [()]
    levels: list[tuple[int, ...]] = [()]
    positions: list[Indices] = [np.arange(answers)]
    for chosen in sets:
        code = mixed_code(codes, chosen, sizes)
        # answers of one cell stand together, in order of their position
        order = np.argsort(code, kind="stable")
        present, starts, counts = np.unique(code[order], return_index=True, return_counts=True)
        for value, start, count in zip(present, starts, counts, strict=True):
            if len(chosen) > 1 and count < at_least:
                continue
            columns.append(chosen)
            levels.append(levels_of(int(value), chosen, sizes))
            positions.append(order[start : start + count])
    ends = np.cumsum([0, *map(len, positions)])
    inside = np.concatenate(positions)
    members = csr_array((np.ones(len(inside)), inside, ends), shape=(len(columns), answers))
    return CellIndex(columns=tuple(columns), levels=tuple(levels)), members


def members_in(codes: NDArray[np.integer], sizes: Sequence[int], index: CellIndex) -> csr_array:
    """Return which of some answers lie in the cells of an index, shape (cells, n).

    Parameters
    ----------
    codes, sizes
        As in `members_of`; the answers may be a sample of those the index was made of.
    index : CellIndex
        The cells.
    """
    from scipy.sparse import csr_array

    answers = len(codes)
    rows: list[Indices] = [np.zeros(answers, dtype=np.intp)]
    inside: list[Indices] = [np.arange(answers)]
    wanted: dict[tuple[int, ...], list[int]] = {}
    for place in range(1, len(index)):
        wanted.setdefault(index.columns[place], []).append(place)
    for columns, places in wanted.items():
        levels = np.array([index.levels[place] for place in places], dtype=np.intp)
        every = np.zeros((len(places), codes.shape[1]), dtype=np.intp)
        every[:, list(columns)] = levels
        cell_codes = mixed_code(every, columns, sizes)
        order = np.argsort(cell_codes)
        code = mixed_code(codes, columns, sizes)
        # the place of each answer's code among those of the cells, if it is there
        at = np.minimum(np.searchsorted(cell_codes[order], code), len(places) - 1)
        hit = cell_codes[order][at] == code
        rows.append(np.array(places)[order][at[hit]])
        inside.append(np.flatnonzero(hit))
    row, column = np.concatenate(rows), np.concatenate(inside)
    return csr_array((np.ones(len(row)), (row, column)), shape=(len(index), answers))


def count_repeats(members: csr_array, customer: Indices, cell: Indices, base: Indices) -> Repeats:
    """Return how often the same customers answer in each cell, and in each cell beside its base.

    Parameters
    ----------
    members : sparse array, shape (cells, n)
        From `members_of`.
    customer : array of int, shape (n,)
        Number of the customer, from 0.
    cell, base : array of int, shape (contrasts,)
        As in `Contrasts`.
    """
    from scipy.sparse import csr_array

    answers = len(customer)
    people = int(customer.max()) + 1
    of_whom = csr_array((np.ones(answers), (np.arange(answers), customer)), shape=(answers, people))
    by_customer = csr_array(members @ of_whom)
    return Repeats(
        within=np.asarray(by_customer.power(2).sum(axis=1), dtype=np.float64).ravel(),
        shared=_row_products(by_customer, cell, base),
    )


def _row_products(rows: csr_array, left: Indices, right: Indices) -> Floats:
    """Sums of the products of pairs of rows, shape (pairs,); few rows stand on the right, many times each."""
    products = np.empty(len(left))
    order = np.argsort(right, kind="stable")
    bases, starts = np.unique(right[order], return_index=True)
    ends = np.append(starts[1:], len(order))[: len(bases)]
    for base, start, end in zip(bases, starts, ends, strict=True):
        places = order[start:end]
        products[places] = rows[left[places]] @ rows[[base]].toarray().ravel()
    return products
