"""Churn curves by group as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import as_numbers
from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.survival.conditional_survival import (
    conditional_survival,
    falls_figures,
    falls_words,
    steep_falls,
)
from cxresearch.stats.survival.survival_curve import KaplanMeier

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Groups smaller than this are flagged: their curve moves with every single customer.
SMALL_GROUP = 30


def small_group_note(n: int) -> str:
    """What to say about a group of ``n`` people."""
    if n < SMALL_GROUP:
        return f"only {n} people"
    return ""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ChurnCurve(Result):
    """Survival curves of customers by group.

    Attributes
    ----------
    groups : tuple of str, length g
        Labels; one group called ``"all"`` where nothing was asked for.
    curves : tuple of KaplanMeier, length g
        Their curves.
    by : str
        What the groups are: ``"segment"``. Empty for one group.
    kind : str
        What counts as churn: ``"any"``, ``"voluntary"``, ``"involuntary"`` or the event code.
    axis : str
        Where time counts from: ``"start of the relationship"``, ``"landmark"`` ...
    given : float
        Time already stayed; curves are conditional on it and time counts from there.
    unit : Unit
        Unit of time.
    level : float
        Confidence level of pointwise intervals.
    name : str
        Name of the study.
    notes : tuple of str
        What the reader must know.
    data : object
        Checked input behind the curves, for comparisons; not part of displays or ``to_dict``.
    """

    groups: tuple[str, ...]
    curves: tuple[KaplanMeier, ...]
    by: str
    kind: str
    axis: str
    given: float
    unit: Unit
    level: float
    name: str = ""
    notes: tuple[str, ...] = ()
    data: Any = field(default=None, repr=False)
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Time by which half have left, in {unit}, with {level} intervals",
            columns=(
                Column(name="group", label="group", meaning="the group"),
                Column(name="n", label="customers", meaning="customers behind the curve"),
                Column(name="events", label="left", meaning="ends seen", unit=Unit.COUNT),
                Column(name="median", label="median", meaning="half have left", low="low", high="high"),
                Column(name="follow_up", label="followed for up to", meaning="longest time seen"),
                Column(name="note", label="note", meaning="what to know of the group"),
            ),
        ),
        "survival_at": TableSpec(
            title="Share still there after so many {unit}, with {level} intervals",
            columns=(
                Column(name="group", label="group", meaning="the group"),
                Column(name="time", label="time", meaning="time stayed", unit=Unit.NUMBER),
                Column(name="at_risk", label="at risk", meaning="followed so long", unit=Unit.COUNT),
                Column(
                    name="survival",
                    label="still there",
                    meaning="share still there",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="note", label="note", meaning="where nobody is followed so long"),
            ),
        ),
        "conditional": TableSpec(
            title="Chance to stay longer, by {unit} already stayed; {level} intervals",
            columns=(
                Column(name="stayed", label="stayed", meaning="time already stayed", unit=Unit.NUMBER),
                Column(name="at_risk", label="customers", meaning="followed so long", unit=Unit.COUNT),
                Column(
                    name="survival",
                    label="stay longer",
                    meaning="chance to stay ``further`` longer",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
            ),
        ),
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of ``summary``, `survival_at` or `conditional`, with the unit of time."""
        spec = super().spec(name)
        if name == "summary":
            return spec.change("median", unit=self.unit).change("follow_up", unit=self.unit)
        column = {"survival_at": "time", "conditional": "stayed"}.get(name)
        if column is None:
            return spec
        label = {"time": str(self.unit), "stayed": f"{self.unit} stayed"}[column]
        return spec.relabel(**{column: label})

    def __getitem__(self, group: str) -> KaplanMeier:
        if group not in self.groups:
            raise ArgumentError(f"there is no group {group!r}", wanted="one of " + ", ".join(self.groups))
        return self.curves[self.groups.index(group)]

    @property
    def n(self) -> int:
        """People behind all curves."""
        return sum(curve.n for curve in self.curves)

    def shares_at(self, time: float) -> tuple[Estimate, ...]:
        """Share of each group still there at one time; ``note`` says where too few are followed so long."""
        shares = []
        for group, curve in zip(self.groups, self.curves, strict=True):
            name = f"{group}, still there after {time:g} {self.unit}"
            if len(self.groups) == 1:
                name = ""
            share = curve.share_at(time, name=name)
            if not share.note and time > curve.readable_until:
                share = replace(share, note="too few are followed so long")
            shares.append(share)
        return tuple(shares)

    @property
    def finding(self) -> str:
        """The answer in a few sentences, at the last whole unit of time at which enough are followed."""
        # The earliest of the last times at which enough of every group are followed.
        return self.finding_at(max(min(np.floor(curve.readable_until) for curve in self.curves), 1.0))

    def finding_at(self, time: float) -> str:
        """Say how many are still there at a time, when half have left, and where the curve falls steeply.

        Parameters
        ----------
        time : float
            In ``unit``. Where fewer than 30 of a group (a tenth of a smaller one) are followed so long, its
            share is given at the last time at which enough are.

        Returns
        -------
        str
            Every share with its interval and the number of customers behind the curve.
        """
        if len(self.curves) == 1:
            curve = self.curves[0]
            parts = [self._sentence("customers", curve, time), falls_words(curve, steep_falls(curve))]
            return " ".join(part for part in parts if part)
        return " ".join(
            self._sentence(f"customers of {group}", curve, time)
            for group, curve in zip(self.groups, self.curves, strict=True)
        )

    @property
    def falls(self) -> str:
        """How many leave in the months in which the curve falls steeply; empty for several groups."""
        if len(self.curves) > 1:
            return ""
        return falls_figures(self.curves[0], steep_falls(self.curves[0]))

    def _sentence(self, who: str, curve: KaplanMeier, time: float) -> str:
        # Shares are told no later than enough are followed.
        at = min(float(time), curve.readable_until)
        share = curve.share_at(at)
        behind = f"n {curve.n:,}"
        if np.isfinite(share.low):
            low, high = (format_value(end, Unit.SHARE) for end in (share.low, share.high))
            behind = f"{100 * self.level:g} % interval {low} to {high}, {behind}"
        figure = format_value(share.value, Unit.SHARE)
        text = f"{figure} of {who} are still there after {time_text(at, self.unit)}"
        median = curve.median
        if median.value <= curve.readable_until:
            half = format_estimate(median.value, median.low, median.high, self.unit)
            return f"{text} ({behind}); half have left after {half}."
        return f"{text} ({behind})."

    @property
    def steps(self) -> pd.DataFrame:
        """All steps: columns group, time, at_risk, events, censored, survival, se, low, high."""
        parts = [
            curve.table.assign(group=group) for group, curve in zip(self.groups, self.curves, strict=True)
        ]
        # One frame for all groups, the group first.
        table = pd.concat(parts, ignore_index=True)
        return table[["group", *parts[0].columns.drop("group")]]

    @property
    def table(self) -> pd.DataFrame:
        """One row a group: columns group, n, events, median, low, high, follow_up, note."""
        rows = []
        for group, curve in zip(self.groups, self.curves, strict=True):
            median = curve.median
            notes = [part for part in (median.note, small_group_note(curve.n)) if part]
            rows.append(
                {
                    "group": group,
                    "n": curve.n,
                    "events": curve.n_events,
                    "median": median.value,
                    "low": median.low,
                    "high": median.high,
                    "follow_up": curve.follow_up,
                    "note": "; ".join(notes),
                }
            )
        return pd.DataFrame(rows)

    def survival_at(self, times: ArrayLike) -> pd.DataFrame:
        """Survival of each group at chosen times.

        Parameters
        ----------
        times : array-like, shape (m,)
            In ``unit``.

        Returns
        -------
        DataFrame
            Columns group, time, at_risk, survival, se, low, high, note. NaN beyond a group's follow-up, and
            ``note`` says so.
        """
        parts = []
        for group, curve in zip(self.groups, self.curves, strict=True):
            part = curve.survival_at(times)
            part.insert(0, "group", group)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def quantiles(self, p: ArrayLike = (0.25, 0.5, 0.75)) -> pd.DataFrame:
        """Times by which shares of each group have left: columns group, p, time, low, high, note."""
        rows = []
        for group, curve in zip(self.groups, self.curves, strict=True):
            for share in np.atleast_1d(np.asarray(p, dtype=float)):
                time = curve.quantile(float(share))
                rows.append((group, float(share), time.value, time.low, time.high, time.note))
        return pd.DataFrame(rows, columns=["group", "p", "time", "low", "high", "note"])

    def conditional(self, stayed: ArrayLike, further: float) -> pd.DataFrame:
        """Chance to stay ``further`` longer, for those who have stayed so long already.

        Parameters
        ----------
        stayed : array-like, shape (m,)
            Times already stayed, in ``unit``.
        further : float
            How much longer, above 0.

        Returns
        -------
        DataFrame
            Columns group, stayed, further, at_risk (just after ``stayed``), survival, se, low, high, note:
            S(stayed + further) / S(stayed), with Greenwood's variance of the steps between and log-log
            limits. NaN beyond the follow-up and where nobody is left. With weights or clusters se and limits
            are NaN: ask ``churn_curve(..., given=)`` for them.
        """
        # S(stayed + further) / S(stayed).
        since = as_numbers("stayed", np.atleast_1d(np.asarray(stayed)))
        if (since < 0).any() or not further > 0:
            raise ArgumentError(
                "stayed is negative or further not above 0", wanted="times from 0, and above 0"
            )
        parts = []
        for group, curve in zip(self.groups, self.curves, strict=True):
            part = conditional_survival(curve, since, float(further))
            part.insert(0, "group", group)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Return table and steps as plain values, without rows of customers."""
        return {
            "name": self.name,
            "by": self.by,
            "kind": self.kind,
            "axis": self.axis,
            "given": self.given,
            "unit": str(self.unit),
            "level": self.level,
            "notes": list(self.notes),
            "table": as_plain(self.table),
            "steps": as_plain(self.steps),
        }

    def __str__(self) -> str:
        head = "Churn curve"
        if self.kind != "any":
            head += f" ({self.kind})"
        head += f", {self.unit} from the {self.axis}"
        if self.given:
            head += f" given {self.given:g} {self.unit} already"
        lines = [f"{head}, n {self.n:,}"]
        for row in self.table.to_dict("records"):
            line = f"  {row['group']}: {self._median(row)}, n {row['n']:,}, churned {row['events']:,.6g}"
            if row["note"]:
                line += f"; {row['note'].removeprefix('not reached: ')}"
            lines.append(line)
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    def _median(self, row: dict[Any, Any]) -> str:
        if np.isnan(row["median"]):
            return "median not reached"
        return f"median {format_estimate(row['median'], row['low'], row['high'], self.unit)}"

    __repr__ = __str__


def time_text(value: float, unit: Unit) -> str:
    """Write a time of a curve: three digits, or whole units from 100 on."""
    if value >= 100:
        return f"{value:,.0f} {unit}"
    return f"{value:.3g} {unit}"
