"""Adoption and use: who has begun to use a thing, how soon, and how broadly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from cxresearch.checks import check_choice, check_columns, check_level
from cxresearch.data.engine import EVERY, Every
from cxresearch.errors import DataError
from cxresearch.metrics.base.cell_estimates import one_estimate
from cxresearch.metrics.base.group_columns import neutral_groups, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.usage.adoption_metrics import (
    active_share,
    adopted_share,
    curve_of_uses,
    mean_features,
)
from cxresearch.metrics.usage.usage_counts import count_active, count_features, count_first_uses
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.results.estimate import Estimate
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
    >>> time_to_first_use(_example_usage()).median.value
    9.0
    """
    cells = count_first_uses(study, Query(), feature=feature).cells
    if cells.empty:
        raise DataError("there is no customer", where="table customers")
    return curve_of_uses(cells, level=check_level(level))


def adoption_rate(
    study: Study, *, within_days: float = 30, feature: str | None = None, level: float = 0.95
) -> Estimate:
    """Return the share of customers who used a thing within some days, among those who had these days.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage``.
    within_days : float
        Days after joining.
    feature : str, optional
        A feature; by default any use.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        Wilson's interval. Only customers who joined at least ``within_days`` before the data cut count,
        whether they stayed or left in between: the others (``n_missing``) have not had their chance yet. By
        group and period: ``metric_table(study, "adoption_rate", ...)``.

    Raises
    ------
    ArgumentError
        If ``within_days`` is not above 0, or nobody ever used the feature.
    DataError
        If usage has no column ``feature`` and one is asked for.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22, 209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> adoption_rate(_example_usage(), within_days=5)
    Adoption within 5 days 50.0 % [15.0 %, 85.0 %], n 4 (1 missing)
    """
    query = Query(level=check_level(level), options={"within_days": within_days})
    counts = count_first_uses(study, query, within_days=within_days, feature=feature)
    return one_estimate(
        adopted_share(counts, query),
        name=f"Adoption{'' if feature is None else ' of ' + feature} within {within_days:g} days",
        level=level,
        unit=Unit.SHARE,
        denominator=f"customers who joined at least {within_days:g} days before the data cut",
    )


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
    >>> active_customers(_example_usage())[["active", "customers", "complete"]]
       active  customers  complete
    0       3          5      True
    1       0          5     False
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


def feature_breadth(study: Study, *, within_days: float = 30, level: float = 0.95) -> Estimate:
    """Return the mean number of features a customer used in the last days, over the customers there.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``usage`` and its column ``feature``.
    within_days : float
        Days before the data cut to look at.
    level : float
        Confidence level, Student's t.

    Returns
    -------
    Estimate
        A number of features (unit ratio). Customers who are still there and joined before these days began;
        those who used nothing count as 0. By group and period: ``metric_table(study, "feature_breadth",
        ...)``, over the customers there on every day of the period.

    Raises
    ------
    DataError
        If usage has no column ``feature``.
    ArgumentError
        If ``within_days`` is not above 0.

    Examples
    --------
    >>> feature_breadth(_example_usage(), within_days=20).value
    0.25
    """
    query = Query(level=check_level(level))
    return one_estimate(
        mean_features(count_features(study, query, within_days=within_days), query),
        name=f"Features used in the last {within_days:g} days",
        level=level,
        unit=Unit.RATIO,
        denominator="customers there for all of these days",
    )


def _example_usage() -> Study:
    """Five customers; one joined late; first uses after 1, 2 and 9 days."""
    from cxresearch.data.study import Study

    start = pd.Timestamp("2024-01-02")
    people = pd.DataFrame(
        {"customer_id": list("abcde"), "started_at": [start] * 4 + [pd.Timestamp("2024-01-31")]}
    )
    days = [1, 2, 9, 25]
    usage = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "a"],
            "used_at": start + pd.to_timedelta(days, unit="D"),
            "quantity": 1.0,
            "feature": ["search", "search", "export", "export"],
        }
    )
    return Study.from_frames(
        {"customers": people, "usage": usage}, observed_until=pd.Timestamp("2024-02-03"), instruments={}
    )
