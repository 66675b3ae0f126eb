"""Weights of answers as mapped in a study, where one weight stands for a row of a contest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.headtohead.one_score.silence import answered_rows

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.data.landmarks.landmarks import Landmarks


@dataclass(frozen=True, kw_only=True)
class AnswerWeights:
    """Weights of landmark rows, or why there are none.

    Attributes
    ----------
    values : array, shape (rows of the landmarks,), or None
        For ``weights=`` of a contest; 1 for rows without an answer to every score. None where the study maps
        no weights, or they cannot be used.
    mapped : bool
        Whether the study maps weights.
    note : str
        What a page says about them; empty where none are mapped.
    """

    values: Floats | None
    mapped: bool
    note: str


def answer_weights(marks: Landmarks, scores: Sequence[str]) -> AnswerWeights:
    """Return the weights of the answers that stand in each row.

    A row of several scores has several answers, each with its weight; they can be used if they agree, as they
    do where one questionnaire asked all questions. Otherwise, and where a weight is missing or not above 0,
    there is no weight that stands for the row, and none is made up.

    Parameters
    ----------
    marks : Landmarks
        Of a study whose responses map ``weight``: column ``<score>_weight`` of the frame.
    scores : sequence of str
        The scores to be judged together.

    Returns
    -------
    AnswerWeights

    Raises
    ------
    ArgumentError
        If an instrument is unknown.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(customers=100)
    >>> answer_weights(marks, ["nps"])
    AnswerWeights(values=None, mapped=False, note='')
    """
    answered = answered_rows(marks, scores)
    columns = [f"{name}_weight" for name in scores]
    if not set(columns) & set(marks.frame.columns):
        return AnswerWeights(values=None, mapped=False, note="")
    given = marks.frame.reindex(columns=columns).to_numpy(dtype=np.float64, na_value=np.nan)[answered]
    labels = " and ".join(marks.instruments[name].label for name in scores)
    unusable = int((~(given > 0)).any(axis=1).sum())
    if unusable:
        return _unused(f"{unusable:,} of {len(given):,} rows have an answer whose weight is missing or 0")
    # Weights agree if their range is rounding error: max - min <= 1e-9 max.
    unlike = int((np.ptp(given, axis=1) > 1e-9 * given.max(axis=1)).sum())
    if unlike:
        return _unused(
            f"in {unlike:,} of {len(given):,} rows the answers to {labels} carry different weights, and no "
            "one weight stands for the row"
        )
    values = np.ones(len(answered))
    values[answered] = given[:, 0]
    least, most = (f"{end:.3g}" for end in (given.min(initial=np.inf), given.max(initial=-np.inf)))
    note = f"the weights of answers mapped in the study are used ({least} to {most})"
    return AnswerWeights(values=values, mapped=True, note=note)


def _unused(reason: str) -> AnswerWeights:
    return AnswerWeights(
        values=None, mapped=True, note=f"the weights mapped in the study are not used: {reason}"
    )
