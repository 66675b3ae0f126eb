"""Whether a run succeeded: no error, every code cell ran, results.json valid. Nothing is taken on trust."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from cxresearch.reporting.notebook.catalogue import source_of
from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.results.units import Unit

_FIGURE = ("name", "value", "low", "high", "level", "n", "unit")


def check_run(staging: Path, report: str) -> dict[str, Any]:
    """Return the results of a complete run.

    Raises
    ------
    ReportError
        Exit code 3 if a cell failed, 4 if a cell did not run or the results are missing or malformed.
    """
    check_kinds(staging, report)
    notebook = json.loads((staging / "notebook.ipynb").read_text(encoding="utf-8"))
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code" or not source_of(cell).strip():
            continue
        where = f"{report}, cell {index + 1}"
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                problem = f"{output['ename']}: {output['evalue'][:2000]}"
                early = output["ename"] == "SystemExit"
                code = ExitCode.INCOMPLETE if early else ExitCode.CELL_FAILED
                raise ReportError(problem, code=code, where=where, wanted="every code cell to run")
        # A kernel that dies quietly leaves cells without a number: no error, and no result either.
        if not isinstance(cell.get("execution_count"), int):
            raise ReportError(
                "a code cell did not run",
                code=ExitCode.INCOMPLETE,
                where=where,
                wanted="every code cell to run",
            )
    results = check_results(staging / "results.json", report)
    if not (staging / "report.html").is_file():
        raise _incomplete("the page was not written", report)
    return results


def check_kinds(staging: Path, report: str) -> None:
    """Admit folders, and regular files with one name.

    A link would publish a file from outside the run, and change with it; a second name would make a private
    file readable; a pipe has no end when it is read.

    Raises
    ------
    ReportError
        Exit code 4, with the name of what else is there.
    """
    for path in staging.rglob("*"):
        facts = path.lstat()
        if stat.S_ISDIR(facts.st_mode):
            continue
        kind = ""
        if stat.S_ISLNK(facts.st_mode):
            kind = "a link"
        elif not stat.S_ISREG(facts.st_mode):
            kind = "a pipe, socket or device"
        elif facts.st_nlink > 1:
            kind = "a file with a second name"
        if kind:
            problem = f"the notebook left {kind} in its folder: {path.relative_to(staging)}"
            raise ReportError(problem, code=ExitCode.INCOMPLETE, where=report, wanted="files of its own")


def check_results(path: Path, report: str) -> dict[str, Any]:
    """Return the content of a ``results.json`` that has the form `present.save_results` gives it."""
    try:
        # RFC 8259 knows no NaN and no Infinity; Python would read them all the same.
        results = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except FileNotFoundError:
        raise _incomplete("the notebook wrote no results.json", report) from None
    except (OSError, ValueError) as error:
        raise _incomplete(f"results.json is not JSON: {error}", report) from None
    try:
        text, headline = results["finding"], results["headline"]
        fits = isinstance(text, str) and bool(text.strip()) and isinstance(results["results"], dict)
        names = [_figure_name(item) for item in headline]
    except (KeyError, TypeError, ValueError) as error:
        raise _incomplete(f"results.json is malformed: {type(error).__name__} {error}", report) from None
    if not fits or len(set(names)) < len(names):
        raise _incomplete("results.json lacks a finding, or names a figure twice", report)
    checked: dict[str, Any] = results
    return checked


def _figure_name(item: dict[str, Any]) -> str:
    for key in _FIGURE:
        if key not in item:
            raise KeyError(key)
    Unit(item["unit"])
    for key in ("value", "low", "high"):
        if item[key] is not None and not isinstance(item[key], (int, float)):
            raise TypeError(f"{key} of {item['name']!r} is no number")
    return str(item["name"])


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _incomplete(problem: str, report: str) -> ReportError:
    return ReportError(
        problem,
        code=ExitCode.INCOMPLETE,
        where=report,
        wanted="a last cell that calls present.save_results(...)",
    )
