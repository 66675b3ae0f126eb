"""Tables with every row judged once: what is valid, what was set aside and why, what is doubtful."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.readers.connection import engine_error
from cxresearch.data.readers.declared_sql import limited
from cxresearch.data.study_file.declarations import QUERY_SECONDS
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outside_answers import (
    RESPONDENTS,
    listed_once,
    of_outsiders,
    without_outsiders,
)
from cxresearch.data.validation.row_rules import (
    DATED_BY,
    Rule,
    count_doubtful,
    customer_directory,
    flag_marks,
    link_customers,
    mark_rows,
    row_rules,
)
from cxresearch.data.validation.rows_up_to_cut import later_than, up_to_cut
from cxresearch.data.validation.ticket_statuses import with_ticket_status
from cxresearch.scales import Scale

REJECT_COLUMNS = ("table", "row", "rule", "column", "value", "source")
_FLAG = "_flag_"
#: Questions with fewer answers are judged by the table as a whole: one bad row of three says little.
_FEWEST_ANSWERS = 20


@dataclass(frozen=True, kw_only=True)
class TableSummary:
    """Counts of one table from a single pass.

    Attributes
    ----------
    rows, valid, left_out : int
        All rows, those that broke no rule, and those that ``where`` or ``after_cut`` leaves out, with answers
        of respondents who are no customers.
    rejected : mapping of str to int
        Rows set aside by ``rule:column``.
    flags : mapping of str to int
        Valid rows by doubt.
    first, last : datetime or None
        Range of the time by which valid rows are dated, naive UTC.
    """

    rows: int
    valid: int
    rejected: Mapping[str, int]
    flags: Mapping[str, int]
    first: datetime | None
    last: datetime | None
    left_out: int = 0

    @property
    def set_aside(self) -> int:
        """Rows that broke a rule: all but the valid ones and those left out."""
        return self.rows - self.valid - self.left_out


class CheckedTables:
    """Typed rows of each table, judged when first asked for.

    Parameters
    ----------
    typed : mapping of str to LazyFrame
        Rows with the columns of their table and the hidden ones of `mapping.HIDDEN`.
    plain : mapping of str to LazyFrame
        The same rows read in the simplest way, for tables that allow it, with a column ``_unusual``: true
        where that way does not do. Engines count such rows faster.
    cut : datetime
        The data cut, naive UTC.
    instruments : mapping of str to Scale
        Scales of the responses.
    keyed : frozenset of str
        Tables in which a key identifies rows.
    kept : frozenset of str
        Tables small enough to be judged once and kept in the engine.
    connection : DuckDBPyConnection, optional
        Where kept tables go.
    left_out : mapping of str to tuple of str, optional
        By table, SELECTs of the connection that count rows which a source leaves out.
    after_cut : {"reject", "leave_out"}
        What becomes of rows dated after the cut.
    query_seconds : float
        How long judging a table may take.
    """

    def __init__(  # noqa: PLR0913 - each is a declaration of its own
        self,
        typed: Mapping[str, nw.LazyFrame[Any]],
        *,
        plain: Mapping[str, nw.LazyFrame[Any]] | None = None,
        cut: datetime,
        instruments: Mapping[str, Scale],
        keyed: frozenset[str] = frozenset(),
        kept: frozenset[str] = frozenset(),
        connection: duckdb.DuckDBPyConnection | None = None,
        left_out: Mapping[str, tuple[str, ...]] | None = None,
        after_cut: str = "reject",
        query_seconds: float = QUERY_SECONDS,
    ) -> None:
        self.connection = connection
        self._left_out = dict(left_out or {})
        self._late: dict[str, nw.LazyFrame[Any]] = {}
        self._typed = {name: with_ticket_status(name, rows) for name, rows in typed.items()}
        self._plain = {name: with_ticket_status(name, rows) for name, rows in (plain or {}).items()}
        self.outside: nw.LazyFrame[Any] | None = None
        if {RESPONDENTS, "responses"} <= set(typed):
            self.outside = of_outsiders(self._typed["responses"], typed)
            for tables in (self._typed, self._plain):
                if "responses" in tables:
                    tables["responses"] = without_outsiders(tables["responses"], typed)
        if after_cut == "leave_out":
            dated = {name: rows for name, rows in self._typed.items() if name in DATED_BY}
            plainly = {name: rows for name, rows in self._plain.items() if name in DATED_BY}
            self._late = {name: later_than(name, rows, cut) for name, rows in dated.items()}
            self._typed |= {name: up_to_cut(name, rows, cut) for name, rows in dated.items()}
            self._plain |= {name: up_to_cut(name, rows, cut) for name, rows in plainly.items()}
        self._cut = cut
        self._instruments = instruments
        self._keyed = keyed
        self._kept = kept
        self._query_seconds = query_seconds
        self._marked: dict[str, nw.LazyFrame[Any]] = {}
        self._summaries: dict[str, TableSummary] = {}
        self._found_clean: dict[str, bool] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tables present, in the order of `LAYOUTS`."""
        return tuple(name for name in LAYOUTS if name in self._typed)

    def only(self, names: Collection[str]) -> CheckedTables:
        """Return a view of some of the tables, which shares all that was judged already."""
        part = copy.copy(self)
        part._typed = {name: rows for name, rows in self._typed.items() if name in names}
        return part

    def columns(self, name: str) -> list[str]:
        """Return the columns a user sees, those of the layout first."""
        present = self._typed[name].collect_schema().names()
        known = LAYOUTS[name].columns
        further = [column for column in present if column not in known and not column.startswith("_")]
        return [column for column in known if column in present] + further

    def typed(self, name: str) -> nw.LazyFrame[Any]:
        """Return all rows as they were read, none of them judged."""
        return self._typed[name]

    def valid(self, name: str) -> nw.LazyFrame[Any]:
        """Return the rows that broke no rule; where none did, without judging them again."""
        columns = self.columns(name)
        # A proof that no row breaks a rule spares marking them (docs/decisions/0005-light-pass.md).
        if self._proven(name):
            return self._simplest(name).select(columns)
        if self.summary(name).rejected:
            return self._mark(name).filter(nw.col("_rule").is_null()).select(columns)
        if name in self._kept:
            return self._mark(name).select(columns)
        return self._typed[name].select(columns)

    def flawless(self, name: str) -> bool:
        """Return whether every row keeps every rule; often a lighter pass than the summary.

        Raises
        ------
        StudyError
            If the engine cannot read the data.
        """
        return self._proven(name) or not self.summary(name).rejected

    def summary(self, name: str) -> TableSummary:
        """Return the counts of a table: one pass, the first time.

        Raises
        ------
        StudyError
            If the engine cannot read the data.
        """
        if name not in self._summaries:
            with self._readable(name):
                self._summaries[name] = self._summarise(name)
        return self._summaries[name]

    def worst_share(self, name: str) -> float:
        """Return the largest share set aside of one question's answers; 0 for tables of no answers.

        A question whose every answer is unreadable must not vanish among the many of a wide file.
        """
        if name != "responses":
            return 0.0
        # Of one question, not of the table: 50 unreadable answers of 50 are 5 % of a wide file of 1,000.
        broken = nw.when(~nw.col("_rule").is_null()).then(nw.lit(1)).otherwise(nw.lit(0))
        marked = self._mark(name).select("instrument", broken=broken)
        counts = collect(marked.group_by("instrument").agg(n=nw.len(), broken=nw.col("broken").sum()))
        # A question lost to a bad mapping hides in a table of many: the worst one counts, not the mean.
        counts = counts[counts["n"] >= _FEWEST_ANSWERS]
        return float((counts["broken"] / counts["n"]).max()) if len(counts) else 0.0

    def rejects(self, name: str, *, limit: int | None = None) -> pd.DataFrame:
        """Return the rows set aside, at most ``limit`` of them, with the columns of `REJECT_COLUMNS`."""
        if not self.summary(name).rejected:
            return pd.DataFrame(columns=list(REJECT_COLUMNS))
        frame = self._mark(name).filter(~nw.col("_rule").is_null()).sort("_source", "_row")
        if limit is not None:
            frame = frame.head(limit)
        hidden = ("_row", "_source", "_rule", "_fault", "_fault_value", "_key")
        rows = collect(frame.select(*hidden, *self.columns(name)))
        broken = rows["_rule"].str.split(":", n=1, expand=True)
        return pd.DataFrame(
            {
                "table": name,
                "row": rows["_row"].astype("int64"),
                "rule": broken[0].astype(str),
                "column": broken[1].astype(str),
                "value": [
                    _value(row, column)
                    for row, column in zip(rows.to_dict("records"), broken[1], strict=True)
                ],
                "source": rows["_source"].astype(str),
            },
            columns=list(REJECT_COLUMNS),
        )

    @contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        """Turn an error of the engine into one of the study, and a query that does not end too."""
        try:
            with limited(self.connection, self._query_seconds, f"table {name}"):
                yield
        except duckdb.Error as error:
            raise engine_error(error, f"table {name}") from None

    def _linked(self, name: str) -> bool:
        return (
            name != "customers"
            and "customers" in self._typed
            and "customer_id" in self._typed[name].collect_schema().names()
        )

    def _link(self, name: str, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        if not self._linked(name):
            return frame
        return link_customers(frame, customer_directory(self._mark("customers")))

    def _rules(self, name: str) -> tuple[Rule, ...]:
        own = ("_key",) if name == "tickets" else ("_source", "_key")  # a ticket_id is one ticket in any file
        rules = row_rules(
            name,
            self.columns(name),
            cut=self._cut,
            instruments=self._instruments,
            linked=self._linked(name),
            keys=own if name in self._keyed else (),
        )
        if name == RESPONDENTS:
            return (*rules, listed_once())
        return rules

    def _simplest(self, name: str) -> nw.LazyFrame[Any]:
        return self._plain.get(name, self._typed[name])

    def _proven(self, name: str) -> bool:
        """Whether a light pass proved that nothing is wrong, and any plain reading right."""
        if name in self._kept:
            return False
        if name not in self._found_clean:
            with self._readable(name):
                frame = self._link(name, self._simplest(name))
                counts = count_doubtful(frame, self._rules(name))
                self._found_clean[name] = not any((collect(count)["n"] > 0).any() for count in counts)
        return self._found_clean[name]

    def _mark(self, name: str) -> nw.LazyFrame[Any]:
        if name in self._marked:
            return self._marked[name]
        marked = mark_rows(self._link(name, self._typed[name]), self._rules(name))
        if name in self._kept and self.connection is not None:
            with self._readable(name):
                marked.sort("_source", "_row").to_native().to_table(f"checked_{name}")
            marked = nw.from_native(self.connection.table(f"checked_{name}")).lazy()
        self._marked[name] = marked
        return marked

    def _summarise(self, name: str) -> TableSummary:
        flags = flag_marks(name, self.columns(name), cut=self._cut, linked=self._linked(name))
        counted = {
            _FLAG + flag: nw.when(mark).then(nw.lit(1)).otherwise(nw.lit(0)) for flag, mark in flags.items()
        }
        totals = [
            nw.len().alias("_rows"),
            *_ends_of_dates(name),
            *(nw.col(column).sum() for column in counted),
        ]
        if self._proven(name):
            rows = self._link(name, self._simplest(name)).with_columns(**counted, _rule=nw.lit(""))
            groups = collect(rows.select(*totals)).fillna(dict.fromkeys(counted, 0)).assign(_rule="")
        else:
            rows = self._mark(name).with_columns(**counted, _rule=nw.col("_rule").fill_null(""))
            groups = collect(rows.group_by("_rule").agg(*totals))
        valid = groups[groups["_rule"] == ""]
        rejected = groups[groups["_rule"] != ""].sort_values("_rule")
        left_out = self._count_left_out(name)
        return TableSummary(
            # Rows = valid + set aside + left out: none is lost between file and result.
            rows=int(groups["_rows"].sum()) + left_out,
            left_out=left_out,
            valid=int(valid["_rows"].sum()),
            rejected={
                rule: int(rows) for rule, rows in zip(rejected["_rule"], rejected["_rows"], strict=True)
            },
            flags={flag: int(valid[_FLAG + flag].sum()) for flag in flags},
            first=_moment(valid, "_first"),
            last=_moment(valid, "_last"),
        )

    def _count_left_out(self, name: str) -> int:
        """Rows that a source leaves out by ``where``, those after the cut, and answers of no customers."""
        total = 0
        if name == "responses" and self.outside is not None:
            total += int(collect(self.outside.select(n=nw.len()))["n"].iloc[0])
        for query in self._left_out.get(name, ()):
            assert self.connection is not None  # noqa: S101 - counts come with a connection
            total += int(self.connection.execute(query).fetchall()[0][0] or 0)
        if name in self._late:
            total += int(collect(self._late[name].select(n=nw.len()))["n"].iloc[0])
        return total


def _ends_of_dates(name: str) -> list[nw.Expr]:
    """First and last time by which rows are dated; customers of a snapshot have none."""
    if name not in DATED_BY:
        return []
    dated = nw.col(DATED_BY[name])
    return [dated.min().alias("_first"), dated.max().alias("_last")]


def _moment(totals: pd.DataFrame, column: str) -> datetime | None:
    if column not in totals or totals.empty or pd.isna(totals[column].iloc[0]):
        return None
    moment: datetime = pd.Timestamp(totals[column].iloc[0]).to_pydatetime()
    return moment


def _value(row: dict[Any, Any], column: str) -> str:
    value = row.get(column, row["_key"])
    if isinstance(row["_fault"], str):
        value = row["_fault_value"]
    if value is None or value != value:  # noqa: PLR0124 - NaN and NaT
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value).replace("\x1f", " ")[:200]
