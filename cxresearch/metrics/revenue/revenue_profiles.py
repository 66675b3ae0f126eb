"""How the trade's tools count recurring revenue: one frozen definition each, with its source."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from cxresearch.checks import check_choice
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.options import Option
from cxresearch.results.result import facts_html

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class RevenueProfile:
    """A definition of recurring revenue and churn.

    Attributes
    ----------
    name, label : str
        What an argument says and what a report prints.
    pause : {"contraction", "churn", "kept"}
        A row with status ``paused``: its MRR falls to zero while the customer stays (contraction), the
        customer has left (churn), or the MRR stated in the row goes on counting (kept).
    moves : {"period_end", "every_change"}
        ``period_end`` compares the last level of a period with the last of the period before, so that who
        joins and leaves within the period never appears. ``every_change`` counts each change of level.
    coupons : {"all", "forever"}
        Which discounts lower MRR: all of them, or only those that never end.
    free : {"churn", "contraction"}
        A paying customer whose status stays ``active`` at a level of 0 (free plan, 100 % coupon) has left, or
        has contracted to nothing and remains a customer.
    past_due_days : int or None
        Days after which a ``past_due`` level counts as churn; None keeps it until the status changes.
    churned_denominator : {"opening", "opening_and_new"}
        Customers that customer churn is divided by.
    left_within : bool
        Whether customers who joined, or came back, and left within the period are in the numerator.
    net_offsets : tuple of str
        Moves subtracted from gross churn to make net churn.
    gross_losses : tuple of str
        Moves that make up gross revenue churn.
    expansion_base : {"opening", "new"}
        What expansion is divided by.
    source : str
        The pages this reading rests on.

    Notes
    -----
    A trial never counts: status ``trial`` is a level of 0 before the customer's first. Nor does a status of
    ``unpaid`` or ``cancelled``. `REVENUE_PROFILES` holds the definitions of the trade's tools, each with the
    pages it was read from in ``source``; docs/metrics.md compares them.

    Examples
    --------
    >>> list(REVENUE_PROFILES)
    ['cxresearch', 'chartmogul', 'stripe', 'profitwell', 'baremetrics', 'articles']
    >>> REVENUE_PROFILES["stripe"].coupons
    'forever'
    >>> from dataclasses import replace
    >>> mine = replace(REVENUE_PROFILES["stripe"], name="ours", past_due_days=60)
    >>> mine.past_due_days
    60
    """

    name: str
    label: str
    pause: Literal["contraction", "churn", "kept"] = "contraction"
    moves: Literal["period_end", "every_change"] = "period_end"
    coupons: Literal["all", "forever"] = "all"
    free: Literal["churn", "contraction"] = "churn"
    past_due_days: int | None = None
    churned_denominator: Literal["opening", "opening_and_new"] = "opening"
    left_within: bool = False
    net_offsets: tuple[str, ...] = ("expansion",)
    gross_losses: tuple[str, ...] = ("churn", "contraction")
    expansion_base: Literal["opening", "new"] = "opening"
    source: str = ""

    def _repr_html_(self) -> str:
        late = "kept"
        if self.past_due_days is not None:
            late = f"after {self.past_due_days} days"
        facts = {
            "pause": self.pause,
            "moves": self.moves.replace("_", " "),
            "coupons": self.coupons,
            "free": self.free,
            "past due": late,
            "churned customers over": self.churned_denominator.replace("_", " "),
            "joined and left": "counted" if self.left_within else "not counted",
            "gross churn": ", ".join(self.gross_losses),
            "net churn less": ", ".join(self.net_offsets),
            "expansion over": self.expansion_base,
            "source": self.source,
        }
        return facts_html(f"Revenue by {self.label}", facts)


_PROFILES = (
    RevenueProfile(
        name="cxresearch",
        label="cxresearch",
        source="Opening cohort throughout: who was not a customer when the period began is in no rate",
    ),
    RevenueProfile(
        name="chartmogul",
        label="ChartMogul",
        pause="kept",
        moves="every_change",
        free="contraction",
        net_offsets=("expansion", "reactivation"),
        source="ChartMogul Help Center: 'Churn rate formulas' (standard formula), 'Metric: MRR Churn Rate', "
        "'Handling paused subscriptions in ChartMogul' (as for Stripe), 'Handling past-due subscriptions' "
        "(default), 'Configuring Subscription Analytics settings' (free customers: default)",
    ),
    RevenueProfile(
        name="stripe",
        label="Stripe Billing",
        pause="kept",
        moves="every_change",
        coupons="forever",
        churned_denominator="opening_and_new",
        left_within=True,
        net_offsets=("expansion", "reactivation"),
        source="Stripe: 'Billing metric definitions'; support articles 'Billing Analytics', 'Calculating "
        "subscriber churn rate in Billing', 'Impact of discounts and coupons on MRR' (the rule before it "
        "became a setting)",
    ),
    RevenueProfile(
        name="profitwell",
        label="ProfitWell Metrics (Paddle)",
        pause="contraction",
        moves="period_end",
        past_due_days=15,
        source="Paddle Help, ProfitWell Metrics: 'ProfitWell vs. Stripe', 'ProfitWell vs. Maxio', 'Churn', "
        "'ProfitWell FAQs for Paddle users' (dunning window: at least 15 days recommended, a setting)",
    ),
    RevenueProfile(
        name="baremetrics",
        label="Baremetrics",
        pause="churn",
        moves="every_change",
        past_due_days=30,
        left_within=True,
        source="Baremetrics Help: 'User and Revenue Churn', 'Monthly Recurring Revenue' (coupons, "
        "delinquency, free plans); changelog 'Churn Update', 'Net MRR Churn'. Pauses are not described: "
        "a level of 0 is read as churn",
    ),
    RevenueProfile(
        name="articles",
        label="Articles of the trade",
        gross_losses=("contraction",),
        expansion_base="new",
        source="Customer-success articles that call downgrades alone 'gross dollar churn' and give expansion "
        "as a share of new revenue; offered so that their figures can be reproduced, not recommended",
    ),
)

#: The definitions by name; pass a name, or a `RevenueProfile` of your own, as ``profile=``. `RevenueProfile`
#: says what each field means, and ``source`` where a definition was read.
REVENUE_PROFILES: Mapping[str, RevenueProfile] = MappingProxyType({item.name: item for item in _PROFILES})


def revenue_profile(profile: str | RevenueProfile) -> RevenueProfile:
    """Return a definition by name, or the one given.

    Parameters
    ----------
    profile : str or RevenueProfile
        ``"cxresearch"``, ``"chartmogul"``, ``"stripe"``, ``"profitwell"``, ``"baremetrics"``,
        ``"articles"``, or your own, for instance ``dataclasses.replace(revenue_profile("stripe"),
        past_due_days=60)``.

    Raises
    ------
    ArgumentError
        If the name is unknown.

    Examples
    --------
    >>> revenue_profile("baremetrics").past_due_days
    30
    """
    if isinstance(profile, RevenueProfile):
        return profile
    if not isinstance(profile, str):
        raise ArgumentError(f"profile is {profile!r}", wanted="a name or a RevenueProfile")
    return REVENUE_PROFILES[check_choice("profile", profile, REVENUE_PROFILES)]


@dataclass(frozen=True)
class _ProfileOption(Option):
    """A definition of recurring revenue, by name or in itself."""

    def check(self, value: Any) -> None:
        """Refuse what is no definition."""
        self.refuse(value, str, RevenueProfile, wanted="the name of a definition, or a RevenueProfile")
        revenue_profile(value)


#: The option of every metric of recurring revenue.
PROFILE = _ProfileOption("profile", "cxresearch")
