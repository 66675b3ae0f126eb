"""Columns of customers that state who left: recognised by name, never taken for segments in silence."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

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


def names_outcome(column: str) -> bool:
    """Whether a column's name says that it knows who left.

    Examples
    --------
    >>> names_outcome("Customer Status"), names_outcome("churn_label"), names_outcome("Plan")
    (True, True, False)
    """
    return re.search(status_words()["outcome_names"], snake(column)) is not None
