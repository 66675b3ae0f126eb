"""The tables of a study: which columns each has, of what kind, and which it cannot do without."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

#: id and text are strings, time is a naive UTC timestamp in microseconds, number is a 64-bit float.
Kind = Literal["id", "text", "time", "number"]


@dataclass(frozen=True, kw_only=True)
class TableLayout:
    """Columns of one table.

    Attributes
    ----------
    name : str
        Name of the table.
    required, optional : mapping of str to Kind
        Columns it must and may have, in order.
    open_ended : bool
        Whether further columns are welcome (segments of customers).
    inner : mapping of str to Kind
        Columns that only some kinds of source rows have, and that become levels before anybody sees them.
    """

    name: str
    required: Mapping[str, Kind]
    optional: Mapping[str, Kind]
    open_ended: bool = False
    inner: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def columns(self) -> dict[str, Kind]:
        """All columns this table knows, required first."""
        return {**self.required, **self.optional}

    def kind(self, column: str) -> Kind:
        """Kind of a column; one the table does not know is text."""
        return {**self.inner, **self.columns}.get(column, "text")


def _layout(
    name: str,
    required: dict[str, Kind],
    optional: dict[str, Kind],
    *,
    open_ended: bool = False,
    inner: Mapping[str, Kind] = MappingProxyType({}),
) -> TableLayout:
    return TableLayout(
        name=name,
        required=MappingProxyType(required),
        optional=MappingProxyType(optional),
        open_ended=open_ended,
        inner=inner,
    )


# Required is what a table cannot be read without; a metric asks for the optional columns it needs.
_LAYOUTS = (
    _layout(
        "customers",
        {"customer_id": "id", "started_at": "time"},
        {"ended_at": "time", "end_kind": "text", "notice_at": "time", "reason": "text"},
        open_ended=True,
    ),
    _layout(
        "responses",
        {"customer_id": "id", "instrument": "text", "score": "number", "responded_at": "time"},
        {
            "sent_at": "time",
            "touchpoint": "text",
            "stage": "text",
            "channel": "text",
            "device": "text",
            "team": "text",
            "language": "text",
            "ticket_id": "id",
            "comment": "text",
            "reason": "text",
            "weight": "number",
        },
    ),
    _layout(
        "revenue",
        {"customer_id": "id", "effective_at": "time", "mrr": "number"},
        {
            "currency": "text",
            "plan": "text",
            "due_at": "time",
            "status": "text",
            "discount": "number",
            "discount_kind": "text",
            "subscription_id": "id",
        },
        inner={"ends_at": "time", "trial_ends_at": "time"},
    ),
    _layout(
        "tickets",
        {"ticket_id": "id", "created_at": "time"},
        {
            "customer_id": "id",
            "first_replied_at": "time",
            "resolved_at": "time",
            "channel": "text",
            "category": "text",
            "team": "text",
            "status": "text",
            "replies": "number",
            "reopens": "number",
            "agent_id": "id",
            "wait_minutes": "number",
            "handoffs": "number",
            "escalated": "text",
            "tier": "text",
            "language": "text",
            "subject": "text",
            "body": "text",
        },
    ),
    _layout(
        "usage",
        {"customer_id": "id", "used_at": "time"},
        {"quantity": "number", "feature": "text"},
    ),
    _layout("orders", {"customer_id": "id", "ordered_at": "time", "amount": "number"}, {}),
    _layout(
        "events",
        {"occurred_at": "time", "kind": "text"},
        {"customer_id": "id", "reason": "text", "note": "text"},
    ),
    _layout("snapshot", {"customer_id": "id", "left": "text"}, {"tenure": "number"}, open_ended=True),
)

#: Layout of each table by name, in the order reports list them.
LAYOUTS: Mapping[str, TableLayout] = MappingProxyType({layout.name: layout for layout in _LAYOUTS})

#: The customers of a study without time ([study] kind = "snapshot"), who are declared as customers.
SNAPSHOT = "snapshot"
#: Tables that a study file or a mapping of frames may name.
TABLES = tuple(name for name in LAYOUTS if name != SNAPSHOT)

#: What an ended customer relation can be called.
END_KINDS = ("voluntary", "involuntary")
