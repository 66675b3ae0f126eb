"""Columns of a source: which raw column feeds which, and how its cells are read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from cxresearch.data.columns.open_columns import OPEN_KINDS
from cxresearch.data.local_time import offset_steps
from cxresearch.data.readers.cells.number_sql import check_interval
from cxresearch.data.readers.cells.time_sql import UNIT_SECONDS, minutes_of
from cxresearch.data.study_file.declarations import ColumnMap
from cxresearch.data.study_file.toml_section import Keys
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.wording import listed, shown

READING_KEYS = ("date_format", "timezone", "zones", "missing", "decimal", "thousands")
_COLUMN_KEYS = (
    *("column", "constant", "values", "bins", "multiply", "per", "per_column", "times", "number", "outcome"),
    *("row_number", "plus", "plus_unit", "kind"),
    *READING_KEYS,
)
_EPOCHS = ("epoch_seconds", "epoch_milliseconds", "excel_days")
_THOUSANDS = ("", ",", ".", " ", "'")


def reading_of(keys: Keys, defaults: ColumnMap) -> ColumnMap:
    """Return how cells are read: the defaults, but for what the keys say of times, gaps and numbers."""
    zone = keys.text("timezone", default=defaults.timezone)
    try:
        offset_steps(zone)
    except ArgumentError as error:
        raise StudyError(error.problem, where=keys.where, wanted=error.wanted) from None
    formats = keys.texts("date_format", default=defaults.date_format)
    for one in formats:
        if one not in _EPOCHS and "%" not in one:
            raise StudyError(
                f"date_format is {shown(one)}",
                where=keys.where,
                wanted=f"a format such as '%d/%m/%Y' or '%Y-%m-%d %H:%M', or one of {listed(_EPOCHS)}",
            )
    # Two formats that differ in the order of day and month alone: 03/04 fits both, and the first would win.
    orders = [re.sub("%[dm]", "%?", one) for one in formats]
    if len(set(orders)) < len(set(formats)):
        raise StudyError(
            f"date_format lists the day first and the month first: {listed(formats)}",
            where=keys.where,
            wanted="one of the two: 03/04/2024 fits both",
        )
    if len(formats) > 1 and any(one in _EPOCHS for one in formats):
        raise StudyError(f"{listed(_EPOCHS)} stand alone", where=keys.where, wanted="one date_format")
    decimal = keys.choice("decimal", (".", ","), default=defaults.decimal)
    thousands = keys.choice("thousands", _THOUSANDS, default=defaults.thousands)
    # "1,234" is either 1234 or 1.234: one mark cannot say both.
    if thousands == decimal:
        raise StudyError(
            f"{shown(decimal)} cannot be both decimal mark and thousands mark",
            where=keys.where,
            next_step="declare both decimal and thousands",
        )
    return replace(
        defaults,
        timezone=zone,
        date_format=formats,
        zones=_zones(keys) if "zones" in keys else defaults.zones,
        missing=keys.texts("missing", default=defaults.missing),
        decimal=decimal,
        thousands=thousands,
    )


def _zones(keys: Keys) -> dict[str, str]:
    """What abbreviations of zones mean, each an offset or an IANA name."""
    zones = {}
    section = keys.table("zones")
    for name in section:
        zone = section.text(name)
        if minutes_of(zone) is None:
            try:
                offset_steps(zone)
            except ArgumentError as error:
                raise StudyError(
                    error.problem, where=section.where, wanted=f"{error.wanted}, or '+01:00'"
                ) from None
        # CST is a time in Chicago, in Havana and in Shanghai: an abbreviation means what is declared.
        zones[name.upper()] = zone
    return zones


def column_of(mapped: Keys, target: str, defaults: ColumnMap) -> ColumnMap:
    """Return the map of one column: a name, or a section with a column, a constant or the row number."""
    value = mapped.value(target)
    if isinstance(value, str):
        return replace(defaults, column=value)
    if not isinstance(value, dict):
        raise StudyError(
            f"column {target!r} is {shown(value)}",
            where=mapped.where,
            wanted="the name of a raw column, or { column = ..., ... } or { constant = ... }",
        )
    own = mapped.table(target)
    own.only(_COLUMN_KEYS)
    given = [key for key in ("column", "constant", "row_number") if key in own]
    if len(given) != 1:
        raise StudyError("exactly one of 'column', 'constant' and 'row_number' is needed", where=own.where)
    bins = own.numbers("bins")
    # k rising edges cut a line into k + 1 answers, in their order.
    if list(bins) != sorted(set(bins)):
        raise StudyError("bins do not rise", where=own.where, wanted="edges in rising order, each once")
    constant = own.value("constant")
    kind = own.choice("kind", ("", *OPEN_KINDS), default="")
    return replace(
        reading_of(own, defaults),
        column=own.text("column", default=""),
        constant=None if constant is None else _plain(constant),
        values=_values(own),
        bins=bins,
        multiply=own.number("multiply", default=1.0) if "multiply" in own else None,
        per=check_interval(own.text("per", default=""), own.where),
        per_column=own.text("per_column", default=""),
        times=own.text("times", default=""),
        plus=own.text("plus", default=""),
        plus_unit=own.choice("plus_unit", ("", *UNIT_SECONDS), default=""),
        number=own.truth("number") or kind == "number",
        kind=kind,
        outcome=own.truth("outcome"),
        row_number=own.truth("row_number"),
    )


def _values(own: Keys) -> dict[str, str]:
    value_map = own.value("values") or {}
    if not isinstance(value_map, dict) or any(isinstance(new, (dict, list)) for new in value_map.values()):
        raise StudyError("values is not a map", where=own.where, wanted="{ 'raw value' = 'value', ... }")
    return {str(raw): _plain(new) for raw, new in value_map.items()}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)
