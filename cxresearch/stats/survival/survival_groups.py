"""Survival input by group: labels to codes, and events and people at risk by group on one grid of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.survival.risk_table import SurvivalRows, risk_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats, Ints


def group_codes(
    name: str, labels: ArrayLike, rows: SurvivalRows, *, least: int = 1
) -> tuple[tuple[str, ...], Ints]:
    """Number the groups of checked rows in the order of their labels.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    labels : array-like, shape (rows given,)
        One label for each input row; missing labels are refused.
    rows : SurvivalRows
        The checked input.
    least : int
        Fewest groups that make sense.

    Returns
    -------
    names : tuple of str
        Labels as text, sorted (numbers by value).
    codes : ndarray of int, shape (n,)
        Position of each row's label in ``names``.

    Raises
    ------
    ArgumentError
        If lengths differ, a label is missing or there are fewer than ``least`` groups.
    """
    import pandas as pd

    column = pd.Series(labels)
    if len(column) != rows.n_given:
        raise ArgumentError(
            f"{name} has {len(column):,} labels", wanted=f"one for each of the {rows.n_given:,} rows"
        )
    if column.isna().any():
        raise ArgumentError(
            f"{name} has {int(column.isna().sum()):,} missing labels",
            where=f"first at position {int(np.argmax(column.isna()))}",
            next_step="drop these rows or give them a label of their own",
        )
    if rows.used is not None:
        column = column[rows.used]
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
    category = column.astype("category").cat
    names = tuple(str(label) for label in category.categories)
    if len(names) < least:
        raise DataError(f"{name} has {len(names)} group(s)", wanted=f"at least {least}")
    return names, category.codes.to_numpy().astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class GroupedTable:
    """At risk and events by group on the times at which somebody has an event.

    Attributes
    ----------
    at_risk : ndarray, shape (g, t)
        Weight at risk just before each time.
    events : ndarray, shape (k, g, t)
        Weight of events of each kind.
    """

    at_risk: Floats
    events: Floats


def grouped_table(
    rows: SurvivalRows, group: Ints, size: int, *, kinds: tuple[int, ...] | None = None
) -> GroupedTable:
    """Aggregate checked rows by group.

    Parameters
    ----------
    rows : SurvivalRows
        All groups together.
    group : ndarray of int, shape (n,)
        Group code of each row, from 0 to ``size - 1``.
    size : int
        Number of groups.
    kinds : tuple of int, optional
        Event codes to keep apart; by default those present.
    """
    table = risk_table(rows, kinds=kinds)
    width = table.time.size + 1
    leave = group * width + table.exit_index
    enter = group * width + table.entry_index

    def sums(index: Ints, values: Floats) -> Floats:
        total = np.bincount(index, weights=values, minlength=size * width)
        return total.astype(np.float64, copy=False).reshape(size, width)

    # Y_g(t) = weight that leaves at t or later, less weight that enters at t or later.
    leaving = np.cumsum(sums(leave, rows.weight)[:, ::-1], axis=1)[:, ::-1]
    entering = np.cumsum(sums(enter, rows.weight)[:, ::-1], axis=1)[:, ::-1]
    events = np.stack([sums(leave, rows.weight * (rows.event == kind))[:, :-1] for kind in table.kinds])
    # Times at which nobody has an event add nothing to any test.
    busy = events.sum(axis=(0, 1)) > 0
    return GroupedTable(at_risk=(leaving[:, :-1] - entering[:, 1:])[:, busy], events=events[:, :, busy])
