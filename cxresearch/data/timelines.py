"""Times of many customers in one sorted array, asked at many moments at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.aliases import Floats

    Times = NDArray[np.int64]

DAY = 86_400
#: Seconds of 200 years: one customer's times never reach the next customer's.
_SPAN = 200 * 366 * DAY
#: Times count from here; a study holds none before 1901.
_ORIGIN = pd.Timestamp("1900-01-01")
NEVER = -1


def seconds(times: pd.Series) -> Times:
    """Return times as whole seconds since 1900; a missing one is never reached.

    Examples
    --------
    >>> seconds(pd.Series(pd.to_datetime(["1900-01-01 00:01", None]))).tolist()
    [60, 6324479999]
    """
    numbers = (times - _ORIGIN).dt.total_seconds().to_numpy(dtype=np.float64)
    return np.where(np.isnan(numbers), float(_SPAN - 1), numbers).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Things that happened to customers, sorted by customer and time.

    Attributes
    ----------
    key : ndarray of int, shape (m,)
        Customer times the span plus the second: sorted.
    values : ndarray, shape (m,)
        What happened, as a number.
    """

    key: Times
    values: Floats

    def __len__(self) -> int:
        """How many things happened."""
        return len(self.key)

    @property
    def customer(self) -> Times:
        """Code of the customer of each thing."""
        return self.key // _SPAN

    @property
    def moment(self) -> Times:
        """Second of each thing."""
        return self.key % _SPAN

    def last_before(self, customer: Times, moment: Times) -> Times:
        """Return the place of the last thing before each moment, or -1.

        Examples
        --------
        >>> line = timeline(np.array([0, 0, 1]), np.array([10, 20, 5]), np.array([1.0, 2.0, 3.0]))
        >>> line.last_before(np.array([0, 0, 1]), np.array([20, 21, 5])).tolist()
        [0, 1, -1]
        """
        place = np.searchsorted(self.key, customer * _SPAN + moment, side="left") - 1
        return np.where(self._belongs(place, customer), place, NEVER)

    def first_after(self, customer: Times, moment: Times) -> Times:
        """Return the place of the first thing after each moment, or -1."""
        place = np.searchsorted(self.key, customer * _SPAN + moment, side="right")
        return np.where(self._belongs(place, customer), place, NEVER)

    def count_between(self, customer: Times, after: Times, until: Times) -> Times:
        """Return how many things happened after one moment and until another, that one included."""
        low = np.searchsorted(self.key, customer * _SPAN + after, side="right")
        high = np.searchsorted(self.key, customer * _SPAN + until, side="right")
        return high - low

    def value_at(self, place: Times) -> Floats:
        """Return the values at places; NaN where nothing happened."""
        return self._taken(self.values, place)

    def time_at(self, place: Times) -> Floats:
        """Return the seconds at places; NaN where nothing happened."""
        return self._taken((self.key % _SPAN).astype(np.float64), place)

    def _belongs(self, place: Times, customer: Times) -> NDArray[np.bool_]:
        inside = (place >= 0) & (place < len(self.key))
        if not len(self.key):
            return inside
        owner = self.customer[np.clip(place, 0, len(self.key) - 1)]
        belongs: NDArray[np.bool_] = inside & (owner == customer)
        return belongs

    def _taken(self, numbers: Floats, place: Times) -> Floats:
        taken = np.full(len(place), np.nan)
        some = place != NEVER
        taken[some] = numbers[place[some]]
        return taken


def timeline(customer: Times, moment: Times, values: Floats) -> Timeline:
    """Sort things by customer and time; of things at one moment the later row stands last.

    Parameters
    ----------
    customer : ndarray of int, shape (m,)
        Codes from 0.
    moment : ndarray of int, shape (m,)
        Seconds; see `seconds`.
    values : ndarray, shape (m,)
    """
    key = customer * _SPAN + moment
    order = np.argsort(key, kind="stable")
    return Timeline(key=key[order], values=np.asarray(values, dtype=np.float64)[order])


def timeline_of(ids: pd.Index, rows: nw.LazyFrame[Any], time: str, value: str = "") -> Timeline:
    """Read rows of known customers with a known time; the value of each, or 1.

    Parameters
    ----------
    ids : Index
        Customers; the place of each is its code.
    rows : LazyFrame
        With ``customer_id``.
    time, value : str
        Columns.
    """
    columns = ["customer_id", time, *([value] if value else [])]
    happened = rows.filter(~nw.col("customer_id").is_null() & ~nw.col(time).is_null())
    frame = collect(happened.select(*columns))
    code = ids.get_indexer(pd.Index(frame["customer_id"]))
    named = code >= 0
    values = frame[value].to_numpy(dtype=np.float64) if value else np.ones(len(frame))
    return timeline(code[named].astype(np.int64), seconds(frame[time])[named], values[named])
