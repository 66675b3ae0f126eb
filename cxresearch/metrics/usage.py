"""Adoption and use: who has begun to use a thing, how soon, and how broadly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.data.engine import EVERY, Every, collect, period_start
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.groups import cells_of
from cxresearch.metrics.metric import Query
from cxresearch.metrics.revenue_bridge import complete_periods, period_steps
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.kaplan_meier import kaplan_meier
from cxresearch.stats.proportions import wilson

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.results.curve import KaplanMeier


def _first_use(study: Study, feature: str | None) -> pd.DataFrame:
    """One row a customer: ``start, first`` (NaT if never), ``end`` (leaving or the data cut)."""
    used = study.table("usage").filter(nw.col("quantity") > 0)
    if feature is not None:
        if "feature" not in used.collect_schema().names():
            raise DataError("usage has no column feature", next_step="map it, or ask for any use")
        used = used.filter(nw.col("feature") == feature)
    first = used.group_by("customer_id").agg(nw.col("used_at").min().alias("first"))
    people = study.table("customers")
    ends = "ended_at" in people.collect_schema().names()
    people = people.select("customer_id", "started_at", *(["ended_at"] if ends else []))
    found = collect(people.join(first, on="customer_id", how="left"))
    cut = pd.Timestamp(study.observed_until)
    end = pd.Series(cut, index=found.index)
    if ends:
        end = found["ended_at"].where(found["ended_at"] < cut, cut)
    if feature is not None and found["first"].isna().all():
        raise ArgumentError(f"nobody ever used feature {feature!r}", next_step="check its spelling")
    return pd.DataFrame({"start": found["started_at"], "first": found["first"], "end": end})


def time_to_first_use(study: Study, *, feature: str | None = None, level: float = 0.95) -> KaplanMeier:
    """Return the curve of the time from joining to the first use (time to first value), in days.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``; a quantity of 0 is no use.
    feature : str, optional
        A feature; by default any use. Name the one that gives value: logging in may not be it.
    level : float
        Confidence level.

    Returns
    -------
    KaplanMeier
        Who has not used it is censored on leaving or at the data cut. Use before joining counts at day 0.

    Examples
    --------
    >>> time_to_first_use(_example_usage()).median.value
    9.0
    """
    found = _first_use(study, feature)
    if found.empty:
        raise DataError("there is no customer", where="table customers")
    done = found["first"].notna() & (found["first"] <= found["end"])
    stop = found["first"].where(done, found["end"])
    days = ((stop - found["start"]).dt.total_seconds() / 86_400).clip(lower=0)
    return kaplan_meier(days.to_numpy(), done.to_numpy().astype(int), level=level)


def adoption_rate(
    study: Study, *, within_days: float = 30, feature: str | None = None, level: float = 0.95
) -> Estimate:
    """Return the share of customers who used a thing within some days, among those who had these days.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``.
    within_days : float
        Days after joining.
    feature : str, optional
        A feature; by default any use.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        Wilson's interval. Only customers who joined at least ``within_days`` before the data cut count,
        whether they stayed or left in between: the others (``n_missing``) have not had their chance yet.

    Examples
    --------
    >>> adoption_rate(_example_usage(), within_days=5)
    Adoption within 5 days 50.0 % [15.0 %, 85.0 %], n 4 (1 missing)
    """
    check_number("within_days", within_days, above=0)
    found = _first_use(study, feature)
    limit = found["start"] + pd.Timedelta(days=within_days)
    exposed = limit <= pd.Timestamp(study.observed_until)
    used = exposed & (found["first"] <= limit)
    n, count = int(exposed.sum()), int(used.sum())
    bounds = wilson(count, n, level=check_level(level))
    share = count / n if n else math.nan
    return Estimate(
        name=f"Adoption{'' if feature is None else ' of ' + feature} within {within_days:g} days",
        value=share,
        low=float(bounds.low),
        high=float(bounds.high),
        level=level,
        se=math.sqrt(share * (1 - share) / n) if n else math.nan,
        n=n,
        n_missing=len(found) - n,
        unit=Unit.SHARE,
        method="score interval (Wilson 1927)",
        denominator=f"customers who joined at least {within_days:g} days before the data cut",
    )


def active_customers(
    study: Study, *, every: Every = "month", by: Sequence[str] = (), level: float = 0.95
) -> pd.DataFrame:
    """Return how many customers used anything in each period, and which share of those there that is.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``.
    every : {"day", "week", "month", "quarter", "year"}
        Period, in the study's time zone.
    by : sequence of str
        Columns of customers.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        ``by``, ``period``, ``active`` (customers with use), ``customers`` (there at any time of the period),
        ``share, low, high`` (Wilson; NaN in a period not complete), ``complete``. Use outside a customer's
        own time does not make the customer active.

    Examples
    --------
    >>> active_customers(_example_usage())[["active", "customers", "complete"]]
       active  customers  complete
    0       3          5      True
    1       0          5     False
    """
    check_choice("every", every, EVERY)
    check_level(level)
    query = Query(by=(by,) if isinstance(by, str) else tuple(by), every=every)
    used = cells_of(study, "usage", query, time="used_at", keep=("customer_id", "quantity"))
    used = used.filter(nw.col("quantity") > 0).select("customer_id", *query.keys).unique()
    people = cells_of(
        study, "customers", Query(by=query.by), time="started_at", keep=("customer_id", *_span(study))
    )
    first = period_start(nw.col("started_at"), every, study.timezone)
    last = period_start(_end(study), every, study.timezone)
    people = people.with_columns(first=first, last=last)
    inside = used.join(people.select("customer_id", "first", "last"), on="customer_id", how="inner")
    inside = inside.filter((nw.col("period") >= nw.col("first")) & (nw.col("period") <= nw.col("last")))
    active = collect(inside.group_by(list(query.keys)).agg(nw.len().alias("active")))
    spans = collect(people.group_by([*query.by, "first", "last"]).agg(nw.len().alias("n")))
    return _active_table(study, query, every, active, spans, level=level)


def _span(study: Study) -> tuple[str, ...]:
    names = study.table("customers").collect_schema().names()
    return ("started_at", "ended_at") if "ended_at" in names else ("started_at",)


def _end(study: Study) -> nw.Expr:
    cut = nw.lit(study.observed_until)
    if len(_span(study)) == 1:
        return nw.when(nw.col("started_at").is_null()).then(nw.col("started_at")).otherwise(cut)
    ended = nw.col("ended_at")
    return nw.when(ended.is_null() | (ended > cut)).then(cut).otherwise(ended)


def _active_table(
    study: Study, query: Query, every: Every, active: pd.DataFrame, spans: pd.DataFrame, *, level: float
) -> pd.DataFrame:
    if spans.empty:
        raise DataError("there is no customer", where="table customers")
    periods = pd.DataFrame({"period": period_steps(study, spans["first"].min(), every)})
    cells = spans[list(query.by)].drop_duplicates().merge(periods, how="cross") if query.by else periods
    there = cells.merge(spans, on=list(query.by), how="left") if query.by else cells.merge(spans, how="cross")
    there = there[(there["first"] <= there["period"]) & (there["last"] >= there["period"])]
    count = there.groupby(list(query.keys), dropna=False)["n"].sum().rename("customers").reset_index()
    table = cells.merge(active, on=list(query.keys), how="left").merge(count, on=list(query.keys), how="left")
    table = table.sort_values(list(query.keys), ignore_index=True)
    table[["active", "customers"]] = table[["active", "customers"]].fillna(0).astype("int64")
    complete = complete_periods(study, table["period"], every)
    bounds = wilson(table["active"].to_numpy(float), table["customers"].to_numpy(float), level=level)
    known = complete & (table["customers"] > 0).to_numpy()
    share = table["active"] / table["customers"].where(table["customers"] > 0)
    return table.assign(
        share=np.where(known, share, np.nan),
        low=np.where(known, bounds.low, np.nan),
        high=np.where(known, bounds.high, np.nan),
        complete=complete,
    )


def feature_breadth(study: Study, *, within_days: float = 30, level: float = 0.95) -> Estimate:
    """Return the mean number of features a customer used in the last days, over the customers there.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage`` and its column ``feature``.
    within_days : float
        Days before the data cut to look at.
    level : float
        Confidence level, Student's t.

    Returns
    -------
    Estimate
        Customers who are still there and joined before these days began; those who used nothing count as 0.

    Examples
    --------
    >>> feature_breadth(_example_usage(), within_days=20).value
    0.25
    """
    check_number("within_days", within_days, above=0)
    if "feature" not in study.table("usage").collect_schema().names():
        raise DataError("usage has no column feature", next_step="map it in the study file")
    cut = pd.Timestamp(study.observed_until)
    since = (cut - pd.Timedelta(days=within_days)).to_pydatetime()
    used = study.table("usage").filter((nw.col("quantity") > 0) & (nw.col("used_at") > nw.lit(since)))
    wide = (
        used.select("customer_id", "feature").unique().group_by("customer_id").agg(nw.len().alias("features"))
    )
    people = study.table("customers").filter(nw.col("started_at") <= nw.lit(since))
    if len(_span(study)) == 2:
        ended = nw.col("ended_at")
        people = people.filter(ended.is_null() | (ended > nw.lit(study.observed_until)))
    found = collect(people.select("customer_id").join(wide, on="customer_id", how="left"))["features"].fillna(
        0
    )
    n = len(found)
    mean, se = (float(found.mean()), float(found.std() / math.sqrt(n))) if n > 1 else (math.nan, math.nan)
    reach = float(stats.t.ppf((1 + check_level(level)) / 2, max(n - 1, 1))) * se
    return Estimate(
        name=f"Features used in the last {within_days:g} days",
        value=mean,
        low=max(mean - reach, 0.0) if n > 1 else math.nan,
        high=mean + reach,
        level=level,
        se=se,
        n=n,
        unit=Unit.RATIO,
        method="mean, Student's t",
        denominator="customers there for all of these days",
    )


def _example_usage() -> Study:
    """Five customers; one joined late; first uses after 1, 2 and 9 days."""
    from cxresearch.data.study import Study

    start = pd.Timestamp("2024-01-02")
    people = pd.DataFrame(
        {"customer_id": list("abcde"), "started_at": [start] * 4 + [pd.Timestamp("2024-01-31")]}
    )
    days = [1, 2, 9, 25]
    usage = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "a"],
            "used_at": start + pd.to_timedelta(days, unit="D"),
            "quantity": 1.0,
            "feature": ["search", "search", "export", "export"],
        }
    )
    return Study.from_frames(
        {"customers": people, "usage": usage}, observed_until=pd.Timestamp("2024-02-03"), instruments={}
    )
