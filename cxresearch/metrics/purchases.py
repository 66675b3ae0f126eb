"""Coming back: the second purchase, the lost customer won back, the contract renewed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.data.engine import EVERY, Every, collect, days_between, period_start
from cxresearch.errors import DataError
from cxresearch.metrics.revenue_levels import KINDS, one_currency, revenue_levels, revenue_moves
from cxresearch.metrics.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.results.bridge import local_moment
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.kaplan_meier import kaplan_meier
from cxresearch.stats.proportions import wilson
from cxresearch.stats.ratio import RatioSums, linearised_ratio
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
    orders = study.table("orders").filter(nw.col("amount") >= 0)
    days = orders.select(
        "customer_id", day=period_start(nw.col("ordered_at"), "day", study.timezone)
    ).unique()
    last_day = _local_day(study) if until is None else pd.Timestamp(until).normalize()
    days = days.filter(nw.col("day") <= nw.lit(last_day.to_pydatetime()))
    days = days.with_columns(first=nw.col("day").min().over("customer_id"))
    later = nw.when(nw.col("day") > nw.col("first")).then(nw.col("day"))
    found = collect(
        days.with_columns(later=later)
        .group_by("customer_id")
        .agg(
            nw.col("first").min(),
            nw.col("later").min().alias("second"),
            nw.col("day").max().alias("last"),
            nw.len().alias("purchases"),
        )
        .sort("customer_id")
    )
    found["purchases"] = found["purchases"].astype("int64")
    return found.assign(
        repeats=found["purchases"] - 1,
        recency_days=(found["last"] - found["first"]).dt.total_seconds() / 86_400,
        age_days=(last_day - found["first"]).dt.total_seconds() / 86_400,
    )


def _local_day(study: Study) -> pd.Timestamp:
    from datetime import UTC
    from zoneinfo import ZoneInfo

    cut = pd.Timestamp(study.observed_until, tz=UTC).tz_convert(ZoneInfo(study.timezone))
    return cut.tz_localize(None).normalize()


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
    end = found["second"].fillna(_local_day(study))
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
    rules = replace(revenue_profile(profile), moves="every_change")
    moves = revenue_moves(revenue_levels(study, rules), rules, "day", study.timezone)
    turns = [KINDS.index(kind) for kind in ("churn", "reactivation")]
    moves = moves.filter(nw.col("kind").is_in(turns))
    moves = moves.with_columns(back=nw.col("at").shift(-1).over("customer_id", order_by="at"))
    lost = moves.filter(nw.col("kind") == turns[0])
    end = nw.col("back").fill_null(nw.lit(study.observed_until))
    gone = collect(
        lost.select(
            "customer_id",
            days=days_between(nw.col("at"), end),
            event=(~nw.col("back").is_null()).cast(nw.Int64),
        )
    )
    name = f"Win-back within {within_days:g} days"
    if gone.empty:
        return _no_estimate(name, level, "departures", "nobody left")
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


def _no_estimate(name: str, level: float, denominator: str, note: str) -> Estimate:
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


def renewal_rate(
    study: Study,
    *,
    weigh: Literal["count", "value"] = "count",
    period: Any = None,
    every: Every = "month",
    grace_days: float = 0,
    profile: str | RevenueProfile = "cxresearch",
    level: float = 0.95,
) -> Estimate:
    """Return the share of due renewals that were renewed.

    Parameters
    ----------
    study : Study
        With table ``revenue`` and its column ``due_at``.
    weigh : {"count", "value"}
        Count renewals, or weigh each with the MRR before it: ``value`` is the sum of the smaller of MRR
        before and after, over the MRR before, so that an upsell does not hide a loss.
    period : str or timestamp, optional
        Renewals due in this period; by default all that are decided.
    every : {"day", "week", "month", "quarter", "year"}
        Length of the period.
    grace_days : float
        Days after ``due_at`` at which to look. Renewals whose grace has not run out at the data cut are not
        decided: they are counted in ``n_missing``.
    profile : str or RevenueProfile
        Whose definition of MRR.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        Renewed / due. A renewal is due on each date to which a paid level was agreed, whatever happened
        since: who left before did not renew. It is renewed if the customer has MRR ``grace_days`` after the
        date. A later level without a date keeps it; a level that sets a later date is an early renewal
        (renewed, if the customer is still there); one that sets an earlier date replaces it, and only the
        earlier one is due. By value, the MRR before is the last one above 0 of the term. Intervals: Wilson
        for the count, linearised ratio for the value.

    Raises
    ------
    ArgumentError
        If the period is no date.
    DataError
        If the table has no ``due_at``, or several currencies are to be weighed by value.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> revenue = pd.DataFrame(
    ...     {
    ...         "customer_id": ["a", "b", "b"],
    ...         "effective_at": pd.to_datetime(["2023-01-01", "2023-01-01", "2024-01-01"]),
    ...         "mrr": [10.0, 30.0, 0.0],
    ...         "due_at": pd.to_datetime(["2024-01-01", "2024-01-01", None]),
    ...     }
    ... )
    >>> study = Study.from_frames({"revenue": revenue}, observed_until="2024-03-01", instruments={})
    >>> renewal_rate(study).value, renewal_rate(study, weigh="value").value
    (0.5, 0.25)
    """
    check_choice("weigh", weigh, ("count", "value"))
    check_choice("every", every, EVERY)
    check_level(level)
    check_number("grace_days", grace_days, at_least=0)
    due = _due(study, revenue_profile(profile), grace_days, weighed=weigh == "value")
    if period is not None:
        due = due[
            _starts(due["due_local"], every) == _starts(pd.Series([local_moment(period)]), every).iloc[0]
        ]
    decided = due[due["decided"]]
    name = "Renewal rate" if weigh == "count" else "Renewal rate by value"
    if decided.empty:
        return replace(
            _no_estimate(name, level, "renewals due", "no renewal was due and decided"), n_missing=len(due)
        )
    before, after = decided["before"].to_numpy(float), decided["after"].to_numpy(float)
    if weigh == "count":
        kept, n = int((after > 0).sum()), len(decided)
        bounds = wilson(kept, n, level=level)
        share = kept / n
        ends = (share, float(bounds.low), float(bounds.high), float(np.sqrt(share * (1 - share) / n)))
        method = "score interval (Wilson 1927)"
    else:
        found = linearised_ratio(RatioSums.of(np.minimum(before, after), before), level=level, share=True)
        ends, method = (found.value, found.low, found.high, found.se), found.method
    return Estimate(
        name=name,
        value=ends[0],
        low=ends[1],
        high=ends[2],
        level=level,
        se=ends[3],
        n=len(decided),
        n_missing=len(due) - len(decided),
        unit=Unit.SHARE,
        method=f"{method}; grace {grace_days:g} days",
        denominator="renewals due and decided by the data cut",
    )


def _starts(days: pd.Series, every: str) -> pd.Series:
    codes = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
    starts: pd.Series = days.dt.to_period(codes[every]).dt.start_time
    return starts


def _due(study: Study, rules: RevenueProfile, grace: float, *, weighed: bool) -> pd.DataFrame:
    """Renewals that fell due: ``due_local, before, after`` (cents), ``decided``."""
    table = study.table("revenue")
    if "due_at" not in table.collect_schema().names():
        raise DataError("revenue has no column due_at", next_step="map the date on which a renewal falls due")
    levels = revenue_levels(study, rules)
    if weighed:
        levels = one_currency(study, levels, next_step="use one currency, or weigh by count")
    marks = table.filter(~nw.col("due_at").is_null())
    marks = marks.select("customer_id", nw.col("effective_at").alias("at"), "due_at")
    levels = levels.select("customer_id", "at", "cents").join(marks, on=["customer_id", "at"], how="left")
    rows = collect(levels.join(marks.select("customer_id").unique(), on="customer_id", how="inner"))
    rows = rows.sort_values("at", kind="stable").reset_index(drop=True)
    paid = rows[rows["cents"] > 0]
    due = _terms(paid)
    due = due[due["due_at"] <= pd.Timestamp(study.observed_until)]
    due["look"] = (due["due_at"] + pd.Timedelta(days=grace)).astype("datetime64[us]")
    levels_then = rows[["customer_id", "at", "cents"]]
    due = _level_at(due, "ends", levels_then[rows["cents"] > 0], "before", exact=False)
    due = _level_at(due, "look", levels_then, "after", exact=True)
    local = due["due_at"].dt.tz_localize("UTC").dt.tz_convert(study.timezone).dt.tz_localize(None)
    return due.assign(due_local=local, decided=due["look"] <= pd.Timestamp(study.observed_until))


def _terms(paid: pd.DataFrame) -> pd.DataFrame:
    """Terms of contracts, from paid levels in order: ``customer_id, due_at, ends`` (a new term, or due).

    A date stands until another replaces it. An earlier one revokes it; a later one, agreed before the term
    ran out, is an early renewal: the term was due all the same.
    """
    dated = paid[paid["due_at"] > paid["at"]]
    dated = dated[["customer_id", "at", "due_at"]].sort_values(["customer_id", "at"], kind="stable")
    same = dated["customer_id"].eq(dated["customer_id"].shift(-1))
    dated = dated[~(same & dated["due_at"].eq(dated["due_at"].shift(-1)))]  # the last row of each term
    same = dated["customer_id"].eq(dated["customer_id"].shift(-1))
    replaced, new = dated["at"].shift(-1).where(same), dated["due_at"].shift(-1).where(same)
    revoked = (replaced < dated["due_at"]) & (new < dated["due_at"])
    ends = dated["due_at"].where(~(replaced < dated["due_at"]), replaced)
    terms = dated.assign(ends=ends)[~revoked].drop_duplicates(["customer_id", "due_at"], keep="last")
    return terms[["customer_id", "due_at", "ends"]]


def _level_at(
    due: pd.DataFrame, moment: str, levels: pd.DataFrame, name: str, *, exact: bool
) -> pd.DataFrame:
    """Add each customer's level in force at a moment, or just before it."""
    found = pd.merge_asof(
        due.sort_values(moment, kind="stable"),
        levels.rename(columns={"cents": name}),
        left_on=moment,
        right_on="at",
        by="customer_id",
        allow_exact_matches=exact,
    )
    return found.drop(columns="at")
