"""The text of a first study.toml: what was recognised as keys, what is to be decided as comments."""

from __future__ import annotations

from collections.abc import Mapping

from cxresearch.data.formats.export_text import export_lines, instrument_scales, left_out_text
from cxresearch.data.formats.recognise_export import Recognised
from cxresearch.data.formats.settled_cut import settled_cut
from cxresearch.data.readers.cells.time_sql import is_iso
from cxresearch.data.starter.guess_table import guess_snapshot
from cxresearch.data.starter.lines.starter_columns import is_dated, snapshot_lines
from cxresearch.data.starter.lines.starter_customers import customer_lines
from cxresearch.data.starter.lines.starter_open import open_lines
from cxresearch.data.starter.lines.starter_revenue import RevenueFacts
from cxresearch.data.starter.lines.starter_source import (
    head_lines,
    reader_lines,
    scores_beside,
    source_lines,
    unused_lines,
)
from cxresearch.data.starter.lines.starter_survey import faces_source, instrument_lines, instruments_of
from cxresearch.data.starter.lines.toml_text import printable, toml
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.wording import listed, only_if, shown

_TABLES = "customers, responses, revenue, tickets, usage, orders or events"
_NO_FACTS = RevenueFacts()
_TARGETS = ("nps = 40", 'sla_attainment = "90 %"')


def study_text(
    name: str,
    looks: list[RawLook],
    skipped: list[str],
    facts: Mapping[str, RevenueFacts] | None = None,
    *,
    until: str = "",
) -> str:
    """Return the study file.

    Parameters
    ----------
    name : str
        Of the study.
    looks : list of RawLook
        Files that could be read.
    skipped : list of str
        Those that could not, each with the reason.
    facts : mapping of str to RevenueFacts, optional
        What all rows of revenue files have shown, by name of the file.
    until : str
        The end of observation, if it was given.
    """
    sources = [file_text(look, (facts or {}).get(look.name, _NO_FACTS)) for look in looks]
    instruments: dict[str, list[str]] = {}
    for look in looks:
        if look.guess.table:
            instruments |= instruments_of(look)
    fixed: dict[str, str] = {}
    for look in looks:
        if look.guess.table and look.export:
            fixed |= instrument_scales(look.export)
    # A known vendor fixes the scale of what it asks: nothing is left to ask.
    instruments = {name: values for name, values in instruments.items() if name not in fixed}
    cut, why = settled_cut(looks)
    latest = max((_latest(look) for look in looks), default="")
    seen = only_if(latest, f" (latest time seen in the first rows: {latest})")
    head = [
        "# A first study file, written from what was found. Decide every TODO, then run: cxresearch check .",
        "# All keys are explained in docs/study-file.md.",
        "",
        "[study]",
        f"name = {toml(name)}",
        *_cut_lines(until, cut, why, seen, latest),
        '# after_cut = "leave_out"  # if files go on after that day: rows after it are left out and counted',
        _zone_line(looks),
        '# currency = "EUR"',
        "",
        "[instruments]",
        *fixed.values(),
        *[line for name, values in instruments.items() for line in instrument_lines(name, values)],
        "",
        "# [targets]  # what figures of the scorecard should reach; it says met, missed, or cannot tell",
        *[f"# {target}" for target in _TARGETS],
        "",
        *(f"# not read: {printable(line)}" for line in skipped),
    ]
    return "\n".join(head) + "\n" + "\n".join(sources)


def snapshot_text(name: str, looks: list[RawLook], skipped: list[str]) -> str:
    """Return the study file of a single list of customers who have no start and no end; else empty."""
    look = looks[0]
    times = {column for column, values in look.sample.items() if any(map(is_dated, values))}
    sample = {column: values for column, values in look.sample.items() if column not in times}
    guess = guess_snapshot(sample)
    # Two files, or a table with times, are a study over time.
    # An export of a vendor is what its vendor says, though it feeds no table.
    if len(looks) > 1 or guess is None or look.export or (times and look.guess.table):
        return ""
    head = [
        "# A first study file, written from what was found. Decide every TODO, then run: cxresearch check .",
        "# All keys are explained in docs/study-file.md.",
        "",
        "[study]",
        f"name = {toml(name)}",
        'kind = "snapshot"  # TODO check: who left is known, but not when; nobody can tell what came first',
        "",
        *(f"# not read: {printable(line)}" for line in skipped),
        *head_lines(look, "customers"),
        "[sources.columns]",
        *snapshot_lines(sample, guess),
        *(f"# not used, a date that is no start and no end: {shown(column)}" for column in sorted(times)),
    ]
    return "\n".join(head) + "\n"


def _cut_lines(until: str, cut: str, why: str, seen: str, latest: str) -> list[str]:
    """The end of observation: as given, as exports settle it, or asked about."""
    if until:
        return [f"observed_until = {until}"]
    if cut:
        return [f"observed_until = {cut}  # TODO check: {why}"]
    return [
        "# TODO the day up to which the data are complete; without it nothing can be censored" + seen,
        *(f"# {line}" for line in (why,) if line),
        "# observed_until = " + (latest or "2024-12-31"),
    ]


def _zone_line(looks: list[RawLook]) -> str:
    """The zone of the study, asked about unless every file says its own."""
    said = [look.export.export.zone or look.zones for look in looks if look.guess.table and look.export]
    placed = [look for look in looks if look.guess.table]
    # One file without a zone of its own is enough to need that of the study.
    if placed and len(said) == len(placed) and all(said):
        return 'timezone = "UTC"  # of days and months; every file says its own zone of times'
    return 'timezone = "UTC"  # TODO the zone of clock times written without an offset'


def file_text(look: RawLook, facts: RevenueFacts) -> str:
    """Return what the study file says of one file: its sources, or why it has no place."""
    return "".join(f"{line}\n" for line in _part_lines(look)) + _file_text(look, facts)


def _part_lines(look: RawLook) -> list[str]:
    """What was looked at, where it was not the whole file."""
    lines = []
    if look.share < 1:
        part = f"{look.share:.1%} of {printable(look.name)}: first, middle and last rows"
        lines.append(f"# looked at {part}; counts and days are of these, cxresearch check reads all")
    if look.torn:
        lines.append(
            f"# TODO required: a whole file; {look.torn}, so it is half an export: fetch it again, "
            "or delete that line if nothing else is lost"
        )
    return lines


def _file_text(look: RawLook, facts: RevenueFacts) -> str:
    table = look.guess.table
    if look.export and look.export.left_out:
        return left_out_text(look, look.export)
    if not table:
        return _unplaced_text(look)
    if look.export:
        text = "\n".join(_export_lines(look, look.export)) + "\n"
    else:
        text = _general_text(look, facts)
    if look.overlap:
        text = f"# TODO {printable(look.overlap)}\n{_commented(text)}"
    if look.same:
        text = _commented(text)
        twin = printable(look.twin)
        text = f"# the same as {twin} to the byte: left out, its rows would count twice\n{text}"
    return text


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _export_lines(look: RawLook, match: Recognised) -> list[str]:
    """The sources of a vendor's export, with segments of customers and what found no place."""
    extra: list[str] = []
    used = match.known()
    if look.guess.table == "customers":
        extra, columns = customer_lines(look)
        used |= columns
    used |= {
        *look.guess.columns.values(),
        *look.guess.survey.scores.values(),
        *look.guess.survey.worded.values(),
    }
    used |= {column for columns in look.guess.survey.rivals.values() for column in columns}
    if look.guess.table != "customers":
        extra, columns = open_lines(look, used)
        used |= columns
    return [*export_lines(look, match, reader_lines(look.raw), extra), *unused_lines(look, used)]


def _general_text(look: RawLook, facts: RevenueFacts) -> str:
    """The sources of a file of no known vendor."""
    lines = source_lines(look, facts)
    lines += faces_source(look, reader_lines(look.raw))
    text = "\n".join(lines) + "\n"
    if look.guess.table != "responses" and look.guess.survey.scores:
        text += "\n" + "\n".join(scores_beside(look)) + "\n"
    if look.resembles:
        lacking = listed(look.resembles.absent, most=4)
        text = (
            f"# TODO check: resembles {look.resembles.title}, without {lacking}: renamed, or cut off?\n{text}"
        )
    return text


def _unplaced_text(look: RawLook) -> str:
    names = ", ".join(shown(column) for column in look.guess.further[:8])
    return "\n".join(
        (
            f"# not placed: {printable(look.name)} (columns {names})",
            f"# TODO leave it out, or say what it is: a table ({_TABLES}) and its columns",
            "# [[sources]]",
            '# table = ""',
            *(f"# {line}" for line in reader_lines(look.raw)),
            "# [sources.columns]",
            '# customer_id = ""\n',
        )
    )


def _latest(look: RawLook) -> str:
    times = [
        value[:10]
        for target, column in look.guess.columns.items()
        if look.guess.table and LAYOUTS[look.guess.table].kind(target) == "time" and target != "due_at"
        for value in look.sample[column]
        if is_iso(value) and len(value) >= 10
    ]
    return max(times, default="")
