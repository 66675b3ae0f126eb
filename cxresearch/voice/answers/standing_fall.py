"""The fall of a score that still stands: looked for in all customers and in the groups of every column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import collect
from cxresearch.voice.when.since_when import since_when

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.study import Study
    from cxresearch.voice.when.since_when_result import SinceWhen

#: Columns with more groups than this name places or people, not groups of customers, and are not searched.
MOST_GROUPS = 30


@dataclass(frozen=True, kw_only=True)
class StandingFall:
    """What the search for a fall found.

    Attributes
    ----------
    since : SinceWhen
        The search in which the fall lies; where none stands, that over all customers together.
    row : mapping or None
        The fall, a row of its table, or None.
    column, group : str
        The column and the group that fell; empty where all customers did, or nobody.
    searched : tuple of str
        Columns whose groups were searched besides all customers.
    """

    since: SinceWhen
    row: dict[str, Any] | None
    column: str
    group: str
    searched: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The fall in a sentence, or that none was found and which would have been."""
        return self.since.sentences[0]


def searchable(study: Study) -> tuple[str, ...]:
    """Return the segments with two groups or more, and few enough to be groups."""
    if "customers" not in study.tables or not study.segments:
        return ()
    levels = [nw.col(name).n_unique() for name in study.segments]
    counts = collect(study.table("customers").select(*levels)).iloc[0]
    return tuple(name for name in study.segments if 2 <= counts[name] <= MOST_GROUPS)


def standing_fall(
    study: Any, metric: str, columns: Sequence[str], *, level: float = 0.95, seed: int = 1
) -> StandingFall:
    """Search all customers, then the groups of each column, for a fall that has not ended.

    Parameters
    ----------
    study : Study or frame
    metric : str
        A score.
    columns : sequence of str
        Each is searched by itself.
    level : float
        1 - level is the chance that all searches together find a change where there is none.
    seed : int

    Returns
    -------
    StandingFall
        Of several falls, the one that is largest beside its interval.

    Notes
    -----
    Each of the m searches is held to (1 - level) / m (Bonferroni); dates and levels of the fall that is shown
    have intervals of the level.
    """
    # Bonferroni: each of m searches is held to (1 - level) / m
    strict = 1 - (1 - level) / (1 + len(columns))
    best: tuple[float, str] = (0.0, "")
    first = None
    for column in ("", *columns):
        search = since_when(study, metric, by=_columns(column), level=strict, seed=seed)
        first = first or search
        falls = standing(search.table)
        if len(falls) and _sizes(falls).max() > best[0]:
            best = (float(_sizes(falls).max()), column)
    assert first is not None  # noqa: S101 - all customers are searched always
    if not best[0]:
        return StandingFall(since=first, row=None, column="", group="", searched=tuple(columns))
    return _shown(study, metric, best[1], columns, level=level, strict=strict, seed=seed)


def standing(table: pd.DataFrame) -> pd.DataFrame:
    """Changes for the worse that no later change has ended."""
    return table[table["until"].isna() & (table["verdict"] == "worse")]


def _columns(column: str) -> tuple[str, ...]:
    """Return the group columns of a search; no column is all customers together."""
    return tuple(name for name in (column,) if name)


def _sizes(falls: pd.DataFrame) -> pd.Series[float]:
    # size beside its own doubt: |change| / width of its interval
    return falls["change"].abs() / (falls["change_high"] - falls["change_low"])


def _shown(
    study: Any,
    metric: str,
    column: str,
    columns: Sequence[str],
    *,
    level: float,
    strict: float,
    seed: int,
) -> StandingFall:
    """The search again, with intervals of the level and the changes that pass the stricter one."""
    search = since_when(study, metric, by=_columns(column), level=level, seed=seed)
    sure = search.table["p_adjusted"].to_numpy() <= 1 - strict
    if not len(standing(search.table[sure])):
        # a p-value so near the bound that the two bootstraps part: the stricter search is shown
        search = since_when(study, metric, by=_columns(column), level=strict, seed=seed)
        sure = search.table["p_adjusted"].to_numpy() < 1
    place = _sizes(standing(search.table[sure])).idxmax()
    # the fall that leads comes first, all others in their order
    order = [place, *(row for row in search.table.index[sure] if row != place)]
    since = replace(
        search,
        table=search.table.loc[order].reset_index(drop=True),
        sentences=tuple(search.sentences[row] for row in order),
    )
    row: dict[str, Any] = {str(name): value for name, value in since.table.iloc[0].items()}
    return StandingFall(
        since=since,
        row=row,
        column=column,
        group=str(row.get(column, "")),
        searched=tuple(columns),
    )
