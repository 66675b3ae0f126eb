"""A step on a day, or a slow slide: which of the two a series looks like, or neither in particular."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cxresearch.aliases import Floats, Ints
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.split_scan import SplitScan, cluster_cusum
from cxresearch.stats.change_points.wild_bootstrap import fair_signs, wild_noise

Shape = Literal["step", "slide", "step or slide"]


@dataclass(frozen=True, kw_only=True)
class StepOrSlide:
    """How two descriptions with one searched date and two levels fit the same series.

    Attributes
    ----------
    shape : {"step", "slide", "step or slide"}
        The one that the data do not contradict while they contradict the other; else they are not told apart.
    better : {"step", "slide"}
        The one with the smaller sum of squares.
    p_step, p_slide : float
        How often data from the best step favour the slide at least as much as these do, and the reverse.
    """

    shape: Shape
    better: Literal["step", "slide"]
    p_step: float
    p_slide: float


@dataclass(frozen=True, kw_only=True)
class Slide:
    """A level that stands until a day and then moves by the same amount each day.

    Attributes
    ----------
    day, low, high : int
        Day it began; ends of the set of days not ruled out.
    start, end : tuple of float
        Level before, and level on the last day: value, standard error.
    change : tuple of float
        End less start: value, standard error.
    """

    day: int
    low: int
    high: int
    start: tuple[float, float]
    end: tuple[float, float]
    change: tuple[float, float]


def step_or_slide(
    sums: DatedSums,
    scan: SplitScan,
    *,
    level: float = 0.95,
    draws: int = 199,
    rng: np.random.Generator,
) -> StepOrSlide:
    """Say whether a change looks like a step or like a slide.

    Parameters
    ----------
    sums : DatedSums
        The series, which changes.
    scan : SplitScan
        Its scan.
    level : float
        A description is contradicted where its p-value is at most (1 - level) / 2.
    draws : int
        Bootstrap draws from each description.
    rng : Generator

    Returns
    -------
    StepOrSlide

    Notes
    -----
    Cox's test of separate families (1961, 1962) by simulation: the difference of the two sums of squares is
    held against its distribution where the best step, and where the best slide, is true. Both descriptions
    have two levels and one date that is searched. Guide: docs/who-and-when.md.
    """
    step_fit = _fitted_step(sums, scan)
    slide_fit = _fitted_slide(sums, scan)
    observed = float(_lead_of_slide(sums.total[None, :], sums, scan)[0])
    clusters = np.unique(sums.linked_who)
    simulated = []
    for fitted in (step_fit, slide_fit):
        signs = fair_signs(len(clusters), draws, rng)
        noise = wild_noise(sums, fitted, clusters=clusters, signs=signs, rng=rng).T
        simulated.append(_lead_of_slide(fitted * sums.base + noise, sums, scan))
    # P(lead at least as large | step), P(lead at most as large | slide): (1 + hits) / (1 + draws)
    p_step = (1 + int((simulated[0] >= observed).sum())) / (1 + draws)
    p_slide = (1 + int((simulated[1] <= observed).sum())) / (1 + draws)
    error = (1 - level) / 2
    shape: Shape = "step or slide"
    if p_slide <= error < p_step:
        shape = "step"
    if p_step <= error < p_slide:
        shape = "slide"
    better: Literal["step", "slide"] = "step"
    if observed > 0:
        better = "slide"
    return StepOrSlide(shape=shape, better=better, p_step=p_step, p_slide=p_slide)


def fit_slide(sums: DatedSums, scan: SplitScan, *, level: float = 0.95) -> Slide:
    """Return the slide that fits best, with the days on which it may have begun.

    Parameters
    ----------
    sums : DatedSums
        The series.
    scan : SplitScan
        Its scan.
    level : float
        Coverage of the set of days, those whose likelihood ratio to the best is within chi-squared's
        quantile.

    Returns
    -------
    Slide
    """
    from scipy.stats import chi2

    gain = _slide_gain(sums.total[None, :], sums, scan)[0]
    place = int(np.argmax(gain))
    coefficients, covariance = _line(sums, place)
    fitted = coefficients[0] + coefficients[1] * _ramp(sums.day, place)
    influence = sums.linked_total - fitted[sums.linked_at] * sums.linked_base
    variance = (float(sums.squares(fitted).sum()) + float((influence**2).sum())) / scan.base
    # Likelihood ratio set: 2 (l_max - l) = (gain_max - gain) / s^2 within chi-squared's quantile on 1 degree
    near = np.flatnonzero(gain >= gain[place] - float(chi2.ppf(level, 1)) * variance)
    length = float(sums.day[-1] - sums.day[place])
    last = np.array([1.0, length])
    rise = np.array([0.0, length])
    return Slide(
        day=int(sums.day[place]),
        low=int(sums.day[near.min()]),
        high=int(sums.day[near.max()]),
        start=(float(coefficients[0]), float(np.sqrt(covariance[0, 0]))),
        end=(float(last @ coefficients), float(np.sqrt(last @ covariance @ last))),
        change=(float(rise @ coefficients), float(np.sqrt(rise @ covariance @ rise))),
    )


def _ramp(day: Ints, place: int) -> Floats:
    """Days since the day at this place, 0 before."""
    ramp: Floats = np.maximum(day - day[place], 0).astype(np.float64)
    return ramp


def _lead_of_slide(totals: Floats, sums: DatedSums, scan: SplitScan) -> Floats:
    """By how much the best slide leaves a smaller sum of squares than the best step; shape (draws,)."""
    cusum = np.cumsum(totals, axis=1)
    judged = scan.judged
    share = scan.share[judged]
    # S(k)^2 / (B f (1 - f)), as in step_gain
    bridge = cusum[:, :-1][:, judged] - share * cusum[:, -1:]
    step = (bridge**2 / (scan.base * share * (1 - share))).max(axis=1)
    slide = _slide_gain(totals, sums, scan).max(axis=1)
    lead: Floats = slide - step
    return lead


def _slide_gain(totals: Floats, sums: DatedSums, scan: SplitScan) -> Floats:
    """What a slide that begins on each day takes off the sum of squares; -inf where a day is not judged.

    Shape (draws, days). The gain of a regressor h in a regression with intercept is Sxy^2 / Sxx.
    """
    day = (sums.day - sums.day[0]).astype(np.float64)
    base = sums.base

    def since(values: Floats) -> Floats:
        """Sums from each day to the end."""
        return np.flip(np.cumsum(np.flip(values, axis=-1), axis=-1), axis=-1)

    # h = (day - start) from the start on: sums of b h, b h^2 and total h for every start at once
    whole = base.sum()
    b0 = since(base)
    b1 = since(base * day)
    b2 = since(base * day * day)
    h1 = b1 - day * b0
    h2 = b2 - 2 * day * b1 + day * day * b0
    sxx = h2 - h1 * h1 / whole
    th = since(totals * day) - day * since(totals)
    sxy = th - h1 * totals.sum(axis=1, keepdims=True) / whole
    usable = np.concatenate([scan.judged, [False]])
    usable[0] = True  # a slide all along
    usable &= sxx > 1e-9 * max(float(h2.max()), 1.0)
    gain = np.full(totals.shape, -np.inf)
    gain[:, usable] = sxy[:, usable] ** 2 / sxx[usable]
    return gain


def _fitted_step(sums: DatedSums, scan: SplitScan) -> Floats:
    share = scan.share
    gain = np.where(scan.judged, scan.cusum**2 / (scan.base * share * (1 - share)), -np.inf)
    split = int(np.argmax(gain)) + 1
    fitted = np.empty(len(sums.day))
    fitted[:split] = sums.total[:split].sum() / sums.base[:split].sum()
    fitted[split:] = sums.total[split:].sum() / sums.base[split:].sum()
    return fitted


def _fitted_slide(sums: DatedSums, scan: SplitScan) -> Floats:
    place = int(np.argmax(_slide_gain(sums.total[None, :], sums, scan)[0]))
    coefficients, _ = _line(sums, place)
    fitted: Floats = coefficients[0] + coefficients[1] * _ramp(sums.day, place)
    return fitted


def _line(sums: DatedSums, place: int) -> tuple[Floats, Floats]:
    """Level and slope of a slide from a day on, with their covariance clustered (Liang and Zeger 1986)."""
    ramp = _ramp(sums.day, place)
    design = np.column_stack([np.ones(len(ramp)), ramp])
    # b = (X'WX)^-1 X't with W the base; covariance = bread meat bread, meat = sum over clusters of s_c s_c'
    bread = np.linalg.inv(design.T @ (design * sums.base[:, None]))
    coefficients = bread @ (design.T @ sums.total)
    fitted = design @ coefficients
    meat = design.T @ (design * sums.squares(fitted)[:, None])
    if len(sums.linked_who):
        influence = sums.linked_total - fitted[sums.linked_at] * sums.linked_base
        scores = design[sums.linked_at] * influence[:, None]
        ends = np.ones(len(scores), dtype=bool)
        ends[:-1] = sums.linked_who[1:] != sums.linked_who[:-1]
        parts = np.column_stack([cluster_cusum(sums.linked_who, column)[0] for column in scores.T])[ends]
        meat = meat + parts.T @ parts
    return coefficients, bread @ meat @ bread
