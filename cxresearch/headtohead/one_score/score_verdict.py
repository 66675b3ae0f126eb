"""The verdict on one score as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.errors import ArgumentError
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd


_CHURN = Column(
    name="churn",
    label="left within the horizon",
    meaning="share that left of their own accord, weighted for censoring",
    unit=Unit.SHARE,
    low="low",
    high="high",
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ScoreVerdict(Result):
    """What one score says about leaving, and who is silent.

    Attributes
    ----------
    score, label : str
        The instrument and what a report prints.
    finding : str
        Whether it tells who leaves, and how the silent fare, in two sentences.
    verdict : str
        ``"tells who leaves"``, ``"runs backwards"``, ``"no guide"``, ``"knows who left"`` or
        ``"inconclusive: you would need N rows"``.
    auc : Estimate
        The chance that a leaver had given a worse answer than a stayer; .5 is a coin toss.
    p_chance, p_no_guide : float
        P-value of an AUC of .5, and of one that lies ``margin`` or more from it.
    rows_to_decide : float
        Rows that would decide with 80 % probability if the truth is what was observed; NaN if decided.
    gap : Contrast or None
        Churn of those who answered less that of the silent; None where nobody is silent.
    table : DataFrame
        Churn by answer, lowest first, then of the silent and of everybody: ``answer, rows, customers, share,
        leavers, churn, low, high, note``.
    groups : DataFrame
        ``group, rows, customers, share, leavers, churn, low, high``: those who answered, the silent, the
        silent who are known to have been asked, everybody. Unweighted: a weight belongs to an answer.
    who : DataFrame
        ``segment, value, rows, customers, answered, low, high``: share with an answer by segment.
    left_out : DataFrame
        ``reason, rows, customers``: rows without an answer, and candidates that are no rows.
    horizon_days, level, margin : float
    n, n_customers, n_cases, n_controls : int
        Rows with an answer, their customers, leavers within the horizon, rows followed past it.
    response_rate : float
        Rows with an answer, of all rows.
    notes : tuple of str
        What the reader must know.
    settings : Mapping
        Settings of the call.
    """

    score: str
    label: str
    finding: str
    verdict: str
    auc: Estimate
    p_chance: float
    p_no_guide: float
    rows_to_decide: float
    gap: Contrast | None
    table: pd.DataFrame
    groups: pd.DataFrame
    who: pd.DataFrame
    left_out: pd.DataFrame
    horizon_days: float
    level: float
    margin: float
    n: int
    n_customers: int
    n_cases: int
    n_controls: int
    response_rate: float
    notes: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Churn within {horizon_days:g} days by answer to {label}, with {level} intervals",
            columns=(
                Column(name="answer", label="answer", meaning="what was answered; tenths of many answers"),
                Column(name="customers", label="customers", meaning="customers behind the rows"),
                Column(name="rows", label="rows", meaning="customers on a day"),
                Column(name="share", label="share of rows", meaning="of all rows", unit=Unit.SHARE),
                Column(name="leavers", label="leavers", meaning="rows seen to leave", unit=Unit.COUNT),
                _CHURN,
                Column(name="note", label="note", meaning="why a line is hidden or flagged"),
            ),
        ),
        "groups": TableSpec(
            title="Who answered, and how many left within {horizon_days:g} days, with {level} intervals",
            columns=(
                Column(name="group", label="group", meaning="whose churn"),
                Column(name="customers", label="customers", meaning="customers behind the rows"),
                Column(name="rows", label="rows", meaning="customers on a day"),
                Column(name="share", label="share of rows", meaning="of all rows", unit=Unit.SHARE),
                Column(name="leavers", label="leavers", meaning="rows seen to leave", unit=Unit.COUNT),
                _CHURN,
            ),
        ),
        "who": TableSpec(
            title="Share of rows with an answer to {label}, by segment, with {level} intervals",
            columns=(
                Column(name="segment", label="segment", meaning="column of customers"),
                Column(name="value", label="group", meaning="its value"),
                Column(name="customers", label="customers", meaning="customers behind the rows"),
                Column(name="rows", label="rows", meaning="customers on a day"),
                Column(
                    name="answered",
                    label="answered",
                    meaning="share of rows with an answer",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
            ),
        ),
        "left_out": TableSpec(
            title="Who was left out, and why",
            columns=(
                Column(name="reason", label="reason", meaning="first that applied"),
                Column(name="rows", label="rows", meaning="customers on a day"),
                Column(name="customers", label="customers", meaning="customers behind them"),
            ),
        ),
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of one of its frames, with the horizon in days."""
        spec = super().spec(name)
        if name in ("left_out", "who"):
            return spec
        return spec.relabel(churn=f"left within {self.horizon_days:g} days")

    @property
    def headline(self) -> tuple[Estimate | Contrast, ...]:
        """The AUC, and the churn of those who answered less that of the silent where it is known."""
        if self.gap is None:
            return (self.auc,)
        return self.auc, self.gap

    def churn(self, group: str) -> Estimate:
        """Return the churn of one of the groups.

        Raises
        ------
        ArgumentError
            If there is no such group.
        """
        rows = self.groups[self.groups["group"] == group]
        if rows.empty:
            raise ArgumentError(f"there is no group {group!r}", wanted=", ".join(self.groups["group"]))
        row = rows.iloc[0]
        return Estimate(
            name=f"left within {self.horizon_days:g} days: {group}",
            value=float(row["churn"]),
            low=float(row["low"]),
            high=float(row["high"]),
            level=self.level,
            se=float("nan"),
            n=int(row["rows"]),
            unit=Unit.SHARE,
            method="Wilson's interval at the effective number of rows, summed by customer",
            denominator="customers on a day",
        )

    def __str__(self) -> str:
        lines = [self.finding, "", f"  {self.auc}: {self.verdict}"]
        lines += [f"  {self.churn(group)}" for group in self.groups["group"]]
        lines += [f"  Caution: {note}" for note in self.notes]
        return "\n".join(lines)

    __repr__ = __str__
