"""What the columns of a result's table mean, count and are called: said once, beside its class.

The docstring of the class, its display in a notebook, the tables of a report and the column list beside a CSV
file read the same `TableSpec`, so no notebook repeats a heading, a unit or which columns are an interval.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from cxresearch.errors import ArgumentError
from cxresearch.results.table_text import NOT_AVAILABLE, interval_text, is_missing, value_text
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        Its name in the frame: ``"difference"``.
    label : str
        Its heading on a page: ``"difference of AUC"``.
    meaning : str
        What it holds, in a few words, for the docstring and the column list.
    unit : Unit, optional
        What its numbers count; formatting follows it. Without: whole numbers and two decimals.
    low, high : str
        Names of the columns that hold the ends of its interval; they are shown in the same cell.
    unit_from : str
        Name of the column that holds the unit of each row, where rows differ (a table of many metrics).
    side : bool
        The unit is that of a difference, and this column one of its sides: points, and a share.
    words : mapping, optional
        What a reader sees in place of a code: ``{"uno_c": "Uno's C"}``.
    missing : str
        What a reader sees where nothing is known.
    clock : bool
        A moment is shown with its time of day; without it to the day.
    """

    name: str
    label: str
    meaning: str
    unit: Unit | None = None
    low: str = ""
    high: str = ""
    unit_from: str = ""
    side: bool = False
    words: Mapping[Any, str] | None = None
    missing: str = NOT_AVAILABLE
    clock: bool = False

    def text(self, row: Mapping[Any, Any]) -> str:
        """Return the cell of a row as text, with its interval if the row has one.

        Examples
        --------
        >>> auc = Column(name="auc", label="AUC", meaning="area", unit=Unit.AUC, low="low", high="high")
        >>> auc.text({"auc": 0.61, "low": 0.58, "high": 0.64})
        '0.610 [0.580, 0.640]'
        """
        value = row[self.name]
        if self.words and value in self.words:
            return self.words[value]
        unit = self._unit_of(row)
        if self.low in row and self.high in row:
            return interval_text(value, row[self.low], row[self.high], unit)
        if is_missing(value):
            return self.missing
        return value_text(value, unit)

    def _unit_of(self, row: Mapping[Any, Any]) -> Unit | None:
        unit = self.unit
        if unit is None and not self.clock and isinstance(row[self.name], date):  # datetimes are dates
            return Unit.DATE
        if self.unit_from in row and row[self.unit_from] in set(Unit):
            unit = Unit(row[self.unit_from])
        if unit is not None and self.side:
            return unit.of_sides
        return unit


@dataclass(frozen=True, kw_only=True)
class WrittenTable:
    """A table as text: headings, how each column is aligned, and cells row by row.

    Attributes
    ----------
    headings : tuple of str
    alignment : tuple of {"number", "short", "text"}
        Numbers stand right, short text in one line.
    rows : tuple of tuple of str
        The rows written; the first of the frame.
    n_rows : int
        Rows of the frame.
    """

    headings: tuple[str, ...]
    alignment: tuple[Literal["number", "short", "text"], ...]
    rows: tuple[tuple[str, ...], ...]
    n_rows: int

    @property
    def n_left(self) -> int:
        """Rows of the frame that are not written."""
        return self.n_rows - len(self.rows)


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """The columns of a table, in the order in which they are shown.

    Attributes
    ----------
    columns : tuple of Column
        Columns of the frame that are neither named here nor ends of an interval stay in `to_frame` and in the
        CSV file but are not shown.
    title : str
        What the table holds, its caption on a page. Fields of the result may stand in braces, ``{level}`` is
        the level in words: ``"AUC with {level} intervals; {n:,} rows"``.
    groups_first : bool
        Columns that are not named here are groups of the user: shown first, under their own names.

    Examples
    --------
    >>> import pandas as pd
    >>> spec = TableSpec(
    ...     title="AUC of each score",
    ...     columns=(
    ...         Column(name="score", label="score", meaning="the score judged"),
    ...         Column(name="auc", label="AUC", meaning="area", unit=Unit.AUC, low="low", high="high"),
    ...     ),
    ... )
    >>> frame = pd.DataFrame({"score": ["CES"], "auc": [0.61], "low": [0.58], "high": [0.64], "se": [0.015]})
    >>> written = spec.write(frame)
    >>> written.headings, written.rows
    (('score', 'AUC'), (('CES', '0.610 [0.580, 0.640]'),))
    """

    columns: tuple[Column, ...]
    title: str = ""
    groups_first: bool = False

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ArgumentError(
                f"two columns of a table spec are called {twice[0]!r}", wanted="names that differ"
            )

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def relabel(self, **labels: str) -> TableSpec:
        """Return the spec with other headings, for a result that names its sides: ``relabel(auc="CES")``."""
        spec = self
        for name, label in labels.items():
            spec = spec.change(name, label=label)
        return spec

    def change(self, name: str, **attributes: Any) -> TableSpec:
        """Return the spec with one column changed, for what only the result knows, such as its unit."""
        if name not in {column.name for column in self.columns}:
            raise ArgumentError(
                f"the table has no column {name!r}",
                wanted="one of " + ", ".join(column.name for column in self.columns),
            )
        place = [column.name for column in self.columns].index(name)
        columns = list(self.columns)
        columns[place] = dataclasses.replace(columns[place], **attributes)
        return dataclasses.replace(self, columns=tuple(columns))

    def without(self, *names: str) -> TableSpec:
        """Return the spec without some of its columns."""
        return dataclasses.replace(
            self, columns=tuple(column for column in self.columns if column.name not in names)
        )

    def select(self, *names: str) -> TableSpec:
        """Return the spec of some of the columns, in the order named."""
        return dataclasses.replace(self, columns=tuple(self[name] for name in names))

    def ends(self) -> set[str]:
        """Return the names of the columns that hold ends of intervals or units of rows."""
        return {
            name for column in self.columns for name in (column.low, column.high, column.unit_from) if name
        }

    def shown(self, frame: pd.DataFrame) -> tuple[Column, ...]:
        """Return the columns that are shown of a frame.

        A column that the frame lacks, or that holds no note at all, is left away.
        """
        named = [column for column in self.columns if column.name in frame.columns]
        filled = [column for column in named if not _is_blank(frame[column.name])]
        return (*self._groups(frame), *filled)

    def _groups(self, frame: pd.DataFrame) -> tuple[Column, ...]:
        if not self.groups_first:
            return ()
        spoken_for = self.ends() | {column.name for column in self.columns}
        names = [name for name in frame.columns if name not in spoken_for]
        return tuple(Column(name=name, label=str(name), meaning="group") for name in names)

    def write(self, frame: pd.DataFrame, *, max_rows: int | None = None) -> WrittenTable:
        """Write the cells of a frame as text.

        Parameters
        ----------
        frame : pandas DataFrame
            One row a line; the index is not shown.
        max_rows : int, optional
            Rows written; all by default.

        Returns
        -------
        WrittenTable
        """
        columns = self.shown(frame)
        records = frame.iloc[:max_rows].to_dict("records")
        rows = tuple(tuple(column.text(row) for column in columns) for row in records)
        return WrittenTable(
            headings=tuple(column.label for column in columns),
            alignment=tuple(
                _alignment(frame[column.name], [row[place] for row in rows])
                for place, column in enumerate(columns)
            ),
            rows=rows,
            n_rows=len(frame),
        )

    def column_list(self) -> pd.DataFrame:
        """Return the columns with label, unit and meaning, as published beside a CSV file."""
        import pandas as pd

        rows = [
            {
                "column": column.name,
                "label": column.label,
                "unit": column.unit or column.unit_from,
                "low": column.low,
                "high": column.high,
                "meaning": column.meaning,
            }
            for column in self.columns
        ]
        return pd.DataFrame(rows)

    def documented(self) -> str:
        """Return the columns as lines of a docstring."""
        return "\n".join(_documented(column) for column in self.columns)


def spec_of_frame(
    frame: pd.DataFrame,
    *,
    labels: Mapping[Any, str] | None = None,
    units: Mapping[Any, Unit] | None = None,
    intervals: Mapping[Any, tuple[str, str]] | None = None,
) -> TableSpec:
    """Return the spec of a frame that no result describes: every column, under its name with spaces.

    Parameters
    ----------
    frame : pandas DataFrame
        The table.
    labels, units, intervals : mapping, optional
        By column: heading, unit, and the names of the columns that hold the ends of its interval.

    Raises
    ------
    ArgumentError
        If a column is named that the frame does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"median_days": [3.0], "low": [2.0], "high": [4.0]})
    >>> spec_of_frame(frame, intervals={"median_days": ("low", "high")}).write(frame).rows
    (('3.00 [2.00, 4.00]',),)
    """
    labels, units, intervals = labels or {}, units or {}, intervals or {}
    ends = {end for pair in intervals.values() for end in pair}
    _check_named({*labels, *units, *intervals, *ends}, list(frame.columns))
    columns = []
    for name in frame.columns:
        if name not in ends:
            low, high = intervals.get(name, ("", ""))
            label = labels.get(name, str(name).replace("_", " "))
            columns.append(
                Column(
                    name=name,
                    label=label,
                    meaning="",
                    unit=units.get(name),
                    low=low,
                    high=high,
                    # Nobody said that a day is meant, so nothing of it is left away.
                    clock=True,
                )
            )
    return TableSpec(columns=tuple(columns))


def _check_named(names: set[Any], columns: Sequence[Any]) -> None:
    missing = [name for name in names if name not in columns]
    if missing:
        raise ArgumentError(
            f"the table has no column {min(missing, key=str)!r}",
            wanted="one of " + ", ".join(map(str, columns)),
        )


def _documented(column: Column) -> str:
    parts = [f"``{column.name}``"]
    if column.unit:
        parts.append(f"({column.unit})")
    text = " ".join(parts) + f": {column.meaning}"
    if column.low:
        text += f"; interval ``{column.low}`` to ``{column.high}``"
    return text


def _is_blank(column: pd.Series[Any]) -> bool:
    """Whether a column of notes notes nothing."""
    if column.name != "note":
        return False
    return bool((column.isna() | (column == "")).all())


#: Text up to so many characters, such as a date, stays in one line.
_SHORT = 12


def _alignment(column: pd.Series[Any], cells: Sequence[str]) -> Literal["number", "short", "text"]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    # pandas counts booleans as numbers; "yes" and "no" are read from the left.
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        return "number"
    if max(map(len, cells), default=0) <= _SHORT:
        return "short"
    return "text"
