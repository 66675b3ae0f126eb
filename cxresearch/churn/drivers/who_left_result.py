"""What goes with having left, in a list of customers without dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.wording import listed

if TYPE_CHECKING:
    import pandas as pd

#: Fewer leavers or stayers than this are named.
FEW = 30


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WhoLeft(Result):
    """What :func:`cxresearch.study.who_left` found in a snapshot.

    Attributes
    ----------
    table : DataFrame
        One row for each number and for each group of a text column, the sharpest first. Columns ``column``;
        ``group`` (empty for a number); ``auc, low, high, se``; ``higher`` (``"leavers"``, ``"stayers"``, or
        ``"not told apart"``); ``share, share_low, share_high`` (who left within the group; NaN for a number);
        ``n, leavers, n_missing``; ``p_value, p_adjusted`` (no difference; Holm over all rows); ``alarm`` (why
        the column looks as if it knew the outcome, or empty).
    share : Estimate
        Share of customers who left.
    smallest_auc : float
        The AUC that a number would have shown in 80 % of such lists.
    left_aside : tuple of str
        Columns not looked at, each with the reason.
    caution : str
        What no snapshot can tell.
    level : float
    n, leavers : int
    """

    table: pd.DataFrame
    share: Estimate
    smallest_auc: float
    left_aside: tuple[str, ...]
    caution: str
    level: float
    n: int
    leavers: int
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="What goes with having left; {n} customers, {leavers} left, {level} intervals",
            columns=(
                Column(name="column", label="column", meaning="of the list"),
                Column(name="group", label="group", meaning="value of a text column"),
                Column(
                    name="auc",
                    label="AUC",
                    meaning="chance that a leaver has more of it than a stayer, ties one half",
                    unit=Unit.AUC,
                    low="low",
                    high="high",
                ),
                Column(name="higher", label="more among", meaning="leavers or stayers"),
                Column(
                    name="share",
                    label="left in the group",
                    meaning="share of the group who left",
                    unit=Unit.SHARE,
                    low="share_low",
                    high="share_high",
                    missing="",
                ),
                Column(name="n", label="customers", meaning="who have a value"),
                Column(
                    name="p_adjusted",
                    label="p, corrected (Holm)",
                    meaning="no difference between leavers and stayers",
                    unit=Unit.P_VALUE,
                ),
                Column(name="alarm", label="alarm", meaning="why it looks as if it knew the outcome"),
            ),
        )
    }

    @property
    def told(self) -> pd.DataFrame:
        """Rows that differ between leavers and stayers beyond the error of all rows, without an alarm."""
        sure = (self.table["p_adjusted"] < 1 - self.level) & (self.table["alarm"] == "")
        return self.table[sure]

    @property
    def finding(self) -> str:
        """How many left, and what goes with it most."""
        text = f"{_written(self.share)} of {self.n:,} customers left."
        told = self.told
        if not len(told):
            return (
                f"{text} Nothing in the list tells them apart; an AUC of "
                f"{format_value(self.smallest_auc, Unit.AUC)} would have shown in 80 % of such lists."
            )
        first = told.iloc[0]
        auc = _written(self.auc(str(first["column"]), group=str(first["group"])))
        return f"{text} {_named(first)} goes with it most, more among {first['higher']}: AUC {auc}."

    @property
    def notes(self) -> tuple[str, ...]:
        """The standing caution, alarms, and what was not looked at."""
        notes = [self.caution]
        alarms = self.table[self.table["alarm"] != ""].drop_duplicates("column")
        notes += [f"{row['column']}: {row['alarm']}." for row in alarms.to_dict("records")]
        fewer = min(self.leavers, self.n - self.leavers)
        if fewer < FEW:
            notes.append(f"Only {fewer} leavers or stayers: intervals are rough.")
        if self.left_aside:
            notes.append(f"Not looked at: {listed(self.left_aside, most=8)}.")
        return tuple(notes)

    def auc(self, column: str, *, group: str = "") -> Estimate:
        """Return the AUC of a column, or of a group of it.

        Raises
        ------
        ArgumentError
            If there is no such row.
        """
        rows = self.table[(self.table["column"] == column) & (self.table["group"] == group)]
        if not len(rows):
            raise ArgumentError(
                f"there is no row of {column!r} {group!r}".rstrip(" '"),
                wanted=f"one of {listed(self.table['column'].unique())}, of a text column with its group",
            )
        row = rows.iloc[0]
        return Estimate(
            name=f"AUC of {_named(row)}",
            value=float(row["auc"]),
            low=float(row["low"]),
            high=float(row["high"]),
            se=float(row["se"]),
            level=self.level,
            n=int(row["n"]),
            n_missing=int(row["n_missing"]),
            unit=Unit.AUC,
            method="DeLong",
            note=str(row["alarm"]),
        )


def _written(estimate: Estimate) -> str:
    return format_estimate(estimate.value, estimate.low, estimate.high, estimate.unit)


def _named(row: pd.Series[str]) -> str:
    if row["group"]:
        return f"{row['column']} {row['group']!r}"
    return str(row["column"])
