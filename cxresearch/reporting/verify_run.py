"""Making a run again and comparing; and saying what differs between two runs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxresearch.reporting.history import Record, read_record
from cxresearch.reporting.notebook.catalogue import report_folders
from cxresearch.reporting.outcome import usage_error
from cxresearch.reporting.plan import plan_run
from cxresearch.reporting.run_report import OnCell, execute_plan
from cxresearch.reporting.shelf.json_files import json_of
from cxresearch.reporting.shelf.manifest import digest, file_hashes
from cxresearch.reporting.shelf.shelf import Shelf
from cxresearch.reporting.worker.worker_process import WorkerProcess
from cxresearch.reporting.writing.changes import compare_headlines
from cxresearch.wording import shown


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What making a run again has shown.

    Attributes
    ----------
    same : bool
        Whether the files are as published and a new run has the same content.
    altered : tuple of str
        Files that are no longer what the manifest says: the run was tampered with.
    differences : tuple of str
        What the new run has otherwise, in sentences.
    """

    same: bool
    altered: tuple[str, ...]
    differences: tuple[str, ...]

    def __str__(self) -> str:
        if self.same:
            return "verified: the files are as published, and a new run has the same content"
        lines = [f"altered since it was published: {name}" for name in self.altered]
        return "\n".join([*lines, *self.differences])


def verify_run(
    folder: Path,
    *,
    deadline: float = 3600.0,
    on_cell: OnCell | None = None,
    notebook: str | Path | None = None,
) -> Verification:
    """Make a published run again, elsewhere, and compare its content.

    Parameters
    ----------
    folder : Path
        A published run, or ``latest``.
    deadline : float
        Seconds the new run may take.
    on_cell : callable, optional
        Called with number and count of the cells as each starts.
    notebook : path, optional
        The notebook to run. By default the one that the manifest names, if it is one of the package's or lies
        in the folder that holds the folder of reports: a manifest may come from anybody.

    Raises
    ------
    ReportError
        If the folder holds no run, its manifest names a notebook from elsewhere, or the new run fails.
    """
    record = read_record(folder)
    altered = altered_files(record)
    trusted = notebook or _trusted_notebook(record)
    made = record.manifest["provenance"]
    # Compared with what the run itself was compared with, not with runs published since.
    before = folder / "previous.json"
    previous = json_of(before)
    with tempfile.TemporaryDirectory(prefix="cxresearch-verify-") as place, WorkerProcess() as worker:
        plan = plan_run(str(trusted), parameters=made["given"], output=place, base=Path(made["base"]))
        outcome = execute_plan(plan, worker, deadline=deadline, on_cell=on_cell, previous=previous)
        again = read_record(outcome.folder)
    same = again.manifest["content_hash"] == record.manifest["content_hash"]
    differences: tuple[str, ...] = ()
    if not same:
        differences = tuple(describe_difference(record, again))
    return Verification(same=same and not altered, altered=altered, differences=differences)


def _trusted_notebook(record: Record) -> Path:
    """The notebook that the manifest names, unless it is from elsewhere: to run it is to run its code."""
    named = Path(record.manifest["provenance"]["notebook"])
    notebook = named.resolve()
    # <project>/<output>/<report>/<key>/<run>
    above = record.folder.resolve().parents
    project = above[min(3, max(len(above) - 2, 0))]  # never the root, below which is everybody's
    if any(notebook.is_relative_to(folder.resolve()) for folder in (*report_folders(), project)):
        return notebook
    raise usage_error(
        f"the manifest names the notebook {shown(named, longest=160)}, which is none of the package's",
        where=str(record.folder),
        wanted=f"one of the package's, or one below {project}",
        next_step="look at it, and if it is yours give --notebook PATH",
    )


def altered_files(record: Record) -> tuple[str, ...]:
    """Return the files of a run that differ from its manifest: changed, missing or added."""
    published = record.manifest["content"]["files"]
    found = file_hashes(record.folder)
    names = {name for name in {*published, *found} if published.get(name) != found.get(name)}
    # The manifest vouches for the files, its own hash for the manifest.
    if digest(record.manifest["content"]) != record.manifest["content_hash"]:
        names.add("manifest.json")
    return tuple(sorted(names))


def describe_difference(before: Record, after: Record) -> list[str]:
    """Say in sentences how two runs of a report differ: figures first, then causes, then files."""
    lines = [
        change.sentence
        for change in compare_headlines(after.results["headline"], before.results["headline"])
        if change.difference != 0
    ]
    if after.results["finding"] != before.results["finding"]:
        lines.append(f"Finding before: {before.results['finding']}")
        lines.append(f"Finding after: {after.results['finding']}")
    old, new = (record.manifest["content"] for record in (before, after))
    lines += _causes(old["causes"], new["causes"])
    lines += _entries("Version of", *(r.manifest["provenance"]["versions"] for r in (before, after)))
    files = sorted(
        name for name in {*old["files"], *new["files"]} if old["files"].get(name) != new["files"].get(name)
    )
    if files:
        lines.append("Files that differ: " + ", ".join(files))
    return lines or ["The two runs have the same content."]


def _causes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    named = {
        "notebook_sha256": "The notebook was changed.",
        "code_sha256": "The code of cxresearch was changed.",
        "sources": "The data were changed.",
        "alerts": "The alert rules were changed.",
    }
    lines = [sentence for key, sentence in named.items() if old.get(key) != new.get(key)]
    return lines + _entries("Parameter", old["parameters"], new["parameters"])


def _entries(title: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [
        f"{title} {name}: {old.get(name, 'absent')} before, {new.get(name, 'absent')} after."
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def latest_two(output: Path, report: str) -> tuple[Path, Path]:
    """Return the two newest runs of a report, of whichever parameters its newest run has."""
    pointers = sorted(output.glob(f"{report}/*/latest.json"), key=lambda path: path.stat().st_mtime)
    for pointer in reversed(pointers):
        runs = Shelf(pointer.parent).runs()
        if len(runs) > 1:
            return runs[-2], runs[-1]
    raise usage_error(
        f"{report!r} has no two runs under {output}", wanted="a report that ran twice, or two folders of runs"
    )
