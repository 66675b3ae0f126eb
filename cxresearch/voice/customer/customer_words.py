"""One customer's view in sentences: how they feel, since when, what came before, what is at stake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    from cxresearch.churn.risk.customer_risk import CustomerRisk


def mood_sentence(questions: pd.DataFrame, label: str, on: pd.Timestamp) -> str:
    """Say how the customer feels by the answers to one question, a row of `CustomerView.questions`."""
    if not len(questions):
        return "has never answered a question"
    chosen = questions[questions["label"] == label]
    if not len(chosen):
        return f"has not answered {label}"
    question = chosen.iloc[0]
    last = f"last {question['label']} {question['last_score']:g}, {_ago(question['last_at'], on)}"
    if question["mood"] == "happy":
        return f"is happy ({last})"
    if question["mood"] != "unhappy":
        return f"is neither happy nor unhappy ({last})"
    since = f"{pd.Timestamp(question['unhappy_since']):%-d %B %Y}"
    if pd.isna(question["happy_until"]):
        return f"has been unhappy since the first answer on record, {since} ({last})"
    return (
        f"has been unhappy since {since} ({last}); the last happy answer was {_day(question['happy_until'])}"
    )


def turn_sentence(turn: pd.DataFrame) -> str:
    """Say what is on record between the last happy and the first unhappy answer; empty without a turn."""
    if not len(turn):
        return ""
    happened = pd.concat([_counted(turn), _named(turn)])
    if not len(happened):
        return "Nothing else is on record between the last happy and the first unhappy answer."
    words = ", ".join(times(str(what), int(n)) for what, n in happened.head(4).items())
    more = ""
    if len(happened) > 4:
        more = f" and {len(happened) - 4} more kinds"
    return f"Between the last happy and the first unhappy answer: {words}{more}; before is not because."


def _counted(turn: pd.DataFrame) -> pd.Series:
    """Tickets, changes of what is paid and orders, each counted under one noun."""
    # a ticket and its resolution are two rows of one ticket
    opened = turn["what"].str.startswith("ticket opened")
    counts = pd.Series(
        {
            "ticket": int(opened.sum()),
            "change of what they pay": int((turn["source"] == "revenue").sum()),
            "order": int((turn["source"] == "order").sum()),
        }
    )
    return counts[counts > 0]


def _named(turn: pd.DataFrame) -> pd.Series:
    """Events under their own names, without what stands in brackets behind."""
    # the reason of an event stands in brackets behind its kind; kinds are what is counted
    events = turn.loc[turn["source"].isin(["event", "company"]), "what"]
    return events.str.replace(r" \(.*\)$", "", regex=True).value_counts()


def stake_sentence(mrr: float, currency: str, open_tickets: int | None, risk: CustomerRisk | None) -> str:
    """Say what is open, what the customer pays and how likely they are to leave."""
    parts = []
    if open_tickets:
        parts.append(times("ticket", open_tickets) + " open")
    if not pd.isna(mrr):
        parts.append(f"pays {format_value(mrr, Unit.MONEY)} {currency}".rstrip() + " a month")
    if risk is not None:
        parts.append(risk_words(risk))
    if not parts:
        return ""
    sentence = "; ".join(parts)
    return sentence[0].upper() + sentence[1:] + "."


def risk_words(risk: CustomerRisk) -> str:
    """The predicted risk with its interval, beside a typical customer's."""
    interval = ""
    if not pd.isna(risk.low):
        interval = f" {format_interval(risk.low, risk.high, Unit.SHARE)}"
    chance = format_value(risk.risk, Unit.SHARE)
    typical = format_value(risk.typical, Unit.SHARE)
    text = f"predicted to leave within {risk.horizon_days:g} days: {chance}{interval}, typical {typical}"
    if risk.reasons:
        text += f" ({risk.reasons})"
    return text


def times(what: str, n: int) -> str:
    """A noun with its number: regular plurals of English nouns.

    Examples
    --------
    >>> times("ticket", 1), times("change of what they pay", 2), times("outage", 3)
    ('1 ticket', '2 changes of what they pay', '3 outages')
    """
    if n == 1:
        return f"1 {what}"
    head, space, rest = what.partition(" of ")
    return f"{n:,} {head}s{space}{rest}"


def _day(moment: pd.Timestamp) -> str:
    return f"{pd.Timestamp(moment):%-d %B %Y}"


def _ago(moment: pd.Timestamp, on: pd.Timestamp) -> str:
    days = int((on - pd.Timestamp(moment)).total_seconds() // 86_400)
    if days < 1:
        return "within the last day"
    if days == 1:
        return "a day ago"
    return f"{days:,} days ago"
