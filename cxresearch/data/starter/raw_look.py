"""What a first look at a raw file has shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cxresearch.data.formats.recognise_export import Recognised
from cxresearch.data.starter.guess_table import Guess
from cxresearch.data.study_file.declarations import RawInput


@dataclass(frozen=True, kw_only=True)
class Unwanted:
    """Rows that a source should perhaps leave out.

    Attributes
    ----------
    column : str
        Raw column that tells them.
    condition : str
        What the rows taken hold, as it stands in ``where``.
    rows : int
        How many would be left out.
    what : str
        What these are.
    """

    column: str
    condition: str
    rows: int
    what: str


@dataclass(frozen=True, kw_only=True)
class RawLook:
    """A file, how to read it, its first rows and what it may be.

    Attributes
    ----------
    raw : RawInput
        The file, or the table within it.
    name : str
        For comments.
    sample : mapping of str to list of str
        First values of each column, empty ones left out.
    rows : int
        How many rows were looked at.
    guess : Guess
        What it may feed.
    odd : mapping of str to (str, str)
        Columns right by their name whose values are not: by column of the table, the raw column and a value.
    labels : mapping of str to list of str
        All values of the columns that hold answers in words, or name the instrument.
    nested : tuple of str
        Columns of lists, records or bytes.
    missing : tuple of str
        Texts that stand for no value.
    twin : str
        A file before it that may hold the same rows.
    same : bool
        Whether the twin is the same to the byte.
    zones : mapping of str to str
        Zones of clock times that the file itself gives, by raw column.
    unwanted : tuple of Unwanted
        Rows that are perhaps no answers or no tickets.
    matched : str
        Raw column taken for the customer because its values are ids of customers.
    knowing : tuple of str
        Columns of customers whose groups nearly all left or nearly all stayed.
    ranges : mapping of str to (str, str)
        First and last time of raw columns that hold times.
    export : Recognised or None
        The export of a vendor that it is.
    resembles : Recognised or None
        One that it falls short of.
    linked : float or None
        Share of its first customers that the list of customers has; None if there is no list.
    share : float
        Share of the file that was looked at, 0 to 1.
    torn : str
        What is wrong with its last line.
    overlap : str
        Which file before it tells the same, and how much of it.
    """

    raw: RawInput
    name: str
    sample: Mapping[str, list[str]]
    rows: int
    guess: Guess
    odd: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    labels: Mapping[str, list[str]] = field(default_factory=dict)
    nested: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    twin: str = ""
    same: bool = False
    zones: Mapping[str, str] = field(default_factory=dict)
    unwanted: tuple[Unwanted, ...] = ()
    matched: str = ""
    knowing: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    export: Recognised | None = None
    resembles: Recognised | None = None
    linked: float | None = None
    share: float = 1.0
    torn: str = ""
    overlap: str = ""
