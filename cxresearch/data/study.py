"""A study: validated tables on an engine, the data cut, and what the instruments mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Any

import narwhals as nw

from cxresearch.checks import check_choice
from cxresearch.data.columns.open_columns import kinds_in_call
from cxresearch.data.local_time import offset_steps
from cxresearch.data.readers.native_frames import has_own_engine, open_native
from cxresearch.data.readers.open_frames import open_frames
from cxresearch.data.readers.source_files import Source, source_of
from cxresearch.data.readers.typed_views import Opened
from cxresearch.data.study_file.costs import Costs
from cxresearch.data.study_file.declarations import (
    AfterCut,
    DeclaredJourney,
    Limits,
    OnReject,
    RevenueEnds,
    StudyKind,
)
from cxresearch.data.study_file.instruments import check_scales
from cxresearch.data.study_file.parse_study_file import read_cut
from cxresearch.data.study_file.study_arguments import check_tables, limits_of, one_mapping, with_long_answers
from cxresearch.data.study_tables import StudyTables
from cxresearch.data.table_layouts import SNAPSHOT
from cxresearch.data.wide_answers import declared_scales
from cxresearch.errors import StudyError
from cxresearch.results.result import facts_html
from cxresearch.scales import Scale
from cxresearch.stats.text.codebook import Codebook
from cxresearch.wording import shown


class Study(StudyTables):
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
    costs : Costs or None
        What customers cost, where it is declared.
    instruments : mapping of str to Scale
        Scales by name of instrument.
    segments : tuple of str
        Segment columns of customers.
    outcomes : tuple of str
        Further columns of customers that state who left (status, churn label, reason): no segments.
    open_columns : mapping of str to mapping of str to str
        Further columns of each table and their kinds: group, number, text, id, outcome or time.
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
        costs: Costs | None = None,
        kind: StudyKind = "timeline",
    ) -> None:
        scales: Mapping[str, Scale] = MappingProxyType(dict(instruments))
        super().__init__(
            opened,
            observed_until=observed_until,
            instruments=scales,
            name=name,
            limits=limits,
            revenue_ends=revenue_ends,
            after_cut=after_cut,
            kind=kind,
        )
        self.timezone = timezone
        self.currency = currency
        self.instruments = scales
        self.segments = segments
        self.outcomes = tuple(name for name in opened.outcomes if name not in segments)
        self.codebook = codebook
        self.targets: Mapping[str, float] = MappingProxyType(dict(targets or {}))
        self.costs = costs
        self.journey: DeclaredJourney | None = None
        self._sources: tuple[Source, ...] | None = None

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
        kinds: Mapping[str, str] | None = None,
        costs: Costs | None = None,
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
        kinds : mapping of str to str, optional
            What further columns are: ``{"tickets.notes": "text"}``, one of group, number, text and id. By
            default that is read off types and values; see ``open_columns``.
        costs : Costs, optional
            What customers cost: ``cx.study.Costs(gross_margin=0.7, acquire=300)``.

        Raises
        ------
        ArgumentError
            If the time zone or a choice is unknown, or an instrument is no `Scale`.
        StudyError
            If a table or column is unknown, missing or of the wrong kind.

        Examples
        --------
        >>> import pandas as pd
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
        tables = one_mapping(tables, frames)
        instruments = declared_scales(instruments, scores)
        check_tables(tables)
        if scores:
            tables = with_long_answers(tables, scores)
        offset_steps(timezone)
        limits = limits_of(on_reject, max_reject_share)
        if revenue_ends is not None:
            check_choice("revenue_ends", revenue_ends, ("at_ended_at", "at_zero"))
        check_choice("after_cut", after_cut, ("reject", "leave_out"))
        check_scales(instruments)
        own_engine = bool(tables) and all(has_own_engine(native) for native in tables.values())
        if own_engine:
            opened = open_native(tables, timezone)
        else:
            opened = open_frames(tables, instruments, timezone)
        opened = replace(opened, kinds=kinds_in_call(kinds, opened.typed))
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
            costs=costs,
        )

    def with_tables(
        self, tables: Mapping[str, Any], *, name: str, observed_until: datetime | None = None
    ) -> Study:
        """Return a study of other rows under the same declarations: one segment, an earlier day.

        Parameters
        ----------
        tables : mapping of str to frame
            As in `from_frames`: what the study is to hold.
        name : str
            Says what was kept.
        observed_until : datetime, optional
            Naive UTC; by default the data cut of this study.
        """
        cut = observed_until or self.observed_until
        opened = type(self).from_frames(
            tables,
            observed_until=cut.replace(tzinfo=UTC),
            instruments=self.instruments,
            timezone=self.timezone,
            currency=self.currency,
            segments=[segment for segment in self.segments if "customers" in tables],
            name=name,
            on_reject=self.limits.on_reject,
            max_reject_share=self.limits.max_reject_share,
            revenue_ends=self.revenue_ends,
            targets=self.targets,
            costs=self.costs,
        )
        opened.codebook = self.codebook
        opened.journey = self.journey
        opened._opened = replace(opened._opened, kinds=self._opened.kinds)
        opened.kind = self.kind
        opened.sources = self.sources
        return opened

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
        >>> import pandas as pd
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
            limits=limits_of(on_reject, max_reject_share),
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
    def files(self) -> tuple[Path, ...]:
        """Files the study is read from, as found."""
        return tuple(file for _, file in self._opened.files)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Files the study was read from, with their hashes; computed when first asked for."""
        if self._sources is None:
            self._sources = tuple(source_of(path, file) for path, file in self._opened.files)
        return self._sources

    @sources.setter
    def sources(self, sources: tuple[Source, ...]) -> None:
        self._sources = sources


def _chosen_segments(segments: Sequence[str] | None, opened: Opened) -> tuple[str, ...]:
    if segments is None:
        declared = opened.kinds.get("customers", {})
        return tuple(name for name in opened.segments if declared.get(name, "group") == "group")
    present = []
    if "customers" in opened.typed:
        present = opened.typed["customers"].collect_schema().names()
    for segment in segments:
        if segment not in present:
            raise StudyError(f"segment {shown(segment)} is not a column of customers")
    return tuple(segments)
