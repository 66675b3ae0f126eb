"""Rows of a study's table with the columns that name their cell, ready for one group-by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import period_start
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.metric import Query, Tables

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd


class NoSuchGroupError(ArgumentError):
    """A group column is neither in the metric's table nor among the customers' columns."""


_SHOWN = """
    metric period value low high level se n n_effective n_missing unit method small_base suppressed against
    value_against difference statistic p_value p_adjusted adjustment test n_against group whole verdict
    label note interval missing
"""
_INSIDE = """
    instrument score w ww who clusters wrong answered minutes event end resolved reopened hours code band
    open measure clock used_at started_at ended_at first last day from_day to_day active customers
    complete until exposed adopted features joined had hits at cents mrr currency currency_before before
    since change kind levels lowest highest standing square cross relative opening closing new expansion
    reactivation contraction churn fx earlier later following late begins limit paid held status rate
    largest_share quantity days due decided kept again second purchases after x s xx xs ss
    tickets share median median_low median_high p90 p90_low p90_high mean_of_finished resolved_so_far
    from_hours to_hours
"""
#: Columns of the tables that users see; a group column of that name is called ``<name>_group`` in them.
SHOWN = frozenset(_SHOWN.split())
#: Columns that families of metrics make on the way; a group column of that name steps aside meanwhile.
INSIDE = frozenset(_INSIDE.split())
_STEMS, _ENDS = ("_", "t_", "wt_", "tt_"), ("_own", "_seen", "_right", "_customers")


def _taken(name: str) -> bool:
    if name in SHOWN or name in INSIDE:
        return True
    return not name.endswith("_group") and (name.startswith(_STEMS) or name.endswith(_ENDS))


def named_apart(study: Any, by: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """Return a study whose group columns collide with nothing, and their names in it.

    A column such as ``level`` or ``currency`` is there once more as ``level_group``: metrics that group by
    that name need not care what they call their own columns. `shown_names` turns the names back.

    Raises
    ------
    ArgumentError
        If a table has a column of the new name already.
    """
    tables = [
        set(study.table(name).collect_schema().names()) for name in study.tables if any(map(_taken, by))
    ]
    known: set[str] = set().union(*tables)
    names = {name: f"{name}_group" for name in by if _taken(name) and name in known}
    for name, new in names.items():
        if new in known:
            raise ArgumentError(
                f"group column {name!r} would be called {new!r}, which there is",
                next_step="rename one of them",
            )
    return (_Apart(study, names) if names else study), tuple(names.get(name, name) for name in by)


def shown_names(by: tuple[str, ...], columns: Collection[str] = SHOWN) -> dict[str, str]:
    """Return new names for the columns of `named_apart`, as far as other columns leave the old ones free."""
    return {f"{name}_group": name for name in by if _taken(name) and name not in columns}


def in_shown_names(table: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Return a table with the names its group columns had before `named_apart`, where they are free."""
    return table.rename(columns=shown_names(by, table.columns))


class _Apart:
    """A study with copies of group columns under other names; otherwise the study itself."""

    def __init__(self, study: Any, names: dict[str, str]) -> None:
        self._study, self._names = study, names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    @property
    def segments(self) -> tuple[str, ...]:
        """Segments, with the copies of those that have one."""
        own = tuple(getattr(self._study, "segments", ()))
        return (*own, *(new for name, new in self._names.items() if name in own))

    def table(self, name: str) -> nw.LazyFrame[Any]:
        """Return the valid rows of a table, with the copies."""
        rows: nw.LazyFrame[Any] = self._study.table(name)
        present = rows.collect_schema().names()
        copies = {new: nw.col(old) for old, new in self._names.items() if old in present}
        return rows.with_columns(**copies) if copies else rows


def cells_of(
    study: Tables, table: str, query: Query, *, time: str | nw.Expr, keep: tuple[str, ...] = ()
) -> nw.LazyFrame[Any]:
    """Return the valid rows of a table with their group columns, period and the columns asked for.

    Parameters
    ----------
    study : Study
        The study.
    table : str
        Name of the table.
    query : Query
        Group columns are taken from the table, or joined from customers by ``customer_id`` where the table
        lacks them; rows of unknown customers keep a missing group. The period follows the study's time zone.
    time : str or Expr
        Column, or expression, that dates a row.
    keep : tuple of str
        Further columns of the table to carry.

    Returns
    -------
    LazyFrame
        Columns ``query.keys`` and ``keep``, one row for each row of the table.

    Raises
    ------
    NoSuchGroupError
        If a group column is in neither table.
    ArgumentError
        If it has a name that the result needs itself.
    """
    rows = study.table(table)
    present = rows.collect_schema().names()
    joined = [column for column in query.by if column not in present]
    if joined:
        rows = _with_customers(study, rows, table, joined)
    for column in query.by:
        if _taken(column):
            raise ArgumentError(f"group column {column!r} has a name the result uses", next_step="rename it")
    if query.every is not None:
        moment = nw.col(time) if isinstance(time, str) else time
        rows = rows.with_columns(period=period_start(moment, query.every, study.timezone))
    return rows.select(*dict.fromkeys((*query.keys, *keep)))


def _with_customers(
    study: Tables, rows: nw.LazyFrame[Any], table: str, columns: list[str]
) -> nw.LazyFrame[Any]:
    known = study.table("customers").collect_schema().names() if "customers" in study.tables else []
    for column in columns:
        if column not in known or "customer_id" not in rows.collect_schema().names():
            choices = sorted({*rows.collect_schema().names(), *known} - {"customer_id"})
            raise NoSuchGroupError(
                f"group column {column!r} is in neither {table} nor customers",
                wanted="one of " + ", ".join(choices),
            )
    customers = study.table("customers").select("customer_id", *columns)
    return rows.join(customers, on="customer_id", how="left")
