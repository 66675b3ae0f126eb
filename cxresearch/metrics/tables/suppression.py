"""Which cells may be read: small bases are flagged, the smallest hidden with their complements."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from cxresearch.results.hiding import SMALL_BASE, SUPPRESS_BELOW

_HIDDEN = ("value", "low", "high", "se")


def flag_and_suppress(
    table: pd.DataFrame,
    keys: Sequence[str],
    *,
    apart: Sequence[str] = (),
    small_base: int = SMALL_BASE,
    below: int = SUPPRESS_BELOW,
) -> pd.DataFrame:
    """Return the table of one metric with columns ``small_base`` and ``suppressed``, hidden values blanked.

    Parameters
    ----------
    table : DataFrame
        One row a cell, with the key columns, n, value, low, high, se and, where rows are weighted or linked,
        ``n_effective``: a cell is as small as the smaller of the two.
    keys : sequence of str
        Columns over which totals may be published: over each of them, over several, over all. The cells of a
        total are a line; its only hidden member would be a subtraction away.
    apart : sequence of str
        Further columns that name a cell, over which no total is published: the period. What is hidden for one
        value of them hides nothing for another.
    small_base : int
        Below this n a cell is flagged.
    below : int
        Below this n (and above 0) a cell is hidden; further cells of a line, the smallest first (of equal
        ones the first by name), are hidden until at least two are, together of ``below`` answers or more. A
        line of one cell has no complement to hide; the longer lines it belongs to have.

    Returns
    -------
    DataFrame
        A copy with two boolean columns more.

    Examples
    --------
    >>> cells = pd.DataFrame({"segment": ["a", "b", "c"], "n": [3, 80, 40], "value": [1.0, 2.0, 3.0]})
    >>> flag_and_suppress(cells, ["segment"])["suppressed"].tolist()
    [True, False, True]
    """
    n = table["n"].to_numpy()
    size = n
    if "n_effective" in table:
        # fmin passes over NaN: without a design the base is n itself.
        size = np.fmin(n, table["n_effective"].to_numpy(float))
    size = np.round(size, 9)  # an effective n of 5 may be short of it by rounding
    # n = 0 has nothing to hide, and an empty cell tells what any total tells.
    hidden = (n > 0) & (size < below)
    # Every total that may be published beside the cells: over any of the keys.
    totals = [chosen for size in range(1, len(keys) + 1) for chosen in combinations(keys, size)]
    lines = [_lines(table, [*(key for key in keys if key not in over), *apart]) for over in totals]
    changed = bool(hidden.any())
    order = n
    if changed:
        order = _smallest_first(table, n, [*keys, *apart])
    # Hiding a complement can leave a single hidden cell in another line: repeat until no line changes.
    while changed:
        before = int(hidden.sum())
        for line in lines:
            hidden = _protect(hidden, n, line, below, order)
        changed = int(hidden.sum()) > before
    result = table.copy()
    result["small_base"] = size < small_base
    result["suppressed"] = hidden
    result.loc[hidden, [column for column in _HIDDEN if column in result]] = np.nan
    return result


def _lines(table: pd.DataFrame, fixed: list[str]) -> np.ndarray:
    if not fixed:
        return np.zeros(len(table), dtype=np.int64)
    return table.groupby(fixed, dropna=False, observed=True).ngroup().to_numpy()


def _smallest_first(table: pd.DataFrame, n: np.ndarray, keys: list[str]) -> np.ndarray:
    """Rank cells by n, equal ones by name: rows in another order, or of another engine, hide the same."""
    names = [table[key].astype("object").where(table[key].notna(), "").astype(str).to_numpy() for key in keys]
    rank = np.empty(len(n), dtype=np.int64)
    rank[np.lexsort((*reversed(names), n))] = np.arange(len(n))
    return rank


def _protect(
    hidden: np.ndarray, n: np.ndarray, line: np.ndarray, below: int, order: np.ndarray
) -> np.ndarray:
    hidden = hidden.copy()
    lines = 0
    if len(line):
        lines = int(line.max()) + 1
    number = np.bincount(line[hidden], minlength=lines)
    answers = np.bincount(line[hidden], weights=n[hidden], minlength=lines)
    # A line whose hidden cells could be worked out from its total.
    weak = np.flatnonzero((number > 0) & ((number < 2) | (answers < below)))
    for open_line in weak:
        open_cells = np.flatnonzero((line == open_line) & ~hidden & (n > 0))
        if len(open_cells):
            # The smallest cell goes, so that the least is lost (secondary suppression; Cox 1980).
            hidden[open_cells[np.argmin(order[open_cells])]] = True
    return hidden
