"""A study: validated tables on an engine, the data cut, and what the instruments mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, lazy
from cxresearch.data.tables import LAYOUTS
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.scales import Scale


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file a study was read from: path, SHA-256 in hexadecimal and size in bytes."""

    path: str
    sha256: str
    bytes: int


class Study:
    """Validated tables of one company; see `from_frames`."""

    def __init__(
        self,
        tables: Mapping[str, nw.LazyFrame[Any]],
        *,
        observed_until: datetime,
        instruments: Mapping[str, Scale],
        timezone: str,
        currency: str,
        segments: tuple[str, ...],
        name: str,
    ) -> None:
        self._tables = dict(tables)
        self.observed_until = observed_until
        self.instruments = MappingProxyType(dict(instruments))
        self.timezone = timezone
        self.currency = currency
        self.segments = segments
        self.name = name
        self.sources: tuple[Source, ...] = ()

    @classmethod
    def from_frames(
        cls,
        tables: Mapping[str, Any],
        *,
        observed_until: datetime | str,
        instruments: Mapping[str, Scale],
        timezone: str = "UTC",
        currency: str = "",
        segments: tuple[str, ...] | None = None,
        name: str = "",
    ) -> Study:
        """Make a study of frames in memory (pandas, Polars, PyArrow, DuckDB, PySpark)."""
        frames = {table: _canonical(table, lazy(native)) for table, native in tables.items()}
        if segments is None and "customers" in frames:
            schema = frames["customers"].collect_schema()
            known = LAYOUTS["customers"].columns
            segments = tuple(c for c, kind in schema.items() if c not in known and kind == nw.String)
        cut = pd.Timestamp(observed_until)
        if cut.tz is not None:
            cut = cut.tz_convert(UTC).tz_localize(None)
        return cls(
            frames,
            observed_until=cut.to_pydatetime(),
            instruments=instruments,
            timezone=timezone,
            currency=currency,
            segments=tuple(segments or ()),
            name=name,
        )

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables present."""
        return tuple(name for name in LAYOUTS if name in self._tables)

    def table(self, name: str) -> nw.LazyFrame[Any]:
        """Return the valid rows of a table as a lazy frame with the columns of DESIGN.md."""
        if name not in self._tables:
            raise ArgumentError(f"the study has no table {name!r}", wanted="one of " + ", ".join(self.tables))
        return self._tables[name]

    def rejects(self, name: str | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Return the rows set aside: table, row, rule, column, value."""
        return pd.DataFrame(columns=["table", "row", "rule", "column", "value"])

    def counts(self) -> pd.DataFrame:
        """Return rows, valid and rejected for each table."""
        rows = [len(collect(self.table(t).select(nw.lit(1)))) for t in self.tables]
        return pd.DataFrame({"table": self.tables, "rows": rows, "valid": rows, "rejected": 0})


def _canonical(table: str, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    if table not in LAYOUTS:
        raise StudyError(f"table {table!r} is unknown", wanted="one of " + ", ".join(LAYOUTS))
    layout = LAYOUTS[table]
    present = frame.collect_schema().names()
    for column in layout.required:
        if column not in present:
            raise StudyError(f"column {column!r} is missing", where=f"table {table}")
    types = {"id": nw.String(), "text": nw.String(), "time": nw.Datetime("us"), "number": nw.Float64()}
    return frame.with_columns(
        nw.col(column).cast(types[kind]) for column, kind in layout.columns.items() if column in present
    )
