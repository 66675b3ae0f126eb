"""What a study file declares, as frozen values: the parsed form that readers and mapping work from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from cxresearch.data.study_file.costs import Costs
from cxresearch.scales import Scale
from cxresearch.stats.text.codebook import Codebook
from cxresearch.wording import only_if, shown

OnReject = Literal["refuse", "set_aside"]
RowKind = Literal["levels", "snapshots", "subscriptions", "movements", "customers", "leavers"]
PeriodEnds = Literal["", "inclusive", "exclusive"]
BlankScores = Literal["reject", "not_asked"]
AfterCut = Literal["reject", "leave_out"]
StudyKind = Literal["timeline", "snapshot"]
RevenueEnds = Literal["at_ended_at", "at_zero"]


#: Seconds that opening a study, and judging a table, may take, unless the study file says otherwise.
QUERY_SECONDS = 1800.0


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
    # One row in twenty: beyond that a mapping is wrong rather than a few rows.
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
    duckdb_table, sqlite_table, sheet : str
        Table within a DuckDB or SQLite file, sheet of a workbook.
    database, database_table : str
        Environment variable with the address of a database server, and a table there.
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
    sqlite_table: str = ""
    sheet: str = ""
    database: str = ""
    database_table: str = ""
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
    zones : mapping of str to str
        What abbreviations of zones behind clock times mean: an offset or an IANA name.
    missing : tuple of str
        Raw texts that mean "no value", besides an empty cell.
    decimal : str
        Decimal mark, ``.`` or ``,``.
    thousands : str
        Mark between groups of three digits; empty where there is none.
    per, per_column : str
        The interval an amount is for, where it is no month: one for all rows, or the raw column with it.
    times : str
        Raw column with the number by which an amount is multiplied, such as seats.
    plus, plus_unit : str
        Raw column with a duration that is added to a time, and the unit it counts, or ``""`` for hh:mm:ss.
    number : bool
        Whether a further column is a number rather than a group.
    kind : {"group", "number", "text", "id"} or ""
        What a further column is; empty where that is to be read off its values.
    outcome : bool
        Whether a further column (of customers) states who left: kept and compared with the ends, no segment.
    row_number : bool
        Whether the position of the row in its source is the value, for files without an id.
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
    zones: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    per: str = ""
    per_column: str = ""
    times: str = ""
    plus: str = ""
    plus_unit: str = ""
    number: bool = False
    kind: str = ""
    outcome: bool = False
    row_number: bool = False
    as_is: bool = False


@dataclass(frozen=True, kw_only=True)
class RowCondition:
    """What a raw column must hold for a row to be taken.

    Attributes
    ----------
    column : str
        The raw column.
    values : tuple of str
        Its values, without regard to capitals and spaces around; an empty text is an empty cell.
    excluded : bool
        Whether these values are left out instead; an empty cell is then taken.
    low, high : float, datetime or None
        Range, both ends within; a cell that is empty or no such value is left out.
    present : bool or None
        Whether the cell must hold something, or nothing.
    """

    column: str
    values: tuple[str, ...] = ()
    excluded: bool = False
    low: float | datetime | None = None
    high: float | datetime | None = None
    present: bool | None = None

    def __str__(self) -> str:
        if self.values:
            sign = " is " + only_if(self.excluded, "not ")
            return shown(self.column) + sign + " or ".join(shown(value) for value in self.values)
        if self.present is not None:
            return shown(self.column) + (" is given" if self.present else " is empty")
        bounds = [only_if(self.low is not None, f"at least {self.low}")]
        bounds.append(only_if(self.high is not None, f"at most {self.high}"))
        return shown(self.column) + " " + ", ".join(filter(None, bounds))


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
    rows : {"levels", "snapshots", "subscriptions", "movements"}
        What a row of revenue is: a level from then on; one of a full list at a date, in which who is missing
        has left; a subscription from a start to an end; an amount by which the level changes.
    ends : {"inclusive", "exclusive"} or ""
        Of subscriptions: whether the end is the last paid day, or the first moment without.
    bridge_gaps_days : float
        Gaps up to so long between the end of a subscription and the customer's next are none.
    where : tuple of RowCondition
        Which raw rows are taken; the others are left out and counted.
    """

    label: str
    table: str
    input: str = ""
    sql: str = ""
    columns: Mapping[str, ColumnMap] = field(default_factory=dict)
    scores: Mapping[str, ColumnMap] = field(default_factory=dict)
    blank_scores: BlankScores = "reject"
    unique: tuple[str, ...] = ()
    rows: RowKind = "levels"
    ends: PeriodEnds = ""
    bridge_gaps_days: float = 0.0
    where: tuple[RowCondition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeclaredFlag:
    """A ``[[flags]]`` entry: a doubt of the user's own, as a SELECT of one number over the inputs."""

    name: str
    table: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class DeclaredCodebook:
    """A codebook of themes: the file it was declared as, where it stands, and what it says."""

    declared: str
    file: Path
    codebook: Codebook


@dataclass(frozen=True, kw_only=True)
class DeclaredJourney:
    """The stages a customer goes through, in the order in which one usually does.

    Attributes
    ----------
    stages : tuple of str
        Their names; after the last the first may come again.
    entered : mapping of str to str
        What enters a stage that no event of kind ``stage``, or of the kind of its name, enters:
        ``"started"``, ``"paid"``, ``"used"``, ``"ordered"``, ``"asked_for_help"``, or a kind of event.
    within_days : float
        Whoever has not come to the next stage within so many days is lost there.
    trial : tuple of str
        Two stages or moments: where a trial begins, and what it should end in; empty without one.
    self_service : tuple of str
        Channels of tickets and kinds of events in which customers help themselves.
    """

    stages: tuple[str, ...]
    entered: Mapping[str, str] = field(default_factory=dict)
    within_days: float = 90.0
    trial: tuple[str, ...] = ()
    self_service: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """A whole study file, checked for form but not yet against the files it names."""

    path: Path
    name: str
    kind: StudyKind
    observed_until: datetime
    timezone: str
    currency: str
    instruments: Mapping[str, Scale]
    segments: tuple[str, ...] | None
    limits: Limits
    after_cut: AfterCut
    revenue_ends: RevenueEnds | None
    inputs: Mapping[str, RawInput]
    sources: tuple[SourceMap, ...]
    flags: tuple[DeclaredFlag, ...]
    targets: Mapping[str, float]
    codebook: DeclaredCodebook | None = None
    costs: Costs | None = None
    journey: DeclaredJourney | None = None
    query_seconds: float = QUERY_SECONDS
