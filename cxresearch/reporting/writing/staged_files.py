"""Files of a run while it is made: pictures, tables and figures go into the folder that will be published.

Outside a run there is no such folder: a notebook opened by hand shows everything and writes nothing.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.errors import ArgumentError
from cxresearch.reporting.shelf.json_files import json_of
from cxresearch.wording import inert_cell

if TYPE_CHECKING:
    import pandas as pd

#: Set by the runner in the kernel it starts: the folder being filled.
STAGING = "CXRESEARCH_STAGING"
# Windows and macOS tell no capitals apart: two names that differ in case would be one file.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,60}")


def staging_folder() -> Path | None:
    """Return the folder of the run, or None outside of one."""
    folder = os.environ.get(STAGING)
    if not folder:
        return None
    return Path(folder)


def private_file(name: str) -> Path:
    """Return the path of a file that the run needs and does not publish."""
    folder = (staging_folder() or Path()) / ".private"
    folder.mkdir(exist_ok=True)
    return folder / name


def previous_run() -> dict[str, Any]:
    """Return what the last run on other data kept; empty if there was none."""
    staging = staging_folder()
    if staging is None:
        return {}
    return json_of(staging / "previous.json")


def check_free_name(name: str, folder: str) -> None:
    """Refuse a name that is no file name everywhere, or that a picture or table of the run has already."""
    if not _NAME.fullmatch(name):
        raise ArgumentError(f"name is {name!r}", wanted="lower-case letters, digits, - and _, such as 'roc'")
    staging = staging_folder()
    if staging and any((staging / folder).glob(f"{name}.*")):
        raise ArgumentError(f"{folder}/{name} was shown already", wanted="a name of its own for each")


def note_picture(name: str, alt: str) -> None:
    """Note a picture that the page shows, in order, with what it shows in words."""
    if staging_folder():
        with private_file("shown.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, alt]) + "\n")


def shown_pictures(path: Path) -> list[tuple[str, str]]:
    """Return names and words of the pictures that were noted."""
    if not path.is_file():
        return []
    noted = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(str(name), str(alt)) for name, alt in noted]


def stage_file(name: str, content: bytes) -> None:
    """Write one file of the run."""
    staging = staging_folder()
    if staging:
        path = staging / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def stage_csv(name: str, frame: pd.DataFrame) -> None:
    """Write a table of the run as CSV."""
    # A cell that begins with "=" is a formula to a spreadsheet: OWASP, CSV injection.
    safe = frame.rename(columns=inert_cell).map(inert_cell)
    stage_file(f"tables/{name}.csv", safe.to_csv(index=False, lineterminator="\n").encode("utf-8"))
