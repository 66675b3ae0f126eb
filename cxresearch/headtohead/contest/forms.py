"""The forms in which scores may enter: as answered, top-box, categories, or cut to equally many levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import DataError
from cxresearch.scales import Scale
from cxresearch.stats.prediction.ipcw import level_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: "spline" ranks by a calibrated curve and is made in the contest itself, for it needs the outcomes.
FORMS = ("raw", "top_box", "categories", "matched", "spline")


def in_form(answers: Array, scales: Sequence[Scale], form: str) -> Array:
    """Turn answers so that higher means riskier, in the form asked for.

    Parameters
    ----------
    answers : array, shape (m, n)
        Raw answers, without missing values.
    scales : sequence of m Scale
    form : {"raw", "top_box", "categories", "matched", "spline"}
        ``"top_box"``: satisfied or not, by the scale's `top`. ``"categories"``: satisfied, between, unhappy,
        the last being the mirror image of `top` (and detractors 0-6 for a scale from 0 to 10).
        ``"matched"``: every scale is cut into as many equally wide classes as the shortest one has answers,
        which re-bins NPS to the levels of CES.

    Returns
    -------
    array, shape (m, n)

    Examples
    --------
    >>> from cxresearch.scales import CES2, NPS
    >>> in_form(np.array([[0, 6, 8, 10], [1, 3, 4, 7.0]]), [NPS, CES2], "categories").tolist()
    [[2.0, 2.0, 1.0, 0.0], [2.0, 2.0, 1.0, 0.0]]
    >>> in_form(np.array([[0, 1, 2, 10], [1, 2, 3, 7.0]]), [NPS, CES2], "matched").tolist()
    [[-0.0, -0.0, -1.0, -6.0], [-0.0, -1.0, -2.0, -6.0]]
    """
    if form == "matched":
        size = min(len(scale.levels) for scale in scales)
        return np.stack([_matched(row, scale, size) for row, scale in zip(answers, scales, strict=True)])
    turn = {"top_box": _top_box, "categories": _categories}.get(form, _raw)
    return np.stack([turn(row, scale) for row, scale in zip(answers, scales, strict=True)])


def _raw(row: Array, scale: Scale) -> Array:
    return row * scale.risk_sign


def _top_box(row: Array, scale: Scale) -> Array:
    return np.where(np.isin(row, scale.top), 0.0, 1.0)


def unhappy_answers(scale: Scale) -> tuple[int, ...]:
    """Answers of an unhappy customer: the mirror image of the top ones; 0 to 6 on a scale from 0 to 10."""
    if (scale.low, scale.high, scale.top) == (0, 10, (9, 10)):
        return tuple(range(7))
    mirrored = {scale.low + scale.high - answer for answer in scale.top} - set(scale.top)
    return tuple(sorted(mirrored))


def _categories(row: Array, scale: Scale) -> Array:
    return np.where(np.isin(row, scale.top), 0.0, np.where(np.isin(row, unhappy_answers(scale)), 2.0, 1.0))


def _matched(row: Array, scale: Scale, size: int) -> Array:
    classes = np.floor((row - scale.low) * size / len(scale.levels))
    return classes * scale.risk_sign


def agreement_cautions(answers: Mapping[str, Array], scales: Mapping[str, Scale]) -> tuple[str, ...]:
    """Warn where two scores, each turned by its declared direction, disagree on who is happy.

    A negative rank correlation beyond chance (|z| > 3) between scores of the same customers is a sign that a
    direction was declared, or understood by the customers, the wrong way round.
    """
    names, notes = list(answers), []
    ranks = {name: _mid_ranks(answers[name] * scales[name].risk_sign) for name in names}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            r = float(np.corrcoef(ranks[first], ranks[second])[0, 1])
            if r * np.sqrt(len(ranks[first])) < -3:
                notes.append(
                    f"{scales[first].label} and {scales[second].label} contradict each other "
                    f"(rank correlation {r:.2f} after turning both as declared): check the directions"
                )
    return tuple(notes)


def _mid_ranks(values: Array) -> Array:
    code, levels = level_codes("score", values)
    counts = np.bincount(code, minlength=len(levels))
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[code])


def check_levels(name: str, levels: Array, n: int) -> None:
    """Refuse a score with one distinct value."""
    if len(levels) < 2:
        raise DataError(
            f"{name} has one distinct score in all {n:,} complete rows",
            wanted="answers that differ",
            next_step="leave this score out of the comparison, or use its raw form",
        )
