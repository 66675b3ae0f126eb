"""Blocks of a report as HTML: each fills one template of ``templates/blocks``, which escapes every word.

The same blocks serve JupyterLab, the published page and the e-mail body, so none relies on a style sheet, a
script or an address.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cxresearch.errors import ArgumentError
from cxresearch.results.table_spec import TableSpec
from cxresearch.results.table_text import as_float
from cxresearch.results.templating import render_html
from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

TONES = ("neutral", "attention")
_WHOLE_AMOUNTS = 1000
#: Figures on the first screen.
_FIRST_TILES = 3
#: Rows beyond which a table pushes what follows off the screen.
_LONG = 15
_MIME = {"svg": "image/svg+xml", "png": "image/png"}


def block(template: str, /, **values: Any) -> Markup:
    """Fill the template of a block."""
    return render_html("cxresearch.reporting", f"blocks/{template}", **values)


def sentence(text: str) -> str:
    """Return a text that begins with a capital and ends with a stop; names in lower case stay so.

    Examples
    --------
    >>> sentence("only 12 customers: intervals are wide"), sentence("Is it so?")
    ('Only 12 customers: intervals are wide.', 'Is it so?')
    """
    text = str(text).strip()
    text = text[:1].upper() + text[1:]
    if text.endswith((".", "!", "?", ":", "=")):
        return text
    return f"{text}."


def finding_block(text: str, detail: str, tone: str) -> Markup:
    """Return the box that says the answer in a sentence."""
    if tone not in TONES:
        raise ArgumentError(f"tone is {tone!r}", wanted="'neutral' or 'attention'")
    return block("finding", text=text, detail=detail, tone=tone)


def tiles_block(items: Sequence[Mapping[str, Any]], *, fold: bool = True) -> Markup:
    """Return headline figures side by side; with ``fold`` the first three, the others behind a summary."""
    tiles = [_tile(item) for item in items]
    first = len(tiles)
    if fold:
        first = _FIRST_TILES
    return block("tiles", tiles=tiles[:first], more=tiles[first:])


def _tile(item: Mapping[str, Any]) -> dict[str, str]:
    unit = Unit(item["unit"])
    signed = bool(item.get("signed"))
    value, low, high = (as_float(item[part]) for part in ("value", "low", "high"))
    interval = str(item.get("note") or "no interval")
    if math.isfinite(low) or math.isfinite(high):
        ends = format_interval(low, high, unit, signed=signed, value=value)
        interval = f"{100 * float(item['level']):.4g} % {ends}"
    return {
        "name": str(item["name"]),
        "value": _short(value, unit, signed=signed),
        "interval": interval,
        "n": f"{int(item['n']):,}",
    }


def _short(value: float, unit: Unit, *, signed: bool) -> str:
    """Return a figure as a tile has room for: large amounts without cents."""
    text = format_value(value, unit, signed=signed)
    if unit is Unit.MONEY and abs(value) >= _WHOLE_AMOUNTS:
        text = text.rsplit(".", 1)[0]
    return text


def figure_block(png_or_svg: bytes, *, kind: str, caption: str, alt: str, name: str) -> Markup:
    """Return a picture with its caption; the image travels inside the page."""
    # As data inside the page: it opens without network, and no server learns who reads it.
    data = base64.b64encode(png_or_svg).decode("ascii")
    return block("figure", mime=_MIME[kind], data=data, caption=caption, alt=alt, name=name)


def note_block(title: str, text: str, *, kind: str) -> Markup:
    """Return a titled passage in plain text, for methods."""
    return block("note", title=title, text=text, kind=kind)


def aside_block(text: str) -> Markup:
    """Return a remark in small letters, below what it belongs to."""
    return block("aside", text=text)


def answer_block(text: str) -> Markup:
    """Return the answer of a section in plain words, above its picture."""
    return block("answer", text=text)


def list_block(title: str, items: Sequence[str], *, kind: str) -> Markup:
    """Return a titled list of plain sentences, for caveats."""
    return block("list", title=title, items=list(items), kind=kind)


def table_block(
    frame: pd.DataFrame, spec: TableSpec, *, caption: str, max_rows: int, file: str = "", fold: bool = False
) -> Markup:
    """Return a table as its spec says: text left, numbers right, intervals in the cell of their estimate.

    Parameters
    ----------
    frame, spec
        What is shown, and how.
    caption : str
        What it holds; it stands outside of what scrolls.
    max_rows : int
        Rows shown.
    file : str
        Address of the whole table as CSV, relative to the page.
    fold : bool
        Show the caption alone, with the rows behind it, where they are many.
    """
    written = spec.write(frame, max_rows=max_rows)
    folded = fold and len(written.rows) > _LONG
    return block("table", caption=caption, written=written, file=file, folded=folded)
