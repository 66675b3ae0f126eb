"""Every result shows finding, table and notes, escaped, and long tables are folded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import ClassVar

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError
from cxresearch.results.result import FOLDED_ROWS, SHOWN_ROWS, Result
from cxresearch.results.table_spec import Column, TableSpec, spec_of_frame
from cxresearch.results.units import Unit

HOSTILE = "<script>alert(1)</script>"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample(Result):
    """A result for tests.

    Attributes
    ----------
    table : pandas DataFrame
    """

    table: pd.DataFrame
    finding: str
    notes: tuple[str, ...] = ()
    level: float = 0.95
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="group", label="group", meaning="who"),
                Column(
                    name="share",
                    label="left",
                    meaning="who left",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
            ),
            title="Leavers with {level} intervals: {finding}",
        )
    }


def sample(rows: int = 2, **fields: object) -> Sample:
    frame = pd.DataFrame({"group": [f"g{row}" for row in range(rows)], "share": 0.2, "low": 0.1, "high": 0.3})
    return Sample(**{"table": frame, "finding": "One in five left.", **fields})  # type: ignore[arg-type]


class Cells(HTMLParser):
    """Collects the text of cells, and the elements a page holds."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] in ("td", "th") and data.strip():
            self.cells[-1] += data


def parsed(result: Result) -> Cells:
    parser = Cells()
    parser.feed(result._repr_html_())
    return parser


def test_finding_table_and_notes_are_shown_in_this_order() -> None:
    page = sample(notes=("Few.",))._repr_html_()
    places = [
        page.index(text) for text in ("One in five left.", "Leavers with 95 % intervals", ">left<", "Few.")
    ]
    assert places == sorted(places)


def test_the_interval_stands_in_one_cell() -> None:
    cells = parsed(sample(1)).cells
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells] == [
        "group",
        "left",
        "g0",
        "20.0 % [10.0 %, 30.0 %]",
    ]


@pytest.mark.parametrize("where", ["finding", "notes", "group", "column"])
def test_text_from_outside_never_becomes_markup(where: str) -> None:
    given = sample()
    changed = {
        "finding": {"finding": HOSTILE},
        "notes": {"notes": (HOSTILE,)},
        "group": {"table": given.table.assign(group=HOSTILE)},
        "column": {"table": given.table},
    }[where]
    result = sample(**changed)
    if where == "column":
        spec = TableSpec(columns=(Column(name="group", label=HOSTILE, meaning=""),), title=HOSTILE)
        object.__setattr__(result, "specs", {"table": spec})
    assert "script" not in parsed(result).elements
    assert "&lt;script&gt;" in result._repr_html_()


def test_braces_in_a_finding_are_no_fields_of_the_caption() -> None:
    assert "{level}" in sample(finding="{level}").caption()


def test_long_tables_are_folded_and_the_rest_is_counted() -> None:
    assert "details" not in parsed(sample(SHOWN_ROWS)).elements
    page = parsed(sample(FOLDED_ROWS + 34))
    assert page.elements.count("details") == 1
    assert page.elements.count("tr") == 2 + FOLDED_ROWS
    assert (
        f"{FOLDED_ROWS - SHOWN_ROWS} further rows, and 34 more in to_frame()"
        in sample(FOLDED_ROWS + 34)._repr_html_()
    )


def test_a_result_prints_the_same_as_text() -> None:
    lines = repr(sample(notes=("Few.",))).splitlines()
    assert lines[0] == "One in five left."
    assert lines[1].split() == ["group", "left"]
    assert lines[2].endswith("20.0 % [10.0 %, 30.0 %]")
    assert lines[-1] == "Few."


def test_the_frame_is_a_copy() -> None:
    result = sample()
    frame = result.to_frame()
    frame.loc[:, "share"] = 9.0
    assert result.table["share"].max() == 0.2


def test_asking_for_a_table_that_is_not_there_says_which_are() -> None:
    with pytest.raises(ArgumentError, match=r"no table 'contrasts'(.|\n)*one of table"):
        sample().to_frame("contrasts")


def test_columns_become_part_of_the_docstring() -> None:
    text = Sample.__doc__ or ""
    assert text.endswith("``share`` (share): who left; interval ``low`` to ``high``\n")
    assert "Attributes\n----------\ntable : pandas DataFrame" in text


def test_an_estimate_shows_its_interval_once_and_its_note() -> None:
    estimate = cx.nps([10, 9, 3, 7] * 5)
    assert estimate.finding.startswith("NPS +25.0 [")
    assert parsed(estimate).cells[:2] == ["figure", "value"]
    assert estimate.notes == ((estimate.note,) if estimate.note else ())
    assert estimate.to_frame().loc[0, "n"] == 20


def test_a_contrast_shows_the_p_value_beside_its_difference() -> None:
    contrast = cx.statistics.Contrast(
        name="NPS",
        first="a",
        second="b",
        difference=-3.0,
        low=-8.0,
        high=2.0,
        level=0.9,
        se=3.0,
        statistic=-1.0,
        p_value=0.0004,
        n=80,
        unit=Unit.POINTS,
        test="t",
        method="m",
        note="few",
    )
    cells = [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in parsed(contrast).cells]
    assert "−3.0 [−8.0, +2.0]" in cells
    assert "< 0.001" in cells
    assert contrast.notes == ("few",)
    assert "90 % interval" in contrast.caption()


def test_twenty_rows_asked_for_are_twenty_rows_shown() -> None:
    assert "details" not in parsed(sample(20)).elements
    assert parsed(sample(20)).elements.count("tr") == 1 + 20
    assert len(repr(sample(20)).splitlines()) == 2 + 20


def test_a_long_finding_begins_with_its_answer() -> None:
    long = "In 12 months: 522 customers [492, 553]. Made at 29 past months. " + "More was said. " * 20
    page = sample(finding=long)._repr_html_()
    assert 'font-weight:600;margin:0 0 6px;white-space:pre-line">In 12 months' in page
    first = page[page.index("In 12 months") : page.index("</p>")]
    assert first.endswith("553].")
    short = "Two sentences. Both short."
    assert f">{short}</p>" in sample(finding=short)._repr_html_()


def test_moments_are_written_to_the_day_unless_nobody_said_what_they_are() -> None:
    frame = pd.DataFrame({"at": [pd.Timestamp("2024-05-17 13:30")]})
    declared = TableSpec(columns=(Column(name="at", label="at", meaning="when"),))
    assert declared.write(frame).rows == (("2024-05-17",),)
    assert spec_of_frame(frame).write(frame).rows == (("2024-05-17 13:30:00",),)
