"""What all results share: finding, table and notes, as text, as HTML, as a frame and as a dictionary."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from functools import singledispatch
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.errors import ArgumentError
from cxresearch.results.table_spec import TableSpec, WrittenTable, spec_of_frame
from cxresearch.results.templating import render_html

if TYPE_CHECKING:
    import pandas as pd

#: Rows of a table before the rest is folded away, and rows of a display in all.
SHOWN_ROWS = 20
FOLDED_ROWS = 200
#: Notes before the rest is folded away, and letters of a finding that are read at one glance.
SHOWN_NOTES = 4
GLANCE = 200


class Result:
    """Mixin of the frozen result classes.

    A result class holds a main table called ``table`` (a pandas DataFrame), ``notes`` (a tuple of sentences:
    what the reader must know) and ``finding`` (the answer in a sentence), as fields or properties. It names
    the columns of its frames in ``specs``, by the field that holds the frame; the docstring then lists them.

    Attributes
    ----------
    specs : mapping of str to TableSpec
        Columns of each frame the result holds; ``"table"`` is the main one.

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.results.table_spec import Column, TableSpec
    >>> from cxresearch.results.units import Unit
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Shares(Result):
    ...     "Shares of answers."
    ...
    ...     table: pd.DataFrame
    ...     finding: str
    ...     notes: tuple[str, ...] = ()
    ...     share = Column(name="share", label="share", meaning="of all answers", unit=Unit.SHARE)
    ...     specs = {"table": TableSpec(columns=(share,))}
    >>> Shares(table=pd.DataFrame({"share": [0.25]}), finding="One in four.", notes=("Small.",))
    One in four.
     share
    25.0 %
    Small.
    """

    specs: ClassVar[Mapping[str, TableSpec]] = {}

    if TYPE_CHECKING:  # fields or properties of each result class

        @property
        def finding(self) -> str:
            """The answer in a sentence."""

        @property
        def notes(self) -> tuple[str, ...]:
            """What the reader must know."""

        @property
        def table(self) -> pd.DataFrame:
            """The main table."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Result.__repr__  # type: ignore[method-assign] # before dataclass writes its own
        if cls.specs and cls.__doc__ and "specs" in cls.__dict__:
            cls.__doc__ = _with_columns(inspect.cleandoc(cls.__doc__), cls.specs)

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns of one of its frames mean; a class may override it to name sides."""
        if name in self.specs:
            return self.specs[name]
        return spec_of_frame(self.to_frame(name))

    def caption(self, name: str = "table") -> str:
        """Return the title of one of its frames, with the figures of this result in it."""
        return self.fill(self.spec(name).title)

    def fill(self, text: str) -> str:
        """Return a text with fields of this result where it names them.

        Parameters
        ----------
        text : str
            ``"{n} rows of {n_customers} customers, {level} intervals"``. Whole numbers get thousands
            separators, ``{level}`` is the level in words, sentences are joined; other formats stand behind a
            colon, ``{margin:g}``.

        Examples
        --------
        >>> import cxresearch as cx
        >>> cx.nps([10] * 900 + [6] * 300).fill("{name} of {n} answers, {level} interval, {not_a_field}")
        'NPS of 1,200 answers, 95 % interval, {not_a_field}'
        """
        return _FIELD.sub(lambda match: _field_text(self, match), text)

    def to_frame(self, name: str = "table") -> pd.DataFrame:
        """Return a copy of one of its frames, by default the main table.

        Parameters
        ----------
        name : str
            The field that holds the frame: ``"table"``, ``"contrasts"``.

        Raises
        ------
        ArgumentError
            If the result has no frame of that name.
        """
        frame: pd.DataFrame | None = getattr(self, name, None)
        if frame is None or not hasattr(frame, "columns"):
            raise ArgumentError(
                f"{type(self).__name__} has no table {name!r}",
                wanted="one of " + ", ".join(self.specs or ["table"]),
            )
        return frame.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for JSON."""
        assert dataclasses.is_dataclass(self)  # noqa: S101 - a programming error, not input
        return {field.name: as_plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def __str__(self) -> str:
        lines = [getattr(self, "finding", type(self).__name__)]
        frame: pd.DataFrame | None = getattr(self, "table", None)
        if frame is not None and hasattr(frame, "columns"):
            lines.append(_as_text(self.spec().write(frame, max_rows=SHOWN_ROWS)))
        return "\n".join([*lines, *getattr(self, "notes", ())])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        answer, detail = _answer_first(getattr(self, "finding", None) or str(self))
        notes = tuple(getattr(self, "notes", ()))
        return str(
            render_html(
                "cxresearch.results",
                "result",
                answer=answer,
                detail=detail,
                notes=notes[:SHOWN_NOTES],
                further_notes=notes[SHOWN_NOTES:],
                **_folded(self),
            )
        )


def _answer_first(finding: str) -> tuple[str, str]:
    """A finding in two parts: what is read at a glance, and the sentences behind it where it is long.

    Examples
    --------
    >>> _answer_first("One in four. It was one in five.")
    ('One in four. It was one in five.', '')
    >>> answer, detail = _answer_first("One in four left. " + "It was less before. " * 12)
    >>> answer
    'One in four left.'
    """
    if len(finding) <= GLANCE:
        return finding, ""
    end = _SENTENCE_END.search(finding)
    if end is None:
        return finding, ""
    return finding[: end.start()], finding[end.end() :].strip()


def one_row(result: Any) -> pd.DataFrame:
    """Return the fields of a result that is a single figure as a frame of one row."""
    import pandas as pd

    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    return pd.DataFrame([fields])


def _folded(result: Result) -> dict[str, Any]:
    """The main table in two parts, the second folded away; nothing where there is no table."""
    frame = getattr(result, "table", None)
    parts: dict[str, Any] = {"title": "", "first": None, "rest": None, "beyond": 0}
    if frame is None or not hasattr(frame, "columns"):
        return parts
    # A display of 100,000 rows stops a browser: the rest is in to_frame().
    written = result.spec().write(frame, max_rows=FOLDED_ROWS)
    parts["title"] = result.caption()
    parts["first"] = dataclasses.replace(written, rows=written.rows[:SHOWN_ROWS])
    parts["beyond"] = written.n_left
    if len(written.rows) > SHOWN_ROWS:
        parts["rest"] = dataclasses.replace(written, rows=written.rows[SHOWN_ROWS:])
    return parts


#: A full stop, or a line's end, before what begins a sentence; "1. May" and "e.g. the" are none.
_SENTENCE_END = re.compile(
    r"(?<=[^\W\d]{2}[.!?])\s+(?=[A-Z])|(?<=[\])%\d][.!?])\s+(?=[A-Z][a-z]+ [a-z0-9])|\n"
)
#: A field in a caption, with or without a format: ``{level}``, ``{margin:g}``, ``{overall.df}``.
_FIELD = re.compile(r"\{([a-z]\w*(?:\.[a-z]\w*)*)(?::([^{}]*))?\}")


def _field_text(result: Result, match: re.Match[str]) -> str:
    """A field in the words of a caption; braces that name no plain field stay as they are."""
    name, form = match[1], match[2]
    value: Any = result
    for part in name.split("."):
        value = getattr(value, part, None)
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return "; ".join(value)
    if not isinstance(value, (str, int, float, datetime)):
        return match[0]
    if name.endswith("level"):
        return f"{100 * float(str(value)):.4g} %"
    if form is None and isinstance(value, int):
        return f"{value:,}"
    return format(value, form or "")


def _with_columns(text: str, specs: Mapping[str, TableSpec]) -> str:
    """The docstring of a class with the columns of its frames at the end, once."""
    if "\nTables\n------" in text:
        return text
    parts = []
    for name, spec in specs.items():
        lines = spec.documented().splitlines()
        parts += [name, *[f"    {line}" for line in lines]]
    return "\n".join([text.rstrip(), "", "Tables", "------", *parts, ""])


def _as_text(written: WrittenTable) -> str:
    """A table in columns of characters: numbers right, text left."""
    grid = [written.headings, *written.rows]
    columns = list(zip(*grid, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = []
    sides = {"number": str.rjust, "short": str.ljust, "text": str.ljust}
    for row in grid:
        aligned = zip(row, widths, written.alignment, strict=True)
        cells = [sides[align](cell, width) for cell, width, align in aligned]
        lines.append("  ".join(cells).rstrip())
    if written.n_left:
        lines.append(f"... {written.n_left:,} further rows in to_frame()")
    return "\n".join(lines)


def as_plain(value: Any) -> Any:
    """Turn a value into what JSON can hold: missing and infinite become None, arrays and frames lists.

    Examples
    --------
    >>> as_plain({"low": float("nan"), "high": float("inf"), "n": 3, "day": date(2024, 5, 1)})
    {'low': None, 'high': None, 'n': 3, 'day': '2024-05-01'}
    """
    if isinstance(value, Result):
        return value.to_dict()
    # A text enum is a str as well: its value, not its name, goes into JSON.
    if isinstance(value, Enum):
        return value.value
    # pandas' own missing values: NaT passes for a datetime, NA for nothing at all
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a data frame
        return [as_plain(row) for row in value.to_dict("records")]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, Series
        return as_plain(value.tolist())
    return _plain(value)


@singledispatch
def _plain(value: Any) -> Any:
    """A value of Python itself; what has no plain form becomes its text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return str(value)


@_plain.register(type(None))
@_plain.register(bool)
@_plain.register(int)
@_plain.register(str)
def _(value: Any) -> Any:
    return value


@_plain.register
def _(value: float) -> float | None:
    if math.isfinite(value):
        return value
    return None


@_plain.register
def _(value: date) -> str:  # datetimes are dates
    return value.isoformat()


@_plain.register
def _(value: dict) -> dict[str, Any]:  # type: ignore[type-arg] # singledispatch takes plain classes
    return {str(key): as_plain(item) for key, item in value.items()}


@_plain.register(list)
@_plain.register(tuple)
@_plain.register(set)
@_plain.register(frozenset)
def _(value: Any) -> list[Any]:
    return [as_plain(item) for item in value]


def facts_html(title: str, facts: Mapping[str, str]) -> str:
    """Return a title and a table of a few facts, escaped; empty facts are left away.

    Examples
    --------
    >>> facts_html("<b>", {"scores": "CES", "notes": ""})
    "<div class='cx-result'><p><b>&lt;b&gt;</b></p><table><tr><th>scores</th><td>CES</td></tr></table></div>"
    """
    return str(render_html("cxresearch.results", "facts", title=title, facts=facts))
