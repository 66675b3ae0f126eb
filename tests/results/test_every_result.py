"""Every result class keeps the contract: table, notes, finding, and titles whose fields it has."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

import cxresearch
from cxresearch.results.result import _FIELD, FOLDED_ROWS, SHOWN_NOTES, SHOWN_ROWS, Result
from cxresearch.results.table_spec import TableSpec
from cxresearch.results.units import Unit


def subclasses(kind: type) -> Iterator[type]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def result_classes() -> list[type]:
    for module in pkgutil.walk_packages(cxresearch.__path__, "cxresearch."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    classes = {kind for kind in subclasses(Result) if kind.__module__.startswith("cxresearch.")}
    return sorted(classes, key=lambda kind: kind.__qualname__)


CLASSES = result_classes()


def attributes(kind: type) -> set[str]:
    fields = {field.name for field in dataclasses.fields(kind)}
    own = [vars(base) for base in kind.__mro__ if base not in (Result, object)]
    return fields | {name for names in own for name in names}


#: Overviews of several tables, which one finding, table and notes would not show.
OVERVIEWS = {"Scorecard", "StudyCheck"}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_result_has_table_notes_and_finding_and_one_display(kind: type) -> None:
    assert {"table", "notes", "finding"} <= attributes(kind)
    assert ("_repr_html_" in attributes(kind)) == (kind.__name__ in OVERVIEWS)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_titles_name_fields_that_the_result_has(kind: type) -> None:
    for name, spec in kind.specs.items():
        named = {match[1].split(".")[0] for match in _FIELD.finditer(spec.title)}
        assert named <= attributes(kind), f"{kind.__name__}.{name}: {spec.title}"


#: Its finding in two sentences of which the second is long, and a table longer than a display shows.
ANSWER, DETAIL = "One customer in five left.", "It says so because " + "very " * 60 + "much was asked."
NOTES = tuple(f"Note {number} of the sample." for number in range(SHOWN_NOTES + 2))
ROWS = FOLDED_ROWS + 7


def filled(spec: TableSpec) -> pd.DataFrame:
    """A frame of every column that a spec names: moments at half past one, numbers, and text."""
    columns: dict[str, Any] = {}
    for column in spec.columns:
        columns[column.name] = [f"row {place} < {column.name}" for place in range(ROWS)]
        if column.unit is not None or column.low or column.unit_from:
            columns[column.name] = [0.25] * ROWS
        if column.unit is Unit.DATE:
            columns[column.name] = [datetime(2024, 5, 17, 13, 30)] * ROWS
        for end in filter(None, (column.low, column.high)):
            columns[end] = [0.25] * ROWS
        if column.unit_from:
            columns[column.unit_from] = ["share"] * ROWS
    if spec.groups_first or not columns:
        columns["period of the group"] = [datetime(2024, 5, 17, 13, 30)] * ROWS
    return pd.DataFrame(columns)


def stand_in(kind: type) -> Any:
    """A result of a class with a table, a finding and notes of ours, and nothing else."""
    spec = kind.specs.get("table", TableSpec(columns=(), groups_first=True))  # type: ignore[attr-defined]
    ours = {
        "table": filled(spec),
        "finding": f"{ANSWER} {DETAIL}",
        "notes": NOTES,
        "spec": lambda _self, _name="table": spec,
        "caption": lambda _self, _name="table": "Title of the table",
        "__repr__": Result.__repr__,
    }
    return object.__new__(type(kind.__name__, (kind,), ours))


@pytest.mark.parametrize(
    "kind", [kind for kind in CLASSES if kind.__name__ not in OVERVIEWS], ids=lambda kind: kind.__name__
)
def test_a_notebook_shows_finding_then_table_then_notes_and_folds_what_is_long(kind: type) -> None:
    page = stand_in(kind)._repr_html_()
    paragraphs = [re.sub("<[^>]+>", "", part) for part in re.findall(r"<p\b.*?</p>", page, flags=re.DOTALL)]
    assert paragraphs == [ANSWER, DETAIL, "Title of the table", *NOTES]
    places = [page.index(text) for text in (ANSWER, DETAIL, "Title of the table", "<table", *NOTES)]
    assert places == sorted(places)
    open_part, *folded = page.split("<details>")
    assert open_part.count("<tr>") == 1 + SHOWN_ROWS
    assert len(folded) == 2
    assert f"{FOLDED_ROWS - SHOWN_ROWS} further rows, and 7 more in to_frame()" in folded[0]
    assert "2 further notes" in folded[1]
    assert "13:30" not in page
