"""Open columns: what a table holds beyond its layout, and what each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np

from cxresearch.data.engine import collect
from cxresearch.data.study_file.declarations import ColumnMap, SourceMap
from cxresearch.data.table_layouts import LAYOUTS, SNAPSHOT, TableLayout
from cxresearch.data.validation.outcome_names import names_outcome
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.wording import did_you_mean, listed, nearest, one_of, shown

if TYPE_CHECKING:
    from cxresearch.data.validation.judged_tables import CheckedTables

#: What an owner may declare a further column to be.
OPEN_KINDS = ("group", "number", "text", "id")
OpenKind = Literal["group", "number", "text", "id", "outcome", "time"]
#: Rows that are looked at where nothing is declared.
_LOOKED_AT = 1_000
#: Fewer values than these say nothing about whether values repeat.
_FEWEST = 20
#: Texts have so many words on average and hardly repeat; ids hardly repeat and are no sentences.
_WORDS_OF_TEXT = 3.0
_TEXT_REPEATS = 0.5
_ID_REPEATS = 0.1


def check_open_column(
    layout: TableLayout, target: str, column: ColumnMap, mapped: Iterable[str], where: str, *, rows: str
) -> None:
    """Refuse a further column that is rather a mistyped one, and a kind where the table fixes it.

    Parameters
    ----------
    layout : TableLayout
        Of the table.
    target : str
        The column.
    column : ColumnMap
        How it is declared.
    mapped : iterable of str
        All columns of the source.
    where : str
        For the message.
    rows : str
        What a row of the source is, as `SourceMap` has it.

    Raises
    ------
    StudyError
        Naming the column that is perhaps meant.
    """
    if target in layout.columns or (rows == "subscriptions" and target in layout.inner):
        if column.kind:
            raise StudyError(
                f"{target} of {layout.name} has its kind already",
                where=where,
                next_step="take kind out; it is for further columns",
            )
        return
    if rows == "snapshots":
        raise StudyError(
            f"column {shown(target)} cannot be kept where levels are made of snapshots",
            where=where,
            next_step="leave it out, or map it as a column of customers",
        )
    absent = [name for name in layout.columns if name not in set(mapped)]
    declared = column.kind or column.number or column.outcome or layout.open_ended
    mistyped = nearest(target, absent, likeness=0.85)
    # What is nearly the name of a column would otherwise be lost to every metric that needs it.
    if target in layout.inner or (mistyped and not declared):
        raise StudyError(
            f"column {shown(target)} is not a column of {layout.name}",
            where=where,
            wanted=f"one of {listed(layout.columns)}, or a further one",
            next_step=did_you_mean(
                target, absent, otherwise="a further column says so: { column = ..., kind = 'group' }"
            ),
        )


def declared_kinds(sources: Sequence[SourceMap]) -> dict[str, dict[str, OpenKind]]:
    """Return the kinds that the sources of a study file declare, by table and further column."""
    kinds: dict[str, dict[str, OpenKind]] = {}
    for source in sources:
        layout = LAYOUTS[source.table]
        for name, column in source.columns.items():
            if name in layout.columns or name in layout.inner:
                continue
            kind = column.kind
            if column.number:
                kind = "number"
            if column.outcome or (not kind and names_outcome(column.column)):
                kind = "outcome"
            if kind:
                kinds.setdefault(source.table, {})[name] = kind  # type: ignore[assignment]
    return kinds


def kinds_in_call(
    kinds: Mapping[str, str] | None, typed: Mapping[str, nw.LazyFrame[Any]]
) -> dict[str, dict[str, OpenKind]]:
    """Return the kinds that a call declares for ``"table.column"``, by table and further column.

    Raises
    ------
    ArgumentError
        If there is no such further column, or a number is no number.
    """
    declared: dict[str, dict[str, OpenKind]] = {}
    for name, kind in (kinds or {}).items():
        table, _, column = name.partition(".")
        if kind not in OPEN_KINDS:
            raise ArgumentError(f"kind of {name} is {shown(kind)}", wanted=f"one of {listed(OPEN_KINDS)}")
        schema = {}
        if table in typed:
            schema = dict(typed[table].collect_schema())
        open_ones = [f"{table}.{one}" for one in further_columns(table, schema)]
        if name not in open_ones:
            raise ArgumentError(
                f"kinds names {shown(name)}, which is no further column",
                wanted=one_of(open_ones, "'table.column' of a table with further columns"),
            )
        if kind == "number" and not schema[column].is_numeric():
            raise ArgumentError(f"{name} holds no numbers", wanted="numbers", next_step="convert it first")
        declared.setdefault(table, {})[column] = kind  # type: ignore[assignment]
    return declared


def further_columns(table: str, columns: Iterable[str]) -> list[str]:
    """Return those columns of a table that its layout does not name."""
    if table not in LAYOUTS:
        return []
    known = LAYOUTS[table].columns
    return [name for name in columns if name not in known and not name.startswith("_")]


def kinds_of_open_columns(
    checked: CheckedTables, declared: Mapping[str, Mapping[str, OpenKind]], outcomes: Sequence[str]
) -> dict[str, dict[str, OpenKind]]:
    """Return the kind of every further column: as declared, else by its name, its type and its first values.

    Parameters
    ----------
    checked : CheckedTables
        The tables; at most 1,000 rows of a table are looked at.
    declared : mapping of str to mapping of str to str
        By table and column.
    outcomes : sequence of str
        Columns of customers that state who left.
    """
    kinds = {}
    for table in checked.names:
        schema = dict(checked.typed(table).collect_schema())
        columns = further_columns(table, schema)
        if not columns:
            continue
        said: dict[str, OpenKind] = dict(declared.get(table, {}))
        if table in ("customers", SNAPSHOT):
            said |= dict.fromkeys(outcomes, "outcome")
        open_ones = [name for name in columns if name not in said]
        kinds[table] = {**_looked_up(checked, table, schema, open_ones), **said}
        kinds[table] = {name: kinds[table][name] for name in columns}
    return kinds


def _looked_up(
    checked: CheckedTables, table: str, schema: Mapping[str, Any], columns: Sequence[str]
) -> dict[str, OpenKind]:
    kinds: dict[str, OpenKind] = {}
    texts = []
    for name in columns:
        kind = schema[name]
        # A churn label is an outcome in whatever table it stands.
        if names_outcome(name) and table not in ("customers", SNAPSHOT):
            kinds[name] = "outcome"
        elif kind.is_numeric():
            kinds[name] = "number"
        elif kind.is_temporal():
            kinds[name] = "time"
        else:
            texts.append(name)
    if texts:
        sample = collect(checked.typed(table).select(*texts).head(_LOOKED_AT))
        kinds |= {name: kind_of_values(sample[name].dropna().astype(str).tolist()) for name in texts}
    return kinds


def kind_of_values(values: Sequence[str]) -> Literal["group", "text", "id"]:
    """Return what values are: sentences that hardly repeat are texts, other values that do not repeat ids.

    Examples
    --------
    >>> kind_of_values(["web", "app"] * 20), kind_of_values([f"A-{i}" for i in range(40)])
    ('group', 'id')
    >>> kind_of_values(["the app is slow", "I was billed twice", "all went very well"])
    'text'
    """
    if not values:
        return "group"
    different = len(set(values)) / len(values)
    words = float(np.mean([len(value.split()) for value in values]))
    if words >= _WORDS_OF_TEXT and different > _TEXT_REPEATS:
        return "text"
    if len(values) >= _FEWEST and different > 1 - _ID_REPEATS:
        return "id"
    return "group"
