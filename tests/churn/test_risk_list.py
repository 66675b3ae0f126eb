"""The risk list, its reasons in words, and the profit curve."""

import dataclasses
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.churn.classifier.training_rows import table_of
from cxresearch.churn.evaluation.evaluate_churn import held_out_rows
from cxresearch.churn.risk.reasons import phrase, reason_texts, typical_values
from cxresearch.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def listed(model: cx.classifier.ChurnModel, study: cx.Study) -> cx.classifier.RiskList:
    return cx.at_risk(model, study, contact_cost=25, success_rate=0.25, top=200)


def test_only_customers_still_there_without_notice_are_listed(
    listed: cx.classifier.RiskList, study: cx.Study
) -> None:
    customers = study.table("customers").collect("pandas").to_native()
    gone = customers["ended_at"].notna() | customers["notice_at"].notna()
    assert listed.customers == (~gone).sum()
    assert not set(listed.table["customer_id"]) & set(customers.loc[gone, "customer_id"])


def test_money_adds_up_and_orders_the_list(listed: cx.classifier.RiskList) -> None:
    table = listed.table
    np.testing.assert_allclose(table["revenue_at_risk"], table["risk"] * table["mrr"] * 12)
    np.testing.assert_allclose(table["expected_saved"], 0.25 * table["revenue_at_risk"] - 25)
    assert table["expected_saved"].is_monotonic_decreasing
    assert table["rank"].tolist() == list(range(1, 201))
    assert ((table["risk_low"] < table["risk"]) & (table["risk"] < table["risk_high"])).all()


def test_since_when_is_a_look_back_day_of_high_risk_only(listed: cx.classifier.RiskList) -> None:
    high = listed.table["risk"] >= listed.high_risk
    assert (listed.table["since"].notna() == high).all()
    back = (pd.Timestamp(listed.on) - listed.table["since"].dropna()).dt.days
    assert set(back) <= {0, 30, 60, 90, 120, 150, 180}
    assert high.any()


def test_an_earlier_day_knows_nothing_later(model: cx.classifier.ChurnModel, study: cx.Study) -> None:
    day = study.observed_until - timedelta(days=200)
    early = cx.at_risk(model, study, on=day, top=50)
    customers = study.table("customers").collect("pandas").to_native().set_index("customer_id")
    assert (customers.loc[early.table["customer_id"], "started_at"] <= day).all()
    assert early.on == day


def test_reasons_name_what_raises_the_risk(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    typical = typical_values(model)
    rows = table_of(marks.frame.head(1), model.numbers, model.categories).assign(**typical)
    assert reason_texts(model, rows) == ["nothing stands out"]


def test_nobody_is_listed_without_a_reason(listed: cx.classifier.RiskList) -> None:
    assert not listed.table["reasons"].isin(["", "nothing stands out"]).any()


def test_a_customer_of_usual_risk_stands_there_for_what_it_pays(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    rows = table_of(marks.frame.head(1), model.numbers, model.categories).assign(**typical_values(model))
    assert reason_texts(model, rows, mrr=np.array([450.0])) == ["risk as usual; pays 450 a month"]


def test_the_formula_printed_is_the_one_used(listed: cx.classifier.RiskList) -> None:
    assert listed.formula == (
        "revenue at risk = risk of leaving within 180 days × MRR × 12 months; "
        "expected saved = 25.0 % × revenue at risk − 25"
    )


def test_a_page_that_others_see_does_not_say_who_is_meant(listed: cx.classifier.RiskList) -> None:
    texts = listed.nameless.astype(str).to_numpy().ravel()
    assert not set(listed.table["customer_id"]) & set(texts)
    assert "owner" not in listed.nameless


def test_last_contact_is_the_latest_answer_ticket_or_call(
    listed: cx.classifier.RiskList, study: cx.Study
) -> None:
    tables = {name: study.table(name).collect("pandas").to_native() for name in ("responses", "tickets")}
    for row in listed.table.head(20).itertuples():
        times = [
            table.loc[table["customer_id"] == row.customer_id, moment].max()
            for table, moment in zip(tables.values(), ("responded_at", "created_at"), strict=True)
        ]
        latest = pd.Series(times).max()
        assert row.last_contact == latest or (pd.isna(row.last_contact) and pd.isna(latest))


def test_owner_and_groups_called_like_our_columns_stand_beside_them() -> None:
    small = cx.synthetic.company_study(seed=6, customers=700)
    names = ("customers", "responses", "revenue")
    frames = {name: small.table(name).collect("pandas").to_native() for name in names}
    people = frames["customers"]
    people["owner"] = "Kim"
    people["risk"] = people["segment"]
    named = cx.Study.from_frames(
        frames, observed_until=small.observed_until, instruments=small.instruments, segments=["risk"]
    )
    marks = cx.landmark(named, every="quarter", horizon_days=180, stacked=True, keep_silent=True)
    table = cx.at_risk(cx.fit_churn(marks, members=0), named, top=20).table
    assert set(table["owner"]) == {"Kim"}
    assert table["risk"].between(0, 1).all()
    assert (
        table["risk_group"].tolist() == people.set_index("customer_id")["risk"][table["customer_id"]].tolist()
    )


def test_customers_who_fell_silent_are_scored(model: cx.classifier.ChurnModel, study: cx.Study) -> None:
    """A feature that grows with the calendar is no sign of another unit."""
    later = cx.landmark(study, every="quarter", horizon_days=180, stacked=True, keep_silent=True)
    grown = dataclasses.replace(later, frame=later.frame.assign(days_since_answer=9_999.0))
    assert len(cx.classifier.churn_risk(model, grown)) == len(later.frame)


def test_one_topic_speaks_once(listed: cx.classifier.RiskList) -> None:
    for text in listed.table["reasons"]:
        said = text.split("; ")
        assert len(said) <= 3
        assert sum("CSAT" in part for part in said) <= 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("unresolved_tickets", 2.0, "two unresolved tickets"),
        ("unresolved_tickets_30d", 1.0, "one unresolved ticket in 30 days"),
        ("tickets_90d", 12.0, "12 tickets in 90 days"),
        ("usage_change_30d_share", -0.4, "usage down 40 % on the 30 days before"),
        ("first_reply_minutes_90d_mean", 204.0, "first replies after 3.4 hours (last 90 days)"),
        ("ces", 3.0, "CES 3 of 7"),
        ("ces_change", -2.0, "CES down 2 since the answer before"),
        ("nps", float("nan"), "no recent NPS answer"),
        ("days_since_answer", float("nan"), "has never answered a survey"),
        ("logins_7d", 3.0, "logins in 7 days 3 (typical 9)"),
        ("term", "monthly", "term monthly"),
    ],
)
def test_words(model: cx.classifier.ChurnModel, name: str, value: float | str, text: str) -> None:
    assert phrase(model, name, value, 9.0) == text


def test_without_revenue_the_rank_is_by_risk() -> None:
    small = cx.synthetic.company_study(seed=6, customers=700)
    frames = {n: small.table(n).collect("pandas").to_native() for n in ("customers", "responses")}
    poor = cx.Study.from_frames(
        frames, observed_until=small.observed_until, instruments=small.instruments, segments=small.segments
    )
    marks = cx.landmark(poor, every="quarter", horizon_days=180, stacked=True, keep_silent=True)
    found = cx.at_risk(cx.fit_churn(marks, members=0), poor, top=20)
    assert found.table["risk"].is_monotonic_decreasing
    assert found.table["expected_saved"].isna().all()
    assert np.isnan(found.total_at_risk)


def test_profit_by_hand(model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks) -> None:
    curve = cx.classifier.profit_curve(model, marks, contact_cost=40, success_rate=0.5, runs=40)
    frame, rows, _ = held_out_rows(model, marks)
    worth = frame["mrr"].to_numpy() * 12
    everybody = (0.5 * worth * rows.left - 40).sum()
    assert curve.table["profit"].iloc[-1] == pytest.approx(everybody)
    assert curve.table["profit"].iloc[0] == 0
    assert curve.break_even_share == pytest.approx((0.5 * rows.risk * worth > 40).mean())
    chosen = 0.5 * rows.risk * worth > 40
    by_hand = (0.5 * worth * rows.left - 40)[chosen].sum()
    assert curve.break_even_profit == pytest.approx(by_hand, rel=0.02)
    assert curve.break_even_low < curve.break_even_profit < curve.break_even_high


def test_a_contact_that_costs_more_than_it_saves_is_for_nobody(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    curve = cx.classifier.profit_curve(model, marks, contact_cost=1e7, success_rate=0.5, runs=20)
    assert (curve.break_even_share, curve.best_share) == (0.0, 0.0)


def test_bad_arguments_are_refused(
    model: cx.classifier.ChurnModel, study: cx.Study, marks: cx.classifier.Landmarks
) -> None:
    with pytest.raises(ArgumentError, match="success_rate"):
        cx.at_risk(model, study, success_rate=1.5)
    with pytest.raises(DataError, match="no column 'worth'"):
        cx.classifier.profit_curve(model, marks, contact_cost=1, success_rate=0.5, value_column="worth")
    with pytest.raises(ArgumentError, match="horizon"):
        cx.classifier.profit_curve(
            model, dataclasses.replace(marks, horizon_days=30.0), contact_cost=1, success_rate=0.5
        )
