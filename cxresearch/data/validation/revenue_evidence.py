"""What rows of revenue look like: snapshots of all customers, or periods whose ends are the last paid day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.data.readers.connection import literal, quoted, run

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SNAPSHOTS = """
WITH levels AS (SELECT DISTINCT customer_id, effective_at, mrr FROM {view}
                WHERE {of_source} AND customer_id IS NOT NULL AND effective_at IS NOT NULL),
dates AS (SELECT effective_at, row_number() OVER (ORDER BY effective_at) AS nr
          FROM (SELECT DISTINCT effective_at FROM levels)),
placed AS (
  SELECT customer_id, nr, mrr, lag(mrr) OVER (PARTITION BY customer_id ORDER BY nr) AS before
  FROM levels JOIN dates USING (effective_at)),
spans AS (SELECT customer_id, max(nr) - min(nr) + 1 AS expected, count(DISTINCT nr) AS present,
                 max(nr) AS last FROM placed GROUP BY customer_id)
SELECT (SELECT count(*) FROM dates), (SELECT count(*) FROM placed),
       (SELECT sum(present) / sum(expected) FROM spans),
       (SELECT count(*) FROM placed WHERE before = mrr),
       (SELECT count(*) FROM placed WHERE before IS NOT NULL),
       (SELECT count(*) FROM spans WHERE last < (SELECT max(nr) FROM dates)),
       (SELECT count(*) FROM placed WHERE mrr = 0)
"""
_ENDS = """
WITH periods AS (SELECT customer_id, effective_at, ends_at FROM {view}
                 WHERE {of_source} AND customer_id IS NOT NULL AND effective_at IS NOT NULL),
ended AS (SELECT * FROM periods WHERE ends_at IS NOT NULL),
followed AS (
  SELECT e.ends_at, s.effective_at AS following
  FROM ended e ASOF LEFT JOIN periods s
  ON e.customer_id = s.customer_id AND e.ends_at <= s.effective_at)
SELECT count(*), count(*) FILTER (following = ends_at),
       count(*) FILTER (following > ends_at AND following <= ends_at + INTERVAL 1 DAY),
       count(*) FILTER (following > ends_at + INTERVAL 1 DAY AND following <= ends_at + INTERVAL 4 DAY),
       count(*) FILTER (day(ends_at + INTERVAL 1 DAY) = 1),
       count(*) FILTER (day(ends_at) = 1),
       count(*) FILTER (hour(ends_at) = 23 AND minute(ends_at) = 59),
       count(*) FILTER (ends_at <> date_trunc('day', ends_at))
FROM followed
"""


@dataclass(frozen=True, kw_only=True)
class SnapshotEvidence:
    """How much rows of levels look like a list of all customers, given again and again.

    Attributes
    ----------
    dates, rows : int
        Different dates, and rows.
    coverage : float
        Share of the dates between a customer's first and last row at which it has one.
    repeated, changes : int
        Rows that repeat the level before, and rows with one before.
    absent : int
        Customers without a row at the last date.
    zeros : int
        Rows of level 0, which lists of all customers lack.
    """

    dates: int
    rows: int
    coverage: float
    repeated: int
    changes: int
    absent: int
    zeros: int

    @property
    def likely(self) -> bool:
        """Whether who stays has a row at every date, most often the same again."""
        # A list given again and again: who is in it has a row at nine dates in ten, mostly the same level.
        regular = self.dates >= 2 and self.rows >= 3 * self.dates and self.coverage >= 0.9
        return regular and self.changes > 0 and 4 * self.repeated >= self.changes and not self.zeros


@dataclass(frozen=True, kw_only=True)
class EndEvidence:
    """What the ends of periods are: the last paid day, or the first without.

    Attributes
    ----------
    ends : int
        Periods with an end.
    same, day_after, gaps : int
        Of these, followed by the customer's next start at that very moment, within the day after, or one to
        four days later.
    month_ends, month_starts : int
        Ends on the last, and on the first day of a month.
    last_minute, clocked : int
        Ends at 23:59, and ends at any time of day but midnight.
    """

    ends: int
    same: int
    day_after: int
    gaps: int
    month_ends: int
    month_starts: int
    last_minute: int
    clocked: int

    @property
    def reading(self) -> tuple[str, str]:
        """``inclusive``, ``exclusive`` or nothing, and why."""
        if self.last_minute and 2 * self.last_minute >= self.ends:
            return "inclusive", f"{self.last_minute:,} of {self.ends:,} ends are at 23:59"
        # Next period the day after the end: the end is its last paid day. Three to one settles it.
        if self.day_after > 3 * self.same:
            said = f"after {self.day_after:,} of {self.ends:,} ends the customer's next starts within a day"
            return "inclusive", said
        if self.same > 3 * self.day_after:
            return "exclusive", f"{self.same:,} of {self.ends:,} ends are the start of the customer's next"
        if not self.same + self.day_after:
            return self._by_calendar()
        return "", f"{self.same:,} next starts on the day of the end, {self.day_after:,} the day after"

    def _by_calendar(self) -> tuple[str, str]:
        # A moment of the day is an instant, the first without: whole days are what leaves the question open.
        if self.clocked and 2 * self.clocked >= self.ends:
            return "exclusive", "ends have a time of day"
        if self.month_ends >= 3 and 2 * self.month_ends >= self.ends:
            return "inclusive", f"{self.month_ends:,} of {self.ends:,} ends are the last day of a month"
        if self.month_starts >= 3 and 2 * self.month_starts >= self.ends:
            return "exclusive", f"{self.month_starts:,} of {self.ends:,} ends are the first day of a month"
        return "", "no customer's next subscription follows an end"


def snapshot_evidence(connection: DuckDBPyConnection, view: str, source: str = "") -> SnapshotEvidence:
    """Return how much the typed levels of a view, or of one source of it, look like snapshots."""
    query = _SNAPSHOTS.format(view=quoted(view), of_source=_of(source))
    dates, rows, coverage, repeated, changes, absent, zeros = run(connection, query, view)[0]
    return SnapshotEvidence(
        dates=int(dates),
        rows=int(rows),
        coverage=float(coverage or 0),
        repeated=int(repeated),
        changes=int(changes),
        absent=int(absent),
        zeros=int(zeros),
    )


def end_evidence(connection: DuckDBPyConnection, view: str, source: str = "") -> EndEvidence:
    """Return what the ends of the typed periods of a view, or of one source of it, are like."""
    query = _ENDS.format(view=quoted(view), of_source=_of(source))
    ends, same, day_after, gaps, month_ends, month_starts, last_minute, clocked = run(
        connection, query, view
    )[0]
    return EndEvidence(
        ends=int(ends),
        same=int(same),
        day_after=int(day_after),
        gaps=int(gaps),
        month_ends=int(month_ends),
        month_starts=int(month_starts),
        last_minute=int(last_minute),
        clocked=int(clocked),
    )


def _of(source: str) -> str:
    if source:
        return f"_source = {literal(source)}"
    return "true"
