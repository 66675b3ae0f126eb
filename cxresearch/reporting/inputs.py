"""What a report was made from: files with hashes, counts and rejects, noted for the manifest."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.results.result import as_plain

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def note_inputs(study: Study, path: Path, synthetic: Mapping[str, Any]) -> None:
    """Write what a study was read from into the private part of the staging folder.

    Rejects are noted as counts by table and rule: their values are customer data and stay out of it.
    """
    rejects = [
        {"table": table, "rule": rule, "rows": rows}
        for table in study.tables
        for rule, rows in sorted(study.summary(table).rejected.items())
        if rows
    ]
    content = {
        "study": study.name,
        "observed_until": study.observed_until.isoformat(),
        "synthetic": as_plain(dict(synthetic)),
        "sources": [
            {"path": str(source.path), "sha256": source.sha256, "bytes": source.bytes}
            for source in study.sources
        ],
        "counts": as_plain(study.counts()),
        "rejects": rejects,
    }
    path.write_text(json.dumps(content, sort_keys=True, allow_nan=False), encoding="utf-8")


def as_fingerprinted(read: Callable[[], Study]) -> Study:
    """Open a study and take the fingerprints of its files before a row is read.

    What is read later is compared with them when the run is over. A file that was replaced between the look
    at its head and its fingerprint is opened again.
    """
    for _ in range(3):
        began = time.time()
        study = read()
        fingerprints = study.sources
        if fingerprints and all(file.stat().st_ctime < began for file in study.files):
            break
    return study


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
