"""Expected remaining lifetime, and how much of it is extrapolated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import as_numbers, check_level, check_number
from cxresearch.churn.curves.churn_curve import as_input
from cxresearch.churn.curves.churn_curve_result import ChurnCurve, small_group_note
from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.survival.kaplan_meier import survival_of
from cxresearch.stats.survival.parametric import FAMILIES, ParametricFit, fit_families
from cxresearch.stats.survival.risk_table import SurvivalRows, risk_table
from cxresearch.stats.survival.rmst import restricted_mean_of

if TYPE_CHECKING:
    import pandas as pd


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
        One row for each group, stayed and family: columns group, stayed, family, aic, extrapolated, total,
        note. Empty where nothing is extrapolated.
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
        who = "Customers" if longest["group"] == "all" else f"Customers of {longest['group']}"
        text = f"{who} stay {total} of the next {format_value(longest['horizon'], self.unit)}"
        if longest["extrapolated"] > 0:
            share = format_value(longest["share_extrapolated"], Unit.SHARE)
            return f"{text}; {share} of that is extrapolated."
        return f"{text}."

    def __str__(self) -> str:
        lines = ["Expected further time as a customer"]
        for row in self.table.to_dict("records"):
            since = f" after {format_value(row['stayed'], self.unit)}" if row["stayed"] else ""
            total = format_estimate(row["total"], row["total_low"], row["total_high"], self.unit)
            text = (
                f"  {row['group']}{since}: {total} of the next "
                f"{format_value(row['horizon'], self.unit)}, n {row['n']:,}"
            )
            if row["extrapolated"] > 0:
                share = format_value(row["share_extrapolated"], Unit.SHARE)
                text += f"; {share} extrapolated ({row['family']})"
            lines.append(f"{text}; {row['note']}" if row["note"] else text)
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__


_FAMILY_COLUMNS = ["group", "stayed", "family", "aic", "extrapolated", "total", "note"]


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
    z = normal_quantile(level)
    rows, tried = [], []
    for position, group in enumerate(sample.groups):
        part = sample.of_group(position)
        end = float(part.duration.max())
        needed = horizon is not None and (since + horizon > end).any() and _still_there(part) > 0
        fits = fit_families(part, tuple(families)) if needed else ()
        for start in since:
            row, compared = _one(part, float(start), horizon, fits, z)
            rows.append({"group": group, **row})
            tried += [{"group": group, "stayed": float(start), **one} for one in compared]
    existing = source if isinstance(source, ChurnCurve) else None
    return ExpectedLifetime(
        table=pd.DataFrame(rows),
        families=pd.DataFrame(tried, columns=_FAMILY_COLUMNS),
        by=sample.by,
        kind=str(kind) if existing is None else existing.kind,
        unit=sample.unit,
        level=level,
        notes=sample.notes,
    )


def _still_there(rows: SurvivalRows) -> float:
    """Survival at the end of the follow-up."""
    return float(survival_of(risk_table(rows))[-1])


def _one(
    part: SurvivalRows,
    stayed: float,
    horizon: float | None,
    fits: tuple[ParametricFit, ...],
    z: float,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    end = float(part.duration.max())
    if stayed >= end:
        raise ArgumentError(
            f"nobody was followed beyond {stayed:g}", wanted=f"stayed below {end:g}, the end of the follow-up"
        )
    rows = part if stayed == 0 else part.take(np.flatnonzero(part.duration > stayed))
    entry = None if rows.entry is None else np.maximum(rows.entry - stayed, 0.0)
    rows = replace(rows, duration=rows.duration - stayed, entry=entry)
    ahead = end - stayed if horizon is None else float(horizon)
    within = min(ahead, end - stayed)
    mean = restricted_mean_of(rows, horizon=within)
    left = _still_there(rows) if ahead > within else 0.0
    compared: list[dict[str, Any]] = []
    for fit in fits if left > 0 else ():
        there = float(fit.survival(np.array([end]))[0])
        beyond = left * fit.area(end, stayed + ahead) / there if there > 0 else float("nan")
        compared.append(
            {
                "family": fit.family,
                "aic": fit.aic,
                "extrapolated": beyond,
                "total": mean.value + beyond,
                "note": fit.note,
            }
        )
    known = [one["extrapolated"] for one in compared if not np.isnan(one["extrapolated"])]
    best = next((one for one in compared if not np.isnan(one["extrapolated"])), None)
    extrapolated = best["extrapolated"] if best else (0.0 if left == 0 else float("nan"))
    low, high = max(mean.value - z * mean.se, 0.0), min(mean.value + z * mean.se, within)
    notes = [small_group_note(rows.n), mean.note]
    if compared and best is None:
        notes.append("no family could be fitted, so nothing is said about the time beyond the follow-up")
    total = mean.value + extrapolated
    return {
        "stayed": stayed,
        "horizon": ahead,
        "n": rows.n,
        "observed": mean.value,
        "low": low,
        "high": high,
        "extrapolated": extrapolated,
        "total": total,
        "share_extrapolated": extrapolated / total if total > 0 else 0.0,
        "total_low": low + min(known, default=extrapolated),
        "total_high": high + max(known, default=extrapolated),
        "family": best["family"] if best else "",
        "note": "; ".join(note for note in notes if note),
    }, compared
