"""Churn by answer, of the silent and of everybody, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.headtohead.one_score.silence import GroupChurn, churn_of
from cxresearch.results.hiding import SMALL_BASE, SUPPRESS_BELOW

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Places
    from cxresearch.data.landmarks.landmarks import Landmarks

#: A score with more answers than this is shown by tenths of its rows.
MOST_ANSWERS = 11
SILENT = "no answer"
EVERYBODY = "everybody"
_FIGURES = ["share", "leavers", "churn", "low", "high"]


def answer_table(
    marks: Landmarks,
    score: str,
    *,
    codes: Places,
    horizon_days: float,
    level: float,
    weights: Floats | None = None,
) -> pd.DataFrame:
    """Return churn within the horizon by answer, lowest answer first, then of the silent and of everybody.

    Parameters
    ----------
    marks : Landmarks
    score : str
        The instrument; with more than 11 different answers, tenths of its rows.
    codes : array of int, shape (rows,)
        Customer of each row.
    horizon_days, level : float
    weights : array, shape (rows,), optional
        Weights of answers; the lines of the silent and of everybody do without.

    Returns
    -------
    DataFrame
        ``answer, rows, customers, share`` (of all rows), ``leavers, churn, low, high, note``. A line of fewer
        than 5 customers is hidden, one of fewer than 30 is flagged.
    """
    answers = marks.frame[score].to_numpy(dtype=np.float64, na_value=np.nan)
    lines = []
    # The silent and everybody have no answer that a weight could belong to.
    for label, member in _groups(answers):
        used = weights
        if label in (SILENT, EVERYBODY):
            used = None
        churn = churn_of(
            marks, label, member, codes=codes, horizon_days=horizon_days, level=level, weights=used
        )
        lines.append(_line(churn, len(answers)))
    return pd.DataFrame(lines)


def _groups(answers: Floats) -> Iterator[tuple[str, Bools]]:
    """Yield the name and the rows of each line."""
    given = ~np.isnan(answers)
    levels = np.unique(answers[given])
    edges = levels
    if len(levels) > MOST_ANSWERS:
        # Tenths of the rows, cut between answers.
        edges = np.unique(np.quantile(answers[given], np.linspace(0, 0.9, 10), method="lower"))
    # The group of an answer is the last edge that does not lie above it.
    place = np.searchsorted(edges, answers, side="right") - 1
    for number in range(len(edges)):
        member = given & (place == number)
        lowest, highest = (f"{end:g}" for end in (answers[member].min(), answers[member].max()))
        yield " to ".join(dict.fromkeys((lowest, highest))), member
    if not given.all():
        yield SILENT, ~given
    yield EVERYBODY, np.ones(len(answers), dtype=bool)


def _line(churn: GroupChurn, everybody: int) -> dict[str, object]:
    line: dict[str, object] = {
        "answer": churn.group,
        "rows": churn.rows,
        "customers": churn.customers,
        "share": churn.rows / everybody,
        "leavers": float(churn.leavers),
        "churn": churn.churn,
        "low": churn.low,
        "high": churn.high,
        "note": "",
    }
    if churn.customers < SUPPRESS_BELOW:
        return line | dict.fromkeys(_FIGURES, np.nan) | {"note": "too few to show"}
    if np.isnan(churn.churn):
        return line | {"note": "not followed so long"}
    if churn.customers < SMALL_BASE:
        return line | {"note": "few customers"}
    return line
