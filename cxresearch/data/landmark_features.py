"""Features of a customer at a landmark, read from `Past` alone. Names carry their window and unit.

Counts are 0 where nothing happened, if the table had begun before the window did; else missing. Ratios with
nothing below the line are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import narwhals as nw

from cxresearch.data.engine import minutes_between
from cxresearch.data.past import Past
from cxresearch.scales import Scale

Frame = nw.LazyFrame[Any]
_ID = "customer_id"


class Part(NamedTuple):
    """Some features: a frame with one row a customer, the features' names, and those that are 0 if absent."""

    frame: Frame
    names: tuple[str, ...]
    zero: tuple[str, ...] = ()


def feature_parts(past: Past) -> Iterator[Part]:
    """Yield the features that the tables of the study allow, besides those of `scores`."""
    if past.has("revenue"):
        yield _revenue(past)
    if past.has("tickets", "customer_id"):
        yield _tickets(past)
    if past.has("usage"):
        yield _usage(past)
    if past.has("orders"):
        yield _orders(past)
    if past.has("responses", "sent_at"):
        yield _invitations(past)


def scores(past: Past, instruments: Mapping[str, Scale], *, features: bool) -> Part:
    """Return the latest answers and their ages: ``<instrument>`` and ``<instrument>_age_days``, at any age.

    Of several answers at one instant the unhappiest counts, whatever the order of the rows. With
    ``features`` also ``<instrument>_previous`` (the answer at the instant before the latest),
    ``answers_365d`` and ``days_since_answer``.
    """
    rows = _ranked(past, instruments)
    maxima, found, names = {}, {}, []
    for name, scale in instruments.items():
        mine, rank = nw.col("instrument") == name, nw.col("_rank")
        maxima[f"_{name}_at"] = nw.when(mine).then(nw.col("responded_at"))
        maxima[name] = nw.when(mine & (rank == 1)).then(nw.col("risk"))
        found[name] = nw.col(name) * scale.risk_sign
        found[f"{name}_age_days"] = past.age_days(nw.col(f"_{name}_at"))
        if features:
            maxima[f"{name}_previous"] = nw.when(mine & (rank == 2)).then(nw.col("risk"))
            found[f"{name}_previous"] = nw.col(f"{name}_previous") * scale.risk_sign
            names.append(f"{name}_previous")
    sums = {"answers_365d": _one(past.within("responded_at", 365))} if features else {}
    marked = rows.select(_ID, "responded_at", **maxima, **sums)
    grouped = marked.group_by(_ID).agg(
        nw.col("responded_at", *maxima).max(), *(nw.col(name).sum() for name in sums)
    )
    if features:
        found["answers_365d"] = nw.col("answers_365d")
        found["days_since_answer"] = past.age_days(nw.col("responded_at"))
        names += ["answers_365d", "days_since_answer"]
    return Part(grouped.select(_ID, **found), tuple(names), tuple(sums))


def _ranked(past: Past, instruments: Mapping[str, Scale]) -> Frame:
    """Answers with ``risk``, high for an unhappy customer on any scale, and ``_rank``, 1 for the latest."""
    low_is_good = [name for name, scale in instruments.items() if scale.risk_sign > 0]
    score, instrument = nw.col("score"), nw.col("instrument")
    risk = nw.when(instrument.is_in(low_is_good)).then(score).otherwise(-score) if low_is_good else -score
    rows = past.answers().filter(instrument.is_in(list(instruments)))
    rank = nw.col("responded_at").rank("dense", descending=True).over(_ID, "instrument")
    return rows.select(_ID, "instrument", "responded_at", risk=risk, _rank=rank)


def _invitations(past: Past) -> Part:
    rows = past.invitations().filter(past.within("sent_at", 365)).with_columns(_sent=nw.lit(1.0))
    found = rows.group_by(_ID).agg(
        invitations_365d=nw.col("_sent").sum(), response_rate_365d=nw.col("answered").mean()
    )
    return Part(found, ("invitations_365d", "response_rate_365d"), ("invitations_365d",))


def _revenue(past: Past) -> Part:
    now = _level(past.revenue(), "mrr")
    before = _level(past.revenue(days_ago=90), "_mrr_before")
    change = nw.when(nw.col("_mrr_before") > 0).then(nw.col("mrr") / nw.col("_mrr_before") - 1)
    found = now.join(before, on=_ID, how="left").select(_ID, "mrr", mrr_change_90d_share=change)
    return Part(found, ("mrr", "mrr_change_90d_share"))


def _level(rows: Frame, name: str) -> Frame:
    """The level in force: that of the latest row, of several at one instant the highest."""
    last = rows.group_by(_ID).agg(nw.col("effective_at").max())
    current = rows.join(last, on=[_ID, "effective_at"], how="inner")
    return current.group_by(_ID).agg(nw.col("mrr").max().alias(name))


def _tickets(past: Past) -> Part:
    """Load, open work and speed, as far as known; only a ticket resolved by now has its totals known."""
    created, resolved = nw.col("created_at"), nw.col("resolved_at")
    sums, means = {"tickets_90d": _one(past.within("created_at", 90))}, {}
    rows = past.tickets()
    columns = rows.collect_schema().names()
    if "resolved_at" in columns:
        lately = past.within("resolved_at", 90)
        sums["unresolved_tickets"] = _one(resolved.is_null())
        took = minutes_between(created, resolved) / 1_440
        means["resolution_days_90d_mean"] = nw.when(lately & (resolved >= created)).then(took)
        if "reopens" in columns:
            sums["reopened_90d"] = _one(lately & (nw.col("reopens") > 0))
        if "replies" in columns:
            means["replies_90d_mean"] = nw.when(lately).then(nw.col("replies"))
    if "first_replied_at" in columns:
        replied = nw.col("first_replied_at")
        fresh = past.within("created_at", 90) & (replied >= created)
        means["first_reply_minutes_90d_mean"] = nw.when(fresh).then(minutes_between(created, replied))
    marked = rows.select(_ID, *(column.alias(name) for name, column in (sums | means).items()))
    found = marked.group_by(_ID).agg(
        *(nw.col(name).sum() for name in sums), *(nw.col(name).mean() for name in means)
    )
    return Part(found, (*sums, *means), tuple(sums) if past.covers("tickets", 90) else ())


def _usage(past: Past) -> Part:
    """Use in the last 30 days, against the 30 before, and the least-squares slope over three times 30 days.

    The slope is in units of quantity a day, a day; over three equal periods it is the last minus the first.
    """
    quantity = nw.col("quantity")
    spans = {
        days: nw.when(past.within("used_at", days)).then(quantity).otherwise(nw.lit(0.0))
        for days in (30, 60, 90)
    }
    rows = past.usage().select(_ID, "used_at", *(span.alias(f"_{days}") for days, span in spans.items()))
    sums = rows.group_by(_ID).agg(nw.col("_30", "_60", "_90").sum(), nw.col("used_at").max())
    last, before, first = nw.col("_30"), nw.col("_60") - nw.col("_30"), nw.col("_90") - nw.col("_60")
    found = sums.select(
        _ID,
        usage_30d=last,
        usage_change_30d_share=nw.when(before > 0).then(last / before - 1),
        usage_slope_90d=(last - first) / (30 * 60),
        days_since_usage=past.age_days(nw.col("used_at")),
    )
    names = ("usage_30d", "usage_change_30d_share", "usage_slope_90d", "days_since_usage")
    return Part(found, names, ("usage_30d", "usage_slope_90d") if past.covers("usage", 90) else ())


def _orders(past: Past) -> Part:
    lately = past.within("ordered_at", 365)
    rows = past.orders().select(
        _ID,
        "ordered_at",
        orders_365d=_one(lately),
        order_amount_365d=nw.when(lately).then(nw.col("amount")).otherwise(nw.lit(0.0)),
    )
    sums = rows.group_by(_ID).agg(
        nw.col("orders_365d").sum(), nw.col("order_amount_365d").sum(), nw.col("ordered_at").max()
    )
    counts = ("orders_365d", "order_amount_365d")
    found = sums.select(_ID, *counts, days_since_order=past.age_days(nw.col("ordered_at")))
    return Part(found, (*counts, "days_since_order"), counts if past.covers("orders", 365) else ())


def _one(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
