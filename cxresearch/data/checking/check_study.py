"""A look over a whole study before anything is computed from it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import narwhals as nw
import pandas as pd

from cxresearch.data.checking.contradictions import contradictions
from cxresearch.data.checking.link_doubts import link_doubts
from cxresearch.data.checking.open_column_list import open_column_list
from cxresearch.data.checking.report_readiness import report_readiness
from cxresearch.data.checking.study_doubts import (
    like_segments,
    look_alikes,
    repeated_rows,
    segments_that_know_who_left,
    several_plans,
    snapshot_doubts,
)
from cxresearch.data.checking.unlikely_values import unlikely_values
from cxresearch.data.engine import collect
from cxresearch.data.snapshot import CAUTION
from cxresearch.data.table_layouts import SNAPSHOT
from cxresearch.data.validation.refusals import admit
from cxresearch.data.validation.row_rules import RULES
from cxresearch.errors import StudyError
from cxresearch.results.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.study import Study


@dataclass(frozen=True, kw_only=True)
class StudyCheck(Result):
    """Tables, rejects, doubts and which reports can run.

    Attributes
    ----------
    name : str
        Name of the study.
    observed_until : str
        The data cut, in the time of the study, with its zone; empty for a snapshot.
    usable : bool
        Whether every table may be used under the study's limits.
    tables : DataFrame
        ``table, rows, valid, rejected, first, last`` (dates of valid rows, time of the study), ``note``;
        ``left_out`` before ``first`` where ``where`` or ``after_cut`` leaves rows out.
    instruments : DataFrame
        ``instrument, scale, direction, answers, mean``.
    segments : DataFrame
        ``segment, values, largest`` (its most frequent value and how many customers have it).
    open_columns : DataFrame
        ``table, column, kind, filled, values, largest``: further columns that are no segments.
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
    open_columns: pd.DataFrame
    rejects: pd.DataFrame
    examples: pd.DataFrame
    flags: pd.DataFrame
    reports: pd.DataFrame
    problems: tuple[str, ...]

    @property
    def _known_until(self) -> str:
        if not self.observed_until:
            return "a snapshot: who left is known, but not when"
        return f"observed until {self.observed_until}"

    @property
    def _parts(self) -> tuple[tuple[str, pd.DataFrame], ...]:
        return (
            ("Tables", self.tables),
            ("Instruments", self.instruments),
            ("Segments", self.segments),
            ("Further columns", self.open_columns),
            ("Rows set aside, by rule", self.rejects),
            ("The first of them", self.examples),
            ("Doubts about rows that stay", self.flags),
            ("Reports", self.reports),
        )

    @property
    def table(self) -> pd.DataFrame:
        """The tables of the study."""
        return self.tables

    @property
    def notes(self) -> tuple[str, ...]:
        """Why a table may not be used."""
        return self.problems

    @property
    def finding(self) -> str:
        """Whether the study can be used, and how many doubts there are."""
        usable = "every table can be used" if self.usable else "not usable as it is"
        return f"Study {self.name!r}: {usable}; {len(self.flags):,} doubts about rows that stay."

    def __str__(self) -> str:
        blocks = [f"Study {self.name!r}, {self._known_until}"]
        blocks += [f"{title}\n{_as_text(frame)}" for title, frame in self._parts if len(frame)]
        if self.problems:
            blocks.append("\n".join(("Not usable as it is", *(f"- {problem}" for problem in self.problems))))
        else:
            blocks.append("Every table can be used.")
        if not self.observed_until:
            blocks.append(
                "In Python: cx.study.who_left(study) and cx.key_drivers(study, 'left', [...]). " + CAUTION
            )
        return "\n\n".join(blocks)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        blocks = [f"<p><b>{html.escape(self.name)}</b>, {html.escape(self._known_until)}</p>"]
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


_EXAMPLES = 3
#: Tables to which something is added all the time, and the days without that are worth a note.
_STEADY = ("responses", "tickets", "usage", "orders")
_QUIET_DAYS = 45


def check_study(study: Study) -> StudyCheck:
    """Judge every row of a study and say what can be done with it.

    Parameters
    ----------
    study : Study
        From `read_study` or `Study.from_frames`. Its limits do not stop the check.

    Returns
    -------
    StudyCheck
        Prints as a table of tables; ``usable`` says whether reports can run on it.

    Raises
    ------
    StudyError
        If a file cannot be read to its end.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "started_at": ["2024-01-01", "2024-02-01"]})
    >>> study = Study.from_frames({"customers": customers}, observed_until="2024-12-31", instruments={})
    >>> found = check_study(study)
    >>> found.usable
    True
    >>> found.reports.set_index("report").loc["churn-curves", "missing"]
    'column ended_at of customers'
    """
    problems = _problems(study)
    rejects = [
        (name, rule, column, rows, RULES[rule])
        for name in study.checked.names
        for code, rows in study.summary(name).rejected.items()
        for rule, _, column in [code.partition(":")]
    ]
    return StudyCheck(
        name=study.name,
        observed_until=_cut(study),
        usable=not problems,
        tables=_tables(study),
        instruments=_instruments(study),
        segments=_segments(study),
        open_columns=open_column_list(study),
        rejects=pd.DataFrame(rejects, columns=["table", "rule", "column", "rows", "meaning"]),
        examples=study.rejects(limit=_EXAMPLES),
        flags=all_doubts(study),
        reports=report_readiness(study),
        problems=tuple(dict.fromkeys(problems)),
    )


def _cut(study: Study) -> str:
    """The data cut as the clock of the study showed it; a snapshot has none."""
    if study.kind == "snapshot":
        return ""
    return f"{_local(study.observed_until, study.timezone):%Y-%m-%d %H:%M} {study.timezone}"


def all_doubts(study: Study) -> pd.DataFrame:
    """Return every doubt about rows that stay: ``table, flag, rows, detail``."""
    if study.kind == "snapshot":
        return snapshot_doubts(study)
    parts = [
        study.flags(),
        look_alikes(study),
        like_segments(study),
        repeated_rows(study),
        several_plans(study),
        segments_that_know_who_left(study),
        link_doubts(study),
        contradictions(study),
        unlikely_values(study),
    ]
    found = [part for part in parts if len(part)]
    if not found:
        return parts[0].astype({"rows": "int64"})
    return pd.concat(found, ignore_index=True).astype({"rows": "int64"})


def _problems(study: Study) -> list[str]:
    problems = []
    for name in study.checked.names:
        try:
            admit(name, study.checked, study.limits)
        except StudyError as error:
            problems.append(str(error))
            continue
        if name == "revenue":
            problems += _unsettled_revenue(study)
        if not study.summary(name).rows:
            problems.append(f"{name} has no row; leave a table out that has none.")
    return problems


def _unsettled_revenue(study: Study) -> list[str]:
    """Why revenue is refused although its rows keep every rule: ends that nobody has settled."""
    try:
        study.table("revenue")
    except StudyError as error:
        return [str(error)]
    return []


def _tables(study: Study) -> pd.DataFrame:
    lines = []
    for name in study.checked.names:
        one = study.summary(name)
        note = ""
        if one.last is not None:
            note = _dates_note(name, one.last, study.observed_until)
        first, last = (_local(moment, study.timezone) for moment in (one.first, one.last))
        lines.append((name, one.rows, one.valid, one.set_aside, one.left_out, first, last, note))
    columns = ["table", "rows", "valid", "rejected", "left_out", "first", "last", "note"]
    frame = pd.DataFrame(lines, columns=columns)
    if not frame["left_out"].any():
        frame = frame.drop(columns="left_out")
    return frame.astype({"first": "datetime64[us]", "last": "datetime64[us]"})


def _local(moment: datetime | None, timezone: str) -> datetime | None:
    """A naive UTC moment as the clock of the study showed it."""
    if moment is None:
        return None
    # Inside all times are naive UTC; a person reads the clock of the company.
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)).replace(tzinfo=None)


def _dates_note(table: str, last: datetime, cut: datetime) -> str:
    """Say when dates and the data cut do not fit: a cut too late makes loyal customers of unwatched ones."""
    if last > cut:
        return "some lie after the data cut"
    quiet = (cut - last).days
    if table in _STEADY and quiet > _QUIET_DAYS:
        return f"stops {quiet:,} days before the data cut"
    return ""


def _instruments(study: Study) -> pd.DataFrame:
    found: dict[str, tuple[int, float]] = {}
    if "responses" in study.checked.names:
        answered = study.checked.valid("responses").filter(~nw.col("score").is_null())
        grouped = collect(answered.group_by("instrument").agg(n=nw.len(), mean=nw.col("score").mean()))
        found = {row["instrument"]: (int(row["n"]), float(row["mean"])) for row in grouped.to_dict("records")}
    lines = [
        (name, f"{scale.low} to {scale.high}", scale.direction, *found.get(name, (0, float("nan"))))
        for name, scale in study.instruments.items()
    ]
    frame = pd.DataFrame(lines, columns=["instrument", "scale", "direction", "answers", "mean"])
    return frame.astype({"answers": "int64", "mean": "float64"})


def _segments(study: Study) -> pd.DataFrame:
    lines = []
    table = {"snapshot": SNAPSHOT}.get(study.kind, "customers")
    for segment in study.segments:
        customers = study.checked.valid(table)
        # Under a neutral name: a segment may be called n.
        counts = collect(customers.select(level=nw.col(segment)).group_by("level").agg(n=nw.len()))
        counts = counts.dropna(subset=["level"]).sort_values(["n", "level"], ascending=[False, True])
        largest = f"{counts['level'].iloc[0]} ({counts['n'].iloc[0]:,})" if len(counts) else ""
        lines.append((segment, len(counts), largest))
    return pd.DataFrame(lines, columns=["segment", "values", "largest"]).astype({"values": "int64"})
