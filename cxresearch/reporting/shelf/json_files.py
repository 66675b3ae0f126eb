"""JSON files of a run: their content, or nothing where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def json_of(path: Path) -> dict[str, Any]:
    """Return the object a file holds; an empty one where there is no file."""
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def object_of(path: Path) -> dict[str, Any]:
    """Return the object a file holds; an empty one where there is none, whatever stands there instead.

    A file of the shelf may be truncated, a list, nested without end, or a folder: a past that is damaged
    does not stop the present.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return content
