"""The e-mail body of a report: inline styles, small pictures, below the size at which mail programs cut."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.reporting.writing.blocks import finding_block, tiles_block
from cxresearch.results.templating import render_html

if TYPE_CHECKING:
    from markupsafe import Markup

    from cxresearch.reporting.writing.whose import Whose

# Gmail cuts a message at 102 KB and hides the rest behind a link.
LARGEST = 90_000
_PICTURES = 2
_WIDTH = 520


def write_mail(
    staging: Path,
    results: Mapping[str, Any],
    *,
    title: str,
    boxes: Markup | str,
    pictures: Sequence[tuple[str, str]],
    whose: Whose | None = None,
) -> None:
    """Write ``email.html``, which holds its pictures, and ``email.eml``, a message ready to be sent.

    Parameters
    ----------
    staging : Path
        Folder of the run.
    results : mapping
        Content of ``results.json``.
    title : str
        Title of the report: the subject.
    boxes : Markup
        Blocks for alerts and what moved since the last time.
    pictures : sequence of (str, str)
        Names of the figures and what they show, in the order of the report. As many of the first as fit are
        taken.
    whose : Whose, optional
        Study, segment, period, data cut and what leaving means.
    """
    letter = _Letter(results=results, title=title, boxes=boxes, whose=whose)
    small = [(_shrink(staging / "figures" / f"{name}.png"), alt) for name, alt in pictures[:_PICTURES]]
    images = [(data, alt) for data, alt in small if data]
    page = letter.body([(_inline(data), alt) for data, alt in images])
    while _too_large(page) and images:
        images.pop()
        page = letter.body([(_inline(data), alt) for data, alt in images])
    if _too_large(page):
        shorter = {**results, "headline": list(results["headline"])[:20]}
        page = replace(letter, results=shorter, boxes="").body([])
    (staging / "email.html").write_text(page, encoding="utf-8")
    (staging / "email.eml").write_bytes(_message(letter, images))


def _too_large(page: str) -> bool:
    return len(page.encode("utf-8")) >= LARGEST


@dataclass(frozen=True, kw_only=True)
class _Letter:
    """What a mail says."""

    results: Mapping[str, Any]
    title: str
    boxes: Markup | str
    whose: Whose | None

    def body(self, pictures: Sequence[tuple[str, str]]) -> str:
        """Return it as HTML, with pictures by address and words."""
        tiles: Markup | str = ""
        if self.results["headline"]:
            tiles = tiles_block(self.results["headline"], fold=False)
        return render_html(
            "cxresearch.reporting",
            "mail",
            title=self.title,
            whose=self.whose,
            finding=finding_block(self.results["finding"][:2000], "", "neutral"),
            boxes=self.boxes,
            tiles=tiles,
            pictures=[{"address": address, "alt": alt[:300]} for address, alt in pictures],
            width=_WIDTH,
        )

    def subject(self) -> str:
        """Return the title, of whom and when."""
        text = self.title
        if self.whose:
            text = f"{self.title} – {self.whose.line()}"
        return " ".join(text.split())[:250]

    def text(self) -> str:
        """Return it as plain text."""
        parts = [self.title]
        if self.whose:
            parts.append("\n".join(f"{name}: {value}" for name, value in self.whose.facts()))
        parts += [self.results["finding"], "The whole report is report.html.\n"]
        return "\n\n".join(parts)


def _message(letter: _Letter, pictures: Sequence[tuple[bytes, str]]) -> bytes:
    names = [f"figure{index}@cxresearch.invalid" for index in range(1, len(pictures) + 1)]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = letter.subject()
    message["MIME-Version"] = "1.0"
    message.set_content(letter.text(), charset="utf-8")
    words = [alt for _, alt in pictures]
    html = letter.body([(f"cid:{name}", alt) for name, alt in zip(names, words, strict=True)])
    message.add_alternative(html, subtype="html", charset="utf-8")
    parts = list(message.iter_parts())
    for name, (data, _) in zip(names, pictures, strict=True):
        parts[1].add_related(data, maintype="image", subtype="png", cid=f"<{name}>")
    for depth, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=-cxresearch-{depth}-=")  # the library's own is random
    return message.as_bytes()


def _inline(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _shrink(path: Path) -> bytes:
    if not path.is_file():
        return b""
    from PIL import Image

    with Image.open(path) as image:
        height = max(1, round(image.height * _WIDTH / image.width))
        # 64 colours: a chart has few, and a mail has little room.
        small = image.convert("RGB").resize((_WIDTH, height)).quantize(64)
    written = io.BytesIO()
    small.save(written, format="PNG", optimize=True)
    return written.getvalue()
