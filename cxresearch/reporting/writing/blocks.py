"""Blocks of a report as HTML text: every word from outside is escaped, every style is inline.

The same blocks serve JupyterLab, the published page and the e-mail body, so none relies on a style sheet, a
script or an address.
"""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from cxresearch.errors import ArgumentError
from cxresearch.results.units import Unit, format_estimate, format_interval, format_p_value, format_value

if TYPE_CHECKING:
    import pandas as pd

Format = Unit | Literal["p_value"] | Callable[[Any], str]

INK, MUTED, LINE, BLUE, ORANGE, PALE = "#222222", "#6b6b6b", "#d9d9d9", "#0072B2", "#D55E00", "#f4f7fa"
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
_BOX = f"{_FONT};color:{INK};padding:14px 18px;margin:14px 0;border-radius:4px;line-height:1.5"
_EDGE = {"neutral": BLUE, "attention": ORANGE}
_TILE = "175px"
_SHORT = 12
#: Never broken over two lines, even in text: an interval, a p-value in brackets, a percentage.
_UNBROKEN = re.compile(r"\[[^\[\]]{1,40}\](?: points| h| min| days)?|\(p [^()]{1,12}\)|\d [%h]|\bn \d")
_CELL = f"padding:5px 8px;border-bottom:1px solid {LINE};vertical-align:top;background:#ffffff;color:{INK}"


def escape(value: Any) -> str:
    """Return text with everything that HTML could act on made inert."""
    return html.escape(str(value), quote=True)


def _unbroken(text: str) -> str:
    return _UNBROKEN.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), str(text))


def paragraphs(text: str, style: str = "margin:0 0 8px") -> str:
    """Return plain text as paragraphs; blank lines separate them."""
    parts = [part.strip() for part in str(text).split("\n\n") if part.strip()]
    return "".join(f'<p style="{style}">{escape(part)}</p>' for part in parts)


def sentence(text: str) -> str:
    """Return a text that begins with a capital and ends with a stop; names in lower case stay so.

    Examples
    --------
    >>> sentence("only 12 customers: intervals are wide"), sentence("Is it so?")
    ('Only 12 customers: intervals are wide.', 'Is it so?')
    """
    text = str(text).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", ":", "=")) else ".")


def finding_block(text: str, detail: str, tone: str) -> str:
    """Return the box that says the answer in a sentence."""
    if tone not in _EDGE:
        raise ArgumentError(f"tone is {tone!r}", wanted="'neutral' or 'attention'")
    lead = f'<p style="margin:0 0 6px;font-size:1.2em;font-weight:600">{escape(_unbroken(text))}</p>'
    style = f"{_BOX};border-left:5px solid {_EDGE[tone]};background:{PALE}"
    return f'<div class="cx-finding" style="{style}">{lead}{paragraphs(_unbroken(detail))}</div>'


def tiles_block(items: Sequence[Mapping[str, Any]]) -> str:
    """Return headline figures side by side: name, value, interval, n."""
    tiles = []
    for item in items:
        unit, signed = Unit(item["unit"]), bool(item.get("signed"))
        value = format_value(_float(item["value"]), unit, signed=signed)
        ends = (_float(item["low"]), _float(item["high"]))
        interval = format_interval(*ends, unit, signed=signed, value=_float(item["value"]))
        sure = f"{_level(item)} {interval}" if any(map(math.isfinite, ends)) else "no interval"
        tiles.append(
            f'<div style="display:inline-block;vertical-align:bottom;margin:0 24px 12px 0;max-width:{_TILE}">'
            f'<div style="color:{MUTED};font-size:0.85em">{escape(item["name"])}</div>'
            f'<div style="font-size:1.7em;font-weight:600">{escape(value)}</div>'
            f'<div style="color:{MUTED};font-size:0.85em">{escape(sure)}</div>'
            f'<div style="color:{MUTED};font-size:0.85em">n {int(item["n"]):,}</div></div>'
        )
    return f'<div class="cx-tiles" style="{_FONT};color:{INK};margin:14px 0">{"".join(tiles)}</div>'


def _level(item: Mapping[str, Any]) -> str:
    return f"{100 * float(item['level']):.4g} %"


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def figure_block(png_or_svg: bytes, *, kind: str, caption: str, alt: str, name: str) -> str:
    """Return a picture with its caption; the image travels inside the page."""
    mime = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    data = base64.b64encode(png_or_svg).decode("ascii")
    return (
        f'<figure class="cx-figure" style="{_FONT};margin:18px 0">'
        f'<img src="data:{mime};base64,{data}" alt="{escape(alt)}" title="{escape(name)}" '
        f'style="max-width:100%;height:auto;background:#ffffff">'
        f'<figcaption style="color:{MUTED};font-size:0.9em;margin-top:4px">{escape(caption)}</figcaption>'
        "</figure>"
    )


def note_block(title: str, text: str, *, kind: str) -> str:
    """Return a titled passage in plain text, for methods."""
    head = f'<p style="margin:0 0 6px;font-weight:600">{escape(title)}</p>'
    style = f"{_BOX};border:1px solid {LINE};background:#ffffff;font-size:0.95em"
    return f'<div class="cx-{kind}" style="{style}">{head}{paragraphs(text)}</div>'


def aside_block(text: str) -> str:
    """Return a remark in small letters, below what it belongs to."""
    style = f"{_FONT};color:{MUTED};font-size:0.9em;line-height:1.5;margin:0 0 14px"
    return f'<p class="cx-aside" style="{style}">{escape(_unbroken(text))}</p>'


def list_block(title: str, items: Sequence[str], *, kind: str) -> str:
    """Return a titled list of plain sentences, for caveats."""
    points = "".join(f'<li style="margin:0 0 5px">{escape(item)}</li>' for item in items)
    head = f'<p style="margin:0 0 6px;font-weight:600">{escape(title)}</p>'
    style = f"{_BOX};border-left:5px solid {LINE};background:#ffffff"
    body = f'<ul style="margin:0;padding-left:20px">{points}</ul>'
    return f'<div class="cx-{kind}" style="{style}">{head}{body}</div>'


def table_block(
    frame: pd.DataFrame,
    *,
    caption: str,
    formats: Mapping[str, Format],
    labels: Mapping[str, str],
    intervals: Mapping[str, tuple[str, str]],
    max_rows: int,
) -> str:
    """Return a table: text left, numbers right, interval ends inside the cell of their estimate.

    A column of notes in which nothing is noted is left away.
    """
    missing = [
        name
        for name in {*formats, *labels, *intervals, *[end for pair in intervals.values() for end in pair]}
        if name not in frame.columns
    ]
    if missing:
        raise ArgumentError(
            f"the table has no column {min(missing, key=str)!r}",
            wanted="one of " + ", ".join(map(str, frame.columns)),
        )
    ends = {end for pair in intervals.values() for end in pair}
    columns = [
        column
        for column in frame.columns
        if column not in ends and not (column == "note" and (frame[column].fillna("") == "").all())
    ]
    aligned = {column: _alignment(frame[column]) for column in columns}
    head = "".join(
        f'<th scope="col" style="{_CELL};font-weight:600;text-align:{aligned[column].split(";")[0]};'
        f'border-bottom:2px solid {MUTED}">{escape(labels.get(column, str(column).replace("_", " ")))}</th>'
        for column in columns
    )
    rows = "".join(
        "<tr>"
        + "".join(_cell(row, column, aligned[column], formats, intervals) for column in columns)
        + "</tr>"
        for row in frame.head(max_rows).to_dict("records")
    )
    left = len(frame) - max_rows
    tail = f" First {max_rows:,} of {len(frame):,} rows." if left > 0 else ""
    return (
        f'<table class="cx-table" style="{_FONT};border-collapse:collapse;margin:14px 0;font-size:0.92em">'
        f'<caption style="caption-side:top;text-align:left;color:{MUTED};padding:4px 0">'
        f"{escape(caption)}{tail}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _alignment(column: Any) -> str:
    """Numbers to the right; short text, such as a date, in one line."""
    if _is_numeric(column):
        return "right;white-space:nowrap;font-variant-numeric:tabular-nums"
    return "left;white-space:nowrap" if column.astype(str).str.len().max() <= _SHORT else "left"


def _is_numeric(column: Any) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return bool(is_numeric_dtype(column) and not is_bool_dtype(column))


def _cell(
    row: Mapping[Any, Any],
    column: Any,
    align: str,
    formats: Mapping[str, Format],
    intervals: Mapping[str, tuple[str, str]],
) -> str:
    chosen = formats.get(column)
    text = _written(row[column], chosen)
    if column in intervals:
        low, high = (row[end] for end in intervals[column])
        text = _with_interval(row[column], low, high, chosen)
    if not align.startswith("right"):
        text = _unbroken(text)
    return f'<td style="{_CELL};text-align:{align}">{escape(text)}</td>'


def _with_interval(value: Any, low: Any, high: Any, chosen: Format | None) -> str:
    """An estimate and its interval, the unit of a time said once; what is not known at all is n/a."""
    if not any(math.isfinite(_float(number)) for number in (value, low, high)):
        return "n/a"
    if isinstance(chosen, Unit):
        return format_estimate(_float(value), _float(low), _float(high), chosen)
    return f"{_written(value, chosen)} [{_written(low, chosen)}, {_written(high, chosen)}]"


def _written(value: Any, chosen: Format | None) -> str:
    import pandas as pd

    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "n/a"
    if isinstance(chosen, Unit):
        return format_value(float(value), chosen)
    if chosen == "p_value":
        return format_p_value(float(value)).removeprefix("p ")
    if callable(chosen):
        return str(chosen(value))
    if isinstance(value, (datetime, date)):
        return (
            value.isoformat(sep=" ").removesuffix(" 00:00:00") if isinstance(value, datetime) else str(value)
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else format_value(float(value), Unit.SCORE)


def inert_cell(value: Any) -> Any:
    """Return a value safe in a spreadsheet: text that a spreadsheet would run as a formula is quoted.

    Examples
    --------
    >>> inert_cell("=HYPERLINK(1)"), inert_cell("fine"), inert_cell(-3)
    ("'=HYPERLINK(1)", 'fine', -3)
    """
    if isinstance(value, str) and value.lstrip(" \t\r\n\ufeff\u200b").startswith(
        ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
    ):
        return f"'{value}"
    if isinstance(value, str) and value.startswith(("\t", "\r", "\n")):
        return f"'{value}"
    return value
