"""What returns are counted from: the purchases of each customer, departures, and renewals that fell due."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, days_between, period_start
from cxresearch.errors import DataError
from cxresearch.metrics.revenue.revenue_ledger import refuse_beyond
from cxresearch.metrics.revenue.revenue_levels import KINDS, one_currency, revenue_levels, revenue_moves
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def purchases_by_customer(study: Study, last_day: pd.Timestamp) -> nw.LazyFrame[Any]:
    """Return each customer's purchases up to a day: customer_id, first, second, last, purchases."""
    orders = study.table("orders").filter(nw.col("amount") >= 0)
    days = orders.select(
        "customer_id", day=period_start(nw.col("ordered_at"), "day", study.timezone)
    ).unique()
    days = days.filter(nw.col("day") <= nw.lit(last_day.to_pydatetime()))
    # Several orders on one day are one purchase.
    days = days.with_columns(first=nw.col("day").min().over("customer_id"))
    later = nw.when(nw.col("day") > nw.col("first")).then(nw.col("day"))
    return (
        days.with_columns(later=later)
        .group_by("customer_id")
        .agg(
            nw.col("first").min(),
            nw.col("later").min().alias("second"),
            nw.col("day").max().alias("last"),
            nw.len().alias("purchases"),
        )
    )


def departures(study: Study, rules: RevenueProfile) -> pd.DataFrame:
    """Return who left and when, with the days until they paid again or the data cut.

    Parameters
    ----------
    study : Study
        With the table revenue.
    rules : RevenueProfile
        What counts as paying; every change counts as a move, whatever the profile says of periods.

    Returns
    -------
    DataFrame
        One row a departure, several for who left several times, in no order: ``customer_id, at`` (naive UTC),
        ``days`` (fractional), ``event`` (1 came back, 0 not by the data cut). No value is missing.

    Raises
    ------
    ArgumentError
        If the study has no revenue.
    """
    rules = replace(rules, moves="every_change")
    moves = revenue_moves(revenue_levels(study, rules), rules, "day", study.timezone)
    turns = [KINDS.index(kind) for kind in ("churn", "reactivation")]
    moves = moves.filter(nw.col("kind").is_in(turns))
    moves = moves.with_columns(back=nw.col("at").shift(-1).over("customer_id", order_by="at"))
    lost = moves.filter(nw.col("kind") == turns[0])
    # Who has not come back by the data cut is censored there.
    end = nw.col("back").fill_null(nw.lit(study.observed_until))
    event = (~nw.col("back").is_null()).cast(nw.Int64)
    return collect(lost.select("customer_id", "at", days=days_between(nw.col("at"), end), event=event))


def renewals_due(study: Study, rules: RevenueProfile, grace: float, *, weighed: bool) -> pd.DataFrame:
    """Return renewals that fell due: ``customer_id, due_local, before, after`` (cents), ``decided``."""
    table = study.table("revenue")
    if "due_at" not in table.collect_schema().names():
        raise DataError("revenue has no column due_at", next_step="map the date on which a renewal falls due")
    levels = revenue_levels(study, rules)
    if weighed:
        levels = one_currency(study, levels, next_step="use one currency, or weigh by count")
    marks = table.filter(~nw.col("due_at").is_null())
    marks = marks.select("customer_id", nw.col("effective_at").alias("at"), "due_at")
    levels = levels.select("customer_id", "at", "cents").join(marks, on=["customer_id", "at"], how="left")
    rows = collect(levels.join(marks.select("customer_id").unique(), on="customer_id", how="inner"))
    rows = rows.sort_values("at", kind="stable").reset_index(drop=True)
    paid = rows[rows["cents"] > 0]
    due = _terms(paid)
    due = due[due["due_at"] <= pd.Timestamp(study.observed_until)]
    due = due.assign(look=(due["due_at"] + pd.Timedelta(days=grace)).astype("datetime64[us]"))
    levels_then = rows[["customer_id", "at", "cents"]]
    due = _level_at(due, "ends", levels_then[rows["cents"] > 0], "before", exact=False)
    due = _level_at(due, "look", levels_then, "after", exact=True)
    refuse_beyond(due[["before", "after"]])
    local = due["due_at"].dt.tz_localize("UTC").dt.tz_convert(study.timezone).dt.tz_localize(None)
    return due.assign(due_local=local, decided=due["look"] <= pd.Timestamp(study.observed_until))


def _terms(paid: pd.DataFrame) -> pd.DataFrame:
    """Terms of contracts, from paid levels in order: ``customer_id, due_at, ends`` (a new term, or due).

    A date stands until another replaces it. An earlier one revokes it; a later one, agreed before the term
    ran out, is an early renewal: the term was due all the same.
    """
    dated = paid[paid["due_at"] > paid["at"]]
    dated = dated[["customer_id", "at", "due_at"]].sort_values(["customer_id", "at"], kind="stable")
    # Levels that repeat a date are one term; its last row says until when it stood.
    repeated = dated["due_at"].eq(_next_of_customer(dated, "due_at"))
    dated = dated[~repeated]
    next_agreed_at = _next_of_customer(dated, "at")
    next_due_at = _next_of_customer(dated, "due_at")
    agreed_early = next_agreed_at < dated["due_at"]
    revoked = agreed_early & (next_due_at < dated["due_at"])
    terms = dated.assign(ends=dated["due_at"].where(~agreed_early, next_agreed_at))[~revoked]
    terms = terms.drop_duplicates(["customer_id", "due_at"], keep="last")
    return terms[["customer_id", "due_at", "ends"]]


def _next_of_customer(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return the value of the next row of the same customer; missing for the last one."""
    following = rows[column].shift(-1)
    same_customer = rows["customer_id"].eq(rows["customer_id"].shift(-1))
    return following.where(same_customer)


def _level_at(
    due: pd.DataFrame, moment: str, levels: pd.DataFrame, name: str, *, exact: bool
) -> pd.DataFrame:
    """Add each customer's level in force at a moment, or just before it."""
    matched = pd.merge_asof(
        due.sort_values(moment, kind="stable"),
        levels.rename(columns={"cents": name}),
        left_on=moment,
        right_on="at",
        by="customer_id",
        allow_exact_matches=exact,
    )
    return matched.drop(columns="at")
