"""Contracts that fall due, and whether they are renewed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.data.engine import EVERY, Every, collect
from cxresearch.errors import DataError
from cxresearch.metrics.periods import period_starts
from cxresearch.metrics.purchases import no_share
from cxresearch.metrics.revenue_ledger import refuse_beyond
from cxresearch.metrics.revenue_levels import one_currency, revenue_levels
from cxresearch.metrics.revenue_profiles import RevenueProfile, revenue_profile
from cxresearch.results.bridge import local_moment
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.proportions import wilson
from cxresearch.stats.ratio import RatioSums, linearised_ratio

if TYPE_CHECKING:
    from cxresearch.data.study import Study


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
    due = renewals_due(study, revenue_profile(profile), grace_days, weighed=weigh == "value")
    if period is not None:
        due = due[
            period_starts(due["due_local"], every)
            == period_starts(pd.Series([local_moment(period)]), every).iloc[0]
        ]
    decided = due[due["decided"]]
    name = "Renewal rate" if weigh == "count" else "Renewal rate by value"
    if decided.empty:
        return replace(
            no_share(name, level, "renewals due", "no renewal was due and decided"), n_missing=len(due)
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


def renewals_due(study: Study, rules: RevenueProfile, grace: float, *, weighed: bool) -> pd.DataFrame:
    """Return renewals that fell due: ``customer_id, due_local, before, after`` (cents), ``decided``."""
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
    due = due.assign(look=(due["due_at"] + pd.Timedelta(days=grace)).astype("datetime64[us]"))
    levels_then = rows[["customer_id", "at", "cents"]]
    due = _level_at(due, "ends", levels_then[rows["cents"] > 0], "before", exact=False)
    due = _level_at(due, "look", levels_then, "after", exact=True)
    refuse_beyond(due[["before", "after"]])
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
