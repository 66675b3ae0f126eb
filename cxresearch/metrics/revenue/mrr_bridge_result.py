"""The MRR bridge: how recurring revenue moved from one period to the next, to the cent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.periods import local_moment, next_period
from cxresearch.metrics.revenue.revenue_levels import LEDGER
from cxresearch.results.period_names import period_label
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


#: From this share of the opening MRR on, one account decides an interval.
LARGE_ACCOUNT = 0.1
_LINES = {
    "opening": "MRR when the period began",
    "new": "of customers who had never paid before",
    "expansion": "of customers who pay more",
    "reactivation": "of customers who came back",
    "contraction": "of customers who pay less, a positive number",
    "churn": "of customers who left, a positive number",
    "fx": "revaluation of opening balances, and rounding",
    "closing": "MRR when the period ended",
}


def _line(name: str, meaning: str) -> Column:
    return Column(name=name, label=name, meaning=meaning, unit=Unit.MONEY)


def _count(name: str) -> Column:
    label = f"{name}, customers"
    return Column(name=f"{name}_customers", label=label, meaning="their number", unit=Unit.COUNT)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MrrBridge(Result):
    """Opening + new + expansion + reactivation - contraction - churn + FX = closing, for each period.

    Attributes
    ----------
    table : DataFrame
        One row for each period and group, periods in order. Columns: ``period`` (its first day, local time),
        the columns of ``by``, then in money ``opening, new, expansion, reactivation, contraction, churn, fx,
        closing`` (losses are positive numbers), customers ``opening_customers, new_customers,
        expansion_customers, reactivation_customers, contraction_customers, churn_customers,
        closing_customers``, ``largest_share`` (share of opening MRR of the largest account; NaN where none
        can exceed 10 %) and ``complete`` (the period ended by the data cut).
    every : str
        Length of a period.
    by : tuple of str
        Segment columns.
    profile : str
        Name of the definition used.
    rules : RevenueProfile
        The definition itself.
    currency : str
        Currency of every amount.
    name : str
        Name of the study.
    sums : DataFrame
        Sufficient statistics of the intervals, in whole cents, row by row as ``table``: ``a*b`` is the sum
        over customers of two kinds of move, ``a*opening`` of a move and the opening level,
        ``opening*opening``,
        ``contraction*contraction/opening``.
    events : DataFrame
        Declared events of the whole company, for pictures: day, kind.
    """

    table: pd.DataFrame
    every: str
    profile: str
    rules: Any
    sums: pd.DataFrame
    by: tuple[str, ...] = ()
    currency: str = ""
    name: str = ""
    events: pd.DataFrame = field(default_factory=pd.DataFrame)

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Recurring revenue from period to period, definition {profile}",
            groups_first=True,
            columns=(
                Column(name="period", label="period", meaning="its first day, local time", unit=Unit.DATE),
                *(_line(name, meaning) for name, meaning in _LINES.items()),
                *(_count(name) for name in _LINES if name != "fx"),
                Column(
                    name="largest_share",
                    label="largest account",
                    meaning="share of opening MRR; NaN where none can exceed 10 %",
                    unit=Unit.SHARE,
                ),
                Column(name="complete", label="complete", meaning="the period ended by the data cut"),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """How recurring revenue moved in the last complete period."""
        rows = self.table[self.table["complete"]]
        if not len(rows):
            return "No period is complete yet."
        last = rows[rows["period"] == rows["period"].max()]
        opening, closing = float(last["opening"].sum()), float(last["closing"].sum())
        joined, left = int(last["new_customers"].sum()), int(last["churn_customers"].sum())
        money = ""
        if self.currency:
            money = f" {self.currency}"
        when = period_label(last["period"].iloc[0], self.every)
        return (
            f"{when}: recurring revenue went from {opening:,.0f} to {closing:,.0f}{money} a month; "
            f"{joined:,} customers joined, {left:,} left."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know: the definition, running periods, large accounts."""
        notes = [f"Definition of recurring revenue and of leaving: {self.profile}."]
        if not self.table["complete"].all():
            notes.append("The last period had not ended at the data cut.")
        large = self.table["largest_share"].max()
        if large > LARGE_ACCOUNT:
            notes.append(f"One account holds {100 * large:.0f} % of an opening balance.")
        return tuple(notes)

    def __post_init__(self) -> None:
        cents = {
            name: (self.table[name] * 100).round().astype("int64") for name in ("opening", "closing", *LEDGER)
        }
        moved = sum(sign * cents[name] for name, sign in LEDGER.items())
        wrong = cents["opening"] + moved - cents["closing"]
        if (wrong != 0).any():
            raise DataError(
                "the bridge does not reconcile",
                where=f"{int((wrong != 0).sum())} rows, first {self.table.loc[wrong != 0, 'period'].iloc[0]}",
                next_step="report this as a defect of the package",
            )

    @property
    def periods(self) -> pd.DatetimeIndex:
        """First days of the periods, in order."""
        import pandas as pd

        return pd.DatetimeIndex(self.table["period"].unique())

    def position(self, period: Any = None, **group: Any) -> int:
        """Return the row of a period and group; by default the last complete period.

        Parameters
        ----------
        period : str or timestamp, optional
            Any moment within the period, such as ``"2024-03"``.
        **group
            A value for each column of ``by``.

        Raises
        ------
        ArgumentError
            If there is no such period or group, a group is not named, or the period is no date.
        """
        if set(group) != set(self.by):
            raise ArgumentError(
                f"the group names {sorted(group) or 'nothing'}", wanted=f"a value for each of {list(self.by)}"
            )
        rows = self.table
        for column, value in group.items():
            rows = rows[rows[column] == value]
        if period is None:
            rows = rows[rows["complete"]]
        else:
            moment = local_moment(period)
            rows = rows[rows["period"] <= moment]
            if moment >= next_period(self.periods[-1], self.every):
                rows = rows.iloc[:0]
        if rows.empty:
            raise ArgumentError(
                f"the bridge has no complete period {'' if period is None else period} {group or ''}".strip(),
                wanted=f"a {self.every} from {self.periods[0]:%Y-%m-%d} to {self.periods[-1]:%Y-%m-%d}",
            )
        return int(rows.index[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return the ledger and its settings as plain values."""
        kept = ("table", "every", "profile", "by", "currency", "name")
        return {key: as_plain(getattr(self, key)) for key in kept}

    def __str__(self) -> str:
        title = f"MRR bridge by {self.every}" + (f", {self.currency}" if self.currency else "")
        columns = ["period", *self.by, "opening", *LEDGER, "closing"]
        if (self.table["fx"] == 0).all():
            columns.remove("fx")
        text = self.table[columns].tail(12).to_string(index=False, float_format=lambda value: f"{value:,.2f}")
        return f"{title} (definition: {self.profile})\n{text}"

    __repr__ = __str__
