"""The folder of a report: staging, published runs, `latest`, and failures kept apart.

::

    reports/<report>/<key>/.staging-<run>/   being made; private
    reports/<report>/<key>/<run>/            published, complete, never changed again
    reports/<report>/<key>/latest            link to the newest published run, swapped atomically
    reports/<report>/<key>/latest.json       the same as a file, for systems without links
    reports/<report>/<key>/failed/<run>/     what a failed run left; private, since it can hold customer text
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxresearch.reporting.shelf.locks import Lock

STAGING_PREFIX = ".staging-"
FAILURES_KEPT = 10


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
        return Lock(self.folder / ".lock")

    def open(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def stage(self, run: str) -> Path:
        """Make and return the private folder that a run fills."""
        staging = self.folder / f"{STAGING_PREFIX}{run}"
        staging.mkdir(mode=0o700)
        (staging / ".private").mkdir(mode=0o700)
        return staging

    def runs(self) -> list[Path]:
        """Return the folders of published runs, oldest first."""
        return sorted(path.parent for path in self.folder.glob("[0-9]*/manifest.json"))

    def latest(self) -> Path | None:
        """Return the folder of the newest published run, if there is one."""
        try:
            name = json.loads((self.folder / "latest.json").read_text(encoding="utf-8"))["run"]
        except (OSError, ValueError, KeyError):
            return None
        folder = self.folder / str(name)
        return folder if (folder / "manifest.json").is_file() else None

    def publish(self, staging: Path, run: str, pointer: Mapping[str, Any]) -> Path:
        """Move a complete staging folder to its place and point `latest` at it.

        Everything is on the disk before it has its name, so that a reader, or a machine after a power cut,
        finds a run whole or not at all.
        """
        shutil.rmtree(staging / ".private", ignore_errors=True)
        for path in sorted(staging.rglob("*"), reverse=True):
            # Deepest first, each written to the disk before the folder that names it.
            path.chmod(0o755 if path.is_dir() else 0o644)
            sync(path)
        staging.chmod(0o755)
        sync(staging)
        target = self.folder / run
        # rename(2) within a file system is atomic: a run is there whole or not at all.
        staging.rename(target)
        sync(self.folder)
        self._point(run, pointer)
        return target

    def _point(self, run: str, pointer: Mapping[str, Any]) -> None:
        write_atomically(self.folder / "latest.json", _json({**pointer, "run": run}))
        self._link_latest(run)
        sync(self.folder)

    def _link_latest(self, run: str) -> None:
        temporary = self.folder / ".latest-new"
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        with contextlib.suppress(OSError, NotImplementedError):  # a file system without links has latest.json
            temporary.symlink_to(run, target_is_directory=True)
            # A link cannot be changed in place: a new one takes its name in one step.
            temporary.replace(self.folder / "latest")

    def keep_failure(self, staging: Path, run: str, facts: Mapping[str, Any]) -> Path:
        """Move what a failed run left to the private folder of failures and return where it is."""
        failed = self.folder / "failed"
        failed.mkdir(mode=0o700, exist_ok=True)
        failed.chmod(0o700)
        target = failed / run
        staging.rename(target)
        (target / "failure.json").write_text(_json(facts), encoding="utf-8")
        for old in sorted(failed.iterdir())[:-FAILURES_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def sweep(self) -> None:
        """Put aside what killed runs left in staging; the caller holds the lock."""
        for staging in self.folder.glob(f"{STAGING_PREFIX}*"):
            run = staging.name.removeprefix(STAGING_PREFIX)
            with contextlib.suppress(OSError):
                self.keep_failure(staging, run, {"problem": "the run was killed before it ended"})
        for doomed in self.folder.glob(".removed-*"):
            shutil.rmtree(doomed, ignore_errors=True)
        self._repair()

    def _repair(self) -> None:
        """Point `latest` at a run that was published just before its runner was killed."""
        latest, runs = self.latest(), self.runs()
        # Names begin with the time, so that the order of names is that of time.
        if runs and (latest is None or latest.name < runs[-1].name):
            results = json.loads((runs[-1] / "results.json").read_text(encoding="utf-8"))
            manifest = json.loads((runs[-1] / "manifest.json").read_text(encoding="utf-8"))
            self._point(
                runs[-1].name, {"content_hash": manifest["content_hash"], "finding": results["finding"]}
            )

    def discard(self, staging: Path | None, lock: Lock) -> None:
        """Leave nothing: remove a staging folder, and folders that were made for it and are empty."""
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            if {path.name for path in self.folder.iterdir()} <= {".lock"}:
                lock.remove()
                self.folder.rmdir()
                self.folder.parent.rmdir()
                self.folder.parent.parent.rmdir()


def sync(path: Path) -> None:
    """Have a file or folder written to the disk."""
    if os.name != "posix" and path.is_dir():  # pragma: no cover - Windows cannot open folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, text: str) -> None:
    """Replace a file as a whole: a reader sees the old or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # fsync before the rename: else a crash may leave the new name with no content.
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def shelves(output: Path) -> Iterator[tuple[str, str, Shelf]]:
    """Yield report, key and shelf of everything under an output folder that has published runs."""
    for pointer in sorted(output.glob("*/*/latest.json")):
        folder = pointer.parent
        yield folder.parent.name, folder.name, Shelf(folder)
