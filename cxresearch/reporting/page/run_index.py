"""Pages that list the runs of a report, with a sparkline for each headline figure."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxresearch.reporting.history import Record, read_history
from cxresearch.reporting.outcome import ReportError
from cxresearch.reporting.shelf.locks import Lock
from cxresearch.reporting.shelf.shelf import Shelf, shelves, write_atomically
from cxresearch.reporting.writing.blocks import BLUE, INK, LINE, MUTED, escape
from cxresearch.results.units import Unit, format_interval, format_value

_POINTS = 60
_WIDTH, _HEIGHT = 160.0, 36.0
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    f"body{{font-family:system-ui,'DejaVu Sans',sans-serif;color:{INK};max-width:60rem;margin:1rem auto;"
    "padding:0 1rem;line-height:1.5}table{border-collapse:collapse;margin:1rem 0}"
    f"td,th{{padding:5px 14px 5px 0;border-bottom:1px solid {LINE};text-align:left;vertical-align:middle}}"
    f"a{{color:{BLUE}}}.muted{{color:{MUTED}}}"
)


def sparkline(items: Sequence[dict[str, Any] | None]) -> str:
    """Return a small picture of a figure over its runs: intervals as bars, values as a line, newest as a dot.

    Parameters
    ----------
    items : sequence of dict or None
        One entry of ``headline`` for each run, oldest first; None where a run lacks the figure.
    """
    known = [
        (index, item) for index, item in enumerate(items[-_POINTS:]) if item and item["value"] is not None
    ]
    if not known:
        return ""
    ends = [
        float(item[end]) for _, item in known for end in ("value", "low", "high") if item[end] is not None
    ]
    low, high = min(ends), max(ends)
    step = (_WIDTH - 12) / max(len(items[-_POINTS:]) - 1, 1)
    span = (high - low) or 1.0

    def x(index: int) -> float:
        return 6 + step * index

    def y(value: float) -> float:
        return _HEIGHT - 5 - (_HEIGHT - 10) * (value - low) / span if high > low else _HEIGHT / 2

    bars = "".join(
        f'<line x1="{x(i):.1f}" x2="{x(i):.1f}" y1="{y(item["low"]):.1f}" y2="{y(item["high"]):.1f}" '
        f'stroke="{LINE}" stroke-width="3"/>'
        for i, item in known
        if item["low"] is not None and item["high"] is not None
    )
    line = " ".join(f"{x(i):.1f},{y(item['value']):.1f}" for i, item in known)
    index, last = known[-1]
    return (
        f'<svg role="img" aria-label="{len(known)} runs, from {low:.4g} to {high:.4g}" width="{_WIDTH:.0f}" '
        f'height="{_HEIGHT:.0f}" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}">{bars}'
        f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>'
        f'<circle cx="{x(index):.1f}" cy="{y(last["value"]):.1f}" r="3" fill="{BLUE}"/></svg>'
    )


def page_head(title: str) -> str:
    """Return the head of a page of this package, closed to scripts and to anything from elsewhere."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
    )


def report_index(history: Sequence[Record], *, failures: int) -> str:
    """Return the page of one report with one set of parameters: figures over time, and all runs."""
    newest = history[-1]
    title = str(newest.manifest["content"]["title"])
    names = [item["name"] for item in newest.results["headline"]]
    figures = "".join(_figure_row(name, history) for name in names)
    runs = "".join(_run_row(record, record is newest) for record in reversed(history))
    parameters = ", ".join(
        f"{escape(name)} {escape(value)}"
        for name, value in newest.manifest["content"]["causes"]["parameters"].items()
    )
    failed = (
        f'<p class="muted">{failures} failed runs are kept in the folder failed/.</p>' if failures else ""
    )
    table = (
        f"<table><tr><th>Figure</th><th>Now</th><th>Interval</th><th>Over time</th></tr>{figures}</table>"
        if figures
        else ""
    )
    return (
        page_head(title)
        + f'<h1>{escape(title)}</h1><p class="muted">{parameters}</p>'
        + f"<p><b>{escape(newest.results['finding'])}</b></p>{table}"
        + f"<h2>Runs</h2><table><tr><th>Made (UTC)</th><th>Finding</th><th></th></tr>{runs}</table>{failed}"
        + "</body></html>\n"
    )


def _figure_row(name: str, history: Sequence[Record]) -> str:
    items = [
        next((item for item in record.results["headline"] if item["name"] == name), None)
        for record in history
    ]
    last = items[-1]
    if last is None:
        return ""
    unit = Unit(last["unit"])
    value, low, high = (math.nan if last[end] is None else last[end] for end in ("value", "low", "high"))
    return (
        f"<tr><td>{escape(name)}</td><td><b>{escape(format_value(value, unit))}</b></td>"
        f"<td>{escape(format_interval(low, high, unit))}, n {int(last['n']):,}</td>"
        f"<td>{sparkline(items)}</td></tr>"
    )


def _run_row(record: Record, newest: bool) -> str:
    loud = sum(item["status"] != "quiet" for item in record.alerts)
    marks = ["latest"] * newest + [f"{loud} alerts"] * bool(loud)
    return (
        f'<tr><td><a href="{escape(record.run)}/report.html">{record.day}</a></td>'
        f"<td>{escape(record.results['finding'])}</td><td class='muted'>{', '.join(marks)}</td></tr>"
    )


def write_indexes(shelf: Shelf) -> None:
    """Write the page of a shelf and, unless another run is at it, the page of all reports above it."""
    history = read_history(shelf)
    if history:
        failed = shelf.folder / "failed"
        failures = sum(1 for _ in failed.iterdir()) if failed.is_dir() else 0
        write_atomically(shelf.folder / "index.html", report_index(history, failures=failures))
    output = shelf.folder.parent.parent
    with contextlib.suppress(ReportError), Lock(output / ".index.lock"):
        write_atomically(output / "index.html", overview(output))


def overview(output: Path) -> str:
    """Return the page of all reports: the newest finding of each."""
    import json

    rows = ""
    for report, key, shelf in shelves(output):
        pointer = json.loads((shelf.folder / "latest.json").read_text(encoding="utf-8"))
        rows += (
            f'<tr><td><a href="{escape(report)}/{escape(key)}/index.html">{escape(report)}</a></td>'
            f"<td>{escape(key)}</td><td>{escape(pointer['finding'])}</td></tr>"
        )
    head = "<tr><th>Report</th><th>Parameters</th><th>Newest finding</th></tr>"
    return page_head("Reports") + f"<h1>Reports</h1><table>{head}{rows}</table></body></html>\n"
