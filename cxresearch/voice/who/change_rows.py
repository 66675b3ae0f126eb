"""Sums of each customer by group in two periods: what a change is split by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.landmarks.landmark_dates import Day, as_instant
from cxresearch.errors import ArgumentError
from cxresearch.metrics.revenue.revenue_levels import last_rows, one_currency, revenue_levels
from cxresearch.metrics.revenue.revenue_profiles import revenue_profile
from cxresearch.voice.who.asked_question import values_by_score
from cxresearch.voice.who.searched_columns import (
    CUSTOMER,
    SCORE,
    TENURE_CLASSES,
    TENURE_DAYS,
    class_labels,
    quantile_edges,
    searched_answers,
)
from cxresearch.wording import did_you_mean, listed, shown

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.metrics.base.metric import Tables
    from cxresearch.metrics.survey.score_measures import Measure

Period = str | tuple[Day, Day]
Span = tuple[datetime, datetime]
#: Columns of the frames made here.
SUMS = ("customer", "group", "period", "weight", "total")
#: Rates of customers and revenue that can be split, with what a report prints.
RATES = {
    "customer_churn": "Customer churn",
    "gross_revenue_churn": "Gross revenue churn",
    "net_revenue_churn": "Net revenue churn",
    "gross_revenue_retention": "GRR",
    "net_revenue_retention": "NRR",
}
NOT_GIVEN = "(not given)"
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])")
_WEEK = re.compile(r"\d{4}-W\d{2}")
_YEAR = re.compile(r"\d{4}")


def span_of(name: str, period: Period, timezone: str) -> Span:
    """Return the first moment of a period and the first after it, naive UTC.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    period : str or (date, date)
        ``"2024"``, ``"2024-Q1"``, ``"2024-03"``, ``"2024-W10"``, ``"2024-03-05"``; or the first day and the
        first day after it.
    timezone : str
        IANA zone whose calendar counts.

    Raises
    ------
    ArgumentError
        If it is no period.

    Examples
    --------
    >>> [f"{end:%Y-%m-%d}" for end in span_of("before", "2024-Q1", "UTC")]
    ['2024-01-01', '2024-04-01']
    """
    if not isinstance(period, str):
        if not isinstance(period, Sequence) or len(period) != 2:
            raise _no_period(name, period)
        first, last = (as_instant(name, day, timezone) for day in period)
        if first >= last:
            raise ArgumentError(f"{name} ends before it begins", wanted="(first day, first day after)")
        return first, last
    start, end = _calendar(name, period)
    return as_instant(name, start, timezone), as_instant(name, end, timezone)


def _calendar(name: str, period: str) -> tuple[date, date]:
    try:
        if match := _QUARTER.fullmatch(period):
            return _months(int(match[1]), 3 * int(match[2]) - 2, 3)
        if match := _MONTH.fullmatch(period):
            return _months(int(match[1]), int(match[2]), 1)
        if _YEAR.fullmatch(period):
            return _months(int(period), 1, 12)
        if _WEEK.fullmatch(period):
            monday = date.fromisoformat(f"{period}-1")
            return monday, monday + timedelta(days=7)
        day = date.fromisoformat(period)
    except ValueError:
        raise _no_period(name, period) from None
    return day, day + timedelta(days=1)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    # Months counted through from the year 0: div and mod by 12 give the month after the period.
    following = year * 12 + month - 1 + count
    return date(year, month, 1), date(following // 12, following % 12 + 1, 1)


def _no_period(name: str, period: Any) -> ArgumentError:
    return ArgumentError(
        f"{name} is {period!r}",
        wanted="'2024', '2024-Q1', '2024-03', '2024-W10', '2024-03-05' or (first day, first day after)",
    )


def answer_sums(
    study: Tables, instrument: str, measure: Measure, by: Sequence[str], spans: tuple[Span, Span]
) -> pd.DataFrame:
    """Return the answers of each customer by group in two periods; columns `SUMS`.

    The weight of an answer is 1; groups are those of `who`, numbers in classes. One group-by on the engine.
    """
    start, end = min(spans[0][0], spans[1][0]), max(spans[0][1], spans[1][1])
    answers = searched_answers(study, instrument, by, start=start, end=end)
    if answers.passed_over:
        name, reason = next(iter(answers.passed_over.items()))
        raise ArgumentError(f"a change cannot be split by {shown(name)}: {reason}")
    at = nw.col("cx_at")
    early, late = ((at >= nw.lit(first)) & (at < nw.lit(last)) for first, last in spans)
    rows = answers.rows.filter(early | late)
    rows = rows.with_columns(cx_period=nw.when(late).then(nw.lit(1)).otherwise(nw.lit(0)))
    names = [f"cx_{place}" for place in range(len(answers.columns))]
    present = rows.collect_schema().names()
    keys = [*names, "cx_period", SCORE, *[key for key in (CUSTOMER,) if key in present]]
    counts = collect(rows.group_by(keys).agg(n=nw.len()))
    labels = [
        _labels(counts[name], column.number) for name, column in zip(names, answers.columns, strict=True)
    ]
    frame = pd.DataFrame(
        {
            "group": _joined(labels),
            "period": counts["cx_period"].astype(int),
            "weight": counts["n"].astype(float),
            "total": counts["n"] * counts[SCORE].map(values_by_score(measure)),
        }
    )
    if CUSTOMER in counts:
        # answers of unknown customers are each somebody's own
        unknown = counts[CUSTOMER].isna()
        frame["customer"] = pd.factorize(counts[CUSTOMER])[0]
        frame.loc[unknown, "customer"] = frame["customer"].max() + 1 + np.arange(int(unknown.sum()))
        return frame.groupby(["customer", "group", "period"], as_index=False)[["weight", "total"]].sum()
    single = frame.loc[frame.index.repeat(frame["weight"].astype(int))]  # each answer for itself
    return single.assign(
        customer=np.arange(len(single)), total=single["total"] / single["weight"], weight=1.0
    ).reset_index(drop=True)


def _labels(series: pd.Series[Any], number: bool) -> pd.Series[Any]:
    """Levels as text; numbers in classes cut at their quantiles."""
    if not number:
        return _named(series)
    values = series.to_numpy(dtype=np.float64)
    return _named(class_labels(values, quantile_edges(values)))


def _named(labels: pd.Series[Any]) -> pd.Series[Any]:
    """Labels with a name for missing ones."""
    return pd.Series(
        np.where(labels.notna(), labels.astype(object), NOT_GIVEN), index=labels.index, dtype=object
    )


def _joined(labels: list[pd.Series[Any]]) -> pd.Series[Any]:
    text = labels[0].astype(str)
    for further in labels[1:]:
        text = text + ", " + further.astype(str)
    return text


def rate_sums(study: Study, metric: str, by: Sequence[str], spans: tuple[Span, Span]) -> pd.DataFrame:
    """Return opening and lost (or kept) customers or revenue of each customer by group; columns `SUMS`.

    Levels at the first moment of the period and at the first after it, as `mrr_bridge` has them by the end of
    a period; groups as they were when it began.

    Raises
    ------
    ArgumentError
        If the study lacks the tables, or a column.
    """
    if "revenue" not in study.tables and metric != "customer_churn":
        raise ArgumentError(f"{metric} needs a revenue table", wanted="one of " + listed(study.tables))
    parts = []
    # the same customers are in both periods, under one number
    for period, span in enumerate(spans):
        counted = _levels_in if "revenue" in study.tables else _heads_in
        levels = counted(study, span)
        frame = _weighted(levels, metric).assign(period=period)
        frame["group"] = _groups_at(study, frame["customer_id"], by, span[0]).to_numpy()
        parts.append(frame)
    both = pd.concat(parts, ignore_index=True)
    both["customer"] = pd.factorize(both["customer_id"])[0]
    return both[list(SUMS)]


def _levels_in(study: Study, span: Span) -> pd.DataFrame:
    """Opening and closing MRR of the customers of the first moment, in the study's currency."""
    levels = revenue_levels(study, revenue_profile("cxresearch"))
    levels = one_currency(study, levels, next_step="keep the rows of one currency, or convert them")
    sides = []
    for moment in span:
        last = collect(last_rows(levels.filter(nw.col("at") < nw.lit(moment))))
        active = last["cents"] > 0
        if "active" in last:
            active = last["active"] == 1
        sides.append(last.assign(active=active).set_index("customer_id")[["cents", "active"]])
    opening, closing = sides
    opening = opening[opening["active"].astype(bool)]
    closing = closing.reindex(opening.index)
    return pd.DataFrame(
        {
            "customer_id": opening.index,
            "opening": opening["cents"].to_numpy(dtype=float) / 100,
            "closing": closing["cents"].fillna(0).to_numpy(dtype=float) / 100,
            "left": ~closing["active"].fillna(value=False).to_numpy(dtype=bool),
        }
    )


def _heads_in(study: Study, span: Span) -> pd.DataFrame:
    """Customers of the first moment, and who had ended by the first after the period."""
    customers = study.table("customers")
    names = customers.collect_schema().names()
    rows = collect(customers.select("customer_id", "started_at", *[n for n in ("ended_at",) if n in names]))
    ended = rows.get("ended_at", pd.Series(pd.NaT, index=rows.index))
    # customers of the first moment: started before it, and not ended by then
    there = (rows["started_at"] < span[0]) & (ended.isna() | (ended >= span[0]))
    left = (ended < span[1]) & there
    return pd.DataFrame({"customer_id": rows["customer_id"], "opening": 1.0, "closing": 1.0, "left": left})[
        there
    ].reset_index(drop=True)


def _weighted(levels: pd.DataFrame, metric: str) -> pd.DataFrame:
    opening, closing = levels["opening"].to_numpy(dtype=float), levels["closing"].to_numpy(dtype=float)
    # levels at both ends of the period, as a bridge by the end of a period has them
    totals = {
        "customer_churn": levels["left"].to_numpy(dtype=float),
        # Of a customer lost = max(opening - closing, 0), kept = min(opening, closing); over sum of openings.
        "gross_revenue_churn": np.maximum(opening - closing, 0.0),
        "net_revenue_churn": opening - closing,
        "gross_revenue_retention": np.minimum(opening, closing),
        "net_revenue_retention": closing,
    }
    # customers count one each, revenue by what was paid when the period began
    weight = opening
    if metric == "customer_churn":
        weight = np.ones(len(levels))
    frame = pd.DataFrame({"customer_id": levels["customer_id"], "weight": weight, "total": totals[metric]})
    return frame[frame["weight"] > 0].reset_index(drop=True)


def _groups_at(study: Study, people: pd.Series[Any], by: Sequence[str], moment: datetime) -> pd.Series[Any]:
    """Groups of customers when a period began."""
    names: list[str] = []
    if "customers" in study.tables:
        names = study.table("customers").collect_schema().names()
    columns = [name for name in dict.fromkeys((*by, "started_at")) if name in names]
    known = pd.DataFrame(index=pd.Index(people))
    if columns:
        known = collect(study.table("customers").select("customer_id", *columns)).set_index("customer_id")
        known = known.reindex(people)
    labels = []
    for name in by:
        if name in names and name not in ("started_at", "ended_at", "end_kind", "notice_at", "reason"):
            numeric = pd.api.types.is_numeric_dtype(known[name])
            labels.append(_labels(known[name].reset_index(drop=True), numeric))
        elif name == "cohort" and columns:
            labels.append(known["started_at"].dt.year.astype("Int64").astype(str).reset_index(drop=True))
        elif name == "tenure" and columns:
            days = (moment - known["started_at"]).dt.total_seconds().reset_index(drop=True) / 86_400
            labels.append(pd.cut(days, [-np.inf, *TENURE_DAYS, np.inf], labels=TENURE_CLASSES, right=False))
        elif name == "plan" and "revenue" in study.tables:
            labels.append(_plan_at(study, people, moment))
        else:
            raise ArgumentError(
                f"{shown(name)} is no group of customers",
                wanted=f"one of {listed([*names, 'tenure', 'cohort'])}",
                next_step=did_you_mean(name, names),
            )
    return _joined([_named(label) for label in labels])


def _plan_at(study: Study, people: pd.Series[Any], moment: datetime) -> pd.Series[Any]:
    rows = study.table("revenue")
    if "plan" not in rows.collect_schema().names():
        raise ArgumentError("revenue has no column 'plan'", next_step="split by a column of customers")
    rows = rows.filter(nw.col("effective_at") < nw.lit(moment)).select("customer_id", "plan", "effective_at")
    last = collect(last_rows(rows, "effective_at")).drop_duplicates("customer_id").set_index("customer_id")
    return last["plan"].reindex(people).reset_index(drop=True)
