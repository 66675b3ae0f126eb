"""Cells of a search: all answers in memory where they are few, else one grouped pass and a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect, grouped_by_sets, share_of_rows
from cxresearch.data.validation.outcome_names import tells_the_outcome
from cxresearch.stats.scan.cell_contrasts import CellMoments, likeness
from cxresearch.stats.scan.cell_index import CellIndex, column_sets, members_in, members_of
from cxresearch.stats.scan.cell_search import SearchedCells
from cxresearch.voice.who.searched_columns import (
    CUSTOMER,
    ENDED,
    SCORE,
    SearchedAnswers,
    SearchedColumn,
    class_labels,
    number_classes,
    quantile_edges,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from cxresearch.stats.scan.cell_contrasts import Floats, Indices

#: Up to so many answers times sets of columns everything is done in memory, exactly.
IN_MEMORY = 2_000_000
#: Answers of whole customers that a sample aims at.
SAMPLE_ANSWERS = 40_000
#: Columns with more levels than this are searched alone, not crossed.
CROSSED_LEVELS = 60
#: Columns with more levels than this are not searched.
MOST_LEVELS = 2_000
#: Where the score leaves this share of the doubt about a level or less, the level says what the score says.
DOUBT_LEFT = 0.1
MISSING = None


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerCells:
    """Cells of the answers, with what is needed to judge them.

    Attributes
    ----------
    columns : tuple of SearchedColumn
        Columns of the search.
    names : tuple of tuple of (str or None)
        Levels of each column; None where the answers do not say.
    index : CellIndex
        Cells; levels count within ``names``.
    searched : SearchedCells
        Their sums, and the answers in memory.
    passed_over : mapping of str to str
        Columns not searched, with the reason.
    edges : mapping of int to list of float
        Where columns of numbers are cut, by place in ``columns``.
    places : tuple of int
        Which ``cx_0, cx_1, ...`` of the answers the columns are.
    scores : frozenset of float
        Scores among the answers in memory.
    """

    columns: tuple[SearchedColumn, ...]
    names: tuple[tuple[str | None, ...], ...]
    index: CellIndex
    searched: SearchedCells
    passed_over: dict[str, str] = field(default_factory=dict)
    edges: dict[int, list[float]] = field(default_factory=dict)
    places: tuple[int, ...] = ()
    scores: frozenset[float] = frozenset()

    @property
    def moments(self) -> CellMoments:
        """Sums of each cell."""
        return self.searched.moments

    def known_levels(self) -> NDArray[np.bool_]:
        """Return which cells have no missing level, shape (cells,)."""
        known = [
            all(
                self.names[column][level] is not MISSING
                for column, level in zip(columns, levels, strict=True)
            )
            for columns, levels in zip(self.index.columns, self.index.levels, strict=True)
        ]
        return np.array(known, dtype=bool)

    def members_among(self, rows: pd.DataFrame, wanted: Sequence[int]) -> NDArray[np.float64]:
        """Return which of further rows lie in some cells, shape (wanted, n)."""
        texts = _texts(rows, self.places, self.columns, self.edges)
        inside = np.ones((len(wanted), len(rows)))
        for row, cell in enumerate(wanted):
            for column, level in zip(self.index.columns[cell], self.index.levels[cell], strict=True):
                inside[row] *= (texts[column] == self.names[column][level]).to_numpy(dtype=np.float64)
        return inside

    def label(self, place: int) -> str:
        """Return the name of a cell: ``"country DE, plan Basic"``."""
        columns, levels = self.index.columns[place], self.index.levels[place]
        parts = [
            f"{self.columns[column].name} {self.names[column][level]}"
            for column, level in zip(columns, levels, strict=True)
        ]
        return ", ".join(parts)


def answer_cells(
    answers: SearchedAnswers,
    value_of: dict[float, float],
    *,
    depth: int,
    least: int,
) -> AnswerCells:
    """Return the cells of a search.

    Parameters
    ----------
    answers : SearchedAnswers
        The answers, on their engine.
    value_of : mapping of float to float
        What each score counts.
    depth : int
        Columns are crossed up to so many at a time.
    least : int
        Crossed cells below so many answers are left out.
    """
    n = int(collect(answers.rows.select(n=nw.len()))["n"].iloc[0])
    places = range(len(answers.columns))
    # One number for each answer and set of columns is what memory holds.
    whole = n * max(len(column_sets(places, places, depth)), 1) <= IN_MEMORY
    # whole customers, as it is they who are exchanged, and as their answers depend on each other
    rows = answers.rows
    if not whole:
        rows = _sampled(rows, n)
    local = _sorted(collect(rows))
    edges = _edges(local, answers.columns)
    texts = _texts(local, range(len(answers.columns)), answers.columns, edges)
    values = np.asarray(local[SCORE].map(value_of).fillna(0.0), dtype=np.float64)
    kept, passed_over = _searchable(local, texts, answers)
    columns = tuple(answers.columns[at] for at in kept)
    levels = [int(texts[at].nunique()) for at in kept]
    crossed = [place for place, size in enumerate(levels) if size <= CROSSED_LEVELS]
    notes = {
        columns[place].name: f"{size:,} levels: searched alone, not crossed"
        for place, size in enumerate(levels)
        if size > CROSSED_LEVELS and depth > 1
    }
    # a column of many levels is searched alone: its crossings would be many looks at few answers
    sets = column_sets(range(len(columns)), crossed, depth)
    if whole:
        names = [_levels(texts[at]) for at in kept]
        codes = _codes([texts[at] for at in kept], names, len(local))
        index, members = members_of(codes, [len(part) for part in names], sets, at_least=least)
        moments = _moments_of(members, values)
    else:
        tables = _grouped(answers, kept, edges, value_of, sets=sets, least=least)
        names = [_levels(tables[place].iloc[:, 0]) for place in range(len(kept))]
        index, moments = _index_of(tables, names, sets)
        codes = _codes([texts[at] for at in kept], names, len(local))
        members = members_in(codes, [len(part) for part in names], index)
    customer = _customers(local)
    return AnswerCells(
        columns=columns,
        names=tuple(tuple(part) for part in names),
        index=index,
        searched=SearchedCells(
            moments=moments,
            members=members,
            values=values,
            customer=customer,
            alike=likeness(values, customer),
            whole=whole,
        ),
        passed_over=answers.passed_over | passed_over | notes,
        edges={place: edges[at] for place, at in enumerate(kept) if at in edges},
        places=tuple(kept),
        scores=frozenset(local[SCORE].unique().tolist()),
    )


def _sampled(rows: nw.LazyFrame[Any], n: int) -> nw.LazyFrame[Any]:
    """A sample of whole customers; of answers, where customers are not known."""
    present = rows.collect_schema().names()
    # without customers the rows themselves are hashed: equal ones stay together, which does no harm
    keys = present
    if CUSTOMER in present:
        keys = [CUSTOMER]
    return share_of_rows(rows, keys, min(1.0, SAMPLE_ANSWERS / n))


def _sorted(local: pd.DataFrame) -> pd.DataFrame:
    """Answers sorted by customer, and by what they say, so that the order of the rows is irrelevant."""
    # every column is a key: rows come in one order from any engine
    keys = [name for name in (CUSTOMER, SCORE, *sorted(local.columns)) if name in local.columns]
    return local.sort_values(list(dict.fromkeys(keys)), kind="stable", ignore_index=True)


def _customers(local: pd.DataFrame) -> Indices:
    """Number of the customer of each answer, rising; everyone else where customers are not known."""
    if CUSTOMER not in local.columns:
        return np.arange(len(local), dtype=np.intp)
    codes = np.asarray(pd.factorize(local[CUSTOMER])[0], dtype=np.intp)
    unknown = codes < 0  # sorted to the end; each an answer of its own
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(int(unknown.sum()))
    return codes


def _edges(local: pd.DataFrame, columns: Sequence[SearchedColumn]) -> dict[int, list[float]]:
    """Inner quantiles of each column of numbers."""
    return {
        at: quantile_edges(local[f"cx_{at}"].to_numpy(dtype=np.float64))
        for at, column in enumerate(columns)
        if column.number
    }


def _texts(
    local: pd.DataFrame,
    places: Sequence[int],
    columns: Sequence[SearchedColumn],
    edges: dict[int, list[float]],
) -> dict[int, pd.Series[Any]]:
    """Levels of each column as text, None where missing, by place in ``columns``."""
    texts: dict[int, pd.Series[Any]] = {}
    for at, column in enumerate(columns):
        series = local[f"cx_{places[at]}"]
        if column.number:
            texts[at] = class_labels(series.to_numpy(dtype=np.float64), edges[at])
        else:
            texts[at] = series.astype(object).where(series.notna(), None)
    return texts


def _searchable(
    local: pd.DataFrame, texts: dict[int, pd.Series[Any]], answers: SearchedAnswers
) -> tuple[list[int], dict[str, str]]:
    """Columns that may be searched, and why others may not."""
    kept: list[int] = []
    reasons: dict[str, str] = {}
    for at, column in enumerate(answers.columns):
        reason = _unsearchable(local, texts[at], column)
        if reason:
            reasons[column.name] = reason
        else:
            kept.append(at)
    return kept, reasons


def _unsearchable(local: pd.DataFrame, texts: pd.Series[Any], column: SearchedColumn) -> str:
    levels = texts.nunique()
    if levels == 0:
        return "empty"
    if levels == 1:
        return "the same for all answers"
    if levels > MOST_LEVELS:
        return f"{levels:,} levels: an identifier rather than a group"
    if _made_of_the_score(local[SCORE], texts):
        return "says what the score says: an outcome"
    if column.source == "customers" and ENDED in local.columns:
        people = pd.DataFrame({"level": texts.fillna(""), "ended": local[ENDED].to_numpy()})
        if CUSTOMER in local.columns:
            people = people[~local[CUSTOMER].duplicated().to_numpy()]
        counts = people.groupby("level")["ended"].agg(["size", "sum"])
        if tells_the_outcome(counts["size"], counts["sum"]):
            return "its levels tell who has left: an outcome"
    return ""


def _made_of_the_score(scores: pd.Series[Any], texts: pd.Series[Any]) -> bool:
    """Whether the score tells the level: Goodman and Kruskal's lambda (1954) of 0.9 or more."""
    # lambda = 1 - (errors given the score) / (errors without it), doi:10.1080/01621459.1954.10501231
    counts = pd.crosstab(scores, texts).to_numpy()
    n = counts.sum()
    in_doubt = n - counts.sum(axis=0).max()
    left = n - counts.max(axis=1).sum()
    return bool(in_doubt > 0 and left <= DOUBT_LEFT * in_doubt)


def _levels(texts: pd.Series[Any]) -> list[str | None]:
    """Levels in order, a missing one last."""
    present: list[str | None] = [*sorted({str(name) for name in texts.dropna().unique()})]
    if texts.isna().any():
        present.append(MISSING)
    return present


def _codes(
    texts: Sequence[pd.Series[Any]], names: Sequence[Sequence[str | None]], size: int
) -> NDArray[np.intp]:
    """Place of each answer's level among the names, shape (n, columns)."""
    codes = np.empty((size, len(names)), dtype=np.intp)
    for at, (series, levels) in enumerate(zip(texts, names, strict=True)):
        known = pd.Index([name for name in levels if name is not MISSING], dtype=object)
        places = known.get_indexer(pd.Index(series, dtype=object))
        codes[:, at] = np.where(places < 0, len(levels) - 1, places)
    return codes


def _moments_of(members: csr_array, values: Floats) -> CellMoments:
    # Of each cell n, sum of x and sum of x^2: mean and variance need no more.
    n = np.asarray(members.sum(axis=1), dtype=np.float64).ravel()
    return CellMoments(n=n, total=members @ values, squares=members @ values**2)


def _grouped(
    answers: SearchedAnswers,
    kept: Sequence[int],
    edges: dict[int, list[float]],
    value_of: dict[float, float],
    *,
    sets: Sequence[tuple[int, ...]],
    least: int,
) -> list[pd.DataFrame]:
    """Sums of all answers by every set of columns, from one pass on the engine."""
    fields: dict[str, nw.Expr] = {"cx_value": _value(value_of)}
    for at in kept:
        name = f"cx_{at}"
        fields[name] = nw.col(name)
        if answers.columns[at].number and edges[at]:
            fields[name] = number_classes(name, edges[at])
    rows = answers.rows.select(**fields).with_columns(cx_square=nw.col("cx_value") * nw.col("cx_value"))
    named = [tuple(f"cx_{kept[place]}" for place in columns) for columns in sets]
    return grouped_by_sets(rows, named, ["cx_value", "cx_square"], at_least=least)


def _value(value_of: dict[float, float]) -> nw.Expr:
    """What a score counts."""
    if all(score == value for score, value in value_of.items()):
        return nw.col(SCORE)
    value: nw.Expr = nw.lit(0.0)
    for counted in sorted(set(value_of.values()) - {0.0}):
        scores = [score for score, count in value_of.items() if count == counted]
        value = nw.when(nw.col(SCORE).is_in(scores)).then(nw.lit(counted)).otherwise(value)
    return value


def _index_of(
    tables: Sequence[pd.DataFrame], names: Sequence[Sequence[str | None]], sets: Sequence[tuple[int, ...]]
) -> tuple[CellIndex, CellMoments]:
    """Cells of grouped sums, all answers first."""
    columns: list[tuple[int, ...]] = [()]
    levels: list[tuple[int, ...]] = [()]
    sums = [tables[0][["n", "cx_value", "cx_square"]].sum().to_numpy(dtype=np.float64)[None, :]]
    for chosen, table in zip(sets, tables, strict=True):
        codes = _codes(
            [table.iloc[:, at] for at in range(len(chosen))], [names[at] for at in chosen], len(table)
        )
        order = np.lexsort(codes.T[::-1])
        columns += [chosen] * len(table)
        levels += list(map(tuple, codes[order].tolist()))
        sums.append(table[["n", "cx_value", "cx_square"]].to_numpy(dtype=np.float64)[order])
    both = np.concatenate(sums)
    moments = CellMoments(n=both[:, 0], total=both[:, 1], squares=both[:, 2])
    return CellIndex(columns=tuple(columns), levels=tuple(levels)), moments
