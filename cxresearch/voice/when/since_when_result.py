"""Changes of a metric, with the days on which they may have happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.wording import only_if

if TYPE_CHECKING:
    import pandas as pd


def _level(name: str, label: str, meaning: str) -> Column:
    return Column(name=name, label=label, meaning=meaning, low=f"{name}_low", high=f"{name}_high")


#: Columns of the table of changes; ``SinceWhen.spec`` adds the unit of the metric.
CHANGES = TableSpec(
    title="Changes of {label}, with {level} intervals",
    columns=(
        Column(name="group", label="group", meaning="whose answers, in words"),
        Column(name="shape", label="shape", meaning='"step", "slide", or "step or slide": not told apart'),
        Column(name="since", label="since", meaning="first local day of the new level, or of the slide"),
        Column(name="since_low", label="earliest", meaning="first day of the set of days"),
        Column(name="since_high", label="latest", meaning="last day of the set of days"),
        Column(name="until", label="until", meaning="when the next change came; missing while it stands"),
        Column(name="first", label="from", meaning="day from which the level before was taken"),
        _level("before", "before", "level before"),
        _level("after", "after", "level after; of a slide, that of its last day"),
        _level("change", "change", "after less before"),
        Column(name="n_before", label="n before", meaning="answers, or the denominator", unit=Unit.COUNT),
        Column(name="n_after", label="n after", meaning="likewise", unit=Unit.COUNT),
        Column(name="verdict", label="verdict", meaning='"better", "worse", or "higher", "lower"'),
        Column(name="p_adjusted", label="p", meaning="over all days and groups", unit=Unit.P_VALUE),
        Column(name="p_step", label="p of a step", meaning="how well a step bears the data"),
        Column(name="p_slide", label="p of a slide", meaning="how well a slide bears the data"),
        Column(name="events", label="events", meaning="declared events within the set of days"),
    ),
)
#: Columns of the table of series.
SERIES = TableSpec(
    title="What was searched",
    columns=(
        Column(name="group", label="group", meaning="whose answers, in words"),
        Column(name="n", label="n", meaning="answers, or the denominator", unit=Unit.COUNT),
        Column(name="clusters", label="independent", meaning="customers, or blocks of time"),
        Column(name="first", label="first day", meaning="first day with a value"),
        Column(name="last", label="last day", meaning="last day with a value"),
        Column(name="p_adjusted", label="p", meaning="of any change, over the family", unit=Unit.P_VALUE),
        Column(
            name="visible_middle",
            label="visible in the middle",
            meaning="size of a step halfway that would have been seen four times in five",
        ),
        Column(
            name="visible_late",
            label="visible at the end",
            meaning="the same of a step that holds for the last fifth of the answers",
        ),
        Column(name="judged", label="judged", meaning="whether it could be searched"),
        Column(name="why", label="why not", meaning="why not, where it could not"),
    ),
)
#: Columns of the points of a picture.
TREND = TableSpec(
    title="{label} over time",
    columns=(
        Column(name="group", label="group", meaning="whose answers, in words"),
        Column(name="day", label="day", meaning="mean day of the answers"),
        Column(name="value", label="level", meaning="level of these answers"),
        Column(name="n", label="n", meaning="answers, or the denominator", unit=Unit.COUNT),
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SinceWhen(Result):
    """Changes of one metric, and how large a change would have been seen.

    Attributes
    ----------
    metric, label : str
        Name of the metric, and what a report prints.
    unit : Unit
        Of all levels and changes; tickets are a count a day.
    by : tuple of str
        Group columns; one family of series, one error for all.
    every : str
        What was searched: days of answers, or the weeks or months of another metric.
    level : float
        Coverage of sets of days and intervals; 1 - level is the false-alarm rate of the whole search.
    table : DataFrame
        One row a change, those that still stand first, the surest first; the group columns come before.
    groups : DataFrame
        One row a series, judged or not.
    trend : DataFrame
        For pictures: at most 40 points a series, of about equal numbers of answers.
    events : DataFrame
        Declared events of the whole company: day, kind.
    sentences : tuple of str
        Each change in words, in the order of ``table``; or that there is none.
    notes : tuple of str
        Doubts: gaps, growth of the volume, repeats, what was not judged.
    method : str
    """

    metric: str
    label: str
    unit: Unit
    by: tuple[str, ...]
    every: str
    level: float
    table: pd.DataFrame
    groups: pd.DataFrame
    trend: pd.DataFrame
    events: pd.DataFrame
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    method: str

    specs: ClassVar[Mapping[str, TableSpec]] = {"table": CHANGES, "groups": SERIES, "trend": TREND}

    @property
    def finding(self) -> str:
        """The surest change that stands, in a sentence, or how large a one would have been seen."""
        if not len(self.table):
            return self.sentences[0]
        more = len(self.table) - 1
        if not more:
            return self.sentences[0]
        changes = "change" + only_if(more > 1, "s")
        return f"{self.sentences[0]} {more} more {changes} found."

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, levels in the unit of the metric."""
        spec = super().spec(name)
        change = unit_of_difference(self.unit)
        units = dict.fromkeys(("before", "after", "value"), self.unit)
        units |= dict.fromkeys(("change", "visible_middle", "visible_late"), change)
        columns = [replace(column, unit=units.get(column.name, column.unit)) for column in spec.columns]
        return replace(spec, columns=tuple(columns))

    def __str__(self) -> str:
        lines = [*self.sentences, *(f"Note: {note}" for note in self.notes)]
        return "\n".join(lines)
