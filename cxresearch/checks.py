"""One gate for arguments: each check returns the value in the type the code wants, or says what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

from cxresearch.errors import ArgumentError
from cxresearch.wording import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


def check_level(level: float) -> float:
    """Return a confidence level strictly between 0 and 1 (0.95, not 95 and not alpha = 0.05).

    Examples
    --------
    >>> check_level(0.95)
    0.95
    """
    # Below .5 it is nearly always alpha that was meant: an interval of 5 % would look wonderfully narrow.
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0.5 <= level < 1:
        raise ArgumentError(
            f"level is {level!r}", wanted="a confidence level such as 0.95, from 0.5 to below 1"
        )
    return float(level)


def check_number(
    name: str,
    value: float,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
) -> float:
    """Return a finite number within bounds; text and true or false are not read as numbers.

    Examples
    --------
    >>> check_number("margin", 0.02, above=0)
    0.02
    """
    bounds = []
    if above is not None:
        bounds.append(f"above {above}")
    if at_least is not None:
        bounds.append(f"at least {at_least}")
    if below is not None:
        bounds.append(f"below {below}")
    wanted = f"a finite number {' and '.join(bounds)}".rstrip()
    if not isinstance(value, (Real, Decimal)) or isinstance(value, bool):
        raise ArgumentError(f"{name} is {value!r}", wanted=wanted)
    try:
        number = float(value)
    except (OverflowError, ValueError):  # a whole number of 400 digits, a signalling NaN
        raise ArgumentError(f"{name} is {value!r}", wanted=wanted) from None
    # Infinity less infinity is NaN, and so is NaN less NaN: only a finite number gives 0.
    fits = (
        number - number == 0
        and (above is None or number > above)
        and (at_least is None or number >= at_least)
        and (below is None or number < below)
    )
    if not fits:
        raise ArgumentError(f"{name} is {value!r}", wanted=wanted)
    return number


def check_choice(name: str, value: str, choices: Collection[str]) -> str:
    """Return one of the named choices."""
    if value not in choices:
        raise ArgumentError(
            f"{name} is {value!r}",
            wanted="one of " + ", ".join(map(repr, choices)),
            next_step=did_you_mean(str(value), choices),
        )
    return value


def check_columns(name: str, columns: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names of columns: one name, several different ones, or none at all.

    Examples
    --------
    >>> check_columns("by", "plan"), check_columns("by", ["plan", "region"]), check_columns("by", None)
    (('plan',), ('plan', 'region'), ())
    """
    if columns is None:
        return ()
    if isinstance(columns, str):
        columns = (columns,)
    names = tuple(columns)
    # Grouped twice by one column a frame has two columns of one name, and pandas picks either.
    if len(set(names)) < len(names) or not all(isinstance(column, str) and column for column in names):
        raise ArgumentError(f"{name} is {columns!r}", wanted="names of different columns")
    return names


def as_numbers(
    name: str, values: ArrayLike, *, missing: bool = False, booleans: bool = False
) -> NDArray[np.float64]:
    """Return a one-dimensional float array.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    values : array-like, shape (n,)
        Lists, arrays and Series of pandas, Polars or PyArrow; None, NaN and NA count as missing.
    missing : bool
        Admit missing values (as NaN). Otherwise they are refused and the first position is named.
    booleans : bool
        Admit true and false as 1 and 0: for events, outcomes and flags, not for scores or amounts.

    Raises
    ------
    ArgumentError
        If the values are not numbers (dates, spans of time, complex numbers and text that looks like a number
        are none), not one-dimensional, infinite, or missing where that is not admitted.

    Examples
    --------
    >>> as_numbers("score", [9, None, 10], missing=True)
    array([ 9., nan, 10.])
    """
    import numpy as np
    import pandas as pd

    if hasattr(values, "to_pandas"):  # Polars and PyArrow columns
        values = values.to_pandas()
    values = _flat(name, values)
    try:
        series = pd.Series(values)
        # A category is a label, even one that looks like a number: as objects the values are judged.
        if isinstance(series.dtype, pd.CategoricalDtype):
            series = series.astype(object)
        _refuse_other_kinds(name, series, booleans=booleans)
        array = np.asarray(pd.to_numeric(series, errors="raise"), dtype=np.float64)
    except ArgumentError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_number(name, str(error)) from None
    if np.isinf(array).any():
        raise ArgumentError(f"{name} is infinite", where=f"position {int(np.argmax(np.isinf(array)))}")
    if not missing and np.isnan(array).any():
        raise ArgumentError(
            f"{name} has {int(np.isnan(array).sum())} missing values",
            where=f"first at position {int(np.argmax(np.isnan(array)))}",
            next_step="drop or model them; they are never filled in silently",
        )
    return array


def _refuse_other_kinds(name: str, series: pd.Series[Any], *, booleans: bool) -> None:
    """Refuse what ``to_numeric`` would turn into a number all the same: dates as nanoseconds, text, ..."""
    import numpy as np
    import pandas as pd

    kind = getattr(series.dtype, "kind", "O")
    if kind in "iuf":
        return
    if kind != "O":
        if kind != "b":
            raise _no_number(name, f"its type is {series.dtype}")
        if not booleans:
            raise _no_number(name, "true/false values")
        return
    # Objects one by one: a boolean among numbers is a boolean, whatever pandas would make of it.
    kinds = set(map(type, series))
    for other in kinds - {type(None), type(pd.NA)}:
        flag = issubclass(other, (bool, np.bool_))
        if (flag and not booleans) or not (flag or issubclass(other, (Real, Decimal))):
            at = next(place for place, value in enumerate(series) if type(value) is other)
            raise _no_number(name, f"{series.iloc[at]!r}", where=f"position {at}")


def _no_number(name: str, what: str, *, where: str = "") -> ArgumentError:
    return ArgumentError(
        f"{name} holds something that is not a number: {what}",
        where=where,
        wanted="numbers",
        next_step="convert or drop these values first; nothing is guessed",
    )


def _flat(name: str, values: Any) -> Any:
    import numpy as np

    if np.ndim(values) != 1:
        raise ArgumentError(
            f"{name} has {np.ndim(values)} dimensions", wanted="one dimension: an array or a column"
        )
    return values


def check_same_length(**arrays: Any) -> int:
    """Return the common length of the named arrays; None values are passed over."""
    lengths = {name: len(values) for name, values in arrays.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise ArgumentError(
            "lengths differ: " + ", ".join(f"{name} {size:,}" for name, size in lengths.items()),
            wanted="one value for each row in every array",
        )
    return next(iter(lengths.values()))
