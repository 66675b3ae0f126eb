"""Cells of a metric: shares with their intervals, periods still running, and one cell as an estimate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.results.estimate import Estimate
from cxresearch.results.hiding import SMALL_BASE
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cxresearch.metrics.base.metric import Query

#: Begins the method of a cell without a value; the reason follows.
NONE = "none: "
RUNNING = f"{NONE}the period had not ended at the data cut"


def shares(hits: Any, n: Any, level: float) -> dict[str, Any]:
    """Return columns value, low, high and se of shares with Wilson's interval; all NaN where n is 0."""
    size = np.where(n > 0, n, np.nan)
    # p = hits / n; Wilson (1927): the p0 with
    # p - p0
    #  = z sqrt(p0 (1 - p0) / n).
    share, bounds = hits / size, wilson(hits, n, level=level)
    return {
        "value": share,
        "low": np.where(n > 0, bounds.low, np.nan),
        "high": np.where(n > 0, bounds.high, np.nan),
        # sqrt(p (1 - p) / n): for tables; the interval does not come from it.
        "se": np.sqrt(share * (1 - share) / size),
    }


def without_running(cells: pd.DataFrame, complete: Any) -> pd.DataFrame:
    """Return cells of which those of a running period have no value, and all they counted is missing."""
    # A period still running is no estimate of itself: its rows count as missing.
    running = ~np.asarray(complete, dtype=bool)
    blanked = cells.copy()
    blanked.loc[running, "n_missing"] = blanked.loc[running, "n_missing"] + blanked.loc[running, "n"]
    blanked.loc[running, "n"] = 0
    blanked.loc[running, ["value", "low", "high", "se"]] = np.nan
    blanked.loc[running, "method"] = RUNNING
    table: pd.DataFrame = blanked.astype({"n": "int64", "n_missing": "int64"})
    return table


def each_cell(rows: pd.DataFrame, query: Query, cell: Callable[..., tuple[Any, ...]]) -> pd.DataFrame:
    """Return what a function makes of the rows of each cell: (value, low, high, se, n, n_missing, method)."""
    keys = list(query.keys)
    groups: Any = []
    if keys:
        groups = rows.groupby(keys, dropna=False, sort=True)
    elif len(rows):
        groups = [((), rows)]
    estimates = [(*key, *cell(cell_rows)) for key, cell_rows in groups]
    return pd.DataFrame(estimates, columns=[*keys, "value", "low", "high", "se", "n", "n_missing", "method"])


def follows(query: Query, coarser: Query) -> bool:
    """Return whether the cells of a query lie within those of a coarser one."""
    return coarser.every == query.every and set(coarser.by) <= set(query.by)


def others(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return rows in which each group of a column stands for all the others together."""
    groups = rows[column].dropna().unique()
    # The rest of a group is every row of another group, in the same cell.
    parts = [rows[rows[column] != group].assign(**{column: group}) for group in groups]
    rest: pd.DataFrame = pd.concat([part for part in parts if len(part)] or [rows.iloc[:0]])
    return rest.reset_index(drop=True)


def one_estimate(
    cells: pd.DataFrame, *, name: str, level: float, unit: Unit, denominator: str, nothing: str = ""
) -> Estimate:
    """Return the only cell as an estimate; ``nothing`` is the note where there is none.

    A cell without a value says why in its method, which is then the note. Cells may have a column ``note``
    with what else the reader must know, and ``caution`` with what is worth a warning.
    """
    row: Any = {"n": 0, "n_missing": 0, "method": NONE + (nothing or "nothing to count")}
    if len(cells):
        row = cells.iloc[0]
    value, low, high, se = (float(row.get(key, math.nan)) for key in ("value", "low", "high", "se"))
    n_effective = float(row.get("n_effective", math.nan))
    method = str(row["method"])
    known_n_effective = None
    if not math.isnan(n_effective):
        known_n_effective = n_effective
    return Estimate(
        name=name,
        value=value,
        low=low,
        high=high,
        level=level,
        se=se,
        n=int(row["n"]),
        n_missing=int(row["n_missing"]),
        unit=unit,
        method=method,
        denominator=denominator,
        n_effective=known_n_effective,
        note="; ".join(_notes(row, method)),
    )


def _notes(row: Any, method: str) -> Iterator[str]:
    """Yield why there is no value, or what the reader of the value must know."""
    if method.startswith(NONE):
        yield method.removeprefix(NONE)
        return
    if 0 < row["n"] < SMALL_BASE:
        yield f"small base: n below {SMALL_BASE}"
    for column in ("note", "caution"):
        if row.get(column):
            yield str(row[column])


def unit_of_difference(unit: Unit) -> Unit:
    """Return the unit of a difference of two values: points of a percentage where they are shares."""
    if unit is Unit.SHARE:
        return Unit.SHARE_DIFFERENCE
    return unit
