"""Alerts are owed until they were told: a kill between publishing and telling does not swallow them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from cxresearch.reporting.shelf.atomic_files import json_text, write_atomically
from cxresearch.reporting.shelf.json_files import object_of

OWED = "owed.json"


def owe(shelf: Path, run: str, sentences: Sequence[str]) -> None:
    """Note the alerts of a run that is about to be published."""
    if sentences:
        write_atomically(shelf / OWED, json_text({**_owed(shelf), run: list(sentences)}))


def owed_alerts(shelf: Path) -> tuple[str, ...]:
    """Return the sentences that nobody was told, of runs that were published."""
    return tuple(
        sentence
        for run, sentences in sorted(_owed(shelf).items())
        if (shelf / run / "manifest.json").is_file()
        for sentence in sentences
    )


def settle(shelf: Path) -> None:
    """Note that all alerts of a shelf were told."""
    with contextlib.suppress(FileNotFoundError):
        (shelf / OWED).unlink()


def _owed(shelf: Path) -> dict[str, list[str]]:
    return {
        run: [str(sentence) for sentence in sentences]
        for run, sentences in object_of(shelf / OWED).items()
        if isinstance(sentences, list) and "/" not in run
    }
