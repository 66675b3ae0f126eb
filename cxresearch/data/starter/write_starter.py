"""A first study.toml from the files of a folder: what was recognised, and what its owner has to decide."""

from __future__ import annotations

import filecmp
import re
from dataclasses import replace
from pathlib import Path

from cxresearch.data.formats.format_choices import StarterChoices, choices_of
from cxresearch.data.loading.unread_kinds import unread_reason
from cxresearch.data.readers.raw_inputs import READ_KINDS
from cxresearch.data.starter.first_look import inputs_of, look_at
from cxresearch.data.starter.lines.starter_revenue import RevenueFacts
from cxresearch.data.starter.lines.starter_text import file_text, snapshot_text, study_text
from cxresearch.data.starter.lines.toml_text import printable
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.starter.same_rows import with_same_rows
from cxresearch.data.starter.shared_ids import with_shared_ids
from cxresearch.data.starter.trial_reading import revenue_facts, with_settled_ends
from cxresearch.data.study_file.parse_study_file import read_cut
from cxresearch.errors import StudyError
from cxresearch.wording import only_if, shown

_DATA = READ_KINDS
_COPY = re.compile(r"[\W_]*(copy|kopie|copie|copia|\(\d+\))+$")


def write_starter_study(folder: str | Path) -> Path:
    r"""Write a first ``study.toml`` for the data files of a folder.

    Tables and columns are guessed by name and by the first 200 rows. What cannot be known is a comment marked
    ``TODO`` (the data cut, the direction of an effort scale, dates with two readings), and until it is
    decided the study is refused with a message that says so. Files that could not be read or placed are named
    in comments too, with the reason.

    Parameters
    ----------
    folder : str or Path
        Where the files are; subfolders are not looked into.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    StudyError
        If the folder is missing, holds no data file, or already has a ``study.toml``, which is never
        overwritten.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "accounts.csv").write_text("account_id,signup_date\na,2024-01-05\n")
    ...     text = write_starter_study(folder).read_text()
    >>> print(text[text.index("[[sources]]") :].strip())
    [[sources]]
    table = "customers"
    file = "accounts.csv"
    [sources.columns]
    customer_id = "account_id"
    started_at = "signup_date"
    # ended_at = ""
    """
    return start_study(folder).path


def start_study(folder: str | Path, *, until: str = "") -> StarterChoices:
    """Write a first ``study.toml`` as `write_starter_study` does, and return what was chosen for each file.

    Parameters
    ----------
    folder : str or Path
        Where the files are.
    until : str
        The day up to which the data are complete, if it is known: ``2024-12-31``.

    Raises
    ------
    StudyError
        As `write_starter_study`, or if ``until`` is no day.
    """
    folder = Path(folder)
    target = folder / "study.toml"
    if until:
        read_cut(until, "UTC", "--until")
    if not folder.is_dir():
        raise StudyError(
            f"{shown(folder.name)} is a file"
            if folder.exists()
            else f"there is no folder {shown(folder.name)}",
            where=str(folder),
            wanted="the folder that holds the data files",
        )
    if target.exists():
        raise StudyError(
            "there is a study.toml already; it is not overwritten",
            where=str(folder),
            next_step="edit it, or move it away",
        )
    files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    skipped = [f"{printable(file.name)}: {reason}" for file in files if (reason := _passed_over(file))]
    looks: list[RawLook] = []
    for file in files:
        if not _passed_over(file) and _plain_name(file).endswith(_DATA):
            _look_into(file, looks, skipped)
    if not looks and not skipped:
        raise StudyError(
            "there is no data file here", where=str(folder), wanted=f"a file in {', '.join(_DATA)}"
        )
    if not looks:
        raise StudyError(
            "there is no data file here that can be read",
            where=f"{folder}: {'; '.join(skipped[:5])}",
            wanted=f"a file in {', '.join(_DATA)}",
        )
    looks = with_shared_ids(looks)
    looks = [_same_name(look, looks[:position]) for position, look in enumerate(looks)]
    looks = with_same_rows(looks)
    general = [
        look for look in looks if look.guess.table == "revenue" and not look.export and _is_whole(look)
    ]
    facts = {look.name: revenue_facts(look, target) for look in general}
    name = printable(folder.resolve().name)
    text = snapshot_text(name, looks, skipped)
    if not text:
        text = study_text(name, looks, skipped, facts, until=until)
    # What tables say of each other needs all rows; of large files `check` says it.
    if all(map(_is_whole, looks)):
        text = with_settled_ends(text, target)
    target.write_text(text, encoding="utf-8")
    blocks = {look.name: file_text(look, facts.get(look.name, RevenueFacts())) for look in looks}
    return choices_of(target, text, looks, blocks, skipped)


def _is_whole(look: RawLook) -> bool:
    return look.share == 1 and not look.torn


def _plain_name(file: Path) -> str:
    return file.name.lower().removesuffix(".gz")


def _same_name(look: RawLook, before: list[RawLook]) -> RawLook:
    """Mark a file that may hold the rows of one before it: a copy, or the same in another format."""
    twins = [other for other in before if _stem(other) == _stem(look) and other.raw != look.raw]
    copies = [other for other in before if _same_bytes(other, look)]
    if look.raw.duckdb_table or look.raw.sqlite_table or look.raw.sheet or not (twins or copies):
        return look
    return replace(look, twin=(copies or twins)[0].name, same=bool(copies))


def _same_bytes(first: RawLook, second: RawLook) -> bool:
    if first.raw.path is None or second.raw.path is None or first.raw.path == second.raw.path:
        return False
    if first.raw.path.stat().st_size != second.raw.path.stat().st_size:
        return False
    return filecmp.cmp(first.raw.path, second.raw.path, shallow=False)


def _stem(look: RawLook) -> str:
    plain = look.raw.declared.lower().removesuffix(".gz").rsplit(".", 1)[0]
    return _COPY.sub("", plain)


def _passed_over(file: Path) -> str:
    """Say why a file that seems to hold data is not looked into; empty for the others."""
    reason = unread_reason(file.name)
    if reason:
        return reason
    if not _plain_name(file).endswith(_DATA):
        return ""
    unreadable = any("\ud800" <= letter <= "\udfff" for letter in file.name)
    return only_if(unreadable, "its name is not UTF-8: rename it")


def _look_into(file: Path, looks: list[RawLook], skipped: list[str]) -> None:
    """Add what a file holds, or why it could not be read."""
    try:
        inputs = list(inputs_of(file))
    except StudyError as error:
        skipped.append(f"{printable(file.name)}: {_reason(error)}")
        return
    for raw in inputs:
        inner = raw.duckdb_table or raw.sqlite_table
        name = file.name + only_if(inner, f", table {inner}") + only_if(raw.sheet, f", sheet {raw.sheet}")
        try:
            looks.append(look_at(raw, name))
        except StudyError as error:
            skipped.append(f"{printable(name)}: {_reason(error)}")


def _reason(error: StudyError) -> str:
    return error.problem + only_if(error.next_step, f"; {error.next_step}")
