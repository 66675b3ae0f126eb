"""What a raw file may be, judged by its name, its column names and a few rows: always shown as a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cxresearch.data.raw_names import snake
from cxresearch.data.starter.survey_columns import (
    SurveyColumns,
    instrument_of,
    survey_columns,
    worded_columns,
)
from cxresearch.data.table_layouts import LAYOUTS

_WHO = (
    "customer_id account_id client_id subscriber_id company_id organization_id customerid customer_no "
    "customer_nr customer_number cust_id account_no account_number client_no member_id "
    "kundennummer kunden_nr kundennr kunden_id kunde identifiant_client numero_client id_client client_id "
    "client id_cliente numero_cliente cliente codice_cliente klantnummer klant_id klant 顧客id 客户id"
)

#: Usual names of raw columns in snake case, most telling first, by table and column.
SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "customers": {
        "customer_id": f"{_WHO} user_id uuid id",
        "started_at": "started_at signup_date signed_up_at sign_up_date signup customer_since since "
        "registered_at registration_date joined_at activated_at start_date kunde_seit vertragsbeginn beginn "
        "date_de_debut date_debut client_depuis fecha_de_alta fecha_alta fecha_inicio data_inizio "
        "data_inicio begindatum 開始日 开始日期 created_at",
        "ended_at": "ended_at churned_at churn_date cancelled_at canceled_at cancellation_date cancel_date "
        "left_at end_date until kundigungsdatum vertragsende ende date_de_fin date_fin fecha_de_baja "
        "fecha_baja fecha_fin data_fine data_fim einddatum 終了日 结束日期",
        "end_kind": "end_kind churn_type churn_kind",
        "notice_at": "notice_at notice_date",
    },
    "responses": {
        "customer_id": f"{_WHO} external_data_reference external_reference externalreference external_id "
        "respondent_id contact_id visitor_id requester_id customer recipient_email user_id",
        "instrument": "instrument metric survey_type question survey",
        "score": "score answer rating poll_response value response bewertung punktzahl puntuacion valoracion "
        "punteggio note_donnee スコア 评分",
        "responded_at": "responded_at recorded_date recordeddate answered_at response_date submitted_at "
        "completed_at end_date enddate timestamp closed_at created_at when date beantwortet_am datum "
        "date_de_reponse fecha data 回答日",
        "sent_at": "sent_at invited_at invitation_date",
        "touchpoint": "touchpoint",
        "channel": "channel distribution_channel distributionchannel via_channel",
        "team": "team",
        "comment": "comment verbatim feedback_text kommentar commentaire comentario",
        "weight": "weight",
    },
    "revenue": {
        "customer_id": f"{_WHO} customer user_id",
        "effective_at": "effective_at valid_from current_period_started_at start_date activated_at month "
        "gultig_ab ab beginn date_de_debut fecha_inicio created_at",
        "mrr": "mrr mrr_amount monthly_recurring_revenue monthly_amount unit_amount",
        "currency": "currency",
        "plan": "plan plan_id plan_tier plan_name",
        "due_at": "due_at renewal_date current_term_ends_at current_period_ends_at",
    },
    "tickets": {
        "ticket_id": "ticket_id case_id incident_id case_number number id",
        "created_at": "created_at opened_at submitted_at created opened sys_created_at",
        "customer_id": f"{_WHO} requester_id customer user_id",
        "first_replied_at": "first_replied_at first_response_at first_reply_at first_responded_at",
        "resolved_at": "resolved_at solved_at closed_at",
        "channel": "channel via_channel",
        "category": "category priority type",
        "replies": "replies",
        "reopens": "reopens reopen_count",
        "agent_id": "agent_id assignee_id agent assigned_to",
        "wait_minutes": "wait_minutes",
    },
    "usage": {
        "customer_id": f"{_WHO} user_id",
        "used_at": "used_at usage_date event_time timestamp date",
        "quantity": "quantity usage_count events_count count sessions",
        "feature": "feature feature_name",
    },
    "orders": {
        "customer_id": f"{_WHO} customer user_id",
        "ordered_at": "ordered_at order_date purchased_at purchase_date date",
        "amount": "amount order_value order_total total price",
    },
    "events": {"occurred_at": "occurred_at", "kind": "kind", "customer_id": _WHO, "note": "note"},
}

#: Column that tells a table from the others, and words in its file name.
_TELLING = {
    "customers": ("started_at", "customer|account|client|subscriber|kunden|klanten|顧客|客户"),
    "responses": (
        "score",
        "respons|survey|nps|csat|ces|feedback|poll|qualtrics|cx|umfrage|befragung|enquete|sondage|encuesta",
    ),
    "revenue": ("mrr", "revenue|mrr|subscription|billing|umsatz|ingresos"),
    "tickets": ("ticket_id", "ticket|case|incident|zendesk"),
    "usage": ("quantity", "usage|activity|telemetry"),
    "orders": ("amount", "order|purchase|transaction|cdnow"),
    "events": ("occurred_at", "outage|events_log"),
}
#: Tables that have one row for each of these ids: a file with several is something else (a history).
_ONE_ROW_EACH = {"customers": "customer_id", "tickets": "ticket_id"}


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a file may be.

    Attributes
    ----------
    table : str
        Table it may feed; empty if none fits.
    columns : mapping of str to str
        Table column to raw column.
    scores : mapping of str to str
        Instrument to raw column, where columns look like scores.
    further : tuple of str
        Raw columns without a place.
    worded : mapping of str to str
        Instrument to raw column, where columns sound like scores and hold words.
    survey : SurveyColumns
        Why these columns are scores, which are asked about, and which only derive from one.
    """

    table: str
    columns: Mapping[str, str]
    scores: Mapping[str, str]
    further: tuple[str, ...]
    worded: Mapping[str, str] = field(default_factory=dict)
    survey: SurveyColumns = field(default_factory=SurveyColumns)


def guess_table(
    file: str, sample: Mapping[str, Sequence[str]], questions: Mapping[str, str] | None = None
) -> Guess:
    """Guess which table a file feeds.

    Parameters
    ----------
    file : str
        Its name.
    sample : mapping of str to sequence of str
        First values of each raw column, as text, empty ones left out.
    questions : mapping of str to str, optional
        The question that a column answers, where the file says so.

    Examples
    --------
    >>> guess_table("tickets.csv", {"id": ["1"], "opened": ["2024-01-01"], "mood": ["good"]}).columns
    {'ticket_id': 'id', 'created_at': 'opened'}
    """
    stem = snake(re.sub(r"\.(csv|tsv|txt|tab|parquet|pq|gz)\b", "", file))
    best, most = "", 0
    for table, (telling, words) in _TELLING.items():
        columns = match_columns(table, list(sample))
        named = re.search(words, stem) is not None
        survey = survey_columns(sample, questions=questions, unnamed=named)
        scored = table == "responses" and bool(survey or worded_columns(sample))
        if not named and telling not in columns and not scored:
            continue
        elsewhere = any(re.search(other, stem) for name, (_, other) in _TELLING.items() if name != table)
        weak = columns.get(telling) in ("id", "created_at", "start_date", "value", "count", "amount")
        if weak and not named and (elsewhere or table != "customers"):
            continue
        if table in _ONE_ROW_EACH and _repeats(sample.get(columns.get(_ONE_ROW_EACH[table], ""), ())):
            continue
        required = sum(column in columns for column in LAYOUTS[table].required)
        worth = required + 2 * named + 2 * (telling in columns or scored)
        if worth > most and required + scored >= 2:
            best, most = table, worth
    if not best:
        return Guess(table="", columns={}, scores={}, further=tuple(sample))
    columns = match_columns(best, list(sample))
    unnamed = best == "responses" and "score" not in columns
    survey = survey_columns(sample, questions=questions, unnamed=unnamed)
    if best == "responses" and "score" in columns and "instrument" in columns:
        survey = SurveyColumns(derived=survey.derived)
    worded: Mapping[str, str] = {}
    if best == "responses" and "score" not in columns:
        worded = worded_columns(sample, besides=tuple(survey.scores))
    if survey and best == "responses":
        columns = {target: raw for target, raw in columns.items() if target not in ("score", "instrument")}
    columns = {target: raw for target, raw in columns.items() if raw not in survey.columns}
    scores = {instrument: column.column for instrument, column in survey.scores.items()}
    used = {*columns.values(), *survey.columns, *worded.values()}
    further = tuple(name for name in sample if name not in used)
    return Guess(table=best, columns=columns, scores=scores, worded=worded, further=further, survey=survey)


def _repeats(values: Sequence[str]) -> bool:
    return len(set(values)) < len(values)


def instrument_in_name(file: str) -> str:
    """Return the instrument a file name speaks of, or an empty text.

    Examples
    --------
    >>> instrument_in_name("pendo_nps_2024.csv")
    'nps'
    """
    return instrument_of(file)


def match_columns(table: str, names: Sequence[str]) -> dict[str, str]:
    """Return table column to raw column by the usual names, each raw column once."""
    by_snake: dict[str, str] = {}
    for name in names:
        by_snake.setdefault(snake(name), name)
    columns: dict[str, str] = {}
    for target in LAYOUTS[table].columns:
        # A column that carries our own name comes first; then the usual names, most telling first.
        for synonym in (target, *SYNONYMS[table].get(target, "").split()):
            raw = by_snake.get(synonym)
            if raw is not None and raw not in columns.values():
                columns[target] = raw
                break
    return columns
