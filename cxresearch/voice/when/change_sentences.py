"""Changes in words a manager understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.results.units import MINUS, Unit, format_p_value, format_value
from cxresearch.voice.when.metric_series import MetricSeries
from cxresearch.wording import only_if

#: Columns whose values are places: "customers in Germany". All other columns read "customers with plan pro".
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
    if value is None or pd.isna(value):
        return "missing"
    return str(value)


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


def of_customers(group: Mapping[str, Any]) -> str:
    """Return " of customers in Germany" for a group, an empty text for all customers."""
    if not group:
        return ""
    return f" of {customers_words(group)}"


def higher_or_lower(change: float) -> str:
    """Return the direction of a change in a word."""
    if change > 0:
        return "higher"
    return "lower"


def verdict_of(change: float, series: MetricSeries) -> str:
    """Return "better" or "worse", or "higher" or "lower" where neither is."""
    if not series.metric.good:
        return higher_or_lower(change)
    rises = change > 0
    if rises == (series.metric.good == "high"):
        return "better"
    return "worse"


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
    # what rounds to zero has no direction: "+0" and "−0" would claim one
    if text in ("+0", f"{MINUS}0"):
        return "0"
    return text


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
        stands = "stands"
        if over:
            stands = "stood"
        text = f"{when} {label}{of_customers(group)} {stands} {higher_or_lower(row['change'])}: {levels}"
    if row["shape"] == "slide" and row["since"] > row["first"]:
        text += ", a slow slide, not a step"
    if row["shape"] == "step or slide":
        text += "; whether at once or little by little, these data cannot tell"
    if row["events"]:
        declared = str(row["events"]).replace("_", " ")
        text += f" (declared in these days: {declared})"
    return f"{text}."


def _when(row: Mapping[Any, Any], series: MetricSeries) -> str:
    since = row["since"]
    # a slide that began on the first day of its stretch has no day of its own: nothing was level before it
    if row["shape"] == "slide" and since <= row["first"]:
        return "Little by little over the whole time"
    low, high = row["since_low"], row["since_high"]
    forms = {"week": "the week of %-d %B %Y", "month": "%B %Y"}
    day = format(since, forms.get(series.every, "%-d %B %Y"))
    days = day_range(low, high)
    if series.every == "month" and low != high:
        days = f"{low:%B %Y} to {high:%B %Y}"
    span = only_if(days != "that day", f" ({days})")
    if pd.isna(row["until"]):
        return f"Since {day}{span}"
    # the next change begins a new level, so this one held until the day before
    return f"From {day}{span} to {row['until'] - pd.Timedelta(days=1):%-d %B %Y}"


def _mood(row: Mapping[Any, Any], series: MetricSeries, *, over: bool) -> str:
    be = "are"
    if over:
        be = "were"
    if row["verdict"] == "better":
        return f"{be} happier"
    if _unhappy(row["after"], series) and not _unhappy(row["before"], series):
        return f"{be} unhappy"
    return f"{be} less happy"


def _unhappy(value: float, series: MetricSeries) -> bool:
    """Whether a level is on the bad half of what its measure can be: an NPS below 0."""
    assert series.measure is not None  # noqa: S101 - asked of scores only
    values = series.measure.factor * series.measure.array
    # the middle of the range that the measure can take: 0 of an NPS from -100 to 100
    middle = float(values.min() + values.max()) / 2
    if series.metric.good == "high":
        return value < middle
    return value > middle


def nothing_sentence(groups: pd.DataFrame, series: MetricSeries) -> str:
    """Say that no change was found, and how large a one would have been seen."""
    label = series.metric.label
    judged = groups[groups["judged"].astype(bool)]
    if not len(judged):
        if not groups["n"].sum():
            return f"{label} cannot be searched for a change: there are no answers."
        reason = groups["why"].iloc[0]
        if series.by:
            reason = f"none of {len(groups)} groups is large enough"
        return f"{label} cannot be searched for a change: {reason}."
    p_value = format_p_value(float(judged["p_adjusted"].min()))
    where = only_if(series.by, f" in any of {len(judged)} groups")
    span = f"from {judged['first'].min():%-d %B %Y} to {judged['last'].max():%-d %B %Y}"
    n = only_if(series.is_score, f"{judged['n'].sum():,.0f} answers, ")
    looks = "all days" + only_if(series.by, " and groups")
    middle = judged["visible_middle"]
    late = judged["visible_late"]
    unit = unit_of_difference(series.unit)
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
    if unit is Unit.POINTS:
        return f"{text} points"
    return text
