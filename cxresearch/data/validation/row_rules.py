"""Rules that rows must keep: each row is valid or names the first rule it breaks; none is repaired or lost.

Rules are Narwhals expressions, so the same ones run on DuckDB and on Spark. A *reject* contradicts itself,
its instrument, the data cut or the customers. A *flag* is a doubt worth counting (a ticket before sign-up):
the row stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any

import narwhals as nw

from cxresearch.data.table_layouts import END_KINDS, LAYOUTS, SNAPSHOT
from cxresearch.data.validation.outcome_names import status_words
from cxresearch.data.validation.ticket_statuses import REOPENED, says
from cxresearch.scales import Scale
from cxresearch.wording import only_if

#: What each rule means, in words a report can print.
RULES: Mapping[str, str] = MappingProxyType(
    {
        "not_a_number": "a value that is not a number where one is wanted",
        "not_a_time": "a value that is not a date or time in the declared format",
        "ambiguous_date": "a date that reads two ways and has no declared format",
        "time_too_early": "a time before 1901: a year of two digits, or a stand-in for no value",
        "missing_value": "no value in a required column",
        "duplicate_customer": "a customer_id that occurs more than once",
        "duplicate_row": "an id that occurred before; the first row with it is kept",
        "end_before_start": "an end before the start",
        "unknown_status": "a status that does not say whether a subscription is paid (active, trial, unpaid "
        "or cancelled): map it with values",
        "cancelled_without_end": "a subscription said to be cancelled, without its end",
        "two_ends": "a customer who is more than once in the list of leavers",
        "unknown_interval": "an amount for an interval that is not known, or times no number",
        "unknown_end_kind": "an end_kind other than voluntary or involuntary",
        "end_kind_without_end": "an end_kind without ended_at",
        "unknown_customer": "a customer_id that is not among the customers",
        "rejected_customer": "a customer whose own row was set aside",
        "unknown_left": "a value of left that says neither yes nor no: map it with values",
        "unknown_instrument": "an instrument without a declared scale",
        "missing_score": "no score, and no sent_at that would make it a non-response",
        "score_out_of_scale": "a score outside the scale of its instrument",
        "score_not_whole": "a score that is not a whole number",
        "answer_before_invitation": "an answer before it was asked for",
        "after_cut": "a time after the data cut (observed_until)",
        "created_after_reply": "a first reply before the ticket was created",
        "created_after_resolution": "a ticket resolved before it was created",
        "reply_after_resolution": "a first reply after the ticket was resolved",
        "negative_value": "a negative number where none can be",
        "two_levels_at_once": "two revenue levels of one customer at the same moment",
    }
)

#: Rules that no limit forgives: the table cannot be read as declared.
STRUCTURAL = ("duplicate_customer", "unknown_instrument", "ambiguous_date")

#: What each flag means.
FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "before_start": "dated before the customer started",
        "after_end": "dated after the customer ended",
        "end_kind_unknown": "ended customers without an end_kind",
        "ends_after_cut": "an end after the data cut: known ahead, not yet happened",
        "notice_after_end": "customers whose notice is dated after their end",
        "reopened": "open by their status in spite of a resolution date, which is taken off",
        "closed_undated": "closed by their status without a resolution date: they count as open",
        "status_unknown": "a status that is neither open nor closed: the resolution date decides",
        "no_ticket": "merged, deleted or spam by their status: leave them out with where",
        "no_score": "invitations without an answer (non-responses)",
        "scheduled": "levels that take effect after the data cut: known ahead, not yet in force",
        "negative_amount": "negative amounts, taken for refunds",
    }
)

#: Time by which each table is dated.
DATED_BY: Mapping[str, str] = MappingProxyType(
    {
        "customers": "started_at",
        "responses": "responded_at",
        "revenue": "effective_at",
        "tickets": "created_at",
        "usage": "used_at",
        "orders": "ordered_at",
        "events": "occurred_at",
    }
)

#: Databases write 0001-01-01 or 1900-01-01 for no date; a format with %Y reads 5/1/24 as the year 24.
_EARLIEST = datetime(1901, 1, 1)
_UP_TO_CUT = {
    "customers": ("started_at", "notice_at"),
    "responses": ("responded_at", "sent_at"),
    "tickets": ("created_at", "first_replied_at", "resolved_at"),
    "usage": ("used_at",),
    "orders": ("ordered_at",),
    "events": ("occurred_at",),
}
_NOT_NEGATIVE = {
    "responses": ("weight",),
    "revenue": ("mrr",),
    "tickets": ("replies", "reopens", "wait_minutes", "handoffs"),
    "usage": ("quantity",),
    SNAPSHOT: ("tenure",),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of one table.

    Attributes
    ----------
    name, column : str
        Key of `RULES` and the column to look at.
    broken : Expr
        True where a row breaks it; missing counts as false.
    once : tuple of str
        Where the rule concerns rows together, not one by one: columns whose values may occur once only.
    """

    name: str
    column: str
    broken: nw.Expr
    once: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """Rule and column as stored in the frame."""
        return f"{self.name}:{self.column}"


def row_rules(
    table: str,
    present: Sequence[str],
    *,
    cut: datetime,
    instruments: Mapping[str, Scale],
    linked: bool,
    keys: Sequence[str] = (),
) -> tuple[Rule, ...]:
    """Return the rules of a table, in the order in which they are tried.

    Parameters
    ----------
    table : str
        Name of the table.
    present : sequence of str
        Its columns.
    cut : datetime
        The data cut, naive UTC.
    instruments : mapping of str to Scale
        For responses.
    linked : bool
        Whether the frame was joined to the customers by `link_customers`.
    keys : sequence of str
        Columns that identify a row; empty where none is declared, which spares a sort.
    """
    rules = [*_too_early(table, present), *_missing(table, present)]
    if linked and "customer_id" in present:
        given = ~nw.col("customer_id").is_null()
        unknown = given & nw.col("_known").is_null()
        rules.append(Rule(name="unknown_customer", column="customer_id", broken=unknown))
        rules.append(
            Rule(name="rejected_customer", column="customer_id", broken=given & (nw.col("_known") == 0))
        )
    own = {"customers": _customers, "tickets": _tickets, "revenue": _revenue, SNAPSHOT: _snapshot}
    if table == "responses":
        rules += _responses(present, instruments)
    elif table in own:
        rules += own[table](present)
    rules += [
        Rule(name="after_cut", column=column, broken=nw.col(column) > nw.lit(cut))
        for column in _UP_TO_CUT.get(table, ())
        if column in present
    ]
    rules += [
        Rule(name="negative_value", column=column, broken=nw.col(column) < 0)
        for column in _NOT_NEGATIVE.get(table, ())
        if column in present
    ]
    if keys:
        column = only_if(table == "tickets", "ticket_id")
        copies = nw.col("_key").cum_count().over(*keys, order_by=["_source", "_row"])
        repeated = ~nw.col("_key").is_null() & (copies > 1)
        rules.append(Rule(name="duplicate_row", column=column, broken=repeated, once=tuple(keys)))
    return tuple(rules)


def flag_marks(table: str, present: Sequence[str], *, cut: datetime, linked: bool) -> dict[str, nw.Expr]:
    """Return the flags of a table: true where a valid row carries the doubt."""
    flags: dict[str, nw.Expr] = {}
    # Customers of a snapshot have no date, and none of the flags.
    dated = nw.col(DATED_BY.get(table, ""))
    if linked and table != "customers" and "customer_id" in present:
        flags["before_start"] = dated < nw.col("_started")
        flags["after_end"] = dated > nw.col("_ended")
        if table == "revenue":
            flags["after_end"] &= nw.col("mrr") > 0
    if table == "customers" and "ended_at" in present:
        flags["ends_after_cut"] = nw.col("ended_at") > nw.lit(cut)
        if "notice_at" in present:
            flags["notice_after_end"] = nw.col("notice_at") > nw.col("ended_at")
        if "end_kind" in present:
            flags["end_kind_unknown"] = ~nw.col("ended_at").is_null() & nw.col("end_kind").is_null()
    if table == "tickets" and "status" in present:
        flags |= _status_flags(present)
    if table == "responses":
        flags["no_score"] = nw.col("score").is_null()
    if table == "revenue":
        flags["scheduled"] = dated > nw.lit(cut)
    if table == "orders":
        flags["negative_amount"] = nw.col("amount") < 0
    return flags


def _status_flags(present: Sequence[str]) -> dict[str, nw.Expr]:
    status = nw.col("status")
    understood = says(status, "open") | says(status, "closed") | says(status, "no_ticket")
    flags = {
        "no_ticket": says(status, "no_ticket"),
        "status_unknown": ~status.is_null() & ~understood,
    }
    if "resolved_at" in present:
        flags["reopened"] = nw.col(REOPENED)
        flags["closed_undated"] = says(status, "closed") & nw.col("resolved_at").is_null()
    return flags


def mark_rows(frame: nw.LazyFrame[Any], rules: Sequence[Rule]) -> nw.LazyFrame[Any]:
    """Return the frame with ``_rule``: rule and column of the first rule broken, or missing.

    Parameters
    ----------
    frame : LazyFrame
        Typed rows with the hidden columns ``_row``, ``_source``, ``_fault``, ``_key``.
    rules : sequence of Rule
        In order of precedence.
    """
    mark = nw.lit(None, dtype=nw.String)
    for rule in reversed(rules):
        mark = nw.when(rule.broken).then(nw.lit(rule.code)).otherwise(mark)
    mark = nw.when(~nw.col("_fault").is_null()).then(nw.col("_fault")).otherwise(mark)
    return frame.with_columns(_rule=mark)


def count_doubtful(frame: nw.LazyFrame[Any], rules: Sequence[Rule]) -> tuple[nw.LazyFrame[Any], ...]:
    """Return frames of one number ``n`` that are all zero, or missing, only if no row breaks a rule.

    Cheaper than `mark_rows`: an engine proves most comparisons from the file's own minima, maxima and counts
    of missing values, and a value that occurs twice shows in a group-by, without a sort. Rows are counted,
    not filtered: DuckDB skips parts of a Parquet file by its maxima, in which many writers leave out NaN.

    Parameters
    ----------
    frame, rules
        As in `mark_rows`. A column ``_unusual`` counts as a rule: rows that must be read with more care.
    """
    single = [rule.broken.fill_null(value=False) for rule in rules if not rule.once]
    single.append(~nw.col("_fault").is_null())
    if "_unusual" in frame.collect_schema().names():
        single.append(nw.col("_unusual").fill_null(value=False))
    doubtful = nw.when(reduce(or_, single)).then(nw.lit(1)).otherwise(nw.lit(0))
    repeated = [
        frame.group_by(*rule.once).agg(nw.len().alias("rows")).filter(nw.col("rows") > 1).select(n=nw.len())
        for rule in rules
        if rule.once
    ]
    return (frame.select(n=doubtful).select(nw.col("n").sum()), *repeated)


def customer_directory(customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return one row for each customer_id: ``_known`` (1 valid, 0 set aside), ``_started``, ``_ended``.

    Parameters
    ----------
    customers : LazyFrame
        The marked customers.
    """
    ended = nw.col("ended_at") if "ended_at" in customers.collect_schema().names() else nw.col("started_at")
    known = nw.when(nw.col("_rule").is_null()).then(nw.lit(1)).otherwise(nw.lit(0))
    grouped = (
        customers.filter(~nw.col("customer_id").is_null())
        .with_columns(_known=known, _ended=ended)
        .group_by("customer_id")
        .agg(
            nw.col("_known").max(),
            nw.col("started_at").min().alias("_started"),
            nw.col("_ended").max().alias("_ended"),
        )
    )
    if "ended_at" not in customers.collect_schema().names():
        grouped = grouped.with_columns(_ended=nw.lit(None, dtype=nw.Datetime("us")))
    return grouped


def link_customers(frame: nw.LazyFrame[Any], directory: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the rows with what is known of their customer; none is added or lost."""
    return frame.join(directory, on="customer_id", how="left")


def _too_early(table: str, present: Sequence[str]) -> list[Rule]:
    times = [name for name, kind in LAYOUTS[table].columns.items() if kind == "time" and name in present]
    return [
        Rule(name="time_too_early", column=name, broken=nw.col(name) < nw.lit(_EARLIEST)) for name in times
    ]


def _missing(table: str, present: Sequence[str]) -> list[Rule]:
    required = [column for column in LAYOUTS[table].required if column in present]
    if table == "responses":
        required = ["customer_id", "instrument"]
    return [Rule(name="missing_value", column=column, broken=nw.col(column).is_null()) for column in required]


def _customers(present: Sequence[str]) -> list[Rule]:
    rules = [
        Rule(
            name="duplicate_customer",
            column="customer_id",
            broken=nw.col("customer_id").len().over("customer_id") > 1,
            once=("customer_id",),
        )
    ]
    if "ended_at" in present:
        # Equal times are a relation of no length, which is odd but possible.
        before = nw.col("ended_at") < nw.col("started_at")
        rules.append(Rule(name="end_before_start", column="ended_at", broken=before))
    if "end_kind" in present:
        kind = nw.col("end_kind")
        rules.append(
            Rule(name="unknown_end_kind", column="end_kind", broken=~kind.is_null() & ~kind.is_in(END_KINDS))
        )
        open_end: nw.Expr = nw.lit(True)
        if "ended_at" in present:
            open_end = nw.col("ended_at").is_null()
        rules.append(Rule(name="end_kind_without_end", column="end_kind", broken=~kind.is_null() & open_end))
    return rules


def _snapshot(present: Sequence[str]) -> list[Rule]:
    left = nw.col("left")
    words = status_words()
    understood = [word for part in ("yes", "no", "left", "active") for word in words[part]]
    unclear = ~left.is_null() & ~left.str.strip_chars().str.to_lowercase().is_in(understood)
    return [*_customers(present), Rule(name="unknown_left", column="left", broken=unclear)]


def _responses(present: Sequence[str], instruments: Mapping[str, Scale]) -> list[Rule]:
    score, instrument = nw.col("score"), nw.col("instrument")
    unknown = ~instrument.is_null()
    if instruments:
        unknown = ~instrument.is_in(list(instruments))
    rules = [Rule(name="unknown_instrument", column="instrument", broken=unknown)]
    answered = ~score.is_null()
    not_sent: nw.Expr = nw.lit(True)
    if "sent_at" in present:
        not_sent = nw.col("sent_at").is_null()
    rules.append(Rule(name="missing_score", column="score", broken=~answered & not_sent))
    undated = answered & nw.col("responded_at").is_null()
    rules.append(Rule(name="missing_value", column="responded_at", broken=undated))
    for name, scale in instruments.items():
        # Comparisons with a missing score are missing, and count as kept.
        outside = (score < scale.low) | (score > scale.high)
        rules.append(Rule(name="score_out_of_scale", column="score", broken=(instrument == name) & outside))
    rules.append(Rule(name="score_not_whole", column="score", broken=score != score.floor()))
    if "sent_at" in present:
        # An answer follows its invitation; equal times are the clock of one export.
        early = nw.col("responded_at") < nw.col("sent_at")
        rules.append(Rule(name="answer_before_invitation", column="responded_at", broken=early))
    return rules


def _tickets(present: Sequence[str]) -> list[Rule]:
    order = (
        ("created_after_reply", "first_replied_at", "first_replied_at", "created_at"),
        ("created_after_resolution", "resolved_at", "resolved_at", "created_at"),
        ("reply_after_resolution", "first_replied_at", "resolved_at", "first_replied_at"),
    )
    return [
        Rule(name=name, column=column, broken=nw.col(late) < nw.col(early))
        for name, column, late, early in order
        if {late, early} <= set(present)
    ]


def _revenue(present: Sequence[str]) -> list[Rule]:  # noqa: ARG001 - one signature for all tables
    moment = ("customer_id", "effective_at")
    # A customer has one level at a time: two rows at one moment leave the order, and so the level, open.
    both = nw.col("mrr").len().over(*moment) > 1
    complete = ~nw.col("customer_id").is_null() & ~nw.col("effective_at").is_null()
    return [Rule(name="two_levels_at_once", column="effective_at", broken=complete & both, once=moment)]
