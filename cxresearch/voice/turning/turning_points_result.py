"""What happened before customers turned unhappy, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd

#: Columns of the table of happenings.
KINDS = TableSpec(
    title="Between the last happy and the first unhappy answer to {label}, with {level} intervals",
    columns=(
        Column(name="kind", label="what happened", meaning="kind of happening"),
        Column(name="events", label="before a turn", meaning="how often before a turn", unit=Unit.COUNT),
        Column(name="others", label="else", meaning="how often in the other stretches", unit=Unit.COUNT),
        Column(name="rate", label="in 30 days", meaning="rate before a turn, a customer and 30 days"),
        Column(name="other_rate", label="in 30 days, else", meaning="the others, in the same mixture"),
        Column(
            name="ratio",
            label="times as often",
            meaning="rate ratio within classes of length and quarter",
            unit=Unit.RATIO,
            low="low",
            high="high",
        ),
        Column(name="p_value", label="p", meaning="of a ratio of 1", unit=Unit.P_VALUE),
        Column(name="p_adjusted", label="p (Holm)", meaning="over all kinds", unit=Unit.P_VALUE),
        Column(
            name="visible",
            label="visible from",
            meaning="ratio that would have been seen four times in five",
            unit=Unit.RATIO,
        ),
        Column(name="verdict", label="verdict", meaning='"more often", "less often", "no difference seen"'),
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TurningPoints(Result):
    """What happened between the last happy and the first unhappy answer.

    Attributes
    ----------
    instrument, label : str
        The question.
    level : float
    n_turned, n_stayed : int
        Stretches that ended unhappy, and those that ended happy.
    customers : int
        Who gave them.
    median_days : float
        Length of a stretch that ended unhappy.
    table : DataFrame
        One row a kind of happening, the surest first; kinds with fewer than 20 happenings are not judged.
    notes : tuple of str
    """

    instrument: str
    label: str
    level: float
    n_turned: int
    n_stayed: int
    customers: int
    median_days: float
    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {"table": KINDS}

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        base = f"{self.n_turned:,} stretches ended unhappy, {self.n_stayed:,} happy"
        if not len(self.table):
            return f"What goes before a turn of {self.label} cannot be judged: {base}, 30 of each wanted."
        judged = self.table[self.table["ratio"].notna()]
        if not len(judged):
            return f"What goes before a turn of {self.label} cannot be judged: too little happened ({base})."
        told = judged[judged["verdict"].isin(["more often", "less often"])]
        stretch = f"between the last happy and the first unhappy answer to {self.label}"
        if not len(told):
            visible = judged["visible"].min()
            return (
                f"Nothing on record happened more or less often {stretch} than to customers who stayed "
                f"happy ({base}); of the most frequent kind a rate {visible:.1f} times as high would have "
                "been seen four times in five."
            )
        parts = [_part(row) for row in told.head(3).to_dict("records")]
        days = f"median {self.median_days:.0f} days"
        head = f"B{stretch[1:]} ({self.n_turned:,} times, {days})"
        return f"{head}, compared with customers who stayed happy as long: {'; '.join(parts)}."


def _part(row: Mapping[object, object]) -> str:
    return f"{row['kind']} {row['ratio']:.1f} times as often [{row['low']:.1f}, {row['high']:.1f}]"
