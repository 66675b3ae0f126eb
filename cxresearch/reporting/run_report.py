"""One run of a report, from parameters to a published folder."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxresearch.reporting.history import (
    Record,
    current_causes,
    is_unchanged,
    previous_of,
    read_record,
    sources_now,
)
from cxresearch.reporting.outcome import ExitCode, ReportError, RunOutcome, usage_error
from cxresearch.reporting.page.run_index import write_indexes
from cxresearch.reporting.plan import Plan, is_anothers, plan_run
from cxresearch.reporting.rehearsal.room_on_disk import check_space, disk_error
from cxresearch.reporting.shelf.complete_run import check_run
from cxresearch.reporting.shelf.json_files import json_of
from cxresearch.reporting.shelf.locks import Lock
from cxresearch.reporting.shelf.manifest import build_manifest, code_hash, file_hashes, plain
from cxresearch.reporting.shelf.owed_alerts import owe, owed_alerts, settle
from cxresearch.reporting.worker.signals import held
from cxresearch.reporting.worker.worker_process import WorkerProcess, failure_of

REFUSALS = ("DataError", "StudyError", "ArgumentError", "CxError")
#: A run whose data changed while they were read is made once more.
_ATTEMPTS = 2
#: Waiting has an end: beyond this the system's clocks overflow.
_LONGEST = 1e9
OnCell = Callable[[int, int], None]


class RefusedError(ReportError):
    """The notebook refused its data: its own message, exit code 1, and nothing is written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=ExitCode.DATA_REFUSED)
        self.args = (message,)


def run_report(
    report: str | Path,
    *,
    study: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path = "reports",
    force: bool = False,
    deadline: float = 3600.0,
    cell_timeout: float | None = None,
    on_cell: OnCell | None = None,
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
        With the exit code that says why; see docs/scheduling.md. Code 1 means that the data were refused, and
        nothing was written.
    StudyError
        If there is no study file at the given path, or its alert rules cannot be read.

    Examples
    --------
    >>> run_report("ces-vs-nps", parameters={"horizon_days": 90})  # doctest: +SKIP
    """
    plan = plan_run(report, study=study, parameters=parameters, output=output)
    with WorkerProcess() as worker:
        outcome = execute_plan(
            plan, worker, force=force, deadline=deadline, cell_timeout=cell_timeout, on_cell=on_cell
        )
    settle_alerts(outcome)
    return outcome


def settle_alerts(outcome: RunOutcome) -> None:
    """Note that the alerts of a run were told; until then every run of its report tells them again."""
    if outcome.alerts:
        with contextlib.suppress(OSError):
            settle(outcome.folder.parent)


def check_limits(deadline: float, cell_timeout: float | None) -> None:
    """Refuse times that are none.

    Raises
    ------
    ReportError
        Exit code 2, if one is not above zero.
    """
    for name, seconds in (("--deadline", deadline), ("--cell-timeout", cell_timeout)):
        if seconds is not None and (math.isnan(seconds) or seconds <= 0):
            raise usage_error(f"{name} is {seconds:g}", wanted="seconds, more than 0")


def execute_plan(
    plan: Plan,
    worker: WorkerProcess,
    *,
    force: bool = False,
    deadline: float = 3600.0,
    cell_timeout: float | None = None,
    on_cell: OnCell | None = None,
    previous: Mapping[str, Any] | None = None,
) -> RunOutcome:
    """Run a plan in a worker and publish what came of it; see `run_report`.

    ``previous`` stands in for the earlier run to compare with, when a run is verified.
    """
    started = time.monotonic()
    check_limits(deadline, cell_timeout)
    if cell_timeout is not None:
        cell_timeout = min(cell_timeout, _LONGEST)
    lock = plan.shelf.lock
    try:
        plan.shelf.open()
        lock.acquire()
        return _Run(plan, worker, lock, started).make(
            force=force,
            until=started + min(deadline, _LONGEST),
            limits=f"{deadline:g} s",
            cell_timeout=cell_timeout,
            on_cell=on_cell,
            previous=previous,
        )
    except OSError as error:
        raise disk_error(error, plan.shelf.folder) from error
    finally:
        lock.release()


class _Run:
    """One run under its lock."""

    def __init__(self, plan: Plan, worker: WorkerProcess, lock: Lock, started: float) -> None:
        self.plan, self.worker, self.lock, self.started = plan, worker, lock, started
        self.began = datetime.now(UTC)
        stamp = self.began.strftime("%Y%m%dT%H%M%S%f")[:18] + "Z"
        # Time first, so that names sort by time; 24 random bits keep two runs of one instant apart.
        self.run = f"{stamp}-{secrets.token_hex(3)}"
        self.staging: Path | None = None
        self.remarks: tuple[str, ...] = ()
        self.order = 1

    def make(
        self,
        *,
        force: bool,
        until: float,
        limits: str,
        cell_timeout: float | None,
        on_cell: OnCell | None,
        previous: Mapping[str, Any] | None,
    ) -> RunOutcome:
        """Run, check and publish; on failure keep what is left where only the owner can read it."""
        shelf = self.plan.shelf
        self.remarks = tuple(shelf.sweep())
        self._check_shelf()
        code_hash()  # as it is now: an upgrade meanwhile must not stand under the numbers of the old code
        lines = shelf.lines()
        self.order = 1 + max((line["order"] for line in lines), default=0)
        latest = None
        latest_folder = shelf.latest()
        if latest_folder:
            latest = read_record(latest_folder)
        now = current_causes(self.plan, latest)
        # Equal causes, equal report: nothing is run again.
        if not force and is_unchanged(latest, now):
            assert latest is not None  # noqa: S101 - unchanged from what
            return self._outcome(latest, "unchanged")
        try:
            if previous is None:
                previous = previous_of(lines, now)
            for attempt in range(_ATTEMPTS):
                self.worker.start()
                check_space(shelf.folder)
                staging = self.staging = shelf.stage(self.run)
                job = self._job(staging, cell_timeout, previous)
                results = self._execute(job, until, limits, on_cell)
                if not self._changed_meanwhile(staging):
                    break
                if attempt + 1 == _ATTEMPTS:
                    raise RefusedError(_CHANGED)
                shutil.rmtree(staging)
            self._check_lock()
            with held():
                return self._publish(staging, results)
        except BaseException as error:
            # The signal that waited until the run was published finds it published.
            published = shelf.folder / self.run
            if published.is_dir():
                error.published = published  # type: ignore[attr-defined]
            else:
                with held():
                    self._clear_up(error)
            raise

    def _check_shelf(self) -> None:
        """Refuse a shelf that got another notebook since the plan was made."""
        if is_anothers(self.plan.shelf, self.plan.report.path):
            raise ReportError(
                "another notebook of this name was published here just now",
                code=ExitCode.BUSY,
                where=str(self.plan.shelf.folder),
                next_step="try again: it gets a folder of its own",
            )

    def _check_lock(self) -> None:
        """Refuse to publish where the lock was lost, as to a machine that took this one for dead."""
        if not self.lock.is_held():
            where = str(self.plan.shelf.folder)
            raise ReportError("another machine makes this report now", code=ExitCode.BUSY, where=where)

    def _execute(
        self, job: dict[str, Any], until: float, limits: str, on_cell: OnCell | None
    ) -> dict[str, Any]:
        """Have the notebook executed and return its results."""
        count = len(self.plan.notebook_to_run()["cells"])
        answer = self.worker.execute(job, until=until, on_cell=lambda cell: _tell(on_cell, cell + 1, count))
        if answer["status"] == "error" and answer["name"] in REFUSALS:
            if self._changed_meanwhile(Path(job["staging"])):
                raise RefusedError(_CHANGED)
            raise RefusedError(str(answer["text"]))
        if answer["status"] != "ok":
            raise failure_of(answer, report=self.plan.report.name, limits=limits)
        return check_run(Path(job["staging"]), self.plan.report.name)

    def _changed_meanwhile(self, staging: Path) -> bool:
        """Whether a file is no longer what it was when the notebook opened it: old and new may be mixed."""
        noted = json_of(staging / ".private" / "inputs.json").get("sources", [])
        local = [source for source in noted if "://" not in source["path"]]
        now = sources_now(self.plan, local)
        if now is None:
            return True
        return {source["sha256"] for source in now} != {source["sha256"] for source in local}

    def _job(self, staging: Path, cell_timeout: float | None, previous: Mapping[str, Any]) -> dict[str, Any]:
        private = staging / ".private"
        notebook = private / "input.ipynb"
        notebook.write_text(json.dumps(self.plan.notebook_to_run()), encoding="utf-8")
        if previous:
            text = json.dumps(previous, indent=1, sort_keys=True, ensure_ascii=False)
            (staging / "previous.json").write_text(text + "\n", encoding="utf-8")
        return {
            "notebook": str(notebook),
            "staging": str(staging),
            "title": self.plan.report.title,
            "parameters": {name: plain(value) for name, value in self.plan.values.items()},
            "alerts": [[rule.text, rule.required] for rule in self.plan.rules],
            "cell_timeout": cell_timeout,
            "environment": {"CXRESEARCH_STAGING": str(staging), "CXRESEARCH_BASE": str(self.plan.base)},
        }

    def _publish(self, staging: Path, results: dict[str, Any]) -> RunOutcome:
        inputs = json_of(staging / ".private" / "inputs.json")
        manifest = build_manifest(
            report=self.plan.report,
            files=file_hashes(staging),
            decided_by=self.plan.causes(inputs.get("sources", [])),
            inputs=inputs,
            given={name: plain(value) for name, value in self.plan.given.items()},
            base=self.plan.base,
            volatile={
                "run": self.run,
                "order": self.order,
                "began": self.began.isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - self.started, 3),
            },
        )
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (staging / "manifest.json").write_text(text, encoding="utf-8")
        pointer = {
            "content_hash": manifest["content_hash"],
            "finding": results["finding"],
            "title": self.plan.report.title,
            "whose": results.get("whose", {}),
            "notebook": str(self.plan.report.path),
        }
        said = json_of(staging / "alert.json").get("rules", [])
        # Owed before the run can be seen: a kill at any later moment leaves them to be told.
        owe(
            self.plan.shelf.folder, self.run, [rule["sentence"] for rule in said if rule["status"] != "quiet"]
        )
        folder = self.plan.shelf.publish(staging, self.run, pointer)
        with contextlib.suppress(OSError):  # the run stands; the next one writes the index again
            write_indexes(self.plan.shelf)
        return self._outcome(read_record(folder), "published")

    def _outcome(self, record: Record, status: str) -> RunOutcome:
        alerts = owed_alerts(self.plan.shelf.folder)
        code = ExitCode.DONE
        if alerts:
            code = ExitCode.ALERT
        return RunOutcome(
            code=code,
            status=status,
            folder=record.folder,
            report=self.plan.report.name,
            key=self.plan.shelf.folder.name,
            run=record.run,
            content_hash=record.manifest["content_hash"],
            finding=str(record.results["finding"]),
            alerts=alerts,
            remarks=self.remarks,
            seconds=time.monotonic() - self.started,
        )

    def _clear_up(self, error: BaseException) -> None:
        shelf = self.plan.shelf
        if self.staging is None or not self.staging.is_dir():
            shelf.discard(None, self.lock)
            return
        if not isinstance(error, ReportError):
            self.worker.stop()  # it may still be writing
        if isinstance(error, RefusedError):
            shelf.discard(self.staging, self.lock)
            return
        code = 0
        if isinstance(error, ReportError):
            code = int(error.code)
        facts = {
            "problem": str(error) or type(error).__name__,
            "code": code,
            "began": self.began.isoformat(timespec="seconds"),
            "log": self.worker.last_log,
        }
        try:
            shelf.keep_failure(self.staging, self.run, facts)
        except OSError:
            shelf.discard(self.staging, self.lock)


_CHANGED = (
    "the data changed while they were read, twice; nothing was published. "
    "Next: let the files be written first, or read a copy"
)


def _tell(on_cell: OnCell | None, cell: int, count: int) -> None:
    if on_cell is not None:
        on_cell(cell, count)
