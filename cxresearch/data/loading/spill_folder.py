"""Where an engine puts what does not fit into memory: a folder that only its owner reads, gone at the end."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import uuid
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

_PREFIX = "cxresearch-spill-"
_IN_USE = "in_use"


def spill_folder() -> Path:
    """Return a new path for one connection, below the private folder of this process.

    Rows of customers go there: the folder of the process has the mode 0700, is removed when the process ends,
    and by the next process if it was killed.

    Examples
    --------
    >>> spill_folder().parent.stat().st_mode & 0o077
    0
    """
    return _folder_of_process(os.getpid()) / uuid.uuid4().hex


@lru_cache(maxsize=1)
def _folder_of_process(process: int) -> Path:
    """A fork has a process number of its own, and so a folder of its own."""
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # mkdtemp: mode 0700
    mark = (folder / _IN_USE).open("wb")
    _locked(mark)
    atexit.register(_remove, folder, mark, process)
    return folder


def _remove(folder: Path, mark: IO[bytes], process: int) -> None:
    if os.getpid() == process:
        mark.close()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove folders of processes that were killed: nobody holds their lock any more."""
    if sys.platform == "win32":  # which removes no file in use, and has no flock
        return
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _IN_USE).open("rb") as mark:
                if _locked(mark):
                    shutil.rmtree(folder, ignore_errors=True)


def _locked(mark: IO[Any]) -> bool:
    """Whether the lock could be had; where there are no locks, it could not."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
