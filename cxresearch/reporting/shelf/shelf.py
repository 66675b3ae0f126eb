"""The folder of a report: staging, published runs, `latest`, and failures kept apart.

::

    reports/<report>/<key>/.staging-<run>/   being made; private
    reports/<report>/<key>/<run>/            published, complete, never changed again
    reports/<report>/<key>/latest            link to the newest published run, swapped atomically
    reports/<report>/<key>/latest.json       the same as a file, for systems without links
    reports/<report>/<key>/runs.jsonl        one line a run, in the order of publishing
    reports/<report>/<key>/failed/<run>/     what a failed run left; private, since it can hold customer text
    reports/<report>/<key>/damaged/          what was found damaged, and stood in the way
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxresearch.reporting.shelf.atomic_files import json_text, set_mode, sync, write_atomically
from cxresearch.reporting.shelf.json_files import object_of
from cxresearch.reporting.shelf.locks import OWNER, Lock
from cxresearch.reporting.shelf.owed_alerts import OWED
from cxresearch.reporting.shelf.run_list import (
    RUN_LIST,
    append_line,
    in_order,
    line_of,
    lines_text,
    read_list,
)
from cxresearch.reporting.shelf.whole_run import NotWholeError, check_files, read_whole

STAGING_PREFIX = ".staging-"
FAILURES_KEPT = 10
Line = dict[str, Any]


@dataclass(frozen=True)
class Shelf:
    """Where the runs of one report with one set of parameters stand.

    Attributes
    ----------
    folder : Path
        ``reports/<report>/<key>``.
    """

    folder: Path

    @property
    def lock(self) -> Lock:
        """The lock of this report and these parameters."""
        return Lock(self.folder / ".lock", beats=True)

    def open(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def stage(self, run: str) -> Path:
        """Make and return the private folder that a run fills."""
        staging = self.folder / f"{STAGING_PREFIX}{run}"
        staging.mkdir(mode=0o700)
        (staging / ".private").mkdir(mode=0o700)
        return staging

    def lines(self) -> list[Line]:
        """Return what the list keeps of each run that is there, in the order of publishing; changes nothing.

        A run that is damaged and not in the list is passed over.
        """
        there = {folder.name: folder for folder in self._folders()}
        lines = [line for line in read_list(self.folder) if there.pop(line["run"], None)]
        for folder in there.values():
            with contextlib.suppress(NotWholeError):
                lines.append(line_of(folder))
        return in_order(lines)

    def runs(self) -> list[Path]:
        """Return the folders of published runs in the order of publishing."""
        return [self.folder / line["run"] for line in self.lines()]

    def _folders(self) -> list[Path]:
        return sorted(path.parent for path in self.folder.glob("[0-9]*/manifest.json") if path.is_file())

    def latest(self) -> Path | None:
        """Return the folder that `latest.json` names, if there is one."""
        name = object_of(self.folder / "latest.json").get("run")
        if not isinstance(name, str) or not name or "/" in name:
            return None
        folder = self.folder / name
        return folder if (folder / "manifest.json").is_file() else None

    def publish(self, staging: Path, run: str, pointer: Mapping[str, Any]) -> Path:
        """Move a complete staging folder to its place and point `latest` at it.

        Everything is on the disk before it has its name, so that a reader, or a machine after a power cut,
        finds a run whole or not at all.
        """
        shutil.rmtree(staging / ".private", ignore_errors=True)
        for path in sorted(staging.rglob("*"), reverse=True):
            # Deepest first, each written to the disk before the folder that names it.
            set_mode(path, {True: 0o755, False: 0o644}[path.is_dir()])
            sync(path)
        set_mode(staging, 0o755)
        sync(staging)
        target = self.folder / run
        # rename(2) within a file system is atomic: a run is there whole or not at all.
        staging.rename(target)
        sync(self.folder)
        with contextlib.suppress(OSError):  # the next run adds it
            append_line(self.folder, line_of(target))
        self._point(run, pointer)
        return target

    def _point(self, run: str, pointer: Mapping[str, Any]) -> None:
        write_atomically(self.folder / "latest.json", json_text({**pointer, "run": run}))
        self._link_latest(run)
        sync(self.folder)

    def _link_latest(self, run: str) -> None:
        temporary = self.folder / ".latest-new"
        with contextlib.suppress(OSError):
            temporary.unlink()
        try:
            temporary.symlink_to(run, target_is_directory=True)
            # A link cannot be changed in place: a new one takes its name in one step.
            temporary.replace(self.folder / "latest")
        except (OSError, NotImplementedError):
            # A file system without links has latest.json alone: an old link would be a second answer.
            for left in (temporary, self.folder / "latest"):
                with contextlib.suppress(OSError):
                    left.unlink()

    def keep_failure(self, staging: Path, run: str, facts: Mapping[str, Any]) -> Path:
        """Move what a failed run left to the private folder of failures and return where it is."""
        failed = self.folder / "failed"
        if failed.is_symlink() or (failed.exists() and not failed.is_dir()):
            self.set_aside(failed)  # a link would have its target emptied
        failed.mkdir(mode=0o700, exist_ok=True)
        set_mode(failed, 0o700)
        target = failed / run
        staging.rename(target)
        (target / "failure.json").write_text(json_text(facts), encoding="utf-8")
        for old in sorted(failed.iterdir())[:-FAILURES_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def set_aside(self, path: Path) -> Path:
        """Move what is damaged to the private folder ``damaged`` and return where it is."""
        place = self.folder / "damaged"
        if place.exists() and not place.is_dir():
            place = self.folder / "damaged-runs"
        place.mkdir(mode=0o700, exist_ok=True)
        target = place / path.name
        count = 1
        while target.exists() or target.is_symlink():
            count += 1
            target = place / f"{path.name}.{count}"
        path.rename(target)
        return target

    def sweep(self) -> list[str]:
        """Put aside what killed runs left and what is damaged; the caller holds the lock.

        Returns
        -------
        list of str
            A sentence for each thing that was found damaged.
        """
        remarks = self._clear_the_way()
        for staging in self.folder.glob(f"{STAGING_PREFIX}*"):
            run = staging.name.removeprefix(STAGING_PREFIX)
            with contextlib.suppress(OSError):
                self.keep_failure(staging, run, {"problem": "the run was killed before it ended"})
        for doomed in self.folder.glob(".removed-*"):
            shutil.rmtree(doomed, ignore_errors=True)
        return remarks + self._check_runs()

    def _clear_the_way(self) -> list[str]:
        """Move what stands where a file or link belongs: a copy by zip makes `latest` a folder."""
        remarks = []
        for name in ("latest.json", RUN_LIST, OWED, "index.html"):
            path = self.folder / name
            if path.is_dir() or path.is_symlink():
                remarks.append(f"{name} is no file; it was put to {self.set_aside(path)}")
        latest = self.folder / "latest"
        if latest.is_dir() and not latest.is_symlink():
            remarks.append(f"latest is a folder and no link; it was put to {self.set_aside(latest)}")
        return remarks

    def _check_runs(self) -> list[str]:
        """Set damaged runs aside, complete the list, and have both pointers name the newest whole run."""
        remarks = []
        known = {line["run"]: line for line in read_list(self.folder)}
        lines: list[Line] = []
        for folder in sorted(self.folder.glob("[0-9]*T[0-9]*")):
            if not folder.is_dir():
                continue
            try:
                line = known.get(folder.name)
                if line is None or not (folder / "manifest.json").is_file():
                    line = line_of(folder)
                    append_line(self.folder, line)
                lines.append(line)
            except NotWholeError as error:
                remarks.append(
                    f"run {folder.name} is damaged: {error}; it was put to {self.set_aside(folder)}"
                )
        lines = in_order(lines)
        while lines:
            newest = self.folder / lines[-1]["run"]
            try:
                check_files(newest, read_whole(newest)[0])
                break
            except NotWholeError as error:
                lines.pop()
                remarks.append(
                    f"run {newest.name} is damaged: {error}; it was put to {self.set_aside(newest)}"
                )
        self._repair(lines)
        return remarks

    def _repair(self, lines: list[Line]) -> None:
        """Point `latest` at the newest run, which may have been published just before a kill."""
        link = self.folder / "latest"
        if not lines:
            for stale in (self.folder / "latest.json", link):
                with contextlib.suppress(OSError):
                    stale.unlink()
            return
        newest = lines[-1]
        pointer = object_of(self.folder / "latest.json")
        linked = ""
        with contextlib.suppress(OSError):
            linked = os.readlink(link)  # noqa: PTH115 - the text of the link, not where it leads
        if pointer.get("run") != newest["run"] or "finding" not in pointer or linked != newest["run"]:
            kept = {name: newest[name] for name in ("content_hash", "finding", "notebook", "title")}
            kept["whose"] = newest.get("whose", {})
            self._point(newest["run"], kept)

    def forget(self, removed: set[str]) -> None:
        """Take runs off the list; the caller holds the lock."""
        left = [line for line in read_list(self.folder) if line["run"] not in removed]
        write_atomically(self.folder / RUN_LIST, lines_text(left))

    def discard(self, staging: Path | None, lock: Lock) -> None:
        """Leave nothing: remove a staging folder, and folders that were made for it and are empty."""
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            if {path.name for path in self.folder.iterdir()} <= {".lock", f".lock{OWNER}"}:
                lock.remove()
                self.folder.rmdir()
                self.folder.parent.rmdir()
                self.folder.parent.parent.rmdir()


def shelves(output: Path) -> Iterator[tuple[str, str, Shelf]]:
    """Yield report, key and shelf of everything under an output folder that has published runs."""
    for folder in sorted(
        {path.parent for name in ("latest.json", RUN_LIST) for path in output.glob(f"*/*/{name}")}
    ):
        yield folder.parent.name, folder.name, Shelf(folder)
