"""Cumulative incidences of the kinds of churn by group as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from cxresearch.churn.curves.churn_curve_result import time_text
from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.stats.hazards.logrank import LogRank
from cxresearch.stats.survival.aalen_johansen import CumulativeIncidence

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ChurnIncidence(Result):
    """Cumulative incidence of the kinds of churn by group.

    Attributes
    ----------
    groups : tuple of str, length g
        Labels; ``"all"`` where nothing was asked for.
    curves : tuple of CumulativeIncidence, length g
        Their incidences.
    gray : tuple of LogRank
        Gray's test for each kind, where there are two groups or more.
    by, axis, name, notes
        As in :class:`ChurnCurve`.
    unit : Unit
        Unit of time.
    level : float
        Confidence level of pointwise intervals.
    """

    groups: tuple[str, ...]
    curves: tuple[CumulativeIncidence, ...]
    gray: tuple[LogRank, ...]
    by: str
    axis: str
    unit: Unit
    level: float
    name: str = ""
    notes: tuple[str, ...] = ()
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Share lost by kind of churn, as far as enough are followed, with {level} intervals",
            columns=(
                Column(name="group", label="group", meaning="the group"),
                Column(name="kind", label="kind of churn", meaning="voluntary or involuntary"),
                Column(name="time", label="after", meaning="time, in the unit of the curves"),
                Column(name="at_risk", label="at risk", meaning="followed so long", unit=Unit.COUNT),
                Column(
                    name="incidence",
                    label="lost",
                    meaning="share lost in this way by then",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="note", label="note", meaning="where nobody is followed so long"),
            ),
        )
    }

    @property
    def table(self) -> pd.DataFrame:
        """Incidence of each kind in each group at the last time at which anybody left."""
        # No group is read beyond its own last step.
        last = min(float(curve.table["time"].max()) for curve in self.curves)
        return self.incidence_at([last])

    @property
    def finding(self) -> str:
        """How many are lost in which way, in a sentence."""
        parts = []
        for row in self.table.to_dict("records"):
            share = format_value(row["incidence"], Unit.SHARE)
            if len(self.groups) > 1:
                share += f" of {row['group']}"
            parts.append(f"{share} by {row['kind']} churn")
        when = time_text(float(self.table["time"].iloc[0]), self.unit)
        return f"Within {when} are lost: {', '.join(parts)}."

    def __getitem__(self, group: str) -> CumulativeIncidence:
        if group not in self.groups:
            raise ArgumentError(f"there is no group {group!r}", wanted="one of " + ", ".join(self.groups))
        return self.curves[self.groups.index(group)]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of churn, in the order of the curves' columns."""
        return self.curves[0].kinds

    @property
    def n(self) -> int:
        """People behind it."""
        return sum(curve.n for curve in self.curves)

    @property
    def steps(self) -> pd.DataFrame:
        """All steps: columns group, kind, time, at_risk, events, incidence, se, low, high."""
        parts = []
        for group, curve in zip(self.groups, self.curves, strict=True):
            part = curve.table
            part.insert(0, "group", group)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def incidence_at(self, times: ArrayLike) -> pd.DataFrame:
        """Incidence at chosen times: columns group, kind, time, at_risk, incidence, se, low, high, note."""
        parts = []
        for group, curve in zip(self.groups, self.curves, strict=True):
            part = curve.incidence_at(times)
            part.insert(0, "group", group)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def __str__(self) -> str:
        lines = [f"Cumulative incidence of churn, {self.unit} from the {self.axis}, n {self.n:,}"]
        for group, curve in zip(self.groups, self.curves, strict=True):
            lines.append(f"  {group}: {curve.finding.removeprefix('Cumulative incidence ')}")
        lines += [f"  {test.finding}" for test in self.gray]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__
