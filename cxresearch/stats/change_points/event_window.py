"""Before and after given days: the contrast, and the same contrast at days when nothing happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxresearch.aliases import Floats, Ints
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.level_intervals import contrast_variance

#: Fewer independent contrasts without an event than this make no reference.
LEAST_PLACEBOS = 4
_MOST_STEPS = 12


@dataclass(frozen=True, kw_only=True)
class WindowContrast:
    """Level after some days less level before.

    Attributes
    ----------
    before, after : float
        Levels; NaN without a base.
    change : float
    se : float
        Clustered; it knows nothing of what befell all customers on one day.
    n_before, n_after : float
        Sums of the base.
    """

    before: float
    after: float
    change: float
    se: float
    n_before: float
    n_after: float


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the same contrast is at other days.

    Attributes
    ----------
    day : array of int, shape (placebos,)
    change : array of float, shape (placebos,)
    independent : float
        How many independent contrasts these days are worth.
    mean : float
        What the contrast is on average: the drift of a series that grows. 0 with fewer than `LEAST_PLACEBOS`
        independent ones.
    se : float
        Standard deviation of the changes; NaN with fewer than `LEAST_PLACEBOS` independent ones.
    """

    day: Ints
    change: Floats
    independent: float
    mean: float
    se: float


def window_contrast(sums: DatedSums, days: Sequence[int], *, window: int) -> WindowContrast:
    """Return the level in the `window` days from each day on, less the level in as many days before.

    Parameters
    ----------
    sums : DatedSums
        The series.
    days : sequence of int
        First days of the new time; several are pooled.
    window : int
        Days on either side.

    Returns
    -------
    WindowContrast
    """
    late = np.zeros(len(sums.day))
    early = np.zeros(len(sums.day))
    for day in days:
        late += (sums.day >= day) & (sums.day < day + window)
        early += (sums.day >= day - window) & (sums.day < day)
    n_after = float((late * sums.base).sum())
    n_before = float((early * sums.base).sum())
    if n_after <= 0 or n_before <= 0:
        nothing = float("nan")
        return WindowContrast(
            before=nothing, after=nothing, change=nothing, se=nothing, n_before=n_before, n_after=n_after
        )
    after = float((late * sums.total).sum()) / n_after
    before = float((early * sums.total).sum()) / n_before
    weight = late / n_after - early / n_before
    fitted = np.where(late > 0, after, before)
    return WindowContrast(
        before=before,
        after=after,
        change=after - before,
        se=float(np.sqrt(contrast_variance(sums, fitted, weight))),
        n_before=n_before,
        n_after=n_after,
    )


def without_calendar(sums: DatedSums, days: Sequence[int], *, window: int, months: bool) -> DatedSums:
    """Return a series less its effects of weekday and, if wanted, of month.

    Parameters
    ----------
    sums : DatedSums
        The series, days numbered from 1970-01-01.
    days : sequence of int
        Days of the events; effects are not learnt from the days around them.
    window : int
        Days on either side.
    months : bool
        Whether months of the year have effects; this takes two years at least.

    Returns
    -------
    DatedSums
        Of the same mean over the days learnt from. Effects are those of a regression of the daily ratios,
        weighted by the base, beside a parabola of time and a step at each event, which stay in the series.
    """
    columns = [(sums.day + 3) % 7 == weekday for weekday in range(1, 7)]  # day 0 was a Thursday
    if months:
        month = sums.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        columns += [month == number for number in range(1, 12)]
    calendar = len(columns)
    time = (sums.day - sums.day[0]) / max(float(sums.day[-1] - sums.day[0]), 1.0)
    steps = [sums.day >= day for day in days[:_MOST_STEPS]]
    design = np.column_stack([*columns, time, time**2, *steps]).astype(np.float64)
    learnt = np.ones(len(sums.day), dtype=bool)
    for day in days:
        learnt &= (sums.day < day - window) | (sums.day >= day + window)
    if learnt.sum() < 4 * design.shape[1]:
        return sums
    base = sums.base[learnt]
    design -= np.average(design[learnt], axis=0, weights=base)
    ratio = sums.total[learnt] / base
    root = np.sqrt(base)
    target = (ratio - np.average(ratio, weights=base)) * root
    effects = np.linalg.lstsq(design[learnt] * root[:, None], target, rcond=None)[0]
    shift = design[:, :calendar] @ effects[:calendar]
    # a row of total t and base b becomes t - shift b; its squares follow
    return replace(
        sums,
        total=sums.total - shift * sums.base,
        tt=sums.tt - 2 * shift * sums.tb + shift**2 * sums.bb,
        tb=sums.tb - shift * sums.bb,
        linked_total=sums.linked_total - shift[sums.linked_at] * sums.linked_base,
    )


def placebo_days(sums: DatedSums, days: Sequence[int], *, window: int) -> Ints:
    """Return the days whose windows lie within the series and touch no window of an event."""
    candidates = np.arange(sums.day[0] + window, sums.day[-1] - window + 2)
    free = np.ones(len(candidates), dtype=bool)
    for day in days:
        free &= np.abs(candidates - day) >= 2 * window
    return np.asarray(candidates[free], dtype=np.int64)


def reference(
    sums: DatedSums, days: Sequence[int], *, window: int, draws: int, rng: np.random.Generator
) -> Reference:
    """Return the contrast at days when nothing happened, as many at a time as there are events.

    Parameters
    ----------
    sums : DatedSums
        The series.
    days : sequence of int
        Days of the events.
    window : int
        Days on either side.
    draws : int
        Sets of days drawn where there are several events; of one event all days are taken.
    rng : Generator

    Returns
    -------
    Reference
    """
    free = placebo_days(sums, days, window=window)
    # overlapping windows: the squared correlation of two contrasts sums to 2/3 of a window over all lags
    independent = len(free) / (2 / 3 * window)
    total = np.concatenate([[0.0], np.cumsum(sums.total)])
    base = np.concatenate([[0.0], np.cumsum(sums.base)])

    def between(start: Ints, values: Floats) -> Floats:
        first = np.searchsorted(sums.day, start)
        last = np.searchsorted(sums.day, start + window)
        inside: Floats = values[last] - values[first]
        return inside

    sets = free[:, None]
    if len(days) > 1 and len(free):
        sets = rng.choice(free, size=(draws, len(days)))
    late = [between(sets, values).sum(axis=1) for values in (total, base)]
    early = [between(sets - window, values).sum(axis=1) for values in (total, base)]
    usable = (late[1] > 0) & (early[1] > 0)
    change = late[0][usable] / late[1][usable] - early[0][usable] / early[1][usable]
    mean = 0.0
    se = float("nan")
    if independent >= LEAST_PLACEBOS and len(change):
        mean = float(change.mean())
        se = float(change.std())
    return Reference(day=sets[usable, 0], change=change, independent=independent, mean=mean, se=se)


@dataclass(frozen=True, kw_only=True)
class WindowTest:
    """A contrast against its reference.

    Attributes
    ----------
    change : float
        The contrast less what it is on average around other days.
    se, reach : float
        Standard error, and how far the interval reaches to either side.
    p_value : float
        Two-sided, of no change.
    name, method : str
        The test, and what the contrast is.
    by_placebos : bool
        Whether the error is that of the placebo days, or for want of those the clustered one.
    """

    change: float
    se: float
    reach: float
    p_value: float
    name: str
    method: str = "weekday and season taken off"
    by_placebos: bool = False


def window_test(contrast: WindowContrast, placebos: Reference, *, level: float) -> WindowTest:
    """Hold a contrast against the same contrast at days when nothing happened.

    Where whole days share a mood, customers tell less than their clustered error says: the placebo days know.
    Student's t with as many degrees of freedom as they are worth; the clustered error and the normal quantile
    where there are too few of them.
    """
    from scipy.stats import norm, t

    tail = (1 + level) / 2
    if np.isfinite(placebos.se) and placebos.se > 0:
        df = placebos.independent - 1
        change = contrast.change - placebos.mean
        p_value = 2 * float(t.sf(abs(change) / placebos.se, df))
        reach = float(t.ppf(tail, df)) * placebos.se
        name = "Student's t against placebo dates"
        return WindowTest(
            change=change, se=placebos.se, reach=reach, p_value=p_value, name=name, by_placebos=True
        )
    p_value = float("nan")
    if contrast.se > 0:
        p_value = 2 * float(norm.sf(abs(contrast.change) / contrast.se))
    reach = float(norm.ppf(tail)) * contrast.se
    name = "z, clustered by customer"
    return WindowTest(change=contrast.change, se=contrast.se, reach=reach, p_value=p_value, name=name)
