"""The further columns of a study: what each is, how far it is filled, how many values it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_COLUMNS = ["table", "column", "kind", "filled", "values", "largest"]
#: Larger tables are not looked at: counting values of every column would cost more than the check itself.
_MOST_ROWS = 5_000_000


def open_column_list(study: Study) -> pd.DataFrame:
    """Return the further columns of every table but those that are segments of customers.

    Parameters
    ----------
    study : Study
        Valid rows are counted; tables of over 5 million rows are passed over.

    Returns
    -------
    DataFrame
        Columns ``table, column, kind`` (group, number, text, id, outcome or time), ``filled`` (share of rows,
        0 to 1), ``values`` (different ones), ``largest`` (of groups: the most frequent value and its rows).
    """
    lines = []
    for table, kinds in study.open_columns.items():
        named = {name: kind for name, kind in kinds.items() if name not in study.segments}
        if named and study.summary(table).rows <= _MOST_ROWS:
            lines += _lines(study, table, named)
    return pd.DataFrame(lines, columns=_COLUMNS).astype({"filled": "float64", "values": "int64"})


def _lines(study: Study, table: str, kinds: Mapping[str, str]) -> list[tuple[str, str, str, float, int, str]]:
    rows = study.checked.valid(table)
    given = {f"filled_{at}": nw.col(name).count() for at, name in enumerate(kinds)}
    counts = collect(rows.select(n=nw.len(), **given)).iloc[0]
    lines = []
    for at, (name, kind) in enumerate(kinds.items()):
        values = collect(rows.filter(~nw.col(name).is_null()).select(n=nw.col(name).n_unique()))
        share = float(counts[f"filled_{at}"]) / max(int(counts["n"]), 1)
        lines.append((table, name, kind, share, int(values["n"].iloc[0]), _largest(study, table, name, kind)))
    return lines


def _largest(study: Study, table: str, column: str, kind: str) -> str:
    """The most frequent value of a group with its rows; ids and texts are not printed."""
    if kind != "group":
        return ""
    rows = study.checked.valid(table).filter(~nw.col(column).is_null())
    counts = collect(rows.select(group=nw.col(column)).group_by("group").agg(n=nw.len()))
    if not len(counts):
        return ""
    first = counts.sort_values(["n", "group"], ascending=[False, True]).iloc[0]
    return f"{str(first['group'])[:40]} ({int(first['n']):,})"
