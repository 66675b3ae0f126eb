"""Which columns a search looks through, and how the answers carry them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.columns.ticket_groups import (
    TICKETS,
    answers_name_tickets,
    ticket_group_names,
    with_ticket_groups,
)
from cxresearch.data.engine import days_between, period_start
from cxresearch.data.validation.outcome_names import names_outcome
from cxresearch.errors import ArgumentError
from cxresearch.metrics.revenue.revenue_levels import windowed
from cxresearch.wording import did_you_mean, listed, only_if, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.metrics.base.metric import Tables

Source = Literal["responses", "customers", "revenue", "tickets", "derived"]

#: Columns that are outcomes by definition.
OUTCOMES = frozenset({"ended_at", "end_kind", "notice_at", "reason"})
#: Columns that are no groups: who, when, the answer itself, free text.
_NO_GROUPS = frozenset(
    {"customer_id", "account_id", "response_id", "ticket_id", "instrument", "score", "comment", "weight"}
)
_OUTCOME = "sounds like an outcome; if it is none, name it in by="
#: Why further columns of these kinds are not searched unless they are named.
_NO_GROUP_SINCE = {
    "outcome": _OUTCOME,
    "text": "a text; if it makes groups, name it in by=",
    "id": "an id: hardly two rows share a value; if it makes groups, name it in by=",
    "time": "a moment; if it makes groups, name it in by=",
}
#: Ends of the tenure classes in days, and the classes.
TENURE_DAYS = (90.0, 365.0, 1095.0)
TENURE_CLASSES = ("under 3 months", "3 to 12 months", "1 to 3 years", "3 years and more")
#: Numbers are cut at the quantiles that make so many classes.
CLASSES = 5
#: Names that the rows of a search carry besides its columns, which are called cx_0, cx_1, ...
SCORE, CUSTOMER, ENDED = "cx_score", "cx_customer", "cx_ended"


@dataclass(frozen=True, kw_only=True)
class SearchedColumn:
    """A column of the search.

    Attributes
    ----------
    name : str
        As the user knows it.
    source : {"responses", "customers", "revenue", "tickets", "derived"}
        Where it comes from: ``tickets`` is the ticket an answer names, ``derived`` are tenure and cohort.
    number : bool
        Whether it holds numbers, which are cut at quantiles.
    """

    name: str
    source: Source
    number: bool = False


@dataclass(frozen=True, kw_only=True)
class SearchedAnswers:
    """Answers to one question with the columns of a search, still on their engine.

    Attributes
    ----------
    rows : LazyFrame
        ``cx_score``, ``cx_customer``, ``cx_at`` and ``cx_ended`` (0 or 1) where they are known, and
        ``cx_0, cx_1, ...``.
    columns : tuple of SearchedColumn
        What ``cx_0, cx_1, ...`` are.
    passed_over : mapping of str to str
        Columns not searched, with the reason.
    """

    rows: nw.LazyFrame[Any]
    columns: tuple[SearchedColumn, ...]
    passed_over: dict[str, str]


def searched_answers(
    study: Tables, instrument: str, by: Sequence[str] | None, *, start: Any = None, end: Any = None
) -> SearchedAnswers:
    """Return the answers to a question with every column that may be searched.

    Parameters
    ----------
    study : Study
        Needs ``responses``.
    instrument : str
        Name of the question.
    by : sequence of str, optional
        Columns to search; by default all groups of customers and answers, with tenure, cohort and plan, but
        no texts, ids and outcomes among further columns. Named, also those of the ticket an answer is about.
    start, end : datetime, optional
        Answers from ``start`` on and before ``end``, naive UTC.

    Raises
    ------
    ArgumentError
        If a column does not exist.
    """
    rows = study.table("responses").filter(nw.col("instrument") == instrument)
    rows = rows.filter(~nw.col("score").is_null())
    if start is not None:
        rows = rows.filter(nw.col("responded_at") >= nw.lit(start))
    if end is not None:
        rows = rows.filter(nw.col("responded_at") < nw.lit(end))
    present = _present(study)
    columns, passed_over = _chosen(present, by, no_groups(study))
    rows = _with_customers(study, rows, columns)
    of_tickets = {f"cx_ticket_{at}": c.name for at, c in enumerate(columns) if c.source == "tickets"}
    if of_tickets:
        rows = with_ticket_groups(study.table("tickets"), rows, of_tickets)
    if any(column.source == "revenue" for column in columns):
        rows = _with_plan(study, rows)
    names = rows.collect_schema().names()
    fields: dict[str, nw.Expr] = {SCORE: nw.col("score").cast(nw.Float64())}
    if "customer_id" in names:
        fields[CUSTOMER] = nw.col("customer_id")
    if "responded_at" in names:
        fields["cx_at"] = nw.col("responded_at")
    if ENDED in names:
        fields[ENDED] = nw.col(ENDED)
    for at, column in enumerate(columns):
        fields[f"cx_{at}"] = _expression(column, study, at)
    return SearchedAnswers(rows=rows.select(**fields), columns=columns, passed_over=passed_over)


def _present(study: Tables) -> dict[str, SearchedColumn]:
    """Every column of the answers and of their customers that could be a group, by name."""
    schema = dict(study.table("responses").collect_schema())
    present = {name: _column(name, "responses", kind) for name, kind in schema.items()}
    if "customers" in study.tables and "customer_id" in schema:
        for name, kind in study.table("customers").collect_schema().items():
            present.setdefault(name, _column(name, "customers", kind))
        if "responded_at" in schema:
            present.setdefault("tenure", SearchedColumn(name="tenure", source="derived"))
        present.setdefault("cohort", SearchedColumn(name="cohort", source="derived"))
    if "revenue" in study.tables and "plan" in study.table("revenue").collect_schema().names():
        present.setdefault("plan", SearchedColumn(name="plan", source="revenue"))
    if answers_name_tickets(study.tables, schema):
        present |= _of_tickets(study, present)
    return {
        name: column
        for name, column in present.items()
        if name not in _NO_GROUPS and not (name in schema and schema[name].is_temporal())
    }


def _of_tickets(study: Tables, present: Collection[str]) -> dict[str, SearchedColumn]:
    """Groups of the ticket an answer names, plain where nobody else has the name, and as ``tickets.name``."""
    kinds = dict(study.table("tickets").collect_schema())
    columns = {}
    for name in ticket_group_names(kinds):
        number = name in kinds and kinds[name].is_numeric()
        moment = name in kinds and kinds[name].is_temporal()
        if name in _NO_GROUPS or moment:
            continue
        for called in {f"{TICKETS}{name}", name} - set(present):
            columns[called] = SearchedColumn(name=called, source="tickets", number=number)
    return columns


def no_groups(study: Tables) -> dict[str, str]:
    """Return why further columns of answers and customers are no groups; an empty text where they are."""
    kinds: Mapping[str, Mapping[str, str]] = getattr(study, "open_columns", {})
    further = {**kinds.get("customers", {}), **kinds.get("responses", {})}
    return {name: _NO_GROUP_SINCE.get(kind, "") for name, kind in further.items()}


def _column(name: str, source: Source, kind: Any) -> SearchedColumn:
    return SearchedColumn(name=name, source=source, number=kind.is_numeric())


def _chosen(
    present: dict[str, SearchedColumn], by: Sequence[str] | None, no_groups: Mapping[str, str]
) -> tuple[tuple[SearchedColumn, ...], dict[str, str]]:
    passed_over: dict[str, str] = {}
    if by is None:
        chosen = [name for name, c in present.items() if not name.endswith("_at") and c.source != "tickets"]
    else:
        chosen = list(dict.fromkeys(by))
        for name in chosen:
            if name not in present and name not in OUTCOMES:
                raise ArgumentError(
                    f"column {shown(name)} is neither in responses nor in customers, or is no group",
                    wanted=f"one of {listed(present)}",
                    next_step=did_you_mean(name, present),
                )
    columns = []
    for name in chosen:
        if name in OUTCOMES:
            if by is not None:
                passed_over[name] = "an outcome, which says nothing about who is unhappy beforehand"
        elif by is None and no_groups.get(name, only_if(names_outcome(name), _OUTCOME)):
            passed_over[name] = no_groups.get(name, _OUTCOME)
        else:
            columns.append(present[name])
    return tuple(columns), passed_over


def _with_customers(
    study: Tables, rows: nw.LazyFrame[Any], columns: Sequence[SearchedColumn]
) -> nw.LazyFrame[Any]:
    """Join what customers know; answers of unknown customers keep missing groups."""
    wanted = [column.name for column in columns if column.source == "customers"]
    derived = any(column.source == "derived" for column in columns)
    if not wanted and not derived:
        return rows
    customers = study.table("customers")
    fields: dict[str, nw.Expr] = {name: nw.col(name) for name in wanted}
    names = customers.collect_schema().names()
    if derived:
        fields["cx_started"] = nw.col("started_at")
    if "ended_at" in names:
        fields[ENDED] = nw.when(nw.col("ended_at").is_null()).then(nw.lit(0)).otherwise(nw.lit(1))
    return rows.join(customers.select("customer_id", **fields), on="customer_id", how="left")


def _with_plan(study: Tables, rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Join the plan that held when the answer was given; before the first level, the first plan."""
    levels = windowed(study.table("revenue").select("customer_id", "effective_at", cx_plan=nw.col("plan")))
    # each level holds from its row to the next one; the first also backwards
    following = nw.col("effective_at").shift(-1).over("customer_id", order_by="effective_at")
    before = nw.col("effective_at").shift(1).over("customer_id", order_by="effective_at")
    levels = levels.with_columns(cx_until=following, cx_before=before)
    rows = rows.join(levels, on="customer_id", how="left")
    at, since, until = nw.col("responded_at"), nw.col("effective_at"), nw.col("cx_until")
    begun = since.is_null() | nw.col("cx_before").is_null() | (since <= at)
    return rows.filter(begun & (until.is_null() | (at < until)))


def _expression(column: SearchedColumn, study: Tables, at: int) -> nw.Expr:
    if column.source == "tickets":
        kind = {True: nw.Float64(), False: nw.String()}[column.number]
        return nw.col(f"cx_ticket_{at}").cast(kind)
    if column.source == "revenue":
        return nw.col("cx_plan").cast(nw.String)
    if column.name == "cohort" and column.source == "derived":
        return period_start(nw.col("cx_started"), "year", study.timezone).dt.year().cast(nw.String)
    if column.source == "derived":
        return _tenure_class(days_between(nw.col("cx_started"), nw.col("responded_at")))
    if column.number:
        return nw.col(column.name).cast(nw.Float64())
    return nw.col(column.name).cast(nw.String)


def _tenure_class(days: nw.Expr) -> nw.Expr:
    """Class of an age in days; missing for an answer from before the start."""
    label: nw.Expr = nw.lit(TENURE_CLASSES[-1])
    for end, name in zip(reversed(TENURE_DAYS), reversed(TENURE_CLASSES[:-1]), strict=True):
        label = nw.when(days < end).then(nw.lit(name)).otherwise(label)
    return nw.when(days >= 0).then(label)


def number_classes(column: str, edges: Sequence[float]) -> nw.Expr:
    """Return a text for the class of a number, as `class_names` calls it; missing stays missing.

    Parameters
    ----------
    column : str
        Name of the column of numbers.
    edges : sequence of float
        Inner edges, rising; a class includes its upper edge.
    """
    names = class_names(edges)
    label: nw.Expr = nw.lit(names[-1])
    for edge, name in zip(reversed(edges), reversed(names[:-1]), strict=True):
        label = nw.when(nw.col(column) <= edge).then(nw.lit(name)).otherwise(label)
    return nw.when(~nw.col(column).is_null()).then(label)


def quantile_edges(numbers: NDArray[np.float64]) -> list[float]:
    """Return the inner edges that cut numbers into classes of about equal size; none where they hardly vary.

    Examples
    --------
    >>> quantile_edges(np.arange(1.0, 11.0)), quantile_edges(np.ones(5))
    ([2.8, 4.6, 6.4, 8.2], [])
    """
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return []
    # Quintiles; rounded, as two engines may differ in the last digit and cut a class differently.
    inner = np.unique(np.quantile(finite, np.linspace(0, 1, CLASSES + 1)[1:-1]).round(12))
    return [float(edge) for edge in inner if edge < finite.max()]


def class_labels(numbers: NDArray[np.float64], edges: Sequence[float]) -> pd.Series[Any]:
    """Return the class of each number as text, None where it is missing, shape (n,)."""
    names = np.array([*class_names(edges)], dtype=object)
    text = pd.Series(names[np.searchsorted(edges, np.nan_to_num(numbers), side="left")], dtype=object)
    return text.where(np.isfinite(numbers), None)


def class_names(edges: Sequence[float]) -> list[str]:
    """Return the names of the classes between edges, one for all without edges.

    Examples
    --------
    >>> class_names([1.0, 2.5])
    ['at most 1', 'above 1 to 2.5', 'above 2.5']
    """
    if not edges:
        return ["all"]
    inner = [f"above {low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"at most {edges[0]:g}", *inner, f"above {edges[-1]:g}"]
