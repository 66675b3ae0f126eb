"""How customers fare in each stage: scores, hand-offs, tickets a year, summed by customer and stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.results.units import Unit
from cxresearch.voice.stages.stage_entries import days_before_cut
from cxresearch.voice.stages.stage_moves import stays
from cxresearch.voice.who.asked_question import asked_question, values_by_score

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places
    from cxresearch.data.study import Study
    from cxresearch.voice.stages.stage_entries import StageEntries

_YEAR_DAYS = 365.25
#: Figures of tickets; the others are those of questions.
HELP = ("tickets_a_year", "handoffs")


@dataclass(frozen=True, kw_only=True)
class StageMeasure:
    """One figure by stage: a sum over a count or a time, by customer and stage.

    Attributes
    ----------
    name, label : str
        ``"ces"``, ``"CES mean"``.
    unit : Unit
    good : {"high", "low"}
        Which end is good for the customer.
    above, below : ndarray, shape (customers, stages)
        Sums of values, and how many (or how long) they are of.
    n : ndarray of int, shape (stages,)
        Answers or tickets in each stage.
    n_without : int
        Answers or tickets of customers who were in no stage yet.
    """

    name: str
    label: str
    unit: Unit
    good: Literal["high", "low"]
    above: Floats
    below: Floats
    n: Places
    n_without: int


def stage_measures(study: Study, entries: StageEntries, *, helped: bool = False) -> list[StageMeasure]:
    """Return the figures that a study's tables allow, questions first, each in its primary measure.

    ``helped`` says that a ticket is what enters one of the stages: tickets are no figure then.
    """
    measures = _questions(study, entries)
    # Where asking for help is what enters a stage, tickets are its definition and say nothing about it.
    if "tickets" in study.tables and not helped:
        measures += _tickets(study, entries)
    return measures


def _questions(study: Study, entries: StageEntries) -> list[StageMeasure]:
    if "responses" not in study.tables or not study.instruments:
        return []
    rows = study.table("responses")
    if "customer_id" not in rows.collect_schema().names():
        return []
    rows = rows.filter(~nw.col("score").is_null() & ~nw.col("responded_at").is_null())
    answers = collect(rows.select("customer_id", "instrument", "score", "responded_at"))
    who = entries.ids.get_indexer(pd.Index(answers["customer_id"]))
    # The stage at the time of the answer: the one entered last by then.
    stage = entries.stage_at(who, days_before_cut(study, answers["responded_at"]))
    measures = []
    for name in study.instruments:
        of_question = (answers["instrument"] == name).to_numpy()
        if not of_question.any():
            continue
        _, measure = asked_question(study, name)
        values = answers.loc[of_question, "score"].map(values_by_score(measure))
        good: Literal["high", "low"] = "high"
        if measure.scale.direction == "low_is_good" and measure.kind == "mean":
            good = "low"
        sums = _sums(entries, who[of_question], stage[of_question], np.asarray(values, dtype=np.float64))
        label = measure.label
        measures.append(StageMeasure(name=name, label=label, unit=measure.unit, good=good, **sums))
    return measures


def _tickets(study: Study, entries: StageEntries) -> list[StageMeasure]:
    rows = study.table("tickets")
    present = rows.collect_schema().names()
    if "customer_id" not in present:
        return []
    wanted = [name for name in ("customer_id", "created_at", "handoffs") if name in present]
    tickets = collect(rows.filter(~nw.col("customer_id").is_null()).select(wanted))
    who = entries.ids.get_indexer(pd.Index(tickets["customer_id"]))
    at = days_before_cut(study, tickets["created_at"])
    stage = entries.stage_at(who, at)
    # Who has not begun, as prospects have not, has no time in which to need help: neither counts.
    stage = np.where((who >= 0) & (at >= entries.started[who]), stage, -1)
    sums = _sums(entries, who, stage, np.ones(len(who)))
    # Tickets over years spent in the stage, both summed by customer.
    sums["below"] = years_in(entries)
    measures = [
        StageMeasure(
            name="tickets_a_year", label="Tickets a customer and year", unit=Unit.RATIO, good="low", **sums
        )
    ]
    if "handoffs" in present and tickets["handoffs"].notna().any():
        known = tickets["handoffs"].notna().to_numpy()
        values = tickets["handoffs"].to_numpy(dtype=np.float64)[known]
        sums = _sums(entries, who[known], stage[known], values)
        label = "Hand-offs a ticket"
        measures.append(StageMeasure(name="handoffs", label=label, unit=Unit.RATIO, good="low", **sums))
    return measures


def years_in(entries: StageEntries) -> Floats:
    """Return the years each customer spent in each stage since the start, shape (customers, stages)."""
    days, _ = stays(entries)
    # Time at risk of a ticket: from the entry, or the start where that is later, to the next entry.
    over = entries.day + days
    since = np.fmax(entries.day, entries.started[entries.who])
    since = np.where(np.isnan(entries.started[entries.who]), over, since)
    return _by_cell(entries, entries.who, entries.stage, np.maximum(over - since, 0.0) / _YEAR_DAYS)


def _sums(entries: StageEntries, who: Places, stage: Places, values: Floats) -> dict[str, Any]:
    """Sums and counts by customer and stage; rows of people in no stage are counted beside."""
    inside = (stage >= 0) & (who >= 0) & ~np.isnan(values)
    who, stage, values = who[inside], stage[inside], values[inside]
    return {
        "above": _by_cell(entries, who, stage, values),
        "below": _by_cell(entries, who, stage, np.ones(len(who))),
        "n": np.bincount(stage, minlength=len(entries.stages)),
        "n_without": int((~inside).sum()),
    }


def _by_cell(entries: StageEntries, who: Places, stage: Places, values: Floats) -> Floats:
    shape = (len(entries.ids), len(entries.stages))
    # One number for customer and stage: sums of all cells in one pass.
    cell = who * shape[1] + stage
    sums = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
    return sums.astype(np.float64).reshape(shape)
