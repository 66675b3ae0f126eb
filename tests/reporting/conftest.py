"""Small notebooks written for a test, and a warm worker so that most tests need no kernel of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cxresearch.reporting.outcome import RunOutcome
from cxresearch.reporting.plan import plan_run
from cxresearch.reporting.run_report import execute_plan
from cxresearch.reporting.worker.worker_process import WorkerProcess

SAVE = "present.save_results(finding='All is well.', headline=[], results={'answer': 42})"
IMPORT = "from cxresearch.reporting import present"
NotebookMaker = Callable[..., Path]
Runner = Callable[..., RunOutcome]


def cell(source: str, *tags: str, kind: str = "code") -> dict[str, object]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {"tags": list(tags)}, "source": source, **code}


def write_notebook(
    path: Path, cells: Sequence[str], *, parameters: str = "", save: str = SAVE, prose: str = "For tests."
) -> Path:
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            cell(f"# A small report\n\n{prose}", kind="markdown"),
            *([cell(parameters, "parameters")] if parameters else []),
            cell(IMPORT),
            *[cell(source) for source in cells],
            *([cell(save)] if save else []),
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def notebook(tmp_path: Path) -> NotebookMaker:
    """Write a report notebook: parameters, code cells, and a last cell that saves unless told otherwise."""

    def make(cells: Sequence[str] = (), *, name: str = "small.ipynb", **options: Any) -> Path:
        return write_notebook(tmp_path / name, cells, **options)

    return make


@pytest.fixture(scope="session")
def warm_worker() -> Iterator[WorkerProcess]:
    with WorkerProcess(warm=True) as worker:
        yield worker


@pytest.fixture
def run(warm_worker: WorkerProcess, tmp_path: Path) -> Runner:
    """Run a notebook in the warm worker and publish under ``tmp_path/reports``."""

    def call(path: Path, *, force: bool = False, deadline: float = 60.0, **plan: Any) -> RunOutcome:
        cell_timeout = plan.pop("cell_timeout", None)
        planned = plan_run(path, output=plan.pop("output", tmp_path / "reports"), **plan)
        return execute_plan(planned, warm_worker, force=force, deadline=deadline, cell_timeout=cell_timeout)

    return call


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; skips where there is none."""
    import shutil

    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as engine:
        quiet = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
        ]
        opened = engine.chromium.launch(executable_path=path, args=[*quiet, "--disable-sync"])
        yield opened
        opened.close()
