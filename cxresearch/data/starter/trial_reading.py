"""A first study file is tried before its owner sees it: what its tables say of each other is asked."""

from __future__ import annotations

import re
from pathlib import Path

from cxresearch.data.readers.open_study import open_study_file
from cxresearch.data.starter.lines.starter_revenue import RevenueFacts
from cxresearch.data.starter.lines.starter_text import file_text
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.study_file.declarations import StudyFile
from cxresearch.data.study_file.parse_study_file import parse_study_text
from cxresearch.data.validation.ended_levels import can_contradict, count_still_paying
from cxresearch.data.validation.judged_tables import CheckedTables
from cxresearch.data.validation.revenue_evidence import end_evidence, snapshot_evidence
from cxresearch.errors import StudyError

#: A cut that nothing lies behind: what is known is asked about, whenever the owner will cut.
_NO_CUT = "observed_until = 2199-12-31"
#: What is assumed to look at all rows, where a first study file asks: it bears on amounts, not on dates.
_ASSUMED = (
    (r"^# ends = .*$", 'ends = "exclusive"'),
    (r'^# mrr = ""$', 'mrr = { constant = "1" }'),
    (r"^# mrr = ", "mrr = "),
    (r"^# level_of = ", "level_of = "),
)


def with_settled_ends(text: str, file: Path) -> str:
    """Return the study file with a section ``[revenue]`` where customers who ended go on paying.

    Parameters
    ----------
    text : str
        The study file as far as it is known; it is returned unchanged if it cannot be read yet.
    file : Path
        Where it will stand.
    """
    tried = _tried(text, file)
    if tried is None:
        return text
    tables, study = tried
    try:
        paying, ended = 0, 0
        if can_contradict(tables):
            paying, ended = count_still_paying(tables, study.observed_until)
    except StudyError:
        return text
    if not paying:
        return text
    lines = (
        f"# TODO {paying:,} of {ended:,} customers who ended go on paying: their revenue does not fall to 0.",
        '# "at_ended_at": they stop paying when they end; "at_zero": they pay until a level of 0.',
        "[revenue]",
        '# ends = "at_ended_at"',
    )
    return text.replace("\n[instruments]\n", "\n" + "\n".join(lines) + "\n\n[instruments]\n", 1)


def revenue_facts(look: RawLook, file: Path) -> RevenueFacts:
    """Return what all rows of a revenue file show, read as its first lines say, if they can be."""
    assumed = file_text(look, RevenueFacts())
    for asked, assumption in _ASSUMED:
        assumed = re.sub(asked, assumption, assumed, flags=re.MULTILINE)
    try:
        study = parse_study_text(f"[study]\n{_NO_CUT}\n{assumed}", file)
        connection = open_study_file(study, {}).connection
        assert connection is not None  # noqa: S101 - a study of files has one
        if any(source.rows == "subscriptions" for source in study.sources):
            return RevenueFacts(ends=end_evidence(connection, "typed_revenue"))
        return RevenueFacts(snapshots=snapshot_evidence(connection, "typed_revenue"))
    except StudyError:
        return RevenueFacts()


def _tried(text: str, file: Path) -> tuple[CheckedTables, StudyFile] | None:
    """The study as far as it can be opened; None where a TODO stands in the way."""
    try:
        study = parse_study_text(re.sub(r"^# observed_until = .*$", _NO_CUT, text, flags=re.MULTILINE), file)
        opened = open_study_file(study, {})
    except StudyError:
        return None
    tables = CheckedTables(
        opened.typed,
        plain=opened.plain,
        cut=study.observed_until,
        instruments=study.instruments,
        keyed=opened.keyed,
        kept=opened.kept,
        connection=opened.connection,
    )
    return tables, study
