"""What a forecast comes back as: bands, the past it was tested on, rates, and the profit ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.churn.outlook.profit_ahead import PROFIT
from cxresearch.churn.outlook.rolling_backtest import BACKTEST
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd

_WORDS = {"customers": "customers", "mrr": "revenue a month"}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Forecast(Result):
    """Customers and recurring revenue some months ahead.

    Attributes
    ----------
    table : DataFrame
        One row a month ahead of each of ``what``.
    history : DataFrame
        The months before: ``what, month, day, value``; month 0 is the data cut.
    backtest : DataFrame
        The forecast made in the past, beside "as last month" and a straight line.
    points : DataFrame
        Each forecast of the backtest; months counted from the cut.
    rates : DataFrame
        Leaving, expansion and contraction a month, by age.
    profit : DataFrame
        What costs leave of the revenue ahead; empty without costs.
    inflow : Estimate
        New customers a month that were supposed.
    headline : tuple of Estimate
        Each of ``what`` at the last month, with its 80 % band, and the inflow.
    sentences : tuple of str
        The first says how far the forecast is to be trusted where that is not far.
    what : tuple of str
    months, customers_now, draws, level : int or float
    on : datetime
        The data cut, naive UTC.
    by, currency : str
    notes : tuple of str
    """

    table: pd.DataFrame
    history: pd.DataFrame
    backtest: pd.DataFrame
    points: pd.DataFrame
    rates: pd.DataFrame
    profit: pd.DataFrame
    inflow: Estimate
    headline: tuple[Estimate, ...]
    sentences: tuple[str, ...]
    what: tuple[str, ...]
    months: int
    customers_now: int
    draws: int
    level: float
    on: datetime
    by: str
    currency: str
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="The months ahead; {draws} futures drawn",
            columns=(
                Column(name="what", label="what", meaning="customers, or recurring revenue", words=_WORDS),
                Column(name="month", label="months ahead", meaning="from the data cut"),
                Column(name="day", label="by", meaning="the end of that month", unit=None),
                Column(name="value", label="middle", meaning="median of the futures", unit=Unit.COUNT),
                Column(
                    name="in_50",
                    label="50 % band",
                    meaning="half of the futures end within it",
                ),
                Column(name="in_80", label="80 % band", meaning="80 of 100 futures end within it"),
                Column(name="in_95", label="95 % band", meaning="95 of 100 futures end within it"),
            ),
        ),
        "history": TableSpec(
            title="The months before the data cut",
            columns=(
                Column(name="what", label="what", meaning="customers, or recurring revenue", words=_WORDS),
                Column(name="month", label="month", meaning="months from the data cut, 0 the cut itself"),
                Column(name="day", label="by", meaning="the end of that month"),
                Column(name="value", label="value", meaning="as counted", unit=Unit.COUNT),
            ),
        ),
        "backtest": BACKTEST,
        "rates": TableSpec(
            title="A month at each age, of the last months; {level} intervals",
            columns=(
                Column(name="age", label="months since the start", meaning="band of age"),
                Column(name="n", label="months of customers", meaning="customers at risk times months"),
                Column(
                    name="leave",
                    label="leave",
                    meaning="share of customers who leave in a month",
                    unit=Unit.SHARE,
                    low="leave_low",
                    high="leave_high",
                ),
                Column(
                    name="expansion",
                    label="expansion",
                    meaning="added to the revenue of those who stay, a month",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="contraction",
                    label="contraction",
                    meaning="taken from the revenue of those who stay, a month",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="net",
                    label="net move",
                    meaning="expansion less contraction",
                    unit=Unit.SHARE,
                    low="net_low",
                    high="net_high",
                ),
            ),
        ),
        "profit": PROFIT,
    }

    @property
    def finding(self) -> str:
        """How far to trust it, and what is ahead."""
        return " ".join(self.sentences)

    @property
    def trusted(self) -> bool:
        """Whether the forecast beat both simple ones in the past, for everything that is forecast."""
        whole = self.backtest[self.backtest["horizon"] == 0]
        beaten = whole["error"] < whole[["error_naive", "error_line"]].min(axis=1)
        return len(whole) == len(self.what) and bool(beaten.all())

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean; without revenue nothing is said of its moves."""
        spec = super().spec(name)
        if name == "rates" and "mrr" not in self.what:
            return spec.without("expansion", "contraction", "net")
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Return the forecast as plain values; no customer is in it."""
        names = ("what", "months", "table", "history", "backtest", "rates", "profit", "inflow", "notes")
        return {"finding": self.finding, **{name: as_plain(getattr(self, name)) for name in names}}
