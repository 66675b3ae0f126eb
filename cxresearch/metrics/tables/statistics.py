"""Sufficient statistics of a study: each family runs once, coarser cells follow from finer ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cxresearch.metrics.base.metric import CELL_COLUMNS, Family, Metric, Query, Tables
from cxresearch.metrics.tables.suppression import flag_and_suppress

#: Columns of a metric table after the keys.
TABLE_COLUMNS = (
    "value",
    "low",
    "high",
    "level",
    "se",
    "n",
    "n_effective",
    "n_missing",
    "unit",
    "method",
    "small_base",
    "suppressed",
)


class Statistics:
    """What the families of a study's metrics counted, at one query and at coarser ones.

    Parameters
    ----------
    study : Study
        The study.
    query : Query
        The finest cells wanted.
    """

    def __init__(self, study: Tables, query: Query) -> None:
        self.study = study
        self.query = query
        self._tables: dict[tuple[str, tuple[str, ...], str | None], pd.DataFrame] = {}
        self._counted: dict[tuple[Family, tuple[str, ...], str | None], Any] = {}

    def of(self, metric: Metric, query: Query | None = None) -> Any:
        """Return the statistics of a metric's family."""
        query = query or self.query
        key = (metric.family_of(query), query.by, query.every)
        if key not in self._counted:
            self._counted[key] = self._coarser(metric, query)
        return self._counted[key]

    def _coarser(self, metric: Metric, query: Query) -> Any:
        # Fine cells add up to coarse ones, but not where a customer stands in several: collapse is None then.
        if query != self.query and metric.collapse is not None:
            collapsed = metric.collapse(self.of(metric), self.query, query)
            if collapsed is not None:
                return collapsed
        return metric.family_of(query)(self.study, query)

    def table(self, metric: Metric, query: Query | None = None) -> pd.DataFrame:
        """Return the cells of a metric: columns metric, the keys, `TABLE_COLUMNS`; sorted by the keys."""
        query = query or self.query
        key = (metric.name, query.by, query.every)
        if key not in self._tables:
            self._tables[key] = finish(metric, query, metric.estimate(self.of(metric, query), query))
        # A copy: what one caller changes must not reach the next.
        return self._tables[key].copy()

    def rest(self, metric: Metric, column: str) -> pd.DataFrame | None:
        """Return the cells in which each group stands for all others; None if they do not follow."""
        if metric.rest is None:
            return None
        others = metric.rest(self.of(metric), self.query, column)
        return finish(metric, self.query, metric.estimate(others, self.query), complements=False)


def finish(metric: Metric, query: Query, cells: pd.DataFrame, *, complements: bool = True) -> pd.DataFrame:
    """Return cells as a metric table: named, flagged, suppressed and in the order of its columns.

    Cells without an ``n_effective`` hold independent rows that count alike; it is NaN there.

    Complements of hidden cells are hidden too, unless the cells are such that they do not add up to a total.
    """
    keys = list(query.keys)
    table = cells[[*keys, *CELL_COLUMNS]].reset_index(drop=True)
    # NaN, not n: where rows are independent and alike there is no design to correct for.
    table["n_effective"] = np.nan
    if "n_effective" in cells:
        table["n_effective"] = cells["n_effective"].to_numpy(float)
    period: tuple[str, ...] = ()
    if query.every is not None:
        period = ("period",)
    # Total less the cells shown = the cell hidden: so its complement within a period is hidden as well.
    groups: tuple[str, ...] = ()
    if complements:
        groups = query.by
    table = flag_and_suppress(table, groups, apart=period)
    table.insert(0, "metric", metric.name)
    table["level"] = query.level
    table["unit"] = str(metric.unit)
    return table[["metric", *keys, *TABLE_COLUMNS]]
