"""What makes a series unfit to be judged, and what a reader must know of one that is."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.metrics.tables.registry import as_study
from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.voice.when.metric_series import MetricSeries, day_of
from cxresearch.wording import only_if

_LEAST_ANSWERS = 60  # 30 on each side
#: With fewer clusters a sandwich variance rejects too often (Cameron, Gelbach and Miller 2008).
_LEAST_CUSTOMERS = 30
#: Of a survey asked every month the gap between waves is 31 days; half as much again is a wave that failed.
_LONG_GAP_DAYS = 45
_GROWTH = 5.0


def why_not_judged(sums: DatedSums, series: MetricSeries) -> str:
    """Return in words why a series cannot be searched; empty if it can."""
    if series.is_score:
        too_little = _too_few_answers(sums, series)
        alike = "all answers are alike"
    else:
        # twice what both sides of one split need: room for a split that is not the only one judged
        too_little = only_if(
            len(sums.day) < 4 * series.least_days, f"only {len(sums.day)} complete {series.every}s"
        )
        alike = f"every {series.every} shows the same value"
    if too_little:
        return too_little
    return only_if(_is_constant(sums), alike)


def _too_few_answers(sums: DatedSums, series: MetricSeries) -> str:
    """Return in words which of the limits on answers, customers and days a score does not reach."""
    rows = len(sums.day)
    answers = int(sums.base.sum())
    if answers < _LEAST_ANSWERS:
        return f"only {answers:,} answers"
    # clusters: unlinked answers (base 1, so sum of base^2 is their number) and customers who answered again
    customers = int(sums.bb.sum()) + len(np.unique(sums.linked_who))
    if series.linked and customers < _LEAST_CUSTOMERS:
        return f"{answers:,} answers of only {customers:,} customers"
    if rows < 2 * series.least_days:
        return f"answers of only {rows} days"
    # the limits of scan_splits: a side of a split has 30 answers and 5 % of all
    edge = max(30.0, 0.05 * answers)
    before = np.cumsum(sums.base)[series.least_days - 1 : -series.least_days]
    if not ((before >= edge) & (answers - before >= edge)).any():
        return "nearly all answers are of one day"
    return ""


def _is_constant(sums: DatedSums) -> bool:
    """Whether no row differs from the mean by more than rounding: then no split has a standard error."""
    # sum of (total - mean base)^2 over unlinked rows, then over linked ones
    mean = sums.mean
    spread = float(sums.squares(mean).sum())
    spread += float(((sums.linked_total - mean * sums.linked_base) ** 2).sum())
    return spread <= 1e-12 * max(float((sums.total**2).sum()), 1.0)


def series_doubts(data: Any, series: MetricSeries, groups: pd.DataFrame) -> list[str]:
    """Return notes on groups not judged, gaps, growth of the volume and repeated rows."""
    notes = _not_judged(series, groups)
    for name, sums in zip(groups["group"], series.sums, strict=True):
        notes += _gap(sums, name, series)
    notes += _growth(series)
    if series.is_score and not series.linked:
        notes.append("answers of one customer are not linked: taken as independent")
    if series.is_score and series.linked:
        notes += _repeats(data, series)
    if not series.is_score:
        notes.append(
            f"neighbouring {series.every}s that resemble each other are allowed for up to a correlation "
            "of .2; a season of the year is a change like any other"
        )
    return notes


def _not_judged(series: MetricSeries, groups: pd.DataFrame) -> list[str]:
    refused = groups[~groups["judged"].astype(bool)]
    if not series.by or not len(refused):
        return []
    few = "; ".join(f"{row.group}: {row.why}" for row in refused.head(5).itertuples())
    more = only_if(len(refused) > 5, f"; and {len(refused) - 5} more")
    return [f"{len(refused)} of {len(groups)} groups not judged ({few}{more})"]


def _gap(sums: DatedSums, name: str, series: MetricSeries) -> list[str]:
    """Name the longest stretch without answers, where it is long and unlike the others."""
    if not series.is_score or len(sums.day) < 3:
        return []
    # unlike the others: a survey of one day a quarter has gaps of 90 days and no hole
    steps = np.diff(sums.day)
    widest = int(np.argmax(steps))
    if steps[widest] <= max(_LONG_GAP_DAYS, 20 * float(np.median(steps))):
        return []
    first = day_of(sums.day[widest] + 1)
    last = day_of(sums.day[widest + 1] - 1)
    lead = only_if(series.by, f"{name}: ")
    return [f"{lead}no answers from {first:%-d %B %Y} to {last:%-d %B %Y}; a change in there has no day"]


def _growth(series: MetricSeries) -> list[str]:
    """Say where the answers a day of all groups changed by a large factor between thirds of the time."""
    if not series.is_score or not series.sums:
        return []
    day = np.concatenate([sums.day for sums in series.sums])
    base = np.concatenate([sums.base for sums in series.sums])
    if not len(day) or day.max() - day.min() < 30:
        return []
    length = (day.max() - day.min() + 1) / 3
    third = np.minimum((day - day.min()) // length, 2).astype(int)
    a_day = np.bincount(third, weights=base, minlength=3) / length
    if a_day.min() <= 0 or a_day.max() / a_day.min() < _GROWTH:
        return []
    rates = ", ".join(f"{rate:,.1f}" for rate in a_day)
    return [
        f"answers a day in the three thirds of the time: {rates}; who is asked, or when, may have changed, "
        "which moves a score without anybody's mood moving"
    ]


def _repeats(data: Any, series: MetricSeries) -> list[str]:
    """Count answers that repeat customer, moment and score of another."""
    rows = as_study(data, series.metric.name).table("responses")
    if not {"customer_id", "responded_at"} <= set(rows.collect_schema().names()):
        return []
    rows = rows.filter(~nw.col("score").is_null(), nw.col("instrument") == series.instrument)
    keys = ["customer_id", "responded_at", "score"]
    alike = rows.group_by(keys).agg(nw.len().alias("n")).filter(nw.col("n") > 1)
    counts = collect(alike.select(more=nw.col("n").sum(), rows=nw.len()))
    if not len(counts) or not counts["rows"].iloc[0]:
        return []
    # of k equal rows k - 1 repeat another: all rows of such keys less the number of keys
    more = int(counts["more"].iloc[0]) - int(counts["rows"].iloc[0])
    return [f"{more:,} answers repeat another's customer, moment and score; they count as that customer's"]
