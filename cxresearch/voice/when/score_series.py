"""Answers to one question as sums by group and day, in one pass over all groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.aliases import Floats, Frame, Ints, Places
from cxresearch.data.engine import collect
from cxresearch.errors import DataError
from cxresearch.metrics.base.metric import Query, Tables
from cxresearch.metrics.survey.answers_by_cell import LINKED_ROWS, answers
from cxresearch.metrics.survey.score_measures import Measure
from cxresearch.scales import Scale
from cxresearch.stats.change_points.dated_sums import DatedSums

_EPOCH = pd.Timestamp("1970-01-01")


@dataclass(frozen=True, kw_only=True)
class AnswersByDay:
    """Counts of answers.

    Attributes
    ----------
    counts : DataFrame
        Columns of the groups, period, score, n: all answers.
    repeats : DataFrame or None
        The same with who (a code), of customers who answered more than once; None where answers cannot be
        linked.
    """

    counts: pd.DataFrame
    repeats: pd.DataFrame | None


@dataclass(frozen=True, kw_only=True)
class GroupIndex:
    """The groups of a table, in order of their names as text.

    Attributes
    ----------
    by : tuple of str
    names : list of tuple
        Values of the group columns; None where missing.
    """

    by: tuple[str, ...]
    names: list[tuple[Any, ...]]

    @classmethod
    def of(cls, table: pd.DataFrame, by: tuple[str, ...]) -> GroupIndex:
        """Return the groups that a table has; one without columns."""
        if not by:
            return cls(by=by, names=[()])
        names = _names_of(table, by)
        return cls(by=by, names=sorted(names, key=lambda row: [str(value) for value in row]))

    def codes(self, table: pd.DataFrame) -> Places:
        """Return the position of each row's group; all of them are known."""
        if not self.by:
            return np.zeros(len(table), dtype=np.intp)
        # both in order of first appearance: group number i has the i-th of the names
        number = table.groupby(list(self.by), dropna=False, sort=False, observed=True).ngroup().to_numpy()
        places = {name: place for place, name in enumerate(self.names)}
        positions = [places[name] for name in _names_of(table, self.by)]
        return np.asarray(positions, dtype=np.intp)[number]


def _names_of(table: pd.DataFrame, by: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return the groups in order of first appearance, every kind of missing value as None."""
    rows = table[list(by)].drop_duplicates().astype(object)
    # NaN differs from itself and from NaT: as a key of a dict it would never be met again
    rows = rows.where(rows.notna(), None)
    return [tuple(row) for row in rows.to_numpy(object)]


def day_number(moments: Any) -> Ints:
    """Return the days since 1970-01-01 of naive local moments."""
    return (pd.DatetimeIndex(moments) - _EPOCH).days.to_numpy(np.int64)


def count_answers(study: Tables, query: Query, instrument: str, scale: Scale) -> AnswersByDay:
    """Count answers by group, day and score, and those of customers who answered again by customer too.

    Raises
    ------
    DataError
        If a score is no answer to the question (a validated study has set such rows aside before).
    """
    rows = answers(study, replace(query, clusters="auto"))
    rows = rows.filter(nw.col("instrument") == instrument, ~nw.col("score").is_null())
    rows = rows.filter(~nw.col("period").is_null())
    counts = collect(rows.group_by([*query.keys, "score"]).agg(nw.len().alias("n")))
    wrong = counts[~counts["score"].isin(scale.levels)]
    if len(wrong):
        raise DataError(
            f"{int(wrong['n'].sum()):,} answers to {instrument!r} are not on its scale, "
            f"the first {wrong['score'].iloc[0]:g}",
            wanted=f"whole numbers from {scale.low} to {scale.high}",
            next_step="map codes for 'no answer' to missing, or declare the scale that was asked",
        )
    # beyond LINKED_ROWS the rows by customer no longer fit a small table: answers then count as independent
    linked = "who" in rows.collect_schema().names() and int(counts["n"].sum()) <= LINKED_ROWS
    if not linked:
        return AnswersByDay(counts=counts, repeats=None)
    return AnswersByDay(counts=counts, repeats=_repeats(rows, query))


def _repeats(rows: Frame, query: Query) -> pd.DataFrame:
    rows = rows.filter(~nw.col("who").is_null())
    # who answered once is independent of all others; the link matters from the second answer on
    often = rows.group_by("who").agg(nw.len().alias("answers_in_all")).filter(nw.col("answers_in_all") > 1)
    rows = rows.join(often, on="who", how="inner")
    repeats = collect(rows.group_by([*query.keys, "who", "score"]).agg(nw.len().alias("n")))
    repeats["who"] = pd.factorize(repeats["who"], sort=True)[0]
    return repeats


def sums_of_answers(answered: AnswersByDay, index: GroupIndex, measure: Measure) -> tuple[DatedSums, ...]:
    """Return the sums of each group.

    Every row of a customer who answered more than once stays linked, the only one in its group too: in other
    groups the same customer has the same sign.
    """
    group, day, value, n = _points(answered.counts, index, measure)
    if not len(day):
        return tuple(_no_sums() for _ in index.names)
    first = int(day.min())
    span = int(day.max()) - first + 1
    # a cell is a group on a day, numbered group * span + (day - first): sorted by group, then by day
    cells, at = np.unique(group * span + (day - first), return_inverse=True)

    def by_cell(place: Places, amount: Floats) -> Floats:
        return np.bincount(place, weights=amount, minlength=len(cells)).astype(np.float64)

    # sums of x, 1 and x^2 over the answers of a cell, n of them with value x
    total = by_cell(at, n * value)
    base = by_cell(at, n)
    square = by_cell(at, n * value**2)
    rows = _LinkedRows.none()
    if answered.repeats is not None and len(answered.repeats):
        g, d, v, k = _points(answered.repeats, index, measure)
        cell = np.searchsorted(cells, g * span + (d - first))
        # squares of linked rows enter by customer (C_c in split_scan), so they leave the sums by day
        square = square - by_cell(cell, k * v**2)
        rows = _LinkedRows.of(answered.repeats["who"].to_numpy(np.int64), g, cell, k * v, k)
    # the base of an answer is 1: of unlinked rows tb = sum of x and bb = their number
    free_total = total - by_cell(rows.cell, rows.total)
    free_base = base - by_cell(rows.cell, rows.base)
    edges = np.searchsorted(cells, span * np.arange(len(index.names) + 1))
    ends = np.searchsorted(rows.group, np.arange(len(index.names) + 1))
    return tuple(
        DatedSums(
            day=(cells[a:b] % span + first).astype(np.int64),
            total=total[a:b],
            base=base[a:b],
            tt=np.maximum(square[a:b], 0.0),
            tb=free_total[a:b],
            bb=np.maximum(free_base[a:b], 0.0),
            linked_at=(rows.cell[c:d] - a).astype(np.int64),
            linked_who=rows.who[c:d],
            linked_total=rows.total[c:d],
            linked_base=rows.base[c:d],
        )
        for a, b, c, d in zip(edges[:-1], edges[1:], ends[:-1], ends[1:], strict=True)
    )


def _points(table: pd.DataFrame, index: GroupIndex, measure: Measure) -> tuple[Ints, Ints, Floats, Floats]:
    """Return group, day, value in the unit of the metric, and number of each row."""
    values = measure.factor * measure.array
    value = values[(table["score"].to_numpy(float) - measure.scale.low).astype(np.int64)]
    group = index.codes(table).astype(np.int64)
    return group, day_number(table["period"]), value, table["n"].to_numpy(float)


def _no_sums() -> DatedSums:
    whole = np.empty(0, dtype=np.int64)
    none = np.empty(0)
    return DatedSums(
        day=whole, total=none, base=none, tt=none, tb=none, bb=none,
        linked_at=whole, linked_who=whole, linked_total=none, linked_base=none,
    )  # fmt: skip


@dataclass(frozen=True)
class _LinkedRows:
    """Sums by group, customer and day, in that order."""

    who: Ints
    group: Ints
    cell: Places
    total: Floats
    base: Floats

    @classmethod
    def none(cls) -> _LinkedRows:
        whole = np.empty(0, dtype=np.int64)
        return cls(whole, whole, whole, np.empty(0), np.empty(0))

    @classmethod
    def of(cls, who: Ints, group: Ints, cell: Places, total: Floats, base: Floats) -> _LinkedRows:
        # one row for a customer and day: Var sums (sum of the customer's influences)^2, whatever their number
        order = np.lexsort((cell, who, group))
        who, group, cell = who[order], group[order], cell[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (np.diff(who) != 0) | (np.diff(cell) != 0)
        starts = np.flatnonzero(fresh)
        return cls(
            who[starts],
            group[starts],
            cell[starts],
            np.add.reduceat(total[order], starts),
            np.add.reduceat(base[order], starts),
        )
