"""The end of observation where the files settle it: an export is complete until it is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.row_rules import DATED_BY

#: Files of things that happen all the time; one that ends long before others is older, or half.
_STEADY = ("responses", "tickets", "usage", "orders")
_MOST_DAYS_APART = 45


def last_days(looks: Sequence[RawLook]) -> dict[str, str]:
    """Return the last day of each file that feeds a table, by name of the file; ISO days only."""
    days = {look.name: _last(look, [_dated_by(look)]) for look in looks if look.guess.table}
    return {name: day for name, day in days.items() if day}


def _dated_by(look: RawLook) -> str:
    return look.guess.columns.get(DATED_BY.get(look.guess.table, ""), "")


def _happened(look: RawLook) -> list[str]:
    """Raw columns of times of what has happened: a ticket is solved after it was opened."""
    if look.guess.table not in _STEADY:
        return [_dated_by(look)]
    kinds = LAYOUTS[look.guess.table]
    return [raw for name, raw in look.guess.columns.items() if kinds.kind(name) == "time"]


def _last(look: RawLook, columns: Sequence[str]) -> str:
    return max((look.ranges.get(raw, ("", ""))[1][:10] for raw in columns), default="")


def settled_cut(looks: Sequence[RawLook]) -> tuple[str, str]:
    """Return the last day in the files as the end of observation, or why it has to be asked.

    An export is complete until it was made, and its last row came just before. So the last day of all is an
    end of observation that is never too late; it may be a little early. This holds for exports that were
    recognised, not for files of other origin, which may be cut anywhere.

    Returns
    -------
    day : str
        ISO day; empty where it has to be asked.
    why : str
        What it rests on, or why it is asked.
    """
    placed = [look for look in looks if look.guess.table]
    if not placed or not all(look.export for look in placed):
        return "", ""
    # One file of other origin may be cut anywhere, and then nothing is settled.
    days = last_days(placed)
    if not days:
        return "", ""
    last = max(_last(look, _happened(look)) for look in placed)
    # Renewals and appointments lie ahead; observation does not.
    if last > date.today().isoformat():
        return "", f"the last day in the files is {last}, which is still to come"
    steady = {
        look.name: days[look.name] for look in placed if look.guess.table in _STEADY and look.name in days
    }
    earliest = min(steady.values(), default=last)
    newest = max(days.values())
    if datetime.fromisoformat(newest) - datetime.fromisoformat(earliest) > timedelta(days=_MOST_DAYS_APART):
        name = min(steady, key=lambda file: steady[file])
        return "", f"{name} ends on {earliest}, other files on {newest}: is it half an export?"
    return last, "the last day in the exports; a later day if they were made later"
