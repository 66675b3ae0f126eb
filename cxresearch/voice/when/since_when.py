"""Since when: steps and slides of a metric, with the days on which they may have happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.metrics.base.company_events import company_events, events_within
from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.results.table_spec import TableSpec
from cxresearch.stats.change_points.change_point import Change, ChangeSearch, find_changes
from cxresearch.stats.change_points.scan_power import visible_change
from cxresearch.voice.when.change_sentences import (
    change_sentence,
    group_words,
    nothing_sentence,
    verdict_of,
)
from cxresearch.voice.when.metric_series import MetricSeries, day_of, metric_series
from cxresearch.voice.when.series_doubts import series_doubts, why_not_judged
from cxresearch.voice.when.since_when_result import CHANGES, SERIES, SinceWhen

if TYPE_CHECKING:
    from cxresearch.stats.change_points.level_intervals import LevelInterval

#: Answers that each side of a change has at least.
LEAST_ANSWERS = 30
_POINTS = 40
#: Metrics that are a part of their denominator; an interval beyond 100 % would be none.
_SHARES = {"sla_attainment", "reopen_rate", "customer_churn", "gross_revenue_retention"}


def since_when(
    study: Any,
    metric: str,
    *,
    by: str | Sequence[str] = (),
    every: Literal["day", "week", "month"] | None = None,
    level: float = 0.95,
    draws: int = 999,
    seed: int = 1,
    options: Mapping[str, Any] | None = None,
) -> SinceWhen:
    """Say whether, when and how a metric changed its level, for all customers or for each group.

    Parameters
    ----------
    study : Study or frame
        A study, or a frame of answers as in :func:`metric_table`. Rows without a score do not count.
    metric : str
        ``"nps"``, ``"csat"``, ``"tickets"`` (a day), ``"sla_attainment"``, ``"customer_churn"``,
        ``"net_revenue_retention"`` or any other metric of the study but sums of money.
    by : str or sequence of str
        Group columns, crossed. All groups are one family: without any change in any of them, a change is
        found in one of them in 1 - level of studies.
    every : {"day", "week", "month"}, optional
        Scores are searched by day; other metrics by week, those of revenue and churn by month.
    level : float
        Coverage of the set of days and of the intervals.
    draws : int
        Bootstrap draws at most; 199 suffice where they leave no p-value near 1 - level.
    seed : int
        Of the bootstrap: the same seed gives the same p-values.
    options : mapping, optional
        Choices of the metric, as in :func:`metric_table`.

    Returns
    -------
    SinceWhen
        ``cx.plot`` draws the trend, with each set of days as a band and declared events as lines.

    Raises
    ------
    ArgumentError
        If the metric, a column or an option is not available.
    DataError
        If a frame holds scores that are no answers to the question.

    Notes
    -----
    All splits of a series are scanned by a CUSUM of influence values, robust to customers who answer more
    than once (Andrews 1993, doi:10.2307/2951764), held against a wild cluster bootstrap over all groups
    (Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414; Westfall and Young 1993). Further changes
    come from testing the stretches in between again. The set of days is the smallest with that posterior
    probability (Smith 1975, doi:10.1093/biomet/62.2.407). A slide, linear in time from some day on, is
    another finding than a step; where the data bear both, the sentence says so. Rates, coverage and power
    on planted truth: docs/validation.md. Guide: docs/who-and-when.md.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(3)
    >>> days = pd.date_range("2025-01-01", periods=300)
    >>> moments = days.repeat(4)
    >>> happy = rng.random(1200) < np.where(moments < "2025-07-20", 0.7, 0.4)
    >>> answers = pd.DataFrame({"responded_at": moments, "score": np.where(happy, 10, 5)})
    >>> since_when(answers, "nps").finding
    'Since 20 July 2025 (19 to 22 July 2025) customers are unhappy: NPS +42 → −26.'
    """
    check_level(level)
    draws = int(check_number("draws", draws, at_least=99))
    if every is not None:
        check_choice("every", every, ("day", "week", "month"))
    series = metric_series(study, metric, by=by, every=every, level=level, options=options)
    why = [why_not_judged(sums, series) for sums in series.sums]
    able = [place for place, reason in enumerate(why) if not reason]
    # base of other metrics is their denominator (customers, money): least_days alone limits their splits
    least = 0
    if series.is_score:
        least = LEAST_ANSWERS
    search = None
    if able:
        search = find_changes(
            [series.sums[place] for place in able],
            level=level,
            draws=draws,
            least=least,
            least_days=series.least_days,
            rng=np.random.default_rng(seed),
        )
    events = company_events(study)
    groups = series_rows(series, why, able, search)
    table = change_rows(series, able, search, events)
    sentences = tuple(change_sentence(row, series) for row in table.to_dict("records")) or (
        nothing_sentence(groups, series),
    )
    return SinceWhen(
        metric=metric,
        label=series.metric.label,
        unit=series.unit,
        by=series.by,
        every=series.every,
        level=level,
        table=table,
        groups=groups,
        trend=_trend(series, groups),
        events=events,
        sentences=sentences,
        notes=(*series_doubts(study, series, groups), *_common_changes(table, groups)),
        method=_method(series, draws),
    )


def _method(series: MetricSeries, draws: int) -> str:
    who = "answers"
    if series.linked:
        who = "customers"
    if not series.is_score:
        who = f"blocks of {series.every}s"
    return f"cluster-robust CUSUM over all splits, wild bootstrap over {who} ({draws:,} draws)"


def series_rows(
    series: MetricSeries, why: list[str], able: list[int], search: ChangeSearch | None
) -> pd.DataFrame:
    """Return one row a series: its size, its p-value, and what it would have shown."""
    rows: list[dict[str, Any]] = []
    for place, (group, sums) in enumerate(zip(series.groups, series.sums, strict=True)):
        row: dict[str, Any] = {**group, "group": group_words(group)}
        row["n"] = float(sums.base.sum())
        row["clusters"] = int(sums.bb.sum() * series.is_score) + len(np.unique(sums.linked_who))
        row["first"] = pd.NaT
        row["last"] = pd.NaT
        if len(sums.day):
            row["first"] = day_of(sums.day[0])
            row["last"] = day_of(sums.day[-1])
        row.update(p_adjusted=np.nan, visible_middle=np.nan, visible_late=np.nan)
        row["judged"] = not why[place]
        row["why"] = why[place]
        if search is not None and place in able:
            at = able.index(place)
            scan = search.scans[at]
            row["p_adjusted"] = search.p_values[at]
            row["visible_middle"] = visible_change(sums, scan, critical=search.critical, share=0.5)
            row["visible_late"] = visible_change(sums, scan, critical=search.critical, share=0.8)
        rows.append(row)
    return pd.DataFrame(rows, columns=[*series.by, *_names(SERIES)])


def _names(spec: TableSpec) -> list[str]:
    """Return the columns of a spec, each with the ends of its interval."""
    return [name for column in spec.columns for name in (column.name, column.low, column.high) if name]


def change_rows(
    series: MetricSeries, able: list[int], search: ChangeSearch | None, events: pd.DataFrame
) -> pd.DataFrame:
    """Return one row a change, those that stand first, the surest first."""
    rows = []
    changes: tuple[Change, ...] = ()
    if search is not None:
        changes = search.changes
    for place, change in enumerate(changes):
        group = series.groups[able[change.series]]
        sums = series.sums[able[change.series]]
        low = change.low
        if not series.is_score:
            # a week or month is old or new as a whole
            low = int(sums.day[np.searchsorted(sums.day, change.low)])
        row: dict[str, Any] = {**group, "group": group_words(group), "shape": change.shape}
        row.update(since=day_of(change.day), since_low=day_of(low), since_high=day_of(change.high))
        row["first"] = day_of(change.first)
        row["until"] = pd.NaT
        # changes come by series, then by day: the next of the same series ends this level
        later = changes[place + 1 : place + 2]
        if later and later[0].series == change.series:
            row["until"] = day_of(later[0].day)
        row.update(_interval("before", change.before, series))
        row.update(_interval("after", change.after, series))
        row.update(_interval("change", change.change, None))
        row["n_before"], row["n_after"] = _bases(change, sums)
        row["verdict"] = verdict_of(change.change.value, series)
        row.update(p_adjusted=change.p_value, p_step=change.p_step, p_slide=change.p_slide)
        row["events"] = events_within(events, row["since_low"], row["since_high"])
        row["_surest"] = change.statistic
        rows.append(row)
    table = pd.DataFrame(rows, columns=[*series.by, *_names(CHANGES), "_surest"])
    table["_over"] = table["until"].notna()
    table = table.sort_values(["_over", "_surest"], ascending=[True, False], kind="stable")
    return table.drop(columns=["_over", "_surest"]).reset_index(drop=True)


def _bases(change: Change, sums: Any) -> tuple[float, float]:
    within = (sums.day >= change.first) & (sums.day <= change.last)
    early = within & (sums.day < change.day)
    return float(sums.base[early].sum()), float(sums.base[within & ~early].sum())


def _interval(name: str, interval: LevelInterval, series: MetricSeries | None) -> dict[str, float]:
    """Return value and interval of a level, within what the metric can be."""
    low, high = interval.low, interval.high
    if series is not None:
        least, most = limits_of(series)
        low = max(low, least)
        high = min(high, most)
    return {name: interval.value, f"{name}_low": low, f"{name}_high": high}


def limits_of(series: MetricSeries) -> tuple[float, float]:
    """Return the least and the greatest value a level can have."""
    # a level of a score lies between the least and the greatest value of one answer
    if series.measure is not None:
        values = series.measure.factor * series.measure.array
        return float(values.min()), float(values.max())
    least = 0.0
    most = float("inf")
    # net churn = (lost - expanded) / opening: negative where expansion outweighs the losses
    if series.metric.name == "net_revenue_churn":
        least = float("-inf")
    if series.metric.name in _SHARES:
        most = 1.0
    return least, most


def _common_changes(table: pd.DataFrame, groups: pd.DataFrame) -> list[str]:
    """Say where most groups changed in the same days: then it is no matter of groups."""
    judged = int(groups["judged"].sum())
    if judged < 3 or not len(table):
        return []
    first = table.iloc[0]
    # sets of days [low, high] that meet the surest change's, with the same sign
    same = table[
        (table["since_low"] <= first["since_high"])
        & (table["since_high"] >= first["since_low"])
        & (np.sign(table["change"]) == np.sign(first["change"]))
    ]
    sharing = same["group"].nunique()
    # by chance alone at most few groups share days; a majority is a change of the whole company
    if sharing <= judged / 2:
        return []
    return [f"{sharing} of {judged} groups changed in these days, the same way: search all customers at once"]


def _trend(series: MetricSeries, groups: pd.DataFrame) -> pd.DataFrame:
    """Pool the days of each series to points of about equal base, none of fewer than five answers."""
    parts = []
    for name, sums in zip(groups["group"], series.sums, strict=True):
        base = sums.base
        if not len(base) or (series.is_score and base.sum() < SUPPRESS_BELOW):
            continue
        points = min(_POINTS, len(base))
        # ten answers a point on average, so that few points fall below five and are hidden
        if series.is_score:
            points = max(1, min(points, int(base.sum() // (2 * SUPPRESS_BELOW))))
        # points of equal base: a day belongs to point floor(q m), q the share of the base up to its middle
        middle = (np.cumsum(base) - base / 2) / base.sum()
        point = np.minimum((middle * points).astype(int), points - 1)
        n = np.bincount(point, weights=base, minlength=points)
        total = np.bincount(point, weights=sums.total, minlength=points)
        day = np.bincount(point, weights=base * sums.day, minlength=points)
        shown = n > 0
        if series.is_score:
            shown = n >= SUPPRESS_BELOW
        # level = sum of totals / sum of bases of the point, at the mean day of its base
        mean_day = day[shown] / n[shown]
        rows = {"day": [day_of(moment) for moment in mean_day], "value": total[shown] / n[shown]}
        parts.append(pd.DataFrame({"group": name, **rows, "n": n[shown]}))
    if not parts:
        return pd.DataFrame(columns=["group", "day", "value", "n"])
    return pd.concat(parts, ignore_index=True)
