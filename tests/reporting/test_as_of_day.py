"""A study as of an earlier day knows what was known then, and nothing later."""

from datetime import date, datetime

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.errors import DataError
from cxresearch.reporting.writing.as_of_day import as_of_day

DAY = date(2024, 2, 29)
END = pd.Timestamp("2024-03-01") - pd.Timedelta(microseconds=1)


@pytest.fixture(scope="module")
def whole() -> cx.Study:
    return cx.synthetic.company_study(seed=2, customers=1200, unhappy=True)


@pytest.fixture(scope="module")
def earlier(whole: cx.Study) -> cx.Study:
    return as_of_day(whole, DAY)


def test_no_time_but_due_dates_is_later(earlier: cx.Study) -> None:
    assert earlier.observed_until == END
    for name in earlier.tables:
        frame = collect(earlier.table(name))
        assert len(frame)
        for column in frame.select_dtypes("datetime"):
            if column != "due_at":
                assert not (frame[column] > END).any(), (name, column)


def test_who_left_later_is_a_customer_without_an_end_or_a_reason(whole: cx.Study, earlier: cx.Study) -> None:
    then = collect(earlier.table("customers")).set_index("customer_id")
    now = collect(whole.table("customers")).set_index("customer_id").loc[then.index]
    later = now["ended_at"] > END
    assert later.sum() > 20
    assert then.loc[later, ["ended_at", "end_kind", "reason"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(then[now["ended_at"] <= END], now[now["ended_at"] <= END])


def test_answers_given_later_were_invitations_then(whole: cx.Study, earlier: cx.Study) -> None:
    rows = collect(whole.table("responses"))
    known = (rows["sent_at"] <= END) | (rows["responded_at"] <= END)
    then = collect(earlier.table("responses"))
    assert len(then) == known.sum()
    assert then["score"].notna().sum() == (rows["responded_at"] <= END).sum()
    assert then.loc[then["score"].isna(), "comment"].isna().all()


def test_tickets_resolved_later_were_open(whole: cx.Study, earlier: cx.Study) -> None:
    rows = collect(whole.table("tickets")).query("created_at <= @END")
    assert (
        collect(earlier.table("tickets"))["resolved_at"].isna().sum()
        == (rows["resolved_at"].isna() | (rows["resolved_at"] > END)).sum()
    )


def test_no_day_and_a_day_beyond_the_data_leave_the_study_as_it_is(whole: cx.Study) -> None:
    assert as_of_day(whole, None) is whole
    assert as_of_day(whole, date(2030, 1, 1)) is whole


def test_a_day_before_all_data_is_refused(whole: cx.Study) -> None:
    with pytest.raises(DataError, match="nothing was known by 1 May 2001"):
        as_of_day(whole, date(2001, 5, 1))


def test_dates_without_a_clock_of_the_next_day_are_not_known() -> None:
    rows = pd.DataFrame({"customer_id": [1, 2], "instrument": "nps", "score": [9, 3]})
    rows["responded_at"] = pd.to_datetime(["2024-02-29", "2024-03-01"])
    study = cx.Study.from_frames(
        {"responses": rows}, observed_until="2024-06-30", instruments={"nps": cx.NPS}
    )
    assert collect(as_of_day(study, DAY).table("responses"))["score"].tolist() == [9]


def test_a_day_is_local() -> None:
    rows = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "instrument": "nps",
            "score": [9, 3],
            "responded_at": [datetime(2024, 3, 1, 4, 30), datetime(2024, 3, 1, 5, 30)],
        }
    )
    study = cx.Study.from_frames(
        {"responses": rows},
        observed_until="2024-06-30",
        instruments={"nps": cx.NPS},
        timezone="America/New_York",
    )
    # 4:30 UTC is half past eleven at night of the day before in New York
    assert collect(as_of_day(study, DAY).table("responses"))["score"].tolist() == [9]
