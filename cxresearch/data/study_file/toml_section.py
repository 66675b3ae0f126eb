"""A TOML table that knows where it stands: typed reading of its keys, refusal of those it does not know."""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from cxresearch.data.study_file.declarations import RawInput
from cxresearch.errors import StudyError
from cxresearch.wording import did_you_mean, listed, shown


class Keys:
    """One table of a study file.

    Parameters
    ----------
    values : mapping
        As TOML gives it.
    where : str
        For messages: ``study.toml, [study]``.
    """

    READER_KEYS: ClassVar[tuple[str, ...]] = (
        "duckdb_table",
        "sqlite_table",
        "sheet",
        "database_table",
        "delimiter",
        "encoding",
        "header_row",
        "skip_rows",
    )

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = values
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def only(self, known: Iterable[str]) -> None:
        """Refuse keys that are not known, naming the nearest one that is."""
        known = tuple(known)
        # A misspelt key would be a declaration that nobody reads: the default would hold, unseen.
        for key in self._values:
            if key not in known:
                raise StudyError(
                    f"key {shown(key)} is not known",
                    where=self.where,
                    wanted=f"one of {listed(known)}",
                    next_step=did_you_mean(key, known),
                )

    def value(self, key: str) -> Any:
        """Return a value as it is, or None."""
        return self._values.get(key)

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a text; without a default it must be there and not be empty."""
        value = self._values.get(key, default)
        if value is None or (value == "" and default is None):
            raise StudyError(f"key {key!r} is missing", where=self.where)
        if not isinstance(value, str):
            raise self._wrong(key, value, "a text in quotes")
        return value

    def texts(self, key: str, *, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts; a single text counts as a list of one, numbers become text."""
        value = self._values.get(key, list(default))
        many = value if isinstance(value, list) else [value]
        if any(isinstance(one, bool) or not isinstance(one, (str, int, float)) for one in many):
            raise self._wrong(key, value, "a text or a list of texts")
        return tuple(str(one) for one in many)

    def number(self, key: str, *, default: float) -> float:
        """Return a number."""
        value = self._values.get(key, default)
        # TOML knows nan and Python takes true for 1: neither is a number somebody meant.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise self._wrong(key, value, "a number")
        return float(value)

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a list of numbers, empty where the key is absent."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or any(
            isinstance(one, bool) or not isinstance(one, (int, float)) for one in value
        ):
            raise self._wrong(key, value, "a list of numbers")
        return tuple(float(one) for one in value)

    def whole(self, key: str, *, default: int, at_least: int) -> int:
        """Return a whole number with a lower bound."""
        value = self._values.get(key, default)
        # As above: true is no whole number.
        if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
            raise self._wrong(key, value, f"a whole number, at least {at_least}")
        return value

    def truth(self, key: str) -> bool:
        """Return true or false; false where the key is absent."""
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def choice(self, key: str, choices: tuple[str, ...], *, default: str) -> str:
        """Return one of the named choices."""
        value = self._values.get(key, default)
        if value not in choices:
            raise self._wrong(key, value, f"one of {listed(choices)}")
        return str(value)

    def table(self, key: str, *, required: bool = False) -> Keys:
        """Return a sub-table, empty where it is absent."""
        value = self._values.get(key, {})
        where = f"{self.where}, [{key}]"
        if required and key not in self._values:
            raise StudyError(f"section [{key}] is missing", where=self.where)
        if not isinstance(value, Mapping):
            raise self._wrong(key, value, f"a section [{key}]")
        return Keys(value, where)

    def tables(self, key: str) -> tuple[Keys, ...]:
        """Return an array of tables, ``[[key]]``."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
            raise self._wrong(key, value, f"sections written [[{key}]]")
        return tuple(Keys(one, f"{self.where}, [[{key}]] no. {i}") for i, one in enumerate(value, start=1))

    def raw_input(self, name: str, folder: Path) -> RawInput:
        """Return the file or frame this section names, with its reader options."""
        if sum(origin in self for origin in ("file", "frame", "database")) != 1:
            raise StudyError("one of 'file', 'frame' and 'database' is needed", where=self.where)
        delimiter = self.text("delimiter", default="")
        delimiter = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(delimiter, delimiter)
        # RFC 4180 separates fields by one character.
        if len(delimiter) > 1:
            raise self._wrong("delimiter", delimiter, "one character, or 'tab'")
        encoding = self.text("encoding", default="utf-8").lower()
        declared = self.text("file", default="")
        return RawInput(
            name=name,
            path=folder / declared if declared else None,
            declared=declared,
            frame=self.text("frame", default=""),
            duckdb_table=self.text("duckdb_table", default=""),
            sqlite_table=self.text("sqlite_table", default=""),
            sheet=self.text("sheet", default=""),
            database=self.text("database", default=""),
            database_table=self.text("database_table", default=""),
            delimiter=delimiter,
            encoding=self._encoding(encoding),
            header_row=self.whole("header_row", default=1, at_least=1),
            skip_rows=self.whole("skip_rows", default=0, at_least=0),
        )

    def _encoding(self, name: str) -> str:
        """The name of an encoding as Python knows it, with the usual names of two."""
        try:
            # latin1, iso-8859-1 and L1 are one encoding: Python's registry knows all its names.
            canonical = codecs.lookup(name).name
        except (LookupError, ValueError):
            raise StudyError(
                f"encoding {shown(name)} is not known",
                where=self.where,
                wanted="such as 'utf-8', 'latin-1', 'utf-16', 'windows-1252' or 'mac-roman'",
                next_step="or convert it first: iconv -f FROM -t UTF-8 old.csv > new.csv",
            ) from None
        return {"iso8859-1": "latin-1", "utf-8-sig": "utf-8"}.get(canonical, canonical)

    def _wrong(self, key: str, value: Any, wanted: str) -> StudyError:
        return StudyError(f"{key} is {shown(value)}", where=self.where, wanted=wanted)
