"""Before and after given days: the contrast, and the same contrast at days when nothing happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    # change = sum of w t with w = 1{after} / n_after - 1{before} / n_before
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


class Calendar:
    """Contrasts of a series less what weekday and month do to it.

    The effects are those of a regression of the daily ratios, weighted by the base, beside a parabola of
    time and a step at each event, which stay in the series. They are learnt anew for each contrast, from
    the days outside its own windows and those of the events: at a day without an event they then err as
    much as at an event.

    Parameters
    ----------
    sums : DatedSums
        The series, days numbered from 1970-01-01.
    days : sequence of int
        Days of the events.
    window : int
        Days on either side.
    months : bool
        Whether months of the year have effects; this takes three years at least.
    """

    def __init__(self, sums: DatedSums, days: Sequence[int], *, window: int, months: bool) -> None:
        self.sums = sums
        self.days = tuple(days)
        self.window = window
        columns = [(sums.day + 3) % 7 == weekday for weekday in range(1, 7)]  # day 0 was a Thursday
        if months:
            month = sums.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
            columns += [month == number for number in range(1, 12)]
        self._calendar = len(columns)
        time = (sums.day - sums.day[0]) / max(float(sums.day[-1] - sums.day[0]), 1.0)
        steps = [sums.day >= day for day in self.days[:_MOST_STEPS]]
        ones = np.ones(len(time))
        design = np.column_stack([*columns, ones, time, time**2, *steps]).astype(np.float64)
        self._one = self._calendar
        # sums up to each day of b x x' and of t x, so that any stretch is a difference of two
        products = sums.base[:, None, None] * design[:, :, None] * design[:, None, :]
        self._normal = np.concatenate([np.zeros((1, *products.shape[1:])), np.cumsum(products, axis=0)])
        moments = sums.total[:, None] * design
        self._moment = np.concatenate([np.zeros((1, moments.shape[1])), np.cumsum(moments, axis=0)])

    def change(self, days: Sequence[int]) -> float:
        """Return level after less level before, the calendar taken off; NaN where there are no rows."""
        late = self._stretch([(day, day + self.window) for day in days])
        early = self._stretch([(day - self.window, day) for day in days])
        n_late = late[0][self._one, self._one]
        n_early = early[0][self._one, self._one]
        if n_late <= 0 or n_early <= 0:
            return float("nan")
        effects = self._effects(days)
        calendar = slice(0, self._calendar)
        # sum of t - b x'g over the window, g the effects of weekday and month
        late_level = late[1][self._one] - late[0][self._one, calendar] @ effects
        early_level = early[1][self._one] - early[0][self._one, calendar] @ effects
        return float(late_level / n_late - early_level / n_early)

    def _effects(self, days: Sequence[int]) -> Floats:
        """Effects learnt from the days outside all windows; 0 where too few of these are left."""
        spans = _merged([(day - self.window, day + self.window) for day in (*days, *self.days)])
        inside = self._stretch(spans)
        # Normal equations of the days outside: all days less those inside the windows.
        normal = self._normal[-1] - inside[0]
        moment = self._moment[-1] - inside[1]
        # With fewer than four days a coefficient the effects would add more noise than they take off.
        if len(self.sums.day) - inside[2] < 4 * len(normal):
            return np.zeros(self._calendar)
        effects: Floats = np.linalg.lstsq(normal, moment, rcond=1e-10)[0][: self._calendar]
        return effects

    def _stretch(self, spans: Sequence[tuple[int, int]]) -> tuple[Floats, Floats, int]:
        """Sums of b x x' and of t x, and number of days, over some stretches without their ends."""
        normal = np.zeros_like(self._normal[0])
        moment = np.zeros_like(self._moment[0])
        rows = 0
        for start, stop in spans:
            first, last = np.searchsorted(self.sums.day, [start, stop])
            normal = normal + self._normal[last] - self._normal[first]
            moment = moment + self._moment[last] - self._moment[first]
            rows += int(last - first)
        return normal, moment, rows


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join stretches that overlap."""
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def placebo_days(sums: DatedSums, days: Sequence[int], *, window: int) -> Ints:
    """Return the days whose windows lie within the series and touch no window of an event."""
    candidates = np.arange(sums.day[0] + window, sums.day[-1] - window + 2)
    free = np.ones(len(candidates), dtype=bool)
    for day in days:
        # Windows [d - w, d + w) of two days are disjoint from a distance of 2 w on.
        free &= np.abs(candidates - day) >= 2 * window
    return np.asarray(candidates[free], dtype=np.int64)


def reference(calendar: Calendar, *, draws: int, rng: np.random.Generator) -> Reference:
    """Return the contrast at days when nothing happened, as many at a time as there are events.

    Parameters
    ----------
    calendar : Calendar
        The series and its events.
    draws : int
        Days, or sets of days, at most; of one event all days are taken if they are fewer.
    rng : Generator

    Returns
    -------
    Reference
    """
    free = placebo_days(calendar.sums, calendar.days, window=calendar.window)
    # overlapping windows: the squared correlation of two contrasts sums to 2/3 of a window over all lags
    independent = len(free) / (2 / 3 * calendar.window)
    sets = free[:, None]
    if len(free) and len(calendar.days) > 1:
        sets = rng.choice(free, size=(draws, len(calendar.days)))
    if len(sets) > draws:
        sets = sets[np.linspace(0, len(sets) - 1, draws).astype(int)]
    change = np.array([calendar.change(days.tolist()) for days in sets], dtype=np.float64)
    usable = np.isfinite(change)
    change = change[usable]
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
    from_placebos : bool
        Whether the error is that of the placebo days, or for want of those the clustered one.
    """

    change: float
    se: float
    reach: float
    p_value: float
    name: str
    method: str = "weekday and season taken off"
    from_placebos: bool = False


def window_test(change: float, se: float, placebos: Reference, *, level: float) -> WindowTest:
    """Hold a contrast against the same contrast at days when nothing happened.

    ``change`` is the contrast, ``se`` its clustered error. Where whole days share a mood, customers tell
    less than their clustered error says: the placebo days know. Student's t with as many degrees of freedom
    as they are worth; the clustered error and the normal quantile where there are too few of them.
    """
    from scipy.stats import norm, t

    tail = (1 + level) / 2
    if np.isfinite(placebos.se) and placebos.se > 0:
        # t = (change - mean of the placebos) / sd of the placebos, on (independent placebos - 1) degrees
        df = placebos.independent - 1
        change -= placebos.mean
        p_value = 2 * float(t.sf(abs(change) / placebos.se, df))
        reach = float(t.ppf(tail, df)) * placebos.se
        name = "Student's t against placebo dates"
        return WindowTest(
            change=change, se=placebos.se, reach=reach, p_value=p_value, name=name, from_placebos=True
        )
    p_value = float("nan")
    if se > 0:
        p_value = 2 * float(norm.sf(abs(change) / se))
    reach = float(norm.ppf(tail)) * se
    name = "z, clustered by customer"
    return WindowTest(change=change, se=se, reach=reach, p_value=p_value, name=name)
