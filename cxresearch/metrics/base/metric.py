"""What a metric is to the tables and scorecards: where it counts, and how counts become a number.

Aggregate where the data live, infer where the analyst sits. A metric has two halves:

1. ``family``: a function (study, query) -> *sufficient statistics*, usually a DataFrame of one row a cell,
   computed by a group-by on the engine that holds the data. Metrics that share a family object share its
   result: a scorecard calls each family once. `cells_of` (metrics/base/group_columns.py) builds the lazy
   frame to group: valid rows of a table with the columns of ``query.by`` (joined from customers where the
   table lacks them) and a ``period`` column.
2. ``estimate``: a function (statistics, query) -> DataFrame with one row a cell, in NumPy on that small
   frame, for all cells at once, with the columns of `CELL_COLUMNS`.

A module of metrics defines ``metrics_of(study) -> tuple[Metric, ...]``, naming what the study's tables and
columns allow, and is added to ``_SOURCES`` in metrics/tables/registry.py (one import, one name).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import Every
from cxresearch.results.units import Unit
from cxresearch.scales import Scale

if TYPE_CHECKING:
    from cxresearch.metrics.base.options import Option

#: Columns an estimate returns besides ``query.keys``: numbers in the metric's unit, n of the denominator.
#: One that weighs or links rows adds ``n_effective``, the number of independent rows they are worth.
CELL_COLUMNS = ("value", "low", "high", "se", "n", "n_missing", "method")


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked of every metric of a table.

    Attributes
    ----------
    by : tuple of str
        Group columns, of the metric's table or else of customers.
    every : {"day", "week", "month", "quarter", "year"} or None
        Period; None for the whole time at once, and then there is no period column.
    level : float
        Confidence level.
    clusters : str or None
        Column naming whose rows belong together; ``"auto"`` is customer_id where the table has it and the
        family can afford it; of answers also a column of their customers (``"account_id"``). Metrics
        without a use for it pass it over.
    weights : str or None
        Column saying how much a row counts; likewise.
    options : mapping
        Further choices of single metrics: ``{"profile": "stripe", "target_hours": 48}``.
    names : mapping of str to str
        What the user calls each column of ``by`` that travels under a neutral name; see `neutral_groups`.
    """

    by: tuple[str, ...] = ()
    every: Every | None = None
    level: float = 0.95
    clusters: str | None = "auto"
    weights: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def called(self, column: str) -> str:
        """Return what the user calls a group column."""
        return self.names.get(column, column)

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that name a cell: the groups, then ``period`` where one was asked for."""
        if self.every is None:
            return self.by
        return (*self.by, "period")


class Tables(Protocol):
    """What a family reads of a study; also met by a bare frame of answers (metrics/responses.py)."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables present."""

    @property
    def instruments(self) -> Mapping[str, Scale]:
        """Scales by name of instrument."""

    @property
    def timezone(self) -> str:
        """IANA name of the zone whose calendar counts."""

    def table(self, name: str) -> nw.LazyFrame[Any]:
        """Return the valid rows of a table."""


#: First half: (study, query) -> sufficient statistics. Compared by identity: use a module-level function.
Family = Callable[[Any, Query], Any]
#: Second half: (statistics, query) -> cells.
Estimator = Callable[[Any, Query], pd.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric by any group and period.

    Attributes
    ----------
    name : str
        Field name, lower case: ``"nps"``, ``"csat_top_2_box"``, ``"net_revenue_retention"``.
    label : str
        What a report prints.
    unit : Unit
        Unit of the value.
    good : {"high", "low", ""}
        Which way is better; empty where neither is (tickets a day).
    denominator : str
        What n counts.
    family, estimate
        The two halves; see the module's docstring.
    collapse : callable or None
        (statistics, query, coarser query) -> statistics of the coarser cells, or None where they do not
        follow; saves the scorecard a second run of the family.
    rest : callable or None
        (statistics, query, column) -> statistics in which each group of that column stands for all others.
    difference : {"independent", "none"}
        Whether two cells may be compared as independent samples by their intervals (MOVER).
    days : {"", "proportional", "at_most"}
        What more days of a period do to the value of a steady firm: nothing; they raise it in proportion (a
        count: changes between periods are those a day); or by some of it, at most in proportion (who used
        anything: the interval of a change between periods of unlike length allows for it).
    lags : bool
        Whether the last complete period may be too young to have a value (adoption within 30 days): a
        scorecard then judges the last period that has one.
    topic : {"scores", "response rates", "figures"}
        With which others a scorecard corrects its p-values: answers to questions, who answers, all else.
    primary : bool
        Whether a scorecard judges it unless it is asked for others by name: one measure a question (the mean,
        not its boxes; retention, not the churn that mirrors it). The others are shown with their intervals.
    definition : str
        One sentence with the formula, for reports.
    nothing : str
        What is said where there is nothing to count: ``"nobody left"``.
    options : tuple of Option
        What its user may choose: names, defaults and checks.
    family_by : callable or None
        query -> family, where an option decides what is counted; ``family`` is that of the defaults.
    """

    name: str
    label: str
    unit: Unit
    good: Literal["high", "low", ""]
    denominator: str
    family: Family
    estimate: Estimator
    collapse: Callable[[Any, Query, Query], Any] | None = None
    rest: Callable[[Any, Query, str], Any] | None = None
    difference: Literal["independent", "none"] = "independent"
    days: Literal["", "proportional", "at_most"] = ""
    lags: bool = False
    topic: Literal["scores", "response rates", "figures"] = "figures"
    primary: bool = True
    definition: str = ""
    nothing: str = ""
    options: tuple[Option, ...] = ()
    family_by: Callable[[Query], Family] | None = None

    def family_of(self, query: Query) -> Family:
        """Return the family that a query's options ask for."""
        if self.family_by is None:
            return self.family
        return self.family_by(query)
