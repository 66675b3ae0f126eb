"""From an executed notebook to the published page: no code, one script of our own, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.reporting.page.page_pieces import pieces_of
from cxresearch.reporting.writing.blocks import block
from cxresearch.reporting.writing.facts_in_prose import fill_facts
from cxresearch.results.templating import render_html

if TYPE_CHECKING:
    from markupsafe import Markup

    from cxresearch.reporting.writing.whose import Whose

_TEMPLATES = Path(__file__).parents[1] / "templates"
_RUN = re.compile(r"[0-9]{8}T[0-9]+Z-[0-9a-f]{6}")

_TAG_NAMES = (
    "a abbr b blockquote br caption code col colgroup dd del div dl dt em figcaption figure h1 h2 h3 "
    "h4 h5 h6 hr i img li ol p pre s small span strong sub summary details sup "
    "table tbody td tfoot th thead tr u ul"
)
_TAGS = set(_TAG_NAMES.split())
#: Elements that go with all they hold.
_ACTIVE = {"script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math"}
_ATTRIBUTES = {
    *("alt", "aria-label", "class", "colspan", "role", "rowspan", "scope", "style", "tabindex", "title")
}
#: Attributes that may have one value.
_ONE_VALUE = {"role": "region", "tabindex": "0"}
#: A style with one of these could load something, or hide that it does.
_LOADS = re.compile(r"url|image|src|@|\\|/\*|expression", re.IGNORECASE)
_LINK = re.compile(r"https?://|mailto:|#|tables/[a-z][a-z0-9_-]*\.csv$", re.IGNORECASE)


def render(
    notebook: Any,
    *,
    title: str,
    boxes: Markup | str,
    about: Markup | str,
    facts: Mapping[str, Any] | None = None,
    whose: Whose | None = None,
    previous: Mapping[str, Any] | None = None,
    tables: Sequence[str] = (),
) -> str:
    """Render an executed notebook as a page.

    Parameters
    ----------
    notebook : NotebookNode
        Executed and tidied.
    title : str
        Title of the page.
    boxes : Markup
        Blocks to insert below the finding: alerts, and what moved since the last time.
    about : Markup
        Block for the foot of the page: parameters and inputs.
    facts : mapping, optional
        Numbers and texts that prose names.
    whose : Whose, optional
        Study, segment, period, data cut and what leaving means.
    previous : mapping, optional
        The run that this one was compared with: ``run`` and ``day``.
    tables : sequence of str
        Names of the tables beside the page.
    """
    told = partial(_prose_with_facts, facts=facts or {})
    pieces = pieces_of(notebook, prose=told, shown=shown, block_of=block_of)
    script = own_script()
    return render_html(
        "cxresearch.reporting",
        "report_page",
        title=title,
        whose=whose,
        opening=pieces.opening,
        boxes=boxes,
        contents=pieces.contents,
        links=_links(previous or {}),
        pieces=pieces.body,
        tables=list(tables),
        about=about,
        script=script,
        script_hash=script_hash(script),
    )


@cache
def own_script() -> Markup:
    """Return the one script of a page: it sorts and filters tables, and opens folded ones for printing."""
    from markupsafe import Markup

    text = (_TEMPLATES / "page_script.js").read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - a file of this package


def script_hash(script: str) -> str:
    """Return the source expression by which a page admits a script and no other (CSP Level 3, 2.3.1)."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _links(previous: Mapping[str, Any]) -> list[dict[str, str]]:
    """Pages around this one, as addresses that hold wherever the folder of reports is put."""
    links = [
        {"address": "../../../index.html", "text": "All reports"},
        {"address": "../index.html", "text": "Earlier and later runs"},
    ]
    run = str(previous.get("run", ""))
    if _RUN.fullmatch(run):
        text = f"The run before, of {previous.get('day', '')}"
        links.append({"address": f"../{run}/report.html", "text": text})
    return links


def block_of(output: Mapping[str, Any]) -> str:
    """Return which of this package's blocks an output is, or an empty text."""
    metadata = output.get("metadata") or {}
    return str(metadata.get("cxresearch", {}).get("block", ""))


def _prose_with_facts(source: str, *, facts: Mapping[str, Any]) -> Markup:
    return prose(fill_facts(source, facts))


def prose(source: str) -> Markup:
    """Render the prose of a notebook; markup in it is shown, pictures from elsewhere drop out.

    Examples
    --------
    >>> print(prose("*Plain* <script>alert(1)</script>").strip())
    <p><em>Plain</em> &lt;script&gt;alert(1)&lt;/script&gt;</p>
    """
    import mistune

    markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough", "footnotes"])
    return clean(str(markdown(source)))


def shown(output: Mapping[str, Any]) -> Markup | str:
    """Return an output of a cell as inert HTML; formats that could act are dropped for their plain text."""
    if output["output_type"] == "stream":
        return _printed(_text(output["text"]).strip(), output["name"])
    data = output.get("data", {})
    if block_of(output) == "saved":
        return ""
    if "text/html" in data:
        return block("output", kind="markup", text=clean(_text(data["text/html"])))
    for mime in _PICTURES:
        if mime in data:
            return _picture(mime, _text(data[mime]))
    if "text/plain" in data:
        return block("output", kind="text", text=_text(data["text/plain"]))
    return ""


#: What is printed is shown; what goes to the log is folded away.
_STREAMS = {"stdout": "text", "stderr": "notes"}
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")


def _printed(text: str, stream: str) -> Markup | str:
    if not text:
        return ""
    return block("output", kind=_STREAMS[stream], text=text)


def _picture(mime: str, content: str) -> Markup | str:
    """A picture as an image of its data, in which no script runs."""
    coded = re.sub(r"\s", "", content)
    if mime == "image/svg+xml":
        coded = base64.b64encode(content.encode("utf-8")).decode("ascii")
    # What is not base64 could end the attribute it stands in.
    if not re.fullmatch(r"[A-Za-z0-9+/=]*", coded):
        return ""
    return block("output", kind="picture", mime=mime, text=coded)


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "".join(value)
    return str(value)


def clean(markup: str) -> Markup:
    """Return markup with everything that could act taken out.

    Examples
    --------
    >>> print(clean('<b onclick="x()">stays</b><script>goes()</script><img src="https://x.example/y.png">'))
    <b>stays</b><img>
    """
    import nh3
    from markupsafe import Markup

    cleaned = nh3.clean(
        markup,
        tags=_TAGS,
        clean_content_tags=_ACTIVE,
        attributes={"*": _ATTRIBUTES, "a": {"href"}, "img": {"src"}},
        attribute_filter=_allowed,
        filter_style_properties=_CSS,
        url_schemes={"http", "https", "mailto", "data"},
    )
    return Markup(cleaned)  # noqa: S704 - inert now


def _allowed(tag: str, name: str, value: str) -> str | None:
    """Return the value of an attribute that may stay, None for one that must go."""
    if value != _ONE_VALUE.get(name, value):
        return None
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
    "margin-top max-width min-width overflow-x padding padding-left text-align vertical-align white-space "
    "width"
)
_CSS = set(_CSS_NAMES.split())


def about_block(
    parameters: Mapping[str, Any], inputs: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> Markup:
    """Return the foot of the page: parameters, data and what was set aside."""
    tables = "; ".join(
        f"{row['table']} {int(row['rows']):,} rows, {int(row['rejected']):,} set aside" for row in rows
    )
    values = {name: _parameter_text(value) for name, value in parameters.items()}
    return block("about", parameters=values, inputs=inputs, tables=tables)


def _parameter_text(value: Any) -> str:
    """A parameter's value as a reader sees it: what is left empty is so by choice."""
    if value in ("", [], None):
        return "(left empty)"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
