"""Coming back: the second purchase, and the lost customer won back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.errors import DataError
from cxresearch.metrics.base.periods import local_cut
from cxresearch.metrics.returns.returns_from_tables import purchases_by_customer
from cxresearch.stats.survival.kaplan_meier import kaplan_meier

if TYPE_CHECKING:
    from datetime import datetime

    from cxresearch.data.study import Study
    from cxresearch.stats.survival.survival_curve import KaplanMeier


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
    if until is None:
        last_day = local_cut(study).normalize()
    else:
        last_day = pd.Timestamp(until).normalize()
    customers = collect(purchases_by_customer(study, last_day).sort("customer_id"))
    customers["purchases"] = customers["purchases"].astype("int64")
    return customers.assign(
        repeats=customers["purchases"] - 1,
        recency_days=(customers["last"] - customers["first"]).dt.total_seconds() / 86_400,
        age_days=(last_day - customers["first"]).dt.total_seconds() / 86_400,
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
    >>> from cxresearch.data.synthetic.one_survey import synthetic_study
    >>> curve = repeat_purchase(synthetic_study(tier="B", customers=300, seed=3))
    >>> bool(0 < curve.survival[-1] < 1)
    True
    """
    customers = purchase_summary(study)
    if customers.empty:
        raise DataError("there is no purchase", where="table orders")
    again = customers["second"].notna()
    # Censored at the data cut: who has bought once may still come back.
    end = customers["second"].fillna(local_cut(study).normalize())
    days = (end - customers["first"]).dt.total_seconds() / 86_400
    return kaplan_meier(days.to_numpy(), again.to_numpy().astype(int), level=level)
