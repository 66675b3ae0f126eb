"""What `init` chose for each file, why, what it asks and what it left out: one table."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cxresearch.data.starter.raw_look import RawLook
from cxresearch.wording import listed, only_if

_GENERAL = "by its column names and values"
#: Widths of the three columns of the printed table.
_WIDTHS = (28, 12, 66)


@dataclass(frozen=True, kw_only=True)
class FormatChoice:
    """What was chosen for one file.

    Attributes
    ----------
    file : str
        Its name, with the table or sheet within it.
    tables : tuple of str
        Tables that it feeds; empty for none.
    read_as : str
        The export of a vendor, or the general reading.
    share : float or None
        Share of the export's columns that it has, 0 to 1; None for the general reading.
    reasons : tuple of str
        Why it was chosen, or why it was left out.
    questions : tuple of str
        What has to be decided, or checked, in the order of the study file.
    unused : str
        Columns that have no place.
    """

    file: str
    tables: tuple[str, ...]
    read_as: str
    share: float | None
    reasons: tuple[str, ...]
    questions: tuple[str, ...]
    unused: str


@dataclass(frozen=True, kw_only=True)
class StarterChoices:
    """What was chosen for the files of a folder.

    Attributes
    ----------
    path : Path
        The study file written.
    observed_until : str
        The end of observation; empty if it is asked.
    files : tuple of FormatChoice
        One entry a file, in the order of their names.
    todo : int
        Lines of the study file that ask something.
    blocking : int
        Those of them that must be decided before the study can be read.
    """

    path: Path
    observed_until: str
    files: tuple[FormatChoice, ...]
    todo: int
    blocking: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row a file: ``file, tables, read as, why, open, left out``."""
        rows = [
            {
                "file": choice.file,
                "tables": ", ".join(choice.tables) or "none",
                "read as": choice.read_as,
                "why": "; ".join(choice.reasons),
                "open": "; ".join(choice.questions),
                "left out": choice.unused,
            }
            for choice in self.files
        ]
        return pd.DataFrame(rows, columns=["file", "tables", "read as", "why", "open", "left out"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "study": str(self.path),
            "observed_until": self.observed_until or None,
            "todo": self.todo,
            "blocking": self.blocking,
            "files": [
                {
                    "file": choice.file,
                    "tables": list(choice.tables),
                    "read_as": choice.read_as,
                    "share": choice.share,
                    "reasons": list(choice.reasons),
                    "questions": list(choice.questions),
                    "left_out": choice.unused,
                }
                for choice in self.files
            ],
        }

    def __str__(self) -> str:
        """One table of 110 columns: file, tables, and what it was read as with reasons and questions."""
        head = ("file", "tables", "read as, why, what is open, what is left out")
        blocks = [_row(head), _row(tuple("-" * len(cell) for cell in head))]
        blocks += [
            _row((choice.file, ", ".join(choice.tables) or "none", *_details(choice)))
            for choice in self.files
        ]
        cut = f"observed until {self.observed_until}" if self.observed_until else "observed_until is asked"
        return "\n".join([*blocks, "", cut])


def _details(choice: FormatChoice) -> list[str]:
    """What stands in the last column, one entry a line or more."""
    details = [f"{choice.read_as}: {'; '.join(choice.reasons)}"]
    details += [f"? {question}" for question in choice.questions]
    return [*details, *([f"left out: {choice.unused}"] * bool(choice.unused))]


def _row(cells: Sequence[str]) -> str:
    """One row: the first two cells beside all others, each wrapped."""
    columns = [textwrap.wrap(cells[0], _WIDTHS[0]), textwrap.wrap(cells[1], _WIDTHS[1])]
    columns.append(
        [line for cell in cells[2:] for line in textwrap.wrap(cell, _WIDTHS[2], subsequent_indent="  ")]
    )
    # Cells of a row are filled up to the same number of lines.
    height = max(map(len, columns))
    filled = [[*column, *[""] * (height - len(column))] for column in columns]
    lines = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, _WIDTHS, strict=True))
        for line in zip(*filled, strict=True)
    )
    return "\n".join(line.rstrip() for line in lines)


def choices_of(
    path: Path, text: str, looks: Sequence[RawLook], blocks: Mapping[str, str], skipped: Sequence[str]
) -> StarterChoices:
    """Return what was chosen.

    Parameters
    ----------
    path : Path
        The study file.
    text : str
        What it says.
    looks : sequence of RawLook
        Files that could be read.
    blocks : mapping of str to str
        What the study file says of each, by name.
    skipped : sequence of str
        Files that could not, each with the reason.
    """
    files = [_choice(look, blocks[look.name]) for look in looks]
    for line in skipped:
        name, _, reason = line.partition(": ")
        files.append(
            FormatChoice(
                file=name,
                tables=(),
                read_as="not read",
                share=None,
                reasons=(reason,),
                questions=(),
                unused="",
            )
        )
    cut = re.search(r"^observed_until = (\S+)", text, re.MULTILINE)
    # A question that blocks is one whose key is a comment until it is decided.
    lines = text.splitlines()
    todo = [line for line in lines if "TODO" in line]
    blocking = [line for line in todo if line.startswith("# TODO") and "TODO check" not in line]
    return StarterChoices(
        path=path,
        observed_until=cut[1] if cut else "",
        files=tuple(sorted(files, key=lambda choice: choice.file)),
        todo=len(todo),
        blocking=len(blocking),
    )


def _choice(look: RawLook, block: str) -> FormatChoice:
    # Sources that stand in comments feed nothing.
    active = [line for line in block.splitlines() if not line.startswith("#")]
    tables = tuple(dict.fromkeys(re.findall(r'^table = "(\w+)"$', "\n".join(active), re.MULTILINE)))
    questions = re.findall(r"# TODO (.+)$", block, re.MULTILINE)
    unused = re.search(r"^# not used: (.+)$", block, re.MULTILINE)
    read_as, share = _GENERAL, None
    if look.export:
        read_as, share = look.export.title, round(look.export.share, 2)
    return FormatChoice(
        file=look.name,
        tables=tables,
        read_as=read_as,
        share=share,
        reasons=(*_reasons(look, tables), *_seen(look)),
        questions=tuple(questions),
        unused=unused[1] if unused else "",
    )


def _seen(look: RawLook) -> list[str]:
    """How much was looked at, where it was not the whole file."""
    return [f"{look.share:.1%} of it looked at"] * (look.share < 1)


def _reasons(look: RawLook, tables: tuple[str, ...]) -> list[str]:
    if look.export:
        has, of = len(look.export.headers), len(look.export.export.headers)
        reasons = [f"{has} of {of} columns of this export"]
        reasons += [f"without {listed(look.export.absent, most=3)}"] * bool(look.export.absent)
        reasons += [look.export.left_out] * bool(look.export.left_out)
        return reasons
    if not tables:
        resembled = look.resembles
        return [f"resembles {resembled.title}" if resembled else "its columns fit no table"]
    columns = [f"{target} = {raw}" for target, raw in look.guess.columns.items()][:3]
    return [", ".join(columns) + only_if(len(look.guess.columns) > 3, ", ...")]
