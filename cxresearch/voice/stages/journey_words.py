"""The journey in sentences: where most are lost, which stage is hard, what would have been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.voice.stages.stage_contrasts import (
    BETTER,
    NOISE,
    WORSE,
    Judged,
    seen_four_times_in_five,
)
from cxresearch.voice.stages.stage_measures import HELP
from cxresearch.voice.stages.stage_passages import SELECTED
from cxresearch.wording import only_if

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cxresearch.voice.stages.stage_measures import StageMeasure

#: Differences that a sentence names before the table has the rest.
_NAMED = 3


def worst_passage(passages: pd.DataFrame, judged: Judged, level: float) -> str:
    """Return the passage where most are lost, beyond noise; else an empty text."""
    if not judged.lost_p < 1 - level:
        return ""
    row = _by_loss(passages)[0]
    return f"{row['from_stage']} to {row['to_stage']}"


def sentences(passages: pd.DataFrame, judged: Judged, *, within_days: float, level: float) -> tuple[str, ...]:
    """Return the sentences a page begins with, the first by itself the answer."""
    parts = [_lost(passages, judged, within_days=within_days, level=level)]
    parts.append(_days(passages))
    parts += _stages_named(judged)
    parts.append(_would_have_been_seen(judged))
    return tuple(part for part in parts if part)


def never_asked(stages: Sequence[str], measures: Sequence[StageMeasure]) -> tuple[str, ...]:
    """Return the sentence that names stages from which no answer to any question came; empty without one."""
    asked = [measure.n for measure in measures if measure.name not in HELP]
    if not asked:
        return ("No answer can be linked to a stage.",)
    answers = np.sum(asked, axis=0)
    silent = [stage for stage, n in zip(stages, answers, strict=True) if not n]
    if not silent:
        return ()
    return (f"No answer at all comes from customers in {' or '.join(silent)}: nobody knows how they fare.",)


def _by_loss(passages: pd.DataFrame) -> list[dict[Any, Any]]:
    able = passages[passages["lost"].notna()]
    return able.sort_values("lost", ascending=False, kind="stable").to_dict("records")


def _lost(passages: pd.DataFrame, judged: Judged, *, within_days: float, level: float) -> str:
    rows = _by_loss(passages)
    if not rows:
        return "Where customers are lost these data cannot tell: " + "; ".join(_why_not(passages)) + "."
    first = rows[0]
    # A largest loss is named only if it is larger than the next beyond noise (Gutmann and Maymin 1987).
    through = _of_a_hundred(first, within_days)
    lead = f"{first['from_stage']} and {first['to_stage']}"
    if len(rows) == 1:
        return f"{through} It is the only passage that these data can judge."
    if judged.lost_p < 1 - level:
        return f"Most are lost between {lead}: {_lower(through)}"
    second = rows[1]
    pair = f"{second['from_stage']} and {second['to_stage']}"
    return f"Between {lead} and between {pair} about as many are lost, within noise. {through}"


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _of_a_hundred(row: Mapping[Any, Any], within_days: float) -> str:
    """Of 100 customers in pick, 61 come to pay within 30 days [57, 65]."""
    figure = f"{100 * row['value']:.0f}"
    ends = f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
    place = f"{row['from_stage']}, {figure} come to {row['to_stage']}"
    text = f"Of 100 customers in {place} within {within_days:g} days {ends}"
    if row["left_share"] >= 0.005:
        text += f"; {100 * row['left_share']:.0f} have left by then"
    return text + only_if(row["small_base"], f" (only {row['n']:,} came)") + "."


def _why_not(passages: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(passages.loc[passages["note"] != "", "note"]))


def _days(passages: pd.DataFrame) -> str:
    """The slowest passage, and passages in which nobody can be lost."""
    parts = []
    # Times of passages that are a selection are those of the ones who came through: not compared.
    timed = passages[passages["median_days"].notna() & passages["lost"].notna()]
    if len(timed) > 1:
        row = timed.sort_values("median_days", ascending=False).iloc[0]
        days = format_estimate(row["median_days"], row["median_low"], row["median_high"], Unit.DAYS)
        parts.append(f"It takes longest from {row['from_stage']} to {row['to_stage']}: half after {days}.")
    selected = passages[passages["note"] == SELECTED]
    if len(selected):
        pairs = [f"{a} to {b}" for a, b in zip(selected["from_stage"], selected["to_stage"], strict=True)]
        parts.append(
            f"Who was lost from {' and from '.join(pairs)} these data cannot tell: many were there before "
            "their start, and those who never became customers are not in the data."
        )
    return " ".join(parts)


def _stages_named(judged: Judged) -> list[str]:
    """Stages that differ beyond noise, the surest first, the worse before the better."""
    rows = judged.table[judged.table["verdict"].isin([BETTER, WORSE])]
    rows = rows.sort_values(["p_adjusted", "p_value"], kind="stable")
    worse = rows[rows["verdict"] == WORSE].head(_NAMED).to_dict("records")
    texts = [_difference(row) for row in worse]
    if not worse:
        texts = [_difference(row) for row in rows.head(_NAMED).to_dict("records")]
    more = len(rows) - len(texts)
    if more > 0:
        texts.append(f"{more:,} more differences stand in the table.")
    return texts


def _difference(row: Mapping[Any, Any]) -> str:
    unit = Unit(row["unit"])
    value = format_estimate(row["value"], row["low"], row["high"], unit)
    other = format_value(row["value"] - row["difference"], unit)
    lead = row["verdict"]
    if row["verdict"] == WORSE and row["measure"].startswith("ces"):
        return f"Effort is highest in {row['stage']}: {row['label']} {value}, in all other stages {other}."
    return f"{row['label']} is {lead} in {row['stage']}: {value}, in all other stages {other}."


def _would_have_been_seen(judged: Judged) -> str:
    """How large a difference would have been seen, where no stage differs."""
    table = judged.table
    if table["verdict"].isin([BETTER, WORSE]).any():
        return ""
    if not (table["verdict"] == NOISE).any():
        if not len(table):
            return ""
        return "How customers fare cannot be judged by stage: fewer than two have 30 answers or tickets."
    parts = []
    for label, rows in table.groupby("label", sort=False):
        size = seen_four_times_in_five(rows, judged.reach)
        if not np.isnan(size):
            unit = Unit(rows["unit"].iloc[0])
            parts.append(f"{size_in(unit, size)} in {_within_a_sentence(str(label))}")
    return (
        "No stage differs from the others in any figure, within noise; a difference of "
        f"{' or '.join(parts)} would have been seen four times in five."
    )


def _within_a_sentence(label: str) -> str:
    """Return a label without the capital of its beginning, unless it is an abbreviation."""
    if label[1:2].islower():
        return label[0].lower() + label[1:]
    return label


def size_in(unit: Unit, size: float) -> str:
    """Return a size of a difference without a sign.

    Examples
    --------
    >>> size_in(Unit.POINTS, 8.25)
    '8.2 points'
    """
    if unit is Unit.POINTS:
        return f"{size:.1f} points"
    return format_value(size, unit)
