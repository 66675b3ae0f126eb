"""The four answers in words that somebody who does not code can read aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.results.units import MINUS, Unit, format_value
from cxresearch.voice.when.change_sentences import customers_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cxresearch.voice.answers.standing_fall import StandingFall
    from cxresearch.voice.recovery.recovery import Recovery
    from cxresearch.voice.who.group_search import GroupSearch
    from cxresearch.voice.who.unhappy_customers import UnhappyCustomers
    from cxresearch.voice.why.theme_impact_result import ThemeImpact

#: Outcomes as they stand behind "on": these data cannot tell.
_IN_WORDS = {
    "left": "leaving",
    "score of the next answer": "the score of the next answer",
    "happy at the next answer": "being happy at it",
}
_VERBS = {"helps": "brought back", "hurts": "took away"}


def capitalised(text: str) -> str:
    """Return a text that begins with a capital.

    Examples
    --------
    >>> capitalised("price goes with the worst NPS")
    'Price goes with the worst NPS'
    """
    return text[:1].upper() + text[1:]


def group_sentence(search: GroupSearch) -> str:
    """Say which group is unhappiest, in one sentence, or that none is and which would have been named."""
    if not len(search.unhappy):
        return search.finding
    return search.finding.split(" It is ", 1)[0]


def people_sentence(people: UnhappyCustomers, fall: StandingFall | None, currency: str) -> str:
    """Say how many customers are unhappy by their last answer, in the group that fell, and what they pay."""
    table = people.table
    whose = "customers"
    if fall is not None and fall.column in table:
        table = table[table[fall.column].astype("string").fillna("") == fall.group]
        whose = customers_words({fall.column: fall.group})
    text = f"{len(table):,} {whose} are unhappy by their last {people.name} answer"
    if len(table) == 1:
        text = text.replace("customers", "customer", 1).replace(
            " are unhappy by their", " is unhappy by the", 1
        )
    if "mrr" in table and len(table):
        money = f"{float(np.nansum(table['mrr'])):,.0f} {currency}".rstrip()
        text += f": {money} a month"
    return f"{text}."


def writing_sentence(around: pd.DataFrame, impact: ThemeImpact | None, *, level: float) -> str:
    """Say what they write about more than before, and go by what harms; empty without texts to compare.

    A theme that is written about more often, yet goes with no worse score, is no answer to why.
    """
    if not len(around):
        return ""
    risen = around[(around["change"] > 0) & (around["p_adjusted"] < 1 - level)]
    if impact is not None:
        # harm is a lower score, or a higher one where low is good
        harmful = impact.sure[(impact.sure["effect"] < 0) == impact.good_is_high]["theme"]
        risen = risen[risen["theme"].isin(harmful)]
    if not len(risen):
        return "What they write about has not changed beyond chance."
    first = risen.iloc[0]
    shares = f"{100 * first['before']:.0f} → {100 * first['after']:.0f} % of comments"
    others = ""
    if np.isfinite(first["others_after"]):
        others = f"; of all others {100 * first['others_after']:.0f} %"
    return f"They write about {first['label']} ({shares}{others})."


def action_words(action: str) -> str:
    """Return an action as a sentence begins with it.

    Examples
    --------
    >>> action_words("call_back")
    'Call back'
    """
    return action.replace("_", " ").capitalize()


def help_sentences(recovery: Recovery) -> dict[str, str]:
    """Say of each action what it did to the next answer, to being happy at it and to leaving."""
    actions = recovery.table.groupby("action", sort=False)
    return {str(action): _one_action(str(action), rows, recovery) for action, rows in actions}


def help_sentence(recovery: Recovery) -> str:
    """Say what helped or hurt; where nothing did beyond chance, that these data cannot tell."""
    sentences = help_sentences(recovery)
    known = recovery.table[_sure(recovery.table, recovery.level)]["action"].unique()
    if len(known):
        return " ".join(sentences[action] for action in known)
    tried = _joined(action_words(action).lower() for action in sentences)
    return f"What was done within {recovery.grace_days:g} days ({tried}) had no effect these data can tell."


def _sure(table: pd.DataFrame, level: float) -> pd.Series[bool]:
    return table["verdict"].isin(["helps", "hurts"]) & (table["p_holm"] < 1 - level)


def _one_action(action: str, rows: pd.DataFrame, recovery: Recovery) -> str:
    text = f"{action_words(action)} within {recovery.grace_days:g} days"
    sure = _sure(rows, recovery.level)
    equal = rows["verdict"] == "no difference that matters"
    effects = {str(row["outcome"]): row for row in rows[sure].to_dict("records")}
    clauses = []
    if effects:
        text += f" {', and '.join(_effects(effects))}"
    if equal.any():
        clauses.append(f"to {_outcomes(rows[equal])} it made no difference that matters")
    if not (sure | equal).all():
        clauses.append(f"on {_outcomes(rows[~sure & ~equal])} these data cannot tell")
    if not effects:
        return f"{text}: {'; '.join(clauses)}."
    return f"{'; '.join([text, *clauses])}."


def _outcomes(rows: pd.DataFrame) -> str:
    return _joined(_outcome(str(name)) for name in rows["outcome"])


def _joined(names: Iterable[str]) -> str:
    *others, last = names
    return " and ".join([", ".join(others), last][not others :])


def _outcome(name: str) -> str:
    return _IN_WORDS.get(name, name)


def _effects(sure: Mapping[str, Mapping[Any, Any]]) -> list[str]:
    """The outcomes that are known, the next score first."""
    parts = []
    score = sure.get("score of the next answer")
    if score is not None:
        interval = f"[{score['low']:.1f}, {score['high']:.1f}]".replace("-", MINUS)
        size = f"{score['effect']:+.1f}".replace("-", MINUS)
        parts.append(f"{_VERBS[score['verdict']]} {size} points {interval}")
    happy = sure.get("happy at the next answer")
    if happy is not None:
        shares = f"{100 * happy['with_action']:.0f} % instead of {100 * happy['without']:.0f} %"
        parts.append(f"{shares} were happy at the next answer")
    left = sure.get("left")
    if left is not None:
        shares = f"{format_value(left['with_action'], Unit.SHARE)} instead of"
        parts.append(f"{shares} {format_value(left['without'], Unit.SHARE)} left")
    return parts
