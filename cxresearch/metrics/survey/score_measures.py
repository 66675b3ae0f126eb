"""How one question becomes one number, and the gate its answers pass."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxresearch.checks import as_numbers, check_choice
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.hiding import SMALL_BASE
from cxresearch.results.units import Unit
from cxresearch.scales import DETRACTORS, NPS, PROMOTERS, Scale
from cxresearch.stats.intervals.proportions import WILSON
from cxresearch.stats.intervals.score_cells import Kind

Floats = NDArray[np.float64]
#: ``top_box``, ``top_2_box``, ``top_3_box`` ...
BOX_NAME = re.compile(r"top_([1-9][0-9]?)_box")
_BOXES = re.compile(r"top_(?:(?P<number>[1-9][0-9]?)_)?box")

_METHODS: dict[tuple[Kind, str], str] = {
    ("net", "score"): "score interval (Tango 1998)",
    ("net", "adjusted_wald"): "adjusted Wald interval (Rocks 2016)",
    ("net", "wald"): "Wald interval",
    ("share", "score"): WILSON,
    ("share", "wald"): "Wald interval",
    ("mean", "score"): "multinomial score interval",
    ("mean", "t"): "Student's t interval",
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One way of turning the answers to a question into a number: the mean of ``values``.

    Attributes
    ----------
    name, label : str
        ``"top_2_box"``; what a report prints: ``"CSAT top-2-box"``.
    kind : {"net", "share", "mean"}
        Decides which intervals exist.
    values : tuple of float
        What each level of the scale counts, lowest level first.
    factor : float
        100 for an NPS, else 1: from the scale of ``values`` to ``unit``.
    unit : Unit
        Unit of the number.
    scale : Scale
        The question.
    """

    name: str
    label: str
    kind: Kind
    values: tuple[float, ...]
    factor: float
    unit: Unit
    scale: Scale

    @property
    def array(self) -> Floats:
        """The values as an array, shape (levels,)."""
        return np.asarray(self.values, dtype=np.float64)


def top_box_name(boxes: int) -> str:
    """Return the name of the share of the best answers, by what it counts.

    Examples
    --------
    >>> top_box_name(1), top_box_name(3)
    ('top_box', 'top_3_box')
    """
    if boxes == 1:
        return "top_box"
    return f"top_{boxes}_box"


def best_answers(scale: Scale, boxes: int) -> tuple[int, ...]:
    """Return the best answers of a scale; those of one where low is good are its lowest."""
    if scale.direction == "high_is_good":
        return scale.levels[-boxes:]
    return scale.levels[:boxes]


def measure_of(scale: Scale, measure: str) -> Measure:
    """Return a measure of a scale.

    Parameters
    ----------
    scale : Scale
        The declared question.
    measure : str
        ``"nps"``: promoters minus detractors (0-10 scales only); ``"mean"``: the mean answer; ``"top_box"``:
        the share that gave the best answer; ``"top_2_box"``, ``"top_3_box"`` ...: the share that gave one of
        so many best answers. The best answer of a ``low_is_good`` scale is its lowest.

    Raises
    ------
    ArgumentError
        If an NPS is asked of another scale than 0 to 10, high is good, or a box of all the answers.

    Examples
    --------
    >>> from cxresearch.scales import CES2
    >>> measure_of(CES2, "top_2_box").label, measure_of(CES2, "top_2_box").values
    ('CES top-2-box', (0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0))
    """
    if measure == "nps":
        return _net_promoters(scale)
    if measure == "mean":
        return Measure(
            name="mean",
            label=f"{scale.label} mean",
            kind="mean",
            values=tuple(map(float, scale.levels)),
            factor=1.0,
            unit=Unit.SCORE,
            scale=scale,
        )
    boxes = _BOXES.fullmatch(measure)
    if boxes is None:
        raise ArgumentError(
            f"measure is {measure!r}", wanted="one of 'nps', 'mean', 'top_box', 'top_2_box', 'top_3_box' ..."
        )
    number = int(boxes["number"] or 1)
    if not 0 < number < len(scale.levels):
        raise ArgumentError(
            f"every answer from {scale.low} to {scale.high} lies in the boxes: the share is always 100 %",
            next_step="take measure='top_box', or a box of fewer answers",
        )
    values = tuple(float(answer in best_answers(scale, number)) for answer in scale.levels)
    if number == 1:
        box = "top box"
    else:
        box = f"top-{number}-box"
    return Measure(
        name=top_box_name(number),
        label=f"{scale.label} {box}",
        kind="share",
        values=values,
        factor=1.0,
        unit=Unit.SHARE,
        scale=scale,
    )


def _net_promoters(scale: Scale) -> Measure:
    if (scale.low, scale.high, scale.direction) != (0, 10, "high_is_good"):
        raise ArgumentError(
            f"an NPS cannot be computed from a {scale.low}-{scale.high} scale, {scale.direction}",
            wanted="answers from 0 to 10, 10 being best",
            next_step="report the mean or top box of this question; rescaling does not make it an NPS",
        )
    # NPS = 100 (promoters - detractors) / answers: an answer counts +1, 0 or -1 (Reichheld 2003).
    values = tuple(float((answer in PROMOTERS) - (answer in DETRACTORS)) for answer in scale.levels)
    return Measure(
        name="nps",
        label=scale.label,
        kind="net",
        values=values,
        factor=100.0,
        unit=Unit.POINTS,
        scale=scale,
    )


def sense_of(measure: Measure) -> float:
    """Return 1 where a high value of a measure is good, -1 where it is bad; shares are of happy answers."""
    good = measure.scale.direction == "high_is_good" or measure.kind != "mean"
    return 1.0 if good else -1.0


def measures_for(scale: Scale) -> tuple[str, ...]:
    """Return the names of the measures of a scale, the customary one first.

    A question from 0 to 10 is an NPS only if it is declared as one: by the name ``nps`` or by NPS's wording.
    The answers that the scale declares as good make the share named by how many they are. A box of all
    answers is none; where one answer is good, the top box is all there is.
    """
    # 0 to 10 alone makes no NPS: the question must be the recommendation (Reichheld 2003) or be declared one.
    declared = scale.name == NPS.name or scale.question == NPS.question
    if declared and (scale.low, scale.high, scale.direction) == (NPS.low, NPS.high, NPS.direction):
        return ("nps",)
    boxes = len(set(scale.top))
    if boxes == 1 or boxes == len(scale.levels):
        return ("mean", "top_box")
    return ("mean", top_box_name(boxes), "top_box")


def method_name(kind: Kind, method: str) -> str:
    """Return the printed name of an interval, or say which ones the kind of measure has."""
    allowed = [name for of, name in _METHODS if of == kind]
    check_choice("method", method, allowed)
    return _METHODS[(kind, method)]


def base_note(n: int, unknown: bool, *, n_effective: float | None = None) -> str:
    """Return the note on a small base, in number or in effect, or the reason for a missing interval."""
    if n == 0:
        return "no answers"
    if unknown:
        return "too few independent answers for an interval"
    if n < SMALL_BASE:
        return f"small base: fewer than {SMALL_BASE} answers"
    if n_effective is not None and n_effective < SMALL_BASE:
        return f"small base: {n:,} answers that tell no more than {n_effective:.0f} independent ones"
    return ""


def check_scores(scores: ArrayLike, scale: Scale) -> Floats:
    """Return scores as floats, NaN for non-answers; name the first that is no answer to the question."""
    values = as_numbers("scores", scores, missing=True)
    with np.errstate(invalid="ignore"):
        # Answers are whole numbers on the scale; 7.5 and 11 are mistakes, never rounded.
        wrong = (values < scale.low) | (values > scale.high) | (values != np.round(values))
    wrong &= ~np.isnan(values)
    if wrong.any():
        first = int(np.argmax(wrong))
        others = int(wrong.sum()) - 1
        raise DataError(
            f"score {values[first]:g} is no answer on the {scale.label} scale",
            where=f"position {first}" + (f", and {others:,} more" if others else ""),
            wanted=f"a whole number from {scale.low} to {scale.high}",
            next_step="map codes for 'no answer' to missing, or declare the scale that was asked",
        )
    return values


def check_weights(weights: ArrayLike) -> Floats:
    """Return finite weights, zero or more."""
    values = as_numbers("weights", weights)
    if (values < 0).any():
        raise ArgumentError(
            f"weight {values[values < 0][0]:g} is negative",
            where=f"position {int(np.argmax(values < 0))}",
            wanted="weights of zero or more",
        )
    return values


def check_clusters(clusters: Any) -> NDArray[Any]:
    """Return cluster labels as an array without missing ones."""
    if hasattr(clusters, "to_pandas"):
        clusters = clusters.to_pandas()
    labels = pd.Series(clusters)
    if labels.isna().any():
        raise ArgumentError(
            f"clusters has {int(labels.isna().sum())} missing labels",
            where=f"first at position {int(np.argmax(labels.isna().to_numpy()))}",
            next_step="give each unknown respondent a label of their own, or drop the rows",
        )
    return labels.to_numpy()
