"""What a parameter of a report names: a study, a codebook, a path, a secret."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.errors import DataError
from cxresearch.reporting.presenting.reliance_box import forget_reliance, note_whole
from cxresearch.reporting.writing.staged_files import private_file, staging_folder

if TYPE_CHECKING:
    from datetime import date

    from cxresearch.data.study import Study

#: Set by the runner in the kernel it starts: where relative paths count from.
BASE = "CXRESEARCH_BASE"
BUILT_IN = "built-in"


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
        ``"column=value"`` keeps the customers of one segment and their rows, ``"tickets.product=App"`` the
        rows of one group of answers or tickets; empty keeps everybody.
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
    from cxresearch.reporting.inputs import as_fingerprinted, note_inputs

    forget_reliance()
    cx: Any = import_module("cxresearch")
    opened: Study
    made_from: dict[str, Any] = {}
    if study == BUILT_IN:
        made_from = {"tier": "B", **synthetic}
        opened = cx.synthetic.synthetic_study(**made_from)
    else:
        opened = as_fingerprinted(lambda: cx.read_study(given_path(study)))
    if staging_folder():
        note_inputs(opened, private_file("inputs.json"), made_from)
    # Inputs are those of the whole study, whatever is cut from it afterwards.
    if as_of is not None:
        from cxresearch.reporting.writing.as_of_day import as_of_day

        opened = as_of_day(opened, as_of)
    if not segment:
        note_whole(opened, opened, "")
        return opened
    from cxresearch.reporting.writing.one_segment import narrow

    narrowed = narrow(opened, segment)
    note_whole(narrowed, opened, segment)
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
        # The name alone is noted; the publisher looks the value up and strikes it from all files.
        with private_file("secrets").open("a", encoding="utf-8") as file:
            file.write(name + "\n")
    return value
