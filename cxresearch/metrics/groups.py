"""Rows of a study's table with the columns that name their cell, ready for one group-by."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from cxresearch.data.engine import period_start
from cxresearch.errors import ArgumentError
from cxresearch.metrics.metric import Query, Tables


class NoSuchGroupError(ArgumentError):
    """A group column is neither in the metric's table nor among the customers' columns."""


_RESERVED = (
    "period",
    "score",
    "value",
    "low",
    "high",
    "se",
    "n",
    "n_missing",
    "method",
    "metric",
    "unit",
    "against",
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
        if column in _RESERVED:
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
