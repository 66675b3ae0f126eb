"""For each row, the weight of the rows before it that lie lower or level, in O(n log n)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places

#: Up to so many levels a running sum for each is faster than the tree.
_FEW = 16


def weight_below(group: Places, code: Places, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Sum weights over the rows of earlier groups, by whether their code is lower or equal.

    Parameters
    ----------
    group : array of int, shape (n,)
        Rows sorted by group, ascending; rows of one group do not see each other.
    code : array of int, shape (n,)
        Level numbers from 0.
    weight : array, shape (n,)

    Returns
    -------
    below, equal, total : array, shape (n,)
        For row i: the sums of ``weight[j]`` over ``group[j] < group[i]`` with ``code[j] < code[i]``, with
        ``code[j] == code[i]``, and over all.

    Notes
    -----
    A wavelet tree, read level by level: rows that agree in all higher bits of the code form a block; in it, a
    row with bit 1 lies above the rows with bit 0. One pass for each bit of the largest code.

    Examples
    --------
    >>> below, equal, total = weight_below(np.array([0, 0, 1]), np.array([0, 1, 1]), np.ones(3))
    >>> below.tolist(), equal.tolist(), total.tolist()
    ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 2.0])
    """
    if code.max() < _FEW:
        return _by_level(group, code, weight)
    size = len(code)
    below = np.zeros(size)
    total = _before(np.zeros(size, dtype=np.intp), group, weight)
    order = np.arange(size)
    for bit in range(max(int(code.max()), 1).bit_length() - 1, -1, -1):
        # A block agrees in all higher bits; in it a row with this bit lies above the rows without.
        block = code[order] >> (bit + 1)
        high = (code[order] >> bit & 1).astype(bool)
        low_before = _before(block, group[order], np.where(high, 0.0, weight[order]))
        below[order[high]] += low_before[high]
        order = order[np.argsort(code[order] >> bit, kind="stable")]
    equal = np.empty(size)
    equal[order] = _before(code[order], group[order], weight[order])
    return below, equal, total


def _by_level(group: Places, code: Places, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Do the same with one running sum for each level: faster where there are few."""
    below = np.zeros(len(code))
    equal = np.zeros(len(code))
    total = np.zeros(len(code))
    first = np.concatenate(([True], group[1:] != group[:-1]))
    start = np.maximum.accumulate(np.where(first, np.arange(len(code)), 0))
    for level in range(int(code.max()) + 1):
        at_level = code == level
        # Weight at this level ahead of the row's group.
        before = np.concatenate(([0.0], np.cumsum(np.where(at_level, weight, 0.0))[:-1]))[start]
        total += before
        equal[at_level] = before[at_level]
        below += np.where(code > level, before, 0.0)
    return below, equal, total


def _before(block: Places, group: Places, weight: Floats) -> Floats:
    """Cumulative weight within the block before the row's group; rows sorted by block, then group."""
    cumulative = np.concatenate(([0.0], np.cumsum(weight)[:-1]))
    new_block = np.concatenate(([True], block[1:] != block[:-1]))
    new_group = new_block | np.concatenate(([True], group[1:] != group[:-1]))
    starts = np.arange(len(block))
    group_start = np.maximum.accumulate(np.where(new_group, starts, 0))
    block_start = np.maximum.accumulate(np.where(new_block, starts, 0))
    return np.asarray(cumulative[group_start] - cumulative[block_start])
