"""An executed notebook in the order in which a page tells it: the answer first, then section by section."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

#: Tag of prose that is left off the page where the code below it shows nothing.
OPTIONAL = "optional"
#: What the first screen holds, of the cells before the first section.
_OPENING = ("finding", "tiles")
_TITLE = re.compile(r"<h1>.*?</h1>\s*", re.DOTALL)
_SECTION = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)


@dataclass
class Pieces:
    """What a page is made of.

    Attributes
    ----------
    opening : list of Markup
        The finding and its figures, which stand on the first screen.
    body : list of dict
        The rest in order: ``kind`` is the class of the element, ``html`` what it holds.
    contents : list of dict
        Headings of sections: ``anchor`` and ``text``.
    """

    opening: list[Markup | str] = field(default_factory=list)
    body: list[dict[str, Any]] = field(default_factory=list)
    contents: list[dict[str, str]] = field(default_factory=list)


def pieces_of(
    notebook: Any,
    *,
    prose: Callable[[str], Markup],
    shown: Callable[[Mapping[str, Any]], Markup | str],
    block_of: Callable[[Mapping[str, Any]], str],
) -> Pieces:
    """Take a notebook apart for a page.

    Parameters
    ----------
    notebook : NotebookNode
        Executed and tidied.
    prose, shown : callable
        Return prose, and an output of a cell, as inert HTML.
    block_of : callable
        Returns which block of this package an output is.
    """
    pieces = Pieces()
    missing = left_off(notebook, shown)
    opening = set(_OPENING)
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and index not in missing:
            _add_prose(pieces, cell, prose(cell.source))
        for output in cell.get("outputs", ()):
            html = shown(output)
            block = block_of(output)
            if not html:
                continue
            # The first of each; a later one belongs to its section.
            if block in opening and not pieces.contents:
                opening.discard(block)
                pieces.opening.append(html)
            else:
                pieces.body.append({"kind": "output", "html": html})
    return pieces


def _add_prose(pieces: Pieces, cell: Any, html: Markup) -> None:
    from markupsafe import Markup

    # The page has its own title, with the segment; both would say it twice.
    text = _TITLE.sub("", str(html), count=1)

    def numbered(match: re.Match[str]) -> str:
        anchor = f"section-{len(pieces.contents) + 1}"
        pieces.contents.append({"anchor": anchor, "text": Markup(match[1]).striptags()})  # noqa: S704
        return f'<h2 id="{anchor}">{match[1]}</h2>'

    text = _SECTION.sub(numbered, text).strip()
    if not text:
        return
    kind = "prose"
    if "method" in cell.metadata.get("tags", ()):
        kind = "prose method"
    pieces.body.append({"kind": kind, "html": Markup(text)})  # noqa: S704 - was cleaned


def left_off(notebook: Any, shown: Callable[[Mapping[str, Any]], Markup | str]) -> set[int]:
    """Find the prose tagged ``optional`` whose code, up to the next prose, shows nothing."""
    waiting: set[int] = set()
    empty: set[int] = set()
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            empty |= waiting
            waiting = set()
            if OPTIONAL in cell.metadata.get("tags", ()):
                waiting = {index}
        elif any(shown(output) for output in cell.get("outputs", ())):
            waiting = set()
    return empty | waiting
