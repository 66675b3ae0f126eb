"""Expected remaining lifetime, and how much of it is extrapolated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import as_numbers, check_level, check_number
from cxresearch.churn.curves.churn_curve import as_input
from cxresearch.churn.curves.churn_curve_result import ChurnCurve, small_group_note
from cxresearch.churn.curves.survival_sample import remaining_rows
from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.survival.kaplan_meier import survival_of
from cxresearch.stats.survival.parametric import FAMILIES, ParametricFit, fit_families
from cxresearch.stats.survival.risk_table import SurvivalRows, risk_table
from cxresearch.stats.survival.rmst import RestrictedMean, restricted_mean_of

if TYPE_CHECKING:
    from cxresearch.aliases import Floats


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ExpectedLifetime(Result):
    """Expected further time as a customer, within a horizon.

    Attributes
    ----------
    table : DataFrame
        One row for each group and time already stayed, columns

        - group, stayed, horizon (how far ahead is counted), n;
        - observed: expected time within the follow-up (area under the Kaplan-Meier curve) with low, high;
        - extrapolated: expected time beyond it, by the family with the best AIC; total; share_extrapolated;
        - total_low, total_high: limits of the observed part plus the least and the most that any family adds.
          They hold sampling error within the follow-up and disagreement of families beyond it, no more;
        - family, note.
    families : DataFrame
        One row for each group, stayed and family: columns group, stayed, family, aic, bic, extrapolated,
        total, note. Empty where nothing is extrapolated.
    by, kind : str
        As of the curves.
    unit : Unit
        Unit of time.
    level : float
        Confidence level of the observed part.
    notes : tuple of str
        What the reader must know.
    """

    table: pd.DataFrame
    families: pd.DataFrame
    by: str
    kind: str
    unit: Unit
    level: float
    notes: tuple[str, ...] = ()
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Expected further time as a customer, in {unit}",
            columns=(
                Column(name="group", label="group", meaning="the group"),
                Column(name="stayed", label="stayed", meaning="time already stayed", unit=Unit.NUMBER),
                Column(name="horizon", label="counted", meaning="how far ahead", unit=Unit.NUMBER),
                Column(name="n", label="customers", meaning="customers behind it"),
                Column(
                    name="total",
                    label="expected",
                    meaning="time observed and extrapolated",
                    low="total_low",
                    high="total_high",
                ),
                Column(
                    name="share_extrapolated",
                    label="extrapolated",
                    meaning="share of it that lies beyond the follow-up",
                    unit=Unit.SHARE,
                ),
                Column(name="family", label="family", meaning="that continues the curve"),
                Column(name="note", label="note", meaning="what to know of the group"),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """Which group stays longest from here on, and how much of that is extrapolated."""
        longest = self.table.iloc[int(self.table["total"].argmax())]
        total = format_estimate(longest["total"], longest["total_low"], longest["total_high"], self.unit)
        who = "Customers"
        if len(self.table) > 1:
            who = f"Customers of {longest['group']}"
        text = f"{who} stay {total} of the next {format_value(longest['horizon'], self.unit)}"
        if longest["extrapolated"] > 0:
            share = format_value(longest["share_extrapolated"], Unit.SHARE)
            return f"{text}; {share} of that is extrapolated."
        return f"{text}."

    def __str__(self) -> str:
        lines = ["Expected further time as a customer", *map(self._line, self.table.to_dict("records"))]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    def _line(self, row: dict[Any, Any]) -> str:
        who = str(row["group"])
        if row["stayed"]:
            who += f" after {format_value(row['stayed'], self.unit)}"
        total = format_estimate(row["total"], row["total_low"], row["total_high"], self.unit)
        text = f"  {who}: {total} of the next {format_value(row['horizon'], self.unit)}, n {row['n']:,}"
        if row["extrapolated"] > 0:
            share = format_value(row["share_extrapolated"], Unit.SHARE)
            text += f"; {share} extrapolated ({row['family']})"
        if row["note"]:
            text += f"; {row['note']}"
        return text

    __repr__ = __str__


_FAMILY_COLUMNS = ["group", "stayed", "family", "aic", "bic", "extrapolated", "total", "note"]


def expected_lifetime(
    source: Any,
    *,
    by: Any = None,
    kind: str | int = "any",
    unit: str = "days",
    stayed: Any = 0,
    horizon: float | None = None,
    families: Sequence[str] = FAMILIES,
    level: float = 0.95,
) -> ExpectedLifetime:
    """How long customers will stay from here on, on average, within a horizon.

    Within the follow-up it is the area under the Kaplan-Meier curve of those who have stayed so long. Beyond
    it, the curve is continued by a parametric family, joined where the follow-up ends, and the share that is
    extrapolated is part of the answer. Without ``horizon`` nothing is extrapolated.

    Parameters
    ----------
    source, by, kind, unit
        As in :func:`cxresearch.churn_curve`, or a ChurnCurve.
    stayed : float or array-like
        Time already stayed, in ``unit``; several give a row each.
    horizon : float, optional
        How far ahead to count, in ``unit``. By default to the end of each group's follow-up.
    families : sequence of str
        Families to try, among "weibull", "log-normal", "log-logistic" and "generalised gamma"; the best AIC
        is used. They are fitted by lifelines to all customers of the group from their start.
    level : float
        Confidence level of the observed part.

    Returns
    -------
    ExpectedLifetime

    Raises
    ------
    ArgumentError, DataError
        As for the curves; if nobody was followed beyond ``stayed``; if there are events at time 0, which no
        family can describe.

    Notes
    -----
    AIC compares how families fit where there are data. It cannot say which one is right beyond them; the
    range over families is the honest part of that answer.

    Examples
    --------
    >>> result = expected_lifetime(([3, 5, 5, 8, 12, 2, 4, 12], [1, 1, 0, 1, 0, 1, 0, 0]), unit="months")
    >>> print(result)
    Expected further time as a customer
      all: 7.8 [4.9, 10.7] months of the next 12.0 months, n 8; only 8 people
    """
    check_level(level)
    sample = as_input(source, by=by, kind=kind, unit=unit)
    since = as_numbers("stayed", np.atleast_1d(np.asarray(stayed)))
    if (since < 0).any():
        raise ArgumentError(f"stayed is {since.min():g}", wanted="0 or more")
    if horizon is not None:
        check_number("horizon", horizon, above=0)
    rows, tried = [], []
    for position, group in enumerate(sample.groups):
        people = sample.of_group(position)
        fits: tuple[ParametricFit, ...] = ()
        # Families are fitted only where something has to be extrapolated.
        if _reaches_beyond(people, since, horizon):
            fits = fit_families(people, tuple(families))
        for start in since:
            lifetime = _remaining_lifetime(people, float(start), horizon, fits)
            rows.append({"group": group, **lifetime.row(normal_quantile(level))})
            tried += [{"group": group, "stayed": float(start), **line} for line in lifetime.families]
    if isinstance(source, ChurnCurve):
        kind = source.kind
    return ExpectedLifetime(
        table=pd.DataFrame(rows),
        families=pd.DataFrame(tried, columns=_FAMILY_COLUMNS),
        by=sample.by,
        kind=str(kind),
        unit=sample.unit,
        level=level,
        notes=sample.notes,
    )


def _still_there(rows: SurvivalRows) -> float:
    """Survival at the end of the follow-up."""
    # The last value of the Kaplan-Meier curve.
    return float(survival_of(risk_table(rows))[-1])


def _reaches_beyond(people: SurvivalRows, since: Floats, horizon: float | None) -> bool:
    """Whether any of the horizons lies beyond the follow-up while somebody is still there."""
    if horizon is None:
        return False
    end = float(people.duration.max())
    return bool((since + horizon > end).any()) and _still_there(people) > 0


@dataclass(frozen=True, kw_only=True)
class _Lifetime:
    """Expected further time of a group that has stayed so long: seen, and by each family beyond.

    Attributes
    ----------
    stayed, ahead, within : float
        Time stayed; how far ahead is counted; how much of that lies within the follow-up.
    n : int
        Customers who stayed so long.
    observed : RestrictedMean
        Mean time within the follow-up.
    families : tuple of dict
        Family, aic, bic, extrapolated, total and note of each, best AIC first; empty if nobody is left to
        extrapolate.
    """

    stayed: float
    ahead: float
    within: float
    n: int
    observed: RestrictedMean
    families: tuple[dict[str, Any], ...]

    @property
    def usable(self) -> list[dict[str, Any]]:
        """Families with a finite area beyond the follow-up."""
        return [line for line in self.families if not np.isnan(line["extrapolated"])]

    @property
    def extrapolated(self) -> float:
        """Time beyond the follow-up by the family with the best AIC; NaN if none could be fitted."""
        if self.usable:
            return float(self.usable[0]["extrapolated"])
        if self.families:
            return float("nan")
        return 0.0

    @property
    def family(self) -> str:
        """The family with the best AIC; empty where nothing is extrapolated."""
        for line in self.usable:
            return str(line["family"])
        return ""

    @property
    def note(self) -> str:
        """What to know of the group."""
        notes = [small_group_note(self.n), self.observed.note]
        if self.families and not self.usable:
            notes.append("no family could be fitted, so nothing is said about the time beyond the follow-up")
        return "; ".join(note for note in notes if note)

    def row(self, z: float) -> dict[str, Any]:
        """Return the line of the table; limits of the observed part reach z standard errors either side."""
        # A mean time lies between 0 and the time counted.
        low = max(self.observed.value - z * self.observed.se, 0.0)
        high = min(self.observed.value + z * self.observed.se, self.within)
        areas = [line["extrapolated"] for line in self.usable] or [self.extrapolated]
        total = self.observed.value + self.extrapolated
        share = 0.0
        if total > 0:
            share = self.extrapolated / total
        return {
            "stayed": self.stayed,
            "horizon": self.ahead,
            "n": self.n,
            "observed": self.observed.value,
            "low": low,
            "high": high,
            "extrapolated": self.extrapolated,
            "total": total,
            "share_extrapolated": share,
            # Sampling error within the follow-up, disagreement of the families beyond it.
            "total_low": low + min(areas),
            "total_high": high + max(areas),
            "family": self.family,
            "note": self.note,
        }


def _remaining_lifetime(
    people: SurvivalRows, stayed: float, horizon: float | None, fits: tuple[ParametricFit, ...]
) -> _Lifetime:
    """Expected further time of those who stayed so long.

    Within the follow-up it is the restricted mean, the area under the Kaplan-Meier curve given `stayed`
    (Royston and Parmar 2013); beyond it the curve is continued by each family.
    """
    end = float(people.duration.max())
    if stayed >= end:
        raise ArgumentError(
            f"nobody was followed beyond {stayed:g}", wanted=f"stayed below {end:g}, the end of the follow-up"
        )
    rows = people
    if stayed > 0:
        rows = remaining_rows(people.take(np.flatnonzero(people.duration > stayed)), stayed)
    ahead = end - stayed
    if horizon is not None:
        ahead = float(horizon)
    # What is counted within the follow-up; the rest is extrapolated.
    within = min(ahead, end - stayed)
    observed = restricted_mean_of(rows, horizon=within)
    lines: list[dict[str, Any]] = []
    left = _still_there(rows)
    if ahead > within and left > 0:
        for fit in fits:
            beyond = _area_beyond(fit, left, end, stayed + ahead)
            lines.append(
                {
                    "family": fit.family,
                    "aic": fit.aic,
                    "bic": fit.bic,
                    "extrapolated": beyond,
                    "total": observed.value + beyond,
                    "note": fit.note,
                }
            )
    return _Lifetime(
        stayed=stayed, ahead=ahead, within=within, n=rows.n, observed=observed, families=tuple(lines)
    )


def _area_beyond(fit: ParametricFit, left: float, end: float, until: float) -> float:
    """Area under a family's curve from the end of the follow-up on, joined to the share still there then."""
    survival = float(fit.survival(np.array([end]))[0])
    if survival <= 0:
        return float("nan")
    # S(t) = S_KM(end) F(t) / F(end) for t > end, F the family's survival curve.
    return left * fit.area(end, until) / survival
