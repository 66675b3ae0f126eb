"""A supposed fall of churn is carried through as its closed form says, and only as an assumption."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

MakeCompany = Callable[..., tuple[cx.Study, float, float]]


def test_the_difference_is_that_of_two_constant_hazards(make_company: MakeCompany) -> None:
    study, _, _ = make_company(3, came=200.0)
    found = cx.revenue.what_if(study, "plan=small", 0.5, months=12, inflow=0, draws=300)
    # n (exp(-h t / 2) - exp(-h t))
    expected = found.n * (np.exp(-0.03 * 6) - np.exp(-0.03 * 12))
    row = found.table.iloc[0]
    assert row["low"] < expected < row["high"]
    assert row["difference"] == pytest.approx(expected, rel=0.06)
    assert row["supposed"] == pytest.approx(row["as_it_goes"] + row["difference"], rel=0.01)


def test_if_nobody_of_a_group_left_all_of_it_would_be_there(make_company: MakeCompany) -> None:
    study, _, _ = make_company(5)
    none = cx.revenue.what_if(study, "plan=large", 0.0, months=6, inflow=0, draws=200)
    half = cx.revenue.what_if(study, "plan=large", 0.5, months=6, inflow=0, draws=200)
    others = cx.forecast(study, "customers", 6, by="plan", inflow=0, draws=200)
    assert 0 < half.table["difference"].iloc[0] < none.table["difference"].iloc[0]
    assert none.table["supposed"].iloc[0] > others.table["value"].iloc[-1]
    assert "an assumption carried through, not the effect of any action" in none.finding


def answered(study: cx.Study, share: float = 1.0) -> cx.Study:
    """The study with an answer of each customer in the second month: the small plan is unhappy."""
    tables = {name: study.table(name).collect("pandas").to_native() for name in study.tables}
    people = tables["customers"]
    when = people["started_at"] + pd.Timedelta(days=30)
    there = (when < study.observed_until) & ~(people["ended_at"] <= when)
    rows = people[there].iloc[: int(share * there.sum())]
    tables["responses"] = pd.DataFrame(
        {
            "customer_id": rows["customer_id"],
            "instrument": "nps",
            "score": np.where(rows["plan"] == "small", 2.0, 10.0),
            "responded_at": when[rows.index],
        }
    )
    until = pd.Timestamp(study.observed_until).tz_localize("UTC")
    return cx.Study.from_frames(
        tables, observed_until=until, instruments={"nps": cx.NPS}, revenue_ends="at_ended_at", currency="EUR"
    )


def test_the_unhappy_are_those_who_said_so_within_a_year(make_company: MakeCompany) -> None:
    study = answered(make_company(6)[0])
    found = cx.revenue.what_if(study, months=3, draws=200)
    last = study.table("responses").collect("pandas").to_native().set_index("customer_id")
    people = study.table("customers").collect("pandas").to_native()
    there = people[people["ended_at"].isna()]["customer_id"]
    recent = last["responded_at"] > pd.Timestamp(study.observed_until) - pd.Timedelta(days=365.25)
    unhappy = last[recent & (last["score"] <= 6)].index
    assert found.n == there.isin(unhappy).sum()
    assert found.finding.startswith("If 20 % of those of the unhappy by their last answer to NPS")


def test_values_by_answer_count_only_what_came_after_the_landmark(make_company: MakeCompany) -> None:
    study = answered(make_company(6, came=60.0)[0])
    found = cx.revenue.value_by_group(study)
    people = study.table("customers").collect("pandas").to_native()
    cut = pd.Timestamp(study.observed_until)
    then = cut - pd.Timedelta(days=365.25)
    last = study.table("responses").collect("pandas").to_native().set_index("customer_id")
    known = last[(last["responded_at"] <= then) & (last["responded_at"] > then - pd.Timedelta(days=365.25))]
    there = people[(people["started_at"] <= then) & ~(people["ended_at"] <= then)]
    detractors = there[there["customer_id"].isin(known[known["score"] <= 6].index)]
    row = found.table.set_index("group").loc["detractor"]
    assert row["n"] == len(detractors)
    left = detractors["ended_at"].notna()
    end = detractors["ended_at"].fillna(cut)
    months = (end - then) / pd.Timedelta(days=365.25 / 12)
    # everybody is followed to the cut: S(t) is a plain share
    share = [(months[left] > month).sum() + (~left).sum() for month in range(12)]
    assert row["value"] == pytest.approx(row["monthly"] * np.sum(share) / len(detractors), rel=1e-9)
    assert row["left"] == left.sum()
    assert found.landmark_months == 12 and "not what the answer caused" in " ".join(found.notes)


def test_values_by_group_use_margin_and_hide_small_groups(
    make_company: MakeCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, _, _ = make_company(7)
    plain = cx.revenue.value_by_group(study, "plan", months=12).table.set_index("group")
    monkeypatch.setattr(study, "costs", cx.study.Costs(gross_margin=0.5))
    half = cx.revenue.value_by_group(study, "plan", months=12)
    values = half.table.set_index("group")
    assert values["value"].to_numpy() == pytest.approx(plain["value"].to_numpy() / 2)
    assert "worth most in large" in half.finding
    tables = {name: study.table(name).collect("pandas").to_native() for name in study.tables}
    tables["customers"].loc[tables["customers"].index[:3], "plan"] = "rare"
    until = pd.Timestamp(study.observed_until).tz_localize("UTC")
    rare = cx.Study.from_frames(tables, observed_until=until, revenue_ends="at_ended_at")
    row = cx.revenue.value_by_group(rare, "plan").table.set_index("group").loc["rare"]
    assert np.isnan(row["value"]) and row["note"] == "fewer than 5 customers"


def test_scenarios_that_make_no_sense_are_refused(make_company: MakeCompany) -> None:
    study, _, _ = make_company(5)
    with pytest.raises(ArgumentError, match=r"churn_times is 1\.2"):
        cx.revenue.what_if(study, "plan=small", 1.2)
    with pytest.raises(ArgumentError, match="no group of 'plan' is 'huge'"):
        cx.revenue.what_if(study, "plan=huge")
    with pytest.raises(ArgumentError, match="group is 'plan'"):
        cx.revenue.what_if(study, "plan")
    with pytest.raises(DataError, match="the study has no answers"):
        cx.revenue.what_if(study)
    with pytest.raises(DataError, match="the study has no answers"):
        cx.revenue.value_by_group(study)
    with pytest.raises(DataError, match="nobody was a customer 90 months before"):
        cx.revenue.value_by_group(answered(study), months=90)
