"""Columns that make no groups because hardly two rows share a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from cxresearch.data.engine import collect
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.errors import ArgumentError

#: A table of more groups than this answers no question, and a million of them take an hour.
MOST_GROUPS = 10_000


def refuse_crowd(table: str, rows: nw.LazyFrame[Any], groups: Mapping[str, str]) -> None:
    """Refuse a group column with more different values than anybody reads.

    Parameters
    ----------
    table : str
        Name of the table the columns are of.
    rows : LazyFrame
        Its rows.
    groups : mapping of str to str
        Column of ``rows``, and what the user calls it. Texts that the layout of the table names (team,
        channel) are few and not counted.

    Raises
    ------
    ArgumentError
        Naming the column, with its number of values.
    """
    texts = set()
    if table in LAYOUTS:
        texts = {name for name, kind in LAYOUTS[table].columns.items() if kind == "text"}
    counted = {column: name for column, name in groups.items() if name.rpartition(".")[2] not in texts}
    if not counted:
        return
    values = collect(rows.select(**{column: nw.col(column).n_unique() for column in counted}))
    for column, name in counted.items():
        n = int(values[column].iloc[0])
        if n > MOST_GROUPS:
            raise ArgumentError(
                f"group column {name!r} of {table} has {n:,} different values",
                wanted=f"a column whose values several rows share, at most {MOST_GROUPS:,} of them",
                next_step="it looks like an id, a moment or a number: group by what it stands for",
            )
