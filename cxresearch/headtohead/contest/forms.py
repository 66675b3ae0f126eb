"""The forms in which scores may enter: as answered, top-box, categories, or cut to equally many levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import DataError
from cxresearch.scales import Scale
from cxresearch.stats.prediction.ipcw import codes_of

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places

#: "spline" ranks by a calibrated curve and is made in the contest itself, for it needs the outcomes.
FORMS = ("raw", "top_box", "categories", "matched", "spline")


def in_form(answers: Floats, scales: Sequence[Scale], form: str) -> Floats:
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
    if form == "top_box":
        return np.stack([_top_box(row, scale) for row, scale in zip(answers, scales, strict=True)])
    if form == "categories":
        return np.stack([_categories(row, scale) for row, scale in zip(answers, scales, strict=True)])
    return np.stack([row * scale.risk_sign for row, scale in zip(answers, scales, strict=True)])


def _top_box(row: Floats, scale: Scale) -> Floats:
    return np.where(np.isin(row, scale.top), 0.0, 1.0)


def unhappy_answers(scale: Scale) -> tuple[int, ...]:
    """Answers of an unhappy customer: the mirror image of the top ones; 0 to 6 on a scale from 0 to 10."""
    if (scale.low, scale.high, scale.top) == (0, 10, (9, 10)):
        return tuple(range(7))
    mirrored = {scale.low + scale.high - answer for answer in scale.top} - set(scale.top)
    return tuple(sorted(mirrored))


def _categories(row: Floats, scale: Scale) -> Floats:
    satisfied, unhappy = np.isin(row, scale.top), np.isin(row, unhappy_answers(scale))
    return np.select([satisfied, unhappy], [0.0, 2.0], default=1.0)


def _matched(row: Floats, scale: Scale, size: int) -> Floats:
    # Class of answer x: floor((x - low) k / levels), k classes of equal width.
    classes = np.floor((row - scale.low) * size / len(scale.levels))
    return classes * scale.risk_sign


def agreement_cautions(answers: Mapping[str, Floats], scales: Mapping[str, Scale]) -> tuple[str, ...]:
    """Warn where two scores, each turned by its declared direction, disagree on who is happy.

    A negative rank correlation beyond chance (|z| > 3) between scores of the same customers is a sign that a
    direction was declared, or understood by the customers, the wrong way round.
    """
    names, notes = list(answers), []
    ranks = {name: _mid_ranks(answers[name] * scales[name].risk_sign) for name in names}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            r = float(np.corrcoef(ranks[first], ranks[second])[0, 1])
            # Spearman's r times sqrt(n) is about standard normal where nothing goes together.
            if r * np.sqrt(len(ranks[first])) < -3:
                notes.append(
                    f"{scales[first].label} and {scales[second].label} contradict each other "
                    f"(rank correlation {r:.2f} after turning both as declared): check the directions"
                )
    return tuple(notes)


def _mid_ranks(values: Floats) -> Floats:
    code, levels = codes_of(values)
    counts = np.bincount(code, minlength=len(levels))
    # Mid-ranks: ties share the mean of their ranks.
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[code])


def coded_levels(name: str, values: Floats) -> tuple[Places, Floats]:
    """Return the level number of each value and the distinct levels; a score with one of them is refused."""
    code, levels = codes_of(values)
    if len(levels) < 2:
        raise DataError(
            f"{name} has one distinct score in all {len(values):,} complete rows",
            wanted="answers that differ",
            next_step="leave this score out of the comparison, or use its raw form",
        )
    return code, levels
