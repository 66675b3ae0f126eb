"""Files a study was read from, each with its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file a study was read from.

    Attributes
    ----------
    path : str
        As the study file spells it (relative paths are relative to the study file).
    sha256 : str
        Of its bytes, in hexadecimal.
    bytes : int
        Its size.
    """

    path: str
    sha256: str
    bytes: int


def source_of(path: str, file: Path) -> Source:
    """Return a file with its size and its hash."""
    # In blocks: a file may be larger than memory.
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Source(path=path, sha256=digest, bytes=file.stat().st_size)
