"""What a check of a study found."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class StudyCheck(Result):
    """Tables, rejects, doubts and which reports can run.

    Attributes
    ----------
    name : str
        Name of the study.
    observed_until : str
        The data cut, UTC.
    usable : bool
        Whether every table may be used under the study's limits.
    tables : DataFrame
        ``table, rows, valid, rejected, first, last`` (dates of valid rows, UTC), ``note``.
    instruments : DataFrame
        ``instrument, scale, direction, answers, mean``.
    segments : DataFrame
        ``segment, values, largest`` (its most frequent value and how many customers have it).
    rejects : DataFrame
        ``table, rule, column, rows, meaning``.
    examples : DataFrame
        First rejects of each table: ``table, row, rule, column, value, source``.
    flags : DataFrame
        ``table, flag, rows, detail``.
    reports : DataFrame
        ``report, ready, missing``.
    problems : tuple of str
        Why a table may not be used, one sentence each.
    """

    name: str
    observed_until: str
    usable: bool
    tables: pd.DataFrame
    instruments: pd.DataFrame
    segments: pd.DataFrame
    rejects: pd.DataFrame
    examples: pd.DataFrame
    flags: pd.DataFrame
    reports: pd.DataFrame
    problems: tuple[str, ...]

    @property
    def _parts(self) -> tuple[tuple[str, pd.DataFrame], ...]:
        return (
            ("Tables", self.tables),
            ("Instruments", self.instruments),
            ("Segments", self.segments),
            ("Rows set aside, by rule", self.rejects),
            ("The first of them", self.examples),
            ("Doubts about rows that stay", self.flags),
            ("Reports", self.reports),
        )

    def __str__(self) -> str:
        blocks = [f"Study {self.name!r}, observed until {self.observed_until}"]
        blocks += [f"{title}\n{_as_text(frame)}" for title, frame in self._parts if len(frame)]
        if self.problems:
            blocks.append("\n".join(("Not usable as it is", *(f"- {problem}" for problem in self.problems))))
        else:
            blocks.append("Every table can be used.")
        return "\n\n".join(blocks)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        blocks = [
            f"<p><b>{html.escape(self.name)}</b>, observed until {html.escape(self.observed_until)}</p>"
        ]
        for title, frame in self._parts:
            if len(frame):
                table = _as_strings(frame).to_html(index=False, border=0, escape=True)
                blocks.append(f"<p>{html.escape(title)}</p>{table}")
        if self.problems:
            lines = "".join(f"<li>{html.escape(problem)}</li>" for problem in self.problems)
            blocks.append(f"<p>Not usable as it is</p><ul>{lines}</ul>")
        return f"<div class='cx-result'>{''.join(blocks)}</div>"


def _as_strings(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    text = {}
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind == "M":
            text[name] = column.dt.strftime("%Y-%m-%d").fillna("")
        elif column.dtype.kind == "b":
            text[name] = column.map({True: "yes", False: "no"})
        elif column.dtype.kind == "i":
            text[name] = column.map("{:,}".format)
        elif column.dtype.kind == "f":
            text[name] = column.map(lambda value: "" if value != value else f"{value:.2f}")  # noqa: PLR0124
        else:
            text[name] = column.astype(str)
    return pd.DataFrame(text)


def _as_text(frame: pd.DataFrame) -> str:
    """Columns aligned by hand: numbers right, text left, so that it reads well in a terminal."""
    text = _as_strings(frame)
    lines = [""] * (len(text) + 1)
    for name in text.columns:
        cells = [name.replace("_", " "), *text[name]]
        width = max(len(cell) for cell in cells)
        right = frame[name].dtype.kind in "if"
        lines = [
            f"{line}  {cell.rjust(width) if right else cell.ljust(width)}"
            for line, cell in zip(lines, cells, strict=True)
        ]
    return "\n".join(line.rstrip() for line in lines)
