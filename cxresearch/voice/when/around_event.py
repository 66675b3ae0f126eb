"""Around an event: a metric before and after, against days and customers without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.errors import ArgumentError
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.event_window import (
    Calendar,
    Reference,
    WindowTest,
    reference,
    window_contrast,
    window_test,
)
from cxresearch.stats.change_points.level_intervals import level_of
from cxresearch.voice.when.around_event_result import (
    AroundEvent,
    Asked,
    effect_of,
    event_sentence,
    not_judged,
)
from cxresearch.voice.when.change_sentences import group_words, of_customers
from cxresearch.voice.when.customer_events import around_customer_events
from cxresearch.voice.when.event_days import EventDays, event_days
from cxresearch.voice.when.metric_series import MetricSeries, day_of, metric_series
from cxresearch.voice.when.score_series import day_number
from cxresearch.wording import listed, only_if

#: Placebo dates, or sets of dates: their standard deviation s errs by s / sqrt(2 * 499), some 3 %.
_DRAWS = 499
#: Three years less a month: a month seen in fewer Januaries than that is one winter's luck.
_DAYS_FOR_MONTHS = 1060
#: Fewer answers on a side are flagged everywhere (results/hiding.py), and are no basis of a normal interval.
_LEAST_BASE = 30


def around_event(
    study: Any,
    event: str,
    metric: str,
    *,
    dates: Any = None,
    window_days: int = 28,
    within: Mapping[str, Any] | None = None,
    level: float = 0.95,
    options: Mapping[str, Any] | None = None,
) -> AroundEvent:
    """Compare a metric after an event with before, against what it does around other days or for others.

    Parameters
    ----------
    study : Study or frame
        A study, or a frame of answers as in :func:`metric_table`.
    event : str
        A kind of the study's table ``events``, or with ``dates`` any name.
    metric : str
        As in :func:`since_when`, by day. Where each event befell one customer, a score.
    dates : date, sequence of dates or DataFrame, optional
        Local days instead of the table; a frame with ``occurred_at`` and, for events of single customers,
        ``customer_id``.
    window_days : int
        Days on either side, whole weeks, so that each side has the same weekdays.
    within : mapping, optional
        Group columns with one value each, to look at these customers only: ``{"country": "DE"}``.
    level : float
        Confidence level.
    options : mapping, optional
        Choices of the metric, as in :func:`metric_table`.

    Returns
    -------
    AroundEvent
        An event without customers is compared with the same contrast around all days whose windows touch no
        event. Events of single customers give a difference in differences against customers who never met
        one, in the same days.

    Raises
    ------
    ArgumentError
        If there is no such event, metric or option, or the window is not whole weeks.
    DataError
        If some events name a customer and others do not.

    Notes
    -----
    Effects of weekday, and with three years of data of the month, are taken off first. The reference days
    also say how much whole days share a mood, which answers alone do not tell (placebo in time; Abadie,
    Diamond and Hainmueller 2010, doi:10.1198/jasa.2009.ap08746). What else happened in those days cannot be
    told from the event. Guide: docs/who-and-when.md.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> moments = pd.date_range("2024-01-01", periods=500).repeat(6)
    >>> happy = rng.random(3000) < np.where(moments < "2025-01-15", 0.7, 0.4)
    >>> answers = pd.DataFrame({"responded_at": moments, "score": np.where(happy, 10, 5)})
    >>> around_event(answers, "rise", "nps", dates="2025-01-15").finding
    'NPS in the 28 days after rise was 47.9 points lower [27.5, 68.3] than in the 28 days before; p < 0.001.'
    """
    check_level(level)
    window = _whole_weeks(window_days)
    days = event_days(study, event, dates)
    group = dict(within or {})
    if group and days.by_customer:
        raise ArgumentError("within goes with events of the whole company", next_step="select the events")
    series = metric_series(study, metric, by=tuple(group), every="day", level=level, options=options)
    sums = _one_series(series, group)
    usable, notes = _usable(days, sums, window)
    asked = Asked(series=series, days=usable, window=window, level=level, whose=of_customers(group))
    if days.by_customer:
        return around_customer_events(study, metric, asked, notes)
    return _by_day(asked, sums, notes)


def _whole_weeks(window_days: int) -> int:
    window = int(check_number("window_days", window_days, at_least=7))
    if window % 7 or window != window_days:
        raise ArgumentError(f"window_days is {window_days}", wanted="whole weeks: 7, 14, 28, 56 ...")
    return window


def _one_series(series: MetricSeries, group: Mapping[str, Any]) -> DatedSums | None:
    """Return the series of a group, or the only one; None if it has no rows."""
    values = {name: str(value) for name, value in group.items()}
    for labels, sums in zip(series.groups, series.sums, strict=True):
        if {name: str(value) for name, value in labels.items()} != values:
            continue
        if not len(sums.day):
            return None
        return sums
    if not group:
        return None
    raise ArgumentError(
        f"there is no group {group_words(group)}",
        wanted=f"one of {listed(group_words(labels) for labels in series.groups)}",
    )


def _usable(days: EventDays, sums: DatedSums | None, window: int) -> tuple[EventDays, list[str]]:
    """Return the events whose windows lie within the data, and how many do not."""
    if sums is None:
        return days, ["there are no answers"]
    number = day_number(days.table["day"])
    # both windows within the data: first day <= event - w and event + w - 1 <= last day
    inside = (number - window >= sums.day[0]) & (number + window <= sums.day[-1] + 1)
    notes = []
    if not inside.all():
        span = f"{day_of(sums.day[0]):%-d %B %Y} to {day_of(sums.day[-1]):%-d %B %Y}"
        left_out = f"{int((~inside).sum())} of {len(inside)} events left out"
        notes.append(f"{left_out}: not {window} days of data ({span}) on each side")
    table = days.table[inside].reset_index(drop=True)
    return EventDays(kind=days.kind, table=table, by_customer=days.by_customer), notes


def _by_day(asked: Asked, sums: DatedSums | None, notes: list[str]) -> AroundEvent:
    window = asked.window
    numbers = sorted(set(day_number(asked.days.table["day"]).tolist()))
    if sums is None or not numbers:
        return not_judged(asked, notes, "no event has data on both sides")
    months = bool(sums.day[-1] - sums.day[0] >= _DAYS_FOR_MONTHS)
    contrast = window_contrast(sums, numbers, window=window)
    least = min(contrast.n_before, contrast.n_after)
    if least <= 0 or (asked.series.is_score and least < _LEAST_BASE):
        few = f"{contrast.n_before:,.0f} answers before and {contrast.n_after:,.0f} after"
        return not_judged(asked, notes, f"only {few}, 30 on each side wanted")
    calendar = Calendar(sums, numbers, window=window, months=months)
    placebos = reference(calendar, draws=_DRAWS, rng=np.random.default_rng(1))
    test = window_test(calendar.change(numbers), contrast.se, placebos, level=asked.level)
    if not np.isfinite(test.p_value):
        return not_judged(asked, notes, "all answers are alike")
    effect = effect_of(asked, test, n=contrast.n_before + contrast.n_after)
    times = only_if(len(numbers) > 1, f" ({len(numbers)} times)")
    notes += _what_was_allowed_for(months=months, placebos=placebos, test=test)
    # windows [event - w, event + w) of two events overlap where these are fewer than 2 w days apart
    if len(numbers) > 1 and min(np.diff(numbers)) < 2 * window:
        notes.append("some events are so close that their windows overlap")
    levels = (contrast.before, contrast.after, test.change, contrast.n_before, contrast.n_after)
    columns = ["who", "before", "after", "change", "n_before", "n_after"]
    return AroundEvent(
        **asked.names,
        effect=effect,
        table=pd.DataFrame([("all", *levels)], columns=columns),
        by_week=_by_week(sums, numbers, window, level=asked.level),
        placebos=pd.DataFrame({"day": [day_of(day) for day in placebos.day], "change": placebos.change}),
        days=tuple(day_of(number) for number in numbers[:1000]),
        sentence=event_sentence(asked, effect, test, times=times),
        notes=tuple(notes),
    )


def _what_was_allowed_for(*, months: bool, placebos: Reference, test: WindowTest) -> list[str]:
    notes = ["weekday and month of the year allowed for"]
    if not months:
        notes = ["weekday allowed for; the season is not: that takes three years of data"]
    if test.from_placebos:
        worth = f"worth {placebos.independent:.0f} independent ones"
        return [*notes, f"drift and error from {len(placebos.change):,} placebo dates, {worth}"]
    few = "too few days without an event for placebo dates"
    return [*notes, f"{few}: what befalls everybody on one day is not allowed for"]


def _by_week(sums: DatedSums, numbers: list[int], window: int, *, level: float) -> pd.DataFrame:
    rows = []
    for week in range(-(window // 7), window // 7):
        chosen = np.zeros(len(sums.day), dtype=bool)
        for number in numbers:
            # week k holds the days 7 k to 7 k + 6 after the event, which itself is day 0
            since = sums.day - number
            chosen |= (since >= 7 * week) & (since < 7 * week + 7)
        if sums.base[chosen].sum() <= 0:
            continue
        interval = level_of(sums, chosen, level=level)
        rows.append((week, interval.value, interval.low, interval.high, interval.base))
    return pd.DataFrame(rows, columns=["week", "value", "low", "high", "n"])
