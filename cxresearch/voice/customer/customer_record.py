"""What is on record of one customer, in order of time: answers, tickets, money, orders, events, use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cxresearch.data.study import Study

#: Columns of a record: when, from which table, what happened, how it felt, a number if there is one, and what
#: the customer wrote.
RECORD_COLUMNS = ("at", "source", "what", "mood", "value", "words")

Rows = list[dict[str, Any]]


def rows_of_customer(study: Study, table: str, customer_id: str) -> pd.DataFrame:
    """Return the rows of a table about one customer; empty if there are none or no such table."""
    if table not in study.tables:
        return pd.DataFrame()
    rows = study.table(table)
    if "customer_id" not in rows.collect_schema().names():
        return pd.DataFrame()
    return collect(rows.filter(nw.col("customer_id") == customer_id))


def customer_record(study: Study, customer_id: str) -> pd.DataFrame:
    """Return what is on record of a customer up to the data cut, oldest first.

    Parameters
    ----------
    study : Study
    customer_id : str

    Returns
    -------
    DataFrame
        Columns ``at`` (naive UTC), ``source`` (``relation, answer, ticket, revenue, order, event, company``),
        ``what`` (words), ``mood`` (``happy, unhappy`` or empty), ``value`` (the score, the MRR, the amount;
        NaN where there is none) and ``words`` (comment, subject; empty without). Use is left out: see
        `weeks_of_use`.
    """
    readers: tuple[Callable[[Study, str], Iterable[dict[str, Any]]], ...] = (
        _relation,
        _answers,
        _tickets,
        _revenue,
        _orders,
        _events,
    )
    rows = [row for reader in readers for row in reader(study, customer_id)]
    record = pd.DataFrame(rows, columns=list(RECORD_COLUMNS))
    record["at"] = pd.to_datetime(record["at"])
    record["value"] = record["value"].astype(float)
    record[["mood", "words"]] = record[["mood", "words"]].fillna("").astype(str)
    record = record[record["at"].notna() & (record["at"] <= study.observed_until)]
    # what happened at the same moment keeps the order of the readers: joining before answering
    return record.sort_values("at", kind="stable", ignore_index=True)


def weeks_of_use(study: Study, customer_id: str) -> pd.DataFrame:
    """Return the use of a customer by week: ``week`` (its first day), ``quantity`` (0 without use)."""
    rows = rows_of_customer(study, "usage", customer_id)
    if not len(rows):
        return pd.DataFrame({"week": pd.Series(dtype="datetime64[ns]"), "quantity": pd.Series(dtype=float)})
    quantity = pd.Series(1.0, index=rows.index)
    if "quantity" in rows:
        quantity = rows["quantity"].fillna(1.0)
    used = pd.Series(quantity.to_numpy(float), index=pd.DatetimeIndex(rows["used_at"])).sort_index()
    weekly = used.resample("W-MON", label="left", closed="left").sum()
    return pd.DataFrame({"week": weekly.index, "quantity": weekly.to_numpy()})


def _row(
    at: Any, source: str, what: str, *, mood: str = "", value: Any = None, words: Any = ""
) -> dict[str, Any]:
    return {"at": at, "source": source, "what": what, "mood": mood, "value": value, "words": words}


def _text(row: Any, *columns: str) -> str:
    """The texts of a row that are there, in brackets: `` (billing, mail)``."""
    texts = [str(row[name]) for name in columns if name in row and not pd.isna(row[name])]
    if not texts:
        return ""
    return f" ({', '.join(texts)})"


def _relation(study: Study, customer_id: str) -> Rows:
    rows: Rows = []
    for _, row in rows_of_customer(study, "customers", customer_id).iterrows():
        rows.append(_row(row["started_at"], "relation", "became a customer"))
        if "notice_at" in row:
            rows.append(_row(row["notice_at"], "relation", "gave notice"))
        if "ended_at" in row:
            rows.append(_row(row["ended_at"], "relation", "left" + _text(row, "end_kind", "reason")))
    return rows


def _answers(study: Study, customer_id: str) -> Rows:
    rows: Rows = []
    for _, row in rows_of_customer(study, "responses", customer_id).iterrows():
        scale = study.instruments.get(str(row["instrument"]))
        label = str(row["instrument"])
        if scale is not None:
            label = scale.label
        if pd.isna(row["score"]):
            rows.append(_row(row.get("sent_at"), "answer", f"was asked {label}, did not answer"))
            continue
        mood = ""
        if scale is not None and row["score"] in scale.top:
            mood = "happy"
        if scale is not None and row["score"] in scale.bottom:
            mood = "unhappy"
        what = f"{label} {row['score']:g}" + _text(row, "touchpoint", "channel")
        rows.append(
            _row(
                row["responded_at"],
                "answer",
                what,
                mood=mood,
                value=row["score"],
                words=row.get("comment", ""),
            )
        )
    return rows


def _tickets(study: Study, customer_id: str) -> Rows:
    rows: Rows = []
    for _, row in rows_of_customer(study, "tickets", customer_id).iterrows():
        what = "ticket opened" + _text(row, "category", "channel")
        rows.append(_row(row["created_at"], "ticket", what, words=row.get("subject", "")))
        resolved = row.get("resolved_at")
        if resolved is not None and not pd.isna(resolved):
            hours = (resolved - row["created_at"]).total_seconds() / 3_600
            what = f"ticket resolved after {format_value(hours, Unit.HOURS)}"
            rows.append(_row(resolved, "ticket", what, value=hours))
    return rows


def _revenue(study: Study, customer_id: str) -> Rows:
    levels = rows_of_customer(study, "revenue", customer_id)
    if not len(levels):
        return []
    rows: Rows = []
    levels = levels.sort_values("effective_at", kind="stable")
    # levels of two subscriptions or currencies are no moves of one another
    keys = [name for name in ("subscription_id", "currency") if name in levels]
    before = pd.Series(float("nan"), index=levels.index)
    if keys:
        before = levels.groupby(keys, dropna=False)["mrr"].shift()
    else:
        before = levels["mrr"].shift()
    for (_, row), previous in zip(levels.iterrows(), before, strict=True):
        # rows repeat a level in many exports; only its changes happened
        if row["mrr"] == previous:
            continue
        unit = row["currency"] if "currency" in row and not pd.isna(row["currency"]) else study.currency
        amount = f"{format_value(float(row['mrr']), Unit.MONEY)} {unit or ''}".rstrip()
        what = f"pays {amount} a month" + _text(row, "plan")
        if row["mrr"] == 0:
            what = "pays nothing from now on"
        rows.append(_row(row["effective_at"], "revenue", what, value=row["mrr"]))
    return rows


def _orders(study: Study, customer_id: str) -> Rows:
    return [
        _row(
            row["ordered_at"],
            "order",
            f"ordered for {format_value(float(row['amount']), Unit.MONEY)} {study.currency}".rstrip(),
            value=row["amount"],
        )
        for _, row in rows_of_customer(study, "orders", customer_id).iterrows()
    ]


def _events(study: Study, customer_id: str) -> Rows:
    """Events of the customer, and those of the whole company while they were a customer."""
    if "events" not in study.tables:
        return []
    rows = study.table("events")
    if "customer_id" in rows.collect_schema().names():
        who = nw.col("customer_id")
        rows = rows.filter((who == customer_id) | who.is_null())
    events = collect(rows)
    if "customer_id" not in events:
        events["customer_id"] = None
    started = rows_of_customer(study, "customers", customer_id)["started_at"].min()
    record: Rows = []
    for _, row in events.iterrows():
        what = str(row["kind"]).replace("_", " ") + _text(row, "reason", "note")
        if not pd.isna(row["customer_id"]):
            record.append(_row(row["occurred_at"], "event", what))
        # what befell the company before they joined did not befall them
        elif row["occurred_at"] >= started:
            record.append(_row(row["occurred_at"], "company", what))
    return record
