"""One run of a report, from parameters to a published folder."""

from __future__ import annotations

import errno
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cxresearch.errors import StudyError
from cxresearch.reporting.catalogue import PARAMETERS_TAG, Report, find_report, read_notebook, slug
from cxresearch.reporting.manifest import build_manifest, causes, digest, file_hashes, plain
from cxresearch.reporting.outcome import ExitCode, ReportError, RunOutcome, usage_error
from cxresearch.reporting.parameters import Parameter, bind, injected_source, read_parameters
from cxresearch.reporting.shelf import Shelf
from cxresearch.reporting.supervise import WorkerProcess, failure_of
from cxresearch.reporting.verdict import check_run

BUILT_IN = "built-in"
REFUSALS = ("DataError", "StudyError", "ArgumentError", "CxError")
LEAST_FREE = 50_000_000
_DISK_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EFBIG,
    errno.ENOTDIR,
}


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
    alerts : tuple of str
        Alert rules of the study file.
    """

    report: Report
    declared: tuple[Parameter, ...]
    given: dict[str, Any]
    values: dict[str, Any]
    shelf: Shelf
    notebook: dict[str, Any] = field(repr=False)
    alerts: tuple[str, ...] = ()


def plan_run(
    report: str | Path,
    *,
    study: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path = "reports",
    today: date | None = None,
) -> Plan:
    """Check everything about a run that needs no kernel.

    Raises
    ------
    ReportError
        Exit code 2: no such report; an unknown, ill-typed or secret-like parameter.
    StudyError
        If there is no study file at the given path.
    """
    found = find_report(report)
    notebook = read_notebook(found.path)
    declared = read_parameters(notebook, where=found.name)
    given = dict(parameters or {})
    if study is not None:
        if "study" in given:
            raise usage_error("the study is given twice", wanted="--study or --set study=..., not both")
        given["study"] = str(study)
    bound = bind(declared, given, today=today or date.today(), where=found.name)
    values = {parameter.name: bound.get(parameter.name, parameter.default) for parameter in declared}
    check_study_path(values.get("study"))
    shelf = Shelf(Path(output).absolute() / found.name / run_key(given))
    return Plan(report=found, declared=declared, given=bound, values=values, shelf=shelf, notebook=notebook)


def check_study_path(study: Any) -> None:
    """Refuse a study that is not there, before anything is started."""
    if isinstance(study, str) and study != BUILT_IN:
        path = Path(study)
        if not (path.is_file() or (path / "study.toml").is_file()):
            raise StudyError(
                f"there is no study at {study!r}",
                wanted="a study.toml, or a folder that holds one",
                next_step="`cxresearch init FOLDER` writes a first one",
            )


def run_key(given: Mapping[str, Any]) -> str:
    """Return the folder name that stands for a set of parameters as they were given.

    Relative dates stay relative, so that a daily ``as_of=today`` has one history. The readable part is cut;
    the hash behind it tells apart what it leaves out.

    Examples
    --------
    >>> run_key({})
    'default'
    >>> run_key({"horizon_days": "90", "as_of": "today"})
    'as-of-today-horizon-days-90-9dd51abb'
    """
    if not given:
        return "default"
    plainly = {
        name: str(Path(value).absolute()) if name == "study" and value != BUILT_IN else str(plain(value))
        for name, value in given.items()
    }
    parts = [_short(name, plainly[name]) for name in sorted(plainly)]
    return f"{slug(' '.join(parts))[:40].strip('-')}-{digest(plainly)[:8]}"


def _short(name: str, value: str) -> str:
    if name != "study":
        return f"{name} {value}"
    path = Path(value)
    return path.parent.name if path.suffix == ".toml" and path.stem == "study" else path.stem


def run_report(
    report: str | Path,
    *,
    study: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path = "reports",
    force: bool = False,
    deadline: float = 3600.0,
    cell_timeout: float | None = None,
    on_cell: Callable[[int, int], None] | None = None,
) -> RunOutcome:
    """Make a report and publish it, or raise and publish nothing.

    Parameters
    ----------
    report : str or Path
        Name of a report, such as ``"ces-vs-nps"``, or path of a notebook.
    study : str or Path, optional
        A study file or its folder; by default what the notebook says, usually the built-in study.
    parameters : mapping, optional
        Parameters of the notebook by name: values of their declared type, or text as on the command line.
    output : str or Path
        Folder under which reports are published.
    force : bool
        Run even if nothing changed since the latest run.
    deadline : float
        Seconds the whole run may take.
    cell_timeout : float, optional
        Seconds one cell may take.
    on_cell : callable, optional
        Called with number and count of the cells as each starts.

    Returns
    -------
    RunOutcome
        Where the run stands and its content hash.

    Raises
    ------
    ReportError
        With the exit code that says why; see docs/scheduling.md.
    DataError
        If the data were refused; nothing is written.

    Examples
    --------
    >>> run_report("ces-vs-nps", parameters={"horizon_days": 90})  # doctest: +SKIP
    """
    plan = plan_run(report, study=study, parameters=parameters, output=output)
    with WorkerProcess() as worker:
        return execute_plan(
            plan, worker, force=force, deadline=deadline, cell_timeout=cell_timeout, on_cell=on_cell
        )


def execute_plan(
    plan: Plan,
    worker: WorkerProcess,
    *,
    force: bool = False,
    deadline: float = 3600.0,
    cell_timeout: float | None = None,
    on_cell: Callable[[int, int], None] | None = None,
) -> RunOutcome:
    """Run a plan in a worker and publish what came of it; see `run_report`."""
    started = time.monotonic()
    try:
        plan.shelf.open()
        lock = plan.shelf.lock
        lock.acquire()
    except OSError as error:
        raise _disk_error(error, plan.shelf.folder) from error
    try:
        run = _Run(plan, worker, lock, started)
        return run.make(force=force, deadline=deadline, cell_timeout=cell_timeout, on_cell=on_cell)
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise _disk_error(error, plan.shelf.folder) from error
        raise
    finally:
        lock.release()


def _disk_error(error: OSError, folder: Path) -> ReportError:
    return ReportError(
        f"cannot write: {error.strerror or error}",
        code=ExitCode.DISK,
        where=str(error.filename or folder),
        next_step="nothing was published; the earlier runs stand as they were",
    )


class _Run:
    """One run under its lock."""

    def __init__(self, plan: Plan, worker: WorkerProcess, lock: Any, started: float) -> None:
        self.plan, self.worker, self.lock, self.started = plan, worker, lock, started
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self.began = stamp
        self.run = f"{stamp}-{secrets.token_hex(3)}"
        self.staging: Path | None = None

    def make(
        self,
        *,
        force: bool,  # noqa: ARG002 - the skip of unchanged inputs comes with history
        deadline: float,
        cell_timeout: float | None,
        on_cell: Callable[[int, int], None] | None,
    ) -> RunOutcome:
        plan = self.plan
        plan.shelf.sweep()
        self.worker.start()
        try:
            staging = self.staging = plan.shelf.stage(self.run)
            job = self._job(staging, cell_timeout)
            count = len(json.loads(Path(job["notebook"]).read_text(encoding="utf-8"))["cells"])
            answer = self.worker.execute(
                job,
                until=self.started + deadline,
                on_cell=None if on_cell is None else lambda cell: on_cell(cell + 1, count),
            )
            self._raise_if_refused(answer)
            if answer["status"] != "ok":
                raise failure_of(answer, report=plan.report.name, limits=f"{deadline:g} s")
            results = check_run(staging, plan.report.name)
            return self._publish(staging, results)
        except StudyError:
            plan.shelf.discard(self.staging, self.lock)
            raise
        except BaseException as error:
            self._keep_failure(error)
            raise

    def _job(self, staging: Path, cell_timeout: float | None) -> dict[str, Any]:
        private = staging / ".private"
        notebook = private / "input.ipynb"
        notebook.write_text(
            json.dumps(with_parameters(self.plan.notebook, self.plan.given)), encoding="utf-8"
        )
        return {
            "notebook": str(notebook),
            "staging": str(staging),
            "title": self.plan.report.title,
            "parameters": {name: plain(value) for name, value in self.plan.values.items()},
            "alerts": list(self.plan.alerts),
            "cell_timeout": cell_timeout,
            "environment": {"CXRESEARCH_STAGING": str(staging), "CXRESEARCH_BASE": str(Path.cwd())},
        }

    def _raise_if_refused(self, answer: dict[str, Any]) -> None:
        if answer["status"] == "error" and answer["name"] in REFUSALS:
            raise RefusedError(str(answer["text"]))

    def _publish(self, staging: Path, results: dict[str, Any]) -> RunOutcome:
        plan = self.plan
        noted = staging / ".private" / "inputs.json"
        inputs = json.loads(noted.read_text(encoding="utf-8")) if noted.is_file() else {}
        decided_by = causes(plan.report, plan.values, plan.alerts, inputs.get("sources", []))
        seconds = time.monotonic() - self.started
        manifest = build_manifest(
            report=plan.report,
            files=file_hashes(staging),
            decided_by=decided_by,
            inputs=inputs,
            volatile={"run": self.run, "began": self.began, "seconds": round(seconds, 3)},
        )
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (staging / "manifest.json").write_text(text, encoding="utf-8")
        pointer = {"content_hash": manifest["content_hash"], "finding": results["finding"]}
        folder = plan.shelf.publish(staging, self.run, pointer)
        return RunOutcome(
            code=ExitCode.DONE,
            status="published",
            folder=folder,
            report=plan.report.name,
            key=plan.shelf.folder.name,
            run=self.run,
            content_hash=manifest["content_hash"],
            seconds=seconds,
        )

    def _keep_failure(self, error: BaseException) -> None:
        if self.staging is None or not self.staging.is_dir():
            return
        if isinstance(error, RefusedError):
            self.plan.shelf.discard(self.staging, self.lock)
            return
        facts = {"problem": str(error) or type(error).__name__, "began": self.began, "log": self.worker.log()}
        try:
            self.plan.shelf.keep_failure(self.staging, self.run, facts)
        except OSError:
            self.plan.shelf.discard(self.staging, self.lock)


class RefusedError(ReportError):
    """The notebook refused its data: its own message, exit code 1, and nothing is written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=ExitCode.DATA_REFUSED)
        self.args = (message,)


def with_parameters(notebook: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notebook with a cell behind its ``parameters`` cell that sets the given ones."""
    cells = list(notebook["cells"])
    if given:
        place = next(
            index for index, cell in enumerate(cells) if PARAMETERS_TAG in cell["metadata"].get("tags", [])
        )
        cell: dict[str, Any] = {
            "cell_type": "code",
            "execution_count": None,
            "id": "parameters-of-this-run",
            "metadata": {"tags": ["injected-parameters"]},
            "outputs": [],
            "source": injected_source(given),
        }
        cells.insert(place + 1, cell)
    return {**notebook, "cells": cells, "nbformat": 4, "nbformat_minor": 5}
