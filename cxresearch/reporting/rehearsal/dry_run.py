"""``--dry-run``: everything that can be checked, and the first computation tried, without a kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.errors import CxError, StudyError
from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.plan import Plan
from cxresearch.reporting.rehearsal.room_on_disk import check_space
from cxresearch.reporting.rehearsal.trial import needs_of, tried, unknown_names

if TYPE_CHECKING:
    from cxresearch.data.study import Study


#: What stands before a fault that would keep the report from being made: exit code 1.
REFUSED = "refused"


def rehearse(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield what was checked and found, one after the other: parameters, inputs, columns, trial, disk, lock.

    Faults of the data come as ``("refused", message)``, all that can be told at once: a study that cannot be
    read, a table or column that the report needs, a parameter that names what is not there, a segment of
    nobody, landmarks without leavers or without answers to all scores.

    Raises
    ------
    ReportError
        Exit code 6 if there is no room or no right to write, 75 if the report is being made.
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
    from cxresearch.data.checking.study_faults import study_faults
    from cxresearch.data.read_study import read_study
    from cxresearch.data.snapshot import snapshot_refusal

    try:
        study = read_study(plan.study_file)
    except StudyError as error:
        faults = study_faults(plan.study_file)
        yield from ((REFUSED, str(fault)) for fault in faults or (error,))
        return
    if study.kind == "snapshot":
        yield REFUSED, str(snapshot_refusal(study.name))
        return
    yield "study", f"{study.name}, observed until {study.observed_until:%Y-%m-%d}"
    try:
        for row in study.counts().to_dict("records"):
            columns = ", ".join(study.checked.columns(str(row["table"])))
            facts = f"{row['rows']:,} rows, {row['rejected']:,} set aside; {columns}"
            yield "table", f"{row['table']}: {facts}"
    except StudyError as error:
        yield REFUSED, str(error)
        return
    yield from _trial(plan, study)


def _trial(plan: Plan, study: Study) -> Iterator[tuple[str, str]]:
    """What the report would refuse, or what its first computation found."""
    segment: Any = plan.values.get("segment")
    if segment:
        from cxresearch.reporting.writing.one_segment import narrow

        try:
            study = narrow(study, str(segment))
        except CxError as error:
            yield REFUSED, str(error)
            return
        yield "segment", str(segment)
    try:
        faults = [*needs_of(plan.report.name, study), *unknown_names(study, plan.values)]
    except StudyError as error:
        faults = [str(error)]
    yield from ((REFUSED, fault) for fault in faults)
    if faults:
        return
    try:
        result = tried(plan.report.name, study, plan.values, plan.base)
    except CxError as error:
        yield REFUSED, str(error)
        return
    if result:
        yield "trial", result


def _disk(folder: Path) -> str:
    # The folder of a first run does not exist yet: its nearest parent says whether it can be made.
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
    # Taking the lock would make its file; where there is none nobody holds it.
    if lock.path.exists():
        with lock:
            pass
    return "free"
