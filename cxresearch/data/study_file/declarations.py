"""What a study file declares, as frozen values: the parsed form that readers and mapping work from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from cxresearch.scales import Scale

OnReject = Literal["refuse", "set_aside"]
RevenueEnds = Literal["at_ended_at", "at_zero"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What happens to rows that break a rule.

    Attributes
    ----------
    on_reject : {"refuse", "set_aside"}
        ``refuse``: a table with a rejected row is not handed out. ``set_aside``: it is, without these rows.
    max_reject_share : float
        Under ``set_aside``, the share of a table's rows (0 to 1) that may be set aside.
    """

    on_reject: OnReject = "refuse"
    max_reject_share: float = 0.05


@dataclass(frozen=True, kw_only=True)
class RawInput:
    """A file, or a frame in memory, before any mapping.

    Attributes
    ----------
    name : str
        How SQL and messages call it.
    path : Path or None
        The file; ``None`` for a frame in memory.
    declared : str
        The path as the study file spells it, for messages and manifests.
    frame : str
        Name of the frame in memory.
    duckdb_table : str
        Table within a DuckDB file.
    delimiter, encoding : str
        How a text file is written; an empty delimiter means comma, or tab for ``.tsv``.
    header_row : int
        Line of the column names, counted from 1.
    skip_rows : int
        Rows after the header that are not data (further header rows).
    """

    name: str
    path: Path | None = None
    declared: str = ""
    frame: str = ""
    duckdb_table: str = ""
    delimiter: str = ""
    encoding: str = "utf-8"
    header_row: int = 1
    skip_rows: int = 0


@dataclass(frozen=True, kw_only=True)
class ColumnMap:
    """Where the values of one column come from and how they are read.

    Attributes
    ----------
    column : str
        Raw column; empty where ``constant`` is given.
    constant : str or None
        One value for every row.
    values : mapping of str to str
        Raw value to value; those not listed stay as they are.
    bins : tuple of float
        Edges that turn a number into the answers of a scale: at most the first edge is the lowest answer.
    multiply : float or None
        Factor to the unit of the column, such as 60 from hours to minutes.
    date_format : tuple of str
        Formats of ``strptime``, tried in order, or one of ``epoch_seconds, epoch_milliseconds, excel_days``.
    timezone : str
        Zone of clock times written without an offset.
    missing : tuple of str
        Raw texts that mean "no value", besides an empty cell.
    decimal : str
        Decimal mark, ``.`` or ``,``.
    thousands : str
        Mark between groups of three digits; empty where there is none.
    number : bool
        Whether a further column (of customers) is a number rather than a segment.
    outcome : bool
        Whether a further column (of customers) states who left: kept and compared with the ends, no segment.
    as_is : bool
        Hand the raw column on as it is, with its own type (further columns of frames in memory).
    """

    column: str = ""
    constant: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    bins: tuple[float, ...] = ()
    multiply: float | None = None
    date_format: tuple[str, ...] = ()
    timezone: str = "UTC"
    missing: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    number: bool = False
    outcome: bool = False
    as_is: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceMap:
    """One ``[[sources]]`` entry: raw rows and how they become rows of a table.

    Attributes
    ----------
    label : str
        How messages call it: ``responses from survey.csv``.
    table : str
        The table it feeds.
    input : str
        Name of the `RawInput`; empty where ``sql`` is given.
    sql : str
        A SELECT over the declared inputs.
    columns : mapping of str to ColumnMap
        By name of the table's column.
    scores : mapping of str to ColumnMap
        Wide survey files: one raw column for each instrument.
    blank_scores : {"reject", "not_asked"}
        What an empty cell of ``scores`` is.
    unique : tuple of str
        Raw columns that identify a row; later copies are set aside.
    """

    label: str
    table: str
    input: str = ""
    sql: str = ""
    columns: Mapping[str, ColumnMap] = field(default_factory=dict)
    scores: Mapping[str, ColumnMap] = field(default_factory=dict)
    blank_scores: Literal["reject", "not_asked"] = "reject"
    unique: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeclaredFlag:
    """A ``[[flags]]`` entry: a doubt of the user's own, as a SELECT of one number over the inputs."""

    name: str
    table: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """A whole study file, checked for form but not yet against the files it names."""

    path: Path
    name: str
    observed_until: datetime
    timezone: str
    currency: str
    instruments: Mapping[str, Scale]
    segments: tuple[str, ...] | None
    limits: Limits
    revenue_ends: RevenueEnds | None
    inputs: Mapping[str, RawInput]
    sources: tuple[SourceMap, ...]
    flags: tuple[DeclaredFlag, ...]
