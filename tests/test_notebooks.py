"""What every notebook of the project keeps to, so that a report stays prose with one-line calls."""

import ast
from pathlib import Path

import nbformat
import pytest

from cxresearch.reporting.notebook.parameters import read_parameters
from cxresearch.reporting.writing.facts_in_prose import FACT

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
REPORTS = [path for path in NOTEBOOKS if path.parent.name == "report"]
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.While, ast.Lambda)
LONGEST_LINE = 110


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_hold_calls_and_no_programs(path: Path) -> None:
    for cell in code_cells(path):
        assert not cell.source.lstrip().startswith(("%", "!")), f"magic in {path.name}: {cell.source[:60]}"
        programs = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, FORBIDDEN)]
        assert not programs, f"{path.name}: {type(programs[0]).__name__} in a cell: {cell.source[:60]}"
        loops = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.For)]
        nested = [node for loop in loops for node in ast.walk(loop) if node is not loop and node in loops]
        assert not nested, f"{path.name}: a loop in a loop: {cell.source[:60]}"


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_tables_of_results_say_themselves_what_their_columns_are(path: Path) -> None:
    source = "\n".join(cell.source for cell in code_cells(path))
    for formatting in ("formats=", "intervals=", "units=", "chr(10)", ".splitlines(", ".split("):
        assert formatting not in source, f"{path.name} formats a table by itself: {formatting}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_lines_are_no_longer_than_a_screen(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        for line in cell.source.splitlines():
            assert len(line) <= LONGEST_LINE, f"{path.name}: {line}"


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_facts_that_prose_names_are_parameters_or_noted(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    calls = [
        node
        for cell in code_cells(path)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "present.facts"
    ]
    known = {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}
    known |= {parameter.name for parameter in read_parameters(notebook, where=path.stem)}
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert {name for name, _ in FACT.findall(prose)} <= known
    assert prose.count("{{") == len(FACT.findall(prose))


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
