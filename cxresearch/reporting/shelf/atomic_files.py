"""Files that are replaced as a whole and brought to the disk, on file systems that lack one or the other."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: What a file system answers that lacks an operation: vfat, SMB, FUSE, some NFS. Not EIO or ENOSPC, which
#: say that what was written may be lost.
LACKING = {
    getattr(errno, name)
    for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EPERM", "ENOTTY", "ENOLCK")
    if hasattr(errno, name)
}


def sync(path: Path) -> None:
    """Have a file or folder written to the disk, where the file system can be asked to."""
    if os.name != "posix" and path.is_dir():  # pragma: no cover - Windows cannot open folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        _fsync(handle)
    finally:
        os.close(handle)


def _fsync(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in LACKING:
            raise


def set_mode(path: Path, mode: int) -> None:
    """Set the rights of a file, where the file system has them."""
    try:
        path.chmod(mode)
    except OSError as error:
        if error.errno not in LACKING:
            raise


def write_atomically(path: Path, text: str) -> None:
    """Replace a file as a whole: a reader sees the old or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _fsync(file.fileno())
        # fsync before the rename: else a crash may leave the new name with no content.
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def json_text(content: Mapping[str, Any]) -> str:
    """Return an object as the shelf writes it."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
