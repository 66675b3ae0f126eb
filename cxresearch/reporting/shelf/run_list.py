"""The list of a shelf's runs, one line each in the order of publishing: no file of the past is read again."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxresearch.reporting.shelf.json_files import object_of
from cxresearch.reporting.shelf.whole_run import read_whole

#: The list of a shelf.
RUN_LIST = "runs.jsonl"
_CAUSES = ("notebook_sha256", "code_sha256", "parameters", "alerts", "sources")


def line_of(folder: Path) -> dict[str, Any]:
    """Return what the list keeps of a run: what later runs and pages of runs need of it.

    Raises
    ------
    NotWholeError
        If the run is damaged.
    """
    manifest, results = read_whole(folder)
    content = manifest["content"]
    said = object_of(folder / "alert.json")
    return {
        "run": folder.name,
        "order": _order(manifest),
        "notebook": str(manifest["provenance"].get("notebook", "")),
        "title": str(content.get("title", "")),
        "causes": {name: content["causes"][name] for name in _CAUSES},
        "content_hash": manifest["content_hash"],
        "finding": results["finding"],
        "whose": results.get("whose", {}),
        "headline": results["headline"],
        "alerts": [dict(rule) for rule in said.get("rules", []) if isinstance(rule, dict)],
        "alerted": said.get("alerted"),
    }


def read_list(shelf: Path) -> list[dict[str, Any]]:
    """Return the lines of the list that can be read, in order; the last of a run that is listed twice."""
    lines: dict[str, dict[str, Any]] = {}
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for text in (shelf / RUN_LIST).read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError):
                line = json.loads(text)
                if _fits(line):
                    lines[line["run"]] = line
    return list(lines.values())


def _order(manifest: Mapping[str, Any]) -> int:
    volatile = manifest.get("volatile")
    order = 0
    if isinstance(volatile, dict) and isinstance(volatile.get("order"), int):
        order = volatile["order"]
    return order


def _fits(line: Mapping[str, Any]) -> bool:
    texts = all(
        isinstance(line[name], str) for name in ("run", "title", "finding", "content_hash", "notebook")
    )
    texts = texts and isinstance(line["order"], int) and isinstance(line["causes"], dict)
    lists = isinstance(line["headline"], list) and isinstance(line["alerts"], list)
    return texts and lists and all(name in line["causes"] for name in _CAUSES)


def append_line(shelf: Path, line: Mapping[str, Any]) -> None:
    """Add a run to the list. A kill in between leaves half a line, which the next one begins anew."""
    text = lines_text([line])
    with (shelf / RUN_LIST).open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                text = "\n" + text
        file.write(text.encode("utf-8"))


def in_order(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return lines in the order of publishing.

    Names begin with the time of a clock, which may have been wrong; each run is numbered one above all before
    it. Runs of the time before there were numbers are ordered by name.
    """
    return sorted(lines, key=lambda line: (line["order"], line["run"]))


def lines_text(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return lines as the list holds them."""
    return "".join(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n" for line in lines)
