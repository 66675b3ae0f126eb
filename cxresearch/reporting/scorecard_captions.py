"""What the scorecard's page says around its figures: the finding, what stands, amounts, targets, contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.metrics.scorecard.scorecard_words import change_text, year_ago_texts
from cxresearch.metrics.scorecard.target_readings import reading_of
from cxresearch.metrics.support.follow_up_metrics import CONTACT_KINDS
from cxresearch.reporting.captions import wished_metrics
from cxresearch.reporting.writing.blocks import sentence
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.data.study import Study
    from cxresearch.metrics.scorecard.scorecard_result import Scorecard
    from cxresearch.voice.when.standing_changes_result import StandingChanges

_PICTURES = 3


def scorecard_finding(card: Scorecard, standing: StandingChanges | None) -> str:
    """Return the answer: who is unhappy and since when, then what moved in the last period."""
    if standing is None or not len(standing.named):
        return card.finding
    return f"{standing.finding} {card.finding}"


def scorecard_detail(
    card: Scorecard,
    study: Study,
    standing: StandingChanges | None,
    *,
    featured: Sequence[str],
    metrics: Sequence[str],
) -> str:
    """Return the amounts, the year, targets, groups, what could have been seen, and what was left out."""
    answered = set(card.overall.loc[card.overall["n"] > 0, "metric"])
    labels = {**card.labels, **{name: scale.label for name, scale in study.instruments.items()}}
    silent = [
        labels.get(name, name) for name in wished_metrics(study, featured, metrics) if name not in answered
    ]
    parts = [amounts(card), against_a_year_ago(card), targets_missed(card), card.groups_finding]
    if standing is not None:
        if not len(standing.named):
            parts.append(standing.finding)
        parts += map(sentence, standing.notes)
    parts += map(sentence, card.notes)
    if silent:
        parts.append(f"Declared or asked for, but without any answer: {', '.join(silent)}.")
    return "\n\n".join(part for part in parts if part)


def amounts(card: Scorecard) -> str:
    """Return recurring revenue with its currency and its change; empty without revenue."""
    rows = card.latest
    rows = rows[(rows["unit"] == Unit.MONEY) & (rows["verdict"] == "counted")]
    texts = card.glance.set_index("metric")["value"]
    return " ".join(
        f"{row['label']} {texts[row['label']]}: {change_text(row, card.currency)} since {row['against']}."
        for row in rows.to_dict("records")
    )


def against_a_year_ago(card: Scorecard) -> str:
    """Return what moved beyond noise against a year ago; empty where nothing did."""
    if not len(card.year_ago):
        return ""
    moved = card.year_ago[card.year_ago["verdict"].isin(["up", "down"])]
    texts = [f"{card.label(name)} {', '.join(year_ago_texts(moved, name))}" for name in moved["metric"]]
    if not texts:
        return "Against a year ago no judged figure moved beyond noise."
    return f"Against a year ago: {'; '.join(texts)}."


def targets_missed(card: Scorecard) -> str:
    """Return which targets are met, missed or open; empty without targets."""
    said: dict[str, list[str]] = {"missed": [], "met": [], "cannot tell": []}
    for row in card.latest.to_dict("records"):
        target = card.targets.get(row["metric"])
        if target is None or row["suppressed"]:
            continue
        reading = reading_of(row, target, card.good[row["metric"]])
        text = f"{row['label']} ({format_value(target, Unit(row['unit']))})"
        said.setdefault(reading, []).append(text)
    return " ".join(f"Targets {reading}: {', '.join(texts)}." for reading, texts in said.items() if texts)


def pictured_changes(standing: StandingChanges | None) -> list[dict[Any, Any]]:
    """Return the changes that get a picture: the first that are named."""
    if standing is None:
        return []
    return standing.named.head(_PICTURES).to_dict("records")


def contact_kinds(study: Study, contacts: Sequence[str]) -> list[str]:
    """Return the kinds of events that count as a contact: those given, else those called so.

    Empty where the study's events name no customer, or none is a contact.
    """
    if contacts:
        return list(contacts)
    if "events" not in study.tables or "customer_id" not in study.table("events").collect_schema().names():
        return []
    kinds = study.table("events").select("kind").unique().collect().to_pandas()["kind"]
    return sorted(kind for kind in map(str, kinds) if kind in CONTACT_KINDS)


def loop_column(study: Study, by: Sequence[str]) -> str | None:
    """Return by what the closed loop is shown: team, else the report's own column."""
    if "team" in study.table("responses").collect_schema().names():
        return "team"
    return next(iter(by), None)


def last_periods(table: pd.DataFrame, periods: int = 12) -> pd.DataFrame:
    """Return the rows of the last periods of a table by period, and the one of all together."""
    return table.tail(periods + 1)


def loop_caption(kinds: Sequence[str]) -> str:
    """Return what counts as a contact."""
    return "a contact is: " + ", ".join(kind.replace("_", " ") for kind in kinds)
