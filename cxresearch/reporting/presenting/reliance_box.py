"""The box of what the numbers rest on, written again when all tables were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cxresearch.reporting.presenting.shown_block import show_block
from cxresearch.reporting.writing.staged_files import staging_folder

if TYPE_CHECKING:
    from pathlib import Path

    from cxresearch.churn.churn_kinds import Kind
    from cxresearch.data.study import Study
    from cxresearch.reporting.writing.reliance import Dated, Reliance

_RELIANCE_ID = "before-you-rely-on-it"
#: The box to be written again at the end, and the whole study behind one segment of it.
_RELIED_ON: list[Reliance] = []
_WHOLE: dict[int, Study] = {}
#: The study that was opened, the whole behind it, the segment, and the folder of the run that opened it.
_OPENED: list[tuple[Study, Study, str, Path | None]] = []


def forget_reliance() -> None:
    """Begin anew: a study was opened, and nothing was read of it yet."""
    _RELIED_ON.clear()
    _WHOLE.clear()
    _OPENED.clear()


def note_whole(part: Study, whole: Study, segment: str) -> None:
    """Note the whole study behind one segment of it, which may be all: doubts are about its tables."""
    _OPENED[:] = [(part, whole, segment, staging_folder())]
    if part is not whole:
        # By identity: two studies may be equal, and a study of many rows is never compared.
        _WHOLE[id(part)] = whole


def _opened_now() -> list[tuple[Study, Study, str]]:
    """What this run opened: a warm kernel may still hold what the run before it did."""
    return [(part, whole, name) for part, whole, name, place in _OPENED if place == staging_folder()]


def segment_shown() -> str:
    """Return the segment that the page is about, ``"column=value"``; empty where it is about all."""
    return next((segment for _, _, segment in _opened_now()), "")


def whose_page() -> dict[str, str]:
    """Return whose the page is, as far as is known; empty where no study was opened."""
    from cxresearch.reporting.writing.reliance import Reliance

    boxes = [Reliance(study=whole, read_from=part, segment=segment) for part, whole, segment in _opened_now()]
    if boxes and _RELIED_ON:
        boxes = list(_RELIED_ON)
    return next((box.whose().to_dict() for box in boxes), {})


def before_you_rely(
    data: Study,
    notes: Sequence[str] = (),
    *,
    dated: Dated = "",
    kind: Kind = "any",
    weights: str = "",
    period: str = "",
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
    period : str
        Which days the figures are from, such as ``"2024-05"``; by default those of the tables that are read.
    """
    from cxresearch.reporting.writing.reliance import Reliance

    if not _opened_now():  # a study that the notebook read by itself
        note_whole(data, data, "")
    box = Reliance(
        study=_WHOLE.get(id(data), data),
        read_from=data,
        notes=tuple(notes),
        dated=dated,
        kind=kind,
        weights=weights,
        segment=segment_shown(),
        period=period,
    )
    _RELIED_ON[:] = [box]
    show_block(box.block(), "\n".join(box.items()), "reliance", display_id=_RELIANCE_ID)


def mapped_weights(data: Study) -> str | None:
    """Return the name of the column with weights of answers; None where the study maps none."""
    from cxresearch.reporting.writing import reliance

    return reliance.mapped_weights(data)


def unused_weights(data: Study, why: str) -> str:
    """Return, for ``weights=`` of `before_you_rely`, why this page does without the weights of answers."""
    from cxresearch.reporting.writing import reliance

    return reliance.unused_weights(data, why)


def write_reliance_again() -> None:
    """Write the box again, now that all tables were read that the page reads."""
    from IPython.display import update_display

    for box in _RELIED_ON:
        data = {"text/plain": "\n".join(box.items()), "text/html": box.block()}
        # raw: the page takes the markup as it is, for everything in it was escaped when it was made.
        write_again: Any = update_display
        write_again(data, display_id=_RELIANCE_ID, raw=True, metadata={"cxresearch": {"block": "reliance"}})
    _RELIED_ON.clear()
