"""Customers there in a window, what they pay, and the share of both that is heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.metrics.base.cell_estimates import shares
from cxresearch.metrics.revenue.revenue_levels import last_rows, one_currency, revenue_levels
from cxresearch.metrics.revenue.revenue_profiles import revenue_profile
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.proportions import WILSON
from cxresearch.stats.intervals.ratio import RATIO_METHOD, linearised_ratios

if TYPE_CHECKING:
    from cxresearch.data.study import Study


@dataclass(frozen=True, kw_only=True)
class CustomersThere:
    """Customers there on any day of the window, with what they pay at the data cut, in cents."""

    customers: pd.DataFrame | None
    paid: bool

    @property
    def n(self) -> int:
        """Number of customers; 0 where the study has no table of them."""
        if self.customers is None:
            return 0
        return len(self.customers)

    def of(self, heard: pd.DataFrame) -> pd.DataFrame:
        """Rows of customers heard that are among these, with ``cents``."""
        if self.customers is None:
            return heard.assign(cents=np.nan).iloc[:0]
        return heard.merge(self.customers, on="customer_id", how="inner")


def customers_there_in(study: Study, window_days: float) -> CustomersThere:
    """Customers who were there within the window, and their recurring revenue at the data cut."""
    if "customers" not in study.tables:
        return CustomersThere(customers=None, paid=False)
    rows = study.table("customers")
    cut = study.observed_until
    there = nw.col("started_at") <= nw.lit(cut)
    if "ended_at" in rows.collect_schema().names():
        ended = nw.col("ended_at") <= nw.lit(cut - timedelta(days=window_days))
        there = there & (nw.col("ended_at").is_null() | ~ended)
    people = collect(rows.filter(there).select("customer_id"))
    if "revenue" not in study.tables:
        return CustomersThere(customers=people.assign(cents=np.nan), paid=False)
    money = revenue_levels(study, revenue_profile("cxresearch"))
    money = one_currency(study, money, next_step="keep the rows of one currency, or convert them")
    money = money.filter(nw.col("at") <= nw.lit(cut))
    # The level in force at the cut is the customer's last one; who has none pays nothing.
    last = collect(last_rows(money).select("customer_id", "cents"))
    cents = last.set_index("customer_id")["cents"].reindex(people["customer_id"]).fillna(0)
    people = people.assign(cents=cents.to_numpy(dtype=float))
    return CustomersThere(customers=people, paid=bool(cents.sum() > 0))


def revenue_shares(cells: pd.DataFrame, base: CustomersThere, level: float) -> pd.DataFrame:
    """Share of what all customers pay that is paid by those heard: one ratio of sums a cell."""
    size = len(cells)
    if base.customers is None or not base.paid:
        return pd.DataFrame({name: np.full(size, np.nan) for name in ("value", "low", "high", "se")})
    cents = base.customers["cents"].to_numpy()
    # x = what a customer pays if heard, else 0; s = what the customer pays: x^2 = x s, and x^2 / s = x.
    return linearised_ratios(
        x=cells["cents"],
        s=np.full(size, cents.sum()),
        xx=cells["squares"],
        xs=cells["squares"],
        ss=np.full(size, (cents**2).sum()),
        n=np.full(size, int((cents > 0).sum())),
        relative=cells["cents"],
        level=level,
    )


def share_of_customers(asked: pd.DataFrame, base: CustomersThere, level: float) -> Estimate:
    """Share of the customers there in the window who answered anything."""
    answered = asked.loc[asked["answered"] > 0, ["customer_id"]].dropna().drop_duplicates()
    number = len(base.of(answered))
    share = shares(np.array([float(number)]), np.array([float(base.n)]), level)
    note = ""
    if base.customers is None:
        note = "the study has no table of customers"
    return Estimate(
        name="Customers heard",
        value=float(share["value"][0]),
        low=float(share["low"][0]),
        high=float(share["high"][0]),
        se=float(share["se"][0]),
        level=level,
        n=base.n,
        unit=Unit.SHARE,
        method=WILSON,
        denominator="customers there in the window",
        note=note,
    )


def share_of_revenue(asked: pd.DataFrame, base: CustomersThere, level: float) -> Estimate:
    """Share of the recurring revenue at the data cut paid by customers who answered anything."""
    answered = asked.loc[asked["answered"] > 0, ["customer_id"]].dropna().drop_duplicates()
    cents = base.of(answered)["cents"]
    sums = pd.DataFrame({"cents": [cents.sum()], "squares": [(cents**2).sum()]})
    share = revenue_shares(sums, base, level).iloc[0]
    note, payers = "", 0
    if base.customers is None or not base.paid:
        note = "the study has no recurring revenue at the data cut"
    else:
        payers = int((base.customers["cents"] > 0).sum())
    return Estimate(
        name="Recurring revenue heard",
        value=float(share["value"]),
        low=float(share["low"]),
        high=float(share["high"]),
        se=float(share["se"]),
        level=level,
        n=payers,
        unit=Unit.SHARE,
        method=RATIO_METHOD,
        denominator="customers who pay at the data cut",
        note=note,
    )
