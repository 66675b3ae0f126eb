"""Plain papermill reads every report: each parameter with its type, default and help, every line parsed."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from papermill.cli import papermill
from papermill.inspection import inspect_notebook

from cxresearch.reporting.notebook.parameters import read_parameters

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "report"
REPORTS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_papermill_finds_every_parameter_with_type_default_and_help(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        listed = inspect_notebook(path)
    assert not [record.getMessage() for record in caplog.records]
    ours = read_parameters(nbformat.read(path, as_version=4), where=path.stem)
    assert list(listed) == [parameter.name for parameter in ours]
    for parameter in ours:
        theirs = listed[parameter.name]
        assert theirs["inferred_type_name"] not in ("", "None"), parameter.name
        assert ast.literal_eval(theirs["default"]) == parameter.default
        assert parameter.help
        assert theirs["help"].endswith(parameter.help)
        for choice in parameter.kind.choices:
            assert str(choice) in theirs["help"]


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_the_help_of_the_papermill_command_is_whole(path: Path) -> None:
    said = CliRunner().invoke(papermill, ["--help-notebook", str(path)])
    assert said.exit_code == 0
    for trouble in ("Unknown type", "Unable to parse", "Can't infer"):
        assert trouble not in said.output
    for parameter in read_parameters(nbformat.read(path, as_version=4), where=path.stem):
        assert f"  {parameter.name}: " in said.output
