"""What every notebook of the project keeps to, so that a report stays prose with one-line calls."""

import ast
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
REPORTS = [path for path in NOTEBOOKS if path.parent.name == "report"]
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_hold_calls_and_no_programs(path: Path) -> None:
    for cell in code_cells(path):
        assert not cell.source.lstrip().startswith(("%", "!")), f"magic in {path.name}: {cell.source[:60]}"
        programs = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, FORBIDDEN)]
        assert not programs, f"{path.name}: {type(programs[0]).__name__} in a cell: {cell.source[:60]}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(path: Path) -> None:
    for cell in code_cells(path):
        assert not cell.outputs and cell.execution_count is None, f"{path.name} was committed with outputs"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_prose_comes_first(path: Path) -> None:
    assert nbformat.read(path, as_version=4).cells[0].cell_type == "markdown"


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_one_parameters_cell_of_annotated_literals(path: Path) -> None:
    tagged = [cell for cell in code_cells(path) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    for node in ast.parse(tagged[0].source).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        assert isinstance(node, ast.AnnAssign) and node.value is not None, ast.unparse(node)
        ast.literal_eval(node.value)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_last_cell_saves_results(path: Path) -> None:
    assert "save_results(" in code_cells(path)[-1].source
