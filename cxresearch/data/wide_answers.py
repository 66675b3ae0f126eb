"""Wide surveys in memory: a row a person, a column a question, as a table of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from cxresearch.data.columns.frame_columns import spelled_column
from cxresearch.data.engine import lazy
from cxresearch.errors import ArgumentError
from cxresearch.scales import STANDARD_SCALES, Scale
from cxresearch.wording import did_you_mean, listed


def declared_scales(
    instruments: Mapping[str, Scale | str] | None, scores: Mapping[str, str] | None
) -> dict[str, Scale]:
    """Return the scales of instruments: as given, by the names of standard ones, and those that scores name.

    Parameters
    ----------
    instruments : mapping of str to (Scale or str), optional
        A scale, or the name of a standard one.
    scores : mapping of str to str, optional
        Column to instrument; an instrument without a declared scale must be a standard one.

    Raises
    ------
    ArgumentError
        If a name is no standard scale, such as ``"ces"``, whose versions run in opposite directions.

    Examples
    --------
    >>> sorted(declared_scales(None, {"NPS": "nps", "CSAT": "csat"}))
    ['csat', 'nps']
    """
    declared: dict[str, Scale] = {}
    for name, scale in (instruments or {}).items():
        declared[name] = _standard(scale) if isinstance(scale, str) else scale
    for instrument in (scores or {}).values():
        if instrument not in declared:
            declared[instrument] = _standard(instrument)
    return declared


def _standard(name: str) -> Scale:
    if name in STANDARD_SCALES:
        return STANDARD_SCALES[name]
    raise ArgumentError(
        f"the scale of instrument {name!r} is not declared",
        wanted=f"one of {listed(STANDARD_SCALES)}, or instruments={{{name!r}: cx.Scale(...)}}",
        next_step=did_you_mean(name, STANDARD_SCALES),
    )


def long_answers(frame: Any, scores: Mapping[str, str]) -> Any:
    """Return a table of answers from a frame with a column for each question.

    Parameters
    ----------
    frame : frame
        Of any engine, with ``customer_id``, ``responded_at`` and the columns of questions.
    scores : mapping of str to str
        Column to instrument; case of columns is forgiven.

    Returns
    -------
    frame
        On the same engine: the other columns, ``instrument`` and ``score``. An empty cell is left out, unless
        the frame has ``sent_at``: then it is a non-response.

    Raises
    ------
    ArgumentError
        If a column is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"customer_id": [1, 2], "NPS": [9, None], "CSAT": [5, 4]})
    >>> long_answers(answers, {"NPS": "nps", "CSAT": "csat"}).sort_values("customer_id").values.tolist()
    [[1, 'nps', 9.0], [1, 'csat', 5.0], [2, 'csat', 4.0]]
    """
    rows = lazy(frame)
    names = rows.collect_schema().names()
    questions = {spelled_column(column, names, what="score column"): name for column, name in scores.items()}
    others = [name for name in names if name not in questions and name not in ("instrument", "score")]
    # A union of one select a question: engines differ in how they turn columns into rows.
    parts = [
        rows.select(
            *others, nw.lit(name).alias("instrument"), nw.col(column).cast(nw.Float64()).alias("score")
        )
        for column, name in questions.items()
    ]
    answers = nw.concat(parts, how="vertical")
    # An invitation without an answer is a non-response; without invitations nothing is known of the silent.
    if "sent_at" not in others:
        answers = answers.filter(~nw.col("score").is_null())
    if isinstance(nw.from_native(frame), nw.DataFrame):
        return answers.collect().to_native()
    return answers.to_native()
