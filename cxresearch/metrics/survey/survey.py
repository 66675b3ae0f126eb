"""NPS, CSAT, CES and any other declared question, with intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxresearch.checks import as_numbers, check_level, check_same_length
from cxresearch.errors import ArgumentError
from cxresearch.metrics.survey.bare_answers import answers_in
from cxresearch.metrics.survey.score_measures import (
    Measure,
    base_note,
    check_clusters,
    check_scores,
    check_weights,
    measure_of,
    method_name,
)
from cxresearch.results.estimate import Estimate
from cxresearch.results.hiding import SMALL_BASE
from cxresearch.scales import CSAT, NPS, Scale
from cxresearch.stats.intervals.score_cells import (
    ClusterSums,
    ScoreCells,
    cell_bounds,
    linearised_means,
    simple_se,
)

Floats = NDArray[np.float64]


def nps(
    scores: Any,
    column: str | None = None,
    *,
    weights: ArrayLike | str | None = None,
    clusters: ArrayLike | str | None = None,
    method: Literal["score", "adjusted_wald", "wald"] = "score",
    level: float = 0.95,
    scale: Scale = NPS,
) -> Estimate:
    """Return the Net Promoter Score: 100 (promoters - detractors) / answers.

    Promoters answered 9 or 10, passives 7 or 8, detractors 0 to 6.

    Parameters
    ----------
    scores : array-like, shape (n,), or frame
        Whole numbers from 0 to 10: a list, array, or a column of pandas, Polars or PyArrow. None, NaN and NA
        are non-answers, counted in ``n_missing``. Or a frame of any engine, with ``column``.
    column : str, optional
        The column of the frame, case forgiven; ``weights`` and ``clusters`` may then be names too.
    weights : array-like, shape (n,), optional
        Design weights, zero or more. They give a linearised standard error, not one of ``sum(weights)``
        answers.
    clusters : array-like, shape (n,), optional
        Who answered: several answers of one customer are not independent.
    method : {"score", "adjusted_wald", "wald"}
        The score interval (Tango 1998) by default; the adjusted Wald interval adds 3/4 promoter, 3/4
        detractor and 3 to n (Rocks 2016); plain Wald is textbook, too short below a few hundred answers, and
        may leave -100 to 100. With weights or clusters each is computed at the design's effective sample
        size.
    level : float
        Confidence level.
    scale : Scale
        The question; anything but 0 to 10 with 10 best is refused.

    Returns
    -------
    Estimate
        In points from -100 to 100. ``se`` is sqrt((p + d - (p - d)^2) / n) * 100, or linearised. NaN, with
        a note, where nobody answered.

    Raises
    ------
    DataError
        If a score is 11, 7.5 or anything else that is no answer to the question; the position is named.
    ArgumentError
        If the scale is not 0 to 10, or arguments do not fit together.

    References
    ----------
    Reichheld, F. F. (2003). The one number you need to grow. Harvard Business Review 81(12), 46-54.
    Tango, T. (1998). Statistics in Medicine 17, 891-908.
    Rocks, B. (2016). The American Statistician 70, 365-372. doi:10.1080/00031305.2016.1158124

    Examples
    --------
    >>> nps([6] * 15 + [8] * 25 + [10] * 60)
    NPS +45.0 [+29.3, +58.1], n 100
    >>> nps(pd.DataFrame({"NPS": [6] * 15 + [8] * 25 + [10] * 60}), "NPS")
    NPS +45.0 [+29.3, +58.1], n 100
    """
    scores, weights, clusters = answers_in(scores, column, weights=weights, clusters=clusters)
    return survey_score(
        scores, scale=scale, measure="nps", weights=weights, clusters=clusters, method=method, level=level
    )


def csat(
    scores: Any,
    column: str | None = None,
    *,
    measure: str = "mean",
    weights: ArrayLike | str | None = None,
    clusters: ArrayLike | str | None = None,
    method: Literal["score", "wald", "t"] = "score",
    level: float = 0.95,
    scale: Scale = CSAT,
) -> Estimate:
    """Return customer satisfaction: the mean of 1 to 5, or the share in the top boxes. Report both.

    Parameters
    ----------
    scores : array-like, shape (n,), or frame
        Whole numbers on the scale; None, NaN and NA are non-answers, counted in ``n_missing``.
    column : str, optional
        Where ``scores`` is a frame: its column, as in :func:`nps`.
    measure : {"mean", "top_2_box", "top_box"}
        The mean answer; the share of 4 and 5; the share of 5. Any ``"top_<k>_box"`` counts the k best.
    weights, clusters : array-like, shape (n,), optional
        As in :func:`nps`.
    method : {"score", "wald", "t"}
        The score interval by default: Wilson's for shares, its extension to a mean on a bounded scale for
        means. ``"t"`` gives mean +- t SE (means only), ``"wald"`` the textbook interval of a share.
    level : float
        Confidence level.
    scale : Scale
        Another declared satisfaction question, for example 1 to 7.

    Returns
    -------
    Estimate
        A mean in the scale's own points, or a share from 0 to 1.

    Raises
    ------
    DataError
        If a score is no answer to the question.
    ArgumentError
        If arguments do not fit together.

    Examples
    --------
    >>> scores = [1] * 4 + [2] * 5 + [3] * 11 + [4] * 38 + [5] * 42
    >>> csat(scores)
    CSAT mean 4.09 [3.86, 4.27], n 100
    >>> csat(scores, measure="top_2_box")
    CSAT top-2-box 80.0 % [71.1 %, 86.7 %], n 100
    """
    scores, weights, clusters = answers_in(scores, column, weights=weights, clusters=clusters)
    return survey_score(
        scores, scale=scale, measure=measure, weights=weights, clusters=clusters, method=method, level=level
    )


def ces(
    scores: Any,
    column: str | None = None,
    *,
    scale: Scale | None = None,
    measure: str = "mean",
    weights: ArrayLike | str | None = None,
    clusters: ArrayLike | str | None = None,
    method: Literal["score", "wald", "t"] = "score",
    level: float = 0.95,
) -> Estimate:
    """Return the Customer Effort Score of a declared version; versions are never pooled or converted.

    Parameters
    ----------
    scores : array-like, shape (n,), or frame
        Whole numbers on the scale; None, NaN and NA are non-answers, counted in ``n_missing``.
    column : str, optional
        Where ``scores`` is a frame: its column, as in :func:`nps`.
    scale : Scale
        ``cx.CES2`` (1 to 7, "made it easy", high is good), ``cx.CES1`` (1 to 5, "how much effort", low is
        good), or your own. It must be given: the versions run in opposite directions, and answers from 1 to 5
        could be either. The version is part of the result's name.
    measure : {"mean", "top_3_box", "top_2_box", "top_box"}
        The mean answer; the share of the three, two or one best answers. Customary for CES 2.0 is
        ``"top_3_box"`` (5 to 7), for CES 1.0 ``"top_2_box"`` (1 and 2). Any ``"top_<k>_box"`` is admitted.
    weights, clusters, method, level
        As in :func:`csat`.

    Returns
    -------
    Estimate
        A mean in the scale's own points (on CES 1.0 lower is better), or a share from 0 to 1. A note says so
        when nobody went beyond 5 on a 1 to 7 scale: perhaps the question was CES 1.0.

    Raises
    ------
    DataError
        If a score is no answer to the question, such as 6 on CES 1.0.
    ArgumentError
        If the version is not declared, or arguments do not fit together.

    References
    ----------
    Dixon, M., Freeman, K., & Toman, N. (2010). Stop trying to delight your customers. Harvard Business Review
    88(7/8), 116-122.

    Examples
    --------
    >>> from cxresearch.scales import CES2
    >>> by_level = {1: 80, 2: 210, 3: 140, 4: 110, 5: 160, 6: 180, 7: 120}
    >>> ces([score for score, n in by_level.items() for _ in range(n)], scale=CES2)
    CES 2.0 mean 4.08 [3.96, 4.20], n 1,000
    """
    if scale is None:
        raise ArgumentError(
            "the version of CES is not declared",
            wanted="scale=cx.CES2 (1 to 7, 'made it easy', high is good) or scale=cx.CES1 (1 to 5, 'how much "
            "effort', low is good)",
            next_step="look at the wording of the question; the two run in opposite directions",
        )
    if scale.name == "ces" and scale.label == "CES":
        scale = replace(scale, label="CES 2.0")
    scores, weights, clusters = answers_in(scores, column, weights=weights, clusters=clusters)
    estimate = survey_score(
        scores, scale=scale, measure=measure, weights=weights, clusters=clusters, method=method, level=level
    )
    if (scale.low, scale.high) == (1, 7) and estimate.n >= SMALL_BASE:
        values = as_numbers("scores", scores, missing=True)
        # CES 1.0 runs the other way: read as CES 2.0 its best answers would be its worst.
        if np.nanmax(values) <= 5:
            return _with_note(estimate, "nobody answered above 5 of 7: was the question CES 1.0 (1 to 5)?")
    return estimate


def survey_score(
    scores: ArrayLike,
    *,
    scale: Scale,
    measure: str = "mean",
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    method: str = "score",
    level: float = 0.95,
) -> Estimate:
    """Return one measure of any declared question: agent satisfaction, expectation gap, goal attainment ...

    Parameters
    ----------
    scores : array-like, shape (n,)
        Whole numbers on the scale; None, NaN and NA are non-answers, counted in ``n_missing``.
    scale : Scale
        The question: bounds, direction, top answers.
    measure : {"nps", "mean", "top_box", "top_2_box", "top_3_box", ...}
        See :func:`nps` and :func:`csat`; ``"top_<k>_box"`` is the share of the k best answers.
    weights, clusters, method, level
        As in :func:`nps`; ``"t"`` and ``"wald"`` as in :func:`csat`.

    Returns
    -------
    Estimate

    Raises
    ------
    DataError
        If a score is no answer to the question.
    ArgumentError
        If arguments do not fit together.

    Examples
    --------
    >>> agent = Scale(name="agent", label="Agent satisfaction", low=1, high=7, direction="high_is_good")
    >>> survey_score([7, 6, 7, 5, 7, 2] * 10, scale=agent, measure="top_2_box")
    Agent satisfaction top-2-box 66.7 % [54.1 %, 77.3 %], n 60
    """
    check_level(level)
    chosen = measure_of(scale, measure)
    name = method_name(chosen.kind, method)
    values = check_scores(scores, scale)
    answered = ~np.isnan(values)
    cells, sums = one_cell(values, answered, chosen, weights, clusters)
    # m = sum w y / sum w; its variance from residuals w (y - m) of each cluster.
    means = linearised_means(cells, chosen.array, sums)
    simple = weights is None and clusters is None
    if simple:
        se = simple_se(means, kind=chosen.kind)
    else:
        se = means.se
    bounds = cell_bounds(cells, chosen.array, means, kind=chosen.kind, method=method, level=level)
    n, factor = int(means.n[0]), chosen.factor
    n_effective = None
    if not simple:
        name += " at the design's effective n, linearised SE" if method != "t" else ", linearised SE"
        n_effective = float(means.n_design[0] if weights is None else means.n_kish[0])
    return Estimate(
        name=chosen.label,
        value=float(factor * means.mean[0]),
        low=float(factor * bounds.low[0]),
        high=float(factor * bounds.high[0]),
        level=level,
        se=float(factor * se[0]),
        n=n,
        unit=chosen.unit,
        method=name,
        n_missing=int(np.count_nonzero(~answered)),
        denominator="responses with a score",
        n_effective=n_effective,
        note=base_note(n, bool(np.isnan(bounds.low[0])), n_effective=n_effective),
    )


def one_cell(
    values: Floats,
    answered: NDArray[np.bool_],
    chosen: Measure,
    weights: ArrayLike | None,
    clusters: ArrayLike | None,
) -> tuple[ScoreCells, ClusterSums | None]:
    """Return the sufficient statistics of one group of checked scores, for `linearised_means`."""
    check_same_length(scores=values, weights=weights, clusters=clusters)
    if weights is None:
        w = np.ones(len(values))
    else:
        w = check_weights(weights)
    # As in count_scores: who has weight 0 is neither in n nor a cluster.
    counted = answered & (w > 0)
    if answered.any() and not counted.any():
        raise ArgumentError("the weights of all answers are zero", wanted="a positive weight somewhere")
    codes, w = (values[counted] - chosen.scale.low).astype(np.int64), w[counted]
    levels = len(chosen.values)
    cells = ScoreCells(
        counts=_tally(codes, np.ones(len(codes)), levels)[None, :],
        weights=_tally(codes, w, levels)[None, :],
        squares=_tally(codes, w * w, levels)[None, :],
        weighted=weights is not None,
    )
    if clusters is None:
        return cells, None
    # W_c and T_c of each cluster c, as `linearised_means` wants them.
    group, who = pd.factorize(check_clusters(clusters)[counted])
    totals = _tally(group, w, len(who))
    sums = _tally(group, w * chosen.array[codes], len(who))
    return cells, ClusterSums(
        clusters=np.array([float(len(who))]),
        ww=np.array([(totals**2).sum()]),
        wt=np.array([(totals * sums).sum()]),
        tt=np.array([(sums**2).sum()]),
    )


def _tally(codes: NDArray[np.intp] | NDArray[np.int64], weights: Floats, size: int) -> Floats:
    """Sum the weights by code; a float array of shape (size,), also when there is nothing to sum."""
    return np.bincount(codes, weights=weights, minlength=size).astype(np.float64)


def _with_note(estimate: Estimate, note: str) -> Estimate:
    return replace(estimate, note="; ".join(part for part in (estimate.note, note) if part))
