"""The questions that a survey tool writes in a header row below the names of its columns."""

from __future__ import annotations

import csv
import io
import itertools

from cxresearch.data.readers.text_files import codec_of, opened_bytes, suffix_of, usual_delimiter
from cxresearch.data.study_file.declarations import RawInput

_TEXT = (".csv", ".tsv", ".tab", ".txt")


def question_titles(raw: RawInput) -> dict[str, str]:
    """Return the questions by raw column; empty where the file has none.

    Qualtrics writes the questions in the first row below the names, and ids of its own in the second.
    """
    if raw.path is None or raw.skip_rows < 2 or suffix_of(raw.path) not in _TEXT:
        return {}
    with (
        opened_bytes(raw.path) as stream,
        io.TextIOWrapper(stream, encoding=codec_of(raw), errors="replace", newline="") as text,
    ):
        lines = itertools.islice(text, raw.header_row - 1, None)
        rows = csv.reader(lines, delimiter=raw.delimiter or usual_delimiter(raw.path))
        names = next(rows, [])
        titles = next(rows, [])
    return dict(zip(names, titles, strict=False))
