"""Tables of a study: judged once, handed out as far as its limits allow, every row accounted for."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

import narwhals as nw
import pandas as pd

from cxresearch.data.columns.open_columns import OpenKind, kinds_of_open_columns
from cxresearch.data.readers.connection import run
from cxresearch.data.readers.declared_sql import limited
from cxresearch.data.readers.typed_views import Opened
from cxresearch.data.snapshot import snapshot_refusal
from cxresearch.data.study_file.declarations import AfterCut, Limits, RevenueEnds, StudyKind
from cxresearch.data.table_layouts import TABLES
from cxresearch.data.validation.ended_levels import can_contradict, end_levels, refuse_contradiction
from cxresearch.data.validation.judged_tables import REJECT_COLUMNS, CheckedTables, TableSummary
from cxresearch.data.validation.refusals import admit
from cxresearch.data.validation.row_rules import FLAGS
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.scales import Scale
from cxresearch.wording import listed, only_if, shown


class StudyTables:
    """The tables of a study, of which every row is valid, set aside or left out; see `Study`.

    Parameters
    ----------
    opened : Opened
        Typed rows of each table.
    observed_until : datetime
        The data cut, naive UTC.
    instruments : mapping of str to Scale
        Scales by name of instrument.
    name : str
        Of the study, for messages.
    limits : Limits
        What happens to rows that break a rule.
    revenue_ends : {"at_ended_at", "at_zero"} or None
        Which table holds where customers who ended go on paying.
    after_cut : {"reject", "leave_out"}
        What becomes of rows dated after the data cut.
    kind : {"timeline", "snapshot"}
        Whether the tables have dates.
    """

    def __init__(
        self,
        opened: Opened,
        *,
        observed_until: datetime,
        instruments: Mapping[str, Scale],
        name: str,
        limits: Limits,
        revenue_ends: RevenueEnds | None,
        after_cut: AfterCut,
        kind: StudyKind,
    ) -> None:
        self.name = name
        self.kind = kind
        self.limits = limits
        self.revenue_ends = revenue_ends
        self._observed_until = observed_until
        self._revenue_agrees = False
        self._open_columns: dict[str, dict[str, OpenKind]] | None = None
        self._tables_read: dict[str, None] = {}
        self._opened = opened
        self.checked = CheckedTables(
            opened.typed,
            plain=opened.plain,
            cut=observed_until,
            instruments=instruments,
            keyed=opened.keyed,
            kept=opened.kept,
            connection=opened.connection,
            left_out=opened.left_out,
            query_seconds=opened.query_seconds,
            after_cut=after_cut,
        )

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables present; a snapshot has none with time, and is refused."""
        self._refuse_without_time()
        return self.checked.names

    @property
    def open_columns(self) -> Mapping[str, Mapping[str, OpenKind]]:
        """Kind of each further column, by table: group, number, text, id, outcome or time."""
        if self._open_columns is None:
            self._open_columns = kinds_of_open_columns(
                self.checked, self._opened.kinds, self._opened.outcomes
            )
        return {table: kinds for table, kinds in self._open_columns.items() if table in self.checked.names}

    @property
    def tables_read(self) -> tuple[str, ...]:
        """Names of the tables whose rows were asked for so far, in the order of ``tables``."""
        return tuple(name for name in self.tables if name in self._tables_read)

    def only(self, names: Collection[str]) -> Self:
        """Return a view of some of the tables, for a look at nothing else; nothing is read for it."""
        # What was judged once stays judged: both share the same rows.
        part = copy.copy(self)
        part.checked = self.checked.only(names)
        return part

    @property
    def observed_until(self) -> datetime:
        """The data cut, naive UTC; a snapshot has none, and is refused."""
        self._refuse_without_time()
        return self._observed_until

    @observed_until.setter
    def observed_until(self, moment: datetime) -> None:
        self._observed_until = moment

    def _refuse_without_time(self) -> None:
        if self.kind == "snapshot":
            raise snapshot_refusal(self.name)

    def table(self, name: str) -> nw.LazyFrame[Any]:
        """Return the valid rows of a table.

        Parameters
        ----------
        name : str
            One of ``tables``; of a snapshot ``"snapshot"``.

        Returns
        -------
        LazyFrame
            Canonical columns first (ids and texts as strings, timestamps naive UTC, numbers as floats), then
            any further ones.

        Raises
        ------
        ArgumentError
            If the study has no such table.
        StudyError
            If rows break rules and the study's limits do not allow them to be set aside, or revenue goes on
            after customers ended and nobody has said which holds (``revenue_ends``).
        """
        self._tables_read[self._known(name)] = None
        # Rows of customers that were set aside would leave rows of other tables without a customer.
        if "customers" in self.checked.names:
            admit("customers", self.checked, self.limits)
        admit(name, self.checked, self.limits)
        rows = self.checked.valid(name)
        if name == "revenue" and can_contradict(self.checked):
            return self._settled(rows)
        return rows

    def _settled(self, rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Revenue that agrees with the ends of customers, or was declared to hold in spite of them."""
        if self.revenue_ends == "at_ended_at":
            return end_levels(rows, self.checked)
        if self.revenue_ends is None and not self._revenue_agrees:
            refuse_contradiction(self.checked, self.observed_until)
            self._revenue_agrees = True
        return rows

    def rejects(self, name: str | None = None, *, limit: int | None = None) -> pd.DataFrame:
        """Return the rows set aside, one line each, whatever the limits say.

        Parameters
        ----------
        name : str, optional
            One table; by default all.
        limit : int, optional
            At most so many lines of each table.

        Returns
        -------
        DataFrame
            Columns ``table``; ``row`` (position in its source, from 1, header rows not counted); ``rule`` (a
            key of `validation.RULES`, the first that the row broke); ``column``; ``value`` (as text);
            ``source``.
        """
        names = self.checked.names
        if name is not None:
            names = (self._known(name),)
        parts = [self.checked.rejects(one, limit=limit) for one in names]
        parts = [part for part in parts if len(part)]
        if not parts:
            return pd.DataFrame(columns=list(REJECT_COLUMNS)).astype({"row": "int64"})
        return pd.concat(parts, ignore_index=True)

    def counts(self) -> pd.DataFrame:
        """Return ``table, rows, valid, rejected, left_out`` for each table: rows are the sum of the three."""
        summaries = [(name, self.summary(name)) for name in self.checked.names]
        return pd.DataFrame(
            [(name, one.rows, one.valid, one.set_aside, one.left_out) for name, one in summaries],
            columns=["table", "rows", "valid", "rejected", "left_out"],
        )

    def flags(self) -> pd.DataFrame:
        """Return doubts about rows that stay.

        Returns
        -------
        DataFrame
            Columns ``table``, ``flag``, ``rows`` (how many), ``detail`` (what it means); without zeros.
        """
        lines = [
            (name, flag, rows, FLAGS[flag])
            for name in self.checked.names
            for flag, rows in self.summary(name).flags.items()
        ]
        lines += [(table, flag, rows, _detail(flag)) for table, flag, rows in self._declared_counts()]
        return pd.DataFrame([line for line in lines if line[2]], columns=["table", "flag", "rows", "detail"])

    def summary(self, name: str) -> TableSummary:
        """Return rows, rejects by rule, flags and date range of a table: one pass, then remembered."""
        return self.checked.summary(self._known(name))

    def _known(self, name: str) -> str:
        if name not in self.checked.names:
            self._refuse_without_time()
            raise ArgumentError(
                f"the study has no table {shown(name)}",
                wanted=f"one of {listed(self.tables)}",
                next_step=only_if(name in TABLES, "map it in the study file"),
            )
        return name

    def _declared_counts(self) -> list[tuple[str, str, int]]:
        counts = []
        for table, flag, query in self._opened.counts:
            if table not in self.tables:
                continue
            assert self._opened.connection is not None  # noqa: S101 - counts come with a connection
            with limited(self._opened.connection, self._opened.query_seconds, f"flag {flag}"):
                rows = run(self._opened.connection, query, f"flag {flag}")
            counts.append((table, flag, _count_of(rows, flag)))
        return counts


def _count_of(rows: list[tuple[Any, ...]], flag: str) -> int:
    """The one number that a flag gives; nothing (of no rows) is none.

    Raises
    ------
    StudyError
        If it gives something else.
    """
    wanted = "one row with one whole number from 0 on, as SELECT count(*) gives"
    if len(rows) != 1 or len(rows[0]) != 1:
        problem = f"the SQL gives {len(rows):,} rows"
        if len(rows) == 1:
            problem = f"the SQL gives {len(rows[0]):,} columns"
        raise StudyError(problem, where=f"flag {flag}", wanted=wanted)
    value = rows[0][0]
    if value is None:
        return 0
    is_number = isinstance(value, int | float | Decimal)
    # 2^53: beyond it whole numbers are not exact as doubles; infinity and NaN fail both comparisons.
    if not is_number or not 0 <= value <= 2**53 or value != int(value):
        raise StudyError(f"the SQL gives {shown(value)}", where=f"flag {flag}", wanted=wanted)
    return int(value)


def _detail(flag: str) -> str:
    if flag == "not_asked":
        return "cells left empty in a wide survey file"
    return "counted in the files as the study file declares them"
