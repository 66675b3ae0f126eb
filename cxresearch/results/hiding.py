"""Why a number is hidden, in words."""

from __future__ import annotations

#: Below so many answers a cell is hidden.
SUPPRESS_BELOW = 5
#: Below this n a cell is flagged.
SMALL_BASE = 30
_PROTECTS = "hidden to protect a smaller group"


def why_hidden(n: int, n_effective: float | None = None) -> str:
    """Return the reason for hiding a cell of so many answers: it is small itself, or it protects one that is.

    Weighted or linked answers may be many and worth few; their effective number is NaN or None elsewhere.

    Examples
    --------
    >>> why_hidden(3), why_hidden(12)
    ('too few answers to show', 'hidden to protect a smaller group')
    >>> why_hidden(40, 2.3)
    'too few independent answers to show'
    """
    if n < SUPPRESS_BELOW:
        return "too few answers to show"
    if _worth_few(n_effective):
        return "too few independent answers to show"
    return _PROTECTS


def _worth_few(n_effective: float | None) -> bool:
    # A sum of weights that is 5 on paper may be 4.9999999999 in a double.
    return n_effective is not None and round(n_effective, 9) < SUPPRESS_BELOW


def hidden_mark(n: int, n_effective: float | None = None) -> str:
    """Return the same reason as a short mark in a picture, with n.

    Examples
    --------
    >>> hidden_mark(3), hidden_mark(12)
    ('too few to show, n 3', 'hidden for a smaller group, n 12')
    """
    mark = "hidden for a smaller group"
    if n < SUPPRESS_BELOW or _worth_few(n_effective):
        mark = "too few to show"
    return f"{mark}, n {n:,}"
