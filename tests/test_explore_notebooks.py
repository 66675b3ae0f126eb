"""Every notebook for exploring runs from top to bottom without a warning; the galleries miss no picture."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pytest

from cxresearch.data.checking.check_study import StudyCheck
from cxresearch.plots import dispatch, registry
from cxresearch.results.result import Result

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "explore"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
GALLERIES = [path for path in NOTEBOOKS if path.stem.startswith("gallery")]
#: One group of incidences is drawn as several are.
DRAWN_AS_ANOTHER = {"CumulativeIncidence"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def run(path: Path) -> list[Any]:
    """Run the cells in one namespace, and return what they display."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    displayed = []
    for number, source in enumerate(cells):
        body = ast.parse(source).body
        shown = None
        if isinstance(body[-1], ast.Expr) and not source.endswith(";"):
            shown = ast.Expression(body.pop().value)  # type: ignore[attr-defined]
        where = f"{path.name}, code cell {number}"
        exec(compile(ast.Module(body, []), where, "exec"), names)
        if shown is not None:
            displayed.append(eval(compile(shown, where, "eval"), names))
        plt.close("all")
    return displayed


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path not in GALLERIES], ids=lambda path: path.stem
)
def test_a_notebook_runs_and_shows_what_can_be_read(path: Path) -> None:
    # A check quotes cells of files as they are, with their clocks.
    shown = [thing for thing in run(path) if isinstance(thing, Result) and not isinstance(thing, StudyCheck)]
    for page in [result._repr_html_() for result in shown]:
        assert not MOMENT.search(page)
        assert page.index("<p") < page.index("<table")


def test_the_galleries_draw_every_class_that_has_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    draw: Callable[..., Any] = registry.draw_checked

    def noted(result: Any, ax: Any = None, **options: Any) -> Any:
        drawn.add(type(result).__name__)
        return draw(result, ax, **options)

    monkeypatch.setattr(dispatch, "draw_checked", noted)
    for path in GALLERIES:
        run(path)
    assert set(registry.classes_with_a_picture()) - drawn <= DRAWN_AS_ANOTHER


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_ends_in_something_to_try(path: Path) -> None:
    last = nbformat.read(path, as_version=4).cells[-1]
    assert last.cell_type == "markdown"
    if path.stem != "start":
        assert last.source.startswith("## To try")
        assert "?" in last.source
