"""Which kinds of events of customers a study has, and spells from one kind to another."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.metrics.base.cell_estimates import NONE, each_cell, follows, others
from cxresearch.metrics.base.metric import Query
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.reached_share import share_reached
from cxresearch.stats.survival.survival_curve import KaplanMeier

#: Kinds of each study asked so far: a study does not change, and its metrics are listed at every question.
_KINDS: WeakKeyDictionary[Any, frozenset[str]] = WeakKeyDictionary()


def kinds_of_customers(study: Any) -> frozenset[str]:
    """Return the kinds of events that name a customer; none where there are no events of customers.

    It asks the judged rows themselves: whether bad ones may be set aside is decided by who uses them.
    """
    if "events" not in getattr(study, "tables", ()):
        return frozenset()
    if study not in _KINDS:
        _KINDS[study] = _read_kinds(study)
    return _KINDS[study]


def _read_kinds(study: Any) -> frozenset[str]:
    if "customer_id" not in study.checked.columns("events"):
        return frozenset()
    rows = study.checked.valid("events").filter(~nw.col("customer_id").is_null())
    return frozenset(collect(rows.select("kind").unique())["kind"].dropna())


def spells(moments: pd.DataFrame, begins: str, cut: pd.Timestamp) -> pd.DataFrame:
    """Return spells from each beginning to the next end of the same customer and name.

    Parameters
    ----------
    moments : DataFrame
        Columns ``who``, ``name``, ``at``, ``kind`` and any others; ``who`` may be missing.
    begins : str
        The kind that begins a spell; any other kind ends it.
    cut : Timestamp
        The data cut, which censors what has not ended.

    Returns
    -------
    DataFrame
        Rows of beginnings with ``days`` and ``event`` (1 ended, 0 not by the cut). A beginning while one is
        under way is the same spell said again, and dropped; an end without a beginning, and a row of nobody
        known, have no days.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-01-09", "2024-01-20"])
    >>> rows = pd.DataFrame({"who": "a", "name": "", "at": days, "kind": ["set", "set", "done", "set"]})
    >>> spells(rows, "set", pd.Timestamp("2024-01-31"))[["days", "event"]].to_numpy().tolist()
    [[8.0, 1.0], [11.0, 0.0]]
    """
    known = moments[moments["who"].notna()]
    # At one moment a beginning comes before its end.
    known = known.assign(ends=(known["kind"] != begins).astype("int64"))
    known = known.sort_values(["who", "name", "at", "ends"], kind="stable", ignore_index=True)
    same = known["who"].eq(known["who"].shift()) & known["name"].eq(known["name"].shift())
    # Of repeated rows of one kind the first counts.
    known = known[~(same & known["ends"].eq(known["ends"].shift()))]
    following = known["who"].eq(known["who"].shift(-1)) & known["name"].eq(known["name"].shift(-1))
    ended = following & (known["ends"].shift(-1) == 1)
    until = known["at"].shift(-1).where(ended, cut)
    days = (until - known["at"]).dt.total_seconds() / 86_400
    known = known.assign(days=days, event=ended.astype("int64"))
    begun = known["ends"] == 0
    preceded = known["ends"].shift().eq(0) & known["who"].eq(known["who"].shift())
    preceded &= known["name"].eq(known["name"].shift())
    unasked = known[~begun & ~preceded].assign(days=np.nan, event=0)
    nobody = moments[moments["who"].isna()].assign(days=np.nan, event=0)
    parts = [part for part in (known[begun], unasked, nobody) if len(part)]
    return pd.concat(parts or [known], ignore_index=True).drop(columns="ends", errors="ignore")


def curve_of_spells(rows: pd.DataFrame, level: float) -> KaplanMeier:
    """Return the curve of spells in days, robust by customer (Lin and Wei 1989): one may have several."""
    return kaplan_meier(rows["days"], rows["event"], clusters=pd.factorize(rows["who"])[0], level=level)


def share_within(rows: pd.DataFrame, query: Query, days: float, *, what: str, none: str) -> pd.DataFrame:
    """Return cells with the share of spells that ended within some days, 1 - Kaplan-Meier.

    Parameters
    ----------
    rows : DataFrame
        From `spells`, with ``query.keys``. Those without days are in ``n_missing``.
    query : Query
        Cells and level.
    days : float
        Days from the beginning.
    what, none : str
        What is said of the value, and where nobody was followed so long.
    """

    def cell(spells_of_cell: pd.DataFrame) -> tuple[Any, ...]:
        told = spells_of_cell[spells_of_cell["days"].notna()]
        missing = len(spells_of_cell) - len(told)
        if not len(told):
            return *(np.nan,) * 4, 0, missing, NONE + none
        reached = share_reached(curve_of_spells(told, query.level), days)
        if np.isnan(reached.value):
            # Too young to be judged: all of them are missing, as in other rates within some days.
            return *(np.nan,) * 4, 0, len(spells_of_cell), NONE + none
        method = f"1 - Kaplan-Meier, robust by customer, {reached.limits}; {what}"
        return reached.value, reached.low, reached.high, reached.se, len(told), missing, method

    return each_cell(rows, query, cell)


def coarser_rows(rows: pd.DataFrame, query: Query, coarser: Query) -> pd.DataFrame | None:
    """Return the same rows in coarser cells, or None where they do not follow."""
    if not follows(query, coarser):
        return None
    return rows.drop(columns=[name for name in query.by if name not in coarser.by])


def rows_of_the_rest(rows: pd.DataFrame, query: Query, column: str) -> pd.DataFrame:  # noqa: ARG001
    """Return rows in which each group of a column stands for all the others."""
    return others(rows, column)
