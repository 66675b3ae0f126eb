"""Answers with the tickets they are about, and what each answer counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.survey.score_measures import Measure, measure_of, measures_for
from cxresearch.voice.why.study_texts import collect_columns, columns_of

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def answers_with_tickets(
    study: Study, instrument: str | None, measure: str | None
) -> tuple[pd.DataFrame, Measure, int]:
    """Return answers of one question with what their tickets say.

    Returns
    -------
    rows : DataFrame
        One row an answer whose ticket the study has: all columns of both (those of the answer end in
        ``_answer`` where both have them), ``value`` of the answer under the measure, and ``who``, the
        customer's number.
    measure : Measure
    missing : int
        Answers of the question without such a ticket.

    Raises
    ------
    ArgumentError, DataError
        If answers name no tickets, or none that the study has.
    """
    if "ticket_id" not in columns_of(study, "responses") or "tickets" not in study.tables:
        raise ArgumentError(
            "answers do not say which ticket they are about",
            wanted="responses with ticket_id, and tickets",
            next_step="map ticket_id of responses in the study file",
        )
    answers = collect_columns(study, "responses", tuple(columns_of(study, "responses")))
    answers = answers[answers["score"].notna()]
    named = answers[answers["ticket_id"].notna()]
    names = [name for name in study.instruments if (named["instrument"] == name).any()]
    if not names:
        raise DataError("no answer names a ticket", wanted="ticket_id in responses")
    name = instrument or names[0]
    check_choice("instrument", name, tuple(study.instruments))
    scale = study.instruments[name]
    chosen = measure_of(scale, measure or measures_for(scale)[0])
    answers = answers[answers["instrument"] == name]
    tickets = collect_columns(study, "tickets", tuple(columns_of(study, "tickets")))
    # answers whose ticket is not there are counted as missing, not guessed
    rows = answers.merge(tickets, on="ticket_id", how="inner", suffixes=("_answer", ""))
    if not len(rows):
        raise DataError(
            "no answer names a ticket that the study has", next_step="compare the ids of both tables"
        )
    # position of an answer on its scale, then what it counts under the measure
    place = (rows["score"].to_numpy(dtype=np.float64) - scale.low).astype(np.int64)
    rows["value"] = chosen.factor * np.asarray(chosen.values, dtype=np.float64)[place]
    rows["who"] = pd.factorize(rows[person_column(rows)])[0]
    return rows, chosen, len(answers) - len(rows)


def person_column(rows: pd.DataFrame) -> str:
    """Return the column of answers with tickets that says who answered: of both tables, the answer's."""
    if "customer_id_answer" in rows:
        return "customer_id_answer"
    return "customer_id"
