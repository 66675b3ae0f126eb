"""What the file of a vendor says of its exports: headers, columns, zone, units, statuses, rows that count."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

#: Rooms of the files, in the order in which documentation lists them.
ROOMS = ("survey_tools", "support_desks", "billing", "product_analytics")


@dataclass(frozen=True, kw_only=True)
class ExportColumn:
    """Where an export has one column of a table.

    Attributes
    ----------
    names : tuple of str
        Headers, the best first: variants of one column, or columns that serve in its place.
    constant : str
        The same value for every row, where the export has no column of it.
    options : mapping of str to object
        Keys of the study file, such as ``values``, ``multiply``, ``per_column``, ``plus``.
    """

    names: tuple[str, ...] = ()
    constant: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SecondTable:
    """A further table that the rows of an export feed, such as the answers in a list of tickets.

    Attributes
    ----------
    table : str
        The table.
    when : str
        Header that must be there for it.
    columns : mapping of str to ExportColumn
        By column of the table.
    where : mapping of str to object
        Which rows it takes.
    """

    table: str
    when: str
    columns: Mapping[str, ExportColumn]
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Export:
    """One kind of file that a vendor hands out.

    Attributes
    ----------
    vendor, name : str
        As people call them.
    table : str
        What it feeds; empty for an export that is left out.
    headers : tuple of str
        Its headers, by which it is recognised together.
    share : float
        Share of them that a file must have, 0 to 1.
    prefix : str
        What may stand before each header.
    first : str
        The header that must come first, for exports with few headers of their own.
    questions : bool
        Whether further headers must be questions, for the same.
    zone, ask_zone : str
        Zone of times without an offset, or why it must be asked.
    rows, ends, ends_note : str
        See the study file; the note says why ends are as they are.
    unique : str
        Header that tells rows apart.
    one_row_each : str
        Header that may not repeat: else the file is a history.
    scores : bool
        Whether further columns are questions of a survey.
    missing : tuple of str
        Texts that stand for no value.
    where, optional_where : mapping of str to object
        Which rows count; the second only where the column is there.
    instruments : mapping of str to object
        Scales of questions that the vendor fixes.
    columns : mapping of str to ExportColumn
        By column of the table.
    further : mapping of str to str
        Further columns of customers: segment to header.
    meta : tuple of str
        Headers that are no questions.
    also : tuple of SecondTable
        Further tables that the same rows feed.
    note : str
        What its owner should know.
    ask : tuple of str
        What must be asked.
    expect : mapping of str to list of str
        Values of columns outside of which the reading would be wrong.
    left_out : str
        Why it is left out, and what to do.
    """

    vendor: str
    name: str
    headers: tuple[str, ...]
    table: str = ""
    share: float = 0.6
    prefix: str = ""
    first: str = ""
    questions: bool = False
    zone: str = ""
    ask_zone: str = ""
    rows: str = ""
    ends: str = ""
    ends_note: str = ""
    unique: str = ""
    one_row_each: str = ""
    scores: bool = False
    missing: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    optional_where: Mapping[str, Any] = field(default_factory=dict)
    instruments: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, ExportColumn] = field(default_factory=dict)
    further: Mapping[str, str] = field(default_factory=dict)
    meta: tuple[str, ...] = ()
    also: tuple[SecondTable, ...] = ()
    note: str = ""
    ask: tuple[str, ...] = ()
    expect: Mapping[str, list[str]] = field(default_factory=dict)
    left_out: str = ""


@cache
def vendor_exports() -> tuple[Export, ...]:
    """Return every export of every vendor, by room and vendor.

    Examples
    --------
    >>> sorted({export.vendor for export in vendor_exports()})[:3]
    ['Amplitude', 'Baremetrics', 'Chargebee']
    """
    return tuple(export for file in _files() for export in _exports(file))


def _files() -> Iterator[Traversable]:
    for room in ROOMS:
        folder = resources.files("cxresearch.data.formats").joinpath(room)
        yield from sorted(
            (file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name
        )


def _exports(file: Traversable) -> Iterator[Export]:
    said = tomllib.loads(file.read_text("utf-8"))
    for entry in said["exports"]:
        # Keys of the file are names of the attributes, so that a mistyped one fails in a test.
        plain = {key: _frozen(value) for key, value in entry.items() if key not in ("columns", "also")}
        also = tuple(_second_table(second) for second in entry.get("also", ()))
        yield Export(vendor=said["vendor"], columns=_columns(entry), also=also, **plain)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return value


def _second_table(entry: Mapping[str, Any]) -> SecondTable:
    return SecondTable(
        table=entry["table"], when=entry["when"], columns=_columns(entry), where=entry.get("where", {})
    )


def _columns(entry: Mapping[str, Any]) -> dict[str, ExportColumn]:
    return {target: _column(value) for target, value in entry.get("columns", {}).items()}


def _column(value: Any) -> ExportColumn:
    if isinstance(value, str):
        return ExportColumn(names=(value,))
    if isinstance(value, list):
        return ExportColumn(names=tuple(value))
    options = {key: option for key, option in value.items() if key not in ("names", "constant")}
    return ExportColumn(
        names=tuple(value.get("names", ())), constant=value.get("constant", ""), options=options
    )
