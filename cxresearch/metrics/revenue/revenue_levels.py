"""Revenue levels and the moves between them, as lazy expressions on the engine that holds the data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import Every, collect, period_start
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile

#: What a row of the revenue table may say of the subscription; a missing status counts as active.
STATUSES = ("active", "trial", "paused", "past_due", "unpaid", "cancelled")
_BEYOND = 9e16
#: Kinds of move in the order of the ledger.
KINDS = ("new", "expansion", "reactivation", "contraction", "churn")
#: Lines of the ledger with their sign: opening + sum of the signed lines = closing.
LEDGER = {"new": 1, "expansion": 1, "reactivation": 1, "contraction": -1, "churn": -1, "fx": 1}


def revenue_levels(study: Study, profile: RevenueProfile) -> nw.LazyFrame[Any]:
    """Return the levels of MRR under a definition.

    Parameters
    ----------
    study : Study
        With table ``revenue``: each row is the customer's whole MRR, after discounts, from ``effective_at``
        on. Optional columns: ``currency``; ``status`` (see `STATUSES`); ``discount`` (money a month already
        deducted from ``mrr``) with ``discount_kind`` (``once``, ``repeating`` or ``forever``).
    profile : RevenueProfile
        Decides what counts.

    Returns
    -------
    LazyFrame
        ``customer_id, at, cents`` (Int64: MRR rounded once, half a cent upwards), ``active`` (Int64, 1 while
        a customer) if the table has a status, else a level above 0 means active, and ``currency`` if the
        table has it. Rows after ``study.observed_until`` are left out.

    Raises
    ------
    DataError
        If a status is unknown.
    """
    table = study.table("revenue").filter(nw.col("effective_at") <= nw.lit(study.observed_until))
    names = table.collect_schema().names()
    money = nw.col("mrr")
    if profile.coupons == "forever" and {"discount", "discount_kind"} <= set(names):
        ends = (nw.col("discount_kind") != "forever") & ~nw.col("discount").is_null()
        money = nw.when(ends).then(money + nw.col("discount")).otherwise(money)
    keep = []
    if "currency" in names:
        keep = ["currency"]
    moment = nw.col("effective_at").alias("at")
    columns: list[nw.Expr | str] = [nw.col("customer_id"), moment, _cents(money).alias("cents"), *keep]
    if "status" not in names:
        return table.select(*columns)
    _check_statuses(table)
    return _with_status(table.select(*columns, nw.col("status")), profile, study.observed_until)


def _cents(money: nw.Expr) -> nw.Expr:
    """Whole cents, half a cent upwards on every engine (their own rounding rules differ).

    Amounts too large for 64 bits become one that is refused when they are added up.
    """
    # floor(100 x + 1/2): the same on every engine.
    return (money.clip(upper_bound=_BEYOND) * 100 + 0.5).floor().cast(nw.Int64)


def _check_statuses(table: nw.LazyFrame[Any]) -> None:
    statuses = collect(table.select("status").unique())["status"].dropna()
    unknown = sorted(set(map(str, statuses)) - set(STATUSES))
    if unknown:
        raise DataError(
            "revenue has an unknown status: " + ", ".join(map(repr, unknown[:5])),
            where="table revenue, column status",
            wanted="one of " + ", ".join(STATUSES),
            next_step="map your billing system's words onto these in the study file",
        )


def _with_status(frame: nw.LazyFrame[Any], profile: RevenueProfile, cut: datetime) -> nw.LazyFrame[Any]:
    frame = windowed(frame)
    if profile.past_due_days is not None:
        frame = _end_past_due(frame, profile.past_due_days, cut)
    status, cents = nw.col("status").fill_null("active"), nw.col("cents")
    stays = (status == "active") | (status == "past_due")
    zero = (status == "trial") | (status == "unpaid") | (status == "cancelled")
    paused = status == "paused"
    held = nw.lit(value=False)
    if profile.pause == "kept":
        stays = stays | paused
    else:
        zero = zero | paused
    if profile.pause != "churn":
        held = held | paused
    if profile.free == "contraction":
        held = held | (nw.col("status") == "active")
    frame = frame.with_columns(cents=nw.when(zero).then(nw.lit(0)).otherwise(cents).cast(nw.Int64))
    # Active at a level of 0 only after having paid once.
    paid = nw.col("cents").cum_max().over("customer_id", order_by="at") > 0
    frame = frame.with_columns(paid=paid, held=held)
    active = (nw.col("cents") > 0) | (nw.col("held") & nw.col("paid"))
    return frame.with_columns(
        active=nw.when(active).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)
    ).drop("paid", "held", "status")


def _end_past_due(frame: nw.LazyFrame[Any], days: int, cut: datetime) -> nw.LazyFrame[Any]:
    """Turn what outlasts the grace into ``unpaid``: later rows of the spell, or an added row at its end."""
    late = nw.col("status") == "past_due"
    frame = windowed(frame).with_columns(late=nw.when(late).then(nw.lit(1)).otherwise(nw.lit(0)))
    before = nw.col("late").shift(1).over("customer_id", order_by="at").fill_null(0)
    frame = frame.with_columns(begins=nw.col("late") * (1 - before))
    frame = frame.with_columns(
        spell=nw.col("begins").cum_sum().over("customer_id", order_by="at"),
        following=nw.col("at").shift(-1).over("customer_id", order_by="at"),
    )
    # Grace counts from the first past_due row of the spell.
    since = nw.col("at").min().over("customer_id", "spell", "late")
    frame = frame.with_columns(limit=since + timedelta(days=days))
    late, at, limit = nw.col("late") == 1, nw.col("at"), nw.col("limit")
    dead = nw.when(late & (at >= limit)).then(nw.lit("unpaid")).otherwise(nw.col("status"))
    open_ended = nw.col("following").is_null() | (nw.col("following") > limit)
    ends = frame.filter(late & (at < limit) & open_ended & (limit <= nw.lit(cut)))
    ends = ends.with_columns(at=nw.col("limit"), status=nw.lit("unpaid"))
    extra = ["late", "begins", "spell", "following", "limit"]
    return nw.concat([frame.with_columns(status=dead).drop(*extra), ends.drop(*extra)], how="vertical")


def windowed(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a frame whose engine has ordered windows: PyArrow has none, DuckDB reads its memory as it is."""
    if not frame.implementation.is_pyarrow():
        return frame
    import duckdb

    table = frame.collect("pyarrow").to_native()
    return nw.from_native(duckdb.from_arrow(table)).lazy()


def last_rows(frame: nw.LazyFrame[Any], order: str = "at") -> nw.LazyFrame[Any]:
    """Return the last row of each customer (an ordered ``last`` is what Spark lacks)."""
    following = nw.col(order).shift(-1).over("customer_id", order_by=order)
    rows = windowed(frame).with_columns(following=following)
    return rows.filter(nw.col("following").is_null()).drop("following")


def one_currency(study: Study, levels: nw.LazyFrame[Any], *, next_step: str) -> nw.LazyFrame[Any]:
    """Return levels without their currency, where all are in one: amounts of several are never added up.

    A level without a currency is in the study's; a level of 0 has none.

    Raises
    ------
    DataError
        If levels above 0 are in several currencies.
    """
    if "currency" not in levels.collect_schema().names():
        return levels
    held = collect(levels.filter(nw.col("cents") != 0).select("currency").unique())["currency"]
    home = []
    if study.currency and held.isna().any():
        home = [study.currency]
    currencies = sorted({*map(str, held.dropna()), *home})
    if len(currencies) > 1:
        raise DataError(
            f"revenue is in several currencies: {', '.join(currencies[:10])}",
            where="table revenue, column currency",
            next_step=next_step,
        )
    return levels.drop("currency")


def revenue_moves(
    levels: nw.LazyFrame[Any], profile: RevenueProfile, every: Every, timezone: str
) -> nw.LazyFrame[Any]:
    """Return one row for each change of level that counts, with the level before it.

    Returns
    -------
    LazyFrame
        ``customer_id, period, at, cents, before, change, kind`` (place in `KINDS`; -1 where nothing moved),
        ``standing`` (the level if it is the customer's last one, else 0) and, with currencies, ``currency,
        currency_before``.
    """
    frame = windowed(levels).with_columns(period=period_start(nw.col("at"), every, timezone))
    following = nw.col("period").shift(-1).over("customer_id", order_by="at")
    frame = frame.with_columns(following=following)
    final = nw.col("following").is_null()
    if profile.moves == "period_end":
        frame = frame.filter(final | (nw.col("following") != nw.col("period")))
    standing = nw.when(final).then(nw.col("cents")).otherwise(nw.lit(0)).cast(nw.Int64)
    frame = frame.with_columns(standing=standing).drop("following")
    names = frame.collect_schema().names()
    # The level before a change is the one in force until it; 0 before the first.
    added = {"before": nw.col("cents").shift(1).over("customer_id", order_by="at")}
    if "active" in names:
        added["was_active"] = nw.col("active").shift(1).over("customer_id", order_by="at")
    if "currency" in names:
        added["currency_before"] = nw.col("currency").shift(1).over("customer_id", order_by="at")
    # First moment with a paying level: a later start after a gap is a reactivation, not a new customer.
    since = nw.when(_is_active(names)).then(nw.col("at"))
    frame = frame.with_columns(since=since).with_columns(
        nw.col("since").cum_min().over("customer_id", order_by="at"), **added
    )
    frame = frame.with_columns(nw.col("before").fill_null(0))
    return frame.with_columns(kind=_kind(names), change=nw.col("cents") - nw.col("before"))


def _is_active(names: list[str]) -> nw.Expr:
    if "active" in names:
        return nw.col("active") == 1
    return nw.col("cents") > 0


def _kind(names: list[str]) -> nw.Expr:
    """Kind of a move as its place in `KINDS`, or -1 where nothing moved."""
    now, change = _is_active(names), nw.col("cents") - nw.col("before")
    if "active" in names:
        was = nw.col("was_active").fill_null(0) == 1
    else:
        was = nw.col("before") > 0
    first = nw.col("since") == nw.col("at")
    return (
        nw.when(now & ~was & first)
        .then(nw.lit(KINDS.index("new")))
        .when(now & ~was)
        .then(nw.lit(KINDS.index("reactivation")))
        .when(was & ~now)
        .then(nw.lit(KINDS.index("churn")))
        .when(change > 0)
        .then(nw.lit(KINDS.index("expansion")))
        .when(change < 0)
        .then(nw.lit(KINDS.index("contraction")))
        .otherwise(nw.lit(-1))
    )
