"""Names and values as they stand in a TOML file that is written for a person."""

from __future__ import annotations

import json


def key(name: str) -> str:
    """Return a TOML key."""
    plain = name.replace("_", "").replace("-", "")
    if plain.isalnum() and plain.isascii():
        return name
    return toml(name)


def toml(text: str) -> str:
    """Return a basic TOML string; JSON escapes are a subset of TOML's."""
    # DEL is allowed in JSON and not in TOML (TOML 1.0, strings).
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def printable(text: str) -> str:
    r"""Return a text that fits into one line of a comment.

    Examples
    --------
    >>> printable("nps\nevil = 1.csv")
    'nps evil = 1.csv'
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)
