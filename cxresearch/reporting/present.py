"""What a report notebook is written with, so that its cells stay short calls without def or markup.

A report notebook has one cell tagged ``parameters`` (annotated literals, ``study: str = "built-in"`` among
them), prose, cells that compute and show, and a last cell that saves. ``cxresearch run`` executes it in a
folder of its own and publishes page, pictures, tables and results together. In JupyterLab the same cells
display the same blocks and write nothing.

==========================  ================================================================================
``open_study(study)``       the study named by the parameter: ``"built-in"`` or a path; notes its inputs in
                            the manifest. ``segment="plan=pro"`` narrows it to those customers (fan-out sets
                            the parameter ``segment: str = ""``); ``as_of=`` takes it as known on a day.
``finding(text)``           the answer in one sentence, in a box; ``detail=`` in plain words below it
``answer(text)``            the answer of a section in plain words, above its picture
``tiles(headline)``         headline figures side by side, each with interval and n
``since_last_time(head)``   box: how the headline moved since the last run on other data, and whether that
                            is more than noise. Where a notebook lacks it, the page gets it below the finding.
``show(result, name=, …)``  the picture of a result (or axes) with caption; kept as ``figures/<name>.svg`` and
                            ``.png``
``table(result, "part")``   a table of a result as its spec says, with caption; kept as ``tables/<name>.csv``
                            where ``name=`` is given
``aside(text)``             a remark in small letters, below what it belongs to
``left_out(result)``        who was left out and why
``facts(margin=...)``       numbers that prose may name: ``{{ margin | number }}`` in a markdown cell; the
                            parameters are known without. Prose tagged ``method`` is boxed.
``before_you_rely(data)``   until when the data go, what leaving means, weights, cautions, and doubts of
                            `check` about the tables that the page read, to its last cell
``caveats(list)``           what the reader must not conclude
``secondary(f, ...)``       ``f(...)``, or None and a note that says why these data do not allow it
``given_path(path)``        a path given as a parameter, relative to where the command was given
``secret("CRM_TOKEN")``     a secret from the environment: never a parameter
``save_results(...)``       last cell: checks and writes ``results.json``
==========================  ================================================================================

Prose of a cell tagged ``optional`` is left off the page where the code up to the next prose shows nothing:
the heading of a section that not every study has.

Everything is escaped: a customer's comment that holds markup is shown, never acted on.

Examples
--------
>>> from cxresearch.reporting import present
>>> present.finding("Effort predicts churn better than recommendation.")  # doctest: +SKIP
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from cxresearch.errors import ArgumentError, CxError
from cxresearch.reporting.presenting.drawn_picture import drawn_picture
from cxresearch.reporting.presenting.headline_figures import headline_items
from cxresearch.reporting.presenting.named_study import given_codebook, given_path, open_study, secret
from cxresearch.reporting.presenting.reliance_box import (
    before_you_rely,
    mapped_weights,
    segment_shown,
    unused_weights,
)
from cxresearch.reporting.presenting.saved_results import save_results
from cxresearch.reporting.presenting.shown_block import show_block
from cxresearch.reporting.shelf.json_files import json_of
from cxresearch.reporting.writing import blocks
from cxresearch.reporting.writing.changes import changes_block, compare_headlines
from cxresearch.reporting.writing.staged_files import (
    check_free_name,
    note_picture,
    previous_run,
    private_file,
    stage_csv,
    stage_file,
    staging_folder,
)
from cxresearch.reporting.writing.whose import about_part
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import TableSpec, spec_of_frame

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.results.units import Unit

__all__ = [
    "answer",
    "aside",
    "before_you_rely",
    "caveats",
    "facts",
    "finding",
    "given_codebook",
    "given_path",
    "left_out",
    "mapped_weights",
    "open_study",
    "save_results",
    "secondary",
    "secret",
    "show",
    "since_last_time",
    "table",
    "tiles",
    "unused_weights",
]

Computed = TypeVar("Computed")


def secondary(compute: Callable[..., Computed], *arguments: Any, **options: Any) -> Computed | None:
    """Compute something the report can do without.

    Parameters
    ----------
    compute : callable
        Called with the arguments and options that follow.

    Returns
    -------
    object or None
        What it returns; None where the data do not allow it, and the page says why.
    """
    try:
        return compute(*arguments, **options)
    except CxError as error:
        show_block(blocks.note_block("Not shown here", str(error), kind="not-shown"), str(error), "not-shown")
        return None


def finding(text: str, *, detail: str = "", tone: str = "neutral") -> None:
    """Show the answer in one sentence, with plain words below it; ``tone`` is "neutral" or "attention".

    On the page of one segment the sentence begins with its name: no part reads like the whole.
    """
    text = about_part(segment_shown(), text)
    show_block(blocks.finding_block(text, detail, tone), f"{text}\n{detail}".strip(), "finding")


def tiles(headline: Sequence[Estimate | Contrast]) -> None:
    """Show headline figures side by side, each with its interval and n."""
    items = headline_items(headline)
    show_block(blocks.tiles_block(items), "\n".join(map(str, headline)), "tiles")


def since_last_time(headline: Sequence[Estimate | Contrast]) -> None:
    """Show how the headline figures moved since the last run on other data, and whether that is noise."""
    previous = previous_run()
    changes = compare_headlines(headline_items(headline), previous.get("headline", []))
    text = "\n".join(change.sentence for change in changes) or "first run on these data"
    show_block(changes_block(changes, previous), text, "since-last-time")


def show(picture: Any, *, name: str, caption: str, alt: str = "", **options: Any) -> None:
    """Show a picture with its caption and keep it as files.

    Parameters
    ----------
    picture : Result, matplotlib Axes or Figure, or None
        What to show: a result is drawn by ``cx.plot``; a picture is closed afterwards. Nothing is shown of
        what `secondary` could not compute.
    name : str
        File name without ending: lower-case letters, digits, dashes, underscores; once in a report.
    caption : str
        What the picture shows, with n, in a sentence. Of a result, fields may stand in braces, as in
        ``"{n} rows, {level} intervals"``.
    alt : str
        What somebody who cannot see it needs to know; by default the caption.
    **options
        Passed to ``cx.plot``, such as ``kind="auc"``.
    """
    if picture is None:
        return
    if isinstance(picture, Result):
        caption = picture.fill(caption)
        picture = import_module("cxresearch").plot(picture, **options)
    check_free_name(name, "figures")
    drawn = drawn_picture(picture)
    stage_file(f"figures/{name}.svg", drawn.svg)
    stage_file(f"figures/{name}.png", drawn.png)
    caption = drawn.caption(caption)
    alt = alt or drawn.words(caption)
    note_picture(name, alt)
    kind, image = drawn.for_page()
    show_block(blocks.figure_block(image, kind=kind, caption=caption, alt=alt, name=name), caption, "figure")


def table(
    what: Result | pd.DataFrame | None,
    part: str = "table",
    *,
    caption: str = "",
    name: str = "",
    spec: TableSpec | None = None,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, Unit] | None = None,
    max_rows: int = 100,
) -> None:
    """Show a table of a result as its spec says: text left, numbers right, intervals beside their estimate.

    Parameters
    ----------
    what : Result or pandas DataFrame, or None
        A result of this package, which knows what its columns are called and count; or a frame, whose columns
        are shown under their names. Nothing is shown of what `secondary` could not compute.
    part : str
        Which table of the result: ``"table"``, ``"contrasts"``.
    caption : str
        What the table holds, with n; by default what the result says.
    name : str
        Keep the whole frame as ``tables/<name>.csv``, with its columns explained in
        ``tables/<name>.columns.csv`` (text that a spreadsheet would run is quoted).
    spec : TableSpec, optional
        Spec of a frame that was cut from a result: ``spec=card.spec("rest")``.
    labels : mapping, optional
        Column to another heading.
    units : mapping, optional
        Column of a frame to its Unit; else whole numbers get thousands separators and others two decimals.
        Missing values print as ``n/a``.
    max_rows : int
        Rows shown; the caption says if there are more.

    Raises
    ------
    ArgumentError
        If the result has no such table, or a column is named that the table does not have.
    """
    if what is None:
        return
    if isinstance(what, Result):
        frame = what.to_frame(part)
        spec = spec or what.spec(part)
        caption = caption or what.caption(part)
    else:
        frame = what
    if name:
        check_free_name(name, "tables")
        stage_csv(name, frame)
        if spec is not None:
            stage_csv(f"{name}.columns", spec.column_list())
    if spec is None:
        spec = spec_of_frame(frame, labels=labels, units=units)
    # Headings given here win over those of the spec.
    elif labels:
        spec = spec.relabel(**labels)
    file = ""
    if name and staging_folder():
        file = f"tables/{name}.csv"
    page = blocks.table_block(frame, spec, caption=caption, max_rows=max_rows, file=file, fold=True)
    show_block(page, f"{caption}: {len(frame):,} rows", "table")


def facts(**values: Any) -> None:
    """Note what prose may name: ``{{ margin | number }}`` in a markdown cell becomes the number on the page.

    Parameters
    ----------
    **values
        Texts and numbers by name; the parameters of the report are known without. Filters: ``number`` (as
        short as it is), ``count``, ``percent`` (of a share), or the name of a Unit.

    Raises
    ------
    ArgumentError
        If a value is neither a text nor a number.
    """
    for name, value in values.items():
        if not isinstance(value, (str, int, float)):
            raise ArgumentError(f"{name} is {type(value).__name__}", wanted="a text or a number")
    if staging_folder():
        path = private_file("facts.json")
        # Facts of several cells add up; the last value of a name counts.
        path.write_text(json.dumps({**json_of(path), **as_plain(values)}), encoding="utf-8")
    show_block("", ", ".join(values), "saved")


def answer(text: str) -> None:
    """Show the answer of a section in plain words, above its picture; nothing where there is none."""
    if text:
        show_block(blocks.answer_block(text), text, "answer")


def aside(text: str) -> None:
    """Show a remark in small letters, below what it belongs to; nothing where there is none."""
    if text:
        show_block(blocks.aside_block(text), text, "aside")


def left_out(who: Result | pd.DataFrame, *, caption: str = "Who was left out, and why") -> None:
    """Show who was left out and why; an empty frame says that nobody was."""
    if isinstance(who, Result):
        who = who.to_frame("left_out")
    if len(who):
        table(who, caption=caption)
    else:
        show_block(blocks.note_block(caption, "Nobody was left out.", kind="left-out"), "nobody", "left-out")


def caveats(items: Sequence[str], *, title: str = "What not to conclude") -> None:
    """Show what the reader must not conclude, one sentence an item; nothing where there is none."""
    sentences = [blocks.sentence(item) for item in items]
    if not sentences:
        return
    show_block(blocks.list_block(title, sentences, kind="caveats"), "\n".join(sentences), "caveats")
