"""Pages that list the runs of a report, with a sparkline for each headline figure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxresearch.reporting.history import day_of
from cxresearch.reporting.outcome import ReportError
from cxresearch.reporting.shelf.atomic_files import write_atomically
from cxresearch.reporting.shelf.json_files import object_of
from cxresearch.reporting.shelf.locks import Lock
from cxresearch.reporting.shelf.shelf import Line, Shelf, shelves
from cxresearch.reporting.writing.whose import whose_of
from cxresearch.results.table_text import as_float
from cxresearch.results.templating import render_html
from cxresearch.results.units import Unit, format_interval, format_value

#: Runs in a sparkline, and its size in pixels.
_POINTS = 60
_WIDTH, _HEIGHT = 160, 36


@dataclass(frozen=True, kw_only=True)
class Sparkline:
    """A figure over its runs, in pixels: intervals as bars, values as a line.

    Attributes
    ----------
    bars : list of (float, float, float)
        Place, lower and upper end of each interval.
    points : list of (float, float)
        Place and height of each value; the last is the newest.
    label : str
        The same in words.
    """

    bars: list[tuple[float, float, float]]
    points: list[tuple[float, float]]
    label: str
    width: int = _WIDTH
    height: int = _HEIGHT


def sparkline(items: Sequence[dict[str, Any] | None]) -> Sparkline | None:
    """Return a figure over its runs as a small picture; None where no run has it.

    Parameters
    ----------
    items : sequence of dict or None
        One entry of ``headline`` for each run, oldest first; None where a run lacks the figure.
    """
    newest = items[-_POINTS:]
    figures = [(index, item) for index, item in enumerate(newest) if item and item["value"] is not None]
    if not figures:
        return None
    parts = [item[part] for _, item in figures for part in ("value", "low", "high")]
    numbers = [float(part) for part in parts if part is not None]
    low, high = min(numbers), max(numbers)
    step = (_WIDTH - 12) / max(len(newest) - 1, 1)

    def x(index: int) -> float:
        return 6 + step * index

    def y(value: float) -> float:
        if high == low:
            return _HEIGHT / 2
        # Pixels count downwards: y = height - margin - room x (value - low) / (high - low).
        return _HEIGHT - 5 - (_HEIGHT - 10) * (value - low) / (high - low)

    return Sparkline(
        bars=[
            (x(index), y(item["low"]), y(item["high"]))
            for index, item in figures
            if item["low"] is not None and item["high"] is not None
        ],
        points=[(x(index), y(item["value"])) for index, item in figures],
        label=f"{len(figures)} runs, from {low:.4g} to {high:.4g}",
    )


def report_index(history: Sequence[Line], *, failures: int, report: str = "") -> str:
    """Return the page of one report with one set of parameters: figures over time, and all runs.

    Parameters
    ----------
    history : sequence of dict
        Lines of the list of runs, oldest first.
    failures : int
        Failed runs that are kept.
    report : str
        Name of the report, where the page of all reports lists its other segments and parameters.
    """
    newest = history[-1]
    parameters = newest["causes"]["parameters"]
    figures = [_figure_row(item, history[-_POINTS:]) for item in newest["headline"]]
    return render_html(
        "cxresearch.reporting",
        "run_index",
        title=newest["title"],
        whose=whose_of(newest),
        report=report,
        parameters=", ".join(f"{name} {value}" for name, value in parameters.items()),
        finding=newest["finding"],
        figures=figures,
        runs=[_run_row(line, line is newest) for line in reversed(history)],
        failures=failures,
    )


def _figure_row(item: dict[str, Any], history: Sequence[Line]) -> dict[str, Any]:
    over_time = [_figure(line, item["name"]) for line in history]
    unit = Unit(item["unit"])
    value, low, high = (as_float(item[part]) for part in ("value", "low", "high"))
    return {
        "name": item["name"],
        "value": format_value(value, unit),
        "interval": f"{format_interval(low, high, unit)}, n {int(item['n']):,}",
        "line": sparkline(over_time),
    }


def _figure(line: Line, name: str) -> dict[str, Any] | None:
    for item in line["headline"]:
        if item["name"] == name:
            figure: dict[str, Any] = item
            return figure
    return None


def _run_row(line: Line, newest: bool) -> dict[str, Any]:
    marks = []
    if newest:
        marks.append("latest")
    loud = sum(item.get("status") != "quiet" for item in line["alerts"])
    if loud:
        marks.append(f"{loud} alerts")
    return {
        "run": line["run"],
        "day": day_of(line["run"]),
        "whose": _line(line),
        "finding": line["finding"],
        "marks": ", ".join(marks),
    }


def _line(run: Mapping[str, Any]) -> str:
    """Whose a run is, in a line; empty where it is not told."""
    whose = whose_of(run)
    if whose is None:
        return ""
    return whose.line()


def write_indexes(shelf: Shelf) -> None:
    """Write the page of a shelf and, unless another run is at it, the page of all reports above it."""
    history = shelf.lines()
    if history:
        failures = len(list(shelf.folder.glob("failed/*")))
        write_atomically(
            shelf.folder / "index.html",
            report_index(history, failures=failures, report=shelf.folder.parent.name),
        )
    output = shelf.folder.parent.parent
    with contextlib.suppress(ReportError), Lock(output / ".index.lock"):
        write_atomically(output / "index.html", overview(output))


def overview(output: Path) -> str:
    """Return the page of all reports: the newest finding of each."""
    rows: list[dict[str, Any]] = []
    for report, key, shelf in shelves(output):
        newest = object_of(shelf.folder / "latest.json")
        finding = newest.get("finding")
        # One damaged shelf is passed over: its own next run mends it.
        if isinstance(finding, str):
            title = str(newest.get("title") or report)
            first = report not in {row["report"] for row in rows}
            rows.append(
                {
                    "first": first,
                    "report": report,
                    "title": title,
                    "key": key,
                    "whose": _line(newest),
                    "finding": finding,
                }
            )
    return render_html("cxresearch.reporting", "overview", title="Reports", rows=rows)
