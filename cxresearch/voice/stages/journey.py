"""``journey``: how customers go through the declared stages, where they are lost, and how they fare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.data.study_file.declarations import DeclaredJourney
from cxresearch.errors import CxError, DataError
from cxresearch.metrics.journey_facts.coverage import coverage
from cxresearch.metrics.tables.metric_table import metric_table
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.voice.stages.helped_themselves import self_service_share, tickets_a_customer
from cxresearch.voice.stages.journey_result import Journey
from cxresearch.voice.stages.journey_words import never_asked, sentences, worst_passage
from cxresearch.voice.stages.stage_contrasts import stage_contrasts
from cxresearch.voice.stages.stage_entries import MOMENTS, StageEntries, stage_entries
from cxresearch.voice.stages.stage_measures import StageMeasure, stage_measures
from cxresearch.voice.stages.stage_moves import move_table, stage_table
from cxresearch.voice.stages.stage_passages import SELECTED, passage, passages, spells
from cxresearch.voice.who.asked_question import asked_question

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.metrics.journey_facts.coverage_result import Coverage

Part = TypeVar("Part")


def journey(
    study: Study,
    *,
    stages: Sequence[str] | None = None,
    within_days: float | None = None,
    trial: Sequence[str] | None = None,
    self_service: Sequence[str] | None = None,
    window_days: float = 365,
    level: float = 0.95,
) -> Journey:
    """Say how many customers pass each stage, how long it takes, where they are lost, and how they fare.

    Parameters
    ----------
    study : Study
        With customers, and events that say who entered a stage: of kind ``stage`` whose note is its name, or
        of a kind called as the stage. Answers and tickets say how customers fare.
    stages : sequence of str, optional
        In the order in which one goes through them; by default those of ``[journey]`` in the study file.
        Stages may overlap, be skipped, and come again.
    within_days : float, optional
        Whoever has not come to the next stage within so many days is lost there; whoever was not followed for
        so long is censored, not lost. By default as declared, or 90.
    trial : pair of str, optional
        Where a trial begins and what it should end in: two stages or moments such as
        ``("started", "paid")``.
    self_service : sequence of str, optional
        Channels of tickets and kinds of events in which customers help themselves.
    window_days : float
        Coverage, self-service and tickets a customer are those of so many days up to the data cut.
    level : float
        Of intervals; 1 - level is the chance that any comparison of the page is named without a difference.

    Returns
    -------
    Journey
        What cannot be answered is None, and ``missing`` says why.

    Raises
    ------
    ArgumentError
        If fewer than two stages are declared, or a stage is entered by something the study does not have.
    DataError
        If nobody entered a stage.

    Notes
    -----
    Passages are cumulative incidences with leaving competing (Aalen and Johansen 1978), linked within
    customers; days in a stage are Kaplan-Meier's. An answer, or a ticket, belongs to the stage its customer
    had entered last by then. A passage that lies before the customers' start cannot lose anybody, and is not
    judged. Guide: ``docs/journey.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from cxresearch.data.study import Study
    >>> rng = np.random.default_rng(1)
    >>> ids = [f"c{number}" for number in range(300)]
    >>> start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, 300), unit="D")
    >>> used = rng.random(300) < 0.6
    >>> pay = pd.DataFrame({"customer_id": ids, "occurred_at": start, "kind": "stage", "note": "pay"})
    >>> use = pay[used].assign(note="use", occurred_at=start[used] + pd.Timedelta(days=5))
    >>> study = Study.from_frames(
    ...     customers=pd.DataFrame({"customer_id": ids, "started_at": start}),
    ...     events=pd.concat([pay, use]),
    ...     observed_until="2024-12-31",
    ... )
    >>> result = journey(study, stages=["pay", "use"], within_days=30)
    >>> result.sentences[0].split(". ")[0]
    'Of 100 customers in pay, 63 come to use within 30 days [58, 69]'
    """
    check_level(level)
    check_number("window_days", window_days, above=0)
    declared = _declared(study, stages, within_days, trial, self_service)
    check_number("within_days", declared.within_days, above=0)
    entries = stage_entries(study, declared.stages, declared.entered)
    ways = passages(entries, within_days=declared.within_days, level=level)
    helped = "asked_for_help" in declared.entered.values()
    measures = stage_measures(study, entries, helped=helped)
    judged = stage_contrasts(measures, entries.stages, lost=ways, level=level)
    parts = _Parts()
    asked = parts.get("coverage", coverage, study, window_days=window_days, level=level)
    alone = parts.get(
        "self_service",
        self_service_share,
        study,
        declared.self_service,
        window_days=window_days,
        level=level,
    )
    tickets_of = parts.get("tickets", tickets_a_customer, study, window_days=window_days, level=level)
    tickets, quiet = tickets_of or (None, None)
    paid = parts.get("trial", _trial, study, declared, level)
    return Journey(
        stages=entries.stages,
        within_days=declared.within_days,
        table=stage_table(entries, level=level),
        passages=ways,
        moves=move_table(entries, within_days=declared.within_days, level=level),
        fares=judged.table,
        worst=worst_passage(ways, judged, level),
        trial=paid,
        self_service=alone,
        tickets=tickets,
        quiet=quiet,
        coverage=asked,
        asked_scores=_asked_scores(study, asked, level),
        missing=parts.missing,
        n=len(set(entries.who.tolist())),
        comparisons=judged.comparisons,
        reach=judged.reach,
        sentences=(
            *sentences(ways, judged, within_days=declared.within_days, level=level),
            *never_asked(entries.stages, measures),
        ),
        notes=_notes(entries, ways, measures),
        level=level,
    )


class _Parts:
    """Computes one part after the other, and notes why one cannot be had."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}

    def get(self, name: str, compute: Callable[..., Part], *arguments: Any, **options: Any) -> Part | None:
        try:
            return compute(*arguments, **options)
        except CxError as error:
            self.missing[name] = f"{error.problem[0].upper()}{error.problem[1:]}."
            return None


def _declared(
    study: Study,
    stages: Sequence[str] | None,
    within_days: float | None,
    trial: Sequence[str] | None,
    self_service: Sequence[str] | None,
) -> DeclaredJourney:
    """What was asked for, and of the rest what the study file declares."""
    declared = study.journey or DeclaredJourney(stages=())
    names = declared.stages
    entered: Mapping[str, str] = declared.entered
    if stages is not None:
        names = tuple(stages)
        # Stages named here may be moments by their own name.
        entered = {name: declared.entered.get(name, name) for name in names if name in MOMENTS} | {
            name: source for name, source in declared.entered.items() if name in names
        }
    return DeclaredJourney(
        stages=names,
        entered=entered,
        within_days=declared.within_days if within_days is None else within_days,
        trial=declared.trial if trial is None else tuple(trial),
        self_service=declared.self_service if self_service is None else tuple(self_service),
    )


def _asked_scores(study: Study, asked: Coverage | None, level: float) -> pd.DataFrame:
    """Scores of every question by the cells in which it was asked."""
    if asked is None:
        return pd.DataFrame(columns=["label", "value", "low", "high", "n", "unit"])
    parts = []
    for name in study.instruments:
        cells = metric_table(study, name, by=asked.by, level=level)
        cells = cells[cells["n"] > 0].assign(label=asked_question(study, name)[1].label)
        parts.append(cells[[*asked.by, "label", "value", "low", "high", "n", "unit"]])
    return pd.concat(parts, ignore_index=True)


def _trial(study: Study, declared: DeclaredJourney, level: float) -> Estimate:
    """Return the share of trials that end in paying within the days."""
    if len(declared.trial) != 2:
        raise DataError(
            "where a trial begins and what it ends in is not declared",
            next_step='write [journey] trial = ["started", "paid"] in study.toml',
        )
    sources = {name: declared.entered.get(name, name) for name in declared.trial}
    moments = {
        name: source for name, source in sources.items() if source in MOMENTS or name in declared.entered
    }
    entries = stage_entries(study, declared.trial, moments)
    row = passage(entries, spells(entries, 0, 1), within_days=declared.within_days, level=level)
    if row["note"]:
        raise DataError(f"trial to paid cannot be told: {row['note']}")
    return Estimate(
        name=f"Trial to paid within {declared.within_days:g} days",
        **{name: row[name] for name in ("value", "low", "high", "se")},
        level=level,
        n=row["n"],
        unit=Unit.SHARE,
        method="Aalen-Johansen, leaving competing",
        denominator="trials begun",
    )


def _notes(entries: StageEntries, ways: pd.DataFrame, measures: Sequence[StageMeasure]) -> tuple[str, ...]:
    notes = list(entries.notes)
    present = set(entries.stage.tolist())
    never = [stage for place, stage in enumerate(entries.stages) if place not in present]
    if never:
        notes.append(f"Nobody ever entered {', '.join(never)}: see the spelling in the events.")
    notes += [
        f"{row['ahead']:,} customers were in {row['to_stage']} before {row['from_stage']}: they are not "
        "counted on the way between the two."
        for row in ways[ways["ahead"] > 0].to_dict("records")
    ]
    if (ways["note"] == SELECTED).any():
        notes.append(
            "To see who is lost before the start, list those who only looked among the customers, with the "
            "day of their first contact as started_at."
        )
    last, first = entries.stages[-1], entries.stages[0]
    if (last, first) not in set(zip(ways["from_stage"], ways["to_stage"], strict=True)):
        notes.append(f"Nobody came back from {last} to {first}: there is no second round in these data.")
    for measure in measures:
        if measure.n_without:
            notes.append(f"{measure.label}: {measure.n_without:,} rows of customers in no stage by then.")
    notes.append(
        "A stage is where customers are, not what was done to them: those who stay on are others than those "
        "who begin."
    )
    return tuple(notes)
