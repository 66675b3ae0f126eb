"""The difference of two sets of answers, paired where the same customers gave both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxresearch.checks import check_level, check_same_length
from cxresearch.errors import DataError
from cxresearch.metrics.survey.score_measures import (
    Measure,
    check_clusters,
    check_scores,
    measure_of,
)
from cxresearch.metrics.survey.survey import one_cell
from cxresearch.results.contrast import Contrast
from cxresearch.results.hiding import SMALL_BASE
from cxresearch.results.units import Unit
from cxresearch.scales import NPS, Scale
from cxresearch.stats.intervals.differences import MOVER_TEST, mover_difference
from cxresearch.stats.intervals.proportions import Bounds
from cxresearch.stats.intervals.score_cells import cell_bounds, linearised_means

Floats = NDArray[np.float64]


class _Side(NamedTuple):
    value: float
    bounds: Bounds
    n: int
    n_missing: int
    residuals: pd.Series[float]  # by customer: sum of (y - mean) / n
    answers: Floats  # by customer and answer, sorted


def score_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    scale: Scale = NPS,
    measure: str = "nps",
    clusters: tuple[ArrayLike, ArrayLike] | None = None,
    labels: tuple[str, str] = ("first", "second"),
    level: float = 0.95,
) -> Contrast:
    """Return the difference of an NPS, mean or box share between two groups or periods, with its test.

    Parameters
    ----------
    first, second : array-like, shapes (n_first,) and (n_second,)
        Whole numbers on the scale; None, NaN and NA are non-answers, counted in ``n_missing``.
    scale : Scale
        The question, the same on both sides.
    measure : {"nps", "mean", "top_2_box", "top_box"}
        See :func:`nps` and :func:`csat`.
    clusters : tuple of two array-likes, optional
        Who gave the answers of each side. Customers who are on both sides make the two estimates correlated;
        the interval and the test use that.
    labels : tuple of two str
        Names of the sides.
    level : float
        Confidence level.

    Returns
    -------
    Contrast
        First minus second, in the measure's unit; ``p_value`` is below 1 - level exactly where the interval
        excludes 0. A sample against itself (the same object, or the same answers of the same customers)
        differs by exactly 0, without any error, and the note says so; equal lists of two groups are two
        samples.

    Raises
    ------
    DataError
        If a score is no answer to the question, or a side has none.

    References
    ----------
    Zou, G. Y., & Donner, A. (2008). Construction of confidence limits about effect measures: a general
    approach. Statistics in Medicine 27, 1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> score_difference([10] * 60 + [8] * 25 + [6] * 15, [10] * 50 + [8] * 25 + [6] * 25)
    NPS: first minus second +20.0 [−2.0, +41.4], p 0.074, n 200
    """
    check_level(level)
    chosen = measure_of(scale, measure)
    who = clusters or (None, None)
    sides = [
        _side(scores, chosen, ids, level, label)
        for scores, ids, label in zip((first, second), who, labels, strict=True)
    ]
    left, right = sides
    if clusters is None:
        r = 0.0
    else:
        r = _correlation(left.residuals, right.residuals)
    # Zou and Donner (2008): limits of a difference from those of its sides and their correlation.
    contrast = mover_difference(
        left.value, left.bounds, right.value, right.bounds, level=level, correlation=r
    )
    factor = chosen.factor
    if _is_one_sample(first, second, clusters, left, right):
        return _no_difference(chosen, labels, left, level)
    small = min(left.n, right.n) < SMALL_BASE
    return Contrast(
        name=chosen.label,
        first=labels[0],
        second=labels[1],
        difference=factor * float(contrast.difference),
        low=factor * float(contrast.low[0]),
        high=factor * float(contrast.high[0]),
        level=level,
        se=factor * float(contrast.se[0]),
        statistic=float(contrast.statistic[0]),
        p_value=float(contrast.p_value[0]),
        n=left.n + right.n,
        n_missing=left.n_missing + right.n_missing,
        unit=_unit(chosen),
        test=MOVER_TEST,
        method="MOVER from score intervals" + (f", correlation {r:.2f}" if r else ""),
        note=f"small base: a side has fewer than {SMALL_BASE} answers" if small else "",
    )


def _is_one_sample(
    first: ArrayLike,
    second: ArrayLike,
    clusters: tuple[ArrayLike, ArrayLike] | None,
    left: _Side,
    right: _Side,
) -> bool:
    """Whether both sides are the same answers, and not two samples that happen to be alike."""
    if clusters is None:
        return first is second
    return left.residuals.index.equals(right.residuals.index) and np.array_equal(left.answers, right.answers)


def _no_difference(chosen: Measure, labels: tuple[str, str], side: _Side, level: float) -> Contrast:
    return Contrast(
        name=chosen.label,
        first=labels[0],
        second=labels[1],
        difference=0.0,
        low=0.0,
        high=0.0,
        level=level,
        se=0.0,
        statistic=0.0,
        p_value=1.0,
        n=side.n,
        n_missing=side.n_missing,
        unit=_unit(chosen),
        test="none: a sample does not differ from itself",
        method="by definition",
        note="both sides are the same answers",
    )


def _unit(chosen: Measure) -> Unit:
    if chosen.unit is Unit.SHARE:
        return Unit.SHARE_DIFFERENCE
    return chosen.unit


def _side(scores: ArrayLike, chosen: Measure, clusters: ArrayLike | None, level: float, label: str) -> _Side:
    values = check_scores(scores, chosen.scale)
    answered = ~np.isnan(values)
    if not answered.any():
        raise DataError(f"side {label!r} has no answers", wanted="at least one answer on each side")
    check_same_length(**{f"scores of {label}": values, f"clusters of {label}": clusters})
    cells, sums = one_cell(values, answered, chosen, None, clusters)
    means = linearised_means(cells, chosen.array, sums)
    bounds = cell_bounds(cells, chosen.array, means, kind=chosen.kind, method="score", level=level)
    mean = float(means.mean[0])
    y = chosen.array[(values[answered] - chosen.scale.low).astype(np.int64)]
    if clusters is None:
        who = np.arange(len(y))
    else:
        who = check_clusters(clusters)[answered]
    # Linearised: what each customer adds to the error of the mean, (y - m) / n.
    residuals = pd.Series((y - mean) / len(y)).groupby(who).sum()
    # Places of the customers in order, so that labels of any kind can be sorted beside answers.
    place = residuals.index.get_indexer(pd.Index(who))
    answers = np.column_stack([place, values[answered]])[np.lexsort([values[answered], place])]
    return _Side(mean, bounds, len(y), int(len(values) - len(y)), residuals, answers)


def _correlation(left: pd.Series[float], right: pd.Series[float]) -> float:
    """Correlation of two means through the customers they share (linearised)."""
    # r = sum u1 u2 / sqrt(sum u1^2 sum u2^2), over customers who are on both sides.
    sizes = float((left**2).sum() * (right**2).sum()) ** 0.5
    shared = left.index.intersection(right.index)
    if sizes == 0 or not len(shared):
        return 0.0
    return float(np.clip((left.loc[shared] * right.loc[shared]).sum() / sizes, -1, 1))
