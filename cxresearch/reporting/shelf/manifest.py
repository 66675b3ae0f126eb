"""What a run rests on: everything that decides its content, hashed; what varies by the clock stands apart."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from cxresearch.reporting.inputs import sha256_of
from cxresearch.reporting.notebook.catalogue import Report

SCHEMA = 1
_VERSIONS = (
    "cxresearch",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "statsmodels",
    "lifelines",
    "duckdb",
    "narwhals",
    "matplotlib",
    "papermill",
)


def plain(value: Any) -> Any:
    """Return a parameter's value as JSON can hold it."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def canonical(content: Any) -> str:
    """Return JSON text that is equal for equal content."""
    # Sorted keys and no blanks: one text for one content, whatever the order of its making.
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON value in hexadecimal."""
    return hashlib.sha256(canonical(content).encode("utf-8")).hexdigest()


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Return the SHA-256 over this package's own source files."""
    root = Path(__file__).resolve().parents[2]
    hashed = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".pyi", ".j2") and "__pycache__" not in path.parts:
            # NUL between name and content: no two sets of files give one stream of bytes.
            hashed.update(path.relative_to(root).as_posix().encode("utf-8") + b"\0")
            hashed.update(path.read_bytes() + b"\0")
    return hashed.hexdigest()


def causes(
    notebook_sha256: str, values: Mapping[str, Any], alerts: tuple[str, ...], sources: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return all that decides the content of a run, as hashes: equal causes, equal report.

    Parameters
    ----------
    notebook_sha256 : str
        Fingerprint of the notebook as it was read.
    values : mapping
        Its parameters, dates resolved.
    alerts : tuple of str
        The alert rules in force.
    sources : list of dict
        ``path`` and ``sha256`` of each file read.
    """
    return {
        "notebook_sha256": notebook_sha256,
        "code_sha256": code_hash(),
        "parameters": {name: plain(value) for name, value in values.items()},
        "alerts": list(alerts),
        # Hashes, not paths: a file moved elsewhere is the same data.
        "sources": sorted({source["sha256"] for source in sources}),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that numbers come from."""
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, Any]:
    """Return commit and dirty flag of the repository a folder is in; empty where there is none."""
    try:
        commit, status = (
            subprocess.run(
                ["git", "-C", str(folder), *arguments],
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
                stdin=subprocess.DEVNULL,
            ).stdout
            for arguments in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit.strip(), "dirty": bool(status.strip())}


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a run by its path, private ones and the manifest left out."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".private" not in path.parts and path.name != "manifest.json"
    }


def build_manifest(
    *,
    report: Report,
    files: Mapping[str, str],
    decided_by: Mapping[str, Any],
    inputs: Mapping[str, Any],
    given: Mapping[str, Any],
    base: Path,
    volatile: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the manifest of a run.

    ``content`` and its ``content_hash`` depend on data, code and parameters alone; ``provenance`` says which
    machine and libraries made it; ``volatile`` holds times.
    """
    content = {
        "report": report.name,
        "title": report.title,
        "causes": dict(decided_by),
        "study": {key: value for key, value in inputs.items() if key not in ("sources", "alerts")},
        "files": dict(files),
    }
    return {
        "schema": SCHEMA,
        "content_hash": digest(content),
        "content": content,
        "provenance": {
            "versions": versions(),
            "platform": f"{platform.system()} {platform.machine()}",
            "python": sys.implementation.name,
            "git": git_state(report.path.parent),
            "notebook": str(report.path),
            "given": dict(given),
            "base": str(base),
            "sources": inputs.get("sources", []),
        },
        "volatile": dict(volatile),
    }
