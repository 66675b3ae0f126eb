"""Changes in words a manager understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxresearch.results.units import MINUS, Unit, format_p_value, format_value
from cxresearch.voice.when.metric_series import MetricSeries

_PLACES = ("country", "region", "city", "market", "state", "location")


def group_words(group: Mapping[str, Any]) -> str:
    """Return a group in words.

    Examples
    --------
    >>> group_words({"country": "DE", "plan": "pro"})
    'country DE, plan pro'
    >>> group_words({})
    'all'
    """
    return ", ".join(f"{name} {_value(value)}" for name, value in group.items()) or "all"


def _value(value: Any) -> str:
    return "missing" if value is None or pd.isna(value) else str(value)


def customers_words(group: Mapping[str, Any]) -> str:
    """Return whose answers they are.

    Examples
    --------
    >>> customers_words({"country": "Germany"}), customers_words({"plan": "pro"}), customers_words({})
    ('customers in Germany', 'customers with plan pro', 'customers')
    """
    words = "customers"
    for name, value in group.items():
        if name.casefold() in _PLACES and _value(value) != "missing":
            words += f" in {value}"
        else:
            words += f" with {name} {_value(value)}"
    return words


def verdict_of(change: float, series: MetricSeries) -> str:
    """Return "better" or "worse", or "higher" or "lower" where neither is."""
    if not series.metric.good:
        return "higher" if change > 0 else "lower"
    return "better" if (change > 0) == (series.metric.good == "high") else "worse"


def short_value(value: float, unit: Unit) -> str:
    """Write a level as briefly as a sentence wants: an NPS in whole points.

    Examples
    --------
    >>> short_value(-25.6, Unit.POINTS), short_value(0.912, Unit.SHARE)
    ('−26', '91.2 %')
    """
    if unit is not Unit.POINTS:
        return format_value(value, unit)
    text = f"{value:+.0f}".replace("-", MINUS)
    return "0" if text in ("+0", f"{MINUS}0") else text


def day_range(low: pd.Timestamp, high: pd.Timestamp) -> str:
    """Write a range of days, saying month and year once where they are the same.

    Examples
    --------
    >>> day_range(pd.Timestamp("2025-03-13"), pd.Timestamp("2025-03-18"))
    '13 to 18 March 2025'
    >>> day_range(pd.Timestamp("2025-03-13"), pd.Timestamp("2025-03-13"))
    'that day'
    """
    if low == high:
        return "that day"
    start = f"{low:%-d %B %Y}"
    if low.year == high.year:
        start = f"{low:%-d %B}"
    if (low.year, low.month) == (high.year, high.month):
        start = f"{low:%-d}"
    return f"{start} to {high:%-d %B %Y}"


def change_sentence(row: Mapping[Any, Any], series: MetricSeries) -> str:
    """Return one change as a sentence."""
    group = {name: row[name] for name in series.by}
    levels = f"{short_value(row['before'], series.unit)} → {short_value(row['after'], series.unit)}"
    label = series.metric.label
    when = _when(row, series)
    over = pd.notna(row["until"])
    if series.is_score:
        text = f"{when} {customers_words(group)} {_mood(row, series, over=over)}: {label} {levels}"
    else:
        whose = f" of {customers_words(group)}" if group else ""
        side = "higher" if row["change"] > 0 else "lower"
        text = f"{when} {label}{whose} {'stood' if over else 'stands'} {side}: {levels}"
    if row["shape"] == "slide" and row["since"] > row["first"]:
        text += ", a slow slide, not a step"
    if row["shape"] == "step or slide":
        text += "; whether at once or little by little, these data cannot tell"
    if row["events"]:
        text += f" (declared in these days: {row['events']})"
    return f"{text}."


def _when(row: Mapping[Any, Any], series: MetricSeries) -> str:
    since = row["since"]
    if row["shape"] == "slide" and since <= row["first"]:
        return "Little by little over the whole time"
    low, high = row["since_low"], row["since_high"]
    forms = {"week": "the week of %-d %B %Y", "month": "%B %Y"}
    day = format(since, forms.get(series.every, "%-d %B %Y"))
    days = day_range(low, high)
    if series.every == "month" and low != high:
        days = f"{low:%B %Y} to {high:%B %Y}"
    span = "" if days == "that day" else f" ({days})"
    if pd.isna(row["until"]):
        return f"Since {day}{span}"
    return f"From {day}{span} to {row['until'] - pd.Timedelta(days=1):%-d %B %Y}"


def _mood(row: Mapping[Any, Any], series: MetricSeries, *, over: bool) -> str:
    be = "were" if over else "are"
    if row["verdict"] == "better":
        return f"{be} happier"
    if _unhappy(row["after"], series) and not _unhappy(row["before"], series):
        return f"{be} unhappy"
    return f"{be} less happy"


def _unhappy(value: float, series: MetricSeries) -> bool:
    """Whether a level is on the bad half of what its measure can be: an NPS below 0."""
    assert series.measure is not None  # noqa: S101 - asked of scores only
    values = series.measure.factor * series.measure.array
    middle = (values.min() + values.max()) / 2
    return bool(value < middle) if series.metric.good == "high" else bool(value > middle)


def nothing_sentence(groups: pd.DataFrame, series: MetricSeries) -> str:
    """Say that no change was found, and how large a one would have been seen."""
    label = series.metric.label
    judged = groups[groups["judged"].astype(bool)]
    if not len(judged):
        if not groups["n"].sum():
            return f"{label} cannot be searched for a change: there are no answers."
        reason = f"none of {len(groups)} groups is large enough" if series.by else groups["why"].iloc[0]
        return f"{label} cannot be searched for a change: {reason}."
    p_value = format_p_value(float(judged["p_adjusted"].min()))
    where = f" in any of {len(judged)} groups" if series.by else ""
    span = f"from {judged['first'].min():%-d %B %Y} to {judged['last'].max():%-d %B %Y}"
    n = f"{judged['n'].sum():,.0f} answers, " if series.is_score else ""
    looks = "all days and groups" if series.by else "all days"
    middle = judged["visible_middle"]
    late = judged["visible_late"]
    unit = Unit.SHARE_DIFFERENCE if series.unit is Unit.SHARE else series.unit
    size = _size(middle.min(), unit)
    if series.by:
        size = f"{size} (largest group) to {_size(middle.max(), unit)} (smallest)"
    return (
        f"No change of {label} found{where} ({n}{span}; {p_value}, over {looks}). "
        f"A lasting change of {size} in the middle of that time would have been seen four times in five; "
        f"one within the last fifth of the answers only from {_size(late.min(), unit)} on."
    )


def _size(value: float, unit: Unit) -> str:
    if value == float("inf"):
        return "any size: never"
    text = format_value(abs(value), unit).removeprefix("+")
    return f"{text} points" if unit is Unit.POINTS else text
