"""Columns of customers that state who left: recognised by name, never taken for segments in silence."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

#: An AUC from which a column knows who left, and how many customers, leavers and stayers it takes to say so.
_KNOWS = 0.9
_FEWEST, _FEWEST_LEAVERS = 30, 5
#: Names, in snake case, of columns with the end of a subscription or a contract.
ENDS = re.compile(
    r"(^|_)(end|ends|ended|expiry|expires|expired|expiration|terminated|valid_to|valid_until)(_(date|at|on|day))?$"
)
_ZONE_BEHIND = re.compile(
    r"\s*[(\[]\s*((UTC|GMT)\s*([+-]\d{1,2}(:?\d{2})?)?|[A-Z][A-Za-z]+/[A-Za-z_/]+)\s*[)\]]\s*$"
)


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


def auc_of_groups(groups: pd.DataFrame) -> float:
    """How well the share of leavers of a customer's group tells who left.

    Parameters
    ----------
    groups : DataFrame
        ``n`` and ``ended`` of each group.
    """
    ordered = groups.assign(share=groups["ended"] / groups["n"]).sort_values("share")
    left, stayed = ordered["ended"].to_numpy(float), (ordered["n"] - ordered["ended"]).to_numpy(float)
    below = stayed.cumsum() - stayed
    # Mann-Whitney: pairs (leaver, stayer) in which the leaver's group ranks higher, ties half
    return float((left * (below + stayed / 2)).sum() / (left.sum() * stayed.sum()))


def know_who_left(groups: pd.DataFrame) -> bool:
    """Whether groups nearly all left or nearly all stayed: the column was filled in afterwards.

    Parameters
    ----------
    groups : DataFrame
        ``n`` and ``ended`` of each group. Fewer than 30 customers, or 5 leavers or stayers, tell nothing.

    Examples
    --------
    >>> know_who_left(pd.DataFrame({"n": [40, 20], "ended": [1, 20]}))
    True
    >>> know_who_left(pd.DataFrame({"n": [40, 20], "ended": [10, 10]}))
    False
    """
    n, ended = int(groups["n"].sum()), int(groups["ended"].sum())
    if len(groups) < 2 or n < _FEWEST or not _FEWEST_LEAVERS <= ended <= n - _FEWEST_LEAVERS:
        return False
    return auc_of_groups(groups) >= _KNOWS


def names_outcome(column: str) -> bool:
    """Whether a column's name says that it knows who left.

    Examples
    --------
    >>> names_outcome("Customer Status"), names_outcome("churn_label"), names_outcome("Plan")
    (True, True, False)
    """
    return re.search(status_words()["outcome_names"], snake(column)) is not None
