"""Whether and when the level of one series, or of a family of series, changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

from cxresearch.aliases import Floats
from cxresearch.stats.change_points.change_date import change_date
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.level_intervals import LevelInterval, level_change, level_of, widest
from cxresearch.stats.change_points.split_scan import TRIM, SplitScan, scan_splits
from cxresearch.stats.change_points.step_or_slide import Shape, StepOrSlide, fit_slide, step_or_slide
from cxresearch.stats.change_points.wild_bootstrap import bootstrap_maxima, family_p_values

_FIRST_DRAWS = 199
_CLEAR = 5


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of one series.

    Attributes
    ----------
    series : int
        Position in the family.
    shape : {"step", "slide", "step or slide"}
        See `step_or_slide`.
    day, low, high : int
        First day of the new level (of the slide), and the ends of the set of days not ruled out.
    before, after, change : LevelInterval
        Levels from the change before and to the change after; their difference.
    statistic : float
        Largest |S(k)| / se of the scan that found it.
    p_value : float
        Over all series and splits of the round that found it.
    p_step, p_slide : float
        See `StepOrSlide`.
    first, last : int
        Days between which the levels were taken: from the change before, to the change after.
    """

    series: int
    shape: Shape
    day: int
    low: int
    high: int
    before: LevelInterval
    after: LevelInterval
    change: LevelInterval
    statistic: float
    p_value: float
    p_step: float
    p_slide: float
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class ChangeSearch:
    """What a search over a family says.

    Attributes
    ----------
    changes : tuple of Change
        By series, then by day.
    p_values : array of float, shape (series,)
        Of each series as a whole, over the family; NaN where it could not be judged.
    critical : float
        What the largest statistic of the family exceeds by chance in 1 - level of cases.
    scans : tuple of SplitScan
        Of each series as a whole.
    level : float
    """

    changes: tuple[Change, ...]
    p_values: Floats
    critical: float
    scans: tuple[SplitScan, ...]
    level: float


class _Rules(TypedDict):
    """Which splits are judged; see `scan_splits`."""

    least: float
    least_days: int
    trim: float


@dataclass(frozen=True)
class _Stretch:
    """Days of one series, from start to stop."""

    series: int
    start: int
    stop: int


@dataclass(frozen=True)
class _Hit:
    """A stretch whose level changes within it."""

    stretch: _Stretch
    split: int
    statistic: float
    p_value: float
    look: StepOrSlide


def find_changes(
    family: Sequence[DatedSums],
    *,
    level: float = 0.95,
    draws: int = 999,
    most: int = 8,
    least: float = 30,
    least_days: int = 1,
    trim: float = TRIM,
    rng: np.random.Generator,
) -> ChangeSearch:
    """Search a family of series for changes of level, with one error for the whole search.

    Parameters
    ----------
    family : sequence of DatedSums
        One series, or one for each group.
    level : float
        1 - level is how often a family without any change has one found in it.
    draws : int
        Bootstrap draws at most; 199 suffice where they leave no p-value near 1 - level.
    most : int
        Rounds of further search within the stretches between changes.
    least, least_days, trim : float
        See `scan_splits`.
    rng : Generator

    Returns
    -------
    ChangeSearch

    Notes
    -----
    Binary segmentation (Vostrikova 1981): where a stretch changes, both sides are searched again, all such
    sides of one round being a family; the p-values of round r are doubled r - 1 times, so that all later
    rounds together err no more often than the first. Dates and levels are taken anew once all changes are
    known (Bai 1997, doi:10.1162/003465397557132). A stretch that slides is not cut. Guide:
    docs/who-and-when.md.
    """
    rules = _Rules(least=least, least_days=least_days, trim=trim)
    scans = tuple(scan_splits(sums, **rules) for sums in family)
    able = [place for place, scan in enumerate(scans) if scan.judged.any() and scan.largest > 0]
    p_values = np.full(len(family), np.nan)
    stretches = [_Stretch(place, 0, len(family[place].day)) for place in able]
    hits: list[_Hit] = []
    critical = float("nan")
    for turn in range(most):
        if not stretches:
            break
        parts = [family[stretch.series].part(stretch.start, stretch.stop) for stretch in stretches]
        looks = [scan_splits(part, **rules) for part in parts]
        observed = np.array([look.largest for look in looks])
        # Round r tests at error / 2^(r - 1): later rounds together at most the error of the first.
        limit = (1 - level) / 2**turn
        maxima = _enough_maxima(parts, looks, observed, draws=draws, limit=limit, rng=rng)
        adjusted = np.minimum(family_p_values(observed, maxima) * 2**turn, 1.0)
        if turn == 0:
            p_values[able] = adjusted
            # The largest statistic of the whole family, in each draw, is what chance alone reaches.
            critical = float(np.quantile(maxima.max(axis=1), level))
        fresh = []
        for stretch, part, look, p_value in zip(stretches, parts, looks, adjusted, strict=True):
            # A p-value of exactly the error counts: (1 + 49) / 1000 is 0.05 but for rounding.
            if p_value > 1 - level + 1e-12:
                continue
            compared = step_or_slide(part, look, level=level, rng=rng)
            split = change_date(part, look, level=level).split + 1 + stretch.start
            fresh.append(_Hit(stretch, split, look.largest, float(p_value), compared))
        hits += fresh
        stretches = [side for hit in fresh for side in _sides(hit, family, least)]
    changes = _dated(family, hits, level=level, rules=rules)
    return ChangeSearch(changes=changes, p_values=p_values, critical=critical, scans=scans, level=level)


def _enough_maxima(
    parts: list[DatedSums],
    looks: list[SplitScan],
    observed: Floats,
    *,
    draws: int,
    limit: float,
    rng: np.random.Generator,
) -> Floats:
    """Return the maxima of the bootstrap, of fewer draws where these leave no p-value near the limit.

    A p-value five times below or above what decides does not cross it with more draws (sequential Monte
    Carlo; Besag and Clifford 1991, doi:10.1093/biomet/78.2.301).
    """
    maxima = bootstrap_maxima(parts, looks, draws=min(draws, _FIRST_DRAWS), rng=rng)
    p_values = family_p_values(observed, maxima)
    clear = (p_values <= limit / _CLEAR) | (p_values >= limit * _CLEAR)
    if draws <= _FIRST_DRAWS or clear.all():
        return maxima
    more = bootstrap_maxima(parts, looks, draws=draws - _FIRST_DRAWS, rng=rng)
    return np.concatenate([maxima, more])


def _sides(hit: _Hit, family: Sequence[DatedSums], least: float) -> list[_Stretch]:
    """Return both sides of a change that are long enough to be searched again; none of a slide."""
    if hit.look.shape == "slide":
        return []
    sides = (
        replace(hit.stretch, stop=hit.split),
        replace(hit.stretch, start=hit.split),
    )
    base = family[hit.stretch.series].base
    return [
        side
        for side in sides
        if base[side.start : side.stop].sum() >= 2 * least and side.stop - side.start >= 2
    ]


def _dated(
    family: Sequence[DatedSums], hits: list[_Hit], *, level: float, rules: _Rules
) -> tuple[Change, ...]:
    """Date every change anew between its neighbours, then take levels between the days so found."""
    hits = sorted(hits, key=lambda hit: (hit.stretch.series, hit.split))
    dated = []
    for place, hit in enumerate(hits):
        start, stop = _between(hits, place, len(family[hit.stretch.series].day))
        part = family[hit.stretch.series].part(start, stop)
        scan = scan_splits(part, **rules)
        split = hit.split
        # Bai (1997): dated anew between its neighbours, as the first search took them for noise.
        if hit.look.shape != "slide" and scan.judged.any():
            split = start + change_date(part, scan, level=level).split + 1
        dated.append(replace(hit, split=split))
    changes = []
    for place, hit in enumerate(dated):
        start, stop = _between(dated, place, len(family[hit.stretch.series].day))
        part = family[hit.stretch.series].part(start, stop)
        scan = scan_splits(part, **rules)
        if scan.judged.any():
            changes.append(_describe(hit, part, scan, level))
    return tuple(changes)


def _between(hits: list[_Hit], place: int, days: int) -> tuple[int, int]:
    """Return the positions of the changes before and after one of the same series."""
    series = hits[place].stretch.series
    start = 0
    stop = days
    if place > 0 and hits[place - 1].stretch.series == series:
        start = hits[place - 1].split
    if place + 1 < len(hits) and hits[place + 1].stretch.series == series:
        stop = hits[place + 1].split
    return start, stop


def _describe(hit: _Hit, part: DatedSums, scan: SplitScan, level: float) -> Change:
    if hit.look.shape == "slide":
        slide = fit_slide(part, scan, level=level)
        day, low, high = slide.day, slide.low, slide.high
        before = LevelInterval.normal(*slide.start, level=level)
        after = LevelInterval.normal(*slide.end, level=level)
        change = LevelInterval.normal(*slide.change, level=level)
    else:
        date = change_date(part, scan, level=level)
        day, low, high = date.day, date.low, date.high
        days = (day, low, high)
        before = widest([level_of(part, part.day < cut, level=level) for cut in days])
        after = widest([level_of(part, part.day >= cut, level=level) for cut in days])
        change = widest([level_change(part, cut, level=level) for cut in days])
    return Change(
        series=hit.stretch.series,
        shape=hit.look.shape,
        day=day,
        low=low,
        high=high,
        before=before,
        after=after,
        change=change,
        statistic=hit.statistic,
        p_value=hit.p_value,
        p_step=hit.look.p_step,
        p_slide=hit.look.p_slide,
        first=int(part.day[0]),
        last=int(part.day[-1]),
    )
