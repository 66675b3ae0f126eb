"""From subscriptions with a start and an end to the levels of recurring revenue a study holds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cxresearch.checks import as_numbers
from cxresearch.data.engine import collect, lazy
from cxresearch.errors import DataError
from cxresearch.metrics.revenue.revenue_ledger import whole_cents

_NEEDED = ("customer_id", "started_at", "ended_at", "mrr")


def levels_from_subscriptions(subscriptions: Any) -> pd.DataFrame:
    """Return the revenue table of a firm that sells several subscriptions to a customer.

    Parameters
    ----------
    subscriptions : frame
        pandas, Polars, PyArrow, DuckDB or PySpark, one row a subscription: ``customer_id, started_at,
        ended_at`` (missing while it runs; revenue counts up to that moment), ``mrr`` (see `monthly_amount`
        for annual prices), optionally ``currency`` (missing ones are one currency, of their own). Trials
        should have an MRR of 0. Only an end and a currency may be missing.

    Returns
    -------
    DataFrame
        ``customer_id, effective_at, mrr``, and ``currency`` if the subscriptions have it: the customer's
        whole MRR from each change on, in whole cents; changes that cancel out at one moment are left out.
        Ready for ``Study.from_frames({"revenue": ...})``.

    Raises
    ------
    DataError
        If a column is missing, a customer, a start or an amount is missing, an amount is negative or 90
        trillion and more, an end lies before its start, or a customer has subscriptions in several
        currencies: those are never added up.
    ArgumentError
        If an amount is not a number.

    Examples
    --------
    >>> rows = pd.DataFrame(
    ...     {
    ...         "customer_id": ["a", "a"],
    ...         "started_at": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...         "ended_at": pd.to_datetime(["2024-03-01", None]),
    ...         "mrr": [10.0, 5.0],
    ...     }
    ... )
    >>> levels_from_subscriptions(rows)["mrr"].tolist()
    [10.0, 15.0, 5.0]
    """
    frame = lazy(subscriptions)
    missing = [name for name in _NEEDED if name not in frame.collect_schema().names()]
    if missing:
        raise DataError(f"subscriptions lack {missing}", wanted="columns " + ", ".join(_NEEDED))
    money = [name for name in ("currency",) if name in frame.collect_schema().names()]
    rows = collect(frame.select(*_NEEDED, *money))
    rows["mrr"] = as_numbers("mrr", rows["mrr"], missing=True)
    wrong = rows["mrr"].isna() | (rows["mrr"] < 0) | rows["started_at"].isna() | rows["customer_id"].isna()
    wrong |= rows["ended_at"] < rows["started_at"]
    if wrong.any():
        raise DataError(
            f"{int(wrong.sum()):,} subscriptions have no customer, no start, an earlier end or no MRR",
            where=f"first at row position {int(wrong.to_numpy().argmax())}",
        )
    rows["customer_id"] = rows["customer_id"].astype(str)
    cents = whole_cents(rows["mrr"] * 100)
    parts = [
        pd.DataFrame(
            {
                "customer_id": rows["customer_id"],
                "effective_at": rows[when],
                "cents": sign * cents,
            }
        )
        for when, sign in (("started_at", 1), ("ended_at", -1))
    ]
    changes = pd.concat(parts, ignore_index=True).dropna(subset="effective_at")
    steps = changes.groupby(["customer_id", "effective_at"], as_index=False)["cents"].sum()
    # A level is the sum of all starts less all ends so far.
    steps["mrr"] = steps.groupby("customer_id")["cents"].cumsum() / 100
    first = ~steps["customer_id"].duplicated()
    # A switch between equal plans is two rows at one moment that add up to nothing: no move.
    kept = steps[first | (steps["cents"] != 0)]
    levels: pd.DataFrame = kept[["customer_id", "effective_at", "mrr"]].reset_index(drop=True)
    if money:
        levels["currency"] = levels["customer_id"].map(_currency_of(rows))
    return levels


def _currency_of(rows: pd.DataFrame) -> pd.Series:
    """Return the one currency of each customer; a missing one is one too."""
    paid = rows[rows["mrr"] > 0].drop_duplicates(["customer_id", "currency"])
    mixed = paid.loc[paid["customer_id"].duplicated(), "customer_id"]
    if len(mixed):
        raise DataError(
            f"{mixed.nunique():,} customers have subscriptions in several currencies",
            where=f"first customer {mixed.iloc[0]!r}",
            next_step="convert them, or give each currency a customer of its own",
        )
    return paid.set_index("customer_id")["currency"]
