"""A study: validated tables on an engine, the data cut, and what the instruments mean."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Any

import narwhals as nw
import pandas as pd

from cxresearch.checks import check_choice, check_number
from cxresearch.data.engine import offset_steps
from cxresearch.data.readers.native_frames import has_own_engine, open_native
from cxresearch.data.readers.open_study import Opened, open_frames, open_study_file
from cxresearch.data.readers.raw_inputs import run
from cxresearch.data.snapshot import snapshot_refusal
from cxresearch.data.study_file.declarations import (
    AfterCut,
    DeclaredJourney,
    Limits,
    OnReject,
    RevenueEnds,
    StudyKind,
)
from cxresearch.data.study_file.instruments import check_scales
from cxresearch.data.study_file.parse_study_file import parse_study_file, read_cut
from cxresearch.data.table_layouts import SNAPSHOT, TABLES
from cxresearch.data.validation.ended_levels import can_contradict, end_levels, refuse_contradiction
from cxresearch.data.validation.judged_tables import REJECT_COLUMNS, CheckedTables, TableSummary
from cxresearch.data.validation.refusals import admit
from cxresearch.data.validation.row_rules import FLAGS
from cxresearch.data.wide_answers import declared_scales, long_answers
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.results.result import facts_html
from cxresearch.scales import Scale
from cxresearch.stats.text.codebook import Codebook
from cxresearch.wording import did_you_mean, listed, only_if, shown


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file a study was read from.

    Attributes
    ----------
    path : str
        As the study file spells it (relative paths are relative to the study file).
    sha256 : str
        Of its bytes, in hexadecimal.
    bytes : int
        Its size.
    """

    path: str
    sha256: str
    bytes: int


class Study:
    """Validated tables of one company on an engine; made by `read_study` or `Study.from_frames`.

    Opening reads no rows. The first use of a table judges all its rows: those that keep every
    rule come back from `table`, the others from `rejects`; ``rows == valid + rejected + left_out`` always.

    Attributes
    ----------
    name : str
        For titles.
    kind : {"timeline", "snapshot"}
        Whether the tables have dates. A snapshot is a list of customers and of who left: it has the one table
        ``"snapshot"``, and whatever needs time is refused in one sentence.
    observed_until : datetime
        The data cut, naive UTC: nothing later is known.
    timezone : str
        IANA zone whose calendar makes days, weeks and months.
    currency : str
        Of all amounts, ISO 4217; may be empty.
    targets : mapping of str to float
        What figures should reach, by name of metric as declared; shares from 0 to 1.
    instruments : mapping of str to Scale
        Scales by name of instrument.
    segments : tuple of str
        Segment columns of customers.
    outcomes : tuple of str
        Further columns of customers that state who left (status, churn label, reason): no segments.
    limits : Limits
        What happens to rows that break a rule.
    revenue_ends : {"at_ended_at", "at_zero"} or None
        Which table holds where customers who ended go on paying.
    codebook : Codebook or None
        Themes that the study file declares; see ``cx.themes``.
    journey : DeclaredJourney or None
        Stages of the customers' journey that the study file declares; see ``cx.voice.journey``.
    checked : CheckedTables
        The judged rows behind ``table``, whatever the limits say.
    """

    def __init__(  # noqa: PLR0913 - each is a declaration of its own
        self,
        opened: Opened,
        *,
        observed_until: datetime,
        instruments: Mapping[str, Scale],
        timezone: str,
        currency: str,
        segments: tuple[str, ...],
        name: str,
        limits: Limits,
        revenue_ends: RevenueEnds | None = None,
        after_cut: AfterCut = "reject",
        codebook: Codebook | None = None,
        targets: Mapping[str, float] | None = None,
        kind: StudyKind = "timeline",
    ) -> None:
        self.name = name
        self.kind = kind
        self._observed_until = observed_until
        self.timezone = timezone
        self.currency = currency
        self.instruments: Mapping[str, Scale] = MappingProxyType(dict(instruments))
        self.segments = segments
        self.outcomes = tuple(name for name in opened.outcomes if name not in segments)
        self.limits = limits
        self.revenue_ends = revenue_ends
        self.codebook = codebook
        self.targets: Mapping[str, float] = MappingProxyType(dict(targets or {}))
        self.journey: DeclaredJourney | None = None
        self._revenue_agrees = False
        self._tables_read: dict[str, None] = {}
        self._opened = opened
        self._sources: tuple[Source, ...] | None = None
        self.checked = CheckedTables(
            opened.typed,
            plain=opened.plain,
            cut=observed_until,
            instruments=self.instruments,
            keyed=opened.keyed,
            kept=opened.kept,
            connection=opened.connection,
            left_out=opened.left_out,
            after_cut=after_cut,
        )

    @classmethod
    def from_frames(  # noqa: PLR0913 - each is a declaration of its own
        cls,
        tables: Mapping[str, Any] | None = None,
        *,
        observed_until: datetime | date | str,
        instruments: Mapping[str, Scale | str] | None = None,
        scores: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        currency: str = "",
        segments: Sequence[str] | None = None,
        name: str = "",
        on_reject: OnReject = "refuse",
        max_reject_share: float = 1.0,
        revenue_ends: RevenueEnds | None = None,
        after_cut: AfterCut = "reject",
        targets: Mapping[str, float] | None = None,
        **frames: Any,
    ) -> Study:
        """Make a study of frames.

        Parameters
        ----------
        tables : mapping of str to frame
            Frames with the canonical columns, by name of table. pandas, Polars and PyArrow frames may be
            mixed; DuckDB relations (of one connection) or PySpark frames stay on their engine. Dates without
            a clock are local days, and texts without an offset local times, in ``timezone``; naive timestamps
            mean UTC, unless all of a column are midnights, which are dates. Further columns are
            handed on; texts among those of customers are segments.
            A table without rows is fine.
        observed_until : datetime, date or str
            The data cut; without an offset in ``timezone``, and a mere date means the end of that day.
            A naive datetime with a clock is UTC, one at midnight is that day's beginning in ``timezone``.
        instruments : mapping of str to (Scale or str), optional
            Scales of the instruments in ``responses``: a `Scale`, or the name of a standard one. Those that
            ``scores`` names need none if they are standard: ``"nps"``, ``"csat"``, ``"ces1"``, ``"ces2"``.
        scores : mapping of str to str, optional
            For a wide survey: column of ``responses`` to instrument, such as ``{"NPS": "nps"}``. An empty
            cell is left out, or, where there is a column ``sent_at``, a non-response.
        timezone, currency, name : str
            See the attributes.
        segments : sequence of str, optional
            Which columns of customers are segments; by default all further text columns.
        on_reject : {"refuse", "set_aside"}
            Whether a table with rows that break a rule is refused, or handed out without them.
        max_reject_share : float
            Under ``set_aside``, the share of a table's rows that may be set aside.
        revenue_ends : {"at_ended_at", "at_zero"}, optional
            Which holds where customers who ended go on paying: they stop paying when they end, or when their
            level falls to 0. Needed only where the two tables contradict each other.
        after_cut : {"reject", "leave_out"}
            What becomes of rows dated after the data cut: they break a rule, or are left out and counted.
        targets : mapping of str to float, optional
            What figures should reach, by name of metric; shares from 0 to 1.

        Raises
        ------
        ArgumentError
            If the time zone or a choice is unknown, or an instrument is no `Scale`.
        StudyError
            If a table or column is unknown, missing or of the wrong kind.

        Examples
        --------
        >>> customers = pd.DataFrame({"customer_id": [1, 2], "started_at": ["2024-01-01", "2024-02-01"]})
        >>> answers = pd.DataFrame({"customer_id": [1, 2], "responded_at": ["2024-05-01"] * 2, "NPS": [9, 3]})
        >>> study = Study.from_frames(
        ...     customers=customers, responses=answers, scores={"NPS": "nps"}, observed_until="2024-12-31"
        ... )
        >>> study.counts()
               table  rows  valid  rejected  left_out
        0  customers     2      2         0         0
        1  responses     2      2         0         0
        """
        tables = _one_mapping(tables, frames)
        instruments = declared_scales(instruments, scores)
        _check_columns(tables)
        if scores:
            tables = _with_long_answers(tables, scores)
        offset_steps(timezone)
        limits = _limits(on_reject, max_reject_share)
        if revenue_ends is not None:
            check_choice("revenue_ends", revenue_ends, ("at_ended_at", "at_zero"))
        check_choice("after_cut", after_cut, ("reject", "leave_out"))
        check_scales(instruments)
        own_engine = bool(tables) and all(has_own_engine(native) for native in tables.values())
        if own_engine:
            opened = open_native(tables, timezone)
        else:
            opened = open_frames(tables, instruments, timezone)
        clock = isinstance(observed_until, datetime) and observed_until.time() != time()
        zone = {True: "UTC"}.get(clock, timezone)  # midnights are dates, as in the tables
        return cls(
            opened,
            observed_until=read_cut(observed_until, zone, "from_frames"),
            instruments=instruments,
            timezone=timezone,
            currency=currency,
            segments=_chosen_segments(segments, opened),
            name=name,
            limits=limits,
            revenue_ends=revenue_ends,
            after_cut=after_cut,
            targets=targets,
        )

    @classmethod
    def from_snapshot(
        cls,
        customers: Any,
        *,
        instruments: Mapping[str, Scale] | None = None,
        name: str = "",
        on_reject: OnReject = "refuse",
        max_reject_share: float = 1.0,
    ) -> Study:
        """Make a study without time of a list of customers, for `who_left` and `key_drivers`.

        Parameters
        ----------
        customers : frame
            pandas, Polars or PyArrow. A column ``left`` (yes or no, true or false, 1 or 0), a ``customer_id``
            (by default the number of the row), perhaps ``tenure``, and whatever is known of customers.
        instruments : mapping of str to Scale, optional
            Scales of those columns that hold answers.
        name, on_reject, max_reject_share
            As for `from_frames`.

        Raises
        ------
        StudyError
            If a column is missing or of the wrong kind.

        Examples
        --------
        >>> study = Study.from_snapshot(pd.DataFrame({"left": ["yes", "no"], "seats": [3, 8]}))
        >>> study.counts()
              table  rows  valid  rejected  left_out
        0  snapshot     2      2         0         0
        """
        scales = instruments or {}
        check_scales(scales)
        frame = nw.from_native(customers, eager_only=True)
        if "customer_id" not in frame.columns:
            frame = frame.with_row_index("customer_id")
        opened = open_frames({SNAPSHOT: frame.to_native()}, scales)
        return cls(
            opened,
            observed_until=datetime.max,
            instruments=scales,
            timezone="UTC",
            currency="",
            segments=opened.segments,
            name=name,
            limits=_limits(on_reject, max_reject_share),
            kind="snapshot",
        )

    def __repr__(self) -> str:
        if self.kind == "snapshot":
            return f"Study {self.name!r}: a snapshot"
        until = f"{self.observed_until:%Y-%m-%d %H:%M} UTC"
        return f"Study {self.name!r}: {', '.join(self.tables)}; observed until {until}"

    def _repr_html_(self) -> str:
        """Show what was declared; no row is read for it."""
        if self.kind == "snapshot":
            return facts_html(f"Study {self.name}".rstrip(), {"kind": "a snapshot: no dates"})
        asked = [f"{scale.label} ({scale.low} to {scale.high})" for scale in self.instruments.values()]
        facts = {
            "observed until": f"{self.observed_until:%Y-%m-%d %H:%M} UTC",
            "time zone": self.timezone,
            "currency": self.currency or "not named",
            "instruments": ", ".join(asked),
            "segments": ", ".join(self.segments),
            "tables": ", ".join(self.tables),
        }
        return facts_html(f"Study {self.name}".rstrip(), facts)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables present; a snapshot has none with time, and is refused."""
        self._refuse_without_time()
        return self.checked.names

    @property
    def tables_read(self) -> tuple[str, ...]:
        """Names of the tables whose rows were asked for so far, in the order of ``tables``."""
        return tuple(name for name in self.tables if name in self._tables_read)

    def only(self, names: Collection[str]) -> Study:
        """Return a view of some of the tables, for a look at nothing else; nothing is read for it."""
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
        found = [(name, self.summary(name)) for name in self.checked.names]
        return pd.DataFrame(
            [(name, one.rows, one.valid, one.set_aside, one.left_out) for name, one in found],
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

    @property
    def sources(self) -> tuple[Source, ...]:
        """Files the study was read from, with their hashes; computed when first asked for."""
        if self._sources is None:
            self._sources = tuple(_source(path, file) for path, file in self._opened.files)
        return self._sources

    @sources.setter
    def sources(self, sources: tuple[Source, ...]) -> None:
        self._sources = sources

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
            rows = run(self._opened.connection, query, f"flag {flag}")
            counts.append((table, flag, int(rows[0][0] or 0)))
        return counts


def read_study(
    path: str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    on_reject: OnReject | None = None,
    max_reject_share: float | None = None,
) -> Study:
    r"""Open the study that a ``study.toml`` declares; its rows are read when they are asked for.

    Parameters
    ----------
    path : str or Path
        The study file, or the folder it is in.
    frames : mapping of str to frame, optional
        Frames in memory that the study file names (``frame = "name"``).
    on_reject : {"refuse", "set_aside"}, optional
        Overrides the study file: what happens to rows that break a rule.
    max_reject_share : float, optional
        Overrides the study file: share of a table's rows that may be set aside.

    Returns
    -------
    Study
        Opened, not read: a study of 50 million rows opens at once.

    Raises
    ------
    StudyError
        If the study file, or a file it names, is not as declared; the message says what to do. Rows that
        break a rule show when a table is used; see `Study.table`.

    Notes
    -----
    The study file is described in ``docs/study-file.md``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "customers.csv").write_text("id,since\na,2024-01-05\nb,2024-02-01\n")
    ...     _ = Path(folder, "study.toml").write_text(
    ...         '[study]\nname = "Tiny"\nobserved_until = 2024-12-31\n'
    ...         '[[sources]]\ntable = "customers"\nfile = "customers.csv"\n'
    ...         'columns = { customer_id = "id", started_at = "since" }\n'
    ...     )
    ...     study = read_study(folder)
    ...     study.counts()
           table  rows  valid  rejected  left_out
    0  customers     2      2         0         0
    """
    file = parse_study_file(path)
    limits = _limits(
        file.limits.on_reject if on_reject is None else on_reject,
        file.limits.max_reject_share if max_reject_share is None else max_reject_share,
    )
    opened = open_study_file(file, frames or {})
    study = Study(
        opened,
        observed_until=file.observed_until,
        instruments=file.instruments,
        timezone=file.timezone,
        currency=file.currency,
        segments=opened.segments,
        name=file.name,
        limits=limits,
        revenue_ends=file.revenue_ends,
        after_cut=file.after_cut,
        codebook=None if file.codebook is None else file.codebook.codebook,
        targets=file.targets,
        kind=file.kind,
    )
    study.journey = file.journey
    return study


def _limits(on_reject: OnReject, max_reject_share: float) -> Limits:
    check_choice("on_reject", on_reject, ("refuse", "set_aside"))
    share = check_number("max_reject_share", max_reject_share, at_least=0)
    if share > 1:
        raise ArgumentError(f"max_reject_share is {share:g}", wanted="a share from 0 to 1")
    return Limits(on_reject=on_reject, max_reject_share=share)


def _one_mapping(tables: Mapping[str, Any] | None, frames: Mapping[str, Any]) -> dict[str, Any]:
    """Frames given as one mapping, by keyword, or both."""
    twice = set(tables or {}) & set(frames)
    if twice:
        raise ArgumentError(f"{listed(sorted(twice))} is given twice", wanted="each table once")
    return {**(tables or {}), **frames}


def _with_long_answers(tables: Mapping[str, Any], scores: Mapping[str, str]) -> dict[str, Any]:
    if "responses" not in tables:
        raise ArgumentError("scores are columns of responses, which are not given", wanted="responses=frame")
    return {**tables, "responses": long_answers(tables["responses"], scores)}


def _check_columns(tables: Mapping[str, Any]) -> None:
    for table in tables:
        if table not in TABLES:
            raise StudyError(
                f"table {shown(table)} is unknown",
                wanted=f"one of {listed(TABLES)}",
                next_step=did_you_mean(table, TABLES),
            )


def _chosen_segments(segments: Sequence[str] | None, opened: Opened) -> tuple[str, ...]:
    if segments is None:
        return opened.segments
    present = []
    if "customers" in opened.typed:
        present = opened.typed["customers"].collect_schema().names()
    for segment in segments:
        if segment not in present:
            raise StudyError(f"segment {shown(segment)} is not a column of customers")
    return tuple(segments)


def _detail(flag: str) -> str:
    if flag == "not_asked":
        return "cells left empty in a wide survey file"
    return "counted in the files as the study file declares them"


def _source(path: str, file: Path) -> Source:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Source(path=path, sha256=digest, bytes=file.stat().st_size)
