"""Keeps a worker process within its deadline and leaves nothing of it behind.

This module and those it imports load only the standard library: waiting costs next to nothing, and a notebook
that takes all memory or holds the interpreter cannot stop the clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.shelf.locks import Lock

_HOME_PREFIX = "cxresearch-kernel-"
_LOG_TAIL = 4_000
_PATIENCE_SECONDS = 10.0


class WorkerProcess:
    """A worker, started at once and reused for as long as it behaves.

    Parameters
    ----------
    warm : bool
        Keep one kernel from notebook to notebook: faster, at the price that modules keep their state.
    """

    def __init__(self, *, warm: bool = False) -> None:
        self._warm = warm
        self._process: subprocess.Popen[str] | None = None
        self._kernel = 0
        self._life = -1
        self._home: Path | None = None
        self._home_lock: Lock | None = None
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.last_log = ""

    def start(self) -> None:
        """Start the process; it loads its libraries and a kernel while the caller does other things."""
        if self._process is not None:
            return
        sweep_homes()
        self._home = Path(tempfile.mkdtemp(prefix=_HOME_PREFIX))
        self._home_lock = Lock(self._home / "lock")
        self._home_lock.acquire()
        self._answers = queue.Queue()
        log = (self._home / "log").open("w", encoding="utf-8")
        # The keeper reads one end; the other closes with this process, however it ends.
        ending, self._life = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cxresearch.reporting.worker.worker", str(os.getpid()), str(ending)],
            pass_fds=(ending,) if os.name == "posix" else (),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=self._home,
            env=_environment(),
            text=True,
            encoding="utf-8",
            # A session of its own: killing its group reaches whatever the notebook started.
            start_new_session=True,
        )
        log.close()
        os.close(ending)
        threading.Thread(target=self._listen, args=(self._process, self._answers), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str], answers: queue.Queue[dict[str, Any]]) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for above
        with contextlib.suppress(ValueError, OSError):
            for line in process.stdout:
                answer = json.loads(line)
                if "kernel" in answer:
                    self._kernel = int(answer["kernel"])
                answers.put(answer)
        answers.put({"gone": True})

    def execute(
        self, job: dict[str, Any], *, until: float, on_cell: Callable[[int], None] | None = None
    ) -> dict[str, Any]:
        """Have one notebook executed.

        Parameters
        ----------
        job : dict
            What to do; see `cxresearch.reporting.run_report`.
        until : float
            `time.monotonic` at which the whole run must be over.
        on_cell : callable, optional
            Called with the index of each code cell as its turn comes.

        Returns
        -------
        dict
            ``status`` is ``ok``, ``error``, ``dead``, ``timeout``, ``disk``, ``internal`` or ``deadline``,
            with the cell and the text of the error as far as known.
        """
        self.start()
        assert self._process is not None and self._process.stdin is not None  # noqa: S101 - started
        try:
            self._process.stdin.write(json.dumps({**job, "warm": self._warm}) + "\n")
            self._process.stdin.flush()
        except OSError:
            return self._gone(-1)
        place = -1
        while True:
            try:
                # monotonic, not the clock of the day, which may be set back while a run is on.
                answer = self._answers.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                self.stop()
                return {"status": "deadline", "cell": place}
            if "cell" in answer:
                place = int(answer["cell"])
                if on_cell is not None:
                    on_cell(place)
            elif "done" in answer:
                done: dict[str, Any] = answer["done"]
                if not self._warm or done["status"] != "ok":
                    self._kernel = 0
                return done
            elif "gone" in answer:
                return self._gone(place)

    def _gone(self, place: int) -> dict[str, Any]:
        self.stop()
        return {"status": "dead", "cell": place, "text": self.last_log}

    def log(self) -> str:
        """Return the end of what the worker's libraries printed."""
        if self._home is None:
            return ""
        with contextlib.suppress(OSError):
            return (self._home / "log").read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]
        return ""

    def stop(self) -> None:
        """Kill worker and kernel, with all they started, and remove their folder."""
        process, self._process = self._process, None
        if process is not None:
            self.last_log = self.log()
            os.close(self._life)
            self._life = -1
            # The keeper ends all, to the last grandchild; one that hangs is killed itself.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_SECONDS)
            _kill_group(process.pid)
            if self._kernel:
                _kill_group(self._kernel)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()
        self._kernel = 0
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None
        if self._home_lock is not None:
            self._home_lock.release()
            self._home_lock = None

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _kill_group(leader: int) -> None:
    """Kill a process that leads a session of its own, and its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(leader, signal.SIGKILL)
        else:  # pragma: no cover - Windows
            os.kill(leader, signal.SIGTERM)


def sweep_homes() -> None:
    """Remove the folders of workers whose runner was killed: their lock is free."""
    for home in Path(tempfile.gettempdir()).glob(_HOME_PREFIX + "*"):
        with contextlib.suppress(ReportError, OSError):
            # A minute's grace: between making the folder and locking it another runner must not sweep it.
            if time.time() - home.stat().st_mtime > 60 and home.stat().st_uid == os.getuid():
                with Lock(home / "lock"):
                    shutil.rmtree(home, ignore_errors=True)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONSTARTUP",))}
    return {
        **kept,
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "TZ": "UTC",
    }


def failure_of(answer: dict[str, Any], *, report: str, limits: str) -> ReportError:
    """Return the error that an answer of the worker stands for: one clear message and its exit code."""
    cell = int(answer.get("cell", -1))
    where = report
    if cell >= 0:
        where = f"{report}, cell {cell + 1}"
    text = " ".join(str(answer.get("text", "")).split())[:2000]
    name = str(answer.get("name", ""))
    status = answer["status"]
    if status == "error" and name in ("SystemExit", "KeyboardInterrupt"):
        status = "ended early"
    code = _CODES.get(status, ExitCode.INCOMPLETE)
    message = _MESSAGES.get(status, "the worker failed: {text}")
    filled = message.replace("{limits}", limits).replace("{name}", name).replace("{text}", text)
    advice = _ADVICE.get(status, {})
    return ReportError(filled, code=code, where=where, **advice)


#: How a run can end before its last cell, by what the worker says.
_CODES = {
    "deadline": ExitCode.DEADLINE,
    "timeout": ExitCode.CELL_FAILED,
    "dead": ExitCode.KERNEL_DIED,
    "disk": ExitCode.DISK,
    "error": ExitCode.CELL_FAILED,
}
_MESSAGES = {
    "deadline": "the run took longer than its deadline ({limits})",
    "timeout": "a cell took longer than it may",
    "dead": "the kernel died",
    "disk": "cannot write: {text}",
    "ended early": "a cell ended the notebook early with {name}",
    "error": "{name}: {text}",
}
_ADVICE = {
    "deadline": {"next_step": "raise --deadline, or make the notebook do less"},
    "timeout": {"next_step": "--cell-timeout"},
    "dead": {"next_step": "the usual cause is memory: see the log of the system"},
    "ended early": {"wanted": "every code cell to run"},
}
