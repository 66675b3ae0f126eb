"""``--dry-run``: everything that can be checked without running the notebook."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.plan import Plan
from cxresearch.reporting.run_report import check_space


def rehearse(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield what was checked and found, one after the other: parameters, inputs, columns, disk, lock.

    Raises
    ------
    ReportError
        Exit code 6 if there is no room or no right to write, 75 if the report is being made.
    StudyError
        If the study cannot be read as declared.
    """
    yield "report", f"{plan.report.name}, {plan.report.path}"
    for name, value in plan.values.items():
        origin = {True: "", False: " (default)"}[name in plan.given]
        yield "parameter", f"{name} = {value!r}{origin}"
    for rule in plan.rules:
        yield "alert rule", rule.text
    yield from _study(plan)
    yield "disk", _disk(plan.shelf.folder)
    yield "lock", _lock(plan)


def _study(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.study_file is None:
        told = {True: "built in", False: "the report reads none"}
        yield "study", told["study" in plan.values]
        return
    from cxresearch.data.checking.report_readiness import refuse_unready
    from cxresearch.data.snapshot import snapshot_refusal
    from cxresearch.data.study import read_study

    study = read_study(plan.study_file)
    if study.kind == "snapshot":
        raise snapshot_refusal(study.name)
    yield "study", f"{study.name}, observed until {study.observed_until:%Y-%m-%d}"
    for row in study.counts().to_dict("records"):
        name = str(row["table"])
        columns = ", ".join(study.table(name).collect_schema().names())
        yield "table", f"{name}: {row['rows']:,} rows, {row['rejected']:,} set aside; {columns}"
    refuse_unready(study, plan.report.name)
    yield "report", "can run on it with its usual settings"
    segment: Any = plan.values.get("segment")
    if segment:
        from cxresearch.reporting.writing.one_segment import narrow

        narrow(study, str(segment))
        yield "segment", str(segment)


def _disk(folder: Path) -> str:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise ReportError(
            "there is no right to write here",
            code=ExitCode.DISK,
            where=str(existing),
            next_step="choose another folder with --output",
        )
    return f"{check_space(existing) / 1e9:,.1f} GB free in {existing}"


def _lock(plan: Plan) -> str:
    lock = plan.shelf.lock
    if lock.path.exists():
        with lock:
            pass
    return "free"
