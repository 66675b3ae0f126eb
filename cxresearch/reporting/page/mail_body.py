"""The e-mail body of a report: inline styles, small pictures, below the size at which mail programs cut."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.reporting.writing.blocks import finding_block, tiles_block
from cxresearch.results.templating import render_html

if TYPE_CHECKING:
    from markupsafe import Markup

# Gmail cuts a message at 102 KB and hides the rest behind a link.
LARGEST = 90_000
_PICTURES = 2
_WIDTH = 520


def write_mail(
    staging: Path, results: Mapping[str, Any], *, title: str, boxes: Markup | str, pictures: Sequence[str]
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
    pictures : sequence of str
        Names of the figures, in the order of the report. As many of the first as fit are taken.
    """
    small = [_shrink(staging / "figures" / f"{name}.png") for name in pictures[:_PICTURES]]
    images = [data for data in small if data]
    page = _body(results, title, boxes, [_inline(data) for data in images])
    while _too_large(page) and images:
        images.pop()
        page = _body(results, title, boxes, [_inline(data) for data in images])
    if _too_large(page):
        page = _body({**results, "headline": list(results["headline"])[:20]}, title, "", [])
    (staging / "email.html").write_text(page, encoding="utf-8")
    (staging / "email.eml").write_bytes(_message(results, title, boxes, images))


def _too_large(page: str) -> bool:
    return len(page.encode("utf-8")) >= LARGEST


def _body(results: Mapping[str, Any], title: str, boxes: Markup | str, sources: Sequence[str]) -> str:
    tiles: Markup | str = ""
    if results["headline"]:
        tiles = tiles_block(results["headline"])
    return render_html(
        "cxresearch.reporting",
        "mail",
        title=title,
        finding=finding_block(results["finding"][:2000], "", "neutral"),
        boxes=boxes,
        tiles=tiles,
        sources=sources,
        width=_WIDTH,
    )


def _message(results: Mapping[str, Any], title: str, boxes: Markup | str, pictures: Sequence[bytes]) -> bytes:
    names = [f"figure{index}@cxresearch.invalid" for index in range(1, len(pictures) + 1)]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = " ".join(title.split())[:150]
    message["MIME-Version"] = "1.0"
    message.set_content(
        f"{title}\n\n{results['finding']}\n\nThe whole report is report.html.\n", charset="utf-8"
    )
    html = _body(results, title, boxes, [f"cid:{name}" for name in names])
    message.add_alternative(html, subtype="html", charset="utf-8")
    parts = list(message.iter_parts())
    for name, data in zip(names, pictures, strict=True):
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
