"""Checked survival rows by group, in a unit of time, counted from a time that was stayed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.units import Unit
from cxresearch.stats.survival.risk_table import SurvivalRows

if TYPE_CHECKING:
    from cxresearch.aliases import Ints


@dataclass(frozen=True, kw_only=True)
class SurvivalInput:
    """Checked rows with their groups.

    Attributes
    ----------
    rows : SurvivalRows
        Event codes 0 censored, 1 voluntary, 2 involuntary; for arrays and frames those given.
    group : ndarray of int, shape (n,)
        Position of each row's label in ``groups``.
    groups : tuple of str
        Labels.
    strata : ndarray of int, shape (n,), or None
        Stratum codes.
    unit : Unit
        Unit of time.
    by, axis, name : str
        For titles.
    kinds : dict of int to str
        Names of the event codes that can occur.
    notes : tuple of str
        What the reader must know.
    """

    rows: SurvivalRows
    group: Ints
    groups: tuple[str, ...]
    strata: Ints | None
    unit: Unit
    by: str
    axis: str
    name: str
    kinds: dict[int, str]
    notes: tuple[str, ...] = ()

    def of_group(self, position: int) -> SurvivalRows:
        """Rows of one group."""
        if len(self.groups) == 1:
            return self.rows
        return self.rows.take(np.flatnonzero(self.group == position))

    def of_kind(self, kind: str | int) -> SurvivalInput:
        """Return the input with one kind of event as the event, all others as censoring."""
        if kind == "any":
            # Whoever left, whichever way.
            event = (self.rows.event > 0).astype(np.int64)
        else:
            names = {name: code for code, name in self.kinds.items()}
            code = kind if isinstance(kind, int) else names.get(kind)
            if code is None or code < 1:
                raise ArgumentError(
                    f"kind is {kind!r}", wanted="one of 'any', " + ", ".join(map(repr, names))
                )
            # One kind is the event, all others are censoring.
            event = (self.rows.event == code).astype(np.int64)
        return replace(self, rows=replace(self.rows, event=event))


def in_unit(sample: SurvivalInput, days_a_unit: float, unit: Unit) -> SurvivalInput:
    """Turn times in days into times in the unit; a unit of one day leaves them as they are."""
    if days_a_unit == 1.0:
        return replace(sample, unit=unit)
    rows = replace(sample.rows, duration=sample.rows.duration / days_a_unit)
    if rows.entry is not None:
        rows = replace(rows, entry=rows.entry / days_a_unit)
    return replace(sample, unit=unit, rows=rows)


def conditional_on(sample: SurvivalInput, given: float) -> SurvivalInput:
    """Keep those who stayed beyond ``given`` and count from there."""
    if given == 0:
        return sample
    # S(t | T > given) = S(t) / S(given): left truncation at the time already stayed.
    longer = np.flatnonzero(sample.rows.duration > given)
    if not longer.size:
        raise DataError(
            f"nobody was followed beyond {given:g} {sample.unit}",
            next_step=f"choose a time below {sample.rows.duration.max():g}",
        )
    rows = remaining_rows(sample.rows.take(longer), given)
    strata = sample.strata
    if strata is not None:
        strata = strata[longer]
    note = f"among those who stayed {given:g} {sample.unit}; time counts from there"
    return replace(sample, rows=rows, group=sample.group[longer], strata=strata, notes=(*sample.notes, note))


def remaining_rows(rows: SurvivalRows, stayed: float) -> SurvivalRows:
    """Return rows that all stayed beyond a time, with time counted from there."""
    entry = rows.entry
    if entry is not None:
        entry = np.maximum(entry - stayed, 0.0)
        if not (entry > 0).any():
            entry = None
    return replace(rows, duration=rows.duration - stayed, entry=entry)
