"""A table spec decides headings, units, intervals and order; the frame keeps everything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import ArgumentError
from cxresearch.results.table_spec import Column, TableSpec, spec_of_frame
from cxresearch.results.units import Unit

SHARE = Column(name="share", label="left", meaning="of those there", unit=Unit.SHARE, low="low", high="high")
SPEC = TableSpec(columns=(Column(name="group", label="group", meaning="who"), SHARE))


def test_ends_of_an_interval_stand_in_the_cell_of_their_estimate() -> None:
    frame = pd.DataFrame({"low": [0.1], "high": [0.3], "share": [0.2], "group": ["pro"]})
    written = SPEC.write(frame)
    assert written.headings == ("group", "left")
    assert written.rows == (("pro", "20.0 % [10.0 %, 30.0 %]"),)
    assert written.alignment == ("short", "number")


def test_columns_without_a_spec_are_not_shown_and_missing_ones_are_left_away() -> None:
    frame = pd.DataFrame({"share": [0.2], "se": [0.05]})
    assert SPEC.write(frame).rows == (("20.0 %",),)


def test_groups_of_the_user_come_first_under_their_names() -> None:
    frame = pd.DataFrame({"share": [0.2], "low": [0.1], "high": [0.3], "Land <b>": ["de"]})
    spec = TableSpec(columns=(SHARE,), groups_first=True)
    assert spec.write(frame).headings == ("Land <b>", "left")


def test_each_row_may_have_its_unit() -> None:
    value = Column(name="value", label="value", meaning="estimate", unit_from="unit")
    frame = pd.DataFrame({"value": [39.84, 0.5, 3.0], "unit": ["points", "share", None]})
    rows = TableSpec(columns=(value,)).write(frame).rows
    assert rows == (("+39.8",), ("50.0 %",), ("3.00",))


def test_whole_numbers_of_numpy_are_written_as_whole_numbers() -> None:
    frame = pd.DataFrame({"n": np.array([1234, 5], dtype=object)})
    frame.loc[0, "n"] = np.int64(1234)
    assert spec_of_frame(frame).write(frame).rows == (("1,234",), ("5",))


def test_missing_values_of_every_kind_are_not_available() -> None:
    frame = pd.DataFrame({"x": [None, pd.NA, pd.NaT, float("nan")]}, dtype=object)
    assert set(spec_of_frame(frame).write(frame).rows) == {("n/a",)}


def test_a_column_of_notes_that_notes_nothing_is_left_away() -> None:
    spec = TableSpec(
        columns=(
            Column(name="n", label="n", meaning="rows"),
            Column(name="note", label="note", meaning="remark"),
        )
    )
    frame = pd.DataFrame({"n": [1, 2], "note": ["", None]})
    assert spec.write(frame).headings == ("n",)
    assert spec.write(frame.assign(note=["", "few"])).headings == ("n", "note")


def test_an_empty_frame_has_headings_and_no_rows() -> None:
    written = SPEC.write(pd.DataFrame({"group": [], "share": []}))
    assert written.headings == ("group", "left")
    assert written.rows == ()


def test_rows_beyond_the_limit_are_counted() -> None:
    written = SPEC.write(pd.DataFrame({"group": list("abcd")}), max_rows=3)
    assert len(written.rows) == 3
    assert written.n_left == 1


def test_headings_can_be_given_by_the_result() -> None:
    relabelled = SPEC.relabel(share="left within 180 days")
    assert relabelled["share"].label == "left within 180 days"
    assert relabelled["share"].unit is Unit.SHARE
    with pytest.raises(ArgumentError, match="no column 'churn'"):
        SPEC.relabel(churn="x")


def test_a_name_stands_once_in_a_spec() -> None:
    with pytest.raises(ArgumentError, match="called 'share'"):
        TableSpec(columns=(SHARE, SHARE))


def test_naming_a_column_that_is_not_there_is_an_error() -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(ArgumentError, match="no column 'b'"):
        spec_of_frame(frame, intervals={"a": ("b", "c")})


def test_the_column_list_says_what_a_csv_file_holds() -> None:
    listed = SPEC.column_list().set_index("column")
    assert listed.loc["share", ["unit", "low", "high", "meaning"]].tolist() == [
        "share",
        "low",
        "high",
        "of those there",
    ]
