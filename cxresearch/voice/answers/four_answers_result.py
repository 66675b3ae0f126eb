"""Who is unhappy, since when, why, and what helps: one result that holds all four answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.voice.answers.four_sentences import action_words
from cxresearch.voice.answers.themes_around import AROUND
from cxresearch.wording import listed

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.voice.answers.standing_fall import StandingFall
    from cxresearch.voice.causes.leaving_reasons import LeavingReasons
    from cxresearch.voice.recovery.recovery import Recovery
    from cxresearch.voice.when.since_when_result import SinceWhen
    from cxresearch.voice.who.group_search import GroupSearch
    from cxresearch.voice.who.unhappy_customers import UnhappyCustomers
    from cxresearch.voice.why.theme_impact_result import ThemeImpact
    from cxresearch.voice.why.themes import Themes

#: Parts that hold nothing of a single customer, and go into ``to_dict``.
_PARTS = ("who", "impact", "reasons", "recovery")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FourAnswers(Result):
    """The four answers, each with the result behind it where the study has the tables for it.

    Attributes
    ----------
    label : str
        What a report calls the score: ``"NPS"``.
    table : DataFrame
        One row a question: ``question, answer``.
    score : Estimate
        Of all answers.
    who : GroupSearch or None
        The search over groups.
    fall : StandingFall or None
        The fall that stands, with the search in which it lies.
    people : UnhappyCustomers or None
        Customers whose last answer is an unhappy one: ids and revenue, never in ``to_dict``.
    themes : Themes or None
        What they write of: holds the texts, never in ``to_dict``.
    around : DataFrame
        Themes before the fall and since.
    impact : ThemeImpact or None
        What goes with each theme.
    reasons : LeavingReasons or None
        Why those leave who do.
    recovery : Recovery or None
        What the actions did.
    missing : mapping of str to str
        Why a part is None, by its name.
    sentences : tuple of str
        What a page begins with, the first by itself the answer; together they are the finding.
    notes : tuple of str
    level : float
    """

    label: str
    table: pd.DataFrame
    score: Estimate
    who: GroupSearch | None
    fall: StandingFall | None
    people: UnhappyCustomers | None
    themes: Themes | None
    around: pd.DataFrame
    impact: ThemeImpact | None
    reasons: LeavingReasons | None
    recovery: Recovery | None
    missing: Mapping[str, str]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    level: float

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Four questions, four answers",
            columns=(
                Column(name="question", label="question", meaning="who, since when, why, what helps"),
                Column(name="answer", label="answer", meaning="in a sentence or two, or why there is none"),
            ),
        ),
        "around": AROUND,
    }

    @property
    def finding(self) -> str:
        """The answer in a few sentences."""
        return " ".join(self.sentences)

    @property
    def fell(self) -> bool:
        """Whether a fall stands."""
        return self.fall is not None and self.fall.row is not None

    @property
    def since(self) -> SinceWhen | None:
        """The search in which the fall lies."""
        if self.fall is None:
            return None
        return self.fall.since

    def answer(self, question: str) -> str:
        """Return the answer to one of the four questions, as in ``table``."""
        rows = self.table[self.table["question"] == question]
        if not len(rows):
            raise ArgumentError(
                f"there is no question {question!r}", wanted="one of " + listed(self.table["question"])
            )
        return str(rows["answer"].iloc[0])

    @property
    def headline(self) -> tuple[Estimate, ...]:
        """Figures that a report follows from run to run; their names do not depend on what is found."""
        # names stay the same from run to run, whatever is found
        figures = [self.score]
        if self.fall is not None and self.fall.row is not None:
            figures.append(_since_the_fall(self.fall, self.label, self.level))
        if self.recovery is not None:
            figures.append(self.recovery.by_themselves)
            figures += _effects(self.recovery)
        return tuple(figures)

    def to_dict(self) -> dict[str, Any]:
        """Return the answers and what is behind them; no id, no customer's row and no word of a customer."""
        # people and themes hold ids and texts: they are left out
        parts = {name: as_plain(getattr(self, name)) for name in _PARTS}
        return {
            "finding": self.finding,
            "label": self.label,
            "table": as_plain(self.table),
            "score": as_plain(self.score),
            "since": as_plain(self.since),
            "around": as_plain(self.around),
            **parts,
            "missing": dict(self.missing),
            "notes": list(self.notes),
            "level": self.level,
        }


def _since_the_fall(fall: StandingFall, label: str, level: float) -> Estimate:
    row = fall.row or {}
    return Estimate(
        name=f"{label} of those who fell",
        value=float(row["after"]),
        low=float(row["after_low"]),
        high=float(row["after_high"]),
        level=level,
        se=float("nan"),
        n=int(row["n_after"]),
        unit=fall.since.unit,
        method=fall.since.method,
        denominator="answers since the fall",
        note=str(row["group"]),
    )


def _effects(recovery: Recovery) -> list[Estimate]:
    if "effect" not in recovery.table:
        return []
    on_score = recovery.table["outcome"] == "score of the next answer"
    rows = recovery.table[on_score & recovery.table["effect"].notna()]
    return [
        Estimate(
            name=f"{action_words(row['action'])}: points at the next answer",
            value=float(row["effect"]),
            low=float(row["low"]),
            high=float(row["high"]),
            level=recovery.level,
            se=float(row["se"]),
            n=int(row["n"]),
            unit=Unit.SCORE,
            method="overlap weights",
            denominator="unhappy answers with a next one",
        )
        for row in rows.to_dict("records")
    ]
