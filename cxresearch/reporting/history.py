"""The runs of a report over time: reading them, choosing what to compare with, and pruning."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxresearch.reporting.inputs import sha256_of
from cxresearch.reporting.outcome import usage_error
from cxresearch.reporting.plan import Plan
from cxresearch.reporting.shelf.json_files import object_of
from cxresearch.reporting.shelf.shelf import Line, shelves
from cxresearch.reporting.shelf.whole_run import NotWholeError, read_whole


@dataclass(frozen=True, kw_only=True)
class Record:
    """A published run.

    Attributes
    ----------
    folder : Path
        Where it stands; its name is the run.
    manifest, results : dict
        Content of ``manifest.json`` and ``results.json``.
    alerts : list of dict
        What the alert rules said.
    alerted : list of dict, or None
        Changes of level told so far; None where no rule looked.
    """

    folder: Path
    manifest: dict[str, Any]
    results: dict[str, Any]
    alerts: list[dict[str, str]]
    alerted: list[dict[str, Any]] | None = None

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.folder.name

    @property
    def day(self) -> str:
        """When it was made, to the minute, UTC."""
        return day_of(self.run)


def day_of(run: str) -> str:
    """Return when a run was made by its name, to the minute, UTC.

    Examples
    --------
    >>> day_of("20240131T070012345678Z-a1b2c3")
    '2024-01-31 07:00'
    """
    return f"{run[:4]}-{run[4:6]}-{run[6:8]} {run[9:11]}:{run[11:13]}"


def read_record(folder: Path) -> Record:
    """Read a published run.

    Raises
    ------
    ReportError
        Exit code 2, if the folder holds none.
    """
    try:
        manifest, results = read_whole(folder)
    except NotWholeError as error:
        raise usage_error(
            f"{folder} is not a published run: {error}", wanted="a folder with manifest.json and results.json"
        ) from None
    said = object_of(folder / "alert.json")
    return Record(
        folder=folder.resolve(),
        manifest=manifest,
        results=results,
        alerts=[rule for rule in said.get("rules", []) if isinstance(rule, dict)],
        alerted=said.get("alerted"),
    )


def current_causes(plan: Plan, latest: Record | None) -> dict[str, Any] | None:
    """Return what would decide the content of a run now, or None if that cannot be known.

    The files read are those of the latest run, hashed anew; a pattern stands for what matches now. A report
    that noted no inputs, or one whose files are gone, has unknown causes: it is always run.
    """
    if latest is None or not latest.manifest["content"]["study"]:
        return None
    sources = sources_now(plan, latest.manifest["provenance"]["sources"])
    if sources is None:
        return None
    return plan.causes(sources)


def sources_now(plan: Plan, noted: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the files that a run read as they are now, or None if one is gone."""
    folder = plan.base
    if plan.study_file:
        folder = plan.study_file.parent
    sources = []
    for name in sorted({str(source["path"]) for source in noted}):
        path = folder / name
        files = [path]
        if not path.is_file():  # a pattern
            files = [file for file in path.parent.glob(path.name) if file.is_file()]
        # A source that is gone cannot be shown to be the same: the report runs.
        if not files:
            return None
        sources += [{"path": name, "sha256": sha256_of(file)} for file in files]
    return sources


def is_unchanged(latest: Record | None, now: dict[str, Any] | None) -> bool:
    """Say whether a run would only repeat the latest one."""
    return latest is not None and now is not None and latest.manifest["content"]["causes"] == now


#: Causes that leave the data and what was asked of them as they were.
_NOT_DATA = {
    "notebook_sha256": "the notebook",
    "code_sha256": "the code of cxresearch",
    "alerts": "the alert rules",
}


def previous_of(history: list[Line], now: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a run is compared with: the newest run of other causes, so that a repeat compares alike.

    Where data and parameters are those of that run, ``changed`` names what is not.
    """
    for place, line in reversed(list(enumerate(history))):
        before = line["causes"]
        # A repeat has the causes of the run before it: compared with that, nothing could have moved.
        if now is None or before != now:
            return {
                "alerted": _told_by(history[: place + 1]),
                "run": line["run"],
                "day": day_of(line["run"])[:10],
                "headline": line["headline"],
                "changed": _changed_around(before, now),
            }
    return {}


def _told_by(history: list[Line]) -> list[dict[str, Any]]:
    """Return the changes of level told so far: the newest run on which a rule looked carries all."""
    for line in reversed(history):
        if isinstance(line["alerted"], list):
            alerted: list[dict[str, Any]] = line["alerted"]
            return alerted
    return []


def _changed_around(before: dict[str, Any], now: dict[str, Any] | None) -> list[str]:
    """Name what changed where the data did not; empty where the data, or what was asked of them, did."""
    if now is None:
        return []
    asked = {name: value for name, value in before["parameters"].items() if name in now["parameters"]}
    if before["sources"] != now["sources"] or any(now["parameters"][name] != asked[name] for name in asked):
        return []
    return [name for key, name in _NOT_DATA.items() if before.get(key) != now.get(key)]


def prune(output: Path, *, keep: int) -> list[Path]:
    """Remove all but the newest runs of every report, and never the one `latest` points at.

    Parameters
    ----------
    output : Path
        Folder of all reports.
    keep : int
        Runs to keep for each report and set of parameters, at least 1.

    Returns
    -------
    list of Path
        What was removed.
    """
    if keep < 1:
        raise usage_error(f"--keep is {keep}", wanted="1 or more")
    removed: list[Path] = []
    for _, _, shelf in shelves(output):
        with shelf.lock:
            latest = shelf.latest()
            doomed = [folder for folder in shelf.runs()[:-keep] if folder != latest]
            for folder in doomed:
                # Renamed first: nobody reads a run half removed, and a kill leaves what sweep() finds.
                shutil.rmtree(folder.rename(folder.with_name(f".removed-{folder.name}")))
            if doomed:
                shelf.forget({folder.name for folder in doomed})
            removed += doomed
    return removed
