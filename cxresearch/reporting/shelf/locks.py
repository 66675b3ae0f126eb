"""A lock that dies with its process, also where the file system shares no locks between machines."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.shelf.atomic_files import LACKING
from cxresearch.reporting.shelf.json_files import object_of

#: Behind the name of a lock file: who holds it, for machines that do not see each other's locks.
OWNER = ".owner"
_BEAT_SECONDS = 15.0
#: What a lock that somebody holds answers; on Windows that there is no right to it.
_TAKEN = {"win32": PermissionError}.get(sys.platform, BlockingIOError)
#: A holder on another machine that has not stirred for so long is dead.
_STALE_SECONDS = 90.0


class Lock:
    """An advisory lock on a file, released by the system when its holder ends in whatever way.

    Parameters
    ----------
    path : Path
        The lock file; its folder exists.
    beats : bool
        Also keep a file beside it that names the holder and is touched every 15 seconds: flock(2) is not
        shared between machines on some NFS, SMB and FUSE, and not there at all on others.

    Notes
    -----
    The file may be removed by a holder. Who gets the lock on a file no longer at the path tries again.
    """

    def __init__(self, path: Path, *, beats: bool = False) -> None:
        self.path = path
        self._handle = -1
        self._owner: Path | None = path.with_name(path.name + OWNER) if beats else None
        self._token = ""
        self._ended = threading.Event()

    def acquire(self) -> None:
        """Take the lock or raise at once.

        Raises
        ------
        ReportError
            Exit code 75, if somebody holds it.
        """
        if self.path.is_dir() and not self.path.is_symlink():
            self.path.rmdir()  # what a copy may have made of it; nothing of ours is inside
        while True:
            handle = self._opened()
            local = True
            try:
                _lock(handle)
            except OSError as error:
                if isinstance(error, _TAKEN):
                    os.close(handle)
                    raise self._busy() from None
                if error.errno not in {*LACKING, errno.EIO, errno.ESTALE} or self._owner is None:
                    os.close(handle)
                    raise
                local = False
            # Removed and made anew between open and lock: the lock would be on a file that nobody sees.
            if _is_at(handle, self.path):
                break
            os.close(handle)
        self._handle = handle
        if self._owner is not None:
            try:
                self._claim(self._owner, local=local)
            except BaseException:
                self.release()
                raise

    def _opened(self) -> int:
        # Whom the folder belongs to as a group can make the report, too.
        shared = bool(self.path.parent.stat().st_mode & 0o020)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        if shared and hasattr(os, "fchmod"):
            with contextlib.suppress(OSError):
                os.fchown(handle, -1, self.path.parent.stat().st_gid)
                os.fchmod(handle, 0o660)
        return handle

    def _busy(self) -> ReportError:
        return ReportError(
            "this report is being made already, with the same parameters",
            code=ExitCode.BUSY,
            where=str(self.path.parent),
            next_step="wait for it to end; nothing was changed",
        )

    def _claim(self, owner: Path, *, local: bool) -> None:
        """Write who holds the lock, unless a living holder on another machine stands there."""
        token = secrets.token_hex(8)
        text = json.dumps({"machine": _machine(), "process": os.getpid(), "token": token})
        for _ in range(2):
            try:
                # O_EXCL: one of two that come at once makes the file (NFS from version 3 on).
                handle = os.open(owner, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                self._remove_dead(owner, local=local)
                continue
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            self._token = token
            self._ended = threading.Event()
            threading.Thread(target=_beat, args=(owner, self._ended), daemon=True).start()
            return
        raise self._busy()

    def _remove_dead(self, owner: Path, *, local: bool) -> None:
        before = object_of(owner)
        if self._lives(owner, before, local=local):
            raise self._busy()
        # Renamed first: who loses the race moves a file that is not the one judged, and puts it back.
        judged = owner.with_name(f"{owner.name}.{secrets.token_hex(4)}")
        try:
            owner.rename(judged)
        except FileNotFoundError:
            raise self._busy() from None
        if object_of(judged).get("token") != before.get("token"):
            judged.rename(owner)
            raise self._busy()
        judged.unlink()

    def _lives(self, owner: Path, holder: dict[str, Any], *, local: bool) -> bool:
        if holder.get("machine") == _machine():
            # On this machine the lock itself tells; where there is none, whether the process is there.
            return not local and _runs(holder.get("process"))
        try:
            return _now_at(owner.parent) - owner.stat().st_mtime < _STALE_SECONDS
        except OSError:
            return False

    def is_held(self) -> bool:
        """Whether nobody took the lock meanwhile, as after a machine slept longer than its heartbeat may."""
        return not self._token or self._owner is None or object_of(self._owner).get("token") == self._token

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        self._ended.set()
        if self._token and self._owner is not None and self.is_held():
            with contextlib.suppress(OSError):
                self._owner.unlink()
        self._token = ""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """Remove the file while holding the lock."""
        for path in (self.path, self._owner):
            if path is not None:
                with contextlib.suppress(OSError):
                    path.unlink()

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _machine() -> str:
    """Name the running system: containers on one machine share its locks, machines of one name do not."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return socket.gethostname()


def _runs(process: object) -> bool:
    if not isinstance(process, int) or process <= 0 or process == os.getpid():
        return process == os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _now_at(folder: Path) -> float:
    """Return the time by the clock that stamps the files of a folder, which may be a server's."""
    probe = folder / f".now-{secrets.token_hex(4)}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def _beat(owner: Path, ended: threading.Event) -> None:
    while not ended.wait(_BEAT_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(owner)


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
