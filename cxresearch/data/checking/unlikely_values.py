"""Doubts about values that hardly fit the world: answers beside their scale, times all on one day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, lazy, period_start
from cxresearch.data.validation.row_rules import DATED_BY

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.scales import Scale

_COLUMNS = ["table", "flag", "rows", "detail"]
#: Answers among which somebody chooses an end of the scale: either, the better, the worse, which is rarer.
#: At a share of 1 % of answers at the worse end, 400 answers leave it empty in 1.8 % of samples.
_ENOUGH, _ENOUGH_FOR_THE_BEST, _ENOUGH_FOR_THE_WORST = 20, 40, 400
_ROWS_OF_A_DAY = 20
_DATED = ("responses", "tickets", "usage", "orders")


def unlikely_values(study: Study) -> pd.DataFrame:
    """Count answers that hardly fit their scale, and rows of tables whose times all lie on one day.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``.
    """
    return pd.DataFrame([*_beside_the_scale(study), *_on_one_day(study)], columns=_COLUMNS)


def _beside_the_scale(study: Study) -> Iterator[tuple[str, str, int, str]]:
    if "responses" not in study.tables:
        return
    answered = study.checked.valid("responses").filter(~nw.col("score").is_null())
    counts = collect(answered.group_by("instrument", "score").agg(n=nw.len()))
    for name, scale in study.instruments.items():
        answers = counts[counts["instrument"] == name].set_index("score")["n"]
        why = beside_the_scale(scale, answers)
        if why:
            yield "responses", f"{name} hardly fits its scale", int(answers.sum()), why


def beside_the_scale(scale: Scale, answers: pd.Series[int]) -> str:
    """Say why answers hardly fit their scale, or nothing.

    Parameters
    ----------
    scale : Scale
        As declared.
    answers : Series
        Number of answers by score.
    """
    n = int(answers.sum())
    if n < _ENOUGH:
        return ""
    best, worst = sorted((scale.low, scale.high), key=lambda end: scale.risk_sign * end)
    nobody = [end for end in (scale.low, scale.high) if not answers.get(float(end), 0)]
    seen = f"answers from {answers.index.min():g} to {answers.index.max():g}"
    asked = "another scale, or the wrong column?"
    if len(nobody) == 2:
        return f"{seen}, nobody at either end of {scale.low} to {scale.high}: {asked}"
    if nobody == [best] and n >= _ENOUGH_FOR_THE_BEST:
        return f"{seen}, nobody at {best} of {scale.low} to {scale.high}: {asked}"
    if nobody == [worst] and n >= _ENOUGH_FOR_THE_WORST:
        return f"{seen}, nobody at {worst} of {scale.low} to {scale.high}: {asked}"
    return ""


def _on_one_day(study: Study) -> Iterator[tuple[str, str, int, str]]:
    for name in _DATED:
        if name not in study.tables or study.summary(name).valid < _ROWS_OF_A_DAY:
            continue
        column = DATED_BY[name]
        summary = study.summary(name)
        ends = pd.DataFrame({"moment": [summary.first, summary.last]}).astype("datetime64[us]")
        days = collect(lazy(ends).select(day=period_start(nw.col("moment"), "day", study.timezone)))["day"]
        if days.nunique() == 1 and summary.first is not None:
            day = f"{days.iloc[0]:%Y-%m-%d}"
            detail = f"all {column} lie on {day}: the day of a load or an export, not of the event?"
            yield name, "times on one day", summary.valid, detail
