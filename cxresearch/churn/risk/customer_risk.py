"""``customer_risk``: the risk of one customer at the data cut, beside a typical one, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_level
from cxresearch.churn.classifier.training_rows import table_of
from cxresearch.churn.risk.churn_risk import check_same_kind, risk_interval, risk_of
from cxresearch.churn.risk.reasons import reason_texts
from cxresearch.data.landmarks.landmark import landmark
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from cxresearch.churn.classifier.churn_model import ChurnModel
    from cxresearch.data.study import Study


@dataclass(frozen=True, kw_only=True)
class CustomerRisk:
    """Risk of leaving of one customer.

    Attributes
    ----------
    risk, low, high : float
        Within the horizon, with the interval of customers like this one; NaN ends without members.
    typical : float
        Median risk of the customers active on the same day.
    reasons : str
        What raises the risk most against a typical customer, in the model, not in the world; may be empty.
    horizon_days, level : float
    """

    risk: float
    low: float
    high: float
    typical: float
    reasons: str
    horizon_days: float
    level: float


def customer_risk(model: ChurnModel, study: Study, customer_id: str, *, level: float = 0.95) -> CustomerRisk:
    """Return the risk of one active customer at the data cut.

    Parameters
    ----------
    model : ChurnModel
    study : Study
    customer_id : str
    level : float
        Of the interval.

    Raises
    ------
    DataError
        If the customer is not active at the data cut, or the rows are not of the kind the model learnt from.

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.company_study(seed=1, customers=800)
    >>> marks = cx.landmark(study, horizon_days=180, keep_silent=True)
    >>> model = cx.fit_churn(marks, members=0)
    >>> there = cx.at_risk(model, study).table.iloc[0]
    >>> bool(abs(customer_risk(model, study, there["customer_id"]).risk - there["risk"]) < 1e-12)
    True
    """
    check_level(level)
    window_days = 365.0
    if np.isfinite(model.window_days):
        window_days = model.window_days
    marks = landmark(
        study,
        # the last moment before the data cut: a customer who ends with the cut is still there
        every=[study.observed_until - timedelta(seconds=1)],
        horizon_days=model.horizon_days,
        window_days=window_days,
        stacked=True,
        keep_silent=True,
    )
    check_same_kind(model, marks)
    table = table_of(marks.frame, model.numbers, model.categories)
    # one row a customer: landmarks are stacked over a single day
    place = np.flatnonzero((marks.frame["customer_id"] == customer_id).to_numpy())
    if not len(place):
        raise DataError("the customer is not active at the data cut", next_step="ask for an active customer")
    # all customers of the day are scored, for the typical one is their median
    risks = risk_of(model, table)
    row = table.iloc[place[:1]].reset_index(drop=True)
    low, high = risk_interval(model, row, level=level)
    mrr = None
    if "mrr" in marks.frame:
        mrr = marks.frame["mrr"].to_numpy(dtype=np.float64)[place[:1]]
    return CustomerRisk(
        risk=float(risks[place[0]]),
        low=float(low[0]),
        high=float(high[0]),
        typical=float(np.median(risks)),
        reasons=reason_texts(model, row, mrr=mrr)[0],
        horizon_days=float(model.horizon_days),
        level=level,
    )
