"""Differences between cells of a metric table, each with interval, named test and corrected p-value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.metrics.base.metric import Metric, Query
from cxresearch.metrics.base.periods import allowing_for_days, days_of, scaled
from cxresearch.metrics.tables.statistics import Statistics
from cxresearch.results.period_names import period_label
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.differences import MOVER_TEST, mover_difference
from cxresearch.stats.intervals.many_tests import corrected
from cxresearch.stats.intervals.proportions import Bounds

Against = Literal["previous", "year_ago", "rest", "groups"]
Adjust = Literal["holm", "fdr_bh", "none"]
_ADJUSTMENTS = {"holm": "Holm", "fdr_bh": "Benjamini-Hochberg"}

#: Columns of a table of contrasts after metric and keys.
CONTRAST_COLUMNS = (
    "against",
    "value",
    "value_against",
    "difference",
    "low",
    "high",
    "level",
    "se",
    "statistic",
    "p_value",
    "p_adjusted",
    "adjustment",
    "test",
    "n",
    "n_against",
    "unit",
    "small_base",
    "suppressed",
)


_HIDDEN = (
    "value",
    "value_against",
    "difference",
    "low",
    "high",
    "se",
    "statistic",
    "p_value",
    "p_adjusted",
)


def contrast_table(
    statistics: Statistics, metric: Metric, against: Against, query: Query | None = None
) -> pd.DataFrame:
    """Return the contrasts of a metric, p-values not yet corrected; by default at their own query."""
    query = query or statistics.query
    # MOVER wants independent samples with limits; a metric whose values are not declares difference="none".
    if metric.difference == "none":
        raise ArgumentError(f"two values of {metric.name!r} are not independent samples")
    if against in ("previous", "year_ago") and query.every is None:
        raise ArgumentError("there are no periods to compare", wanted="every='month' or another period")
    if against in ("rest", "groups") and not query.by:
        raise ArgumentError("there are no groups to compare", wanted="a group column in by")
    cells = statistics.table(metric, query)
    if against in ("previous", "year_ago"):
        return _changes(metric, cells, query, year_ago=against == "year_ago")
    if against == "groups":
        return differences(metric, *_pairs(cells, query.by, query.keys), keys=query.keys)
    rest = statistics.rest(metric, query.by[0])
    if rest is None:
        raise ArgumentError(f"{metric.name!r} has no rest to compare with", next_step="use against='groups'")
    # The rest of a group = all of its line less the group itself, so both sides share no answer.
    both = cells.merge(rest, on=list(query.keys), how="inner", suffixes=("", "_right"))
    right = _right_side(both).assign(label="the rest")
    if len(query.by) > 1:
        right["suppressed"] |= _beside_hidden(both, [key for key in query.keys if key != query.by[0]])
    return differences(metric, both[cells.columns], right, keys=query.keys)


def differences(
    metric: Metric,
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    keys: Sequence[str],
    unit: Unit | None = None,
) -> pd.DataFrame:
    """Return contrasts of two metric tables row by row; the right one has a column ``label``."""
    left = left.reset_index(drop=True)
    right = right.reset_index(drop=True)
    level = 0.95
    if len(left):
        level = float(left["level"].iloc[0])
    values, lows, highs = (
        [side[name].to_numpy(dtype=np.float64) for side in (left, right)] for name in ("value", "low", "high")
    )
    ends = [Bounds(low, high) for low, high in zip(lows, highs, strict=True)]
    # MOVER: low = d - sqrt((v1 - l1)^2 + (u2 - v2)^2), high likewise (Zou and Donner 2008).
    contrast = mover_difference(values[0], ends[0], values[1], ends[1], level=level)
    table = left[["metric", *keys]].assign(
        against=right["label"],
        value=left["value"],
        value_against=right["value"],
        **contrast._asdict(),
        level=level,
        p_adjusted=contrast.p_value,
        adjustment="none",
        test=MOVER_TEST,
        n=left["n"],
        n_against=right["n"],
        unit=str(unit_of_difference(unit or Unit(metric.unit))),
        small_base=left["small_base"] | right["small_base"],
        suppressed=left["suppressed"] | right["suppressed"],
    )
    # value_against = value - difference: of a hidden contrast nothing is shown, nor counted as a test
    table.loc[table["suppressed"].to_numpy(), list(_HIDDEN)] = np.nan
    return table[["metric", *keys, *CONTRAST_COLUMNS]]


def adjusted(table: pd.DataFrame, adjust: Adjust) -> pd.DataFrame:
    """Return contrasts with p-values corrected over all rows that have one."""
    table = table.reset_index(drop=True)
    # A hidden or undefined comparison is no test: it does not count in the size of the family.
    known = table["p_value"].notna().to_numpy()
    if adjust == "none" or known.sum() < 2:
        return table
    p_value = table.loc[known, "p_value"].to_numpy(dtype=np.float64)
    table.loc[known, "p_adjusted"] = corrected(p_value, method=adjust)
    table["adjustment"] = f"{_ADJUSTMENTS[adjust]} over {int(known.sum())}"
    return table


def _changes(metric: Metric, cells: pd.DataFrame, query: Query, *, year_ago: bool) -> pd.DataFrame:
    """Return the changes between periods; those of a count are a day, those of a reach allow for the days."""
    every = query.every or "month"
    left, right = _previous(cells, query.by, every)
    if year_ago:
        left, right = _year_ago(cells, query.by, every)
    days = days_of(left["period"], every), days_of(right["period"], every)
    # A count is a rate over days: value and limits are divided by the days of the period.
    if metric.days == "proportional":
        left, right = scaled(left, 1 / days[0]), scaled(right, 1 / days[1])
        return differences(metric, left, right, keys=query.keys, unit=Unit.COUNT_A_DAY)
    plain = differences(metric, left, right, keys=query.keys)
    if metric.days != "at_most":
        return plain
    # Both periods in proportion to the shorter one: value x (days of the shorter / days of its own).
    shorter = np.minimum(*days)
    left, right = scaled(left, shorter / days[0]), scaled(right, shorter / days[1])
    return allowing_for_days(plain, differences(metric, left, right, keys=query.keys), days)


def _previous(cells: pd.DataFrame, by: tuple[str, ...], every: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = cells[(cells["n"] > 0) & cells["period"].notna()].sort_values("period", kind="stable")
    if by:
        groups = cells.groupby(list(by), dropna=False, observed=True)
    else:
        groups = cells.groupby(lambda _: 0)
    order = groups.ngroup()
    # The period before is the last one of the group that has data, which the label then names.
    before = pd.Series(cells.index, index=cells.index).groupby(order).shift()
    known = before.notna()
    left = cells[known]
    right = cells.loc[before[known].astype(cells.index.dtype)]
    right = right.assign(label=right["period"].map(lambda start: period_label(start, every)))
    place = left.sort_values([*by, "period"]).index
    position = left.index.get_indexer(place)
    return left.loc[place], right.iloc[position]


def _year_ago(cells: pd.DataFrame, by: tuple[str, ...], every: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cells beside those of the same group in the same period of the year before.

    Weeks and days go back 52 weeks, so that weekdays are the same.
    """
    cells = cells[(cells["n"] > 0) & cells["period"].notna()].reset_index(drop=True)
    back: Any = pd.DateOffset(years=1)
    if every in ("week", "day"):
        back = pd.Timedelta(weeks=52)
    before = cells[[*by, "period"]].assign(period=cells["period"] - back)
    keys = cells[[*by, "period"]].reset_index(names="place")
    pairs = before.reset_index(names="now").merge(keys, on=[*by, "period"], how="inner")
    left = cells.iloc[pairs["now"].to_numpy(np.intp)]
    right = cells.iloc[pairs["place"].to_numpy(np.intp)]
    return left, right.assign(label=right["period"].map(lambda start: period_label(start, every)))


def _pairs(
    cells: pd.DataFrame, by: tuple[str, ...], keys: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = cells[list(by)].astype(str).agg(", ".join, axis=1)
    within = [key for key in keys if key not in by]
    groups: Iterable[Any] = [np.arange(len(cells))]
    if within:
        groups = cells.groupby(within, dropna=False).indices.values()
    # All k (k - 1) / 2 pairs of groups, within each period.
    pairs = [pair for rows in groups for pair in combinations(rows, 2)]
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    return cells.iloc[left], cells.iloc[right].assign(label=names.iloc[right])


def _beside_hidden(cells: pd.DataFrame, line: list[str]) -> pd.Series[bool]:
    """Mark the lines in which a cell is hidden: a line's total beside that of all would give it away."""
    hidden: pd.Series[bool] = cells.groupby(line, dropna=False, observed=True)["suppressed"].transform("any")
    return hidden


def _right_side(both: pd.DataFrame) -> pd.DataFrame:
    names = [column for column in both.columns if column.endswith("_right")]
    return both[names].rename(columns=lambda column: column.removesuffix("_right"))
