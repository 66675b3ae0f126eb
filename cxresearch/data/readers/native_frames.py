"""Frames that bring their own engine (DuckDB relations, PySpark): checked for type, judged where they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

import narwhals as nw

from cxresearch.data.engine import lazy
from cxresearch.data.local_time import local_to_utc
from cxresearch.data.readers.cells.text_sql import BLANK_STARTS, BLANKS
from cxresearch.data.readers.open_frames import check_columns
from cxresearch.data.readers.typed_views import Opened
from cxresearch.data.table_layouts import LAYOUTS, Kind
from cxresearch.data.validation.outcome_names import names_outcome
from cxresearch.errors import StudyError
from cxresearch.wording import shown

_TYPES: dict[Kind, Any] = {
    "id": nw.String(),
    "text": nw.String(),
    "time": nw.Datetime("us"),
    "number": nw.Float64(),
}


def has_own_engine(native: Any) -> bool:
    """Whether a frame lives on an engine of its own rather than in memory."""
    return lazy(native).implementation not in (
        nw.Implementation.PANDAS,
        nw.Implementation.POLARS,
        nw.Implementation.PYARROW,
        nw.Implementation.MODIN,
        nw.Implementation.CUDF,
    )


def open_native(tables: Mapping[str, Any], timezone: str = "UTC") -> Opened:
    """Open frames that share an engine of their own; dates (without a clock) are local days in ``timezone``.

    Raises
    ------
    StudyError
        If they do not share one, or a column is missing or of the wrong type.
    """
    engines = {lazy(native).implementation for native in tables.values()}
    if len(engines) > 1:
        raise StudyError(
            "the tables are on different engines: " + ", ".join(sorted(str(one) for one in engines)),
            wanted="all on one engine, or all in memory",
        )
    tables = {table: _dates_in_utc(table, lazy(native), timezone) for table, native in tables.items()}
    typed = {table: _typed(table, native) for table, native in tables.items()}
    plain = {table: _plain(table, native) for table, native in tables.items()}
    segments: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    if "customers" in typed:
        known = LAYOUTS["customers"].columns
        schema = typed["customers"].collect_schema()
        segments = tuple(
            name
            for name, kind in schema.items()
            if name not in known and not name.startswith("_") and kind in (nw.String, nw.Boolean)
        )
        outcomes = tuple(name for name in segments if names_outcome(name))
        typed["customers"] = typed["customers"].with_columns(
            _present(nw.col(name).cast(nw.String())).alias(name) for name in segments
        )
        plain.pop("customers")  # a segment may need its cast; the table is small
    return Opened(
        typed=typed,
        plain=plain,
        keyed=frozenset({"tickets"} & set(typed)),
        segments=tuple(name for name in segments if name not in outcomes),
        outcomes=outcomes,
    )


def _dates_in_utc(table: str, frame: nw.LazyFrame[Any], timezone: str) -> nw.LazyFrame[Any]:
    """Columns of dates as the moments in UTC at which those days began."""
    schema = frame.collect_schema()
    kinds = LAYOUTS[table].columns
    dates = [name for name, kind in schema.items() if kind == nw.Date and kinds.get(name) == "time"]
    if timezone in ("UTC", "Etc/UTC") or not dates:
        return frame
    return frame.with_columns(
        local_to_utc(nw.col(name).cast(nw.Datetime("us")), timezone).alias(name) for name in dates
    )


def _plain(table: str, native: Any) -> nw.LazyFrame[Any]:
    """Rows in which NaN, the infinite and blank texts still stand, marked as unusual."""
    rows = _typed(table, native, as_found=True)
    schema, kinds = rows.collect_schema(), LAYOUTS[table].columns
    unusual = [_endless(nw.col(name)) for name in _floats(table, native)]
    for name in schema.names():
        if kinds.get(name) in ("id", "text"):
            unusual += [(nw.col(name) >= first) & (nw.col(name) < after) for first, after in BLANK_STARTS]
    unusual = [condition.fill_null(value=False) for condition in unusual]
    return rows.with_columns(_unusual=reduce(or_, unusual, nw.lit(value=False)))


def _floats(table: str, native: Any) -> list[str]:
    schema = lazy(native).collect_schema()
    numbers = [name for name, kind in LAYOUTS[table].columns.items() if kind == "number" and name in schema]
    return [name for name in numbers if schema[name].is_float()]


def _endless(number: nw.Expr) -> nw.Expr:
    return ~number.is_finite()


def _typed(table: str, native: Any, *, as_found: bool = False) -> nw.LazyFrame[Any]:
    frame = lazy(native)
    schema = frame.collect_schema()
    check_columns(table, schema.names())
    if "subscription_id" in schema.names() and table == "revenue":
        raise StudyError(
            "levels of subscriptions are not summed on this engine",
            where=f"table {table}, column subscription_id",
            next_step="hand over each customer's whole level, a row for each change, without subscription_id",
        )
    instants = _keeps_utc(frame)
    columns = [
        _cast(table, name, kind, schema[name], instants=instants, as_found=as_found)
        for name, kind in LAYOUTS[table].columns.items()
        if name in schema.names()
    ]
    fault, text = nw.lit(None, dtype=nw.String), nw.lit(None, dtype=nw.String)
    for name in [] if as_found else reversed(_floats(table, native)):
        for endless, sign in ((math.inf, "inf"), (-math.inf, "-inf")):
            here = nw.col(name) == nw.lit(endless)
            fault = nw.when(here).then(nw.lit(f"not_a_number:{name}")).otherwise(fault)
            text = nw.when(here).then(nw.lit(sign)).otherwise(text)
    if table == "usage" and "quantity" not in schema.names():
        columns.append(nw.lit(1.0).alias("quantity"))
    key = nw.col("ticket_id") if table == "tickets" else nw.lit(None, dtype=nw.String)
    numbered = _numbered(frame, list(LAYOUTS[table].required))
    return numbered.with_columns(
        *columns,
        _source=nw.lit(f"table {table}"),
        _fault=fault,
        _fault_value=text,
        _key=key.cast(nw.String()),
    )


def _numbered(frame: nw.LazyFrame[Any], order: list[str]) -> nw.LazyFrame[Any]:
    """Rows of an engine without order are numbered as sorted by the required columns."""
    if frame.implementation is nw.Implementation.DUCKDB:
        numbered = frame.to_native().select("*, row_number() OVER () AS _row")
        rows: nw.LazyFrame[Any] = nw.from_native(numbered).lazy()
        return rows
    return frame.with_row_index("_row", order_by=order).with_columns(nw.col("_row") + 1)


def _keeps_utc(frame: nw.LazyFrame[Any]) -> bool:
    """Spark's usual timestamps are instants shown in the session's zone: in UTC they lose nothing."""
    if not frame.implementation.is_pyspark():
        return False
    return str(frame.to_native().sparkSession.conf.get("spark.sql.session.timeZone")) in ("UTC", "Etc/UTC")


def _cast(table: str, name: str, kind: Kind, found: Any, *, instants: bool, as_found: bool) -> nw.Expr:
    column = nw.col(name)
    where = f"table {table}, column {name}"
    if kind == "time":
        if getattr(found, "time_zone", None) is not None and not instants:
            raise StudyError(
                "timestamps carry a time zone",
                where=where,
                wanted="naive timestamps in UTC on this engine (in Spark: spark.sql.session.timeZone UTC)",
            )
        if found not in (nw.Datetime, nw.Date):
            raise StudyError(f"a time is wanted, not {shown(found)}", where=where, next_step="cast it first")
    if kind == "number":
        if not found.is_numeric():
            raise StudyError(
                f"a number is wanted, not {shown(found)}", where=where, next_step="cast it first"
            )
        number = column.cast(nw.Float64())
        if as_found or not found.is_float():
            return number
        return nw.when(~_endless(number)).then(number).alias(name)
    if kind == "time":
        return column.cast(_TYPES[kind])
    text = _as_text(column, found)
    return text if as_found else _present(text).alias(name)


def _as_text(column: nw.Expr, found: Any) -> nw.Expr:
    """A whole number stored as a float reads '7', not '7.0', as in files."""
    if not found.is_float():
        return column.cast(nw.String())
    whole = (column == column.floor()) & (column.abs() < 9e15)
    exact = nw.when(whole).then(column).cast(nw.Int64()).cast(nw.String())
    return nw.when(whole).then(exact).otherwise(column.cast(nw.String()))


def _present(text: nw.Expr) -> nw.Expr:
    """Missing where there is nothing but blanks."""
    return nw.when(text.str.strip_chars(BLANKS) != "").then(text)
