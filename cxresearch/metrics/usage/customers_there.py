"""Customers who were there: their days, the periods they were there on any day or on all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, period_start
from cxresearch.errors import DataError
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.periods import complete_periods, period_steps

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def customers_with_days(study: Study, of_customers: tuple[str, ...]) -> nw.LazyFrame[Any]:
    """Customers who had joined by the cut: group columns, started_at, end, from_day and to_day (local)."""
    ends = "ended_at" in study.table("customers").collect_schema().names()
    columns = ("customer_id", "started_at", *(("ended_at",) if ends else ()))
    rows = cells_of(study, "customers", Query(by=of_customers), time="started_at", keep=columns)
    rows = rows.filter(nw.col("started_at") <= nw.lit(study.observed_until))
    cut = nw.lit(study.observed_until)
    if ends:
        gone = nw.col("ended_at") <= cut
    else:
        gone = nw.col("started_at").is_null()
    rows = rows.with_columns(
        end=nw.when(gone).then(nw.col("ended_at" if ends else "started_at")).otherwise(cut)
    )
    rows = rows.with_columns(
        from_day=period_start(nw.col("started_at"), "day", study.timezone),
        to_day=period_start(nw.col("end"), "day", study.timezone),
    )
    return rows.select("customer_id", *of_customers, "started_at", "end", "from_day", "to_day")


def sizes(frame: nw.LazyFrame[Any], keys: list[str], name: str) -> pd.DataFrame:
    """Number of rows by key; one row without keys."""
    if keys:
        return collect(frame.group_by(keys).agg(nw.len().alias(name)))
    return collect(frame.select(nw.len().alias(name)))


def there_by_period(
    study: Study,
    people: nw.LazyFrame[Any],
    query: Query,
    of_customers: tuple[str, ...],
    *,
    throughout: bool = False,
) -> pd.DataFrame:
    """Customers there in each period on any day, or on all: columns theirs, period, complete, customers."""
    by = list(of_customers)
    if query.every is None:
        return sizes(people, by, "customers").assign(complete=True)
    if throughout:
        rows = customers_throughout(study, people, query)
    else:
        rows = people.with_columns(
            first=period_start(nw.col("from_day"), query.every),
            last=period_start(nw.col("to_day"), query.every),
        )
    spans = collect(rows.group_by([*by, "first", "last"]).agg(nw.len().alias("n")))
    if spans.empty:
        raise DataError("there is no customer", where="table customers")
    # There in a period = came by its end less gone before it: two running sums instead of a row a day.
    periods = period_steps(study, spans["first"].min(), query.every)
    spans["_group"] = 0
    if by:
        spans["_group"] = spans.groupby(by, dropna=False).ngroup()
    came, went = (_until(spans, end, periods) for end in ("first", "last"))
    # on any day: came by then, not gone before; on all days: strictly between both (see customers_throughout)
    if throughout:
        count = came.shift(fill_value=0) - went
    else:
        count = came - went.shift(fill_value=0)
    tall = count.rename_axis("period").reset_index().melt("period", var_name="_group", value_name="customers")
    table = spans[[*by, "_group"]].drop_duplicates().merge(tall, on="_group")
    table = table.assign(complete=complete_periods(study, table["period"], query.every))
    return table.loc[table["customers"] > 0, [*by, "period", "complete", "customers"]]


def _until(spans: pd.DataFrame, end: str, periods: pd.DatetimeIndex) -> pd.DataFrame:
    """Customers whose span begins or ends by each period, one column a group."""
    wide = spans.pivot_table(index=end, columns="_group", values="n", aggfunc="sum", fill_value=0)
    return wide.reindex(index=periods, fill_value=0).cumsum().astype("int64")


def customers_throughout(study: Study, people: nw.LazyFrame[Any], query: Query) -> nw.LazyFrame[Any]:
    """Customers with the periods strictly between which they were there on every day, as far as is known."""
    every = query.every or "month"
    rows = people.with_columns(
        # Strictly between: who joined on the first of a month counts in it, the day before lies outside.
        first=period_start(nw.col("from_day") - timedelta(days=1), every),
        last=period_start(nw.col("to_day") + timedelta(days=1), every),
    )
    stays = nw.col("end") >= nw.lit(study.observed_until)
    beyond = nw.lit(study.observed_until + timedelta(days=400))
    rows = rows.with_columns(last=nw.when(stays).then(beyond).otherwise(nw.col("last")))
    return rows.filter(nw.col("first") < nw.col("last"))


def there_lately(
    study: Study, of_customers: tuple[str, ...], used: nw.LazyFrame[Any], within_days: float
) -> tuple[nw.LazyFrame[Any], nw.LazyFrame[Any]]:
    """Customers there for all of the last days and still, and the use in these days."""
    since = nw.lit(study.observed_until - timedelta(days=within_days))
    people = customers_with_days(study, of_customers).filter(nw.col("started_at") <= since)
    people = people.filter(nw.col("end") >= nw.lit(study.observed_until))
    return people, used.filter(nw.col("used_at") > since)
