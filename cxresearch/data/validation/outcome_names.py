"""Columns of customers that state who left: recognised by name, never taken for segments in silence."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

#: A column tells leavers from stayers if it errs on less than this share of the rarer of the two.
_MOST_ERRORS = 0.25
_FEWEST = 5
#: Names, in snake case, of columns with the end of a subscription or a contract.
ENDS = re.compile(
    r"(^|_)(end|ends|ended|expiry|expires|expired|expiration|terminated|valid_to|valid_until)(_(date|at|on|day))?$"
)
_ZONE_BEHIND = re.compile(
    r"\s*[(\[]\s*((UTC|GMT)\s*([+-]\d{1,2}(:?\d{2})?)?|[A-Z][A-Za-z]+/[A-Za-z_/]+)\s*[)\]]\s*$"
)


@lru_cache(maxsize=10_000)
def snake(name: str) -> str:
    """Return a raw name in snake case, without accents and without a zone in brackets behind it.

    Examples
    --------
    >>> snake("RecordedDate"), snake("Sign-up date"), snake("Début"), snake("Created (UTC)")
    ('recorded_date', 'sign_up_date', 'debut', 'created')
    >>> snake("Conversation started at (America/New_York)")
    'conversation_started_at'
    """
    name = _ZONE_BEHIND.sub("", name)
    # NFKD parts a letter from its accent: "é" becomes "e" and U+0301, which is dropped.
    decomposed = unicodedata.normalize("NFKD", name)
    letters = (letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    bare = unicodedata.normalize("NFC", "".join(letters))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare)
    return re.sub(r"[\W_]+", "_", spaced.lower()).strip("_")


@cache
def status_words() -> Mapping[str, Any]:
    """Return the words of ``status_words.toml``: how lists say that a customer left or is there."""
    text = resources.files("cxresearch.data.validation").joinpath("status_words.toml").read_text("utf-8")
    return tomllib.loads(text)


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
    # Guessing the majority within each value errs on min(left, stayed) (Goodman and Kruskal 1954).
    errors = np.minimum(left, n - left).sum()
    return bool(errors < _MOST_ERRORS * rarer)


def names_outcome(column: str) -> bool:
    """Whether a column's name says that it knows who left.

    Examples
    --------
    >>> names_outcome("Customer Status"), names_outcome("churn_label"), names_outcome("Plan")
    (True, True, False)
    """
    return re.search(status_words()["outcome_names"], snake(column)) is not None
