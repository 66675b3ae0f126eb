"""A run that has passed every check that needs no kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from cxresearch.errors import StudyError
from cxresearch.reporting.inputs import sha256_of
from cxresearch.reporting.notebook.catalogue import PARAMETERS_TAG, Report, find_report, read_notebook, slug
from cxresearch.reporting.notebook.parameters import Parameter, bind, injected_source, read_parameters
from cxresearch.reporting.outcome import usage_error
from cxresearch.reporting.shelf.json_files import object_of
from cxresearch.reporting.shelf.manifest import causes, digest, plain
from cxresearch.reporting.shelf.shelf import Shelf
from cxresearch.reporting.writing.alerts import read_rules
from cxresearch.reporting.writing.rules import Rule

BUILT_IN = "built-in"
Read = TypeVar("Read")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run that has passed every check that needs no kernel.

    Attributes
    ----------
    report : Report
        The notebook.
    declared : tuple of Parameter
        Its parameters.
    given : dict
        The parameters set for this run, each of its declared type.
    values : dict
        All parameters of this run.
    shelf : Shelf
        Where its runs stand.
    base : Path
        Folder that relative paths count from.
    study_file : Path or None
        The study file; None for the built-in study.
    rules : tuple of Rule
        Alert rules of the study file for this report.
    notebook : dict
        The notebook as JSON.
    notebook_sha256, study_sha256 : str
        Fingerprints of notebook and study file as they were read; what is there later may be another.
    """

    report: Report
    declared: tuple[Parameter, ...]
    given: dict[str, Any]
    values: dict[str, Any]
    shelf: Shelf
    base: Path
    study_file: Path | None
    rules: tuple[Rule, ...]
    notebook: dict[str, Any] = field(repr=False)
    notebook_sha256: str
    study_sha256: str

    def causes(self, sources: list[dict[str, Any]]) -> dict[str, Any]:
        """Return all that decides the content of the run, given the files it reads."""
        files = list(sources)
        if self.study_file:
            files.append({"sha256": self.study_sha256})
        return causes(self.notebook_sha256, self.values, tuple(rule.text for rule in self.rules), files)

    def notebook_to_run(self) -> dict[str, Any]:
        """Return the notebook with a cell behind its ``parameters`` cell that sets the given ones."""
        cells = list(self.notebook["cells"])
        if self.given:
            tagged = [PARAMETERS_TAG in cell["metadata"].get("tags", []) for cell in cells]
            cell: dict[str, Any] = {
                "cell_type": "code",
                "execution_count": None,
                "id": "parameters-of-this-run",
                "metadata": {"tags": ["injected-parameters"]},
                "outputs": [],
                "source": injected_source(self.given),
            }
            # Behind the defaults, so that given values win, as papermill does it.
            cells.insert(tagged.index(True) + 1, cell)
        return {**self.notebook, "cells": cells, "nbformat": 4, "nbformat_minor": 5}


def plan_run(
    report: str | Path,
    *,
    study: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path = "reports",
    today: date | None = None,
    base: Path | None = None,
) -> Plan:
    """Check everything about a run that needs no kernel.

    Parameters
    ----------
    report, study, parameters, output
        As for `run_report`.
    today : date, optional
        What relative dates count from; by default the date of this machine.
    base : Path, optional
        What relative paths count from; by default the working folder.

    Raises
    ------
    ReportError
        Exit code 2: no such report; an unknown, ill-typed or secret-like parameter.
    StudyError
        If there is no study file at the given path, or its alert rules cannot be read.
    """
    found = find_report(report)
    notebook, notebook_sha256 = _as_read(found.path, lambda: read_notebook(found.path))
    declared = read_parameters(notebook, where=found.name)
    given = dict(parameters or {})
    if study is not None:
        if "study" in given:
            raise usage_error("the study is given twice", wanted="--study or --set study=..., not both")
        given["study"] = str(study)
    bound = bind(declared, given, today=today or date.today(), where=found.name)
    values = {parameter.name: bound.get(parameter.name, parameter.default) for parameter in declared}
    base = base or Path.cwd()
    study_file = find_study_file(values.get("study"), base)
    rules: tuple[Rule, ...] = ()
    study_sha256 = ""
    if study_file:
        file = study_file
        rules, study_sha256 = _as_read(file, lambda: read_rules(file, found.name))
    return Plan(
        report=found,
        declared=declared,
        given=bound,
        values=values,
        shelf=_shelf(Path(output).absolute() / found.name, run_key(given, base), found.path),
        base=base,
        study_file=study_file,
        rules=rules,
        notebook=notebook,
        notebook_sha256=notebook_sha256,
        study_sha256=study_sha256,
    )


def _as_read(file: Path, read: Callable[[], Read]) -> tuple[Read, str]:
    """Read a file and its fingerprint, which are of one state of it."""
    for _ in range(3):
        before = sha256_of(file)
        content = read()
        if sha256_of(file) == before:
            return content, before
    raise usage_error(f"{file.name} changes while it is read", wanted="a file that nobody writes meanwhile")


def _shelf(folder: Path, key: str, notebook: Path) -> Shelf:
    """Return the shelf of a notebook: two of one name, in two folders, have one each."""
    shelf = Shelf(folder / key)
    if is_anothers(shelf, notebook):
        return Shelf(folder / f"{key}-{digest(str(notebook))[:8]}")
    return shelf


def is_anothers(shelf: Shelf, notebook: Path) -> bool:
    """Whether the runs of a shelf were made from another notebook, which is still there."""
    other = object_of(shelf.folder / "latest.json").get("notebook")
    return isinstance(other, str) and other != str(notebook) and Path(other).is_file()


def find_study_file(study: Any, base: Path) -> Path | None:
    """Return the study file a parameter names; None for the built-in study or a report without one."""
    if not isinstance(study, str) or study == BUILT_IN:
        return None
    from cxresearch.data.study_file.parse_study_file import refuse_data_file

    path = base / study
    file = path
    if path.is_dir():
        file = path / "study.toml"
    refuse_data_file(file)
    if not file.is_file():
        raise StudyError(
            f"there is no study at {study!r}",
            wanted="a study.toml, or a folder that holds one",
            next_step="`cxresearch init FOLDER` writes a first one",
        )
    return file


def run_key(given: Mapping[str, Any], base: Path) -> str:
    """Return the folder name that stands for a set of parameters as they were given.

    Relative dates stay relative, so that a daily ``as_of=today`` has one history. The readable part is cut;
    the hash behind it tells apart what it leaves out.

    Examples
    --------
    >>> run_key({}, Path("/"))
    'default'
    >>> run_key({"horizon_days": "90", "as_of": "today"}, Path("/"))
    'as-of-today-horizon-days-90-9dd51abb'
    """
    if not given:
        return "default"
    plainly = {name: str(plain(value)) for name, value in given.items()}
    if given.get("study", BUILT_IN) != BUILT_IN:
        plainly["study"] = str(base / given["study"])
    parts = [_short(name, plainly[name]) for name in sorted(plainly)]
    # 32 bits of the hash keep apart what reads alike in 40 letters.
    return f"{slug(' '.join(parts))[:40].strip('-')}-{digest(plainly)[:8]}"


def _short(name: str, value: str) -> str:
    if name != "study":
        return f"{name} {value}"
    path = Path(value)
    if path.name == "study.toml":
        return path.parent.name
    return path.stem
