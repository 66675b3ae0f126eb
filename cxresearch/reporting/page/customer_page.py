"""The private page of one customer, for who looks after them; it never goes to the shelf of runs."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.errors import ArgumentError
from cxresearch.reporting.writing.blocks import figure_block, finding_block, list_block, table_block
from cxresearch.results.templating import render_html

if TYPE_CHECKING:
    from markupsafe import Markup

    from cxresearch.voice.customer.customer_view import CustomerView

_MOST_ROWS = 400


def write_customer_page(view: CustomerView, path: str | Path, *, study_name: str = "") -> Path:
    """Write the page of a customer, readable by its owner alone (mode 0600).

    Parameters
    ----------
    view : CustomerView
        From `cx.customer`; with ``words=True`` the page shows what the customer wrote, redacted.
    path : str or Path
        The file. One that is there is replaced, and closed to others as well.
    study_name : str
        Whose data.

    Raises
    ------
    ArgumentError
        If the file cannot be written.
    """
    page = render_html(
        "cxresearch.reporting",
        "customer",
        title=f"Customer {view.customer_id}",
        whose=_whose(view, study_name),
        finding=finding_block(view.finding, "", "neutral"),
        sections=_sections(view),
        caveats=_caveats(view),
    )
    target = Path(path)
    try:
        target.unlink(missing_ok=True)
        # never open to others, not even for a moment: the mode is that of the creation
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(page)
    except OSError as error:
        raise ArgumentError(
            f"the page cannot be written to {target}: {error.strerror}",
            wanted="a file in a folder that is there and that you may write to",
        ) from None
    return target


def _whose(view: CustomerView, study_name: str) -> str:
    until = f"data until {view.on:%-d %B %Y}"
    if study_name:
        return f"{study_name}, {until}."
    return f"{until[0].upper()}{until[1:]}."


def _caveats(view: CustomerView) -> Markup | str:
    if not view.notes:
        return ""
    return list_block("Before you rely on it", list(view.notes), kind="caveats")


def _sections(view: CustomerView) -> list[tuple[str, Markup]]:
    sections: list[tuple[str, Markup]] = []
    if len(view.table):
        sections.append(("On a line of time", _picture(view)))
    if len(view.questions):
        sections.append(("What they answered", _table(view, "questions")))
    if len(view.turn):
        sections.append(("Where it turned", _table(view, "turn")))
    sections.append(("The customer", _table(view, "facts")))
    if len(view.table):
        sections.append(("Everything on record", _table(view, "table")))
    return sections


def _table(view: CustomerView, name: str) -> Markup:
    spec = view.spec(name)
    return table_block(view.to_frame(name), spec, caption=view.caption(name), max_rows=_MOST_ROWS)


def _picture(view: CustomerView) -> Markup:
    import matplotlib.pyplot as plt

    from cxresearch.plots.dispatch import plot

    figure: Any = plot(view).figure
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=160)
    plt.close(figure)
    caption = (
        "Answers by question (blue happy, orange unhappy, grey between), tickets from opening to resolution."
    )
    return figure_block(
        picture.getvalue(), kind="png", caption=caption, alt=f"Timeline. {view.finding}", name="timeline"
    )
