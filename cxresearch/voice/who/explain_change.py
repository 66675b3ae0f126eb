"""``explain_change``: whether a score or rate moved because groups changed, or because their shares did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_columns, check_level
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.metrics.tables.registry import as_study
from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.scan.mix_and_rate import GroupSums, MixAndRate, mix_and_rate
from cxresearch.voice.who.asked_question import asked_question
from cxresearch.voice.who.change_rows import RATES, Period, answer_sums, rate_sums, span_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIX = "by its share having changed"
_RATE = "by its own score having changed"
OTHERS = "(small groups)"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExplainedChange(Result):
    """The change of a score or rate between two periods, split into mix and rate.

    Attributes
    ----------
    name : str
        What a report prints.
    table : DataFrame
        One row for each group: its share and score in both periods, and its parts of the change. ``mix`` and
        ``rate`` of all groups add up to ``change`` exactly.
    change, change_low, change_high : float
        After less before, in ``unit``.
    mix, mix_low, mix_high : float
        The part that comes of groups having other shares.
    rate, rate_low, rate_high : float
        The part that comes of groups having other scores.
    before, after : float
        The score in each period.
    n_before, n_after : int
        Answers, or customers.
    unit : Unit
        Of the score.
    level : float
        Of the intervals: jackknife over customers.
    finding : str
    notes : tuple of str
    """

    name: str
    table: pd.DataFrame
    change: float
    change_low: float
    change_high: float
    mix: float
    mix_low: float
    mix_high: float
    rate: float
    rate_low: float
    rate_high: float
    before: float
    after: float
    n_before: int
    n_after: int
    unit: Unit
    level: float
    finding: str
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="group", label="group", meaning="level of the column, or levels crossed"),
                Column(name="share_before", label="share before", meaning="of the weight", unit=Unit.SHARE),
                Column(name="share_after", label="share after", meaning="of the weight", unit=Unit.SHARE),
                Column(name="score_before", label="before", meaning="of the group"),
                Column(name="score_after", label="after", meaning="of the group"),
                Column(name="mix", label="by mix", meaning=_MIX, low="mix_low", high="mix_high"),
                Column(name="rate", label="by rate", meaning=_RATE, low="rate_low", high="rate_high"),
            ),
            title="Parts of the change, {level} intervals",
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, in the units of this score."""
        spec = self.specs[name]
        units = dict.fromkeys(("score_before", "score_after"), self.unit)
        units |= dict.fromkeys(("mix", "rate"), unit_of_difference(self.unit))
        columns = [replace(column, unit=units.get(column.name, column.unit)) for column in spec.columns]
        return replace(spec, columns=tuple(columns))


def explain_change(
    data: Any,
    metric: str | None = None,
    *,
    before: Period,
    after: Period,
    by: str | Sequence[str],
    level: float = 0.95,
) -> ExplainedChange:
    """Split the change of a score or rate into mix (other groups) and rate (groups otherwise), exactly.

    Parameters
    ----------
    data : Study or frame
        A study, or a frame of answers (see `metric_table`).
    metric : str, optional
        A score as in `who`, or ``"customer_churn"``, ``"gross_revenue_churn"``, ``"net_revenue_churn"``,
        ``"gross_revenue_retention"``, ``"net_revenue_retention"``; by default the NPS.
    before, after : str or (date, date)
        The two periods: ``"2024"``, ``"2024-Q1"``, ``"2024-03"``, ``"2024-W10"``, ``"2024-03-05"``; or the
        first day and the first day after it, in the study's time zone.
    by : str or sequence of str
        Group columns as in `who`; several are crossed. Rates of customers and revenue: columns of customers,
        ``tenure``, ``cohort`` and ``plan``, as they were when the period began.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    ExplainedChange
        Groups with fewer than 5 answers in both periods together are one.

    Raises
    ------
    ArgumentError
        If the metric, a column or a period is not available, or the periods overlap.
    DataError
        If a period has no answers, or no customers at its beginning.

    References
    ----------
    Kitagawa, E. M. (1955). Components of a difference between two rates. Journal of the American Statistical
    Association 50, 1168-1194. doi:10.1080/01621459.1955.10501299. See ``docs/who-and-when.md``.

    Examples
    --------
    >>> early = pd.DataFrame({"visit": ["repair"] * 20 + ["fitting"] * 80, "responded_at": "2024-03-04"})
    >>> late = pd.DataFrame({"visit": ["repair"] * 67 + ["fitting"] * 33, "responded_at": "2024-03-11"})
    >>> answers = pd.concat([early, late], ignore_index=True)
    >>> answers["responded_at"] = pd.to_datetime(answers["responded_at"])
    >>> answers["score"] = np.where(answers["visit"] == "repair", 5, 10)
    >>> change = explain_change(answers, "nps", before="2024-W10", after="2024-W11", by="visit")
    >>> round(change.change), round(change.mix), round(change.rate)
    (-94, -94, 0)
    """
    check_level(level)
    columns = check_columns("by", by)
    if not columns:
        raise ArgumentError("by names no column", wanted="at least one group column")
    study = as_study(data, metric or "nps")
    spans = span_of("before", before, study.timezone), span_of("after", after, study.timezone)
    if spans[0][0] < spans[1][1] and spans[1][0] < spans[0][1]:
        raise ArgumentError("before and after overlap", wanted="two periods apart")
    if metric in RATES:
        label, unit = RATES[metric], Unit.SHARE
        low_is_good = "churn" in metric
        rows = rate_sums(data, str(metric), columns, spans)
    else:
        instrument, measure = asked_question(study, metric)
        label, unit = measure.label, measure.unit
        low_is_good = measure.kind == "mean" and measure.scale.risk_sign > 0
        rows = answer_sums(study, instrument, measure, columns, spans)
    for period, name in enumerate(("before", "after")):
        if not (rows["period"] == period).any():
            raise DataError(
                f"there is nothing to count in the period {name}",
                where=f"{spans[period][0]:%Y-%m-%d} to {spans[period][1]:%Y-%m-%d}",
                next_step="choose a period with answers, or with customers at its beginning",
            )
    return _split(_merge_small(rows), label, unit, low_is_good=low_is_good, level=level)


def _merge_small(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in which groups too small to show are one."""
    # Both periods together: a group shown in one and hidden in the other would be known from the change.
    sizes = _entries(rows).groupby(rows["group"]).sum()
    small = rows["group"].map(sizes) < SUPPRESS_BELOW
    return rows.assign(group=rows["group"].where(~small, OTHERS))


def _entries(rows: pd.DataFrame) -> pd.Series[float]:
    """Answers or customers in each row; where money is the weight, each row is one customer."""
    if (rows["weight"] % 1 == 0).all():
        return rows["weight"]
    return pd.Series(1.0, index=rows.index)


def _split(rows: pd.DataFrame, label: str, unit: Unit, *, low_is_good: bool, level: float) -> ExplainedChange:
    groups, names = pd.factorize(rows["group"], sort=True)
    sums = GroupSums(
        customer=rows["customer"].to_numpy(dtype=np.intp),
        group=groups.astype(np.intp),
        period=rows["period"].to_numpy(dtype=np.intp),
        weight=rows["weight"].to_numpy(dtype=np.float64),
        total=rows["total"].to_numpy(dtype=np.float64),
    )
    # Kitagawa (1955): change = sum of mix, ((r0 + r1)/2 - R)(s1 - s0), and rate, (s0 + s1)/2 (r1 - r0)
    parts = mix_and_rate(sums, len(names))
    z = normal_quantile(level)
    table = pd.DataFrame(
        {
            "group": names,
            "share_before": parts.shares[:, 0],
            "share_after": parts.shares[:, 1],
            "score_before": parts.rates[:, 0],
            "score_after": parts.rates[:, 1],
            "mix": parts.mix,
            "mix_low": parts.mix - z * parts.mix_se,
            "mix_high": parts.mix + z * parts.mix_se,
            "rate": parts.rate,
            "rate_low": parts.rate - z * parts.rate_se,
            "rate_high": parts.rate + z * parts.rate_se,
        }
    )
    # the groups that moved the score most stand first, whichever way
    size = (table["mix"] + table["rate"]).abs()
    table = table.iloc[np.lexsort((table["group"].astype(str), -size))].reset_index(drop=True)
    count = _entries(rows)
    result = ExplainedChange(
        name=label,
        table=table,
        change=parts.change,
        change_low=parts.change - z * parts.change_se,
        change_high=parts.change + z * parts.change_se,
        mix=parts.mix_change,
        mix_low=parts.mix_change - z * parts.mix_change_se,
        mix_high=parts.mix_change + z * parts.mix_change_se,
        rate=parts.rate_change,
        rate_low=parts.rate_change - z * parts.rate_change_se,
        rate_high=parts.rate_change + z * parts.rate_change_se,
        before=parts.before,
        after=parts.after,
        n_before=int(count[rows["period"] == 0].sum()),
        n_after=int(count[rows["period"] == 1].sum()),
        unit=unit,
        level=level,
        finding="",
    )
    return replace(result, finding=_finding(result, low_is_good=low_is_good), notes=_notes(parts, names))


def _finding(result: ExplainedChange, *, low_is_good: bool) -> str:
    unit = unit_of_difference(result.unit)

    def part(value: float, low: float, high: float) -> str:
        return format_estimate(value, low, high, unit, signed=True)

    text = (
        f"{result.name} went from {format_value(result.before, result.unit)} to "
        f"{format_value(result.after, result.unit)} "
        f"({part(result.change, result.change_low, result.change_high)}): "
        f"mix {part(result.mix, result.mix_low, result.mix_high)}, "
        f"rate {part(result.rate, result.rate_low, result.rate_high)}. "
    )
    moved_mix = result.mix_low > 0 or result.mix_high < 0
    moved_rate = result.rate_low > 0 or result.rate_high < 0
    if moved_mix and moved_rate:
        return text + "Both the shares of the groups and their own scores moved it."
    if moved_mix:
        return (
            text
            + "It is mix: other groups answered; the groups' own scores explain none of it beyond chance."
        )
    if moved_rate:
        better = "better" if (result.rate < 0) == low_is_good else "worse"
        return text + f"It is rate: the same groups became {better}; their shares explain none beyond chance."
    # what would not have been seen: half the wider of the two intervals
    half = max(result.mix_high - result.mix_low, result.rate_high - result.rate_low) / 2
    seen = format_value(half, unit).lstrip("+")
    return text + f"Neither part differs from nought; one of more than {seen} would have been seen."


def _notes(parts: MixAndRate, names: pd.Index[Any]) -> tuple[str, ...]:
    notes = ["Parts by group add up to the change; intervals by leaving out one customer at a time."]
    new = [str(name) for name, share in zip(names, parts.shares[:, 0], strict=True) if share == 0]
    gone = [str(name) for name, share in zip(names, parts.shares[:, 1], strict=True) if share == 0]
    if new:
        notes.append(f"Only in the later period, so all mix: {', '.join(new)}.")
    if gone:
        notes.append(f"Only in the earlier period, so all mix: {', '.join(gone)}.")
    if len(names) == 1:
        notes.append("There is one group only, so there can be no mix.")
    return tuple(notes)
