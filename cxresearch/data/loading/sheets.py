"""Sheets of Excel and OpenDocument workbooks as tables of text, so that they are read like any text file."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxresearch.data.loading.extras import extra
from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError
from cxresearch.wording import did_you_mean, listed, shown

SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def sheet_names(path: Path) -> list[str]:
    """Return the names of a workbook's sheets, in order.

    Raises
    ------
    StudyError
        If it is no workbook, or opens with a password only.
    """
    return [str(name) for name in _workbook(path).sheet_names]


def sheet_rows(raw: RawInput, path: Path) -> list[list[str]]:
    """Return all rows of a sheet as text: ISO dates, whole numbers without a point, empty cells as ``""``.

    Raises
    ------
    StudyError
        If there is no such sheet, or several and none is named.
    """
    book = _workbook(path)
    names = [str(name) for name in book.sheet_names]
    name = raw.sheet
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        problem = f"sheet {shown(name)} is not in the workbook" if name else "the workbook has several sheets"
        raise StudyError(
            problem,
            where=path.name,
            wanted=f"sheet = one of {listed(names)}",
            next_step=did_you_mean(name, names),
        )
    cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return [[_text(cell) for cell in row] for row in cells]


def read_sheet(raw: RawInput, path: Path) -> tuple[pa.Table, frozenset[str]]:
    """Return a sheet as a table of text, and the names that its header repeats.

    ``header_row`` and ``skip_rows`` mean what they mean for text files. Rows without any value are left out.

    Raises
    ------
    StudyError
        If the sheet has no header or no row.
    """
    rows = sheet_rows(raw, path)
    if len(rows) < raw.header_row or not any(rows[raw.header_row - 1]):
        raise StudyError(
            f"line {raw.header_row} of the sheet holds no names",
            where=path.name,
            wanted="header_row = the line of names",
        )
    header = rows[raw.header_row - 1]
    while header and not header[-1]:
        header.pop()
    body = [row for row in rows[raw.header_row + raw.skip_rows :] if any(row)]
    if not body:
        raise StudyError("the table is empty: there is a header but no row", where=path.name)
    # Names without regard to case, as the engine has them.
    repeated = frozenset(name for name in header if name and header.count(name) > 1)
    columns: dict[str, list[str | None]] = {}
    for position, name in enumerate(header):
        label = name or f"column_{position + 1}"
        while label.casefold() in {known.casefold() for known in columns}:
            label += "_2"
        columns[label] = [row[position] or None if position < len(row) else None for row in body]
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), repeated


def _workbook(path: Path) -> Any:
    calamine = extra("python_calamine", name="excel", what="a spreadsheet")
    try:
        return calamine.CalamineWorkbook.from_path(str(path))
    except calamine.PasswordError:
        raise StudyError(
            "the workbook opens with a password only", where=path.name, next_step="save it without one"
        ) from None
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise StudyError(
            f"the workbook cannot be read: {shown(error, longest=120)}", where=path.name
        ) from None


def _text(cell: Any) -> str:
    """A cell as a text file would have it."""
    if isinstance(cell, bool):
        return str(cell).lower()
    # A workbook stores 9 as 9.0 and 0.1 with 17 digits; 15 are exact in decimal.
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return f"{cell.total_seconds():.15g}"
    return str(cell).strip()
