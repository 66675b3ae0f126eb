"""Answers by class and group: what the stacked bar shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.data.engine import Every
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.group_columns import neutral_groups
from cxresearch.metrics.base.periods import local_moment, period_starts
from cxresearch.metrics.survey.answers_by_cell import SurveyCounts, count_scores
from cxresearch.metrics.survey.score_measures import measures_for
from cxresearch.metrics.tables.registry import as_study, find_metric, make_query
from cxresearch.metrics.tables.statistics import Statistics
from cxresearch.results.hiding import why_hidden
from cxresearch.results.period_names import period_label
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate
from cxresearch.scales import Scale

if TYPE_CHECKING:
    from numpy.typing import NDArray


_GROUP_AND_BASE = (
    Column(name="group", label="group", meaning="the group, or all"),
    Column(name="n", label="n", meaning="answers", unit=Unit.COUNT),
    Column(name="n_missing", label="missing", meaning="asked without an answer", unit=Unit.COUNT),
    Column(name="small_base", label="small base", meaning="n, or its effective number, below 30"),
)


@dataclass(frozen=True, kw_only=True)
class ScoreBreakdown(Result):
    """Counts of answers by class, group by group, with the score they make.

    Attributes
    ----------
    name : str
        What a report prints: ``"NPS"``.
    classes : tuple of str
        Columns of ``table`` that hold counts, worst answer first.
    table : DataFrame
        One row a group: group (label), one column of counts for each class, n, n_effective, n_missing, value,
        low, high, small_base, suppressed (then counts and score are NaN). With weights the counts are n times
        the weighted shares.
    unit : Unit
        Of the score.
    level : float
        Confidence level of its interval.
    """

    name: str
    classes: tuple[str, ...]
    table: pd.DataFrame
    unit: Unit
    level: float

    def spec(self, name: str = "table") -> TableSpec:  # noqa: ARG002 - the only frame
        """Return what the columns mean: one for each class of answers, and the score they make."""
        counts = [
            Column(name=answer, label=answer, meaning="answers of the class", unit=Unit.COUNT)
            for answer in self.classes
        ]
        score = Column(
            name="value", label=self.name, meaning="their score", unit=self.unit, low="low", high="high"
        )
        return TableSpec(
            title=f"{self.name} by class of answer, {100 * self.level:g} % intervals",
            columns=(*_GROUP_AND_BASE[:1], *counts, score, *_GROUP_AND_BASE[1:]),
        )

    @property
    def finding(self) -> str:
        """The score, or where it is lowest and where highest."""
        rows = self.table[self.table["value"].notna()]
        if not len(rows):
            return f"No {self.name} can be shown."
        if len(rows) == 1:
            return f"{self._line(rows.iloc[0])}."
        ends = rows.sort_values("value", kind="stable").iloc[[0, -1]]
        return f"{self.name} lies between {' and '.join(self._figure(row) for _, row in ends.iterrows())}."

    def _line(self, row: Any) -> str:
        return f"{self.name} {format_estimate(row['value'], row['low'], row['high'], self.unit)}"

    def _figure(self, row: Any) -> str:
        return f"{format_estimate(row['value'], row['low'], row['high'], self.unit)} ({row['group']})"

    @property
    def notes(self) -> tuple[str, ...]:
        """How many groups are small, and how many hidden."""
        hidden = int(self.table["suppressed"].sum())
        small = int((self.table["small_base"] & ~self.table["suppressed"]).sum())
        notes = []
        if hidden:
            notes = [f"{hidden:,} groups are hidden."]
        if small:
            return (*notes, f"{small:,} groups have a small base.")
        return tuple(notes)

    def __str__(self) -> str:
        lines = []
        for row in self.table.to_dict("records"):
            if row["suppressed"]:
                lines.append(f"{row['group']}: {why_hidden(row['n'], row['n_effective'])}, n {row['n']:,}")
                continue
            shares = ", ".join(f"{name} {100 * row[name] / row['n']:.0f} %" for name in self.classes)
            score = format_estimate(row["value"], row["low"], row["high"], self.unit)
            lines.append(f"{row['group']}: {self.name} {score}, n {row['n']:,} ({shares})")
        return "\n".join(lines)

    __repr__ = __str__


def score_breakdown(
    data: Any,
    instrument: str,
    *,
    by: str | Sequence[str] | None = None,
    every: Every | None = None,
    period: Any = None,
    clusters: str | None = "auto",
    weights: str | None = None,
    level: float = 0.95,
) -> ScoreBreakdown:
    """Return how the answers to one question spread, by group or period, with the score they make.

    Parameters
    ----------
    data : Study or frame
        As in :func:`metric_table`.
    instrument : str
        Name of the question. An NPS question is broken down into detractors, passives and promoters, any
        other into its answers.
    by, every, clusters, weights, level
        As in :func:`metric_table`. With weights the classes show weighted shares.
    period : str or timestamp, optional
        With ``every``: only the period in which this moment lies, local time.

    Returns
    -------
    ScoreBreakdown
        ``cx.plot`` draws it as stacked bars. The score is the NPS, or else the mean.

    Raises
    ------
    ArgumentError
        If the instrument, a column or the period is not available.

    Examples
    --------
    >>> answers = pd.DataFrame({"score": [10] * 60 + [8] * 25 + [6] * 15, "team": ["a", "b"] * 50})
    >>> print(score_breakdown(answers, "nps"))
    all: NPS +45.0 [+29.3, +58.1], n 100 (detractors 15 %, passives 25 %, promoters 60 %)
    """
    query = make_query(by, every, clusters=clusters, weights=weights, level=level)
    study, query = neutral_groups(as_study(data, instrument), query)
    if instrument not in study.instruments:
        raise ArgumentError(
            f"instrument {instrument!r} is not declared", wanted="one of " + ", ".join(study.instruments)
        )
    statistics, metric = Statistics(study, query), find_metric(study, instrument)
    table = statistics.table(metric)
    counts: SurveyCounts = statistics.of(metric)
    assert metric.family is count_scores  # noqa: S101 - the metric of an instrument's own name
    keys = list(query.keys)
    scale = study.instruments[instrument]
    classes = _classes(scale)
    by_class = _by_class(counts, instrument, classes, keys, table)
    hidden = table["suppressed"].to_numpy()
    by_class[list(classes)] = by_class[list(classes)].astype("float64")
    # The classes of a hidden group give its score away: sum of their values / n.
    by_class.loc[hidden, list(classes)] = np.nan
    within = np.ones(len(table), dtype=bool)
    if period is not None:
        within = _within(table, period, every)
        keys.remove("period")
    by_class.insert(0, "group", _labels(table, keys, every or ""))
    kept = ["n", "n_effective", "n_missing", "value", "low", "high", "small_base", "suppressed"]
    return ScoreBreakdown(
        name=scale.label,
        classes=tuple(classes),
        table=pd.concat([by_class, table[kept]], axis=1)[within].reset_index(drop=True),
        unit=metric.unit,
        level=query.level,
    )


def _classes(scale: Scale) -> dict[str, tuple[int, ...]]:
    if measures_for(scale) == ("nps",):
        return {
            # Reichheld (2003): 0 to 6 detractors, 7 and 8 passives, 9 and 10 promoters.
            "detractors": tuple(range(7)),
            "passives": (7, 8),
            "promoters": (9, 10),
        }
    # Bars run from the worst answer to the best, whichever end of the scale that is.
    if scale.direction == "high_is_good":
        worst_first = scale.levels
    else:
        worst_first = scale.levels[::-1]
    return {str(level): (level,) for level in worst_first}


def _by_class(
    counts: SurveyCounts,
    instrument: str,
    classes: dict[str, tuple[int, ...]],
    keys: list[str],
    table: pd.DataFrame,
) -> pd.DataFrame:
    """Counts of answers by class; with weights n times the weighted shares."""
    rows = counts.counts[counts.counts["instrument"] == instrument]
    counted = "n"
    if counts.weighted:
        counted = "w"
    by_class = table[keys].copy()
    for name, answers in classes.items():
        part = rows[rows["score"].isin(answers)]
        if keys:
            # Left join on the cells: a class that nobody of a group chose is a count of 0, no missing row.
            sums = part.groupby(keys, dropna=False, observed=True, as_index=False)[counted].sum()
            by_class[name] = table[keys].merge(sums, on=keys, how="left")[counted].fillna(0).to_numpy()
        else:
            by_class[name] = float(part[counted].sum())
    by_class = by_class[list(classes)].reset_index(drop=True)
    if counts.weighted:
        # n times the weighted shares: the bars add up to the answers there are.
        total = by_class.sum(axis=1)
        by_class = by_class.mul(table["n"].to_numpy(), axis=0).div(total.where(total > 0), axis=0).fillna(0.0)
    return by_class


def _within(table: pd.DataFrame, period: Any, every: Every | None) -> NDArray[np.bool_]:
    """Rows of the period in which a moment lies."""
    if every is None:
        raise ArgumentError("period is given without every", wanted="every='month' or another period")
    start = period_starts(pd.Series([local_moment(period)]), every).iloc[0]
    chosen = np.asarray(table["period"] == start)
    if not chosen.any():
        raise ArgumentError(
            f"there are no answers in {period_label(start, every)}",
            wanted=f"a {every} from {table['period'].min():%Y-%m-%d} to {table['period'].max():%Y-%m-%d}",
        )
    return chosen


def _labels(table: pd.DataFrame, keys: list[str], every: str) -> pd.Series[str]:
    if not keys:
        return pd.Series(["all"] * len(table), dtype="object")
    shown = table[keys].copy()
    if "period" in keys:
        shown["period"] = shown["period"].map(lambda start: period_label(start, every))
    return shown.astype("object").fillna("(none)").astype(str).agg(", ".join, axis=1)
