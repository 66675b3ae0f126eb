"""The MRR bridge: how recurring revenue moved from one period to the next, to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.periods import local_moment, next_period
from cxresearch.metrics.revenue.revenue_levels import LEDGER
from cxresearch.results.result import Result, as_plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MrrBridge(Result):
    """Opening + new + expansion + reactivation - contraction - churn + FX = closing, for each period.

    Attributes
    ----------
    frame : DataFrame
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
        Sufficient statistics of the intervals, in whole cents, row by row as ``frame``: ``a*b`` is the sum
        over customers of two kinds of move, ``a*opening`` of a move and the opening level,
        ``opening*opening``,
        ``contraction*contraction/opening``.
    """

    frame: pd.DataFrame
    every: str
    profile: str
    rules: Any
    sums: pd.DataFrame
    by: tuple[str, ...] = ()
    currency: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        cents = {
            name: (self.frame[name] * 100).round().astype("int64") for name in ("opening", "closing", *LEDGER)
        }
        moved = sum(sign * cents[name] for name, sign in LEDGER.items())
        wrong = cents["opening"] + moved - cents["closing"]
        if (wrong != 0).any():
            raise DataError(
                "the bridge does not reconcile",
                where=f"{int((wrong != 0).sum())} rows, first {self.frame.loc[wrong != 0, 'period'].iloc[0]}",
                next_step="report this as a defect of the package",
            )

    @property
    def periods(self) -> pd.DatetimeIndex:
        """First days of the periods, in order."""
        import pandas as pd

        return pd.DatetimeIndex(self.frame["period"].unique())

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
        rows = self.frame
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
        kept = ("frame", "every", "profile", "by", "currency", "name")
        return {key: as_plain(getattr(self, key)) for key in kept}

    def __str__(self) -> str:
        title = f"MRR bridge by {self.every}" + (f", {self.currency}" if self.currency else "")
        columns = ["period", *self.by, "opening", *LEDGER, "closing"]
        if (self.frame["fx"] == 0).all():
            columns.remove("fx")
        text = self.frame[columns].tail(12).to_string(index=False, float_format=lambda value: f"{value:,.2f}")
        return f"{title} (definition: {self.profile})\n{text}"

    __repr__ = __str__
