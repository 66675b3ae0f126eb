"""Which cells may be read: small bases are flagged, the smallest hidden with their complements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cxresearch.metrics.measures import SMALL_BASE
from cxresearch.results.hidden import SUPPRESS_BELOW

_HIDDEN = ("value", "low", "high", "se")


def flag_and_suppress(
    table: pd.DataFrame, keys: Sequence[str], *, small_base: int = SMALL_BASE, below: int = SUPPRESS_BELOW
) -> pd.DataFrame:
    """Return the table of one metric with columns ``small_base`` and ``suppressed``, hidden values blanked.

    Parameters
    ----------
    table : DataFrame
        One row a cell, with the key columns, n, value, low, high, se.
    keys : sequence of str
        Columns that name a cell. Along each of them a total may be published: a line of cells that differ in
        one key only, whose only hidden member would be a subtraction away.
    small_base : int
        Below this n a cell is flagged.
    below : int
        Below this n (and above 0) a cell is hidden; further cells of a line, the smallest first, are hidden
        until at least two are, together of ``below`` answers or more. A line of one cell has no complement
        to hide.

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
    hidden = (n > 0) & (n < below)
    lines = [_lines(table, [other for other in keys if other != key]) for key in keys]
    changed = bool(hidden.any())
    while changed:
        before = int(hidden.sum())
        for line in lines:
            hidden = _protect(hidden, n, line, below)
        changed = int(hidden.sum()) > before
    result = table.copy()
    result["small_base"] = n < small_base
    result["suppressed"] = hidden
    result.loc[hidden, [column for column in _HIDDEN if column in result]] = np.nan
    return result


def _lines(table: pd.DataFrame, fixed: list[str]) -> np.ndarray:
    if not fixed:
        return np.zeros(len(table), dtype=np.int64)
    return table.groupby(fixed, dropna=False, observed=True).ngroup().to_numpy()


def _protect(hidden: np.ndarray, n: np.ndarray, line: np.ndarray, below: int) -> np.ndarray:
    hidden = hidden.copy()
    lines = int(line.max()) + 1 if len(line) else 0
    number = np.bincount(line[hidden], minlength=lines)
    answers = np.bincount(line[hidden], weights=n[hidden], minlength=lines)
    weak = np.flatnonzero((number > 0) & ((number < 2) | (answers < below)))
    for one in weak:
        open_cells = np.flatnonzero((line == one) & ~hidden & (n > 0))
        if len(open_cells):
            hidden[open_cells[np.argmin(n[open_cells])]] = True
    return hidden
