"""Open tickets by age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cxresearch.results.base import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TicketAgeing(Result):
    """How long the open tickets have been waiting at the data cut.

    Attributes
    ----------
    frame : DataFrame
        One row for each group and band: columns of ``by``, ``from_hours, to_hours`` (infinite for the last),
        ``band`` (its label), ``n``.
    by : tuple of str
        Group columns.
    n : int
        Open tickets.
    observed_until : datetime
        The data cut, naive UTC.
    name : str
        Name of the study.
    """

    frame: pd.DataFrame
    n: int
    observed_until: datetime
    by: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        table = self.frame[[*self.by, "band", "n"]].to_string(index=False)
        return f"{self.n:,} open tickets on {self.observed_until:%Y-%m-%d %H:%M} UTC, by age\n{table}"

    __repr__ = __str__
