"""Small exact calculators: prices by the month, annual rates, payback, and what retention is worth here."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_number
from cxresearch.errors import ArgumentError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    from cxresearch.stats.survival.survival_curve import KaplanMeier

#: Months in what a price is for.
MONTHS_PER = {"week": 12 / 52, "month": 1.0, "quarter": 3.0, "half_year": 6.0, "year": 12.0}


def check_margin(margin: float) -> float:
    """Return a gross margin above 0, at most 1.

    Examples
    --------
    >>> check_margin(0.8)
    0.8
    """
    if check_number("margin", margin, above=0) > 1:
        raise ArgumentError(f"margin is {margin!r}", wanted="a share above 0, at most 1: 0.8, not 80")
    return float(margin)


def check_whole(name: str, value: float, what: str) -> int:
    """Return a whole number from 1 on.

    Examples
    --------
    >>> check_whole("years", 5.0, "years")
    5
    """
    wanted = f"a whole number of {what}, 1 or more"
    if isinstance(value, bool) or not isinstance(value, Real) or not value >= 1 or value % 1 != 0:
        raise ArgumentError(f"{name} is {value!r}", wanted=wanted)
    return int(value)


def monthly_amount(amount: float, *, per: str) -> float:
    """Return what a recurring price comes to in a month: an annual plan of 2,000 is 166.67.

    Parameters
    ----------
    amount : float
        The price, 0 or more.
    per : {"week", "month", "quarter", "half_year", "year"}
        What it is for. A week is 12/52 of a month.

    Examples
    --------
    >>> round(monthly_amount(2000, per="year"), 2)
    166.67
    """
    return check_number("amount", amount, at_least=0) / MONTHS_PER[check_choice("per", per, MONTHS_PER)]


def annualise(rate: float, *, periods: float = 12) -> float:
    """Return the annual churn that a constant churn of each period amounts to: 1 - (1 - c)^periods.

    Parameters
    ----------
    rate : float
        Churn of one period, 0 to 1. Never multiply it: 12 months at 5 % are 46 %, not 60 %.
    periods : float
        Periods in a year.

    Examples
    --------
    >>> round(annualise(0.05), 4)
    0.4596
    """
    check_number("rate", rate, at_least=0)
    if rate > 1:
        raise ArgumentError(f"rate is {rate!r}", wanted="a share from 0 to 1: 0.05, not 5")
    # 1 - (1 - c)^k: who is left after k periods of the same churn.
    return 1.0 - math.pow(1 - rate, check_number("periods", periods, above=0))


def annualised(churn: Estimate, *, periods: float = 12) -> Estimate:
    """Return an estimated churn of one period as an annual one, its interval carried along.

    Parameters
    ----------
    churn : Estimate
        A share, such as `logo_churn` returns it.
    periods : float
        Periods in a year: 12 for months, 4 for quarters.

    Examples
    --------
    >>> monthly = Estimate(
    ...     name="Customer churn",
    ...     value=0.05,
    ...     low=0.02,
    ...     high=0.11,
    ...     level=0.95,
    ...     se=0.02,
    ...     n=100,
    ...     unit=Unit.SHARE,
    ...     method="score interval",
    ... )
    >>> annualised(monthly)
    Customer churn, annualised 46.0 % [21.5 %, 75.3 %], n 100
    """
    check_number("periods", periods, above=0)
    if churn.unit is not Unit.SHARE or not (0 <= churn.value <= 1 or math.isnan(churn.value)):
        raise ArgumentError(f"{churn.name} is not a share from 0 to 1", wanted="a churn rate of one period")
    ends = [1 - (1 - min(max(end, 0.0), 1.0)) ** periods for end in (churn.value, churn.low, churn.high)]
    return Estimate(
        name=f"{churn.name}, annualised",
        value=ends[0],
        low=ends[1],
        high=ends[2],
        level=churn.level,
        # Delta method: d/dc of 1 - (1 - c)^k is k (1 - c)^(k - 1).
        se=churn.se * periods * (1 - churn.value) ** (periods - 1),
        n=churn.n,
        unit=Unit.SHARE,
        method=f"1 - (1 - c)^{periods:g}, as if every period were like this one; {churn.method}",
        denominator=churn.denominator,
        note=churn.note,
    )


def cac_payback(
    cost: float | Estimate,
    monthly_value: float,
    *,
    margin: float = 1.0,
    curve: KaplanMeier | None = None,
) -> Estimate:
    """Return the months until what a customer brings in covers what winning the customer cost.

    Parameters
    ----------
    cost : float or Estimate
        Acquisition cost of one customer, 0 or more; `acquisition_cost` gives it with its interval.
    monthly_value : float
        Revenue of a customer in a month, above 0.
    margin : float
        Gross margin, above 0 and at most 1.
    curve : KaplanMeier, optional
        Time from joining to leaving. Then customers who leave before stop paying, which lengthens the
        payback, perhaps beyond the follow-up (NaN). Without it nobody ever leaves, as the usual formula has
        it.

    Returns
    -------
    Estimate
        In months. The interval reflects the curve (at its upper limit more customers stay) and that of the
        cost, if it has one; both together by MOVER, as independent. ``n`` counts the customers followed, or
        without a curve those the cost rests on.

    Raises
    ------
    ArgumentError
        If a number is outside its range, such as a margin of 80 for 80 %, the cost is not money, or cost and
        curve have different levels.

    References
    ----------
    Zou, G. Y., & Donner, A. (2008). Construction of confidence limits about effect measures. Statistics in
    Medicine 27, 1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> cac_payback(600, 100, margin=0.8).value
    7.5
    """
    known = _known_cost(cost, curve)
    monthly = check_number("monthly_value", monthly_value, above=0) * check_margin(margin)
    wanted = [end / monthly for end in (known.value, known.low, known.high)]
    if curve is None:
        value, low, high = wanted
        method = "cost / (monthly value x margin); nobody leaves"
    else:
        value, low, high = _paid_with_leavers(curve, wanted)
        method = "area under the survival curve reaches cost / (monthly value x margin)"
    n, customers = (known.n, known.denominator) if curve is None else (curve.n, "customers followed")
    late = ""
    if math.isnan(value) and not math.isnan(known.value):
        late = "not reached within the follow-up"
    return Estimate(
        name="CAC payback",
        value=value,
        low=low,
        high=high,
        level=known.level,
        se=math.nan,
        n=n,
        unit=Unit.MONTHS,
        method=f"{method}; cost: {known.method}" if known.method else method,
        denominator=customers,
        note=late or known.note,
    )


def _known_cost(cost: float | Estimate, curve: KaplanMeier | None) -> Estimate:
    """Return the cost of a customer as an estimate, one without an interval if it is a number."""
    if isinstance(cost, Estimate):
        if cost.unit is not Unit.MONEY:
            raise ArgumentError(f"cost is {cost.name}, in {cost.unit}", wanted="money for one customer")
        if curve is not None and curve.level != cost.level:
            raise ArgumentError(
                f"cost has level {cost.level:g} and the curve {curve.level:g}", wanted="one level for both"
            )
        return cost
    return Estimate(
        name="CAC",
        value=check_number("cost", cost, at_least=0),
        low=math.nan,
        high=math.nan,
        level=0.95 if curve is None else curve.level,
        se=math.nan,
        n=0,
        unit=Unit.MONEY,
        method="",
        denominator="customers followed",
    )


def _paid_with_leavers(curve: KaplanMeier, wanted: list[float]) -> tuple[float, float, float]:
    """Months to the paid ones wanted, with limits from those of the curve and of what is wanted."""
    # More survivors pay back sooner: the upper curve gives the lower limit of the months.
    ends = [np.where(np.isnan(end), curve.survival, end) for end in (curve.high, curve.low)]
    value, low, high = (_when_paid(curve, survival, wanted[0]) for survival in (curve.survival, *ends))
    if not math.isnan(wanted[1]):
        less, more = (_when_paid(curve, curve.survival, end) for end in wanted[1:])
        # MOVER (Zou and Donner 2008): independent errors of curve and cost add in squares.
        low = max(value - math.hypot(value - low, value - less), 0.0)
        high = value + math.hypot(high - value, more - value)
    return value, low, math.inf if math.isnan(high) else high


def _when_paid(curve: KaplanMeier, survival: np.ndarray, wanted: float) -> float:
    """Months at which the area under a step curve reaches the wanted number of paid months."""
    month = 1.0
    if curve.unit is Unit.DAYS:
        month = DAYS_A_MONTH
    edges = np.concatenate([[0.0], curve.time]) / month
    heights = np.concatenate([[1.0], survival[:-1]])
    # Paid months so far: the area under S(t).
    area = np.concatenate([[0.0], np.cumsum(heights * np.diff(edges))])
    if not area[-1] >= wanted:
        return math.nan
    # Within a step the area grows by S a month: t = edge + (wanted - area at the edge) / S.
    step = int(np.searchsorted(area, wanted, side="left"))
    if step == 0:
        return 0.0
    return float(edges[step - 1] + (wanted - area[step - 1]) / heights[step - 1])


def retention_economics(
    *,
    customers: float,
    monthly_value: float,
    margin: float,
    annual_retention: float,
    points: float = 0.05,
    years: int = 5,
    fixed_cost: float = 0.0,
    discount: float = 0.0,
) -> pd.DataFrame:
    """Return what a better retention would earn *here*: a calculator, not a law.

    The trade quotes "five points of retention raise profit by 25 to 95 %" (Reichheld and Sasser 1990).
    Whether that holds depends on margin, churn, horizon and fixed cost; put in your own.

    Parameters
    ----------
    customers : float
        Customers today, above 0; none are added, so that the difference is retention's alone.
    monthly_value : float
        Revenue of one customer in a month, 0 or more.
    margin : float
        Gross margin, above 0 and at most 1.
    annual_retention : float
        Share of customers still there after a year, above 0 and at most 1.
    points : float
        Change of annual retention to look at: 0.05 for five points.
    years : int
        Horizon, 1 or more.
    fixed_cost : float
        Cost a year that does not depend on the number of customers, 0 or more.
    discount : float
        Annual discount rate, above -1.

    Returns
    -------
    DataFrame
        Columns ``quantity, now, then, difference, change`` (relative to now; NaN where now is not above 0);
        rows ``annual retention``, ``customers at the end``, ``revenue``, ``gross profit``, ``profit`` over
        the horizon.

    Raises
    ------
    ArgumentError
        If a number is outside its range, such as a margin of 70 for 70 %.

    References
    ----------
    Reichheld, F. F., & Sasser, W. E. (1990). Zero defections: quality comes to services. Harvard Business
    Review 68(5), 105-111.

    Examples
    --------
    >>> table = retention_economics(
    ...     customers=1000, monthly_value=50, margin=0.7, annual_retention=0.8, fixed_cost=200_000
    ... )
    >>> round(float(table.set_index("quantity")["change"]["profit"]), 3)
    0.614
    """
    check_margin(margin)
    check_number("customers", customers, above=0)
    check_number("monthly_value", monthly_value, at_least=0)
    check_number("fixed_cost", fixed_cost, at_least=0)
    check_whole("years", years, "years")
    check_number("points", points)
    for name, share in (
        ("annual_retention", check_number("annual_retention", annual_retention)),
        ("annual_retention + points", annual_retention + points),
    ):
        if not 0 < share <= 1:
            raise ArgumentError(f"{name} is {share:g}", wanted="a share above 0, at most 1: 0.8, not 80")
    rows = {"now": annual_retention, "then": annual_retention + points}
    months = np.arange(12 * int(years))
    weight = (1 + check_number("discount", discount, above=-1)) ** (-months / 12)
    table: dict[str, list[float]] = {}
    for column, retention in rows.items():
        # Customers left after t months of the same retention a year.
        alive = customers * retention ** (months / 12)
        revenue = float(np.sum(alive * monthly_value * weight))
        profit = revenue * margin - float(np.sum(fixed_cost / 12 * weight))
        table[column] = [retention, customers * retention ** int(years), revenue, revenue * margin, profit]
    quantities = pd.DataFrame(table)
    quantities.insert(
        0, "quantity", ["annual retention", "customers at the end", "revenue", "gross profit", "profit"]
    )
    quantities["difference"] = quantities["then"] - quantities["now"]
    quantities["change"] = np.where(
        quantities["now"] > 0,
        quantities["difference"] / quantities["now"].where(quantities["now"] > 0),
        np.nan,
    )
    return quantities
