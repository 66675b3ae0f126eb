"""Who answers: the share of rows with an answer, by segment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.stats.intervals.proportions import wilson

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Places
    from cxresearch.data.landmarks.landmarks import Landmarks

#: A segment of more values than this is no list to read.
_MOST_VALUES = 12
_COLUMNS = ["segment", "value", "rows", "customers", "answered", "low", "high"]


def who_answers(marks: Landmarks, answered: Bools, *, codes: Places, level: float) -> pd.DataFrame:
    """Return the share of rows with an answer in each group of each segment.

    Parameters
    ----------
    marks : Landmarks
    answered : array of bool, shape (rows,)
    codes : array of int, shape (rows,)
        Customer of each row.
    level : float

    Returns
    -------
    DataFrame
        ``segment, value, rows, customers, answered, low, high``: Wilson's intervals at the effective number
        of rows. Groups of fewer than 5 customers and segments of more than 12 values are left out.
    """
    lines = [line for name in marks.segments for line in _segment(marks, name, answered, codes, level)]
    return pd.DataFrame(lines, columns=_COLUMNS)


def _segment(
    marks: Landmarks, name: str, answered: Bools, codes: Places, level: float
) -> Iterator[dict[str, Any]]:
    # A missing value is a group of its own.
    values = marks.frame[name].astype(object).where(marks.frame[name].notna(), "unknown").astype(str)
    groups = sorted(values.unique())
    if len(groups) > _MOST_VALUES:
        return
    for value in groups:
        member = (values == value).to_numpy()
        customer = codes[member]
        reply = answered[member].astype(np.float64)
        customers = len(np.unique(customer))
        if customers < SUPPRESS_BELOW:
            continue
        share = float(reply.mean())
        # Var p = sum over customers of (sum of their y - p)^2 / n^2, with G / (G - 1).
        sums = np.bincount(customer, weights=reply - share)
        variance = float((sums**2).sum()) / len(reply) ** 2 * customers / (customers - 1)
        # Kish: n_eff = p (1 - p) / Var p; the customers where the error is 0.
        effective = float(customers)
        if variance > 0:
            effective = share * (1 - share) / variance
        ends = wilson(share * effective, effective, level=level)
        yield {
            "segment": name,
            "value": value,
            "rows": len(reply),
            "customers": customers,
            "answered": share,
            "low": float(ends.low),
            "high": float(ends.high),
        }
