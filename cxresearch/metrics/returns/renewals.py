"""Contracts that fall due, and whether they are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.data.engine import EVERY, Every
from cxresearch.metrics.base.cell_estimates import one_estimate
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.periods import period_starts
from cxresearch.metrics.returns.return_metrics import (
    NO_RENEWAL,
    RENEWALS,
    count_renewals,
    renewed_share,
    renewed_value_share,
    value_renewals,
)
from cxresearch.metrics.revenue.mrr_bridge_result import local_moment
from cxresearch.metrics.tables.check_options import check_days
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.metrics.revenue.revenue_profiles import RevenueProfile
    from cxresearch.results.estimate import Estimate


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
    check_days("grace_days", grace_days, zero=True)
    moment = None if period is None else pd.Series([local_moment(period)])
    options = {"grace_days": grace_days, "profile": profile}
    query = Query(every=None if moment is None else every, level=level, options=options)
    if weigh == "count":
        cells = renewed_share(count_renewals(study, query), query)
    else:
        cells = renewed_value_share(value_renewals(study, query), query)
    return one_estimate(
        cells if moment is None else cells[cells["period"] == period_starts(moment, every).iloc[0]],
        name="Renewal rate" if weigh == "count" else "Renewal rate by value",
        level=level,
        unit=Unit.SHARE,
        denominator=RENEWALS,
        nothing=NO_RENEWAL,
    )
