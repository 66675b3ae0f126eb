"""Segments may be called anything; names that a landmark row needs itself are refused by name."""

from __future__ import annotations

import pytest

import cxresearch as cx
from cxresearch.errors import CxError

NAMES = ["n", "event", "weight", "left", "cx_n", "index"]


@pytest.fixture(scope="module")
def company() -> cx.Study:
    return cx.synthetic.company_study(seed=1, customers=200)


@pytest.fixture(scope="module")
def frames(company):
    wanted = ("customers", "responses")
    return {table: company.table(table).collect().to_pandas() for table in wanted}


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_of_any_name_is_checked_and_counted_alike(company, frames, name) -> None:
    customers = frames["customers"].rename(columns={"segment": name})
    study = cx.Study.from_frames(
        {**frames, "customers": customers},
        observed_until=company.observed_until,
        instruments=company.instruments,
        segments=(name,),
    )
    check = cx.check_study(study)
    largest = frames["customers"]["segment"].value_counts()
    said = str(check)
    assert f"{largest.index[0]} ({largest.iloc[0]:,})" in said
    curve = cx.churn_curve(study, by=name)
    assert all(level in str(curve) for level in largest.index)
    try:
        marks = cx.landmark(study, horizon_days=90)
    except CxError as error:
        assert name in str(error)
    else:
        assert len(marks.frame)


@pytest.mark.parametrize("name", ["n", "cx_n"])
def test_a_snapshot_may_have_a_column_of_any_name(frames, name) -> None:
    customers = frames["customers"].assign(gone=frames["customers"]["ended_at"].notna())
    customers = customers[["customer_id", "segment", "gone"]].rename(
        columns={"segment": name, "gone": "left"}
    )
    study = cx.Study.from_snapshot(customers.astype({"left": str}))
    assert name in str(cx.check_study(study))
