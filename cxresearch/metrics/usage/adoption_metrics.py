"""Adoption metrics by any group and period, for metric tables and scorecards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.metrics.base.cell_estimates import NONE, RUNNING, each_cell, shares, without_running
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import Days, Text
from cxresearch.metrics.usage.usage_counts import (
    MINUTES_PER_DAY,
    UsageCounts,
    collapse_usage,
    count_active,
    count_features,
    count_first_uses,
    usage_of_the_rest,
)
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import WILSON
from cxresearch.stats.survival.kaplan_meier import kaplan_meier

if TYPE_CHECKING:
    from cxresearch.stats.survival.survival_curve import KaplanMeier

#: Days after joining (adoption), and without a period days before the data cut (features used).
WITHIN_DAYS = Days("within_days", 30)
#: A feature; by default any use.
FEATURE = Text("feature")


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return what the tables customers and usage allow.

    ``active_customers``, ``adoption_rate``, ``first_use_median_days`` and, where usage has a feature,
    ``feature_breadth``. Options of a query: ``within_days`` (30 by default: days after joining for adoption;
    without a period also the days before the data cut for breadth) and ``feature`` (adoption and first use of
    this one). Groups may be columns of customers, or ``feature``.
    """
    if not {"customers", "usage"} <= set(study.tables):
        return ()
    metrics = [_active(), _adoption(), _first_use()]
    if "feature" in study.table("usage").collect_schema().names():
        metrics.append(_breadth())
    return tuple(metrics)


def _active() -> Metric:
    return Metric(
        name="active_customers",
        label="Active customers",
        unit=Unit.SHARE,
        good="high",
        denominator="customers there on any day of the period",
        family=count_active,
        days="at_most",
        estimate=active_share,
        collapse=collapse_usage,
        rest=usage_of_the_rest,
        definition="customers with any use / customers there on any day of the period; complete periods only",
    )


def _adoption() -> Metric:
    return Metric(
        name="adoption_rate",
        label="Adoption",
        unit=Unit.SHARE,
        good="high",
        denominator="customers who joined in the period and have had the days",
        family=_first_uses,
        options=(WITHIN_DAYS, FEATURE),
        estimate=adopted_share,
        collapse=collapse_usage,
        rest=usage_of_the_rest,
        lags=True,
        definition=(
            "used within 30 days of joining (unless said otherwise) / customers who have had these days; "
            "by period of joining, once all who joined in it have had them"
        ),
    )


def _first_use() -> Metric:
    return Metric(
        name="first_use_median_days",
        label="Time to first use, median",
        unit=Unit.DAYS,
        good="low",
        denominator="customers who joined, censored on leaving and at the data cut",
        family=_first_uses,
        options=(FEATURE,),
        estimate=_median_days,
        collapse=collapse_usage,
        difference="none",
        definition="Kaplan-Meier median of the time from joining to the first use, by period of joining",
    )


def _breadth() -> Metric:
    return Metric(
        name="feature_breadth",
        label="Features used",
        unit=Unit.RATIO,
        good="high",
        denominator="customers there on every day of the period",
        family=_features,
        options=(WITHIN_DAYS,),
        days="at_most",
        estimate=mean_features,
        collapse=collapse_usage,
        rest=usage_of_the_rest,
        definition=(
            "different features used in the period / customers there on every day of it (without a period: "
            "of the last 30 days unless said otherwise); complete periods only"
        ),
    )


def _first_uses(study: Any, query: Query) -> UsageCounts:
    return count_first_uses(study, query, within_days=WITHIN_DAYS.of(query), feature=FEATURE.of(query))


def _features(study: Any, query: Query) -> UsageCounts:
    return count_features(study, query, within_days=WITHIN_DAYS.of(query))


def active_share(counts: UsageCounts, query: Query) -> pd.DataFrame:
    """Return cells with the share of customers who used anything; none for a period not ended."""
    rows = counts.cells
    # Share of the customers there on any day of the period who used anything.
    n = rows["customers"].to_numpy(float)
    share = shares(np.minimum(rows["active"].to_numpy(float), n), n, query.level)
    cells = rows[list(query.keys)].assign(**share, n=rows["customers"], n_missing=0, method=WILSON)
    return without_running(cells, rows["complete"])


def adopted_share(counts: UsageCounts, query: Query) -> pd.DataFrame:
    """Return cells with the share who adopted in time, among those who had the time.

    Customers without it yet are in ``n_missing``; a period of which some still lack it has no value.
    """
    rows = counts.cells
    keys = [*query.keys, "complete"]
    # Only customers who had all the days are asked whether they used it in them.
    exposed = rows["n"] * rows["exposed"]
    sums = rows[keys].assign(joined=rows["n"], had=exposed, hits=exposed * rows["adopted"])
    sums = sums.groupby(keys, dropna=False, as_index=False)[["joined", "had", "hits"]].sum()
    known = sums["complete"].to_numpy(bool)
    had = np.where(known, sums["had"], 0).astype(float)
    days = WITHIN_DAYS.of(query)
    late = f"{NONE}not all who joined have had {days:g} days"
    return sums[list(query.keys)].assign(
        **shares(np.minimum(sums["hits"], had), had, query.level),
        n=had.astype("int64"),
        n_missing=(sums["joined"] - had).astype("int64"),
        method=np.where(known, f"{WILSON}; used within {days:g} days of joining", late),
    )


def curve_of_uses(cells: pd.DataFrame, *, level: float) -> KaplanMeier:
    """Return the curve of counted minutes, in days."""
    return kaplan_meier(
        cells["minutes"].to_numpy(float) / MINUTES_PER_DAY,
        cells["event"].to_numpy(),
        counts=cells["n"].to_numpy(),
        level=level,
    )


def _median_days(counts: UsageCounts, query: Query) -> pd.DataFrame:
    def cell(rows: pd.DataFrame) -> tuple[Any, ...]:
        median = curve_of_uses(rows, level=query.level).median
        return median.value, median.low, median.high, np.nan, median.n, 0, median.method

    return each_cell(counts.cells, query, cell)


def mean_features(counts: UsageCounts, query: Query) -> pd.DataFrame:
    """Return cells with the mean number of features; none for a period not ended."""

    def cell(rows: pd.DataFrame) -> tuple[Any, ...]:
        sizes, features = rows["n"].to_numpy(float), rows["features"].to_numpy(float)
        n = int(sizes.sum())
        if not rows["complete"].all():
            return *(np.nan,) * 4, 0, n, RUNNING
        return *_mean_of_counts(features, sizes, level=query.level), n, 0, "mean, Student's t"

    return each_cell(counts.cells, query, cell)


def _mean_of_counts(values: Any, sizes: Any, *, level: float) -> tuple[float, float, float, float]:
    """Mean, low, high and SE of values from 0 up that occur so many times; no interval below n = 2."""
    n = sizes.sum()
    if not n:
        return (np.nan,) * 4
    mean = float((sizes * values).sum() / n)
    if n < 2:
        return mean, np.nan, np.nan, np.nan
    # se = sqrt(sum of n_k (k - m)^2 / (n - 1) / n), k features used by n_k customers.
    se = float(np.sqrt((sizes * (values - mean) ** 2).sum() / (n - 1) / n))
    # Student's t; the lower end stops at 0, since nobody uses fewer features than none.
    reach = float(stats.t.ppf((1 + level) / 2, n - 1)) * se
    return mean, max(mean - reach, 0.0), mean + reach, se
