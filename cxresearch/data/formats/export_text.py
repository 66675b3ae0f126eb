"""The source that a study file has for the export of a vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxresearch.data.formats.export_columns import export_columns, inline
from cxresearch.data.formats.recognise_export import Recognised
from cxresearch.data.formats.vendor_format import ExportColumn
from cxresearch.data.starter.lines.starter_columns import column_lines
from cxresearch.data.starter.lines.starter_survey import with_scores
from cxresearch.data.starter.lines.toml_text import key, toml
from cxresearch.data.starter.raw_look import RawLook
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.data.validation.outcome_names import snake
from cxresearch.wording import listed, only_if, shown


def export_lines(look: RawLook, match: Recognised, reader: list[str], extra: list[str]) -> list[str]:
    """Return the sources of an export: its table, and the further ones that its rows feed.

    Parameters
    ----------
    look : RawLook
        What its file has shown.
    match : Recognised
        What it was recognised as.
    reader : list of str
        The lines that say how the file is written.
    extra : list of str
        Further lines of columns, such as segments.
    """
    export = match.export
    lines = [
        _recognition(match),
        *only_if_note(export.note),
        "[[sources]]",
        f'table = "{export.table}"',
        *reader,
    ]
    lines += _reading_lines(look, match)
    lines += _where_lines(look, match)
    lines += _row_lines(match)
    lines += [f"# TODO {question.format(mrr=match.columns().get('mrr', 'mrr'))}" for question in export.ask]
    lines += _unexpected(look, match)
    lines.append("[sources.columns]")
    lines += _column_lines(look, match)
    lines += extra
    if export.scores and "comment" in look.guess.columns:
        lines.append(f"comment = {toml(look.guess.columns['comment'])}")
    if export.scores and look.guess.survey.found:
        lines = with_scores(look, lines, blank="not_asked")
    elif export.scores:
        lines += [
            "# TODO which column holds the answers to which question?",
            "# [sources.scores]",
            '# nps = ""',
        ]
    return [*lines, *_further_tables(look, match, reader)]


def instrument_scales(match: Recognised) -> dict[str, str]:
    """Return the scales of questions that the vendor fixes, as they stand in a study file."""
    return {name: f"{key(name)} = {inline(scale)}" for name, scale in match.export.instruments.items()}


def left_out_text(look: RawLook, match: Recognised) -> str:
    """Return the comment for an export that feeds no table by itself."""
    return f"# left out: {look.name} is {match.title}: {match.left_out}\n"


def only_if_note(note: str) -> list[str]:
    """Return a note as a comment."""
    if note:
        return [f"# {note}"]
    return []


def _recognition(match: Recognised) -> str:
    has, of = len(match.headers), len(match.export.headers)
    return f"# {match.title}: {has} of {of} of its columns"


def _reading_lines(look: RawLook, match: Recognised) -> list[str]:
    export = match.export
    # Only markers that occur are declared: a marker nobody uses would hide a value.
    seen = [marker for marker in export.missing if any(marker in values for values in look.sample.values())]
    markers = [*dict.fromkeys((*look.missing, *seen))]
    lines = [f"missing = {inline(markers)}"] if markers else []
    if export.zone:
        lines.append(f"timezone = {toml(export.zone)}")
    elif export.ask_zone and not look.zones:
        lines.append(f'timezone = "UTC"  # TODO check: {export.ask_zone}')
    unique = match.column(export.unique)
    # A key that repeats would set rows aside that are answers of their own.
    if unique and len(set(look.sample[unique])) == len(look.sample[unique]):
        lines.append(f"unique = [{toml(unique)}]")
    return lines


def _where_lines(look: RawLook, match: Recognised) -> list[str]:
    export = match.export
    # What the vendor says comes first; what rows look like only adds columns it does not speak of.
    conditions: dict[str, str] = {}
    for header, condition in {**export.optional_where, **export.where}.items():
        raw = match.column(header)
        if raw:
            conditions[raw] = inline(condition)
    remarks = []
    for entry in look.unwanted:
        if entry.rows and entry.column not in conditions:
            conditions[entry.column] = entry.condition
            remarks.append(f"{entry.rows:,} by {shown(entry.column)} ({entry.what})")
    if not conditions:
        return []
    said = ", ".join(f"{key(column)} = {condition}" for column, condition in conditions.items())
    remark = only_if(remarks, f"  # leaves out {'; '.join(remarks)}")
    return [f"where = {{ {said} }}{remark}"]


def _row_lines(match: Recognised) -> list[str]:
    export = match.export
    lines = []
    if export.rows:
        lines.append(f'rows = "{export.rows}"')
    if export.ends:
        lines.append(f'ends = "{export.ends}"  # {export.ends_note}')
    return lines


def _unexpected(look: RawLook, match: Recognised) -> list[str]:
    """Values outside of which the vendor's columns mean something else."""
    lines = []
    for header, allowed in match.export.expect.items():
        raw = match.column(header)
        others = [value for value in dict.fromkeys(look.sample.get(raw, ())) if value not in allowed]
        if others:
            lines.append(f"# TODO {shown(raw)} is {listed(others, most=3)} too: amounts of other intervals")
    return lines


def _column_lines(look: RawLook, match: Recognised) -> list[str]:
    export = match.export
    columns = {**export.columns}
    # Ids that files share outweigh the column that usually names the customer.
    chosen = look.guess.columns.get("customer_id", "")
    if chosen and chosen == look.matched:
        columns["customer_id"] = ExportColumn(names=(chosen,))
    lines = export_columns(match, export.table, columns, look.sample, look.zones)
    present = {target for target in columns if match.first_of(columns[target]) or columns[target].constant}
    required = LAYOUTS[export.table].required
    for target in required:
        if target not in present and not (export.scores and target in ("instrument", "score")):
            lines += _absent_lines(look, match, target, columns.get(target))
    return [_with_link(look, line) for line in lines]


def _with_link(look: RawLook, line: str) -> str:
    """Say whether the customers of a file are in the list of customers."""
    if not line.startswith("customer_id = "):
        return line
    if look.matched:
        return f"{line}  # its values are those that the other files share"
    if look.linked is None or look.linked > 0:
        return line
    return f"{line}  # TODO check: none of its first values is in the list of customers"


def _absent_lines(look: RawLook, match: Recognised, target: str, column: ExportColumn | None) -> list[str]:
    """What to say of a required column that the file should have: renamed, perhaps, or cut off."""
    if column is None and target == "instrument" and look.guess.table == "responses":
        return _instrument_lines(look)
    headers = listed(column.names if column else ())
    alike = look.guess.columns.get(target, "")
    vendor = match.export.vendor
    if not headers:
        return [f"# TODO required: {target}, which {vendor} does not export", f'# {target} = ""']
    called = f"{vendor} calls it {headers}"
    if alike:
        lines = column_lines(target, alike, look.sample[alike], LAYOUTS[match.export.table].kind(target))
        return [*lines[:-1], f"{lines[-1]}  # TODO check: {called}, which is not here; renamed?"]
    return [
        f"# TODO required: {target}; {called}, which is not here: was it renamed or cut off?",
        f'# {target} = ""',
    ]


def _instrument_lines(look: RawLook) -> list[str]:
    spoken = [name for name in ("nps", "csat", "ces") if name in snake(look.name)]
    if spoken:
        return [f'instrument = {{ constant = "{spoken[0]}" }}  # TODO check: by the name of the file']
    return ["# TODO which instrument is this?", '# instrument = { constant = "nps" }']


def _further_tables(look: RawLook, match: Recognised, reader: list[str]) -> list[str]:
    lines: list[str] = []
    # A list of tickets with their ratings is two tables at once.
    for second in match.export.also:
        if not look.sample.get(match.column(second.when)):
            continue
        where = {match.column(header): condition for header, condition in second.where.items()}
        lines += ["", "[[sources]]", f'table = "{second.table}"', *reader, *_reading_lines_of(look, match)]
        lines += [f"where = {inline(where)}", "[sources.columns]"]
        columns: Mapping[str, Any] = second.columns
        if look.matched:
            columns = {**columns, "customer_id": ExportColumn(names=(look.matched,))}
        lines += export_columns(match, second.table, columns, look.sample, look.zones)
    return lines


def _reading_lines_of(look: RawLook, match: Recognised) -> list[str]:
    """How the same file is read for a further table: without the key that tells tickets apart."""
    return [line for line in _reading_lines(look, match) if not line.startswith("unique")]
