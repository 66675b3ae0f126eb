"""What one engine lacks and the others have, in one place; metrics are written once on top of it.

Narwhals runs one expression on pandas, Polars, PyArrow, DuckDB and PySpark, save two things: a duration as a
number (absent on Spark) and time-zone conversion (absent on DuckDB and Spark). Both are built here from
arithmetic that all five share. What has no such arithmetic, a sample of whole customers and many groupings in
one pass, looks at the engine, at the end of this file.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from cxresearch.checks import check_choice
from cxresearch.data.local_time import to_local
from cxresearch.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

Every = Literal["day", "week", "month", "quarter", "year"]

EVERY: tuple[Every, ...] = ("day", "week", "month", "quarter", "year")
_TRUNCATE = {"day": "1d", "month": "1mo", "quarter": "1q", "year": "1y"}


def lazy(native: Any) -> nw.LazyFrame[Any]:
    """Return a lazy Narwhals frame over a frame of any engine.

    Parameters
    ----------
    native : frame
        pandas, Polars (eager or lazy), PyArrow table, DuckDB relation, PySpark frame, or a Narwhals frame.

    Raises
    ------
    ArgumentError
        If it is not a frame of one of these engines, or a column name occurs twice.

    Examples
    --------
    >>> import pandas as pd
    >>> lazy(pd.DataFrame({"score": [9, 10]})).collect_schema().names()
    ['score']
    """
    try:
        frame: nw.LazyFrame[Any] | nw.DataFrame[Any] = nw.from_native(native)
    except nw.exceptions.DuplicateError as error:
        raise ArgumentError(
            f"a column name occurs more than once: {' '.join(str(error).split()[5:])}",
            wanted="a frame in which each column has a name of its own",
        ) from None
    except TypeError:
        raise ArgumentError(
            f"a {type(native).__name__} is not a frame",
            wanted="a frame of pandas, Polars, PyArrow, DuckDB or PySpark",
        ) from None
    return frame.lazy()


def collect(frame: nw.LazyFrame[Any] | nw.DataFrame[Any]) -> pd.DataFrame:
    """Run a lazy frame on its engine and return the rows as pandas.

    Timestamps come back as ``datetime64[us]``, so that a later join or comparison sees one unit.

    Examples
    --------
    >>> import pandas as pd
    >>> collect(lazy(pd.DataFrame({"score": [9, 10]})).select(nw.col("score").sum()))
       score
    0     19
    """
    import pandas as pd

    frame = frame.lazy()
    dates = [name for name, kind in frame.collect_schema().items() if kind == nw.Date]
    if dates:
        # pandas has no type for a date: as objects they would compare with no timestamp.
        frame = frame.with_columns(nw.col(*dates).cast(nw.Datetime("us")))
    rows: pd.DataFrame = frame.collect("pandas").to_native()
    for name in rows.columns:
        # All tables of this package hold naive UTC in microseconds: engines hand back whatever they store.
        if isinstance(rows[name].dtype, pd.DatetimeTZDtype):
            rows[name] = rows[name].dt.tz_convert("UTC").dt.tz_localize(None)
        if rows[name].dtype.kind == "M" and rows[name].dtype != "datetime64[us]":
            rows[name] = rows[name].astype("datetime64[us]")
    return rows.reset_index(drop=True)


def days_between(start: nw.Expr, end: nw.Expr) -> nw.Expr:
    """Return the time from start to end in days, as a number with fractions.

    Parameters
    ----------
    start, end : Expr
        Naive timestamps. A missing one gives a missing result.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.DataFrame({"a": pd.to_datetime(["2024-02-28"]), "b": pd.to_datetime(["2024-03-01 12:00"])})
    >>> collect(lazy(times).select(days=days_between(nw.col("a"), nw.col("b"))))
       days
    0   2.5
    """
    # days = whole days + difference of the seconds of the day / 86,400: engines disagree on subtraction.
    day = _day_number(end) - _day_number(start)
    return day + (_second_of_day(end) - _second_of_day(start)) / 86_400


def minutes_between(start: nw.Expr, end: nw.Expr) -> nw.Expr:
    """Return the time from start to end in minutes; see `days_between`."""
    day = _day_number(end) - _day_number(start)
    return day * 1_440 + (_second_of_day(end) - _second_of_day(start)) / 60


def _day_number(moment: nw.Expr) -> nw.Expr:
    """Days since 1 January of the year 1 (a Monday), which is day 1; proleptic Gregorian.

    Floats hold these whole numbers exactly and, unlike integers in pandas, may be missing.
    """
    before = moment.dt.year().cast(nw.Float64) - 1
    # Gregorian calendar: leap years so far = y div 4 - y div 100 + y div 400.
    leaps = (before / 4).floor() - (before / 100).floor() + (before / 400).floor()
    return before * 365 + leaps + moment.dt.ordinal_day().cast(nw.Float64)


def _second_of_day(moment: nw.Expr) -> nw.Expr:
    whole = moment.dt.hour().cast(nw.Float64) * 3_600 + moment.dt.minute().cast(nw.Float64) * 60
    return whole + moment.dt.second().cast(nw.Float64) + moment.dt.microsecond().cast(nw.Float64) / 1_000_000


def period_start(moment: nw.Expr, every: Every, timezone: str = "UTC") -> nw.Expr:
    """Return the local calendar date, at midnight, on which the period of each moment began.

    Parameters
    ----------
    moment : Expr
        Naive timestamps in UTC. Missing stays missing.
    every : {"day", "week", "month", "quarter", "year"}
        Weeks start on Monday (ISO 8601).
    timezone : str
        IANA zone whose calendar counts. Clock changes are known from 1990 to 2037.

    Returns
    -------
    Expr
        Naive timestamps in local time: labels such as 2024-03-01 00:00, not instants in UTC.

    Raises
    ------
    ArgumentError
        If the period or the time zone is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.DataFrame({"t": pd.to_datetime(["2024-02-29 23:30"])})
    >>> collect(lazy(times).select(month=period_start(nw.col("t"), "month", "Europe/Berlin")))
           month
    0 2024-03-01
    """
    check_choice("every", every, EVERY)
    local = to_local(moment, timezone)
    if every != "week":
        return local.dt.truncate(_TRUNCATE[every])
    weekday, day = local.dt.weekday(), local.dt.truncate("1d")  # no remainder: Arrow types of pandas lack it
    start = day
    for days in range(1, 7):
        late = weekday == days + 1
        if days == 6:  # dt.weekday() calls Sunday 0 on Spark and 7 elsewhere (Narwhals 2.29)
            late = late | (weekday == 0)
        start = nw.when(late).then(day - timedelta(days=days)).otherwise(start)
    return start


def share_of_rows(frame: nw.LazyFrame[Any], columns: list[str], share: float) -> nw.LazyFrame[Any]:
    """Return about a share of the rows: those whose values in some columns hash low, the same ones each time.

    Parameters
    ----------
    frame : LazyFrame
        Rows of any engine.
    columns : list of str
        Rows that agree in these stay together: ``["customer_id"]`` samples whole customers.
    share : float
        From 0 to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"customer_id": [f"c{k}" for k in range(1000)] * 2})
    >>> some = collect(share_of_rows(lazy(people), ["customer_id"], 0.5))
    >>> 400 < some["customer_id"].nunique() < 600, len(some) == 2 * some["customer_id"].nunique()
    (True, True)
    """
    limit = int(share * 1_000_000)
    native = frame.to_native()
    # each engine hashes in its own way: a sample is the same each time, not the same on two engines
    if frame.implementation is nw.Implementation.DUCKDB:
        names = ", ".join(_quoted(name) for name in columns)
        drawn: nw.LazyFrame[Any] = nw.from_native(native.filter(f"hash({names}) % 1000000 < {limit}")).lazy()
        return drawn
    if frame.implementation.is_pyspark():
        from pyspark.sql import functions

        hashed = functions.pmod(functions.xxhash64(*columns), functions.lit(1_000_000))
        sampled: nw.LazyFrame[Any] = nw.from_native(native.filter(hashed < limit)).lazy()
        return sampled
    import pandas as pd

    rows = collect(frame)
    # \x1f, the unit separator, between columns: "1", "23" and "12", "3" must not hash alike.
    place = pd.util.hash_pandas_object(rows[columns].astype(str).agg("\x1f".join, axis=1), index=False)
    return nw.from_native(rows[(place % 1_000_000 < limit).to_numpy()].reset_index(drop=True)).lazy()


def grouped_by_sets(
    frame: nw.LazyFrame[Any], sets: list[tuple[str, ...]], sums: list[str], *, at_least: int = 0
) -> list[pd.DataFrame]:
    """Return counts and sums of the rows by several sets of columns: on DuckDB in one pass over them.

    Parameters
    ----------
    frame : LazyFrame
        Rows of any engine.
    sets : list of tuple of str
        Group columns of each table wanted.
    sums : list of str
        Columns to add up.
    at_least : int
        Groups of two columns or more with fewer rows are left out.

    Returns
    -------
    list of DataFrame
        For each set its columns, ``n`` and the sums.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"a": ["x", "x", "y"], "b": ["u", "v", "v"], "score": [1.0, 2.0, 4.0]})
    >>> tables = grouped_by_sets(lazy(rows), [("a",), ("a", "b")], ["score"])
    >>> tables[0].sort_values("a", ignore_index=True)
       a  n  score
    0  x  2    3.0
    1  y  1    4.0
    """
    if frame.implementation is nw.Implementation.DUCKDB:
        return _grouping_sets(frame.to_native(), sets, sums, at_least)
    tables = []
    for columns in sets:
        counts = frame.group_by(list(columns)).agg(nw.len().alias("n"), nw.col(*sums).sum())
        table = collect(counts)
        tables.append(table[(table["n"] >= at_least) | (len(columns) < 2)].reset_index(drop=True))
    return tables


def _grouping_sets(
    relation: Any, sets: list[tuple[str, ...]], sums: list[str], at_least: int
) -> list[pd.DataFrame]:
    names = list(dict.fromkeys(name for columns in sets for name in columns))
    quoted = {name: _quoted(name) for name in [*names, *sums]}
    every = ", ".join(quoted[name] for name in names)
    groupings = ", ".join("(" + ", ".join(quoted[name] for name in columns) + ")" for columns in sets)
    added = "".join(f", sum({quoted[name]}) as {quoted[name]}" for name in sums)
    # which columns a row is grouped by, as a missing level is no missing column
    mask = f"grouping({every})"
    alone = " or ".join(f"{mask} = {_mask(names, columns)}" for columns in sets if len(columns) < 2)
    # crossed groups of few rows stay on the engine; singles come whole, as their sums make up the total
    rows: pd.DataFrame = relation.query(
        "cx_rows",
        f"select {mask} as cx_set, {every}, count(*) as n{added} from cx_rows "  # noqa: S608 - own names
        f"group by grouping sets ({groupings}) having count(*) >= {at_least}"
        + (f" or {alone}" if alone else ""),
    ).df()
    parts = dict(list(rows.groupby("cx_set")))
    return [
        parts.get(_mask(names, columns), rows.head(0))[[*columns, "n", *sums]].reset_index(drop=True)
        for columns in sets
    ]


def _mask(names: list[str], columns: tuple[str, ...]) -> int:
    """DuckDB's grouping(): a bit for each name, the first highest, set where rows are not grouped by it."""
    return sum(1 << (len(names) - 1 - at) for at, name in enumerate(names) if name not in columns)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
