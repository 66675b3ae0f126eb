"""Groups of answers by the ticket they are about: its columns, its waits in classes, handed off or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import narwhals as nw

from cxresearch.data.engine import minutes_between

#: What a column of tickets is called where an answer or its customer has one of the same name.
TICKETS = "tickets."
#: Waits of a ticket, and the moment each lasts to from its creation on.
WAITS: Mapping[str, str] = MappingProxyType(
    {"first_reply_hours": "first_replied_at", "resolution_hours": "resolved_at"}
)
#: Facts of a ticket that are so or not, and the count each is read from.
COUNTS: Mapping[str, str] = MappingProxyType({"reopened": "reopens", "handed_off": "handoffs"})
#: Upper ends of the classes of waits in minutes, and the classes: an hour, a working half-day, a day, three.
_WAIT_ENDS = (60.0, 240.0, 1440.0, 4320.0)
WAIT_CLASSES = ("up to 1 hour", "1 to 4 hours", "4 to 24 hours", "1 to 3 days", "over 3 days")


def ticket_group(name: str, present: Collection[str]) -> nw.Expr | None:
    """Return a group of tickets as an expression, or None where tickets have no such column or fact.

    Parameters
    ----------
    name : str
        A column, one of `WAITS` (as a class; missing while the wait lasts) or of `COUNTS` (yes or no; missing
        where the count is), with or without ``tickets.`` before it.
    present : collection of str
        Columns of tickets.
    """
    name = name.removeprefix(TICKETS)
    if name in present:
        return nw.col(name)
    if WAITS.get(name) in present:
        return _wait_class(minutes_between(nw.col("created_at"), nw.col(WAITS[name])))
    if COUNTS.get(name) in present:
        count = nw.col(COUNTS[name])
        so = nw.when(count > 0).then(nw.lit("yes")).otherwise(nw.lit("no"))
        return nw.when(~count.is_null()).then(so)
    return None


def ticket_group_names(present: Collection[str]) -> list[str]:
    """Return every name that `ticket_group` knows, given the columns of tickets."""
    facts = [name for name, column in {**WAITS, **COUNTS}.items() if column in present]
    return [*present, *(name for name in facts if name not in present)]


def with_ticket_groups(
    tickets: nw.LazyFrame[Any], rows: nw.LazyFrame[Any], groups: Mapping[str, str]
) -> nw.LazyFrame[Any]:
    """Return answers with groups of the ticket they name; one that names none, or an unknown one, has none.

    Parameters
    ----------
    tickets : LazyFrame
        Valid tickets, one row an id.
    rows : LazyFrame
        Answers with ``ticket_id``; none is added or lost.
    groups : mapping of str to str
        Name to give, and what `ticket_group` calls it.
    """
    present = tickets.collect_schema().names()
    fields: dict[str, nw.Expr] = {}
    for given, name in groups.items():
        group = ticket_group(name, present)
        if group is not None:
            fields[given] = group
    return rows.join(tickets.select("ticket_id", **fields), on="ticket_id", how="left")


def answers_name_tickets(tables: Collection[str], columns: Collection[str]) -> bool:
    """Whether answers with these columns can be linked to tickets, if there are any among the tables."""
    return "ticket_id" in columns and "tickets" in tables


def _wait_class(minutes: nw.Expr) -> nw.Expr:
    """Class of a wait; a class includes its upper end."""
    label: nw.Expr = nw.lit(WAIT_CLASSES[-1])
    for end, name in zip(reversed(_WAIT_ENDS), reversed(WAIT_CLASSES[:-1]), strict=True):
        label = nw.when(minutes <= end).then(nw.lit(name)).otherwise(label)
    return nw.when(minutes >= 0).then(label)
