"""The files behind an input: one, those of a pattern or a folder, or copies of files elsewhere."""

from __future__ import annotations

import glob
from pathlib import Path

from cxresearch.data.loading.remote_files import fetched, is_remote
from cxresearch.data.loading.unread_kinds import lake_reason
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError
from cxresearch.wording import did_you_mean, shown


def files_of(raw: RawInput) -> tuple[Path, ...]:
    """Return the files behind an input, fetched if they are elsewhere; none of a frame or a server.

    Raises
    ------
    StudyError
        If there is none.
    """
    if raw.path is None or raw.frame or raw.database:
        return ()
    if is_remote(raw.declared):
        return tuple(fetched(raw.declared))
    return _files(raw.path, raw.declared)


def _files(path: Path, declared: str) -> tuple[Path, ...]:
    # Lone surrogates stand for bytes that are no UTF-8 (PEP 383): the engine cannot open such a path.
    if any("\ud800" <= letter <= "\udfff" for letter in str(path)):
        raise StudyError(f"the path {shown(path)} is not UTF-8", next_step="rename the file or its folder")
    if path.is_file():
        return (path,)
    if any(letter in str(path) for letter in "*?["):
        matches = map(Path, glob.glob(str(path), recursive=True))  # noqa: PTH207 - folders may hold patterns too
        found = tuple(sorted(one for one in matches if one.is_file()))
        if found:
            return found
    if path.is_dir():
        parts = tuple(sorted(one for one in path.rglob("*.parquet") if one.is_file()))
        if parts and not lake_reason(path):
            return parts
        raise StudyError(
            f"{shown(declared)} is a folder",
            wanted="a file",
            next_step=lake_reason(path) or f"write '{declared}/*.csv' for its files",
        )
    beside = []
    if path.parent.is_dir():
        beside = [one.name for one in path.parent.iterdir()]
    raise StudyError(
        f"file {shown(declared)} does not exist",
        where=f"looked in {path.parent}",
        next_step=did_you_mean(path.name, beside, otherwise="correct the path in the study file"),
    )
