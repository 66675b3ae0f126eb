"""Columns to explain a score by: numbers as they are, levels of a category, and products of two drivers."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.errors import ArgumentError
from cxresearch.scales import Scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A level of a category, or a mark, needs so many rows with it and without.
LEAST_ROWS = 30
#: A driver by its name, or the product of two.
Driver = str | tuple[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class DriverColumns:
    """What a score is to be explained by, before rows that lack something are left out.

    Attributes
    ----------
    outcome : ndarray, shape (n,)
        The score.
    columns : Mapping of str to ndarray, each of shape (n,)
        Drivers as numbers, NaN where missing.
    clusters : Series or None, length n
        Whose row it is.
    labels : Mapping of str to str
        What a reader sees in place of a name.
    scales : Mapping of str to Scale
        Which end of a driver is good.
    high_is_good : bool
        Whether a driver without a scale is taken to be good at its high end.
    outcome_good : int
        1 where a high score is good, -1 where it is bad, 0 where nobody said.
    left_out : tuple of str
        Drivers that too few rows have.
    weights : ndarray or None, shape (n,)
        Of the rows; 1 each where None.
    """

    outcome: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float64]]
    clusters: pd.Series[Any] | None
    labels: Mapping[str, str]
    scales: Mapping[str, Scale]
    high_is_good: bool
    outcome_good: int
    left_out: tuple[str, ...] = field(default=())
    weights: NDArray[np.float64] | None = None


def leaves_of(drivers: Iterable[Driver]) -> list[str]:
    """Return the names in a list of drivers, those of products too, each once."""
    names: dict[str, None] = {}
    for driver in drivers:
        parts = (driver,) if isinstance(driver, str) else tuple(driver)
        names |= dict.fromkeys(parts)
    return list(names)


def expand(
    given: Mapping[str, pd.Series[Any]], drivers: Sequence[Driver]
) -> tuple[dict[str, NDArray[np.float64]], tuple[str, ...]]:
    """Return drivers as numbers, and the marks that too few rows have.

    Parameters
    ----------
    given : mapping of str to Series
        Columns by name.
    drivers : sequence of str or pairs of str
        Names of columns; of a pair, also a level as ``"channel: chat"``.

    Raises
    ------
    ArgumentError
        If a column is neither a number nor a category, or a pair names what is not there.
    """
    columns: dict[str, NDArray[np.float64]] = {}
    parts: dict[str, NDArray[np.float64]] = {}
    numbers = {name: _numbers(given, name) for name in leaves_of(drivers)}
    for values in numbers.values():
        parts |= values
    for driver in drivers:
        if isinstance(driver, str):
            columns |= numbers[driver]
        else:
            first, second = driver
            columns[f"{first} x {second}"] = _product(parts, first, second)
    rare = tuple(name for name, values in columns.items() if not _told_apart(values))
    return {name: values for name, values in columns.items() if name not in rare}, rare


def column_of(given: Container[str], name: str) -> tuple[str, str]:
    """Return the column of a driver, and the level of a category that it names, or none."""
    column, _, level = name.partition(": ")
    if name in given or column not in given:
        return name, ""
    return column, level


def _numbers(given: Mapping[str, pd.Series[Any]], name: str) -> dict[str, NDArray[np.float64]]:
    """A number as it is; each frequent level of a category but the most frequent, against all others."""
    column, wanted = column_of(given, name)
    values = given[column]
    numbers = _as_numbers(values)
    if numbers is not None:
        return {column: numbers}
    if not isinstance(values.dtype, pd.CategoricalDtype) and not pd.api.types.is_string_dtype(values):
        raise ArgumentError(
            f"driver {column!r} is not a number and no category", wanted="numbers or texts", where=column
        )
    text = values.astype("string")
    count = text.value_counts()
    frequent = sorted(count.index[count >= LEAST_ROWS], key=lambda level: (-count[level], level))
    if len(frequent) < 2:
        raise ArgumentError(
            f"driver {column!r} is not a number, and as a category has no two levels of {LEAST_ROWS} rows",
            wanted="numbers, or a category with a few frequent levels",
        )
    # the most frequent level is what the others are compared with
    chosen = sorted(frequent[1:])
    if wanted:
        chosen = [level for level in frequent if level == wanted]
    return {f"{column}: {level}": _mark(text, level) for level in chosen}


def _as_numbers(values: pd.Series[Any]) -> NDArray[np.float64] | None:
    if pd.api.types.is_datetime64_any_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        return None
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return None


def _mark(text: pd.Series[Any], level: str) -> NDArray[np.float64]:
    same = (text == level).fillna(False).to_numpy(dtype=np.float64)
    return np.where(text.notna().to_numpy(), same, np.nan)


def _product(parts: Mapping[str, NDArray[np.float64]], first: str, second: str) -> NDArray[np.float64]:
    for name in (first, second):
        if name not in parts:
            raise ArgumentError(
                f"there is no driver {name!r} to multiply",
                wanted="one of " + ", ".join(parts),
                next_step="name a level of a category as 'channel: chat'",
            )
    return _centred(parts[first]) * _centred(parts[second])


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A number less its mean, so that a product does not repeat its parts; a mark as it is."""
    if is_mark(values):
        return values
    return values - float(np.nanmean(values))


def is_mark(values: NDArray[np.float64]) -> bool:
    """Return whether all that is not missing is 0 or 1."""
    return bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())


def _told_apart(values: NDArray[np.float64]) -> bool:
    """Whether a mark stands in enough rows, and is lacking in enough."""
    present = values[~np.isnan(values)]
    if not is_mark(present):
        return True
    return bool(min(present.sum(), len(present) - present.sum()) >= LEAST_ROWS)
