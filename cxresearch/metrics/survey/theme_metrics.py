"""Shares and counts of themes in texts, by any group and period: a theme is a question each text answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats

from cxresearch.data.engine import collect
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.survey.answers_by_cell import (
    SurveyCounts,
    cells_table,
    collapse_counts,
    counts_of_the_rest,
)
from cxresearch.metrics.survey.score_measures import measure_of
from cxresearch.results.units import Unit
from cxresearch.scales import Scale

#: A text mentions a theme, or not: a question with two answers.
MENTIONED = Scale(name="mentioned", label="mentioned", low=0, high=1, direction="high_is_good")
_MEASURE = measure_of(MENTIONED, "top_box")


@dataclass(frozen=True, kw_only=True, eq=False)
class ThemeMarks:
    """What marks the texts of a table with themes.

    Attributes
    ----------
    table, column, time : str
        Where the texts stand, and the column that dates them.
    labels : mapping of str to str
        Names of the themes, in their order, and what a report calls them.
    mark : callable
        Texts to an array (texts, themes) of true and false.
    """

    table: str
    column: str
    time: str
    labels: Mapping[str, str]
    mark: Callable[[NDArray[Any]], NDArray[np.bool_]]


class ThemedTables(Tables, Protocol):
    """A study whose texts are marked with themes."""

    @property
    def theme_marks(self) -> ThemeMarks:
        """What marks them."""


class ThemedStudy:
    """A study with marks for its texts; otherwise the study itself."""

    def __init__(self, study: Any, marks: ThemeMarks) -> None:
        self._study = study
        self.theme_marks = marks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return the metrics of themes, where a study's texts are marked.

    A theme x gives ``"theme:x"``, the share of texts that mention it, and ``"theme_count:x"``, their number.
    """
    marks: ThemeMarks | None = getattr(study, "theme_marks", None)
    if marks is None:
        return ()
    names = list(marks.labels.items())
    return tuple(_share(marks, name, label) for name, label in names) + tuple(
        _count(marks, name, label) for name, label in names
    )


def _share(marks: ThemeMarks, name: str, label: str) -> Metric:
    def estimate(counts: SurveyCounts, query: Query) -> pd.DataFrame:
        return cells_table(counts, query, name, _MEASURE)

    return Metric(
        name=f"theme:{name}",
        label=f"{label}, share of texts",
        unit=Unit.SHARE,
        good="",
        denominator=f"{marks.table} with a {marks.column}",
        family=count_mentions,
        estimate=estimate,
        collapse=collapse_counts,
        rest=counts_of_the_rest,
        primary=False,
        definition="texts that mention the theme / texts",
    )


def _count(marks: ThemeMarks, name: str, label: str) -> Metric:
    def estimate(counts: SurveyCounts, query: Query) -> pd.DataFrame:
        return _counts_table(counts, query, name)

    return Metric(
        name=f"theme_count:{name}",
        label=f"{label}, texts",
        unit=Unit.COUNT,
        good="",
        denominator=f"{marks.table} that mention it",
        family=count_mentions,
        estimate=estimate,
        collapse=collapse_counts,
        days="proportional",
        primary=False,
        definition="texts that mention the theme",
    )


def count_mentions(study: ThemedTables, query: Query) -> SurveyCounts:
    """Count texts by cell, theme and mention; link the texts of one customer.

    A text that stands on several rows of one customer and one moment, as a comment does under a survey of
    several questions, counts once.
    """
    marks = study.theme_marks
    rows = text_rows(study, marks, query)
    flags = marks.mark(rows[marks.column].fillna("").to_numpy(dtype=object))
    there = rows[marks.column].notna().to_numpy()
    cell, index = _cells(rows, query)
    parts = []
    for at, name in enumerate(marks.labels):
        answer = np.where(flags[:, at], 1.0, 0.0)
        # Three codes a cell: not mentioned, mentioned, no text; one bincount counts them all.
        place = cell * 3 + np.where(there, answer, 2).astype(np.int64)
        counted = np.bincount(place, minlength=3 * len(index)).reshape(-1, 3)
        for code, score in enumerate((0.0, 1.0, np.nan)):
            parts.append(index.assign(instrument=name, score=score, n=counted[:, code]))
    counts = pd.concat(parts, ignore_index=True)
    counts = counts[counts["n"] > 0].reset_index(drop=True)
    counts["w"] = counts["ww"] = counts["n"].astype("float64")
    linked = "who" in rows and query.clusters is not None
    return SurveyCounts(
        counts=counts,
        clusters=_link(rows[there], flags[there], cell[there], index, tuple(marks.labels))
        if linked
        else None,
        scales=MappingProxyType(dict.fromkeys(marks.labels, MENTIONED)),
        weighted=False,
        unlinked=False,
    )


def text_rows(study: Tables, marks: ThemeMarks, query: Query) -> pd.DataFrame:
    """Return the texts of a table, one row each: keys, the text, and ``who`` where customers are known."""
    present = study.table(marks.table).collect_schema().names()
    moment = nw.col(marks.time)
    if marks.table == "responses" and "sent_at" in present:
        moment = nw.coalesce(moment, nw.col("sent_at"))
    person = [name for name in ("customer_id",) if name in present]
    dated = []
    if marks.time in present:
        dated = [marks.time]
    rows = collect(
        cells_of(study, marks.table, query, time=moment, keep=(marks.column, *person, *dated)).select(
            *query.keys,
            nw.col(marks.column),
            *[nw.col(name).alias("who") for name in person],
            *[nw.col(name).alias("_moment") for name in dated],
        )
    )
    if person and dated and marks.table == "responses":
        # One text stands once for each question of its questionnaire: it is one text all the same.
        rows = rows.drop_duplicates(ignore_index=True)
    return rows


def _cells(rows: pd.DataFrame, query: Query) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Number of the cell of each row, and the keys of each cell."""
    keys = list(query.keys)
    if not keys:
        return np.zeros(len(rows), dtype=np.int64), pd.DataFrame(index=range(1))
    groups = rows.groupby(keys, dropna=False, sort=True, observed=True).ngroup().to_numpy().astype(np.int64)
    first = pd.Series(np.arange(len(rows))).groupby(groups).first()
    return groups, rows.iloc[first.to_numpy()][keys].reset_index(drop=True)


def _link(
    rows: pd.DataFrame,
    flags: NDArray[np.bool_],
    cell: NDArray[np.int64],
    index: pd.DataFrame,
    names: tuple[str, ...],
) -> pd.DataFrame:
    """Sums over customers within each cell of W^2, W T and T^2; W texts and T mentions of one customer."""
    people = pd.factorize(rows["who"])[0].astype(np.int64)
    # a text of nobody known is a customer of its own
    people = np.where(people < 0, people.max(initial=0) + 1 + np.arange(len(people)), people)
    # W_c and T_c of customer c in a cell: texts and mentions; sums over c of W^2, W T and T^2 follow.
    pair, group = np.unique(np.column_stack([cell, people]), axis=0, return_inverse=True)
    ones = np.ones(len(rows))
    to_pair = sparse.csr_matrix((ones, (group.ravel(), np.arange(len(rows)))), shape=(len(pair), len(rows)))
    texts = np.asarray(to_pair.sum(axis=1)).ravel()
    mentions = np.asarray(to_pair @ flags.astype(np.float64))
    to_cell = sparse.csr_matrix(
        (np.ones(len(pair)), (pair[:, 0], np.arange(len(pair)))), shape=(len(index), len(pair))
    )
    sums = {
        "clusters": np.asarray(to_cell.sum(axis=1)).ravel(),
        "ww": np.asarray(to_cell @ texts**2),
    }
    products = np.asarray(to_cell @ (texts[:, None] * mentions))
    squares = np.asarray(to_cell @ mentions**2)
    parts = [
        index.assign(
            instrument=name,
            **sums,
            wt_top_box=products[:, at],
            tt_top_box=squares[:, at],
        )
        for at, name in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)


def _counts_table(counts: SurveyCounts, query: Query, name: str) -> pd.DataFrame:
    """Texts that mention a theme: Poisson's exact interval at the number of customers they are worth."""
    keys = list(query.keys)
    shares = cells_table(counts, query, name, _MEASURE)
    mentions = np.nan_to_num(shares["value"].to_numpy() * shares["n"].to_numpy()).round()
    effective = mentions
    if counts.clusters is not None:
        mine = counts.clusters[counts.clusters["instrument"] == name]
        if keys:
            squares = shares[keys].merge(mine, on=keys, how="left")["tt_top_box"]
        else:
            squares = mine["tt_top_box"]
        squares = np.nan_to_num(squares.to_numpy(dtype=np.float64))
        # T = sum of T_c; (sum T_c)^2 / sum T_c^2 customers of equal weight are worth as much
        effective = np.where(squares > 0, mentions**2 / np.where(squares > 0, squares, 1), 0.0)
    tail = (1 - query.level) / 2
    size = np.where(effective > 0, mentions / np.where(effective > 0, effective, 1), 1.0)
    # Garwood (1936): exact limits of a Poisson mean, here at the effective number of texts.
    low = np.where(effective > 0, stats.gamma.ppf(tail, np.maximum(effective, 1e-9)), 0.0) * size
    high = stats.gamma.ppf(1 - tail, effective + 1) * size
    table = shares[keys].copy()
    table["value"] = mentions
    table["low"] = low
    table["high"] = high
    table["se"] = np.sqrt(effective) * size
    table["n"] = mentions.astype(np.int64)
    table["n_missing"] = shares["n_missing"]
    table["method"] = "exact Poisson interval (Garwood 1936) at the effective number of customers"
    return table
