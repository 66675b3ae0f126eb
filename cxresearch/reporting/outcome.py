"""How a run ended: the documented exit codes, the one error that carries them, and the outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from cxresearch.errors import CxError


class ExitCode(IntEnum):
    """What ``cxresearch`` returns to the shell; docs/scheduling.md says what to do about each."""

    DONE = 0
    DATA_REFUSED = 1
    USAGE = 2
    CELL_FAILED = 3
    INCOMPLETE = 4
    KERNEL_DIED = 5
    DISK = 6
    INTERNAL = 70  # EX_SOFTWARE of sysexits.h: a fault of cxresearch itself
    ALERT = 10
    BUSY = 75  # EX_TEMPFAIL of sysexits.h: try again later
    DEADLINE = 124  # as timeout(1)
    INTERRUPTED = 130  # 128 + SIGINT
    PIPE_CLOSED = 141  # 128 + SIGPIPE, as `check | head`
    TERMINATED = 143  # 128 + SIGTERM


class ReportError(CxError):
    """A report could not be made.

    Parameters
    ----------
    problem, where, wanted, next_step : str
        As for :class:`cxresearch.errors.CxError`.
    code : ExitCode
        What the command line returns.
    """

    def __init__(
        self,
        problem: str,
        *,
        code: ExitCode,
        where: str = "",
        wanted: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(problem, where=where, wanted=wanted, next_step=next_step)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are pickled by their arguments: without this the code would be lost between processes.
        return (_rebuild, (self.problem, self.code, self.where, self.wanted, self.next_step))


def _rebuild(problem: str, code: ExitCode, where: str, wanted: str, next_step: str) -> ReportError:
    return ReportError(problem, code=code, where=where, wanted=wanted, next_step=next_step)


def usage_error(problem: str, *, where: str = "", wanted: str = "", next_step: str = "") -> ReportError:
    """Return an error of the caller's making: exit code 2."""
    return ReportError(problem, code=ExitCode.USAGE, where=where, wanted=wanted, next_step=next_step)


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What became of one run.

    Attributes
    ----------
    code : ExitCode
        0 published (or unchanged), 10 published with alerts; failures are raised as `ReportError`.
    status : {"published", "unchanged"}
        ``unchanged`` means that the inputs equal those of the latest run, which stands.
    folder : Path
        Folder of the published run.
    report, key, run : str
        ``reports/<report>/<key>/<run>/``.
    content_hash : str
        SHA-256 over everything that depends on data, code and parameters alone.
    finding : str
        The answer in one sentence.
    alerts : tuple of str
        One sentence for each alert that fired or could not be judged, and for those of earlier runs that
        nobody was told.
    remarks : tuple of str
        What was found damaged on the shelf and set aside.
    seconds : float
        Wall time of the run.
    """

    code: ExitCode
    status: str
    folder: Path
    report: str
    key: str
    run: str
    content_hash: str
    finding: str
    alerts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0
