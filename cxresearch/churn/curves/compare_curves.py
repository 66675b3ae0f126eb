"""Whether curves differ, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.churn.curves.churn_curve import as_input
from cxresearch.churn.curves.churn_curve_result import ChurnCurve, small_group_note
from cxresearch.churn.curves.curve_differences import (
    FEW_EVENTS,
    few_event_errors,
    mean_difference,
    survival_difference,
)
from cxresearch.churn.curves.survival_sample import SurvivalInput
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.contrast import Contrast
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_p_value, format_value
from cxresearch.stats.hazards.logrank import LogRank, logrank_of, robust_logrank_of
from cxresearch.stats.intervals.many_tests import corrected
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.survival.risk_table import SurvivalRows
from cxresearch.stats.survival.rmst import restricted_mean_of

if TYPE_CHECKING:
    import pandas as pd


#: Corrections over pairs by their names in statsmodels, and in words.
_CORRECTIONS = {"holm": "Holm", "fdr_bh": "Benjamini-Hochberg"}


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CurveComparison(Result):
    """All pairs of survival curves.

    Attributes
    ----------
    table : DataFrame
        One row a pair, columns

        - first, second, n_first, n_second;
        - rmst_first, rmst_second: mean time kept within ``horizon``; rmst_difference (first minus second)
          with rmst_low, rmst_high, rmst_se, rmst_p, rmst_p_adjusted; rmst_ratio with ratio_low, ratio_high,
          ratio_p;
        - at, survival_difference (first minus second, at time ``at``) with survival_low, survival_high,
          survival_se, survival_p, survival_p_adjusted; NaN where ``at`` lies beyond a follow-up;
        - logrank_statistic, logrank_p, logrank_p_adjusted;
        - note.
    overall : LogRank
        Test over all groups at once.
    horizon, at : float
        Times of the restricted means and of the difference in survival, in ``unit``.
    level : float
        Confidence level of single intervals.
    adjustment : str
        ``"Holm over 3 pairs"`` or ``"Benjamini-Hochberg over 3 pairs"``; each difference is a family of its
        own.
    by, kind, axis : str
        As of the curves.
    unit : Unit
        Unit of time.
    notes : tuple of str
        What the reader must know.
    """

    table: pd.DataFrame
    overall: LogRank
    horizon: float
    at: float
    level: float
    adjustment: str
    by: str
    kind: str
    axis: str
    unit: Unit
    notes: tuple[str, ...] = ()
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Time that the first group stays longer, of the first {horizon:.3g} {unit}; {adjustment}",
            columns=(
                Column(name="first", label="first", meaning="one group"),
                Column(name="second", label="second", meaning="the other"),
                Column(
                    name="rmst_difference",
                    label="difference",
                    meaning="mean time kept within the horizon, first minus second",
                    low="rmst_low",
                    high="rmst_high",
                ),
                Column(
                    name="rmst_p_adjusted",
                    label="p, corrected",
                    meaning="of no difference in mean time",
                    unit=Unit.P_VALUE,
                ),
                Column(
                    name="logrank_p_adjusted",
                    label="log-rank p, corrected",
                    meaning="of no difference in hazard",
                    unit=Unit.P_VALUE,
                ),
                Column(name="note", label="note", meaning="small groups"),
            ),
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of the table, with the unit of time."""
        return super().spec(name).change("rmst_difference", unit=self.unit)

    @property
    def finding(self) -> str:
        """The answer in a sentence: who stays longest, and what cannot be told apart."""
        table = self.table
        # Corrected p-values: the pair was chosen by looking at all of them.
        sure = table[table["rmst_p_adjusted"] < 1 - self.level]
        if sure.empty:
            return "The groups cannot be told apart: every difference is within what chance explains."
        # The widest of the differences that are not chance.
        widest = max(sure.to_dict("records"), key=lambda row: abs(row["rmst_difference"]))
        gap = float(widest["rmst_difference"])
        longer, shorter = widest["first"], widest["second"]
        if gap < 0:
            longer, shorter = shorter, longer
        low, high = sorted(abs(float(widest[side])) for side in ("rmst_low", "rmst_high"))
        text = (
            f"Of the first {self.horizon:.3g} {self.unit}, customers of {longer} stay {abs(gap):.1f} "
            f"{self.unit} longer than those of {shorter} "
            f"({100 * self.level:g} % interval {low:.1f} to {high:.1f})."
        )
        open_pairs = len(table) - len(sure)
        if open_pairs:
            text += f" {open_pairs} of {len(table)} pairs cannot be told apart."
        return text

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Differences in restricted mean, one for each pair."""
        return tuple(self._contrast(row) for row in self.table.to_dict("records"))

    def _contrast(self, row: dict[Any, Any]) -> Contrast:
        return Contrast(
            name=f"mean time within {self.horizon:g} {self.unit}",
            first=row["first"],
            second=row["second"],
            difference=row["rmst_difference"],
            low=row["rmst_low"],
            high=row["rmst_high"],
            level=self.level,
            se=row["rmst_se"],
            statistic=float(np.divide(row["rmst_difference"], row["rmst_se"] or np.nan)),
            p_value=row["rmst_p"],
            p_adjusted=row["rmst_p_adjusted"],
            adjustment=self.adjustment,
            n=int(row["n_first"] + row["n_second"]),
            unit=self.unit,
            test="z",
            method="restricted means by Kaplan-Meier",
            note=row["note"],
        )

    @staticmethod
    def _figure(row: Mapping[Any, Any], part: str, unit: Unit) -> str:
        value, low, high = (row[f"{part}_{end}"] for end in ("difference", "low", "high"))
        return format_estimate(value, low, high, unit, signed=True)

    def __str__(self) -> str:
        lines = [f"Comparison of churn curves by {self.by or 'group'}: {self.overall.finding}"]
        for row in self.table.to_dict("records"):
            mean_time = self._figure(row, "rmst", self.unit)
            gap = self._figure(row, "survival", Unit.SHARE_DIFFERENCE)
            line = (
                f"  {row['first']} minus {row['second']}: mean time within "
                f"{format_value(self.horizon, self.unit)} {mean_time}, "
                f"{format_p_value(row['rmst_p_adjusted'])}; still there at "
                f"{format_value(self.at, self.unit)} {gap}; "
                f"log-rank {format_p_value(row['logrank_p_adjusted'])}"
            )
            if row["note"]:
                line += f"; {row['note']}"
            lines.append(line)
        if self.adjustment != "none":
            lines.append(f"  p-values: {self.adjustment}")
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__


def compare_curves(  # noqa: PLR0913 - each option is one the reader of the result must know
    source: Any,
    *,
    by: Any = None,
    kind: str | int = "any",
    unit: str = "days",
    horizon: float | None = None,
    at: float | None = None,
    strata: Any = None,
    rho: float = 0.0,
    adjust: Literal["holm", "fdr_bh", "none"] = "holm",
    level: float = 0.95,
) -> CurveComparison:
    """Compare survival curves: log-rank, restricted means, survival at a time; corrected over pairs.

    Parameters
    ----------
    source : ChurnCurve, or whatever :func:`cxresearch.churn_curve` takes
        With a curve that exists ``by``, ``kind`` and ``unit`` are its own.
    by, kind, unit
        As in :func:`cxresearch.churn_curve`; at least two groups.
    horizon : float, optional
        Time to which mean survival is counted, in ``unit``. By default the longest that all groups were
        followed: the shortest of their follow-ups, as survRM2 chooses.
    at : float, optional
        Time at which survival is compared; by default ``horizon``.
    strata : str or array-like, optional
        The log-rank test compares within strata.
    rho : float
        Weight S(t-)^rho of the log-rank test; 1 looks at early differences.
    adjust : {"holm", "fdr_bh", "none"}
        Correction of the p-values over pairs: Holm keeps the chance of any false difference below 1 - level,
        Benjamini and Hochberg the expected share of false ones among those named, which suits many groups.
    level : float
        Confidence level.

    Returns
    -------
    CurveComparison
        Differences are first minus second in the order of the groups: positive, the first stays longer. With
        weights or clusters all variances are robust, and customers who are in both groups are taken into
        account.

    Raises
    ------
    ArgumentError, DataError
        As for the curves; with fewer than two groups; if the horizon lies beyond the follow-up of a group.

    Notes
    -----
    Where fewer than 30 ended in a group, Greenwood's error is too small just where chance brought few ends,
    and a test by it finds too much. The tests of means and survival then take the hazard from both groups, as
    the log-rank test does, and the interval's end toward 0 agrees with them.

    References
    ----------
    Royston and Parmar 2013, doi:10.1186/1471-2288-13-152; Holm 1979, Scand. J. Statist. 6, 65-70; Benjamini
    and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> months = ([3, 5, 5, 8, 12, 2, 4, 12, 12, 12], [1, 1, 0, 1, 0, 1, 0, 0, 0, 0])
    >>> result = compare_curves(months, by=list("aaaaabbbbb"), unit="months", horizon=12)
    >>> print(str(result.contrasts[0]).split(";")[0])
    mean time within 12 months: a minus b −2.4 [−7.5, +2.7] months, p 0.354, n 10
    """
    check_level(level)
    check_choice("adjust", adjust, ("none", *_CORRECTIONS))
    sample = as_input(source, by=by, kind=kind, unit=unit, strata=strata)
    if len(sample.groups) < 2:
        raise ArgumentError("there is one group only", next_step="name the groups with by=")
    parts = [sample.of_group(position) for position in range(len(sample.groups))]
    horizon = _horizon(sample, parts, horizon)
    at = check_number("at", horizon if at is None else at, above=0)
    # Area under the Kaplan-Meier curve up to the horizon (Royston and Parmar 2013).
    means = [restricted_mean_of(part, horizon=horizon) for part in parts]
    z = normal_quantile(level)
    rows = []
    for i, j in combinations(range(len(parts)), 2):
        row: dict[str, Any] = {
            "first": sample.groups[i],
            "second": sample.groups[j],
            "n_first": parts[i].n,
            "n_second": parts[j].n,
        }
        null = few_event_errors(parts[i], parts[j], horizon=horizon, at=at)
        row |= mean_difference((parts[i], means[i]), (parts[j], means[j]), z, null)
        row |= survival_difference(parts[i], parts[j], at, z, null)
        notes = [small_group_note(part.n) for part in (parts[i], parts[j])]
        notes += [means[i].note, means[j].note]
        if null is not None:
            notes.append(f"fewer than {FEW_EVENTS} ended in a group")
        try:
            test = _logrank(sample, [i, j], rho)
        except DataError as error:
            row |= {"logrank_statistic": np.nan, "logrank_p": np.nan}
            notes.append(f"no log-rank test: {error.problem}")
        else:
            row |= {"logrank_statistic": test.statistic, "logrank_p": test.p_value}
        if np.isnan(row["survival_difference"]):
            notes.append(f"{at:g} lies beyond the follow-up")
        rows.append(row | {"note": "; ".join(dict.fromkeys(part for part in notes if part))})
    if isinstance(source, ChurnCurve):
        kind = source.kind
    adjustment = "none"
    if len(rows) > 1 and adjust != "none":
        adjustment = f"{_CORRECTIONS[adjust]} over {len(rows)} pairs"
    return CurveComparison(
        table=_adjusted(pd.DataFrame(rows), adjust),
        overall=_overall(sample, rho),
        horizon=horizon,
        at=at,
        level=level,
        adjustment=adjustment,
        by=sample.by,
        kind=str(kind),
        axis=sample.axis,
        unit=sample.unit,
        notes=sample.notes,
    )


def _horizon(sample: SurvivalInput, parts: list[SurvivalRows], horizon: float | None) -> float:
    if horizon is not None:
        return check_number("horizon", horizon, above=0)
    # As survRM2 chooses: beyond the shortest follow-up one of the means is not known.
    shortest = min(float(part.duration.max()) for part in parts)
    if shortest <= 0:
        raise DataError(
            f"a group of {sample.by or 'the curves'} was not followed at all", next_step="leave it out"
        )
    return shortest


def _logrank(sample: SurvivalInput, positions: list[int], rho: float) -> LogRank:
    # The two groups alone, numbered 0 and 1.
    chosen = np.flatnonzero(np.isin(sample.group, positions))
    codes = np.searchsorted(positions, sample.group[chosen]).astype(np.int64)
    names = tuple(sample.groups[position] for position in positions)
    rows = sample.rows.take(chosen)
    strata = sample.strata
    if strata is not None:
        strata = strata[chosen]
    # Weighted or clustered rows: the variance from influence, not the hypergeometric one.
    if rows.robust:
        return robust_logrank_of(rows, codes, names, strata=strata, rho=rho)
    return logrank_of(rows, codes, names, strata=strata, rho=rho)


def _overall(sample: SurvivalInput, rho: float) -> LogRank:
    """Test over all groups; NaN with the reason where none can be made."""
    size = len(sample.groups)
    try:
        return _logrank(sample, list(range(size)), rho)
    except DataError as error:
        # The result says why there is no test, and everything else in the comparison stands.
        none = np.full(size, np.nan)
        return LogRank(
            test=f"no log-rank test ({error.problem})",
            groups=sample.groups,
            n=np.array([sample.of_group(position).n for position in range(size)], dtype=np.int64),
            observed=none,
            expected=none,
            covariance=np.full((size, size), np.nan),
            statistic=float("nan"),
            df=size - 1,
            p_value=float("nan"),
        )


def _adjusted(table: pd.DataFrame, adjust: str) -> pd.DataFrame:
    """Add corrected p-values; each difference is a family, and pairs without a p-value are not in it."""
    for name in ("rmst_p", "survival_p", "logrank_p"):
        column = f"{name}_adjusted"
        table.insert(list(table.columns).index(name) + 1, column, corrected(table[name], method=adjust))
    return table
