"""``customer``: one customer seen from all sides, as a value that a person reads before calling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

import pandas as pd

from cxresearch.checks import check_level
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.fit_churn import fit_churn
from cxresearch.churn.risk.customer_risk import CustomerRisk, customer_risk
from cxresearch.data.landmarks.landmark import landmark
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, CxError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.stats.text.redaction import Redactor, inert
from cxresearch.voice.customer.customer_record import customer_record, rows_of_customer, weeks_of_use
from cxresearch.voice.customer.customer_words import mood_sentence, stake_sentence, turn_sentence
from cxresearch.voice.who.asked_question import asked_question, revenue_today
from cxresearch.voice.why.study_texts import names_in_customers
from cxresearch.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_CAUTION = "what raises the risk is what the model looked at, not what would keep the customer"
_RECORD = (
    Column(name="at", label="day", meaning="when it happened", unit=Unit.DATE),
    Column(name="source", label="from", meaning="answer, ticket, revenue, order, event, company, relation"),
    Column(name="what", label="what happened", meaning="in words"),
    Column(name="mood", label="mood", meaning="happy or unhappy, of answers; empty between"),
    Column(name="words", label="in their words", meaning="comment or subject, redacted; only if asked for"),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CustomerView(Result):
    """One customer seen from all sides. It names the customer: it is for the person who looks after them.

    Attributes
    ----------
    table : DataFrame
        What is on record, the latest first; besides the columns shown ``value`` (score, MRR, hours, amount).
        ``words`` (comment or subject, redacted) only if they were asked for.
    facts : DataFrame
        ``fact``, ``value``: segments and other columns of the customer, as text.
    questions : DataFrame
        One row a question that was answered: ``label, answers, last_score, last_at, mood, happy_until,
        unhappy_since`` (first unhappy answer with no happy one since).
    turn : DataFrame
        Rows of ``table`` from the last happy to the first unhappy answer to the question; empty without both.
    use : DataFrame
        ``week, quantity``.
    customer_id : str
    label : str
        The question that ``turn`` and ``finding`` are about; empty if none was answered.
    active : bool
        At the data cut.
    mrr : float
        Paid a month at the data cut; NaN where revenue is not known.
    open_tickets : int or None
        Not resolved at the data cut; None where tickets are not known.
    risk : CustomerRisk or None
    on : datetime
        The data cut, naive UTC.
    finding : str
    notes : tuple of str
    """

    table: pd.DataFrame
    facts: pd.DataFrame
    questions: pd.DataFrame
    turn: pd.DataFrame
    use: pd.DataFrame
    customer_id: str
    label: str
    active: bool
    mrr: float
    open_tickets: int | None
    risk: CustomerRisk | None
    on: datetime
    finding: str
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(columns=_RECORD, title="On record until {on:%Y-%m-%d}, the latest first"),
        "turn": TableSpec(
            columns=_RECORD, title="Between the last happy and the first unhappy answer to {label}"
        ),
        "facts": TableSpec(
            columns=(
                Column(name="fact", label="", meaning="column of customers"),
                Column(name="value", label="", meaning="as on record"),
            ),
            title="The customer",
        ),
        "questions": TableSpec(
            columns=(
                Column(name="label", label="question", meaning="what was asked"),
                Column(name="answers", label="answers", meaning="how many", unit=Unit.COUNT),
                Column(name="last_score", label="last", meaning="score of the last answer", unit=Unit.NUMBER),
                Column(name="last_at", label="on", meaning="day of the last answer", unit=Unit.DATE),
                Column(name="mood", label="mood", meaning="of the last answer"),
                Column(
                    name="unhappy_since",
                    label="unhappy since",
                    meaning="first unhappy answer with no happy one since",
                    unit=Unit.DATE,
                ),
            ),
            title="The last answer to each question",
        ),
    }


def customer(
    study: Study,
    customer_id: str,
    score: str | None = None,
    *,
    words: bool = False,
    risk: ChurnModel | Literal["fit", "none"] = "fit",
    horizon_days: float = 180.0,
    level: float = 0.95,
) -> CustomerView:
    """Look at one customer: what happened, how they feel and since when, what is open and at stake.

    Parameters
    ----------
    study : Study
        With customers; every other table is used where it is there.
    customer_id : str
    score : str, optional
        The question of the turning point; by default the NPS, or else the first declared.
    words : bool
        Show comments and subjects, redacted (`docs/why.md`); calling with True is the opt-in.
    risk : ChurnModel, "fit" or "none"
        Whose risk of leaving to show: a fitted model's; that of one fitted here on quarterly landmarks, which
        takes as long for one customer as for all of them; none. Where it cannot be had the notes say why.
    horizon_days : float
        Horizon of the model fitted here.
    level : float
        Of the interval of the risk.

    Returns
    -------
    CustomerView

    Raises
    ------
    ArgumentError
        If it is no study with customers, or there is no such customer.

    Notes
    -----
    What stands between the last happy and the first unhappy answer need not be the cause; whether such things
    happen more often before a turn is a question to all customers: `cx.turning_points`. Missing dates and
    scores are left out of the record; an invitation without an answer is part of it. Guide:
    ``docs/who-and-when.md``.

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.company_study(seed=1, customers=600)
    >>> unhappy = cx.unhappy_customers(study, risk="none").table.loc[0, "customer_id"]
    >>> view = cx.customer(study, unhappy, risk="none")
    >>> view.questions.loc[view.questions["label"] == "NPS", "mood"].item()
    'unhappy'
    """
    check_level(level)
    if not isinstance(study, Study) or "customers" not in study.tables:
        raise ArgumentError("the view of a customer needs a study with customers", wanted="a Study")
    wanted = str(customer_id)
    people = rows_of_customer(study, "customers", wanted)
    if not len(people):
        raise ArgumentError(
            f"there is no customer {shown(wanted)} among the valid rows",
            wanted="a customer_id as in the table customers",
            next_step="ids are compared as text; `study.rejects('customers')` has rows that broke a rule",
        )
    person = people.iloc[0]
    on = pd.Timestamp(study.observed_until)
    record = customer_record(study, wanted)
    questions = _questions(study, record)
    label = _question(study, score, questions)
    turn = _turn(record, questions, label)
    active = _is_active(person, on)
    predicted, notes = _risk(study, wanted, risk, horizon_days, level, active=active)
    mrr, remarks = _mrr(study, wanted)
    open_tickets = _open_tickets(study, wanted)
    # the latest first: who calls wants to know what happened last
    table = record.iloc[::-1].reset_index(drop=True)
    if words:
        redactor = Redactor(names_in_customers(study))
        table["words"] = [inert(redactor.redact(text)) for text in table["words"]]
    else:
        table = table.drop(columns="words")
    feeling = mood_sentence(questions, label, on)
    sentences = [f"Customer {shown(wanted)} {_status(person, on, active=active)}{feeling}."]
    sentences += [turn_sentence(turn), stake_sentence(mrr, study.currency, open_tickets, predicted)]
    return CustomerView(
        table=table,
        facts=_facts(person),
        questions=questions,
        turn=turn.drop(columns="words").reset_index(drop=True),
        use=weeks_of_use(study, wanted),
        customer_id=wanted,
        label=label,
        active=active,
        mrr=mrr,
        open_tickets=open_tickets,
        risk=predicted,
        on=study.observed_until,
        finding=" ".join(sentence for sentence in sentences if sentence),
        notes=(*notes, *remarks),
    )


def _is_active(person: pd.Series, on: pd.Timestamp) -> bool:
    ended = person.get("ended_at")
    return bool(person["started_at"] <= on) and (pd.isna(ended) or bool(ended > on))


def _status(person: pd.Series, on: pd.Timestamp, *, active: bool) -> str:
    if active:
        return ""
    if person["started_at"] > on:
        return "has not begun yet and "
    return f"left on {pd.Timestamp(person['ended_at']):%-d %B %Y} and "


def _questions(study: Study, record: pd.DataFrame) -> pd.DataFrame:
    """One row a question with an answer: the last one, the mood, and since when it is so."""
    rows = []
    answers = record[(record["source"] == "answer") & record["value"].notna()]
    for scale in dict.fromkeys(study.instruments.values()):
        given = answers[answers["what"].str.startswith(f"{scale.label} ")]
        if not len(given):
            continue
        last = given.iloc[-1]
        happy = given.loc[given["mood"] == "happy", "at"]
        unhappy = given[given["mood"] == "unhappy"]
        # only unhappy answers after the last happy one belong to the present stretch
        if len(happy):
            unhappy = unhappy[unhappy["at"] > happy.max()]
        since = pd.NaT
        if len(unhappy) and last["mood"] == "unhappy":
            since = unhappy["at"].min()
        rows.append(
            {
                "label": scale.label,
                "answers": len(given),
                "last_score": float(last["value"]),
                "last_at": last["at"],
                "mood": last["mood"],
                "happy_until": happy.max(),
                "unhappy_since": since,
            }
        )
    columns = ["label", "answers", "last_score", "last_at", "mood", "happy_until", "unhappy_since"]
    return pd.DataFrame(rows, columns=columns)


def _question(study: Study, score: str | None, questions: pd.DataFrame) -> str:
    """Label of the question of the turning point; by default one that the customer did answer."""
    if score is None and not len(questions):
        return ""
    label = asked_question(study, score)[1].scale.label
    if score is None and label not in set(questions["label"]):
        return str(questions["label"].iloc[0])
    return label


def _turn(record: pd.DataFrame, questions: pd.DataFrame, label: str) -> pd.DataFrame:
    """Rows from the last happy to the first unhappy answer to a question."""
    chosen = questions[questions["label"] == label]
    if not len(chosen) or pd.isna(chosen["unhappy_since"].iloc[0]) or pd.isna(chosen["happy_until"].iloc[0]):
        return record.iloc[:0]
    # both answers belong to the stretch, so that it can be read without looking elsewhere
    start, end = chosen["happy_until"].iloc[0], chosen["unhappy_since"].iloc[0]
    within = record["at"].between(start, end)
    return record.loc[within]


def _mrr(study: Study, customer_id: str) -> tuple[float, list[str]]:
    """What the customer pays a month at the data cut, as in the list of unhappy customers."""
    levels, note = revenue_today(study)
    if levels is None:
        return float("nan"), [note.replace("revenue of unhappy customers", "what the customer pays")]
    return float(levels.get(customer_id, 0.0)), []


def _open_tickets(study: Study, customer_id: str) -> int | None:
    """Tickets created by the data cut and resolved later or not at all; None where that is not known."""
    tickets = rows_of_customer(study, "tickets", customer_id)
    if "tickets" not in study.tables or "resolved_at" not in study.table("tickets").collect_schema().names():
        return None
    if not len(tickets):
        return 0
    on = study.observed_until
    # open at t: created <= t, and resolved > t or never
    still = tickets["resolved_at"].isna() | (tickets["resolved_at"] > on)
    return int((still & (tickets["created_at"] <= on)).sum())


def _risk(
    study: Study,
    customer_id: str,
    risk: ChurnModel | Literal["fit", "none"],
    horizon_days: float,
    level: float,
    *,
    active: bool,
) -> tuple[CustomerRisk | None, list[str]]:
    if isinstance(risk, str) and risk not in ("fit", "none"):
        raise ArgumentError(f"risk is {risk!r}", wanted="a ChurnModel, 'fit' or 'none'")
    if risk == "none" or not active:
        return None, []
    # whatever keeps a model from being fitted is a remark here, not an error
    try:
        model = risk
        if not isinstance(model, ChurnModel):
            marks = landmark(study, horizon_days=horizon_days, keep_silent=True)
            model = fit_churn(marks, kind="voluntary", members=5)
        return customer_risk(model, study, customer_id, level=level), [_CAUTION]
    except CxError as error:
        return None, [f"risk of leaving n/a: {error.problem}"]


def _facts(person: pd.Series) -> pd.DataFrame:
    """Columns of the customer as text, dates to the day, missing ones left out."""
    facts = []
    for name, value in person.items():
        if name == "customer_id" or pd.isna(value):
            continue
        text = str(value)
        if isinstance(value, datetime):
            text = f"{value:%Y-%m-%d}"
        facts.append({"fact": str(name).replace("_", " "), "value": text})
    return pd.DataFrame(facts, columns=["fact", "value"])
