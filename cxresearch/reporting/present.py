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

import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cxresearch.errors import ArgumentError, CxError, DataError
from cxresearch.reporting.shelf.json_files import json_of
from cxresearch.reporting.writing import blocks
from cxresearch.reporting.writing.changes import changes_block, compare_headlines
from cxresearch.reporting.writing.staged_files import (
    check_free_name,
    previous_run,
    private_file,
    stage_csv,
    stage_file,
    staging_folder,
)
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import TableSpec, spec_of_frame

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from cxresearch.churn.churn_kinds import Kind
    from cxresearch.data.study import Study
    from cxresearch.reporting.writing.reliance import Dated, Reliance
    from cxresearch.results.units import Unit

#: Set by the runner in the kernel it starts: where relative paths count from.
BASE = "CXRESEARCH_BASE"
BUILT_IN = "built-in"
SCHEMA = 1
Computed = TypeVar("Computed")
# Twice the 72 of a point: sharp on screens that draw two pixels for one.
_PNG_DPI = 144
# Beyond this a scatter of points as text makes a page that opens slowly: then as pixels.
_LARGEST_INLINE_SVG = 400_000
_RELIANCE_ID = "before-you-rely-on-it"
#: The box to be written again at the end, and the whole study behind one segment of it.
_RELIED_ON: list[Reliance] = []
_WHOLE: dict[int, Study] = {}


def open_study(
    study: str = BUILT_IN, *, segment: str = "", as_of: date | None = None, **synthetic: Any
) -> Study:
    """Return the study a report runs on and note its files, counts and rejects for the manifest.

    Parameters
    ----------
    study : str
        ``"built-in"`` for the synthetic company, else the path of a ``study.toml`` or its folder. A relative
        path counts from where the command was given.
    segment : str
        ``"column=value"`` keeps the customers of one segment and their rows; empty keeps everybody.
    as_of : date, optional
        The study as it was known at the end of that day; by default, and for days that the data do not reach,
        as it is.
    **synthetic
        Passed to :func:`cxresearch.synthetic.synthetic_study` for the built-in study.

    Raises
    ------
    StudyError
        If the study cannot be read as declared.
    """
    from cxresearch.reporting.inputs import as_fingerprinted

    _RELIED_ON.clear()
    _WHOLE.clear()
    cx: Any = import_module("cxresearch")
    opened: Study
    made_from: dict[str, Any] = {}
    if study == BUILT_IN:
        made_from = {"tier": "B", **synthetic}
        opened = cx.synthetic.synthetic_study(**made_from)
    else:
        opened = as_fingerprinted(lambda: cx.read_study(given_path(study)))
    if staging_folder():
        from cxresearch.reporting.inputs import note_inputs

        note_inputs(opened, private_file("inputs.json"), made_from)
    if as_of is not None:
        from cxresearch.reporting.writing.as_of_day import as_of_day

        opened = as_of_day(opened, as_of)
    if not segment:
        return opened
    from cxresearch.reporting.writing.one_segment import narrow

    narrowed = narrow(opened, segment)
    _WHOLE[id(narrowed)] = opened
    return narrowed


def given_codebook(study: str, codebook: str) -> Any:
    """Return the codebook of a report's comments: that of the path, of the study's folder, or None.

    Parameters
    ----------
    study : str
        As in `open_study`. The built-in study brings its own; a study's folder may hold a ``themes.toml``.
    codebook : str
        Path of a ``themes.toml``; empty: as above.
    """
    if codebook:
        return given_path(codebook)
    if study == BUILT_IN:
        from cxresearch.data.synthetic.unhappy_words import CODEBOOK

        return CODEBOOK
    folder = given_path(study)
    beside = (folder if folder.is_dir() else folder.parent) / "themes.toml"
    return beside if beside.exists() else None


def given_path(path: str) -> Path:
    """Return a path given as a parameter; a relative one counts from where the command was given."""
    return Path(os.environ.get(BASE, ".")) / path


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
        _display(blocks.note_block("Not shown here", str(error), kind="not-shown"), str(error), "not-shown")
        return None


def secret(name: str) -> str:
    """Return a secret from the environment variable of that name.

    Raises
    ------
    DataError
        If the variable is not set. The value is struck from everything published.
    """
    value = os.environ.get(name, "")
    if not value:
        raise DataError(
            f"the environment variable {name} is not set",
            wanted="a secret this report needs",
            next_step=f"set {name} where the schedule runs; it is never a parameter",
        )
    if staging_folder():
        with private_file("secrets").open("a", encoding="utf-8") as file:
            file.write(name + "\n")
    return value


def finding(text: str, *, detail: str = "", tone: str = "neutral") -> None:
    """Show the answer in one sentence, with plain words below it; ``tone`` is "neutral" or "attention"."""
    _display(blocks.finding_block(text, detail, tone), f"{text}\n{detail}".strip(), "finding")


def tiles(headline: Sequence[Estimate | Contrast]) -> None:
    """Show headline figures side by side, each with its interval and n."""
    items = _headline(headline)
    _display(blocks.tiles_block(items), "\n".join(map(str, headline)), "tiles")


def since_last_time(headline: Sequence[Estimate | Contrast]) -> None:
    """Show how the headline figures moved since the last run on other data, and whether that is noise."""
    previous = previous_run()
    changes = compare_headlines(_headline(headline), previous.get("headline", []))
    text = "\n".join(change.sentence for change in changes) or "first run on these data"
    _display(changes_block(changes, previous), text, "since-last-time")


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
    svg, png = _drawn(picture)
    if staging_folder():
        with private_file("shown").open("a", encoding="utf-8") as file:
            file.write(name + "\n")
    stage_file(f"figures/{name}.svg", svg)
    stage_file(f"figures/{name}.png", png)
    kind, image = "svg", svg
    if len(svg) > _LARGEST_INLINE_SVG:
        kind, image = "png", png
    page = blocks.figure_block(image, kind=kind, caption=caption, alt=alt or caption, name=name)
    _display(page, caption, "figure")


def _drawn(picture: Any) -> tuple[bytes, bytes]:
    """A picture as SVG and as PNG, the same bytes each time; it is closed."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    figure = getattr(picture, "figure", picture)  # of axes, or itself
    svg = io.BytesIO()
    png = io.BytesIO()
    # Ids salted with chance, a date, a version: all would change the bytes of an equal picture.
    with mpl.rc_context({"svg.hashsalt": "cxresearch", "svg.fonttype": "path"}):
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
        figure.savefig(png, format="png", dpi=_PNG_DPI, metadata={"Software": None}, bbox_inches="tight")
    plt.close(figure)
    return svg.getvalue(), png.getvalue()


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
    elif labels:
        spec = spec.relabel(**labels)
    page = blocks.table_block(frame, spec, caption=caption, max_rows=max_rows)
    _display(page, f"{caption}: {len(frame):,} rows", "table")


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
    _display("", ", ".join(values), "saved")


def answer(text: str) -> None:
    """Show the answer of a section in plain words, above its picture; nothing where there is none."""
    if text:
        _display(blocks.answer_block(text), text, "answer")


def aside(text: str) -> None:
    """Show a remark in small letters, below what it belongs to; nothing where there is none."""
    if text:
        _display(blocks.aside_block(text), text, "aside")


def left_out(who: Result | pd.DataFrame, *, caption: str = "Who was left out, and why") -> None:
    """Show who was left out and why; an empty frame says that nobody was."""
    if isinstance(who, Result):
        who = who.to_frame("left_out")
    if len(who):
        table(who, caption=caption)
    else:
        _display(blocks.note_block(caption, "Nobody was left out.", kind="left-out"), "nobody", "left-out")


def before_you_rely(
    data: Study, notes: Sequence[str] = (), *, dated: Dated = "", kind: Kind = "any", weights: str = ""
) -> None:
    """Show what the numbers rest on: every report calls it once, below its finding.

    The doubts are those of `cxresearch check` about the tables that were read. What later cells read comes
    in at `save_results`, which writes the box again.

    Parameters
    ----------
    data : Study
        From `open_study`.
    notes : sequence of str
        Cautions of the results on the page.
    dated : {"", "end", "notice"}
        How the page dates leaving: not at all, at ``ended_at``, or at ``notice_at`` where it is known.
    kind : {"any", "voluntary", "involuntary"}
        What counts as leaving.
    weights : str
        What the page does with weights of answers, as `cx.contest.answer_weights` or `unused_weights` say.
    """
    from cxresearch.reporting.writing.reliance import Reliance

    box = Reliance(
        study=_WHOLE.get(id(data), data),
        read_from=data,
        notes=tuple(notes),
        dated=dated,
        kind=kind,
        weights=weights,
    )
    _RELIED_ON[:] = [box]
    _display(box.block(), "\n".join(box.items()), "reliance", display_id=_RELIANCE_ID)


def mapped_weights(data: Study) -> str | None:
    """Return the name of the column with weights of answers; None where the study maps none."""
    from cxresearch.reporting.writing import reliance

    return reliance.mapped_weights(data)


def unused_weights(data: Study, why: str) -> str:
    """Return, for ``weights=`` of `before_you_rely`, why this page does without the weights of answers."""
    from cxresearch.reporting.writing import reliance

    return reliance.unused_weights(data, why)


def _write_reliance_again() -> None:
    """Write the box again, now that all tables were read that the page reads."""
    from IPython.display import update_display

    for box in _RELIED_ON:
        data = {"text/plain": "\n".join(box.items()), "text/html": box.block()}
        write_again: Any = update_display
        write_again(data, display_id=_RELIANCE_ID, raw=True, metadata={"cxresearch": {"block": "reliance"}})
    _RELIED_ON.clear()


def caveats(items: Sequence[str], *, title: str = "What not to conclude") -> None:
    """Show what the reader must not conclude, one sentence an item; nothing where there is none."""
    sentences = [blocks.sentence(item) for item in items]
    if not sentences:
        return
    _display(blocks.list_block(title, sentences, kind="caveats"), "\n".join(sentences), "caveats")


def save_results(
    *,
    finding: str,
    headline: Sequence[Estimate | Contrast],
    results: Mapping[str, Any] | None = None,
    watched: Mapping[str, Any] | None = None,
) -> None:
    """Check the results of a report and write ``results.json``; the last cell of every report notebook.

    Parameters
    ----------
    finding : str
        The answer in one sentence.
    headline : sequence of Estimate or Contrast
        The figures that history, alerts and comparisons follow; names are unique and stay the same from run
        to run. May be empty only if the report has no figure at all.
    results : mapping, optional
        Everything else worth keeping: results of this package, frames, plain values.
    watched : mapping, optional
        Changes of level that stand, for alert rules such as ``NPS stepped``: `StandingChanges.watched`.

    Raises
    ------
    ArgumentError
        If the finding is empty or two headline figures share a name.
    """
    if not finding.strip():
        raise ArgumentError("the finding is empty", wanted="the answer in one sentence")
    _write_reliance_again()
    items = _headline(headline)
    names = [item["name"] for item in items]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArgumentError(
            f"two headline figures are called {twice[0]!r}", wanted="one name for each figure"
        )
    content = {
        "schema": SCHEMA,
        "finding": finding,
        "headline": items,
        "results": as_plain(dict(results or {})),
    }
    if watched is not None:
        content["watched"] = as_plain(dict(watched))
    # allow_nan=False: as_plain has made every missing number null, which JSON can hold.
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1, sort_keys=True)
    stage_file("results.json", text.encode("utf-8"))
    where = "not saved: `cxresearch run` saves and publishes"
    if staging_folder():
        where = "saved for publishing"
    _display("", f"{len(items)} headline figures, {where}", "saved")


def _headline(headline: Sequence[Estimate | Contrast]) -> list[dict[str, Any]]:
    return [_headline_item(figure) for figure in headline]


def _headline_item(figure: Estimate | Contrast) -> dict[str, Any]:
    shared = ("low", "high", "level", "se", "n", "unit", "note")
    if isinstance(figure, Contrast):
        item = {
            "name": f"{figure.name}: {figure.first} minus {figure.second}",
            "value": figure.difference,
            "signed": True,
        }
    elif isinstance(figure, Estimate):
        item = {"name": figure.name, "value": figure.value, "signed": False}
    else:
        raise ArgumentError(
            f"a headline figure is {type(figure).__name__}", wanted="an Estimate or a Contrast, with interval"
        )
    return {**as_plain(item), **{name: as_plain(getattr(figure, name)) for name in shared}}


def _display(page: str, text: str, block: str, *, display_id: str | None = None) -> None:
    from IPython.display import display

    data = {"text/plain": text}
    if page:
        data["text/html"] = page
    show_in_notebook: Any = display
    show_in_notebook(data, raw=True, metadata={"cxresearch": {"block": block}}, display_id=display_id)
