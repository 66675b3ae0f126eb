"""The journey of the customers: stages, passages, moves, and how customers fare in each stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.metrics.journey_facts.coverage_result import Coverage

_SMALL = Column(name="small_base", label="small base", meaning="fewer than 30")
_STAGES = TableSpec(
    title="Who came to each stage and how long they stay; {level} intervals",
    columns=(
        Column(name="stage", label="stage", meaning="as declared"),
        Column(name="customers", label="customers", meaning="who ever entered it", unit=Unit.COUNT),
        Column(
            name="value",
            label="of all in the journey",
            meaning="share of those who entered any stage",
            unit=Unit.SHARE,
            low="low",
            high="high",
        ),
        Column(name="visits", label="visits", meaning="times it was entered", unit=Unit.COUNT),
        Column(name="skipped", label="skipped by", meaning="who came further without it", unit=Unit.COUNT),
        Column(name="now", label="there now", meaning="customers whose last stage it is", unit=Unit.COUNT),
        Column(
            name="median_days",
            label="half stay longer than",
            meaning="days until another stage or the end, open stays censored (Kaplan-Meier)",
            unit=Unit.DAYS,
            low="median_low",
            high="median_high",
        ),
        _SMALL,
    ),
)
_PASSAGES = TableSpec(
    title="From each stage to the next within {within_days:g} days; {level} intervals",
    columns=(
        Column(name="from_stage", label="from", meaning="stage entered"),
        Column(name="to_stage", label="to", meaning="the next one"),
        Column(name="n", label="came", meaning="entries into the first stage", unit=Unit.COUNT),
        Column(
            name="value",
            label="come through",
            meaning="share within the days, leaving competing (Aalen-Johansen)",
            unit=Unit.SHARE,
            low="low",
            high="high",
        ),
        Column(
            name="lost",
            label="lost",
            meaning="not come through within the days",
            unit=Unit.SHARE,
            low="lost_low",
            high="lost_high",
        ),
        Column(
            name="median_days",
            label="half are through after",
            meaning="days",
            unit=Unit.DAYS,
            low="median_low",
            high="median_high",
        ),
        Column(name="note", label="remark", meaning="why a share is not given"),
    ),
)
_MOVES = TableSpec(
    title="What comes next within {within_days:g} days; {level} intervals",
    columns=(
        Column(name="stage", label="stage", meaning="entered"),
        Column(name="next", label="next", meaning="another stage, left, or still there"),
        Column(name="n", label="entries", meaning="into the stage", unit=Unit.COUNT),
        Column(
            name="value", label="share", meaning="within the days", unit=Unit.SHARE, low="low", high="high"
        ),
        _SMALL,
    ),
)
_FARES = TableSpec(
    title="How customers fare in each stage; {level} intervals, p corrected for {comparisons} comparisons",
    columns=(
        Column(name="label", label="figure", meaning="score, hand-offs or tickets"),
        Column(name="stage", label="stage", meaning="in which the customer was"),
        Column(
            name="value",
            label="value",
            meaning="in the stage",
            unit_from="unit",
            low="low",
            high="high",
        ),
        Column(name="n", label="n", meaning="answers or tickets", unit=Unit.COUNT),
        Column(name="customers", label="customers", meaning="behind them", unit=Unit.COUNT),
        Column(
            name="difference",
            label="less all other stages",
            meaning="difference, errors linked within customers",
            unit_from="unit",
            low="difference_low",
            high="difference_high",
        ),
        Column(name="p_adjusted", label="p", meaning="corrected (max-t)", unit=Unit.P_VALUE),
        Column(name="verdict", label="reading", meaning="better, worse, within noise, not judged"),
    ),
)

_ASKED_SCORES = TableSpec(
    title="Scores where they are asked, of all answers; {level} intervals",
    groups_first=True,
    columns=(
        Column(name="label", label="score", meaning="of a question"),
        Column(name="value", label="value", meaning="in the cell", unit_from="unit", low="low", high="high"),
        Column(name="n", label="answers", meaning="with a score", unit=Unit.COUNT),
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Journey(Result):
    """How customers go through the declared stages.

    Attributes
    ----------
    stages : tuple of str
    within_days : float
        Whoever has not come to the next stage by then counts as lost there.
    table, passages, moves, fares : DataFrame
        Stages; each stage and the next; what follows each stage; figures by stage.
    worst : str
        The passage where more are lost than anywhere else, beyond noise: ``"use to maintain"``; or empty.
    trial, self_service, tickets, quiet : Estimate or None
        Trial to paid; share of requests in which customers helped themselves; tickets a customer and year;
        customers without a ticket.
    coverage : Coverage or None
        What is asked where, and whose voice is heard.
    asked_scores : DataFrame
        Scores of every question by the cells of the coverage.
    missing : mapping of str to str
        Why a part is None, by its name.
    n : int
        People who entered any stage.
    comparisons : int
        Judged together, with one error.
    reach : float
        Standard errors by which a difference must exceed nought to be named.
    sentences, notes : tuple of str
    level : float
    """

    stages: tuple[str, ...]
    within_days: float
    table: pd.DataFrame
    passages: pd.DataFrame
    moves: pd.DataFrame
    fares: pd.DataFrame
    worst: str
    trial: Estimate | None
    self_service: Estimate | None
    tickets: Estimate | None
    quiet: Estimate | None
    coverage: Coverage | None
    asked_scores: pd.DataFrame
    missing: Mapping[str, str]
    n: int
    comparisons: int
    reach: float
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    level: float

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": _STAGES,
        "passages": _PASSAGES,
        "moves": _MOVES,
        "fares": _FARES,
        "asked_scores": _ASKED_SCORES,
    }

    @property
    def finding(self) -> str:
        """The answer in a few sentences."""
        return " ".join(self.sentences)

    @property
    def stands_out(self) -> bool:
        """Whether a passage or a stage stands out beyond noise."""
        return bool(self.worst) or bool(self.fares["verdict"].isin(["better", "worse"]).any())

    @property
    def taken(self) -> pd.DataFrame:
        """The moves that anybody made, of ``moves``."""
        return self.moves[self.moves["value"] > 0].reset_index(drop=True)

    @property
    def help(self) -> tuple[Estimate | None, ...]:
        """Trial to paid, self-service, tickets a customer, customers without one; None where not told."""
        return (self.trial, self.self_service, self.tickets, self.quiet)

    @property
    def headline(self) -> tuple[Estimate, ...]:
        """Figures that a report follows from run to run; their names do not depend on what is found."""
        figures = [self._passage(row) for row in self.passages.to_dict("records") if row["value"] >= 0]
        further = (self.trial, self.self_service, self.tickets)
        return (*figures, *(figure for figure in further if figure is not None))

    def _passage(self, row: Mapping[Any, Any]) -> Estimate:
        return Estimate(
            name=f"{row['from_stage']} to {row['to_stage']} within {self.within_days:g} days",
            value=float(row["value"]),
            low=float(row["low"]),
            high=float(row["high"]),
            se=float(row["se"]),
            level=self.level,
            n=int(row["n"]),
            unit=Unit.SHARE,
            method="Aalen-Johansen, leaving competing",
            denominator="entries into the stage",
        )
