"""The end of observation where the files settle it: an export is complete until it is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.validation.row_rules import DATED_BY

#: Files of things that happen all the time; one that ends long before others is older, or half.
_STEADY = ("responses", "tickets", "usage", "orders")
_MOST_DAYS_APART = 45


def last_days(looks: Sequence[RawLook]) -> dict[str, str]:
    """Return the last day of each file that feeds a table, by name of the file; ISO days only."""
    days = {}
    for look in looks:
        dated = look.guess.columns.get(DATED_BY.get(look.guess.table, ""), "")
        last = look.ranges.get(dated, ("", ""))[1][:10]
        if look.guess.table and last:
            days[look.name] = last
    return days


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
    last = max(days.values())
    # Renewals and appointments lie ahead; observation does not.
    if last > date.today().isoformat():
        return "", f"the last day in the files is {last}, which is still to come"
    steady = {
        look.name: days[look.name] for look in placed if look.guess.table in _STEADY and look.name in days
    }
    earliest = min(steady.values(), default=last)
    if datetime.fromisoformat(last) - datetime.fromisoformat(earliest) > timedelta(days=_MOST_DAYS_APART):
        name = min(steady, key=lambda file: steady[file])
        return "", f"{name} ends on {earliest}, other files on {last}: is it half an export?"
    return last, "the last day in the exports; a later day if they were made later"
