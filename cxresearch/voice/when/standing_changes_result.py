"""Changes that have not ended: what a page keeps saying until it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd

_NAMED = 3

STANDING = TableSpec(
    title="Changes that stand, from all metrics and groups searched",
    columns=(
        Column(name="sentence", label="change", meaning="the change in words"),
        Column(name="metric", label="metric", meaning="name of the metric"),
        Column(name="group", label="group", meaning="whose, in words"),
        Column(name="since", label="since", meaning="first local day of the new level, or of the slide"),
        Column(name="since_low", label="earliest", meaning="first day of the set of days"),
        Column(name="since_high", label="latest", meaning="last day of the set of days"),
        Column(name="change", label="change", meaning="after less before, in the metric's unit"),
        Column(name="p_adjusted", label="p", meaning="over all that was searched", unit=Unit.P_VALUE),
        Column(name="shared", label="shared", meaning="whether most groups of the column changed alike"),
        Column(name="echo", label="echo", meaning="whether a surer, larger change came in the same days"),
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StandingChanges(Result):
    """Changes of a study's metrics, over all customers and by group, that have not ended.

    Attributes
    ----------
    table : DataFrame
        One row a change, in the order a page names them: metric, label, column (what the group is a value of;
        empty over all customers), group, shape, since, since_low, since_high, before, after, change,
        change_low, change_high, verdict ("better", "worse", "higher", "lower"), p_adjusted, level (of the set
        of days and of the intervals: that of its family), events, shared, echo, sentence.
    searched : DataFrame
        One row a metric and column: metric, label, column, groups (how many were judged).
    level, groups_level : float
        1 - level is how often a page without any change names one of all customers; 1 - groups_level, of a
        group.
    power : str
        How large a change would have been seen.
    notes : tuple of str
        What could not be searched.
    """

    table: pd.DataFrame
    searched: pd.DataFrame
    level: float
    groups_level: float
    power: str
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {"table": STANDING}

    @property
    def named(self) -> pd.DataFrame:
        """The changes that a page names: not those of most groups of a column, nor echoes of a surer one."""
        return self.table[~(self.table["shared"] | self.table["echo"]).astype(bool)]

    @property
    def finding(self) -> str:
        """The changes that stand, the surest groups first; else how large a one would have been seen."""
        sentences = list(self.named["sentence"])
        if not sentences:
            return f"No change stands. {self.power}".strip()
        more = len(sentences) - _NAMED
        text = " ".join(sentences[:_NAMED])
        if more > 0:
            text += f" {more} more changes stand."
        return f"{text} {self._echoed}".strip()

    @property
    def _echoed(self) -> str:
        """Name the echoes in one sentence; empty without any."""
        rows = self.table[self.table["echo"].astype(bool) & ~self.table["shared"].astype(bool)]
        groups = ["all customers" if group == "all" else str(group) for group in rows["group"].unique()]
        if not groups:
            return ""
        more = ""
        if len(groups) > _NAMED:
            more = f" and {len(groups) - _NAMED} more"
        return f"In the same days, and less: {', '.join(groups[:_NAMED])}{more}."

    @property
    def watched(self) -> dict[str, Any]:
        """What alert rules look at: names that were searched, and the changes that stand."""
        columns = ["metric", "label", "group", "since", "since_low", "since_high", "change", "p_adjusted"]
        changes = self.named[[*columns, "sentence"]].copy()
        for name in ("since", "since_low", "since_high"):
            changes[name] = changes[name].dt.strftime("%Y-%m-%d")
        names = self.searched[["metric", "label"]].drop_duplicates()
        return {"names": names.to_numpy().tolist(), "changes": changes.to_dict("records")}

    def __str__(self) -> str:
        return "\n".join([self.finding, *(f"Note: {note}." for note in self.notes)])
