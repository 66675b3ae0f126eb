"""A cut before the end of an export: rows up to the cut, and of those what was known by then."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import narwhals as nw

from cxresearch.data.validation.row_rules import DATED_BY

Frame = nw.LazyFrame[Any]

#: Times that may follow a row's own: after the cut they have not happened yet.
_LATER = {
    "customers": ("notice_at",),
    "responses": ("responded_at",),
    "tickets": ("first_replied_at", "resolved_at"),
}
#: What is known only from such a time on.
_WITH = {"responded_at": ("score", "comment", "reason"), "resolved_at": ("status",)}


def up_to_cut(table: str, rows: Frame, cut: datetime) -> Frame:
    """Return the rows dated up to the cut; what lies after it in them is missing, as it was then.

    An invitation sent by the cut and answered after it is one without an answer yet; a ticket resolved
    after it is open.

    Parameters
    ----------
    table : str
        Name of the table.
    rows : LazyFrame
        Typed rows.
    cut : datetime
        The data cut, naive UTC.
    """
    names = rows.collect_schema().names()
    # As on the day of the cut: what came into being later was not there, what was filled in later was empty.
    known = rows.filter(~_is_later(table, names, cut))
    for column in _LATER.get(table, ()):
        if column in names:
            later = (nw.col(column) > nw.lit(cut)).fill_null(value=False)
            blanked = [name for name in _WITH.get(column, ()) if name in names]
            known = known.with_columns(
                *(nw.when(~later).then(nw.col(name)).alias(name) for name in blanked),
                nw.when(~later).then(nw.col(column)).alias(column),
            )
    return known


def later_than(table: str, rows: Frame, cut: datetime) -> Frame:
    """Return the rows that `up_to_cut` leaves out."""
    return rows.filter(_is_later(table, rows.collect_schema().names(), cut))


def _is_later(table: str, names: list[str], cut: datetime) -> nw.Expr:
    """Whether a row came into being after the cut; one that cannot be read stays, for the rules to judge."""
    later = nw.col(DATED_BY[table]) > nw.lit(cut)
    if table == "responses" and "sent_at" in names:
        sent = nw.col("sent_at")
        later = later & (sent.is_null() | (sent > nw.lit(cut)))
    return later.fill_null(value=False)
