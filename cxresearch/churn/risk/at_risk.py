"""``at_risk``: whom to contact on a day, and ``profit_curve``: how many of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.training_rows import table_of
from cxresearch.churn.evaluation.evaluate_churn import held_out_rows
from cxresearch.churn.evaluation.evaluation_tables import ends, resampled
from cxresearch.churn.risk.churn_risk import check_same_kind, require_horizon, risk_interval, risk_of
from cxresearch.churn.risk.last_contact import last_contact
from cxresearch.churn.risk.reasons import NO_REASON, reason_texts
from cxresearch.churn.risk.risk_list import ProfitCurve, RiskList
from cxresearch.data.engine import collect
from cxresearch.data.landmarks.landmark import landmark
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Where nothing is said: what a contact costs in the study's currency, and the share of leavers it keeps.
USUAL_CONTACT_COST, USUAL_SUCCESS_RATE = 50.0, 0.2
#: Days between the look-backs that tell since when a customer is at high risk, and their number.
LOOK_BACK_DAYS, LOOK_BACKS = 30, 6
_PROFIT_SHARES = np.concatenate([[0.0], np.linspace(0.01, 0.2, 20), np.linspace(0.25, 1.0, 16)])


def at_risk(
    model: ChurnModel,
    study: Study,
    *,
    on: date | datetime | str | None = None,
    contact_cost: float = USUAL_CONTACT_COST,
    success_rate: float = USUAL_SUCCESS_RATE,
    value_months: float = 12.0,
    top: int = 100,
    level: float = 0.95,
) -> RiskList:
    """List the customers active on a day by the revenue that contacting them is expected to save.

    Parameters
    ----------
    model : ChurnModel
        Fitted with features from ``cx.landmark``; its horizon and window are used.
    study : Study
    on : date, optional
        By default the data cut.
    contact_cost : float
        Cost of contacting one customer, in the study's currency. The default is a place to start from.
    success_rate : float
        Share of leaving customers whom a contact keeps. The default is a place to start from; the right
        figure is your own, best from a trial (``cx.plan_trial``).
    value_months : float
        Months of MRR that a kept customer is worth.
    top : int
        Rows listed; every active customer is scored.
    level : float
        Confidence level of the interval of each risk.

    Returns
    -------
    RiskList

    Raises
    ------
    DataError
        If nobody is active that day, or the rows are not of the kind the model learnt from.

    Notes
    -----
    ``revenue at risk = risk * MRR * value_months`` and ``expected saved = success_rate * revenue at risk -
    contact_cost``. Without revenue nobody is listed whose risk nothing raises; with it, a customer of usual
    risk may stand there for what it pays, and the reason says so.

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.company_study(seed=1, customers=800)
    >>> marks = cx.landmark(study, horizon_days=180, keep_silent=True)
    >>> found = cx.at_risk(cx.fit_churn(marks, members=5), study, contact_cost=20, success_rate=0.2)
    >>> len(found.table)
    100
    """
    check_level(level)
    cost = check_number("contact_cost", contact_cost, at_least=0)
    success = check_number("success_rate", success_rate, above=0)
    months = check_number("value_months", value_months, above=0)
    check_number("top", top, at_least=1)
    if success > 1:
        raise ArgumentError(f"success_rate is {success_rate!r}", wanted="a share, above 0 and at most 1")
    latest = study.observed_until - timedelta(seconds=1)
    day = latest
    if on is not None:
        day = min(pd.Timestamp(on).to_pydatetime(), latest)
    marks = _landmarks_on(model, study, [day])
    check_same_kind(model, marks)
    table = table_of(marks.frame, model.numbers, model.categories)
    risk = risk_of(model, table)
    mrr = np.full(len(risk), np.nan)
    if "mrr" in marks.frame:
        mrr = marks.frame["mrr"].to_numpy(dtype=np.float64)
    # Expected saving of a contact: P(success) P(leave) revenue - cost (Verbeke et al. 2012).
    at_stake = risk * mrr * months
    saved = success * at_stake - cost
    if np.isnan(saved).all():
        promise, total, worth = risk, float("nan"), len(risk)
    else:
        promise, total, worth = saved, float(np.nansum(at_stake)), int((saved > 0).sum())
    # The most promising first; a customer without revenue comes last.
    order = np.argsort(-np.nan_to_num(promise, nan=-np.inf), kind="stable")[: int(top)]
    reasons = np.array(reason_texts(model, table.iloc[order].reset_index(drop=True), mrr=mrr[order]))
    order, reasons = order[reasons != NO_REASON], reasons[reasons != NO_REASON]
    low, high = risk_interval(model, table.iloc[order], level=level)
    # The riskiest tenth of the day's customers.
    high_risk = float(np.quantile(risk, 0.9))
    ids = marks.frame["customer_id"].to_numpy()[order]
    listed = pd.DataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            "customer_id": ids,
            "risk": risk[order],
            "risk_low": low,
            "risk_high": high,
            "mrr": mrr[order],
            "revenue_at_risk": at_stake[order],
            "expected_saved": saved[order],
            "reasons": reasons,
        }
    )
    listed["since"] = _since(model, study, day, listed, high_risk)
    listed["last_contact"] = last_contact(study, ids, by=day)
    listed["owner"] = _owner(study, ids)
    groups = marks.frame[[name for name in study.segments if name != "owner"]].iloc[order]
    # a group that is called as a column of the list steps aside
    groups = groups.rename(columns={name: f"{name}_group" for name in groups if name in listed})
    return RiskList(
        table=pd.concat([listed, groups.reset_index(drop=True)], axis=1),
        on=day,
        customers=len(risk),
        high_risk=high_risk,
        total_at_risk=total,
        worth_contacting=worth,
        contact_cost=cost,
        success_rate=success,
        value_months=months,
        horizon_days=model.horizon_days,
        level=level,
        currency=study.currency,
        name=study.name,
    )


def _owner(study: Study, customer_ids: NDArray[np.object_]) -> NDArray[np.object_]:
    """Who looks after each customer; None where the customers have no column ``owner``."""
    people = study.table("customers")
    if "owner" not in people.collect_schema().names():
        return np.full(len(customer_ids), None, dtype=object)
    rows = people.filter(nw.col("customer_id").is_in(list(customer_ids))).select("customer_id", "owner")
    owners = collect(rows).set_index("customer_id")["owner"]
    return np.asarray(owners.reindex(customer_ids).to_numpy(dtype=object))


def _landmarks_on(model: ChurnModel, study: Study, days: list[datetime]) -> Landmarks:
    window_days = 365.0
    if np.isfinite(model.window_days):
        window_days = model.window_days
    return landmark(
        study,
        every=days,
        horizon_days=model.horizon_days,
        window_days=window_days,
        stacked=True,
        keep_silent=True,
    )


def _since(
    model: ChurnModel, study: Study, day: datetime, listed: pd.DataFrame, high_risk: float
) -> pd.Series[pd.Timestamp]:
    """First look-back day of the unbroken spell of high risk that holds on ``day``; NaT where it does not."""
    days = [day - timedelta(days=LOOK_BACK_DAYS * back) for back in range(LOOK_BACKS, 0, -1)]
    try:
        marks = _landmarks_on(model, study, days)
    except DataError:  # nobody was there yet on any of these days
        marks = None
    since = pd.Series(pd.NaT, index=listed.index, dtype="datetime64[us]")
    above = (listed["risk"] >= high_risk).to_numpy()
    since[above] = day
    if marks is None or not len(listed):
        return since
    frame = marks.frame[marks.frame["customer_id"].isin(listed["customer_id"])]
    past = frame[["customer_id", "landmark_at"]].assign(
        risk=risk_of(model, table_of(frame, model.numbers, model.categories))
    )
    # Back in time as long as the spell is unbroken.
    for back in reversed(days):
        then = past[past["landmark_at"] == pd.Timestamp(back)].set_index("customer_id")["risk"]
        above = above & (listed["customer_id"].map(then) >= high_risk).to_numpy()
        since[above] = back
    return since


def profit_curve(  # noqa: PLR0913 - each option is one the reader of the result must know
    model: ChurnModel,
    marks: Landmarks,
    *,
    contact_cost: float,
    success_rate: float,
    value_months: float = 12.0,
    value_column: str = "mrr",
    currency: str = "",
    level: float = 0.95,
    runs: int = 200,
    seed: int = 0,
) -> ProfitCurve:
    """Say what contacting the most promising customers would have brought, on held-out rows.

    Parameters
    ----------
    model, marks
        As in ``evaluate_churn``.
    contact_cost, success_rate, value_months
        As in ``at_risk``.
    value_column : str
        Column with a customer's worth a month; rows without a value are left out.
    currency : str
        What the amounts are in: ``study.currency``, which landmarks do not hold.
    level, runs, seed
        Of the interval: a Poisson bootstrap over customers.

    Returns
    -------
    ProfitCurve

    Raises
    ------
    DataError
        If nobody is held out, or no row has a value.

    References
    ----------
    Verbeke et al. (2012), doi:10.1016/j.ejor.2011.09.031 (profit-driven churn models).

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.landmark(
    ...     cx.synthetic.company_study(seed=1, customers=800), horizon_days=180, keep_silent=True
    ... )
    >>> curve = cx.classifier.profit_curve(
    ...     cx.fit_churn(marks, members=0), marks, contact_cost=20, success_rate=0.2
    ... )
    >>> float(curve.table["profit"].iloc[0])  # contacting nobody
    0.0
    """
    check_level(level)
    cost = check_number("contact_cost", contact_cost, at_least=0)
    success = check_number("success_rate", success_rate, above=0)
    months = check_number("value_months", value_months, above=0)
    require_horizon(model, marks)
    if value_column not in marks.frame:
        raise DataError(
            f"the landmarks have no column {value_column!r}", next_step="name the column in value_column"
        )
    check_same_kind(model, marks)
    frame, rows, _ = held_out_rows(model, marks)
    worth = frame[value_column].to_numpy(dtype=float) * months
    known = ~np.isnan(worth)
    if not known.any():
        raise DataError(f"no held-out row has a {value_column}", next_step="check the revenue table")
    rows, worth = rows.take(known), worth[known]
    # Contacted in the order of what the model expects; earned by what happened.
    promise = success * rows.risk * worth - cost
    order = np.argsort(-promise, kind="stable")
    gain = rows.weight[order] * (success * worth[order] * rows.left[order] - cost)

    def profits(times: NDArray[np.float64]) -> NDArray[np.float64]:
        reached = np.cumsum(times[order] * rows.weight[order])
        earned = np.cumsum(times[order] * gain)
        # The last share is where the expected saving no longer pays for the contact.
        at = np.append(_PROFIT_SHARES, float(np.mean(promise > 0)))
        return np.asarray(np.interp(at, np.r_[0, reached / reached[-1]], np.r_[0, earned]))

    point = profits(np.ones(len(order)))
    low, high = ends(resampled(rows.customer, profits, runs=int(runs), seed=seed), level)
    contacts = np.round(_PROFIT_SHARES * len(order)).astype(int)
    left = np.concatenate([[0.0], np.cumsum((rows.weight * rows.left)[order])])
    lowest = np.minimum.accumulate(rows.risk[order])
    table = pd.DataFrame(
        {
            "share": _PROFIT_SHARES,
            "contacts": contacts,
            "reached": left[contacts],
            "profit": point[:-1],
            "low": low[:-1],
            "high": high[:-1],
            "lowest_risk": np.where(contacts > 0, lowest[np.maximum(contacts, 1) - 1], np.nan),
        }
    )
    return ProfitCurve(
        table=table,
        break_even_share=float(np.mean(promise > 0)),
        break_even_profit=float(point[-1]),
        break_even_low=float(low[-1]),
        break_even_high=float(high[-1]),
        best_share=float(_PROFIT_SHARES[int(np.argmax(point[:-1]))]),
        n=len(order),
        contact_cost=cost,
        success_rate=success,
        value_months=months,
        level=level,
        currency=currency,
    )
