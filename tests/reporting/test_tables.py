"""What a reader sees in a table: units once, nothing broken inside an interval, no empty column of notes."""

from __future__ import annotations

import pandas as pd

from cxresearch.reporting.writing.blocks import table_block
from cxresearch.results.table_spec import spec_of_frame
from cxresearch.results.units import Unit


def test_unit_of_a_time_once_and_what_is_unknown_is_not_available() -> None:
    frame = pd.DataFrame(
        {
            "median": [26.0, float("nan"), float("nan")],
            "low": [24.0, float("nan"), 30.0],
            "high": [28.0, float("inf"), float("inf")],
        }
    )
    spec = spec_of_frame(frame, units={"median": Unit.MONTHS}, intervals={"median": ("low", "high")})
    page = table_block(frame, spec, caption="c", max_rows=9).replace("\N{NO-BREAK SPACE}", " ")
    cells = [part.split("</td>")[0].rsplit(">", 1)[1] for part in page.split("<td")[1:]]
    assert cells == ["26.0 [24.0, 28.0] months", "n/a", "n/a [30.0, unbounded] months"]


def test_text_breaks_outside_intervals_only() -> None:
    frame = pd.DataFrame({"change": ["+1.0 [-2.0, +4.0] and more"], "reading": ["within noise (p 0.300)"]})
    page = table_block(frame, spec_of_frame(frame), caption="c", max_rows=9)
    assert "+1.0 [-2.0,\N{NO-BREAK SPACE}+4.0] and more" in page
    assert "within noise (p\N{NO-BREAK SPACE}0.300)" in page


def test_empty_notes_are_left_away_and_truth_is_said_in_words() -> None:
    frame = pd.DataFrame({"small": [True, False], "note": ["", None]})
    page = table_block(frame, spec_of_frame(frame), caption="c", max_rows=9)
    assert ">note<" not in page
    assert ">yes<" in page and ">no<" in page
    remarked = frame.assign(note=["", "x"])
    noted = table_block(remarked, spec_of_frame(remarked), caption="c", max_rows=9)
    assert ">note<" in noted
