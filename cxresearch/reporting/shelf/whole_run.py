"""Whether a published run is whole: its two JSON files have their form, its files are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cxresearch.reporting.inputs import sha256_of
from cxresearch.reporting.outcome import ReportError
from cxresearch.reporting.shelf.complete_run import check_results
from cxresearch.reporting.shelf.json_files import object_of


class NotWholeError(Exception):
    """A published run is damaged; the text says how."""


def read_whole(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return manifest and results of a run.

    Raises
    ------
    NotWholeError
        If one is missing, cannot be read or has not the form of this version.
    """
    manifest = object_of(folder / "manifest.json")
    try:
        content = manifest["content"]
        named = [content["causes"][name] for name in ("notebook_sha256", "code_sha256", "alerts", "sources")]
        parameters, files = content["causes"]["parameters"], content["files"]
        provenance = manifest["provenance"]
        fits = (
            isinstance(parameters, dict)
            and isinstance(files, dict)
            and isinstance(provenance["sources"], list)
        )
        fits = fits and isinstance(manifest["content_hash"], str) and isinstance(content["study"], dict)
        fits = fits and all(isinstance(source["path"], str) for source in provenance["sources"])
    except (KeyError, TypeError):
        raise NotWholeError("manifest.json is missing or malformed") from None
    if not fits or not named:
        raise NotWholeError("manifest.json is malformed")
    try:
        results = check_results(folder / "results.json", folder.name)
    except (ReportError, RecursionError):
        raise NotWholeError("results.json is missing or malformed") from None
    return manifest, results


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare the files of a run with its manifest.

    Raises
    ------
    NotWholeError
        If one is missing or no longer as published.
    """
    for name, digest in sorted(manifest["content"]["files"].items()):
        path = folder / name
        if not path.is_file():
            raise NotWholeError(f"{name} is missing")
        if sha256_of(path) != digest:
            raise NotWholeError(f"{name} is not as published")
