"""Group columns: the user's names outside, neutral names inside, and rows with the columns of their cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.columns.group_crowd import refuse_crowd
from cxresearch.data.columns.ticket_groups import (
    COUNTS,
    TICKETS,
    WAITS,
    answers_name_tickets,
    ticket_group,
    ticket_group_names,
    with_ticket_groups,
)
from cxresearch.data.engine import period_start
from cxresearch.errors import ArgumentError
from cxresearch.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pandas as pd

    from cxresearch.metrics.base.metric import Query, Tables

#: Neutral names begin so, and no column that the package computes does; a test reads the source.
STEM = "by_"


class NoSuchGroupError(ArgumentError):
    """A group column is neither in the metric's table nor among the customers' columns."""


class NeutralStudy:
    """A study with copies of its group columns under neutral names; otherwise the study itself."""

    def __init__(self, study: Any, names: dict[str, str]) -> None:
        self._study = study
        self._names = names
        self._counted: set[tuple[str, str]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def table(self, name: str) -> nw.LazyFrame[Any]:
        """Return the valid rows of a table, with the copies of the group columns it has."""
        rows: nw.LazyFrame[Any] = self._study.table(name)
        present = rows.collect_schema().names()
        copies: dict[str, nw.Expr] = {}
        of_tickets: dict[str, str] = {}
        for neutral, column in self._names.items():
            group = _group_of_table(name, column, present)
            if group is not None:
                copies[neutral] = group
            elif name == "responses" and self._is_of_ticket(column, present):
                of_tickets[neutral] = column
        if copies:
            rows = rows.with_columns(**copies)
            self._refuse_crowds(name, rows, copies)
        if of_tickets:
            # through its own table, so that a ticket's columns are counted once a ticket
            tickets = self.table("tickets")
            rows = with_ticket_groups(tickets, rows, {neutral: neutral for neutral in of_tickets})
        return rows

    def _is_of_ticket(self, column: str, answers: list[str]) -> bool:
        """Whether a group of answers is that of the ticket they name: neither theirs nor their customer's."""
        if not answers_name_tickets(self._study.tables, answers):
            return False
        people = []
        if "customers" in self._study.tables:
            people = _columns_of(self._study, "customers")
        if _group_of_table("customers", column, people) is not None:
            return False
        return _group_of_table("tickets", column, _columns_of(self._study, "tickets")) is not None

    def _refuse_crowds(self, table: str, rows: nw.LazyFrame[Any], copies: Iterable[str]) -> None:
        """Look once at how many groups each column of a table makes."""
        news = {column: self._names[column] for column in copies if (table, column) not in self._counted}
        refuse_crowd(table, rows, news)
        self._counted |= {(table, column) for column in news}


def neutral_groups(study: Any, query: Query) -> tuple[Any, Query]:
    """Return a study and a query whose group columns travel under neutral names.

    A group column may be called anything: ``level``, ``score``, ``by_0``. Whatever computes between this
    function and `with_users_names` sees ``by_0, by_1, ...`` and can overwrite no group.

    Parameters
    ----------
    study : Study or Tables
        Where the group columns are.
    query : Query
        With the user's names in ``by``. A name that no table has is taken for the only column that differs
        from it in case, if there is one.

    Returns
    -------
    tuple of (Tables, Query)
        ``query.by`` holds the neutral names, ``query.names`` the user's name of each.
    """
    if not query.by:
        return study, query
    columns = {column for table in study.tables for column in _columns_of(study, table)}
    names = dict(zip(_free_names(len(query.by), columns), _spelled(query.by, columns), strict=True))
    # a fact of tickets gives way to a column that somebody called so
    facts = {neutral: f"{TICKETS}{name}" for neutral, name in names.items() if _is_fact(name, columns)}
    return NeutralStudy(study, {**names, **facts}), replace(query, by=tuple(names), names=names)


def _is_fact(name: str, columns: set[str]) -> bool:
    return name in {**WAITS, **COUNTS} and name not in columns


def _group_of_table(table: str, column: str, present: Collection[str]) -> nw.Expr | None:
    """A group that a table has: its column, also as ``table.column``, or a fact of its tickets."""
    if column in present:
        return nw.col(column)
    if column.removeprefix(f"{table}.") in present:
        return nw.col(column.removeprefix(f"{table}."))
    if table == "tickets" and column.startswith(TICKETS):
        return ticket_group(column, present)
    return None


def _columns_of(study: Any, table: str) -> list[str]:
    """Columns of a table; of a study without asking for its rows, which another metric may not need."""
    checked = getattr(study, "checked", None)
    if checked is not None:
        return list(checked.columns(table))
    return list(study.table(table).collect_schema().names())


def neutral_frame(frame: pd.DataFrame, query: Query) -> tuple[pd.DataFrame, Query]:
    """Return a frame and a query whose group columns have neutral names, as `neutral_groups` of a study."""
    neutral = _free_names(len(query.by), set(frame.columns))
    names = dict(zip(neutral, query.by, strict=True))
    renamed = frame.rename(columns={column: name for name, column in names.items()})
    return renamed, replace(query, by=neutral, names=names)


def users_names(query: Query, *frames: pd.DataFrame) -> dict[str, str]:
    """Return what each neutral group column is called in the results that the frames are.

    It is the user's name, or, where one of the frames has a column of that name already, ``<name>_group``.
    """
    taken = {column for frame in frames for column in frame.columns} - set(query.by)
    # Names that the result does not use itself stay as they are.
    free = {query.called(column) for column in query.by} - taken
    names = {}
    for column in query.by:
        name = query.called(column)
        if name not in free:
            while name in taken | free:
                name = f"{name}_group"
            taken.add(name)
        names[column] = name
    return names


def with_users_names(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Return a table whose group columns have the user's names again."""
    return table.rename(columns=users_names(query, table))


def _free_names(number: int, columns: Iterable[str]) -> tuple[str, ...]:
    """Return names that no column has, on engines too that do not tell ``BY_0`` from ``by_0``."""
    # Longer stems until no column of the study begins like one.
    stem = STEM
    while any(str(column).casefold().startswith(stem) for column in columns):
        stem += "_"
    return tuple(f"{stem}{place}" for place in range(number))


def _spelled(by: tuple[str, ...], columns: set[str]) -> list[str]:
    """Return names as the tables spell them: case is forgiven where one column only could be meant."""
    spelled = []
    for name in by:
        alike = [column for column in columns if column.casefold() == name.casefold()]
        if name not in columns and len(alike) == 1:
            spelled += alike
        else:
            spelled.append(name)
    if len(set(spelled)) < len(spelled):
        raise ArgumentError(f"by is {list(by)}", wanted="names of different columns")
    return spelled


def refuse_group(query: Query, column: str, table: str, choices: Iterable[str]) -> NoSuchGroupError:
    """Return the error for a group column that is in neither table, with the columns there are."""
    name = query.called(column)
    known = sorted(set(choices) - {"customer_id", *query.by})
    return NoSuchGroupError(
        f"group column {name!r} is in neither {table} nor customers",
        wanted="one of " + ", ".join(known),
        next_step=did_you_mean(name, known),
    )


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
        lacks them, those of answers also from the ticket they name; rows of unknown customers and tickets
        keep a missing group. ``"tickets.channel"`` and ``"customers.channel"`` name the table. The period
        follows the study's time zone.
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
    """
    rows = study.table(table)
    present = rows.collect_schema().names()
    joined = [column for column in query.by if column not in present]
    if joined:
        rows = _with_customers(study, rows, table, query, joined)
    if query.every is not None:
        if isinstance(time, str):
            time = nw.col(time)
        rows = rows.with_columns(period=period_start(time, query.every, study.timezone))
    return rows.select(*dict.fromkeys((*query.keys, *keep)))


def is_of_customers(study: Tables, column: str | None, present: Collection[str]) -> bool:
    """Return whether rows with the columns ``present`` can be linked by a column of their customers."""
    if column is None or column in present or "customer_id" not in present:
        return False
    return "customers" in study.tables and column in study.table("customers").collect_schema().names()


def _with_customers(
    study: Tables, rows: nw.LazyFrame[Any], table: str, query: Query, columns: list[str]
) -> nw.LazyFrame[Any]:
    present = rows.collect_schema().names()
    of_customers = []
    if "customers" in study.tables:
        of_customers = study.table("customers").collect_schema().names()
    for column in columns:
        if column not in of_customers or "customer_id" not in present:
            linked = []
            if table == "responses" and answers_name_tickets(study.tables, present):
                linked = ticket_group_names(study.table("tickets").collect_schema().names())
            raise refuse_group(query, column, table, [*present, *of_customers, *linked])
    customers = study.table("customers").select("customer_id", *columns)
    return rows.join(customers, on="customer_id", how="left")
