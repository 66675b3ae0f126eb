"""Room on the disk for a run, and what is said where the disk refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

from cxresearch.reporting.outcome import ExitCode, ReportError

# With less a run may stop half-written, and the disk is full for everybody else.
LEAST_FREE = 50_000_000


def check_space(folder: Path) -> int:
    """Return the bytes free where a run will be written.

    Raises
    ------
    ReportError
        Exit code 6, if there is hardly any room.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise ReportError(
            f"only {free / 1e6:.0f} MB are free",
            code=ExitCode.DISK,
            where=str(folder),
            wanted=f"at least {LEAST_FREE / 1e6:.0f} MB",
            next_step="`cxresearch prune --keep 30` removes old runs",
        )
    return free


def disk_error(error: OSError, folder: Path) -> ReportError:
    """Return what is said where the disk refused, and whether a run was published before it did."""
    advice = "nothing was published; the earlier runs stand as they were"
    published = getattr(error, "published", None)
    if published:
        advice = f"the run was published, {published}; the next run sets its pointers right"
    return ReportError(
        f"cannot write: {error.strerror or error}",
        code=ExitCode.DISK,
        where=str(error.filename or folder),
        next_step=advice,
    )
