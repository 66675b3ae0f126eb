"""Cells as text: what counts as no value, value maps, and how a column is read into an expression."""

from __future__ import annotations

from dataclasses import dataclass

from cxresearch.data.readers.connection import literal, quoted
from cxresearch.data.study_file.declarations import ColumnMap

#: What ``trim`` takes off: the separators of Unicode.
BLANKS = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
#: Texts that are empty or begin with one of these, as ranges: first, and after.
BLANK_STARTS = (
    ("", "!"),
    *((blank, chr(ord(blank) + 1)) for blank in "\u00a0\u1680\u202f\u205f\u3000"),
    ("\u2000", "\u200b"),
)


@dataclass(frozen=True, kw_only=True)
class ReadColumn:
    """SQL of one column.

    Attributes
    ----------
    target, value : str
        Column of the table, and the expression that gives its typed value.
    text : str
        Expression of the raw text (missing if there was no value); empty where reading cannot fail.
    faults : tuple of (str, str)
        Rule broken when there is a text but no value, each with the SQL condition under which it applies.
    plain, unusual : str
        An expression that gives the same value for less, if there is one, and the condition under which it
        does not. Conditions compare the bare column, so that a file's minima and maxima can rule them out.
    """

    target: str
    value: str
    text: str = ""
    faults: tuple[tuple[str, str], ...] = ()
    plain: str = ""
    unusual: str = ""


def read_text(target: str, column: ColumnMap, raw_type: str) -> ReadColumn:
    """Read a column of texts or ids."""
    value = mapped_text(column, raw_type)
    if column.constant is not None:
        return ReadColumn(target=target, value=value, plain=value)
    if column.values:
        return ReadColumn(target=target, value=value)
    text = as_text(column.column, raw_type)
    markers = [marker.strip() for marker in column.missing if marker.strip()]
    ranges = [*BLANK_STARTS, *((marker, marker[:-1] + chr(ord(marker[-1]) + 1)) for marker in markers)]
    begins = [f"{text} >= {literal(first)} AND {text} < {literal(after)}" for first, after in ranges]
    return ReadColumn(target=target, value=value, plain=text, unusual=" OR ".join(begins))


def as_text(name: str, raw_type: str) -> str:
    """Return a cell as text. A whole number stored as a float reads '7', not '7.0': ids often come so."""
    cell = quoted(name)
    if raw_type == "VARCHAR":
        return cell
    if raw_type in ("FLOAT", "DOUBLE"):
        whole = f"{cell} = floor({cell}) AND abs({cell}) < 9e15"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE CAST({cell} AS VARCHAR) END"
        )
    return f"CAST({cell} AS VARCHAR)"


def mapped_text(column: ColumnMap, raw_type: str) -> str:
    """Return a cell's text after its value map; missing where there is no value."""
    if column.constant is not None:
        return literal(column.constant)
    text = present(as_text(column.column, raw_type), column)
    if not column.values:
        return text
    branches = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in column.values.items())
    return f"nullif(CASE {text} {branches} ELSE {text} END, '')"


def present(text: str, column: ColumnMap) -> str:
    """Return a text, missing where it is empty or stands for no value."""
    gone = ", ".join(literal(marker.strip()) for marker in ("", *column.missing))
    return f"CASE WHEN trim({text}) IN ({gone}) THEN NULL ELSE {text} END"
