"""Whose a page is: study, segment, period, data cut and what leaving means, the same wherever it is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cxresearch.data.engine import collect
from cxresearch.data.table_layouts import LAYOUTS

if TYPE_CHECKING:
    from cxresearch.churn.churn_kinds import Kind
    from cxresearch.data.study import Study

ALL_CUSTOMERS = "all customers"
_NOT_COUNTED = "not counted here"
_WISH = {
    "any": "whatever the reason",
    "voluntary": "of their own accord",
    "involuntary": "against their will",
}


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Whose a page is; a page that opened no study has none.

    Attributes
    ----------
    study : str
        Name of the study.
    segment : str
        Whom of it the page is about, in words: ``"all customers"``, ``"plan pro"``.
    period : str
        Which days the figures are from.
    until : str
        Day of the data cut.
    leaving : str
        What leaving means, in a few words.
    """

    study: str
    segment: str
    period: str
    until: str
    leaving: str = _NOT_COUNTED

    @property
    def part(self) -> str:
        """The segment where the page is about one, else an empty text."""
        if self.segment == ALL_CUSTOMERS:
            return ""
        return self.segment

    def facts(self) -> list[tuple[str, str]]:
        """Return the five with their headings."""
        return [
            ("Study", self.study),
            ("Customers", self.segment),
            ("Period", self.period),
            ("Data until", self.until),
            ("Leaving", self.leaving),
        ]

    def line(self) -> str:
        """Return the five in one line, for titles, subjects and lists.

        Examples
        --------
        >>> Whose(study="Acme", segment="plan pro", period="2024-05", until="2024-06-30").line()
        'Acme, plan pro, 2024-05, data until 2024-06-30, leaving not counted here'
        """
        return ", ".join(
            (self.study, self.segment, self.period, f"data until {self.until}", f"leaving {self.leaving}")
        )

    def to_dict(self) -> dict[str, str]:
        """Return it as ``results.json`` holds it."""
        return asdict(self)


def whose_of(results: Mapping[str, Any]) -> Whose | None:
    """Return whose a run is by its results or its line in the list of runs; None where that is not told."""
    told = results.get("whose")
    if not isinstance(told, Mapping):
        return None
    fields = {name: str(told[name]) for name in Whose.__dataclass_fields__ if name in told}
    if len(fields) < len(Whose.__dataclass_fields__):
        return None
    return Whose(**fields)


def segment_in_words(segment: str) -> str:
    """Return a segment as a page names it.

    Examples
    --------
    >>> segment_in_words("plan_tier=pro"), segment_in_words("tickets.product=App"), segment_in_words("")
    ('plan tier pro', 'tickets product App', 'all customers')
    """
    if not segment:
        return ALL_CUSTOMERS
    column, _, value = segment.partition("=")
    return f"{column.replace('_', ' ').replace('.', ' ')} {value}"


def about_part(segment: str, text: str) -> str:
    """Return a sentence that says first of whom it speaks, where that is one segment.

    Examples
    --------
    >>> about_part("plan=pro", "NPS is +20."), about_part("", "NPS is +20.")
    ('Only plan pro: NPS is +20.', 'NPS is +20.')
    """
    if not segment:
        return text
    return f"Only {segment_in_words(segment)}: {text}"


def leaving_in_short(study: Study, *, dated: str, kind: Kind = "any") -> str:
    """Return what leaving means in a few words; `leaving_in_force` says it in full.

    Parameters
    ----------
    study : Study
    dated : {"", "end", "notice"}
        How the page dates leaving.
    kind : {"any", "voluntary", "involuntary"}
        What counts.
    """
    if getattr(study, "kind", "") == "snapshot":
        return "as flagged, without a day"
    if not dated or "customers" not in study.tables:
        return _NOT_COUNTED
    columns = study.checked.columns("customers")
    if "ended_at" not in columns:
        return "not recorded"
    day = "at the end"
    if dated == "notice" and "notice_at" in columns:
        day = "at notice, else at the end"
    if kind == "voluntary" and "end_kind" not in columns:
        return f"{day}, {_WISH['any']}"
    return f"{day}, {_WISH[kind]}"


def data_cut(study: Study) -> str:
    """Return the local day of the data cut; a snapshot has none."""
    if getattr(study, "kind", "") == "snapshot":
        return "a day that is not told"
    return f"{_local(study, study.observed_until):%Y-%m-%d}"


def days_of(study: Study, tables: tuple[str, ...]) -> str:
    """Return the days that the rows of some tables are from: the earliest, and the data cut.

    Customers began at any time: their table counts only where no other was read.
    """
    if getattr(study, "kind", "") == "snapshot":
        return "one day"
    dated = [name for name in tables if name != "customers"] or list(tables)
    firsts = [first for name in dated for first in _first_days(study, name)]
    if not firsts:
        return f"to {data_cut(study)}"
    return f"{_local(study, min(firsts)):%Y-%m-%d} to {data_cut(study)}"


def _first_days(study: Study, table: str) -> Iterator[datetime]:
    """Yield the earliest moment of the column that dates the rows of a table, where there is a row."""
    import narwhals as nw
    import pandas as pd

    layout = LAYOUTS.get(table)
    columns = study.checked.columns(table)
    times = [name for name, kind in layout.columns.items() if kind == "time"] if layout else []
    for column in [name for name in times if name in columns][:1]:
        first = collect(study.checked.valid(table).select(first=nw.col(column).min()))["first"].iloc[0]
        if not pd.isna(first):
            yield pd.Timestamp(first).to_pydatetime()


def _local(study: Study, moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(study.timezone))
