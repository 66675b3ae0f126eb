"""SIGTERM ends a run in good order, and never between the two steps of publishing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

_PR_SET_PDEATHSIG = 1  # prctl(2)


def die_with_parent(parent: int) -> None:
    """Ask the kernel of Linux to kill this process when its parent dies; elsewhere watch the parent.

    Parameters
    ----------
    parent : int
        Process id of the parent. If it is gone already, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    # The parent may have died before the request was made: then nobody would send the signal.
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    import time

    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class TerminatedError(BaseException):
    """The process was asked to end."""


_state = {"held": 0, "pending": 0}
_guard = threading.Lock()


def end_on_sigterm() -> None:
    """Turn SIGTERM (and SIGHUP) into an exception in the main thread."""
    for name in ("SIGTERM", "SIGHUP"):
        # Under nohup SIGHUP is ignored, and stays so.
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), _on_signal)
    signal.signal(signal.SIGINT, _on_signal)


def _on_signal(number: int, _: FrameType | None) -> None:
    # Between moving the run and pointing at it a signal waits, or a reader would find half.
    if _state["held"]:
        _state["pending"] = number
        return
    _raise(number)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise TerminatedError


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Put off the signals that end a run until the block is done."""
    with _guard:
        _state["held"] += 1
    try:
        yield
    finally:
        with _guard:
            _state["held"] -= 1
            number = 0
            if not _state["held"]:
                number, _state["pending"] = _state["pending"], 0
        if number and threading.current_thread() is threading.main_thread():
            _raise(number)
        elif number:
            # Python raises signals in the main thread only: the batch that waits there is sent it anew.
            os.kill(os.getpid(), number)
