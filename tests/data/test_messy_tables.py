"""What real tables bring along: stand-ins for dates, exports of other tools, names that collide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.landmarks.landmark_dates import as_instant
from cxresearch.data.study_file.parse_study_file import read_cut

Write = Callable[..., Path]
HEAD = "customer,question,answer,when\n"
CUSTOMERS = pd.DataFrame(
    {"customer_id": ["a", "b"], "started_at": "2023-01-01", "ended_at": [None, "2024-09-01"]}
)
ANSWERS = pd.DataFrame(
    {"customer_id": ["a", "b"], "instrument": "nps", "score": [9, 1], "responded_at": "2024-06-01"}
)


def study_of(cut: str = "2024-12-31", timezone: str = "UTC", **tables: pd.DataFrame) -> cx.Study:
    instruments = dict.fromkeys(tables["responses"]["instrument"].unique(), cx.NPS)
    return cx.Study.from_frames(tables, observed_until=cut, instruments=instruments, timezone=timezone)


def typed(path: Path, column: str = "responded_at") -> list[Any]:
    study = cx.read_study(path, on_reject="set_aside", max_reject_share=1)
    return study.table("responses").collect().to_native().column(column).to_pylist()


def rules(path: Path) -> list[tuple[str, int, str, str]]:
    found = cx.read_study(path, on_reject="set_aside", max_reject_share=1).rejects()
    return list(found[["table", "row", "rule", "value"]].itertuples(index=False, name=None))


class TestTimes:
    @pytest.mark.parametrize("text", ["0001-01-01", "1900-01-01", "0024-05-03 10:00"])
    def test_stand_ins_for_no_date_are_no_dates(self, write_study: Write, text: str) -> None:
        path = write_study(customers=f"id,since,until,kind,plan\nc1,{text},,,pro\nc2,2024-01-01,,,pro\n")
        assert rules(path)[0][:3] == ("customers", 1, "time_too_early")

    def test_a_year_of_two_digits_is_not_the_first_century(self, write_study: Write) -> None:
        columns = {
            "text": write_study()
            .read_text()
            .replace('"when"', '{ column = "when", date_format = "%d/%m/%Y" }')
        }
        path = write_study(responses=f"{HEAD}c1,nps,9,05/06/2024\nc1,nps,9,5/6/24\n", **columns)
        assert [rule[2] for rule in rules(path)] == ["time_too_early"]
        assert typed(path) == [datetime(2024, 6, 5)]

    def test_frames_too(self) -> None:
        early = CUSTOMERS.assign(started_at=pd.array(["0001-01-01", "2024-01-01"], dtype="datetime64[us]"))
        assert study_of(customers=early, responses=ANSWERS).rejects()["rule"].tolist() == [
            "time_too_early",
            "rejected_customer",
        ]

    @pytest.mark.parametrize(
        ("declared", "number"),
        [
            ("epoch_seconds", "0"),
            ("epoch_seconds", "45296"),  # a spreadsheet's days
            ("epoch_seconds", "20240105"),
            ("epoch_milliseconds", "1704445200"),  # seconds
        ],
    )
    def test_numbers_that_are_no_epoch(self, write_study: Write, declared: str, number: str) -> None:
        form = f'{{ column = "when", date_format = "{declared}" }}'
        text = write_study().read_text().replace('"when"', form)
        good = "1704445200" if declared == "epoch_seconds" else "1704445200000"
        path = write_study(responses=f"{HEAD}c1,nps,9,{number}\nc1,nps,9,{good}\n", text=text)
        assert rules(path) == [("responses", 1, "not_a_time", number)]
        assert typed(path) == [datetime(2024, 1, 5, 9)]

    @pytest.mark.parametrize(
        "text", ["2024-04-03 18:30:00 +0200", "2024-04-03T18:30:00 +02:00", "2024-04-03 11:30 -05"]
    )
    def test_a_space_before_the_offset(self, write_study: Write, text: str) -> None:
        assert typed(write_study(responses=f"{HEAD}c1,nps,9,{text}\n")) == [datetime(2024, 4, 3, 16, 30)]

    def test_days_counted_by_a_spreadsheet(self, write_study: Write) -> None:
        with pytest.raises(
            cx.errors.StudyError, match=r"'45296' is not an ISO date.*counted days from 1899-12-30"
        ):
            cx.read_study(write_study(responses=f"{HEAD}c1,nps,9,45296\n"))

    def test_a_date_that_says_nothing_about_the_order(self, write_study: Write) -> None:
        with pytest.raises(
            cx.errors.StudyError, match="does not say whether the day or the month comes first"
        ):
            cx.read_study(write_study(responses=f"{HEAD}c1,nps,9,04/04/2024\n"))
        with pytest.raises(cx.errors.StudyError, match="3 April 2024 or 4 March 2024"):
            cx.read_study(write_study(responses=f"{HEAD}c1,nps,9,04/04/2024\nc1,nps,9,03/04/2024\n"))

    def test_a_date_without_dashes_is_a_whole_day(self) -> None:
        assert read_cut("20241231", "UTC", "x") == read_cut("2024-12-31", "UTC", "x")
        assert as_instant("first", "20240701", "Europe/Berlin") == datetime(2024, 6, 30, 22)

    @pytest.mark.parametrize("declared", ["2024-W52", pd.NaT])
    def test_what_is_no_data_cut(self, declared: Any) -> None:
        with pytest.raises(cx.errors.StudyError, match="observed_until is"):
            read_cut(declared, "UTC", "x")

    def test_a_cut_far_behind_the_data_is_noted(self) -> None:
        tables = cx.check_study(study_of("2099-12-31", customers=CUSTOMERS, responses=ANSWERS)).tables
        assert tables.set_index("table").loc["responses", "note"] == "stops 27,606 days before the data cut"


class TestValues:
    def test_a_score_just_outside_is_shown_in_full(self, write_study: Write) -> None:
        path = write_study(responses=f"{HEAD}c1,nps,10.0000001,2024-03-01\nc1,nps,9,2024-03-01\n")
        assert rules(path) == [("responses", 1, "score_out_of_scale", "10.0000001")]

    def test_windows_letters_called_latin_1(self, write_study: Write) -> None:
        content = "id,since,until,kind,plan\nc1,2024-01-01,,,Côte d’Ivoire\n".encode("cp1252")
        path = write_study(customers=content)
        path.write_text(path.read_text().replace('"customers.csv"', '"customers.csv"\nencoding = "latin-1"'))
        with pytest.raises(cx.errors.StudyError, match=r"not latin-1.*WINDOWS-1252"):
            cx.read_study(path).table("customers")


class TestFrames:
    def test_an_instrument_is_a_scale(self) -> None:
        with pytest.raises(
            cx.errors.ArgumentError, match=r"instrument 'nps' is '5'; wanted a Scale, such as cx\.NPS"
        ):
            cx.Study.from_frames({}, observed_until="2024-12-31", instruments={"nps": 5})  # type: ignore[dict-item]

    def test_a_column_name_that_comes_twice(self) -> None:
        twice = pd.concat([CUSTOMERS, CUSTOMERS[["started_at"]]], axis="columns")
        with pytest.raises(cx.errors.ArgumentError, match=r"more than once.*started_at"):
            study_of(customers=twice, responses=ANSWERS)


class TestLandmarks:
    def test_needs_a_study_with_customers(self) -> None:
        with pytest.raises(cx.errors.StudyError, match="no table customers"):
            cx.landmark(study_of(responses=ANSWERS))
        with pytest.raises(cx.errors.ArgumentError, match="study is a DataFrame"):
            cx.landmark(CUSTOMERS)  # type: ignore[arg-type]

    def test_a_list_of_leavers_is_refused(self) -> None:
        leavers = CUSTOMERS.assign(ended_at=["2024-10-01", "2024-09-01"])
        with pytest.raises(cx.errors.DataError, match="everyone churned: all 2 customers"):
            cx.landmark(study_of(customers=leavers, responses=ANSWERS), every=["2024-07-01"])
        announced = CUSTOMERS.assign(ended_at=["2025-10-01", "2024-09-01"])
        assert cx.landmark(study_of(customers=announced, responses=ANSWERS), every=["2024-07-01"]).n_rows == 2

    @pytest.mark.parametrize("name", ["nps", "NPS", "Event", "tenure_days", "nps_age_days", "nps_previous"])
    def test_a_segment_called_like_a_column_of_the_rows(self, name: str) -> None:
        study = study_of(customers=CUSTOMERS.assign(**{name: ["x", "y"]}), responses=ANSWERS)
        with pytest.raises(cx.errors.StudyError, match=f"segment '{name}' has the name of another column"):
            cx.landmark(study, every=["2024-07-01"])

    @pytest.mark.parametrize("name", ["event", "duration_days", "Tenure_Days"])
    def test_an_instrument_called_like_a_column_of_the_rows(self, name: str) -> None:
        study = study_of(customers=CUSTOMERS, responses=ANSWERS.assign(instrument=name))
        with pytest.raises(cx.errors.StudyError, match=f"instrument '{name}' has the name"):
            cx.landmark(study, every=["2024-07-01"])

    def test_instruments_that_differ_in_capitals_only(self) -> None:
        study = study_of(customers=CUSTOMERS, responses=ANSWERS.assign(instrument=["nps", "NPS"]))
        with pytest.raises(cx.errors.StudyError, match="instrument 'NPS' has the name"):
            cx.landmark(study, every=["2024-07-01"])

    @pytest.mark.parametrize("name", ["horizon_days", "window_days", "notice_days"])
    def test_days_beyond_reason(self, name: str) -> None:
        with pytest.raises(cx.errors.ArgumentError, match=f"{name} is 1e"):
            cx.landmark(study_of(customers=CUSTOMERS, responses=ANSWERS), **{name: 1e12})

    def test_a_missing_date(self) -> None:
        with pytest.raises(cx.errors.ArgumentError, match="every holds a missing date"):
            cx.landmark(study_of(customers=CUSTOMERS, responses=ANSWERS), every=[pd.NaT])

    def test_tickets_closed_at_a_local_midnight_raise_no_alarm(self) -> None:
        def alarms(closed: str, at: datetime) -> list[str]:
            tickets = pd.DataFrame(
                {"ticket_id": ["1"], "customer_id": "a", "created_at": "2024-06-20", "resolved_at": closed}
            )
            study = study_of(
                customers=CUSTOMERS, responses=ANSWERS, tickets=tickets, timezone="Europe/Berlin"
            )
            return [flag for flag in cx.landmark(study, every=[at]).flags["flag"] if "close" in flag]

        assert alarms("2024-06-30 22:00Z", datetime(2024, 6, 30, 22)) == []
        assert alarms("2024-06-30 21:00Z", datetime(2024, 6, 30, 21)) == ["landmark at a ticket's close"]
