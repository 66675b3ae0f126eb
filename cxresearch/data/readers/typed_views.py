"""Typed rows of each table as views, levels and customers made of other rows among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.columns.open_columns import OpenKind
from cxresearch.data.readers.connection import columns_of, quoted, run
from cxresearch.data.readers.listed_leavers import LEAVERS_VIEW, customers_with_leavers
from cxresearch.data.readers.summed_levels import (
    ABSENT,
    SUMMED,
    SUMMED_VIEW,
    has_snapshots,
    summed_levels,
    with_absent,
)
from cxresearch.data.study_file.declarations import QUERY_SECONDS, SourceMap

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Typed rows of each table and what is known of their origin.

    Attributes
    ----------
    typed, plain : mapping of str to LazyFrame
        See `checked.CheckedTables`.
    keyed, kept : frozenset of str
        See there.
    files : tuple of (str, Path)
        Every file read, as declared and as found.
    connection : DuckDBPyConnection or None
        The study's own engine, if it has one.
    counts : tuple of (str, str, str)
        Table, name and SELECT of each count that is reported as a flag.
    segments : tuple of str
        Further text columns of customers.
    outcomes : tuple of str
        Further columns of customers that state who left, as declared or by their names.
    left_out : mapping of str to tuple of str
        By table, SELECTs that count the rows which ``where`` leaves out.
    kinds : mapping of str to mapping of str to str
        Declared kinds of further columns, by table and column.
    query_seconds : float
        How long one query of judging may take.
    """

    typed: Mapping[str, nw.LazyFrame[Any]]
    plain: Mapping[str, nw.LazyFrame[Any]] = field(default_factory=dict)
    keyed: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    files: tuple[tuple[str, Path], ...] = ()
    connection: DuckDBPyConnection | None = None
    counts: tuple[tuple[str, str, str], ...] = ()
    segments: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, OpenKind]] = field(default_factory=dict)
    query_seconds: float = QUERY_SECONDS


def views_of_rows(
    connection: DuckDBPyConnection, selects: Mapping[str, list[str]]
) -> dict[str, nw.LazyFrame[Any]]:
    """Return the rows of each table, of all its sources, as a view."""
    typed = {}
    for table, parts in selects.items():
        # By name: files of one table may order their columns differently.
        view = f"typed_{table}"
        run(
            connection, f"CREATE VIEW {quoted(view)} AS {' UNION ALL BY NAME '.join(parts)}", f"table {table}"
        )
        typed[table] = nw.from_native(connection.view(view)).lazy()
    return typed


def with_leavers(connection: DuckDBPyConnection) -> nw.LazyFrame[Any]:
    """Return customers with the ends that a list of leavers knows."""
    query = customers_with_leavers("typed_customers", columns_of(connection, "typed_customers"))
    run(connection, f"CREATE VIEW {quoted(LEAVERS_VIEW)} AS {query}", "table customers")
    rows: nw.LazyFrame[Any] = nw.from_native(connection.view(LEAVERS_VIEW)).lazy()
    return rows


def remade_revenue(connection: DuckDBPyConnection, sources: Sequence[SourceMap]) -> nw.LazyFrame[Any]:
    """Return levels of customers, made of rows that are something else."""
    view = "typed_revenue"
    if has_snapshots(sources):
        label = next(source.label for source in sources if source.rows == "snapshots")
        query = with_absent(view, label, columns_of(connection, view))
    else:
        kinds = [source.rows for source in sources if source.table == "revenue"]
        query = summed_levels(view, kinds, columns_of(connection, view))
    run(connection, f"CREATE VIEW {quoted(SUMMED_VIEW)} AS {query}", "table revenue")
    rows: nw.LazyFrame[Any] = nw.from_native(connection.view(SUMMED_VIEW)).lazy()
    return rows


def views_of_plain_rows(
    connection: DuckDBPyConnection, selects: Mapping[str, list[str]]
) -> dict[str, nw.LazyFrame[Any]]:
    """Return views of the tables whose rows can all be read plainly; levels to be summed are none of them."""
    plain = {}
    for table, parts in selects.items():
        # A table is read plainly only if every source of it is.
        if all(parts):
            view, query = f"plain_{table}", " UNION ALL BY NAME ".join(parts)
            run(connection, f"CREATE VIEW {quoted(view)} AS {query}", f"table {table}")
            frame = nw.from_native(connection.view(view)).lazy()
            if "subscription_id" not in frame.collect_schema().names():
                plain[table] = frame
    return plain


def counts_of_sums(views: Mapping[str, nw.LazyFrame[Any]]) -> tuple[tuple[str, str, str], ...]:
    """Return counts of what summing merged, and of who was missing from a snapshot."""
    if "revenue" not in views:
        return ()
    names = views["revenue"].collect_schema().names()
    if ABSENT in names:
        absent = f"SELECT sum({ABSENT}) FROM {quoted(SUMMED_VIEW)}"  # noqa: S608 - constant names
        return (("revenue", "customers missing from a snapshot, level 0", absent),)
    if SUMMED not in names:
        return ()
    merged = f"SELECT sum({SUMMED} - 1) FROM {quoted(SUMMED_VIEW)}"  # noqa: S608 - constant names
    return (("revenue", "levels of subscriptions at one moment, summed", merged),)
