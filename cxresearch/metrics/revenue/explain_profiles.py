"""Why two definitions of recurring revenue differ, customer by customer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import Every, collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.periods import complete_periods, local_moment, next_period, period_steps
from cxresearch.metrics.revenue.revenue_ledger import refuse_beyond
from cxresearch.metrics.revenue.revenue_levels import (
    KINDS,
    last_rows,
    one_currency,
    revenue_levels,
    revenue_moves,
)
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile

if TYPE_CHECKING:
    from cxresearch.data.study import Study

#: Attributes of a definition that decide which moves a customer has, and what to call them.
REASONS = {
    "pause": "pause",
    "moves": "moves within the period",
    "coupons": "coupon that ends",
    "free": "free plan or full discount",
    "past_due_days": "past due",
    "left_within": "joined or came back, and left, within the period",
}


def explain_profiles(
    study: Study,
    first: str | RevenueProfile,
    second: str | RevenueProfile,
    *,
    period: Any = None,
    every: Every = "month",
) -> pd.DataFrame:
    """List the customers whom two definitions count differently in a period, and the rule behind each.

    Parameters
    ----------
    study : Study
        With table ``revenue``, in one currency.
    first, second : str or RevenueProfile
        The definitions: ``"stripe"``, ``"profitwell"`` ...
    period : str or timestamp, optional
        Any moment within the period. By default the last complete one.
    every : {"day", "week", "month", "quarter", "year"}
        Length of the period.

    Returns
    -------
    DataFrame
        One row a customer: ``customer_id``; ``closing_first, closing_second`` (MRR at the end of the period);
        ``moves_first, moves_second`` (such as ``"new 30.00, churn 30.00"``); ``churned_first,
        churned_second`` (times counted in customer churn); ``why``: the rules whose change alone alters the
        customer's figures, joined by ``"; "`` (``"several rules together"`` where none does alone). Where
        only denominators, offsets or gross losses differ, no customer does and the frame is empty: compare
        ``net_offsets, gross_losses, churned_denominator, expansion_base`` of the two.

    Raises
    ------
    ArgumentError
        If there is no such period.
    DataError
        If revenue is in several currencies.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> revenue = pd.DataFrame(
    ...     {
    ...         "customer_id": ["a", "b", "b"],
    ...         "effective_at": pd.to_datetime(["2024-01-02", "2024-02-03", "2024-02-20"]),
    ...         "mrr": [10.0, 30.0, 0.0],
    ...     }
    ... )
    >>> study = Study.from_frames({"revenue": revenue}, observed_until="2024-03-05", instruments={})
    >>> found = explain_profiles(study, "profitwell", "stripe", period="2024-02")
    >>> found[["customer_id", "moves_second", "churned_second", "why"]].to_numpy().tolist()
    [['b', 'new 30.00, churn 30.00', 1, 'moves within the period']]
    """
    rules = [revenue_profile(profile) for profile in (first, second)]
    start, end = _period(study, rules[0], period, every)
    tables = [_figures(study, profile, start, end, every) for profile in rules]
    both = tables[0].join(tables[1], how="outer", lsuffix="_first", rsuffix="_second")
    differ = _differences(both)
    both = both[differ]
    why = _reasons(study, rules, tables[0], list(both.index), (start, end, every))
    result = pd.DataFrame({"customer_id": both.index})
    for column in ("closing", "moves", "churned"):
        for side in ("first", "second"):
            result[f"{column}_{side}"] = _filled(both[f"{column}_{side}"], column).to_numpy()
    return result.assign(why=[why[customer] for customer in both.index])


def _filled(values: pd.Series, column: str) -> pd.Series:
    if column == "moves":
        return values.fillna("")
    return values.fillna(0).astype("int64" if column == "churned" else float)


def _differences(both: pd.DataFrame) -> pd.Series:
    differ = pd.Series(False, index=both.index)
    for column in ("closing", "moves", "churned"):
        sides = [_filled(both[f"{column}_{side}"], column) for side in ("first", "second")]
        differ |= sides[0] != sides[1]
    return differ


def _period(
    study: Study, rules: RevenueProfile, period: Any, every: Every
) -> tuple[pd.Timestamp, pd.Timestamp]:
    moves = revenue_moves(_levels(study, rules), rules, every, study.timezone)
    first = collect(moves.select(nw.col("period").min()))["period"].iloc[0]
    if pd.isna(first):
        raise DataError("the revenue table has no row", where="table revenue")
    starts = period_steps(study, first, every)
    if period is None:
        starts = starts[complete_periods(study, starts, every)]
        chosen = len(starts) - 1
    else:
        moment = local_moment(period)
        chosen = int(starts.searchsorted(moment, side="right")) - 1
        if moment >= next_period(starts[-1], every):
            chosen = -1
    if chosen < 0:
        raise ArgumentError(
            f"there is no period {period or ''}".strip(),
            wanted=f"a {every} from {first:%Y-%m-%d} to the data cut",
        )
    return starts[chosen], next_period(starts[chosen], every)


def _levels(study: Study, rules: RevenueProfile) -> nw.LazyFrame[Any]:
    return one_currency(study, revenue_levels(study, rules), next_step="explain one currency at a time")


def _figures(
    study: Study, rules: RevenueProfile, start: pd.Timestamp, end: pd.Timestamp, every: Every
) -> pd.DataFrame:
    """Return ``closing, moves, churned`` by customer."""
    levels = _levels(study, rules)
    moves = revenue_moves(levels, rules, every, study.timezone)
    period_moves = collect(
        moves.filter(nw.col("period") == nw.lit(start.to_pydatetime())).select(
            "customer_id", "kind", "change", "at"
        )
    )
    period_moves = period_moves[period_moves["kind"] >= 0].sort_values(["customer_id", "at"])
    period_moves["text"] = [
        f"{KINDS[kind]} {abs(change) / 100:,.2f}"
        for kind, change in zip(period_moves["kind"], period_moves["change"], strict=True)
    ]
    texts = period_moves.groupby("customer_id")["text"].agg(", ".join).rename("moves")
    churn = period_moves[period_moves["kind"] == KINDS.index("churn")]
    if not rules.left_within and rules.moves == "every_change":
        # Unless leavers within a period count, customers are counted at its end (see counting_heads).
        ends = revenue_moves(levels, replace(rules, moves="period_end"), every, study.timezone)
        gone = (nw.col("period") == nw.lit(start.to_pydatetime())) & (nw.col("kind") == KINDS.index("churn"))
        churn = collect(ends.filter(gone).select("customer_id"))
    churned = churn.groupby("customer_id").size().rename("churned")
    dated = revenue_moves(levels, replace(rules, moves="period_end"), every, study.timezone)
    until = dated.filter(nw.col("period") < nw.lit(end.to_pydatetime()))
    last = collect(last_rows(until).select("customer_id", "cents"))
    refuse_beyond(last["cents"])
    closing = (last.set_index("customer_id")["cents"] / 100).rename("closing")
    table = pd.concat([closing, texts, churned], axis=1)
    table.index.name = "customer_id"
    return table.sort_index()


def _reasons(
    study: Study,
    rules: list[RevenueProfile],
    base: pd.DataFrame,
    customers: list[str],
    where: tuple[pd.Timestamp, pd.Timestamp, Every],
) -> dict[str, str]:
    """Change one rule at a time from the first definition to the second and see whose figures move."""
    reasons_of: dict[str, list[str]] = {customer: [] for customer in customers}
    for attribute, reason in REASONS.items():
        wanted = getattr(rules[1], attribute)
        if not customers or getattr(rules[0], attribute) == wanted:
            continue
        # One rule at a time: a customer whose figures move by it alone is explained by it.
        changed: dict[str, Any] = {attribute: wanted}
        table = _figures(study, replace(rules[0], **changed), *where)
        both = base.join(table, how="outer", lsuffix="_first", rsuffix="_second")
        moved = _differences(both)
        for customer in moved[moved].index.intersection(customers):
            reasons_of[customer].append(reason)
    return {
        customer: "; ".join(reasons) or "several rules together" for customer, reasons in reasons_of.items()
    }
