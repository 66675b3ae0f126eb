"""``four_answers``: who is unhappy, since when, why, and what helps, on what tables a study has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from cxresearch.checks import check_columns, check_level
from cxresearch.data.engine import collect
from cxresearch.errors import CxError
from cxresearch.metrics.tables.one_metric import metric
from cxresearch.voice.answers.four_answers_result import FourAnswers
from cxresearch.voice.answers.four_sentences import (
    capitalised,
    group_sentence,
    help_sentence,
    help_sentences,
    people_sentence,
    writing_sentence,
)
from cxresearch.voice.answers.standing_fall import searchable, standing_fall
from cxresearch.voice.answers.themes_around import themes_around
from cxresearch.voice.causes.leaving_reasons import leaving_reasons
from cxresearch.voice.recovery.recovery import recovery
from cxresearch.voice.who.asked_question import asked_question
from cxresearch.voice.who.unhappy_customers import unhappy_customers
from cxresearch.voice.who.who import who
from cxresearch.voice.why.theme_impact import theme_impact
from cxresearch.voice.why.themes import themes

if TYPE_CHECKING:
    from pathlib import Path

    from cxresearch.data.study import Study
    from cxresearch.stats.text.codebook import Codebook

Part = TypeVar("Part")
#: Kinds of events that answer unhappiness by their name; others have to be named.
USUAL_ACTIONS = (
    "apology",
    "call",
    "call_back",
    "callback",
    "check_in",
    "credit",
    "discount",
    "escalation",
    "follow_up",
    "fix",
    "gift",
    "refund",
    "replacement",
    "training",
    "visit",
    "voucher",
)
#: Outcomes of actions that the answer speaks of.
OUTCOMES = ("next_score", "happy_again", "churn")


@dataclass
class _Parts:
    """Computes one part after the other, and notes why one cannot be had."""

    missing: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, compute: Callable[..., Part], *arguments: Any, **options: Any) -> Part | None:
        try:
            return compute(*arguments, **options)
        except CxError as error:
            self.missing[name] = f"{capitalised(error.problem)}."
            return None


def four_answers(  # noqa: PLR0913 - four questions, each with choices of its own
    study: Study,
    score: str | None = None,
    *,
    by: str | Sequence[str] | None = None,
    depth: int = 1,
    codebook: Codebook | Mapping[str, Any] | str | Path | None = None,
    actions: Sequence[str] | None = None,
    grace_days: float = 7,
    horizon_days: float = 90,
    recent_days: float = 365,
    level: float = 0.95,
    seed: int = 1,
) -> FourAnswers:
    """Say who is unhappy, since when, why, and what helps.

    Parameters
    ----------
    study : Study
        Answers to a question suffice; each table more answers more.
    score : str, optional
        ``"nps"``, ``"csat"`` ...; by default the NPS, or else the first question.
    by : str or sequence of str, optional
        Columns whose groups are searched for a fall; by default the segments of the study. Who is unhappy is
        searched in all columns that are groups.
    depth : {1, 2, 3}
        Columns crossed at most in the search for unhappy groups.
    codebook : path, mapping or Codebook, optional
        Themes of the comments, see :func:`themes`; by default they are discovered.
    actions : sequence of str, optional
        Kinds of events to judge; by default those that name a customer and are called what one does for
        unhappy customers (``call_back``, ``refund``, ``credit`` ...).
    grace_days, horizon_days : float
        See :func:`recovery`.
    recent_days : float
        Who is unhappy is asked of the answers of so many days before the data cut.
    level : float
        Of intervals; 1 - level is the chance that a fall is found where there is none.
    seed : int

    Returns
    -------
    FourAnswers
        What cannot be answered is None, and ``missing`` says why.

    Raises
    ------
    ArgumentError
        If the score or a column does not exist.

    Notes
    -----
    The four parts are those of :func:`who`, :func:`since_when`, :func:`themes` with :func:`theme_impact`, and
    :func:`recovery`; the fall is searched as :func:`standing_fall` says. Guide: ``docs/unhappy.md``.

    Examples
    --------
    >>> import numpy as np
    >>> from cxresearch.data.study import Study
    >>> from cxresearch.scales import NPS
    >>> rng = np.random.default_rng(3)
    >>> moments = pd.date_range("2025-01-01", periods=300).repeat(4)
    >>> happy = rng.random(1200) < np.where(moments < "2025-07-20", 0.7, 0.4)
    >>> answers = pd.DataFrame({"customer_id": range(1200), "instrument": "nps", "responded_at": moments})
    >>> answers["score"] = np.where(happy, 10, 5)
    >>> study = Study.from_frames(
    ...     {"responses": answers}, observed_until="2025-10-27", instruments={"nps": NPS}
    ... )
    >>> result = four_answers(study)
    >>> result.finding.split(":")[0]
    'Since 20 July 2025 (19 to 22 July 2025) customers are unhappy'
    >>> sorted(result.missing)
    ['people', 'reasons', 'recovery', 'themes']
    """
    check_level(level)
    instrument, measure = asked_question(study, score)
    name = score or instrument
    columns = check_columns("by", by) or searchable(study)
    parts = _Parts()
    # who is asked of the last year: what was long ago is not what is
    start = study.observed_until - timedelta(days=recent_days)
    search = parts.get("who", who, study, name, depth=depth, start=start, level=level)
    fall = parts.get("since_when", standing_fall, study, name, columns, level=level, seed=seed)
    people = parts.get("people", unhappy_customers, study, name, risk="none", level=level)
    texts = parts.get("themes", themes, study, codebook=codebook, level=level)
    # effects of themes beside the groups, so that a country's mood is not taken for a theme's
    impact = None
    if texts is not None:
        held = [column for column in columns if column in study.segments]
        impact = parts.get("impact", theme_impact, texts, instrument, by=held, level=level)
    around = pd.DataFrame()
    if texts is not None and fall is not None and fall.row is not None:
        day = pd.Timestamp(fall.row["since"])
        around = themes_around(texts, day, column=fall.column, group=fall.group, level=level)
    # no action named and none recognised is refused by `recovery`, and the page says so
    acts = parts.get(
        "recovery",
        recovery,
        study,
        unhappy=instrument,
        actions=list(actions or _usual_actions(study)),
        grace_days=grace_days,
        horizon_days=horizon_days,
        outcomes=OUTCOMES,
        level=level,
    )
    reasons = parts.get("reasons", leaving_reasons, study, level=level)
    result = FourAnswers(
        label=measure.label,
        table=pd.DataFrame(),
        score=metric(study, name, level=level),
        who=search,
        fall=fall,
        people=people,
        themes=texts,
        around=around,
        impact=impact,
        reasons=reasons,
        recovery=acts,
        missing=parts.missing,
        sentences=(),
        notes=(),
        level=level,
    )
    return _in_words(result, study.currency)


def _usual_actions(study: Study) -> list[str]:
    """Kinds of events that name a customer and are called what one does for unhappy customers."""
    if "events" not in study.tables:
        return []
    events = study.table("events")
    if "customer_id" not in events.collect_schema().names():
        return []
    kinds = collect(events.select("kind", "customer_id").drop_nulls().select("kind").unique())["kind"]
    return [kind for kind in sorted(kinds) if kind.casefold().replace(" ", "_") in USUAL_ACTIONS]


def _in_words(result: FourAnswers, currency: str) -> FourAnswers:
    """Add the four sentences, and the finding they make together."""
    texts = _texts(result, currency)
    missing = result.missing
    why = " ".join(text for text in (texts["writing"], texts["impact"]) if text)
    answers = {
        "who": f"{texts['group']} {texts['people']}",
        "since when": texts["when"],
        "why": why or missing.get("themes") or missing.get("impact", ""),
        "what helps": texts["effects"] or missing["recovery"],
    }
    # without a fall, the group that is named, if any, and what would have been seen are one answer
    first = f"{texts['unhappiest']} {texts['when']}".strip()
    further = [texts["people"] * (result.people is not None), texts["helps"]]
    if result.fell:
        first = texts["when"]
        further = [texts["writing"], *further]
    table = pd.DataFrame({"question": list(answers), "answer": [text.strip() for text in answers.values()]})
    sentences = (first, *(text for text in further if text))
    return replace(result, table=table, sentences=sentences, notes=_notes(result))


def _texts(result: FourAnswers, currency: str) -> dict[str, str]:
    """Each part in words, or why it cannot be had; empty where neither is worth a sentence."""
    missing = result.missing
    texts = dict.fromkeys(("unhappiest", "impact", "helps", "effects"), "")
    texts["group"] = missing.get("who", "")
    texts["when"] = missing.get("since_when", "")
    texts["people"] = missing.get("people", "")
    texts["writing"] = writing_sentence(result.around, result.impact, level=result.level)
    if result.who is not None:
        texts["group"] = group_sentence(result.who)
        texts["unhappiest"] = texts["group"] * bool(len(result.who.unhappy))
    if result.fall is not None:
        texts["when"] = result.fall.sentence
    if result.people is not None:
        texts["people"] = people_sentence(result.people, result.fall, currency)
    if result.impact is not None:
        texts["impact"] = capitalised(result.impact.finding)
    if result.recovery is not None:
        texts["helps"] = help_sentence(result.recovery)
        texts["effects"] = " ".join(help_sentences(result.recovery).values())
    return texts


def _notes(result: FourAnswers) -> tuple[str, ...]:
    """What the reader must know of the parts: what was searched, and their own doubts."""
    notes = []
    if result.fall is not None:
        columns = ", ".join(("all customers", *result.fall.searched))
        notes.append(
            f"A fall was searched in {columns}; {100 * (1 - result.level):.3g} % is the chance of finding one"
            " anywhere where there is none."
        )
        notes += result.fall.since.notes
    if result.recovery is not None:
        notes += [note for note in result.recovery.notes if "Do not trust" in note or "still differ" in note]
    return tuple(notes)
