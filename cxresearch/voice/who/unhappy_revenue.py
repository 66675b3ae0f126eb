"""How many customers are unhappy in each named group, and what they pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.voice.who.asked_question import (
    active_customers,
    last_answers,
    revenue_today,
    still_unhappy,
)
from cxresearch.voice.who.searched_columns import CUSTOMER, SCORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.scales import Scale
    from cxresearch.voice.who.answer_cells import AnswerCells
    from cxresearch.voice.who.searched_columns import SearchedAnswers


def unhappy_in_cells(
    study: Any,
    instrument: str,
    scale: Scale,
    *,
    answers: SearchedAnswers,
    cells: AnswerCells,
    named: Sequence[int],
) -> tuple[pd.DataFrame, str]:
    """Return active customers still unhappy by named cell, with their MRR today.

    Parameters
    ----------
    study : Study
        The study.
    instrument, scale
        The question.
    answers : SearchedAnswers
        Answers with their columns.
    cells : AnswerCells
        Cells of the search.
    named : sequence of int
        Cells wanted.

    Returns
    -------
    frame : DataFrame
        ``unhappy_customers`` and ``unhappy_mrr`` (NaN where not known, or of fewer
        than 5), one row for each cell wanted.
    note : str
        Why something is missing.
    """
    nothing = pd.DataFrame({"unhappy_customers": np.nan, "unhappy_mrr": np.nan}, index=range(len(named)))
    names = answers.rows.collect_schema().names()
    if CUSTOMER not in names or "cx_at" not in names or not len(named):
        note = "customers or moments of the answers are not known: unhappy customers are not counted"
        return nothing, note * bool(len(named))
    last = last_answers(study, instrument, scale).filter(still_unhappy())
    if "customers" in study.tables:
        last = last.join(active_customers(study).select("customer_id"), on="customer_id", how="inner")
    last = last.select("unhappy_at", **{CUSTOMER: nw.col("customer_id")})
    rows = answers.rows.filter(nw.col(SCORE).is_in(list(map(float, scale.bottom))))
    rows = rows.join(last, on=CUSTOMER, how="inner").filter(nw.col("cx_at") == nw.col("unhappy_at"))
    people = collect(rows).drop_duplicates(CUSTOMER, ignore_index=True)
    revenue, note = revenue_today(study)
    # without revenue every sum is unknown, not nought
    paid = np.full(len(people), np.nan)
    if revenue is not None:
        paid = people[CUSTOMER].map(revenue).fillna(0.0).to_numpy(dtype=np.float64)
    inside = cells.members_among(people, named)
    # Of each named cell the sum over its unhappy customers, each once, by the last answer.
    sums = inside @ paid
    counts = np.asarray(inside.sum(axis=1), dtype=np.float64)
    sums = np.where(counts < SUPPRESS_BELOW, np.nan, sums)  # the revenue of so few is that of somebody
    return pd.DataFrame({"unhappy_customers": counts, "unhappy_mrr": sums}), note
