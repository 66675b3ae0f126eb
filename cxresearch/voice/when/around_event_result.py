"""What an event did to a metric, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pandas as pd

from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.results.contrast import Contrast
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_p_value, format_value
from cxresearch.stats.change_points.event_window import WindowTest
from cxresearch.voice.when.change_sentences import higher_or_lower
from cxresearch.voice.when.event_days import EventDays
from cxresearch.voice.when.metric_series import MetricSeries

SIDES = TableSpec(
    title="{label} before and after {event}",
    columns=(
        Column(name="who", label="customers", meaning='"all", or "with the event" and "without"'),
        Column(name="before", label="before", meaning="level in the days before"),
        Column(name="after", label="after", meaning="level in the days after"),
        Column(name="change", label="change", meaning="after less before, weekday and season taken off"),
        Column(name="n_before", label="n before", meaning="answers, or the denominator", unit=Unit.COUNT),
        Column(name="n_after", label="n after", meaning="likewise", unit=Unit.COUNT),
    ),
)
WEEKS = TableSpec(
    title="{label} by weeks since {event}",
    columns=(
        Column(name="week", label="week", meaning="weeks since the event, negative before"),
        Column(name="value", label="level", meaning="level of the week", low="low", high="high"),
        Column(name="n", label="n", meaning="answers, or the denominator", unit=Unit.COUNT),
    ),
)
PLACEBOS = TableSpec(
    title="{label} around days without {event}",
    columns=(
        Column(name="day", label="day", meaning="a day without an event, the first of several"),
        Column(name="change", label="change", meaning="after less before"),
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AroundEvent(Result):
    """A metric before and after an event.

    Attributes
    ----------
    metric, label : str
    event : str
        Kind, or the name given.
    unit : Unit
        Of the levels.
    level : float
    window_days : int
        Days on either side.
    effect : Contrast or None
        After less before, or for events of single customers the difference in differences; None where it
        cannot be judged.
    table : DataFrame
        One row a side.
    by_week : DataFrame
        Weeks since the event, of customers with it; empty for events of single customers.
    placebos : DataFrame
        The same contrast around days without an event.
    days : tuple of Timestamp
        Days of the events that were used, at most 1,000.
    sentence : str
        The finding.
    notes : tuple of str
        What was allowed for, and what was left out.
    """

    metric: str
    label: str
    event: str
    unit: Unit
    level: float
    window_days: int
    effect: Contrast | None
    table: pd.DataFrame
    by_week: pd.DataFrame
    placebos: pd.DataFrame
    days: tuple[pd.Timestamp, ...]
    sentence: str
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {"table": SIDES, "by_week": WEEKS, "placebos": PLACEBOS}

    @property
    def finding(self) -> str:
        """The answer in a sentence, with what would have been seen where nothing was."""
        return self.sentence

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, levels in the unit of the metric."""
        spec = super().spec(name)
        change = unit_of_difference(self.unit)
        units = {"before": self.unit, "after": self.unit, "value": self.unit, "change": change}
        columns = [replace(column, unit=units.get(column.name, column.unit)) for column in spec.columns]
        return replace(spec, columns=tuple(columns))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of an event: which metric, around which days, how wide and how sure.

    Attributes
    ----------
    series : MetricSeries
    days : EventDays
        Events whose windows lie within the data.
    window : int
        Days on either side.
    level : float
    whose : str
        Customers looked at, in words; empty for all.
    """

    series: MetricSeries
    days: EventDays
    window: int
    level: float
    whose: str = ""

    @property
    def names(self) -> dict[str, Any]:
        """Fields that every result has."""
        return {
            "metric": self.series.metric.name,
            "label": self.series.metric.label,
            "event": self.days.kind,
            "unit": self.series.unit,
            "level": self.level,
            "window_days": self.window,
        }


def not_judged(asked: Asked, notes: list[str], why: str) -> AroundEvent:
    """Return the result of an event that cannot be judged, saying why."""
    return AroundEvent(
        **asked.names,
        effect=None,
        table=pd.DataFrame(columns=["who", "before", "after", "change", "n_before", "n_after"]),
        by_week=pd.DataFrame(columns=["week", "value", "low", "high", "n"]),
        placebos=pd.DataFrame(columns=["day", "change"]),
        days=(),
        sentence=f"{asked.series.metric.label} around {asked.days.kind} cannot be judged: {why}.",
        notes=tuple(notes),
    )


def effect_of(asked: Asked, test: WindowTest, *, n: float) -> Contrast:
    """Return the change as a contrast with its interval and test."""
    return Contrast(
        name=asked.series.metric.label,
        first=f"after {asked.days.kind}",
        second="before",
        difference=test.change,
        low=test.change - test.reach,
        high=test.change + test.reach,
        level=asked.level,
        se=test.se,
        statistic=test.change / test.se,
        p_value=test.p_value,
        n=int(n),
        unit=unit_of_difference(asked.series.unit),
        test=test.name,
        method=test.method,
    )


def event_sentence(asked: Asked, effect: Contrast, test: WindowTest, *, times: str) -> str:
    """Say what changed, or how large a change would have been seen."""
    window = asked.window
    head = f"{asked.series.metric.label}{asked.whose} in the {window} days after {asked.days.kind}{times}"
    beside = ""
    if asked.days.by_customer:
        beside = ", less what customers without the event did in the same days"
    if effect.p_value <= 1 - effect.level + 1e-12:
        side = higher_or_lower(effect.difference)
        # "14 points lower [10, 18]": the side carries the sign, so both ends are given by their size
        ends = sorted(abs(end) for end in (effect.low, effect.high))
        interval = f"[{_size(ends[0], effect.unit)}, {_size(ends[1], effect.unit)}]"
        size = _size(effect.difference, effect.unit, unit=True)
        return (
            f"{head} was {size} {side} {interval} than in the {window} days before{beside}; "
            f"{format_p_value(effect.p_value)}."
        )
    # a change of size reach + z(.8) se is found in 80 % of studies: P(|Z| > z(.975)) at that mean
    visible = test.reach + 0.8416 * test.se
    return (
        f"{head} did not differ from the {window} days before{beside} ({format_p_value(effect.p_value)}); "
        f"a change of {_size(visible, effect.unit, unit=True)} would have been seen four times in five."
    )


def _size(value: float, unit_of: Unit, *, unit: bool = False) -> str:
    text = format_value(abs(value), unit_of).removeprefix("+")
    if unit_of is Unit.POINTS and unit:
        return f"{text} points"
    if unit:
        return text
    return text.removesuffix(" points").removesuffix(" a day")
