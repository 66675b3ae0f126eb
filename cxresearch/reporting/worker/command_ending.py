"""How a command ends: one line, an exit code, and the trace in a private log."""

from __future__ import annotations

import contextlib
import os
import sys

from cxresearch.errors import CxError
from cxresearch.reporting.outcome import ExitCode
from cxresearch.reporting.worker.progress import one_line
from cxresearch.reporting.worker.signals import TerminatedError


def ended_by(error: BaseException) -> int:
    """Say in one line what ended a command and return its exit code; traces go to a private log."""
    code, said = ExitCode.INTERNAL, f"a fault of cxresearch itself: {type(error).__name__}: {error}"
    trace = ""
    if isinstance(error, CxError):
        code, said = getattr(error, "code", ExitCode.DATA_REFUSED), str(error)
    elif isinstance(error, KeyboardInterrupt):
        code, said = ExitCode.INTERRUPTED, f"interrupted; {_published(error)}"
    elif isinstance(error, TerminatedError):
        code, said = ExitCode.TERMINATED, f"terminated; {_published(error)}"
    else:
        trace = _trace()
    if isinstance(error, OSError):
        code, said = ExitCode.DISK, f"the system refused: {error}"
        if isinstance(error, BrokenPipeError):
            code, said = ExitCode.PIPE_CLOSED, ""
        # What could not be written must not be tried again when the interpreter ends.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    elif isinstance(error, RecursionError):
        code, said = ExitCode.USAGE, "something is nested too deep"
    if not said:
        return int(code)
    return fail(said + trace, code)


def _published(error: BaseException) -> str:
    published = getattr(error, "published", None)
    if published:
        return f"the run was published: {published}"
    return "nothing was published"


def _trace() -> str:
    """Write the trace of an error to a private log and say where; empty where even that cannot be written."""
    import tempfile
    import traceback

    try:
        # mkstemp: readable by its owner only, since a trace can hold customers' values
        handle, path = tempfile.mkstemp(prefix="cxresearch-error-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as log:
            log.write(traceback.format_exc())
    except OSError:
        return ""
    return f". The trace is in {path}"


def fail(message: object, code: ExitCode) -> int:
    """Say in one line why a command ends and return its exit code."""
    print(f"cxresearch: {one_line(str(message))}", file=sys.stderr)
    return int(code)
