"""A study as it was known on a day. Whatever reads a study through `Past` cannot see what came later.

A row is known once its own time has come. Fields filled in later than the row was created are known once
they were filled in: a reply or a resolution after the day is missing, and totals that go on changing while a
ticket is open (replies, reopens, minutes waited) are known only from its last resolution on. Attributes
without a time of their own (segments of customers) are taken as they stand in the data. Tables keep only the
last resolution of a ticket, so one that was closed, and opened again after the day, counts as unresolved.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

import narwhals as nw

from cxresearch.data.engine import collect
from cxresearch.data.study import Study

#: The time at which a row of each table comes into being.
TIME_OF = {
    "customers": "started_at",
    "responses": "responded_at",
    "revenue": "effective_at",
    "tickets": "created_at",
    "usage": "used_at",
    "orders": "ordered_at",
    "events": "occurred_at",
}
_KNOWN_WHEN_RESOLVED = ("replies", "reopens", "wait_minutes", "handoffs", "escalated", "tier")
#: Where a survey asks people who are leaving. Their answers follow the decision and must not predict it.
EXIT_PATTERN = r"exit|cancel|churn|offboard|off-board|terminat|win-?back|leav(e|ing)"

Frame = nw.LazyFrame[Any]


class Archive:
    """The tables of a study, looked up once, with nothing hidden.

    Attributes
    ----------
    study : Study
        Where they come from.
    tables : tuple of str
        Those that landmark rows are made of.
    times : dict of str to tuple of datetime or None
        First and last time in each table; None in an empty one.
    """

    def __init__(self, study: Study, tables: Collection[str] | None = None) -> None:
        import pandas as pd

        self.study = study
        # Events of the company are in no row of a landmark: a study without usable ones is none the worse.
        wanted = [name for name in study.tables if name != "events"]
        if tables is not None:
            wanted = [name for name in wanted if name in tables]
        self.tables = tuple(wanted)
        self._frames = {name: study.table(name) for name in wanted}
        self._columns = {name: set(rows.collect_schema().names()) for name, rows in self._frames.items()}
        self.times: dict[str, tuple[datetime | None, datetime | None]] = {}
        for table, column in TIME_OF.items():
            if table in self._frames:
                time = nw.col(column)
                ends = collect(self._frames[table].select(first=time.min(), last=time.max())).iloc[0]
                # Both ends are missing, or neither: a table without a time has no first and no last row.
                self.times[table] = (None, None)
                if not pd.isna(ends["first"]):
                    self.times[table] = (ends["first"].to_pydatetime(), ends["last"].to_pydatetime())

    def has(self, table: str, *columns: str) -> bool:
        """Whether the study has the table and these columns of it."""
        if table == "events" and table in self.study.tables:
            self.table(table)
        return table in self._frames and self._columns[table].issuperset(columns)

    def table(self, name: str) -> Frame:
        """Return all rows of a table."""
        if name not in self._frames:
            self._frames[name] = self.study.table(name)
            self._columns[name] = set(self._frames[name].collect_schema().names())
        return self._frames[name]

    def asked_at_exit(self) -> nw.Expr | None:
        """Return whether somebody leaving was asked, by touchpoint or stage; None if neither is known."""
        columns = [name for name in ("touchpoint", "stage") if self.has("responses", name)]
        found = [nw.col(name).fill_null("").str.to_lowercase().str.contains(EXIT_PATTERN) for name in columns]
        if not found:
            return None
        return reduce(or_, found)


class Past:
    """What a study knew at ``at``.

    Parameters
    ----------
    archive : Archive
        All there is.
    at : datetime
        The landmark, naive UTC; what happened at that very instant is known.
    """

    def __init__(self, archive: Archive, at: datetime) -> None:
        self.at = at
        self.study = archive.study
        self._archive = archive

    def has(self, table: str, *columns: str) -> bool:
        """Whether the study has the table and these columns of it."""
        return self._archive.has(table, *columns)

    def covers(self, table: str, days: float) -> bool:
        """Whether the table began so many days before, so that no row means that nothing happened."""
        first, _ = self._archive.times.get(table, (None, None))
        return first is not None and first <= self.at - timedelta(days=days)

    def within(self, column: str, days: float) -> nw.Expr:
        """Return whether a moment lies in the days before the landmark (not exactly so many days before)."""
        return nw.col(column) > self.at - timedelta(days=days)

    def answers(self) -> Frame:
        """Return responses with a score given by now, exit surveys left out."""
        rows = self._rows("responses").filter(~nw.col("score").is_null())
        asked_at_exit = self._archive.asked_at_exit()
        if asked_at_exit is None:
            return rows
        return rows.filter(~asked_at_exit)

    def invitations(self) -> Frame:
        """Return surveys sent by now, with ``answered`` 1 if the answer has come by now, else 0."""
        asked_at_exit = self._archive.asked_at_exit()
        answered = (nw.col("responded_at") <= self.at) & ~nw.col("score").is_null()
        rows = self._archive.table("responses").filter(nw.col("sent_at") <= self.at)
        if asked_at_exit is not None:
            rows = rows.filter(~asked_at_exit)
        return rows.with_columns(answered=nw.when(answered).then(nw.lit(1.0)).otherwise(nw.lit(0.0)))

    def tickets(self) -> Frame:
        """Return tickets created by now, later fields blanked."""
        rows = self._rows("tickets").filter(~nw.col("customer_id").is_null())
        columns = rows.collect_schema().names()
        if "first_replied_at" in columns:
            reply = nw.col("first_replied_at")
            rows = rows.with_columns(first_replied_at=nw.when(reply <= self.at).then(reply))
        if "resolved_at" not in columns:
            return rows.drop([name for name in _KNOWN_WHEN_RESOLVED if name in columns])
        done = nw.col("resolved_at") <= self.at
        late = [name for name in _KNOWN_WHEN_RESOLVED if name in columns]
        rows = rows.with_columns(nw.when(done).then(nw.col(name)).alias(name) for name in late)
        return rows.with_columns(resolved_at=nw.when(done).then(nw.col("resolved_at")))

    def revenue(self, days_ago: float = 0.0) -> Frame:
        """Return levels in force by now, or by some days ago."""
        return self._rows("revenue", days_ago)

    def usage(self) -> Frame:
        """Return use by now."""
        return self._rows("usage")

    def orders(self) -> Frame:
        """Return orders by now."""
        return self._rows("orders")

    def _rows(self, table: str, days_ago: float = 0.0) -> Frame:
        until = self.at - timedelta(days=days_ago)
        return self._archive.table(table).filter(nw.col(TIME_OF[table]) <= until)
