"""Cohorts of customers: what is left of each, and how old the customers are who bring the revenue."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.data.engine import EVERY, Every, collect
from cxresearch.errors import DataError
from cxresearch.metrics.base.periods import complete_periods, period_steps
from cxresearch.metrics.revenue.revenue_ledger import refuse_beyond
from cxresearch.metrics.revenue.revenue_levels import (
    KINDS,
    one_currency,
    revenue_levels,
    revenue_moves,
)
from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.results.period_names import period_label
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.net_ratio import MoveSums, net_method, net_ratios
from cxresearch.stats.intervals.proportions import WILSON, wilson

if TYPE_CHECKING:
    from cxresearch.data.study import Study


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CohortRetention(Result):
    """What is left of each cohort after each number of periods.

    Attributes
    ----------
    table : DataFrame
        One row for each cohort and age. Columns: ``cohort`` (first day of the period in which its customers
        first paid), ``age`` (periods since), ``n`` (customers of the cohort), ``start`` (its customers, or
        MRR, at the end of its first period), ``left`` (those there, or MRR, at the end of the period),
        ``share`` (left / start; MRR can exceed 1), ``low, high`` (its interval; NaN at age 0, where the share
        is 1 by definition) and ``complete`` (the period had ended by the data cut; an incomplete cell has no
        share).
    of : str
        ``"customers"`` or ``"revenue"``.
    every : str
        Length of a period.
    level : float
        Confidence level.
    method : str
        Name of the interval.
    currency, profile, name : str
        Of the amounts; definition of a customer; name of the study.
    """

    table: pd.DataFrame
    of: str
    every: str
    level: float
    method: str = ""
    currency: str = ""
    profile: str = ""
    name: str = ""

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Retention of {of} by {every}, {level} intervals",
            columns=(
                Column(name="cohort", label="cohort", meaning="period of the first payment", unit=Unit.DATE),
                Column(name="age", label="age", meaning="periods since", unit=Unit.COUNT),
                Column(name="n", label="n", meaning="customers of the cohort", unit=Unit.COUNT),
                Column(name="start", label="start", meaning="at the end of its first period"),
                Column(name="left", label="left", meaning="at the end of the period"),
                Column(
                    name="share",
                    label="share",
                    meaning="left / start",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="complete", label="complete", meaning="the period ended by the data cut"),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """What is left of the oldest cohort at its last complete age."""
        rows = self.table[self.table["share"].notna() & (self.table["age"] > 0)]
        if not len(rows):
            return f"No cohort is older than its first {self.every} yet."
        row: Any = rows[rows["cohort"] == rows["cohort"].min()].iloc[-1]
        when = period_label(row["cohort"], self.every)
        share = _cell(row["share"], row["low"], row["high"])
        plural = "s"
        if row["age"] == 1:
            plural = ""
        return f"Of the {self.of} of {when}, {share} are left after {row['age']} {self.every}{plural}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know: the definition of a customer, cells not complete."""
        notes = []
        if self.profile:
            notes = [f"Definition of a customer: {self.profile}."]
        if not self.table["complete"].all():
            notes.append("Cells of the running period have no share.")
        return tuple(notes)

    def matrix(self) -> pd.DataFrame:
        """Return shares with one row for each cohort and one column for each age; NaN where incomplete."""
        return self.table.pivot_table(index="cohort", columns="age", values="share", dropna=False)

    def as_text(self) -> pd.DataFrame:
        """Return shares with their intervals as text, ``"90 % [60, 98]"``, blank where incomplete."""
        rows = self.table
        text = [_cell(*cell) for cell in zip(rows["share"], rows["low"], rows["high"], strict=True)]
        return rows.assign(text=text).pivot(index="cohort", columns="age", values="text").fillna("")

    def __str__(self) -> str:
        count = self.table["cohort"].nunique()
        lines = [f"Retention of {self.of} by {self.every}, {count} cohorts, % of the first period's end"]
        table = (100 * self.matrix()).round(1)
        lines += table.to_string(na_rep="", float_format=lambda value: f"{value:.1f}").splitlines()
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def _cell(share: float, low: float, high: float) -> str:
    if math.isnan(share):
        return ""
    text = f"{100 * share:.0f} %"
    if math.isnan(low):
        return text
    return f"{text} [{100 * low:.0f}, {100 * high:.0f}]"


def cohort_retention(
    study: Study,
    *,
    of: Literal["customers", "revenue"] = "customers",
    every: Every = "month",
    profile: str | RevenueProfile = "cxresearch",
    level: float = 0.95,
) -> CohortRetention:
    """Follow the customers who first paid in the same period.

    Parameters
    ----------
    study : Study
        With table ``revenue``, in one currency.
    of : {"customers", "revenue"}
        Count customers or their MRR.
    every : {"week", "month", "quarter", "year"}
        Length of a period.
    profile : str or RevenueProfile
        Whose definition of a customer.
    level : float
        Confidence level.

    Returns
    -------
    CohortRetention
        Shares are of what was there at the end of the cohort's first period. Who comes back counts again.

    Raises
    ------
    DataError
        If nobody ever paid, or revenue is in several currencies.
    ArgumentError
        If an argument is not admitted.

    Notes
    -----
    Customers carry Wilson's interval. Revenue carries that of `net_revenue_retention`: losses and gains of
    the cohort's customers against their first level, joined by MOVER. Customers are taken as independent
    draws from those the firm might have had; the first period is its own base and has no interval.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953. Zou and Donner (2008), doi:10.1002/sim.3095.

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> print(cohort_retention(example_study()))
    Retention of customers by month, 1 cohorts, % of the first period's end
    age            0    1  2
    cohort
    2024-01-01 100.0 90.0
    >>> cohort_retention(example_study(), of="revenue").as_text().loc["2024-01-01", 1]
    '90 % [60, 141]'
    """
    check_choice("of", of, ("customers", "revenue"))
    check_choice("every", every, EVERY)
    check_level(level)
    rules = revenue_profile(profile)
    moved = _moves_by_cohort(study, rules, every)
    periods = period_steps(study, moved["cohort"].min(), every)
    known = complete_periods(study, periods, every)
    frame, method = _cells(moved, periods, np.asarray(known, bool), level, of)
    return CohortRetention(
        table=frame,
        of=of,
        every=every,
        level=level,
        method=method,
        currency=study.currency,
        profile=rules.name,
        name=study.name,
    )


_ONE_CURRENCY = "use one currency, or mrr_bridge with rates"
#: Running sums over the customers of a cohort: level, and its loss or gain against the first period's end.
_RUNNING = (
    "change",
    "customers",
    "lost",
    "lost2",
    "lost_s",
    "lost_r",
    "losers",
    "won",
    "won2",
    "won_s",
    "winners",
)
#: Sums that stand once the first period has ended: customers who joined, those with a level, its square.
_FIXED = ("heads", "holders", "squares")


def _moves_by_cohort(study: Study, rules: RevenueProfile, every: Every) -> pd.DataFrame:
    levels = one_currency(study, revenue_levels(study, rules), next_step=_ONE_CURRENCY)
    moves = revenue_moves(levels, rules, every, study.timezone)
    begins = nw.col("kind") == KINDS.index("new")
    moves = moves.with_columns(arrival=nw.when(begins).then(nw.col("period")))
    moves = moves.with_columns(cohort=nw.col("arrival").min().over("customer_id"))
    moves = moves.filter(~nw.col("cohort").is_null())
    first = nw.when(nw.col("period") == nw.col("cohort")).then(nw.col("change")).otherwise(nw.lit(0))
    moves = moves.with_columns(first=first.cast(nw.Float64))
    moves = moves.with_columns(start=nw.col("first").sum().over("customer_id"))
    joined = begins | (nw.col("kind") == KINDS.index("reactivation"))
    # +1 on joining or coming back, -1 on leaving: their running sum is the number of customers.
    gained = nw.when(joined).then(nw.lit(1)).when(nw.col("kind") == KINDS.index("churn")).then(nw.lit(-1))
    now, before = (_against_start(nw.col(name).cast(nw.Float64)) for name in ("cents", "before"))
    steps = {  # a customer counts from the first level on: there is no step from before it
        name: now[name] - nw.when(begins).then(nw.lit(0.0)).otherwise(before[name]) for name in now
    }
    start, joins = nw.col("start"), nw.when(begins).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
    moves = moves.with_columns(
        customers=gained.otherwise(nw.lit(0)),
        heads=joins,
        holders=nw.when(start > 0).then(joins).otherwise(nw.lit(0.0)),
        squares=joins * start * start,
        **steps,
    )
    sums = collect(
        moves.group_by("cohort", "period").agg(*(nw.col(name).sum() for name in (*_RUNNING, *_FIXED)))
    )
    if sums.empty:
        raise DataError("nobody ever paid", where="table revenue")
    refuse_beyond(np.sqrt(sums[["squares", "won2"]].abs()))
    return sums


def _against_start(level: nw.Expr) -> dict[str, nw.Expr]:
    """What a level of a customer adds to the sums of losses and gains against the first period's end."""
    start, none = nw.col("start"), nw.lit(0.0)
    lost = nw.when(level < start).then(start - level).otherwise(none)
    won = nw.when(level > start).then(level - start).otherwise(none)
    return {
        "lost": lost,
        "lost2": lost * lost,
        "lost_s": lost * start,
        # x^2 / s of a customer's loss x of s: what the effective n of a share needs (ratio.py).
        "lost_r": nw.when(level < start).then(lost * lost / start).otherwise(none),
        "losers": nw.when(level < start).then(nw.lit(1.0)).otherwise(none),
        "won": won,
        "won2": won * won,
        "won_s": won * start,
        "winners": nw.when(level > start).then(nw.lit(1.0)).otherwise(none),
    }


def _cells(
    moved: pd.DataFrame, periods: pd.DatetimeIndex, complete: Any, level: float, of: str
) -> tuple[pd.DataFrame, str]:
    """Tall table of cohort and age, and the name of the interval."""
    rows, columns = np.triu_indices(len(periods))

    def square(name: str) -> Any:
        wide = moved.pivot_table(index="cohort", columns="period", values=name, aggfunc="sum", fill_value=0)
        return wide.reindex(index=periods, columns=periods, fill_value=0).to_numpy(float)

    # Running sums over periods: what each cohort is at each age.
    sums = {name: square(name).cumsum(axis=1)[rows, columns] for name in _RUNNING}
    sums |= {name: square(name).sum(axis=1)[rows] for name in _FIXED}
    if of == "customers":
        held = sums["customers"]
    else:
        # Running sum of changes = the level in force; from cents to money.
        held = sums["change"] / 100
    first = np.flatnonzero(rows == columns)[rows]  # the cell of each cohort's first period
    start = held[first]
    inside = complete[columns] & (start > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # share = what is left / what was there at the end of the first period.
        share = np.where(inside, held / start, np.nan)
    if of == "customers":
        low, high = wilson(np.minimum(held, start), start, level=level)
        method = WILSON
    else:
        low, high = _revenue_bounds(sums, sums["change"][first], level)
        method = net_method(share=True)
    open_ended = inside & (columns > rows)
    frame = pd.DataFrame(
        {
            "cohort": periods[rows],
            "age": columns - rows,
            "n": sums["heads"].astype("int64"),
            "start": start,
            "left": np.where(inside, held, np.nan),
            "share": share,
            "low": np.where(open_ended, low, np.nan),
            "high": np.where(open_ended, high, np.nan),
            "complete": complete[columns],
        }
    )
    return frame[frame["n"] > 0].reset_index(drop=True), method


def _revenue_bounds(sums: dict[str, Any], start: Any, level: float) -> tuple[Any, Any]:
    """Interval of what is left of the first level: one less that of net losses, never below 0."""
    tidy = {name: np.maximum(values, 0.0) for name, values in sums.items()}
    losses = MoveSums(
        x=np.minimum(tidy["lost"], start),
        xx=tidy["lost2"],
        xs=tidy["lost_s"],
        movers=tidy["losers"],
        relative=tidy["lost_r"],
    )
    gains = MoveSums(x=tidy["won"], xx=tidy["won2"], xs=tidy["won_s"], movers=tidy["winners"])
    net_loss = net_ratios(
        losses, gains, cross=0.0, s=start, ss=tidy["squares"], n=tidy["holders"], level=level, share=True
    )
    # Retention is 1 - net loss: the ends change places, and nobody keeps less than nothing.
    return np.maximum(1 - net_loss["high"].to_numpy(), 0.0), 1 - net_loss["low"].to_numpy()
