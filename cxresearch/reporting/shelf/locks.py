"""A lock that dies with its process."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from cxresearch.reporting.outcome import ExitCode, ReportError


class Lock:
    """An advisory lock on a file, released by the system when its holder ends in whatever way.

    Parameters
    ----------
    path : Path
        The lock file; its folder exists.

    Notes
    -----
    The file may be removed by a holder. Who gets the lock on a file no longer at the path tries again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = -1

    def acquire(self) -> None:
        """Take the lock or raise at once.

        Raises
        ------
        ReportError
            Exit code 75, if somebody holds it.
        """
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                _lock(handle)
            except OSError as error:
                os.close(handle)
                if isinstance(error, BlockingIOError | PermissionError):
                    raise ReportError(
                        "this report is being made already, with the same parameters",
                        code=ExitCode.BUSY,
                        where=str(self.path.parent),
                        next_step="wait for it to end; nothing was changed",
                    ) from None
                raise
            # Removed and made anew between open and lock: the lock would be on a file that nobody sees.
            if _is_at(handle, self.path):
                self._handle = handle
                return
            os.close(handle)

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """Remove the file while holding the lock."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(handle: int) -> None:
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))  # noqa: PTH116 - beside fstat
    except FileNotFoundError:
        return False
