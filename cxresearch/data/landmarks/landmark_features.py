"""Features of a customer at a landmark, read from `Past` alone. Names carry their window and unit.

Counts are 0 where nothing happened, if the table had begun before the window did; else missing. Ratios with
nothing below the line are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import narwhals as nw

from cxresearch.data.engine import minutes_between
from cxresearch.data.landmarks.known_by_then import Past
from cxresearch.scales import Scale

Frame = nw.LazyFrame[Any]
_ID = "customer_id"


class Part(NamedTuple):
    """Some features of every customer who has any.

    Attributes
    ----------
    frame : LazyFrame
        One row a customer.
    names : tuple of str
        The features, in order.
    zero : tuple of str
        Those that are 0 for a customer without a row.
    ages : mapping of str to str
        Features that are the days since a moment, with the column that holds the moment.
    ahead : mapping of str to str
        Features that are the days until a moment, likewise.
    also : tuple of str
        Further columns needed.
    """

    frame: Frame
    names: tuple[str, ...]
    zero: tuple[str, ...] = ()
    ages: Mapping[str, str] = MappingProxyType({})
    ahead: Mapping[str, str] = MappingProxyType({})
    also: tuple[str, ...] = ()

    @property
    def fetched(self) -> tuple[str, ...]:
        """Columns of ``frame`` to fetch."""
        moments = {**self.ages, **self.ahead}
        return (*(moments.get(name, name) for name in self.names), *self.also)


def feature_parts(past: Past) -> Iterator[Part]:
    """Yield the features that the tables of the study allow, besides those of `scores`."""
    if past.has("revenue"):
        yield _revenue(past)
    if past.has("revenue", "due_at"):
        yield _renewal(past)
    if past.has("tickets", "customer_id"):
        yield _tickets(past)
    if past.has("usage"):
        yield _usage(past)
    if past.has("orders"):
        yield _orders(past)
    if past.has("responses", "sent_at"):
        yield _invitations(past)


def scores(past: Past, instruments: Mapping[str, Scale], *, features: bool) -> Part:
    """Return the latest answers, of any age, as ``<instrument>`` and the moments as ``_<instrument>_at``.

    Of several answers at one instant the unhappiest counts, whatever the order of the rows. With ``features``
    also ``<instrument>_previous`` (at the instant before the latest), ``answers_365d, days_since_answer``.
    Where the study maps weights, those of the latest answers as ``<instrument>_weight`` (the largest of
    several at one instant).
    """
    maxima, signed, previous, weights = {}, {}, [], []
    weighed = past.has("responses", "weight")
    for name, scale in instruments.items():
        mine, rank = nw.col("instrument") == name, nw.col("_rank")
        maxima[f"_{name}_at"] = nw.when(mine).then(nw.col("responded_at"))
        maxima[name] = nw.when(mine & (rank == 1)).then(nw.col("risk"))
        signed[name] = nw.col(name) * scale.risk_sign
        if weighed:
            weights.append(f"{name}_weight")
            maxima[weights[-1]] = nw.when(mine & (rank == 1)).then(nw.col("weight"))
        if features:
            previous.append(f"{name}_previous")
            maxima[previous[-1]] = nw.when(mine & (rank == 2)).then(nw.col("risk"))
            signed[previous[-1]] = nw.col(previous[-1]) * scale.risk_sign
    counts = {}
    names: tuple[str, ...] = ()
    if features:
        counts["answers_365d"] = _one(past.within("responded_at", 365))
        names = (*previous, "answers_365d", "days_since_answer")
    marked = _ranked(past, instruments).select(_ID, "responded_at", **maxima, **counts)
    found = marked.group_by(_ID).agg(
        nw.col(*maxima).max(), nw.col("responded_at").max(), *(nw.col(name).sum() for name in counts)
    )
    return Part(
        found.with_columns(**signed),
        names,
        tuple(counts),
        {"days_since_answer": "responded_at"},
        also=(*(column for name in instruments for column in (name, f"_{name}_at")), *weights),
    )


def _ranked(past: Past, instruments: Mapping[str, Scale]) -> Frame:
    """Answers with ``risk``, high for an unhappy customer on any scale, and ``_rank``, 1 for the latest."""
    low_is_good = [name for name, scale in instruments.items() if scale.risk_sign > 0]
    score, instrument = nw.col("score"), nw.col("instrument")
    # The happy end of every scale is low: -score where high is good, so that the highest risk is the maximum.
    risk = -score
    if low_is_good:
        risk = nw.when(instrument.is_in(low_is_good)).then(score).otherwise(-score)
    rows = past.answers().filter(instrument.is_in(list(instruments)))
    rank = nw.col("responded_at").rank("dense", descending=True).over(_ID, "instrument")
    weight = [name for name in ("weight",) if past.has("responses", name)]
    return rows.select(_ID, "instrument", "responded_at", *weight, risk=risk, _rank=rank)


def _invitations(past: Past) -> Part:
    rows = past.invitations().filter(past.within("sent_at", 365)).with_columns(_sent=nw.lit(1.0))
    found = rows.group_by(_ID).agg(
        invitations_365d=nw.col("_sent").sum(), response_rate_365d=nw.col("answered").mean()
    )
    return Part(found, ("invitations_365d", "response_rate_365d"), ("invitations_365d",))


def _revenue(past: Past) -> Part:
    now = level_in_force(past.revenue(), "mrr")
    before = level_in_force(past.revenue(days_ago=90), "_mrr_before")
    change = nw.when(nw.col("_mrr_before") > 0).then(nw.col("mrr") / nw.col("_mrr_before") - 1)
    found = now.join(before, on=_ID, how="left").select(_ID, "mrr", mrr_change_90d_share=change)
    return Part(found, ("mrr", "mrr_change_90d_share"))


def _renewal(past: Past) -> Part:
    """Days to the next renewal that the levels booked by now announce; missing where none lies ahead."""
    rows = past.revenue().filter(nw.col("due_at") > past.at)
    found = rows.group_by(_ID).agg(nw.col("due_at").min())
    return Part(found, ("days_to_renewal",), ahead={"days_to_renewal": "due_at"})


def level_in_force(rows: Frame, name: str) -> Frame:
    """Return the level in force of each customer: that of the latest row, of several at once the highest."""
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
        # Only what was resolved by the landmark has a known time to resolve: an open ticket is censored.
        lately = past.within("resolved_at", 90)
        sums["unresolved_tickets"] = _one(resolved.is_null())
        took = minutes_between(created, resolved) / 1_440  # a day has 1,440 minutes
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
    return Part(found, (*sums, *means), _zeros(past, "tickets", 90, tuple(sums)))


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
    # Nested sums to disjoint periods: (30, 60] = S60 - S30, (60, 90] = S90 - S60.
    last, before, first = nw.col("_30"), nw.col("_60") - nw.col("_30"), nw.col("_90") - nw.col("_60")
    found = sums.select(
        _ID,
        usage_30d=last,
        usage_change_30d_share=nw.when(before > 0).then(last / before - 1),
        # Least squares over three points at -60, -30, 0: slope = (y3 - y1) / 60, y a mean over 30 days.
        usage_slope_90d=(last - first) / (30 * 60),
        _used_at=nw.col("used_at"),
    )
    names = ("usage_30d", "usage_change_30d_share", "usage_slope_90d", "days_since_usage")
    zero = _zeros(past, "usage", 90, ("usage_30d", "usage_slope_90d"))
    return Part(found, names, zero, {"days_since_usage": "_used_at"})


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
    zero = _zeros(past, "orders", 365, counts)
    return Part(sums, (*counts, "days_since_order"), zero, {"days_since_order": "ordered_at"})


def _zeros(past: Past, table: str, days: float, names: tuple[str, ...]) -> tuple[str, ...]:
    """Counts that are 0 for a customer without a row; missing where the table began within the window."""
    if past.covers(table, days):
        return names
    return ()


def _one(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
