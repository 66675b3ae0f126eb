"""One report for each segment: workers sized to the machine, one failure leaves the others alone."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxresearch.errors import CxError
from cxresearch.reporting.notebook.catalogue import slug
from cxresearch.reporting.outcome import ExitCode, ReportError, RunOutcome, usage_error
from cxresearch.reporting.plan import Plan, plan_run
from cxresearch.reporting.run_report import check_limits, execute_plan, settle_alerts
from cxresearch.reporting.shelf.atomic_files import write_atomically
from cxresearch.reporting.shelf.manifest import digest
from cxresearch.reporting.worker.worker_process import WorkerProcess
from cxresearch.results.templating import render_html

SMALLEST = 30
# A gigabyte for each kernel: where memory runs out the system kills one, and its report with it.
MEMORY_FOR_EACH = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class SegmentOutcome:
    """What became of one segment of a batch.

    Attributes
    ----------
    segment : str
        ``column=value``.
    customers : int
        Customers in it.
    status : str
        ``published``, ``unchanged`` or ``failed``.
    code : int
        Exit code of this run.
    message : str
        The finding, or what went wrong.
    folder : str
        The run, relative to the output folder; empty if it failed.
    seconds : float
        Wall time.
    """

    segment: str
    customers: int
    status: str
    code: int
    message: str
    folder: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class BatchOutcome:
    """What became of a batch.

    Attributes
    ----------
    code : ExitCode
        0 if all went well, 10 if an alert fired, else the code of the failures (4 if they differ).
    segments : tuple of SegmentOutcome
        In the order of the segments' names.
    suppressed, suppressed_customers : int
        Segments too small to report on, and the customers in them. They are not named.
    summary : Path
        Page that lists them; ``.json`` beside it.
    seconds : float
        Wall time of the batch.
    """

    code: ExitCode
    segments: tuple[SegmentOutcome, ...]
    suppressed: int
    suppressed_customers: int
    summary: Path
    seconds: float


def worker_count(jobs: int) -> int:
    """Return how many workers this machine can feed: one a core, and a gigabyte of memory each."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # what this process may use, where the system says so
        cores = len(os.sched_getaffinity(0))
    return max(1, min(jobs, cores, _free_memory() // MEMORY_FOR_EACH))


def _free_memory() -> int:
    with contextlib.suppress(OSError, StopIteration, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable"))
        # /proc/meminfo counts KiB; MemAvailable is what can be had without swapping (proc(5)).
        return int(line.split()[1]) * 1024
    return 4 * MEMORY_FOR_EACH


def segment_sizes(study: Path | None, column: str, **synthetic: Any) -> dict[str, int]:
    """Return customers by value of a segment column, by name; without a study file, of the built-in study.

    Raises
    ------
    ReportError
        Exit code 2, if the study has no such segment.
    """
    from cxresearch.reporting.presenting.named_study import open_study

    named: dict[str, Any] = synthetic
    if study:
        named = {"study": str(study)}
    opened = open_study(**named)
    if column not in opened.segments:
        raise usage_error(
            f"{column!r} is not a segment of this study",
            wanted="one of " + (", ".join(opened.segments) or "(none declared)"),
        )
    values = opened.table("customers").select(column).collect().to_pandas()[column].dropna()
    return {str(value): int(size) for value, size in values.value_counts().sort_index().items()}


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """How a batch is made.

    Attributes
    ----------
    workers : int, optional
        Notebooks at a time; by default what cores and free memory allow.
    warm : bool
        Keep each worker's kernel from one segment to the next: faster, since libraries load once, at the
        price that module state is carried over. Names and pictures are not.
    smallest : int
        Segments with fewer customers get no report and are not named.
    sizes : mapping, optional
        Customers by segment value, where the caller knows them; by default counted in the study.
    force : bool
        Make reports of segments whose inputs have not changed, too.
    deadline : float
        Seconds each run may take.
    cell_timeout : float, optional
        Seconds one cell may take.
    """

    workers: int | None = None
    warm: bool = False
    smallest: int = SMALLEST
    sizes: Mapping[str, int] | None = None
    force: bool = False
    deadline: float = 3600.0
    cell_timeout: float | None = None


def run_each(
    report: str | Path,
    column: str,
    *,
    study: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path = "reports",
    options: BatchOptions | None = None,
    on_done: Callable[[SegmentOutcome], None] | None = None,
) -> BatchOutcome:
    """Make a report for each value of a segment column.

    Run again, a batch resumes: segments whose inputs have not changed since they were published are left as
    they are, and the failed ones are tried anew.

    Parameters
    ----------
    report, study, parameters, output
        As for `run_report`. The report must have a parameter ``segment``.
    column : str
        A segment column of the customers.
    options : BatchOptions, optional
        How many at a time, which segments are too small, how long a run may take.
    on_done : callable, optional
        Called with each outcome as it comes.

    Returns
    -------
    BatchOutcome
        One entry for each segment, whatever became of it.
    """
    started = time.monotonic()
    options = options or BatchOptions()
    check_limits(options.deadline, options.cell_timeout)
    if options.workers is not None and options.workers < 1:
        raise usage_error(f"--workers is {options.workers}", wanted="1 or more")
    plan = plan_run(report, study=study, parameters=parameters, output=output)  # refuses before any work
    if "segment" not in plan.values:
        raise usage_error(
            f"{plan.report.name} has no parameter 'segment'", wanted='`segment: str = ""` in it'
        )
    customers = _customers_by_segment(plan, column, options)
    large = {segment: size for segment, size in customers.items() if size >= options.smallest}
    plans = {}
    for segment in large:
        chosen = {**(parameters or {}), "segment": segment}
        plans[segment] = plan_run(report, study=study, parameters=chosen, output=output)
    crew = _Batch(options)
    outcomes = crew.run(plans, large, on_done)
    small = [size for segment, size in customers.items() if segment not in large]
    summary = Path(output).absolute() / plan.report.name / "batches" / _batch_name(column, study, parameters)
    batch = BatchOutcome(
        code=_batch_code(outcomes),
        segments=tuple(outcomes),
        suppressed=len(small),
        suppressed_customers=sum(small),
        summary=summary.with_suffix(".html"),
        seconds=time.monotonic() - started,
    )
    of = str(plan.values.get("study", ""))
    _write_summary(batch, f"{plan.report.title} – by {column.replace('_', ' ')}", summary, of)
    for outcome in crew.outcomes:
        settle_alerts(outcome)
    return batch


def _customers_by_segment(plan: Plan, column: str, options: BatchOptions) -> dict[str, int]:
    """Customers by ``column=value``, as the caller knows them or counted in the study."""
    sizes = options.sizes
    if sizes is None:
        synthetic = {name: plan.values[name] for name in ("seed", "customers") if name in plan.values}
        sizes = segment_sizes(plan.study_file, column, **synthetic)
    return {f"{column}={value}": size for value, size in sizes.items()}


class _Batch:
    """Workers that take segments from a queue."""

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._idle: queue.SimpleQueue[WorkerProcess] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self.outcomes: list[RunOutcome] = []

    def run(
        self,
        plans: Mapping[str, Plan],
        sizes: Mapping[str, int],
        on_done: Callable[[SegmentOutcome], None] | None,
    ) -> list[SegmentOutcome]:
        wished = self._options.workers or worker_count(len(plans))
        workers = min(wished, max(len(plans), 1))
        crew = [WorkerProcess(warm=self._options.warm) for _ in range(workers)]
        for worker in crew:
            self._idle.put(worker)
        try:
            with ThreadPoolExecutor(workers) as pool:
                try:
                    futures = [pool.submit(self._make, name, plans[name], sizes[name]) for name in plans]
                    for future in futures:
                        outcome = future.result()
                        if on_done is not None:
                            on_done(outcome)
                except BaseException:
                    # Workers that run are killed, those that wait see the flag: Ctrl-C ends a batch.
                    self._stopping.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    for worker in crew:
                        worker.stop()
                    raise
            return [future.result() for future in futures]
        finally:
            for worker in crew:
                worker.stop()

    def _make(self, segment: str, plan: Plan, customers: int) -> SegmentOutcome:
        started = time.monotonic()
        worker = self._idle.get()
        folder = ""
        status = "failed"
        code = int(ExitCode.INCOMPLETE)
        try:
            if self._stopping.is_set():
                raise ReportError("the batch was stopped", code=ExitCode.TERMINATED)
            outcome = execute_plan(
                plan,
                worker,
                force=self._options.force,
                deadline=self._options.deadline,
                cell_timeout=self._options.cell_timeout,
            )
            folder = outcome.folder.relative_to(plan.shelf.folder.parent.parent).as_posix()
            status = outcome.status
            code = int(outcome.code)
            message = " ".join([outcome.finding, *outcome.remarks, *outcome.alerts])
            self.outcomes.append(outcome)
        except ReportError as error:
            code = int(error.code)
            message = str(error)
        except CxError as error:
            code = int(ExitCode.DATA_REFUSED)
            message = str(error)
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
        finally:
            self._idle.put(worker)
        return SegmentOutcome(
            segment=segment,
            customers=customers,
            status=status,
            code=code,
            message=message,
            folder=folder,
            seconds=round(time.monotonic() - started, 3),
        )


def _batch_code(outcomes: Sequence[SegmentOutcome]) -> ExitCode:
    failures = {outcome.code for outcome in outcomes if outcome.status == "failed"}
    if len(failures) == 1:
        return ExitCode(failures.pop())
    if failures:  # of different kinds
        return ExitCode.INCOMPLETE
    if any(outcome.code == ExitCode.ALERT for outcome in outcomes):
        return ExitCode.ALERT
    return ExitCode.DONE


def _batch_name(column: str, study: Any, parameters: Mapping[str, Any] | None) -> str:
    facts = {
        "each": column,
        "study": str(study),
        "parameters": {k: str(v) for k, v in (parameters or {}).items()},
    }
    return f"{slug(column)}-{digest(facts)[:8]}"


def _write_summary(batch: BatchOutcome, title: str, stem: Path, study: str) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "code": int(batch.code),
        "segments": [asdict(outcome) for outcome in batch.segments],
        "suppressed": batch.suppressed,
        "suppressed_customers": batch.suppressed_customers,
        "seconds": round(batch.seconds, 3),
    }
    write_atomically(stem.with_suffix(".json"), json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    page = render_html(
        "cxresearch.reporting",
        "batch",
        title=title,
        study=f"Study {study}",
        segments=batch.segments,
        suppressed=batch.suppressed,
    )
    write_atomically(stem.with_suffix(".html"), page)
