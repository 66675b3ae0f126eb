"""A picture as files, and as a page shows it: what heading and caption say is not written into it again."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

# Twice the 72 of a point: sharp on screens that draw two pixels for one.
_PNG_DPI = 144
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
# Beyond this a scatter of points as text makes a page that opens slowly: then as pixels.
_LARGEST_INLINE_SVG = 400_000
# Ids salted with chance, a date, a version: all would change the bytes of an equal picture.
_STEADY: dict[Any, Any] = {"svg.hashsalt": "cxresearch", "svg.fonttype": "path"}


@dataclass(frozen=True, kw_only=True)
class DrawnPicture:
    """A picture, drawn.

    Attributes
    ----------
    svg, png : bytes
        With title and line below it: it travels without the page.
    bare_svg, bare_png : bytes
        Without them, for the page; one of the two, by size.
    title, subtitle : str
        What was taken off; empty where a picture of several panels names each.
    """

    svg: bytes
    png: bytes
    bare_svg: bytes
    bare_png: bytes
    title: str
    subtitle: str

    def for_page(self) -> tuple[str, bytes]:
        """Return kind and content of the one that opens faster."""
        if self.bare_png:
            return "png", self.bare_png
        return "svg", self.bare_svg

    def caption(self, text: str) -> str:
        """Return the caption with what only the picture said."""
        said = _plain(text)
        parts = [part.strip() for part in self.subtitle.replace("\n", " ").split(";")]
        news = [part for part in parts if part and _plain(part) not in said]
        if not news:
            return text
        more = "; ".join(news)
        stop = "" if text.rstrip().endswith((".", "!", "?")) else "."
        return f"{text.rstrip()}{stop} {more[:1].upper()}{more[1:]}."

    def words(self, caption: str) -> str:
        """Return what somebody who cannot see the picture needs: its title and its caption."""
        title = self.title.replace("\n", " ").strip()
        if not title or _plain(title) in _plain(caption):
            return caption
        return f"{title}. {caption}"


def _plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split()).casefold().rstrip(".")


def drawn_picture(picture: Any) -> DrawnPicture:
    """Draw axes or a figure as SVG and PNG, the same bytes each time, and close it."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    figure = getattr(picture, "figure", picture)  # of axes, or itself
    with mpl.rc_context(_STEADY):
        svg = _saved(figure, "svg")
        png = _saved(figure, "png")
        title, subtitle = _take_off_head(figure)
        bare = svg
        if title or subtitle:
            bare = _saved(figure, "svg")
        bare_png = b""
        if len(bare) > _LARGEST_INLINE_SVG:
            bare_png = _saved(figure, "png")
    plt.close(figure)
    return DrawnPicture(svg=svg, png=png, bare_svg=bare, bare_png=bare_png, title=title, subtitle=subtitle)


def _take_off_head(figure: Any) -> tuple[str, str]:
    """Take title and line below it off a picture of one panel, and return them."""
    titled = [ax for ax in figure.axes if any(ax.get_title(loc) for loc in ("left", "center", "right"))]
    if len(titled) != 1:
        return "", ""
    (ax,) = titled
    title = " ".join(filter(None, (ax.get_title(loc) for loc in ("left", "center", "right"))))
    for loc in ("left", "center", "right"):
        ax.set_title("", loc=loc)
    lines = [artist for artist in ax.texts if artist.get_gid() == "subtitle"]
    subtitle = "; ".join(artist.get_text() for artist in lines)
    for artist in lines:
        artist.remove()
    return title, subtitle


def _saved(figure: Any, kind: str) -> bytes:
    content = io.BytesIO()
    nothing = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}[kind]
    figure.savefig(content, format=kind, dpi=_PNG_DPI, metadata=nothing, bbox_inches="tight")
    if kind == "png":
        return content.getvalue()
    # XML 1.0 (2.2) admits neither control characters nor U+FFFE; a title may hold what customers wrote.
    return _CONTROL.sub(b" ", content.getvalue())
