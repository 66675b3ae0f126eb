"""One block of a page, shown by a cell: as markup for the page, as text beside it."""

from __future__ import annotations

from typing import Any


def show_block(page: str, text: str, block: str, *, display_id: str | None = None) -> None:
    """Show a block in the notebook; ``block`` says what it is, ``display_id`` lets it be written again."""
    from IPython.display import display

    data = {"text/plain": text}
    # A block without markup leaves the page alone: text/plain is for the notebook.
    if page:
        data["text/html"] = page
    show_in_notebook: Any = display
    show_in_notebook(data, raw=True, metadata={"cxresearch": {"block": block}}, display_id=display_id)
