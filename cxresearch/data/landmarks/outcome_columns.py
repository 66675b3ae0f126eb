"""Columns of landmark rows that state the outcome: named, whatever they are called, and done without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.data.validation.outcome_names import names_outcome, tells_the_outcome

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cxresearch.data.landmarks.landmarks import Landmarks

#: A value of fewer customers than this says nothing about a column.
_FEWEST = 10
#: A number with more values than this is judged by its best single cut.
_MOST_VALUES = 50
#: Customers looked at, evenly spaced among more: a column that knows shows it in far fewer.
_MOST_CUSTOMERS = 100_000


def columns_that_know(marks: Landmarks, columns: Sequence[str] | None = None) -> dict[str, str]:
    """Name the columns that know who left, by their values or by their name.

    By values: guessing each value's more frequent outcome errs on less than a quarter as many customers as
    guessing the more frequent outcome of all (:func:`tells_the_outcome`), within the horizon or over the
    whole follow-up, for segments have no history. Each customer counts once, at the first row that knows the
    column; values of fewer than 10 customers count as one value; a number with more than 50 values is judged
    by its best single cut. Of more than 100,000 customers so many are looked at. By name: segments and
    features called status, churn label, reason of leaving.

    Parameters
    ----------
    marks : Landmarks
    columns : sequence of str, optional
        Which to look at; by default scores, features and segments.

    Returns
    -------
    dict of str to str
        Column to a sentence that says how it is known.

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.data.landmarks.landmarks import Landmarks
    >>> rows = {"customer_id": range(60), "duration_days": [30, 400, 400] * 20, "event": [1, 0, 0] * 20}
    >>> rows["state"] = ["gone", "here", "here"] * 20
    >>> marks = Landmarks.from_frame(pd.DataFrame(rows), instruments={}, segments=["state"], horizon_days=180)
    >>> columns_that_know(marks)
    {'state': 'state knows who left: its values tell leavers from stayers almost without error'}
    """
    require_landmarks(marks)
    if columns is None:
        columns = (*marks.instruments, *marks.features, *marks.segments)
    wanted = [name for name in dict.fromkeys(columns) if name in marks.frame.columns]
    needed = ["customer_id", "landmark_at", "duration_days", "event", *wanted]
    rows = _some_customers(marks.frame[list(dict.fromkeys(needed))])
    rows = rows.sort_values("landmark_at", kind="stable")
    first_rows = rows.drop_duplicates("customer_id")
    told = {}
    for name in wanted:
        if _by_values(rows, first_rows, name, float(marks.horizon_days)):
            told[name] = f"{name} knows who left: its values tell leavers from stayers almost without error"
        elif name not in marks.instruments and names_outcome(name):
            told[name] = f"{name} states the outcome by its name"
    return told


def _some_customers(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of evenly spaced customers where there are very many."""
    if len(frame) <= _MOST_CUSTOMERS:
        return frame
    place, customers = frame["customer_id"].factorize()
    chosen: pd.DataFrame = frame[place % -(-len(customers) // _MOST_CUSTOMERS) == 0]
    return chosen


def _by_values(frame: pd.DataFrame, first_rows: pd.DataFrame, name: str, horizon_days: float) -> bool:
    rows = first_rows
    if frame[name].dtype.kind in "fiu" and frame[name].isna().any():
        # The first row that knows the number; whether it is known at all is the alarms' question.
        rows = frame[frame[name].notna()].drop_duplicates("customer_id")
    if len(rows) < 2 * _FEWEST:
        return False
    value = _values(rows[name])
    over = rows["event"].to_numpy() > 0
    duration = rows["duration_days"].to_numpy(dtype=np.float64)
    within = over & (duration <= horizon_days)
    known = within | (duration >= horizon_days)
    everyone = np.ones(len(rows), dtype=bool)
    return _tells(value, over, everyone) or _tells(value, within, known)


def _values(column: pd.Series) -> NDArray[np.float64]:
    """Values as numbers; those of a category are numbered, a missing one among them."""
    import pandas as pd

    if column.dtype.kind in "fiu":
        return column.to_numpy(dtype=np.float64)
    return np.asarray(pd.factorize(column, use_na_sentinel=False)[0], dtype=np.float64)


def _tells(value: NDArray[np.float64], left: NDArray[np.bool_], known: NDArray[np.bool_]) -> bool:
    level, place = np.unique(value[known], return_inverse=True)
    customers = np.bincount(place, minlength=len(level))
    ended = np.bincount(place, weights=left[known], minlength=len(level)).astype(np.float64)
    if len(level) > _MOST_VALUES:
        return _tells_by_a_cut(customers.astype(np.float64), ended)
    # Rare values together are one, or many small groups would seem to know each of their few customers.
    rare = customers < _FEWEST
    joined = [customers[rare].sum(), *customers[~rare]], [ended[rare].sum(), *ended[~rare]]
    return tells_the_outcome(*joined)


def _tells_by_a_cut(customers: NDArray[np.float64], ended: NDArray[np.float64]) -> bool:
    """Whether one cut between two values of a fine scale parts leavers from stayers."""
    below = np.cumsum(customers)[:-1]
    left_below = np.cumsum(ended)[:-1]
    above = customers.sum() - below
    left_above = ended.sum() - left_below
    # Errors of guessing each side's more frequent outcome, at every cut.
    errors = np.minimum(left_below, below - left_below) + np.minimum(left_above, above - left_above)
    best = int(errors.argmin())
    return tells_the_outcome([below[best], above[best]], [left_below[best], left_above[best]])
