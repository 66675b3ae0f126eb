"""Columns of frames in memory, by the names that people write: case is forgiven, a mistyped name answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect, lazy
from cxresearch.errors import ArgumentError
from cxresearch.wording import did_you_mean, listed


def spelled_column(name: str, columns: Iterable[str], *, what: str = "column") -> str:
    """Return a column as the frame spells it.

    Parameters
    ----------
    name : str
        As it was asked for.
    columns : iterable of str
        Those of the frame.
    what : str
        What is asked for, for the message.

    Raises
    ------
    ArgumentError
        If no column, or none but for case, has this name; the message names the nearest.

    Examples
    --------
    >>> spelled_column("nps", ["customer_id", "NPS"])
    'NPS'
    """
    known = [str(column) for column in columns]
    if name in known:
        return name
    alike = [column for column in known if column.casefold() == str(name).casefold()]
    # Two columns that differ in case only are two columns: none of them is meant for sure.
    if len(alike) == 1:
        return alike[0]
    raise ArgumentError(
        f"{what} {name!r} is not in the frame",
        wanted=f"one of {listed(known)}",
        next_step=did_you_mean(str(name), known),
    )


def columns_of_frame(frame: Any) -> list[str]:
    """Return the column names of a frame of any engine."""
    return [str(name) for name in lazy(frame).collect_schema().names()]


def one_column(frame: Any, name: str, *, what: str = "column") -> pd.Series[Any]:
    """Return one column of a frame of any engine, as values in memory.

    Raises
    ------
    ArgumentError
        If there is no such column.

    Examples
    --------
    >>> one_column(pd.DataFrame({"NPS": [9, 10]}), "nps").tolist()
    [9, 10]
    """
    column = spelled_column(name, columns_of_frame(frame), what=what)
    values: pd.Series[Any] = collect(lazy(frame).select(nw.col(column)))[column]
    return values
