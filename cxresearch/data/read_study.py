"""``read_study``: from a study file to a study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxresearch.data.readers.open_study import open_study_file
from cxresearch.data.study import Study
from cxresearch.data.study_file.declarations import OnReject
from cxresearch.data.study_file.parse_study_file import parse_study_file
from cxresearch.data.study_file.study_arguments import limits_of


def read_study(
    path: str | Path,
    *,
    frames: Mapping[str, Any] | None = None,
    on_reject: OnReject | None = None,
    max_reject_share: float | None = None,
) -> Study:
    r"""Open the study that a ``study.toml`` declares; its rows are read when they are asked for.

    Parameters
    ----------
    path : str or Path
        The study file, or the folder it is in.
    frames : mapping of str to frame, optional
        Frames in memory that the study file names (``frame = "name"``).
    on_reject : {"refuse", "set_aside"}, optional
        Overrides the study file: what happens to rows that break a rule.
    max_reject_share : float, optional
        Overrides the study file: share of a table's rows that may be set aside.

    Returns
    -------
    Study
        Opened, not read: a study of 50 million rows opens at once.

    Raises
    ------
    StudyError
        If the study file, or a file it names, is not as declared; the message says what to do. Rows that
        break a rule show when a table is used; see `Study.table`.

    Notes
    -----
    The study file is described in ``docs/study-file.md``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "customers.csv").write_text("id,since\na,2024-01-05\nb,2024-02-01\n")
    ...     _ = Path(folder, "study.toml").write_text(
    ...         '[study]\nname = "Tiny"\nobserved_until = 2024-12-31\n'
    ...         '[[sources]]\ntable = "customers"\nfile = "customers.csv"\n'
    ...         'columns = { customer_id = "id", started_at = "since" }\n'
    ...     )
    ...     study = read_study(folder)
    ...     study.counts()
           table  rows  valid  rejected  left_out
    0  customers     2      2         0         0
    """
    file = parse_study_file(path)
    limits = limits_of(
        file.limits.on_reject if on_reject is None else on_reject,
        file.limits.max_reject_share if max_reject_share is None else max_reject_share,
    )
    opened = open_study_file(file, frames or {})
    study = Study(
        opened,
        observed_until=file.observed_until,
        instruments=file.instruments,
        timezone=file.timezone,
        currency=file.currency,
        segments=opened.segments,
        name=file.name,
        limits=limits,
        revenue_ends=file.revenue_ends,
        after_cut=file.after_cut,
        codebook=None if file.codebook is None else file.codebook.codebook,
        targets=file.targets,
        costs=file.costs,
        kind=file.kind,
    )
    study.journey = file.journey
    return study
