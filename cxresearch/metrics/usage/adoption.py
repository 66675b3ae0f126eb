"""Adoption and use: who has begun to use a thing, how soon, and how broadly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from cxresearch.checks import check_choice, check_columns, check_level
from cxresearch.data.engine import EVERY, Every
from cxresearch.errors import DataError
from cxresearch.metrics.base.group_columns import neutral_groups, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.usage.adoption_metrics import (
    active_share,
    curve_of_uses,
)
from cxresearch.metrics.usage.usage_counts import count_active, count_first_uses

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.stats.survival.survival_curve import KaplanMeier


def time_to_first_use(study: Study, *, feature: str | None = None, level: float = 0.95) -> KaplanMeier:
    """Return the curve of the time from joining to the first use (time to first value), in days.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``; a quantity of 0 is no use.
    feature : str, optional
        A feature; by default any use. Name the one that gives value: logging in may not be it.
    level : float
        Confidence level.

    Returns
    -------
    KaplanMeier
        Who has not used it is censored on leaving or at the data cut. Use before joining counts at day 0.
        Times count to the minute.

    Raises
    ------
    DataError
        If there is no customer, or usage has no column ``feature`` and one is asked for.
    ArgumentError
        If nobody ever used the feature; the message lists those used.

    References
    ----------
    Kaplan, E. L., & Meier, P. (1958). Nonparametric estimation from incomplete observations. Journal of the
    American Statistical Association 53, 457-481. doi:10.1080/01621459.1958.10501452

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> time_to_first_use(example_study()).median.value
    12.0
    """
    cells = count_first_uses(study, Query(), feature=feature).cells
    if cells.empty:
        raise DataError("there is no customer", where="table customers")
    return curve_of_uses(cells, level=check_level(level))


def active_customers(
    study: Study, *, every: Every = "month", by: str | Sequence[str] | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Return how many customers used anything in each period, and which share of those there that is.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``.
    every : {"day", "week", "month", "quarter", "year"}
        Period, in the study's time zone.
    by : str or sequence of str, optional
        Columns of customers, or of usage: by ``feature`` the share of customers who used each.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        ``by``, ``period``, ``active`` (customers with use), ``customers`` (there on any day of the period),
        ``share, low, high`` (Wilson; NaN in a period not complete), ``complete``. Use on a day before joining
        or after leaving does not make a customer active. A group column named like another is called
        ``<name>_group``.

    Raises
    ------
    ArgumentError
        If a group column is in neither table (the message lists those there are), or the period is unknown.
    DataError
        If there is no customer.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22, 209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> from cxresearch.metrics.base.example_study import example_study
    >>> active_customers(example_study())[["active", "customers", "complete"]]
       active  customers  complete
    0       6          9      True
    1       1         10      True
    2       0         10     False
    """
    check_choice("every", every, EVERY)
    query = Query(by=check_columns("by", by), every=every, level=check_level(level))
    grouped, query = neutral_groups(study, query)
    counts = count_active(grouped, query)
    if counts.cells.empty:
        raise DataError("there is no customer", where="table customers")
    shares = active_share(counts, query)
    known = counts.cells[[*query.keys, "active", "customers"]]
    table = known.assign(share=shares["value"], low=shares["low"], high=shares["high"])
    return with_users_names(table.assign(complete=counts.cells["complete"]), query)
