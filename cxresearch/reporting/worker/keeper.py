"""The keeper of a worker: when runner or worker end, nothing that a notebook started lives on."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from cxresearch.reporting.worker.signals import die_with_parent

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2): orphans below this process become its children
_LOOK_SECONDS = 0.2


def keep(life: int) -> None:
    """Split off the worker: return in the new process, and stay behind as its keeper.

    Parameters
    ----------
    life : int
        Reading end of a pipe that the runner holds open. It closes when the runner ends, by ``kill -9``, too.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    keeper = os.getpid()
    worker = os.fork()
    if not worker:
        os.close(life)
        die_with_parent(keeper)
        return
    # The pipes of jobs and answers are the worker's: an end held here would hide that it is gone.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    while not select.select([life], [], [], _LOOK_SECONDS)[0]:
        if not _lives(worker):
            break
    end_all()
    os._exit(0)


def _lives(worker: int) -> bool:
    """Reap what has ended, and say whether the worker is among it."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, _ = os.waitpid(-1, os.WNOHANG)
            if ended == worker:
                return False
            if not ended:
                return True
    return False


def end_all() -> None:
    """Kill all processes below this one, those that come to it as orphans included."""
    while below := _below(os.getpid()):
        for process in below:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            # One at least has ended; its children, if any, are this process's now.
            os.waitpid(-1, 0)


def _below(keeper: int) -> list[int]:
    """Return the descendants of a process that have not ended."""
    children: dict[int, list[int]] = {}
    for process, parent in _parents():
        children.setdefault(parent, []).append(process)
    below = list(children.get(keeper, []))
    for process in below:  # it grows while it is gone through: children of children
        below += children.get(process, [])
    return below


def _parents() -> list[tuple[int, int]]:
    """Return each process of this machine with its parent, by procfs or by ps(1)."""
    if sys.platform != "linux":
        listing = subprocess.run(["ps", "-Ao", "pid=,ppid="], capture_output=True, text=True, check=False)
        pairs = [line.split() for line in listing.stdout.splitlines()]
        return [(int(process), int(parent)) for process, parent in pairs]
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            # proc(5): state and parent follow the name, which may hold blanks and brackets.
            _, parent, *_ = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
            found.append((int(entry.name), int(parent)))
    return found
