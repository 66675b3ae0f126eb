"""How values a customer typed, and names a user mistyped, appear in messages: short, printable, quoted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

_LONGEST = 40
#: A text that begins with one of these is run by one spreadsheet or another.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
_INVISIBLE = " \t\r\n\0\ufeff\u200b"
#: A delimiter of another spreadsheet, or a line end, and a formula behind it.
_INNER_FORMULA = re.compile(r"([;\t\r\n][\s\"\0\ufeff\u200b]*)(?=[=+\-@|%＝＋－＠])")


def shown(value: Any, longest: int = _LONGEST) -> str:
    """Return a value as a short quoted text without control characters.

    Examples
    --------
    >>> shown("eleven")
    "'eleven'"
    >>> shown("x" * 100, longest=10)
    "'xxxxxxxxx…'"
    """
    # A control character may move a terminal's cursor or colour; a space cannot.
    text = "".join(letter if letter.isprintable() else " " for letter in str(value)[: 4 * longest])
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return "'" + text.replace("'", "’") + "'"


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """Return the known name closest to a mistyped one, or an empty text if none is close.

    Examples
    --------
    >>> nearest("responded", ["responded_at", "score"])
    'responded_at'
    """
    names = {str(candidate).casefold(): str(candidate) for candidate in known}
    close = difflib.get_close_matches(str(name).casefold(), list(names), n=1, cutoff=likeness)
    if not close:
        return ""
    return names[close[0]]


def did_you_mean(name: str, known: Iterable[str], *, likeness: float = 0.6, otherwise: str = "") -> str:
    """Return the next step for a mistyped name: the known name it resembles, or what else to do.

    Examples
    --------
    >>> did_you_mean("responded", ["responded_at", "score"])
    "perhaps you meant 'responded_at'"
    >>> did_you_mean("qqq", ["score"], otherwise="look at the header of the file")
    'look at the header of the file'
    """
    candidate = nearest(name, known, likeness=likeness)
    return f"perhaps you meant {candidate!r}" if candidate else otherwise


def only_if(condition: object, text: str) -> str:
    """Return a text where a condition holds, else an empty one.

    Examples
    --------
    >>> only_if(2 > 1, "; so it is"), only_if([], "; never")
    ('; so it is', '')
    """
    if condition:
        return text
    return ""


def one_of(names: Iterable[Any], otherwise: str) -> str:
    """Return what is wanted where a name is wrong: one of those there are, or what to add if there are none.

    Examples
    --------
    >>> one_of(["nps"], "a section [instruments]"), one_of([], "a section [instruments]")
    ("one of 'nps'", 'a section [instruments]')
    """
    every = list(names)
    if every:
        return f"one of {listed(every)}"
    return otherwise


def listed(names: Iterable[Any], most: int = 12) -> str:
    """Return names separated by commas, the first few if they are many.

    Examples
    --------
    >>> listed(["a", "b"])
    "'a', 'b'"
    >>> listed(range(5), most=2)
    "'0', '1' and 3 more"
    """
    every = [shown(name) for name in names]
    text = ", ".join(every[:most])
    if len(every) > most:
        text += f" and {len(every) - most} more"
    return text


def inert_cell(value: Any) -> Any:
    """Return a value safe in a spreadsheet: text that a spreadsheet would run as a formula is quoted.

    Examples
    --------
    >>> inert_cell("=HYPERLINK(1)"), inert_cell("fine"), inert_cell(-3)
    ("'=HYPERLINK(1)", 'fine', -3)
    >>> print(inert_cell("a;=1+1"))
    a;'=1+1
    """
    if not isinstance(value, str):
        return value
    # Where ; or a tab parts cells, whatever stands behind one is the beginning of a cell.
    inner = _INNER_FORMULA.sub(r"\1'", value)
    if value.startswith(("\t", "\r", "\n")) or value.lstrip(_INVISIBLE).startswith(_FORMULA):
        return f"'{inner}"
    return inner
