"""Whom to contact: a list of customers by expected saved revenue, and what contacting more of them brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd


def money_words(currency: str) -> str:
    """What stands behind an amount: the currency, or that the study does not name it.

    Examples
    --------
    >>> money_words("EUR"), money_words("")
    ('EUR', "in the study's currency")
    """
    return currency or "in the study's currency"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RiskList(Result):
    """Active customers on a day, in the order in which contacting them pays.

    Attributes
    ----------
    table : DataFrame
        Columns ``rank, customer_id, risk, risk_low, risk_high, mrr, revenue_at_risk, expected_saved, reasons,
        since, last_contact, owner`` (None where customers have no such column), then the segments (one that
        is called as a column of the list ends in ``_group``). ``revenue_at_risk`` is risk times MRR times
        ``value_months``;
        ``expected_saved`` is that times the success rate, less the cost of the contact; ``reasons`` is a text
        of what raises this customer's risk most against a typical customer, in the model, not in the world;
        ``since`` is the first look-back day of an unbroken spell above ``high_risk``, NaT below it. MRR and
        what follows from it are NaN where the study has no revenue, and the rank is by risk.
    on : datetime
        Naive UTC.
    customers : int
        Active customers scored, listed or not.
    high_risk : float
        Risk that parts the riskiest tenth of them from the rest.
    total_at_risk : float
        Revenue at risk of all of them; NaN without revenue.
    worth_contacting : int
        Customers with ``expected_saved`` above 0; all of them where costs are not known.
    contact_cost, success_rate, value_months, horizon_days, level : float
    currency, name : str
    """

    table: pd.DataFrame
    on: datetime
    customers: int
    high_risk: float
    total_at_risk: float
    worth_contacting: int
    contact_cost: float
    success_rate: float
    value_months: float
    horizon_days: float
    level: float
    currency: str = ""
    name: str = ""
    caveat: str = (
        "Reasons say what the model looked at, not what made a customer unhappy or what would keep them. "
        "The interval is for the risk of customers like this one."
    )
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title=(
                "{listed:,} of {customers:,} active customers on {on:%-d %B %Y}. Amounts in {money}. {notes}"
            ),
            groups_first=True,
            columns=(
                Column(name="rank", label="rank", meaning="order in which contacting pays"),
                Column(name="customer_id", label="customer", meaning="the customer"),
                Column(
                    name="risk",
                    label="risk",
                    meaning="of leaving within the horizon",
                    unit=Unit.SHARE,
                    low="risk_low",
                    high="risk_high",
                ),
                Column(
                    name="revenue_at_risk",
                    label="revenue at risk",
                    meaning="risk times MRR times ``value_months``",
                    unit=Unit.COUNT,
                ),
                Column(
                    name="expected_saved",
                    label="expected saved",
                    meaning="that times the success rate, less the cost of a contact",
                    unit=Unit.COUNT,
                ),
                Column(name="reasons", label="reasons", meaning="what raises the risk most, in the model"),
                Column(name="owner", label="owner", meaning="who looks after the customer"),
                Column(
                    name="last_contact",
                    label="last contact",
                    meaning="last answer, ticket or contact on record",
                    unit=Unit.DATE,
                    missing="never",
                ),
                Column(
                    name="since",
                    label="high risk since",
                    meaning="first of the latest days in a row above ``high_risk``",
                    unit=Unit.DATE,
                    missing="not now",
                ),
            ),
        )
    }

    @property
    def listed(self) -> int:
        """Customers listed."""
        return len(self.table)

    @property
    def money(self) -> str:
        """What amounts are in."""
        return self.currency or "the study's currency"

    @property
    def nameless(self) -> pd.DataFrame:
        """The list without who is meant, for a page that others see."""
        return self.table.drop(columns=["customer_id", "owner"], errors="ignore")

    @property
    def formula(self) -> str:
        """How revenue at risk and expected saving are reckoned, with the figures used."""
        keeps = format_value(self.success_rate, Unit.SHARE)
        return (
            f"revenue at risk = risk of leaving within {self.horizon_days:g} days × MRR × "
            f"{self.value_months:g} months; "
            f"expected saved = {keeps} × revenue at risk − {self.contact_cost:g}"
        )

    @property
    def finding(self) -> str:
        """How many customers are worth a contact, and what is at stake."""
        text = f"Of {self.customers:,} customers there on {self.on:%-d %B %Y}"
        # NaN: the study has no revenue.
        if self.total_at_risk != self.total_at_risk:
            return (
                f"{text} {self.listed:,} are listed by their risk of leaving in {self.horizon_days:g} days."
            )
        money = f"{self.total_at_risk:,.0f} {money_words(self.currency)}"
        keeps = format_value(self.success_rate, Unit.SHARE)
        return (
            f"{text} it pays to contact {self.worth_contacting:,}, if a contact costs {self.contact_cost:g} "
            f"and keeps {keeps} of those who would leave. {money} of the revenue of {self.value_months:g} "
            "months is at risk."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (self.caveat,)

    def __str__(self) -> str:
        lines = [
            f"Risk list on {self.on:%-d %B %Y}: {self.customers:,} active customers, "
            f"{len(self.table):,} listed, risk of leaving within {self.horizon_days:g} days",
        ]
        if self.total_at_risk == self.total_at_risk:
            money = format_value(self.total_at_risk, Unit.MONEY)
            money += f" {money_words(self.currency)}"
            lines.append(
                f"  {money} at risk over {self.value_months:g} months; contacting pays for "
                f"{self.worth_contacting:,} customers (cost {self.contact_cost:g}, "
                f"success {format_value(self.success_rate, Unit.SHARE)})"
            )
        for row in self.table.head(10).itertuples():
            interval = format_interval(float(str(row.risk_low)), float(str(row.risk_high)), Unit.SHARE)
            risk = format_value(float(str(row.risk)), Unit.SHARE)
            lines.append(f"  {row.rank}. {row.customer_id}: {risk} {interval}: {row.reasons}")
        return "\n".join([*lines, f"  {self.caveat}"])

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values; rows of customers stay out of it."""
        names = [name for name in self.__dataclass_fields__ if name != "table"]
        return {name: as_plain(getattr(self, name)) for name in names} | {"listed": len(self.table)}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ProfitCurve(Result):
    """What contacting the most promising share of customers would have brought, on held-out rows.

    Attributes
    ----------
    table : DataFrame
        Columns ``share, contacts, reached, profit, low, high, lowest_risk``: contacting this share (in the
        order of expected saved revenue) reaches so many who would leave, and brings this profit.
    break_even_share : float
        Share whose expected saving exceeds the cost by the model's own risks: needs no look at the outcome,
        and is the threshold to use.
    break_even_profit, break_even_low, break_even_high : float
        Profit at that share.
    best_share : float
        Share with the highest profit on these rows: flattering, since chosen by looking.
    n : int
    contact_cost, success_rate, value_months, level : float
    currency : str
    """

    table: pd.DataFrame
    break_even_share: float
    break_even_profit: float
    break_even_low: float
    break_even_high: float
    best_share: float
    n: int
    contact_cost: float
    success_rate: float
    value_months: float
    level: float
    currency: str = ""
    caveat: str = (
        "Assumes that a contact keeps a leaving customer with the success rate given, whoever it is; only a "
        "trial with a control group can tell whether it does."
    )

    @property
    def money(self) -> str:
        """What amounts are in."""
        return self.currency or "the study's currency"

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Profit by share contacted on {n:,} held-out rows, with {level} intervals",
            columns=(
                Column(name="share", label="contacted", meaning="share of customers", unit=Unit.SHARE),
                Column(name="contacts", label="contacts", meaning="customers contacted", unit=Unit.COUNT),
                Column(name="reached", label="reached", meaning="of those who would leave", unit=Unit.COUNT),
                Column(
                    name="profit",
                    label="profit",
                    meaning="saved revenue less the cost of the contacts",
                    unit=Unit.MONEY,
                    low="low",
                    high="high",
                ),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """What contacting the customers worth it by the model's own risks would have brought."""
        profit = format_value(self.break_even_profit, Unit.MONEY)
        interval = format_interval(self.break_even_low, self.break_even_high, Unit.MONEY)
        share = format_value(self.break_even_share, Unit.SHARE)
        return f"Contacting {share} of customers brings {profit} {interval} {money_words(self.currency)}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (self.caveat,)

    def __str__(self) -> str:
        profit = format_value(self.break_even_profit, Unit.MONEY)
        interval = format_interval(self.break_even_low, self.break_even_high, Unit.MONEY)
        return "\n".join(
            [
                f"Profit curve on {self.n:,} held-out rows (cost {self.contact_cost:g}, success "
                f"{format_value(self.success_rate, Unit.SHARE)}, {self.value_months:g} months of MRR)",
                f"  Contact {format_value(self.break_even_share, Unit.SHARE)} of customers: profit {profit} "
                f"{interval} {money_words(self.currency)}",
                f"  Highest on these rows, by looking: {format_value(self.best_share, Unit.SHARE)}",
                f"  {self.caveat}",
            ]
        )

    __repr__ = __str__
