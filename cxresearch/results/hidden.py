"""Why a number is hidden, in words."""

from __future__ import annotations

#: Below so many answers a cell is hidden.
SUPPRESS_BELOW = 5


def why_hidden(n: int) -> str:
    """Return the reason for hiding a cell of so many answers: it is small itself, or it protects one that is.

    Examples
    --------
    >>> why_hidden(3), why_hidden(12)
    ('too few answers to show', 'hidden to protect a smaller group')
    """
    return "too few answers to show" if n < SUPPRESS_BELOW else "hidden to protect a smaller group"


def hidden_mark(n: int) -> str:
    """Return the same reason as a short mark in a picture, with n.

    Examples
    --------
    >>> hidden_mark(3), hidden_mark(12)
    ('too few to show, n 3', 'hidden for a smaller group, n 12')
    """
    return f"{'too few to show' if n < SUPPRESS_BELOW else 'hidden for a smaller group'}, n {n:,}"
