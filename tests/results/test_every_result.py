"""Every result class keeps the contract: table, notes, finding, and titles whose fields it has."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import cxresearch
from cxresearch.results.result import _FIELD, Result


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
