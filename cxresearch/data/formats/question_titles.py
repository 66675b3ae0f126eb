"""The questions that a survey tool writes in a header row below the names of its columns."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

from cxresearch.data.loading.labelled_files import LABELLED_FILES, labelled_titles
from cxresearch.data.loading.remote_files import is_remote
from cxresearch.data.loading.sheets import SHEETS, sheet_rows
from cxresearch.data.readers.text_files import codec_of, opened_bytes, suffix_of, usual_delimiter
from cxresearch.data.study_file.declarations import RawInput

_TEXT = (".csv", ".tsv", ".tab", ".txt")


def question_titles(raw: RawInput) -> dict[str, str]:
    """Return the questions by raw column; empty where the file has none.

    Qualtrics writes the questions in the first row below the names, and ids of its own in the second.
    """
    if raw.path is None or is_remote(raw.declared):
        return {}
    # Labelled files have a place for questions; others have them in the row below the names.
    kind = suffix_of(raw.path)
    if kind in LABELLED_FILES:
        return labelled_titles(raw.path)
    if raw.skip_rows < 2 or kind not in (*_TEXT, *SHEETS):
        return {}
    names, titles = _head(raw, raw.path, kind)
    return dict(zip(names, titles, strict=False))


def _head(raw: RawInput, path: Path, kind: str) -> tuple[list[str], list[str]]:
    """The row of the names and the one below it."""
    if kind in SHEETS:
        rows = sheet_rows(raw, path)
        return rows[raw.header_row - 1], rows[raw.header_row]
    with (
        opened_bytes(path) as stream,
        io.TextIOWrapper(stream, encoding=codec_of(raw), errors="replace", newline="") as text,
    ):
        lines = itertools.islice(text, raw.header_row - 1, None)
        cells = csv.reader(lines, delimiter=raw.delimiter or usual_delimiter(path))
        return next(cells, []), next(cells, [])
