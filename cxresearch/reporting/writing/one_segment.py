"""One segment of a study at a time, or the rows of one group of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import collect
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from cxresearch.data.study import Study

#: Texts that people write, and the question itself: no groups of rows.
_NO_GROUPS = frozenset({"instrument", "comment", "reason", "subject", "body", "status"})


def narrow(study: Study, segment: str) -> Study:
    """Return the study of the customers of one segment, with their rows in every table; or of some rows.

    Tables that name no customer are left out, except events of the company as a whole. A group of another
    table (``"tickets.product=App"``, ``"device=phone"``) keeps its rows alone: of tickets also the answers
    about them, but no customers, revenue or use, which have no such group. Segments of customers stay.

    Parameters
    ----------
    study : Study
        The whole study.
    segment : str
        ``"column=value"``, a segment column of the customers, or a group of answers or tickets (with its
        table before it where several have the name), and one of its values.

    Raises
    ------
    ArgumentError
        If the text has not that form or the column is no segment and no group.
    DataError
        If no customer, or no row, is in the segment.
    """
    column, sign, value = segment.partition("=")
    if not sign or not value:
        raise ArgumentError(f"segment is {segment!r}", wanted="'column=value' such as 'plan=pro'")
    if column not in study.segments:
        table, group = _group_of_rows(study, column)
        return _renamed(study, _rows_of_group(study, table, group, value), f"{group} {value}")
    members = study.table("customers").filter(nw.col(column).cast(nw.String()) == value)
    ids = members.select("customer_id")
    tables = {"customers": members}
    for name in study.tables:
        frame = study.table(name)
        if name != "customers" and "customer_id" in frame.collect_schema().names():
            # Semi-join: a customer listed twice must not double the rows of a table.
            tables[name] = frame.join(ids, on="customer_id", how="semi")
        elif name == "events":
            tables[name] = frame  # what happened to the company happened to every segment
    # An empty segment would make an empty report that looks like a quiet month.
    if not len(members.select("customer_id").head(1).collect()):
        raise DataError(f"no customer has {column} {value!r}", where=study.name)
    narrowed = _renamed(study, tables, f"{column} {value}")
    # A column with one value left splits nothing: "by plan" of one plan is the page a second time.
    narrowed.segments = _that_split(narrowed)
    return narrowed


def _that_split(study: Study) -> tuple[str, ...]:
    """Segments of which the customers have several values."""
    if not study.segments:
        return ()
    # Least and greatest value differ where there are several, on every engine; missing ones are passed over.
    ends = [end(nw.col(name).cast(nw.String())) for name in study.segments for end in (_least, _greatest)]
    row = collect(study.checked.valid("customers").select(*ends)).iloc[0]
    return tuple(name for name in study.segments if row[f"{name}_least"] != row[f"{name}_greatest"])


def _least(column: Any) -> Any:
    return column.min().name.suffix("_least")


def _greatest(column: Any) -> Any:
    return column.max().name.suffix("_greatest")


def _renamed(study: Study, tables: dict[str, nw.LazyFrame[Any]], part: str) -> Study:
    """A study of some rows of another, which is called after them."""
    return study.with_tables(
        {name: frame.to_native() for name, frame in tables.items()},
        name=f"{study.name}, {part}",
    )


def _group_of_rows(study: Study, column: str) -> tuple[str, str]:
    """Table and column of a group of answers or tickets; a name that several tables have is refused."""
    groups = [(table, name) for table in ("responses", "tickets") for name in _groups_of(study, table)]
    meant = [entry for entry in groups if column in (entry[1], ".".join(entry))]
    if len(meant) == 1:
        return meant[0]
    names = [*study.segments, *(f"{table}.{name}" for table, name in groups)]
    problem = f"{column!r} is not a segment"
    if meant:
        names = [".".join(entry) for entry in meant]
        problem = f"{column!r} stands in several tables"
    raise ArgumentError(problem, wanted="one of " + (", ".join(names) or "(none declared)"))


def _groups_of(study: Study, table: str) -> list[str]:
    """Columns of a table that make groups: its own texts, and further columns that are groups."""
    if table not in study.tables:
        return []
    layout = LAYOUTS[table].columns
    known = [name for name in study.checked.columns(table) if layout.get(name) == "text"]
    further = study.open_columns.get(table, {})
    kept = [name for name in known if name not in _NO_GROUPS]
    return [*kept, *(name for name, kind in further.items() if kind == "group")]


def _rows_of_group(study: Study, table: str, group: str, value: str) -> dict[str, nw.LazyFrame[Any]]:
    """Rows of a group, of tickets with the answers about them, each with the segments of its customer."""
    rows = study.table(table).filter(nw.col(group).cast(nw.String()) == value)
    if not len(rows.select(group).head(1).collect()):
        raise DataError(f"no row of {table} has {group} {value!r}", where=study.name)
    tables = {table: rows}
    if table == "tickets" and "responses" in study.tables:
        answers = study.table("responses")
        if "ticket_id" in answers.collect_schema().names():
            tables["responses"] = answers.join(rows.select("ticket_id"), on="ticket_id", how="semi")
    if "events" in study.tables:
        tables["events"] = study.table("events")
    return {name: _with_segments(study, frame) for name, frame in tables.items()}


def _with_segments(study: Study, rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    columns = rows.collect_schema().names()
    news = [name for name in study.segments if name not in columns]
    if "customer_id" not in columns or "customers" not in study.tables or not news:
        return rows
    people = study.table("customers").select("customer_id", *news)
    return rows.join(people, on="customer_id", how="left")
