"""From an executed notebook to the published page: no code, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxresearch.reporting.writing.blocks import INK, LINE, escape

#: Tag of prose that is left off the page where the code below it shows nothing.
OPTIONAL = "optional"

_TAG_NAMES = (
    "a abbr b blockquote br caption code col colgroup dd del div dl dt em figcaption figure h1 h2 h3 "
    "h4 h5 h6 hr i img li ol p pre s small span strong sub summary details sup "
    "table tbody td tfoot th thead tr u ul"
)
_TAGS = set(_TAG_NAMES.split())
#: Elements that go with all they hold.
_ACTIVE = {"script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math"}
_ATTRIBUTES = {"alt", "class", "colspan", "rowspan", "scope", "style", "title"}
#: A style with one of these could load something, or hide that it does.
_LOADS = re.compile(r"url|image|src|@|\\|/\*|expression", re.IGNORECASE)
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)


def render(notebook: Any, *, title: str, boxes: str, about: str) -> str:
    """Render an executed notebook with this package's nbconvert template.

    Parameters
    ----------
    notebook : NotebookNode
        Executed and tidied.
    title : str
        Title of the page.
    boxes : str
        Blocks to insert below the finding: alerts, and what moved since the last time.
    about : str
        Block for the foot of the page: parameters and inputs.
    """
    from nbconvert.exporters.templateexporter import TemplateExporter

    exporter_class: Any = TemplateExporter
    exporter = exporter_class(
        template_name="report",
        template_file="index.html.j2",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
        default_preprocessors=[],
        filters={"prose": prose, "shown": shown},
    )
    exporter.exclude_input = True
    resources = {
        "title": title,
        "boxes": boxes,
        "boxes_after": _boxes_after(notebook),
        "left_off": _left_off(notebook),
        "about": about,
    }
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    return str(page)


def _boxes_after(notebook: Any) -> int:
    for index, cell in enumerate(notebook.cells):
        if "finding" in {block_of(output) for output in cell.get("outputs", ())}:
            return index
    return 0


def _left_off(notebook: Any) -> list[int]:
    """Find the prose tagged ``optional`` whose code, up to the next prose, shows nothing."""
    found, waiting = [], -1
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            found += [waiting] if waiting >= 0 else []
            waiting = index if OPTIONAL in cell.metadata.get("tags", ()) else -1
        elif waiting >= 0 and any(shown(output) for output in cell.get("outputs", ())):
            waiting = -1
    return found + ([waiting] if waiting >= 0 else [])


def block_of(output: Mapping[str, Any]) -> str:
    """Return which of this package's blocks an output is, or an empty text."""
    metadata = output.get("metadata") or {}
    return str(metadata.get("cxresearch", {}).get("block", ""))


def prose(source: str) -> str:
    """Render the prose of a notebook; markup in it is shown, pictures from elsewhere drop out.

    Examples
    --------
    >>> print(prose("*Plain* <script>alert(1)</script>").strip())
    <p><em>Plain</em> &lt;script&gt;alert(1)&lt;/script&gt;</p>
    """
    import mistune

    markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough", "footnotes"])
    return clean(str(markdown(source)))


def shown(output: Mapping[str, Any]) -> str:
    """Return an output of a cell as inert HTML; formats that could act are dropped for their plain text."""
    kind = output["output_type"]
    if kind == "stream":
        text = f"<pre>{escape(_text(output['text']).strip())}</pre>"
        if not _text(output["text"]).strip():
            return ""
        return text if output["name"] == "stdout" else f"<details><summary>Notes</summary>{text}</details>"
    data = output.get("data", {})
    if block_of(output) == "saved":
        return ""
    for mime in ("image/png", "image/jpeg"):
        if mime in data and "text/html" not in data:
            return _picture(mime, re.sub(r"\s", "", _text(data[mime])))
    if "image/svg+xml" in data and "text/html" not in data:
        coded = base64.b64encode(_text(data["image/svg+xml"]).encode("utf-8")).decode("ascii")
        return _picture("image/svg+xml", coded)
    if "text/html" in data:
        return f'<div class="frame">{clean(_text(data["text/html"]))}</div>'
    if "text/plain" in data:
        return f"<pre>{escape(_text(data['text/plain']))}</pre>"
    return ""


def _picture(mime: str, coded: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9+/=]*", coded):
        return ""
    return f'<img src="data:{mime};base64,{coded}" alt="Picture without a description">'


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, (list, tuple)) else str(value)


def clean(markup: str) -> str:
    """Return markup with everything that could act taken out.

    Examples
    --------
    >>> clean('<b onclick="x()">stays</b><script>goes()</script><img src="https://x.example/y.png">')
    '<b>stays</b><img>'
    """
    import nh3

    return nh3.clean(
        markup,
        tags=_TAGS,
        clean_content_tags=_ACTIVE,
        attributes={"*": _ATTRIBUTES, "a": {"href"}, "img": {"src"}},
        attribute_filter=_allowed,
        filter_style_properties=_CSS,
        url_schemes={"http", "https", "mailto", "data"},
    )


def _allowed(tag: str, name: str, value: str) -> str | None:
    """Return the value of an attribute that may stay, None for one that must go."""
    if name == "style" and _LOADS.search(value):
        return None
    if tag == "img" and name == "src" and not value.startswith("data:image/"):
        return None
    if tag == "a" and name == "href" and not _LINK.match(value):
        return None
    return value


_CSS_NAMES = (
    "background background-color border border-bottom border-collapse border-left border-radius caption-side "
    "color display font-family font-size font-variant-numeric font-weight height line-height margin "
    "margin-top max-width min-width padding padding-left text-align vertical-align white-space width"
)
_CSS = set(_CSS_NAMES.split())


def _said(value: Any) -> str:
    """A parameter's value as a reader sees it: what is left empty is so by choice."""
    if value in ("", [], None):
        return "(left empty)"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def about_block(
    parameters: Mapping[str, Any], inputs: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> str:
    """Return the foot of the page: parameters, data and what was set aside."""
    cell = f"padding:3px 14px 3px 0;border-bottom:1px solid {LINE};text-align:left;color:{INK}"
    lines = "".join(
        f'<tr><td style="{cell}">{escape(name)}</td><td style="{cell}">{escape(_said(value))}</td></tr>'
        for name, value in parameters.items()
    )
    tables = "; ".join(
        f"{row['table']} {int(row['rows']):,} rows, {int(row['rejected']):,} set aside" for row in rows
    )
    data = ""
    if inputs:
        data = (
            f"<p>Data: {escape(inputs.get('study') or 'unnamed study')}, observed until "
            f"{escape(str(inputs.get('observed_until', ''))[:10])}. {escape(tables)}.</p>"
        )
    head = "<p>Parameters of this run</p>" if lines else ""
    return f"{data}{head}<table>{lines}</table>" if lines else data
