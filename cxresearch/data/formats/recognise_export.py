"""A file recognised as the export of a vendor: by several of its columns together, with a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cxresearch.data.formats.vendor_format import Export, ExportColumn, vendor_exports
from cxresearch.data.validation.outcome_names import snake

#: So many headers at least must agree, unless an export has fewer of its own and says what else must hold.
_FEWEST = 3
#: From this share on a file that falls short of an export is named as resembling it.
_NEARLY = 0.4
#: A question is longer than a name.
_QUESTION_LETTERS = 15


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """A file as the export of a vendor.

    Attributes
    ----------
    export : Export
        What it was recognised as.
    headers : mapping of str to str
        Headers of the export that the file has, to the raw columns.
    absent : tuple of str
        Those that it has not.
    raw : mapping of str to str
        Every raw column by its name in snake case.
    filled : frozenset of str
        Raw columns with a value among the first rows.
    versions : str
        The raw column that should tell rows apart and does not: the file holds versions of each.
    """

    export: Export
    headers: Mapping[str, str]
    absent: tuple[str, ...]
    raw: Mapping[str, str]
    filled: frozenset[str] = frozenset()
    versions: str = ""

    @property
    def share(self) -> float:
        """Share of the export's headers that the file has."""
        return len(self.headers) / len(self.export.headers)

    @property
    def score(self) -> float:
        """How well it fits among exports: many headers, and most of them."""
        return len(self.headers) * self.share

    @property
    def title(self) -> str:
        """The export by its name."""
        return f"{self.export.vendor}, {self.export.name}"

    def column(self, header: str) -> str:
        """Return the raw column of a header; empty if the file has none."""
        names = (snake(header), snake(self.export.prefix + header))
        return next((self.raw[name] for name in names if name in self.raw), "")

    def first_of(self, column: ExportColumn) -> str:
        """Return the raw column of the first header that has values, or is there at all; else empty."""
        # An export has all its columns, even where nobody fills one.
        present = [*filter(None, map(self.column, column.names))]
        return next((raw for raw in present if raw in self.filled), next(iter(present), ""))

    @property
    def left_out(self) -> str:
        """Why the file feeds no table by itself; empty where it does."""
        if self.versions:
            return f"{self.versions} repeats, so it holds versions of each: keep the last of each with sql"
        return self.export.left_out

    def columns(self) -> dict[str, str]:
        """Return the raw columns that the file has, by column of the table."""
        pairs = {target: self.first_of(column) for target, column in self.export.columns.items()}
        return {target: raw for target, raw in pairs.items() if raw}

    def known(self) -> set[str]:
        """Return the raw columns whose meaning the export fixes."""
        further = map(self.column, (*self.export.meta, *self.export.further.values()))
        second = (self.first_of(column) for also in self.export.also for column in also.columns.values())
        return {*self.headers.values(), *self.columns().values(), *filter(None, (*further, *second))}


def recognised(sample: Mapping[str, Sequence[str]]) -> Recognised | None:
    """Return the export that a file is; None if it is none that is known.

    Parameters
    ----------
    sample : mapping of str to sequence of str
        First values of each raw column.

    Examples
    --------
    >>> headers = ["event_type", "user_id", "event_time", "amplitude_id", "uuid", "session_id"]
    >>> more = ["server_upload_time", "event_properties"]
    >>> recognised({name: [] for name in headers + more}).title
    'Amplitude, events'
    """
    # Many headers outweigh a perfect share of few: n * n / N.
    fitting = [match for match in _matches(sample) if _fits(match, sample)]
    return max(fitting, key=lambda match: match.score, default=None)


def resembled(sample: Mapping[str, Sequence[str]]) -> Recognised | None:
    """Return the export that a file falls short of, with the headers it lacks; None if it resembles none."""
    near = [
        match
        for match in _matches(sample)
        if match.share >= _NEARLY and len(match.headers) > _FEWEST and match.export.table
    ]
    return max(near, key=lambda match: match.score, default=None)


def _matches(sample: Mapping[str, Sequence[str]]) -> list[Recognised]:
    raw: dict[str, str] = {}
    for name in sample:
        raw.setdefault(snake(name), name)
    return [_match(export, raw, sample) for export in vendor_exports()]


def _match(export: Export, raw: Mapping[str, str], sample: Mapping[str, Sequence[str]]) -> Recognised:
    bare = Recognised(export=export, headers={}, absent=(), raw=raw)
    pairs = {header: bare.column(header) for header in export.headers}
    single = bare.column(export.one_row_each)
    versions = ""
    if single and len(set(sample[single])) < len(sample[single]):
        versions = single
    return Recognised(
        export=export,
        headers={header: column for header, column in pairs.items() if column},
        absent=tuple(header for header, column in pairs.items() if not column),
        raw=raw,
        filled=frozenset(name for name, values in sample.items() if values),
        versions=versions,
    )


def _fits(match: Recognised, sample: Mapping[str, Sequence[str]]) -> bool:
    export = match.export
    if not match.headers or match.share < export.share:
        return False
    if export.first:
        return _fits_by_place(match, sample)
    return len(match.headers) >= min(_FEWEST, len(export.headers))


def _fits_by_place(match: Recognised, sample: Mapping[str, Sequence[str]]) -> bool:
    """A sheet of answers has one name of its own, in the first place, and questions behind it."""
    names = list(sample)
    if not names or snake(names[0]) != snake(match.export.first):
        return False
    others = [name for name in names if name not in match.known()]
    questions = [name for name in others if len(name) >= _QUESTION_LETTERS and " " in name.strip()]
    return len(questions) >= 1 and 2 * len(questions) >= len(others)
