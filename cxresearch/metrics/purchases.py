"""Coming back: the second purchase, and the lost customer won back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.data.engine import collect, days_between, period_start
from cxresearch.errors import DataError
from cxresearch.metrics.periods import local_cut
from cxresearch.metrics.revenue_levels import KINDS, revenue_levels, revenue_moves
from cxresearch.metrics.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.kaplan_meier import kaplan_meier
from cxresearch.stats.reached_share import share_reached

if TYPE_CHECKING:
    from datetime import datetime

    from cxresearch.data.study import Study
    from cxresearch.results.curve import KaplanMeier


def purchase_summary(study: Study, *, until: datetime | str | None = None) -> pd.DataFrame:
    """Return how often and when each customer bought; several orders on one day are one purchase.

    Parameters
    ----------
    study : Study
        With table ``orders``. Orders of a negative amount (refunds) are no purchase.
    until : datetime or str, optional
        Count purchases up to the end of this day, in the study's time zone. By default the data cut.

    Returns
    -------
    DataFrame
        ``customer_id, first, second`` (days; NaT without a second), ``last, purchases`` (days with an order),
        ``repeats`` (purchases - 1), ``recency_days`` (first to last), ``age_days`` (first to ``until``).

    References
    ----------
    The counts that repeat-buying models start from: Fader, P. S., Hardie, B. G. S., & Lee, K. L. (2005).
    "Counting your customers" the easy way. Marketing Science 24, 275-284. doi:10.1287/mksc.1040.0098

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-09", "2024-01-09"])
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "ordered_at": days, "amount": 9.0})
    >>> study = Study.from_frames({"orders": orders}, observed_until="2024-02-01", instruments={})
    >>> purchase_summary(study)[["customer_id", "purchases", "repeats", "recency_days"]]
      customer_id  purchases  repeats  recency_days
    0           a          2        1           8.0
    1           b          1        0           0.0
    """
    last_day = local_cut(study).normalize() if until is None else pd.Timestamp(until).normalize()
    found = collect(purchases_by_customer(study, last_day).sort("customer_id"))
    found["purchases"] = found["purchases"].astype("int64")
    return found.assign(
        repeats=found["purchases"] - 1,
        recency_days=(found["last"] - found["first"]).dt.total_seconds() / 86_400,
        age_days=(last_day - found["first"]).dt.total_seconds() / 86_400,
    )


def purchases_by_customer(study: Study, last_day: pd.Timestamp) -> nw.LazyFrame[Any]:
    """Return each customer's purchases up to a day: customer_id, first, second, last, purchases."""
    orders = study.table("orders").filter(nw.col("amount") >= 0)
    days = orders.select(
        "customer_id", day=period_start(nw.col("ordered_at"), "day", study.timezone)
    ).unique()
    days = days.filter(nw.col("day") <= nw.lit(last_day.to_pydatetime()))
    days = days.with_columns(first=nw.col("day").min().over("customer_id"))
    later = nw.when(nw.col("day") > nw.col("first")).then(nw.col("day"))
    return (
        days.with_columns(later=later)
        .group_by("customer_id")
        .agg(
            nw.col("first").min(),
            nw.col("later").min().alias("second"),
            nw.col("day").max().alias("last"),
            nw.len().alias("purchases"),
        )
    )


def repeat_purchase(study: Study, *, level: float = 0.95) -> KaplanMeier:
    """Return the curve of the time from the first purchase to the second; who has bought once is censored.

    Parameters
    ----------
    study : Study
        With table ``orders``; see `purchase_summary`.
    level : float
        Confidence level.

    Returns
    -------
    KaplanMeier
        In days. ``1 - survival`` is the share with a second purchase: never divide those with two purchases
        by all customers, of whom many have had no time yet.

    Raises
    ------
    DataError
        If there is no purchase.

    References
    ----------
    Kaplan, E. L., & Meier, P. (1958). Nonparametric estimation from incomplete observations. Journal of the
    American Statistical Association 53, 457-481. doi:10.1080/01621459.1958.10501452

    Examples
    --------
    >>> from cxresearch.data.synthetic import synthetic_study
    >>> curve = repeat_purchase(synthetic_study(tier="B", customers=300, seed=3))
    >>> bool(0 < curve.survival[-1] < 1)
    True
    """
    found = purchase_summary(study)
    if found.empty:
        raise DataError("there is no purchase", where="table orders")
    again = found["second"].notna()
    end = found["second"].fillna(local_cut(study).normalize())
    days = (end - found["first"]).dt.total_seconds() / 86_400
    return kaplan_meier(days.to_numpy(), again.to_numpy().astype(int), level=level)


def win_back_rate(
    study: Study,
    *,
    within_days: float = 180,
    profile: str | RevenueProfile = "cxresearch",
    level: float = 0.95,
) -> Estimate:
    """Return the share of lost customers who pay again within some days of leaving.

    Parameters
    ----------
    study : Study
        With table ``revenue``.
    within_days : float
        Days after leaving.
    profile : str or RevenueProfile
        Whose definition of leaving.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        1 - Kaplan-Meier: who left recently is censored, not counted as lost for good. Robust by customer,
        since one can leave more than once. ``n`` counts departures. NaN if nobody was followed so long.

    Examples
    --------
    >>> from cxresearch.metrics.revenue import _example_study
    >>> win_back_rate(_example_study(), within_days=10).n
    1
    """
    check_number("within_days", within_days, above=0)
    rules = revenue_profile(profile)
    gone = departures(study, rules)
    name = f"Win-back within {within_days:g} days"
    if gone.empty:
        return no_share(name, level, "departures", "nobody left")
    curve = kaplan_meier(gone["days"], gone["event"], clusters=gone["customer_id"], level=level)
    found = share_reached(curve, within_days)
    return Estimate(
        name=name,
        value=found.value,
        low=found.low,
        high=found.high,
        level=level,
        se=found.se,
        n=len(gone),
        unit=Unit.SHARE,
        method=f"1 - Kaplan-Meier, {found.limits}, robust by customer; definition {rules.name}",
        denominator="departures, those without a return censored at the data cut",
        note=found.note,
    )


def departures(study: Study, rules: RevenueProfile) -> pd.DataFrame:
    """Return who left and when, with the days until they paid again or the data cut.

    Returns
    -------
    DataFrame
        One row a departure: ``customer_id, at, days, event`` (1 came back).
    """
    rules = replace(rules, moves="every_change")
    moves = revenue_moves(revenue_levels(study, rules), rules, "day", study.timezone)
    turns = [KINDS.index(kind) for kind in ("churn", "reactivation")]
    moves = moves.filter(nw.col("kind").is_in(turns))
    moves = moves.with_columns(back=nw.col("at").shift(-1).over("customer_id", order_by="at"))
    lost = moves.filter(nw.col("kind") == turns[0])
    end = nw.col("back").fill_null(nw.lit(study.observed_until))
    event = (~nw.col("back").is_null()).cast(nw.Int64)
    return collect(lost.select("customer_id", "at", days=days_between(nw.col("at"), end), event=event))


def no_share(name: str, level: float, denominator: str, note: str) -> Estimate:
    """Return the estimate of a share of nobody, with the reason."""
    nan = float("nan")
    return Estimate(
        name=name,
        value=nan,
        low=nan,
        high=nan,
        level=check_level(level),
        se=nan,
        n=0,
        unit=Unit.SHARE,
        method="none",
        denominator=denominator,
        note=note,
    )
