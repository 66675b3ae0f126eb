"""Files behind a web address or in an object store: fetched once into a folder that goes with the process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from cxresearch.data.loading.extras import extra
from cxresearch.errors import StudyError
from cxresearch.wording import shown

#: Libraries behind fsspec, by the beginning of an address.
_LIBRARIES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
}


def is_remote(declared: str) -> bool:
    """Whether a declared file is an address.

    Examples
    --------
    >>> is_remote("s3://bucket/answers.csv"), is_remote("answers.csv")
    (True, False)
    """
    return "://" in declared


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cxresearch_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def fetched(declared: str) -> list[Path]:
    """Return local copies of the files of an address, which may hold ``*``; keys come from the environment.

    Raises
    ------
    StudyError
        If the kind of address is not known, its library is missing, or nothing is there.
    """
    scheme = declared.partition("://")[0].lower()
    if scheme not in (*_LIBRARIES, "file", "memory"):
        raise StudyError(
            f"addresses that begin with {shown(scheme + '://')} are not read",
            wanted="a file, or s3://, gs://, az:// or https://",
            next_step="copy the file beside the study",
        )
    fsspec = extra("fsspec", name="remote", what=f"a file behind {scheme}://")
    if scheme in _LIBRARIES:
        extra(_LIBRARIES[scheme], name="remote", what=f"a file behind {scheme}://")
    try:
        # Keys are taken from the environment by the library; none is passed through here.
        system, path = fsspec.core.url_to_fs(declared)
        paths = sorted(system.glob(path)) if any(letter in path for letter in "*?[") else [path]
        if not paths:
            raise StudyError("no file has this address", where=_plain(declared))
        copies = []
        folder = Path(tempfile.mkdtemp(dir=_folder()))
        for one in paths:
            copy = folder / str(one).lstrip("/")  # folders such as year=2024 stay
            copy.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(one, str(copy))
            copies.append(copy)
    except (OSError, ValueError) as error:
        raise StudyError(
            f"the file cannot be fetched: {shown(type(error).__name__)}",
            where=_plain(declared),
            next_step="look at the address, and at the keys in the environment",
        ) from None
    return copies


def _plain(declared: str) -> str:
    """The address without a user, a password or a query, which may hold a key."""
    scheme, _, rest = declared.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
