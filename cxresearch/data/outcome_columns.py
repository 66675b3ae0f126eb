"""Columns that know who left: outcomes, which are never a segment and never a feature."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cxresearch.data.raw_names import snake

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Names under which exports state the outcome. `state` is not among them: it is mostly a place.
_OUTCOME = re.compile(
    r"(^|_)(churn\w*|attrition|exited|cancel\w*|terminat\w*|customer_status|account_status|subscription_status|"
    r"lifecycle\w*|is_active|active|inactive|lost|left|retained|reason_for_leaving|leaving_reason|exit_\w+)($|_)"
    r"|^status$|kundigung\w*|resilie|^baja($|_)"
)
#: A column tells leavers from stayers if it errs on less than this share of the rarer of the two.
_MOST_ERRORS = 0.25
_FEWEST = 5


def sounds_like_an_outcome(name: str) -> bool:
    """Whether a column is called as exports call what became of a customer.

    Examples
    --------
    >>> [sounds_like_an_outcome(name) for name in ("Churn Label", "Customer Status", "Contract", "state")]
    [True, True, False, False]
    """
    return _OUTCOME.search(snake(name)) is not None


def tells_the_outcome(customers: ArrayLike, ended: ArrayLike) -> bool:
    """Whether the values of a column tell who left, whatever the column is called.

    Parameters
    ----------
    customers, ended : array-like of int, shape (values,)
        Customers with each value, and those of them who left. A missing value counts as a value of its own.

    Returns
    -------
    bool
        True if guessing each value's more frequent outcome errs on less than a quarter as many customers as
        guessing the more frequent outcome of all: Goodman and Kruskal's lambda above 0.75
        (doi:10.1080/01621459.1954.10501231). With fewer than 5 leavers or stayers nothing is said.

    Examples
    --------
    >>> tells_the_outcome([60, 40], [1, 40]), tells_the_outcome([60, 40], [6, 17])
    (True, False)
    """
    n = np.asarray(customers, dtype=np.float64)
    left = np.asarray(ended, dtype=np.float64)
    rarer = min(left.sum(), n.sum() - left.sum())
    if rarer < _FEWEST or len(n) < 2:
        return False
    # lambda = 1 - (errors within the values) / (errors without the column)
    errors = np.minimum(left, n - left).sum()
    return bool(errors < _MOST_ERRORS * rarer)


def outcome_names(names: Iterable[str]) -> list[str]:
    """Return the names that sound like an outcome."""
    return [name for name in names if sounds_like_an_outcome(name)]
