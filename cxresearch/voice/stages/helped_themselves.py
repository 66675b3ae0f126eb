"""Self-service: the share of all requests in which customers helped themselves, and tickets a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.errors import DataError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import WILSON
from cxresearch.stats.models.clustered_covariance import cluster_codes
from cxresearch.voice.stages.stage_entries import days_before_cut
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_METHOD = "linearised ratio, linked within customers"


def self_service_share(study: Study, kinds: Sequence[str], *, window_days: float, level: float) -> Estimate:
    """Return the share of requests of the last days in which customers helped themselves.

    Parameters
    ----------
    study : Study
        With tickets, or events that name a customer.
    kinds : sequence of str
        Channels of tickets and kinds of events that are self-service; every other ticket is help by people.
    window_days, level : float

    Raises
    ------
    DataError
        If none is declared, or nothing was requested.
    """
    if not kinds:
        raise DataError(
            "what is self-service is not declared",
            wanted="channels of tickets, or kinds of events, in which customers help themselves",
            next_step='write [journey] self_service = ["help_centre", "chatbot"] in study.toml',
        )
    rows = pd.concat([_of_tickets(study, kinds), _of_events(study, kinds)], ignore_index=True)
    if rows.empty:
        raise DataError("nobody asked for anything: no tickets and no self-service")
    rows = rows[days_before_cut(study, rows["at"]) > -window_days]
    if not rows["alone"].any():
        raise DataError(f"nobody helped themselves by {listed(kinds)} in the last {window_days:g} days")
    return _share(rows, level)


def _share(rows: pd.DataFrame, level: float) -> Estimate:
    from scipy import stats

    alone = rows["alone"].to_numpy(dtype=np.float64)
    codes = cluster_codes(rows["customer_id"])
    customers = int(codes.max()) + 1
    value = float(alone.mean())
    # Linearised share, clusters are customers: sum of (y - p n) over customers, G / (G - 1).
    sums = np.bincount(codes, weights=alone - value)
    se = float("nan")
    half = float("nan")
    if customers > 1:
        se = float(np.sqrt(customers / (customers - 1) * (sums**2).sum()) / len(alone))
        half = float(stats.t.ppf((1 + level) / 2, customers - 1)) * se
    return Estimate(
        name="Self-service share",
        value=value,
        low=max(value - half, 0.0),
        high=min(value + half, 1.0),
        level=level,
        se=se,
        n=len(alone),
        unit=Unit.SHARE,
        method=_METHOD,
        denominator="requests of customers",
    )


def tickets_a_customer(study: Study, *, window_days: float, level: float) -> tuple[Estimate, Estimate]:
    """Return tickets a customer and year, and the share of customers without any, over the last days.

    Raises
    ------
    DataError
        If there are no tickets that name a customer.
    """
    from scipy import stats

    from cxresearch.stats.intervals.proportions import wilson

    if "tickets" not in study.tables or "customers" not in study.tables:
        raise DataError("tickets a customer want the tables tickets and customers")
    rows = study.table("tickets")
    if "customer_id" not in rows.collect_schema().names():
        raise DataError("tickets name no customers", wanted="a column customer_id")
    tickets = collect(rows.filter(~nw.col("customer_id").is_null()).select("customer_id", "created_at"))
    years, ids = _years(study, window_days)
    recent = tickets[days_before_cut(study, tickets["created_at"]) > -window_days]
    place = ids.get_indexer(pd.Index(recent["customer_id"]))
    # Tickets from before the start or after the end of a customer lie outside the time counted.
    count = np.bincount(place[place >= 0], minlength=len(ids)).astype(np.float64)
    there = years > 0
    count, years = count[there], years[there]
    n = len(count)
    if n < 2 or not count.sum():
        raise DataError(f"no tickets of customers in the last {window_days:g} days")
    value = float(count.sum() / years.sum())
    # Woodruff (1971): customers are independent, tickets over years is a ratio of sums.
    se = float(np.sqrt(n / (n - 1) * ((count - value * years) ** 2).sum()) / years.sum())
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * se
    none = int((count == 0).sum())
    bounds = wilson(none, n, level=level)
    shared: dict[str, Any] = {"level": level, "n": n, "denominator": "customers there in the window"}
    rate = Estimate(
        name="Tickets a customer and year",
        value=value,
        low=max(value - half, 0.0),
        high=value + half,
        se=se,
        unit=Unit.RATIO,
        method="linearised ratio",
        **shared,
    )
    quiet = Estimate(
        name="Customers without a ticket",
        value=none / n,
        low=float(bounds.low),
        high=float(bounds.high),
        se=float("nan"),
        unit=Unit.SHARE,
        method=WILSON,
        **shared,
    )
    return rate, quiet


def _years(study: Study, window_days: float) -> tuple[np.ndarray[Any, Any], pd.Index[Any]]:
    """Years each customer was there within the last days."""
    rows = study.table("customers")
    present = rows.collect_schema().names()
    columns = [name for name in ("customer_id", "started_at", "ended_at") if name in present]
    people = collect(rows.select(columns))
    start = np.maximum(days_before_cut(study, people["started_at"]), -window_days)
    end = np.zeros(len(people))
    if "ended_at" in people:
        over = days_before_cut(study, people["ended_at"])
        end = np.where(np.isnan(over), 0.0, np.minimum(over, 0.0))
    return np.maximum(end - start, 0.0) / 365.25, pd.Index(people["customer_id"])


def _nothing() -> pd.DataFrame:
    columns: dict[str, Any] = {"customer_id": object, "at": "datetime64[us]", "alone": bool}
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


def _of_tickets(study: Study, kinds: Sequence[str]) -> pd.DataFrame:
    if "tickets" not in study.tables:
        return _nothing()
    rows = study.table("tickets")
    columns = rows.collect_schema().names()
    if "customer_id" not in columns:
        return _nothing()
    channel = nw.lit("")
    if "channel" in columns:
        channel = nw.col("channel")
    rows = rows.filter(~nw.col("customer_id").is_null())
    tickets = collect(rows.select("customer_id", at="created_at", channel=channel))
    return tickets.assign(alone=tickets["channel"].isin(list(kinds))).drop(columns="channel")


def _of_events(study: Study, kinds: Sequence[str]) -> pd.DataFrame:
    if "events" not in study.tables:
        return _nothing()
    rows = study.table("events")
    if "customer_id" not in rows.collect_schema().names():
        return _nothing()
    rows = rows.filter(nw.col("kind").is_in(list(kinds)) & ~nw.col("customer_id").is_null())
    return collect(rows.select("customer_id", at="occurred_at")).assign(alone=True)
